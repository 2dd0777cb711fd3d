/* SPDX-License-Identifier: BSD-3-Clause */
/* How a stream is connected and ended by the connection manager: REQ with Hello, REP with HelloAck,
 * RTU or the first data, DREQ and DREP. Does with the engines' events what the daemon's control
 * thread does, without its processes and poll threads. */
#include "stream.h"

#include "check.h"
#include "mad.h"
#include "san_err.h"
#include "sdp_host.h"
#include "sdp_msg.h"

static void
fail(struct stream *s, uint16_t reject, struct san_time now)
{
	stream_trace(s, now, "handshake fails", reject);
	s->reject = reject;
	handshake_abandon(s, now);
}

static struct cm_qp
local_qp(const struct stream *s)
{
	return (struct cm_qp){
	    .qpn = s->qpn,
	    .psn = s->setup.psn,
	    .responder_resources = s->setup.reads,
	    .initiator_depth = s->setup.reads,
	    .retry_count = s->setup.rc.retry_count,
	    .rnr_retry = 7,
	    .pmtu_code = roce_pmtu_code(s->setup.pmtu),
	    .flow_control = 1,
	};
}

static void
connect_begin(struct stream *s, struct san_time now)
{
	struct node *n = &s->host->node;
	struct sdp_hello hello = {
	    .bufs = sdp_initial_credits(s->setup.ring_rx, s->setup.pmtu),
	    .version = SDP_VERSION,
	    .max_adverts = 1,
	    .des_rem_rcv_size = s->setup.pmtu,
	    .local_rcv_size = s->setup.pmtu,
	    .local_port = (uint16_t)s->qpn,
	    .src = node_ip(n, n->id),
	    .dst = node_ip(n, s->peer),
	    .has_offer = s->setup.features != 0,
	    .offer.caps = s->setup.features,
	};
	struct cm_qp qp = local_qp(s);
	uint8_t priv[SDP_HELLO_LEN];
	int64_t id;

	sdp_hello_encode(priv, &hello);
	id = cm_connect(s->host->cm, s->qpn, 0, &hello.src, &hello.dst,
	    CM_SID_SDP | s->setup.service, &qp, priv, sizeof priv, now);
	san_check(id > 0);
	s->cm_id = (uint32_t)id;
	s->cm = STREAM_CM_LIVE;
	s->phase = STREAM_REQ_SENT;
	s->connect_at = SAN_TIME_NEVER;
	s->connect_until = san_time_add(now, s->setup.connect_timeout);
	stream_trace(s, now, "connect", s->peer);
}

static bool
connecting(const struct stream *s)
{
	return s->setup.active && (s->phase == STREAM_IDLE || s->phase == STREAM_REQ_SENT);
}

void
handshake_step(struct stream *s, struct san_time now)
{
	/* The program may give up before there is anything to give up. */
	if (connecting(s) && san_time_reached(s->setup.script.end_at, now)) {
		stream_trace(s, now, "cancel", 0);
		handshake_abandon(s, now);
	} else if (san_time_reached(s->connect_at, now)) {
		connect_begin(s, now);
	} else if (san_time_reached(s->connect_until, now)) {
		fail(s, 0, now);
	}
}

struct san_time
handshake_next(const struct stream *s)
{
	struct san_time t = san_time_min(s->connect_at, s->connect_until);

	if (connecting(s))
		t = san_time_min(t, s->setup.script.end_at);
	return t;
}

void
handshake_abandon(struct stream *s, struct san_time now)
{
	san_check(s->phase != STREAM_OPEN && s->phase != STREAM_FAILED);
	s->phase = STREAM_FAILED;
	s->closed = true;
	s->connect_at = s->connect_until = SAN_TIME_NEVER;
	if (s->cm == STREAM_CM_LIVE) {
		s->cm = STREAM_CM_NONE;
		(void)cm_disconnect(s->host->cm, s->cm_id, now);
	}
	if (s->engine)
		sdp_close(&s->conn, SDP_CLOSE_ABORT, now);
}

static void
opened(struct stream *s, struct san_time now)
{
	s->phase = STREAM_OPEN;
	s->connect_until = SAN_TIME_NEVER;
	stream_trace(s, now, "open", s->peer_qpn);
}

