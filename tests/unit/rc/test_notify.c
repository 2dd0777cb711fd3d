/* SPDX-License-Identifier: BSD-3-Clause */
/* Congestion as queue pairs see it: marks told to the peer, what the peer tells, and packets that
 * wait for their turn. */
#include "fixture.h"

#define ECT0 2
#define CE   3

static void
init_with(struct bench *b, enum cc_algo algo, uint32_t features)
{
	struct rc_open o = bench_defaults();

	o.cc.algo = (uint8_t)algo;
	o.cc.line_rate_mbit = 10000;
	o.features = features;
	bench_open(b, &o);
}

static void
marked_request(struct bench *b, uint32_t ahead, uint8_t ecn)
{
	bench_packet(b, (struct roce_pkt){.opcode = ROCE_RC_SEND_ONLY,
			    .psn = RQ_PSN + ahead,
			    .payload_len = 5,
			    .tclass = (uint8_t)(8 << 2 | ecn)});
}

static void
cnp__answers_a_mark_at_once(void **state)
{
	struct bench b;

	bench_init(&b);
	marked_request(&b, 0, ECT0);
	assert_false(rc_has_work(&b.qp, b.now));
	marked_request(&b, 1, CE);
	assert_true(rc_has_work(&b.qp, b.now));
	assert_int_equal(bench_emit(&b), 1); /* the ACK may still wait */
	assert_int_equal(b.out[0].kind, RC_OUT_RESPONSE);
	assert_int_equal(b.out[0].tx.opcode, ROCE_CNP);
	assert_int_equal(b.out[0].tx.dest_qp, 0x22);
	assert_int_equal(b.out[0].tx.psn, 0);
	assert_int_equal(roce_tx_payload_len(&b.out[0].tx), 0);
	assert_int_equal(b.qp.counters.rx_ce, 1);
	assert_int_equal(b.qp.counters.tx_cnps, 1);
}

static void
cnp__one_in_50_us(void **state)
{
	struct bench b;
	uint32_t i, cnps = 0;

	bench_init(&b);
	for (i = 0; i < 100; i++) { /* 10 us apart: 1 ms */
		marked_request(&b, i, CE);
		while (bench_emit(&b) != 0)
			cnps += b.out[0].tx.opcode == ROCE_CNP;
		b.now = san_time_add(b.now, SAN_DURATION_US(10));
	}
	assert_int_equal(cnps, 20);
	assert_int_equal(b.qp.counters.rx_ce, 100);
	assert_int_equal(b.qp.counters.tx_cnps, 20);
}

static void
cnp__as_rarely_as_configured(void **state)
{
	struct rc_open o = bench_defaults();
	struct bench b;
	uint32_t i, cnps = 0;

	o.cc.cnp_interval = SAN_DURATION_US(300);
	bench_open(&b, &o);
	for (i = 0; i < 100; i++) {
		marked_request(&b, i, CE);
		while (bench_emit(&b) != 0)
			cnps += b.out[0].tx.opcode == ROCE_CNP;
		b.now = san_time_add(b.now, SAN_DURATION_US(10));
	}
	assert_int_equal(cnps, 4);
}

/* Congestion is met by packets that came again or too early just as well; not by ACKs. */
static void
cnp__for_duplicates_and_gaps_not_for_acks(void **state)
{
	struct bench b;

	bench_init(&b);
	marked_request(&b, 3, CE);
	assert_true(bench_emit(&b) == 2); /* with the NAK */
	assert_int_equal(b.out[0].tx.opcode, ROCE_CNP);
	bench_wait(&b, SAN_DURATION_US(50));
	marked_request(&b, 0, ECT0);
	bench_wait(&b, SAN_DURATION_US(50));
	bench_emit(&b);
	marked_request(&b, 0, CE);
	bench_emit(&b);
	assert_int_equal(b.out[0].tx.opcode, ROCE_CNP);
	bench_wait(&b, SAN_DURATION_US(50));
	bench_post(&b, 10, 1, 1);
	bench_emit(&b);
	bench_packet(&b, (struct roce_pkt){.opcode = ROCE_RC_ACK,
			     .psn = SQ_PSN,
			     .ext.syndrome = AETH_ACK_UNLIMITED,
			     .tclass = CE});
	assert_int_equal(bench_emit(&b), 0);
	assert_int_equal(b.qp.counters.rx_ce, 2);
}

static void
cnp__not_for_who_broke_the_rules(void **state)
{
	struct bench b;

	bench_init(&b);
	bench_packet(&b,
	    (struct roce_pkt){
		.opcode = ROCE_RC_SEND_MIDDLE, .psn = RQ_PSN, .payload_len = PMTU, .tclass = CE});
	bench_expect_response(&b, AETH_NAK_INVALID, 0, 0);
	assert_int_equal(b.qp.counters.tx_cnps, 0);
}

