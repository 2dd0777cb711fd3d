/* SPDX-License-Identifier: BSD-3-Clause */
#include "fixture.h"

/* Time until the timer runs out. */
static uint64_t
rto_us(const struct bench *b)
{
	return (rc_deadline(&b->qp).ns - b->now.ns) / 1000;
}

static void
exchange(struct bench *b, uint32_t n, uint64_t rtt_us)
{
	bench_post(b, 10, 1, n);
	bench_emit(b);
	bench_wait(b, SAN_DURATION_US(rtt_us));
	bench_answer(b, AETH_ACK_UNLIMITED, n);
	bench_reaped(b);
}

static void
rto__initial_before_any_sample(void **state)
{
	struct bench b;

	bench_init(&b);
	assert_int_equal(rc_deadline(&b.qp).ns, UINT64_MAX);
	bench_post(&b, 10, 1, 1);
	assert_int_equal(rc_deadline(&b.qp).ns, UINT64_MAX); /* starts when something is sent */
	bench_emit(&b);
	assert_int_equal(rto_us(&b), 10000);
}

static void
rto__follows_the_round_trip(void **state)
{
	struct bench b;
	uint32_t i;

	bench_init(&b);
	exchange(&b, 0, 2000);
	bench_post(&b, 10, 1, 1);
	bench_emit(&b);
	assert_int_equal(rto_us(&b), 2000 + 4 * 1000); /* RFC 6298: first sample R, variation R/2 */
	bench_answer(&b, AETH_ACK_UNLIMITED, 1);
	bench_reaped(&b);
	for (i = 2; i < 60; i++)
		exchange(&b, i, 2000);
	bench_post(&b, 10, 1, i);
	bench_emit(&b);
	assert_in_range(rto_us(&b), 2000, 2100);
}

static void
rto__has_a_floor(void **state)
{
	struct bench b;
	uint32_t i;

	bench_init(&b);
	for (i = 0; i < 20; i++)
		exchange(&b, i, 5);
	bench_post(&b, 10, 1, i);
	bench_emit(&b);
	assert_int_equal(rto_us(&b), 1000);
}

static void
rto__repeats_are_not_measured(void **state)
{
	struct bench b;

	bench_init(&b);
	bench_post(&b, 10, 1, 1);
	bench_emit(&b);
	bench_wait(&b, SAN_DURATION_MS(10));
	assert_int_equal(bench_emit(&b), 1);
	bench_wait(&b, SAN_DURATION_US(1));
	bench_answer(&b, AETH_ACK_UNLIMITED, 0); /* of which copy? */
	assert_int_equal(b.qp.srtt.ns, 0);
}

static void
rto__doubles_up_to_the_cap(void **state)
{
	static const uint64_t ms[] = {10, 20, 40, 50, 50};
	struct rc_open o = bench_defaults();
	struct bench b;
	size_t i;

	o.params.give_up = SAN_DURATION_S(10);
	bench_open(&b, &o);
	bench_post(&b, 10, 1, 1);
	for (i = 0; i < 5; i++) {
		assert_int_equal(bench_emit(&b), 1);
		assert_int_equal(rto_us(&b), ms[i] * 1000);
		bench_wait(&b, SAN_DURATION_MS(ms[i]));
	}
	bench_emit(&b);
	bench_answer(&b, AETH_ACK_UNLIMITED, 0);
	bench_reaped(&b);
	bench_post(&b, 10, 1, 2);
	bench_emit(&b);
	assert_int_equal(rto_us(&b), 10000); /* an answer ends the back-off */
}

static void
rto__probes_with_one_packet(void **state)
{
	struct bench b;

	bench_init(&b);
	bench_post(&b, 10, 20, 1);
	bench_emit(&b);
	bench_wait(&b, SAN_DURATION_MS(10));
	assert_int_equal(bench_emit(&b), 1);
	assert_int_equal(bench_sent(&b, 0), 0);
	assert_true(b.out[0].tx.ackreq);
	bench_answer(
	    &b, AETH_ACK_UNLIMITED, 0); /* it had got lost; what followed has to be repeated */
	assert_int_equal(bench_emit(&b), 19);
}

