/* SPDX-License-Identifier: BSD-3-Clause */
/* Points in time as the provider's waits want them: CLOCK_MONOTONIC, NULL = never. */
#ifndef SAND_SWITCH_DEADLINE_H
#define SAND_SWITCH_DEADLINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* Now + ns in *store; NULL for 0, which means no time limit in SO_RCVTIMEO and SO_SNDTIMEO. */
static inline struct timespec *
deadline_in(uint64_t ns, struct timespec *store)
{
	if (ns == 0)
		return NULL;
	clock_gettime(CLOCK_MONOTONIC, store);
	ns += (uint64_t)store->tv_nsec;
	store->tv_sec += (time_t)(ns / 1000000000u);
	store->tv_nsec = (long)(ns % 1000000000u);
	return store;
}

/* Now + a relative time; NULL for NULL. */
static inline struct timespec *
deadline_after(const struct timespec *relative, struct timespec *store)
{
	if (relative == NULL)
		return NULL;
	clock_gettime(CLOCK_MONOTONIC, store);
	store->tv_sec += relative->tv_sec;
	store->tv_nsec += relative->tv_nsec;
	if (store->tv_nsec >= 1000000000) {
		store->tv_sec++;
		store->tv_nsec -= 1000000000;
	}
	return store;
}

/* What is left of it, never negative. */
static inline struct timespec
deadline_left(const struct timespec *until)
{
	struct timespec now;
	int64_t ns;

	clock_gettime(CLOCK_MONOTONIC, &now);
	ns = ((int64_t)until->tv_sec - now.tv_sec) * 1000000000 + (until->tv_nsec - now.tv_nsec);
	if (ns < 0)
		ns = 0;
	return (struct timespec){ns / 1000000000, ns % 1000000000};
}

static inline bool
deadline_expired(const struct timespec *until)
{
	struct timespec left;

	if (until == NULL)
		return false;
	left = deadline_left(until);
	return left.tv_sec == 0 && left.tv_nsec == 0;
}

#endif
