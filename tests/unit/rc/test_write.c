/* SPDX-License-Identifier: BSD-3-Clause */
/* RDMA WRITE and SEND with Invalidate: what the peer may do to our memory, and how we ask the same
 * of it. */
#include "fixture.h"

#define VA 0x7f0000001000u
#define PD 3

static uint8_t memory[16 * PMTU];
static struct rc_mr slots[4];
static struct rc_mrs mrs;
static uint32_t key;

static void
open_with_region(struct bench *b, uint32_t len, uint32_t access)
{
	struct rc_open o = bench_defaults();

	memset(memory, 0xee, sizeof memory);
	assert_int_equal(rc_mrs_init(&mrs, slots, 4, (struct prng){1}), 0);
	assert_int_equal(rc_mr_register(&mrs, PD, VA, memory, len, access, &key), 0);
	o.mrs = &mrs;
	o.pd = PD;
	bench_open(b, &o);
}

/* Payload that says which packet it is. */
static void
write_packet(struct bench *b, uint8_t opcode, uint32_t ahead, uint16_t len, uint64_t va,
    uint32_t rkey, uint32_t dma_len)
{
	struct roce_pkt p = {.opcode = opcode,
	    .psn = (RQ_PSN + ahead) & PSN_MASK,
	    .dest_qp = 0x11,
	    .payload_len = len,
	    .ext = {.va = va, .rkey = rkey, .dma_len = dma_len, .imm = 0xdecafbad}};
	uint8_t bytes[2 * PMTU];

	memset(bytes, (int)ahead + 1, sizeof bytes);
	p.payload = bytes;
	rc_receive(&b->qp, &p, b->now, &b->in);
}

static void
expect_bytes(uint32_t from, uint32_t to, uint8_t value)
{
	for (uint32_t i = from; i < to; i++)
		assert_int_equal(memory[i], value);
}

static void
expect_refused(struct bench *b, uint8_t nak, uint32_t ahead, uint32_t msn)
{
	assert_false(b->in.delivered);
	assert_int_equal(rc_error(&b->qp), SAN_EPROTO);
	bench_expect_response(b, nak, ahead, msn);
}

static void
write__train_lands_where_it_says(void **state)
{
	struct bench b;

	open_with_region(&b, sizeof memory, RC_ACCESS_REMOTE_WRITE);
	write_packet(&b, ROCE_RC_WRITE_FIRST, 0, PMTU, VA + 5, key, 2 * PMTU + 7);
	write_packet(&b, ROCE_RC_WRITE_MIDDLE, 1, PMTU, 0, 0, 0);
	write_packet(&b, ROCE_RC_WRITE_LAST, 2, 7, 0, 0, 0);
	assert_false(b.in.delivered);
	expect_bytes(0, 5, 0xee);
	expect_bytes(5, 5 + PMTU, 1);
	expect_bytes(5 + PMTU, 5 + 2 * PMTU, 2);
	expect_bytes(5 + 2 * PMTU, 12 + 2 * PMTU, 3);
	expect_bytes(12 + 2 * PMTU, sizeof memory, 0xee);
	rc_ack_now(&b.qp);
	bench_expect_response(&b, AETH_ACK_UNLIMITED, 2, 1);
	assert_int_equal(b.qp.recv_count, 0);
}

static void
write__duplicate_is_not_done_again(void **state)
{
	struct bench b;

	open_with_region(&b, sizeof memory, RC_ACCESS_REMOTE_WRITE);
	write_packet(&b, ROCE_RC_WRITE_ONLY, 0, 8, VA, key, 8);
	memset(memory, 0xaa, 8);
	write_packet(&b, ROCE_RC_WRITE_ONLY, 0, 8, VA, key, 8);
	expect_bytes(0, 8, 0xaa);
	bench_expect_response(&b, AETH_ACK_UNLIMITED, 0, 1);
}

