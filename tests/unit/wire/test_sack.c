/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include <string.h>

#include "icrc.h"
#include "prng.h"
#include "roce.h"
#include "sack.h"

static void
encode__bytes(void **state)
{
	struct sack s = {.duplicates = 0x1234};
	uint8_t b[SACK_LEN_MAX];

	assert_int_equal(sack_encode(b, &s), 4);
	assert_memory_equal(b, "\x01\x00\x12\x34", 4);
	s.have[0] = 1u | 1u << 9; /* packets 1 and 10 behind the missing one */
	assert_int_equal(sack_encode(b, &s), 8);
	assert_memory_equal(b, "\x01\x01\x12\x34\x01\x02\x00\x00", 8);
	s.have[0] |= UINT64_C(1) << 32;
	assert_int_equal(sack_encode(b, &s), 12);
	assert_memory_equal(b, "\x01\x02\x12\x34\x01\x02\x00\x00\x01\x00\x00\x00", 12);
	s.have[SACK_WORDS - 1] = UINT64_C(1) << 63;
	assert_int_equal(sack_encode(b, &s), SACK_LEN_MAX);
	assert_int_equal(b[SACK_LEN_MAX - 1], 0x80);
}

static void
decode__what_was_encoded(void **state)
{
	struct prng p = {1};
	struct sack in, out;
	uint8_t b[SACK_LEN_MAX];

	for (int n = 0; n < 20000; n++) {
		memset(&in, 0, sizeof in);
		in.duplicates = (uint16_t)prng_u64(&p);
		for (uint32_t k = prng_below(&p, 20); k > 0; k--) {
			uint32_t i = prng_below(&p, 1 + prng_below(&p, SACK_PACKETS));

			in.have[i / 64] |= UINT64_C(1) << i % 64;
		}
		memset(&out, 0xff, sizeof out);
		assert_true(sack_decode(b, sack_encode(b, &in), &out));
		assert_memory_equal(&in, &out, sizeof in);
	}
}

/* Every length but the right one, every other version, and then nothing is told. */
static void
decode__refuses(void **state)
{
	const struct sack s = {.have = {1, 2, 3}, .duplicates = 7};
	uint8_t b[SACK_LEN_MAX + 4] = {0};
	size_t len = sack_encode(b, &s), n;
	struct sack out, none = {.duplicates = 0};

	for (n = 0; n <= sizeof b; n++) {
		assert_int_equal(sack_decode(b, n, &out), n == len);
		if (n != len)
			assert_memory_equal(&out, &none, sizeof out);
	}
	for (n = 0; n < 256; n++) {
		b[0] = (uint8_t)n;
		assert_int_equal(sack_decode(b, len, &out), n == 1);
	}
	b[0] = 1;
	for (n = 0; n < 256; n++) {
		b[1] = (uint8_t)n;
		assert_int_equal(sack_decode(b, 4 + 4 * n < sizeof b ? 4 + 4 * n : sizeof b, &out),
		    4 + 4 * n <= SACK_LEN_MAX);
	}
}

/* Through a frame and back: in all else it is a NAK. */
static void
frame__carries_it(void **state)
{
	const struct roce_path path = {.src = san_ip_v4(0x0a000001),
	    .dst = san_ip_v4(0x0a000002),
	    .vlan = ROCE_VLAN_NONE,
	    .sport = 0xc001,
	    .hop_limit = 64};
	const struct sack s = {.have = {[SACK_WORDS - 1] = 1}, .duplicates = 3};
	uint8_t b[SACK_LEN_MAX], frame[256];
	struct roce_tx tx = {.opcode = ROCE_RC_ACK, .dest_qp = 5, .psn = 77, .seg_count = 1};
	struct roce_pkt p;
	struct sack out;
	int len;

	icrc_init();
	tx.ext.syndrome = AETH_NAK_SEQ;
	tx.seg[0].base = b;
	tx.seg[0].len = (uint32_t)sack_encode(b, &s);
	len = roce_encode(frame, sizeof frame, &path, &tx);
	assert_true(len > 0);
	assert_int_equal(roce_decode(frame, (size_t)len, &p), ROCE_OK);
	assert_int_equal(p.opcode, ROCE_RC_ACK);
	assert_int_equal(p.ext.syndrome, AETH_NAK_SEQ);
	assert_int_equal(p.psn, 77);
	assert_true(sack_decode(p.payload, p.payload_len, &out));
	assert_memory_equal(&s, &out, sizeof s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(encode__bytes),
	    cmocka_unit_test(decode__what_was_encoded),
	    cmocka_unit_test(decode__refuses),
	    cmocka_unit_test(frame__carries_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
