/* SPDX-License-Identifier: BSD-3-Clause */
#include "fixture.h"

/* Time until the timer runs out. */
static uint64_t
rto_us(const struct bench *b)
{
	return (rc_deadline(&b->qp).ns - b->now.ns) / 1000;
}

/* Time until the timer runs out for good, once the tail has been asked for. */
static uint64_t
rto_behind_tail_us(struct bench *b)
{
	uint32_t tails = b->qp.counters.tail_probes;

	bench_wait(b, SAN_DURATION_US(rto_us(b)));
	assert_int_equal(b->qp.counters.tail_probes, tails + 1);
	assert_int_equal(bench_emit(b), 1);
	return rto_us(b);
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
	/* RFC 6298: first sample R, variation R/2 */
	assert_int_equal(rto_behind_tail_us(&b), 2000 + 4 * 1000);
	bench_answer(&b, AETH_ACK_UNLIMITED, 1);
	bench_reaped(&b);
	for (i = 2; i < 60; i++)
		exchange(&b, i, 2000);
	bench_post(&b, 10, 1, i);
	bench_emit(&b);
	assert_int_equal(b.qp.rto.us, rto_us(&b)); /* sooner than a question for the tail */
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
	assert_int_equal(rto_behind_tail_us(&b), 1000);
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
	assert_int_equal(b.qp.srtt, 0);
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
	/* It had got lost; what followed has to be repeated, twice as much with every answer. */
	bench_answer(&b, AETH_ACK_UNLIMITED, 0);
	assert_int_equal(bench_emit(&b), 2);
	bench_answer(&b, AETH_ACK_UNLIMITED, 2);
	assert_int_equal(bench_emit(&b), 4);
	bench_answer(&b, AETH_ACK_UNLIMITED, 6);
	assert_int_equal(bench_emit(&b), 8);
	assert_int_equal(bench_sent(&b, 0), 7);
}

/* The answers to the first copies come after all: nothing more is repeated. */
static void
rto__spurious_costs_one_packet(void **state)
{
	struct bench b;

	bench_init(&b);
	bench_post(&b, 10, 20, 1);
	bench_emit(&b);
	bench_wait(&b, SAN_DURATION_MS(10));
	assert_int_equal(bench_emit(&b), 1);
	bench_answer(&b, AETH_ACK_UNLIMITED, 9);
	assert_int_equal(bench_emit(&b), 0);
	bench_answer(&b, AETH_ACK_UNLIMITED, 19);
	assert_int_equal(bench_reaped(&b), 20);
	assert_int_equal(b.qp.counters.tx_repeats, 1);
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

/* Two round trips of silence, and the time an ACK may take: the last packet, once. */
static void
tail__is_asked_for(void **state)
{
	struct bench b;

	bench_init(&b);
	exchange(&b, 0, 100);
	bench_post(&b, 10, 5, 1);
	assert_int_equal(bench_emit(&b), 5);
	assert_int_equal(rto_us(&b), 2 * 100 + 20);
	bench_wait(&b, SAN_DURATION_US(220));
	assert_int_equal(bench_emit(&b), 1);
	assert_int_equal(bench_sent(&b, 0), 5);
	assert_true(b.out[0].chunk.again && b.out[0].tx.ackreq);
	bench_wait(&b, SAN_DURATION_US(220));
	assert_int_equal(bench_emit(&b), 0);
	assert_int_equal(b.qp.retries, 0);
	bench_answer(&b, AETH_NAK_SEQ, 3); /* two of them were lost */
	assert_int_equal(bench_emit(&b), 3);
	bench_answer(&b, AETH_ACK_UNLIMITED, 5);
	assert_int_equal(bench_reaped(&b), 5);
	assert_int_equal(b.qp.counters.timeouts, 0);
}

/* Any news is reason to ask again; silence is a matter for the timer. */
static void
tail__once_per_silence(void **state)
{
	struct bench b;
	uint32_t i;

	bench_init(&b);
	exchange(&b, 0, 100);
	bench_post(&b, 10, 8, 1);
	bench_emit(&b);
	for (i = 1; i < 4; i++) {
		bench_wait(&b, SAN_DURATION_US(rto_us(&b)));
		assert_int_equal(b.qp.counters.tail_probes, i);
		assert_int_equal(bench_emit(&b), 1);
		bench_answer(&b, AETH_ACK_UNLIMITED, i);
	}
	bench_wait(&b, SAN_DURATION_US(rto_us(&b)));
	bench_emit(&b);
	for (i = 0; i < 3; i++) {
		assert_int_equal(b.qp.counters.timeouts, i);
		bench_wait(&b, SAN_DURATION_MS(50));
		assert_int_equal(bench_emit(&b), 1);
		assert_int_equal(bench_sent(&b, 0), 4); /* the first one now */
	}
	assert_int_equal(b.qp.counters.tail_probes, 4);
}

/* It would be longer than the patience for everything: not asked. */
static void
tail__not_behind_the_timer(void **state)
{
	struct bench b;
	uint32_t i;

	bench_init(&b);
	for (i = 0; i < 60; i++)
		exchange(&b, i, 2000);
	bench_post(&b, 10, 2, 1);
	bench_emit(&b);
	bench_wait(&b, SAN_DURATION_US(rto_us(&b)));
	assert_int_equal(b.qp.counters.tail_probes, 0);
	assert_int_equal(b.qp.counters.timeouts, 1);
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
	assert_int_equal(b.qp.srtt, 200000);
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
	    cmocka_unit_test(rto__spurious_costs_one_packet),
	    cmocka_unit_test(rto__lost_ack_costs_one_packet),
	    cmocka_unit_test(rto__restarts_with_every_ack),
	    cmocka_unit_test(tail__is_asked_for),
	    cmocka_unit_test(tail__once_per_silence),
	    cmocka_unit_test(tail__not_behind_the_timer),
	    cmocka_unit_test(give_up__after_retry_count),
	    cmocka_unit_test(give_up__after_a_time_whatever_the_count),
	    cmocka_unit_test(rto__measures_behind_an_implied_ack),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
