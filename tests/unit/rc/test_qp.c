/* SPDX-License-Identifier: BSD-3-Clause */
/* A queue pair's life: which state follows which, what each allows, draining, stopping, failing and
 * what becomes of what was queued. */
#include "fixture.h"

#define DEPTH 2

struct row {
	const char *name;
	uint8_t state, event, next;
	bool legal;
};

enum { ILLEGAL, OK };

static const struct row rows[] = {
#define X(state, event, next, verdict) \
	{#state " " #event, RC_STATE_##state, RC_QP_##event, RC_STATE_##next, verdict},
    RC_QP_FSM_TABLE(X)
#undef X
};

/* Through the public calls, in the order they can happen. */
static void
enter(struct bench *b, uint8_t state)
{
	struct rc_open o = bench_defaults();

	o.passive = state == RC_STATE_RTR;
	bench_open(b, &o);
	if (state == RC_STATE_SQD)
		assert_int_equal(rc_drain(&b->qp), 0);
	if (state == RC_STATE_SQE)
		rc_stop(&b->qp);
	if (state == RC_STATE_ERR) {
		bench_request(b, ROCE_RC_SEND_LAST, 0, 1, false);
		bench_emit(b);
	}
	if (state == RC_STATE_RESET)
		rc_reset(&b->qp);
	assert_string_equal(rc_state_name(b->qp.state), rc_state_name(state));
}

static void
fsm__public_calls_obey_the_table(void **state)
{
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct row *r = &rows[i];
		struct bench b;
		int err = 0;

		if (r->state == RC_STATE_INIT) /* left again within rc_init */
			continue;
		enter(&b, r->state);
		switch (r->event) {
		case RC_QP_READY:
			err = rc_ready(&b.qp);
			break;
		case RC_QP_DRAIN:
			err = rc_drain(&b.qp);
			break;
		case RC_QP_STOP:
			rc_stop(&b.qp);
			err = r->legal ? 0 : SAN_EINVAL;
			break;
		case RC_QP_RESET:
			rc_reset(&b.qp);
			break;
		case RC_QP_FAIL:
			bench_request(&b, ROCE_RC_SEND_LAST, 0, 1, false);
			err = r->legal ? 0 : SAN_EINVAL;
			break;
		default:
			continue;
		}
		if (err != (r->legal ? 0 : SAN_EINVAL) || b.qp.state != r->next)
			fail_msg("%s: %d, %s", r->name, err, rc_state_name(b.qp.state));
	}
}

/* A state's rights: table from the standard, not from the code. */
static void
state__allows_what_the_standard_says(void **state)
{
	static const struct {
		uint8_t state;
		bool answers, posts, sends, takes_acks;
	} want[] = {
	    {RC_STATE_RESET, false, false, false, false},
	    {RC_STATE_RTR, true, false, false, false},
	    {RC_STATE_RTS, true, true, true, true},
	    {RC_STATE_SQD, true, true, false, true},
	    {RC_STATE_SQE, true, false, false, false},
	    {RC_STATE_ERR, false, false, false, false},
	};

	for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
		uint8_t s = want[i].state;
		struct bench b;

		enter(&b, s);
		assert_int_equal(bench_post(&b, 5, 1, 1), want[i].posts ? 0 : SAN_EAGAIN);
		assert_int_equal(bench_emit(&b), want[i].sends);
		bench_request(&b, ROCE_RC_SEND_ONLY, 0, 5, true);
		assert_int_equal(b.in.delivered, want[i].answers);
		rc_ack_now(&b.qp);
		if (want[i].answers)
			bench_expect_response(&b, AETH_ACK_UNLIMITED, 0, 1);
		bench_answer(&b, AETH_ACK_UNLIMITED, 0);
		assert_int_equal(b.in.acked, want[i].sends);
	}
}

static void
reset__is_silent_for_ever(void **state)
{
	struct rc_run run;
	uint32_t n, m;
	struct bench b;

	bench_init(&b);
	bench_post(&b, 5, 3, 1);
	bench_emit(&b);
	rc_reset(&b.qp);
	bench_request(&b, ROCE_RC_SEND_ONLY, 0, 5, true);
	bench_answer(&b, AETH_NAK_ACCESS, 1);
	assert_false(rc_tag_arrived(&b.qp, 1, b.now));
	bench_wait(&b, SAN_DURATION_S(1000));
	assert_false(rc_has_work(&b.qp, b.now));
	assert_int_equal(bench_emit(&b), 0);
	assert_int_equal(rc_deadline(&b.qp).ns, UINT64_MAX);
	assert_false(rc_reap(&b.qp, &run, &n, &m));
	assert_false(rc_flush(&b.qp, &run, &n, &m));
	assert_int_equal(rc_error(&b.qp), 0);
}

