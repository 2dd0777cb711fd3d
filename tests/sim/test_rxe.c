/* SPDX-License-Identifier: BSD-3-Clause */
/* A peer that does what Linux's soft-RoCE does and nothing else, at 1 to 10 % loss either way: all
 * operations are done, once, in order, with the bytes and results they must have; the oracle of
 * rc_oracle.c knows. */
#include "test.h"

#include "rc_host.h"
#include "rxe_end.h"
#include "world.h"

#define SEEDS 40u

static struct rc_end_setup
setup_of(struct prng *p, bool requester)
{
	return (struct rc_end_setup){
	    .pmtu = 1024,
	    .psn = requester ? 0xfffff0 : 9,
	    .recv_size = RC_WORK_BYTES,
	    .reads = RC_READS_MAX,
	    .keep = requester,
	    .rxe = !requester,
	    .features = requester ? RC_FEATURE_SACK | RC_FEATURE_ECN_ECHO : 0,
	    .rc =
		{
		    .retry_count = 7,
		    .rnr_retry = 7,
		    .min_rnr_timer = 1,
		    .window_packets = (uint16_t)(16 + prng_below(p, 200)),
		    .rto_initial = SAN_DURATION_MS(10),
		    .rto_min = SAN_DURATION_US(500),
		    .rto_max = SAN_DURATION_MS(50),
		    .give_up = SAN_DURATION_S(10),
		    .ack_delay = SAN_DURATION_US(20),
		},
	    .cc = {.algo = prng_below(p, 2) == 0 ? CC_NONE : CC_WINDOW},
	    .script =
		{
		    .works = requester ? 500 : 0,
		    .len_max = 20000,
		    .outstanding = 1 + prng_below(p, 64),
		    .recv_depth = 1000,
		    .stop_at = SAN_TIME_NEVER,
		},
	};
}

static void
weigh(struct rc_script *x, bool reads)
{
	x->weight[RC_SEND] = x->weight[RC_WRITE] = 4;
	x->weight[RC_SEND_IMM] = x->weight[RC_WRITE_IMM] = 1;
	x->weight[RC_READ] = reads ? 8 : 0;
	x->weight[RC_CMP_SWAP] = x->weight[RC_FETCH_ADD] = reads ? 2 : 0;
}

static void
run_one(uint64_t seed, uint32_t percent, bool reads)
{
	const struct hop_shape cable = {.bytes_per_s = 1250000000,
	    .latency = SAN_DURATION_US(5),
	    .queue_max = UINT64_C(1) << 40};
	const struct net_setup net = {.kind = NET_CABLE, .hosts = 2, .up = cable, .seed = seed};
	struct prng p = {seed};
	struct rc_end_setup a = setup_of(&p, true), b = setup_of(&p, false);
	struct rc_host_setup hs = {
	    .node = node_defaults(), .ends_max = 1, .blocks = 2, .kept_max = 500};
	struct rc_host host[2];
	struct world w;
	uint32_t i;

	weigh(&a.script, reads);
	world_init(&w, &net);
	for (i = 0; i < 2; i++) {
		hs.qpn_high = i + 1;
		rc_host_init(&host[i], &w.net, i, &hs, seed + i);
		world_add(&w, &host[i].node);
	}
	rc_host_join(&host[0], &a, &host[1], &b, w.now);
	w.net.faults.loss = PPB_ALL / 100 * percent;
	w.net.faults.until = SAN_TIME_NEVER;
	if (!world_run(&w, (struct san_time){SAN_DURATION_S(60).ns}))
		fail_msg("seed %u, %u %%: not finished", (unsigned)seed, percent);
	assert_int_equal(rc_error(&host[0].end[0].qp), 0);
	assert_int_equal(host[0].end[0].reaped, 500);
	assert_int_equal(host[1].end[0].inbox_head, host[1].end[0].inbox_tail);
	assert_int_equal(host[1].counter, host[1].counter_answers);
	assert_true(host[1].end[0].rxe->dropped > 0);
	rc_oracle_settled(&host[1].end[0]);
	world_fini(&w);
}

static void
run_all(bool reads)
{
	static const uint32_t percent[] = {1, 2, 5, 10};

	for (size_t i = 0; i < sizeof percent / sizeof *percent; i++)
		for (uint64_t seed = 1; seed <= SEEDS; seed++)
			run_one(seed, percent[i], reads);
}

static void
rxe__messages(void **state)
{
	run_all(false);
}

static void
rxe__everything(void **state)
{
	run_all(true);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(rxe__messages),
	    cmocka_unit_test(rxe__everything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
