/* SPDX-License-Identifier: BSD-3-Clause */
/* One bulk flow over a network that loses frames at random: goodput by loss rate and by what
 * recovers the losses. */
#include <stdio.h>

#include "fig.h"

#define WINDOW	64u /* packets: twice what the path holds */
#define MESSAGE 65536u
#define WARM_UP SAN_DURATION_MS(2)

struct row {
	const char *rate;
	uint32_t ppb;
	struct san_duration measured;
};

static const struct row rows[] = {
    {"none", 0, {50000000}},
    {"1e-7", 100, {500000000}},
    {"1e-6", 1000, {500000000}},
    {"1e-5", 10000, {500000000}},
    {"1e-4", 100000, {100000000}},
    {"1e-3", 1000000, {100000000}},
    {"1e-2", 10000000, {100000000}},
};

/* A path: how far, and how many packets may be under way, about twice what it holds. */
struct path {
	const char *name;
	struct san_duration line; /* one of four */
	uint32_t window;
};

static const struct path paths[] = {
    {"Round trip 8 us, window 64 packets:", {2000}, 64},
    {"Round trip 80 us, window 512 packets:", {20000}, 512},
};

struct result {
	double gbit;
	uint64_t lost;
};

static struct result
measure(const struct path *path, const struct row *row, enum fig_recovery recovery)
{
	static struct rc_meter meter;
	const struct fig_flow bulk = {
	    .from = 0, .to = 1, .len = MESSAGE, .outstanding = path->window / 4};
	struct rc_end_setup end = fig_end(recovery, CC_NONE, path->window);
	struct net_setup net = fig_switch(2);
	struct result r;
	struct fig f;

	net.down.latency = net.up.latency = path->line;
	net.down.ecn.max = net.up.ecn.max = 0;
	fig_open(&f, &net, 1);
	fig_flow(&f, &bulk, &end, &meter);
	fig_run(&f, WARM_UP);
	rc_meter_start(&meter, f.world.now);
	f.world.net.faults.until = SAN_TIME_NEVER;
	f.world.net.faults.loss = row->ppb / 2; /* on each of the two lines */
	fig_run(&f, row->measured);
	r.gbit = fig_gbit(rc_meter_rate(&meter, f.world.now));
	r.lost = f.world.net.count.lost;
	fig_close(&f);
	return r;
}

static void
table_head(const struct path *path)
{
	uint32_t k;

	printf("%s\n\n| loss |", path->name);
	for (k = 0; k < FIG_RECOVERY_COUNT; k++)
		printf(" %s |", fig_recovery_name((enum fig_recovery)k));
	printf("\n|---|");
	for (k = 0; k < FIG_RECOVERY_COUNT; k++)
		printf("---|");
	printf("\n");
}

static void
table_rows(const struct path *path)
{
	double clean[FIG_RECOVERY_COUNT];
	uint32_t i, k;

	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		printf("| %s |", rows[i].rate);
		for (k = 0; k < FIG_RECOVERY_COUNT; k++) {
			struct result r = measure(path, &rows[i], (enum fig_recovery)k);

			if (i == 0)
				clean[k] = r.gbit;
			printf(" %.1f, %.0f %%, %llu |", r.gbit, 100 * r.gbit / clean[k],
			    (unsigned long long)r.lost);
		}
		printf("\n");
	}
}

void
fig_loss(bool heads)
{
	printf("One flow of 64 KiB messages in packets of %u bytes through a switch, 100 Gbit/s, "
	       "no congestion control;\nframes are lost at random, both ways. Gbit/s of payload, "
	       "share of the loss-free rate, frames lost in\nthe run.\n\n",
	    FIG_PMTU);
	for (uint32_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		table_head(&paths[i]);
		if (!heads)
			table_rows(&paths[i]);
		printf("\n");
	}
}
