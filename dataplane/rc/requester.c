/* SPDX-License-Identifier: BSD-3-Clause */
/* The sending half: which packet goes next, and what the peer's ACKs and NAKs do to that. What is
 * missing at a peer that keeps what came behind it is sent again alone (board.c has the account);
 * to others everything from there on is (go-back-N). A peer we agreed on nothing with is tried: it
 * gets the missing packet, and its answer tells which kind it is. */
#include "rc.h"

#include "rc_priv.h"
#include "san_err.h"

/* While draining only what was begun, or sent before, may leave. */
static bool
state_may_leave(const struct rc_qp *qp)
{
	if (qp->state == RC_STATE_RTS)
		return true;
	return rc_may(qp, RC_MAY_ASK) && (qp->at_packet != 0 || qp->snd != qp->high);
}

/* Something that was sent before leaves again. The oldest always may: nothing moves without it. */
static bool
again_ready(const struct rc_qp *qp)
{
	const struct rc_board *b = qp->board;

	if (b == NULL || b->todo_count == 0 || qp->probing != 0)
		return qp->tail_due;
	return rc_in_flight(qp) < rc_window(qp) || psn_set_has(&b->todo, b->base);
}

/* What comes next leaves: for the first time, or again after going back. */
static bool
next_ready(const struct rc_qp *qp)
{
	if (qp->snd == qp->nxt || rc_in_flight(qp) >= rc_window(qp) || !state_may_leave(qp))
		return false;
	/* The peer keeps nothing that is too far ahead. */
	if (qp->board != NULL &&
	    (rc_held(qp) || psn_diff(qp->snd, qp->board->base) >= (int32_t)RC_EARLY_MAX))
		return false;
	return (qp->read_runs == 0 || rc_read_may_leave(qp)) &&
	       (!qp->credit_limited || rc_credit_may_leave(qp));
}

bool
rc_requester_ready(const struct rc_qp *qp)
{
	if (qp->rnr_until.ns != UINT64_MAX)
		return false;
	return next_ready(qp) || (rc_may(qp, RC_MAY_ASK) && again_ready(qp));
}

/* An ACK is asked for with the last packet there is, and every so often before: several times per
 * window, so that a full window never waits for an ACK nobody asked for. What is answered anyway
 * asks too, as everybody does it. */
static bool
ackreq_due(struct rc_qp *qp, uint8_t kind)
{
	uint32_t often = rc_window(qp) / 4;

	if (often > RC_ACKREQ_PACKETS)
		often = RC_ACKREQ_PACKETS;
	if (!rc_kind_answered(kind) && ++qp->since_ackreq < often &&
	    psn_add(qp->snd, 1) != qp->nxt && qp->state == RC_STATE_RTS &&
	    !(qp->credit_limited && rc_credit_beyond(qp) > 0))
		return false;
	qp->since_ackreq = 0;
	return true;
}

static uint8_t
opcode_of(const struct rc_chunk *c)
{
	/* Where in its message a packet is: only, last, first, middle. */
	static const uint8_t opcodes[RC_KIND_COUNT][4] = {
	    [RC_SEND] = {ROCE_RC_SEND_ONLY, ROCE_RC_SEND_LAST, ROCE_RC_SEND_FIRST,
		ROCE_RC_SEND_MIDDLE},
	    [RC_SEND_IMM] = {ROCE_RC_SEND_ONLY_IMM, ROCE_RC_SEND_LAST_IMM, ROCE_RC_SEND_FIRST,
		ROCE_RC_SEND_MIDDLE},
	    [RC_SEND_INV] = {ROCE_RC_SEND_ONLY_INV, ROCE_RC_SEND_LAST_INV, ROCE_RC_SEND_FIRST,
		ROCE_RC_SEND_MIDDLE},
	    [RC_WRITE] = {ROCE_RC_WRITE_ONLY, ROCE_RC_WRITE_LAST, ROCE_RC_WRITE_FIRST,
		ROCE_RC_WRITE_MIDDLE},
	    [RC_WRITE_IMM] = {ROCE_RC_WRITE_ONLY_IMM, ROCE_RC_WRITE_LAST_IMM, ROCE_RC_WRITE_FIRST,
		ROCE_RC_WRITE_MIDDLE},
	    [RC_READ] = {ROCE_RC_READ_REQ, ROCE_RC_READ_REQ, ROCE_RC_READ_REQ, ROCE_RC_READ_REQ},
	    [RC_CMP_SWAP] = {ROCE_RC_CMP_SWAP},
	    [RC_FETCH_ADD] = {ROCE_RC_FETCH_ADD},
	    [RC_PROBE] = {ROCE_RC_WRITE_ONLY, ROCE_RC_WRITE_LAST, ROCE_RC_WRITE_FIRST,
		ROCE_RC_WRITE_MIDDLE},
	};
	unsigned more = c->offset + c->len != c->run->len, inside = c->offset != 0;

	return opcodes[c->run->kind][more * 2 + inside];
}

