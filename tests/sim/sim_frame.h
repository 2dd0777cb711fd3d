/* SPDX-License-Identifier: BSD-3-Clause */
/* A frame under way, and the pool frames come from. One owner at a time: the network while it
 * travels, then the host it arrived at, which may keep it; whoever ends its journey gives it back.
 * The pool counts, so that a frame nobody gave back is found. */
#ifndef SAND_TESTS_SIM_FRAME_H
#define SAND_TESTS_SIM_FRAME_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "roce.h"
#include "timer_heap.h"

#define SIM_FRAME_CAP 4352u /* a packet of 4096 bytes with the largest headers */

struct hop;

struct sim_frame {
	struct timer_node due;	      /* at the far end of the hop it is on */
	STAILQ_ENTRY(sim_frame) next; /* free, or in a host's receive ring */
	struct hop *hop;	      /* the one it is on, or has just left */
	uint32_t from, to;	      /* hosts */
	uint32_t len;
	bool damaged;	     /* bits were turned: no engine may see it */
	struct roce_pkt pkt; /* valid once node_rx_take has decoded it */
	uint8_t bytes[SIM_FRAME_CAP];
};
STAILQ_HEAD(sim_frame_list, sim_frame);

struct sim_frames {
	struct sim_frame_list free;
	uint32_t live;
};

void sim_frames_init(struct sim_frames *p);
/* Every frame must have come back. */
void sim_frames_fini(struct sim_frames *p);
struct sim_frame *sim_frame_get(struct sim_frames *p);
struct sim_frame *sim_frame_copy(struct sim_frames *p, const struct sim_frame *f);
void sim_frame_put(struct sim_frames *p, struct sim_frame *f);

/* Set the ECN field of an ECN-capable IP packet to CE, as a switch does; false if it is not one. */
bool sim_frame_mark(struct sim_frame *f);

#endif
