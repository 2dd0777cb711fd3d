/* SPDX-License-Identifier: BSD-3-Clause */
#include "own_fd.h"

#include <stdatomic.h>
#include <stdbool.h>

#include "san_limits.h"

#define OWN_MAX (2 + SAN_POLLS_MAX + SAN_WAKES_MAX) /* a child's connection, while it is forked */

/* Descriptor + 1; 0 = a free place. */
static _Atomic int own[OWN_MAX];

static bool
change(int from, int to)
{
	for (int i = 0; i < OWN_MAX; i++) {
		int found = from;

		if (atomic_compare_exchange_strong_explicit(
			&own[i], &found, to, memory_order_relaxed, memory_order_relaxed))
			return true;
	}
	return false;
}

void
own_fd_add(int fd)
{
	if (fd >= 0)
		(void)change(0, fd + 1);
}

void
own_fd_drop(int fd)
{
	if (fd >= 0)
		(void)change(fd + 1, 0);
}

int
own_fd_next(int fd)
{
	int lowest = -1;

	for (int i = 0; i < OWN_MAX; i++) {
		int one = atomic_load_explicit(&own[i], memory_order_relaxed) - 1;

		if (one >= 0 && one >= fd && (lowest < 0 || one < lowest))
			lowest = one;
	}
	return lowest;
}
