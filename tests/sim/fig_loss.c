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

const struct fig_way fig_loss_ways[] = {
    {"go-back-N", CC_NONE, FIG_GO_BACK_N},
    {"selective, standard peer", CC_NONE, FIG_KEEP},
    {"selective, SACK", CC_NONE, FIG_SACK},
    {"selective, SACK, window control", CC_WINDOW, FIG_SACK},
    {NULL, 0, 0},
};

/* How far, and how many packets may be under way: about twice what the path holds. */
static const struct {
	const char *name;
	struct san_duration line; /* one of four */
	uint32_t window;
} paths[FIG_PATH_COUNT] = {
    [FIG_PATH_SHORT] = {"Round trip 8 us, window 64 packets:", {2000}, 64},
    [FIG_PATH_LONG] = {"Round trip 80 us, window 512 packets:", {20000}, 512},
};

struct fig_loss_result
fig_loss_measure(const struct fig_way *way, enum fig_path path, uint32_t ppb, struct san_duration d)
{
	static struct rc_meter meter;
	const struct fig_flow bulk = {
	    .from = 0, .to = 1, .len = MESSAGE, .outstanding = paths[path].window / 4};
	struct rc_end_setup end = fig_end(way, paths[path].window);
	struct net_setup net = fig_switch(2);
	struct fig_loss_result r;
	struct fig f;

	net.down.latency = net.up.latency = paths[path].line;
	fig_open(&f, &net, 1);
	fig_flow(&f, &bulk, &end, &meter);
	fig_run(&f, WARM_UP);
	rc_meter_start(&meter, f.world.now);
	f.world.net.faults.until = SAN_TIME_NEVER;
	f.world.net.faults.loss = ppb / 2; /* on each of the two lines */
	fig_run(&f, d);
	r.gbit = fig_gbit(rc_meter_rate(&meter, f.world.now));
	r.lost = f.world.net.count.lost;
	fig_close(&f);
	return r;
}

static void
table_head(enum fig_path path)
{
	const struct fig_way *way;

	printf("%s\n\n| loss |", paths[path].name);
	for (way = fig_loss_ways; way->name != NULL; way++)
		printf(" %s |", way->name);
	printf("\n|---|");
	for (way = fig_loss_ways; way->name != NULL; way++)
		printf("---|");
	printf("\n");
}

static void
table_rows(enum fig_path path)
{
	double clean[sizeof fig_loss_ways / sizeof *fig_loss_ways];
	uint32_t i, k;

	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		printf("| %s |", rows[i].rate);
		for (k = 0; fig_loss_ways[k].name != NULL; k++) {
			struct fig_loss_result r = fig_loss_measure(
			    &fig_loss_ways[k], path, rows[i].ppb, rows[i].measured);

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
	printf("One flow of 64 KiB messages in packets of %u bytes through a switch, 100 Gbit/s; "
	       "frames are lost at\nrandom, both ways. Gbit/s of payload, share of the loss-free "
	       "rate, frames lost in the run.\n\n",
	    FIG_PMTU);
	for (enum fig_path path = 0; path < FIG_PATH_COUNT; path++) {
		table_head(path);
		if (!heads)
			table_rows(path);
		printf("\n");
	}
}
