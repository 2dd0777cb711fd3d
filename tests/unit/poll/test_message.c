/* SPDX-License-Identifier: BSD-3-Clause */
/* Sockets in message mode through the whole data path: records in one program's ring, records in
 * the other's. */
#include "rig.h"

#include "test.h"

#include <string.h>

#include "proto.h"
#include "record.h"
#include "san_err.h"

enum { CONN = 20, SLOT = 3 };

static struct rig rig;

static struct byte_ring
ring_of(struct rig_side *s, bool rx)
{
	uint8_t *at = s->rings + SLOT * shm_slot_rings(RIG_TX_RING, RIG_RX_RING);

	return rx ? (struct byte_ring){at + RIG_TX_RING, RIG_RX_RING}
		  : (struct byte_ring){at, RIG_TX_RING};
}

static void
open_both(void)
{
	rig_open(&rig);
	for (unsigned i = 0; i < RIG_SIDES; i++) {
		struct poll_cmd cmd = rig_conn_open(&rig, i, CONN, SLOT);

		cmd.open.type = SHM_TYPE_SEQPACKET;
		cmd.open.msg.send_max = shm_record_max(RIG_TX_RING);
		cmd.open.open.initiator_depth = cmd.open.open.responder_resources = 8;
		cmd.open.msg.flow_control = true;
		rig_put(&rig.side[i], &cmd);
	}
	rig_step(&rig);
	for (unsigned i = 0; i < RIG_SIDES; i++)
		assert_int_equal(rig.side[i].last[POLL_EV_CONN_OPENED].ev.err, 0);
}

static void
put(unsigned side, const struct shm_tx_record *r, const void *payload)
{
	struct rig_side *s = &rig.side[side];
	struct byte_ring tx = ring_of(s, false);
	uint32_t tail = atomic_load(&s->sock[SLOT].tx_tail);

	shm_tx_record_put(&tx, tail, r);
	byte_ring_write(&tx, tail + SHM_RECORD_HEAD, payload, shm_tx_payload(r));
	atomic_store(&s->sock[SLOT].tx_tail, tail + shm_record_bytes(shm_tx_payload(r)));
	rig_ring(s, SLOT);
}

static void
send_bytes(unsigned side, const void *bytes, uint32_t len)
{
	const struct shm_tx_record r = {.op = SHM_TX_SEND, .len = len};

	put(side, &r, bytes);
}

/* The next record, with its payload; its kind, 0 if there is none. */
static int
take(unsigned side, struct shm_rx_record *r, uint8_t *bytes)
{
	struct rig_side *s = &rig.side[side];
	struct byte_ring rx = ring_of(s, true);
	uint32_t head = atomic_load(&s->sock[SLOT].rx_head);
	int n = shm_rx_record_get(&rx, head, atomic_load(&s->sock[SLOT].rx_tail), r);

	assert_true(n >= 0);
	if (n == 0)
		return 0;
	byte_ring_read(&rx, head + SHM_RECORD_HEAD, bytes, r->len);
	atomic_store(&s->sock[SLOT].rx_head, head + (uint32_t)n);
	rig_ring(s, SLOT);
	return r->kind;
}

static uint32_t
unacknowledged(unsigned side)
{
	struct shm_sock *k = &rig.side[side].sock[SLOT];

	return atomic_load(&k->tx_tail) - atomic_load(&k->tx_head);
}

static void
messages_keep_their_bounds(void **state)
{
	static uint8_t bytes[RIG_TX_RING], got[RIG_RX_RING];
	static const uint32_t len[] = {1, 0, 4096, 4097, RIG_TX_RING / 4 - 32, 7};
	struct shm_rx_record r;

	open_both();
	for (uint32_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)(i * 7 + (i >> 8));
	for (unsigned side = 0; side < 2; side++)
		for (unsigned i = 0; i < 6; i++)
			send_bytes(side, bytes + i, len[i]);
	rig_run(&rig, 2000);
	for (unsigned side = 0; side < 2; side++) {
		assert_int_equal(unacknowledged(side), 0);
		for (unsigned i = 0; i < 6; i++) {
			assert_int_equal(take(side, &r, got), SHM_RX_MESSAGE);
			assert_int_equal(r.len, len[i]);
			assert_memory_equal(got, bytes + i, len[i]);
		}
		assert_int_equal(take(side, &r, got), 0);
		assert_int_equal(rig_wire_flags(&rig.side[side], SLOT), 0);
	}
	rig_close(&rig);
}

static void
nobody_reads_nobody_loses(void **state)
{
	static uint8_t bytes[8000], got[RIG_RX_RING];
	struct shm_rx_record r;
	uint8_t sent = 0, seen = 0;

	open_both();
	for (; sent < 8; sent++) {
		bytes[0] = sent;
		send_bytes(0, bytes, sizeof bytes);
	}
	rig_run(&rig, 3000);
	assert_true(unacknowledged(0) != 0); /* the last have to wait */
	for (int i = 0; i < 40 && seen < sent; i++) {
		while (take(1, &r, got) != 0)
			assert_int_equal(got[0], seen++);
		rig_run(&rig, 1000);
	}
	assert_int_equal(seen, sent);
	assert_int_equal(unacknowledged(0), 0);
	rig_close(&rig);
}