static void
echo__only_where_agreed_and_once(void **state)
{
	uint32_t agreed, i;
	struct bench b;

	for (agreed = 0; agreed < 2; agreed++) {
		init_with(&b, CC_NONE, agreed ? RC_FEATURE_ECN_ECHO : 0);
		marked_request(&b, 0, CE);
		rc_ack_now(&b.qp);
		assert_int_equal(bench_emit(&b), 2);
		assert_int_equal(b.out[1].tx.opcode, ROCE_RC_ACK);
		assert_int_equal(b.out[1].tx.becn, agreed);
		for (i = 1; i < 3; i++) {
			marked_request(&b, i, ECT0);
			rc_ack_now(&b.qp);
			assert_int_equal(bench_emit(&b), 1);
			assert_false(b.out[0].tx.becn);
		}
	}
}

/* BECN slows us down if it was agreed on; from others it means nothing we know. */
static void
echo__heeded_only_where_agreed(void **state)
{
	uint32_t agreed;
	struct bench b;

	for (agreed = 0; agreed < 2; agreed++) {
		init_with(&b, CC_WINDOW, agreed ? RC_FEATURE_ECN_ECHO : 0);
		bench_post(&b, 10, 16, 1);
		bench_emit(&b);
		bench_packet(&b, (struct roce_pkt){.opcode = ROCE_RC_ACK,
				     .psn = SQ_PSN + 7,
				     .ext.syndrome = AETH_ACK_UNLIMITED,
				     .becn = true});
		assert_int_equal(b.qp.counters.cc_slowed, agreed);
		assert_int_equal(rc_window(&b.qp) < 16, agreed);
	}
}

static void
cnp__slows_and_counts(void **state)
{
	struct bench b;

	init_with(&b, CC_WINDOW, 0);
	assert_int_equal(rc_window(&b.qp), 16);
	bench_packet(&b, (struct roce_pkt){.opcode = ROCE_CNP});
	assert_int_equal(rc_window(&b.qp), 8);
	assert_int_equal(b.qp.counters.rx_cnps, 1);
	assert_int_equal(b.qp.counters.cc_slowed, 1);
	assert_false(b.in.valid); /* proof of nothing: it has no PSN */
}

/* More may be posted than may leave: up to the bandwidth-delay cap. */
static void
window__bounds_what_leaves(void **state)
{
	struct bench b;
	uint32_t i;

	init_with(&b, CC_WINDOW, 0);
	assert_int_equal(bench_post(&b, PMTU, 65, 1), SAN_EAGAIN);
	assert_int_equal(bench_post(&b, PMTU, 60, 1), 0);
	assert_int_equal(bench_emit(&b), 16);
	for (i = 0; i < 16; i++)
		assert_int_equal(b.out[i].tx.ackreq, i % 4 == 3); /* four times per window */
	bench_answer(&b, AETH_ACK_UNLIMITED, 15);
	assert_int_equal(rc_window(&b.qp), 32);
	assert_int_equal(bench_emit(&b), 32);
	bench_answer(&b, AETH_ACK_UNLIMITED, 47);
	assert_int_equal(bench_emit(&b), 12);
	assert_true(b.out[11].tx.ackreq);
}

static void
window__shrinks_on_loss_and_timeout(void **state)
{
	struct bench b;

	init_with(&b, CC_WINDOW, 0);
	bench_post(&b, PMTU, 48, 1);
	bench_emit(&b);
	bench_wait(&b, SAN_DURATION_US(10));
	bench_answer(&b, AETH_ACK_UNLIMITED, 15);
	bench_emit(&b);
	bench_wait(&b, SAN_DURATION_US(15)); /* a queue */
	bench_answer(&b, AETH_ACK_UNLIMITED, 23);
	bench_answer(&b, AETH_NAK_SEQ, 24);
	assert_int_equal(rc_window(&b.qp), 28); /* 40 after 24 ACKs, less three tenths */
	bench_wait(&b, SAN_DURATION_MS(10));
	assert_int_equal(b.qp.counters.timeouts, 1);
	assert_int_equal(rc_window(&b.qp), 1); /* probing */
	assert_int_equal(b.qp.counters.cc_slowed, 2);
}

