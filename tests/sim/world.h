/* SPDX-License-Identifier: BSD-3-Clause */
/* Two hosts and the link between them, stepped through virtual time from one due moment to the
 * next. */
#ifndef SAND_TESTS_SIM_WORLD_H
#define SAND_TESTS_SIM_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "host.h"
#include "link.h"

struct world {
	struct san_time now;
	struct link link;
	struct host host[2];
	uint64_t steps;
};

/* Everything about a pair that both ends share. */
struct world_setup {
	uint32_t pmtu;
	uint32_t ring_tx[2], ring_rx[2];
	uint32_t psn[2];
	struct rc_params rc[2];
	struct san_duration disconn_timeout, linger_timeout;
	bool trace;
};

struct rc_params world_rc_defaults(void);
struct world_setup world_setup_defaults(void);
void world_init(struct world *w, const struct world_setup *s, uint64_t seed);
void world_fini(struct world *w);
/* Run until both hosts are done, nothing is due any more, or `limit` is reached. True if both are
 * done. */
bool world_run(struct world *w, struct san_time limit);

#endif
