/* SPDX-License-Identifier: BSD-3-Clause */
/* Two connections in message mode, their programs' rings, and the air between them: packets are
 * lost, doubled and delayed as the test says. Time passes only when nothing is left to do. */
#ifndef SAND_TESTS_UNIT_MSG_PAIR_H
#define SAND_TESTS_UNIT_MSG_PAIR_H

#include "test.h"

#include <string.h>

#include "msg_conn.h"
#include "prng.h"
#include "san_err.h"

enum {
	PMTU = 256,
	RING = 8192,
	REGION = 4096,
	RESOURCES = 4,
	AIR = 512,
};
#define VA	  0x7000000000ull
#define AIR_DELAY SAN_DURATION_US(5)

struct end {
	struct msg_conn c;
	struct verbs_send_slot slots[MSG_SLOTS];
	struct rc_resource resources[RESOURCES];
	struct rc_mrs mrs;
	struct rc_mr mr[4];
	uint32_t key, far_key; /* of `region`: as near memory, as far memory */
	bool far_gone;	       /* far memory cannot be had any more */
	uint8_t region[REGION];
	uint8_t tx_bytes[RING], rx_bytes[RING];
	struct byte_ring tx, rx;
	uint32_t tx_tail, rx_head; /* the program's positions */
	uint32_t events;
};

struct packet {
	struct roce_pkt pkt;
	struct san_time at;
	uint8_t to;
	uint8_t bytes[PMTU];
};

struct pair {
	struct end end[2];
	struct san_time now;
	struct prng prng;
	uint32_t loss, duplicate, reorder; /* of a thousand */
	uint32_t in_air;
	struct packet air[AIR]; /* by time */
};

static inline struct msg_open
pair_open(struct pair *p, int side)
{
	struct end *e = &p->end[side];

	return (struct msg_open){
	    .rc = {.qpn = 0x10u + side,
		.peer_qpn = 0x11u - side,
		.rq_psn = side ? 0xfffffcu : 0xfffffeu,
		.sq_psn = side ? 0xfffffeu : 0xfffffcu,
		.pmtu = PMTU,
		.flow_control = true,
		.mrs = &e->mrs,
		.pd = 7,
		.resources = e->resources,
		.resource_count = RESOURCES,
		.initiator_depth = RESOURCES,
		.params = {.retry_count = 7,
		    .rnr_retry = 7,
		    .min_rnr_timer = 1,
		    .window_packets = 32,
		    .rto_initial = SAN_DURATION_MS(1),
		    .rto_min = SAN_DURATION_US(100),
		    .rto_max = SAN_DURATION_MS(2),
		    .ack_delay = SAN_DURATION_US(20)}},
	    .tx = e->tx,
	    .rx = e->rx,
	    .slots = e->slots,
	    .send_max = shm_record_max(RING),
	    .linger_timeout = SAN_DURATION_MS(50),
	};
}

static inline void
pair_init(struct pair *p, uint64_t seed)
{
	memset(p, 0, sizeof *p);
	p->now.ns = 1000000;
	p->prng.state = seed;
	for (int side = 0; side < 2; side++) {
		struct end *e = &p->end[side];
		struct msg_open o;

		e->tx = (struct byte_ring){e->tx_bytes, RING};
		e->rx = (struct byte_ring){e->rx_bytes, RING};
		assert_int_equal(rc_mrs_init(&e->mrs, e->mr, 4, p->prng), 0);
		assert_int_equal(rc_mr_register(&e->mrs, 7, VA, e->region, REGION,
				     RC_ACCESS_REMOTE_READ | RC_ACCESS_REMOTE_WRITE, &e->key),
		    0);
		assert_int_equal(rc_mr_register(&e->mrs, 7, VA, NULL, REGION,
				     RC_ACCESS_REMOTE_READ | RC_ACCESS_REMOTE_WRITE, &e->far_key),
		    0);
		o = pair_open(p, side);
		assert_int_equal(msg_conn_init(&e->c, &o, p->now), 0);
	}
}

static inline bool
pair_chance(struct pair *p, uint32_t thousandth)
{
	return prng_below(&p->prng, 1000) < thousandth;
}

/* What the peer's network card would have read off the wire. */
static inline void
pair_throw(struct pair *p, int from, const struct roce_tx *tx)
{
	struct packet k = {.to = (uint8_t)!from, .at = san_time_add(p->now, AIR_DELAY)};
	uint32_t len = tx->inline_len, at;

	if (pair_chance(p, p->loss))
		return;
	assert_true(roce_tx_payload_len(tx) <= PMTU && p->in_air < AIR);
	memcpy(k.bytes, tx->inline_bytes, len);
	for (int i = 0; i < tx->seg_count; i++) {
		memcpy(k.bytes + len, tx->seg[i].base, tx->seg[i].len);
		len += tx->seg[i].len;
	}
	k.pkt = (struct roce_pkt){.opcode = tx->opcode,
	    .se = tx->se,
	    .ackreq = tx->ackreq,
	    .dest_qp = tx->dest_qp,
	    .psn = tx->psn,
	    .ext = tx->ext,
	    .payload_len = (uint16_t)len};
	if (pair_chance(p, p->reorder))
		k.at = san_time_add(k.at, SAN_DURATION_US(20));
	for (at = p->in_air++; at > 0 && p->air[at - 1].at.ns > k.at.ns; at--)
		p->air[at] = p->air[at - 1];
	p->air[at] = k;
}

