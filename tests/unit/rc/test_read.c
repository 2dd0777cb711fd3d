/* SPDX-License-Identifier: BSD-3-Clause */
/* READs and atomics of ours: what is asked for, and what answers, and their absence, do to that. */
#include "fixture.h"

#define DEPTH 4

static void
open_reader(struct bench *b, uint16_t window)
{
	struct rc_open o = bench_defaults();

	o.initiator_depth = DEPTH;
	o.params.window_packets = window;
	bench_open(b, &o);
}

static int
post(struct bench *b, uint8_t kind, uint32_t len, uint16_t count)
{
	struct rc_run m = {.kind = kind, .len = len, .count = count, .what = kind};

	return rc_post(&b->qp, &m);
}

/* An answer of the peer, `ahead` packets from our first PSN. */
static void
answer(struct bench *b, uint8_t opcode, uint32_t ahead, uint16_t len)
{
	bench_packet(b, (struct roce_pkt){.opcode = opcode,
			    .psn = SQ_PSN + ahead,
			    .payload_len = len,
			    .ext.compare = 1000 + ahead});
}

static void
read_answer(struct bench *b, uint32_t ahead, uint32_t i, uint32_t packets, uint16_t len)
{
	uint8_t opcode = packets == 1	    ? ROCE_RC_READ_RESP_ONLY
			 : i == 0	    ? ROCE_RC_READ_RESP_FIRST
			 : i == packets - 1 ? ROCE_RC_READ_RESP_LAST
					    : ROCE_RC_READ_RESP_MIDDLE;

	answer(b, opcode, ahead + i, len);
}

static void
expect_read(const struct bench *b, uint32_t i, uint32_t ahead, uint32_t offset, uint32_t len)
{
	assert_int_equal(bench_sent(b, i), ahead);
	assert_int_equal(b->out[i].tx.opcode, ROCE_RC_READ_REQ);
	assert_int_equal(b->out[i].chunk.offset, offset);
	assert_int_equal(b->out[i].chunk.len, len);
	assert_int_equal(b->out[i].tx.ext.dma_len, len);
	assert_int_equal(roce_tx_payload_len(&b->out[i].tx), 0);
	assert_true(b->out[i].tx.ackreq);
}

static void
post__needs_depth_and_sane_lengths(void **state)
{
	struct bench b;

	bench_init(&b);
	assert_int_equal(post(&b, RC_READ, 10, 1), SAN_EINVAL);
	assert_int_equal(post(&b, RC_CMP_SWAP, 8, 1), SAN_EINVAL);
	open_reader(&b, 64);
	assert_int_equal(post(&b, RC_FETCH_ADD, 4, 1), SAN_EINVAL);
	assert_int_equal(post(&b, RC_READ, RC_MESSAGE_MAX + 1, 1), SAN_EINVAL);
	assert_int_equal(post(&b, RC_KIND_COUNT, 8, 1), SAN_EINVAL);
	assert_int_equal(post(&b, RC_READ, 0, 1), 0);
	assert_int_equal(bench_emit(&b), 1);
	expect_read(&b, 0, 0, 0, 0);
	read_answer(&b, 0, 0, 1, 0);
	assert_true(b.in.response);
	assert_int_equal(bench_reaped(&b), 1);
}

/* One request, one packet; its PSNs are those of the answer's packets. */
static void
read__takes_the_psns_of_its_answer(void **state)
{
	struct bench b;
	uint32_t i;

	open_reader(&b, 64);
	post(&b, RC_READ, 2 * PMTU + 3, 1);
	post(&b, RC_SEND, 10, 1);
	assert_int_equal(bench_emit(&b), 2);
	expect_read(&b, 0, 0, 0, 2 * PMTU + 3);
	assert_int_equal(bench_sent(&b, 1), 3);
	for (i = 0; i < 3; i++) {
		read_answer(&b, 0, i, 3, i < 2 ? PMTU : 3);
		assert_true(b.in.response && b.in.valid);
		assert_int_equal(b.in.op.kind, RC_READ);
		assert_int_equal(b.in.offset, i * PMTU);
		assert_int_equal(b.in.len, i < 2 ? PMTU : 3);
		assert_int_equal(bench_reaped(&b), i == 2);
	}
	bench_answer(&b, AETH_ACK_UNLIMITED, 3);
	assert_int_equal(bench_reaped(&b), 1);
	assert_int_equal(rc_deadline(&b.qp).ns, UINT64_MAX);
}

