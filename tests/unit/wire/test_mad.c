/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include <string.h>

#include "frames.h"
#include "mad.h"
#include "prng.h"
#include "san_err.h"
#include "sdp_msg.h"

static const uint16_t attrs[] = {CM_REQ, CM_MRA, CM_REJ, CM_REP, CM_RTU, CM_DREQ, CM_DREP,
    CM_SIDR_REQ, CM_SIDR_REP, CM_LAP, CM_APR};
#define ATTRS (sizeof attrs / sizeof attrs[0])

static void
decode__req_vector(void **state)
{
	uint8_t frame[FRAME_CAP];
	struct san_ip a = san_ip_v4(0xc0a80a01), b = san_ip_v4(0xc0a80a02);
	struct sdp_hello hello;
	struct cm_msg m;

	frame_vector_get(VECTOR_REQ, frame);
	assert_int_equal(cm_msg_decode(frame + 62, MAD_LEN, &m), 0);
	assert_int_equal(m.attr, CM_REQ);
	assert_int_equal(m.tid, 0x1122334400000001);
	assert_int_equal(m.local_id, 0x11111111);
	assert_int_equal(m.remote_id, 0);
	assert_int_equal(m.service_id, CM_SID_SDP | 5001);
	assert_int_equal(m.ca_guid, 0x020000fffe000001);
	assert_int_equal(m.qpn, 0x12);
	assert_int_equal(m.psn, 0x111111);
	assert_int_equal(m.responder_resources, 4);
	assert_int_equal(m.initiator_depth, 4);
	assert_int_equal(m.local_resp_timeout, 20);
	assert_int_equal(m.remote_resp_timeout, 20);
	assert_int_equal(m.max_cm_retries, 15);
	assert_int_equal(m.retry_count, 7);
	assert_int_equal(m.rnr_retry, 7);
	assert_int_equal(m.transport, 0);
	assert_int_equal(m.flow_control, 1);
	assert_int_equal(m.pkey, 0xffff);
	assert_int_equal(m.pmtu_code, 3);
	assert_true(san_ip_equal(&m.src_gid, &a) && san_ip_equal(&m.dst_gid, &b));
	assert_int_equal(m.hop_limit, 64);
	assert_int_equal(m.local_ack_timeout, 19);
	assert_int_equal(m.alternate, 0);
	frame[62 + 24 + 131] = 1; /* last byte of the alternate remote GID */
	assert_int_equal(cm_msg_decode(frame + 62, MAD_LEN, &m), 0);
	assert_int_equal(m.alternate, 1);
	assert_int_equal(m.priv_len, 92);
	assert_int_equal(sdp_hello_decode(m.priv, m.priv_len, &hello), 0);
	assert_int_equal(hello.local_port, 40000);
	assert_true(san_ip_equal(&hello.src, &a));
}

static void
decode__refuses(void **state)
{
	static const struct {
		uint8_t at, value;
		int err;
	} cases[] = {
	    {0, 2, SAN_EVERSION},      /* base version */
	    {1, 0x03, SAN_EOPNOTSUPP}, /* subnet administration */
	    {1, 0x81, SAN_EOPNOTSUPP},
	    {2, 1, SAN_EVERSION},      /* class version */
	    {3, 0x01, SAN_EOPNOTSUPP}, /* Get */
	    {17, 0x0f, SAN_EPROTO},
	    {17, 0x1b, SAN_EPROTO},
	    {17, 0x01, SAN_EPROTO}, /* ClassPortInfo */
	    {16, 0x01, SAN_EPROTO},
	};
	uint8_t frame[FRAME_CAP], *mad = frame + 62;
	struct cm_msg m;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		frame_vector_get(VECTOR_REQ, frame);
		mad[cases[i].at] = cases[i].value;
		assert_int_equal(cm_msg_decode(mad, MAD_LEN, &m), cases[i].err);
	}
	frame_vector_get(VECTOR_REQ, frame);
	for (size_t len = 0; len < MAD_LEN; len++)
		assert_int_equal(cm_msg_decode(mad, len, &m), SAN_ETOOSHORT);
}

/* Random bytes of every attribute: decode, encode, decode gives the same message. Reserved bits of
 * the first bytes are allowed to vanish, so bytes are compared only after the second encode. */