/* --- the engine's events ---------------------------------------------------------------------- */

/* The engine wants the peer to be disconnected; it waits for dreq_finished. */
static void
want_dreq(struct stream *s, struct san_time now)
{
	if (s->phase == STREAM_REP_SENT) {
		fail(s, 0, now);
	} else if (s->cm == STREAM_CM_LIVE) {
		s->cm = STREAM_CM_DISCONNECTING;
		san_check(cm_disconnect(s->host->cm, s->cm_id, now) == 0);
		return;
	}
	if (s->cm == STREAM_CM_NONE || s->cm == STREAM_CM_TIMEWAIT)
		sdp_dreq_finished(&s->conn, now); /* there is nobody to disconnect from */
}

void
handshake_events(struct stream *s, uint32_t events, struct san_time now)
{
	if ((events & SDP_EV_ESTABLISHED) && s->phase == STREAM_REP_SENT)
		cm_data_arrived(s->host->cm, s->cm_id, now);
	if (events & SDP_EV_WANT_DREQ)
		want_dreq(s, now);
	if (!(events & SDP_EV_DEAD))
		return;
	if (s->phase == STREAM_REP_SENT)
		fail(s, 0, now);
	if (s->cm == STREAM_CM_LIVE) {
		s->cm = STREAM_CM_DISCONNECTING;
		san_check(cm_disconnect(s->host->cm, s->cm_id, now) == 0);
	}
}

/* --- the connection manager's events ---------------------------------------------------------- */

static struct sdp_open
open_base(const struct stream *s, const struct cm_event *ev)
{
	struct cm_qp own = local_qp(s);

	cm_qp_meet(&own, &ev->msg);
	return (struct sdp_open){
	    .active = s->setup.active,
	    .qpn = s->qpn,
	    .peer_qpn = ev->msg.qpn,
	    .rq_psn = s->setup.psn,
	    .sq_psn = ev->msg.psn,
	    .pmtu = s->setup.pmtu,
	    .local_rcv_size = s->setup.pmtu,
	    .local_credits = sdp_initial_credits(s->setup.ring_rx, s->setup.pmtu),
	    .responder_resources = own.responder_resources,
	    .initiator_depth = own.initiator_depth,
	    .pool = &s->host->pool,
	    .rc = s->setup.rc,
	    .cc = s->setup.cc,
	    .disconn_timeout = s->setup.disconn_timeout,
	    .linger_timeout = s->setup.linger_timeout,
	};
}

static bool
reusable(const struct stream *s)
{
	return s->host->setup.reuse && s->phase == STREAM_FAILED && stream_finished(s);
}

static struct stream *
free_stream(struct sdp_host *h)
{
	for (uint32_t i = 0; i < h->streams; i++) {
		struct stream *s = &h->stream[i];
		const struct stream_setup setup = s->setup;

		if (setup.active || (s->phase != STREAM_IDLE && !reusable(s)))
			continue;
		if (s->phase != STREAM_IDLE) {
			stream_fini(s);
			stream_init(s, h, s->qpn, &setup);
		}
		return s;
	}
	return NULL;
}

static void
accept_begin(
    struct stream *s, const struct cm_event *ev, const struct sdp_hello *hello, struct san_time now)
{
	struct sdp_hello_ack ack = {.version = SDP_VERSION, .max_adverts = 1};
	uint8_t priv[SDP_HELLOACK_LEN];
	struct sdp_open o;
	struct cm_qp qp;

	s->setup.pmtu = roce_pmtu_from_code(ev->msg.pmtu_code);
	s->peer = ev->peer.b[15] - 1u;
	o = open_base(s, ev);
	o.peer_rcv_size = hello->local_rcv_size;
	o.peer_credits = hello->bufs;
	o.features = hello->has_offer ? s->setup.features & hello->offer.caps : 0;
	san_check(stream_open(s, &o, now) == 0);
	ack.bufs = o.local_credits;
	ack.act_rcv_size = s->setup.pmtu;
	ack.has_offer = o.features != 0;
	ack.offer.caps = (uint8_t)o.features;
	sdp_hello_ack_encode(priv, &ack);
	qp = local_qp(s);
	cm_qp_meet(&qp, &ev->msg);
	s->cm = STREAM_CM_LIVE;
	s->cm_id = ev->id;
	s->phase = STREAM_REP_SENT;
	s->connect_until = san_time_add(now, s->setup.connect_timeout);
	san_check(cm_accept(s->host->cm, ev->id, s->qpn, &qp, priv, sizeof priv, now) == 0);
}

