/* SPDX-License-Identifier: BSD-3-Clause */
/* Every frame takes one of two paths at random, one longer than the other; nothing is lost. What is
 * repeated all the same was repeated in vain. */
#include <stdio.h>

#include "fig.h"

#define WINDOW	 64u
#define MESSAGE	 65536u
#define WARM_UP	 SAN_DURATION_MS(2)
#define MEASURED SAN_DURATION_MS(40)

struct result {
	double gbit;
	uint32_t packets, repeats;
};

static struct result
measure(uint32_t longer_us, const struct fig_cc *cc)
{
	static struct rc_meter meter;
	const struct fig_flow bulk = {.from = 0, .to = 1, .len = MESSAGE, .outstanding = 16};
	struct rc_end_setup end = fig_end(cc->recovery, cc->algo, WINDOW);
	struct net_setup net = fig_switch(2);
	const struct rc_counters *c;
	struct result r;
	struct fig f;

	net.kind = NET_PATHS;
	net.paths = 2;
	net.path[0] = net.path[1] = net.up;
	net.path[1].latency.ns += SAN_DURATION_US(longer_us).ns;
	fig_open(&f, &net, 1);
	c = &fig_flow(&f, &bulk, &end, &meter)->qp.counters;
	fig_run(&f, WARM_UP);
	rc_meter_start(&meter, f.world.now);
	r.packets = c->tx_requests;
	r.repeats = c->tx_repeats;
	fig_run(&f, MEASURED);
	r.gbit = fig_gbit(rc_meter_rate(&meter, f.world.now));
	r.packets = c->tx_requests - r.packets;
	r.repeats = c->tx_repeats - r.repeats;
	fig_close(&f);
	return r;
}

void
fig_reorder(bool heads)
{
	static const uint32_t longer[] = {0, 1, 2, 5, 10, 20, 50};
	const struct fig_cc *cc;

	printf("One flow of 64 KiB messages, 100 Gbit/s, round trip 12 us on the shorter path, "
	       "window at most %u\npackets. Gbit/s of payload, and the share of packets that were "
	       "sent again though nothing was lost.\n\n| longer by, us |",
	    WINDOW);
	for (cc = fig_ccs; cc->name != NULL; cc++)
		printf(" %s |", cc->name);
	printf("\n|---|");
	for (cc = fig_ccs; cc->name != NULL; cc++)
		printf("---|");
	printf("\n");
	for (uint32_t i = 0; !heads && i < sizeof longer / sizeof *longer; i++) {
		printf("| %u |", longer[i]);
		for (cc = fig_ccs; cc->name != NULL; cc++) {
			struct result r = measure(longer[i], cc);

			printf(" %.1f, %.2f %% |", r.gbit,
			    100.0 * r.repeats / (r.packets == 0 ? 1 : r.packets));
		}
		printf("\n");
	}
}