/* What waits for its pace is announced as a deadline, leaves then, and not before. */
static void
pace__deadline_is_when_the_next_may_leave(void **state)
{
	struct bench b;
	uint32_t sent, i;
	struct san_time first;

	init_with(&b, CC_DCQCN, 0);
	for (i = 0; i < 40; i++) {
		bench_packet(&b, (struct roce_pkt){.opcode = ROCE_CNP});
		b.now = san_time_add(b.now, SAN_DURATION_US(5));
	}
	bench_post(&b, PMTU, 60, 1);
	sent = bench_emit(&b);
	assert_in_range(sent, 1, 20);
	first = b.now;
	while (sent < 60) {
		struct san_time at = rc_deadline(&b.qp);

		assert_true(san_time_before(b.now, at));
		assert_false(rc_has_work(&b.qp, b.now));
		b.now = at;
		rc_deadline_expire(&b.qp, b.now);
		sent += bench_emit(&b);
	}
	/* 60 packets of 338 bytes on the wire take 16 us at line rate; this took longer. */
	assert_true(san_time_since(b.now, first).ns > 100000);
	assert_true(b.qp.counters.pauses > 0);
	assert_int_equal(b.qp.counters.timeouts, 0);
	bench_answer(&b, AETH_ACK_UNLIMITED, 59);
	assert_int_equal(bench_reaped(&b), 60);
	assert_int_equal(rc_deadline(&b.qp).ns, UINT64_MAX); /* nothing to send: no timer runs */
}

/* The rate rises with time also while nothing is sent and nobody looks; the deadline after that is
 * one to come. */
static void
pace__deadline_is_to_come_after_a_rest(void **state)
{
	struct bench b;
	uint32_t i;

	init_with(&b, CC_DCQCN, 0);
	for (i = 0; i < 1000; i++) {
		bench_packet(&b, (struct roce_pkt){.opcode = ROCE_CNP});
		b.now = san_time_add(b.now, SAN_DURATION_US(5));
	}
	cc_sent(&b.qp.cc, 10000, b.now);
	b.now = san_time_add(b.now, SAN_DURATION_US(300));
	bench_post(&b, PMTU, 1, 1);
	assert_int_equal(bench_emit(&b), 0);
	assert_true(san_time_before(b.now, rc_deadline(&b.qp)));
}

/* A packet that shall be sent again but has to wait is not overdue meanwhile. */
static void
pace__does_not_run_out_of_patience(void **state)
{
	struct rc_open o = bench_defaults();
	struct bench b;
	uint32_t i;

	o.cc = (struct cc_params){.algo = CC_DCQCN, .line_rate_mbit = 10000};
	o.params.rto_initial = o.params.rto_min = SAN_DURATION_US(20);
	bench_open(&b, &o);
	bench_post(&b, PMTU, 1, 1);
	bench_emit(&b);
	for (i = 0; i < 1000; i++) /* at 1 Mbit/s, a packet takes 2.7 ms */
		cc_cnp(&b.qp.cc, san_time_add(b.now, SAN_DURATION_US(4 * i)));
	bench_wait(&b, SAN_DURATION_US(4000));
	assert_int_equal(b.qp.counters.timeouts, 1);
	bench_emit(&b);
	bench_answer(&b, AETH_NAK_SEQ, 0);
	cc_sent(&b.qp.cc, 10000, b.now);
	for (i = 0; i < 100 && !rc_has_work(&b.qp, b.now); i++) {
		b.now = rc_deadline(&b.qp);
		rc_deadline_expire(&b.qp, b.now);
	}
	assert_int_equal(b.qp.counters.timeouts, 1);
	assert_int_equal(bench_emit(&b), 1);
	assert_int_equal(rc_deadline(&b.qp).ns, b.now.ns + 2 * 20000); /* backed off once */
}

/* ACKs are not data: they never wait. */
static void
pace__does_not_hold_acks(void **state)
{
	struct bench b;
	uint32_t i;

	init_with(&b, CC_DCQCN, 0);
	for (i = 0; i < 200; i++) {
		bench_packet(&b, (struct roce_pkt){.opcode = ROCE_CNP});
		b.now = san_time_add(b.now, SAN_DURATION_US(5));
	}
	bench_post(&b, PMTU, 60, 1);
	assert_true(bench_emit(&b) < 60);
	marked_request(&b, 0, ECT0);
	rc_ack_now(&b.qp);
	bench_expect_response(&b, AETH_ACK_UNLIMITED, 0, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(cnp__answers_a_mark_at_once),
	    cmocka_unit_test(cnp__one_in_50_us),
	    cmocka_unit_test(cnp__as_rarely_as_configured),
	    cmocka_unit_test(cnp__for_duplicates_and_gaps_not_for_acks),
	    cmocka_unit_test(cnp__not_for_who_broke_the_rules),
	    cmocka_unit_test(echo__only_where_agreed_and_once),
	    cmocka_unit_test(echo__heeded_only_where_agreed),
	    cmocka_unit_test(cnp__slows_and_counts),
	    cmocka_unit_test(window__bounds_what_leaves),
	    cmocka_unit_test(window__shrinks_on_loss_and_timeout),
	    cmocka_unit_test(pace__deadline_is_when_the_next_may_leave),
	    cmocka_unit_test(pace__deadline_is_to_come_after_a_rest),
	    cmocka_unit_test(pace__does_not_run_out_of_patience),
	    cmocka_unit_test(pace__does_not_hold_acks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
