/* SPDX-License-Identifier: BSD-3-Clause */
/* Bytes from slot to slot, through frames on a wire and through the software loop. */
#include "test.h"

#include <string.h>

#include "prng.h"
#include "rig.h"
#include "san_err.h"

#define CONN 20u
#define SLOT 5u

static struct rig rig;
static uint8_t payload[1 << 20], got[1 << 20];

static int
open_rig(void **state)
{
	struct prng g = {42};

	(void)state;
	for (size_t i = 0; i < sizeof payload; i++)
		payload[i] = (uint8_t)prng_u64(&g);
	memset(got, 0, sizeof got);
	rig_open(&rig);
	return 0;
}

static int
close_rig(void **state)
{
	(void)state;
	rig_close(&rig);
	return 0;
}

/* Move `len` bytes from one slot to another in pieces of at most `piece`. */
static void
move(struct rig_side *from, uint32_t from_slot, struct rig_side *to, uint32_t to_slot, uint32_t len,
    uint32_t piece)
{
	uint32_t sent = 0, received = 0;

	for (unsigned i = 0; received < len; i++) {
		uint32_t n = len - sent < piece ? len - sent : piece;

		assert_true(i < 200000);
		sent += rig_send(from, from_slot, payload + sent, n);
		rig_step(&rig);
		received += rig_recv(to, to_slot, got + received, len - received);
	}
	assert_memory_equal(payload, got, len);
}

static void
test_both_ways(void **state)
{
	struct rig_side *a = &rig.side[0], *b = &rig.side[1];

	(void)state;
	rig_connect(&rig, CONN, SLOT);
	move(a, SLOT, b, SLOT, sizeof payload, 70000);
	assert_true(b->bits & SDP_EV_ESTABLISHED);
	assert_false(a->bits & SDP_EV_ESTABLISHED); /* the active side learns it from the CM */
	memset(got, 0, sizeof got);
	move(b, SLOT, a, SLOT, sizeof payload, 1500);
	assert_int_equal(rig_count(a, POLL_COUNT_retransmits), 0);
	assert_int_equal(rig_count(a, POLL_COUNT_rx_icrc) + rig_count(b, POLL_COUNT_rx_icrc), 0);
	rig_run(&rig, 20);
	assert_int_equal(atomic_load(&a->sock[SLOT].tx_head), sizeof payload);
	assert_int_equal(atomic_load(&b->sock[SLOT].tx_head), sizeof payload);
}

static void
test_bytes_one_by_one(void **state)
{
	(void)state;
	rig_connect(&rig, CONN, SLOT);
	move(&rig.side[0], SLOT, &rig.side[1], SLOT, 3000, 1);
}

/* An idle flow is found again by its doorbell, whichever way the bytes go. */
static void
test_after_idleness(void **state)
{
	struct rig_side *a = &rig.side[0], *b = &rig.side[1];

	(void)state;
	rig_connect(&rig, CONN, SLOT);
	for (unsigned i = 0; i < 5; i++) {
		rig_run(&rig, 20000); /* 40 ms */
		assert_int_equal(a->poll->hot_count, 0);
		assert_int_equal(b->poll->hot_count, 0);
		assert_true(atomic_load(&a->sock[SLOT].need) & SHM_NEED_TX);
		move(a, SLOT, b, SLOT, 10000, 10000);
		rig_run(&rig, 20000);
		move(b, SLOT, a, SLOT, 10000, 10000);
	}
	assert_in_range(rig_count(a, POLL_COUNT_doorbells), 1, 20);
}

/* The reader sleeps while its ring is full; its first read after a long time restarts the sender.
 */
static void
test_slow_reader(void **state)
{
	struct rig_side *a = &rig.side[0], *b = &rig.side[1];
	uint32_t sent = 0, received = 0;

	(void)state;
	rig_connect(&rig, CONN, SLOT);
	for (unsigned i = 0; i < 40000; i++) {
		sent += rig_send(a, SLOT, payload + sent, sizeof payload - sent);
		rig_step(&rig);
	}
	assert_in_range(sent, RIG_TX_RING, RIG_TX_RING + RIG_RX_RING);
	assert_int_equal(b->poll->hot_count, 0);
	assert_true(atomic_load(&b->sock[SLOT].need) & SHM_NEED_RX);
	for (unsigned i = 0; i < 100000 && received < sizeof payload; i++) {
		if (i % 50 == 0)
			received += rig_recv(b, SLOT, got + received, 9000);
		sent += rig_send(a, SLOT, payload + sent, (uint32_t)sizeof payload - sent);
		rig_step(&rig);
	}
	assert_int_equal(received, sizeof payload);
	assert_memory_equal(payload, got, sizeof payload);
}

