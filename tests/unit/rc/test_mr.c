/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "mr.h"
#include "san_err.h"

#define SLOTS 8
#define PD    7

static uint8_t memory[4096] __attribute__((aligned(8)));
static struct rc_mr slots[SLOTS];

static struct rc_mrs
table(uint64_t seed)
{
	struct rc_mrs t;

	assert_int_equal(rc_mrs_init(&t, slots, SLOTS, (struct prng){seed}), 0);
	return t;
}

static uint32_t
region(struct rc_mrs *t, uint64_t va, uint64_t len, uint32_t access)
{
	uint32_t key = 0;

	assert_int_equal(rc_mr_register(t, PD, va, memory, len, access, &key), 0);
	assert_int_not_equal(key, 0);
	return key;
}

static void
init__takes_powers_of_two_up_to_24_bits(void **state)
{
	static const uint32_t bad[] = {0, 3, 6, (1u << 24) + 1, 1u << 25};
	struct rc_mrs t;

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(rc_mrs_init(&t, slots, bad[i], (struct prng){1}), SAN_EINVAL);
	assert_int_equal(rc_mrs_init(&t, NULL, 8, (struct prng){1}), SAN_EINVAL);
	assert_int_equal(rc_mrs_init(&t, slots, 1, (struct prng){1}), 0);
}

static void
register__refuses_what_cannot_be(void **state)
{
	struct rc_mrs t = table(1);
	uint32_t key;

	assert_int_equal(rc_mr_register(&t, PD, UINT64_MAX - 9, memory, 11, 0, &key), SAN_EINVAL);
	assert_int_equal(rc_mr_register(&t, PD, 0, memory, 10, 1u << 4, &key), SAN_EINVAL);
	assert_int_equal(
	    rc_mr_register(&t, PD, 0x1004, memory, 10, RC_ACCESS_REMOTE_ATOMIC, &key), SAN_EINVAL);
	assert_int_equal(
	    rc_mr_register(&t, PD, 0x1004, memory + 4, 10, RC_ACCESS_REMOTE_ATOMIC, &key), 0);
	assert_int_equal(rc_mr_register(&t, PD, UINT64_MAX - 9, memory, 9, 0, &key), 0);
}

static void
find__only_inside_and_only_as_allowed(void **state)
{
	const uint32_t both = RC_ACCESS_REMOTE_READ | RC_ACCESS_REMOTE_WRITE;
	struct rc_mrs t = table(2);
	uint32_t key = region(&t, 0x10000, 100, both), w = region(&t, 0, 8, RC_ACCESS_REMOTE_WRITE);

	assert_ptr_equal(rc_mr_find(&t, PD, key, 0x10000, 100, both), memory);
	assert_ptr_equal(rc_mr_find(&t, PD, key, 0x10000 + 99, 1, both), memory + 99);
	assert_ptr_equal(rc_mr_find(&t, PD, key, 0x10000 + 100, 0, both), memory + 100);
	assert_null(rc_mr_find(&t, PD, key, 0x10000, 101, both));
	assert_null(rc_mr_find(&t, PD, key, 0x10000 - 1, 2, both));
	assert_null(rc_mr_find(&t, PD, key, 0x10000 + 101, 0, both));
	assert_null(rc_mr_find(&t, PD, key, 0x10000 + 1, UINT64_MAX, both));
	assert_null(rc_mr_find(&t, PD, key, UINT64_MAX, 1, both));
	assert_null(rc_mr_find(&t, PD + 1, key, 0x10000, 1, both));
	assert_null(rc_mr_find(&t, PD, w, 0, 1, both));
	assert_null(rc_mr_find(&t, PD, w, 0, 1, RC_ACCESS_REMOTE_READ));
	assert_non_null(rc_mr_find(&t, PD, w, 0, 1, RC_ACCESS_REMOTE_WRITE));
	/* Neighbours of a key in both its parts, no key at all, and a slot beyond the table. */
	assert_null(rc_mr_find(&t, PD, key ^ 1, 0x10000, 1, both));
	assert_null(rc_mr_find(&t, PD, key ^ 0x100, 0x10000, 1, both));
	assert_null(rc_mr_find(&t, PD, 0, 0, 0, 0));
	assert_null(rc_mr_find(&t, PD, key | SLOTS << 8, 0x10000, 1, both));
}

