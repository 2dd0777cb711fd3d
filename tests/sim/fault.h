/* SPDX-License-Identifier: BSD-3-Clause */
/* What may go wrong on the way of a frame, and the dice for it. Says what happens to a frame; the
 * network makes it happen. */
#ifndef SAND_TESTS_SIM_FAULT_H
#define SAND_TESTS_SIM_FAULT_H

#include <stdbool.h>
#include <stdint.h>

#include "prng.h"
#include "san_time.h"
#include "sim_frame.h"

#define PPB_ALL 1000000000u /* probabilities are in parts per billion of frames */
#define PPB_PPM 1000u

struct faults {
	uint32_t loss, duplicate, reorder, corrupt;
	struct san_duration reorder_max; /* extra delay of a frame that is overtaken */
	/* Losses in bursts (Gilbert and Elliott): per frame the chance that a bad spell begins,
	 * that it ends, and that a frame is lost in it. */
	uint32_t burst_enter, burst_leave, burst_loss;
	struct san_time until; /* no faults from here on; cuts have times of their own */
	/* Nothing passes in [cut_from, cut_to); with a group, nothing between hosts in it (bit
	 * number = host) and others. */
	struct san_time cut_from, cut_to;
	uint64_t group;
};

/* A perfect line. */
struct faults faults_none(void);

/* Dice of one hop: whether a bad spell is on. */
struct fault_dice {
	const struct faults *faults;
	bool bad;
};

bool fault_chance(struct prng *p, uint32_t ppb);
bool fault_loses(
    struct fault_dice *d, struct prng *p, const struct sim_frame *f, struct san_time now);
/* Turn bits that the ICRC covers. */
void fault_damage(struct prng *p, struct sim_frame *f);

#endif
