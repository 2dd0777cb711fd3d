/* SPDX-License-Identifier: BSD-3-Clause */
/* The public face of a connection: joins queue pair, session and state machine. What happened is
 * worked out below; that the state machine learns of it is decided here. */
#include "sdp.h"

#include <string.h>

#include "recovery.h"
#include "san_err.h"
#include "sdp_priv.h"

static bool
open_valid(const struct sdp_open *o)
{
	uint32_t payload = o->local_rcv_size - SDP_BSDH_LEN;

	if (o->tx.base == NULL || o->rx.base == NULL || o->tx.size == 0 ||
	    (o->tx.size & (o->tx.size - 1)) != 0 || (o->rx.size & (o->rx.size - 1)) != 0)
		return false;
	/* One buffer is one packet, and the ring holds two at least: see sdp_credit_update_due. */
	return o->local_rcv_size > SDP_BSDH_LEN && o->local_rcv_size <= o->pmtu &&
	       o->rx.size / 2 >= payload && o->peer_rcv_size > SDP_BSDH_LEN &&
	       o->responder_resources <= SDP_READS_MAX && o->initiator_depth <= SDP_READS_MAX &&
	       o->local_credits <= sdp_initial_credits(o->rx.size, o->local_rcv_size);
}

static void
session_init(struct sdp_session *s, const struct sdp_open *o)
{
	uint32_t message = o->peer_rcv_size < o->pmtu ? o->peer_rcv_size : o->pmtu;

	memset(s, 0, sizeof *s);
	s->tx = o->tx;
	s->rx = o->rx;
	s->tx_payload_max = (uint16_t)(message - SDP_BSDH_LEN);
	s->rx_payload_max = (uint16_t)(o->local_rcv_size - SDP_BSDH_LEN);
	s->rx_buffers = o->rx.size / s->rx_payload_max;
	s->disconn_timeout = san_short(o->disconn_timeout);
	s->linger_timeout = san_short(o->linger_timeout);
	s->tx_limit = o->peer_credits;
	s->announced = o->local_credits;
	s->established = o->active;
	if (message < o->pmtu)
		s->due = SDP_DUE(CH_RCV_BUF);
	sdp_credit_renew(s);
	s->lent = o->lent;
	s->zcopy = o->zcopy && o->lent != NULL;
	if (s->zcopy) {
		s->lent->zcopy.counters = (struct sdp_zcopy_counters){0};
		sdp_source_init(s, o);
		sdp_sink_init(s, o);
	}
}

uint16_t
sdp_early_max(void)
{
	return RC_EARLY_MAX;
}

int
sdp_conn_init(struct sdp_conn *c, const struct sdp_open *o, struct san_time now)
{
	struct rc_open rc;
	int err;

	if (!open_valid(o))
		return SAN_EINVAL;
	session_init(&c->s, o);
	rc = (struct rc_open){
	    .qpn = o->qpn,
	    .peer_qpn = o->peer_qpn,
	    .rq_psn = o->rq_psn,
	    .sq_psn = o->sq_psn,
	    .pmtu = o->pmtu,
	    .recv_size = o->local_rcv_size,
	    .recv_limit = c->s.rx_limit,
	    .features = o->features,
	    .pool = o->pool,
	    .pd = o->qpn,
	    .params = o->rc,
	    .cc = o->cc,
	};
	if (o->lent != NULL) {
		rc.mrs = o->mrs;
		rc.resources = o->lent->resource;
		rc.resource_count = o->responder_resources;
		rc.initiator_depth = o->initiator_depth;
	}
	err = rc_init(&c->s.qp, &rc, now);
	if (err != 0)
		return err;
	sdp_fsm_init(c);
	sdp_fsm_step(c, SDP_FSM_OPEN, now);
	return 0;
}

/* The queue pair failed: a matter for the state machine once the NAK that says so has left. */
static void
settle(struct sdp_conn *c, struct san_time now)
{
	if (rc_error(&c->s.qp) == 0 || rc_has_work(&c->s.qp, now) || c->fsm.state == SDP_STATE_DEAD)
		return;
	c->s.cause = (int8_t)rc_error(&c->s.qp);
	sdp_fsm_step(c, SDP_FSM_RESET, now);
}

