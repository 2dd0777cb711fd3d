/* SPDX-License-Identifier: BSD-3-Clause */
/* Serial-number arithmetic: 24-bit PSNs and message numbers, 32-bit stream positions and MSeqs. */
#ifndef SAND_BASE_SEQ_H
#define SAND_BASE_SEQ_H

#include <stdbool.h>
#include <stdint.h>

#define PSN_MASK 0xffffffu

static inline uint32_t
psn_add(uint32_t psn, uint32_t n)
{
	return (psn + n) & PSN_MASK;
}

/* a - b as a signed number in [-2^23, 2^23). */
static inline int32_t
psn_diff(uint32_t a, uint32_t b)
{
	return (int32_t)((a - b) << 8) >> 8;
}

/* a - b where a is known not to be behind b: [0, 2^24). */
static inline uint32_t
psn_span(uint32_t a, uint32_t b)
{
	return (a - b) & PSN_MASK;
}

/* a - b for free-running 32-bit counters. */
static inline int32_t
seq32_diff(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b);
}

#endif