static void
read__answer_acknowledges_what_was_before(void **state)
{
	struct bench b;

	open_reader(&b, 64);
	post(&b, RC_SEND, 10, 3);
	post(&b, RC_READ, 10, 2);
	bench_emit(&b);
	read_answer(&b, 3, 0, 1, 10);
	assert_true(b.in.response && b.in.acked);
	assert_int_equal(b.in.op_index, 0);
	assert_int_equal(bench_reaped(&b), 4);
	read_answer(&b, 4, 0, 1, 10);
	assert_int_equal(b.in.op_index, 1);
	assert_int_equal(bench_reaped(&b), 1);
}

static void
read__no_more_than_the_depth(void **state)
{
	struct bench b;

	open_reader(&b, 64);
	post(&b, RC_READ, 10, 6);
	assert_int_equal(bench_emit(&b), DEPTH);
	read_answer(&b, 0, 0, 1, 10);
	assert_int_equal(bench_emit(&b), 1);
	assert_int_equal(bench_sent(&b, 0), 4);
	post(&b, RC_FETCH_ADD, 8, 1);
	for (uint32_t i = 1; i < 5; i++)
		read_answer(&b, i, 0, 1, 10);
	assert_int_equal(bench_emit(&b), 2);
	assert_int_equal(b.out[1].tx.opcode, ROCE_RC_FETCH_ADD);
}

/* A READ far beyond the window is asked for in parts, and nothing but the parts is in flight. */
static void
read__long_one_goes_in_parts(void **state)
{
	uint32_t asked = 0, got = 0, packets = 1000, end = 0;
	struct bench b;

	open_reader(&b, 16);
	assert_int_equal(post(&b, RC_READ, packets * PMTU, 1), 0);
	while (got < packets) {
		bench_emit(&b);
		for (uint32_t i = 0; i < b.count; i++) {
			expect_read(&b, i, asked, asked * PMTU, 8 * PMTU);
			asked += 8;
		}
		assert_in_range(asked - got, 1, 16);
		end = got + 8;
		for (; got < end; got++) {
			read_answer(&b, got & ~7u, got & 7, 8, PMTU);
			assert_true(b.in.response);
		}
	}
	assert_int_equal(bench_reaped(&b), 1);
	assert_int_equal(b.qp.reads_out, 0);
}

/* 2^31 bytes: half of all PSNs, the window moves through them. */
static void
read__2_to_31_bytes(void **state)
{
	uint32_t total = RC_MESSAGE_MAX / PMTU, got = 0;
	struct bench b;

	open_reader(&b, 512);
	assert_int_equal(post(&b, RC_READ, RC_MESSAGE_MAX, 1), 0);
	assert_int_equal(post(&b, RC_SEND, 5, 1), SAN_EAGAIN);
	while (got < total) {
		uint32_t end;

		bench_emit(&b);
		end = got + 256;
		for (; got < end; got++) {
			read_answer(&b, got & ~255u, got & 255, 256, PMTU);
			assert_int_equal(b.in.offset, got * PMTU);
		}
	}
	assert_int_equal(bench_reaped(&b), 1);
	assert_int_equal(rc_deadline(&b.qp).ns, UINT64_MAX);
}

/* What is missing is asked for again: from there, not further than before. */
static void
read__gap_in_the_answer(void **state)
{
	struct bench b;

	open_reader(&b, 16);
	post(&b, RC_READ, 6 * PMTU, 1);
	post(&b, RC_SEND, 10, 1);
	assert_int_equal(bench_emit(&b), 2);
	read_answer(&b, 0, 0, 6, PMTU);
	read_answer(&b, 0, 2, 6, PMTU);
	assert_false(b.in.response);
	read_answer(&b, 0, 3, 6, PMTU); /* still the same gap */
	assert_int_equal(bench_emit(&b), 2);
	expect_read(&b, 0, 1, PMTU, 5 * PMTU);
	assert_true(b.out[0].chunk.again);
	assert_int_equal(bench_sent(&b, 1), 6);
	assert_int_equal(b.qp.counters.rx_lost_responses, 1);
	for (uint32_t i = 0; i < 5; i++)
		read_answer(&b, 1, i, 5, PMTU);
	assert_int_equal(bench_reaped(&b), 1);
	assert_int_equal(b.qp.reads_out, 0);
}

/* --- answers that come early are kept --------------------------------------------------------- */

static struct rc_block blocks[2];
static struct rc_pool pool;

