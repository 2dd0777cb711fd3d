/* SPDX-License-Identifier: BSD-3-Clause */
/* Two ends of one connection and the air between them: packets are lost, doubled and delayed as
 * the test says. Time passes only when nothing is left to do. */
#ifndef SAND_TESTS_UNIT_VERBS_PAIR_H
#define SAND_TESTS_UNIT_VERBS_PAIR_H

#include "test.h"

#include <string.h>

#include "prng.h"
#include "san_err.h"
#include "seq.h"
#include "verbs.h"

#define PMTU	  256u
#define QUEUE	  64u
#define EARLY	  8192u
#define AIR	  512u
#define AIR_DELAY SAN_DURATION_US(5)
#define RESOURCES 4u
#define REGIONS	  16u
#define PD	  7u

struct pair_end {
	struct verbs v;
	struct verbs_send_slot send[QUEUE];
	struct verbs_recv_slot recv[QUEUE];
	uint8_t early[EARLY];
	struct rc_mrs mrs;
	struct rc_mr mr[REGIONS];
	struct rc_resource resources[RESOURCES];
};

struct pair_packet {
	struct roce_pkt pkt;
	struct san_time at;
	uint64_t order;
	uint8_t to;
	uint8_t bytes[PMTU];
};

struct pair {
	struct pair_end end[2];
	struct san_time now;
	struct prng prng;
	uint32_t loss, duplicate, reorder; /* of a thousand */
	uint64_t sent, order;
	uint32_t in_air;
	struct pair_packet air[AIR];
};

/* PSNs start just below the wrap, so that every test crosses it. */
static inline struct verbs_open
pair_open(struct pair *p, int side)
{
	struct pair_end *e = &p->end[side];

	return (struct verbs_open){
	    .rc =
		{
		    .qpn = 0x10u + side,
		    .peer_qpn = 0x11u - side,
		    .rq_psn = side ? 0xfffffcu : 0xfffffeu,
		    .sq_psn = side ? 0xfffffeu : 0xfffffcu,
		    .pmtu = PMTU,
		    .mrs = &e->mrs,
		    .pd = PD,
		    .resources = e->resources,
		    .resource_count = RESOURCES,
		    .initiator_depth = RESOURCES,
		    .params =
			{
			    .retry_count = 7,
			    .rnr_retry = 7,
			    .min_rnr_timer = 1,
			    .window_packets = 32,
			    .rto_initial = SAN_DURATION_MS(1),
			    .rto_min = SAN_DURATION_US(100),
			    .rto_max = SAN_DURATION_MS(2),
			    .ack_delay = SAN_DURATION_US(20),
			},
		},
	    .send = e->send,
	    .send_count = QUEUE,
	    .recv = e->recv,
	    .recv_count = QUEUE,
	};
}

static inline void
pair_start(struct pair *p, uint64_t seed)
{
	memset(p, 0, sizeof *p);
	p->now.ns = 1000000;
	p->prng.state = seed;
}

static inline void
pair_init(struct pair *p, uint64_t seed)
{
	struct verbs_open o;

	pair_start(p, seed);
	for (int side = 0; side < 2; side++) {
		assert_int_equal(
		    rc_mrs_init(&p->end[side].mrs, p->end[side].mr, REGIONS, p->prng), 0);
		o = pair_open(p, side);
		assert_int_equal(verbs_init(&p->end[side].v, &o, p->now), 0);
	}
}

/* What the peer's network card would have read off the wire. */
static inline void
pair_packet_make(struct pair_packet *k, const struct roce_tx *tx)
{
	uint32_t len = tx->inline_len;

	memset(k, 0, sizeof *k);
	assert_true(roce_tx_payload_len(tx) <= PMTU);
	memcpy(k->bytes, tx->inline_bytes, len);
	for (int i = 0; i < tx->seg_count; i++) {
		memcpy(k->bytes + len, tx->seg[i].base, tx->seg[i].len);
		len += tx->seg[i].len;
	}
	k->pkt = (struct roce_pkt){
	    .opcode = tx->opcode,
	    .se = tx->se,
	    .ackreq = tx->ackreq,
	    .dest_qp = tx->dest_qp,
	    .psn = tx->psn,
	    .ext = tx->ext,
	    .payload_len = (uint16_t)len,
	};
}

static inline bool
pair_chance(struct pair *p, uint32_t thousandth)
{
	return prng_below(&p->prng, 1000) < thousandth;
}