/* Many flows at once, more than are ever hot, each with its own bytes. */
static void
test_many_flows(void **state)
{
	enum { FLOWS = 60 };
	static uint32_t sent[FLOWS], received[FLOWS];
	struct rig_side *a = &rig.side[0], *b = &rig.side[1];
	const uint32_t total = 40000;
	unsigned done = 0;

	(void)state;
	memset(sent, 0, sizeof sent);
	memset(received, 0, sizeof received);
	for (uint32_t i = 0; i < FLOWS; i++)
		rig_connect(&rig, CONN + i, i);
	assert_int_equal(poll_conn_count(0), FLOWS);
	for (unsigned step = 0; done < FLOWS; step++) {
		assert_true(step < 100000);
		for (uint32_t i = 0; i < FLOWS; i++) {
			uint8_t piece[3000];
			uint32_t n = total - sent[i] < 2000 ? total - sent[i] : 2000;

			sent[i] += rig_send(a, i, payload + i + sent[i], n);
			n = rig_recv(b, i, piece, sizeof piece);
			assert_memory_equal(piece, payload + i + received[i], n);
			received[i] += n;
			done += n > 0 && received[i] == total;
		}
		rig_step(&rig);
	}
}

/* One poll thread, one port, both ends of the connection: frames never reach the wire. */
static void
test_loop(void **state)
{
	struct rig_side *a = &rig.side[0];
	struct poll_cmd cmd;

	(void)state;
	memcpy(a->path.dmac, a->path.smac, 6);
	a->path.dst = a->path.src;
	cmd = rig_conn_open(&rig, 0, CONN, SLOT);
	cmd.open.open.peer_qpn = 7u << 16 | (CONN + 1);
	rig_put(a, &cmd);
	cmd = rig_conn_open(&rig, 0, CONN + 1, SLOT + 1);
	cmd.open.open.peer_qpn = 7u << 16 | CONN;
	cmd.open.open.rq_psn = cmd.open.open.sq_psn;
	cmd.open.open.sq_psn = 100;
	cmd.open.open.active = false;
	rig_put(a, &cmd);
	rig_step(&rig);
	assert_int_equal(a->last[POLL_EV_CONN_OPENED].ev.err, 0);
	move(a, SLOT, a, SLOT + 1, sizeof payload, 70000);
	memset(got, 0, sizeof got);
	move(a, SLOT + 1, a, SLOT, 100000, 3000);
	assert_true(rig_count(a, POLL_COUNT_loop_frames) > 256);
	assert_int_equal(rig_count(a, POLL_COUNT_retransmits), 0);
	assert_int_equal(rig_count(&rig.side[1], POLL_COUNT_rx_frames), 0);
}

/* The NIC takes only a few frames at a time: later, in order, none lost. */
static void
test_nic_full(void **state)
{
	struct rig_side *a = &rig.side[0], *b = &rig.side[1];
	struct frame *plug[240];

	(void)state;
	rig_connect(&rig, CONN, SLOT);
	/* The ring to b holds 255: leave room for 15 and let frames through one at a time. */
	for (unsigned i = 0; i < 240; i++)
		assert_non_null(plug[i] = frame_alloc());
	for (unsigned i = 0; i < 240; i++) {
		frame_set_len(plug[i], 60);
		memset(frame_data(plug[i]), 0, 60);
		assert_int_equal(rte_ring_enqueue(b->wire_in, plug[i]), 0);
	}
	assert_int_equal(rig_send(a, SLOT, payload, RIG_TX_RING), RIG_TX_RING);
	poll_iterate(a->poll, rig.now);
	poll_iterate(a->poll, rig.now);
	assert_true(rig_count(a, POLL_COUNT_tx_full) > 0);
	move(a, SLOT, b, SLOT, 0, 1);
	for (uint32_t received = 0, i = 0; received < RIG_TX_RING; i++) {
		assert_true(i < 10000);
		rig_step(&rig);
		received += rig_recv(b, SLOT, got + received, RIG_TX_RING);
	}
	assert_memory_equal(payload, got, RIG_TX_RING);
	assert_int_equal(rig_count(b, POLL_COUNT_rx_malformed), 240);
	rig_run(&rig, 20000);
	assert_int_equal(rig_count(a, POLL_COUNT_retransmits), 0);
}

/* The wire loses one frame: those behind it are kept, as many as the thread may keep, and used as
 * soon as the repeat comes. Closed in between, the thread gives all of them back. */
