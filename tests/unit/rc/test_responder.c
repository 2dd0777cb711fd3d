/* SPDX-License-Identifier: BSD-3-Clause */
#include "fixture.h"

static void
send__train_is_delivered_in_order(void **state)
{
	struct bench b;

	bench_init(&b);
	bench_request(&b, ROCE_RC_SEND_FIRST, 0, PMTU, false);
	assert_true(b.in.delivered && b.in.first && !b.in.last);
	assert_int_equal(b.in.len, PMTU);
	bench_request(&b, ROCE_RC_SEND_MIDDLE, 1, PMTU, false);
	assert_true(b.in.delivered && !b.in.first && !b.in.last);
	bench_request(&b, ROCE_RC_SEND_LAST, 2, 1, true);
	assert_true(b.in.delivered && !b.in.first && b.in.last && !b.in.imm);
	bench_request(&b, ROCE_RC_SEND_ONLY_IMM, 3, 7, true);
	assert_true(b.in.delivered && b.in.first && b.in.last && b.in.imm);
	rc_ack_now(&b.qp);
	bench_expect_response(&b, AETH_ACK_UNLIMITED, 3, 2); /* two messages complete */
}

static void
duplicate__is_acknowledged_and_not_delivered(void **state)
{
	struct bench b;

	bench_init(&b);
	bench_request(&b, ROCE_RC_SEND_ONLY, 0, 5, true);
	bench_request(&b, ROCE_RC_SEND_ONLY, 1, 5, true);
	rc_ack_now(&b.qp);
	bench_emit(&b);
	bench_request(&b, ROCE_RC_SEND_ONLY, 0, 5, true);
	assert_false(b.in.delivered);
	bench_expect_response(&b, AETH_ACK_UNLIMITED, 1, 2);
	assert_int_equal(b.qp.counters.rx_duplicates, 1);
}

static void
gap__is_reported_once(void **state)
{
	struct bench b;

	bench_init(&b);
	bench_request(&b, ROCE_RC_SEND_ONLY, 0, 5, false);
	bench_request(&b, ROCE_RC_SEND_ONLY, 2, 5, false);
	assert_false(b.in.delivered);
	bench_expect_response(&b, AETH_NAK_SEQ, 1, 1);
	bench_request(&b, ROCE_RC_SEND_ONLY, 3, 5, true);
	bench_request(&b, ROCE_RC_SEND_ONLY, 4, 5, true);
	assert_int_equal(bench_emit(&b), 0);
	bench_request(&b, ROCE_RC_SEND_ONLY, 1, 5, false);
	assert_true(b.in.delivered);
	bench_request(&b, ROCE_RC_SEND_ONLY, 3, 5, false);
	bench_expect_response(&b, AETH_NAK_SEQ, 2, 2); /* the next gap is reported again */
}

static void
gap__filled_before_the_answer_left_is_no_gap(void **state)
{
	struct bench b;

	bench_init(&b);
	bench_request(&b, ROCE_RC_SEND_ONLY, 1, 5, false);
	bench_request(&b, ROCE_RC_SEND_ONLY, 0, 5, false);
	bench_request(&b, ROCE_RC_SEND_ONLY, 1, 5, true);
	rc_ack_now(&b.qp);
	bench_expect_response(&b, AETH_ACK_UNLIMITED, 1, 2);
	assert_int_equal(b.qp.counters.tx_naks, 0);
}

static void
rnr__when_no_buffer_is_posted(void **state)
{
	struct rc_open o = bench_defaults();
	struct bench b;

	o.recv_limit = 1;
	bench_open(&b, &o);
	bench_request(&b, ROCE_RC_SEND_FIRST, 0, PMTU, false);
	bench_request(&b, ROCE_RC_SEND_LAST, 1, 5, false); /* the same buffer */
	assert_true(b.in.delivered);
	bench_request(&b, ROCE_RC_SEND_ONLY, 2, 5, false);
	assert_false(b.in.delivered);
	bench_expect_response(&b, AETH_RNR | 12, 2, 1);
	bench_request(
	    &b, ROCE_RC_SEND_ONLY, 3, 5, false); /* in flight behind it: no sequence NAK */
	assert_int_equal(bench_emit(&b), 0);
	rc_recv_limit(&b.qp, 2);
	bench_request(&b, ROCE_RC_SEND_ONLY, 2, 5, false);
	assert_true(b.in.delivered);
	assert_int_equal(rc_error(&b.qp), 0);
}

static void
write__empty_is_accepted_and_uses_no_buffer(void **state)
{
	struct rc_open o = bench_defaults();
	struct bench b;

	o.recv_limit = 0;
	bench_open(&b, &o);
	bench_request(&b, ROCE_RC_WRITE_ONLY, 0, 0, true);
	assert_false(b.in.delivered);
	assert_true(b.in.valid);
	rc_ack_now(&b.qp);
	bench_expect_response(&b, AETH_ACK_UNLIMITED, 0, 1);
}