/* What the owner of far memory does for a packet on its way out; false: nothing else of its batch
 * leaves. */
static inline bool
pair_far_read(struct pair *p, struct end *e, struct roce_tx *tx)
{
	if (tx->seg_count == 0 || tx->seg[0].base != NULL || tx->seg[0].len == 0)
		return true;
	assert_int_equal(tx->ext.rkey, e->far_key);
	tx->seg[0].base = e->region + (tx->ext.va - VA);
	if (e->far_gone)
		msg_answer_refuse(&e->c, tx, p->now);
	return !e->far_gone;
}

static inline void
pair_far_write(struct pair *p, struct end *e)
{
	struct rc_far far;

	if (!msg_far_write(&e->c, &far))
		return;
	assert_int_equal(far.key, e->far_key);
	if (e->far_gone)
		msg_far_refuse(&e->c, p->now);
	else
		memcpy(e->region + (far.va - VA), far.bytes, far.len);
}

static inline void
pair_emit(struct pair *p)
{
	struct roce_tx tx[4];
	size_t n;

	for (int side = 0; side < 2; side++) {
		while ((n = msg_emit(&p->end[side].c, tx, 4, p->now)) != 0)
			for (size_t i = 0; i < n; i++) {
				if (!pair_far_read(p, &p->end[side], &tx[i]))
					n = i + 1;
				pair_throw(p, side, &tx[i]);
				if (pair_chance(p, p->duplicate))
					pair_throw(p, side, &tx[i]);
			}
		p->end[side].events |= msg_events_take(&p->end[side].c);
	}
}

/* One thing that happens; false when nothing will any more. */
static inline bool
pair_step(struct pair *p)
{
	struct san_time at;
	struct packet k;

	pair_emit(p);
	at = san_time_min(msg_deadline(&p->end[0].c), msg_deadline(&p->end[1].c));
	if (p->in_air > 0)
		at = san_time_min(at, p->air[0].at);
	if (at.ns == UINT64_MAX)
		return false;
	if (at.ns > p->now.ns)
		p->now = at;
	if (p->in_air > 0 && p->air[0].at.ns <= p->now.ns) {
		k = p->air[0];
		memmove(&p->air[0], &p->air[1], --p->in_air * sizeof p->air[0]);
		k.pkt.payload = k.bytes;
		msg_packet_receive(&p->end[k.to].c, &k.pkt, NULL, p->now);
		pair_far_write(p, &p->end[k.to]);
	}
	for (int side = 0; side < 2; side++)
		msg_deadline_expire(&p->end[side].c, p->now);
	return true;
}

static inline void
pair_settle(struct pair *p)
{
	for (int i = 0; pair_step(p); i++)
		assert_true(i < 1000000);
}

/* The program puts a record into its tx ring; false if there is no room. */
static inline bool
pair_put(struct pair *p, int side, const struct shm_tx_record *r, const void *payload)
{
	struct end *e = &p->end[side];
	uint32_t bytes = shm_record_bytes(shm_tx_payload(r));

	if (e->tx_tail - msg_tx_released(&e->c) + bytes > RING)
		return false;
	shm_tx_record_put(&e->tx, e->tx_tail, r);
	byte_ring_write(&e->tx, e->tx_tail + SHM_RECORD_HEAD, payload, shm_tx_payload(r));
	e->tx_tail += bytes;
	assert_int_equal(msg_tx_produced(&e->c, e->tx_tail, p->now), 0);
	return true;
}

static inline bool
pair_send(struct pair *p, int side, const void *bytes, uint32_t len)
{
	const struct shm_tx_record r = {.op = SHM_TX_SEND, .len = len};

	return pair_put(p, side, &r, bytes);
}

/* The program takes the next record out of its rx ring; false if there is none. */
static inline bool
pair_take(struct pair *p, int side, struct shm_rx_record *r, void *payload)
{
	struct end *e = &p->end[side];
	int bytes = shm_rx_record_get(&e->rx, e->rx_head, msg_rx_produced(&e->c), r);

	assert_true(bytes >= 0);
	if (bytes == 0)
		return false;
	byte_ring_read(
	    &e->rx, e->rx_head + SHM_RECORD_HEAD, payload, (uint32_t)bytes - SHM_RECORD_HEAD);
	e->rx_head += (uint32_t)bytes;
	assert_int_equal(msg_rx_consumed(&e->c, e->rx_head, p->now), 0);
	return true;
}

#endif
