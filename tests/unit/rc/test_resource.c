/* SPDX-License-Identifier: BSD-3-Clause */
/* READs and atomics of the peer: executed once, answered as often as asked, in order. */
#include "fixture.h"

#define VA    0x7f0000001000u
#define PD    3
#define DEPTH 4

static uint8_t memory[16 * PMTU] __attribute__((aligned(8)));
static struct rc_mr slots[4];
static struct rc_mrs mrs;
static struct rc_resource resources[DEPTH];
static uint32_t key;

static void
open_with_access(struct bench *b, uint32_t access)
{
	struct rc_open o = bench_defaults();

	for (uint32_t i = 0; i < sizeof memory; i++)
		memory[i] = (uint8_t)(i * 7 + i / PMTU);
	assert_int_equal(rc_mrs_init(&mrs, slots, 4, (struct prng){1}), 0);
	assert_int_equal(rc_mr_register(&mrs, PD, VA, memory, sizeof memory, access, &key), 0);
	o.mrs = &mrs;
	o.pd = PD;
	o.resources = resources;
	o.resource_count = DEPTH;
	bench_open(b, &o);
}

static void
open_all(struct bench *b)
{
	open_with_access(b, RC_ACCESS_REMOTE_READ | RC_ACCESS_REMOTE_ATOMIC);
}

static void
read_request(struct bench *b, uint32_t ahead, uint64_t va, uint32_t len)
{
	bench_packet(b, (struct roce_pkt){.opcode = ROCE_RC_READ_REQ,
			    .psn = RQ_PSN + ahead,
			    .ackreq = true,
			    .ext = {.va = va, .rkey = key, .dma_len = len}});
}

static void
atomic_request(struct bench *b, uint8_t opcode, uint32_t ahead, uint64_t va, uint64_t swap_add,
    uint64_t compare)
{
	bench_packet(
	    b, (struct roce_pkt){.opcode = opcode,
		   .psn = RQ_PSN + ahead,
		   .ackreq = true,
		   .ext = {.va = va, .rkey = key, .swap_add = swap_add, .compare = compare}});
}

/* Emitted packet `i` is a READ response of `len` bytes from `offset` of the region. */
static void
expect_response(
    struct bench *b, uint32_t i, uint8_t opcode, uint32_t ahead, uint32_t offset, uint32_t len)
{
	const struct roce_tx *tx = &b->out[i].tx;

	assert_true(i < b->count);
	assert_int_equal(b->out[i].kind, RC_OUT_RESPONSE);
	assert_int_equal(tx->opcode, opcode);
	assert_int_equal(tx->psn, psn_add(RQ_PSN, ahead));
	assert_int_equal(tx->dest_qp, 0x22);
	assert_int_equal(tx->ext.syndrome, AETH_ACK_UNLIMITED);
	assert_int_equal(roce_tx_payload_len(tx), len);
	if (len != 0)
		assert_ptr_equal(tx->seg[0].base, memory + offset);
}

static void
expect_atomic(struct bench *b, uint32_t i, uint32_t ahead, uint64_t value)
{
	assert_true(i < b->count);
	assert_int_equal(b->out[i].kind, RC_OUT_RESPONSE);
	assert_int_equal(b->out[i].tx.opcode, ROCE_RC_ATOMIC_ACK);
	assert_int_equal(b->out[i].tx.psn, psn_add(RQ_PSN, ahead));
	assert_int_equal(b->out[i].tx.ext.compare, value);
	assert_int_equal(roce_tx_payload_len(&b->out[i].tx), 0);
}

static void
expect_ack(struct bench *b, uint32_t i, uint8_t syndrome, uint32_t ahead)
{
	assert_true(i < b->count);
	assert_int_equal(b->out[i].tx.opcode, ROCE_RC_ACK);
	assert_int_equal(b->out[i].tx.ext.syndrome, syndrome);
	assert_int_equal(b->out[i].tx.psn, psn_add(RQ_PSN, ahead));
}

static uint64_t
word(uint32_t at)
{
	uint64_t v;

	memcpy(&v, memory + at, sizeof v);
	return v;
}

