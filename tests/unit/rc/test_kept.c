/* SPDX-License-Identifier: BSD-3-Clause */
#include "fixture.h"

#include "prng.h"
#include "sack.h"

#define BLOCKS 2
#define FRAMES 600

static struct rc_block blocks[BLOCKS];
static struct rc_pool pool;

/* Everything may be kept, and the peer understands selective ACKs. */
static struct rc_open
keeping(void)
{
	struct rc_open o = bench_defaults();

	rc_pool_init(&pool, blocks, BLOCKS, FRAMES);
	o.pool = &pool;
	o.features = RC_FEATURE_SACK;
	o.recv_limit = 100000;
	return o;
}

static void
init(struct bench *b)
{
	struct rc_open o = keeping();

	bench_open(b, &o);
}

/* Packet `ahead` of the peer's, kept if possible: its frame is its number + 1. */
static bool
arrive(struct bench *b, uint32_t ahead)
{
	struct roce_pkt p = {.opcode = ROCE_RC_SEND_ONLY, .psn = psn_add(RQ_PSN, ahead)};

	bench_packet(b, p);
	return b->in.early && rc_keep(&b->qp, &p, (void *)(uintptr_t)(ahead + 1), b->now) == 0;
}

/* Hand over again what is in turn now; `next` is the first of it. Returns the next one's number. */
static uint32_t
take(struct bench *b, uint32_t next)
{
	void *frame;

	while ((frame = rc_kept_next(&b->qp)) != NULL) {
		assert_int_equal((uintptr_t)frame - 1, next);
		assert_false(arrive(b, next));
		assert_true(b->in.delivered);
		next++;
	}
	return next;
}

/* The bytes behind the AETH of the only packet emitted; false = none. */
static bool
told(const struct bench *b, struct sack *out)
{
	const struct roce_tx *tx = &b->out[0].tx;
	const uint8_t *bytes = tx->seg_count != 0 ? tx->seg[0].base : tx->inline_bytes;
	uint32_t len = roce_tx_payload_len(tx);

	if (len == 0)
		return false;
	assert_true(sack_decode(bytes, len, out));
	return true;
}

static void
keep__feeds_in_order_when_the_gap_closes(void **state)
{
	struct bench b;

	init(&b);
	assert_false(arrive(&b, 0));
	assert_true(arrive(&b, 3));
	assert_true(arrive(&b, 2));
	assert_true(arrive(&b, 5));
	assert_int_equal(pool.lent, 1);
	assert_int_equal(pool.frames, 3);
	assert_null(rc_kept_next(&b.qp));
	bench_expect_response(&b, AETH_NAK_SEQ, 1, 1);
	assert_false(arrive(&b, 1));
	assert_int_equal(take(&b, 2), 4);
	bench_expect_response(&b, AETH_NAK_SEQ, 4, 4); /* the next gap */
	assert_false(arrive(&b, 4));
	assert_int_equal(take(&b, 5), 6);
	bench_expect_response(&b, AETH_ACK_UNLIMITED, 5, 6); /* at once: the sender waits for it */
	assert_int_equal(pool.lent + pool.frames, 0);
	assert_int_equal(b.qp.counters.rx_gaps, 3);
	assert_int_equal(b.qp.counters.rx_kept, 3);
	assert_int_equal(b.qp.counters.rx_requests, 6);
}

static void
tell__nak_then_acks_that_say_what_came(void **state)
{
	struct sack s;
	struct bench b;

	init(&b);
	arrive(&b, 2);
	arrive(&b, 3);
	bench_expect_response(&b, AETH_NAK_SEQ, 0, 0);
	assert_true(told(&b, &s));
	assert_int_equal(s.have[0], 1u << 1 | 1u << 2);
	assert_int_equal(bench_emit(&b), 0);
	arrive(&b, 200);
	bench_expect_response(&b, AETH_ACK_UNLIMITED, -1u, 0); /* one NAK per gap */
	assert_true(told(&b, &s));
	assert_int_equal(s.have[0], 1u << 1 | 1u << 2);
	assert_int_equal(s.have[199 / 64], UINT64_C(1) << 199 % 64);
	arrive(&b, 0);
	assert_int_equal(take(&b, 1), 1);
	bench_expect_response(&b, AETH_NAK_SEQ, 1, 1);
	assert_true(told(&b, &s));
	assert_int_equal(s.have[0], 1u | 1u << 1);
}

static void
tell__duplicates(void **state)
{
	struct sack s;
	struct bench b;

	init(&b);
	arrive(&b, 0);
	arrive(&b, 0);
	bench_expect_response(&b, AETH_ACK_UNLIMITED, 0, 1);
	assert_true(told(&b, &s));
	assert_int_equal(s.duplicates, 1);
	arrive(&b, 2);
	assert_false(arrive(&b, 2)); /* of what is kept, too */
	bench_expect_response(&b, AETH_NAK_SEQ, 1, 1);
	assert_true(told(&b, &s));
	assert_int_equal(s.duplicates, 2);
	arrive(&b, 1);
	take(&b, 2);
	bench_expect_response(&b, AETH_ACK_UNLIMITED, 2, 3);
	assert_false(told(&b, &s)); /* nothing to add */
}

