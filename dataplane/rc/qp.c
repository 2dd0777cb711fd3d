/* SPDX-License-Identifier: BSD-3-Clause */
/* A queue pair's life: made ready, fed packets, asked for packets, woken at its deadline, failed.
 * Which half a packet concerns is decided here; what it means, in reply.c and responder.c. */
#include "rc.h"

#include <string.h>

#include "check.h"
#include "rc_priv.h"
#include "san_err.h"
#include "san_limits.h"

/* What one READ request asks for at most: its answer comes as fast as the peer can send. */
#define READ_BYTES_MAX 65536u
/* On the wire around a payload: preamble and gap, Ethernet, IP, UDP, BTH, ICRC, FCS. */
#define PACKET_OVERHEAD 82u
#define RC_WINDOW_MAX	32768u /* well inside half the PSN space, and what a run can count */

/* Two READs fit the window, so that one can be on its way while another is answered. */
static uint16_t
read_packets(const struct rc_open *o)
{
	uint32_t packets = READ_BYTES_MAX / o->pmtu, half = o->params.window_packets / 2u;

	if (packets > half)
		packets = half;
	return (uint16_t)(packets == 0 ? 1 : packets);
}

static bool
open_valid(const struct rc_open *o)
{
	if (roce_pmtu_code(o->pmtu) == 0 || o->params.window_packets == 0 ||
	    o->params.window_packets > RC_WINDOW_MAX)
		return false;
	if (o->resource_count != 0 && o->resources == NULL)
		return false;
	return ((o->qpn | o->peer_qpn | o->rq_psn | o->sq_psn) & ~PSN_MASK) == 0;
}

static struct rc_limits
limits_of(const struct rc_params *p, struct san_duration cnp_interval)
{
	struct san_duration cnp = cnp_interval.ns != 0 ? cnp_interval : CC_CNP_INTERVAL;
	uint32_t cnp_us = san_short(cnp).us;

	return (struct rc_limits){
	    .rto_min = san_short(p->rto_min),
	    .rto_max = san_short(p->rto_max),
	    .give_up = san_short(p->give_up),
	    .ack_delay = san_short(p->ack_delay),
	    .window_packets = p->window_packets,
	    .cnp_interval_us = cnp_us < UINT16_MAX ? (uint16_t)cnp_us : UINT16_MAX,
	    .retry_count = p->retry_count,
	    .rnr_retry = p->rnr_retry,
	    .min_rnr_timer = p->min_rnr_timer,
	};
}

static int
cc_start(struct rc_qp *qp, const struct cc_params *wanted, struct san_time now)
{
	struct cc_params cc = *wanted;

	cc.window_max = qp->params.window_packets;
	cc.packet_bytes = (uint16_t)(qp->pmtu + PACKET_OVERHEAD);
	cc.echo = (qp->features & RC_FEATURE_ECN_ECHO) != 0;
	return cc_init(&qp->cc, &cc, now);
}

int
rc_init(struct rc_qp *qp, const struct rc_open *o, struct san_time now)
{
	int err;

	if (!open_valid(o))
		return SAN_EINVAL;
	memset(qp, 0, sizeof *qp);
	rc_qp_fsm(qp, RC_QP_INIT);
	qp->qpn = o->qpn;
	qp->peer_qpn = o->peer_qpn;
	qp->pmtu = o->pmtu;
	qp->recv_size = o->recv_size;
	qp->recv_limit = o->recv_limit;
	qp->flow_control = qp->credit_limited = o->flow_control;
	qp->run_number = 1;
	qp->mrs = o->mrs;
	qp->pd = o->pd;
	qp->resources = o->resources;
	qp->resource_count = o->resource_count;
	qp->initiator_depth = o->initiator_depth;
	qp->read_packets = read_packets(o);
	qp->pool = o->pool;
	qp->features = (uint8_t)o->features;
	qp->params = limits_of(&o->params, o->cc.cnp_interval);
	qp->run_psn = qp->una = qp->snd = qp->high = qp->nxt = o->sq_psn;
	qp->expected = o->rq_psn;
	rc_ack_init(qp);
	rc_rto_init(qp, o->params.rto_initial, now);
	rc_qp_fsm(qp, RC_QP_CONNECT);
	err = cc_start(qp, &o->cc, now);
	return err != 0 || o->passive ? err : rc_ready(qp);
}

int
rc_ready(struct rc_qp *qp)
{
	return rc_qp_fsm(qp, RC_QP_READY);
}

