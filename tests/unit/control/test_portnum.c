/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include "portnum.h"
#include "san_err.h"

#define RANGE (PORTNUM_EPHEMERAL_HI - PORTNUM_EPHEMERAL_LO + 1)

static struct portnum table;

static int
fresh(void **state)
{
	(void)state;
	portnum_init(&table, (struct prng){7});
	return 0;
}

static void
take__ephemeral_are_all_different_until_none_is_left(void **state)
{
	static uint8_t seen[65536];

	(void)state;
	for (uint32_t i = 0; i < RANGE; i++) {
		int n = portnum_take(&table, 0);

		assert_in_range(n, PORTNUM_EPHEMERAL_LO, PORTNUM_EPHEMERAL_HI);
		assert_int_equal(seen[n]++, 0);
	}
	assert_int_equal(portnum_take(&table, 0), SAN_EADDRINUSE);
	portnum_release(&table, 40000);
	assert_int_equal(portnum_take(&table, 0), 40000);
}

static void
take__explicit_may_be_shared_and_is_never_given_out(void **state)
{
	(void)state;
	assert_int_equal(portnum_take(&table, 33000), 33000);
	assert_int_equal(portnum_take(&table, 33000), 33000);
	for (uint32_t i = 0; i < RANGE - 1; i++)
		assert_int_not_equal(portnum_take(&table, 0), 33000);
	portnum_release(&table, 33000);
	assert_int_equal(portnum_take(&table, 0), SAN_EADDRINUSE);
	portnum_release(&table, 33000);
	assert_int_equal(portnum_take(&table, 0), 33000);
}

static void
take__user_count_cannot_wrap(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < UINT16_MAX; i++)
		assert_int_equal(portnum_take(&table, 80), 80);
	assert_int_equal(portnum_take(&table, 80), SAN_EADDRINUSE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(take__ephemeral_are_all_different_until_none_is_left, fresh),
	    cmocka_unit_test_setup(take__explicit_may_be_shared_and_is_never_given_out, fresh),
	    cmocka_unit_test_setup(take__user_count_cannot_wrap, fresh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
