/* SPDX-License-Identifier: BSD-3-Clause */
/* What a seed means: every parameter of a run is drawn from it, and what must come of it follows
 * from them. */
#ifndef SAND_TESTS_SIM_SCENARIO_H
#define SAND_TESTS_SIM_SCENARIO_H

#include <stdbool.h>
#include <stdint.h>

#include "world.h"

/* How a run ends. X(name, what happens) */
#define SCENARIO_LIST(X)                                                                 \
	X(BOTH_SHUT, "both write, shut, read the end of file, close")                    \
	X(ONE_WAY, "A writes and closes at once, B reads and closes at the end of file") \
	X(EARLY_CLOSE, "A closes while B may still be writing")                          \
	X(TOGETHER, "both close at the same moment, data or not")                        \
	X(ABORT, "A aborts in the middle")                                               \
	X(CUT, "the cable is cut for ever in the middle")                                \
	X(PORT_DOWN, "A's port goes down in the middle")

enum scenario_kind {
#define X(name, text) SCENARIO_##name,
	SCENARIO_LIST(X)
#undef X
	    SCENARIO_COUNT
};

struct scenario {
	uint64_t seed;
	enum scenario_kind kind;
	bool patient; /* neither end gives up before the faults end */
	struct world_setup setup;
	struct link_faults faults;
	struct link_shape shape;
	struct host_script script[2];
};

const char *scenario_name(enum scenario_kind kind);
void scenario_draw(struct scenario *sc, uint64_t seed);
void scenario_print(const struct scenario *sc);
/* NULL, or what is wrong. `w` is initialised by the call and is the caller's to finish. */
const char *scenario_run(const struct scenario *sc, bool trace, struct world *w);

#endif
