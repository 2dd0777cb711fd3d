/* SPDX-License-Identifier: BSD-3-Clause */
/* End-to-end credits: what we tell of our buffers, and how we obey what the peer tells. */
#include "fixture.h"

static void
open_credit(struct bench *b, uint32_t recv_limit)
{
	struct rc_open o = bench_defaults();

	o.flow_control = true;
	o.recv_limit = recv_limit;
	o.initiator_depth = 4;
	bench_open(b, &o);
}

static int
post(struct bench *b, uint8_t kind, uint32_t len, uint16_t count)
{
	struct rc_run m = {.kind = kind, .len = len, .count = count};

	return rc_post(&b->qp, &m);
}

static void
ack(struct bench *b, uint32_t ahead, uint8_t code, uint32_t msn)
{
	bench_packet(b, (struct roce_pkt){.opcode = ROCE_RC_ACK,
			    .psn = SQ_PSN + ahead,
			    .ext = {.syndrome = code, .msn = msn}});
}

static void
tell__code_of_free_buffers_rounded_down(void **state)
{
	static const struct {
		uint32_t free;
		uint8_t code;
	} want[] = {{0, 0}, {1, 1}, {4, 4}, {5, 4}, {6, 5}, {7, 5}, {8, 6}, {16, 8}, {23, 8},
	    {24, 9}, {1000, 19}, {1024, 20}, {24576, 29}, {32767, 29}, {32768, 30}, {1 << 20, 30}};
	struct bench b;

	for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
		open_credit(&b, want[i].free + 1);
		bench_request(&b, ROCE_RC_SEND_ONLY, 0, 5, true);
		rc_ack_now(&b.qp);
		bench_expect_response(&b, want[i].code, 0, 1);
	}
}

/* A message half received has taken its buffer, but the count it is added to leaves it out. */
static void
tell__message_in_progress_counts_as_free(void **state)
{
	struct bench b;

	open_credit(&b, 3);
	bench_request(&b, ROCE_RC_SEND_FIRST, 0, PMTU, true);
	rc_ack_now(&b.qp);
	bench_expect_response(&b, 3, 0, 0);
	bench_request(&b, ROCE_RC_SEND_LAST, 1, 5, true);
	rc_ack_now(&b.qp);
	bench_expect_response(&b, 2, 1, 1);
}

static void
tell__news_after_none(void **state)
{
	struct bench b;

	open_credit(&b, 1);
	bench_request(&b, ROCE_RC_SEND_ONLY, 0, 5, true);
	rc_ack_now(&b.qp);
	bench_expect_response(&b, 0, 0, 1);
	rc_recv_limit(&b.qp, 5);
	bench_expect_response(&b, 4, 0, 1);
	rc_recv_limit(&b.qp, 9);
	assert_int_equal(bench_emit(&b), 0); /* it does not wait any more */
}

static void
tell__nothing_unless_agreed(void **state)
{
	struct bench b;

	bench_init(&b);
	bench_request(&b, ROCE_RC_SEND_ONLY, 0, 5, true);
	rc_ack_now(&b.qp);
	bench_expect_response(&b, AETH_ACK_UNLIMITED, 0, 1);
}

/* Before the peer said anything, and at its limit, one message goes to find out. */
static void
obey__one_message_beyond_the_limit(void **state)
{
	struct bench b;

	open_credit(&b, 10);
	post(&b, RC_SEND, 5, 10);
	assert_int_equal(bench_emit(&b), 1);
	assert_true(b.out[0].tx.ackreq);
	ack(&b, 0, 3, 1); /* up to message 4 */
	assert_int_equal(bench_emit(&b), 4);
	assert_int_equal(bench_sent(&b, 3), 4);
	assert_true(b.out[2].tx.ackreq);
	assert_true(b.out[3].tx.ackreq);
	ack(&b, 4, 0, 5);
	assert_int_equal(bench_emit(&b), 1);
	ack(&b, 4, 2, 5); /* an old PSN, but news of buffers */
	assert_int_equal(bench_emit(&b), 2);
	ack(&b, 6, 0, 2); /* an old count takes nothing back */
	ack(&b, 7, AETH_ACK_UNLIMITED, 8);
	assert_int_equal(bench_emit(&b), 2);
	ack(&b, 9, 0, 10);
	post(&b, RC_SEND, 5, 30);
	assert_int_equal(bench_emit(&b), 30); /* unlimited once is for ever */
}

