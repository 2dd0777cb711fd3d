/* SPDX-License-Identifier: BSD-3-Clause */
#include "pair.h"

#define MESSAGE_MAX 1000u

static uint8_t out[8192], in[8192];

static void
bytes_fill(uint8_t *p, size_t len, uint32_t salt)
{
	for (size_t i = 0; i < len; i++)
		p[i] = (uint8_t)(i * 5 + (i >> 8) + salt);
}

/* End 1 keeps early messages. */
static void
early_init(struct pair *p, uint32_t ring)
{
	struct verbs_open o;

	pair_start(p, 1);
	o = pair_open(p, 0);
	assert_int_equal(verbs_init(&p->end[0].v, &o, p->now), 0);
	o = pair_open(p, 1);
	o.early = (struct verbs_early){{p->end[1].early, ring}, MESSAGE_MAX};
	assert_int_equal(verbs_init(&p->end[1].v, &o, p->now), 0);
	bytes_fill(out, sizeof out, 3);
	memset(in, 0, sizeof in);
}

/* Nobody listens yet: the peer is told to wait, and the message comes when there is a receive. */
static void
none_posted__peer_waits(void **state)
{
	struct pair p;

	pair_init(&p, 1);
	bytes_fill(out, sizeof out, 1);
	pair_post_send(&p, 0, 1, out, 600);
	for (int i = 0; i < 50; i++)
		pair_step(&p);
	assert_true(p.end[1].v.qp.counters.rnr_sent > 0);
	pair_expect_nothing(&p, 1);
	pair_post_recv(&p, 1, 2, in, 600);
	pair_settle(&p);
	assert_int_equal(pair_expect(&p, 1, 2, VERBS_STATUS_OK).len, 600);
	assert_memory_equal(in, out, 600);
	pair_expect(&p, 0, 1, VERBS_STATUS_OK);
}

static void
rnr_patience__ends_it(void **state)
{
	struct verbs_open o;
	struct pair p;

	pair_init(&p, 1);
	o = pair_open(&p, 0);
	o.rc.params.rnr_retry = 2;
	assert_int_equal(verbs_init(&p.end[0].v, &o, p.now), 0);
	pair_post_send(&p, 0, 1, out, 10);
	pair_settle(&p);
	pair_expect(&p, 0, 1, VERBS_STATUS_RNR);
}

static void
too_long__ends_the_connection(void **state)
{
	static const uint32_t lens[] = {101, 300, 600};
	struct pair p;

	for (size_t i = 0; i < 3; i++) {
		pair_init(&p, 1);
		pair_post_recv(&p, 1, 1, in, i < 2 ? 100 : 500);
		pair_post_recv(&p, 1, 2, in, sizeof in);
		pair_post_send(&p, 0, 3, out, lens[i]);
		pair_settle(&p);
		assert_int_equal(verbs_error(&p.end[1].v), SAN_EPROTO);
		pair_expect(&p, 1, 1, VERBS_STATUS_LENGTH);
		pair_expect(&p, 1, 2, VERBS_STATUS_FLUSHED);
		pair_expect(&p, 0, 3, VERBS_STATUS_INVALID);
	}
}

/* Each message meets the size of its own buffer, not of the one before. */
static void
sizes__are_each_receives_own(void **state)
{
	static const uint32_t lens[] = {10, 600, 0, 257, 256, 1};
	struct pair p;

	pair_init(&p, 1);
	for (size_t i = 0; i < 6; i++) {
		pair_post_recv(&p, 1, i, in, lens[i]);
		pair_post_send(&p, 0, i, out, lens[i]);
	}
	pair_settle(&p);
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(pair_expect(&p, 1, i, VERBS_STATUS_OK).len, lens[i]);
}

static void
early__waits_for_a_receive(void **state)
{
	static const uint32_t lens[] = {600, 0, 1, MESSAGE_MAX};
	struct pair p;
	uint32_t at = 0;

	early_init(&p, EARLY);
	for (uint64_t i = 0; i < 4; i++) {
		pair_post_send(&p, 0, i, out + at, lens[i]);
		at += lens[i];
	}
	pair_settle(&p);
	assert_int_equal(p.end[1].v.qp.counters.rnr_sent, 0);
	for (uint64_t i = 0; i < 4; i++)
		pair_expect(&p, 0, i, VERBS_STATUS_OK);
	at = 0;
	for (uint64_t i = 0; i < 4; i++) {
		pair_post_recv(&p, 1, 10 + i, in, MESSAGE_MAX);
		assert_int_equal(pair_expect(&p, 1, 10 + i, VERBS_STATUS_OK).len, lens[i]);
		assert_memory_equal(in, out + at, lens[i]);
		at += lens[i];
	}
	/* A receive posted first takes the next message directly. */
	pair_post_recv(&p, 1, 20, in, MESSAGE_MAX);
	pair_post_send(&p, 0, 5, out, 700);
	pair_settle(&p);
	assert_int_equal(pair_expect(&p, 1, 20, VERBS_STATUS_OK).len, 700);
	assert_memory_equal(in, out, 700);
}

