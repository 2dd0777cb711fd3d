/* SPDX-License-Identifier: BSD-3-Clause */
#include "stream.h"

#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "san_err.h"
#include "sdp_host.h"
#include "sdp_msg.h"
#include "sdp_priv.h"

#define EMIT_BURST 32
#define KEEPALIVE  SAN_DURATION_S(1)

struct stream_setup
stream_defaults(void)
{
	return (struct stream_setup){
	    .pmtu = 1024,
	    .psn = 0xfffffa,
	    .ring_tx = 65536,
	    .ring_rx = 65536,
	    .features = FEATURE_SACK | FEATURE_ECN_ECHO,
	    .rc =
		{
		    .retry_count = 7,
		    .rnr_retry = 7,
		    .min_rnr_timer = 12,
		    .window_packets = 128,
		    .rto_initial = SAN_DURATION_MS(10),
		    .rto_min = SAN_DURATION_MS(1),
		    .rto_max = SAN_DURATION_MS(200),
		    .give_up = SAN_DURATION_S(30),
		    .ack_delay = SAN_DURATION_US(50),
		},
	    .disconn_timeout = SAN_DURATION_S(10),
	    .linger_timeout = SAN_DURATION_S(2),
	    .connect_timeout = SAN_DURATION_S(20),
	    .script =
		{
		    .write_max = 65536,
		    .read_max = 65536,
		    .ending = END_WAIT,
		    .end_at = SAN_TIME_NEVER,
		},
	};
}

void
stream_init(struct stream *s, struct sdp_host *h, uint32_t qpn, const struct stream_setup *setup)
{
	memset(s, 0, sizeof *s);
	s->host = h;
	s->setup = *setup;
	s->prng.state = prng_u64(&h->prng);
	s->qpn = qpn;
	s->peer = setup->peer;
	s->connect_at = setup->active ? setup->connect_at : SAN_TIME_NEVER;
	s->connect_until = s->keepalive_at = SAN_TIME_NEVER;
}

void
stream_fini(struct stream *s)
{
	struct sim_frame *f;

	while (s->engine && (f = rc_fini(&s->conn.s.qp)) != NULL)
		node_frame_done(&s->host->node, f);
	free(s->open.tx.base);
	free(s->open.rx.base);
	beside_fini(s);
}

const struct stream *
stream_peer(const struct stream *s)
{
	const struct stream *peer = sdp_host_find(s->host->others, s->peer, s->peer_qpn);

	return peer != NULL && peer->peer_qpn == s->qpn ? peer : NULL;
}

static const char *
phase_name(const struct stream *s)
{
	static const char *const name[] = {
#define X(name, text) #name,
	    STREAM_PHASE_LIST(X)
#undef X
	};

	return s->phase == STREAM_OPEN ? sdp_state_name(sdp_state(&s->conn)) : name[s->phase];
}

void
stream_trace(const struct stream *s, struct san_time now, const char *what, uint64_t value)
{
	if (s->host->node.setup.trace)
		node_trace(&s->host->node, now, s->qpn, what, value, phase_name(s));
}

int
stream_open(struct stream *s, const struct sdp_open *o, struct san_time now)
{
	uint8_t *tx = malloc(s->setup.ring_tx), *rx = malloc(s->setup.ring_rx);
	int err;

	san_check(tx != NULL && rx != NULL && !s->engine);
	s->open = *o;
	s->open.tx = (struct byte_ring){tx, s->setup.ring_tx};
	s->open.rx = (struct byte_ring){rx, s->setup.ring_rx};
	s->peer_qpn = o->peer_qpn;
	if (s->setup.beside.ring != 0)
		beside_open(s, &s->open);
	err = sdp_conn_init(&s->conn, &s->open, now);
	if (err != 0)
		return err;
	s->engine = true;
	s->state_seen = sdp_state(&s->conn);
	s->write_at = s->read_at = now;
	s->keepalive_at = san_time_add(now, KEEPALIVE);
	return 0;
}

