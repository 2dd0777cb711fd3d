/* SPDX-License-Identifier: BSD-3-Clause */
/* The doorbell bitmap of struct shm_doorbell. Programs ring it, one poll thread serves it. Ringing
 * is two atomic or-s and, only if the poll thread naps, one system call; serving never waits and is
 * bounded by the bitmap's size.
 *
 * Nobody is forgotten: the ringer stores (position, flag, command), fence, then the bits, fence,
 * then looks at `sleeping`; the poll thread stores `sleeping`, fence, then looks at the bits. One
 * of the two sees the other. */
#ifndef SAND_SHM_DOORBELL_H
#define SAND_SHM_DOORBELL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "abi.h"

#define SHM_DOORBELL_SUMMARIES (SAN_SOCKS_MAX / 64 / 64)
#define SHM_DOORBELL_WORDS     (SAN_SOCKS_MAX / 64)

/* Program: slot < SAN_SOCKS_MAX. event_fd is the poll thread's. */
void shm_doorbell_ring(struct shm_doorbell *d, int event_fd, uint32_t slot);

/* Poll thread: one load per 4096 slots. */
static inline bool
shm_doorbell_pending(const struct shm_doorbell *d)
{
	uint64_t any = 0;

	for (unsigned i = 0; i < SHM_DOORBELL_SUMMARIES; i++)
		any |= atomic_load_explicit(&d->summary[i], memory_order_relaxed);
	return any != 0;
}

/* Poll thread: take up to max (at least 64) rung slots smaller than `socks`; returns how many. Bits
 * beyond `socks` are dropped: only a hostile program sets them. What does not fit stays pending.
 * Everything stored before a ring is visible after its slot was returned here. */
unsigned shm_doorbell_serve(struct shm_doorbell *d, uint32_t socks, uint32_t *slots, unsigned max);

/* Poll thread, before it naps: announce it. False: a bit is set already, do not nap. It must look
 * at every other source of work after this call and before it naps. */
bool shm_doorbell_nap(struct shm_doorbell *d);
/* Poll thread, awake again. Draining its eventfd is its own business. */
void shm_doorbell_awake(struct shm_doorbell *d);

#endif