static void
open_keeper(struct bench *b, uint32_t features)
{
	struct rc_open o = bench_defaults();

	rc_pool_init(&pool, blocks, sizeof blocks / sizeof *blocks, 100);
	o.pool = &pool;
	o.features = features;
	o.initiator_depth = DEPTH;
	bench_open(b, &o);
}

/* Answer `ahead` comes before its turn. */
static void
answer_early(struct bench *b, uint32_t ahead)
{
	struct roce_pkt p = {
	    .opcode = ROCE_RC_READ_RESP_MIDDLE, .psn = psn_add(SQ_PSN, ahead), .payload_len = PMTU};

	bench_packet(b, p);
	assert_true(b->in.early && !b->in.response);
	assert_int_equal(rc_keep(&b->qp, &p, (void *)(uintptr_t)(ahead + 1), b->now), 0);
}

/* Answers that were kept are handed back from `ahead` on; returns behind the last one. */
static uint32_t
take(struct bench *b, uint32_t ahead)
{
	void *frame;

	for (; (frame = rc_kept_next(&b->qp)) != NULL; ahead++) {
		assert_int_equal((uintptr_t)frame - 1, ahead);
		answer(b, ROCE_RC_READ_RESP_MIDDLE, ahead, PMTU);
		assert_true(b->in.response);
	}
	return ahead;
}

static void
read__asks_again_only_for_what_is_missing(void **state)
{
	struct bench b;

	open_keeper(&b, RC_FEATURE_SACK);
	post(&b, RC_READ, 10 * PMTU, 1);
	assert_int_equal(bench_emit(&b), 1);
	answer(&b, ROCE_RC_READ_RESP_FIRST, 0, PMTU);
	answer_early(&b, 3);
	assert_int_equal(bench_emit(&b), 1);
	expect_read(&b, 0, 1, PMTU, 2 * PMTU);
	assert_true(b.out[0].chunk.again);
	answer_early(&b, 4);
	answer_early(&b, 7); /* two more, behind what was asked for */
	assert_int_equal(bench_emit(&b), 1);
	expect_read(&b, 0, 5, 5 * PMTU, 2 * PMTU);
	answer_early(&b, 8);
	answer(&b, ROCE_RC_READ_RESP_LAST, 9, PMTU);
	assert_true(b.in.early); /* not kept by the owner */
	assert_int_equal(bench_emit(&b), 0);
	read_answer(&b, 1, 0, 2, PMTU);
	read_answer(&b, 1, 1, 2, PMTU);
	assert_int_equal(take(&b, 3), 5);
	read_answer(&b, 5, 0, 2, PMTU);
	read_answer(&b, 5, 1, 2, PMTU);
	assert_int_equal(take(&b, 7), 9);
	answer(&b, ROCE_RC_READ_RESP_LAST, 9, PMTU);
	assert_int_equal(bench_reaped(&b), 1);
	assert_int_equal(pool.lent + pool.frames, 0);
	assert_int_equal(b.qp.reads_out, 0);
	assert_int_equal(rc_deadline(&b.qp).ns, UINT64_MAX);
}

/* A peer we agreed on nothing with may take a repeated READ as the new beginning of what can be
 * asked for again: never from behind what is still missing. */
static void
read__never_asks_a_stranger_to_go_back(void **state)
{
	struct bench b;

	open_keeper(&b, 0);
	post(&b, RC_READ, 20 * PMTU, 1);
	bench_emit(&b);
	answer_early(&b, 3);
	assert_int_equal(bench_emit(&b), 1);
	expect_read(&b, 0, 0, 0, 3 * PMTU);
	answer_early(&b, 7);
	assert_int_equal(bench_emit(&b), 1);
	expect_read(&b, 0, 0, 0, 7 * PMTU);
	read_answer(&b, 0, 0, 7, PMTU);
	answer_early(&b, 2);
	answer_early(&b, 9);
	assert_int_equal(bench_emit(&b), 1);
	expect_read(&b, 0, 1, PMTU, 8 * PMTU);
	while (rc_fini(&b.qp) != NULL)
		;
}

/* Holes in one request are fetched by one: a peer answers only one repeat of a READ at a time. */
static void
read__two_holes_of_one_request(void **state)
{
	struct bench b;

	open_keeper(&b, RC_FEATURE_SACK);
	post(&b, RC_READ, 10 * PMTU, 1);
	bench_emit(&b);
	answer_early(&b, 1);
	answer_early(&b, 4);
	assert_int_equal(bench_emit(&b), 1);
	expect_read(&b, 0, 0, 0, 4 * PMTU);
	read_answer(&b, 0, 0, 4, PMTU);
	assert_int_equal(take(&b, 1), 2);
	answer(&b, ROCE_RC_READ_RESP_MIDDLE, 4, PMTU); /* here already */
	assert_false(b.in.early || b.in.response);
	read_answer(&b, 0, 2, 4, PMTU);
	read_answer(&b, 0, 3, 4, PMTU);
	assert_int_equal(take(&b, 4), 5);
}

