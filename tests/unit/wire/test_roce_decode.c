/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include <string.h>

#include "bytes.h"
#include "frames.h"
#include "icrc.h"
#include "prng.h"
#include "roce.h"

#define L3	14u
#define UDP	(L3 + 20)
#define BTH	(UDP + 8)
#define PAYLOAD (BTH + 12)

static int
init(void **state)
{
	icrc_init();
	return 0;
}

/* Decoded from memory of exactly its length, so that a sanitizer sees every read behind it. */
static void
expect(const uint8_t *frame, size_t len, enum roce_verdict want)
{
	uint8_t *exact = malloc(len + (len == 0));
	struct roce_pkt pkt;
	enum roce_verdict got;

	memcpy(exact, frame, len);
	got = roce_decode(exact, len, &pkt);
	if (got != want)
		fail_msg("verdict %s, want %s", roce_verdict_name(got), roce_verdict_name(want));
	assert_memory_equal(frame, exact, len);
	free(exact);
}

static void
decode__every_vector_is_ok_and_left_as_it_was(void **state)
{
	for (int v = 0; v < VECTOR_COUNT; v++) {
		uint8_t frame[FRAME_CAP];
		size_t len = frame_vector_get(v, frame);

		expect(frame, len, ROCE_OK);
		memset(
		    frame + len, 0xaa, 7); /* Ethernet padding or a trailer is not ours to judge */
		expect(frame, len + 7, ROCE_OK);
	}
}

/* Nothing but the ICRC is taken on trust the second time. */
static void
decode_again__looks_at_all_but_the_icrc(void **state)
{
	for (int v = 0; v < VECTOR_COUNT; v++) {
		uint8_t frame[FRAME_CAP];
		size_t len = frame_vector_get(v, frame), cut;
		struct roce_pkt p, q, r;

		assert_int_equal(roce_decode(frame, len, &p), ROCE_OK);
		frame[p.icrc_off] ^= 1;
		assert_int_equal(roce_decode(frame, len, &q), ROCE_ICRC);
		assert_int_equal(roce_decode_again(frame, len, &r), ROCE_OK);
		assert_ptr_equal(r.payload, p.payload);
		assert_int_equal(r.payload_len, p.payload_len);
		assert_int_equal(r.psn, p.psn);
		assert_int_equal(r.icrc_off, p.icrc_off);
		for (cut = 0; cut < len; cut++)
			assert_int_equal(
			    roce_decode_again(frame, cut, &r), roce_decode(frame, cut, &q));
	}
}

static void
decode__send(void **state)
{
	uint8_t frame[FRAME_CAP];
	struct san_ip a = san_ip_v4(0xc0a80a01), b = san_ip_v4(0xc0a80a02);
	struct roce_pkt p;
	size_t len = frame_vector_get(VECTOR_SEND, frame);

	assert_int_equal(roce_decode(frame, len, &p), ROCE_OK);
	assert_true(san_ip_equal(&p.src, &a) && san_ip_equal(&p.dst, &b));
	assert_memory_equal(p.smac, "\x02\0\0\0\0\x01", 6);
	assert_memory_equal(p.dmac, "\x02\0\0\0\0\x02", 6);
	assert_int_equal(p.vlan, ROCE_VLAN_NONE);
	assert_int_equal(p.sport, 0xc001);
	assert_int_equal(p.tclass, 2);
	assert_int_equal(p.opcode, ROCE_RC_SEND_ONLY);
	assert_false(p.se || p.becn || p.fecn || p.migreq);
	assert_true(p.ackreq);
	assert_int_equal(p.pkey, 0xffff);
	assert_int_equal(p.dest_qp, 0x34);
	assert_int_equal(p.psn, 0x222222);
	assert_int_equal(p.payload_len, 33);
	assert_memory_equal(p.payload + 16, "Hello over SDP!\n!", 17);
	assert_int_equal(p.icrc_off, len - 4);
	assert_int_equal(p.l3_off, L3);
}

