/* SPDX-License-Identifier: BSD-3-Clause */
#include "fixture.h"

#define MODE(byte) ((struct sdp_ext){.mode = (byte)})
#define SIZE(n)	   ((struct sdp_ext){.size = (n)})

static void
expect_violation(struct bench *b)
{
	assert_int_equal(sdp_counters(&b->c)->rx_violations, 1);
	bench_expect_dead(b, SAN_EPROTO);
}

static void
data__reaches_the_ring(void **state)
{
	struct bench b;
	uint32_t i;

	bench_init(&b);
	bench_data(&b, 100);
	assert_int_equal(sdp_events_take(&b.c), SDP_EV_RX_DATA);
	assert_int_equal(sdp_rx_produced(&b.c), 100);
	for (i = 0; i < 100; i++)
		assert_int_equal(b.rx[i], i);
}

static void
mseq__must_rise_by_one(void **state)
{
	struct bench b;

	bench_init(&b);
	b.peer_mseq = 2;
	bench_data(&b, 1);
	expect_violation(&b);
	bench_init(&b);
	bench_data(&b, 1);
	b.peer_mseq = 1;
	bench_data(&b, 1);
	assert_int_equal(sdp_rx_produced(&b.c), 1);
	expect_violation(&b);
}

static void
garbage__ends_the_connection(void **state)
{
	static const uint8_t zeros[PMTU];
	struct bench b;

	bench_init(&b);
	bench_packet(&b, ROCE_RC_SEND_ONLY, zeros, 0); /* shorter than a header */
	expect_violation(&b);
	bench_init(&b);
	bench_packet(&b, ROCE_RC_SEND_ONLY, zeros, 15);
	expect_violation(&b);
	bench_init(&b);
	bench_packet(&b, ROCE_RC_SEND_ONLY, zeros, 92); /* Hello belongs into the CM's messages */
	expect_violation(&b);
	bench_init(&b);
	bench_message(&b, 0x33, 0, 0, SIZE(0)); /* no such message */
	expect_violation(&b);
	bench_init(&b);
	bench_message(&b, SDP_DISCONN, 0, 4, SIZE(0)); /* with payload */
	expect_violation(&b);
}

static void
immediate_data__is_a_violation(void **state)
{
	static const uint8_t zeros[PMTU];
	struct bench b;

	bench_init(&b);
	bench_packet(&b, ROCE_RC_SEND_ONLY_IMM, zeros, 16);
	expect_violation(&b);
}

/* Longer than the buffer announced: the queue pair refuses it, nothing of it is delivered. */
static void
message__of_two_packets_is_refused(void **state)
{
	static const uint8_t zeros[PMTU];
	struct bench b;

	bench_init(&b);
	bench_packet(&b, ROCE_RC_SEND_FIRST, zeros, PMTU);
	assert_int_equal(sdp_state(&b.c), SDP_STATE_OPEN);
	bench_packet(&b, ROCE_RC_SEND_LAST, zeros, 1);
	bench_emit(&b);
	assert_int_equal(b.out[0].tx.ext.syndrome, AETH_NAK_INVALID);
	bench_expect_dead(&b, SAN_EPROTO);
	assert_int_equal(sdp_rx_produced(&b.c), 0);
}

static void
disconn__ends_the_data(void **state)
{
	struct bench b;

	bench_init(&b);
	bench_simple(&b, SDP_DISCONN);
	assert_true(
	    sdp_has_work(&b.c, b.now)); /* acknowledged at once: the peer's close waits for it */
	bench_data(&b, 0);
	assert_int_equal(sdp_state(&b.c), SDP_STATE_DISCONN_RCVD);
	bench_data(&b, 1);
	expect_violation(&b);
	bench_init(&b);
	bench_simple(&b, SDP_DISCONN);
	bench_simple(&b, SDP_DISCONN);
	expect_violation(&b);
}

static void
urgent__position_is_behind_the_byte(void **state)
{
	struct bench b;

	bench_init(&b);
	bench_message(&b, SDP_DATA, SDP_FLAG_OOB_PEND, 10, SIZE(0));
	assert_true(sdp_events_take(&b.c) & SDP_EV_URGENT);
	assert_int_equal(sdp_urgent_pos(&b.c), 0);
	bench_message(&b, SDP_DATA, SDP_FLAG_OOB_PRES, 5, SIZE(0));
	assert_true(sdp_events_take(&b.c) & SDP_EV_URGENT);
	assert_int_equal(sdp_urgent_pos(&b.c), 15);
	bench_data(&b, 5);
	assert_false(sdp_events_take(&b.c) & SDP_EV_URGENT);
	assert_int_equal(sdp_urgent_pos(&b.c), 15);
}

