/* SPDX-License-Identifier: BSD-3-Clause */
/* Every pattern of loss over the first twelve packets of connecting, and of duplication, reordering
 * and their mixtures: both ends come to rest with the same opinion, in bounded time, and nothing is
 * left behind. */
#include "test.h"

#include "cm_world.h"

#define K     12
#define MASKS (1u << K)

/* Odd patterns run over IPv6. */
static void
begin(struct cm_world *w, const struct cm_limits *limits, uint64_t n)
{
	world_init(w, limits);
	if (n & 1)
		world_ipv6(w);
}

static void
up_and_down(struct cm_world *w, int leaver)
{
	world_run(w, SAN_DURATION_S(30));
	world_expect(w, 0, VIEW_UP, VIEW_UP);
	assert_int_equal(w->side[1].end[0].seen[CM_EV_REQ], 1);
	assert_int_equal(w->side[1].end[0].seen[CM_EV_ESTABLISHED], 1);
	assert_int_equal(w->side[0].end[0].seen[CM_EV_REP], 1);
	world_disconnect(w, leaver, 0);
	world_expect_rest(w);
}

static void
connect__every_loss_pattern(void **state)
{
	for (uint64_t mask = 0; mask < MASKS; mask++) {
		struct cm_world w;

		begin(&w, &world_limits, mask);
		world_script(&w, mask, 0, 0);
		world_connect(&w, 0);
		up_and_down(&w, mask % 2);
		world_fini(&w);
	}
}

static void
connect__every_duplicate_pattern(void **state)
{
	for (uint64_t mask = 0; mask < MASKS; mask++) {
		struct cm_world w;

		begin(&w, &world_limits, mask);
		world_script(&w, mask & 0x15, mask, 0);
		world_connect(&w, 0);
		up_and_down(&w, mask % 2);
		world_fini(&w);
	}
}

static void
connect__every_reordering_pattern(void **state)
{
	struct cm_limits limits = world_limits;

	/* Repeats so close together that a late packet meets several of them. */
	limits.req_interval = SAN_DURATION_MS(3);
	limits.rep_interval = SAN_DURATION_MS(2);
	limits.req_retries = limits.rep_retries = 200;
	for (uint64_t mask = 0; mask < MASKS; mask++) {
		struct cm_world w;

		begin(&w, &limits, mask);
		world_script(&w, 0, mask >> 3, mask);
		world_connect(&w, 0);
		up_and_down(&w, mask % 2);
		world_fini(&w);
	}
}

/* Four packets, each of them lost, doubled or late in any combination. */
static void
connect__every_mixture(void **state)
{
	for (uint64_t n = 0; n < MASKS; n++) {
		struct cm_world w;

		begin(&w, &world_limits, n);
		world_script(&w, n & 15, n >> 4 & 15, n >> 8);
		world_connect(&w, 0);
		up_and_down(&w, n % 2);
		world_fini(&w);
	}
}

/* Both sides connect to each other at the same time: two connections, neither disturbs the other.
 */
static void
connect__crossing_with_every_loss_pattern(void **state)
{
	for (uint64_t mask = 0; mask < MASKS; mask++) {
		struct cm_world w;

		begin(&w, &world_limits, mask);
		world_script(&w, mask, mask >> 5, 0);
		world_connect(&w, 0);
		world_connect(&w, 1);
		world_run(&w, SAN_DURATION_S(30));
		for (int began = 0; began < 2; began++) {
			world_expect(&w, began, VIEW_UP, VIEW_UP);
			assert_int_equal(w.side[!began].end[began].seen[CM_EV_REQ], 1);
			assert_int_equal(w.side[began].end[began].seen[CM_EV_REP], 1);
			assert_int_equal(
			    w.side[!began].end[began].last.peer.b[15], w.side[began].ip.b[15]);
		}
		assert_int_not_equal(w.side[0].end[0].id, w.side[0].end[1].id);
		world_disconnect(&w, 0, 0);
		world_disconnect(&w, 0, 1);
		world_expect_rest(&w);
		world_fini(&w);
	}
}

/* No RTU ever arrives, but data does: that establishes, and the active side's repeats of the RTU,
 * asked for by the REPs sent meanwhile, change nothing. */
static void
connect__data_instead_of_the_rtu(void **state)
{
	for (uint64_t mask = 0; mask < MASKS; mask++) {
		struct cm_world w;

		begin(&w, &world_limits, mask);
		/* REQ and first REP arrive */
		world_script(&w, mask & ~3ull, mask >> 2, mask >> 4 & ~3ull);
		world_connect(&w, 0);
		world_run(&w, SAN_DURATION_MS(2));
		world_pump(&w);
		assert_int_equal(w.side[0].end[0].view, VIEW_UP);
		w.lose |= ~0ull; /* RTUs on their way, too */
		w.wire_count = 0;
		world_run(&w, SAN_DURATION_MS(1000));
		assert_int_equal(w.side[1].end[0].view, VIEW_CONNECTING);
		cm_data_arrived(w.side[1].cm, w.side[1].end[0].id, w.now);
		world_script(&w, 0, 0, 0);
		world_run(&w, SAN_DURATION_S(30));
		world_expect(&w, 0, VIEW_UP, VIEW_UP);
		assert_int_equal(w.side[1].end[0].seen[CM_EV_ESTABLISHED], 1);
		world_disconnect(&w, mask % 2, 0);
		world_expect_rest(&w);
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

		begin(&w, &limits, mask);
		world_script(&w, mask, 0, 0);
		world_connect(&w, 0);
		world_run(&w, SAN_DURATION_S(30));
		assert_int_not_equal(w.side[0].end[0].view, VIEW_CONNECTING);
		assert_int_not_equal(w.side[1].end[0].view, VIEW_CONNECTING);
		up += w.side[0].end[0].view == VIEW_UP;
		failed += w.side[0].end[0].view != VIEW_UP;
		for (int s = 0; s < 2; s++) {
			if (w.side[s].end[0].view == VIEW_UP)
				world_disconnect(&w, s, 0);
			world_run(&w, SAN_DURATION_S(30));
		}
		world_expect_rest(&w);
		world_fini(&w);
	}
	print_message("%u connected, %u gave up\n", up, failed);
	assert_true(up > 0 && failed > 0);
}

static void
connect__nobody_there(void **state)
{
	struct cm_world w;
	struct cm_limits limits = world_limits;

	limits.req_retries = 3;
	world_init(&w, &limits);
	world_script(&w, UINT64_MAX, 0, 0);
	world_connect(&w, 0);
	world_run(&w, SAN_DURATION_MS(3999));
	assert_int_equal(w.side[0].end[0].seen[CM_EV_TIMEDOUT], 0);
	world_run(&w, SAN_DURATION_MS(2));
	assert_int_equal(w.side[0].end[0].seen[CM_EV_TIMEDOUT], 1);
	assert_int_equal(w.side[0].end[0].last.cookie, 100);
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
	    cmocka_unit_test(connect__every_duplicate_pattern),
	    cmocka_unit_test(connect__every_reordering_pattern),
	    cmocka_unit_test(connect__every_mixture),
	    cmocka_unit_test(connect__crossing_with_every_loss_pattern),
	    cmocka_unit_test(connect__data_instead_of_the_rtu),
	    cmocka_unit_test(connect__every_loss_pattern_with_few_retries),
	    cmocka_unit_test(connect__nobody_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
