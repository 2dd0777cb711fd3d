/* SPDX-License-Identifier: BSD-3-Clause */
/* Hosts and the network between them, stepped through virtual time from one due moment to the next.
 * Nobody is looked at who has nothing to do. */
#ifndef SAND_TESTS_SIM_WORLD_H
#define SAND_TESTS_SIM_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "net.h"
#include "node.h"

struct world {
	struct san_time now;
	struct net net;
	struct node **node; /* by id */
	uint32_t unfinished;
	struct timer_heap due;
	struct san_time stuck_at; /* see world_run */
	uint32_t stuck;
	uint64_t steps;
};

void world_init(struct world *w, const struct net_setup *s);
/* The hosts too: each ends by its kind's fini. */
void world_fini(struct world *w);
/* One host for each place of the network, before the first run. */
void world_add(struct world *w, struct node *n);
/* Something was done to the host from outside: it steps at the next run. */
void world_wake(struct world *w, struct node *n);
/* Run until all hosts have finished and nothing is under way, nothing is due any more, or `limit`
 * is reached. True if all is over. */
bool world_run(struct world *w, struct san_time limit);

#endif
