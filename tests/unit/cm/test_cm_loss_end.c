/* SPDX-License-Identifier: BSD-3-Clause */
/* Every pattern of loss over the first twelve packets of disconnecting, and of duplication and
 * reordering; leaving one by one, both at once, before the peer knows that it is connected, and in
 * the middle of the handshake. Both ends agree at last, each tells its owner exactly once, nothing
 * is left behind. */
#include "test.h"

#include "cm_world.h"

#define K     12
#define MASKS (1u << K)

static void
connected(struct cm_world *w, uint64_t n)
{
	world_init(w, &world_limits);
	if (n & 1)
		world_ipv6(w);
	world_connect(w, 0);
	world_run(w, SAN_DURATION_MS(100));
	world_expect(w, 0, VIEW_UP, VIEW_UP);
}

/* Each owner heard once that the connection is over, and once that the QPN is free. */
static void
expect_told_once(const struct cm_world *w)
{
	for (int s = 0; s < 2; s++) {
		const struct cm_end *e = &w->side[s].end[0];

		assert_int_equal(e->seen[CM_EV_DREQ] + e->seen[CM_EV_DREQ_DONE], 1);
		assert_int_equal(e->seen[CM_EV_GONE], 1);
	}
}

static void
disconnect__every_loss_pattern(void **state)
{
	for (uint64_t mask = 0; mask < MASKS; mask++) {
		for (int from = 0; from < 2; from++) {
			struct cm_world w;

			connected(&w, mask);
			world_script(&w, mask, 0, 0);
			world_disconnect(&w, from, 0);
			world_expect_rest(&w);
			expect_told_once(&w);
			assert_int_equal(w.side[from].end[0].seen[CM_EV_DREQ_DONE], 1);
			assert_int_equal(w.side[!from].end[0].seen[CM_EV_DREQ], 1);
			world_fini(&w);
		}
	}
}

static void
disconnect__every_mixture(void **state)
{
	for (uint64_t n = 0; n < MASKS; n++) {
		struct cm_world w;

		connected(&w, n);
		world_script(&w, n & 15, n >> 4 & 15, n >> 8);
		world_disconnect(&w, n % 2, 0);
		world_expect_rest(&w);
		expect_told_once(&w);
		world_fini(&w);
	}
}

static void
disconnect__crossing_with_every_loss_pattern(void **state)
{
	for (uint64_t mask = 0; mask < MASKS; mask++) {
		for (uint64_t skew = 0; skew < 3; skew++) { /* half a round trip, in halves */
			struct cm_world w;

			connected(&w, mask);
			world_script(&w, mask, mask >> 3, mask >> 7);
			world_disconnect(&w, 0, 0);
			world_run(&w, (struct san_duration){skew * w.delay.ns / 2});
			if (w.side[1].end[0].view == VIEW_UP)
				world_disconnect(&w, 1, 0);
			world_expect_rest(&w);
			expect_told_once(&w);
			world_fini(&w);
		}
	}
}

/* The active side leaves as soon as it thinks that it is connected: the passive side may not have
 * its RTU yet, or never get it. */
static void
disconnect__before_the_rtu_with_every_loss_pattern(void **state)
{
	for (uint64_t mask = 0; mask < MASKS; mask++) {
		struct cm_world w;

		world_init(&w, &world_limits);
		world_script(&w, mask << 2, 0, mask >> 3); /* REQ and first REP arrive */
		world_connect(&w, 0);
		while (w.side[0].end[0].view != VIEW_UP)
			world_run(&w, SAN_DURATION_MS(1));
		world_disconnect(&w, 0, 0);
		world_expect_rest(&w);
		assert_int_equal(w.side[0].end[0].seen[CM_EV_DREQ_DONE], 1);
		assert_int_equal(w.side[1].end[0].seen[CM_EV_DREQ] +
				     w.side[1].end[0].seen[CM_EV_REJECTED] +
				     w.side[1].end[0].seen[CM_EV_TIMEDOUT],
		    1);
		world_fini(&w);
	}
}

/* One side gives up somewhere in the handshake. What it says is said once; if it gets lost, the
 * other side's repeats find out. Only an active side that has confirmed already cannot: it is its
 * transport that will, and its DREQ is answered. */
static void
cancel__at_any_moment_with_every_loss_pattern(void **state)
{
	unsigned left_up = 0;

	for (uint64_t mask = 0; mask < MASKS; mask++) {
		for (int who = 0; who < 2; who++) {
			struct cm_world w;

			world_init(&w, &world_limits);
			world_script(&w, mask, 0, 0);
			world_connect(&w, 0);
			world_run(&w, (struct san_duration){mask % 5 * 700000});
			while (w.side[who].end[0].view == VIEW_NONE)
				world_run(&w, SAN_DURATION_MS(1)); /* no REQ yet */
			world_disconnect(&w, who, 0);
			w.side[1].refuse = CM_REJ_CONSUMER; /* a repeat of the REQ begins anew */
			world_run(&w, SAN_DURATION_S(60));
			assert_int_equal(w.side[who].end[0].view, VIEW_NONE);
			assert_int_not_equal(w.side[1].end[0].view, VIEW_UP);
			if (w.side[!who].end[0].view == VIEW_UP) {
				left_up++;
				world_disconnect(&w, !who, 0);
			}
			world_expect_rest(&w);
			world_fini(&w);
		}
	}
	print_message("%u left to the transport\n", left_up);
}

static void
disconnect__peer_is_silent(void **state)
{
	struct cm_world w;

	connected(&w, 0);
	world_script(&w, UINT64_MAX, 0, 0);
	world_disconnect(&w, 0, 0);
	world_run(&w, SAN_DURATION_S(60));
	assert_int_equal(w.side[0].end[0].seen[CM_EV_DREQ_DONE], 1);
	assert_int_equal(w.side[0].end[0].seen[CM_EV_GONE], 1);
	assert_int_equal(cm_counters(w.side[0].cm)->timeouts, 1);
	assert_int_equal(cm_counters(w.side[0].cm)->dreq_tx, 13);
	assert_int_equal(cm_count(w.side[0].cm), 0);
	world_fini(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(disconnect__every_loss_pattern),
	    cmocka_unit_test(disconnect__every_mixture),
	    cmocka_unit_test(disconnect__crossing_with_every_loss_pattern),
	    cmocka_unit_test(disconnect__before_the_rtu_with_every_loss_pattern),
	    cmocka_unit_test(cancel__at_any_moment_with_every_loss_pattern),
	    cmocka_unit_test(disconnect__peer_is_silent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