static void
read__is_cut_into_packets_without_copying(void **state)
{
	struct bench b;

	open_all(&b);
	read_request(&b, 0, VA + 3, 2 * PMTU + 9);
	assert_false(b.in.delivered);
	assert_int_equal(bench_emit(&b), 3);
	expect_response(&b, 0, ROCE_RC_READ_RESP_FIRST, 0, 3, PMTU);
	expect_response(&b, 1, ROCE_RC_READ_RESP_MIDDLE, 1, 3 + PMTU, PMTU);
	expect_response(&b, 2, ROCE_RC_READ_RESP_LAST, 2, 3 + 2 * PMTU, 9);
	assert_int_equal(b.out[0].tx.ext.msn, 1);
	read_request(&b, 3, VA, PMTU);
	assert_int_equal(bench_emit(&b), 1);
	expect_response(&b, 0, ROCE_RC_READ_RESP_ONLY, 3, 0, PMTU);
	read_request(&b, 4, UINT64_MAX, 0); /* of an empty one nothing is looked at */
	assert_int_equal(bench_emit(&b), 1);
	expect_response(&b, 0, ROCE_RC_READ_RESP_ONLY, 4, 0, 0);
	bench_wait(&b, SAN_DURATION_MS(1));
	assert_int_equal(bench_emit(&b), 0); /* the answers were the acknowledgement */
}

/* An ACK never overtakes the answer to what came before. */
static void
read__answers_and_acks_leave_in_order(void **state)
{
	struct bench b;

	open_all(&b);
	bench_request(&b, ROCE_RC_SEND_ONLY, 0, 5, true);
	read_request(&b, 1, VA, 2 * PMTU);
	bench_request(&b, ROCE_RC_SEND_ONLY, 3, 5, true);
	atomic_request(&b, ROCE_RC_FETCH_ADD, 4, VA, 1, 0);
	bench_request(&b, ROCE_RC_SEND_ONLY, 5, 5, true);
	rc_ack_now(&b.qp);
	assert_int_equal(bench_emit(&b), 4);
	expect_response(&b, 0, ROCE_RC_READ_RESP_FIRST, 1, 0, PMTU);
	expect_response(&b, 1, ROCE_RC_READ_RESP_LAST, 2, PMTU, PMTU);
	assert_int_equal(b.out[2].tx.opcode, ROCE_RC_ATOMIC_ACK);
	expect_ack(&b, 3, AETH_ACK_UNLIMITED, 5);
	assert_int_equal(b.out[3].tx.ext.msn, 5);
}

static void
read__gap_is_reported_behind_the_answers(void **state)
{
	struct bench b;

	open_all(&b);
	read_request(&b, 0, VA, 2 * PMTU);
	bench_request(&b, ROCE_RC_SEND_ONLY, 3, 5, true); /* 2 is missing */
	assert_int_equal(bench_emit(&b), 3);
	expect_ack(&b, 2, AETH_NAK_SEQ, 2);
}

/* Our requests and a long answer take turns. */
static void
read__does_not_starve_requests(void **state)
{
	struct bench b;

	open_all(&b);
	bench_post(&b, 10, 4, 1);
	read_request(&b, 0, VA, 8 * PMTU);
	assert_int_equal(bench_emit(&b), 12);
	for (uint32_t i = 0; i < 8; i++)
		assert_int_equal(b.out[i].kind, i % 2 == 0 ? RC_OUT_RESPONSE : RC_OUT_REQUEST);
}

static void
read__again_whole_or_the_rest(void **state)
{
	struct bench b;

	open_all(&b);
	read_request(&b, 0, VA, 4 * PMTU + 1);
	bench_emit(&b);
	read_request(&b, 0, VA, 4 * PMTU + 1);
	assert_int_equal(bench_emit(&b), 5);
	expect_response(&b, 0, ROCE_RC_READ_RESP_FIRST, 0, 0, PMTU);
	read_request(&b, 3, VA + 3 * PMTU, PMTU + 1);
	assert_int_equal(bench_emit(&b), 2);
	expect_response(&b, 0, ROCE_RC_READ_RESP_FIRST, 3, 3 * PMTU, PMTU);
	expect_response(&b, 1, ROCE_RC_READ_RESP_LAST, 4, 4 * PMTU, 1);
	read_request(&b, 1, VA + PMTU, 5); /* less than the rest */
	assert_int_equal(bench_emit(&b), 1);
	expect_response(&b, 0, ROCE_RC_READ_RESP_ONLY, 1, PMTU, 5);
	assert_int_equal(b.qp.msn, 1);
	assert_int_equal(b.qp.counters.rx_duplicates, 3);
}

