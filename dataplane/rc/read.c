/* SPDX-License-Identifier: BSD-3-Clause */
/* READs and atomics of ours: when one may leave, and what its answer means. A READ takes a PSN for
 * every packet of its answer, and `una` moves through them like through packets sent; what comes
 * beyond a gap is kept, and a READ of what is missing sent, or, where nothing can be kept, of all
 * from `una` on. A long READ is asked for in parts
 * with fixed ends: what is asked for again never reaches further than what was asked for before. */
#include "rc.h"

#include "rc_priv.h"
#include "san_err.h"

/* Packets from `at` to the end of the part it lies in. */
uint32_t
rc_read_part(const struct rc_qp *qp, const struct rc_run *r, uint32_t at)
{
	uint32_t part = qp->read_packets - at % qp->read_packets,
		 rest = rc_message_packets(qp, r->len) - at;

	return part < rest ? part : rest;
}

/* READ requests of a run whose first packet is below `at`, counted from the run's. */
static uint32_t
requests_begun(const struct rc_qp *qp, const struct rc_run *r, uint32_t at)
{
	uint32_t packets = rc_message_packets(qp, r->len), part = qp->read_packets;

	return at / packets * ((packets + part - 1) / part) + (at % packets + part - 1) / part;
}

/* How many requests are on their way, if all that was ever sent is. */
uint8_t
rc_reads_sent(struct rc_qp *qp)
{
	uint32_t i, start = 0, una = psn_span(qp->una, qp->run_psn),
		    high = psn_span(qp->high, qp->run_psn), n = 0;

	for (i = 0; qp->read_runs != 0 && i < qp->run_count && start < high; i++) {
		const struct rc_run *r = rc_runs_at(qp, i);
		uint32_t end = start + rc_message_packets(qp, r->len) * r->count;

		if (rc_kind_answered(r->kind) && end > una) {
			uint32_t to = (end < high ? end : high) - start;

			n += requests_begun(qp, r, to);
			/* The one that is being answered is on its way still. */
			if (una > start)
				n -= requests_begun(qp, r, una - start + 1) - 1;
		}
		start = end;
	}
	return (uint8_t)n;
}

/* There is a READ or atomic in the send queue, and something could be sent: may it? */
bool
rc_read_may_leave(const struct rc_qp *qp)
{
	const struct rc_run *r = rc_runs_cursor(qp);
	uint32_t in_flight = rc_in_flight(qp);

	if (r->fence && qp->at_packet == 0 && qp->reads_out != 0)
		return false;
	if (!rc_kind_answered(r->kind))
		return true;
	if (qp->reads_out >= qp->initiator_depth)
		return false;
	return in_flight == 0 || r->kind != RC_READ ||
	       in_flight + rc_read_part(qp, r, qp->at_packet) <= rc_window(qp);
}

/* Is the packet what the answer to `r` has in place `k`? */
static bool
answer_fits(const struct rc_qp *qp, const struct roce_pkt *p, const struct rc_run *r, uint32_t k)
{
	uint32_t rest = r->len - k * qp->pmtu;

	if (p->ext.syndrome >> 5 != 0)
		return false; /* Middle has none: zero */
	if (p->opcode == ROCE_RC_ATOMIC_ACK)
		return r->kind != RC_READ && p->payload_len == 0;
	return r->kind == RC_READ && p->payload_len == (rest < qp->pmtu ? rest : qp->pmtu);
}

static void
answer_report(const struct rc_qp *qp, const struct roce_pkt *p, const struct rc_run *r,
    uint32_t index, uint32_t k, struct rc_in *in)
{
	in->response = in->acked = true;
	in->op = *r;
	in->op_index = index;
	in->offset = k * qp->pmtu;
	in->payload = p->payload;
	in->len = p->payload_len;
	in->value = p->ext.compare;
}

void
rc_read_kept(struct rc_qp *qp, uint32_t psn, struct san_time now)
{
	const struct cc_ack ack = {
	    .packets = 1, .in_flight = rc_in_flight(qp), .marked = qp->marked};

	if (!rc_board_answered(qp, psn, now))
		return;
	qp->counters.cc_slowed += cc_acked(&qp->cc, &ack, now);
	qp->marked = false;
	rc_rto_acked(qp, psn, now);
	rc_rto_heard(qp, now);
	rc_board_look(qp, now);
}

/* A READ response or an atomic's answer. */
void
rc_read_response(struct rc_qp *qp, const struct roce_pkt *p, struct san_time now, struct rc_in *in)
{
	const struct rc_run *r;
	uint32_t index, k;

	if (psn_diff(p->psn, qp->una) < 0 || psn_diff(p->psn, qp->high) >= 0) {
		qp->counters.rx_acks_stale++;
		return;
	}
	r = rc_runs_find(qp, p->psn, &index, &k);
	if (r == NULL || !rc_kind_answered(r->kind)) {
		qp->counters.rx_unexpected++;
		return;
	}
	in->valid = true;
	if (rc_kept_has(qp, RC_EARLY_ANSWER, p->psn)) {
		qp->counters.rx_acks_stale++;
		return;
	}
	if (!rc_reply_reached(qp, p->psn, now, in)) {
		in->early = rc_kept_wants(qp, RC_EARLY_ANSWER, p->psn);
		rc_board_look(qp, now);
		return;
	}
	if (!answer_fits(qp, p, r, k)) {
		qp->counters.rx_bad_responses++;
		rc_fail(qp, SAN_EPROTO);
		return;
	}
	qp->counters.rx_responses++;
	rc_rto_acked(qp, p->psn, now);
	/* The end of a request on its way; when all were called back, of none that is counted. */
	if (rc_read_part(qp, r, k) == 1 && qp->reads_out != 0)
		qp->reads_out--;
	answer_report(qp, p, r, index, k, in);
	rc_requester_acked(qp, psn_add(p->psn, 1), now);
	rc_board_look(qp, now);
}
