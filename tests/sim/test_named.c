/* SPDX-License-Identifier: BSD-3-Clause */
/* Scenarios with a name: what the project promises by it, checked by itself. */
#include "test.h"

#include <stdio.h>

#include "fig.h"
#include "pair.h"
#include "san_err.h"

#define MEGABYTE 1000000u

static struct pair_setup
bulk(uint64_t bytes, uint64_t seed)
{
	struct pair_setup s = pair_defaults();

	s.end[0].script.write_total = bytes;
	s.end[0].script.ending = END_CLOSE;
	s.end[1].script.ending = END_WAIT;
	s.seed = seed;
	return s;
}

static void
assert_intact(const struct pair *p, uint64_t bytes)
{
	assert_int_equal(p->end[0]->written, bytes);
	assert_int_equal(p->end[1]->read, bytes); /* every byte was compared when it was read */
	assert_int_equal(sdp_error(&p->end[0]->conn), 0);
	assert_int_equal(sdp_error(&p->end[1]->conn), 0);
}

/* 1 % loss, 1 % duplication, 1 % reordering: 10 MB arrive intact. */
static void
bulk__lossy_10_mb(void **state)
{
	struct pair_setup setup = bulk(10 * MEGABYTE, 1);
	struct faults *f;
	struct pair p;

	pair_init(&p, &setup);
	f = &p.w.net.faults;
	f->loss = f->duplicate = f->reorder = PPB_ALL / 100;
	f->reorder_max = SAN_DURATION_US(50);
	f->until = SAN_TIME_NEVER;
	assert_true(pair_run(&p, 600000));
	assert_intact(&p, 10 * MEGABYTE);
	assert_true(
	    p.w.net.count.lost > 0 && p.w.net.count.duplicated > 0 && p.w.net.count.reordered > 0);
	pair_fini(&p);
}

/* One frame of a hundred damaged: the ICRC must catch each; see node_rx_take. */
static void
bulk__corrupting_1_mb(void **state)
{
	struct pair_setup setup = bulk(MEGABYTE, 2);
	struct pair p;

	pair_init(&p, &setup);
	p.w.net.faults.corrupt = PPB_ALL / 100;
	p.w.net.faults.until = SAN_TIME_NEVER;
	assert_true(pair_run(&p, 60000));
	assert_intact(&p, MEGABYTE);
	assert_true(p.w.net.count.damaged > 5);
	assert_int_equal(p.host[0].node.rx_bad + p.host[1].node.rx_bad, p.w.net.count.damaged);
	pair_fini(&p);
}

/* On a perfect cable at 10 Gbit/s nothing is sent twice, the cable is busy nearly all the time, and
 * there are few ACKs and few credit updates. */
static void
bulk__clean_is_lean(void **state)
{
	struct pair_setup setup = bulk(100 * MEGABYTE, 3);
	const struct rc_counters *a, *b;
	struct pair p;
	double wire_ns;

	setup.end[0].pmtu = 4096;
	setup.end[0].ring_tx = setup.end[1].ring_rx = 1 << 20;
	setup.host.cm.timewait = SAN_DURATION_US(1); /* the clock is looked at in the end */
	pair_init(&p, &setup);
	assert_true(pair_run(&p, 60000));
	assert_intact(&p, 100 * MEGABYTE);
	a = sdp_rc_counters(&p.end[0]->conn);
	b = sdp_rc_counters(&p.end[1]->conn);
	assert_int_equal(
	    a->tx_repeats + a->timeouts + b->tx_naks + b->rx_gaps + b->rx_duplicates, 0);
	assert_true(b->tx_acks + b->tx_requests < a->tx_requests / 4);
	wire_ns = 100.0 * MEGABYTE / 4080 * (4096 + 58 + 24) / 1.25;
	printf("%u packets, %u acks, %u back; %.0f %% of the cable\n", a->tx_requests, b->tx_acks,
	    b->tx_requests, 100 * wire_ns / (double)p.w.now.ns);
	assert_true((double)p.w.now.ns < 1.1 * wire_ns);
	pair_fini(&p);
}

/* A writes 1000 bytes and waits; right behind the handshake the cable is cut. */
static void
start_cut(struct pair *p, struct rc_params rc, uint64_t seed)
{
	struct pair_setup setup = bulk(1000, seed);

	setup.end[0].script.ending = END_WAIT;
	setup.end[0].rc = rc;
	pair_init(p, &setup);
	pair_connect(p);
	p->w.net.faults.cut_from = p->w.now;
}

