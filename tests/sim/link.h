/* SPDX-License-Identifier: BSD-3-Clause */
/* A virtual cable: frames in at one end, out at the other, later, damaged, doubled, out of order or
 * never. Owns copies of the frames under way; knows nothing of what is in them. All chance comes
 * from its own generator. */
#ifndef SAND_TESTS_SIM_LINK_H
#define SAND_TESTS_SIM_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "prng.h"
#include "san_time.h"

/* Probabilities in parts per million. */
struct link_faults {
	uint32_t loss, duplicate, reorder, corrupt;
	struct san_duration reorder_max; /* extra delay of a frame that is overtaken */
	struct san_time until;		 /* the link is perfect from here on */
	/* Nothing passes in [cut_from, cut_to). */
	struct san_time cut_from, cut_to;
};

struct link_shape {
	struct san_duration latency;
	uint64_t bytes_per_s;
	struct san_duration
	    queue_max; /* frames that would wait longer for their turn are dropped */
};

struct link_frame {
	struct san_time at;
	uint64_t order; /* frames due at the same instant keep their order */
	uint8_t to;	/* end it arrives at: 0 or 1 */
	uint32_t len;
	uint8_t *bytes;
};

struct link {
	struct prng prng;
	struct link_faults faults;
	struct link_shape shape;
	struct san_time free_at[2]; /* when the transmitter of each end is idle again */
	uint64_t sent, lost, duplicated, reordered, corrupted, overflowed;
	/* Lose the n-th frame (counted from mask_from) if bit n of the mask is set; 0 = no mask. */
	uint64_t mask, mask_from;
	bool mask_on;
	uint64_t order;
	uint32_t count, cap; /* heap of frames under way, earliest first; grows as needed */
	struct link_frame *heap;
};

void link_init(struct link *l, uint64_t seed);
void link_fini(struct link *l);
void link_send(
    struct link *l, uint8_t from, const uint8_t *bytes, uint32_t len, struct san_time now);
struct san_time link_next(const struct link *l);
/* Take the next frame if it is due; the caller frees its bytes. */
bool link_take(struct link *l, struct san_time now, struct link_frame *out);

#endif