static void
write__immediate_takes_a_buffer_with_its_last_packet(void **state)
{
	struct bench b;

	open_with_region(&b, sizeof memory, RC_ACCESS_REMOTE_WRITE);
	b.qp.recv_limit = 1;
	write_packet(&b, ROCE_RC_WRITE_FIRST, 0, PMTU, VA, key, PMTU + 1);
	write_packet(&b, ROCE_RC_WRITE_LAST_IMM, 1, 1, 0, 0, 0);
	assert_true(b.in.delivered && b.in.write_imm && b.in.imm && b.in.first && b.in.last);
	assert_int_equal(b.in.write_len, PMTU + 1);
	assert_int_equal(b.in.imm_data, 0xdecafbad);
	assert_int_equal(b.in.len, 0);
	write_packet(&b, ROCE_RC_WRITE_FIRST, 2, PMTU, VA, key, PMTU + 1); /* needs none */
	bench_emit(&b);
	write_packet(&b, ROCE_RC_WRITE_LAST_IMM, 3, 1, 0, 0, 0);
	assert_false(b.in.delivered);
	expect_bytes(PMTU, PMTU + 1, 2); /* nothing is done before there is a buffer */
	bench_expect_response(&b, AETH_RNR | 12, 3, 1);
	rc_recv_limit(&b.qp, 2);
	write_packet(&b, ROCE_RC_WRITE_LAST_IMM, 3, 1, 0, 0, 0);
	assert_true(b.in.delivered);
	expect_bytes(PMTU, PMTU + 1, 4);
}

static void
write__empty_ones_need_no_key(void **state)
{
	struct bench b;

	open_with_region(&b, 8, 0);
	write_packet(&b, ROCE_RC_WRITE_ONLY, 0, 0, UINT64_MAX, 0xbad, 0);
	assert_false(b.in.delivered);
	write_packet(&b, ROCE_RC_WRITE_ONLY_IMM, 1, 0, UINT64_MAX, 0xbad, 0);
	assert_true(b.in.delivered && b.in.write_imm);
	assert_int_equal(b.in.write_len, 0);
	assert_int_equal(rc_error(&b.qp), 0);
}

/* Key, bounds, right: all of the message is looked at before any of it is written. */
static void
nak_access__first_packet_speaks_for_the_whole(void **state)
{
	static const struct {
		uint64_t va;
		uint32_t len, access, wrong_key, wrong_pd;
	} bad[] = {
	    {VA, 4 * PMTU + 1, RC_ACCESS_REMOTE_WRITE, 0, 0},
	    {VA - 1, 2 * PMTU, RC_ACCESS_REMOTE_WRITE, 0, 0},
	    {VA + 2 * PMTU + 1, 2 * PMTU, RC_ACCESS_REMOTE_WRITE, 0, 0},
	    {UINT64_MAX, 2 * PMTU, RC_ACCESS_REMOTE_WRITE, 0, 0},
	    {VA, RC_MESSAGE_MAX, RC_ACCESS_REMOTE_WRITE, 0, 0},
	    {VA, 2 * PMTU, RC_ACCESS_REMOTE_READ | RC_ACCESS_REMOTE_ATOMIC, 0, 0},
	    {VA, 2 * PMTU, RC_ACCESS_REMOTE_WRITE, 1, 0},
	    {VA, 2 * PMTU, RC_ACCESS_REMOTE_WRITE, 0, 1},
	};
	struct bench b;

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		open_with_region(&b, 4 * PMTU, bad[i].access);
		b.qp.pd += bad[i].wrong_pd;
		write_packet(&b, ROCE_RC_WRITE_FIRST, 0, PMTU, bad[i].va, key ^ bad[i].wrong_key,
		    bad[i].len);
		expect_refused(&b, AETH_NAK_ACCESS, 0, 0);
		expect_bytes(0, sizeof memory, 0xee);
	}
}

static void
nak_access__region_goes_in_the_middle(void **state)
{
	struct bench b;

	for (int how = 0; how < 2; how++) {
		open_with_region(&b, 4 * PMTU, RC_ACCESS_REMOTE_WRITE);
		write_packet(&b, ROCE_RC_WRITE_FIRST, 0, PMTU, VA, key, 3 * PMTU);
		if (how == 0)
			assert_int_equal(rc_mr_deregister(&mrs, key), 0);
		else
			assert_int_equal(rc_mr_invalidate(&mrs, PD, key, false), 0);
		write_packet(&b, ROCE_RC_WRITE_MIDDLE, 1, PMTU, 0, 0, 0);
		expect_refused(&b, AETH_NAK_ACCESS, 1, 0);
		expect_bytes(PMTU, sizeof memory, 0xee);
	}
}

