/* SPDX-License-Identifier: BSD-3-Clause */
/* Every way to lose packets of a stream with RDMA beside it: all 2^12 subsets of the first twelve
 * frames that follow the handshake are lost in turn, WRITEs, READs, bytes, DisConn and DREQ among
 * them. Everything is done, in its place (beside_check), and both ends are orderly. */
#include "test.h"

#include "pair.h"

#define MASKS (1u << 12)
#define PMTU  256

struct beside_kind {
	const char *name;
	uint32_t bytes[2], works[2];
	uint32_t reads; /* of so many works one is a READ */
	uint32_t len_max;
	uint64_t seed;
};

static const struct beside_kind kinds[] = {
    {.name = "WRITEs, then the end", .works = {3, 0}, .len_max = 200, .seed = 1},
    {.name = "WRITEs of several packets between bytes",
	.bytes = {900, 0},
	.works = {3, 0},
	.len_max = 1000,
	.seed = 2},
    {.name = "READs between bytes",
	.bytes = {600, 100},
	.works = {3, 0},
	.reads = 1,
	.len_max = 700,
	.seed = 3},
    {.name = "both kinds, both ways",
	.bytes = {500, 500},
	.works = {4, 4},
	.reads = 2,
	.len_max = 400,
	.seed = 4},
};

static void
start(struct pair *p, const struct beside_kind *k)
{
	struct pair_setup setup = pair_defaults();

	setup.seed = k->seed;
	for (int i = 0; i < 2; i++) {
		struct stream_setup *s = &setup.end[i];

		s->pmtu = PMTU;
		s->reads = 2;
		s->script.write_total = k->bytes[i];
		s->script.write_max = 300;
		s->script.ending = END_SHUT_THEN_CLOSE;
		s->beside = (struct beside_script){.ring = 8192,
		    .works = k->works[i],
		    .reads = k->reads,
		    .len_max = k->len_max,
		    .far = i == 1 && k->seed % 2 == 0};
	}
	pair_init(p, &setup);
}

static void
run_one(const struct beside_kind *k, uint32_t mask)
{
	struct pair p;

	start(&p, k);
	pair_connect(&p);
	pair_mask(&p, mask);
	assert_true(pair_run(&p, 30000));
	for (int i = 0; i < 2; i++) {
		assert_int_equal(sdp_error(&p.end[i]->conn), 0);
		assert_int_equal(p.end[i]->read, k->bytes[!i]);
		assert_int_equal(p.end[i]->beside->done, k->works[i]);
		beside_check(p.end[i]);
	}
	pair_fini(&p);
}

static void
beside__any_frames_lost(void **state)
{
	const struct beside_kind *k = *state;

	for (uint32_t mask = 0; mask < MASKS; mask++)
		run_one(k, mask);
}

int
main(void)
{
	struct CMUnitTest tests[sizeof kinds / sizeof *kinds];

	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		tests[i] = (struct CMUnitTest){
		    kinds[i].name, beside__any_frames_lost, NULL, NULL, (void *)&kinds[i]};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
