/* SPDX-License-Identifier: BSD-3-Clause */
/* A failed san_check in a test is a failed test: print where and abort so that the sanitizer shows
 * the stack. */
#include "check.h"

#include <stdio.h>
#include <stdlib.h>

void
san_check_failed(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s:%d: check failed: %s\n", file, line, what);
	abort();
}
