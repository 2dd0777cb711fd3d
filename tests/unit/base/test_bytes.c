/* SPDX-License-Identifier: BSD-3-Clause */
/* The header-only part of base/: bytes, serial numbers, time, the generator. */
#include "test.h"

#include <string.h>

#include "bytes.h"
#include "prng.h"
#include "san_time.h"
#include "seq.h"

static void
be__at_any_alignment(void **state)
{
	uint8_t b[24];

	for (int off = 0; off < 8; off++) {
		memset(b, 0xee, sizeof b);
		be64_put(b + off, 0x0102030405060708);
		assert_memory_equal(b + off, "\1\2\3\4\5\6\7\10", 8);
		assert_int_equal(be64_get(b + off), 0x0102030405060708);
		assert_int_equal(be32_get(b + off + 1), 0x02030405);
		assert_int_equal(be24_get(b + off + 1), 0x020304);
		assert_int_equal(be16_get(b + off + 1), 0x0203);
		be32_put(b + off, 0xa1a2a3a4);
		be16_put(b + off + 4, 0xb1b2);
		be24_put(b + off + 6, 0xffc1c2c3);
		assert_memory_equal(b + off, "\xa1\xa2\xa3\xa4\xb1\xb2\xc1\xc2\xc3", 9);
		assert_int_equal(b[off + 9], 0xee);
	}
}

/* A ring against a plain string, at positions that wrap in the ring and in 32 bits. */
static void
ring__round_trip(void **state)
{
	uint8_t mem[64], in[64], out[64];
	const struct byte_ring r = {mem, sizeof mem};
	struct prng rng = {4};
	uint32_t pos = UINT32_MAX - 1000;

	for (int round = 0; round < 10000; round++) {
		uint32_t len = prng_below(&rng, 65);

		for (uint32_t i = 0; i < len; i++)
			in[i] = (uint8_t)prng_u64(&rng);
		byte_ring_write(&r, pos, in, len);
		byte_ring_read(&r, pos, out, len);
		assert_memory_equal(in, out, len);
		if (len > 0)
			assert_int_equal(mem[pos & 63], in[0]);
		pos += len;
	}
}

static void
psn__wraps(void **state)
{
	assert_int_equal(psn_add(0xffffff, 1), 0);
	assert_int_equal(psn_add(0xfffffe, 5), 3);
	assert_int_equal(psn_diff(0, 0xffffff), 1);
	assert_int_equal(psn_diff(0xffffff, 0), -1);
	assert_int_equal(psn_diff(0x7fffff, 0), 0x7fffff);
	assert_int_equal(psn_diff(0x800000, 0), -0x800000);
	assert_int_equal(psn_diff(0xff000005, 5), 0); /* upper byte is nobody's */
	assert_int_equal(seq32_diff(5, UINT32_MAX), 6);
	assert_int_equal(seq32_diff(UINT32_MAX, 5), -6);
}

static void
time__saturates(void **state)
{
	struct san_time t = {UINT64_MAX - 5};

	assert_int_equal(san_time_add(t, SAN_DURATION_MS(1)).ns, SAN_TIME_NEVER.ns);
	assert_int_equal(san_time_add(SAN_TIME_NEVER, SAN_DURATION_MS(1)).ns, SAN_TIME_NEVER.ns);
	assert_int_equal(san_time_since((struct san_time){5}, (struct san_time){7}).ns, 0);
	assert_int_equal(san_time_since((struct san_time){7}, (struct san_time){5}).ns, 2);
	assert_false(san_time_reached(SAN_TIME_NEVER, SAN_TIME_NEVER));
	assert_true(san_time_reached((struct san_time){5}, (struct san_time){5}));
	assert_int_equal(SAN_DURATION_S(3).ns, 3000000000);
}

static void
prng__bounded_and_spread(void **state)
{
	struct prng rng = {0};
	unsigned hits[10] = {0};

	for (int i = 0; i < 100000; i++) {
		uint32_t v = prng_below(&rng, 10);

		assert_true(v < 10);
		hits[v]++;
	}
	for (int i = 0; i < 10; i++)
		assert_in_range(hits[i], 9500, 10500);
	assert_int_equal(prng_below(&rng, 1), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(be__at_any_alignment),
	    cmocka_unit_test(ring__round_trip),
	    cmocka_unit_test(psn__wraps),
	    cmocka_unit_test(time__saturates),
	    cmocka_unit_test(prng__bounded_and_spread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
