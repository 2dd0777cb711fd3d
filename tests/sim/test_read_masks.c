/* SPDX-License-Identifier: BSD-3-Clause */
/* Every way to lose packets of READs and atomics: all 2^12 subsets of the first twelve frames are
 * lost in turn, requests, responses and acknowledgements among them. Each operation must be done
 * once, in its order, with the result it had to have; the oracle knows it. */
#include "test.h"

#include "rc_host.h"
#include "world.h"

#define MASKS	 (1u << 12)
#define PMTU	 256
#define PLAN_MAX 8

struct read_kind {
	const char *name;
	uint32_t works[2];
	struct rc_planned plan[2][PLAN_MAX];
};

static const struct read_kind kinds[] = {
    {.name = "one of five packets", .works = {1, 0}, .plan = {{{RC_READ, 5 * PMTU}}}},
    {.name = "two at once, one empty",
	.works = {3, 0},
	.plan = {{{RC_READ, 3 * PMTU + 7}, {RC_READ, 0}, {RC_READ, PMTU}}}},
    {.name = "more than may be outstanding",
	.works = {5, 0},
	.plan = {{{RC_READ, 9}, {RC_READ, 2 * PMTU}, {RC_READ, 9}, {RC_FETCH_ADD, 8},
	    {RC_READ, 600}}}},
    {.name = "between writes",
	.works = {5, 0},
	.plan = {{{RC_WRITE, 700}, {RC_READ, 700}, {RC_WRITE, 10}, {RC_READ, 300},
	    {RC_SEND, 100}}}},
    {.name = "atomics",
	.works = {5, 0},
	.plan = {{{RC_FETCH_ADD, 8}, {RC_CMP_SWAP, 8}, {RC_FETCH_ADD, 8}, {RC_CMP_SWAP, 8},
	    {RC_SEND_IMM, 0}}}},
    {.name = "from both sides",
	.works = {3, 3},
	.plan = {{{RC_READ, 700}, {RC_WRITE_IMM, 300}, {RC_FETCH_ADD, 8}},
	    {{RC_SEND, 300}, {RC_READ, 520}, {RC_CMP_SWAP, 8}}}},
};

/* A kind, and whether packets that come early are kept. */
struct variant {
	const struct read_kind *kind;
	bool keep;
};

static struct rc_end_setup
setup_of(const struct variant *v, int side)
{
	const struct read_kind *k = v->kind;

	return (struct rc_end_setup){
	    .pmtu = PMTU,
	    .psn = side == 0 ? 0xfffffe : 3,
	    .recv_size = 4096,
	    .reads = 2,
	    .keep = v->keep,
	    .features = v->keep ? RC_FEATURE_SACK : 0,
	    .rc =
		{
		    .retry_count = 7,
		    .rnr_retry = 7,
		    .min_rnr_timer = 1,
		    .window_packets = 64,
		    .rto_initial = SAN_DURATION_MS(10),
		    .rto_min = SAN_DURATION_MS(1),
		    .rto_max = SAN_DURATION_MS(200),
		    .give_up = SAN_DURATION_S(30),
		    .ack_delay = SAN_DURATION_US(50),
		},
	    .script =
		{
		    .works = k->works[side],
		    .plan = k->plan[side],
		    .outstanding = 32,
		    .recv_depth = 32,
		    .stop_at = SAN_TIME_NEVER,
		},
	};
}

static void
run_one(const struct variant *v, uint32_t mask)
{
	const struct hop_shape cable = {.bytes_per_s = 1250000000,
	    .latency = SAN_DURATION_US(5),
	    .queue_max = UINT64_C(1) << 40};
	const struct net_setup net = {.kind = NET_CABLE, .hosts = 2, .up = cable, .seed = 3};
	const struct rc_end_setup a = setup_of(v, 0), b = setup_of(v, 1);
	struct rc_host_setup hs = {
	    .node = node_defaults(), .ends_max = 1, .blocks = 2, .kept_max = 100};
	struct rc_host host[2];
	struct world w;
	uint32_t i;

	world_init(&w, &net);
	for (i = 0; i < 2; i++) {
		hs.qpn_high = i + 1;
		rc_host_init(&host[i], &w.net, i, &hs, i);
		world_add(&w, &host[i].node);
	}
	rc_host_join(&host[0], &a, &host[1], &b, w.now);
	w.net.mask_on = true;
	w.net.mask = mask;
	assert_true(world_run(&w, (struct san_time){SAN_DURATION_S(30).ns}));
	for (i = 0; i < 2; i++) {
		assert_int_equal(rc_error(&host[i].end[0].qp), 0);
		assert_int_equal(host[i].end[0].reaped, v->kind->works[i]);
		assert_int_equal(host[i].end[0].inbox_head, host[i].end[0].inbox_tail);
		assert_int_equal(host[i].counter, host[i].counter_answers);
		rc_oracle_settled(&host[i].end[0]);
	}
	world_fini(&w);
}

static void
read__any_frames_lost(void **state)
{
	const struct variant *v = *state;
	uint32_t mask;

	for (mask = 0; mask < MASKS; mask++)
		run_one(v, mask);
}

int
main(void)
{
	enum { KINDS = sizeof kinds / sizeof *kinds };
	struct CMUnitTest tests[2 * KINDS];
	struct variant v[2 * KINDS];
	size_t i;

	for (i = 0; i < 2 * KINDS; i++) {
		v[i] = (struct variant){&kinds[i / 2], i % 2 != 0};
		tests[i] =
		    (struct CMUnitTest){v[i].kind->name, read__any_frames_lost, NULL, NULL, &v[i]};
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