/* However often it is asked for, it is one answer, begun anew. */
static void
read__again_while_it_is_answered_starts_again(void **state)
{
	struct rc_chunk chunk;
	struct roce_tx tx;
	struct bench b;

	open_all(&b);
	read_request(&b, 0, VA, 4 * PMTU);
	for (int i = 0; i < 3; i++)
		assert_int_equal(rc_emit(&b.qp, &tx, &chunk, b.now), RC_OUT_RESPONSE);
	for (int i = 0; i < 100; i++)
		read_request(&b, 0, VA, 4 * PMTU);
	read_request(&b, 1, VA + PMTU, 3 * PMTU);
	assert_int_equal(bench_emit(&b), 3);
	expect_response(&b, 0, ROCE_RC_READ_RESP_FIRST, 1, PMTU, PMTU);
	expect_response(&b, 2, ROCE_RC_READ_RESP_LAST, 3, 3 * PMTU, PMTU);
}

/* Not within what was asked for before: dropped, whatever it is. */
static void
read__again_but_different_is_dropped(void **state)
{
	struct bench b;

	open_all(&b);
	read_request(&b, 0, VA, 4 * PMTU);
	atomic_request(&b, ROCE_RC_FETCH_ADD, 4, VA + 8, 1, 0);
	bench_emit(&b);
	read_request(&b, 0, VA, 4 * PMTU + 1);
	read_request(&b, 0, VA + 1, 4 * PMTU);
	read_request(&b, 1, VA, 3 * PMTU);
	read_request(&b, 1, VA + PMTU, 4 * PMTU);
	read_request(&b, 1, VA + PMTU, 0);
	read_request(&b, 0xffffff, VA, PMTU);
	key ^= 1;
	read_request(&b, 0, VA, PMTU);
	key ^= 1;
	read_request(&b, 4, VA + 8, 8);
	atomic_request(&b, ROCE_RC_FETCH_ADD, 4, VA, 1, 0);
	atomic_request(&b, ROCE_RC_CMP_SWAP, 4, VA + 8, 1, 0);
	atomic_request(&b, ROCE_RC_FETCH_ADD, 0, VA, 1, 0);
	assert_int_equal(b.qp.counters.rx_forgotten, 11);
	assert_int_equal(bench_emit(&b), 0);
	assert_int_equal(rc_error(&b.qp), 0);
}

static void
atomic__executed_once_answered_as_often_as_asked(void **state)
{
	uint64_t was;
	struct bench b;

	open_all(&b);
	was = word(16);
	for (int i = 0; i < 3; i++) {
		atomic_request(&b, ROCE_RC_FETCH_ADD, 0, VA + 16, 5, 0);
		assert_int_equal(bench_emit(&b), 1);
		expect_atomic(&b, 0, 0, was);
		assert_int_equal(word(16), was + 5);
	}
	atomic_request(&b, ROCE_RC_CMP_SWAP, 1, VA + 16, 77, was);
	bench_emit(&b);
	expect_atomic(&b, 0, 1, was + 5); /* not what was expected: left alone */
	assert_int_equal(word(16), was + 5);
	for (int i = 0; i < 2; i++) {
		atomic_request(&b, ROCE_RC_CMP_SWAP, 2, VA + 16, 77, was + 5);
		bench_emit(&b);
		expect_atomic(&b, 0, 2, was + 5);
		assert_int_equal(word(16), 77);
	}
	assert_int_equal(b.qp.msn, 3);
}

/* A SEND that comes again is acknowledged, but not past a READ behind it: that would tell the peer
 * that the answer was lost. */
