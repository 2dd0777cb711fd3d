/* SPDX-License-Identifier: BSD-3-Clause */
/* The sending half: which packet goes next, and where it stands in the requests: una, snd, high. */
#include "rc.h"

#include "rc_priv.h"

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
	if (qp->snd == qp->nxt && qp->board == NULL && !qp->tail_due)
		return false; /* mostly */
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

/* Where a request for the missing answer `psn` begins. Who takes a repeated READ as the new
 * beginning of what may be asked for, as Linux does, must not be asked for the second hole before
 * the first one is filled. */
static uint32_t
hole_begin(struct rc_qp *qp, uint32_t psn)
{
	uint32_t index, at, first;
	const struct rc_run *r = rc_runs_find(qp, psn, &index, &at);

	if (!qp->board->answers || r->kind != RC_READ || (qp->features & RC_FEATURE_SACK) != 0)
		return psn;
	first = psn_add(psn, PSN_MASK + 1 - at % qp->read_packets);
	if (psn_diff(first, qp->una) < 0)
		first = qp->una;
	while (psn_set_has(&qp->board->have, first))
		first = psn_add(first, 1);
	return first;
}

static void
again_emit(struct rc_qp *qp, struct roce_tx *out, struct rc_chunk *chunk, struct san_time now)
{
	uint32_t psn = qp->tail_due ? tail_psn(qp) : hole_begin(qp, rc_board_next(qp));
	uint32_t all = rc_runs_chunk(qp, psn, chunk),
		 packets = all == 1 || qp->tail_due ? all : rc_board_hole(qp, psn, all);

	if (packets != all)
		chunk->len = packets * qp->pmtu;
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
skip_ahead(struct rc_qp *qp, struct san_time now)
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
	/* It was not lost: the answers were, or are late. Who counts what comes twice tells. */
	if (qp->probing != 0 && !qp->peer_keeps && (qp->features & RC_FEATURE_SACK) == 0 &&
	    rc_rto_absent(qp, now))
		rc_undo(qp, now);
	else if (qp->probing != 0)
		rc_requester_resume(qp);
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
	skip_ahead(qp, now);
	rc_rto_progress(qp, now);
}
