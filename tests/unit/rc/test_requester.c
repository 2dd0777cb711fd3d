/* SPDX-License-Identifier: BSD-3-Clause */
#include "fixture.h"

static void
init__refuses_nonsense(void **state)
{
	struct rc_open o = bench_defaults();
	struct rc_qp qp;

	o.pmtu = 300;
	assert_int_equal(rc_init(&qp, &o, (struct san_time){0}), SAN_EINVAL);
	o = bench_defaults();
	o.params.window_packets = 0;
	assert_int_equal(rc_init(&qp, &o, (struct san_time){0}), SAN_EINVAL);
	o = bench_defaults();
	o.sq_psn = 0x1000000;
	assert_int_equal(rc_init(&qp, &o, (struct san_time){0}), SAN_EINVAL);
}

static void
emit__cuts_message_into_first_middle_last(void **state)
{
	static const uint8_t opcode[] = {
	    ROCE_RC_SEND_FIRST, ROCE_RC_SEND_MIDDLE, ROCE_RC_SEND_MIDDLE, ROCE_RC_SEND_LAST};
	struct bench b;
	uint32_t i;

	bench_init(&b);
	assert_int_equal(bench_post(&b, 3 * PMTU + 1, 1, 1), 0);
	assert_int_equal(bench_emit(&b), 4);
	for (i = 0; i < 4; i++) {
		assert_int_equal(bench_sent(&b, i), i);
		assert_int_equal(b.out[i].tx.opcode, opcode[i]);
		assert_int_equal(b.out[i].tx.dest_qp, 0x22);
		assert_int_equal(b.out[i].chunk.offset, i * PMTU);
		assert_int_equal(b.out[i].chunk.len, i < 3 ? PMTU : 1);
		assert_int_equal(b.out[i].tx.ackreq, i == 3);
	}
}

static void
emit__exact_multiple_has_full_last(void **state)
{
	struct bench b;

	bench_init(&b);
	bench_post(&b, 2 * PMTU, 1, 1);
	assert_int_equal(bench_emit(&b), 2);
	assert_int_equal(b.out[1].tx.opcode, ROCE_RC_SEND_LAST);
	assert_int_equal(b.out[1].chunk.len, PMTU);
}

static void
emit__short_and_empty_messages_are_only(void **state)
{
	struct bench b;

	bench_init(&b);
	bench_post(&b, PMTU, 1, 1);
	bench_post(&b, 0, 1, 2);
	assert_int_equal(bench_emit(&b), 2);
	assert_int_equal(b.out[0].tx.opcode, ROCE_RC_SEND_ONLY);
	assert_int_equal(b.out[1].tx.opcode, ROCE_RC_SEND_ONLY);
	assert_int_equal(b.out[1].chunk.len, 0);
}

static void
emit__solicited_event_on_last_packet_only(void **state)
{
	struct rc_run m = {.kind = RC_SEND, .len = 2 * PMTU, .count = 1, .se = true};
	struct bench b;

	bench_init(&b);
	rc_post(&b.qp, &m);
	bench_emit(&b);
	assert_false(b.out[0].tx.se);
	assert_true(b.out[1].tx.se);
}

static void
emit__stops_at_window(void **state)
{
	struct rc_open o = bench_defaults();
	struct bench b;

	o.params.window_packets = 4;
	bench_open(&b, &o);
	assert_int_equal(rc_window_room(&b.qp), 4);
	assert_int_equal(bench_post(&b, 10, 5, 1), SAN_EAGAIN);
	assert_int_equal(bench_post(&b, 10, 4, 1), 0);
	assert_int_equal(bench_emit(&b), 4);
	assert_int_equal(bench_post(&b, 10, 1, 5), SAN_EAGAIN);
	bench_answer(&b, AETH_ACK_UNLIMITED, 0);
	assert_int_equal(rc_window_room(&b.qp), 1);
}

