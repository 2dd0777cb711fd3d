/* SPDX-License-Identifier: BSD-3-Clause */
/* Positions of a slot's byte rings: free-running 32-bit counters, `tail` where the producer writes
 * next, `head` where the consumer reads next. Whoever does not trust the other side calls
 * shm_ring_used with its own position and one private copy of the other's. The bytes themselves:
 * struct byte_ring (base/bytes.h). */
#ifndef SAND_SHM_RING_H
#define SAND_SHM_RING_H

#include <stdbool.h>
#include <stdint.h>

#include "san_err.h"

/* Bytes between head and tail. SAN_EPROTO if that is more than the ring holds, which covers a
 * position that went backwards: no honest pair of positions is that far apart. */
static inline int
shm_ring_used(uint32_t head, uint32_t tail, uint32_t size, uint32_t *used)
{
	uint32_t n = tail - head;

	if (__builtin_expect(n > size, 0))
		return SAN_EPROTO;
	*used = n;
	return 0;
}

/* POLLOUT, on both sides of the seam: a third of the ring is free, as Linux TCP does it. A producer
 * is told to go on when a good piece fits, not for every acknowledged packet. */
static inline bool
shm_ring_writable(uint32_t used, uint32_t size)
{
	return size - used >= size / 3;
}

#endif