static void
decode__extension_headers(void **state)
{
	uint8_t frame[FRAME_CAP];
	struct roce_pkt p;

	roce_decode(frame, frame_vector_get(VECTOR_WRITE, frame), &p);
	assert_int_equal(p.ext.va, 0x7f0000001000);
	assert_int_equal(p.ext.rkey, 0xabcd);
	assert_int_equal(p.ext.dma_len, 300);
	assert_int_equal(p.payload_len, 256);

	roce_decode(frame, frame_vector_get(VECTOR_NAK, frame), &p);
	assert_int_equal(p.opcode, ROCE_RC_ACK);
	assert_int_equal(p.ext.syndrome, AETH_NAK_SEQ);
	assert_int_equal(p.ext.msn, 1);
	assert_int_equal(p.ext.rkey, 0);
	assert_int_equal(p.payload_len, 0);

	roce_decode(frame, frame_vector_get(VECTOR_REQ, frame), &p);
	assert_int_equal(p.ext.qkey, 0x80010000);
	assert_int_equal(p.ext.src_qp, 1);
	assert_int_equal(p.payload_len, 256);

	roce_decode(frame, frame_vector_get(VECTOR_HARDWARE, frame), &p);
	assert_int_equal(p.opcode, ROCE_CNP);
	assert_true(p.becn);
	assert_int_equal(p.dest_qp, 0x118);
	assert_int_equal(p.tclass, 0xc2);
	assert_int_equal(p.sport, 0);
	assert_int_equal(p.payload_len, 0);
}

static void
decode__ipv6(void **state)
{
	uint8_t frame[FRAME_CAP];
	struct san_ip a;
	struct roce_pkt p;

	size_t len = frame_vector_get(VECTOR_ACK6, frame);

	san_ip_parse("fd00::2", &a);
	assert_int_equal(roce_decode(frame, len, &p), ROCE_OK);
	assert_true(san_ip_equal(&p.src, &a));
	frame[L3] = 0x6b; /* traffic class 0xb9 and a flow label: routers may rewrite them */
	frame[L3 + 1] = 0x91;
	frame[L3 + 7] = 1;
	assert_int_equal(roce_decode(frame, len, &p), ROCE_OK);
	assert_int_equal(p.tclass, 0xb9);
}

/* Insert an 802.1Q tag; returns the new length. */
static size_t
tag(uint8_t *frame, size_t len, uint16_t tci)
{
	memmove(frame + 16, frame + 12, len - 12);
	be16_put(frame + 12, 0x8100);
	be16_put(frame + 14, tci);
	return len + 4;
}

static void
decode__vlan(void **state)
{
	uint8_t frame[FRAME_CAP];
	struct roce_pkt p;
	size_t len = tag(frame, frame_vector_get(VECTOR_ACK, frame), 0x6064);

	expect(frame, len, ROCE_OK);
	roce_decode(frame, len, &p);
	assert_int_equal(p.vlan, 0x64);
	assert_int_equal(p.l3_off, 18);
	be16_put(frame + 14, 0x6000); /* priority tag */
	roce_decode(frame, len, &p);
	assert_int_equal(p.vlan, ROCE_VLAN_NONE);
	expect(frame, 17, ROCE_MALFORMED);
	expect(frame, tag(frame, len, 5), ROCE_NOT_OURS); /* two tags */
}

/* The fields a router may change do not disturb; every other bit of the packet does. */
static void
decode__one_flipped_bit(void **state)
{
	uint8_t frame[FRAME_CAP];

	for (int v = 0; v < VECTOR_COUNT; v++) {
		size_t len = frame_vector_get(v, frame);
		bool v6 = frame[12] == 0x86;
		size_t l4 = L3 + (v6 ? 40 : 20);

		for (size_t bit = 8 * L3; bit < 8 * len; bit++) {
			struct roce_pkt p;
			size_t at = bit / 8, l3 = at - L3;
			bool mutable_v6 =
			    v6 && ((l3 >= 1 && l3 <= 3) || l3 == 7 || (l3 == 0 && bit % 8 < 4));
			bool mutable_l4 = at == l4 + 6 || at == l4 + 7 || at == l4 + 12;

			frame[at] ^= (uint8_t)(1u << (bit % 8));
			if (!v6 && (l3 == 1 || l3 == 8)) {
				uint16_t sum = be16_get(frame + L3 + 10);

				frame_fix(frame, L3);
				assert_int_equal(roce_decode(frame, len, &p), ROCE_OK);
				be16_put(frame + L3 + 10, sum);
			} else if (mutable_v6 || mutable_l4) {
				assert_int_equal(roce_decode(frame, len, &p), ROCE_OK);
			} else {
				assert_int_not_equal(roce_decode(frame, len, &p), ROCE_OK);
			}
			frame[at] ^= (uint8_t)(1u << (bit % 8));
		}
	}
}