static void
frame_done(struct stream *s, struct sim_frame *f)
{
	if (s->beside != NULL)
		beside_received(s);
	node_frame_done(&s->host->node, f);
}

void
stream_frame(struct stream *s, struct sim_frame *f, struct san_time now)
{
	const struct roce_pkt *p = &f->pkt;

	if (p->opcode == ROCE_RC_ACK)
		stream_trace(s, now, (p->ext.syndrome & 0x60) != 0 ? "NAK" : "ACK", p->psn);
	else if (p->payload_len >= SDP_BSDH_LEN)
		stream_trace(s, now, sdp_mid_name(p->payload[0]), p->psn);
	else
		stream_trace(s, now, "probe", p->psn);
	if (!sdp_packet_receive(&s->conn, p, f, now))
		frame_done(s, f);
	while ((f = sdp_frame_next(&s->conn)) != NULL) {
		san_check(!sdp_packet_receive(&s->conn, &f->pkt, NULL, now));
		frame_done(s, f);
	}
}

static void
frames_drop(struct stream *s)
{
	struct sim_frame *f;

	while ((f = sdp_frame_drop(&s->conn)) != NULL)
		node_frame_done(&s->host->node, f);
}

static void
engine_emit(struct stream *s, struct san_time now)
{
	struct node *n = &s->host->node;
	struct roce_tx out[EMIT_BURST];
	size_t i, got = 1;

	s->tx_full = false;
	while (got > 0) {
		s->tx_full = !node_tx_room(n, now);
		if (s->tx_full)
			break;
		got = sdp_emit(&s->conn, out, EMIT_BURST, now);
		for (i = 0; i < got; i++) {
			if (s->beside != NULL)
				beside_far_read(s, &out[i]);
			node_send(n, s->peer, s->qpn, s->peer_qpn, &out[i], now);
		}
	}
}

static void
engine_events(struct stream *s, struct san_time now)
{
	uint32_t ev = sdp_events_take(&s->conn);

	s->events |= ev;
	if (ev & SDP_EV_EOF)
		s->eof = true;
	if (ev & SDP_EV_URGENT)
		s->urgent_seen = sdp_urgent_pos(&s->conn);
	if (ev & SDP_EV_DEAD) {
		s->dead = true;
		s->keepalive_at = SAN_TIME_NEVER;
		stream_trace(s, now, "dead, error", (uint64_t)-sdp_error(&s->conn));
	}
	if (s->beside != NULL && sdp_error(&s->conn) != 0)
		beside_drop(s);
	handshake_events(s, ev, now);
}

static void
engine_timers(struct stream *s, struct san_time now)
{
	if (san_time_reached(sdp_deadline(&s->conn), now))
		sdp_deadline_expire(&s->conn, now);
	if (san_time_reached(s->keepalive_at, now)) {
		sdp_keepalive(&s->conn, now);
		s->keepalive_at = san_time_add(now, KEEPALIVE);
	}
}

void
stream_step(struct stream *s, struct san_time now)
{
	handshake_step(s, now);
	if (!s->engine)
		return;
	engine_timers(s, now);
	engine_events(s, now);
	program_step(s, now);
	engine_emit(s, now);
	engine_events(s, now);
	frames_drop(s);
}

struct san_time
stream_next(const struct stream *s)
{
	struct san_time t = handshake_next(s), room, engine;
	const struct node *n = &s->host->node;

	if (!s->engine)
		return t;
	engine = sdp_deadline(&s->conn);
	if (s->tx_full) { /* an answer that is due cannot leave before that either */
		room = net_room_at(n->net, n->id, n->setup.tx_ring);
		t = san_time_min(t, room);
		if (san_time_before(engine, room))
			engine = room;
	}
	t = san_time_min(t, san_time_min(engine, s->keepalive_at));
	return san_time_min(t, program_next(s));
}

