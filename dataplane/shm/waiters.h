/* SPDX-License-Identifier: BSD-3-Clause */
/* How the daemon tells programs that a slot changed, without ever waking somebody who is awake.
 *
 * Program: shm_waiters_arm (bits, fence), look at the slot once more, then sleep: on the futex word
 * wake_seq with the value read *before* looking, or in the kernel on a wake object's eventfd with
 * `armed` set before looking. Daemon: store what changed, fence, then shm_waiters_take; whoever
 * armed before the fence is found. Spurious wake-ups are allowed everywhere, lost ones nowhere. */
#ifndef SAND_SHM_WAITERS_H
#define SAND_SHM_WAITERS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "abi.h"

#define SHM_WAIT_IN  (SHM_WAIT_IN_FUTEX | SHM_WAIT_IN_POLL)
#define SHM_WAIT_OUT (SHM_WAIT_OUT_FUTEX | SHM_WAIT_OUT_POLL)
#define SHM_WAIT_ALL (SHM_WAIT_IN | SHM_WAIT_OUT)

/* What a call of shm_waiters_wake did, for the caller's counters. */
struct shm_waiters_woken {
	unsigned futexes, events;
};

/* Program: ask to be told. The caller looks at the slot after this. */
static inline void
shm_waiters_arm(struct shm_sock *s, uint32_t bits)
{
	/* Bits still set from before need no second write: the daemon clears before it wakes. */
	if ((atomic_load_explicit(&s->waiters, memory_order_relaxed) & bits) != bits)
		atomic_fetch_or_explicit(&s->waiters, bits, memory_order_relaxed);
	/* Pairs with the daemon's fence between its store and shm_waiters_take. */
	atomic_thread_fence(memory_order_seq_cst);
}

/* Daemon: which of `bits` (SHM_WAIT_IN, SHM_WAIT_OUT or both) have somebody behind them; these are
 * cleared. The caller stored what changed and made a seq_cst fence before. One load when nobody
 * waits. */
static inline uint32_t
shm_waiters_take(struct shm_sock *s, uint32_t bits)
{
	if ((atomic_load_explicit(&s->waiters, memory_order_relaxed) & bits) == 0)
		return 0;
	return atomic_fetch_and_explicit(&s->waiters, ~bits, memory_order_acq_rel) & bits;
}

/* Daemon: wake who stands behind the bits shm_waiters_take returned. wake_fds[i] is the eventfd of
 * wakes[i], -1 = none. */
struct shm_waiters_woken shm_waiters_wake(
    struct shm_sock *s, uint32_t taken, struct shm_wake *wakes, const int *wake_fds);

/* Everybody who sleeps on the slot's futex: also for programs, when a thread closes or shuts what
 * others wait on. */
void shm_waiters_wake_futex(struct shm_sock *s);

/* Take and wake in one, with the fence. */
static inline struct shm_waiters_woken
shm_waiters_tell(struct shm_sock *s, uint32_t bits, struct shm_wake *wakes, const int *wake_fds)
{
	uint32_t taken;

	/* Pairs with the fence in shm_waiters_arm. */
	atomic_thread_fence(memory_order_seq_cst);
	taken = shm_waiters_take(s, bits);
	if (taken == 0)
		return (struct shm_waiters_woken){0, 0};
	return shm_waiters_wake(s, taken, wakes, wake_fds);
}

/* Write one wake object's eventfd if it is armed. True if it was written. */
bool shm_wake_fire(struct shm_wake *w, int fd);

#endif