/* Cut after every byte. */
static void
decode__truncated(void **state)
{
	uint8_t frame[FRAME_CAP];

	for (int v = 0; v < VECTOR_COUNT; v++) {
		size_t len = frame_vector_get(v, frame);

		for (size_t cut = 0; cut < len; cut++)
			expect(frame, cut, ROCE_MALFORMED);
	}
}

static void
decode__all_zero(void **state)
{
	uint8_t frame[FRAME_CAP] = {0};

	for (size_t len = 0; len < 200; len++)
		expect(frame, len, ROCE_MALFORMED);
	expect(frame, sizeof frame, ROCE_MALFORMED);
	frame[100] = 1;
	expect(frame, 200, ROCE_NOT_OURS);
}

static void
decode__ethertype(void **state)
{
	uint8_t frame[FRAME_CAP];
	size_t len = frame_vector_get(VECTOR_ACK, frame);

	be16_put(frame + 12, 0x0806);
	expect(frame, len, ROCE_ARP);
	be16_put(frame + 12, 0x8915); /* RoCE version 1 */
	expect(frame, len, ROCE_NOT_OURS);
	be16_put(frame + 12, 0x88cc); /* LLDP */
	expect(frame, len, ROCE_NOT_OURS);
	be16_put(frame + 12, 0x86dd); /* IPv4 inside an IPv6 ethertype */
	expect(frame, len, ROCE_IP_VERSION);
}

/* Put `value` at `at` of the SEND vector, repair both checksums, expect. */
static void
expect_patched(size_t at, uint8_t value, enum roce_verdict want)
{
	uint8_t frame[FRAME_CAP];
	size_t len = frame_vector_get(VECTOR_SEND, frame);

	frame[at] = value;
	frame_fix(frame, L3);
	expect(frame, len, want);
}

static void
decode__ipv4_header(void **state)
{
	uint8_t frame[FRAME_CAP];
	size_t len = frame_vector_get(VECTOR_SEND, frame);

	expect_patched(L3, 0x46, ROCE_IP_VERSION); /* options */
	expect_patched(L3, 0x44, ROCE_IP_VERSION);
	expect_patched(L3 + 9, 1, ROCE_ICMP);
	expect_patched(L3 + 9, 6, ROCE_NOT_OURS);
	expect_patched(L3 + 9, 58, ROCE_NOT_OURS); /* ICMPv6 in IPv4 */
	expect_patched(L3 + 6, 0x60, ROCE_FRAGMENT);
	expect_patched(L3 + 6, 0x20, ROCE_FRAGMENT);
	expect_patched(L3 + 7, 0x01, ROCE_FRAGMENT);
	expect_patched(L3 + 6, 0x1f, ROCE_FRAGMENT);
	expect_patched(L3 + 6, 0x00, ROCE_OK);	    /* DF is not required */
	expect_patched(L3 + 6, 0x80, ROCE_OK);	    /* the evil bit */
	expect_patched(L3 + 3, 19, ROCE_MALFORMED); /* total length below a header */
	expect_patched(L3 + 3, 0x4f, ROCE_MALFORMED);
	expect_patched(L3 + 3, 0x51, ROCE_MALFORMED); /* behind the frame */
	frame[L3 + 10] ^= 1;
	expect(frame, len, ROCE_IP_VERSION); /* header checksum */
	/* IGMP always carries an option: foreign, not broken. */
	frame[L3] = 0x46;
	frame[L3 + 9] = 2;
	expect(frame, len, ROCE_NOT_OURS);
}

static void
decode__ipv6_header(void **state)
{
	uint8_t frame[FRAME_CAP];
	size_t len = frame_vector_get(VECTOR_ACK6, frame);

	frame[L3 + 6] = 58;
	expect(frame, len, ROCE_ICMP);
	frame[L3 + 6] = 44;
	expect(frame, len, ROCE_FRAGMENT);
	frame[L3 + 6] = 0; /* hop-by-hop options */
	expect(frame, len, ROCE_NOT_OURS);
	frame[L3 + 6] = 17;
	be16_put(frame + L3 + 4, 0); /* jumbogram */
	expect(frame, len, ROCE_MALFORMED);
	be16_put(frame + L3 + 4, 29);
	expect(frame, len, ROCE_MALFORMED);
	be16_put(frame + L3 + 4, 28);
	expect(frame, len, ROCE_OK);
	frame[L3] = 0x40;
	expect(frame, len, ROCE_IP_VERSION);
}

