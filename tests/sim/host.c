/* SPDX-License-Identifier: BSD-3-Clause */
#include "host.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "san_err.h"
#include "san_limits.h"
#include "sdp_msg.h"
#include "sdp_priv.h"

#define EMIT_BURST    32
#define DREQ_INTERVAL SAN_DURATION_MS(20)
#define DREQ_TRIES    40
#define KEEPALIVE     SAN_DURATION_S(1)

/* The stand-in's datagrams: UD SENDs between the QP1s, one word of payload. */
#define CM_DREQ 0x44524551u
#define CM_DREP 0x44524550u

uint8_t
host_byte(uint8_t side, uint64_t pos)
{
	uint64_t z = (pos >> 3) * UINT64_C(0x9e3779b97f4a7c15) + side;

	return (uint8_t)((z ^ z >> 29) >> ((pos & 7) * 8));
}

static void
trace(const struct host *h, struct san_time now, const char *what, uint64_t value)
{
	if (h->trace)
		printf("%12.3f us  %c  %-14s %" PRIu64 "  [%s]\n", (double)now.ns / 1e3,
		    'A' + h->side, what, value, sdp_state_name(sdp_state(&h->conn)));
}

void
host_init(
    struct host *h, struct link *l, const struct host_setup *s, uint64_t seed, struct san_time now)
{
	uint8_t *tx = malloc(s->ring_tx), *rx = malloc(s->ring_rx);
	uint8_t side = h->side;

	san_check(tx != NULL && rx != NULL);
	memset(h, 0, sizeof *h);
	h->side = side;
	h->link = l;
	h->prng.state = seed;
	h->open = (struct sdp_open){
	    .active = s->active,
	    .qpn = s->qpn,
	    .peer_qpn = s->peer_qpn,
	    .rq_psn = s->psn,
	    .sq_psn = s->peer_psn,
	    .pmtu = s->pmtu,
	    .local_rcv_size = s->pmtu,
	    .peer_rcv_size = s->pmtu,
	    .local_credits = sdp_initial_credits(s->ring_rx, s->pmtu),
	    .peer_credits = sdp_initial_credits(s->peer_ring_rx, s->pmtu),
	    .tx = {tx, s->ring_tx},
	    .rx = {rx, s->ring_rx},
	    .rc = s->rc,
	    .disconn_timeout = s->disconn_timeout,
	    .linger_timeout = s->linger_timeout,
	};
	h->path = (struct roce_path){
	    .src = san_ip_v4(0x0a000001u + side),
	    .dst = san_ip_v4(0x0a000001u + !side),
	    .vlan = ROCE_VLAN_NONE,
	    .sport = roce_sport(s->qpn, s->peer_qpn),
	    .hop_limit = 64,
	};
	san_check(sdp_conn_init(&h->conn, &h->open, now) == 0);
	h->state_seen = sdp_state(&h->conn);
	h->write_at = h->read_at = now;
	h->keepalive_at = san_time_add(now, KEEPALIVE);
	h->dreq_at = SAN_TIME_NEVER;
}

void
host_fini(struct host *h)
{
	free(h->open.tx.base);
	free(h->open.rx.base);
}

/* ---- the wire */

static void
send_packet(struct host *h, const struct roce_tx *tx, struct san_time now)
{
	uint8_t frame[SAN_FRAME_MAX];
	int len = roce_encode(frame, sizeof frame, &h->path, tx);

	san_check(len > 0);
	link_send(h->link, h->side, frame, (uint32_t)len, now);
}

static void
cm_send(struct host *h, uint32_t word, struct san_time now)
{
	struct roce_tx tx = {.opcode = ROCE_UD_SEND_ONLY, .dest_qp = 1, .inline_len = 4};

	tx.ext.qkey = 0x80010000;
	tx.ext.src_qp = 1;
	be32_put(tx.inline_bytes, word);
	trace(h, now, word == CM_DREQ ? "send DREQ" : "send DREP", 0);
	send_packet(h, &tx, now);
}

static void
cm_receive(struct host *h, const struct roce_pkt *p, struct san_time now)
{
	uint32_t word = p->payload_len == 4 ? be32_get(p->payload) : 0;

	if (word == CM_DREQ) {
		trace(h, now, "DREQ", 0);
		cm_send(h, CM_DREP, now);
		sdp_dreq_received(&h->conn, now);
	} else if (word == CM_DREP && h->dreq_pending) {
		trace(h, now, "DREP", 0);
		h->dreq_pending = false;
		h->dreq_at = SAN_TIME_NEVER;
		sdp_dreq_finished(&h->conn, now);
	}
}

