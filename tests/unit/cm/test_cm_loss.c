/* SPDX-License-Identifier: BSD-3-Clause */
/* Every pattern of loss over the first ten packets of connecting and of disconnecting, and every
 * pattern of duplication: both ends come to rest with the same opinion, in bounded time, and
 * nothing is left behind. */
#include "test.h"

#include "cm_world.h"

#define K     10
#define MASKS (1u << K)

static void
expect_views(const struct cm_world *w, enum side_view a, enum side_view b)
{
	assert_int_equal(w->side[0].view, a);
	assert_int_equal(w->side[1].view, b);
}

static void
expect_nothing_left(struct cm_world *w)
{
	world_run(w, SAN_DURATION_S(60));
	expect_views(w, VIEW_NONE, VIEW_NONE);
	assert_int_equal(cm_count(w->side[0].cm) + cm_count(w->side[1].cm), 0);
	assert_int_equal(cm_deadline(w->side[0].cm).ns, SAN_TIME_NEVER.ns);
	assert_int_equal(cm_deadline(w->side[1].cm).ns, SAN_TIME_NEVER.ns);
}

static void
connect__every_loss_pattern(void **state)
{
	for (uint64_t mask = 0; mask < MASKS; mask++) {
		struct cm_world w;

		world_init(&w, &world_limits);
		world_script(&w, mask, 0);
		world_connect(&w, 0);
		world_run(&w, SAN_DURATION_S(30));
		expect_views(&w, VIEW_UP, VIEW_UP);
		assert_int_equal(w.side[1].seen[CM_EV_REQ], 1);
		assert_int_equal(w.side[1].seen[CM_EV_ESTABLISHED], 1);
		assert_int_equal(w.side[0].seen[CM_EV_REP], 1);
		world_disconnect(&w, 0);
		expect_nothing_left(&w);
		world_fini(&w);
	}
}

/* With few retries some patterns fail. Then one side may count itself as connected while the other
 * is gone, and only the transport's own timeout can tell it; its DREQ is answered all the same. */
static void
connect__every_loss_pattern_with_few_retries(void **state)
{
	struct cm_limits limits = world_limits;
	unsigned up = 0, failed = 0;

	limits.req_retries = limits.rep_retries = limits.dreq_retries = 2;
	for (uint64_t mask = 0; mask < MASKS; mask++) {
		struct cm_world w;

		world_init(&w, &limits);
		world_script(&w, mask, 0);
		world_connect(&w, 0);
		world_run(&w, SAN_DURATION_S(30));
		assert_int_not_equal(w.side[0].view, VIEW_CONNECTING);
		assert_int_not_equal(w.side[1].view, VIEW_CONNECTING);
		up += w.side[0].view == VIEW_UP;
		failed += w.side[0].view != VIEW_UP;
		for (int s = 0; s < 2; s++) {
			if (w.side[s].view == VIEW_UP)
				world_disconnect(&w, s);
			world_run(&w, SAN_DURATION_S(30));
		}
		expect_nothing_left(&w);
		world_fini(&w);
	}
	print_message("%u connected, %u gave up\n", up, failed);
	assert_true(up > 0 && failed > 0);
}

static void
connect__every_duplicate_pattern(void **state)
{
	for (uint64_t mask = 0; mask < MASKS; mask++) {
		struct cm_world w;

		world_init(&w, &world_limits);
		world_script(&w, mask & 0x15, mask);
		world_connect(&w, 0);
		world_run(&w, SAN_DURATION_S(30));
		expect_views(&w, VIEW_UP, VIEW_UP);
		assert_int_equal(w.side[1].seen[CM_EV_REQ], 1);
		world_disconnect(&w, 1);
		expect_nothing_left(&w);
		world_fini(&w);
	}
}

static void
connected_world(struct cm_world *w)
{
	world_init(w, &world_limits);
	world_connect(w, 0);
	world_run(w, SAN_DURATION_MS(100));
	expect_views(w, VIEW_UP, VIEW_UP);
}

static void
disconnect__every_loss_pattern(void **state)
{
	for (uint64_t mask = 0; mask < MASKS; mask++) {
		for (int from = 0; from < 2; from++) {
			struct cm_world w;

			connected_world(&w);
			world_script(&w, mask, 0);
			world_disconnect(&w, from);
			expect_nothing_left(&w);
			assert_int_equal(w.side[from].seen[CM_EV_DREQ_DONE], 1);
			assert_int_equal(w.side[!from].seen[CM_EV_DREQ], 1);
			assert_int_equal(
			    w.side[0].seen[CM_EV_GONE] + w.side[1].seen[CM_EV_GONE], 2);
			world_fini(&w);
		}
	}
}

static void
disconnect__crossing_with_every_loss_pattern(void **state)
{
	for (uint64_t mask = 0; mask < MASKS; mask++) {
		struct cm_world w;

		connected_world(&w);
		world_script(&w, mask, mask >> 3);
		world_disconnect(&w, 0);
		world_disconnect(&w, 1);
		expect_nothing_left(&w);
		for (int s = 0; s < 2; s++) {
			assert_int_equal(
			    w.side[s].seen[CM_EV_DREQ] + w.side[s].seen[CM_EV_DREQ_DONE], 1);
			assert_int_equal(w.side[s].seen[CM_EV_GONE], 1);
		}
		world_fini(&w);
	}
}

static void
disconnect__peer_is_silent(void **state)
{
	struct cm_world w;

	connected_world(&w);
	world_script(&w, UINT64_MAX, 0);
	world_disconnect(&w, 0);
	world_run(&w, SAN_DURATION_S(60));
	assert_int_equal(w.side[0].seen[CM_EV_DREQ_DONE], 1);
	assert_int_equal(w.side[0].seen[CM_EV_GONE], 1);
	assert_int_equal(cm_counters(w.side[0].cm)->timeouts, 1);
	assert_int_equal(cm_counters(w.side[0].cm)->dreq_tx, 13);
	assert_int_equal(cm_count(w.side[0].cm), 0);
	world_fini(&w);
}

static void
connect__nobody_there(void **state)
{
	struct cm_world w;
	struct cm_limits limits = world_limits;

	limits.req_retries = 3;
	world_init(&w, &limits);
	world_script(&w, UINT64_MAX, 0);
	world_connect(&w, 0);
	world_run(&w, SAN_DURATION_MS(3999));
	assert_int_equal(w.side[0].seen[CM_EV_TIMEDOUT], 0);
	world_run(&w, SAN_DURATION_MS(2));
	assert_int_equal(w.side[0].seen[CM_EV_TIMEDOUT], 1);
	assert_int_equal(w.side[0].last.cookie, 100);
	assert_int_equal(cm_counters(w.side[0].cm)->req_tx, 4);
	assert_int_equal(cm_counters(w.side[0].cm)->retries, 3);
	assert_int_equal(cm_counters(w.side[0].cm)->rej_tx, 1);
	assert_int_equal(cm_count(w.side[0].cm), 0);
	world_fini(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(connect__every_loss_pattern),
	    cmocka_unit_test(connect__every_loss_pattern_with_few_retries),
	    cmocka_unit_test(connect__every_duplicate_pattern),
	    cmocka_unit_test(connect__nobody_there),
	    cmocka_unit_test(disconnect__every_loss_pattern),
	    cmocka_unit_test(disconnect__crossing_with_every_loss_pattern),
	    cmocka_unit_test(disconnect__peer_is_silent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