static void
decode__udp_header(void **state)
{
	uint8_t frame[FRAME_CAP];
	size_t len = frame_vector_get(VECTOR_SEND, frame);

	expect_patched(UDP + 3, 0xb8, ROCE_NOT_OURS);
	expect_patched(UDP, 0, ROCE_OK); /* source ports are free */
	expect_patched(UDP + 6, 0x12, ROCE_OK);
	/* Inconsistent lengths; no frame_fix, which would follow the wrong one. */
	be16_put(frame + UDP + 4, 0x3b);
	expect(frame, len, ROCE_MALFORMED);
	be16_put(frame + UDP + 4, 0x3d);
	expect(frame, len, ROCE_MALFORMED);
	be16_put(frame + UDP + 4, 0);
	expect(frame, len, ROCE_MALFORMED);
	be16_put(frame + UDP + 4, 0xffff);
	expect(frame, len, ROCE_MALFORMED);
}

/* A UDP datagram of `bytes` after the UDP header, all lengths consistent. */
static size_t
resize(uint8_t *frame, uint32_t bytes)
{
	be16_put(frame + L3 + 2, (uint16_t)(28 + bytes));
	be16_put(frame + UDP + 4, (uint16_t)(8 + bytes));
	if (bytes >= 16)
		frame_fix(frame, L3);
	else
		frame[L3 + 10] = frame[L3 + 11] = 0;
	return BTH + bytes;
}

static void
ipv4_sum(uint8_t *frame)
{
	uint32_t sum = 0;

	be16_put(frame + L3 + 10, 0);
	for (size_t i = 0; i < 20; i += 2)
		sum += be16_get(frame + L3 + i);
	sum = (sum & 0xffff) + (sum >> 16);
	be16_put(frame + L3 + 10, (uint16_t) ~((sum & 0xffff) + (sum >> 16)));
}

static void
decode__too_short_for_its_opcode(void **state)
{
	static const struct {
		uint8_t opcode, min; /* bytes behind UDP, ICRC included */
	} cases[] = {{ROCE_RC_SEND_ONLY, 16}, {ROCE_RC_SEND_ONLY_IMM, 20}, {ROCE_RC_WRITE_ONLY, 32},
	    {ROCE_RC_WRITE_ONLY_IMM, 36}, {ROCE_RC_READ_REQ, 32}, {ROCE_RC_ACK, 20},
	    {ROCE_RC_ATOMIC_ACK, 28}, {ROCE_RC_CMP_SWAP, 44}, {ROCE_RC_SEND_LAST_INV, 20},
	    {ROCE_UD_SEND_ONLY, 24}, {ROCE_UD_SEND_ONLY_IMM, 28}, {ROCE_CNP, 32}};
	uint8_t frame[FRAME_CAP];

	frame_vector_get(VECTOR_WRITE, frame);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		frame[BTH] = cases[i].opcode;
		frame[BTH + 1] = 0;
		expect(frame, resize(frame, cases[i].min), ROCE_OK);
		for (uint32_t bytes = 0; bytes < cases[i].min; bytes++) {
			size_t len = resize(frame, bytes);

			ipv4_sum(frame);
			expect(frame, len, ROCE_SHORT);
		}
	}
}

static void
decode__pad(void **state)
{
	uint8_t frame[FRAME_CAP];
	struct roce_pkt p;

	frame_vector_get(VECTOR_SEND, frame);
	frame[BTH + 1] = 0x30;
	expect(frame, resize(frame, 16), ROCE_SHORT); /* three pad bytes, none there */
	for (unsigned pad = 0; pad < 4; pad++) {
		frame[BTH + 1] = (uint8_t)(pad << 4);
		assert_int_equal(roce_decode(frame, resize(frame, 20), &p), ROCE_OK);
		assert_int_equal(p.payload_len, 4 - pad);
	}
	frame[BTH + 1] = 0;
	for (uint32_t bytes = 17; bytes < 20; bytes++)
		expect(frame, resize(frame, bytes), ROCE_MALFORMED); /* not a multiple of four */
}

