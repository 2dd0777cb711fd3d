/* SPDX-License-Identifier: BSD-3-Clause */
#include "pair.h"

#define VA 0x7f0000001000ull

static uint8_t out[8192], in[8192], region[8192];

static void
bytes_fill(uint8_t *p, size_t len, uint32_t salt)
{
	for (size_t i = 0; i < len; i++)
		p[i] = (uint8_t)(i * 3 + (i >> 8) + salt);
}

/* End 1 has `region` at VA. */
static uint32_t
region_init(struct pair *p, uint32_t access)
{
	uint32_t key;

	pair_init(p, 1);
	bytes_fill(out, sizeof out, 1);
	memset(in, 0, sizeof in);
	memset(region, 0, sizeof region);
	assert_int_equal(
	    rc_mr_register(&p->end[1].mrs, PD, VA, region, sizeof region, access, &key), 0);
	return key;
}

static void
post_write(struct pair *p, uint8_t op, uint32_t key, uint64_t va, uint32_t len)
{
	struct verbs_send wr = pair_send(op, va, out, len);

	wr.va = va;
	wr.rkey = key;
	wr.imm = 0x12345678;
	assert_int_equal(verbs_post_send(&p->end[0].v, &wr), 0);
}

static void
write__lands_where_asked(void **state)
{
	static const uint32_t lens[] = {0, 1, PMTU - 1, PMTU, PMTU + 1, 5 * PMTU, 8192};
	struct pair p;
	uint32_t key;

	for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
		key = region_init(&p, RC_ACCESS_REMOTE_WRITE);
		post_write(&p, VERBS_WRITE, key, VA + 8192 - lens[i], lens[i]);
		pair_settle(&p);
		pair_expect(&p, 0, VA + 8192 - lens[i], VERBS_STATUS_OK);
		assert_memory_equal(region + 8192 - lens[i], out, lens[i]);
		for (uint32_t at = 0; at < 8192 - lens[i]; at++)
			assert_int_equal(region[at], 0);
		pair_expect_nothing(&p, 1);
	}
}

static void
write_imm__takes_a_receive(void **state)
{
	static const uint32_t lens[] = {0, 100, 3 * PMTU + 1};
	struct verbs_done d;
	struct pair p;
	uint32_t key;

	for (size_t i = 0; i < 3; i++) {
		key = region_init(&p, RC_ACCESS_REMOTE_WRITE);
		pair_post_recv(&p, 1, 5, in, 1);
		post_write(&p, VERBS_WRITE_IMM, key, VA, lens[i]);
		pair_settle(&p);
		d = pair_expect(&p, 1, 5, VERBS_STATUS_OK);
		assert_true(d.write && d.imm && d.recv);
		assert_int_equal(d.value, 0x12345678);
		assert_int_equal(d.len, lens[i]);
		assert_memory_equal(region, out, lens[i]);
		assert_int_equal(in[0], 0);
	}
}

/* It may also come before its receive, beside messages that do the same. */
static void
write_imm__waits_for_a_receive(void **state)
{
	struct verbs_done d;
	struct verbs_open o;
	struct pair p;
	uint32_t key = region_init(&p, RC_ACCESS_REMOTE_WRITE);

	o = pair_open(&p, 1);
	o.early = (struct verbs_early){{p.end[1].early, EARLY}, 1000};
	assert_int_equal(verbs_init(&p.end[1].v, &o, p.now), 0);
	pair_post_send(&p, 0, 1, out, 500);
	post_write(&p, VERBS_WRITE_IMM, key, VA, 5000);
	pair_post_send(&p, 0, 2, out, 600);
	pair_settle(&p);
	for (uint64_t i = 0; i < 3; i++)
		pair_post_recv(&p, 1, i, in, 1000);
	assert_int_equal(pair_expect(&p, 1, 0, VERBS_STATUS_OK).len, 500);
	d = pair_expect(&p, 1, 1, VERBS_STATUS_OK);
	assert_true(d.write);
	assert_int_equal(d.len, 5000);
	assert_int_equal(pair_expect(&p, 1, 2, VERBS_STATUS_OK).len, 600);
	assert_memory_equal(region, out, 5000);
	assert_memory_equal(in, out, 600);
}