static void
duplicate__before_a_read_is_acknowledged_up_to_it(void **state)
{
	struct bench b;

	open_all(&b);
	bench_request(&b, ROCE_RC_SEND_ONLY, 0, 5, true);
	bench_request(&b, ROCE_RC_SEND_ONLY, 1, 5, true);
	read_request(&b, 2, VA, PMTU);
	bench_request(&b, ROCE_RC_SEND_ONLY, 3, 5, true);
	rc_ack_now(&b.qp);
	bench_emit(&b);
	bench_request(&b, ROCE_RC_SEND_ONLY, 0, 5, true);
	assert_int_equal(bench_emit(&b), 1);
	expect_ack(&b, 0, AETH_ACK_UNLIMITED, 1);
	bench_request(&b, ROCE_RC_SEND_ONLY, 3, 5, true);
	assert_int_equal(bench_emit(&b), 1);
	expect_ack(&b, 0, AETH_ACK_UNLIMITED, 3);
	/* All of it again, answered in order. */
	bench_request(&b, ROCE_RC_SEND_ONLY, 0, 5, true);
	read_request(&b, 2, VA, PMTU);
	bench_request(&b, ROCE_RC_SEND_ONLY, 3, 5, true);
	assert_int_equal(bench_emit(&b), 3);
	expect_ack(&b, 0, AETH_ACK_UNLIMITED, 1);
	expect_response(&b, 1, ROCE_RC_READ_RESP_ONLY, 2, 0, PMTU);
	expect_ack(&b, 2, AETH_ACK_UNLIMITED, 3);
}

/* A READ half of all PSNs ago is not one behind the duplicate. */
static void
duplicate__long_after_a_read(void **state)
{
	struct bench b;

	open_all(&b);
	read_request(&b, 0, VA, PMTU);
	bench_emit(&b);
	b.qp.expected = psn_add(RQ_PSN, 0x800010);
	bench_request(&b, ROCE_RC_SEND_ONLY, 0x800010, 5, true);
	bench_request(&b, ROCE_RC_SEND_ONLY, 0x800010, 5, true);
	assert_int_equal(bench_emit(&b), 1);
	expect_ack(&b, 0, AETH_ACK_UNLIMITED, 0x800010);
}

/* All PSNs have been used since: the newest request of that PSN is meant. */
static void
atomic__again_after_a_wrap(void **state)
{
	uint64_t was;
	struct bench b;

	open_all(&b);
	was = word(16);
	for (uint64_t i = 0; i < 2; i++) {
		b.qp.expected = RQ_PSN;
		atomic_request(&b, ROCE_RC_FETCH_ADD, 0, VA + 16, 5, 0);
		bench_emit(&b);
		atomic_request(&b, ROCE_RC_FETCH_ADD, 0, VA + 16, 5, 0);
		assert_int_equal(bench_emit(&b), 1);
		expect_atomic(&b, 0, 0, was + 5 * i);
	}
}

/* DEPTH requests are remembered, older ones are not; more at once were not agreed on. */
static void
resources__as_many_as_agreed(void **state)
{
	struct bench b;

	open_all(&b);
	for (uint32_t i = 0; i < DEPTH; i++)
		atomic_request(&b, ROCE_RC_FETCH_ADD, i, VA, 1, 0);
	assert_int_equal(bench_emit(&b), DEPTH);
	atomic_request(&b, ROCE_RC_FETCH_ADD, 0, VA, 1, 0); /* again: no new one */
	atomic_request(&b, ROCE_RC_FETCH_ADD, DEPTH, VA, 1, 0);
	assert_int_equal(bench_emit(&b), 1); /* the repeat's place was taken */
	atomic_request(&b, ROCE_RC_FETCH_ADD, 0, VA, 1, 0);
	assert_int_equal(b.qp.counters.rx_forgotten, 1);
	assert_int_equal(bench_emit(&b), 0);
	atomic_request(&b, ROCE_RC_FETCH_ADD, 1, VA, 1, 0);
	assert_int_equal(bench_emit(&b), 1);
	for (uint32_t i = 1; i <= DEPTH; i++)
		atomic_request(&b, ROCE_RC_FETCH_ADD, DEPTH + i, VA, 1, 0);
	assert_int_equal(rc_error(&b.qp), 0);
	atomic_request(&b, ROCE_RC_FETCH_ADD, 2 * DEPTH + 1, VA, 1, 0);
	assert_int_equal(rc_error(&b.qp), SAN_EPROTO);
	bench_expect_response(&b, AETH_NAK_INVALID, 2 * DEPTH + 1, 2 * DEPTH + 1);
}