static void
cm_step(struct host *h, struct san_time now)
{
	if (!h->dreq_pending || !san_time_reached(h->dreq_at, now))
		return;
	if (h->dreq_left-- == 0) {
		h->dreq_pending = false;
		h->dreq_at = SAN_TIME_NEVER;
		sdp_dreq_finished(&h->conn, now);
		return;
	}
	cm_send(h, CM_DREQ, now);
	h->dreq_at = san_time_add(now, DREQ_INTERVAL);
}

void
host_frame(struct host *h, uint8_t *bytes, uint32_t len, struct san_time now)
{
	struct roce_pkt p;

	if (roce_decode(bytes, len, &p) != ROCE_OK) {
		h->rx_bad_frames++;
		return;
	}
	if (p.opcode == ROCE_UD_SEND_ONLY) {
		cm_receive(h, &p, now);
		return;
	}
	if (h->trace && p.payload_len >= SDP_BSDH_LEN)
		trace(h, now, sdp_mid_name(p.payload[0]), p.psn);
	else
		trace(h, now,
		    p.opcode == ROCE_RC_ACK ? (p.ext.syndrome & 0x60 ? "NAK" : "ACK") : "probe",
		    p.psn);
	sdp_packet_receive(&h->conn, &p, now);
}

/* ---- the program */

static struct san_duration
pause_of(struct host *h, struct san_duration max)
{
	return (struct san_duration){max.ns == 0 ? 0 : prng_u64(&h->prng) % max.ns};
}

void
host_write(struct host *h, struct san_time now)
{
	uint32_t used = (uint32_t)h->written - sdp_tx_released(&h->conn);
	uint32_t n = 1 + prng_below(&h->prng, h->script.write_max), i;

	if (h->shut || h->written == h->script.write_total || !san_time_reached(h->write_at, now))
		return;
	san_check(used <= h->open.tx.size);
	if (n > h->open.tx.size - used)
		n = h->open.tx.size - used;
	if (n > h->script.write_total - h->written)
		n = (uint32_t)(h->script.write_total - h->written);
	if (n == 0)
		return; /* TX_ROOM calls again */
	for (i = 0; i < n; i++)
		h->open.tx.base[(h->written + i) & (h->open.tx.size - 1)] =
		    host_byte(h->side, h->written + i);
	h->written += n;
	san_check(sdp_tx_produced(&h->conn, (uint32_t)h->written, now) == 0);
	if (h->script.urgent != 0 && prng_below(&h->prng, h->script.urgent) == 0) {
		sdp_tx_urgent(&h->conn, (uint32_t)h->written);
		h->urgent_sent = (uint32_t)h->written;
	}
	h->write_at = san_time_add(now, pause_of(h, h->script.write_pause_max));
}

static void
program_read(struct host *h, struct san_time now)
{
	uint32_t avail = sdp_rx_produced(&h->conn) - (uint32_t)h->read;
	uint32_t n = 1 + prng_below(&h->prng, h->script.read_max), i;

	san_check(avail <= h->open.rx.size);
	if (h->closed || avail == 0 || !san_time_reached(h->read_at, now))
		return;
	if (n > avail)
		n = avail;
	for (i = 0; i < n; i++)
		san_check(h->open.rx.base[(h->read + i) & (h->open.rx.size - 1)] ==
			  host_byte(!h->side, h->read + i));
	h->read += n;
	san_check(sdp_rx_consumed(&h->conn, (uint32_t)h->read, now) == 0);
	h->read_at = san_time_add(now, pause_of(h, h->script.read_pause_max));
}

void
host_close(struct host *h, enum sdp_close_how how, struct san_time now)
{
	bool unread = sdp_rx_produced(&h->conn) != (uint32_t)h->read;

	trace(h, now, "close", how);
	h->shut = h->closed = true;
	/* What control/ does: a close with unread data is abortive. */
	sdp_close(&h->conn, unread ? SDP_CLOSE_ABORT : how, now);
}

void
host_shut(struct host *h, struct san_time now)
{
	trace(h, now, "shut", 0);
	h->shut = true;
	sdp_shut(&h->conn, now);
}

static void
program_end(struct host *h, struct san_time now)
{
	bool all_written = h->written == h->script.write_total;
	bool all_read = (h->eof || h->dead) && sdp_rx_produced(&h->conn) == (uint32_t)h->read;

	if (h->closed)
		return;
	if (h->dead) { /* what arrived before can still be read */
		if (all_read)
			host_close(h, SDP_CLOSE_GRACEFUL, now);
		return;
	}
	switch (h->script.ending) {
	case HOST_SHUT_THEN_CLOSE:
		if (all_written && !h->shut)
			host_shut(h, now);
		if (h->shut && all_read)
			host_close(h, SDP_CLOSE_GRACEFUL, now);
		break;
	case HOST_CLOSE:
		if (all_written)
			host_close(h, SDP_CLOSE_GRACEFUL, now);
		break;
	case HOST_CLOSE_AT:
		if (san_time_reached(h->script.end_at, now))
			host_close(h, SDP_CLOSE_GRACEFUL, now);
		break;
	case HOST_ABORT_AT:
		if (san_time_reached(h->script.end_at, now))
			host_close(h, SDP_CLOSE_ABORT, now);
		break;
	case HOST_PORT_DOWN_AT:
		if (san_time_reached(h->script.end_at, now))
			sdp_port_down(&h->conn, now);
		break;
	case HOST_WAIT:
		if (all_read && all_written)
			host_close(h, SDP_CLOSE_GRACEFUL, now);
		break;
	}
}