static void
emit__message_longer_than_window_moves_with_it(void **state)
{
	struct rc_open o = bench_defaults();
	struct bench b;
	uint32_t sent = 0;

	o.params.window_packets = 4;
	bench_open(&b, &o);
	assert_int_equal(bench_post(&b, 10 * PMTU, 1, 1), 0);
	while (sent < 10) {
		assert_true(bench_emit(&b) > 0);
		sent += b.count;
		assert_true(b.out[b.count - 1].tx.ackreq); /* or the window could never move */
		assert_int_equal(bench_reaped(&b), 0);
		bench_answer(&b, AETH_ACK_UNLIMITED, sent - 1);
	}
	assert_int_equal(sent, 10);
	assert_int_equal(bench_reaped(&b), 1);
}

static void
ackreq__last_of_what_is_queued_and_every_16(void **state)
{
	struct bench b;
	uint32_t i;

	bench_init(&b);
	bench_post(&b, 10, 40, 1);
	assert_int_equal(bench_emit(&b), 40);
	for (i = 0; i < 40; i++)
		assert_int_equal(b.out[i].tx.ackreq, i == 15 || i == 31 || i == 39);
	bench_post(&b, 10, 1, 41);
	bench_emit(&b);
	assert_true(b.out[0].tx.ackreq);
}

static void
ack__is_cumulative(void **state)
{
	uint32_t first, count;
	struct rc_run run;
	struct bench b;

	bench_init(&b);
	bench_post(&b, 10, 5, 100);
	bench_emit(&b);
	bench_answer(&b, AETH_ACK_UNLIMITED, 2);
	assert_true(b.in.acked && b.in.valid);
	assert_true(rc_reap(&b.qp, &run, &first, &count));
	assert_int_equal(run.tag, 100);
	assert_int_equal(first, 0);
	assert_int_equal(count, 3);
	assert_false(rc_reap(&b.qp, &run, &first, &count));
	bench_answer(&b, AETH_ACK_UNLIMITED, 4);
	assert_true(rc_reap(&b.qp, &run, &first, &count));
	assert_int_equal(first, 3);
	assert_int_equal(count, 2);
	assert_int_equal(rc_in_flight(&b.qp), 0);
	assert_int_equal(rc_deadline(&b.qp).ns, UINT64_MAX);
}

static void
ack__of_part_of_a_message_reaps_nothing(void **state)
{
	struct bench b;

	bench_init(&b);
	bench_post(&b, 2 * PMTU, 2, 1);
	bench_emit(&b);
	bench_answer(&b, AETH_ACK_UNLIMITED, 0);
	assert_int_equal(bench_reaped(&b), 0);
	bench_answer(&b, AETH_ACK_UNLIMITED, 2);
	assert_int_equal(bench_reaped(&b), 1);
	bench_answer(&b, AETH_ACK_UNLIMITED, 3);
	assert_int_equal(bench_reaped(&b), 1);
}

static void
ack__old_or_never_sent_changes_nothing(void **state)
{
	struct bench b;

	bench_init(&b);
	bench_answer(&b, AETH_ACK_UNLIMITED, 0); /* nothing sent at all */
	bench_post(&b, 10, 3, 1);
	bench_emit(&b);
	bench_answer(&b, AETH_ACK_UNLIMITED, 1);
	bench_answer(&b, AETH_ACK_UNLIMITED, 1);
	bench_answer(&b, AETH_ACK_UNLIMITED, 0);
	bench_answer(&b, AETH_ACK_UNLIMITED, 3);
	bench_answer(&b, AETH_NAK_INVALID, 9);
	assert_int_equal(b.qp.counters.rx_acks, 1);
	assert_int_equal(b.qp.counters.rx_acks_stale, 5);
	assert_int_equal(rc_error(&b.qp), 0);
	assert_int_equal(bench_reaped(&b), 2);
}

