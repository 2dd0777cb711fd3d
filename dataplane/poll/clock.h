/* SPDX-License-Identifier: BSD-3-Clause */
/* The processor's cycle counter as san_time. The only clock of the data path; read once per
 * iteration and handed down. */
#ifndef SAND_POLL_CLOCK_H
#define SAND_POLL_CLOCK_H

#include <stdint.h>

#include "san_time.h"

struct clock {
	uint64_t start;	      /* cycles at clock_init */
	uint64_t ns_per_2_32; /* nanoseconds in 2^32 cycles */
};

/* After eal_start, which measures the counter's frequency. */
void clock_init(struct clock *c);
/* Never 0. Monotonic on one processor; on several if their counters run in step. */
struct san_time clock_now(const struct clock *c);

#endif
