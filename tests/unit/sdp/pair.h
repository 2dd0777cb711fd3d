/* SPDX-License-Identifier: BSD-3-Clause */
/* Two connections and the wire between them, real frames on it: whoever holds the pair decides
 * which frame arrives next, which is lost and when time passes. */
#ifndef SAND_TESTS_UNIT_SDP_PAIR_H
#define SAND_TESTS_UNIT_SDP_PAIR_H

#include "test.h"

#include <string.h>

#include "san_err.h"
#include "sdp_msg.h"
#include "sdp_priv.h"

#define PAIR_PMTU  256u
#define PAIR_RING  4096u
#define PAIR_QUEUE 64
#define PAIR_FRAME 400

struct pair_end {
	struct sdp_conn c;
	struct sdp_lent lent;
	struct rc_mr mr[4];
	struct rc_mrs mrs;
	uint8_t tx[PAIR_RING], rx[PAIR_RING];
	uint32_t written, read; /* by its program */
	uint32_t events;
	/* Frames it sent, oldest first. */
	uint8_t frame[PAIR_QUEUE][PAIR_FRAME];
	uint16_t len[PAIR_QUEUE];
	uint32_t frames;
};

struct pair {
	struct san_time now;
	struct pair_end end[2];
};

/* What differs between tests; zero: nothing is read in place. */
struct pair_setup {
	uint32_t threshold[2];
	uint8_t depth[2];	/* READs each may have under way */
	uint16_t credits_first; /* 0: as many as the rings are worth */
};

static inline uint8_t
pair_byte(int side, uint32_t pos)
{
	return (uint8_t)(pos * 31u + (pos >> 8) + (uint32_t)side * 101u);
}

static inline void
pair_open_end(struct pair *p, int side, const struct pair_setup *s)
{
	struct pair_end *e = &p->end[side];
	uint16_t credits = sdp_initial_credits(PAIR_RING, PAIR_PMTU);
	struct sdp_open o = {
	    .active = side == 0,
	    .qpn = 0x10u + (uint32_t)side,
	    .peer_qpn = 0x10u + (uint32_t)!side,
	    .rq_psn = side == 0 ? 3 : 0xfffffe,
	    .sq_psn = side == 0 ? 0xfffffe : 3,
	    .pmtu = PAIR_PMTU,
	    .local_rcv_size = PAIR_PMTU,
	    .peer_rcv_size = PAIR_PMTU,
	    .local_credits = credits,
	    .peer_credits = credits,
	    .tx = {e->tx, PAIR_RING},
	    .rx = {e->rx, PAIR_RING},
	    .rc = {.retry_count = 7,
		.rnr_retry = 0,
		.min_rnr_timer = 12,
		.window_packets = 32,
		.rto_initial = SAN_DURATION_MS(10),
		.rto_min = SAN_DURATION_MS(1),
		.rto_max = SAN_DURATION_MS(50),
		.give_up = SAN_DURATION_S(20),
		.ack_delay = SAN_DURATION_US(20)},
	    .disconn_timeout = SAN_DURATION_S(60),
	    .linger_timeout = SAN_DURATION_S(2),
	    .lent = &e->lent,
	    .zcopy = true,
	    .mrs = &e->mrs,
	    .responder_resources = s->depth[!side],
	    .initiator_depth = s->depth[side],
	    .zcopy_threshold = s->threshold[side],
	};

	if (s->credits_first != 0)
		o.local_credits = o.peer_credits = s->credits_first;
	assert_int_equal(rc_mrs_init(&e->mrs, e->mr, 4, (struct prng){7}), 0);
	assert_int_equal(sdp_conn_init(&e->c, &o, p->now), 0);
}

static inline void
pair_open(struct pair *p, const struct pair_setup *s)
{
	memset(p, 0, sizeof *p);
	p->now.ns = 1000000;
	pair_open_end(p, 0, s);
	pair_open_end(p, 1, s);
}

/* What must hold after every step. */
static inline void
pair_check(const struct pair *p)
{
	for (int i = 0; i < 2; i++) {
		const struct sdp_session *s = &p->end[i].c.s, *peer = &p->end[!i].c.s;
		int32_t lent = seq32_diff(s->rx_limit, s->mseq_received) - 2;
		uint32_t to_come = s->reading ? s->lent->zcopy.sink.asked - s->rx_produced : 0;

		assert_int_equal(s->violation, SDP_VIOLATION_NONE);
		assert_int_equal(s->qp.counters.rnr_sent, 0);
		assert_int_equal(s->qp.counters.refused, 0);
		assert_int_equal(s->qp.counters.rx_naks_fatal, 0);
		if (s->deaf || peer->deaf)
			continue;
		assert_true(lent >= 0 && (uint32_t)lent * s->rx_payload_max + to_come <=
					     PAIR_RING - (s->rx_produced - s->rx_consumed));
		assert_true(seq32_diff(peer->tx_limit, s->rx_limit) <= 0);
		assert_true(seq32_diff(s->tx_released, peer->rx_produced) <= 0);
		assert_true(seq32_diff(peer->rx_produced, s->tx_produced) <= 0);
	}
}