/* Of a long message the first packet goes ahead; the rest when that has found a buffer. */
static void
obey__first_packet_finds_the_buffer(void **state)
{
	struct bench b;

	open_credit(&b, 10);
	post(&b, RC_SEND, 5 * PMTU, 2);
	assert_int_equal(bench_emit(&b), 1);
	assert_true(b.out[0].tx.ackreq);
	bench_answer(&b, AETH_RNR | 12, 0);
	bench_wait(&b, SAN_DURATION_US(640));
	assert_int_equal(bench_emit(&b), 1);
	ack(&b, 0, 0, 0);
	assert_int_equal(bench_emit(&b), 4);
	assert_int_equal(bench_sent(&b, 3), 4);
	ack(&b, 4, 0, 1);
	assert_int_equal(bench_emit(&b), 1);
}

/* READ, WRITE and atomics take no buffer but do count as messages. */
static void
obey__only_what_takes_a_buffer_waits(void **state)
{
	struct bench b;

	open_credit(&b, 10);
	post(&b, RC_WRITE, 5, 3);
	post(&b, RC_READ, 5, 1);
	post(&b, RC_FETCH_ADD, 8, 1);
	post(&b, RC_PROBE, 0, 1);
	post(&b, RC_WRITE_IMM, 5, 1); /* message 7 */
	assert_int_equal(bench_emit(&b), 6);
	ack(&b, 1, 2, 2);
	assert_int_equal(bench_emit(&b), 0);
	ack(&b, 2, 3, 3);
	assert_int_equal(bench_emit(&b), 1);
	assert_int_equal(b.out[0].tx.opcode, ROCE_RC_WRITE_ONLY_IMM);
	post(&b, RC_SEND, 5, 1);
	assert_int_equal(bench_emit(&b), 0);
	bench_packet(&b, (struct roce_pkt){.opcode = ROCE_RC_READ_RESP_ONLY,
			     .psn = SQ_PSN + 3,
			     .payload_len = 5,
			     .ext = {.syndrome = 3, .msn = 4}});
	assert_true(b.in.response);
	assert_int_equal(bench_emit(&b), 1);
}

/* Repeats are counted where they stand, not where they end. */
static void
obey__after_going_back(void **state)
{
	struct bench b;

	open_credit(&b, 10);
	post(&b, RC_SEND, 5, 1);
	post(&b, RC_SEND, 6, 8);
	bench_emit(&b);
	ack(&b, 0, 4, 1);
	assert_int_equal(bench_emit(&b), 5);
	bench_answer(&b, AETH_NAK_SEQ, 2);
	assert_int_equal(bench_reaped(&b), 2);
	assert_int_equal(bench_emit(&b), 4);
	assert_int_equal(bench_sent(&b, 3), 5);
}

/* A peer whose count of messages lags behind what it acknowledges: with nothing on its way, no news
 * would ever come. */
static void
obey__no_waiting_for_nothing(void **state)
{
	struct bench b;

	open_credit(&b, 10);
	post(&b, RC_SEND, 5, 3);
	assert_int_equal(bench_emit(&b), 1);
	ack(&b, 0, 0, 0);
	assert_int_equal(bench_emit(&b), 1);
	ack(&b, 1, 0, 0);
	assert_int_equal(bench_emit(&b), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(tell__code_of_free_buffers_rounded_down),
	    cmocka_unit_test(tell__message_in_progress_counts_as_free),
	    cmocka_unit_test(tell__news_after_none),
	    cmocka_unit_test(tell__nothing_unless_agreed),
	    cmocka_unit_test(obey__one_message_beyond_the_limit),
	    cmocka_unit_test(obey__first_packet_finds_the_buffer),
	    cmocka_unit_test(obey__only_what_takes_a_buffer_waits),
	    cmocka_unit_test(obey__after_going_back),
	    cmocka_unit_test(obey__no_waiting_for_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
