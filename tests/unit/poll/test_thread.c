/* SPDX-License-Identifier: BSD-3-Clause */
/* The loop itself, on a thread of its own and in real time: naps, what ends them, and that nothing
 * is lost between a program and a poll thread that do not wait for each other. */
#include "test.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#include "rig.h"
#include "san_err.h"

#define CONN 20u
#define SLOT 5u

static struct rig rig;
static uint8_t data[200000], got[200000];

static int
open_rig(void **state)
{
	struct rig_side *a = &rig.side[0];

	(void)state;
	rig_open(&rig);
	for (unsigned i = 0; i < RIG_SIDES; i++) { /* from the test's time to the real one */
		struct poll *p = rig.side[i].poll;

		p->now = clock_now(&p->clock);
		wheel_init(&p->wheel, p->now);
	}
	/* One thread, both ends: the loop. */
	memcpy(a->path.dmac, a->path.smac, 6);
	a->path.dst = a->path.src;
	assert_int_equal(poll_launch(0), 0);
	return 0;
}

static int
close_rig(void **state)
{
	struct poll_cmd stop = {.type = POLL_CMD_STOP};

	(void)state;
	rig_put(&rig.side[0], &stop);
	poll_join(0);
	rig_close(&rig);
	return 0;
}

static uint64_t
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Wait for an event of a type, 5 s at most. */
static struct poll_event
event_wait(enum poll_event_type type)
{
	uint64_t end = now_ns() + 5000000000u;
	struct poll_event ev;

	while (now_ns() < end) {
		if (poll_event_get(0, &ev) && ev.type == (uint16_t)type)
			return ev;
		usleep(100);
	}
	fail_msg("no event %d", (int)type);
	return ev;
}

static void
naps_wait(uint64_t more)
{
	uint64_t end = now_ns() + 5000000000u, until = poll_counter_read(0, POLL_COUNT_naps) + more;

	while (poll_counter_read(0, POLL_COUNT_naps) < until) {
		assert_true(now_ns() < end);
		usleep(1000);
	}
}

static void
loop_connect(void)
{
	struct rig_side *a = &rig.side[0];
	struct poll_cmd cmd = rig_conn_open(&rig, 0, CONN, SLOT);

	/* A thread may be off its processor longer than the patience of the other tests. */
	cmd.open.open.rc.give_up = SAN_DURATION_S(15);
	cmd.open.open.peer_qpn = 7u << 16 | (CONN + 1);
	rig_put(a, &cmd);
	cmd = rig_conn_open(&rig, 0, CONN + 1, SLOT + 1);
	cmd.open.open.rc.give_up = SAN_DURATION_S(15);
	cmd.open.open.peer_qpn = 7u << 16 | CONN;
	cmd.open.open.rq_psn = cmd.open.open.sq_psn;
	cmd.open.open.sq_psn = 100;
	rig_put(a, &cmd);
	assert_int_equal(event_wait(POLL_EV_CONN_OPENED).ev.err, 0);
	assert_int_equal(event_wait(POLL_EV_CONN_OPENED).ev.err, 0);
}

/* Ring buffers, flags and a sleeping poll thread, thousands of times with random pauses: all
 * arrives. */
static void
test_nothing_lost(void **state)
{
	struct rig_side *a = &rig.side[0];
	uint64_t end = now_ns() + 20000000000u;
	uint32_t sent = 0, received = 0;

	(void)state;
	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (uint8_t)(i * 2654435761u >> 13);
	loop_connect();
	for (unsigned i = 0; received < sizeof data; i++) {
		uint32_t n = (uint32_t)sizeof data - sent;

		if (now_ns() > end)
			fail_msg(
			    "stalled: sent %u, received %u, flags %x, error %d, need %x, naps %u",
			    sent, received, rig_wire_flags(a, SLOT),
			    atomic_load(&a->sock[SLOT].wire_err), atomic_load(&a->sock[SLOT].need),
			    (unsigned)poll_counter_read(0, POLL_COUNT_naps));
		sent += rig_send(a, SLOT, data + sent, n > 731 ? 731 : n);
		received += rig_recv(a, SLOT + 1, got + received, sizeof got - received);
		if (i % 40 == 39)
			usleep(4000); /* long enough for a nap */
	}
	assert_memory_equal(data, got, sizeof data);
	assert_true(poll_counter_read(0, POLL_COUNT_naps) > 0);
}

/* An idle thread naps, nearly all the time, and a doorbell or a command ends the nap. */
static void
test_nap(void **state)
{
	struct rig_side *a = &rig.side[0];
	uint64_t wakes, naps, start;

	(void)state;
	loop_connect();
	naps_wait(20);
	naps = poll_counter_read(0, POLL_COUNT_naps);
	usleep(500000);
	naps = poll_counter_read(0, POLL_COUNT_naps) - naps;
	assert_in_range(naps, 20, 300); /* of 2 ms each */
	wakes = poll_counter_read(0, POLL_COUNT_nap_wakes);
	for (unsigned i = 0; i < 20; i++) {
		naps_wait(5);
		start = now_ns();
		rig_send(a, SLOT, data, 100);
		while (rig_recv(a, SLOT + 1, got, 100) == 0)
			assert_true(now_ns() - start < 1000000000u);
	}
	assert_true(poll_counter_read(0, POLL_COUNT_nap_wakes) > wakes);
	naps_wait(5);
	rig_flags(a, 9, SHM_APP_CLOSED);
	assert_int_equal(event_wait(POLL_EV_SOCK_FLAGS).sock.slot, 9);
}

/* Control reads counters and views while the thread writes them. */
static void
test_view_meanwhile(void **state)
{
	struct rig_side *a = &rig.side[0];
	struct poll_conn_view v;
	uint64_t last = 0;
	unsigned good = 0;

	(void)state;
	loop_connect();
	for (unsigned i = 0; i < 3000; i++) {
		rig_send(a, SLOT, data, 5000);
		rig_recv(a, SLOT + 1, got, sizeof got);
		if (poll_conn_read(0, CONN, &v) == 0) {
			assert_int_equal(v.qpn, 7u << 16 | CONN);
			assert_true(v.tx_bytes >= last);
			last = v.tx_bytes;
			good++;
		}
		if (i % 100 == 0)
			usleep(1000);
	}
	assert_true(good > 1000);
}

#define T(name) cmocka_unit_test_setup_teardown(name, open_rig, close_rig)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    T(test_nothing_lost), T(test_nap), T(test_view_meanwhile)};
	int failed;

	rig_start();
	failed = cmocka_run_group_tests_name("thread", tests, NULL, NULL);
	rig_stop();
	return failed;
}
