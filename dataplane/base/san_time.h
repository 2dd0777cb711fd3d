/* SPDX-License-Identifier: BSD-3-Clause */
/* Time as the engines see it: handed in, never read. Two distinct types, so that a point in time is
 * never added to another one by accident. Unit: nanoseconds since an arbitrary start. */
#ifndef SAND_BASE_SAN_TIME_H
#define SAND_BASE_SAN_TIME_H

#include <stdbool.h>
#include <stdint.h>

struct san_time {
	uint64_t ns;
};
struct san_duration {
	uint64_t ns;
};

/* A duration in half the room: microseconds, 71 minutes at most. */
struct san_short {
	uint32_t us;
};

#define SAN_TIME_NEVER	   ((struct san_time){UINT64_MAX})
#define SAN_DURATION_US(n) ((struct san_duration){(uint64_t)(n)*1000u})
#define SAN_DURATION_MS(n) ((struct san_duration){(uint64_t)(n)*1000000u})
#define SAN_DURATION_S(n)  ((struct san_duration){(uint64_t)(n)*1000000000u})

/* Rounded up, so that no duration becomes none. */
static inline struct san_short
san_short(struct san_duration d)
{
	uint64_t us = d.ns / 1000 + (d.ns % 1000 != 0);

	return (struct san_short){us < UINT32_MAX ? (uint32_t)us : UINT32_MAX};
}

static inline struct san_duration
san_short_long(struct san_short s)
{
	return SAN_DURATION_US(s.us);
}

/* t + d, saturating at NEVER. */
static inline struct san_time
san_time_add(struct san_time t, struct san_duration d)
{
	return t.ns > UINT64_MAX - d.ns ? SAN_TIME_NEVER : (struct san_time){t.ns + d.ns};
}

/* a - b, 0 when b is later. */
static inline struct san_duration
san_time_since(struct san_time a, struct san_time b)
{
	return (struct san_duration){a.ns > b.ns ? a.ns - b.ns : 0};
}

static inline bool
san_time_before(struct san_time a, struct san_time b)
{
	return a.ns < b.ns;
}

/* A deadline has come once now >= deadline; NEVER never comes. */
static inline bool
san_time_reached(struct san_time deadline, struct san_time now)
{
	return deadline.ns != UINT64_MAX && now.ns >= deadline.ns;
}

static inline struct san_time
san_time_min(struct san_time a, struct san_time b)
{
	return a.ns < b.ns ? a : b;
}

#endif