static void
send__imm_and_inv(void **state)
{
	struct verbs_send wr = pair_send(VERBS_SEND_IMM, 1, out, 300);
	struct verbs_done d;
	struct pair p;
	uint32_t key = region_init(&p, RC_ACCESS_REMOTE_WRITE | RC_ACCESS_INVALIDATE);

	pair_post_recv(&p, 1, 1, in, 300);
	pair_post_recv(&p, 1, 2, in, 300);
	wr.imm = 0xabcdef01;
	assert_int_equal(verbs_post_send(&p.end[0].v, &wr), 0);
	wr.op = VERBS_SEND_INV;
	wr.imm = key;
	assert_int_equal(verbs_post_send(&p.end[0].v, &wr), 0);
	pair_settle(&p);
	d = pair_expect(&p, 1, 1, VERBS_STATUS_OK);
	assert_true(d.imm && !d.inv && !d.write);
	assert_int_equal(d.value, 0xabcdef01);
	d = pair_expect(&p, 1, 2, VERBS_STATUS_OK);
	assert_true(!d.imm && d.inv);
	assert_int_equal(d.value, key);
	assert_memory_equal(in, out, 300);
	/* The key is gone. */
	pair_expect(&p, 0, 1, VERBS_STATUS_OK);
	pair_expect(&p, 0, 1, VERBS_STATUS_OK);
	post_write(&p, VERBS_WRITE, key, VA, 1);
	pair_settle(&p);
	pair_expect(&p, 0, VA, VERBS_STATUS_ACCESS);
}

static void
write__refused(void **state)
{
	struct pair p;
	uint32_t key;

	key = region_init(&p, RC_ACCESS_REMOTE_READ);
	post_write(&p, VERBS_WRITE, key, VA, 10);
	pair_settle(&p);
	pair_expect(&p, 0, VA, VERBS_STATUS_ACCESS);
	assert_int_equal(verbs_error(&p.end[1].v), SAN_EPROTO);

	key = region_init(&p, RC_ACCESS_REMOTE_WRITE);
	post_write(&p, VERBS_WRITE, key, VA + 1, 8192);
	pair_settle(&p);
	pair_expect(&p, 0, VA + 1, VERBS_STATUS_ACCESS);
	assert_int_equal(region[8191], 0);
}

static void
read__brings_what_is_there(void **state)
{
	static const uint32_t lens[] = {0, 1, PMTU, PMTU + 1, 40 * PMTU - 3, 8192};
	struct verbs_send wr;
	struct pair p;

	for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
		uint32_t len = lens[i] > sizeof region ? sizeof region : lens[i];
		uint32_t key = region_init(&p, RC_ACCESS_REMOTE_READ);

		bytes_fill(region, sizeof region, 9);
		/* In three pieces, the first not aligned to anything. */
		wr = (struct verbs_send){.op = VERBS_READ,
		    .cookie = 7,
		    .sge_count = 3,
		    .sge = {{in, len / 7}, {in + len / 7, len / 3},
			{in + len / 7 + len / 3, len - len / 7 - len / 3}},
		    .rkey = key,
		    .va = VA + 8192 - len};
		assert_int_equal(verbs_post_send(&p.end[0].v, &wr), 0);
		pair_settle(&p);
		assert_int_equal(pair_expect(&p, 0, 7, VERBS_STATUS_OK).len, len);
		assert_memory_equal(in, region + 8192 - len, len);
	}
}