/* Each packet must be as long as the announced length leaves no choice but. */
static void
nak_invalid__lengths_that_do_not_add_up(void **state)
{
	static const struct {
		uint8_t opcode;
		uint16_t len;
		uint32_t announced; /* by the packet itself, or by the First before it */
		bool before;
	} bad[] = {
	    {ROCE_RC_WRITE_ONLY, 5, 4, false},
	    {ROCE_RC_WRITE_ONLY, 5, 6, false},
	    {ROCE_RC_WRITE_ONLY, 0, 1, false},
	    {ROCE_RC_WRITE_ONLY, PMTU + 1, PMTU + 1, false},
	    {ROCE_RC_WRITE_FIRST, PMTU - 1, 2 * PMTU, false},
	    {ROCE_RC_WRITE_FIRST, PMTU, PMTU, false},
	    {ROCE_RC_WRITE_FIRST, PMTU, 0, false},
	    {ROCE_RC_WRITE_FIRST, PMTU, RC_MESSAGE_MAX + 1, false},
	    {ROCE_RC_WRITE_MIDDLE, PMTU, 2 * PMTU, true},
	    {ROCE_RC_WRITE_MIDDLE, PMTU - 1, 3 * PMTU, true},
	    {ROCE_RC_WRITE_LAST, PMTU, 3 * PMTU, true},
	    {ROCE_RC_WRITE_LAST, 5, PMTU + 4, true},
	    {ROCE_RC_WRITE_LAST, 5, PMTU + 6, true},
	    {ROCE_RC_WRITE_LAST, 0, PMTU + 6, true},
	    {ROCE_RC_WRITE_LAST_IMM, 5, PMTU + 6, true},
	    {ROCE_RC_SEND_LAST, 5, PMTU + 5, true},
	    {ROCE_RC_SEND_MIDDLE, PMTU, 3 * PMTU, true},
	};
	struct bench b;

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		open_with_region(&b, sizeof memory, RC_ACCESS_REMOTE_WRITE);
		if (bad[i].before)
			write_packet(&b, ROCE_RC_WRITE_FIRST, 0, PMTU, VA, key, bad[i].announced);
		assert_int_equal(rc_error(&b.qp), 0);
		write_packet(&b, bad[i].opcode, bad[i].before, bad[i].len, VA, key,
		    bad[i].before ? 0 : bad[i].announced);
		expect_refused(&b, AETH_NAK_INVALID, bad[i].before, 0);
	}
}

static void
send_inv__invalidates_what_it_may(void **state)
{
	struct bench b;

	open_with_region(&b, 8, RC_ACCESS_REMOTE_WRITE | RC_ACCESS_INVALIDATE);
	write_packet(&b, ROCE_RC_SEND_ONLY_INV, 0, 5, 0, key, 0);
	assert_true(b.in.delivered && b.in.inv && b.in.last && !b.in.imm);
	assert_int_equal(b.in.inv_key, key);
	assert_null(rc_mr_find(&mrs, PD, key, VA, 1, RC_ACCESS_REMOTE_WRITE));

	open_with_region(&b, 8, RC_ACCESS_REMOTE_WRITE);
	write_packet(&b, ROCE_RC_SEND_FIRST, 0, PMTU, 0, 0, 0);
	write_packet(&b, ROCE_RC_SEND_LAST_INV, 1, 5, 0, key, 0);
	expect_refused(&b, AETH_NAK_ACCESS, 1, 0);
	assert_non_null(rc_mr_find(&mrs, PD, key, VA, 1, RC_ACCESS_REMOTE_WRITE));
}

/* A buffer's size counts when a message begins, not while it comes. */
static void
send__goes_into_the_buffer_it_began_with(void **state)
{
	struct bench b;

	bench_init(&b);
	rc_recv_size(&b.qp, PMTU + 1);
	bench_request(&b, ROCE_RC_SEND_FIRST, 0, PMTU, false);
	rc_recv_size(&b.qp, 4);
	bench_request(&b, ROCE_RC_SEND_LAST, 1, 1, false);
	assert_true(b.in.delivered);
	bench_request(&b, ROCE_RC_SEND_ONLY, 2, 4, false);
	assert_true(b.in.delivered);
	bench_request(&b, ROCE_RC_SEND_ONLY, 3, 5, false);
	expect_refused(&b, AETH_NAK_INVALID, 3, 2);
}

