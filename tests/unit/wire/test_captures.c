/* SPDX-License-Identifier: BSD-3-Clause */
/* Every frame of the captures named on the command line, judged by the decoder and by an
 * independent reading of the same bytes: RoCEv2 frames must be OK with the right ICRC (checked
 * twice), CM messages must decode, and what is not RoCEv2 must be sorted out as what it is. */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "bytes.h"
#include "frames.h"
#include "icrc.h"
#include "mad.h"
#include "pcap_file.h"
#include "roce.h"

static int capture_count;
static char **captures;

/* What a frame must be, read naively. */
static enum roce_verdict
want_verdict(const uint8_t *f)
{
	uint16_t type = be16_get(f + 12);
	bool v6 = type == 0x86dd;
	uint8_t proto = v6 ? f[14 + 6] : f[14 + 9];
	const uint8_t *udp = f + 14 + (v6 ? 40 : 20);

	if (type == 0x0806)
		return ROCE_ARP;
	if (type != 0x0800 && !v6)
		return ROCE_NOT_OURS;
	if (proto == (v6 ? 58 : 1))
		return ROCE_ICMP;
	if (proto != 17 || be16_get(udp + 2) != ROCE_UDP_PORT)
		return ROCE_NOT_OURS;
	return udp[8] >> 5 == 1 ? ROCE_OPCODE : ROCE_OK; /* class 1: unreliable connection */
}

static unsigned
check_frame(const char *file, struct pcap_file *p)
{
	enum roce_verdict want = want_verdict(p->frame), got;
	struct roce_pkt pkt;
	struct cm_msg m;

	got = roce_decode(p->frame, p->len, &pkt);
	if (got != want)
		fail_msg("%s: %s, want %s", file, roce_verdict_name(got), roce_verdict_name(want));
	if (got != ROCE_OK)
		return 0;
	assert_int_equal(
	    reference_icrc(p->frame, pkt.l3_off, pkt.icrc_off), icrc_load(p->frame + pkt.icrc_off));
	if (pkt.dest_qp == MAD_QP) {
		assert_int_equal(pkt.opcode, ROCE_UD_SEND_ONLY);
		assert_int_equal(pkt.ext.qkey, MAD_QKEY);
		assert_int_equal(cm_msg_decode(pkt.payload, pkt.payload_len, &m), 0);
	}
	return 1;
}

static void
captures__every_frame(void **state)
{
	unsigned roce = 0;

	for (int i = 0; i < capture_count; i++) {
		struct pcap_file p;

		if (!pcap_file_open(&p, captures[i]))
			fail_msg("cannot read %s", captures[i]);
		while (pcap_file_next(&p))
			roce += check_frame(captures[i], &p);
		pcap_file_close(&p);
	}
	print_message("%u RoCEv2 frames in %d captures\n", roce, capture_count);
	assert_true(roce > 0);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(captures__every_frame)};

	capture_count = argc - 1;
	captures = argv + 1;
	icrc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
