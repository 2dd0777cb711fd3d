/* SPDX-License-Identifier: BSD-3-Clause */
/* A hundred hosts send bulk to one, and a few more send it small messages now and then: what bulk
 * gets, what the small messages suffer, what the queue before the receiver has to hold. */
#include <stdio.h>
#include <stdlib.h>

#include "check.h"
#include "fig.h"

#define SENDERS	 100u
#define WINDOW	 64u
#define MESSAGE	 65536u
#define PROBES	 8u
#define SMALL	 64u
#define EVERY_US 100u
#define WARM_UP	 SAN_DURATION_MS(5)
#define MEASURED SAN_DURATION_MS(20)

struct fig_incast_result
fig_incast_measure(const struct fig_way *way)
{
	const struct net_setup net = fig_switch(1 + SENDERS + PROBES);
	struct fig_flow probe = {.to = 0,
	    .len = SMALL,
	    .outstanding = RC_WORKS,
	    .pause_max = SAN_DURATION_US(2 * EVERY_US)};
	struct fig_flow bulk = {.to = 0, .len = MESSAGE, .outstanding = 4};
	struct rc_end_setup end = fig_end(way, WINDOW);
	struct rc_meter *all = calloc(2, sizeof *all), *small = all + 1;
	struct fig_incast_result r;
	struct hop *down;
	struct fig f;

	san_check(all != NULL);
	fig_open(&f, &net, SENDERS + PROBES);
	for (probe.from = SENDERS + 1; probe.from <= SENDERS + PROBES; probe.from++)
		fig_flow(&f, &probe, &end, small);
	for (bulk.from = 1; bulk.from <= SENDERS; bulk.from++)
		fig_flow(&f, &bulk, &end, all);
	fig_run(&f, WARM_UP);
	rc_meter_start(all, f.world.now);
	rc_meter_start(small, f.world.now);
	down = &f.world.net.down[0];
	down->dropped = down->backlog_max = down->marked = down->frames = 0;
	fig_run(&f, MEASURED);
	r = (struct fig_incast_result){
	    .gbit = fig_gbit(rc_meter_rate(all, f.world.now)),
	    .small_median_us = rc_meter_latency(small, 500),
	    .small_p99_us = rc_meter_latency(small, 990),
	    .queue_kb = (double)down->backlog_max / 1e3,
	    .marked = (double)down->marked / (double)(down->frames + 1),
	    .drops = down->dropped,
	};
	fig_close(&f);
	free(all);
	return r;
}

void
fig_incast(bool heads)
{
	const struct fig_way *way;

	printf("%u hosts send 64 KiB messages to one, all from the same moment on; %u more send it "
	       "%u-byte messages,\neach every %u us on average. 100 Gbit/s, round trip 8 us, 2 MB "
	       "before the receiver, marking from 100 to\n400 KB, window at most %u packets each; "
	       "measured for %u ms after %u ms.\n\n"
	       "| congestion control | goodput, Gbit/s | small, median us | small, 99 %% us | "
	       "queue, KB | drops | marked |\n|---|---|---|---|---|---|---|\n",
	    SENDERS, PROBES, SMALL, EVERY_US, WINDOW, (unsigned)(MEASURED.ns / 1000000),
	    (unsigned)(WARM_UP.ns / 1000000));
	for (way = fig_ways; !heads && way->name != NULL; way++) {
		struct fig_incast_result r = fig_incast_measure(way);

		printf("| %s | %.1f | %.0f | %.0f | %.0f | %llu | %.0f %% |\n", way->name, r.gbit,
		    r.small_median_us, r.small_p99_us, r.queue_kb, (unsigned long long)r.drops,
		    100 * r.marked);
	}
}
