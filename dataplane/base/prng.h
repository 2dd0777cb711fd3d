/* SPDX-License-Identifier: BSD-3-Clause */
/* Small seeded generator (splitmix64) for the simulator and for choices that need to be unlikely,
 * not secret: who sees an output knows all later ones. For names that nobody may guess: siphash.h.
 */
#ifndef SAND_BASE_PRNG_H
#define SAND_BASE_PRNG_H

#include <stdint.h>

struct prng {
	uint64_t state;
};

static inline uint64_t
prng_u64(struct prng *p)
{
	uint64_t z = (p->state += 0x9e3779b97f4a7c15ull);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

/* Uniform enough in [0, bound); bound > 0. */
static inline uint32_t
prng_below(struct prng *p, uint32_t bound)
{
	return (uint32_t)(((prng_u64(p) >> 32) * bound) >> 32);
}

#endif
