/* SPDX-License-Identifier: BSD-3-Clause */
/* What every interposed function is made of. Reentry needs no guard: whatever the provider opens
 * for itself is not in the table, so its own calls of these names pass through to libc. */
#ifndef SAND_PRELOAD_INTERPOSE_H
#define SAND_PRELOAD_INTERPOSE_H

#include "fdtab.h"
#include "kern.h"

#define INTERPOSE __attribute__((visibility("default")))
/* libc's second public name of the same function. */
#define ALSO(name) __attribute__((visibility("default"), nothrow, leaf, alias(#name)))

/* From the switch's convention to libc's. */
static inline ssize_t
result(ssize_t rc)
{
	if (__builtin_expect(rc >= 0, 1))
		return rc;
	errno = (int)-rc;
	return -1;
}

#define RESULT(call) ((int)result(call))

#endif