static void
reap(struct sdp_conn *c, struct san_time now)
{
	struct sdp_tx_done done = sdp_tx_reap(&c->s);

	if (done.progress)
		sdp_fsm_progress(c, now);
	if (done.disconn)
		sdp_fsm_step(c, SDP_FSM_DISCONN_ACKED, now);
}

static void
obey(struct sdp_conn *c, struct sdp_rx_verdict v, struct san_time now)
{
	if (v.progress)
		sdp_fsm_progress(c, now);
	if (v.event)
		sdp_fsm_step(c, v.what, now);
}

bool
sdp_packet_receive(struct sdp_conn *c, const struct roce_pkt *p, void *frame, struct san_time now)
{
	struct sdp_rx_verdict v;
	struct rc_in in;

	if (c->fsm.state == SDP_STATE_DEAD || p->dest_qp != c->s.qp.qpn) {
		c->s.counters.rx_late++;
		return false;
	}
	rc_receive(&c->s.qp, p, now, &in);
	if (in.valid && !c->s.established) {
		c->s.established = true;
		c->s.events |= SDP_EV_ESTABLISHED;
	}
	if (in.far.bytes != NULL)
		sdp_rdma_far(&c->s, &in);
	if (in.response)
		obey(c, sdp_tx_answered(&c->s, &in), now);
	if (in.acked)
		reap(c, now);
	if (in.delivered) {
		v = sdp_rx_message(&c->s, &in, now);
		reap(c, now); /* the message's header may have acknowledged some of ours */
		obey(c, v, now);
	}
	settle(c, now);
	return in.early && frame != NULL && rc_keep(&c->s.qp, p, frame, now) == 0;
}

void *
sdp_frame_next(struct sdp_conn *c)
{
	return c->fsm.state == SDP_STATE_DEAD ? NULL : rc_kept_next(&c->s.qp);
}

void *
sdp_frame_drop(struct sdp_conn *c)
{
	return c->fsm.state == SDP_STATE_DEAD ? rc_fini(&c->s.qp) : rc_kept_drop(&c->s.qp);
}

size_t
sdp_emit(struct sdp_conn *c, struct roce_tx *out, size_t max, struct san_time now)
{
	size_t n;

	if (c->fsm.state == SDP_STATE_DEAD)
		return 0;
	n = sdp_tx_emit(&c->s, out, max, now);
	settle(c, now);
	return n;
}

bool
sdp_has_work(const struct sdp_conn *c, struct san_time now)
{
	return c->fsm.state != SDP_STATE_DEAD &&
	       (rc_has_work(&c->s.qp, now) || sdp_tx_wants(&c->s));
}

struct san_time
sdp_deadline(const struct sdp_conn *c)
{
	if (c->fsm.state == SDP_STATE_DEAD)
		return SAN_TIME_NEVER;
	return san_time_min(
	    san_time_min(c->fsm.at, rc_deadline(&c->s.qp)), sdp_source_deadline(&c->s));
}

void
sdp_deadline_expire(struct sdp_conn *c, struct san_time now)
{
	if (c->fsm.state == SDP_STATE_DEAD)
		return;
	rc_deadline_expire(&c->s.qp, now);
	settle(c, now);
	if (san_time_reached(sdp_source_deadline(&c->s), now))
		obey(c, sdp_rx_violation(&c->s, SDP_VIOLATION_UNANSWERED), now);
	if (san_time_reached(c->fsm.at, now))
		sdp_fsm_step(c, SDP_FSM_DEADLINE, now);
}

int
sdp_tx_produced(struct sdp_conn *c, uint32_t pos, struct san_time now)
{
	struct sdp_session *s = &c->s;

	if (s->tx_shut || s->deaf)
		return 0;
	if (seq32_diff(pos, s->tx_produced) < 0 || pos - s->tx_released > s->tx.size)
		return SAN_EPROTO;
	s->tx_produced = pos;
	return 0;
}

void
sdp_tx_urgent(struct sdp_conn *c, uint32_t pos)
{
	struct sdp_session *s = &c->s;

	/* Behind what is posted already, the byte has left as an ordinary one. */
	if (seq32_diff(pos, s->tx_posted) <= 0 || pos - s->tx_released > s->tx.size)
		return;
	s->tx_urgent = pos;
	s->urgent_due = true;
	sdp_source_cancel(s); /* it is to overtake what waits to be read */
}