/* What is not answered by more than an ACK was done if something behind it was: it is neither
 * missing nor sent again. */
static void
read__holes_of_answers_only(void **state)
{
	struct bench b;

	open_keeper(&b, RC_FEATURE_SACK);
	post(&b, RC_FETCH_ADD, 8, 1);
	post(&b, RC_SEND, 2 * PMTU, 2);
	post(&b, RC_READ, 2 * PMTU, 1);
	post(&b, RC_SEND, 10, 1);
	assert_int_equal(bench_emit(&b), 7);
	answer_early(&b, 6);
	assert_int_equal(bench_emit(&b), 2);
	assert_int_equal(b.out[0].tx.opcode, ROCE_RC_FETCH_ADD);
	expect_read(&b, 1, 5, 0, PMTU);
	answer(&b, ROCE_RC_ATOMIC_ACK, 0, 0);
	assert_int_equal(bench_reaped(&b), 1);
	read_answer(&b, 5, 0, 1, PMTU); /* acknowledges what was before it */
	assert_int_equal(take(&b, 6), 7);
	assert_int_equal(bench_reaped(&b), 3);
	assert_int_equal(bench_emit(&b), 0);
	bench_answer(&b, AETH_ACK_UNLIMITED, 7);
	assert_int_equal(bench_reaped(&b), 1);
	assert_int_equal(pool.lent, 0);
}

/* An ACK behind it shows that the end of the answer is missing, and does not stop what is kept; a
 * NAK does: then all is sent again. */
static void
read__the_end_of_an_answer_is_missing(void **state)
{
	struct bench b;

	open_keeper(&b, RC_FEATURE_SACK);
	post(&b, RC_READ, 4 * PMTU, 1);
	post(&b, RC_SEND, 10, 2);
	bench_emit(&b);
	answer(&b, ROCE_RC_READ_RESP_FIRST, 0, PMTU);
	bench_answer(&b, AETH_ACK_UNLIMITED, 4);
	assert_int_equal(bench_emit(&b), 1);
	expect_read(&b, 0, 1, PMTU, 3 * PMTU);
	assert_int_equal(b.qp.counters.rx_lost_responses, 1);
	bench_answer(&b, AETH_NAK_SEQ, 5);
	assert_int_equal(bench_emit(&b), 3);
	expect_read(&b, 0, 1, PMTU, 3 * PMTU);
	assert_int_equal(bench_sent(&b, 2), 5);
	assert_int_equal(pool.lent, 0);
}

/* The request for the hole, or its answer, is lost too: something asked for later shows it. */
static void
read__a_hole_is_lost_again(void **state)
{
	struct bench b;

	open_keeper(&b, RC_FEATURE_SACK);
	post(&b, RC_READ, 8 * PMTU, 2);
	bench_emit(&b);
	answer_early(&b, 1);
	assert_int_equal(bench_emit(&b), 1);
	expect_read(&b, 0, 0, 0, PMTU);
	answer_early(&b, 9);
	assert_int_equal(bench_emit(&b), 2); /* each READ for itself */
	expect_read(&b, 0, 2, 2 * PMTU, 6 * PMTU);
	expect_read(&b, 1, 8, 0, PMTU);
	bench_wait(&b, SAN_DURATION_US(100));
	answer_early(&b, 2); /* asked for after the first one */
	assert_int_equal(bench_emit(&b), 1);
	expect_read(&b, 0, 0, 0, PMTU);
	while (rc_fini(&b.qp) != NULL)
		;
	assert_int_equal(pool.lent + pool.frames, 0);
}

/* The peer acknowledges what came after the READ, so its answer must have been lost; what was
 * before it is acknowledged all the same. */
