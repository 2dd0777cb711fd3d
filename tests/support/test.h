/* SPDX-License-Identifier: BSD-3-Clause */
/* cmocka 1.1.5 needs these headers before its own. Include this first in every test. */
#ifndef SAND_TESTS_TEST_H
#define SAND_TESTS_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#endif