static void
nak__goes_back_once(void **state)
{
	struct bench b;
	uint32_t i;

	bench_init(&b);
	bench_post(&b, 10, 6, 1);
	bench_emit(&b);
	bench_answer(&b, AETH_NAK_SEQ, 2);
	assert_int_equal(bench_reaped(&b), 2); /* it acknowledges what is before */
	assert_int_equal(bench_emit(&b), 4);
	for (i = 0; i < 4; i++) {
		assert_int_equal(bench_sent(&b, i), 2 + i);
		assert_true(b.out[i].chunk.again);
		assert_int_equal(b.out[i].chunk.index, 2 + i);
	}
	bench_answer(&b, AETH_NAK_SEQ, 2);
	assert_int_equal(bench_emit(&b), 0);
	bench_answer(&b, AETH_NAK_SEQ, 3); /* a later gap is another matter */
	assert_int_equal(bench_emit(&b), 3);
	assert_int_equal(b.qp.counters.tx_repeats, 7);
}

static void
nak__after_timeout_is_taken_again(void **state)
{
	struct bench b;

	bench_init(&b);
	bench_post(&b, 10, 3, 1);
	bench_emit(&b);
	bench_answer(&b, AETH_NAK_SEQ, 0);
	bench_emit(&b);
	bench_wait(&b, SAN_DURATION_MS(11));
	assert_int_equal(bench_emit(&b), 1);
	bench_answer(&b, AETH_NAK_SEQ, 0);
	assert_int_equal(
	    bench_emit(&b), 1); /* still one at a time: nothing has been acknowledged */
}

static void
ack__beyond_the_rewound_pointer_skips_ahead(void **state)
{
	struct bench b;

	bench_init(&b);
	bench_post(&b, 10, 6, 1);
	bench_emit(&b);
	bench_answer(&b, AETH_NAK_SEQ, 1);
	bench_answer(&b, AETH_ACK_UNLIMITED, 3); /* the peer had kept 2 and 3, and got 1 late */
	assert_int_equal(bench_emit(&b), 2);
	assert_int_equal(bench_sent(&b, 0), 4);
	assert_int_equal(bench_reaped(&b), 4);
}

static void
rnr__waits_then_repeats(void **state)
{
	struct bench b;

	bench_init(&b);
	bench_post(&b, 10, 3, 1);
	bench_emit(&b);
	bench_answer(&b, AETH_RNR | 12, 1); /* 0.64 ms */
	assert_int_equal(bench_reaped(&b), 1);
	assert_int_equal(rc_deadline(&b.qp).ns, b.now.ns + 640000);
	assert_int_equal(bench_emit(&b), 0);
	bench_answer(&b, AETH_NAK_SEQ, 1); /* what Linux sends for the packets behind */
	assert_int_equal(bench_emit(&b), 0);
	bench_wait(&b, SAN_DURATION_US(639));
	assert_int_equal(bench_emit(&b), 0);
	bench_wait(&b, SAN_DURATION_US(1));
	assert_int_equal(bench_emit(&b), 2);
	assert_int_equal(bench_sent(&b, 0), 1);
}

static void
rnr__gives_up_after_its_retries(void **state)
{
	struct bench b;
	int i;

	bench_init(&b);
	bench_post(&b, 10, 1, 1);
	for (i = 0; i < 2; i++) {
		bench_emit(&b);
		bench_answer(&b, AETH_RNR | 1, 0);
		assert_int_equal(rc_error(&b.qp), 0);
		bench_wait(&b, SAN_DURATION_US(10));
	}
	bench_emit(&b);
	bench_answer(&b, AETH_RNR | 1, 0);
	assert_int_equal(rc_error(&b.qp), SAN_ECONNRESET);
	assert_int_equal(b.qp.fatal, AETH_RNR | 1);
}