static void
nak_invalid__reads_and_atomics(void **state)
{
	static const struct roce_pkt bad[] = {
	    {.opcode = ROCE_RC_READ_REQ, .payload_len = 4, .ext = {.va = VA, .dma_len = 4}},
	    {.opcode = ROCE_RC_READ_REQ, .ext = {.va = VA, .dma_len = RC_MESSAGE_MAX + 1}},
	    {.opcode = ROCE_RC_CMP_SWAP, .payload_len = 8, .ext = {.va = VA}},
	    {.opcode = ROCE_RC_CMP_SWAP, .ext = {.va = VA + 4}},
	    {.opcode = ROCE_RC_FETCH_ADD, .ext = {.va = VA + 1}},
	};
	struct roce_pkt p;
	struct bench b;

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		open_all(&b);
		p = bad[i];
		p.psn = RQ_PSN;
		p.ext.rkey = key;
		bench_packet(&b, p);
		bench_expect_response(&b, AETH_NAK_INVALID, 0, 0);
		assert_int_equal(rc_error(&b.qp), SAN_EPROTO);
	}
	open_all(&b);
	bench_request(&b, ROCE_RC_SEND_FIRST, 0, PMTU, false);
	read_request(&b, 1, VA, 8);
	bench_expect_response(&b, AETH_NAK_INVALID, 1, 0);
}

static void
nak_access__reads_and_atomics(void **state)
{
	static const struct {
		uint32_t access;
		uint8_t opcode;
		uint64_t va;
		uint32_t len;
	} bad[] = {
	    {RC_ACCESS_REMOTE_WRITE | RC_ACCESS_REMOTE_ATOMIC, ROCE_RC_READ_REQ, VA, 8},
	    {RC_ACCESS_REMOTE_READ, ROCE_RC_READ_REQ, VA - 1, 8},
	    {RC_ACCESS_REMOTE_READ, ROCE_RC_READ_REQ, VA, sizeof memory + 1},
	    {RC_ACCESS_REMOTE_READ, ROCE_RC_READ_REQ, VA, RC_MESSAGE_MAX},
	    {RC_ACCESS_REMOTE_READ | RC_ACCESS_REMOTE_WRITE, ROCE_RC_CMP_SWAP, VA, 0},
	    {RC_ACCESS_REMOTE_ATOMIC, ROCE_RC_FETCH_ADD, VA + sizeof memory, 0},
	    {RC_ACCESS_REMOTE_ATOMIC, ROCE_RC_FETCH_ADD, VA - 8, 0},
	};
	struct bench b;

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		open_with_access(&b, bad[i].access);
		bench_packet(&b, (struct roce_pkt){.opcode = bad[i].opcode,
				     .psn = RQ_PSN,
				     .ext = {.va = bad[i].va, .rkey = key, .dma_len = bad[i].len}});
		bench_expect_response(&b, AETH_NAK_ACCESS, 0, 0);
		assert_int_equal(rc_error(&b.qp), SAN_EPROTO);
	}
}

/* The region is looked up again for each packet that leaves. */
static void
nak_access__region_goes_while_it_is_read(void **state)
{
	struct rc_chunk chunk;
	struct roce_tx tx;
	struct bench b;

	for (int how = 0; how < 2; how++) {
		open_all(&b);
		read_request(&b, 0, VA, 4 * PMTU);
		bench_request(&b, ROCE_RC_SEND_ONLY, 4, 5, true);
		assert_int_equal(rc_emit(&b.qp, &tx, &chunk, b.now), RC_OUT_RESPONSE);
		if (how == 0)
			assert_int_equal(rc_mr_deregister(&mrs, key), 0);
		else
			assert_int_equal(rc_mr_invalidate(&mrs, PD, key, false), 0);
		assert_int_equal(bench_emit(&b), 1);
		expect_ack(&b, 0, AETH_NAK_ACCESS, 1);
		assert_int_equal(rc_error(&b.qp), SAN_EPROTO);
	}
}

/* The peer had the answer and said so to the region's owner; then a copy of its request comes that
 * the network held back. It waits for nothing, and is not told off. */