static void
encode__round_trip(void **state)
{
	struct prng rng = {11};

	for (int round = 0; round < 20000; round++) {
		uint8_t mad[MAD_LEN], first[MAD_LEN], second[MAD_LEN];
		uint16_t attr = attrs[prng_below(&rng, ATTRS)];
		struct cm_msg a, b;

		for (size_t i = 0; i < MAD_LEN; i++)
			mad[i] = (uint8_t)prng_u64(&rng);
		memcpy(mad, "\x01\x07\x02\x03", 4);
		mad[16] = (uint8_t)(attr >> 8);
		mad[17] = (uint8_t)attr;
		assert_int_equal(cm_msg_decode(mad, MAD_LEN, &a), 0);
		a.alternate = 0; /* we never give one */
		assert_int_equal(cm_msg_encode(first, &a), 0);
		assert_int_equal(cm_msg_decode(first, MAD_LEN, &b), 0);
		assert_memory_equal(&a, &b, sizeof a);
		assert_int_equal(cm_msg_encode(second, &b), 0);
		assert_memory_equal(first, second, MAD_LEN);
	}
}

/* Every field alone sits where the standard says: the byte offsets are into the 232-byte area. */
static void
encode__field_offsets(void **state)
{
	static const struct {
		uint16_t attr, at;
		uint8_t value;
		struct cm_msg m;
	} cases[] = {
	    {CM_REP, 4, 0x12, {.remote_id = 0x12000000}},
	    {CM_REP, 14, 0x77, {.qpn = 0x77}},
	    {CM_REP, 20, 0x88, {.psn = 0x880000}},
	    {CM_REP, 24, 4, {.responder_resources = 4}},
	    {CM_REP, 25, 5, {.initiator_depth = 5}},
	    {CM_REP, 26, 15 << 3, {.target_ack_delay = 15}},
	    {CM_REP, 26, 1, {.flow_control = 1}},
	    {CM_REP, 26, 2 << 1, {.failover = CM_FAILOVER_REJECTED}},
	    {CM_REP, 27, 7 << 5, {.rnr_retry = 7}},
	    {CM_REP, 27, 1 << 4, {.srq = 1}},
	    {CM_REP, 35, 9, {.ca_guid = 9}},
	    {CM_REP, 36, 0xaa, {.priv = {0xaa}, .priv_len = 1}},
	    {CM_RTU, 3, 1, {.local_id = 1}},
	    {CM_RTU, 8, 0xaa, {.priv = {0xaa}, .priv_len = 1}},
	    {CM_REJ, 8, 1 << 6, {.msg_rejected = 1}},
	    {CM_REJ, 9, 8 << 1, {.ari_len = 8}},
	    {CM_REJ, 11, 28, {.reason = 28}},
	    {CM_REJ, 12, 0xbb, {.ari = {0xbb}, .ari_len = 1}},
	    {CM_REJ, 84, 0xaa, {.priv = {0xaa}, .priv_len = 1}},
	    {CM_MRA, 8, 1 << 6, {.msg_rejected = 1}},
	    {CM_MRA, 9, 24 << 3, {.service_timeout = 24}},
	    {CM_MRA, 10, 0xaa, {.priv = {0xaa}, .priv_len = 1}},
	    {CM_DREQ, 10, 0x55, {.remote_qpn = 0x55}},
	    {CM_DREQ, 12, 0xaa, {.priv = {0xaa}, .priv_len = 1}},
	    {CM_DREP, 8, 0xaa, {.priv = {0xaa}, .priv_len = 1}},
	    {CM_SIDR_REQ, 3, 7, {.local_id = 7}},
	    {CM_SIDR_REQ, 16, 0xaa, {.priv = {0xaa}, .priv_len = 1}},
	    {CM_SIDR_REP, 3, 7, {.remote_id = 7}},
	    {CM_SIDR_REP, 4, 1, {.status = 1}},
	    {CM_SIDR_REP, 10, 0x99, {.qpn = 0x99}},
	    {CM_SIDR_REP, 96, 0xaa, {.priv = {0xaa}, .priv_len = 1}},
	    {CM_LAP, 3, 7, {.local_id = 7}},
	    {CM_LAP, 7, 9, {.remote_id = 9}},
	    {CM_LAP, 64, 0xaa, {.priv = {0xaa}, .priv_len = 1}},
	    {CM_APR, 7, 9, {.remote_id = 9}},
	    {CM_APR, 9, 2, {.status = 2}},
	    {CM_APR, 84, 0xaa, {.priv = {0xaa}, .priv_len = 1}},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct cm_msg m = cases[i].m;
		uint8_t mad[MAD_LEN], want[232] = {0};

		m.attr = cases[i].attr;
		assert_int_equal(cm_msg_encode(mad, &m), 0);
		want[cases[i].at] = cases[i].value;
		if (m.attr == CM_REJ && m.ari_len > 0)
			want[9] = (uint8_t)(m.ari_len << 1);
		assert_memory_equal(mad + 24, want, sizeof want);
	}
}