static void
rto__lost_ack_costs_one_packet(void **state)
{
	struct bench b;

	bench_init(&b);
	bench_post(&b, 10, 20, 1);
	bench_emit(&b);
	bench_wait(&b, SAN_DURATION_MS(10));
	assert_int_equal(bench_emit(&b), 1);
	bench_answer(&b, AETH_ACK_UNLIMITED, 19); /* the peer had everything */
	assert_int_equal(bench_emit(&b), 0);
	assert_int_equal(bench_reaped(&b), 20);
}

static void
rto__restarts_with_every_ack(void **state)
{
	struct bench b;
	uint32_t i;

	bench_init(&b);
	bench_post(&b, 10, 10, 1);
	bench_emit(&b);
	b.qp.timing = false; /* keep the initial value */
	for (i = 0; i < 9; i++) {
		bench_wait(&b, SAN_DURATION_MS(9));
		bench_answer(&b, AETH_ACK_UNLIMITED, i);
		assert_int_equal(rto_us(&b), 10000);
	}
	assert_int_equal(b.qp.counters.timeouts, 0);
}

static void
give_up__after_retry_count(void **state)
{
	struct bench b;
	uint32_t i;

	bench_init(&b);
	bench_post(&b, 10, 1, 1);
	for (i = 0; i <= 3; i++) {
		assert_int_equal(rc_error(&b.qp), 0);
		assert_int_equal(bench_emit(&b), 1);
		bench_wait(&b, SAN_DURATION_MS(50));
	}
	assert_int_equal(rc_error(&b.qp), SAN_ETIMEDOUT);
	assert_int_equal(bench_emit(&b), 0);
	assert_int_equal(b.qp.counters.tx_repeats, 3);
}

static void
give_up__after_a_time_whatever_the_count(void **state)
{
	struct rc_open o = bench_defaults();
	struct bench b;
	uint32_t sent = 0;

	o.params.retry_count = 0;
	o.params.give_up = SAN_DURATION_MS(1000);
	bench_open(&b, &o);
	bench_wait(&b, SAN_DURATION_S(100)); /* idle time does not count */
	bench_post(&b, 10, 1, 1);
	while (rc_error(&b.qp) == 0) {
		sent += bench_emit(&b);
		bench_wait(&b, SAN_DURATION_MS(50));
	}
	assert_int_equal(rc_error(&b.qp), SAN_ETIMEDOUT);
	assert_in_range(sent, 18, 21);
}

/* Acknowledged by the peer's own message: the real ACK that follows still gives a sample. */
static void
rto__measures_behind_an_implied_ack(void **state)
{
	struct bench b;

	bench_init(&b);
	bench_post(&b, 10, 1, 1);
	bench_emit(&b);
	bench_wait(&b, SAN_DURATION_US(100));
	assert_true(rc_tag_arrived(&b.qp, 1, b.now));
	bench_wait(&b, SAN_DURATION_US(100));
	bench_answer(&b, AETH_ACK_UNLIMITED, 0);
	assert_int_equal(b.qp.srtt.ns, 200000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(rto__initial_before_any_sample),
	    cmocka_unit_test(rto__follows_the_round_trip),
	    cmocka_unit_test(rto__has_a_floor),
	    cmocka_unit_test(rto__repeats_are_not_measured),
	    cmocka_unit_test(rto__doubles_up_to_the_cap),
	    cmocka_unit_test(rto__probes_with_one_packet),
	    cmocka_unit_test(rto__lost_ack_costs_one_packet),
	    cmocka_unit_test(rto__restarts_with_every_ack),
	    cmocka_unit_test(give_up__after_retry_count),
	    cmocka_unit_test(give_up__after_a_time_whatever_the_count),
	    cmocka_unit_test(rto__measures_behind_an_implied_ack),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