static void
packet_fill(struct rc_qp *qp, struct roce_tx *out, const struct rc_chunk *chunk, uint32_t psn)
{
	out->opcode = opcode_of(chunk);
	out->se = chunk->run->se && chunk->offset + chunk->len == chunk->run->len;
	out->becn = false;
	out->inline_len = 0;
	out->seg_count = 0;
	out->dest_qp = qp->peer_qpn;
	out->psn = psn;
	out->ext.va = 0;
	out->ext.rkey = 0;
	out->ext.dma_len = chunk->run->kind == RC_READ ? chunk->len : chunk->run->len;
	qp->counters.tx_requests++;
	qp->counters.tx_repeats += chunk->again;
	/* A question for the tail is no repeat, but may be counted as one by the peer. */
	if (chunk->again && (!qp->tail_due || qp->repeats != 0))
		qp->repeats++;
}

/* The last packet, as long as it asks for no more than an ACK. */
static uint32_t
tail_psn(struct rc_qp *qp)
{
	uint32_t psn = psn_add(qp->high, PSN_MASK), index, at;
	const struct rc_run *r = rc_runs_find(qp, psn, &index, &at);

	return r == NULL || rc_kind_answered(r->kind) ? qp->una : psn;
}

static void
again_emit(struct rc_qp *qp, struct roce_tx *out, struct rc_chunk *chunk, struct san_time now)
{
	uint32_t psn = qp->tail_due ? tail_psn(qp) : rc_board_next(qp);
	uint32_t packets = rc_runs_chunk(qp, psn, chunk);

	chunk->again = true;
	packet_fill(qp, out, chunk, psn);
	out->ackreq = true;
	if (qp->tail_due) {
		qp->timing = false; /* an answer could be to either copy */
	} else {
		rc_board_sent(qp, psn, packets, now);
		rc_rto_restart(qp, now);
	}
	qp->tail_due = false;
}

static void
next_emit(struct rc_qp *qp, struct roce_tx *out, struct rc_chunk *chunk, struct san_time now)
{
	uint32_t packets = rc_runs_next(qp, chunk);
	uint8_t kind = chunk->run->kind;

	chunk->again = qp->snd != qp->high;
	packet_fill(qp, out, chunk, qp->snd);
	out->ackreq = ackreq_due(qp, kind);
	qp->reads_out += rc_kind_answered(kind);
	rc_rto_sent(qp, chunk->again, out->ackreq, now);
	qp->snd = psn_add(qp->snd, packets);
	if (!chunk->again)
		qp->high = qp->snd;
}

void
rc_requester_emit(
    struct rc_qp *qp, struct roce_tx *out, struct rc_chunk *chunk, struct san_time now)
{
	if (again_ready(qp))
		again_emit(qp, out, chunk, now);
	else
		next_emit(qp, out, chunk, now);
}

void
rc_requester_rewind(struct rc_qp *qp)
{
	rc_board_end(qp);
	qp->tail_due = false;
	qp->snd = qp->una;
	qp->since_ackreq = 0;
	qp->reads_out = 0;
	qp->timing = false; /* an answer could be to either copy */
	rc_runs_seek(qp, qp->snd);
}

void
rc_requester_resume(struct rc_qp *qp)
{
	if (qp->rnr_until.ns != UINT64_MAX)
		return; /* the peer has no use for what was sent */
	qp->probing = 0;
	if (qp->snd == qp->high)
		return;
	qp->snd = qp->high;
	rc_runs_seek(qp, qp->snd);
	qp->reads_out = rc_reads_sent(qp);
}

