/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include <string.h>

#include "prng.h"
#include "san_err.h"
#include "sdp_msg.h"

static const struct {
	uint8_t mid, ext;
	bool payload;
} mids[] = {
    {SDP_DISCONN, 0, false},
    {SDP_ABORT_CONN, 0, false},
    {SDP_SEND_SM, 0, false},
    {SDP_RDMA_WR_COMPL, 4, false},
    {SDP_RDMA_RD_COMPL, 4, false},
    {SDP_MODE_CHANGE, 4, false},
    {SDP_SRC_AVAIL_CANCEL, 0, false},
    {SDP_SINK_AVAIL_CANCEL, 0, false},
    {SDP_SINK_CANCEL_ACK, 0, false},
    {SDP_CH_RCV_BUF, 4, false},
    {SDP_CH_RCV_BUF_ACK, 4, false},
    {SDP_SUSP_COMM, 8, false},
    {SDP_SUSP_COMM_ACK, 0, false},
    {SDP_SINK_AVAIL, 20, true},
    {SDP_SRC_AVAIL, 16, true},
    {SDP_DATA, 0, true},
};
#define MIDS (sizeof mids / sizeof mids[0])

static void
decode__data_bytes(void **state)
{
	static const uint8_t b[] = {
	    0xff, 0x03, 0x00, 0x3f, 0, 0, 0, 0x12, 0, 0, 1, 2, 0xff, 0xff, 0xff, 0xfe, 'h', 'i'};
	struct sdp_msg m;

	assert_int_equal(sdp_msg_decode(b, sizeof b, &m), 0);
	assert_int_equal(m.h.mid, SDP_DATA);
	assert_int_equal(m.h.flags, SDP_FLAG_OOB_PRES | SDP_FLAG_OOB_PEND);
	assert_int_equal(m.h.bufs, 63);
	assert_int_equal(m.h.len, 18);
	assert_int_equal(m.h.mseq, 0x102);
	assert_int_equal(m.h.mseq_ack, 0xfffffffe);
	assert_ptr_equal(m.payload, b + 16);
	assert_int_equal(m.payload_len, 2);
}

/* Encode, compare the extension header's length, decode, for each MID; then every wrong length. */
static void
decode__every_mid(void **state)
{
	const struct sdp_ext ext = {.size = 0x01020304,
	    .rkey = 0x05060708,
	    .va = 0x1112131415161718,
	    .non_discards = 0x21222324,
	    .mode = 0x90,
	    .service_id = 0x3132333435363738};

	for (size_t i = 0; i < MIDS; i++) {
		uint8_t buf[64] = {0};
		const uint32_t whole = 16u + mids[i].ext;
		struct sdp_bsdh h = {
		    .mid = mids[i].mid, .bufs = 5, .len = whole, .mseq = 9, .mseq_ack = 8};
		struct sdp_msg m;

		assert_int_equal(sdp_mid_ext_len(mids[i].mid), mids[i].ext);
		assert_int_equal(sdp_msg_encode_header(buf, &h, &ext), whole);
		assert_int_equal(sdp_msg_decode(buf, whole, &m), 0);
		assert_memory_equal(&m.h, &h, sizeof h);
		assert_int_equal(m.payload_len, 0);
		for (size_t cut = 0; cut < whole; cut++) {
			assert_true(sdp_msg_decode(buf, cut, &m) < 0);
			/* Len made to agree: still too short for its headers. */
			if (cut >= 16) {
				buf[7] = (uint8_t)cut;
				assert_int_equal(sdp_msg_decode(buf, cut, &m), SAN_ETOOSHORT);
				buf[7] = (uint8_t)whole;
			}
		}
		assert_int_equal(sdp_msg_decode(buf, whole + 1, &m), SAN_EPROTO);
		buf[7] = (uint8_t)(whole + 1);
		assert_int_equal(
		    sdp_msg_decode(buf, whole + 1, &m), mids[i].payload ? 0 : SAN_EPROTO);
	}
}

