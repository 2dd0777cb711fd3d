/* SPDX-License-Identifier: BSD-3-Clause */
#include "clock.h"

#include <rte_cycles.h>

void
clock_init(struct clock *c)
{
	c->start = rte_get_tsc_cycles();
	c->ns_per_2_32 = (uint64_t)(((unsigned __int128)1000000000u << 32) / rte_get_tsc_hz());
}

struct san_time
clock_now(const struct clock *c)
{
	uint64_t cycles = rte_get_tsc_cycles() - c->start;

	return (struct san_time){
	    1 + (uint64_t)(((unsigned __int128)cycles * c->ns_per_2_32) >> 32)};
}
