/* SPDX-License-Identifier: BSD-3-Clause */
/* The lock of everything slow: the descriptor table's writers, socket states, memberships in epoll
 * sets, the provider's start. Never held across anything that waits, never taken by send() or
 * recv(). Lock order: sw_lock, then an epoll set's own lock. Both are held across fork(). */
#ifndef SAND_SWITCH_SW_LOCK_H
#define SAND_SWITCH_SW_LOCK_H

#include <pthread.h>

extern pthread_mutex_t sw_mutex;

static inline void
sw_lock(void)
{
	pthread_mutex_lock(&sw_mutex);
}

static inline void
sw_unlock(void)
{
	pthread_mutex_unlock(&sw_mutex);
}

#endif