static void
decode__extension_fields(void **state)
{
	const struct sdp_ext ext = {
	    .size = 1, .rkey = 2, .va = 3, .non_discards = 4, .mode = 0x20, .service_id = 6};
	struct sdp_bsdh h = {.mid = SDP_SINK_AVAIL, .len = 36};
	uint8_t buf[64];
	struct sdp_msg m;

	sdp_msg_encode_header(buf, &h, &ext);
	assert_memory_equal(buf + 16, "\0\0\0\1\0\0\0\2\0\0\0\0\0\0\0\3\0\0\0\4", 20);
	sdp_msg_decode(buf, 36, &m);
	assert_int_equal(m.ext.size, 1);
	assert_int_equal(m.ext.rkey, 2);
	assert_int_equal(m.ext.va, 3);
	assert_int_equal(m.ext.non_discards, 4);
	assert_int_equal(m.ext.mode, 0);

	h = (struct sdp_bsdh){.mid = SDP_MODE_CHANGE, .len = 20};
	sdp_msg_encode_header(buf, &h, &ext);
	assert_memory_equal(buf + 16, "\x20\0\0\0", 4);
	sdp_msg_decode(buf, 20, &m);
	assert_int_equal(m.ext.mode, 0x20);
	assert_int_equal(m.ext.size, 0);

	h = (struct sdp_bsdh){.mid = SDP_SUSP_COMM, .len = 24};
	sdp_msg_encode_header(buf, &h, &ext);
	sdp_msg_decode(buf, 24, &m);
	assert_int_equal(m.ext.service_id, 6);
}

static void
decode__unknown_mids(void **state)
{
	uint8_t buf[16] = {0, 0, 0, 0, 0, 0, 0, 16};
	struct sdp_msg m;

	for (unsigned mid = 0; mid < 256; mid++) {
		bool known = false;

		for (size_t i = 0; i < MIDS; i++)
			known |= mids[i].mid == mid;
		buf[0] = (uint8_t)mid;
		if (!known)
			assert_int_equal(sdp_msg_decode(buf, 16, &m), SAN_EPROTO);
	}
	/* Hello and HelloAck are known by name, but illegal on a connection. */
	assert_int_equal(sdp_mid_ext_len(SDP_HELLO), 76);
	assert_int_equal(sdp_mid_ext_len(SDP_HELLO_ACK), 180);
	assert_int_equal(sdp_mid_ext_len(0x42), SAN_EPROTO);
	assert_string_equal(sdp_mid_name(SDP_DISCONN), "DISCONN");
	assert_string_equal(sdp_mid_name(0x42), "UNKNOWN");
}

static void
decode__huge_len_field(void **state)
{
	uint8_t buf[16] = {SDP_DATA, 0, 0, 0, 0xff, 0xff, 0xff, 0xff};
	struct sdp_msg m;

	assert_int_equal(sdp_msg_decode(buf, 16, &m), SAN_EPROTO);
}

static struct sdp_hello
hello(bool v6)
{
	struct sdp_hello h = {.bufs = 64,
	    .version = SDP_VERSION,
	    .caps = 1,
	    .max_adverts = 3,
	    .des_rem_rcv_size = 4096,
	    .local_rcv_size = 1024,
	    .local_port = 40000};

	san_ip_parse(v6 ? "fd00::1" : "10.0.0.1", &h.src);
	san_ip_parse(v6 ? "fd00::2" : "10.0.0.2", &h.dst);
	return h;
}

static void
hello__round_trip(void **state)
{
	for (int v6 = 0; v6 < 2; v6++) {
		struct sdp_hello in = hello(v6), out;
		uint8_t priv[SDP_HELLO_LEN];

		in.has_offer = true;
		in.offer = (struct feature_offer){FEATURE_SACK, 512};
		sdp_hello_encode(priv, &in);
		assert_int_equal(priv[17], (v6 ? 0x60 : 0x40) | 1);
		assert_int_equal(sdp_hello_decode(priv, sizeof priv, &out), 0);
		assert_true(san_ip_equal(&in.src, &out.src) && san_ip_equal(&in.dst, &out.dst));
		assert_int_equal(out.bufs, 64);
		assert_int_equal(out.caps, 1);
		assert_int_equal(out.max_adverts, 3);
		assert_int_equal(out.des_rem_rcv_size, 4096);
		assert_int_equal(out.local_rcv_size, 1024);
		assert_int_equal(out.local_port, 40000);
		assert_memory_equal(priv + 68, "SAND\1\1\2\0", 8);
		assert_int_equal(priv[76] | priv[91], 0);
		assert_true(out.has_offer);
		assert_int_equal(out.offer.caps, FEATURE_SACK);
		assert_int_equal(out.offer.ooo_max, 512);
	}
}

