/* SPDX-License-Identifier: BSD-3-Clause */
/* What the peer says about our requests: ACKs, NAKs, what it has beyond a gap. What is missing at a
 * peer that keeps what came behind it is sent again alone (board.c has the account); to others
 * everything from there on is (go-back-N). A peer we agreed on nothing with is tried: it gets the
 * missing packet, and its answer tells which kind it is. */
#include "rc.h"

#include "rc_priv.h"
#include "san_err.h"

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
rc_reply_reached(struct rc_qp *qp, uint32_t behind, struct san_time now, struct rc_in *in)
{
	uint32_t reach = qp->read_runs == 0 ? behind : rc_runs_reach(qp, behind);

	if (reach != qp->una) {
		rc_requester_acked(qp, reach, now);
		in->acked = true;
	}
	if (reach == behind)
		return true;
	if (!rc_board_unanswered(qp, behind))
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
	if (qp->peer_drops || qp->snd != qp->high || (qp->board != NULL && qp->board->answers) ||
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
rc_reply_receive(struct rc_qp *qp, const struct roce_pkt *p, struct san_time now, struct rc_in *in)
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
	reached = old || rc_reply_reached(qp, behind, now, in);
	if (told && reached)
		sack_received(qp, behind, &sack, now);
	rc_board_heard(qp, now);
	if (dropped && qp->board == NULL) {
		rc_requester_rewind(qp);
		qp->nak_taken = true;
	}
	/* Behind the missing answer more is missing, or unwelcome. */
	if (!reached && !ack)
		go_back(qp, now);
	if (!old)
		syndrome_received(qp, p->ext.syndrome, reached, now);
}
