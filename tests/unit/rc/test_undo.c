/* SPDX-License-Identifier: BSD-3-Clause */
/* What was sent again for nothing, and what is learnt from it. The round trip is 100 us. */
#include "fixture.h"

#include "sack.h"

#define RTT SAN_DURATION_US(100)

static struct rc_block blocks[2];
static struct rc_pool pool;

static void
hear(struct bench *b, uint8_t syndrome, uint32_t ahead, uint64_t have, uint16_t duplicates)
{
	const struct sack s = {.have = {have}, .duplicates = duplicates};
	uint8_t bytes[SACK_LEN_MAX];
	const struct roce_pkt p = {.opcode = ROCE_RC_ACK,
	    .psn = psn_add(SQ_PSN, ahead),
	    .ext.syndrome = syndrome,
	    .payload = bytes,
	    .payload_len = (uint16_t)sack_encode(bytes, &s)};

	rc_receive(&b->qp, &p, b->now, &b->in);
}

/* `n` more packets; all arrive within a round trip. */
static void
exchange(struct bench *b, uint32_t *sent, uint32_t n)
{
	bench_post(b, 10, (uint16_t)n, *sent);
	bench_emit(b);
	*sent += n;
	bench_wait(b, RTT);
	bench_answer(b, AETH_ACK_UNLIMITED, *sent - 1);
	bench_reaped(b);
}

static uint32_t
init(struct bench *b, uint32_t features)
{
	struct rc_open o = bench_defaults();
	uint32_t sent = 0;

	rc_pool_init(&pool, blocks, sizeof blocks / sizeof *blocks, 0);
	o.pool = &pool;
	o.features = features;
	o.params.retry_count = 7;
	bench_open(b, &o);
	for (int i = 0; i < 10; i++)
		exchange(b, &sent, 1);
	return sent;
}

/* Four packets leave, the first is missing when the others have come. Returns its number. */
static uint32_t
gap(struct bench *b, uint32_t *sent)
{
	uint32_t first = *sent;

	bench_post(b, 10, 4, *sent);
	bench_emit(b);
	*sent += 4;
	bench_wait(b, RTT);
	hear(b, AETH_NAK_SEQ, first, 7, b->qp.duplicates_now);
	return first;
}

static void
undo__what_was_late_is_waited_for_from_then_on(void **state)
{
	struct bench b;
	uint32_t sent = init(&b, RC_FEATURE_SACK), first = gap(&b, &sent);

	/* No reordering was ever seen: at once. It was late, though: both copies come. */
	assert_int_equal(bench_emit(&b), 1);
	assert_int_equal(bench_sent(&b, 0), first);
	bench_wait(&b, RTT);
	hear(&b, AETH_ACK_UNLIMITED, sent - 1, 0, 1);
	assert_int_equal(bench_reaped(&b), 4);
	assert_int_equal(b.qp.counters.mistakes, 1);
	/* The next one is given a quarter of a round trip. */
	first = gap(&b, &sent);
	assert_int_equal(bench_emit(&b), 0);
	bench_wait(&b, SAN_DURATION_US(24));
	assert_int_equal(bench_emit(&b), 0);
	bench_wait(&b, SAN_DURATION_US(1));
	assert_int_equal(bench_emit(&b), 1);
	assert_int_equal(bench_sent(&b, 0), first);
	bench_wait(&b, RTT);
	hear(&b, AETH_ACK_UNLIMITED, sent - 1, 0, 1);
	assert_int_equal(b.qp.counters.lost, 2);
	/* What comes in that time is not sent again. */
	gap(&b, &sent);
	bench_wait(&b, SAN_DURATION_US(20));
	hear(&b, AETH_ACK_UNLIMITED, sent - 1, 0, 1);
	assert_int_equal(bench_emit(&b), 0);
	assert_int_equal(b.qp.counters.lost, 2);
	assert_int_equal(b.qp.counters.tx_repeats, 2);
	assert_int_equal(pool.lent, 0);
}

