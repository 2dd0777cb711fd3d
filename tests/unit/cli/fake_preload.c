/* SPDX-License-Identifier: BSD-3-Clause */
/* Stands in for libsand-preload.so in test_sand_run.py: says that it was loaded. */
#include <stdio.h>

__attribute__((constructor)) static void
loaded(void)
{
	fputs("[loaded]", stderr);
}
