/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include <string.h>

#include "frames.h"
#include "icrc.h"
#include "prng.h"

static int
init(void **state)
{
	icrc_init();
	return 0;
}

static void
icrc_store__least_significant_byte_first(void **state)
{
	uint8_t b[4];

	icrc_store(b, 0xd8329c0e);
	assert_memory_equal(b, "\x0e\x9c\x32\xd8", 4);
	assert_int_equal(icrc_load(b), 0xd8329c0e);
}

/* A headers-only packet whose masked bytes are written out by hand. */
static void
icrc_masked__worked_example(void **state)
{
	uint8_t b[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x45, 0xff, 0x00, 0x30, 0x00,
	    0x00, 0x40, 0x00, 0xff, 0x11, 0xff, 0xff, 0xc0, 0xa8, 0x0a, 0x02, 0xc0, 0xa8, 0x0a,
	    0x01, 0xc0, 0x01, 0x12, 0xb7, 0x00, 0x1c, 0xff, 0xff, 0x11, 0x00, 0xff, 0xff, 0xff,
	    0x00, 0x00, 0x12, 0x00, 0x22, 0x22, 0x22, 0x1f, 0x00, 0x00, 0x01};

	b[40] = 0xff;
	assert_int_equal(icrc_masked(b + 8, sizeof b - 8), 0xd8329c0e);
}

/* Every length from the smallest packet up, random bytes, both families, odd alignments: equal to
 * the reference, and the frame untouched afterwards. */
static void
expect_reference(struct prng *rng)
{
	uint8_t frame[FRAME_CAP], before[FRAME_CAP];

	for (unsigned round = 0; round < 3000; round++) {
		bool ipv6 = prng_below(rng, 2) != 0;
		size_t l3 = 8 + prng_below(rng, 64), headers = ipv6 ? 60 : 40;
		size_t len = headers + (round < 2000 ? round : prng_below(rng, 4200));

		for (size_t i = 0; i < l3 + len; i++)
			frame[i] = (uint8_t)prng_u64(rng);
		frame[l3] = ipv6 ? 0x60 | (frame[l3] & 15) : 0x45;
		memcpy(before, frame, l3 + len);
		assert_int_equal(
		    icrc_in_place(frame + l3, len, ipv6), reference_icrc(before, l3, l3 + len));
		assert_memory_equal(frame, before, l3 + len);
	}
}

static void
icrc_in_place__every_implementation_agrees_with_reference(void **state)
{
	struct prng rng = {20241};
	unsigned tested = 0;
	const char *name;

	for (unsigned i = 0; icrc_choose(i, &name); i++) {
		if (name == NULL)
			continue;
		assert_string_equal(icrc_algorithm_name(), name);
		expect_reference(&rng);
		print_message("%s\n", name);
		tested++;
	}
	assert_true(tested > 0);
	icrc_choose(0, &name);
	assert_string_equal(icrc_algorithm_name(), "scalar");
	icrc_init();
	if (tested > 1)
		assert_string_not_equal(icrc_algorithm_name(), "scalar");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(icrc_store__least_significant_byte_first),
	    cmocka_unit_test(icrc_masked__worked_example),
	    cmocka_unit_test(icrc_in_place__every_implementation_agrees_with_reference),
	};

	return cmocka_run_group_tests(tests, init, NULL);
}