/* A peer that agreed to nothing sees one plain NAK per gap, and silence. */
static void
tell__nothing_unless_agreed(void **state)
{
	struct rc_open o = keeping();
	struct sack s;
	struct bench b;

	o.features = 0;
	bench_open(&b, &o);
	assert_true(arrive(&b, 1));
	bench_expect_response(&b, AETH_NAK_SEQ, 0, 0);
	assert_false(told(&b, &s));
	assert_true(arrive(&b, 2));
	assert_true(arrive(&b, 4));
	assert_int_equal(bench_emit(&b), 0);
	arrive(&b, 0);
	assert_int_equal(take(&b, 1), 3);
	bench_expect_response(&b, AETH_NAK_SEQ, 3, 3);
	assert_false(told(&b, &s));
}

static void
keep__not_without_a_pool(void **state)
{
	struct bench b;

	bench_init(&b);
	assert_false(arrive(&b, 1));
	assert_false(b.in.early);
	bench_expect_response(&b, AETH_NAK_SEQ, 0, 0);
	assert_false(arrive(&b, 0));
	assert_null(rc_kept_next(&b.qp));
	assert_int_equal(b.qp.counters.rx_gaps, 1);
}

/* Far ahead, or of an opcode nobody may send: only counted. */
static void
keep__not_what_a_liar_makes_up(void **state)
{
	struct roce_pkt p = {.opcode = 0x15, .psn = psn_add(RQ_PSN, 1)};
	struct bench b;

	init(&b);
	assert_true(arrive(&b, RC_EARLY_MAX - 1));
	assert_false(arrive(&b, RC_EARLY_MAX));
	assert_false(arrive(&b, 0x7fffff));
	bench_packet(&b, p);
	assert_false(b.in.early);
	assert_int_equal(rc_keep(&b.qp, &(struct roce_pkt){.psn = RQ_PSN}, &b, b.now),
	    SAN_ENOBUFS); /* in turn: no need */
	assert_int_equal(pool.frames, 1);
	assert_non_null(rc_fini(&b.qp));
	assert_null(rc_fini(&b.qp));
	assert_int_equal(pool.lent, 0);
}

static void
keep__within_the_pool(void **state)
{
	struct bench b[BLOCKS + 1];
	struct rc_open o = keeping();
	int i;

	pool.frames_max = 3;
	for (i = 0; i <= BLOCKS; i++)
		bench_open(&b[i], &o);
	for (i = 0; i <= BLOCKS; i++)
		assert_int_equal(arrive(&b[i], 1), i < BLOCKS);
	assert_true(arrive(&b[0], 2));
	assert_false(arrive(&b[0], 3)); /* frames */
	assert_int_equal(pool.refused, 2);
	/* The one that was refused goes back to the beginning, as ever. */
	arrive(&b[BLOCKS], 0);
	assert_int_equal(take(&b[BLOCKS], 1), 1);
	/* What another gives back is there for all. */
	arrive(&b[0], 0);
	assert_int_equal(take(&b[0], 1), 3);
	assert_true(arrive(&b[BLOCKS], 2));
	for (i = 0; i <= BLOCKS; i++)
		while (rc_fini(&b[i].qp) != NULL)
			;
	assert_int_equal(pool.lent + pool.frames, 0);
}

/* A READ takes the PSNs of its answer: what a liar sent in between comes back as a duplicate. */
static void
keep__overtaken_comes_back(void **state)
{
	struct rc_resource resource[2];
	struct rc_open o = keeping();
	struct roce_pkt read = {
	    .opcode = ROCE_RC_READ_REQ, .psn = RQ_PSN, .ext.dma_len = 0x10000 * PMTU};
	struct prng seed = {1};
	static uint8_t bytes[1];
	struct rc_mr mr[1];
	struct rc_mrs mrs;
	struct bench b;
	void *frame;

	assert_int_equal(rc_mrs_init(&mrs, mr, 1, seed), 0);
	assert_int_equal(rc_mr_register(&mrs, 0, 0, bytes, 0x10000 * PMTU, RC_ACCESS_REMOTE_READ,
			     &read.ext.rkey),
	    0);
	o.mrs = &mrs;
	o.resources = resource;
	o.resource_count = 2;
	bench_open(&b, &o);
	assert_true(arrive(&b, 1));
	assert_true(arrive(&b, 500));
	bench_packet(&b, read);
	assert_int_equal(psn_span(b.qp.expected, RQ_PSN), 0x10000);
	while ((frame = rc_kept_next(&b.qp)) != NULL) {
		assert_false(arrive(&b, (uint32_t)((uintptr_t)frame - 1)));
		assert_false(b.in.delivered);
	}
	assert_int_equal(b.qp.counters.rx_duplicates, 2);
	assert_int_equal(pool.lent + pool.frames, 0);
}

