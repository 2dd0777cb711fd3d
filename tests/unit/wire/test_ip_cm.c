/* SPDX-License-Identifier: BSD-3-Clause */
/* The IP-CM header by itself, and as rping, ucmatose, rstream and udaddy of rdma-core send it: each
 * REQ and SIDR_REQ of the captures named on the command line must decode to the addresses of its
 * datagram and encode to the same bytes. */
#include "test.h"

#include <string.h>

#include "feature.h"
#include "icrc.h"
#include "ip_cm.h"
#include "mad.h"
#include "pcap_file.h"
#include "roce.h"
#include "san_err.h"

static int capture_count;
static char **captures;

static struct ip_cm
header(const char *src, const char *dst)
{
	struct ip_cm h = {.src_port = 0x1267};

	assert_int_equal(san_ip_parse(src, &h.src), 0);
	assert_int_equal(san_ip_parse(dst, &h.dst), 0);
	return h;
}

static void
encode__bytes(void **state)
{
	struct ip_cm h = header("10.1.2.3", "10.4.5.6");
	uint8_t b[IP_CM_LEN];

	memset(b, 0xff, sizeof b);
	ip_cm_encode(b, &h);
	assert_memory_equal(b,
	    "\0\x40\x12\x67"
	    "\0\0\0\0\0\0\0\0\0\0\0\0\x0a\1\2\3"
	    "\0\0\0\0\0\0\0\0\0\0\0\0\x0a\4\5\6",
	    IP_CM_LEN);
	h = header("fd00::1", "fd00::2");
	ip_cm_encode(b, &h);
	assert_memory_equal(b,
	    "\0\x60\x12\x67"
	    "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1"
	    "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\2",
	    IP_CM_LEN);
}

static void
decode__what_was_encoded(void **state)
{
	const struct ip_cm in[] = {header("10.1.2.3", "10.4.5.6"), header("fd00::1", "fd00::2")};

	for (size_t i = 0; i < 2; i++) {
		uint8_t b[IP_CM_LEN];
		struct ip_cm out;

		ip_cm_encode(b, &in[i]);
		assert_int_equal(ip_cm_decode(b, sizeof b, &out), 0);
		assert_int_equal(out.src_port, 0x1267);
		assert_true(
		    san_ip_equal(&in[i].src, &out.src) && san_ip_equal(&in[i].dst, &out.dst));
	}
}

static void
decode__refuses(void **state)
{
	const struct ip_cm v6 = header("fd00::1", "fd00::2");
	uint8_t b[IP_CM_LEN];
	struct ip_cm out;

	ip_cm_encode(b, &v6);
	for (size_t len = 0; len < IP_CM_LEN; len++)
		assert_int_equal(ip_cm_decode(b, len, &out), SAN_ETOOSHORT);
	for (unsigned version = 1; version < 256; version++) {
		b[0] = (uint8_t)version;
		assert_int_equal(ip_cm_decode(b, sizeof b, &out), SAN_EVERSION);
	}
	b[0] = 0;
	for (unsigned v = 0; v < 256; v++) {
		b[1] = (uint8_t)v; /* the lower half is reserved */
		assert_int_equal(
		    ip_cm_decode(b, sizeof b, &out), v >> 4 == 4 || v >> 4 == 6 ? 0 : SAN_EPROTO);
	}
	b[1] = 0x60;
	memcpy(b + 20, san_ip_v4(0x0a010203).b, 16);
	assert_int_equal(ip_cm_decode(b, sizeof b, &out), SAN_EPROTO);
}

static unsigned
check_request(const struct roce_pkt *p)
{
	uint8_t again[IP_CM_LEN];
	struct feature_offer offer;
	struct ip_cm h;
	struct cm_msg m;

	assert_int_equal(cm_msg_decode(p->payload, p->payload_len, &m), 0);
	if (m.attr != CM_REQ && m.attr != CM_SIDR_REQ)
		return 0;
	assert_int_equal(ip_cm_decode(m.priv, m.priv_len, &h), 0);
	assert_true(san_ip_equal(&h.src, &p->src) && san_ip_equal(&h.dst, &p->dst));
	assert_int_not_equal(h.src_port, 0);
	ip_cm_encode(again, &h);
	assert_memory_equal(again, m.priv, IP_CM_LEN);
	if (m.attr == CM_REQ) /* rsockets fills 40 bytes behind the header: they end before */
		assert_false(feature_offer_decode(m.priv + FEATURE_REQ_OFF, &offer));
	return 1;
}

static void
captures__every_request(void **state)
{
	unsigned requests = 0, v6 = 0;

	for (int i = 0; i < capture_count; i++) {
		struct pcap_file f;
		struct roce_pkt p;

		if (!pcap_file_open(&f, captures[i]))
			fail_msg("cannot read %s", captures[i]);
		while (pcap_file_next(&f)) {
			if (roce_decode(f.frame, f.len, &p) != ROCE_OK || p.dest_qp != MAD_QP)
				continue;
			requests += check_request(&p);
			v6 += !san_ip_is_v4(&p.src);
		}
		pcap_file_close(&f);
	}
	print_message("%u requests in %d captures\n", requests, capture_count);
	assert_true(requests >= 8 && v6 > 0);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(encode__bytes),
	    cmocka_unit_test(decode__what_was_encoded),
	    cmocka_unit_test(decode__refuses),
	    cmocka_unit_test(captures__every_request),
	};

	capture_count = argc - 1;
	captures = argv + 1;
	icrc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
