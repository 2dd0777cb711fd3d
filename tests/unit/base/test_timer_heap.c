/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include "prng.h"
#include "timer_heap.h"

#define N 300

/* Against a naive search over all nodes, with random arming, moving and cancelling. */
static void
heap__agrees_with_a_naive_one(void **state)
{
	struct timer_node *slots[N], nodes[N] = {0};
	struct timer_heap h = {.nodes = slots, .max = N};
	uint64_t naive[N] = {0}; /* 0 = not armed */
	struct prng rng = {1};

	for (int round = 0; round < 20000; round++) {
		uint32_t i = prng_below(&rng, N);
		uint64_t first = UINT64_MAX;

		if (prng_below(&rng, 3) > 0) {
			naive[i] = 1 + prng_below(&rng, 1000);
			timer_heap_arm(&h, &nodes[i], (struct san_time){naive[i]});
		} else {
			naive[i] = 0;
			timer_heap_cancel(&h, &nodes[i]);
		}
		for (int k = 0; k < N; k++) {
			if (naive[k] != 0 && naive[k] < first)
				first = naive[k];
		}
		assert_int_equal(timer_heap_next(&h).ns, first);
		assert_int_equal(nodes[i].place != 0, naive[i] != 0);
	}
}

static void
heap__comes_out_sorted(void **state)
{
	struct timer_node *slots[N], nodes[N] = {0};
	struct timer_heap h = {.nodes = slots, .max = N};
	struct prng rng = {2};
	uint64_t last = 0;

	for (int i = 0; i < N; i++)
		timer_heap_arm(&h, &nodes[i], (struct san_time){prng_below(&rng, 100)});
	for (int i = 0; i < N; i++) {
		struct timer_node *n = timer_heap_due(&h, (struct san_time){1000});

		assert_non_null(n);
		assert_true(n->at.ns >= last);
		last = n->at.ns;
		timer_heap_cancel(&h, n);
		timer_heap_cancel(&h, n); /* twice is harmless */
	}
	assert_null(timer_heap_due(&h, (struct san_time){1000}));
	assert_int_equal(h.count, 0);
}

static void
heap__due_is_not_early(void **state)
{
	struct timer_node *slots[1], n = {0};
	struct timer_heap h = {.nodes = slots, .max = 1};

	assert_int_equal(timer_heap_next(&h).ns, SAN_TIME_NEVER.ns);
	timer_heap_arm(&h, &n, (struct san_time){10});
	assert_null(timer_heap_due(&h, (struct san_time){9}));
	assert_ptr_equal(timer_heap_due(&h, (struct san_time){10}), &n);
	timer_heap_arm(&h, &n, SAN_TIME_NEVER);
	assert_null(timer_heap_due(&h, SAN_TIME_NEVER));
	assert_int_equal(n.place, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(heap__agrees_with_a_naive_one),
	    cmocka_unit_test(heap__comes_out_sorted),
	    cmocka_unit_test(heap__due_is_not_early),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