static void
encode__hop_limit_decides_the_lids(void **state)
{
	struct cm_msg m = {.attr = CM_REQ, .hop_limit = 1};
	uint8_t mad[MAD_LEN];

	cm_msg_encode(mad, &m);
	assert_memory_equal(mad + 24 + 52, "\0\0\0\0", 4);
	assert_int_equal(mad[24 + 94], 8);
	m.hop_limit = 64;
	cm_msg_encode(mad, &m);
	assert_memory_equal(mad + 24 + 52, "\xff\xff\xff\xff", 4);
	assert_int_equal(mad[24 + 94], 0);
}

static void
encode__refuses(void **state)
{
	static const struct {
		uint16_t attr, max;
	} areas[] = {{CM_REQ, 92}, {CM_MRA, 222}, {CM_REJ, 148}, {CM_REP, 196}, {CM_RTU, 224},
	    {CM_DREQ, 220}, {CM_DREP, 224}, {CM_SIDR_REQ, 216}, {CM_SIDR_REP, 136}, {CM_LAP, 168},
	    {CM_APR, 148}};
	uint8_t mad[MAD_LEN];
	struct cm_msg m;

	for (size_t i = 0; i < ATTRS; i++) {
		m = (struct cm_msg){.attr = areas[i].attr, .priv_len = areas[i].max};
		assert_int_equal(cm_msg_encode(mad, &m), 0);
		m.priv_len++;
		assert_int_equal(cm_msg_encode(mad, &m), SAN_EINVAL);
	}
	m = (struct cm_msg){.attr = 0x1b};
	assert_int_equal(cm_msg_encode(mad, &m), SAN_EINVAL);
	m = (struct cm_msg){.attr = CM_REJ, .ari_len = 73};
	assert_int_equal(cm_msg_encode(mad, &m), SAN_EINVAL);
	m = (struct cm_msg){.attr = CM_REQ, .qpn = 0x1000000};
	assert_int_equal(cm_msg_encode(mad, &m), SAN_EINVAL);
}

static void
decode__rej_with_impossible_ari(void **state)
{
	struct cm_msg m = {.attr = CM_REJ, .reason = 4};
	uint8_t mad[MAD_LEN];

	cm_msg_encode(mad, &m);
	mad[24 + 9] = 0xfe;
	assert_int_equal(cm_msg_decode(mad, MAD_LEN, &m), 0);
	assert_int_equal(m.ari_len, 72);
}

static void
names__total(void **state)
{
	assert_string_equal(cm_attr_name(CM_REQ), "REQ");
	assert_string_equal(cm_attr_name(0xffff), "UNKNOWN");
	assert_string_equal(cm_rej_name(CM_REJ_CONSUMER), "consumer reject");
	for (unsigned r = 0; r < 70000; r++)
		assert_non_null(cm_rej_name((uint16_t)r));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(decode__req_vector),
	    cmocka_unit_test(decode__refuses),
	    cmocka_unit_test(decode__rej_with_impossible_ari),
	    cmocka_unit_test(encode__round_trip),
	    cmocka_unit_test(encode__field_offsets),
	    cmocka_unit_test(encode__hop_limit_decides_the_lids),
	    cmocka_unit_test(encode__refuses),
	    cmocka_unit_test(names__total),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
