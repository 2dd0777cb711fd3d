/* SPDX-License-Identifier: BSD-3-Clause */
/* Every way to lose packets of a close: for each kind of close all 2^12 subsets of its first twelve
 * frames, DREQ and DREP included, are lost in turn. Both ends must reach DEAD and both connection
 * managers forget, and what the programs see must not depend on luck. */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "pair.h"
#include "san_err.h"

#define MASKS (1u << 12)

struct close_kind {
	const char *name;
	uint32_t backlog[2]; /* bytes written just before */
	bool shut_first;     /* A shuts, then aborts */
	int how[2];   /* enum sdp_close_how at the same instant; -1: closes at the end of file */
	int error[2]; /* what each engine must report; 1 = any error, 2 = do not care */
};

static const struct close_kind kinds[] = {
    {.name = "orderly, idle", .how = {SDP_CLOSE_GRACEFUL, -1}},
    {.name = "orderly, data queued", .backlog = {5000, 0}, .how = {SDP_CLOSE_GRACEFUL, -1}},
    {.name = "simultaneous", .how = {SDP_CLOSE_GRACEFUL, SDP_CLOSE_GRACEFUL}},
    {.name = "abortive",
	.backlog = {5000, 0},
	.how = {SDP_CLOSE_ABORT, -1},
	.error = {SAN_ECONNABORTED, 1}},
    {.name = "abortive after shut",
	.backlog = {3000, 3000},
	.shut_first = true,
	.how = {SDP_CLOSE_ABORT, -1},
	.error = {SAN_ECONNABORTED, 2}},
    {.name = "both abort",
	.backlog = {100, 100},
	.how = {SDP_CLOSE_ABORT, SDP_CLOSE_ABORT},
	.error = {SAN_ECONNABORTED, SAN_ECONNABORTED}},
};

static void
start(struct pair *p, uint32_t mask)
{
	struct pair_setup setup = pair_defaults();
	int i;

	for (i = 0; i < 2; i++) {
		setup.end[i].disconn_timeout = SAN_DURATION_S(60);
		setup.end[i].linger_timeout = SAN_DURATION_S(5);
		/* Some traffic first, so that the close meets a connection in use. */
		setup.end[i].script.write_total = 2000;
		setup.end[i].script.ending = END_CLOSE_AT; /* which never comes */
	}
	setup.seed = 99;
	pair_init(p, &setup);
	pair_run(p, 1);
	assert_int_equal(p->end[0]->read + p->end[1]->read, 4000);
	pair_mask(p, mask);
}

static void
close_both(struct pair *p, const struct close_kind *k)
{
	int i;

	for (i = 0; i < 2; i++) {
		p->end[i]->setup.script.write_total += k->backlog[i];
		program_write(p->end[i], p->w.now);
	}
	if (k->shut_first) {
		program_shut(p->end[0], p->w.now);
		stream_step(p->end[0], p->w.now);
	}
	for (i = 0; i < 2; i++) {
		if (k->how[i] >= 0)
			program_close(p->end[i], (enum sdp_close_how)k->how[i], p->w.now);
		p->end[i]->setup.script.ending = END_WAIT;
	}
}

static void
run_one(const struct close_kind *k, uint32_t mask)
{
	struct pair p;
	int i;

	start(&p, mask);
	close_both(&p, k);
	assert_true(pair_run(&p, 30000));
	for (i = 0; i < 2; i++) {
		int err = sdp_error(&p.end[i]->conn);

		if (k->error[i] <= 0)
			assert_int_equal(err, k->error[i]);
		else if (k->error[i] == 1)
			assert_int_not_equal(err, 0);
	}
	if (k->error[0] == 0) {
		assert_int_equal(p.end[1]->read, p.end[0]->written);
		assert_int_equal(p.end[0]->read, p.end[1]->written);
	}
	pair_fini(&p);
}

static void
close__any_frames_lost(void **state)
{
	const struct close_kind *k = *state;
	uint32_t mask;

	for (mask = 0; mask < MASKS; mask++)
		run_one(k, mask);
}

int
main(void)
{
	struct CMUnitTest tests[sizeof kinds / sizeof *kinds];
	size_t i;

	for (i = 0; i < sizeof kinds / sizeof *kinds; i++)
		tests[i] = (struct CMUnitTest){
		    kinds[i].name, close__any_frames_lost, NULL, NULL, (void *)&kinds[i]};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