/* Everything `side` has to say goes onto the wire; what does not fit there is lost. */
static inline void
pair_emit(struct pair *p, int side)
{
	static const struct roce_path path = {
	    .src = {.b = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 1}},
	    .dst = {.b = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 2}},
	    .vlan = ROCE_VLAN_NONE,
	    .sport = 0xc001,
	    .hop_limit = 64};
	struct pair_end *e = &p->end[side];
	struct roce_tx tx;
	int len;

	while (sdp_emit(&e->c, &tx, 1, p->now) == 1) {
		if (e->frames == PAIR_QUEUE)
			continue;
		len = roce_encode(e->frame[e->frames], PAIR_FRAME, &path, &tx);
		assert_true(len > 0);
		e->len[e->frames++] = (uint16_t)len;
	}
	e->events |= sdp_events_take(&e->c);
}

static inline void
pair_emit_both(struct pair *p)
{
	pair_emit(p, 0);
	pair_emit(p, 1);
	pair_check(p);
}

/* The oldest frame of `side` is gone, delivered before or not. */
static inline void
pair_drop(struct pair *p, int side)
{
	struct pair_end *e = &p->end[side];

	e->frames--;
	memmove(e->frame[0], e->frame[1], e->frames * sizeof e->frame[0]);
	memmove(e->len, e->len + 1, e->frames * sizeof e->len[0]);
}

static inline void
pair_deliver(struct pair *p, int side)
{
	struct pair_end *e = &p->end[side];
	uint8_t frame[PAIR_FRAME];
	uint16_t len = e->len[0];
	struct roce_pkt pkt;

	assert_true(e->frames > 0);
	memcpy(frame, e->frame[0], len);
	pair_drop(p, side);
	assert_int_equal(roce_decode(frame, len, &pkt), ROCE_OK);
	sdp_packet_receive(&p->end[!side].c, &pkt, NULL, p->now);
	pair_emit_both(p);
}

/* The program of `side` writes up to `n` bytes; returns how many fit. */
static inline uint32_t
pair_write(struct pair *p, int side, uint32_t n)
{
	struct pair_end *e = &p->end[side];
	uint32_t room = PAIR_RING - (e->written - sdp_tx_released(&e->c));

	n = n > room ? room : n;
	for (uint32_t i = 0; i < n; i++, e->written++)
		e->tx[e->written & (PAIR_RING - 1)] = pair_byte(side, e->written);
	assert_int_equal(sdp_tx_produced(&e->c, e->written, p->now), 0);
	pair_emit_both(p);
	return n;
}

/* The program of `side` reads up to `n` bytes: they are what the other one wrote. */
static inline uint32_t
pair_read(struct pair *p, int side, uint32_t n)
{
	struct pair_end *e = &p->end[side];
	uint32_t there = sdp_rx_produced(&e->c) - e->read;

	n = n > there ? there : n;
	for (uint32_t i = 0; i < n; i++, e->read++)
		assert_int_equal(e->rx[e->read & (PAIR_RING - 1)], pair_byte(!side, e->read));
	assert_int_equal(sdp_rx_consumed(&e->c, e->read, p->now), 0);
	pair_emit_both(p);
	return n;
}

/* Frames arrive in order until there is none; no time passes. */
static inline void
pair_run(struct pair *p)
{
	pair_emit_both(p);
	for (unsigned i = 0; p->end[0].frames + p->end[1].frames != 0; i++)
		if (p->end[i & 1].frames != 0)
			pair_deliver(p, (int)(i & 1));
}

/* The next deadline of either comes; false: there is none within `most`. */
static inline bool
pair_wait(struct pair *p, struct san_duration most)
{
	struct san_time at = san_time_min(sdp_deadline(&p->end[0].c), sdp_deadline(&p->end[1].c));

	if (at.ns > san_time_add(p->now, most).ns)
		return false;
	p->now = at;
	sdp_deadline_expire(&p->end[0].c, p->now);
	sdp_deadline_expire(&p->end[1].c, p->now);
	pair_emit_both(p);
	return true;
}

/* Until nothing happens any more within a minute; both programs read all there is. */
static inline void
pair_finish(struct pair *p)
{
	do {
		do {
			pair_run(p);
		} while (pair_read(p, 0, PAIR_RING) + pair_read(p, 1, PAIR_RING) != 0);
	} while (pair_wait(p, SAN_DURATION_S(1)));
}

/* Everything written has arrived, and nothing is left that could be read by key. */
static inline void
pair_expect_done(const struct pair *p)
{
	for (int i = 0; i < 2; i++) {
		assert_int_equal(p->end[i].read, p->end[!i].written);
		assert_int_equal(sdp_tx_released(&p->end[i].c), p->end[i].written);
		assert_int_equal(p->end[i].mrs.used, 0);
	}
}

#endif
