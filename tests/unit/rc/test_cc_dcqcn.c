/* SPDX-License-Identifier: BSD-3-Clause */
/* DCQCN's reaction point: its arithmetic against the paper's, then several through one queue. */
#include "test.h"

#include "cc_world.h"

#define MBIT	 125u /* bytes per ms */
#define LINE	 (10000 * MBIT)
#define TEN_GBIT UINT64_C(1250000000)
#define BYTES	 4170u

static const struct cc_params params = {
    .algo = CC_DCQCN, .window_max = 512, .packet_bytes = BYTES, .line_rate_mbit = 10000};
static struct world world;
static struct san_time now;

static void
cc_start_as(struct cc *cc, const struct cc_params *p)
{
	now.ns = 1000000;
	assert_int_equal(cc_init(cc, p, now), 0);
}

static void
cc_start(struct cc *cc)
{
	cc_start_as(cc, &params);
}

static void
wait_us(struct cc *cc, uint32_t us)
{
	struct san_time end = san_time_add(now, SAN_DURATION_US(us));

	/* As its owner does: woken when due. */
	while (!san_time_before(end, cc_deadline(cc)) && cc_deadline(cc).ns != UINT64_MAX) {
		now = cc_deadline(cc);
		cc_deadline_expire(cc, now);
	}
	now = end;
}

static void
cnp__halves_then_recovers_by_halves(void **state)
{
	static const uint32_t recovery[5] = {7500, 8750, 9375, 9687, 9843};
	struct cc cc;
	uint32_t i;

	cc_start(&cc);
	assert_int_equal(cc_deadline(&cc).ns, UINT64_MAX);
	assert_true(cc_cnp(&cc, now)); /* alpha starts at 1 */
	assert_int_equal(cc.r.now, LINE / 2);
	for (i = 0; i < 5; i++) {
		wait_us(&cc, 55);
		assert_int_equal(cc.r.now / MBIT, recovery[i]);
	}
	wait_us(&cc, 20 * 55);
	assert_int_equal(cc.r.now, LINE);
	assert_int_equal(cc_deadline(&cc).ns, UINT64_MAX);
}

/* After fast recovery the old rate is exceeded by 40 Mbit/s per period, halved by averaging. */
static void
rate__explores_beyond_the_old_one(void **state)
{
	struct cc cc;
	uint32_t before;

	cc_start(&cc);
	assert_true(cc_cnp(&cc, now));
	wait_us(&cc, 5);
	assert_true(cc_cnp(&cc, now)); /* goal is now half the line */
	wait_us(&cc, 5 * 55);
	assert_in_range(cc.r.now, LINE * 48 / 100, LINE / 2);
	before = cc.r.goal;
	wait_us(&cc, 10 * 55);
	assert_int_equal(cc.r.goal, before + 10 * 40 * MBIT);
}

/* What may be configured: how often the rate rises, and by how much. */
static void
rate__rises_as_configured(void **state)
{
	struct cc_params p = params;
	struct cc cc;
	uint32_t before;

	p.period_us = 200;
	p.raise_mbit = 5;
	cc_start_as(&cc, &p);
	assert_true(cc_cnp(&cc, now));
	wait_us(&cc, 199);
	assert_int_equal(cc.r.now, LINE / 2);
	wait_us(&cc, 1);
	assert_int_equal(cc.r.now / MBIT, 7500);
	assert_true(cc_cnp(&cc, now));
	wait_us(&cc, 5 * 200);
	before = cc.r.goal;
	wait_us(&cc, 3 * 200);
	assert_int_equal(cc.r.goal, before + 3 * 5 * MBIT);
}

/* Of CNPs in a flood only one in 4 us counts; each weighs less the rarer they have been. */
static void
cnp__floods_and_rarity(void **state)
{
	struct cc cc;
	uint32_t before;

	cc_start(&cc);
	assert_true(cc_cnp(&cc, now));
	assert_false(cc_cnp(&cc, now));
	wait_us(&cc, 3);
	assert_false(cc_cnp(&cc, now));
	wait_us(&cc, 100000);
	assert_int_equal(cc.r.now, LINE);
	before = cc.r.now;
	assert_true(cc_cnp(&cc, now)); /* alpha fell to (255/256)^1818 */
	assert_true(cc.r.now > before - before / 1000);
}

static void
rate__never_below_the_least(void **state)
{
	struct cc cc;
	uint32_t i;

	cc_start(&cc);
	for (i = 0; i < 1000; i++) {
		cc_cnp(&cc, now);
		wait_us(&cc, 5);
	}
	assert_int_equal(cc.r.now, MBIT);
	/* A packet waits its time at that rate, until the rate rises. */
	cc_sent(&cc, BYTES, now);
	cc_sent(&cc, BYTES, now);
	assert_true(cc_next(&cc).ns > now.ns + 30000000);
	wait_us(&cc, 20 * 55);
	assert_true(cc_next(&cc).ns < now.ns + 5000000);
}