static void
emit__every_kind_has_its_opcodes(void **state)
{
	static const struct {
		uint8_t kind, first, middle, last, only;
	} want[] = {
	    {RC_SEND, ROCE_RC_SEND_FIRST, ROCE_RC_SEND_MIDDLE, ROCE_RC_SEND_LAST,
		ROCE_RC_SEND_ONLY},
	    {RC_SEND_IMM, ROCE_RC_SEND_FIRST, ROCE_RC_SEND_MIDDLE, ROCE_RC_SEND_LAST_IMM,
		ROCE_RC_SEND_ONLY_IMM},
	    {RC_SEND_INV, ROCE_RC_SEND_FIRST, ROCE_RC_SEND_MIDDLE, ROCE_RC_SEND_LAST_INV,
		ROCE_RC_SEND_ONLY_INV},
	    {RC_WRITE, ROCE_RC_WRITE_FIRST, ROCE_RC_WRITE_MIDDLE, ROCE_RC_WRITE_LAST,
		ROCE_RC_WRITE_ONLY},
	    {RC_WRITE_IMM, ROCE_RC_WRITE_FIRST, ROCE_RC_WRITE_MIDDLE, ROCE_RC_WRITE_LAST_IMM,
		ROCE_RC_WRITE_ONLY_IMM},
	};
	struct bench b;

	for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
		struct rc_run m = {.kind = want[i].kind, .len = 2 * PMTU + 1, .count = 1};

		bench_init(&b);
		assert_int_equal(rc_post(&b.qp, &m), 0);
		m.len = 3;
		assert_int_equal(rc_post(&b.qp, &m), 0);
		assert_int_equal(bench_emit(&b), 4);
		assert_int_equal(b.out[0].tx.opcode, want[i].first);
		assert_int_equal(b.out[0].tx.ext.dma_len, 2 * PMTU + 1);
		assert_int_equal(b.out[1].tx.opcode, want[i].middle);
		assert_int_equal(b.out[2].tx.opcode, want[i].last);
		assert_int_equal(b.out[3].tx.opcode, want[i].only);
		assert_int_equal(b.out[3].tx.ext.dma_len, 3);
	}
}

/* The longest message takes half of all PSNs; a second one must wait for it. */
static void
emit__2_to_31_bytes(void **state)
{
	struct rc_run m = {.kind = RC_WRITE, .len = RC_MESSAGE_MAX, .count = 1};
	uint32_t at = 0, total = RC_MESSAGE_MAX / PMTU;
	struct bench b;

	bench_init(&b);
	m.len++;
	assert_int_equal(rc_post(&b.qp, &m), SAN_EINVAL);
	m.len--;
	assert_int_equal(rc_post(&b.qp, &m), 0);
	while (bench_emit(&b), at + b.count < total) {
		assert_int_equal(b.count, 64);
		assert_int_equal(b.out[0].chunk.offset, at * PMTU);
		assert_int_equal(b.out[63].tx.opcode, ROCE_RC_WRITE_MIDDLE);
		at += 63;
		bench_answer(&b, AETH_NAK_SEQ, at);
		assert_int_equal(bench_reaped(&b), 0);
		assert_int_equal(rc_post(&b.qp, &m), SAN_EAGAIN);
	}
	assert_int_equal(b.out[b.count - 1].tx.opcode, ROCE_RC_WRITE_LAST);
	bench_answer(&b, AETH_ACK_UNLIMITED, total - 2);
	assert_int_equal(rc_post(&b.qp, &m), SAN_EAGAIN);
	assert_int_equal(bench_reaped(&b), 0);
	bench_answer(&b, AETH_ACK_UNLIMITED, total - 1);
	assert_int_equal(bench_reaped(&b), 1);
	assert_int_equal(rc_post(&b.qp, &m), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(write__train_lands_where_it_says),
	    cmocka_unit_test(write__duplicate_is_not_done_again),
	    cmocka_unit_test(write__immediate_takes_a_buffer_with_its_last_packet),
	    cmocka_unit_test(write__empty_ones_need_no_key),
	    cmocka_unit_test(nak_access__first_packet_speaks_for_the_whole),
	    cmocka_unit_test(nak_access__region_goes_in_the_middle),
	    cmocka_unit_test(nak_invalid__lengths_that_do_not_add_up),
	    cmocka_unit_test(send_inv__invalidates_what_it_may),
	    cmocka_unit_test(send__goes_into_the_buffer_it_began_with),
	    cmocka_unit_test(emit__every_kind_has_its_opcodes),
	    cmocka_unit_test(emit__2_to_31_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