/* A peer that falls silent: the program learns it after give_up, not before and not much later. */
static void
silence__ends_after_give_up(void **state)
{
	struct rc_params rc = stream_defaults().rc;
	struct pair p;

	rc.give_up = SAN_DURATION_S(3);
	start_cut(&p, rc, 4);
	program_write(p.end[0], p.w.now);
	assert_false(pair_run(&p, 2000));
	assert_false(p.end[0]->dead);
	pair_run(&p, 3500);
	assert_true(p.end[0]->dead);
	assert_int_equal(sdp_error(&p.end[0]->conn), SAN_ETIMEDOUT);
	pair_fini(&p);
}

/* The same with a silent peer and a retry count: 0 as give_up lets the count decide. */
static void
silence__ends_after_retries(void **state)
{
	struct rc_params rc = stream_defaults().rc;
	struct pair p;

	rc.give_up.ns = 0;
	rc.retry_count = 3;
	start_cut(&p, rc, 5);
	pair_run(&p, 200); /* 10 + 20 + 40 + 80 ms */
	assert_true(p.end[0]->dead);
	assert_int_equal(sdp_rc_counters(&p.end[0]->conn)->tx_repeats, 3);
	assert_int_equal(sdp_error(&p.end[0]->conn), SAN_ETIMEDOUT);
	pair_fini(&p);
}

/* An idle connection to a dead host is found by keepalive alone. */
static void
silence__found_by_keepalive(void **state)
{
	struct pair_setup setup = bulk(0, 6);
	struct pair p;

	setup.end[0].script.ending = END_WAIT;
	setup.end[0].rc.give_up = SAN_DURATION_S(1);
	setup.end[1].rc.give_up = SAN_DURATION_S(1);
	pair_init(&p, &setup);
	pair_connect(&p);
	p.w.net.faults.cut_from = p.w.now;
	pair_run(&p, 5000);
	assert_true(p.end[0]->dead && p.end[1]->dead);
	assert_int_equal(sdp_error(&p.end[0]->conn), SAN_ETIMEDOUT);
	pair_fini(&p);
}

/* A reader that stops: the writer waits, however long, and nothing is lost when it goes on. */
static void
stall__reader_sleeps(void **state)
{
	struct pair_setup setup = bulk(MEGABYTE, 7);
	struct pair p;

	setup.end[0].script.ending = END_SHUT_THEN_CLOSE;
	setup.end[0].connect_at.ns = SAN_DURATION_US(10).ns;
	pair_init(&p, &setup);
	pair_connect(&p);
	p.end[1]->read_at.ns = SAN_DURATION_S(100).ns;
	assert_false(pair_run(&p, 99000));
	assert_int_equal(sdp_rx_produced(&p.end[1]->conn), 65536 / 1008 * 1008);
	assert_true(sdp_counters(&p.end[0]->conn)->credit_stalls > 0);
	assert_true(pair_run(&p, 200000));
	assert_intact(&p, MEGABYTE);
	pair_fini(&p);
}

/* A host whose poll thread stands still for half a second loses nothing. */
static void
stall__host_paused(void **state)
{
	struct pair_setup setup = bulk(10 * MEGABYTE, 8);
	struct pair p;

	setup.host.node.rx_max = 16;
	pair_init(&p, &setup);
	pair_connect(&p);
	p.host[1].node.pause_from.ns = SAN_DURATION_MS(1).ns;
	p.host[1].node.pause_to.ns = SAN_DURATION_MS(501).ns;
	assert_true(pair_run(&p, 60000));
	assert_intact(&p, 10 * MEGABYTE);
	assert_true(p.host[1].node.rx_missed > 0);
	pair_fini(&p);
}

/* One frame of a thousand is lost: a READ asks again only for what is missing. */
static void
read__keeps_its_rate(void **state)
{
	double clean = fig_read_measure(FIG_KEEP, FIG_PATH_SHORT, 0);

	assert_true(fig_read_measure(FIG_KEEP, FIG_PATH_SHORT, PPB_ALL / 1000) > clean * 0.95);
	assert_true(fig_read_measure(FIG_KEEP, FIG_PATH_SHORT, PPB_ALL / 100) > clean * 0.75);
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
	    cmocka_unit_test(read__keeps_its_rate),
	    cmocka_unit_test(stall__reader_sleeps),
	    cmocka_unit_test(stall__host_paused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
