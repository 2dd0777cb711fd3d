/* SPDX-License-Identifier: BSD-3-Clause */
/* Scenarios with a name: what the project promises by it, checked by itself. */
#include "test.h"

#include <stdio.h>

#include "san_err.h"
#include "world.h"

#define MEGABYTE 1000000u

static void
script_bulk(struct world *w, uint64_t bytes)
{
	w->host[0].script.write_total = bytes;
	w->host[0].script.ending = HOST_CLOSE;
	w->host[1].script.ending = HOST_WAIT;
}

static void
assert_intact(const struct world *w, uint64_t bytes)
{
	assert_int_equal(w->host[0].written, bytes);
	assert_int_equal(w->host[1].read, bytes); /* every byte was compared when it was read */
	assert_int_equal(sdp_error(&w->host[0].conn), 0);
	assert_int_equal(sdp_error(&w->host[1].conn), 0);
}

/* 1 % loss, 1 % duplication, 1 % reordering: 10 MB arrive intact. */
static void
bulk__lossy_10_mb(void **state)
{
	struct world_setup setup = world_setup_defaults();
	struct world w;

	world_init(&w, &setup, 1);
	w.link.shape.latency = SAN_DURATION_US(5);
	w.link.faults.loss = w.link.faults.duplicate = w.link.faults.reorder = 10000;
	w.link.faults.reorder_max = SAN_DURATION_US(50);
	w.link.faults.until = SAN_TIME_NEVER;
	script_bulk(&w, 10 * MEGABYTE);
	assert_true(world_run(&w, (struct san_time){SAN_DURATION_S(600).ns}));
	assert_intact(&w, 10 * MEGABYTE);
	printf(
	    "10 MB in %.1f ms of virtual time; %llu frames, %llu lost, %llu doubled, %llu late\n",
	    (double)w.now.ns / 1e6, (unsigned long long)w.link.sent,
	    (unsigned long long)w.link.lost, (unsigned long long)w.link.duplicated,
	    (unsigned long long)w.link.reordered);
	assert_true(w.link.lost > 0 && w.link.duplicated > 0 && w.link.reordered > 0);
	world_fini(&w);
}

/* Every frame of a hundred damaged: the ICRC must catch each one that matters. */
static void
bulk__corrupting_1_mb(void **state)
{
	struct world_setup setup = world_setup_defaults();
	struct world w;

	world_init(&w, &setup, 2);
	w.link.faults.corrupt = 10000;
	w.link.faults.until = SAN_TIME_NEVER;
	script_bulk(&w, MEGABYTE);
	assert_true(world_run(&w, (struct san_time){SAN_DURATION_S(60).ns}));
	assert_intact(&w, MEGABYTE);
	assert_true(w.link.corrupted > 5 && w.host[0].rx_bad_frames + w.host[1].rx_bad_frames > 5);
	world_fini(&w);
}

/* On a perfect cable at 10 Gbit/s nothing is sent twice, the cable is busy nearly all the time, and
 * there are few ACKs and few credit updates. */
static void
bulk__clean_is_lean(void **state)
{
	struct world_setup setup = world_setup_defaults();
	const struct rc_counters *a, *b;
	struct world w;
	double wire_ns;

	setup.pmtu = 4096;
	setup.ring_tx[0] = setup.ring_rx[1] = 1 << 20;
	world_init(&w, &setup, 3);
	w.link.shape.latency = SAN_DURATION_US(5);
	script_bulk(&w, 100 * MEGABYTE);
	assert_true(world_run(&w, (struct san_time){SAN_DURATION_S(60).ns}));
	assert_intact(&w, 100 * MEGABYTE);
	a = sdp_rc_counters(&w.host[0].conn);
	b = sdp_rc_counters(&w.host[1].conn);
	assert_int_equal(
	    a->tx_repeats + a->timeouts + b->tx_naks + b->rx_gaps + b->rx_duplicates, 0);
	assert_true(b->tx_acks + b->tx_requests < a->tx_requests / 4);
	wire_ns = 100.0 * MEGABYTE / 4080 * (4096 + 58 + 24) / 1.25;
	printf("%u packets, %u acks, %u back; %.0f %% of the cable\n", a->tx_requests, b->tx_acks,
	    b->tx_requests, 100 * wire_ns / (double)w.now.ns);
	assert_true((double)w.now.ns < 1.1 * wire_ns);
	world_fini(&w);
}

