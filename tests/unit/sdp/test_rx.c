/* SPDX-License-Identifier: BSD-3-Clause */
#include "fixture.h"

#define SIZE(n) ((struct sdp_ext){.size = (n)})

static void
expect_violation(struct bench *b, enum sdp_violation what)
{
	assert_int_equal(sdp_counters(&b->c)->rx_violations, 1);
	assert_int_equal(sdp_violation(&b->c), what);
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
	expect_violation(&b, SDP_VIOLATION_MSEQ);
	bench_init(&b);
	bench_data(&b, 1);
	b.peer_mseq = 1;
	bench_data(&b, 1);
	assert_int_equal(sdp_rx_produced(&b.c), 1);
	expect_violation(&b, SDP_VIOLATION_MSEQ);
}

static void
garbage__ends_the_connection(void **state)
{
	static const uint8_t zeros[PMTU];
	struct bench b;

	bench_init(&b);
	bench_packet(&b, ROCE_RC_SEND_ONLY, zeros, 0); /* shorter than a header */
	expect_violation(&b, SDP_VIOLATION_LENGTH);
	bench_init(&b);
	bench_packet(&b, ROCE_RC_SEND_ONLY, zeros, 15);
	expect_violation(&b, SDP_VIOLATION_LENGTH);
	bench_init(&b);
	bench_packet(&b, ROCE_RC_SEND_ONLY, zeros, 92); /* Hello belongs into the CM's messages */
	expect_violation(&b, SDP_VIOLATION_MID);
	bench_init(&b);
	bench_message(&b, 0x33, 0, 0, SIZE(0)); /* no such message */
	expect_violation(&b, SDP_VIOLATION_MID);
	bench_init(&b);
	bench_message(&b, SDP_DISCONN, 0, 4, SIZE(0)); /* with payload */
	expect_violation(&b, SDP_VIOLATION_LENGTH);
}

static void
immediate_data__is_a_violation(void **state)
{
	static const uint8_t zeros[PMTU];
	struct bench b;

	bench_init(&b);
	bench_packet(&b, ROCE_RC_SEND_ONLY_IMM, zeros, 16);
	expect_violation(&b, SDP_VIOLATION_CARRIAGE);
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
	expect_violation(&b, SDP_VIOLATION_ENDED);
	bench_init(&b);
	bench_simple(&b, SDP_DISCONN);
	bench_simple(&b, SDP_DISCONN);
	expect_violation(&b, SDP_VIOLATION_ENDED);
}

static void
urgent__position_is_behind_the_byte(void **state)
{
	struct bench b;

	bench_init(&b);
	bench_message(&b, SDP_DATA, SDP_FLAG_OOB_PRES, 5, SIZE(0));
	assert_true(sdp_events_take(&b.c) & SDP_EV_URGENT);
	assert_int_equal(sdp_urgent_pos(&b.c), 5);
	bench_data(&b, 5);
	assert_false(sdp_events_take(&b.c) & SDP_EV_URGENT);
	assert_int_equal(sdp_urgent_pos(&b.c), 5);
	bench_message(&b, SDP_DATA, SDP_FLAG_OOB_PRES | SDP_FLAG_OOB_PEND, 1, SIZE(0));
	assert_int_equal(sdp_urgent_pos(&b.c), 11);
}

/* Some peers announce the byte 64 KiB ahead, in any message; others in the message that has it. */
static void
urgent__announced_early_is_no_event_yet(void **state)
{
	struct bench b;

	bench_init(&b);
	bench_message(&b, SDP_DATA, SDP_FLAG_OOB_PEND, 10, SIZE(0));
	bench_message(&b, SDP_DATA, SDP_FLAG_OOB_PEND, 0, SIZE(0));
	bench_message(&b, SDP_CH_RCV_BUF, SDP_FLAG_OOB_PEND, 0, SIZE(512));
	assert_false(sdp_events_take(&b.c) & SDP_EV_URGENT);
	bench_message(&b, SDP_DATA, SDP_FLAG_OOB_PRES, 5, SIZE(0));
	assert_true(sdp_events_take(&b.c) & SDP_EV_URGENT);
	assert_int_equal(sdp_urgent_pos(&b.c), 15);
}

static void
urgent__needs_a_byte_and_belongs_to_data(void **state)
{
	struct bench b;

	bench_init(&b);
	bench_message(&b, SDP_DATA, SDP_FLAG_OOB_PRES, 0, SIZE(0));
	expect_violation(&b, SDP_VIOLATION_URGENT);
	bench_init(&b);
	bench_message(&b, SDP_SRC_AVAIL, SDP_FLAG_OOB_PRES, 1, SIZE(100));
	expect_violation(&b, SDP_VIOLATION_URGENT);
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
	expect_violation(&b, SDP_VIOLATION_INLINE);
	bench_init(&b);
	bench_message(&b, SDP_SRC_AVAIL, 0, 100, SIZE(100)); /* but not all */
	expect_violation(&b, SDP_VIOLATION_INLINE);
	bench_init(&b);
	bench_message(&b, SDP_SRC_AVAIL, 0, 1, SIZE(100));
	bench_message(&b, SDP_SRC_AVAIL, 0, 1, SIZE(100)); /* one at a time */
	expect_violation(&b, SDP_VIOLATION_PENDING);
	bench_init(&b);
	bench_message(&b, SDP_SRC_AVAIL, 0, 1, SIZE(100));
	bench_data(&b, 1); /* no data while it is outstanding */
	expect_violation(&b, SDP_VIOLATION_PENDING);
	bench_init(&b);
	bench_simple(&b, SDP_DISCONN);
	bench_message(&b, SDP_SRC_AVAIL, 0, 1, SIZE(100));
	expect_violation(&b, SDP_VIOLATION_ENDED);
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
	assert_int_equal(bench_expect_one(&b, SDP_SEND_SM)->h.mseq_ack, 3); /* all the same */
	assert_int_equal(sdp_state(&b.c), SDP_STATE_OPEN);
}

