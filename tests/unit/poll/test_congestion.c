/* SPDX-License-Identifier: BSD-3-Clause */
/* A wire that marks what it carries: the receiver tells, the sender slows down, and whoever looks
 * at the connection or at the threads' counters sees it. */
#include "test.h"

#include <string.h>

#include <rte_mbuf.h>

#include "bytes.h"
#include "rig.h"

#define CONN  20u
#define SLOT  5u
#define BYTES 300000u
#define IP    14u /* offset of the IPv4 header */

static struct rig rig;
static uint8_t payload[4096], got[4096];

static int
open_rig(void **state)
{
	(void)state;
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

static void
ip_mark(uint8_t *ip)
{
	uint32_t sum = 0;

	ip[1] |= ROCE_ECN_CE;
	be16_put(ip + 10, 0);
	for (unsigned i = 0; i < 20; i += 2)
		sum += be16_get(ip + i);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	be16_put(ip + 10, (uint16_t)~sum);
}

/* Mark everything that is on its way to `s` and may be marked; returns how many. */
static uint32_t
wire_mark(struct rig_side *s)
{
	uint32_t marked = 0;

	for (unsigned n = rte_ring_count(s->wire_in); n > 0; n--) {
		struct rte_mbuf *m = NULL;
		uint8_t *ip;

		assert_int_equal(rte_ring_dequeue(s->wire_in, (void **)&m), 0);
		ip = rte_pktmbuf_mtod_offset(m, uint8_t *, IP);
		if ((ip[1] & ROCE_ECN_MASK) == ROCE_ECN_ECT0) {
			ip_mark(ip);
			marked++;
		}
		assert_int_equal(rte_ring_enqueue(s->wire_in, m), 0);
	}
	return marked;
}

static struct poll_conn_view
view(unsigned side)
{
	struct poll_conn_view v;

	rig_run(&rig, 20000); /* quiet: the picture is exact */
	assert_int_equal(poll_conn_read(side, CONN, &v), 0);
	return v;
}

static void
open_with(enum cc_algo algo)
{
	for (unsigned i = 0; i < RIG_SIDES; i++) {
		struct poll_cmd cmd = rig_conn_open(&rig, i, CONN, SLOT);

		cmd.open.open.cc.algo = (uint8_t)algo;
		cmd.open.open.cc.line_rate_mbit = 1000;
		rig_put(&rig.side[i], &cmd);
	}
	rig_step(&rig);
}

static uint32_t
send_through_marks(void)
{
	uint32_t sent = 0, received = 0, marked = 0;

	for (unsigned i = 0; received < BYTES; i++) {
		uint32_t n = BYTES - sent < sizeof payload ? BYTES - sent : sizeof payload;

		assert_true(i < 1000000);
		sent += rig_send(&rig.side[0], SLOT, payload, n);
		rig.now.ns += RIG_STEP_NS;
		poll_iterate(rig.side[0].poll, rig.now);
		marked += wire_mark(&rig.side[1]);
		poll_iterate(rig.side[1].poll, rig.now);
		received += rig_recv(&rig.side[1], SLOT, got, sizeof got);
	}
	return marked;
}

static void
told__by_view_and_counters(void **state)
{
	const struct rig_side *a = &rig.side[0], *b = &rig.side[1];
	struct poll_conn_view va, vb;
	uint32_t marked;

	(void)state;
	open_with(CC_DCQCN);
	va = view(0);
	assert_int_equal(va.congestion, CC_DCQCN);
	assert_int_equal(va.window, RIG_WINDOW);
	assert_int_equal(va.cc_slowed, 0);
	marked = send_through_marks();
	va = view(0);
	vb = view(1);
	assert_true(marked > 50);
	assert_in_range(vb.rx_ce, marked * 3 / 4, marked); /* ACKs do not count */
	assert_in_range(vb.tx_cnps, 2, marked);
	assert_int_equal(va.rx_cnps, vb.tx_cnps);
	assert_in_range(va.cc_slowed, 1, va.rx_cnps);
	assert_true(va.pauses > 0);
	assert_true(va.cc.marked_ppm > 0);
	assert_int_equal(rig_count(b, POLL_COUNT_rx_ce), vb.rx_ce);
	assert_int_equal(rig_count(b, POLL_COUNT_tx_cnps), vb.tx_cnps);
	assert_int_equal(rig_count(a, POLL_COUNT_rx_cnps), va.rx_cnps);
	assert_int_equal(rig_count(a, POLL_COUNT_cc_slowed), va.cc_slowed);
	assert_int_equal(rig_count(a, POLL_COUNT_pauses), va.pauses);
}

static void
window__shrinks_by_marks(void **state)
{
	struct poll_conn_view v;

	(void)state;
	open_with(CC_WINDOW);
	send_through_marks();
	v = view(0);
	assert_int_equal(v.congestion, CC_WINDOW);
	assert_true(v.cc_slowed > 0);
	assert_true(v.window < RIG_WINDOW);
	assert_true(v.cc.base.ns > 0);
	assert_int_equal(v.cc.rate, 0);
}

static void
none__is_not_slowed(void **state)
{
	struct poll_conn_view v;

	(void)state;
	open_with(CC_NONE);
	assert_true(send_through_marks() > 50);
	v = view(0);
	assert_true(v.rx_cnps > 0);
	assert_int_equal(v.cc_slowed, 0);
	assert_int_equal(v.window, RIG_WINDOW);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(told__by_view_and_counters, open_rig, close_rig),
	    cmocka_unit_test_setup_teardown(window__shrinks_by_marks, open_rig, close_rig),
	    cmocka_unit_test_setup_teardown(none__is_not_slowed, open_rig, close_rig),
	};
	int failed;

	rig_start();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	rig_stop();
	return failed;
}
