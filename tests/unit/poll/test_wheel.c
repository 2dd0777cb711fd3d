/* SPDX-License-Identifier: BSD-3-Clause */
/* The wheel against a model that looks at every timer every time. */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "prng.h"
#include "wheel.h"

#define TIMERS 200u

static struct wheel wheel;
static struct wheel_timer timer[TIMERS];
static uint64_t want[TIMERS]; /* the model; UINT64_MAX = not set */

/* A distance in time of any order of magnitude up to 2^bits ns. */
static uint64_t
distance(struct prng *g, uint32_t bits)
{
	return prng_u64(g) >> (64 - 1 - prng_below(g, bits));
}

static void
check_fired(struct wheel_timer *t, struct san_time now)
{
	size_t i = (size_t)(t - timer);

	assert_true(want[i] <= now.ns); /* not early, not cleared */
	want[i] = UINT64_MAX;
}

static void
run(uint64_t seed, unsigned rounds, uint32_t reach_bits, uint32_t step_bits)
{
	struct prng g = {seed};
	struct san_time now = {prng_u64(&g) >> 20};

	memset(timer, 0, sizeof timer);
	memset(want, 0xff, sizeof want);
	wheel_init(&wheel, now);
	for (unsigned round = 0; round < rounds; round++) {
		struct wheel_timer *t;
		struct san_time next;
		uint64_t soonest = UINT64_MAX;

		for (unsigned k = prng_below(&g, 4); k > 0; k--) {
			uint32_t i = prng_below(&g, TIMERS), what = prng_below(&g, 10);

			if (what == 0) {
				wheel_remove(&wheel, &timer[i]);
				want[i] = UINT64_MAX;
			} else {
				want[i] =
				    what == 1 ? UINT64_MAX : now.ns + distance(&g, reach_bits);
				wheel_set(&wheel, &timer[i], (struct san_time){want[i]});
			}
		}
		next = wheel_next(&wheel);
		for (unsigned i = 0; i < TIMERS; i++)
			soonest = want[i] < soonest ? want[i] : soonest;
		if (soonest != UINT64_MAX)
			assert_true(next.ns <= soonest + WHEEL_TICK_NS);
		now.ns += distance(&g, step_bits);
		while ((t = wheel_due(&wheel, now)) != NULL)
			check_fired(t, now);
		for (unsigned i = 0; i < TIMERS; i++) {
			if (want[i] < now.ns && now.ns - want[i] >= WHEEL_TICK_NS)
				fail_msg("seed %llu round %u: timer %u is late",
				    (unsigned long long)seed, round, i);
		}
	}
}

static void
test_model(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 10; seed++) {
		run(seed, 2000, 24, 18); /* within the first levels */
		run(seed, 1000, 34, 26);
		run(seed, 60, 42, 36); /* beyond the wheel's span, in large steps */
	}
}

static void
test_moved_later_costs_nothing(void **state)
{
	struct wheel_timer t = {0};

	(void)state;
	wheel_init(&wheel, (struct san_time){0});
	wheel_set(&wheel, &t, (struct san_time){100000});
	for (unsigned i = 0; i < 1000; i++) {
		uint64_t tick = t.tick;

		wheel_set(&wheel, &t, (struct san_time){200000 + i});
		assert_int_equal(t.tick, tick);
	}
	assert_null(wheel_due(&wheel, (struct san_time){150000}));
	assert_ptr_equal(wheel_due(&wheel, (struct san_time){300000}), &t);
	assert_null(wheel_due(&wheel, (struct san_time){UINT64_C(1) << 50}));
	assert_int_equal(wheel_next(&wheel).ns, UINT64_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_model),
	    cmocka_unit_test(test_moved_later_costs_nothing),
	};

	return cmocka_run_group_tests_name("wheel", tests, NULL, NULL);
}
