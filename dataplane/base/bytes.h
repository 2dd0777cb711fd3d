/* SPDX-License-Identifier: BSD-3-Clause */
/* Big-endian loads and stores at any alignment, and the byte ring payloads live in. */
#ifndef SAND_BASE_BYTES_H
#define SAND_BASE_BYTES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint16_t
be16_get(const uint8_t *p)
{
	uint16_t v;
	memcpy(&v, p, sizeof v);
	return __builtin_bswap16(v);
}

static inline uint32_t
be24_get(const uint8_t *p)
{
	return (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
}

static inline uint32_t
be32_get(const uint8_t *p)
{
	uint32_t v;
	memcpy(&v, p, sizeof v);
	return __builtin_bswap32(v);
}

static inline uint64_t
be64_get(const uint8_t *p)
{
	uint64_t v;
	memcpy(&v, p, sizeof v);
	return __builtin_bswap64(v);
}

static inline void
be16_put(uint8_t *p, uint16_t v)
{
	v = __builtin_bswap16(v);
	memcpy(p, &v, sizeof v);
}

static inline void
be24_put(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 16);
	p[1] = (uint8_t)(v >> 8);
	p[2] = (uint8_t)v;
}

static inline void
be32_put(uint8_t *p, uint32_t v)
{
	v = __builtin_bswap32(v);
	memcpy(p, &v, sizeof v);
}

static inline void
be64_put(uint8_t *p, uint64_t v)
{
	v = __builtin_bswap64(v);
	memcpy(p, &v, sizeof v);
}

/* A byte ring: `size` is a power of two; positions are free-running 32-bit counters, masked on use.
 * Whoever owns the positions is not this struct's business. */
struct byte_ring {
	uint8_t *base;
	uint32_t size;
};

static inline void
byte_ring_write(const struct byte_ring *r, uint32_t pos, const void *src, uint32_t len)
{
	uint32_t at = pos & (r->size - 1), first = r->size - at;

	if (first > len)
		first = len;
	memcpy(r->base + at, src, first);
	memcpy(r->base, (const uint8_t *)src + first, len - first);
}

static inline void
byte_ring_read(const struct byte_ring *r, uint32_t pos, void *dst, uint32_t len)
{
	uint32_t at = pos & (r->size - 1), first = r->size - at;

	if (first > len)
		first = len;
	memcpy(dst, r->base + at, first);
	memcpy((uint8_t *)dst + first, r->base, len - first);
}

#endif
