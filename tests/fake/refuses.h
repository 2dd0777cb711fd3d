/* SPDX-License-Identifier: BSD-3-Clause */
/* Assertions that name the function and the code it returns: shim/wsp/errors.md is made of them
 * (tests/lint/errors.py). */
#ifndef SAND_TESTS_REFUSES_H
#define SAND_TESTS_REFUSES_H

#include "test.h"

#include <sand/wsp.h>

/* The call, which stores its code in `err`, returns SOCKET_ERROR or INVALID_SOCKET. */
#define REFUSES(function, code, call)                        \
	do {                                                 \
		err = 0;                                     \
		assert_int_equal((int)(call), SOCKET_ERROR); \
		assert_int_equal(err, code);                 \
	} while (0)

/* ... NULL or FALSE. */
#define REFUSES_NULL(function, code, call)   \
	do {                                 \
		err = 0;                     \
		assert_false(call);          \
		assert_int_equal(err, code); \
	} while (0)

/* The code an expression is: of an operation, or of a connection. */
#define ENDS_WITH(function, code, value) assert_int_equal(value, code)

#endif
