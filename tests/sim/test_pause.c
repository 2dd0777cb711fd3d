/* SPDX-License-Identifier: BSD-3-Clause */
/* Hosts whose poll thread loses its processor now and then, for longer than the retransmission
 * timer runs. Nothing is lost, so next to nothing may be repeated: the timer learns from its
 * mistakes, and what remains is one packet per pause, the question for the tail. */
#include "test.h"

#include "fig.h"

#define WINDOW 64u
#define PAUSES 40u

struct pauses {
	const char *name;
	uint8_t algo;
	enum fig_recovery recovery;
	uint32_t host;		       /* whose */
	uint32_t len, outstanding;     /* messages */
	struct san_duration pause_max; /* between messages */
};

static void
rest(struct fig *f, uint32_t host, struct san_duration d)
{
	struct node *n = &f->host[host].node;

	n->pause_from = f->world.now;
	n->pause_to = san_time_add(f->world.now, d);
	world_wake(&f->world, n);
	fig_run(f, d);
}

/* Returns bytes per second. */
static double
run_between(struct fig *f, struct rc_meter *m, struct san_duration d)
{
	rc_meter_start(m, f->world.now);
	fig_run(f, d);
	return rc_meter_rate(m, f->world.now);
}

static void
pause__costs_a_packet(void **state)
{
	const struct pauses *v = *state;
	const struct fig_way way = {v->name, v->algo, v->recovery};
	const struct fig_flow flow = {
	    .to = 1, .len = v->len, .outstanding = v->outstanding, .pause_max = v->pause_max};
	const struct rc_end_setup end = fig_end(&way, WINDOW);
	const struct net_setup net = fig_switch(2);
	static struct rc_meter meter;
	const struct rc_counters *c;
	struct prng g = {11};
	struct fig f;
	double before;

	fig_open(&f, &net, 1);
	c = &fig_flow(&f, &flow, &end, &meter)->qp.counters;
	before = run_between(&f, &meter, SAN_DURATION_MS(20));
	for (uint32_t i = 0; i < PAUSES; i++) {
		rest(&f, v->host, SAN_DURATION_US(3000 + prng_below(&g, 7000)));
		assert_true(run_between(&f, &meter, SAN_DURATION_MS(5)) > before * 0.8);
	}
	print_message("%s: timeouts %u, repeats %u, tail %u, mistakes %u, lost %u\n", v->name,
	    c->timeouts, c->tx_repeats, c->tail_probes, c->mistakes, c->lost);
	assert_in_range(c->timeouts, 0, 8);
	assert_in_range(c->tx_repeats, 0, PAUSES + c->timeouts);
	assert_int_equal(c->lost, 0);
	fig_close(&f);
}

int
main(void)
{
	static struct pauses v[] = {
	    {"bulk, receiver rests", CC_WINDOW, FIG_SACK, 1, 65536, 16, {0}},
	    {"bulk, sender rests", CC_WINDOW, FIG_SACK, 0, 65536, 16, {0}},
	    {"bulk, receiver rests, DCQCN", CC_DCQCN, FIG_SACK, 1, 65536, 16, {0}},
	    {"bulk, receiver rests, go-back-N", CC_NONE, FIG_GO_BACK_N, 1, 65536, 16, {0}},
	    {"small, receiver rests", CC_WINDOW, FIG_SACK, 1, 64, 4, {20000}},
	    {"small, receiver rests, go-back-N", CC_NONE, FIG_GO_BACK_N, 1, 64, 4, {20000}},
	};
	struct CMUnitTest tests[sizeof v / sizeof *v];

	for (size_t i = 0; i < sizeof v / sizeof *v; i++)
		tests[i] = (struct CMUnitTest){v[i].name, pause__costs_a_packet, NULL, NULL, &v[i]};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
