/* SPDX-License-Identifier: BSD-3-Clause */
/* A simulated host of bare queue pairs. Only queue pairs with something to do are looked at, in
 * turns of a few packets, so that a host may have hundreds. */
#ifndef SAND_TESTS_SIM_RC_HOST_H
#define SAND_TESTS_SIM_RC_HOST_H

#include <stdint.h>
#include <sys/queue.h>

#include "node.h"
#include "rc_end.h"

#define RC_HOST_QPN_FIRST 16u
#define RC_HOST_PD	  7u
#define RC_COUNTER_MAX	  16384u

struct rc_host_setup {
	struct node_setup node;
	uint32_t ends_max;
	uint32_t qpn_high; /* upper 8 bits of its QPNs */
	/* For packets that come early: blocks, and packets in all. */
	uint32_t blocks, kept_max;
};

struct rc_host {
	struct node node;
	struct rc_host_setup setup;
	struct prng prng;
	struct rc_mrs mrs;
	struct rc_mr *mr;
	struct rc_pool pool;
	struct rc_block *block;
	struct rc_end *end;
	uint32_t ends, unfinished;
	struct timer_heap due;
	TAILQ_HEAD(, rc_end) ready;
	/* A number all peers may add to, one at a time: each value must be seen once. */
	uint64_t counter;
	uint32_t counter_key;
	uint32_t counter_answers;
	uint8_t *counter_seen; /* RC_COUNTER_MAX */
};

void rc_host_init(
    struct rc_host *h, struct net *net, uint32_t id, const struct rc_host_setup *s, uint64_t seed);
/* A queue pair between two hosts, before the first run; returns a's end. */
struct rc_end *rc_host_join(struct rc_host *a, const struct rc_end_setup *sa, struct rc_host *b,
    const struct rc_end_setup *sb, struct san_time now);
/* Something was done to the end: look at it in the next step. */
void rc_host_touch(struct rc_end *e);

#endif