static void
ch_rcv_buf__is_answered_with_the_size_we_have(void **state)
{
	struct bench b;

	bench_init(&b);
	bench_message(&b, SDP_CH_RCV_BUF, 0, 0, SIZE(65536));
	assert_int_equal(bench_expect_one(&b, SDP_CH_RCV_BUF_ACK)->ext.size, PMTU);
	bench_message(&b, SDP_CH_RCV_BUF, 0, 0, SIZE(17)); /* smaller ones we do not have either */
	assert_int_equal(bench_expect_one(&b, SDP_CH_RCV_BUF_ACK)->ext.size, PMTU);
}

/* A peer with buffers smaller than a packet. */
static void
open_small_peer(struct bench *b, uint32_t rcv_size)
{
	struct sdp_open o;

	bench_init(b);
	o = bench_defaults(b);
	o.peer_rcv_size = rcv_size;
	bench_open(b, &o);
}

static void
ch_rcv_buf__asked_once_by_who_could_use_it(void **state)
{
	struct bench b;

	open_small_peer(&b, 100);
	bench_write(&b, 84); /* fits what there is */
	assert_int_equal(bench_expect_one(&b, SDP_DATA)->payload_len, 84);
	bench_write(&b, 200);
	bench_emit(&b);
	assert_int_equal(bench_out(&b, 0)->h.mid, SDP_CH_RCV_BUF);
	assert_int_equal(bench_out(&b, 0)->ext.size, PMTU);
	assert_int_equal(bench_out(&b, 1)->payload_len, 84);
	bench_message(&b, SDP_CH_RCV_BUF_ACK, 0, 0, SIZE(200));
	assert_int_equal(sdp_payload_max(&b.c), 184);
	bench_write(&b, 500);
	bench_emit(&b);
	assert_int_equal(bench_out(&b, 0)->h.mid, SDP_DATA); /* not asked again */
	assert_int_equal(bench_out(&b, 0)->payload_len, 184);

	bench_init(&b); /* buffers of a packet: nothing to ask for */
	bench_write(&b, 2 * PMTU);
	bench_emit(&b);
	assert_int_equal(bench_out(&b, 0)->h.mid, SDP_DATA);
}

static void
ch_rcv_buf_ack__sizes(void **state)
{
	struct bench b;

	open_small_peer(&b, 100);
	bench_write(&b, 200);
	bench_emit(&b);
	bench_message(&b, SDP_CH_RCV_BUF_ACK, 0, 0, SIZE(65536)); /* more than a packet holds */
	assert_int_equal(sdp_payload_max(&b.c), PAYLOAD);
	bench_message(&b, SDP_CH_RCV_BUF_ACK, 0, 0, SIZE(65536)); /* twice */
	expect_violation(&b, SDP_VIOLATION_UNASKED);

	open_small_peer(&b, 100);
	bench_write(&b, 200);
	bench_emit(&b);
	bench_message(&b, SDP_CH_RCV_BUF_ACK, 0, 0, SIZE(100)); /* refused */
	assert_int_equal(sdp_payload_max(&b.c), 84);
	assert_int_equal(sdp_state(&b.c), SDP_STATE_OPEN);

	open_small_peer(&b, 100);
	bench_write(&b, 200);
	bench_emit(&b);
	bench_message(&b, SDP_CH_RCV_BUF_ACK, 0, 0, SIZE(99));
	expect_violation(&b, SDP_VIOLATION_SIZE);
}

/* A process that wants to hand its connection to another gets no answer: it goes on as before. */
static void
susp_comm__changes_nothing(void **state)
{
	struct bench b;

	bench_init(&b);
	bench_message(&b, SDP_SUSP_COMM, 0, 0, (struct sdp_ext){.service_id = 0x10001});
	assert_int_equal(sdp_counters(&b.c)->rx_ignored, 1);
	bench_emit(&b);
	assert_int_equal(bench_out_count(&b), 0);
	bench_data(&b, 10);
	bench_write(&b, 10);
	assert_int_equal(bench_expect_one(&b, SDP_DATA)->payload_len, 10);
	assert_int_equal(sdp_rx_produced(&b.c), 10);
}

/* Invalidate is for peers that were told we take it; nobody was. */
static void
invalidate__is_refused(void **state)
{
	static const uint8_t zeros[PMTU];
	struct bench b;

	bench_init(&b);
	bench_packet(&b, ROCE_RC_SEND_ONLY_INV, zeros, 16);
	bench_emit(&b);
	bench_expect_dead(&b, SAN_EPROTO);
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
	    cmocka_unit_test(urgent__announced_early_is_no_event_yet),
	    cmocka_unit_test(urgent__needs_a_byte_and_belongs_to_data),
	    cmocka_unit_test(src_avail__is_answered_send_sm),
	    cmocka_unit_test(src_avail__rules),
	    cmocka_unit_test(src_avail__cancelled_before_the_answer_left),
	    cmocka_unit_test(ch_rcv_buf__is_answered_with_the_size_we_have),
	    cmocka_unit_test(ch_rcv_buf__asked_once_by_who_could_use_it),
	    cmocka_unit_test(ch_rcv_buf_ack__sizes),
	    cmocka_unit_test(susp_comm__changes_nothing),
	    cmocka_unit_test(invalidate__is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