bool
stream_finished(const struct stream *s)
{
	if (s->phase == STREAM_IDLE)
		return !s->setup.active;
	return s->closed && (!s->engine || s->dead) && s->cm == STREAM_CM_NONE;
}

/* What the peer may send, and what READs will bring, fits the rx ring. */
static bool
promises_fit(const struct sdp_session *x)
{
	uint32_t to_come = x->reading ? x->lent->zcopy.sink.asked - x->rx_produced : 0;
	int64_t lent = seq32_diff(x->rx_limit, x->mseq_received) - 2; /* two take no payload */

	return lent * x->rx_payload_max + (x->rx_produced - x->rx_consumed) + to_come <=
	       (int64_t)x->rx.size;
}

static bool
peer_closed(const struct stream *s)
{
	const struct stream *peer = stream_peer(s);

	return peer != NULL && peer->closed;
}

/* What must hold after every step of an engine. The peer is the same engine: whatever the network
 * does, neither may break the protocol. */
static void
engine_check(const struct stream *s, struct san_time now)
{
	const struct sdp_session *x = &s->conn.s;

	san_check(sdp_credits(x) >= 0 && (x->deaf || promises_fit(x)));
	san_check(x->counters.rx_violations == 0 && x->counters.fsm_illegal == 0);
	/* Only RDMA that comes when its program has gone is. */
	san_check(x->qp.counters.refused == 0 || (s->beside != NULL && s->closed));
	san_check(x->qp.counters.rx_naks_fatal == 0 || (s->beside != NULL && peer_closed(s)));
	san_check(x->qp.counters.rnr_sent == 0 && x->qp.counters.rx_unexpected == 0);
	/* A closing state without a deadline could last for ever; a deadline in the past is a busy
	 * loop. */
	if (s->closed && sdp_state(&s->conn) != SDP_STATE_DEAD)
		san_check(s->conn.fsm.at.ns != UINT64_MAX);
	if (s->tx_full)
		return;
	san_check(!sdp_has_work(&s->conn, now));
	san_check(sdp_deadline(&s->conn).ns > now.ns);
}

/* What one end believes of the other is never more than what is so: no credit that was not given,
 * no byte released that has not arrived. */
static void
conserved(const struct stream *s)
{
	const struct stream *peer = stream_peer(s);
	const struct sdp_session *a = &s->conn.s, *b;

	if (peer == NULL)
		return; /* it does not know yet, or never will */
	b = &peer->conn.s;
	san_check(seq32_diff(a->tx_limit, b->rx_limit) <= 0);
	san_check(seq32_diff(b->mseq_received, a->mseq_posted) <= 0);
	san_check(seq32_diff(b->rx_produced, a->zcopy ? a->tx_produced : a->tx_posted) <= 0);
	/* Who gave up acknowledges and drops. */
	if (!b->deaf && !b->program_closed && sdp_state(&peer->conn) != SDP_STATE_DEAD)
		san_check(seq32_diff(a->tx_released, b->rx_produced) <= 0);
}

void
stream_check(struct stream *s, struct san_time now)
{
	uint32_t released, produced;

	if (!s->engine)
		return;
	engine_check(s, now);
	conserved(s);
	released = sdp_tx_released(&s->conn);
	produced = sdp_rx_produced(&s->conn);
	san_check(produced - (uint32_t)s->read <= s->open.rx.size);
	san_check(seq32_diff(released, s->released_seen) >= 0);
	san_check(seq32_diff((uint32_t)s->written, released) >= 0);
	san_check(seq32_diff(produced, s->produced_seen) >= 0);
	s->released_seen = released;
	s->produced_seen = produced;
	if (s->beside != NULL && s->beside->look) {
		s->beside->look = false;
		beside_check(s);
		if (stream_peer(s) != NULL)
			beside_check(stream_peer(s));
	}
	if (s->state_seen != sdp_state(&s->conn)) {
		s->state_seen = sdp_state(&s->conn);
		stream_trace(s, now, "state", (uint64_t)s->state_seen);
	}
}