static void
read__ack_beyond_it_means_its_answer_was_lost(void **state)
{
	static const uint8_t said[] = {AETH_ACK_UNLIMITED, AETH_NAK_SEQ, AETH_RNR | 12};
	struct bench b;

	for (size_t i = 0; i < sizeof said; i++) {
		open_reader(&b, 16);
		post(&b, RC_SEND, 10, 2);
		post(&b, RC_FETCH_ADD, 8, 1);
		post(&b, RC_SEND, 10, 2);
		assert_int_equal(bench_emit(&b), 5);
		bench_answer(&b, said[i], 4);
		assert_int_equal(bench_reaped(&b), 2);
		assert_int_equal(bench_emit(&b), 3);
		assert_int_equal(bench_sent(&b, 0), 2);
		assert_int_equal(b.out[0].tx.opcode, ROCE_RC_FETCH_ADD);
		bench_answer(&b, said[i], 4);
		assert_int_equal(bench_emit(&b), 0); /* once */
		answer(&b, ROCE_RC_ATOMIC_ACK, 2, 0);
		assert_int_equal(b.in.value, 1002);
		bench_answer(&b, AETH_ACK_UNLIMITED, 4);
		assert_int_equal(bench_reaped(&b), 3);
	}
}

static void
read__timeout_asks_for_the_rest(void **state)
{
	struct bench b;

	open_reader(&b, 16);
	post(&b, RC_READ, 4 * PMTU, 1);
	bench_emit(&b);
	read_answer(&b, 0, 0, 4, PMTU);
	bench_wait(&b, SAN_DURATION_US(900));
	read_answer(&b, 0, 1, 4, PMTU); /* progress: the timer starts again */
	bench_wait(&b, SAN_DURATION_US(900));
	assert_int_equal(bench_emit(&b), 0);
	bench_wait(&b, SAN_DURATION_MS(50));
	assert_int_equal(bench_emit(&b), 1);
	expect_read(&b, 0, 2, 2 * PMTU, 2 * PMTU);
}

/* Answers to the first copy count although the READ was asked for again. */
static void
read__late_answers_are_taken(void **state)
{
	struct bench b;

	open_reader(&b, 16);
	post(&b, RC_READ, 4 * PMTU, 3);
	assert_int_equal(bench_emit(&b), 3);
	bench_wait(&b, SAN_DURATION_MS(50));
	assert_int_equal(bench_emit(&b), 1);
	expect_read(&b, 0, 0, 0, 4 * PMTU);
	for (uint32_t i = 0; i < 3; i++) /* the first copy's, late */
		read_answer(&b, 0, i, 4, PMTU);
	assert_int_equal(bench_emit(&b), 1); /* not yet the third */
	expect_read(&b, 0, 4, 0, 4 * PMTU);
	read_answer(&b, 0, 3, 4, PMTU);
	for (uint32_t i = 0; i < 4; i++) /* the second's, too late */
		read_answer(&b, 0, i, 4, PMTU);
	assert_false(b.in.response);
	for (uint32_t i = 4; i < 12; i++)
		read_answer(&b, i & ~3u, i & 3, 4, PMTU);
	assert_int_equal(bench_reaped(&b), 3);
	assert_int_equal(b.qp.reads_out, 0);
}

static void
atomic__brings_the_old_value(void **state)
{
	struct bench b;

	open_reader(&b, 16);
	post(&b, RC_CMP_SWAP, 8, 2);
	assert_int_equal(bench_emit(&b), 2);
	assert_int_equal(b.out[0].tx.opcode, ROCE_RC_CMP_SWAP);
	for (uint32_t i = 0; i < 2; i++) {
		answer(&b, ROCE_RC_ATOMIC_ACK, i, 0);
		assert_true(b.in.response);
		assert_int_equal(b.in.op.kind, RC_CMP_SWAP);
		assert_int_equal(b.in.op_index, i);
		assert_int_equal(b.in.value, 1000 + i);
	}
	assert_int_equal(bench_reaped(&b), 2);
}

static void
fence__waits_for_reads(void **state)
{
	struct rc_run m = {.kind = RC_SEND, .len = 2 * PMTU, .count = 1, .fence = true};
	struct bench b;

	open_reader(&b, 16);
	assert_int_equal(rc_post(&b.qp, &m), 0);
	assert_int_equal(bench_emit(&b), 2); /* nothing to wait for */
	post(&b, RC_READ, 10, 2);
	post(&b, RC_SEND, 10, 1);
	assert_int_equal(rc_post(&b.qp, &m), 0);
	assert_int_equal(bench_emit(&b), 3);
	read_answer(&b, 2, 0, 1, 10);
	assert_int_equal(bench_emit(&b), 0);
	read_answer(&b, 3, 0, 1, 10);
	assert_int_equal(bench_emit(&b), 2);
	assert_int_equal(b.out[1].tx.opcode, ROCE_RC_SEND_LAST);
}