static void
decode__jumbo(void **state)
{
	uint8_t frame[FRAME_CAP] = {0};

	frame_vector_get(VECTOR_SEND, frame);
	frame[BTH + 1] = 0;
	expect(frame, resize(frame, 16 + 4096), ROCE_OK);
	expect(frame, resize(frame, 16 + 4100), ROCE_MALFORMED);
	expect(frame, resize(frame, 9000), ROCE_MALFORMED);
}

static void
decode__bth(void **state)
{
	expect_patched(BTH + 1, 0x31, ROCE_BTH_VERSION);
	expect_patched(BTH + 1, 0x3f, ROCE_BTH_VERSION);
	expect_patched(BTH + 1, 0xf0, ROCE_OK); /* solicited, migrated: free to set */
}

static void
decode__opcodes(void **state)
{
	static const uint8_t legal[] = {0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09,
	    0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x10, 0x11, 0x12, 0x13, 0x14, 0x16, 0x17, 0x64,
	    0x65, 0x81};
	uint8_t frame[FRAME_CAP];
	size_t len = frame_vector_get(VECTOR_WRITE, frame);

	for (unsigned op = 0; op < 256; op++) {
		bool want = memchr(legal, (int)op, sizeof legal) != NULL;

		frame[BTH] = (uint8_t)op;
		frame_fix(frame, L3);
		expect(frame, len, want ? ROCE_OK : ROCE_OPCODE);
	}
}

/* Random damage to good frames, with the outer checksums repaired half of the time so that the
 * inner layers are reached: no crash, no read outside (ASan), the frame restored, lengths in the
 * view inside the frame. */
static void
decode__random_damage(void **state)
{
	struct prng rng = {7};

	for (int round = 0; round < 200000; round++) {
		uint8_t frame[FRAME_CAP], before[FRAME_CAP];
		struct roce_pkt p;
		size_t len = frame_vector_get(prng_below(&rng, VECTOR_COUNT), frame);
		enum roce_verdict v;

		for (uint32_t n = 1 + prng_below(&rng, 4); n > 0; n--)
			frame[12 + prng_below(&rng, 60)] = (uint8_t)prng_u64(&rng);
		if (prng_below(&rng, 2) == 0)
			ipv4_sum(frame);
		memcpy(before, frame, len);
		v = roce_decode(frame, len, &p);
		assert_memory_equal(frame, before, len);
		assert_true(v < ROCE_VERDICT_COUNT);
		if (v == ROCE_OK) {
			assert_true(
			    p.payload >= frame && p.payload + p.payload_len <= frame + p.icrc_off);
			assert_true(p.icrc_off + 4u <= len);
		}
	}
}

static void
verdict_name__total(void **state)
{
	for (int v = 0; v < ROCE_VERDICT_COUNT; v++) {
		assert_non_null(roce_verdict_name(v));
		assert_non_null(roce_verdict_text(v));
	}
	assert_string_equal(roce_verdict_name(ROCE_ICRC), "ICRC");
	assert_string_equal(roce_verdict_name(ROCE_VERDICT_COUNT), "UNKNOWN");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(decode__every_vector_is_ok_and_left_as_it_was),
	    cmocka_unit_test(decode_again__looks_at_all_but_the_icrc),
	    cmocka_unit_test(decode__send),
	    cmocka_unit_test(decode__extension_headers),
	    cmocka_unit_test(decode__ipv6),
	    cmocka_unit_test(decode__vlan),
	    cmocka_unit_test(decode__one_flipped_bit),
	    cmocka_unit_test(decode__truncated),
	    cmocka_unit_test(decode__all_zero),
	    cmocka_unit_test(decode__ethertype),
	    cmocka_unit_test(decode__ipv4_header),
	    cmocka_unit_test(decode__ipv6_header),
	    cmocka_unit_test(decode__udp_header),
	    cmocka_unit_test(decode__too_short_for_its_opcode),
	    cmocka_unit_test(decode__pad),
	    cmocka_unit_test(decode__jumbo),
	    cmocka_unit_test(decode__bth),
	    cmocka_unit_test(decode__opcodes),
	    cmocka_unit_test(decode__random_damage),
	    cmocka_unit_test(verdict_name__total),
	};

	return cmocka_run_group_tests(tests, init, NULL);
}