static void
rnr__seven_means_for_ever(void **state)
{
	struct rc_open o = bench_defaults();
	struct bench b;
	int i;

	o.params.rnr_retry = 7;
	o.params.give_up = SAN_DURATION_MS(500);
	bench_open(&b, &o);
	bench_post(&b, 10, 1, 1);
	for (i = 0; i < 300; i++) {
		assert_int_equal(bench_emit(&b), 1);
		bench_answer(&b, AETH_RNR | 18, 0); /* 5.12 ms: beyond give_up in all */
		bench_wait(&b, SAN_DURATION_US(5120));
	}
	assert_int_equal(rc_error(&b.qp), 0);
}

static void
nak__fatal_ends_it(void **state)
{
	static const uint8_t code[] = {AETH_NAK_INVALID, AETH_NAK_ACCESS, AETH_NAK_OPERATION};
	struct bench b;
	size_t i;

	for (i = 0; i < 3; i++) {
		bench_init(&b);
		bench_post(&b, 10, 2, 1);
		bench_emit(&b);
		bench_answer(&b, code[i], 1);
		assert_int_equal(rc_error(&b.qp), SAN_ECONNRESET);
		assert_int_equal(b.qp.fatal, code[i]);
		assert_int_equal(bench_emit(&b), 0);
		assert_int_equal(rc_deadline(&b.qp).ns, UINT64_MAX);
	}
}

static void
probe__is_an_empty_write(void **state)
{
	struct rc_run probe = {.kind = RC_PROBE, .count = 1};
	struct bench b;

	bench_init(&b);
	rc_post(&b.qp, &probe);
	assert_int_equal(bench_emit(&b), 1);
	assert_int_equal(b.out[0].tx.opcode, ROCE_RC_WRITE_ONLY);
	assert_int_equal(b.out[0].tx.ext.dma_len, 0);
	assert_true(b.out[0].tx.ackreq);
	bench_answer(&b, AETH_ACK_UNLIMITED, 0);
	assert_int_equal(bench_reaped(&b), 1);
}

static void
post__equal_messages_share_a_run(void **state)
{
	struct bench b;
	uint32_t i;

	bench_init(&b);
	for (i = 0; i < RC_RUNS_MAX; i++)
		assert_int_equal(bench_post(&b, 10 + i, 1, i), 0);
	assert_int_equal(bench_post(&b, 9, 1, i), SAN_EAGAIN);
	assert_int_equal(bench_post(&b, 10 + RC_RUNS_MAX - 1, 20, i), 0);
	assert_int_equal(bench_emit(&b), RC_RUNS_MAX + 20);
	for (i = 0; i < b.count; i++)
		assert_int_equal(b.out[i].chunk.run->tag + b.out[i].chunk.index, i);
	bench_answer(&b, AETH_ACK_UNLIMITED, 0);
	assert_int_equal(bench_post(&b, 9, 1, i), SAN_EAGAIN); /* acknowledged is not yet reaped */
	assert_int_equal(bench_reaped(&b), 1);
	assert_int_equal(bench_post(&b, 9, 1, i), 0);
}

static void
post__run_grows_behind_the_cursor(void **state)
{
	struct bench b;

	bench_init(&b);
	bench_post(&b, 10, 1, 1);
	bench_emit(&b);
	bench_post(&b, 10, 2, 2);
	assert_int_equal(bench_emit(&b), 2);
	assert_int_equal(b.out[1].chunk.index, 2);
	bench_post(&b, 11, 1, 4);
	assert_int_equal(bench_emit(&b), 1);
	assert_int_equal(b.out[0].chunk.index, 0);
	assert_int_equal(bench_sent(&b, 0), 3);
}