/* An answer to a repeat that comes sooner than any can is one to the first copy. */
static void
undo__an_answer_too_soon(void **state)
{
	struct bench b;
	uint32_t sent = init(&b, RC_FEATURE_SACK);

	gap(&b, &sent);
	assert_int_equal(bench_emit(&b), 1);
	bench_wait(&b, SAN_DURATION_US(30));
	hear(&b, AETH_ACK_UNLIMITED, sent - 1, 0, 0);
	assert_int_equal(b.qp.counters.mistakes, 1);
	gap(&b, &sent);
	assert_int_equal(bench_emit(&b), 0);
}

static void
undo__forgotten_after_losses_that_were_some(void **state)
{
	struct bench b;
	uint32_t sent = init(&b, RC_FEATURE_SACK), i;

	gap(&b, &sent);
	bench_emit(&b);
	bench_wait(&b, RTT);
	hear(&b, AETH_ACK_UNLIMITED, sent - 1, 0, 1);
	for (i = 0; i < 16; i++) {
		gap(&b, &sent);
		assert_int_equal(bench_emit(&b), 0);
		bench_wait(&b, SAN_DURATION_US(25));
		assert_int_equal(bench_emit(&b), 1);
		bench_wait(&b, RTT);
		hear(&b, AETH_ACK_UNLIMITED, sent - 1, 0, 1);
		bench_reaped(&b);
	}
	gap(&b, &sent);
	assert_int_equal(bench_emit(&b), 1);
	assert_int_equal(b.qp.counters.mistakes, 1);
}

/* Silence for so long, then the peer answers everything at once. Returns what was sent meanwhile.
 */
static uint32_t
silence(struct bench *b, uint32_t *sent, uint64_t us, bool sack)
{
	uint32_t repeats = 0, end = b->qp.duplicates_now;

	bench_post(b, 10, 4, *sent);
	bench_emit(b);
	*sent += 4;
	for (; us > 0; us -= 100) {
		bench_wait(b, RTT);
		repeats += bench_emit(b);
	}
	if (sack)
		hear(b, AETH_ACK_UNLIMITED, *sent - 1, 0, (uint16_t)(end + repeats));
	else
		bench_answer(b, AETH_ACK_UNLIMITED, *sent - 1);
	assert_int_equal(bench_reaped(b), 4);
	assert_int_equal(bench_emit(b), 0);
	return repeats;
}

/* A peer whose processor is taken away for 5 ms now and then: the timer learns. The question for
 * the tail, one packet, remains. */
static void
undo__a_peer_that_rests(void **state)
{
	static const uint32_t features[] = {RC_FEATURE_SACK, 0};
	struct bench b;
	uint32_t sent, i, k, timeouts;

	for (k = 0; k < 2; k++) {
		sent = init(&b, features[k]);
		assert_in_range(silence(&b, &sent, 5000, features[k] != 0), 2, 4);
		timeouts = b.qp.counters.timeouts;
		for (i = 0; i < 20; i++) {
			assert_int_equal(silence(&b, &sent, 5000, features[k] != 0), 1);
			exchange(&b, &sent, 1);
		}
		assert_int_equal(b.qp.counters.timeouts, timeouts);
	}
}

/* Timeouts that are none: the timer forgets what it learnt. */
static void
undo__a_peer_that_stays_away(void **state)
{
	struct bench b;
	uint32_t sent = init(&b, RC_FEATURE_SACK), i, n = 0, timeouts;

	silence(&b, &sent, 5000, true);
	assert_true(b.qp.rto_floor * RC_LATE_US > 5000);
	timeouts = b.qp.counters.timeouts;
	for (i = 0; i < 6; i++) {
		bench_post(&b, 10, 1, sent++);
		for (n = 0; b.qp.counters.timeouts == timeouts + i; n++) {
			bench_emit(&b);
			bench_wait(&b, RTT);
		}
		if (i == 0)
			assert_true(n > 50); /* round trips */
		bench_emit(&b);
		hear(&b, AETH_ACK_UNLIMITED, sent - 1, 0, b.qp.duplicates_now);
		bench_reaped(&b);
	}
	assert_in_range(n, 10, 15); /* the floor asked for is 1 ms */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(undo__what_was_late_is_waited_for_from_then_on),
	    cmocka_unit_test(undo__an_answer_too_soon),
	    cmocka_unit_test(undo__forgotten_after_losses_that_were_some),
	    cmocka_unit_test(undo__a_peer_that_rests),
	    cmocka_unit_test(undo__a_peer_that_stays_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