/* What ends the connection, and with which NAK. `before` opens a message first. */
static void
refuse__as_the_standard_says(void **state)
{
	static const struct {
		uint8_t opcode;
		bool before;
		uint16_t len;
		uint32_t dma_len;
		uint8_t nak;
	} bad[] = {
	    {ROCE_RC_SEND_MIDDLE, false, PMTU, 0, AETH_NAK_INVALID},
	    {ROCE_RC_SEND_LAST, false, 1, 0, AETH_NAK_INVALID},
	    {ROCE_RC_SEND_FIRST, true, PMTU, 0, AETH_NAK_INVALID},
	    {ROCE_RC_SEND_ONLY, true, 1, 0, AETH_NAK_INVALID},
	    {ROCE_RC_WRITE_ONLY, true, 0, 0, AETH_NAK_INVALID},
	    {ROCE_RC_SEND_FIRST, false, PMTU - 1, 0, AETH_NAK_INVALID},
	    {ROCE_RC_SEND_MIDDLE, true, PMTU - 1, 0, AETH_NAK_INVALID},
	    {ROCE_RC_SEND_LAST, true, 0, 0, AETH_NAK_INVALID},
	    {ROCE_RC_SEND_LAST, true, PMTU + 1, 0, AETH_NAK_INVALID},
	    {ROCE_RC_SEND_ONLY, false, PMTU + 1, 0, AETH_NAK_INVALID},
	    {ROCE_RC_WRITE_FIRST, false, PMTU, 1000, AETH_NAK_ACCESS},
	    {ROCE_RC_WRITE_ONLY, false, 1, 1, AETH_NAK_ACCESS},
	    {ROCE_RC_WRITE_ONLY, false, 0, 1, AETH_NAK_INVALID},
	    {ROCE_RC_WRITE_ONLY_IMM, false, 1, 1, AETH_NAK_ACCESS},
	    {ROCE_RC_WRITE_MIDDLE, false, PMTU, 0, AETH_NAK_INVALID},
	    {ROCE_RC_WRITE_LAST, false, 1, 0, AETH_NAK_INVALID},
	    {ROCE_RC_READ_REQ, false, 0, 10, AETH_NAK_INVALID},
	    {ROCE_RC_READ_REQ, false, 0, 0, AETH_NAK_INVALID},
	    {ROCE_RC_CMP_SWAP, false, 0, 0, AETH_NAK_INVALID},
	    {ROCE_RC_FETCH_ADD, false, 0, 0, AETH_NAK_INVALID},
	    {ROCE_RC_SEND_ONLY_INV, false, 1, 0, AETH_NAK_ACCESS},
	    {ROCE_RC_SEND_LAST_INV, true, 1, 0, AETH_NAK_ACCESS},
	};
	struct roce_pkt p;
	struct bench b;
	size_t i;

	for (i = 0; i < sizeof bad / sizeof *bad; i++) {
		bench_init(&b);
		if (bad[i].before) {
			bench_request(&b, ROCE_RC_SEND_FIRST, 0, PMTU, false);
			assert_true(b.in.delivered);
		}
		p = (struct roce_pkt){.opcode = bad[i].opcode,
		    .psn = RQ_PSN + bad[i].before,
		    .payload_len = bad[i].len,
		    .ext.dma_len = bad[i].dma_len};
		bench_packet(&b, p);
		assert_false(b.in.delivered);
		assert_int_equal(rc_error(&b.qp), SAN_EPROTO);
		bench_expect_response(&b, bad[i].nak, bad[i].before, 0);
		bench_request(&b, ROCE_RC_SEND_ONLY, 1, 1, true); /* the error state is silent */
		assert_int_equal(bench_emit(&b), 0);
	}
}

static void
refuse__message_longer_than_the_buffer(void **state)
{
	struct bench b;
	uint32_t i;

	bench_init(&b);
	for (i = 0; i < 4; i++)
		bench_request(
		    &b, i == 0 ? ROCE_RC_SEND_FIRST : ROCE_RC_SEND_MIDDLE, i, PMTU, false);
	assert_true(b.in.delivered);
	bench_request(&b, ROCE_RC_SEND_LAST, 4, 1, false);
	assert_false(b.in.delivered);
	bench_expect_response(&b, AETH_NAK_INVALID, 4, 0);
}

/* Out of order, none of it is looked at: only the sequence counts. */
static void
refuse__nothing_out_of_order(void **state)
{
	struct bench b;

	bench_init(&b);
	bench_request(&b, ROCE_RC_READ_REQ, 1, 0, false);
	bench_request(
	    &b, ROCE_RC_READ_REQ, 0x800000, 0, false); /* half the space away: a duplicate */
	assert_int_equal(rc_error(&b.qp), 0);
	assert_int_equal(b.qp.counters.rx_gaps, 1);
	assert_int_equal(b.qp.counters.rx_duplicates, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(send__train_is_delivered_in_order),
	    cmocka_unit_test(duplicate__is_acknowledged_and_not_delivered),
	    cmocka_unit_test(gap__is_reported_once),
	    cmocka_unit_test(gap__filled_before_the_answer_left_is_no_gap),
	    cmocka_unit_test(rnr__when_no_buffer_is_posted),
	    cmocka_unit_test(write__empty_is_accepted_and_uses_no_buffer),
	    cmocka_unit_test(refuse__as_the_standard_says),
	    cmocka_unit_test(refuse__message_longer_than_the_buffer),
	    cmocka_unit_test(refuse__nothing_out_of_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
