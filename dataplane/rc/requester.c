/* SPDX-License-Identifier: BSD-3-Clause */
/* The sending half: which packet goes next, and what the peer's ACKs and NAKs do to that. Loss
 * recovery is go-back-N: everything from the reported packet on is sent again, unless an ACK shows
 * that the peer has it. */
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

bool
rc_requester_ready(const struct rc_qp *qp)
{
	return qp->snd != qp->nxt && qp->rnr_until.ns == UINT64_MAX &&
	       (uint32_t)psn_diff(qp->snd, qp->una) < rc_window(qp) && state_may_leave(qp) &&
	       (qp->read_runs == 0 || rc_read_may_leave(qp)) &&
	       (!qp->credit_limited || rc_credit_may_leave(qp));
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
	    !(qp->credit_limited && psn_diff(qp->at_number, qp->credit_limit) > 0))
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

void
rc_requester_emit(
    struct rc_qp *qp, struct roce_tx *out, struct rc_chunk *chunk, struct san_time now)
{
	uint32_t packets = rc_runs_next(qp, chunk);
	uint8_t kind = chunk->run->kind;

	chunk->again = qp->snd != qp->high;
	out->opcode = opcode_of(chunk);
	out->se = chunk->run->se && chunk->offset + chunk->len == chunk->run->len;
	out->ackreq = ackreq_due(qp, kind);
	out->becn = false;
	out->inline_len = 0;
	out->seg_count = 0;
	out->dest_qp = qp->peer_qpn;
	out->psn = qp->snd;
	out->ext.va = 0;
	out->ext.rkey = 0;
	out->ext.dma_len = kind == RC_READ ? chunk->len : chunk->run->len;
	qp->reads_out += rc_kind_answered(kind);
	qp->counters.tx_requests++;
	qp->counters.tx_repeats += chunk->again;
	rc_rto_sent(qp, chunk->again, out->ackreq, now);
	qp->snd = psn_add(qp->snd, packets);
	if (!chunk->again)
		qp->high = qp->snd;
}

void
rc_requester_rewind(struct rc_qp *qp)
{
	qp->snd = qp->una;
	qp->since_ackreq = 0;
	qp->reads_out = 0;
	qp->timing = false; /* an answer could be to either copy */
	rc_runs_seek(qp, qp->snd);
}

void
rc_requester_stop(struct rc_qp *qp)
{
	qp->snd = qp->una;
	qp->reads_out = 0;
	rc_rto_stop(qp);
}

/* Everything before `behind` has arrived; una < behind <= high. */
void
rc_requester_acked(struct rc_qp *qp, uint32_t behind, struct san_time now)
{
	const struct cc_ack ack = {
	    .packets = (uint32_t)psn_diff(behind, qp->una),
	    .in_flight = rc_in_flight(qp),
	    .marked = qp->marked,
	};

	qp->counters.cc_slowed += cc_acked(&qp->cc, &ack, now);
	qp->marked = false;
	qp->una = behind;
	/* After going back: the peer had kept, or now got, what was about to be repeated. */
	if (psn_diff(qp->snd, behind) < 0) {
		qp->snd = behind;
		rc_runs_seek(qp, behind);
	}
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

void
rc_requester_receive(
    struct rc_qp *qp, const struct roce_pkt *p, struct san_time now, struct rc_in *in)
{
	uint8_t syndrome = p->ext.syndrome, type = syndrome & 0xe0;
	bool ack = type == 0, known = ack || type == AETH_RNR || type == 0x60, reached;
	/* An ACK names the last packet that arrived, a NAK the first that did not. */
	uint32_t behind = ack ? psn_add(p->psn, 1) : p->psn;

	if (ack)
		rc_rto_acked(qp, p->psn, now);
	if (!known || psn_diff(behind, qp->una) < (ack ? 1 : 0) || psn_diff(behind, qp->high) > 0) {
		qp->counters.rx_acks_stale++;
		return;
	}
	in->valid = true;
	reached = rc_requester_reached(qp, behind, now, in);
	if (ack) {
		qp->counters.rx_acks++;
	} else if (syndrome == AETH_NAK_SEQ) {
		if (reached)
			qp->counters.rx_naks_seq += go_back(qp, now);
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