/* One byte changed at a time: which error. */
static void
hello__refuses(void **state)
{
	static const struct {
		uint8_t at, value;
		int err;
	} cases[] = {
	    {0, SDP_DATA, SAN_EPROTO},
	    {0, SDP_HELLO_ACK, SAN_EPROTO},
	    {7, 91, SAN_EPROTO},
	    {4, 1, SAN_EPROTO},
	    {16, 0x11, SAN_EVERSION},
	    {16, 0x32, SAN_EVERSION},
	    {16, 0x21, 0}, /* another minor version is fine */
	    {17, 0x50, SAN_EPROTO},
	    {17, 0x00, SAN_EPROTO},
	    {19, 0, SAN_EPROTO},
	    {1, 0xff, 0}, /* flags and reserved bytes are not ours to judge */
	    {18, 0xff, 0},
	    {70, 0xff, 0},
	};
	struct sdp_hello in = hello(false), out;
	uint8_t priv[SDP_HELLO_LEN];

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		sdp_hello_encode(priv, &in);
		priv[cases[i].at] = cases[i].value;
		assert_int_equal(sdp_hello_decode(priv, sizeof priv, &out), cases[i].err);
	}
	for (size_t len = 0; len < SDP_HELLO_LEN; len++)
		assert_int_equal(sdp_hello_decode(priv, len, &out), SAN_ETOOSHORT);
	in.local_rcv_size = 15;
	sdp_hello_encode(priv, &in);
	assert_int_equal(sdp_hello_decode(priv, sizeof priv, &out), SAN_EPROTO);
	in = hello(false);
	in.des_rem_rcv_size = 0;
	sdp_hello_encode(priv, &in);
	assert_int_equal(sdp_hello_decode(priv, sizeof priv, &out), SAN_EPROTO);
}

static void
hello_ack__round_trip_and_refusals(void **state)
{
	struct sdp_hello_ack in = {.bufs = 32,
				 .version = SDP_VERSION,
				 .max_adverts = 1,
				 .act_rcv_size = 1024},
			     out;
	uint8_t priv[SDP_HELLOACK_LEN];

	memset(priv, 0xcc, sizeof priv);
	sdp_hello_ack_encode(priv, &in);
	assert_memory_equal(
	    priv, "\x01\0\0\x20\0\0\0\xc4\0\0\0\0\0\0\0\0\x22\0\0\x01\0\0\x04\0", 24);
	assert_int_equal(priv[24] | priv[195], 0);
	assert_int_equal(sdp_hello_ack_decode(priv, sizeof priv, &out), 0);
	assert_int_equal(out.bufs, 32);
	assert_int_equal(out.version, SDP_VERSION);
	assert_int_equal(out.act_rcv_size, 1024);
	assert_false(out.has_offer);
	for (size_t len = 0; len < SDP_HELLOACK_LEN; len++)
		assert_int_equal(sdp_hello_ack_decode(priv, len, &out), SAN_ETOOSHORT);
	in.has_offer = true;
	in.offer = (struct feature_offer){FEATURE_ECN_ECHO, 3};
	sdp_hello_ack_encode(priv, &in);
	assert_memory_equal(priv + 24, "SAND\1\2\0\3\0", 9);
	sdp_hello_ack_decode(priv, sizeof priv, &out);
	assert_true(out.has_offer);
	assert_int_equal(out.offer.caps, FEATURE_ECN_ECHO);
	assert_int_equal(out.offer.ooo_max, 3);
	priv[16] = 0x11;
	assert_int_equal(sdp_hello_ack_decode(priv, sizeof priv, &out), SAN_EVERSION);
	priv[16] = SDP_VERSION;
	priv[19] = 0;
	assert_int_equal(sdp_hello_ack_decode(priv, sizeof priv, &out), SAN_EPROTO);
	in.act_rcv_size = 15;
	sdp_hello_ack_encode(priv, &in);
	assert_int_equal(sdp_hello_ack_decode(priv, sizeof priv, &out), SAN_EPROTO);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(decode__data_bytes),
	    cmocka_unit_test(decode__every_mid),
	    cmocka_unit_test(decode__extension_fields),
	    cmocka_unit_test(decode__unknown_mids),
	    cmocka_unit_test(decode__huge_len_field),
	    cmocka_unit_test(hello__round_trip),
	    cmocka_unit_test(hello__refuses),
	    cmocka_unit_test(hello_ack__round_trip_and_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
