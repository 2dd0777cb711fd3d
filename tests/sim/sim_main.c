/* SPDX-License-Identifier: BSD-3-Clause */
/* sim: many seeds, or one seed with a trace. Any failure names its seed. */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "fig.h"
#include "scenario.h"

#define KINDS_MAX 64

static uint64_t seed_running;

void
san_check_failed(const char *file, int line, const char *what)
{
	fflush(stdout);
	fprintf(stderr,
	    "seed %" PRIu64 ": %s:%d: check failed: %s\n"
	    "  see it with: sim --seed %" PRIu64 " --trace\n",
	    seed_running, file, line, what, seed_running);
	abort();
}

struct totals {
	uint64_t runs, failed, steps, bytes;
	struct net_counters net;
	struct {
		const char *name;
		uint64_t runs;
	} kind[KINDS_MAX];
};

static void
count_kind(struct totals *t, const char *name)
{
	int i;

	for (i = 0; t->kind[i].name != NULL && t->kind[i].name != name; i++)
		san_check(i < KINDS_MAX - 1);
	t->kind[i].name = name;
	t->kind[i].runs++;
}

static void
run(uint64_t seed, bool trace, struct totals *t)
{
	struct scenario_result r;

	seed_running = seed;
	r = scenario_run(seed, trace);
	if (r.wrong != NULL) {
		printf("seed %" PRIu64 ": FAILED: %s, at %.3f ms\n"
		       "  see it with: sim --seed %" PRIu64 " --trace\n",
		    seed, r.wrong, (double)r.ended.ns / 1e6, seed);
		t->failed++;
	}
	t->runs++;
	t->steps += r.steps;
	t->bytes += r.bytes;
	t->net.sent += r.net.sent;
	t->net.lost += r.net.lost;
	t->net.dropped += r.net.dropped;
	t->net.damaged += r.net.damaged;
	t->net.duplicated += r.net.duplicated;
	t->net.reordered += r.net.reordered;
	t->net.marked += r.net.marked;
	count_kind(t, r.kind);
}

static void
totals_print(const struct totals *t)
{
	const struct net_counters *n = &t->net;

	printf("%" PRIu64 " runs, %" PRIu64 " failed; %" PRIu64 " steps, %" PRIu64
	       " bytes moved, %" PRIu64 " frames\n",
	    t->runs, t->failed, t->steps, t->bytes, n->sent);
	printf("  frames lost %" PRIu64 ", dropped %" PRIu64 ", damaged %" PRIu64
	       ", doubled %" PRIu64 ", late %" PRIu64 ", marked %" PRIu64 "\n",
	    n->lost, n->dropped, n->damaged, n->duplicated, n->reordered, n->marked);
	for (int i = 0; t->kind[i].name != NULL; i++)
		printf("  %-20s %" PRIu64 "\n", t->kind[i].name, t->kind[i].runs);
}

/* Lines of "seed what it found"; those that begin with # are remarks. */
static void
run_kept(const char *path, struct totals *t)
{
	FILE *f = fopen(path, "r");
	char line[256], *end;
	uint64_t seed;

	if (f == NULL) {
		perror(path);
		exit(2);
	}
	while (fgets(line, sizeof line, f) != NULL) {
		seed = strtoull(line, &end, 10);
		if (end != line)
			run(seed, false, t);
	}
	fclose(f);
	printf("%" PRIu64 " kept seeds\n", t->runs);
}

static void
usage(void)
{
	fprintf(stderr, "usage: sim [--seed N] [--count N] [--trace] [--kept FILE]\n"
			"       sim --figures [loss|incast|fairness|reorder]\n"
			"       sim --headings\n"
			"  --seed N     first seed (1); alone: only this one\n"
			"  --count N    that many seeds in a row (2000)\n"
			"  --trace      say what happens\n"
			"  --kept FILE  before these, the seeds in the file\n");
	exit(2);
}

#define FIGURES_HEAD                                                                              \
	"# Figures of the transport\n\nPrinted by `sim --figures`; not written by hand. Virtual " \
	"time: they say what the protocol does, not what\nthe processor manages.\n\n"

static int
figures(const char *which, bool heads)
{
	if (which == NULL)
		printf(FIGURES_HEAD);
	if (!fig_print(which, heads))
		usage();
	return 0;
}

int
main(int argc, char **argv)
{
	uint64_t first = 1, count = 2000, seed;
	static struct totals t;
	const char *kept = NULL;
	bool trace = false;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--figures") == 0 || strcmp(argv[i], "--headings") == 0)
			return figures(i + 1 < argc ? argv[i + 1] : NULL, argv[i][2] == 'h');
		if (strcmp(argv[i], "--trace") == 0) {
			trace = true;
		} else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc) {
			first = strtoull(argv[++i], NULL, 0);
			count = 1;
		} else if (strcmp(argv[i], "--count") == 0 && i + 1 < argc) {
			count = strtoull(argv[++i], NULL, 0);
		} else if (strcmp(argv[i], "--kept") == 0 && i + 1 < argc) {
			kept = argv[++i];
		} else {
			usage();
		}
	}
	if (kept != NULL)
		run_kept(kept, &t);
	printf("seeds %" PRIu64 "..%" PRIu64 "\n", first, first + count - 1);
	fflush(stdout);
	for (seed = first; seed < first + count; seed++)
		run(seed, trace, &t);
	totals_print(&t);
	return t.failed != 0;
}