/* The receive comes while the message is half here: nothing is lost, nothing comes twice. */
static void
early__receive_posted_midway(void **state)
{
	struct pair p;

	for (int packets = 0; packets < 6; packets++) {
		early_init(&p, EARLY);
		pair_post_send(&p, 0, 1, out, 900);
		pair_post_send(&p, 0, 2, out + 900, 300);
		for (int i = 0; i < packets; i++)
			pair_step(&p);
		pair_post_recv(&p, 1, 1, in, MESSAGE_MAX);
		pair_post_recv(&p, 1, 2, in + 900, MESSAGE_MAX);
		pair_settle(&p);
		assert_int_equal(pair_expect(&p, 1, 1, VERBS_STATUS_OK).len, 900);
		assert_int_equal(pair_expect(&p, 1, 2, VERBS_STATUS_OK).len, 300);
		assert_memory_equal(in, out, 1200);
	}
}

/* A full store makes the peer wait; what it holds stays whole, over many times its size. */
static void
early__full_store_holds_back(void **state)
{
	struct pair p;
	uint64_t taken = 0;

	early_init(&p, 4096);
	for (uint64_t i = 0; i < 40; i++)
		pair_post_send(&p, 0, i, out + i, MESSAGE_MAX - (uint32_t)i);
	for (int i = 0; i < 300; i++)
		pair_step(&p);
	assert_true(p.end[1].v.qp.counters.rnr_sent > 0);
	assert_int_equal(verbs_error(&p.end[0].v), 0);
	for (; taken < 40; taken++) {
		pair_post_recv(&p, 1, taken, in, MESSAGE_MAX);
		for (int i = 0; p.end[1].v.rq.done == p.end[1].v.rq.head; i++) {
			assert_true(pair_step(&p));
			assert_true(i < 10000);
		}
		assert_int_equal(
		    pair_expect(&p, 1, taken, VERBS_STATUS_OK).len, MESSAGE_MAX - taken);
		assert_memory_equal(in, out + taken, MESSAGE_MAX - taken);
	}
}

/* A message longer than its receive is cut, whether it waited or not. */
static void
early__cut_but_alive(void **state)
{
	struct pair p;

	early_init(&p, EARLY);
	pair_post_send(&p, 0, 1, out, 300);
	pair_settle(&p);
	pair_post_recv(&p, 1, 1, in, 100);
	pair_post_recv(&p, 1, 2, in + 1000, 270);
	pair_post_recv(&p, 1, 3, in + 2000, 10);
	pair_post_send(&p, 0, 2, out, 400);
	pair_post_send(&p, 0, 3, out, 10);
	pair_settle(&p);
	assert_int_equal(pair_expect(&p, 1, 1, VERBS_STATUS_LENGTH).len, 300);
	assert_int_equal(pair_expect(&p, 1, 2, VERBS_STATUS_LENGTH).len, 400);
	pair_expect(&p, 1, 3, VERBS_STATUS_OK);
	assert_memory_equal(in, out, 100);
	assert_int_equal(in[100], 0);
	assert_memory_equal(in + 1000, out, 270);
	assert_int_equal(in[1270], 0);
	assert_int_equal(verbs_error(&p.end[1].v), 0);
}

static void
early__longer_than_agreed_ends_it(void **state)
{
	struct pair p;

	early_init(&p, EARLY);
	pair_post_send(&p, 0, 1, out, MESSAGE_MAX + 1);
	pair_settle(&p);
	assert_int_equal(verbs_error(&p.end[1].v), SAN_EPROTO);
	pair_expect(&p, 0, 1, VERBS_STATUS_INVALID);
}

/* What had arrived whole can still be had when the connection is over. */
static void
early__outlives_the_connection(void **state)
{
	struct pair p;

	early_init(&p, EARLY);
	pair_post_send(&p, 0, 1, out, 300);
	pair_settle(&p);
	verbs_stop(&p.end[1].v);
	pair_post_recv(&p, 1, 1, in, 300);
	pair_post_recv(&p, 1, 2, in, 300);
	assert_int_equal(pair_expect(&p, 1, 1, VERBS_STATUS_OK).len, 300);
	assert_memory_equal(in, out, 300);
	pair_expect(&p, 1, 2, VERBS_STATUS_FLUSHED);
}

static void
post__refuses(void **state)
{
	struct verbs_recv wr = {.sge_count = VERBS_SGE_MAX + 1};
	struct pair p;

	pair_init(&p, 1);
	assert_int_equal(verbs_post_recv(&p.end[0].v, &wr), SAN_EINVAL);
	for (uint32_t i = 0; i < QUEUE; i++)
		pair_post_recv(&p, 0, i, in, 10);
	wr.sge_count = 0;
	assert_int_equal(verbs_post_recv(&p.end[0].v, &wr), SAN_ENOBUFS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(none_posted__peer_waits),
	    cmocka_unit_test(rnr_patience__ends_it),
	    cmocka_unit_test(too_long__ends_the_connection),
	    cmocka_unit_test(sizes__are_each_receives_own),
	    cmocka_unit_test(early__waits_for_a_receive),
	    cmocka_unit_test(early__receive_posted_midway),
	    cmocka_unit_test(early__full_store_holds_back),
	    cmocka_unit_test(early__cut_but_alive),
	    cmocka_unit_test(early__longer_than_agreed_ends_it),
	    cmocka_unit_test(early__outlives_the_connection),
	    cmocka_unit_test(post__refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
