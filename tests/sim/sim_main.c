/* SPDX-License-Identifier: BSD-3-Clause */
/* sim: many seeds, or one seed with a trace. Prints a seed before it can fail, so that any failure
 * names it. */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "scenario.h"

static uint64_t seed_running;

void
san_check_failed(const char *file, int line, const char *what)
{
	fflush(stdout);
	fprintf(
	    stderr, "seed %" PRIu64 ": %s:%d: check failed: %s\n", seed_running, file, line, what);
	abort();
}

struct totals {
	uint64_t runs, steps, bytes, frames, lost, kind[SCENARIO_COUNT];
};

static bool
run(uint64_t seed, bool trace, struct totals *t)
{
	struct scenario sc;
	struct world w;
	const char *wrong;

	seed_running = seed;
	scenario_draw(&sc, seed);
	if (trace)
		scenario_print(&sc);
	wrong = scenario_run(&sc, trace, &w);
	if (wrong != NULL) {
		if (!trace)
			scenario_print(&sc);
		printf("seed %" PRIu64 ": FAILED: %s\n", seed, wrong);
		for (int i = 0; i < 2; i++)
			printf("  %c: %s, error %d, written %" PRIu64 ", read %" PRIu64 "\n",
			    'A' + i, sdp_state_name(sdp_state(&w.host[i].conn)),
			    sdp_error(&w.host[i].conn), w.host[i].written, w.host[i].read);
		printf("  at %.3f ms; see it with: sim --seed %" PRIu64 " --trace\n",
		    (double)w.now.ns / 1e6, seed);
	}
	t->runs++;
	t->steps += w.steps;
	t->bytes += w.host[0].read + w.host[1].read;
	t->frames += w.link.sent;
	t->lost += w.link.lost + w.link.overflowed;
	t->kind[sc.kind]++;
	world_fini(&w);
	return wrong == NULL;
}

static void
usage(void)
{
	fprintf(stderr, "usage: sim [--seed N] [--count N] [--trace]\n"
			"  --seed N   first seed (1); alone: only this one\n"
			"  --count N  that many seeds in a row (2000)\n"
			"  --trace    say what happens\n");
	exit(2);
}

int
main(int argc, char **argv)
{
	uint64_t first = 1, count = 2000, seed, failed = 0;
	bool trace = false;
	struct totals t = {0};

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--trace") == 0) {
			trace = true;
		} else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc) {
			first = strtoull(argv[++i], NULL, 0);
			count = 1;
		} else if (strcmp(argv[i], "--count") == 0 && i + 1 < argc) {
			count = strtoull(argv[++i], NULL, 0);
		} else {
			usage();
		}
	}
	printf("seeds %" PRIu64 "..%" PRIu64 "\n", first, first + count - 1);
	fflush(stdout);
	for (seed = first; seed < first + count; seed++)
		failed += !run(seed, trace, &t);
	printf("%" PRIu64 " runs, %" PRIu64 " failed; %" PRIu64 " frames, %" PRIu64
	       " lost, %" PRIu64 " bytes read, %" PRIu64 " steps\n",
	    t.runs, failed, t.frames, t.lost, t.bytes, t.steps);
	for (int k = 0; k < SCENARIO_COUNT; k++)
		printf("  %-12s %" PRIu64 "\n", scenario_name((enum scenario_kind)k), t.kind[k]);
	return failed != 0;
}
