/* SPDX-License-Identifier: BSD-3-Clause */
#include "waiters.h"

#include <errno.h>
#include <limits.h>

#include "sys.h"

void
shm_waiters_wake_futex(struct shm_sock *s)
{
	int saved = errno;

	/* The kernel compares wake_seq under its own lock, so a sleeper that read the old value
	 * does not go to sleep. */
	atomic_fetch_add_explicit(&s->wake_seq, 1, memory_order_release);
	sys_futex_wake(&s->wake_seq, INT_MAX);
	errno = saved;
}

bool
shm_wake_fire(struct shm_wake *w, int fd)
{
	int saved = errno;

	/* seq_cst, after the read-modify-write of `waiters`: a program that armed the object and
	 * then found its waiters bits still set relies on being seen here. */
	atomic_thread_fence(memory_order_seq_cst);
	if (fd < 0 || atomic_load_explicit(&w->armed, memory_order_relaxed) == 0 ||
	    atomic_exchange_explicit(&w->armed, 0, memory_order_seq_cst) == 0)
		return false;
	sys_event_signal(fd);
	errno = saved;
	return true;
}

struct shm_waiters_woken
shm_waiters_wake(struct shm_sock *s, uint32_t taken, struct shm_wake *wakes, const int *wake_fds)
{
	struct shm_waiters_woken woken = {0, 0};
	uint64_t mask;

	if ((taken & (SHM_WAIT_IN_FUTEX | SHM_WAIT_OUT_FUTEX)) != 0) {
		shm_waiters_wake_futex(s);
		woken.futexes = 1;
	}
	if ((taken & (SHM_WAIT_IN_POLL | SHM_WAIT_OUT_POLL)) == 0)
		return woken;
	_Static_assert(SAN_WAKES_MAX <= 64, "poll_mask has a bit for each");
	mask = atomic_load_explicit(&s->poll_mask, memory_order_relaxed);
	while (mask != 0) {
		unsigned i = (unsigned)__builtin_ctzll(mask);

		mask &= mask - 1;
		if (i < SAN_WAKES_MAX && shm_wake_fire(&wakes[i], wake_fds[i]))
			woken.events++;
	}
	return woken;
}
