/* SPDX-License-Identifier: BSD-3-Clause */
/* A network for congestion control alone: flows with always something to send share one queue
 * that marks and drops, and a wire with latency. No QP, no real packets; virtual time moves by the
 * time one packet takes to leave the queue. */
#ifndef SAND_TESTS_UNIT_RC_CC_WORLD_H
#define SAND_TESTS_UNIT_RC_CC_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "cc.h"
#include "prng.h"

#define WORLD_FLOWS 128
#define WORLD_BYTES 4170u      /* of every packet on the wire */
#define WORLD_PATH  (1u << 16) /* packets and ACKs under way */

struct world_shape {
	uint64_t bytes_per_s;
	struct san_duration latency;	/* round trip with an empty queue */
	uint32_t queue_max, queue_mark; /* packets; mark 0 = never */
	uint32_t loss_ppm;		/* beyond what the queue drops */
	bool cnps, echo;		/* how the receiver tells of marks */
	/* Every `stall_every` the receiver does nothing for `stall`. */
	struct san_duration stall, stall_every;
};

struct world_flow {
	struct cc cc;
	bool on;
	uint32_t in_flight, sent_window;
	uint64_t delivered, lost, marked;
	struct san_time cnp_from; /* receiver: no CNP before this */
	/* One RTT is measured at a time, as a QP does. */
	bool timing;
	uint64_t seq, timed_seq;
	struct san_time timed_at;
};

struct world_packet {
	struct san_time at;
	uint64_t seq;
	uint8_t flow;
	bool marked, lost;
};

struct world {
	struct world_shape shape;
	struct prng prng;
	struct san_time now;
	struct san_duration slot;
	struct world_flow flow[WORLD_FLOWS];
	uint32_t flows;
	struct world_packet queue[WORLD_PATH], path[WORLD_PATH];
	uint32_t queue_head, queue_tail, path_head, path_tail;
	uint64_t queue_sum, queue_samples; /* packets waiting, summed per slot */
	uint32_t queue_high;
	uint64_t busy;
};

void world_init(struct world *w, const struct world_shape *shape, uint64_t seed);
/* One more flow; returns its number. */
uint32_t world_flow_add(struct world *w, const struct cc_params *p);
void world_run(struct world *w, struct san_duration d);
/* Count from now on. */
void world_figures_reset(struct world *w);
/* Packets waiting on average; share of the time the queue had something to send, in percent. */
double world_queue(const struct world *w);
double world_used(const struct world *w);
/* Jain's index of what the flows got: 1 = all the same. */
double world_fairness(const struct world *w);
uint64_t world_slowest(const struct world *w);

#endif
