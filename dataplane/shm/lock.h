/* SPDX-License-Identifier: BSD-3-Clause */
/* A lock for the threads of a program family, one word in shared memory: 0, or the owner's thread
 * id, plus a bit when somebody sleeps on it. The daemon never looks at one: a program can only stop
 * its own sockets with it.
 *
 * An owner that died is noticed by who waits (its thread id is gone, or a zombie's) and the lock is
 * taken over; so whatever a lock protects must be sound after every single store made under it.
 * Holders copy bytes and store words; they never sleep, never call out. Limits: thread ids must
 * mean the same in all processes of the family (one pid namespace), and an id reused by a living
 * thread hides the death of its former owner until that thread ends. */
#ifndef SAND_SHM_LOCK_H
#define SAND_SHM_LOCK_H

#include <stdatomic.h>
#include <stdint.h>

#include "san_err.h"

#define SHM_LOCK_WAITERS 0x80000000u
#define SHM_LOCK_OWNER	 0x3fffffffu /* Linux thread ids have at most 30 bits */

/* 0, SAN_EALREADY (this thread holds it: a signal handler interrupted the holder) or SAN_ETIMEDOUT.
 */
int shm_lock_wait(_Atomic uint32_t *lock, uint32_t self, uint32_t limit_ms);
void shm_lock_wake(_Atomic uint32_t *lock);

/* `self` is the calling thread's id. Errors as shm_lock_wait. */
static inline int
shm_lock_take(_Atomic uint32_t *lock, uint32_t self, uint32_t limit_ms)
{
	uint32_t idle = 0;

	/* Acquire pairs with the release in shm_lock_drop of the previous holder. */
	if (__builtin_expect(atomic_compare_exchange_strong_explicit(
				 lock, &idle, self, memory_order_acquire, memory_order_relaxed),
		1))
		return 0;
	return shm_lock_wait(lock, self, limit_ms);
}

static inline void
shm_lock_drop(_Atomic uint32_t *lock)
{
	uint32_t old = atomic_exchange_explicit(lock, 0, memory_order_release);

	if (__builtin_expect((old & SHM_LOCK_WAITERS) != 0, 0))
		shm_lock_wake(lock);
}

/* For a program family of exactly one thread: no atomic read-modify-write is needed to keep others
 * out, only signal handlers, which nest. SAN_EALREADY: interrupted by one. The word says the truth
 * to everybody all the same. */
static inline int
shm_lock_take_alone(_Atomic uint32_t *lock, uint32_t self)
{
	if (__builtin_expect(atomic_load_explicit(lock, memory_order_relaxed) != 0, 0))
		return SAN_EALREADY;
	atomic_store_explicit(lock, self, memory_order_relaxed);
	atomic_signal_fence(memory_order_seq_cst);
	return 0;
}

static inline void
shm_lock_drop_alone(_Atomic uint32_t *lock)
{
	atomic_store_explicit(lock, 0, memory_order_release);
}

#endif
