/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include <sand/wsp.h>

#include "san_err.h"
#include "wsp_err.h"

static const char *
wsa_name(int code)
{
	switch (code) {
#define X(name, value, err) \
	case value:         \
		return #name;
		WSA_ERROR_LIST(X)
#undef X
	default:
		return NULL;
	}
}

static void
every_error_has_a_winsock_code(void **state)
{
	static const int all[] = {
#define X(name, value, text) value,
	    SAN_ERR_LIST(X)
#undef X
	};

	for (unsigned i = 0; i < sizeof all / sizeof all[0]; i++) {
		int code = wsp_err_from_san(all[i]);

		if (code == 0 || wsa_name(code) == NULL)
			fail_msg("%s has no Winsock code", san_err_name(all[i]));
		/* What is not listed falls through to WSAENETDOWN; few belong there. */
		if (code == WSAENETDOWN)
			assert_true(
			    all[i] == SAN_ENETDOWN || all[i] == SAN_EVERSION || all[i] == SAN_EIO);
	}
	assert_int_equal(wsp_err_from_san(0), 0);
	assert_int_equal(wsp_err_from_san(-9999), WSAENETDOWN);
	assert_int_equal(wsp_err_from_san(5), WSAENETDOWN);
}

/* The three codes that forbid falling back to kernel TCP must mean that TCP would fail, too. */
static void
fallback_is_forbidden_only_where_certain(void **state)
{
	assert_int_equal(wsp_err_from_san(SAN_ENOLISTENER), WSAECONNRESET);
	assert_int_equal(wsp_err_from_san(SAN_ECONNREFUSED), WSAECONNREFUSED);
	assert_int_equal(wsp_err_from_san(SAN_ETIMEDOUT), WSAETIMEDOUT);
	assert_int_equal(wsp_err_from_san(SAN_EADDRNOTAVAIL), WSAEADDRNOTAVAIL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(every_error_has_a_winsock_code),
	    cmocka_unit_test(fallback_is_forbidden_only_where_certain)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
