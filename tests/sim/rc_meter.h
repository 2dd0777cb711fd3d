/* SPDX-License-Identifier: BSD-3-Clause */
/* Counts what arrives at queue pairs from a moment on: bytes, messages, and how long each message
 * took from its posting. Several queue pairs may share one. */
#ifndef SAND_TESTS_SIM_RC_METER_H
#define SAND_TESTS_SIM_RC_METER_H

#include <stdbool.h>
#include <stdint.h>

#include "san_time.h"

#define RC_METER_SAMPLES 65536u

struct rc_meter {
	struct san_time from;
	uint64_t bytes, messages;
	bool sorted;
	uint32_t samples; /* the first so many messages, in ns */
	uint32_t sample[RC_METER_SAMPLES];
};

void rc_meter_start(struct rc_meter *m, struct san_time now);
/* The part of a message that a packet carried came. */
void rc_meter_bytes(struct rc_meter *m, uint32_t bytes);
void rc_meter_message(struct rc_meter *m, struct san_time posted_at, struct san_time now);
/* Bytes per second since the start, headers not counted. */
double rc_meter_rate(const struct rc_meter *m, struct san_time now);
/* Microseconds within which `permille` of the messages arrived. */
double rc_meter_latency(struct rc_meter *m, uint32_t permille);

#endif
