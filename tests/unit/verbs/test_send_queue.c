/* SPDX-License-Identifier: BSD-3-Clause */
#include "pair.h"

static uint8_t out[8192], in[8192];

static void
bytes_fill(uint8_t *p, size_t len, uint32_t salt)
{
	for (size_t i = 0; i < len; i++)
		p[i] = (uint8_t)(i * 7 + (i >> 8) + salt);
}

static void
post__completes_in_order(void **state)
{
	struct pair p;

	pair_init(&p, 1);
	bytes_fill(out, sizeof out, 1);
	for (uint64_t i = 0; i < 8; i++) {
		pair_post_recv(&p, 1, 100 + i, in + i * 700, 700);
		pair_post_send(&p, 0, i, out + i * 700, (uint32_t)(i * 100));
	}
	pair_expect_nothing(&p, 0);
	pair_settle(&p);
	for (uint64_t i = 0; i < 8; i++) {
		assert_int_equal(pair_expect(&p, 0, i, VERBS_STATUS_OK).len, i * 100);
		assert_int_equal(pair_expect(&p, 1, 100 + i, VERBS_STATUS_OK).len, i * 100);
		assert_memory_equal(in + i * 700, out + i * 700, i * 100);
	}
	pair_expect_nothing(&p, 0);
	pair_expect_nothing(&p, 1);
}

/* Pieces end inside packets, at their ends, and where there is nothing. */
static void
post__gathers_and_scatters(void **state)
{
	static const uint32_t cuts[][2] = {{1, 2}, {256, 512}, {0, 300}, {255, 257}, {300, 300}};
	const uint32_t len = 700;
	struct pair p;

	bytes_fill(out, sizeof out, 2);
	for (size_t from = 0; from < 5; from++) {
		for (size_t to = 0; to < 5; to++) {
			uint32_t a = cuts[from][0], b = cuts[from][1];
			uint32_t c = cuts[to][0], d = cuts[to][1];
			struct verbs_send s = {.op = VERBS_SEND,
			    .sge_count = 3,
			    .sge = {{out, a}, {out + a, b - a}, {out + b, len - b}}};
			struct verbs_recv r = {
			    .sge_count = 3, .sge = {{in, c}, {in + c, d - c}, {in + d, len - d}}};

			pair_init(&p, 1);
			memset(in, 0, sizeof in);
			assert_int_equal(verbs_post_recv(&p.end[1].v, &r), 0);
			assert_int_equal(verbs_post_send(&p.end[0].v, &s), 0);
			pair_settle(&p);
			assert_int_equal(pair_expect(&p, 1, 0, VERBS_STATUS_OK).len, len);
			assert_memory_equal(in, out, len);
		}
	}
}

/* More than the queue pair takes at once waits here; completions not taken keep their places. */
static void
post__waits_and_fills(void **state)
{
	struct verbs_send wr = pair_send(VERBS_SEND, 0, out, 3000);
	struct pair p;

	pair_init(&p, 1);
	for (uint64_t i = 0; i < QUEUE; i++) {
		wr.cookie = i;
		wr.sge[0].len = 3000 + (uint32_t)i; /* each a run of its own */
		pair_post_recv(&p, 1, i, in, sizeof in);
		assert_int_equal(verbs_post_send(&p.end[0].v, &wr), 0);
	}
	assert_int_equal(verbs_post_send(&p.end[0].v, &wr), SAN_ENOBUFS);
	assert_false(verbs_send_idle(&p.end[0].v));
	pair_settle(&p);
	assert_true(verbs_send_idle(&p.end[0].v));
	assert_int_equal(verbs_post_send(&p.end[0].v, &wr), SAN_ENOBUFS);
	for (uint64_t i = 0; i < QUEUE; i++)
		assert_int_equal(pair_expect(&p, 0, i, VERBS_STATUS_OK).len, 3000 + i);
	assert_int_equal(verbs_post_send(&p.end[0].v, &wr), 0);
}

static void
post__refuses(void **state)
{
	struct verbs_send wr = pair_send(VERBS_OP_COUNT, 0, out, 1);
	struct pair p;

	pair_init(&p, 1);
	assert_int_equal(verbs_post_send(&p.end[0].v, &wr), SAN_EINVAL);
	wr.op = VERBS_SEND;
	wr.sge_count = VERBS_SGE_MAX + 1;
	assert_int_equal(verbs_post_send(&p.end[0].v, &wr), SAN_EINVAL);
	wr.sge_count = 2;
	wr.sge[0].len = RC_MESSAGE_MAX;
	wr.sge[1] = (struct verbs_sge){out, 1};
	assert_int_equal(verbs_post_send(&p.end[0].v, &wr), SAN_EMSGSIZE);
	wr.sge[1].len = UINT32_MAX;
	assert_int_equal(verbs_post_send(&p.end[0].v, &wr), SAN_EMSGSIZE);
	pair_expect_nothing(&p, 0);
}