void
rc_requester_tail(struct rc_qp *qp)
{
	qp->counters.tail_probes++;
	if (qp->board != NULL)
		rc_board_retry(qp);
	else
		qp->tail_due = true;
}

void
rc_requester_stop(struct rc_qp *qp)
{
	rc_board_end(qp);
	qp->tail_due = false;
	qp->snd = qp->una;
	qp->reads_out = 0;
	rc_rto_stop(qp);
}

/* After going back: the peer had kept, or now got, what was about to be repeated. */
static void
skip_ahead(struct rc_qp *qp)
{
	if (psn_diff(qp->snd, qp->una) >= 0) {
		/* Every answer lets twice as much leave as the one before. */
		if (qp->probing != 0 && qp->snd != qp->high &&
		    qp->probing < qp->params.window_packets)
			qp->probing = (uint16_t)(qp->probing * 2);
		else
			qp->probing = 0;
		return;
	}
	if (qp->probing != 0)
		rc_requester_resume(qp); /* it was not lost: the answers were, or are late */
	if (psn_diff(qp->snd, qp->una) < 0) {
		qp->snd = qp->una;
		rc_runs_seek(qp, qp->una);
	}
}

/* Everything before `behind` has arrived; una < behind <= high. */
void
rc_requester_acked(struct rc_qp *qp, uint32_t behind, struct san_time now)
{
	uint32_t told = qp->board == NULL ? 0 : rc_board_reached(qp, behind, now);
	const struct cc_ack ack = {
	    .packets = (uint32_t)psn_diff(behind, qp->una) - told,
	    .in_flight = rc_in_flight(qp),
	    .marked = qp->marked,
	};

	qp->counters.cc_slowed += cc_acked(&qp->cc, &ack, now);
	qp->marked = false;
	qp->una = behind;
	skip_ahead(qp);
	rc_rto_progress(qp, now);
}

/* Something is missing from `una` on. It may be reported several times (behind an RNR NAK it always
 * is); going back once is enough. */
static bool
go_back(struct rc_qp *qp, struct san_time now)
{
	if (qp->nak_taken || qp->rnr_until.ns != UINT64_MAX || qp->una == qp->high) {
		qp->counters.rx_acks_stale++;
		return false;
	}
	qp->nak_taken = true;
	qp->counters.cc_slowed += cc_lost(&qp->cc, 1, now);
	rc_undo_open(qp);
	rc_requester_rewind(qp);
	rc_rto_restart(qp, now);
	return true;
}

bool
rc_requester_reached(struct rc_qp *qp, uint32_t behind, struct san_time now, struct rc_in *in)
{
	uint32_t reach = qp->read_runs == 0 ? behind : rc_runs_reach(qp, behind);

	if (reach != qp->una) {
		rc_requester_acked(qp, reach, now);
		in->acked = true;
	}
	if (reach == behind)
		return true;
	qp->counters.rx_lost_responses += go_back(qp, now);
	return false;
}

static void
nak_rnr(struct rc_qp *qp, uint8_t code, struct san_time now)
{
	if (qp->rnr_until.ns != UINT64_MAX || qp->una == qp->high) {
		qp->counters.rx_acks_stale++;
		return;
	}
	qp->counters.rx_naks_rnr++;
	if (qp->params.rnr_retry != 7 && qp->rnr_retries++ >= qp->params.rnr_retry) {
		qp->fatal = AETH_RNR | code;
		rc_fail(qp, SAN_ECONNRESET);
		return;
	}
	rc_requester_rewind(qp);
	rc_rto_stop(qp);
	qp->progress_at = now; /* not progress, but proof of life */
	qp->rnr_until = san_time_add(now, (struct san_duration){rc_rnr_ns(code)});
}

/* The peer did not say what it has behind the missing packet, was sent that one, and now stands at
 * `behind`. True: there it stops, so it dropped what followed. */
static bool
hole_answered(struct rc_qp *qp, uint32_t behind, bool ack)
{
	const struct rc_board *b = qp->board;
	bool agreed = (qp->features & RC_FEATURE_SACK) != 0;

	if (b == NULL || !b->blind || b->todo_count != 0 || psn_diff(behind, b->base) <= 0)
		return false;
	if (behind != psn_add(b->base, 1)) {
		qp->peer_keeps |= !agreed;
		return false;
	}
	if (qp->peer_keeps)
		return false;
	qp->peer_drops |= ack && !agreed;
	return true;
}