static void
on_req(struct sdp_host *h, const struct cm_event *ev, struct san_time now)
{
	struct stream *s = free_stream(h);
	struct sdp_hello hello;

	if (h->setup.deaf || ev->msg.service_id != (CM_SID_SDP | SDP_HOST_SERVICE)) {
		san_check(cm_reject(h->cm, ev->id, CM_REJ_INVALID_SERVICE_ID, NULL, 0, now) == 0);
	} else if (s == NULL && h->setup.reuse) {
		san_check(cm_ignore(h->cm, ev->id, now) == 0);
	} else if (s == NULL) {
		san_check(cm_reject(h->cm, ev->id, CM_REJ_NO_RESOURCES, NULL, 0, now) == 0);
	} else {
		san_check(sdp_hello_decode(ev->msg.priv, ev->msg.priv_len, &hello) == 0);
		accept_begin(s, ev, &hello, now);
	}
}

static void
on_rep(struct stream *s, const struct cm_event *ev, struct san_time now)
{
	struct sdp_open o = open_base(s, ev);
	struct sdp_hello_ack ack;

	san_check(s->phase == STREAM_REQ_SENT);
	san_check(sdp_hello_ack_decode(ev->msg.priv, ev->msg.priv_len, &ack) == 0);
	o.peer_rcv_size = ack.act_rcv_size;
	o.peer_credits = ack.bufs;
	o.features = ack.has_offer ? s->setup.features & ack.offer.caps : 0;
	san_check(stream_open(s, &o, now) == 0);
	san_check(cm_confirm(s->host->cm, s->cm_id, now) == 0);
	opened(s, now);
}

/* REJ or silence: the connection manager has dropped its handle. */
static void
on_given_up(struct stream *s, uint16_t reason, struct san_time now)
{
	s->cm = STREAM_CM_NONE;
	if (s->phase == STREAM_OPEN)
		sdp_dreq_received(&s->conn, now);
	else if (s->phase != STREAM_FAILED)
		fail(s, reason, now);
}

static void
on_dreq(struct stream *s, struct san_time now)
{
	s->cm = STREAM_CM_TIMEWAIT;
	if (s->engine)
		sdp_dreq_received(&s->conn, now);
	if (s->phase == STREAM_REP_SENT || s->phase == STREAM_REQ_SENT)
		fail(s, 0, now);
}

void
handshake_cm_event(struct sdp_host *h, const struct cm_event *ev, struct san_time now)
{
	uint32_t i = (uint32_t)(ev->cookie & 0xffff) - SDP_HOST_QPN_FIRST;
	struct stream *s = &h->stream[i];

	if (ev->type == CM_EV_REQ) {
		on_req(h, ev, now);
		return;
	}
	if (i >= h->streams || s->cm_id != ev->id || s->cm == STREAM_CM_NONE)
		return; /* let go of before */
	switch (ev->type) {
	case CM_EV_REQ:
		break;
	case CM_EV_REP:
		on_rep(s, ev, now);
		break;
	case CM_EV_ESTABLISHED:
		san_check(s->phase == STREAM_REP_SENT);
		opened(s, now);
		break;
	case CM_EV_REJECTED:
		on_given_up(s, ev->reason, now);
		break;
	case CM_EV_TIMEDOUT:
		on_given_up(s, 0, now);
		break;
	case CM_EV_DREQ:
		on_dreq(s, now);
		break;
	case CM_EV_DREQ_DONE:
		s->cm = STREAM_CM_TIMEWAIT;
		sdp_dreq_finished(&s->conn, now);
		break;
	case CM_EV_GONE:
		s->cm = STREAM_CM_NONE;
		break;
	}
}
