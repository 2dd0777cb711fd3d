/* SPDX-License-Identifier: BSD-3-Clause */
/* One host reads from another's memory over a network that loses frames at random: goodput by loss
 * rate, where answers that come early are kept and where they are not. */
#include <stdio.h>

#include "fig.h"

#define MESSAGE	 32768u
#define READS	 16u
#define WINDOW	 256u
#define WARM_UP	 SAN_DURATION_MS(2)
#define MEASURED SAN_DURATION_MS(50)

/* One of four lines of the way there and back. */
static const struct san_duration lines[FIG_PATH_COUNT] = {
    [FIG_PATH_SHORT] = {2000}, [FIG_PATH_LONG] = {10000}};

double
fig_read_measure(enum fig_recovery recovery, enum fig_path path, uint32_t ppb)
{
	static struct rc_meter meter;
	const struct fig_way way = {"", CC_NONE, recovery};
	const struct fig_flow reads = {
	    .from = 0, .to = 1, .kind = RC_READ, .len = MESSAGE, .outstanding = READS};
	struct rc_end_setup end = fig_end(&way, WINDOW);
	struct net_setup net = fig_switch(2);
	struct fig f;
	double gbit;

	end.reads = READS;
	net.down.latency = net.up.latency = lines[path];
	fig_open(&f, &net, 1);
	fig_flow(&f, &reads, &end, &meter);
	fig_run(&f, WARM_UP);
	rc_meter_start(&meter, f.world.now);
	f.world.net.faults.until = SAN_TIME_NEVER;
	f.world.net.faults.loss = ppb / 2; /* on each of the two lines */
	fig_run(&f, MEASURED);
	gbit = fig_gbit(rc_meter_rate(&meter, f.world.now));
	fig_close(&f);
	return gbit;
}

static const struct {
	enum fig_recovery recovery;
	enum fig_path path;
} columns[] = {{FIG_GO_BACK_N, FIG_PATH_SHORT}, {FIG_KEEP, FIG_PATH_SHORT},
    {FIG_GO_BACK_N, FIG_PATH_LONG}, {FIG_KEEP, FIG_PATH_LONG}};

void
fig_read(bool heads)
{
	static const struct {
		const char *rate;
		uint32_t ppb;
	} rows[] = {{"none", 0}, {"1e-4", 100000}, {"1e-3", 1000000}, {"1e-2", 10000000}};
	double clean[sizeof columns / sizeof *columns] = {0};

	printf("One host reads from another, 32 KiB and 4 KiB in turn at random, %u at a time, "
	       "packets of %u bytes,\n100 Gbit/s; frames are lost at random, both ways. Gbit/s, "
	       "share of the loss-free rate.\n\n"
	       "| loss | 8 us, all again | 8 us, early answers kept | 40 us, all again | "
	       "40 us, early answers kept |\n|---|---|---|---|---|\n",
	    READS, FIG_PMTU);
	for (size_t i = 0; !heads && i < sizeof rows / sizeof *rows; i++) {
		printf("| %s |", rows[i].rate);
		for (size_t k = 0; k < sizeof columns / sizeof *columns; k++) {
			double gbit =
			    fig_read_measure(columns[k].recovery, columns[k].path, rows[i].ppb);

			if (i == 0)
				clean[k] = gbit;
			printf(" %.1f, %.0f %% |", gbit, 100 * gbit / clean[k]);
		}
		printf("\n");
	}
}
