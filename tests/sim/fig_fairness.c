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

static struct fig_fairness_result
evaluate(const struct shares *s)
{
	double total[FLOWS] = {0}, sum = 0, least = 0, most = 0;
	const double gbit = 8.0 / (LAST * (double)SLOT.ns);
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
	return (struct fig_fairness_result){
	    .gbit = sum * gbit,
	    .jain = jain(total, FLOWS),
	    .least_gbit = least * gbit,
	    .most_gbit = most * gbit,
	    .fair_after_ms = fair_from == SLOTS ? -1 : (int)fair_from,
	};
}

struct fig_fairness_result
fig_fairness_measure(const struct fig_way *way)
{
	const struct net_setup net = fig_switch(FLOWS + 1);
	struct fig_flow flow = {.to = 0, .len = MESSAGE, .outstanding = 16};
	struct rc_end_setup end = fig_end(way, WINDOW);
	struct shares *s = calloc(1, sizeof *s);
	struct fig_fairness_result r;
	struct fig f;

	san_check(s != NULL);
	fig_open(&f, &net, FLOWS);
	for (flow.from = 1; flow.from <= FLOWS; flow.from++) {
		flow.start.ns = (flow.from - 1) * STAGGER.ns;
		fig_flow(&f, &flow, &end, &s->meter[flow.from - 1]);
	}
	fig_run(&f, (struct san_duration){(FLOWS - 1) * STAGGER.ns});
	observe(&f, s);
	r = evaluate(s);
	fig_close(&f);
	free(s);
	return r;
}

void
fig_fairness(bool heads)
{
	const struct fig_way *way;

	printf("%u hosts send 64 KiB messages to one, each beginning 1 ms after the one before. "
	       "Network as for the\nhundred. Jain's index, least and most of the last %u ms; "
	       "fair: milliseconds after the last beginning\nfrom which on the index of every "
	       "millisecond is %.2f or better.\n\n"
	       "| congestion control | all, Gbit/s | Jain | least | most | fair after, ms |\n"
	       "|---|---|---|---|---|---|\n",
	    FLOWS, LAST, FAIR);
	for (way = fig_ways; !heads && way->name != NULL; way++) {
		struct fig_fairness_result r = fig_fairness_measure(way);

		printf("| %s | %.1f | %.3f | %.1f | %.1f | ", way->name, r.gbit, r.jain,
		    r.least_gbit, r.most_gbit);
		if (r.fair_after_ms < 0)
			printf("not yet |\n");
		else
			printf("%d |\n", r.fair_after_ms);
	}
}
