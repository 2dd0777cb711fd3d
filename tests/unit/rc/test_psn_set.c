/* SPDX-License-Identifier: BSD-3-Clause */
/* Sets of PSNs against a plain array. */
#include "test.h"

#include <string.h>

#include "prng.h"
#include "psn_set.h"
#include "seq.h"

#define STEPS 20000u

/* The PSNs [from, from + PSN_SET_SPAN). */
struct model {
	uint32_t from;
	bool member[PSN_SET_SPAN];
};

/* What has been passed leaves the set before the ring comes round to it. */
static void
move_on(struct model *m, struct psn_set *s, uint32_t n)
{
	for (; n > 0; n--) {
		assert_int_equal(psn_set_remove(s, m->from), m->member[0]);
		memmove(m->member, m->member + 1, sizeof m->member - sizeof *m->member);
		m->member[PSN_SET_SPAN - 1] = false;
		m->from = psn_add(m->from, 1);
	}
}

static void
compare(const struct model *m, const struct psn_set *s)
{
	struct psn_set bits = psn_set_from(s, m->from), back = psn_set_at(&bits, m->from);
	uint32_t i, lowest = PSN_SET_SPAN, top = 0;

	for (i = 0; i < PSN_SET_SPAN; i++) {
		assert_int_equal(psn_set_has(s, psn_add(m->from, i)), m->member[i]);
		assert_int_equal(bits.word[i / 64] >> i % 64 & 1, m->member[i]);
		if (m->member[i] && lowest == PSN_SET_SPAN)
			lowest = i;
		if (m->member[i])
			top = i + 1;
	}
	assert_int_equal(psn_set_lowest(&bits), lowest);
	assert_int_equal(psn_set_top(&bits), top);
	assert_memory_equal(&back, s, sizeof back);
}

static void
set__any_sequence_of_operations(void **state)
{
	struct prng g = {3};
	struct model m = {.from = 0xffff00};
	struct psn_set s = {0};
	uint32_t step, i;

	for (step = 0; step < STEPS; step++) {
		i = prng_below(&g, prng_below(&g, 2) == 0 ? 8 : PSN_SET_SPAN);
		switch (prng_below(&g, 5)) {
		case 0:
			move_on(&m, &s, i % 100);
			break;
		case 1:
			assert_int_equal(psn_set_remove(&s, psn_add(m.from, i)), m.member[i]);
			m.member[i] = false;
			break;
		default:
			assert_int_equal(psn_set_add(&s, psn_add(m.from, i)), !m.member[i]);
			m.member[i] = true;
		}
		if (step % 16 == 0)
			compare(&m, &s);
	}
}

static void
below__is_as_many_bits(void **state)
{
	struct psn_set all = psn_set_below(PSN_SET_SPAN), some, both;
	uint32_t n;

	for (n = 0; n <= PSN_SET_SPAN; n++) {
		some = psn_set_below(n);
		both = psn_set_and(&all, &some);
		assert_int_equal(psn_set_top(&some), n);
		assert_int_equal(psn_set_lowest(&some), n == 0 ? PSN_SET_SPAN : 0);
		assert_memory_equal(&both, &some, sizeof both);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(set__any_sequence_of_operations),
	    cmocka_unit_test(below__is_as_many_bits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