/* Messages begun are finished, repeats included; then nothing until rc_ready. */
static void
drain__finishes_what_is_begun(void **state)
{
	struct rc_open o = bench_defaults();
	struct bench b;

	o.params.window_packets = 4;
	bench_open(&b, &o);
	assert_int_equal(bench_post(&b, 6 * PMTU, 1, 1), 0);
	assert_int_equal(bench_emit(&b), 4);
	assert_int_equal(rc_drain(&b.qp), 0);
	assert_false(rc_drained(&b.qp));
	bench_answer(&b, AETH_NAK_SEQ, 3);
	assert_int_equal(bench_emit(&b), 3);
	bench_answer(&b, AETH_ACK_UNLIMITED, 4);
	assert_int_equal(bench_post(&b, 10, 2, 2), 0);
	assert_int_equal(bench_emit(&b), 0);
	bench_wait(&b, SAN_DURATION_MS(60)); /* lost: repeated even now */
	assert_int_equal(bench_emit(&b), 1);
	assert_false(rc_drained(&b.qp));
	bench_answer(&b, AETH_ACK_UNLIMITED, 5);
	assert_int_equal(bench_reaped(&b), 1);
	assert_true(rc_drained(&b.qp));
	assert_int_equal(bench_emit(&b), 0);
	assert_int_equal(rc_ready(&b.qp), 0);
	assert_false(rc_drained(&b.qp));
	assert_int_equal(bench_emit(&b), 2);
}

static void
drain__asks_for_the_ack_it_waits_for(void **state)
{
	struct rc_chunk chunk;
	struct roce_tx tx;
	struct bench b;

	bench_init(&b);
	bench_post(&b, 2 * PMTU, 5, 1);
	assert_int_equal(rc_emit(&b.qp, &tx, &chunk, b.now), RC_OUT_REQUEST);
	assert_false(tx.ackreq);
	rc_drain(&b.qp);
	assert_int_equal(bench_emit(&b), 1);
	assert_true(b.out[0].tx.ackreq);
}

/* What was posted comes back once: done, or flushed, in order. */
static void
flush__after_failure_and_stop(void **state)
{
	static const uint32_t want_count[] = {2, 1, 3};
	uint32_t first, count;
	struct rc_run run;
	struct bench b;

	for (int how = 0; how < 3; how++) {
		bench_init(&b);
		bench_post(&b, 10, 5, 100);
		bench_post(&b, 3 * PMTU, 1, 200);
		bench_post(&b, 20, 3, 300);
		bench_emit(&b);
		assert_false(rc_flush(&b.qp, &run, &first, &count)); /* alive */
		bench_answer(&b, AETH_ACK_UNLIMITED, 1);
		if (how == 0)
			bench_answer(&b, AETH_NAK_ACCESS, 3);
		else
			bench_answer(&b, AETH_ACK_UNLIMITED, 2);
		if (how == 1)
			rc_stop(&b.qp);
		if (how == 2)
			for (int i = 0; i < 5; i++)
				bench_wait(&b, SAN_DURATION_S(1));
		assert_false(rc_flush(&b.qp, &run, &first, &count)); /* reap first */
		assert_true(rc_reap(&b.qp, &run, &first, &count));
		assert_int_equal(first, 0);
		assert_int_equal(count, 3);
		assert_false(rc_reap(&b.qp, &run, &first, &count));
		for (int i = 0; i < 3; i++) {
			assert_true(rc_flush(&b.qp, &run, &first, &count));
			assert_int_equal(run.tag, 100 * (i + 1));
			assert_int_equal(first, i == 0 ? 3 : 0);
			assert_int_equal(count, want_count[i]);
			assert_false(rc_reap(&b.qp, &run, &first, &count));
		}
		assert_false(rc_flush(&b.qp, &run, &first, &count));
		bench_answer(&b, AETH_ACK_UNLIMITED, 4);
		assert_false(rc_reap(&b.qp, &run, &first, &count));
		assert_int_equal(bench_emit(&b), 0);
		assert_int_equal(rc_in_flight(&b.qp), 0);
		assert_int_equal(rc_error(&b.qp), how == 0   ? SAN_ECONNRESET
						  : how == 1 ? 0
							     : SAN_ETIMEDOUT);
	}
}

static void
fail__first_reason_counts(void **state)
{
	struct bench b;

	bench_init(&b);
	bench_post(&b, 10, 1, 1);
	bench_emit(&b);
	bench_answer(&b, AETH_NAK_OPERATION, 0);
	bench_request(&b, ROCE_RC_SEND_LAST, 0, 1, false);
	rc_refuse(&b.qp, &b.in);
	assert_int_equal(rc_error(&b.qp), SAN_ECONNRESET);
	assert_int_equal(bench_emit(&b), 0);
}

/* The owner cannot do it: nobody's protocol error, but the peer must know. */
static void
nak_operation__when_the_owner_cannot(void **state)
{
	struct bench b;

	bench_init(&b);
	bench_request(&b, ROCE_RC_SEND_ONLY, 0, 5, true);
	bench_request(&b, ROCE_RC_SEND_ONLY, 1, 5, true);
	assert_true(b.in.delivered);
	rc_refuse(&b.qp, &b.in);
	assert_int_equal(rc_error(&b.qp), SAN_EIO);
	bench_expect_response(&b, AETH_NAK_OPERATION, 1, 1);

	bench_init(&b);
	bench_request(&b, ROCE_RC_SEND_FIRST, 0, PMTU, false);
	rc_refuse(&b.qp, &b.in);
	bench_expect_response(&b, AETH_NAK_OPERATION, 0, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(fsm__public_calls_obey_the_table),
	    cmocka_unit_test(state__allows_what_the_standard_says),
	    cmocka_unit_test(reset__is_silent_for_ever),
	    cmocka_unit_test(drain__finishes_what_is_begun),
	    cmocka_unit_test(drain__asks_for_the_ack_it_waits_for),
	    cmocka_unit_test(flush__after_failure_and_stop),
	    cmocka_unit_test(fail__first_reason_counts),
	    cmocka_unit_test(nak_operation__when_the_owner_cannot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