static void
urgent__needs_a_byte_and_belongs_to_data(void **state)
{
	struct bench b;

	bench_init(&b);
	bench_message(&b, SDP_DATA, SDP_FLAG_OOB_PRES, 0, SIZE(0));
	expect_violation(&b);
	bench_init(&b);
	bench_message(&b, SDP_SRC_AVAIL, SDP_FLAG_OOB_PRES, 1, SIZE(100));
	expect_violation(&b);
}

static void
src_avail__is_answered_send_sm(void **state)
{
	struct bench b;

	bench_init(&b);
	bench_message(&b, SDP_SRC_AVAIL, 0, 50, SIZE(1000));
	assert_int_equal(sdp_rx_produced(&b.c), 50); /* what came inline is data */
	assert_int_equal(b.rx[49], 49);
	assert_int_equal(bench_expect_one(&b, SDP_SEND_SM)->h.mseq_ack, 1);
	assert_true(b.out[0].tx.se);
	bench_data(&b, 100); /* the rest, as asked */
	assert_int_equal(sdp_rx_produced(&b.c), 150);
	assert_int_equal(sdp_state(&b.c), SDP_STATE_OPEN);
}

static void
src_avail__rules(void **state)
{
	struct bench b;

	bench_init(&b);
	bench_message(&b, SDP_SRC_AVAIL, 0, 0, SIZE(100)); /* Combined: some must be inline */
	expect_violation(&b);
	bench_init(&b);
	bench_message(&b, SDP_SRC_AVAIL, 0, 100, SIZE(100)); /* but not all */
	expect_violation(&b);
	bench_init(&b);
	bench_message(&b, SDP_SRC_AVAIL, 0, 1, SIZE(100));
	bench_message(&b, SDP_SRC_AVAIL, 0, 1, SIZE(100)); /* one at a time */
	expect_violation(&b);
	bench_init(&b);
	bench_message(&b, SDP_SRC_AVAIL, 0, 1, SIZE(100));
	bench_data(&b, 1); /* no data while it is outstanding */
	expect_violation(&b);
	bench_init(&b);
	bench_simple(&b, SDP_DISCONN);
	bench_message(&b, SDP_SRC_AVAIL, 0, 1, SIZE(100));
	expect_violation(&b);
	bench_init(&b);
	bench_message(&b, SDP_SRC_AVAIL, 0, 1, SIZE(100));
	bench_data(&b, 0); /* a credit update is no data */
	assert_int_equal(sdp_state(&b.c), SDP_STATE_OPEN);
}

static void
src_avail__cancelled_before_the_answer_left(void **state)
{
	struct bench b;

	bench_init(&b);
	bench_message(&b, SDP_SRC_AVAIL, 0, 1, SIZE(100));
	bench_simple(&b, SDP_SRC_AVAIL_CANCEL);
	assert_int_equal(bench_expect_one(&b, SDP_SEND_SM)->h.mseq_ack, 2); /* covers the cancel */
	bench_simple(
	    &b, SDP_SRC_AVAIL_CANCEL); /* crossed with our answer: nothing left to cancel */
	bench_emit(&b);
	assert_int_equal(bench_out_count(&b), 0);
	assert_int_equal(sdp_state(&b.c), SDP_STATE_OPEN);
}

static void
mode_change__legal_ones(void **state)
{
	struct bench b;

	bench_init(&b);
	bench_message(&b, SDP_MODE_CHANGE, 0, 0, MODE(0x20)); /* to Pipelined */
	bench_message(&b, SDP_SRC_AVAIL, 0, 0, SIZE(100));    /* no inline bytes there */
	bench_expect_one(&b, SDP_SEND_SM);
	bench_message(&b, SDP_MODE_CHANGE, 0, 0, MODE(0x10)); /* back to Combined */
	bench_message(&b, SDP_MODE_CHANGE, 0, 0, MODE(0x00)); /* to Buffered */
	assert_int_equal(sdp_state(&b.c), SDP_STATE_OPEN);
	bench_message(&b, SDP_SRC_AVAIL, 0, 1, SIZE(100)); /* where there is no SrcAvail */
	expect_violation(&b);
}