/* ---- the engine */

/* What must hold after every step. */
static void
engine_check(struct host *h, struct san_time now)
{
	const struct sdp_session *s = &h->conn.s;
	uint32_t released = sdp_tx_released(&h->conn), produced = sdp_rx_produced(&h->conn);

	san_check(sdp_credits(s) >= 0);
	san_check(produced - (uint32_t)h->read <= h->open.rx.size);
	san_check(seq32_diff(released, h->released_seen) >= 0);
	san_check(seq32_diff((uint32_t)h->written, released) >= 0);
	san_check(seq32_diff(produced, h->produced_seen) >= 0);
	/* The peer is the same engine: whatever the network does, none of these may happen. */
	san_check(s->counters.rx_violations == 0);
	san_check(s->qp.counters.refused == 0 && s->qp.counters.rnr_sent == 0);
	san_check(s->qp.counters.rx_naks_fatal == 0 && s->qp.counters.rx_unexpected == 0);
	san_check(s->counters.fsm_illegal == 0);
	/* What is posted has left: see post_next in tx.c. */
	san_check(s->qp.high == s->qp.nxt || sdp_state(&h->conn) == SDP_STATE_DEAD);
	/* A closing state without a deadline could last for ever; a deadline in the past is a busy
	 * loop. */
	if (h->closed && sdp_state(&h->conn) != SDP_STATE_DEAD)
		san_check(h->conn.fsm.at.ns != UINT64_MAX);
	san_check(!sdp_has_work(&h->conn, now));
	san_check(sdp_deadline(&h->conn).ns > now.ns);
	h->released_seen = released;
	h->produced_seen = produced;
	if (h->state_seen != sdp_state(&h->conn)) {
		h->state_seen = sdp_state(&h->conn);
		trace(h, now, "state", (uint64_t)h->state_seen);
	}
}

static void
engine_emit(struct host *h, struct san_time now)
{
	struct roce_tx out[EMIT_BURST];
	size_t n, i;

	do {
		n = sdp_emit(&h->conn, out, EMIT_BURST, now);
		for (i = 0; i < n; i++)
			send_packet(h, &out[i], now);
	} while (n == EMIT_BURST);
}

static void
engine_events(struct host *h, struct san_time now)
{
	uint32_t ev = sdp_events_take(&h->conn);

	h->events |= ev;
	if (ev & SDP_EV_EOF)
		h->eof = true;
	if (ev & SDP_EV_DEAD) {
		h->dead = true;
		trace(h, now, "dead, error", (uint64_t)-sdp_error(&h->conn));
	}
	if (ev & SDP_EV_URGENT)
		h->urgent_seen = sdp_urgent_pos(&h->conn);
	if (ev & SDP_EV_WANT_DREQ) {
		h->dreq_pending = true;
		h->dreq_left = DREQ_TRIES;
		h->dreq_at = now;
	}
}

void
host_step(struct host *h, struct san_time now)
{
	if (san_time_reached(sdp_deadline(&h->conn), now))
		sdp_deadline_expire(&h->conn, now);
	if (san_time_reached(h->keepalive_at, now)) {
		sdp_keepalive(&h->conn, now);
		h->keepalive_at = san_time_add(now, KEEPALIVE);
	}
	engine_events(h, now);
	program_read(h, now);
	host_write(h, now);
	program_end(h, now);
	engine_emit(h, now);
	engine_events(h, now);
	cm_step(h, now);
	engine_events(h, now);
	engine_check(h, now);
}

struct san_time
host_next(const struct host *h)
{
	struct san_time t = san_time_min(sdp_deadline(&h->conn), h->dreq_at);

	if (!h->shut && h->written != h->script.write_total &&
	    (uint32_t)h->written - sdp_tx_released(&h->conn) < h->open.tx.size)
		t = san_time_min(t, h->write_at);
	if (!h->closed && sdp_rx_produced(&h->conn) != (uint32_t)h->read)
		t = san_time_min(t, h->read_at);
	if (!h->closed && !h->dead)
		t = san_time_min(t, h->script.end_at);
	if (!h->dead)
		t = san_time_min(t, h->keepalive_at);
	return t;
}

bool
host_done(const struct host *h)
{
	return h->dead && h->closed && !h->dreq_pending;
}