int
rc_drain(struct rc_qp *qp)
{
	return rc_qp_fsm(qp, RC_QP_DRAIN);
}

bool
rc_drained(const struct rc_qp *qp)
{
	return qp->state == RC_STATE_SQD && qp->una == qp->high && qp->at_packet == 0;
}

void
rc_reset(struct rc_qp *qp)
{
	san_check(!rc_keeps(qp)); /* rc_fini comes first */
	rc_board_end(qp);
	memset(qp, 0, sizeof *qp);
	qp->ack_at = qp->rto_at = qp->rnr_until = SAN_TIME_NEVER;
}

static void
receive_answer(struct rc_qp *qp, const struct roce_pkt *p, struct san_time now, struct rc_in *in)
{
	if (!rc_may(qp, RC_MAY_ASK)) {
		qp->counters.rx_acks_stale++;
		return;
	}
	if (qp->credit_limited && p->opcode != ROCE_RC_READ_RESP_MIDDLE)
		rc_credit_received(qp, p->ext.syndrome, p->ext.msn);
	if (p->opcode == ROCE_RC_ACK)
		rc_reply_receive(qp, p, now, in);
	else
		rc_read_response(qp, p, now, in);
}

static void
cnp_received(struct rc_qp *qp, struct san_time now)
{
	qp->counters.rx_cnps++;
	qp->counters.cc_slowed += cc_cnp(&qp->cc, now);
}

static void
dispatch(struct rc_qp *qp, const struct roce_pkt *p, struct san_time now, struct rc_in *in)
{
	switch (p->opcode) {
	case ROCE_RC_ACK:
	case ROCE_RC_READ_RESP_FIRST:
	case ROCE_RC_READ_RESP_MIDDLE:
	case ROCE_RC_READ_RESP_LAST:
	case ROCE_RC_READ_RESP_ONLY:
	case ROCE_RC_ATOMIC_ACK:
		receive_answer(qp, p, now, in);
		return;
	case ROCE_CNP:
		cnp_received(qp, now);
		return;
	default:
		if (p->opcode >> 5 != 0)
			qp->counters.rx_unexpected++;
		else
			rc_responder_receive(qp, p, now, in);
	}
}

void
rc_receive(struct rc_qp *qp, const struct roce_pkt *p, struct san_time now, struct rc_in *in)
{
	memset(in, 0, offsetof(struct rc_in, imm_data)); /* once per packet: no more than needed */
	in->far.bytes = NULL;
	if (!rc_may(qp, RC_MAY_HEAR))
		return;
	qp->marked = rc_notify_about_us(qp, p);
	dispatch(qp, p, now, in);
	if (!in->early) /* else it comes again */
		rc_notify_received(qp, p, now);
}

uint8_t *
rc_region(const struct rc_qp *qp, uint32_t key, uint64_t va, uint32_t len, uint32_t access)
{
	return qp->mrs == NULL ? NULL : rc_mr_find(qp->mrs, qp->pd, key, va, len, access);
}

/* The rate allowed is used up for now. */
static bool
paused(const struct rc_qp *qp, struct san_time now)
{
	return san_time_before(now, cc_next(&qp->cc));
}

static bool
request_ready(const struct rc_qp *qp, struct san_time now)
{
	return rc_requester_ready(qp) && !paused(qp, now);
}

/* The answer to a READ or atomic is next, not an ACK: in order of PSN, no ACK overtakes the answer
 * to an earlier READ. */
static bool
answer_next(const struct rc_qp *qp)
{
	const struct rc_resource *r = rc_resource_first(qp);

	return r != NULL && !(qp->dup_ack_due && psn_diff(qp->dup_ack, r->psn) < 0);
}

static bool
response_ready(const struct rc_qp *qp, struct san_time now)
{
	return answer_next(qp) ? !paused(qp, now) : rc_ack_ready(qp, now);
}

static void
response_emit(struct rc_qp *qp, struct roce_tx *out, struct san_time now)
{
	if (!answer_next(qp)) {
		rc_ack_emit(qp, out);
		return;
	}
	rc_resource_emit(qp, out);
	cc_sent(&qp->cc, PACKET_OVERHEAD + roce_tx_payload_len(out), now);
}