/* What no honest peer answers ends the connection; what only came late is dropped. */
static void
response__not_what_was_asked_for(void **state)
{
	static const struct {
		uint8_t opcode;
		uint16_t len;
		uint8_t syndrome;
	} bad[] = {
	    {ROCE_RC_READ_RESP_FIRST, PMTU - 1, AETH_ACK_UNLIMITED},
	    {ROCE_RC_READ_RESP_FIRST, PMTU + 1, AETH_ACK_UNLIMITED},
	    {ROCE_RC_READ_RESP_ONLY, 0, AETH_ACK_UNLIMITED},
	    {ROCE_RC_READ_RESP_FIRST, PMTU, AETH_NAK_ACCESS},
	    {ROCE_RC_ATOMIC_ACK, 0, AETH_ACK_UNLIMITED},
	};
	struct bench b;

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		open_reader(&b, 16);
		post(&b, RC_READ, 2 * PMTU, 1);
		bench_emit(&b);
		bench_packet(&b, (struct roce_pkt){.opcode = bad[i].opcode,
				     .psn = SQ_PSN,
				     .payload_len = bad[i].len,
				     .ext.syndrome = bad[i].syndrome});
		assert_false(b.in.response);
		assert_int_equal(rc_error(&b.qp), SAN_EPROTO);
		assert_int_equal(b.qp.counters.rx_bad_responses, 1);
		assert_int_equal(bench_emit(&b), 0);
	}
	open_reader(&b, 16);
	post(&b, RC_FETCH_ADD, 8, 1);
	bench_emit(&b);
	read_answer(&b, 0, 0, 1, 8);
	assert_int_equal(rc_error(&b.qp), SAN_EPROTO);

	open_reader(&b, 16);
	post(&b, RC_SEND, 8, 1);
	post(&b, RC_READ, 8, 1);
	bench_emit(&b);
	read_answer(&b, 0, 0, 1, 8); /* to a SEND */
	read_answer(&b, 2, 0, 1, 8); /* to what was never sent */
	read_answer(&b, 0x7fffff, 0, 1, 8);
	assert_int_equal(rc_error(&b.qp), 0);
	assert_int_equal(b.qp.counters.rx_unexpected, 1);
	assert_int_equal(b.qp.counters.rx_acks_stale, 2);
	assert_int_equal(bench_reaped(&b), 0);
}

/* Word of the layer above that a message arrived says nothing about a READ before it. */
static void
tag__does_not_reach_past_a_read(void **state)
{
	struct bench b;

	open_reader(&b, 16);
	bench_post(&b, 10, 1, 1);
	post(&b, RC_READ, 10, 1);
	bench_post(&b, 10, 1, 2);
	bench_emit(&b);
	assert_true(rc_tag_arrived(&b.qp, 2, b.now));
	assert_int_equal(bench_reaped(&b), 1);
	assert_false(rc_tag_arrived(&b.qp, 2, b.now));
	assert_int_equal(bench_emit(&b), 0);
	read_answer(&b, 1, 0, 1, 10);
	assert_true(rc_tag_arrived(&b.qp, 2, b.now));
	assert_int_equal(bench_reaped(&b), 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(post__needs_depth_and_sane_lengths),
	    cmocka_unit_test(read__takes_the_psns_of_its_answer),
	    cmocka_unit_test(read__answer_acknowledges_what_was_before),
	    cmocka_unit_test(read__no_more_than_the_depth),
	    cmocka_unit_test(read__long_one_goes_in_parts),
	    cmocka_unit_test(read__2_to_31_bytes),
	    cmocka_unit_test(read__gap_in_the_answer),
	    cmocka_unit_test(read__asks_again_only_for_what_is_missing),
	    cmocka_unit_test(read__never_asks_a_stranger_to_go_back),
	    cmocka_unit_test(read__two_holes_of_one_request),
	    cmocka_unit_test(read__holes_of_answers_only),
	    cmocka_unit_test(read__the_end_of_an_answer_is_missing),
	    cmocka_unit_test(read__a_hole_is_lost_again),
	    cmocka_unit_test(read__ack_beyond_it_means_its_answer_was_lost),
	    cmocka_unit_test(read__timeout_asks_for_the_rest),
	    cmocka_unit_test(read__late_answers_are_taken),
	    cmocka_unit_test(atomic__brings_the_old_value),
	    cmocka_unit_test(fence__waits_for_reads),
	    cmocka_unit_test(response__not_what_was_asked_for),
	    cmocka_unit_test(tag__does_not_reach_past_a_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