/* Nobody knows the rate of the line better than the line. */
static void
pacing__none_before_the_first_cnp(void **state)
{
	struct cc cc;

	cc_start(&cc);
	for (uint32_t i = 0; i < 1000; i++)
		cc_sent(&cc, BYTES, now);
	assert_true(cc_next(&cc).ns <= now.ns);
}

/* Over any time the flow gets its rate, whatever the burst at the start. */
static void
pacing__gives_the_rate(void **state)
{
	struct cc_params p = params;
	struct san_time end;
	struct cc cc;
	uint64_t bytes = 0;

	p.period_us = UINT16_MAX;
	cc_start_as(&cc, &p);
	assert_true(cc_cnp(&cc, now));
	now.ns += 1000000;
	end = san_time_add(now, SAN_DURATION_MS(10));
	while (san_time_before(now, end)) { /* looked at every 16 us only */
		while (!san_time_before(now, cc_next(&cc))) {
			cc_sent(&cc, BYTES, now);
			bytes += BYTES;
		}
		now.ns += 16384;
	}
	assert_in_range(bytes, TEN_GBIT / 200, TEN_GBIT / 200 + 30000);
}

static void
timeout__halves_and_undo_restores(void **state)
{
	struct cc cc;

	cc_start(&cc);
	assert_true(cc_timeout(&cc, now));
	assert_int_equal(cc.r.now, LINE / 2);
	cc_undo(&cc, now);
	assert_int_equal(cc.r.now, LINE);
}

/* As often as a peer would send CNPs for them; all taken back if none was one. */
static void
lost__one_in_50_us_and_undone_together(void **state)
{
	struct cc cc;

	cc_start(&cc);
	assert_true(cc_lost(&cc, 3, now));
	assert_int_equal(cc.r.now, LINE / 2);
	wait_us(&cc, 49);
	assert_false(cc_lost(&cc, 1, now));
	wait_us(&cc, 1);
	assert_true(cc_lost(&cc, 1, now));
	assert_int_equal(cc.r.now, LINE / 4);
	cc_undo(&cc, now);
	assert_int_equal(cc.r.now, LINE);
}

/* What a CNP said stays said; what was lost long ago stays lost. */
static void
undo__not_beyond_what_is_certain(void **state)
{
	struct cc cc;
	uint32_t before;

	cc_start(&cc);
	assert_true(cc_lost(&cc, 1, now));
	wait_us(&cc, 5);
	assert_true(cc_cnp(&cc, now));
	before = cc.r.now;
	cc_undo(&cc, now);
	assert_int_equal(cc.r.now, before);
	cc_start(&cc);
	assert_true(cc_lost(&cc, 1, now));
	wait_us(&cc, 3 * 55);
	before = cc.r.now;
	assert_true(cc_lost(&cc, 1, now));
	cc_undo(&cc, now);
	assert_int_equal(cc.r.now, before);
}

static void
queue__flows_share(void **state)
{
	const struct world_shape shape = {.bytes_per_s = TEN_GBIT,
	    .latency = SAN_DURATION_US(20),
	    .queue_max = 1000,
	    .queue_mark = 40,
	    .cnps = true};
	static const uint32_t counts[] = {2, 4, 16};
	uint32_t i, n;

	for (n = 0; n < 3; n++) {
		world_init(&world, &shape, 1);
		for (i = 0; i < counts[n]; i++) {
			world_flow_add(&world, &params);
			world_run(&world, SAN_DURATION_MS(5));
		}
		world_run(&world, SAN_DURATION_MS(100));
		world_figures_reset(&world);
		world_run(&world, SAN_DURATION_MS(200));
		assert_true(world_fairness(&world) > 0.95);
		assert_true(world_used(&world) > 80);
		assert_true(world_queue(&world) < 80);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(cnp__halves_then_recovers_by_halves),
	    cmocka_unit_test(rate__explores_beyond_the_old_one),
	    cmocka_unit_test(rate__rises_as_configured),
	    cmocka_unit_test(pacing__none_before_the_first_cnp),
	    cmocka_unit_test(cnp__floods_and_rarity),
	    cmocka_unit_test(rate__never_below_the_least),
	    cmocka_unit_test(pacing__gives_the_rate),
	    cmocka_unit_test(timeout__halves_and_undo_restores),
	    cmocka_unit_test(lost__one_in_50_us_and_undone_together),
	    cmocka_unit_test(undo__not_beyond_what_is_certain),
	    cmocka_unit_test(queue__flows_share),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