enum rc_out
rc_emit(struct rc_qp *qp, struct roce_tx *out, struct rc_chunk *chunk, struct san_time now)
{
	bool yield;

	/* A rate may have risen unnoticed while there was nothing to send. */
	if (san_time_reached(cc_deadline(&qp->cc), now))
		cc_deadline_expire(&qp->cc, now);
	yield = qp->read_sent && request_ready(qp, now);
	if (qp->cnp_due) {
		rc_notify_emit(qp, out, now);
		return RC_OUT_RESPONSE;
	}
	/* Answers first, but a READ of the peer does not keep our requests from leaving. */
	qp->read_sent = qp->resource_active != 0;
	if (!yield && response_ready(qp, now)) {
		response_emit(qp, out, now);
		return RC_OUT_RESPONSE;
	}
	qp->read_sent = false;
	if (!request_ready(qp, now))
		return RC_OUT_NONE;
	rc_requester_emit(qp, out, chunk, now);
	cc_sent(
	    &qp->cc, PACKET_OVERHEAD + (rc_kind_answered(chunk->run->kind) ? 0 : chunk->len), now);
	return RC_OUT_REQUEST;
}

bool
rc_has_work(const struct rc_qp *qp, struct san_time now)
{
	return qp->cnp_due || response_ready(qp, now) || request_ready(qp, now);
}

/* When a packet that waits for nothing but its pace may leave, or its pace changes. */
static struct san_time
pause_end(const struct rc_qp *qp)
{
	if (cc_next(&qp->cc).ns == 0 || !(rc_requester_ready(qp) || answer_next(qp)))
		return SAN_TIME_NEVER;
	return san_time_min(cc_next(&qp->cc), cc_deadline(&qp->cc));
}

struct san_time
rc_deadline(const struct rc_qp *qp)
{
	struct san_time at;

	if (!rc_may(qp, RC_MAY_HEAR))
		return SAN_TIME_NEVER;
	at = san_time_min(
	    san_time_min(qp->ack_at, pause_end(qp)), san_time_min(qp->rto_at, qp->rnr_until));
	if (qp->board != NULL)
		at = san_time_min(at, qp->board->mark_at);
	return rc_keeps(qp) ? san_time_min(at, rc_kept_deadline(qp)) : at;
}

static void
overdue(struct rc_qp *qp, struct san_time now)
{
	/* Nothing is under way: what shall be repeated waits for its pace. */
	if (rc_in_flight(qp) == 0 && paused(qp, now)) {
		rc_rto_restart(qp, cc_next(&qp->cc));
		return;
	}
	switch (rc_rto_expired(qp, now)) {
	case RC_OVERDUE_TAIL:
		rc_requester_tail(qp);
		break;
	case RC_OVERDUE_REPEAT:
		qp->counters.cc_slowed += cc_timeout(&qp->cc, now);
		rc_undo_open(qp);
		rc_requester_rewind(qp);
		break;
	case RC_OVERDUE_GIVE_UP:
		rc_fail(qp, SAN_ETIMEDOUT);
		break;
	}
}

void
rc_deadline_expire(struct rc_qp *qp, struct san_time now)
{
	if (!rc_may(qp, RC_MAY_HEAR))
		return;
	if (san_time_reached(pause_end(qp), now)) {
		qp->counters.pauses++;
		cc_deadline_expire(&qp->cc, now);
	}
	if (san_time_reached(qp->ack_at, now)) {
		rc_ack_now(qp);
		qp->ack_at = SAN_TIME_NEVER;
	}
	if (san_time_reached(qp->rnr_until, now)) {
		qp->rnr_until = SAN_TIME_NEVER;
		rc_rto_restart(qp, now);
	}
	if (rc_keeps(qp))
		rc_kept_expire(qp, now);
	if (qp->board != NULL)
		rc_board_expire(qp, now);
	if (san_time_reached(qp->rto_at, now))
		overdue(qp, now);
}

void
rc_stop(struct rc_qp *qp)
{
	if (rc_qp_fsm(qp, RC_QP_STOP) == 0)
		rc_requester_stop(qp);
}

void
rc_fail(struct rc_qp *qp, int err)
{
	if (qp->error != 0 || rc_qp_fsm(qp, RC_QP_FAIL) != 0)
		return;
	qp->error = (int8_t)err;
	rc_requester_stop(qp);
	if (qp->nak_syndrome <= AETH_NAK_SEQ)
		qp->nak_syndrome = 0; /* only what refuses the connection is still worth saying */
	qp->ack_due = qp->nak_syndrome != 0;
	qp->ack_at = SAN_TIME_NEVER;
	qp->dup_ack_due = qp->cnp_due = false;
	qp->resource_active = 0;
}