/* Also in slot 0, whose generation 0 would make the key 0. */
static void
deregister__stale_keys_are_refused_for_255_generations(void **state)
{
	struct rc_mrs t;
	uint32_t key[256];

	assert_int_equal(rc_mrs_init(&t, slots, 1, (struct prng){3}), 0);
	for (int i = 0; i < 255; i++) {
		key[i] = region(&t, 0, 10, 0);
		for (int j = 0; j < i; j++) {
			assert_null(rc_mr_find(&t, PD, key[j], 0, 1, 0));
			assert_int_equal(rc_mr_deregister(&t, key[j]), SAN_ENOENT);
		}
		assert_int_equal(rc_mr_deregister(&t, key[i]), 0);
		assert_int_equal(rc_mr_deregister(&t, key[i]), SAN_ENOENT);
		assert_null(rc_mr_find(&t, PD, key[i], 0, 1, 0));
	}
}

static void
invalidate__needs_domain_and_for_a_peer_the_right(void **state)
{
	struct rc_mrs t = table(4);
	uint32_t plain = region(&t, 0, 10, 0), open = region(&t, 0, 10, RC_ACCESS_INVALIDATE);

	assert_int_equal(rc_mr_invalidate(&t, PD, plain, true), SAN_EPERM);
	assert_int_equal(rc_mr_invalidate(&t, PD + 1, open, true), SAN_EPERM);
	assert_int_equal(rc_mr_invalidate(&t, PD, open ^ 1, true), SAN_ENOENT);
	assert_non_null(rc_mr_find(&t, PD, plain, 0, 1, 0));
	assert_int_equal(rc_mr_invalidate(&t, PD, plain, false), 0);
	assert_int_equal(rc_mr_invalidate(&t, PD, open, true), 0);
	assert_int_equal(rc_mr_invalidate(&t, PD, open, true), SAN_ENOENT);
	assert_null(rc_mr_find(&t, PD, plain, 0, 1, 0));
	assert_null(rc_mr_find(&t, PD, open, 0, 1, 0));
	assert_int_equal(t.used, 2); /* slots stay taken until they are given back */
	assert_int_equal(rc_mr_deregister(&t, plain), 0);
	assert_int_equal(rc_mr_deregister(&t, open), 0);
	assert_int_equal(t.used, 0);
}

/* A table against a list of what was registered: keys unique, full at exactly SLOTS, freed slots
 * come back. */
static void
table__against_a_list(void **state)
{
	struct prng r = {5};
	struct {
		uint32_t key;
		uint64_t va, len;
	} model[SLOTS];
	struct rc_mrs t = table(6);
	uint32_t n = 0, key;

	for (int step = 0; step < 20000; step++) {
		uint32_t pick = n == 0 ? 0 : prng_below(&r, n);

		if (prng_below(&r, 2) == 0) {
			uint64_t va = prng_u64(&r) >> 1, len = prng_below(&r, sizeof memory);
			int err = rc_mr_register(&t, PD, va, memory, len, 0, &key);

			assert_int_equal(err, n == SLOTS ? SAN_ENOBUFS : 0);
			if (err != 0)
				continue;
			for (uint32_t i = 0; i < n; i++)
				assert_int_not_equal(model[i].key, key);
			model[n].key = key;
			model[n].va = va;
			model[n++].len = len;
		} else if (n != 0) {
			assert_int_equal(rc_mr_deregister(&t, model[pick].key), 0);
			model[pick] = model[--n];
		}
		assert_int_equal(t.used, n);
		for (uint32_t i = 0; i < n; i++) {
			uint64_t at = prng_below(&r, (uint32_t)model[i].len + 1);

			assert_ptr_equal(rc_mr_find(&t, PD, model[i].key, model[i].va + at,
					     model[i].len - at, 0),
			    memory + at);
			assert_null(rc_mr_find(
			    &t, PD, model[i].key, model[i].va + at, model[i].len - at + 1, 0));
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(init__takes_powers_of_two_up_to_24_bits),
	    cmocka_unit_test(register__refuses_what_cannot_be),
	    cmocka_unit_test(find__only_inside_and_only_as_allowed),
	    cmocka_unit_test(deregister__stale_keys_are_refused_for_255_generations),
	    cmocka_unit_test(invalidate__needs_domain_and_for_a_peer_the_right),
	    cmocka_unit_test(table__against_a_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
