/* SPDX-License-Identifier: BSD-3-Clause */
/* What the figures must not fall below. FIGURES.md says how things are; this test says what is
 * promised, and that a figure is a property of the code and not of the day. */
#include "test.h"

#include <string.h>

#include "fig.h"

#define MEASURED    SAN_DURATION_MS(40)
#define ONE_PERMILL 1000000u /* of a thousand million */

static const struct fig_way *
way_find(const struct fig_way *ways, const char *name)
{
	while (ways->name != NULL && strcmp(ways->name, name) != 0)
		ways++;
	assert_non_null(ways->name);
	return ways;
}

/* Share of the loss-free goodput that is left when so many frames are lost. */
static double
share_kept_at(uint32_t ppb, const char *name, enum fig_path path)
{
	const struct fig_way *way = way_find(fig_loss_ways, name);
	struct fig_loss_result clean = fig_loss_measure(way, path, 0, MEASURED);
	struct fig_loss_result lossy = fig_loss_measure(way, path, ppb, MEASURED);

	assert_int_equal(clean.lost, 0);
	assert_true(lossy.lost > 50);
	assert_true(clean.gbit > 90);
	print_message("%s, path %d: %.0f %% kept\n", name, path, 100 * lossy.gbit / clean.gbit);
	return lossy.gbit / clean.gbit;
}

static double
share_kept(const char *name, enum fig_path path)
{
	return share_kept_at(ONE_PERMILL, name, path);
}

static void
loss__selective_repeat_keeps_four_fifths(void **state)
{
	(void)state;
	for (enum fig_path path = 0; path < FIG_PATH_COUNT; path++)
		for (const struct fig_way *w = fig_loss_ways; w->name != NULL; w++)
			if (w->recovery != FIG_GO_BACK_N)
				assert_true(share_kept(w->name, path) >= 0.8);
}

/* Losses at random are no queue: congestion control must not take them for one. */
static void
loss__window_control_stands_one_percent(void **state)
{
	const char *name = "selective, SACK, window control";

	(void)state;
	assert_true(share_kept_at(10 * ONE_PERMILL, name, FIG_PATH_LONG) >= 0.75);
	assert_true(share_kept_at(10 * ONE_PERMILL, name, FIG_PATH_SHORT) >= 0.65);
}

/* The comparison itself must be able to tell: on the long path go-back-N pays for every loss with
 * all that was under way. */
static void
loss__go_back_n_keeps_less(void **state)
{
	(void)state;
	assert_true(share_kept("go-back-N", FIG_PATH_LONG) + 0.1 <
		    share_kept("selective, SACK", FIG_PATH_LONG));
}

/* Marks keep the queue short of its end: nothing is dropped, the link is full, and a small message
 * waits for little more than the queue at its longest. */
static void
incast__window_keeps_small_messages_quick(void **state)
{
	struct fig_incast_result r = fig_incast_measure(way_find(fig_ways, "window"));

	(void)state;
	assert_int_equal(r.drops, 0);
	assert_true(r.gbit > 90);
	assert_true(r.small_p99_us < 100);
	assert_true(
	    r.small_p99_us < 0.5 * fig_incast_measure(way_find(fig_ways, "none")).small_p99_us);
}

static void
fairness__sixteen_flows_share_evenly(void **state)
{
	static const char *const names[] = {"window", "DCQCN"};

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct fig_fairness_result r = fig_fairness_measure(way_find(fig_ways, names[i]));

		assert_true(r.jain >= 0.9);
		assert_true(r.gbit > 90);
		assert_true(r.least_gbit > 0.5 * r.most_gbit);
	}
}

/* The same way twice in one process: nothing may be left over from the run before. */
static void
figures__are_deterministic(void **state)
{
	const struct fig_way *way = way_find(fig_ways, "window");
	struct fig_loss_result loss[2];
	struct fig_incast_result incast[2];
	struct fig_fairness_result fairness[2];
	struct fig_reorder_result reorder[2];

	(void)state;
	for (int i = 0; i < 2; i++) {
		loss[i] =
		    fig_loss_measure(way, FIG_PATH_LONG, 10 * ONE_PERMILL, SAN_DURATION_MS(5));
		incast[i] = fig_incast_measure(way);
		fairness[i] = fig_fairness_measure(way);
		reorder[i] = fig_reorder_measure(way, 10, SAN_DURATION_MS(5));
	}
	assert_true(loss[0].gbit == loss[1].gbit && loss[0].lost == loss[1].lost);
	assert_true(incast[0].gbit == incast[1].gbit && incast[0].marked == incast[1].marked &&
		    incast[0].small_p99_us == incast[1].small_p99_us);
	assert_true(fairness[0].jain == fairness[1].jain &&
		    fairness[0].most_gbit == fairness[1].most_gbit &&
		    fairness[0].fair_after_ms == fairness[1].fair_after_ms);
	assert_true(reorder[0].gbit == reorder[1].gbit && reorder[0].repeats == reorder[1].repeats);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(loss__selective_repeat_keeps_four_fifths),
	    cmocka_unit_test(loss__window_control_stands_one_percent),
	    cmocka_unit_test(loss__go_back_n_keeps_less),
	    cmocka_unit_test(incast__window_keeps_small_messages_quick),
	    cmocka_unit_test(fairness__sixteen_flows_share_evenly),
	    cmocka_unit_test(figures__are_deterministic),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
