/* SPDX-License-Identifier: BSD-3-Clause */
/* Sixteen hosts send to one, each beginning a little later than the one before: how evenly the link
 * is shared in the end, and how soon after the last has come. */
#include <stdio.h>
#include <stdlib.h>

#include "check.h"
#include "fig.h"

#define FLOWS	16u
#define WINDOW	64u
#define MESSAGE 65536u
#define STAGGER SAN_DURATION_MS(1)
#define SLOT	SAN_DURATION_MS(1)
#define SLOTS	60u /* after the last has begun */
#define LAST	20u /* slots the even share is taken from */
#define FAIR	0.95

struct shares {
	struct rc_meter meter[FLOWS];
	double slot[SLOTS][FLOWS]; /* bytes */
};

/* Jain: 1 = all equal, 1/n = one has it all. */
static double
jain(const double *share, uint32_t n)
{
	double sum = 0, squares = 0;
	uint32_t i;

	for (i = 0; i < n; i++) {
		sum += share[i];
		squares += share[i] * share[i];
	}
	return squares == 0 ? 0 : sum * sum / (n * squares);
}

static void
observe(struct fig *f, struct shares *s)
{
	uint32_t slot, i;

	for (slot = 0; slot < SLOTS; slot++) {
		for (i = 0; i < FLOWS; i++)
			rc_meter_start(&s->meter[i], f->world.now);
		fig_run(f, SLOT);
		for (i = 0; i < FLOWS; i++)
			s->slot[slot][i] = (double)s->meter[i].bytes;
	}
}

static void
report(const char *name, const struct shares *s)
{
	double total[FLOWS] = {0}, sum = 0, least = 0, most = 0;
	uint32_t slot, i, fair_from = SLOTS;

	while (fair_from > 0 && jain(s->slot[fair_from - 1], FLOWS) >= FAIR)
		fair_from--;
	for (slot = SLOTS - LAST; slot < SLOTS; slot++)
		for (i = 0; i < FLOWS; i++)
			total[i] += s->slot[slot][i];
	for (i = 0; i < FLOWS; i++) {
		sum += total[i];
		least = i == 0 || total[i] < least ? total[i] : least;
		most = total[i] > most ? total[i] : most;
	}
	printf("| %s | %.1f | %.3f | %.1f | %.1f | ", name,
	    fig_gbit(sum * 1e9 / (double)(LAST * SLOT.ns)), jain(total, FLOWS),
	    fig_gbit(least * 1e9 / (double)(LAST * SLOT.ns)),
	    fig_gbit(most * 1e9 / (double)(LAST * SLOT.ns)));
	if (fair_from == SLOTS)
		printf("not yet |\n");
	else
		printf("%u |\n", fair_from);
}

static void
measure(const struct fig_cc *cc)
{
	const struct net_setup net = fig_switch(FLOWS + 1);
	struct fig_flow flow = {.to = 0, .len = MESSAGE, .outstanding = 16};
	struct rc_end_setup end = fig_end(cc->recovery, cc->algo, WINDOW);
	struct shares *s = calloc(1, sizeof *s);
	struct fig f;

	san_check(s != NULL);
	fig_open(&f, &net, FLOWS);
	for (flow.from = 1; flow.from <= FLOWS; flow.from++) {
		flow.start.ns = (flow.from - 1) * STAGGER.ns;
		fig_flow(&f, &flow, &end, &s->meter[flow.from - 1]);
	}
	fig_run(&f, (struct san_duration){(FLOWS - 1) * STAGGER.ns});
	observe(&f, s);
	report(cc->name, s);
	fig_close(&f);
	free(s);
}

void
fig_fairness(bool heads)
{
	const struct fig_cc *cc;

	printf("%u hosts send 64 KiB messages to one, each beginning 1 ms after the one before. "
	       "Network as for the\nhundred. Jain's index, least and most of the last %u ms; "
	       "fair: milliseconds after the last beginning\nfrom which on the index of every "
	       "millisecond is %.2f or better.\n\n"
	       "| congestion control | all, Gbit/s | Jain | least | most | fair after, ms |\n"
	       "|---|---|---|---|---|---|\n",
	    FLOWS, LAST, FAIR);
	for (cc = fig_ccs; !heads && cc->name != NULL; cc++)
		measure(cc);
}