static int
post_atomic(struct pair *p, uint8_t op, uint32_t key, uint64_t va, uint64_t *old, uint64_t compare,
    uint64_t swap_add)
{
	struct verbs_send wr = pair_send(op, 1, old, 8);

	wr.rkey = key;
	wr.va = va;
	wr.compare = compare;
	wr.swap_add = swap_add;
	return verbs_post_send(&p->end[0].v, &wr);
}

static void
atomics__tell_what_was_there(void **state)
{
	uint64_t old[40], value = 0xfffffffffffffff0ull, last;
	struct pair p;
	uint32_t key = region_init(&p, RC_ACCESS_REMOTE_ATOMIC);

	memcpy(region + 16, &value, 8);
	/* More than may be on their way at once. */
	for (int i = 0; i < 20; i++)
		assert_int_equal(
		    post_atomic(&p, VERBS_FETCH_ADD, key, VA + 16, &old[i], 0, (uint64_t)i), 0);
	pair_settle(&p);
	for (int i = 0; i < 20; i++) {
		pair_expect(&p, 0, 1, VERBS_STATUS_OK);
		assert_int_equal(old[i], value);
		value += (uint64_t)i;
	}
	assert_int_equal(post_atomic(&p, VERBS_CMP_SWAP, key, VA + 16, &old[0], value, 5), 0);
	assert_int_equal(post_atomic(&p, VERBS_CMP_SWAP, key, VA + 16, &old[1], value, 6), 0);
	pair_settle(&p);
	assert_int_equal(old[0], value);
	assert_int_equal(old[1], 5);
	memcpy(&last, region + 16, 8);
	assert_int_equal(last, 5);
}

static void
reads__refused_here(void **state)
{
	struct verbs_send wr = pair_send(VERBS_READ, 1, in, 10);
	struct verbs_open o;
	struct pair p;
	uint64_t old;
	uint32_t key = region_init(&p, RC_ACCESS_REMOTE_ATOMIC);

	assert_int_equal(post_atomic(&p, VERBS_FETCH_ADD, key, VA + 1, &old, 0, 1), SAN_EINVAL);
	wr.op = VERBS_CMP_SWAP;
	assert_int_equal(verbs_post_send(&p.end[0].v, &wr), SAN_EINVAL);

	o = pair_open(&p, 0);
	o.rc.initiator_depth = 0;
	assert_int_equal(verbs_init(&p.end[0].v, &o, p.now), 0);
	wr.op = VERBS_READ;
	assert_int_equal(verbs_post_send(&p.end[0].v, &wr), SAN_EOPNOTSUPP);
	assert_int_equal(post_atomic(&p, VERBS_FETCH_ADD, key, VA, &old, 0, 1), SAN_EOPNOTSUPP);
}

static void
reads__refused_there(void **state)
{
	struct verbs_send wr = pair_send(VERBS_READ, 1, in, 10);
	struct pair p;
	uint64_t old;
	uint32_t key;

	wr.rkey = region_init(&p, RC_ACCESS_REMOTE_WRITE);
	wr.va = VA;
	assert_int_equal(verbs_post_send(&p.end[0].v, &wr), 0);
	pair_settle(&p);
	pair_expect(&p, 0, 1, VERBS_STATUS_ACCESS);

	key = region_init(&p, RC_ACCESS_REMOTE_READ);
	assert_int_equal(post_atomic(&p, VERBS_FETCH_ADD, key, VA, &old, 0, 1), 0);
	pair_settle(&p);
	pair_expect(&p, 0, 1, VERBS_STATUS_ACCESS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(write__lands_where_asked),
	    cmocka_unit_test(write_imm__takes_a_receive),
	    cmocka_unit_test(write_imm__waits_for_a_receive),
	    cmocka_unit_test(send__imm_and_inv),
	    cmocka_unit_test(write__refused),
	    cmocka_unit_test(read__brings_what_is_there),
	    cmocka_unit_test(atomics__tell_what_was_there),
	    cmocka_unit_test(reads__refused_here),
	    cmocka_unit_test(reads__refused_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
