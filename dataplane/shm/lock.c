/* SPDX-License-Identifier: BSD-3-Clause */
#include "lock.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "relax.h"
#include "sys.h"

#define LOCK_SPINS	100 /* a holder on another processor is done within one copy */
#define LOCK_ROUNDS_MAX 1000000
#define LOCK_SLICE_MS	10 /* how often a sleeper asks whether the holder still lives */

/* Dead but not yet waited for still has a thread id: only /proc tells. Without /proc: assume it
 * lives. */
static bool
thread_is_zombie(uint32_t tid)
{
	char path[32], text[512];
	const char *state;
	ssize_t n;
	int fd;

	snprintf(path, sizeof path, "/proc/%u/stat", tid);
	fd = sys_open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = sys_read(fd, text, sizeof text - 1);
	sys_close(fd);
	if (n <= 0)
		return false;
	text[n] = 0;
	/* "pid (name) S ...": the name may hold anything, so look for the last bracket. */
	state = strrchr(text, ')');
	return state != NULL && state[1] == ' ' && (state[2] == 'Z' || state[2] == 'X');
}

static bool
owner_is_dead(uint32_t tid)
{
	if (syscall(SYS_kill, (pid_t)tid, 0) != 0 && errno == ESRCH)
		return true;
	return thread_is_zombie(tid);
}

/* One attempt. True once the lock is ours; else *seen is what stood there. The waiter bit is kept:
 * others may sleep. */
static bool
try_with_waiters(_Atomic uint32_t *lock, uint32_t self, uint32_t *seen)
{
	uint32_t v = atomic_load_explicit(lock, memory_order_relaxed);

	while ((v & SHM_LOCK_OWNER) == 0 || (v & SHM_LOCK_WAITERS) == 0) {
		uint32_t want =
		    (v & SHM_LOCK_OWNER) == 0 ? (self | SHM_LOCK_WAITERS) : (v | SHM_LOCK_WAITERS);

		if (!atomic_compare_exchange_weak_explicit(
			lock, &v, want, memory_order_acquire, memory_order_relaxed))
			continue;
		if ((v & SHM_LOCK_OWNER) == 0)
			return true;
		v = want;
	}
	*seen = v;
	return false;
}

static bool
spin(_Atomic uint32_t *lock, uint32_t self)
{
	for (int i = 0; i < LOCK_SPINS; i++) {
		uint32_t idle = 0;

		cpu_relax();
		if (atomic_load_explicit(lock, memory_order_relaxed) == 0 &&
		    atomic_compare_exchange_weak_explicit(
			lock, &idle, self, memory_order_acquire, memory_order_relaxed))
			return true;
	}
	return false;
}

/* The holder is dead and we put ourselves in its place. */
static bool
take_over(_Atomic uint32_t *lock, uint32_t self, uint32_t seen)
{
	return owner_is_dead(seen & SHM_LOCK_OWNER) &&
	       atomic_compare_exchange_strong_explicit(lock, &seen, self | SHM_LOCK_WAITERS,
		   memory_order_acquire, memory_order_relaxed);
}

/* Waiting is measured in slices slept to their end; being woken and losing the race again costs
 * none, so the number of rounds is bounded as well. */
static int
sleep_for(_Atomic uint32_t *lock, uint32_t self, uint32_t limit_ms)
{
	const struct timespec slice = {0, LOCK_SLICE_MS * 1000000L};
	uint32_t slept_ms = 0, seen;

	for (int round = 0; round < LOCK_ROUNDS_MAX && slept_ms < limit_ms; round++) {
		if (try_with_waiters(lock, self, &seen))
			return 0;
		if (sys_futex_wait(lock, seen, &slice) == 0 || errno != ETIMEDOUT)
			continue;
		slept_ms += LOCK_SLICE_MS;
		if (take_over(lock, self, seen))
			return 0;
	}
	return SAN_ETIMEDOUT;
}

int
shm_lock_wait(_Atomic uint32_t *lock, uint32_t self, uint32_t limit_ms)
{
	int saved = errno, err;

	if ((atomic_load_explicit(lock, memory_order_relaxed) & SHM_LOCK_OWNER) == self)
		return SAN_EALREADY;
	if (spin(lock, self))
		return 0;
	err = sleep_for(lock, self, limit_ms);
	errno = saved;
	return err;
}

void
shm_lock_wake(_Atomic uint32_t *lock)
{
	int saved = errno;

	sys_futex_wake(lock, 1);
	errno = saved;
}
