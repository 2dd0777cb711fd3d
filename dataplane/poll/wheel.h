/* SPDX-License-Identifier: BSD-3-Clause */
/* A timing wheel: any number of timers, each operation O(1). A timer that is moved to a later time
 * stays where it is and is moved when its old time comes, since most timers are moved far more
 * often than they fire. A timer never fires early, and late by at most WHEEL_TICK_NS plus the time
 * between two calls. Times beyond WHEEL_SPAN are reached in several rounds. */
#ifndef SAND_POLL_WHEEL_H
#define SAND_POLL_WHEEL_H

#include <stdbool.h>
#include <stdint.h>

#include "san_time.h"

#define WHEEL_TICK_SHIFT 14u /* 16.4 us */
#define WHEEL_TICK_NS	 (UINT64_C(1) << WHEEL_TICK_SHIFT)
#define WHEEL_BITS	 8u
#define WHEEL_SLOTS	 (1u << WHEEL_BITS)
#define WHEEL_LEVELS	 3u /* 4.2 ms, 1.1 s, 275 s */

/* Embedded by its owner; all zero = not set. */
struct wheel_timer {
	struct wheel_timer *next,
	    **link;	      /* link: what points to this one; NULL = not in the wheel */
	struct san_time want; /* when it shall fire; NEVER = not at all */
	uint64_t tick;	      /* where it stands */
	uint8_t level, slot;
};

struct wheel {
	uint32_t linked;			       /* timers in the wheel */
	uint64_t cur;				       /* ticks before this one are done */
	uint64_t used[WHEEL_LEVELS][WHEEL_SLOTS / 64]; /* bit: slot is not empty */
	struct wheel_timer *slot[WHEEL_LEVELS][WHEEL_SLOTS];
};

void wheel_init(struct wheel *w, struct san_time now);
/* Set, move, or with NEVER clear. */
void wheel_set(struct wheel *w, struct wheel_timer *t, struct san_time at);
/* Out of the wheel at once: its memory may be reused. */
void wheel_remove(struct wheel *w, struct wheel_timer *t);
/* Take one timer that is due, NULL if none is; it is not in the wheel any more. */
struct wheel_timer *wheel_due(struct wheel *w, struct san_time now);
/* No timer is due before this; NEVER if there is none. */
struct san_time wheel_next(const struct wheel *w);

#endif