/* Nobody fills the gap: the frames go back after a while, and not before if it gets smaller. */
static void
keep__not_for_ever(void **state)
{
	struct bench b;

	init(&b);
	arrive(&b, 1);
	arrive(&b, 3);
	bench_emit(&b);
	bench_wait(&b, SAN_DURATION_S(3));
	arrive(&b, 0);
	assert_int_equal(take(&b, 1), 2);
	bench_wait(&b, SAN_DURATION_S(3));
	assert_null(rc_kept_drop(&b.qp));
	bench_emit(&b);
	assert_true(rc_deadline(&b.qp).ns <= b.now.ns + SAN_DURATION_S(4).ns);
	bench_wait(&b, SAN_DURATION_S(4));
	assert_non_null(rc_kept_drop(&b.qp));
	assert_null(rc_kept_drop(&b.qp));
	assert_int_equal(pool.lent + pool.frames, 0);
	assert_int_equal(rc_deadline(&b.qp).ns, UINT64_MAX);
	/* Business as usual. */
	arrive(&b, 2);
	assert_int_equal(take(&b, 3), 3);
	arrive(&b, 3);
	assert_int_equal(b.qp.counters.rx_requests, 4);
}

static void
keep__ends_with_the_connection(void **state)
{
	struct roce_pkt bad = {.opcode = ROCE_RC_SEND_LAST, .psn = RQ_PSN, .payload_len = 1};
	struct bench b;

	init(&b);
	arrive(&b, 1);
	bench_packet(&b, bad); /* never begun */
	assert_int_equal(rc_error(&b.qp), SAN_EPROTO);
	assert_null(rc_kept_next(&b.qp));
	assert_non_null(rc_kept_drop(&b.qp));
	assert_int_equal(pool.lent + pool.frames, 0);
	assert_false(arrive(&b, 2));
}

/* RNR: the packet in turn is refused, what is behind stays until its turn comes after all. */
static void
keep__through_an_rnr_pause(void **state)
{
	struct rc_open o = keeping();
	struct bench b;

	o.recv_limit = 1;
	bench_open(&b, &o);
	arrive(&b, 2);
	arrive(&b, 0);
	take(&b, 1);
	arrive(&b, 1);
	assert_null(rc_kept_next(&b.qp));
	bench_expect_response(&b, AETH_RNR | 12, 1, 1);
	rc_recv_limit(&b.qp, 10);
	arrive(&b, 1);
	assert_int_equal(take(&b, 2), 3);
}

/* Any order, with repeats and losses, across the wrap: each is delivered once, in order, and the
 * peer is told exactly what is here. The oracle is a plain array. */
static void
keep__any_order(void **state)
{
	enum { N = 3000 };
	struct prng g = {7};
	struct sack s;
	struct bench b;
	uint32_t base = 0, i, ahead;
	static bool came[N + RC_EARLY_MAX];

	init(&b);
	memset(came, 0, sizeof came);
	while (base < N) {
		ahead = base + prng_below(&g, prng_below(&g, 4) == 0 ? RC_EARLY_MAX : 6);
		if (prng_below(&g, 8) == 0 && base > 0)
			ahead = base - 1; /* done before */
		assert_int_equal(arrive(&b, ahead), ahead > base && !came[ahead]);
		came[ahead] = true;
		while (came[base])
			base++;
		i = psn_span(b.qp.expected, RQ_PSN);
		assert_int_equal(take(&b, i), base);
		if (prng_below(&g, 3) != 0 || bench_emit(&b) == 0)
			continue;
		assert_int_equal(b.count, 1);
		if (!told(&b, &s))
			memset(&s, 0, sizeof s);
		for (i = 1; i < RC_EARLY_MAX; i++)
			assert_int_equal(s.have[(i - 1) / 64] >> (i - 1) % 64 & 1, came[base + i]);
	}
	while (rc_fini(&b.qp) != NULL)
		;
	assert_int_equal(pool.lent + pool.frames, 0);
	assert_int_equal(b.qp.counters.rx_requests, base);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(keep__feeds_in_order_when_the_gap_closes),
	    cmocka_unit_test(tell__nak_then_acks_that_say_what_came),
	    cmocka_unit_test(tell__duplicates),
	    cmocka_unit_test(tell__nothing_unless_agreed),
	    cmocka_unit_test(keep__not_without_a_pool),
	    cmocka_unit_test(keep__not_what_a_liar_makes_up),
	    cmocka_unit_test(keep__within_the_pool),
	    cmocka_unit_test(keep__overtaken_comes_back),
	    cmocka_unit_test(keep__not_for_ever),
	    cmocka_unit_test(keep__ends_with_the_connection),
	    cmocka_unit_test(keep__through_an_rnr_pause),
	    cmocka_unit_test(keep__any_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