static void
a_malformed_record_resets_it(void **state)
{
	const struct shm_tx_record bad = {.op = 9};

	open_both();
	send_bytes(0, "x", 1);
	put(0, &bad, "");
	rig_run(&rig, 100);
	assert_int_equal(rig_count(&rig.side[0], POLL_COUNT_hostile_record), 1);
	assert_int_equal(rig_wire_flags(&rig.side[0], SLOT), SHM_WIRE_ERROR | SHM_WIRE_QUIET);
	assert_int_equal(atomic_load(&rig.side[0].sock[SLOT].wire_err), SAN_EPROTO);
	assert_true(rig.side[0].bits & SDP_EV_WANT_DREQ);
	assert_int_equal(rig_wire_flags(&rig.side[1], SLOT), 0); /* until the DREQ */
	rig_close(&rig);
}

/* What the operator sees of it. */
static void
memory_by_key(void **state)
{
	static uint8_t bytes[5000], got[RIG_RX_RING];
	struct rig_side *s = &rig.side[1];
	uint8_t *memory;
	struct poll_cmd cmd = {.type = POLL_CMD_CONN_MEM,
	    .conn = CONN,
	    .mem = {.add = true,
		.rights = PROTO_MEM_READ | PROTO_MEM_WRITE,
		.va = 4096,
		.len = sizeof bytes,
		.fd = -1}};
	struct shm_tx_record r = {.op = SHM_TX_WRITE, .len = sizeof bytes, .va = 4096};
	struct shm_rx_record answer;
	struct poll_conn_view v;

	open_both();
	cmd.mem.session = s->session;
	memory = s->rings; /* of other slots: any place of the region will do */
	cmd.mem.off = (uint64_t)(memory - (uint8_t *)s->region);
	rig_put(s, &cmd);
	rig_step(&rig);
	assert_int_equal(s->last[POLL_EV_MEM_DONE].mem.err, 0);
	r.key = s->last[POLL_EV_MEM_DONE].mem.key;
	for (uint32_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)(i * 5 + (i >> 8));
	put(0, &r, bytes);
	r.op = SHM_TX_READ;
	put(0, &r, "");
	put(0, &r, "");
	rig_run(&rig, 20000);
	assert_memory_equal(memory, bytes, sizeof bytes);
	assert_int_equal(take(0, &answer, got), SHM_RX_READ_DATA);
	assert_memory_equal(got, bytes, sizeof bytes);
	assert_int_equal(poll_conn_read(0, CONN, &v), 0);
	assert_int_equal(v.rdma_writes, 1);
	assert_int_equal(v.rdma_reads, 2);
	assert_int_equal(v.keys, 0);
	assert_int_equal(poll_conn_read(1, CONN, &v), 0);
	assert_int_equal(v.rdma_writes + v.rdma_reads, 0);
	assert_int_equal(v.keys, 1);
	rig_close(&rig);
}

/* Quiet at once, whatever the peer does; free when control is done. */
static void
closing(void **state)
{
	struct poll_cmd cmd = {.type = POLL_CMD_CONN_CLOSE, .conn = CONN};
	struct rig_side *s = &rig.side[0], *peer = &rig.side[1];

	open_both();
	send_bytes(1, "last words", 10);
	rig_run(&rig, 100);
	cmd.close.how = SDP_CLOSE_GRACEFUL;
	rig_put(s, &cmd);
	rig_step(&rig);
	assert_int_equal(rig_wire_flags(s, SLOT), SHM_WIRE_ERROR | SHM_WIRE_QUIET);
	assert_int_equal(s->bits & (SDP_EV_WANT_DREQ | SDP_EV_DEAD), SDP_EV_WANT_DREQ);
	cmd.type = POLL_CMD_CONN_DREQ;
	rig_put(peer, &cmd);
	cmd.type = POLL_CMD_CONN_DREQ_DONE;
	rig_put(s, &cmd);
	rig_step(&rig);
	assert_int_equal(rig_wire_flags(s, SLOT), SHM_WIRE_ERROR | SHM_WIRE_QUIET | SHM_WIRE_DEAD);
	assert_int_equal(
	    rig_wire_flags(peer, SLOT), SHM_WIRE_ERROR | SHM_WIRE_QUIET | SHM_WIRE_DEAD);
	assert_int_equal(atomic_load(&peer->sock[SLOT].wire_err), SAN_ECONNRESET);
	cmd.type = POLL_CMD_CONN_RELEASE;
	rig_put(s, &cmd);
	rig_put(peer, &cmd);
	rig_run(&rig, 2);
	assert_int_equal(s->events[POLL_EV_CONN_FREED], 1);
	assert_int_equal(peer->events[POLL_EV_CONN_FREED], 1);
	rig_close(&rig);
}

static int
start(void **state)
{
	rig_start();
	return 0;
}

static int
stop(void **state)
{
	rig_stop();
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(messages_keep_their_bounds),
	    cmocka_unit_test(nobody_reads_nobody_loses),
	    cmocka_unit_test(a_malformed_record_resets_it),
	    cmocka_unit_test(memory_by_key),
	    cmocka_unit_test(closing),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