static void
init__refuses(void **state)
{
	struct pair p;
	struct verbs_open o;

	pair_start(&p, 1);
	o = pair_open(&p, 0);
	o.send_count = 3;
	assert_int_equal(verbs_init(&p.end[0].v, &o, p.now), SAN_EINVAL);
	o = pair_open(&p, 0);
	o.recv_count = 0;
	assert_int_equal(verbs_init(&p.end[0].v, &o, p.now), SAN_EINVAL);
	o = pair_open(&p, 0);
	o.early = (struct verbs_early){.ring = {p.end[0].early, 1024}, .message_max = 1024};
	assert_int_equal(verbs_init(&p.end[0].v, &o, p.now), SAN_EINVAL);
	o = pair_open(&p, 0);
	o.rc.pmtu = 300;
	assert_int_equal(verbs_init(&p.end[0].v, &o, p.now), SAN_EINVAL);
}

/* The request the peer refuses says why, those behind it are not done. */
static void
refusal__names_the_request(void **state)
{
	static const struct {
		uint8_t syndrome, status;
	} cases[] = {
	    {AETH_NAK_INVALID, VERBS_STATUS_INVALID},
	    {AETH_NAK_ACCESS, VERBS_STATUS_ACCESS},
	    {AETH_NAK_OPERATION, VERBS_STATUS_OPERATION},
	    {0x64, VERBS_STATUS_PROTOCOL},
	};
	struct roce_pkt nak = {.opcode = ROCE_RC_ACK, .dest_qp = 0x10};
	struct pair p;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		pair_init(&p, 1);
		pair_post_recv(&p, 0, 9, in, sizeof in);
		for (uint64_t n = 0; n < 4; n++)
			pair_post_send(&p, 0, n, out, 10);
		pair_emit(&p);
		nak.psn = 0xfffffcu;
		nak.ext.syndrome = cases[i].syndrome;
		verbs_receive(&p.end[0].v, &nak, p.now);
		assert_int_equal(verbs_error(&p.end[0].v), SAN_ECONNRESET);
		pair_expect(&p, 0, 0, cases[i].status);
		for (uint64_t n = 1; n < 4; n++)
			pair_expect(&p, 0, n, VERBS_STATUS_FLUSHED);
		pair_expect(&p, 0, 9, VERBS_STATUS_FLUSHED);
		pair_post_send(&p, 0, 4, out, 10);
		pair_expect(&p, 0, 4, VERBS_STATUS_FLUSHED);
		pair_expect_nothing(&p, 0);
		assert_int_equal(verbs_deadline(&p.end[0].v).ns, UINT64_MAX);
	}
}

static void
silence__ends_it(void **state)
{
	struct pair p;

	pair_init(&p, 1);
	p.loss = 1000;
	pair_post_send(&p, 0, 1, out, 10);
	pair_post_send(&p, 0, 2, out, 10);
	pair_settle(&p);
	assert_int_equal(verbs_error(&p.end[0].v), SAN_ETIMEDOUT);
	pair_expect(&p, 0, 1, VERBS_STATUS_RETRY);
	pair_expect(&p, 0, 2, VERBS_STATUS_FLUSHED);
}

static void
stop__flushes(void **state)
{
	struct pair p;
	struct roce_tx tx;

	pair_init(&p, 1);
	pair_post_recv(&p, 0, 1, in, 100);
	pair_post_send(&p, 0, 2, out, 100);
	verbs_stop(&p.end[0].v);
	verbs_stop(&p.end[0].v);
	assert_int_equal(verbs_error(&p.end[0].v), SAN_ECANCELED);
	assert_false(verbs_emit(&p.end[0].v, &tx, p.now));
	pair_expect(&p, 0, 2, VERBS_STATUS_FLUSHED);
	pair_expect(&p, 0, 1, VERBS_STATUS_FLUSHED);
	/* Nothing of the peer's is taken any more. */
	pair_post_recv(&p, 0, 3, in, 100);
	pair_expect(&p, 0, 3, VERBS_STATUS_FLUSHED);
	pair_post_send(&p, 1, 4, out, 100);
	pair_settle(&p);
	pair_expect(&p, 1, 4, VERBS_STATUS_RETRY);
	pair_expect_nothing(&p, 0);
}

static void
names__cover_the_lists(void **state)
{
	for (uint8_t i = 0; i < VERBS_OP_COUNT; i++)
		assert_string_not_equal(verbs_op_name(i), "?");
	assert_string_equal(verbs_op_name(VERBS_OP_COUNT), "?");
	for (uint8_t i = 0; i < VERBS_STATUS_COUNT; i++)
		assert_string_not_equal(verbs_status_text(i), "?");
	assert_string_equal(verbs_status_name(VERBS_STATUS_COUNT), "?");
	assert_string_equal(verbs_status_text(VERBS_STATUS_COUNT), "?");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(post__completes_in_order),
	    cmocka_unit_test(post__gathers_and_scatters),
	    cmocka_unit_test(post__waits_and_fills),
	    cmocka_unit_test(post__refuses),
	    cmocka_unit_test(init__refuses),
	    cmocka_unit_test(refusal__names_the_request),
	    cmocka_unit_test(silence__ends_it),
	    cmocka_unit_test(stop__flushes),
	    cmocka_unit_test(names__cover_the_lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
