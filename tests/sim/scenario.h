/* SPDX-License-Identifier: BSD-3-Clause */
/* What a seed means: every parameter of a run is drawn from it, and what must come of it follows
 * from them. A family is one kind of host and of oracle; the seed decides which. */
#ifndef SAND_TESTS_SIM_SCENARIO_H
#define SAND_TESTS_SIM_SCENARIO_H

#include <stdbool.h>
#include <stdint.h>

#include "prng.h"
#include "world.h"

/* What came of a run. */
struct scenario_result {
	const char *kind;
	const char *wrong; /* NULL = nothing */
	struct san_time ended;
	struct net_counters net;
	uint64_t steps, bytes;
};

struct scenario_result scenario_run(uint64_t seed, bool trace);

/* The families. Odd seeds are streams (with RDMA beside them where seed % 4 is 1), even ones bare
 * queue pairs, so that what a kept seed means does not depend on the other family. */
struct scenario_result sdp_scenario_run(uint64_t seed, struct prng *p, bool trace);
struct scenario_result rc_scenario_run(uint64_t seed, struct prng *p, bool trace);

/* After the faults are over and the programs have nothing to wait for, this is enough for
 * everything else. */
#define SCENARIO_SETTLE SAN_DURATION_S(600)

void scenario_note(struct scenario_result *r, const struct world *w);

#endif
