/* SPDX-License-Identifier: BSD-3-Clause */
#include "fixture.h"

static void
ack__never_leaves_while_receiving(void **state)
{
	struct bench b;

	bench_init(&b);
	bench_request(&b, ROCE_RC_SEND_ONLY, 0, 5, true);
	assert_false(rc_has_work(&b.qp, b.now));
	assert_int_equal(rc_deadline(&b.qp).ns, b.now.ns + 20000);
}

static void
ack__waits_for_company_then_covers_all(void **state)
{
	struct bench b;
	uint32_t i;

	bench_init(&b);
	for (i = 0; i < 3; i++)
		bench_request(&b, ROCE_RC_SEND_ONLY, i, 5, true);
	assert_int_equal(bench_emit(&b), 0);
	bench_wait(&b, SAN_DURATION_US(19));
	assert_int_equal(bench_emit(&b), 0);
	bench_wait(&b, SAN_DURATION_US(1));
	bench_expect_response(&b, AETH_ACK_UNLIMITED, 2, 3);
	assert_int_equal(rc_deadline(&b.qp).ns, UINT64_MAX);
}

/* An emission at the right time needs no expiry call before it. */
static void
ack__due_time_is_seen_by_emission(void **state)
{
	struct bench b;

	bench_init(&b);
	bench_request(&b, ROCE_RC_SEND_ONLY, 0, 5, false);
	b.now = san_time_add(b.now, SAN_DURATION_US(20));
	assert_true(rc_has_work(&b.qp, b.now));
	bench_expect_response(&b, AETH_ACK_UNLIMITED, 0, 1);
}

static void
ack__at_once_after_16_packets(void **state)
{
	struct bench b;
	uint32_t i;

	bench_init(&b);
	for (i = 0; i < RC_ACK_PACKETS - 1; i++)
		bench_request(&b, ROCE_RC_SEND_ONLY, i, 5, false);
	assert_false(rc_has_work(&b.qp, b.now));
	for (; i < 40; i++)
		bench_request(&b, ROCE_RC_SEND_ONLY, i, 5, false);
	bench_expect_response(&b, AETH_ACK_UNLIMITED, 39, 40); /* one for the whole burst */
}

static void
ack__at_once_if_asked_after_8_kib(void **state)
{
	struct bench b;
	uint32_t i;

	bench_init(&b);
	b.qp.pmtu = b.qp.recv_size = 4096;
	for (i = 0; i < 3; i++)
		bench_packet(&b, (struct roce_pkt){.opcode = ROCE_RC_SEND_ONLY,
				     .psn = RQ_PSN + i,
				     .payload_len = 4096,
				     .ackreq = false});
	assert_false(rc_has_work(&b.qp, b.now));
	bench_request(&b, ROCE_RC_SEND_ONLY, 3, 1, true);
	bench_expect_response(&b, AETH_ACK_UNLIMITED, 3, 4);
}

/* The end of a window, which may be a single packet. */
static void
ack__at_once_if_a_full_packet_asks(void **state)
{
	struct bench b;

	bench_init(&b);
	bench_request(&b, ROCE_RC_SEND_ONLY, 0, PMTU, false);
	assert_false(rc_has_work(&b.qp, b.now));
	bench_request(&b, ROCE_RC_SEND_ONLY, 1, PMTU - 1, true);
	assert_false(rc_has_work(&b.qp, b.now));
	bench_request(&b, ROCE_RC_SEND_ONLY, 2, PMTU, true);
	bench_expect_response(&b, AETH_ACK_UNLIMITED, 2, 3);
}

static void
ack__at_once_without_delay_configured(void **state)
{
	struct rc_open o = bench_defaults();
	struct bench b;

	o.params.ack_delay.ns = 0;
	bench_open(&b, &o);
	bench_request(&b, ROCE_RC_SEND_ONLY, 0, 5, false);
	bench_expect_response(&b, AETH_ACK_UNLIMITED, 0, 1);
}

static void
ack__count_starts_again_after_any_answer(void **state)
{
	struct bench b;
	uint32_t i;

	bench_init(&b);
	for (i = 0; i < 10; i++)
		bench_request(&b, ROCE_RC_SEND_ONLY, i, 5, false);
	bench_request(&b, ROCE_RC_SEND_ONLY, 11, 5, false);
	bench_expect_response(&b, AETH_NAK_SEQ, 10, 10);
	for (; i < 20; i++)
		bench_request(&b, ROCE_RC_SEND_ONLY, i, 5, false);
	assert_false(rc_has_work(&b.qp, b.now));
}

/* Answers go first: a sender with much to say must not starve its peer's. */
static void
ack__precedes_requests(void **state)
{
	struct bench b;

	bench_init(&b);
	bench_post(&b, 10, 3, 1);
	bench_request(&b, ROCE_RC_SEND_ONLY, 0, 5, true);
	rc_ack_now(&b.qp);
	assert_int_equal(bench_emit(&b), 4);
	assert_int_equal(b.out[0].kind, RC_OUT_RESPONSE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(ack__never_leaves_while_receiving),
	    cmocka_unit_test(ack__waits_for_company_then_covers_all),
	    cmocka_unit_test(ack__due_time_is_seen_by_emission),
	    cmocka_unit_test(ack__at_once_after_16_packets),
	    cmocka_unit_test(ack__at_once_if_asked_after_8_kib),
	    cmocka_unit_test(ack__at_once_if_a_full_packet_asks),
	    cmocka_unit_test(ack__at_once_without_delay_configured),
	    cmocka_unit_test(ack__count_starts_again_after_any_answer),
	    cmocka_unit_test(ack__precedes_requests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