/* The peer misses `una`. */
static void
nak_sequence(struct rc_qp *qp, struct san_time now)
{
	uint32_t index, at;
	const struct rc_run *r;

	if (qp->una == qp->high || qp->rnr_until.ns != UINT64_MAX) {
		qp->counters.rx_acks_stale++;
		return;
	}
	r = rc_runs_find(qp, qp->una, &index, &at);
	/* The answer to a READ does not tell whether what followed was dropped. */
	if (qp->peer_drops || qp->snd != qp->high ||
	    (qp->board == NULL && !qp->peer_keeps && (r == NULL || rc_kind_answered(r->kind))) ||
	    !rc_board_gap(qp, qp->una, now)) {
		qp->counters.rx_naks_seq += go_back(qp, now);
		return;
	}
	qp->counters.rx_naks_seq++;
	qp->probing = 0;
}

/* What came beyond the first missing one, `behind`. */
static void
sack_received(struct rc_qp *qp, uint32_t behind, const struct sack *sack, struct san_time now)
{
	const struct rc_board *b;
	struct cc_ack ack = {.in_flight = rc_in_flight(qp), .marked = qp->marked};

	rc_undo_told(qp, sack->duplicates, now);
	if (qp->rnr_until.ns != UINT64_MAX)
		return; /* it keeps what follows, but wants us to wait */
	ack.packets = rc_board_told(qp, behind, sack, now);
	if (ack.packets == 0)
		return;
	rc_requester_resume(qp);
	b = qp->board;
	if (qp->timing && b != NULL && psn_diff(qp->timed_psn, b->base) > 0 &&
	    psn_diff(qp->timed_psn, b->top) < 0 && psn_set_has(&b->have, qp->timed_psn))
		rc_rto_acked(qp, qp->timed_psn, now);
	qp->counters.cc_slowed += cc_acked(&qp->cc, &ack, now);
	qp->marked = false;
	rc_rto_heard(qp, now);
}

static bool
sack_of(const struct rc_qp *qp, const struct roce_pkt *p, struct sack *out)
{
	return p->payload_len != 0 && (qp->features & RC_FEATURE_SACK) != 0 &&
	       sack_decode(p->payload, p->payload_len, out);
}

/* What else than where it stands the peer says. `reached`: all before is answered. */
static void
syndrome_received(struct rc_qp *qp, uint8_t syndrome, bool reached, struct san_time now)
{
	uint8_t type = syndrome & 0xe0;

	if (type == 0) {
		qp->counters.rx_acks++;
	} else if (syndrome == AETH_NAK_SEQ) {
		if (reached)
			nak_sequence(qp, now);
	} else if (type == AETH_RNR) {
		if (reached)
			nak_rnr(qp, syndrome & 0x1f, now);
	} else if (type == 0x60 && qp->una != qp->high) {
		qp->counters.rx_naks_fatal++;
		qp->fatal = syndrome;
		rc_fail(qp, SAN_ECONNRESET);
	} else {
		qp->counters.rx_acks_stale++;
	}
}

void
rc_requester_receive(
    struct rc_qp *qp, const struct roce_pkt *p, struct san_time now, struct rc_in *in)
{
	uint8_t type = p->ext.syndrome & 0xe0;
	bool ack = type == 0, known = ack || type == AETH_RNR || type == 0x60;
	bool old, reached, told, dropped;
	/* An ACK names the last packet that arrived, a NAK the first that did not. */
	uint32_t behind = ack ? psn_add(p->psn, 1) : p->psn;
	struct sack sack;

	if (ack)
		rc_rto_acked(qp, p->psn, now);
	old = psn_diff(behind, qp->una) < (ack ? 1 : 0);
	told = sack_of(qp, p, &sack);
	if (!known || (old && !told) || psn_diff(behind, qp->high) > 0) {
		qp->counters.rx_acks_stale++;
		return;
	}
	in->valid = true;
	dropped = hole_answered(qp, behind, ack);
	reached = old || rc_requester_reached(qp, behind, now, in);
	if (told)
		sack_received(qp, behind, &sack, now);
	if (dropped && qp->board == NULL) {
		rc_requester_rewind(qp);
		qp->nak_taken = true;
	}
	if (!old)
		syndrome_received(qp, p->ext.syndrome, reached, now);
}