static void
mode_change__all_others_are_violations(void **state)
{
	/* Where from, and the byte. 0xff: stay in the initial mode, Combined. */
	static const uint8_t bad[][2] = {{0xff, 0x10}, {0xff, 0x30}, {0xff, 0x90}, {0xff, 0x80},
	    {0xff, 0xa0}, {0x00, 0x00}, {0x00, 0x10}, {0x00, 0x20}, {0x00, 0x90}, {0x20, 0x20},
	    {0x20, 0x00}};
	struct bench b;
	size_t i;

	for (i = 0; i < sizeof bad / sizeof *bad; i++) {
		bench_init(&b);
		if (bad[i][0] != 0xff)
			bench_message(&b, SDP_MODE_CHANGE, 0, 0, MODE(bad[i][0]));
		assert_int_equal(sdp_state(&b.c), SDP_STATE_OPEN);
		bench_message(&b, SDP_MODE_CHANGE, 0, 0, MODE(bad[i][1]));
		expect_violation(&b);
	}
	bench_init(&b);
	bench_message(&b, SDP_SRC_AVAIL, 0, 1, SIZE(100));
	bench_message(&b, SDP_MODE_CHANGE, 0, 0, MODE(0x00)); /* not with a SrcAvail pending */
	expect_violation(&b);
}

static void
ch_rcv_buf__is_answered_with_the_old_size(void **state)
{
	struct bench b;

	bench_init(&b);
	bench_message(&b, SDP_CH_RCV_BUF, 0, 0, SIZE(65536));
	assert_int_equal(bench_expect_one(&b, SDP_CH_RCV_BUF_ACK)->ext.size, PMTU);
}

static void
ignored__ask_for_nothing(void **state)
{
	static const uint8_t mid[] = {SDP_SEND_SM, SDP_CH_RCV_BUF_ACK, SDP_SUSP_COMM,
	    SDP_SUSP_COMM_ACK, SDP_SRC_AVAIL_CANCEL};
	struct bench b;
	size_t i;

	bench_init(&b);
	for (i = 0; i < sizeof mid; i++)
		bench_simple(&b, mid[i]);
	assert_int_equal(sdp_counters(&b.c)->rx_ignored, sizeof mid);
	bench_emit(&b);
	assert_int_equal(bench_out_count(&b), 0);
	assert_int_equal(sdp_state(&b.c), SDP_STATE_OPEN);
}

static void
illegal__answers_to_what_we_never_ask(void **state)
{
	static const uint8_t mid[] = {SDP_RDMA_WR_COMPL, SDP_RDMA_RD_COMPL, SDP_SINK_AVAIL,
	    SDP_SINK_AVAIL_CANCEL, SDP_SINK_CANCEL_ACK};
	struct bench b;
	size_t i;

	for (i = 0; i < sizeof mid; i++) {
		bench_init(&b);
		bench_simple(&b, mid[i]);
		expect_violation(&b);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(data__reaches_the_ring),
	    cmocka_unit_test(mseq__must_rise_by_one),
	    cmocka_unit_test(garbage__ends_the_connection),
	    cmocka_unit_test(immediate_data__is_a_violation),
	    cmocka_unit_test(message__of_two_packets_is_refused),
	    cmocka_unit_test(disconn__ends_the_data),
	    cmocka_unit_test(urgent__position_is_behind_the_byte),
	    cmocka_unit_test(urgent__needs_a_byte_and_belongs_to_data),
	    cmocka_unit_test(src_avail__is_answered_send_sm),
	    cmocka_unit_test(src_avail__rules),
	    cmocka_unit_test(src_avail__cancelled_before_the_answer_left),
	    cmocka_unit_test(mode_change__legal_ones),
	    cmocka_unit_test(mode_change__all_others_are_violations),
	    cmocka_unit_test(ch_rcv_buf__is_answered_with_the_old_size),
	    cmocka_unit_test(ignored__ask_for_nothing),
	    cmocka_unit_test(illegal__answers_to_what_we_never_ask),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
