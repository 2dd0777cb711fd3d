/* SPDX-License-Identifier: BSD-3-Clause */
/* Every frame takes one of two paths at random, one longer than the other; nothing is lost. What is
 * repeated all the same was repeated in vain. */
#include <stdio.h>

#include "fig.h"

#define WINDOW	 64u
#define MESSAGE	 65536u
#define WARM_UP	 SAN_DURATION_MS(2)
#define MEASURED SAN_DURATION_MS(40)

struct fig_reorder_result
fig_reorder_measure(const struct fig_way *way, uint32_t longer_us, struct san_duration d)
{
	static struct rc_meter meter;
	const struct fig_flow bulk = {.from = 0, .to = 1, .len = MESSAGE, .outstanding = 16};
	struct rc_end_setup end = fig_end(way, WINDOW);
	struct net_setup net = fig_switch(2);
	struct fig_reorder_result r;
	const struct rc_counters *c;
	uint32_t packets, repeats;
	struct fig f;

	net.kind = NET_PATHS;
	net.paths = 2;
	net.path[0] = net.path[1] = net.up;
	net.path[1].latency.ns += SAN_DURATION_US(longer_us).ns;
	fig_open(&f, &net, 1);
	c = &fig_flow(&f, &bulk, &end, &meter)->qp.counters;
	fig_run(&f, WARM_UP);
	rc_meter_start(&meter, f.world.now);
	packets = c->tx_requests;
	repeats = c->tx_repeats;
	fig_run(&f, d);
	r.gbit = fig_gbit(rc_meter_rate(&meter, f.world.now));
	r.repeats = (double)(c->tx_repeats - repeats) / (c->tx_requests - packets + 1);
	fig_close(&f);
	return r;
}

void
fig_reorder(bool heads)
{
	static const uint32_t longer[] = {0, 1, 2, 5, 10, 20, 50};
	const struct fig_way *way;

	printf("One flow of 64 KiB messages, 100 Gbit/s, round trip 12 us on the shorter path, "
	       "window at most %u\npackets. Gbit/s of payload, and the share of packets that were "
	       "sent again though nothing was lost.\n\n| longer by, us |",
	    WINDOW);
	for (way = fig_ways; way->name != NULL; way++)
		printf(" %s |", way->name);
	printf("\n|---|");
	for (way = fig_ways; way->name != NULL; way++)
		printf("---|");
	printf("\n");
	for (uint32_t i = 0; !heads && i < sizeof longer / sizeof *longer; i++) {
		printf("| %u |", longer[i]);
		for (way = fig_ways; way->name != NULL; way++) {
			struct fig_reorder_result r = fig_reorder_measure(way, longer[i], MEASURED);

			printf(" %.1f, %.2f %% |", r.gbit, 100 * r.repeats);
		}
		printf("\n");
	}
}