static inline void
pair_throw(struct pair *p, int from, const struct roce_tx *tx)
{
	struct pair_packet *k = &p->air[p->in_air];

	p->sent++;
	if (pair_chance(p, p->loss))
		return;
	assert_true(p->in_air < AIR);
	pair_packet_make(k, tx);
	k->to = (uint8_t)!from;
	k->order = p->order++;
	k->at = san_time_add(p->now, AIR_DELAY);
	if (pair_chance(p, p->reorder))
		k->at = san_time_add(k->at, SAN_DURATION_US(20));
	p->in_air++;
}

static inline bool
pair_emit(struct pair *p)
{
	struct roce_tx tx;
	bool any = false;

	for (int side = 0; side < 2; side++) {
		memset(&tx, 0, sizeof tx);
		while (verbs_emit(&p->end[side].v, &tx, p->now)) {
			pair_throw(p, side, &tx);
			if (pair_chance(p, p->duplicate))
				pair_throw(p, side, &tx);
			any = true;
		}
	}
	return any;
}

/* The packet that arrives first. */
static inline struct pair_packet *
pair_first(struct pair *p)
{
	struct pair_packet *best = NULL;

	for (uint32_t i = 0; i < p->in_air; i++) {
		struct pair_packet *k = &p->air[i];

		if (best == NULL || k->at.ns < best->at.ns ||
		    (k->at.ns == best->at.ns && k->order < best->order))
			best = k;
	}
	return best;
}

static inline struct san_time
pair_next(struct pair *p)
{
	struct pair_packet *k = pair_first(p);
	struct san_time at =
	    san_time_min(verbs_deadline(&p->end[0].v), verbs_deadline(&p->end[1].v));

	return k == NULL ? at : san_time_min(at, k->at);
}

/* One event; false when nothing will happen any more. */
static inline bool
pair_step(struct pair *p)
{
	struct pair_packet *k, packet;
	struct san_time at;

	pair_emit(p);
	at = pair_next(p);
	if (at.ns == UINT64_MAX)
		return false;
	if (at.ns > p->now.ns)
		p->now = at;
	k = pair_first(p);
	if (k != NULL && k->at.ns <= p->now.ns) {
		packet = *k;
		*k = p->air[--p->in_air];
		packet.pkt.payload = packet.bytes;
		verbs_receive(&p->end[packet.to].v, &packet.pkt, p->now);
	}
	for (int side = 0; side < 2; side++)
		verbs_deadline_expire(&p->end[side].v, p->now);
	return true;
}

static inline void
pair_settle(struct pair *p)
{
	for (int i = 0; pair_step(p); i++)
		assert_true(i < 1000000);
}

/* One buffer, no more. */
static inline struct verbs_send
pair_send(uint8_t op, uint64_t cookie, void *base, uint32_t len)
{
	return (struct verbs_send){
	    .op = op, .cookie = cookie, .sge_count = 1, .sge[0] = {base, len}};
}

static inline void
pair_post_recv(struct pair *p, int side, uint64_t cookie, void *base, uint32_t len)
{
	struct verbs_recv wr = {.cookie = cookie, .sge_count = 1, .sge[0] = {base, len}};

	assert_int_equal(verbs_post_recv(&p->end[side].v, &wr), 0);
}

static inline void
pair_post_send(struct pair *p, int side, uint64_t cookie, void *base, uint32_t len)
{
	struct verbs_send wr = pair_send(VERBS_SEND, cookie, base, len);

	assert_int_equal(verbs_post_send(&p->end[side].v, &wr), 0);
}

static inline bool
pair_take(struct pair *p, int side, struct verbs_done *d)
{
	return verbs_send_take(&p->end[side].v, d) || verbs_recv_take(&p->end[side].v, d);
}

/* The next completion, sends first, is of this request and says this. */
static inline struct verbs_done
pair_expect(struct pair *p, int side, uint64_t cookie, uint8_t status)
{
	struct verbs_done d;

	assert_true(pair_take(p, side, &d));
	assert_int_equal(d.cookie, cookie);
	assert_string_equal(verbs_status_name(d.status), verbs_status_name(status));
	return d;
}

static inline void
pair_expect_nothing(struct pair *p, int side)
{
	struct verbs_done d;

	assert_false(pair_take(p, side, &d));
}

#endif