static void
tag__arrived_is_as_good_as_an_ack(void **state)
{
	struct rc_run probe = {.kind = RC_PROBE, .count = 1};
	struct bench b;

	bench_init(&b);
	bench_post(&b, 10, 2, 1);
	rc_post(&b.qp, &probe);
	bench_post(&b, 20, 2, 3);
	bench_emit(&b);
	assert_false(rc_tag_arrived(&b.qp, 0, b.now));
	assert_true(rc_tag_arrived(&b.qp, 1, b.now));
	assert_false(rc_tag_arrived(&b.qp, 1, b.now));
	assert_int_equal(bench_reaped(&b), 1);
	assert_true(rc_tag_arrived(&b.qp, 3, b.now)); /* past the probe */
	assert_int_equal(bench_reaped(&b), 3);
	assert_int_equal(rc_in_flight(&b.qp), 1);
	assert_int_equal(b.qp.counters.implied_acks, 4);
}

static void
tag__never_sent_is_no_news(void **state)
{
	struct rc_chunk chunk;
	struct roce_tx tx;
	struct bench b;

	bench_init(&b);
	bench_post(&b, 10, 2, 1);
	assert_false(rc_tag_arrived(&b.qp, 1, b.now));
	assert_int_equal(rc_emit(&b.qp, &tx, &chunk, b.now), RC_OUT_REQUEST);
	assert_false(rc_tag_arrived(&b.qp, 2, b.now));
	assert_true(rc_tag_arrived(&b.qp, 1, b.now));
}

static void
receive__unexpected_responses_are_counted(void **state)
{
	static const uint8_t opcode[] = {ROCE_RC_READ_RESP_FIRST, ROCE_RC_READ_RESP_MIDDLE,
	    ROCE_RC_READ_RESP_LAST, ROCE_RC_READ_RESP_ONLY, ROCE_RC_ATOMIC_ACK, ROCE_CNP,
	    ROCE_UD_SEND_ONLY};
	struct bench b;
	size_t i;

	bench_init(&b);
	for (i = 0; i < sizeof opcode; i++)
		bench_request(&b, opcode[i], 0, 0, true);
	assert_int_equal(b.qp.counters.rx_acks_stale, sizeof opcode - 2);
	assert_int_equal(b.qp.counters.rx_unexpected, 1);
	assert_int_equal(b.qp.counters.rx_cnps, 1);
	assert_int_equal(bench_emit(&b), 0);
	assert_int_equal(rc_error(&b.qp), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(init__refuses_nonsense),
	    cmocka_unit_test(emit__cuts_message_into_first_middle_last),
	    cmocka_unit_test(emit__exact_multiple_has_full_last),
	    cmocka_unit_test(emit__short_and_empty_messages_are_only),
	    cmocka_unit_test(emit__solicited_event_on_last_packet_only),
	    cmocka_unit_test(emit__stops_at_window),
	    cmocka_unit_test(emit__message_longer_than_window_moves_with_it),
	    cmocka_unit_test(ackreq__last_of_what_is_queued_and_every_16),
	    cmocka_unit_test(ack__is_cumulative),
	    cmocka_unit_test(ack__of_part_of_a_message_reaps_nothing),
	    cmocka_unit_test(ack__old_or_never_sent_changes_nothing),
	    cmocka_unit_test(nak__goes_back_once),
	    cmocka_unit_test(nak__after_timeout_is_taken_again),
	    cmocka_unit_test(ack__beyond_the_rewound_pointer_skips_ahead),
	    cmocka_unit_test(rnr__waits_then_repeats),
	    cmocka_unit_test(rnr__gives_up_after_its_retries),
	    cmocka_unit_test(rnr__seven_means_for_ever),
	    cmocka_unit_test(nak__fatal_ends_it),
	    cmocka_unit_test(probe__is_an_empty_write),
	    cmocka_unit_test(post__equal_messages_share_a_run),
	    cmocka_unit_test(post__run_grows_behind_the_cursor),
	    cmocka_unit_test(tag__arrived_is_as_good_as_an_ack),
	    cmocka_unit_test(tag__never_sent_is_no_news),
	    cmocka_unit_test(receive__unexpected_responses_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
