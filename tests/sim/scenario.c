/* SPDX-License-Identifier: BSD-3-Clause */
#include "scenario.h"

struct scenario_result
scenario_run(uint64_t seed, bool trace)
{
	struct prng p = {seed * UINT64_C(0x2545f4914f6cdd1d) + 1};

	return (seed & 1) != 0 ? sdp_scenario_run(seed, &p, trace)
			       : rc_scenario_run(seed, &p, trace);
}

void
scenario_note(struct scenario_result *r, const struct world *w)
{
	r->ended = w->now;
	r->net = w->net.count;
	r->steps = w->steps;
}