static void
test_lost_frame(void **state)
{
	struct rig_side *a = &rig.side[0], *b = &rig.side[1];
	struct frame *frame = NULL;
	uint32_t received = 0;

	(void)state;
	rig_connect(&rig, CONN, SLOT);
	for (unsigned round = 0; round < 2; round++) {
		assert_int_equal(rig_send(a, SLOT, payload, RIG_TX_RING), RIG_TX_RING);
		poll_iterate(a->poll, rig.now);
		assert_int_equal(rte_ring_dequeue(b->wire_in, (void **)&frame), 0);
		frame_free(frame);
		b->poll->recovery.frames_max = round == 0 ? 100 : 7;
		rig_step(&rig);
		assert_in_range(b->poll->recovery.frames, 7, round == 0 ? 100 : 7);
		for (received = 0; received < RIG_TX_RING; rig_step(&rig))
			received += rig_recv(b, SLOT, got + received, RIG_TX_RING);
		assert_memory_equal(payload, got, RIG_TX_RING);
		assert_int_equal(b->poll->recovery.frames + b->poll->recovery.lent, 0);
		rig_run(&rig, 100);
	}
	assert_int_equal(rig_send(a, SLOT, payload, RIG_TX_RING), RIG_TX_RING);
	poll_iterate(a->poll, rig.now);
	assert_int_equal(rte_ring_dequeue(b->wire_in, (void **)&frame), 0);
	frame_free(frame);
	poll_iterate(b->poll, rig.now);
	assert_true(b->poll->recovery.frames > 0);
	engine_port_down(&flow_find(b->poll, CONN)->engine, rig.now);
	flow_touch(b->poll, flow_find(b->poll, CONN));
	poll_iterate(b->poll, rig.now);
	assert_int_equal(b->poll->recovery.frames + b->poll->recovery.lent, 0);
}

static void
test_cork(void **state)
{
	struct rig_side *a = &rig.side[0], *b = &rig.side[1];

	(void)state;
	rig_connect(&rig, CONN, SLOT);
	rig_flags(a, SLOT, SHM_APP_CORK);
	rig_send(a, SLOT, payload, 5000);
	rig_run(&rig, 100);
	assert_int_equal(rig_recv(b, SLOT, got, sizeof got), 4080); /* one full packet */
	rig_run(&rig, 110000);
	assert_int_equal(rig_recv(b, SLOT, got + 4080, sizeof got), 920); /* 200 ms are over */
	rig_send(a, SLOT, payload + 5000, 10);
	rig_run(&rig, 100);
	assert_int_equal(rig_recv(b, SLOT, got + 5000, sizeof got), 0);
	atomic_fetch_and(&a->sock[SLOT].app_flags, ~SHM_APP_CORK);
	rig_ring(a, SLOT);
	rig_run(&rig, 10);
	assert_int_equal(rig_recv(b, SLOT, got + 5000, sizeof got), 10);
	assert_memory_equal(payload, got, 5010);
}

static void
test_urgent(void **state)
{
	struct rig_side *a = &rig.side[0], *b = &rig.side[1];

	(void)state;
	rig_connect(&rig, CONN, SLOT);
	/* The position is announced before its bytes are there. */
	atomic_store(&a->sock[SLOT].tx_urg, 100);
	atomic_fetch_add(&a->sock[SLOT].tx_urg_seq, 1);
	rig_send(a, SLOT, payload, 120);
	rig_run(&rig, 10);
	assert_true(rig_wire_flags(b, SLOT) & SHM_WIRE_URGENT);
	assert_int_equal(atomic_load(&b->sock[SLOT].urg_pos), 100);
	assert_int_equal(rig_recv(b, SLOT, got, sizeof got), 120);
}

static void
test_view(void **state)
{
	struct poll_conn_view v;

	(void)state;
	assert_int_equal(poll_conn_read(0, CONN, &v), SAN_ENOENT);
	assert_int_equal(poll_conn_read(0, 100000, &v), SAN_ENOENT);
	rig_connect(&rig, CONN, SLOT);
	move(&rig.side[0], SLOT, &rig.side[1], SLOT, 50000, 50000);
	rig_run(&rig, 20000);
	assert_int_equal(poll_conn_read(0, CONN, &v), 0);
	assert_int_equal(v.qpn, 7u << 16 | CONN);
	assert_int_equal(v.state, SDP_STATE_OPEN);
	assert_int_equal(v.tx_bytes, 50000);
	assert_int_equal(v.tx_queued, 0);
	assert_int_equal(v.outstanding, 0);
	assert_true(v.rtt.ns > 0);
	assert_int_equal(v.psn_next, v.psn_unacked);
	assert_int_equal(poll_conn_read(1, CONN, &v), 0);
	assert_int_equal(v.rx_bytes, 50000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_both_ways, open_rig, close_rig),
	    cmocka_unit_test_setup_teardown(test_bytes_one_by_one, open_rig, close_rig),
	    cmocka_unit_test_setup_teardown(test_after_idleness, open_rig, close_rig),
	    cmocka_unit_test_setup_teardown(test_slow_reader, open_rig, close_rig),
	    cmocka_unit_test_setup_teardown(test_many_flows, open_rig, close_rig),
	    cmocka_unit_test_setup_teardown(test_loop, open_rig, close_rig),
	    cmocka_unit_test_setup_teardown(test_nic_full, open_rig, close_rig),
	    cmocka_unit_test_setup_teardown(test_lost_frame, open_rig, close_rig),
	    cmocka_unit_test_setup_teardown(test_cork, open_rig, close_rig),
	    cmocka_unit_test_setup_teardown(test_urgent, open_rig, close_rig),
	    cmocka_unit_test_setup_teardown(test_view, open_rig, close_rig),
	};
	int failed;

	rig_start();
	failed = cmocka_run_group_tests_name("bytes", tests, NULL, NULL);
	rig_stop();
	return failed;
}
