/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include <string.h>

#include "feature.h"

#define ALL (FEATURE_SACK | FEATURE_ECN_ECHO)

static void
encode__bytes(void **state)
{
	const struct feature_offer f = {FEATURE_SACK | FEATURE_ECN_ECHO, 0x1234};
	uint8_t b[FEATURE_OFFER_LEN];

	feature_offer_encode(b, &f);
	assert_memory_equal(b, "SAND\x01\x03\x12\x34", FEATURE_OFFER_LEN);
}

static void
decode__what_was_encoded(void **state)
{
	for (unsigned caps = 0; caps <= ALL; caps++) {
		const struct feature_offer in = {(uint8_t)caps, (uint16_t)(caps * 257)};
		uint8_t b[FEATURE_OFFER_LEN];
		struct feature_offer out;

		feature_offer_encode(b, &in);
		assert_true(feature_offer_decode(b, &out));
		assert_int_equal(out.caps, in.caps);
		assert_int_equal(out.ooo_max, in.ooo_max);
	}
}

/* A legacy peer's zeros, another magic in any bit, another version: nothing is offered. */
static void
decode__not_ours(void **state)
{
	const struct feature_offer f = {ALL, 0xffff};
	uint8_t b[FEATURE_OFFER_LEN] = {0};
	struct feature_offer out;

	assert_false(feature_offer_decode(b, &out));
	for (unsigned bit = 0; bit < 5 * 8; bit++) {
		feature_offer_encode(b, &f);
		b[bit / 8] ^= (uint8_t)(1u << bit % 8);
		memset(&out, 0xff, sizeof out);
		assert_false(feature_offer_decode(b, &out));
		assert_int_equal(out.caps | out.ooo_max, 0);
	}
}

static void
decode__unknown_bits_vanish(void **state)
{
	const struct feature_offer f = {0xff, 7};
	uint8_t b[FEATURE_OFFER_LEN];
	struct feature_offer out;

	feature_offer_encode(b, &f);
	assert_true(feature_offer_decode(b, &out));
	assert_int_equal(out.caps, ALL);
	assert_int_equal(out.ooo_max, 7);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(encode__bytes),
	    cmocka_unit_test(decode__what_was_encoded),
	    cmocka_unit_test(decode__not_ours),
	    cmocka_unit_test(decode__unknown_bits_vanish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
