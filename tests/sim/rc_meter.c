/* SPDX-License-Identifier: BSD-3-Clause */
#include "rc_meter.h"

#include <stdlib.h>

void
rc_meter_start(struct rc_meter *m, struct san_time now)
{
	m->from = now;
	m->bytes = m->messages = 0;
	m->samples = 0;
	m->sorted = false;
}

void
rc_meter_bytes(struct rc_meter *m, uint32_t bytes)
{
	m->bytes += bytes;
}

void
rc_meter_message(struct rc_meter *m, struct san_time posted_at, struct san_time now)
{
	m->messages++;
	if (m->samples < RC_METER_SAMPLES)
		m->sample[m->samples++] = (uint32_t)san_time_since(now, posted_at).ns;
	m->sorted = false;
}

double
rc_meter_rate(const struct rc_meter *m, struct san_time now)
{
	uint64_t ns = san_time_since(now, m->from).ns;

	return ns == 0 ? 0 : (double)m->bytes * 1e9 / (double)ns;
}

static int
compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

double
rc_meter_latency(struct rc_meter *m, uint32_t permille)
{
	uint64_t at = (uint64_t)m->samples * permille / 1000;

	if (m->samples == 0)
		return 0;
	if (!m->sorted)
		qsort(m->sample, m->samples, sizeof *m->sample, compare);
	m->sorted = true;
	return m->sample[at < m->samples ? at : m->samples - 1] / 1e3;
}