static void
repeat__of_what_was_answered_when_the_region_has_gone(void **state)
{
	struct bench b;

	open_all(&b);
	read_request(&b, 0, VA, 2 * PMTU);
	read_request(&b, 2, VA, PMTU);
	assert_int_equal(bench_emit(&b), 3);
	assert_int_equal(rc_mr_deregister(&mrs, key), 0);
	read_request(&b, 0, VA, 2 * PMTU);
	read_request(&b, 2, VA, PMTU);
	assert_int_equal(bench_emit(&b), 2);
	expect_ack(&b, 0, AETH_ACK_UNLIMITED, PSN_MASK);
	expect_ack(&b, 1, AETH_ACK_UNLIMITED, 1);
	assert_int_equal(b.qp.counters.rx_forgotten, 2);
	assert_int_equal(rc_error(&b.qp), 0);
	assert_false(rc_has_work(&b.qp, b.now));
}

/* Half of an answer is none: who asks for the rest must know that it cannot have it. */
static void
repeat__of_what_was_answered_by_half_is_refused(void **state)
{
	struct rc_chunk chunk;
	struct roce_tx tx;
	struct bench b;

	open_all(&b);
	read_request(&b, 0, VA, 4 * PMTU);
	assert_int_equal(rc_emit(&b.qp, &tx, &chunk, b.now), RC_OUT_RESPONSE);
	assert_int_equal(rc_mr_deregister(&mrs, key), 0);
	read_request(&b, 0, VA, 4 * PMTU);
	assert_int_equal(bench_emit(&b), 1);
	expect_ack(&b, 0, AETH_NAK_ACCESS, 0);
	assert_int_equal(rc_error(&b.qp), SAN_EPROTO);
}

/* 2^31 bytes are half of all PSNs; the answer is streamed, and can be asked for again anywhere. */
static void
read__2_to_31_bytes(void **state)
{
	uint32_t total = RC_MESSAGE_MAX / PMTU;
	struct rc_chunk chunk;
	struct roce_tx tx;
	struct bench b;

	open_all(&b);
	slots[key >> 8].len = RC_MESSAGE_MAX; /* nobody looks at the bytes */
	read_request(&b, 0, VA, RC_MESSAGE_MAX);
	for (uint32_t i = 0; i < total; i++) {
		assert_int_equal(rc_emit(&b.qp, &tx, &chunk, b.now), RC_OUT_RESPONSE);
		assert_int_equal(tx.psn, psn_add(RQ_PSN, i));
		assert_ptr_equal(tx.seg[0].base, memory + (uint64_t)i * PMTU);
	}
	assert_int_equal(tx.opcode, ROCE_RC_READ_RESP_LAST);
	read_request(&b, total - 2, VA + (uint64_t)(total - 2) * PMTU, 2 * PMTU);
	assert_int_equal(bench_emit(&b), 2);
	bench_request(&b, ROCE_RC_SEND_ONLY, total, 5, true);
	assert_true(b.in.delivered);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(read__is_cut_into_packets_without_copying),
	    cmocka_unit_test(read__answers_and_acks_leave_in_order),
	    cmocka_unit_test(read__gap_is_reported_behind_the_answers),
	    cmocka_unit_test(read__does_not_starve_requests),
	    cmocka_unit_test(read__again_whole_or_the_rest),
	    cmocka_unit_test(read__again_while_it_is_answered_starts_again),
	    cmocka_unit_test(read__again_but_different_is_dropped),
	    cmocka_unit_test(atomic__executed_once_answered_as_often_as_asked),
	    cmocka_unit_test(duplicate__before_a_read_is_acknowledged_up_to_it),
	    cmocka_unit_test(duplicate__long_after_a_read),
	    cmocka_unit_test(atomic__again_after_a_wrap),
	    cmocka_unit_test(resources__as_many_as_agreed),
	    cmocka_unit_test(nak_invalid__reads_and_atomics),
	    cmocka_unit_test(nak_access__reads_and_atomics),
	    cmocka_unit_test(nak_access__region_goes_while_it_is_read),
	    cmocka_unit_test(repeat__of_what_was_answered_when_the_region_has_gone),
	    cmocka_unit_test(repeat__of_what_was_answered_by_half_is_refused),
	    cmocka_unit_test(read__2_to_31_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
