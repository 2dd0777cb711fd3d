/* SPDX-License-Identifier: BSD-3-Clause */
/* All counters in one sequence, and what they were when the operator last cleared them. Counters
 * are never written by anybody but their owner; clearing remembers and subtracts. */
#ifndef SAND_CONTROL_COUNTER_BASE_H
#define SAND_CONTROL_COUNTER_BASE_H

#include <stdint.h>

struct daemon;
struct port_stats;
struct counter_base;

/* Remember every counter as it is now. 0 or SAN_ENOMEM. */
int counter_base_take(struct daemon *d);
void counter_base_free(struct daemon *d);
/* Subtract what was remembered. `base` NULL: nothing was. */
void counter_base_port(const struct counter_base *base, uint16_t port, struct port_stats *s);

#endif