uint32_t
sdp_tx_released(const struct sdp_conn *c)
{
	return c->s.tx_released;
}

int
sdp_rx_consumed(struct sdp_conn *c, uint32_t pos, struct san_time now)
{
	struct sdp_session *s = &c->s;

	if (pos - s->rx_consumed > s->rx_produced - s->rx_consumed)
		return SAN_EPROTO;
	s->rx_consumed = pos;
	sdp_credit_renew(s);
	rc_recv_limit(&s->qp, s->rx_limit);
	return 0;
}

uint32_t
sdp_rx_produced(const struct sdp_conn *c)
{
	return c->s.rx_produced;
}

uint32_t
sdp_urgent_pos(const struct sdp_conn *c)
{
	return c->s.rx_urgent;
}

int
sdp_rdma_post(struct sdp_conn *c, const struct sdp_rdma_request *r)
{
	const struct sdp_session *s = &c->s;

	if (s->tx_shut || s->deaf || c->fsm.state == SDP_STATE_DEAD)
		return SAN_ENOTCONN;
	if (s->lent == NULL || (r->op == SDP_RDMA_READ && s->qp.initiator_depth == 0))
		return SAN_EOPNOTSUPP;
	return sdp_rdma_queue(&c->s, r);
}

bool
sdp_rdma_take(struct sdp_conn *c, struct sdp_rdma_done *out)
{
	return c->s.rdma && sdp_rdma_finished(&c->s, out);
}

bool
sdp_far_write(struct sdp_conn *c, struct rc_far *out)
{
	if (!c->s.far)
		return false;
	c->s.far = false;
	*out = c->s.lent->far;
	return true;
}

void
sdp_far_refuse(struct sdp_conn *c, struct san_time now)
{
	const struct rc_in in = {.last = c->s.lent->far_last};

	if (c->fsm.state == SDP_STATE_DEAD)
		return;
	rc_refuse(&c->s.qp, &in);
	settle(c, now);
}

void
sdp_answer_refuse(struct sdp_conn *c, struct roce_tx *out, struct san_time now)
{
	rc_answer_refuse(&c->s.qp, out);
	settle(c, now);
}

void
sdp_shut(struct sdp_conn *c, struct san_time now)
{
	sdp_fsm_step(c, SDP_FSM_SHUT, now);
}

void
sdp_close(struct sdp_conn *c, enum sdp_close_how how, struct san_time now)
{
	c->s.program_closed = true;
	sdp_fsm_step(c, how == SDP_CLOSE_ABORT ? SDP_FSM_ABORT : SDP_FSM_CLOSE, now);
}

void
sdp_dreq_received(struct sdp_conn *c, struct san_time now)
{
	sdp_fsm_step(c, SDP_FSM_DREQ, now);
}

void
sdp_dreq_finished(struct sdp_conn *c, struct san_time now)
{
	sdp_fsm_step(c, SDP_FSM_DREP, now);
}

void
sdp_port_down(struct sdp_conn *c, struct san_time now)
{
	sdp_fsm_step(c, SDP_FSM_PORT_DOWN, now);
}

void
sdp_keepalive(struct sdp_conn *c, struct san_time now)
{
	if (!c->s.deaf)
		sdp_tx_probe(&c->s);
}

uint32_t
sdp_events_take(struct sdp_conn *c)
{
	uint32_t events = c->s.events;

	c->s.events = 0;
	return events;
}

int
sdp_error(const struct sdp_conn *c)
{
	return c->s.error;
}

enum sdp_state
sdp_state(const struct sdp_conn *c)
{
	return (enum sdp_state)c->fsm.state;
}

enum sdp_violation
sdp_violation(const struct sdp_conn *c)
{
	return (enum sdp_violation)c->s.violation;
}

uint32_t
sdp_payload_max(const struct sdp_conn *c)
{
	return c->s.tx_payload_max;
}

const struct sdp_counters *
sdp_counters(const struct sdp_conn *c)
{
	return &c->s.counters;
}

const struct sdp_zcopy_counters *
sdp_zcopy_counters(const struct sdp_conn *c)
{
	return c->s.zcopy ? &c->s.lent->zcopy.counters : NULL;
}

const struct rc_counters *
sdp_rc_counters(const struct sdp_conn *c)
{
	return &c->s.qp.counters;
}
