/* SPDX-License-Identifier: BSD-3-Clause */
/* Every way to lose packets of a connect: all 2^12 subsets of the first twelve frames are lost in
 * turn, REQ, REP, RTU and the first data among them. What the programs see must not depend on luck,
 * and no connection manager may remember anything in the end. */
#include "test.h"

#include "mad.h"
#include "pair.h"
#include "san_err.h"

#define MASKS (1u << 12)

/* What follows the handshake. */
struct connect_kind {
	const char *name;
	uint32_t bytes[2];  /* what each end writes; both then shut and close */
	bool deaf;	    /* nobody listens */
	uint32_t cancel_us; /* A gives up after so long; 0 = never */
};

static const struct connect_kind kinds[] = {
    {.name = "the active side speaks first", .bytes = {3000, 0}},
    {.name = "the passive side speaks first", .bytes = {0, 3000}},
    {.name = "both speak", .bytes = {500, 500}},
    {.name = "nobody speaks"},
    {.name = "nobody listens", .deaf = true},
    {.name = "given up before the REP", .bytes = {3000, 3000}, .cancel_us = 8},
    {.name = "given up after the REP", .bytes = {3000, 3000}, .cancel_us = 15},
    {.name = "given up while the REQ is repeated", .bytes = {3000, 0}, .cancel_us = 50000},
};

static struct pair_setup
setup_of(const struct connect_kind *k)
{
	struct pair_setup setup = pair_defaults();
	int i;

	for (i = 0; i < 2; i++) {
		setup.end[i].script.write_total = k->bytes[i];
		setup.end[i].script.ending = END_SHUT_THEN_CLOSE;
	}
	if (k->cancel_us != 0) {
		setup.end[0].script.ending = END_ABORT_AT;
		setup.end[0].script.end_at.ns = SAN_DURATION_US(k->cancel_us).ns;
	}
	setup.host.deaf = k->deaf;
	setup.seed = 7;
	return setup;
}

static void
complete_check(const struct pair *p)
{
	int i;

	for (i = 0; i < 2; i++) {
		const struct stream *s = p->end[i];

		assert_int_equal(s->phase, STREAM_OPEN);
		assert_int_equal(sdp_error(&s->conn), 0);
		assert_int_equal(s->read, p->end[!i]->setup.script.write_total);
		assert_true(s->eof);
	}
}

static void
run_one(const struct connect_kind *k, uint32_t mask)
{
	struct pair_setup setup = setup_of(k);
	struct pair p;

	pair_init(&p, &setup);
	pair_mask(&p, mask);
	/* True only when both connection managers have forgotten everything. */
	assert_true(pair_run(&p, 30000));
	if (k->deaf) {
		assert_int_equal(p.end[0]->phase, STREAM_FAILED);
		assert_int_equal(p.end[0]->reject, CM_REJ_INVALID_SERVICE_ID);
		assert_int_equal(p.end[1]->phase, STREAM_IDLE);
	} else if (k->cancel_us == 0) {
		complete_check(&p);
	} else if (p.end[1]->phase == STREAM_OPEN) {
		assert_int_not_equal(sdp_error(&p.end[1]->conn), 0);
	}
	pair_fini(&p);
}

static void
connect__any_frames_lost(void **state)
{
	const struct connect_kind *k = *state;
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
		    kinds[i].name, connect__any_frames_lost, NULL, NULL, (void *)&kinds[i]};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