/* A peer that falls silent: the program learns it after give_up, not before and not much later. */
static void
silence__ends_after_give_up(void **state)
{
	struct world_setup setup = world_setup_defaults();
	struct world w;

	setup.rc[0].give_up = SAN_DURATION_S(3);
	world_init(&w, &setup, 4);
	w.link.faults.cut_from.ns = 0;
	script_bulk(&w, 1000);
	w.host[0].script.ending = HOST_WAIT;
	assert_false(world_run(&w, (struct san_time){SAN_DURATION_S(2).ns}));
	assert_false(w.host[0].dead);
	world_run(&w, (struct san_time){SAN_DURATION_MS(3500).ns});
	assert_true(w.host[0].dead);
	assert_int_equal(sdp_error(&w.host[0].conn), SAN_ETIMEDOUT);
	world_fini(&w);
}

/* The same with a silent peer and a retry count: 0 as give_up lets the count decide. */
static void
silence__ends_after_retries(void **state)
{
	struct world_setup setup = world_setup_defaults();
	struct world w;

	setup.rc[0].give_up.ns = 0;
	setup.rc[0].retry_count = 3;
	world_init(&w, &setup, 5);
	w.link.faults.cut_from.ns = 0;
	script_bulk(&w, 1000);
	w.host[0].script.ending = HOST_WAIT;
	world_run(&w, (struct san_time){SAN_DURATION_MS(200).ns}); /* 10 + 20 + 40 + 80 ms */
	assert_true(w.host[0].dead);
	assert_int_equal(sdp_rc_counters(&w.host[0].conn)->tx_repeats, 3);
	assert_int_equal(sdp_error(&w.host[0].conn), SAN_ETIMEDOUT);
	world_fini(&w);
}

/* An idle connection to a dead host is found by keepalive alone. */
static void
silence__found_by_keepalive(void **state)
{
	struct world_setup setup = world_setup_defaults();
	struct world w;

	setup.rc[0].give_up = SAN_DURATION_S(1);
	world_init(&w, &setup, 6);
	w.link.faults.cut_from.ns = 1;
	world_run(&w, (struct san_time){SAN_DURATION_S(5).ns});
	assert_true(w.host[0].dead);
	assert_int_equal(sdp_error(&w.host[0].conn), SAN_ETIMEDOUT);
	world_fini(&w);
}

/* A reader that stops: the writer waits, however long, and nothing is lost when it goes on. */
static void
stall__reader_sleeps(void **state)
{
	struct world_setup setup = world_setup_defaults();
	struct world w;

	world_init(&w, &setup, 7);
	script_bulk(&w, MEGABYTE);
	w.host[1].read_at.ns = SAN_DURATION_S(100).ns;
	w.host[0].script.ending = HOST_SHUT_THEN_CLOSE;
	assert_false(world_run(&w, (struct san_time){SAN_DURATION_S(99).ns}));
	assert_int_equal(sdp_rx_produced(&w.host[1].conn), 65536 / 1008 * 1008);
	assert_true(sdp_counters(&w.host[0].conn)->credit_stalls > 0);
	assert_true(world_run(&w, (struct san_time){SAN_DURATION_S(200).ns}));
	assert_intact(&w, MEGABYTE);
	world_fini(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(bulk__lossy_10_mb),
	    cmocka_unit_test(bulk__corrupting_1_mb),
	    cmocka_unit_test(bulk__clean_is_lean),
	    cmocka_unit_test(silence__ends_after_give_up),
	    cmocka_unit_test(silence__ends_after_retries),
	    cmocka_unit_test(silence__found_by_keepalive),
	    cmocka_unit_test(stall__reader_sleeps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
