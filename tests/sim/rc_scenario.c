/* SPDX-License-Identifier: BSD-3-Clause */
/* Bare queue pairs: random operations between hosts, each judged by the oracle. */
#include <inttypes.h>
#include <stdio.h>

#include "draw.h"
#include "rc_host.h"
#include "san_err.h"
#include "scenario.h"

#define HOSTS_MAX 5u
#define ENDS_MAX  16u /* of a host */

/* What the queue pairs do. X(name, what) */
#define RC_SCENARIO_LIST(X)                                           \
	X(MIX, "every kind of operation, both ways")                  \
	X(MESSAGES, "SENDs and WRITEs with immediate data")           \
	X(MEMORY, "WRITEs, READs and atomics")                        \
	X(READS, "mostly READs, long ones, few at a time")            \
	X(SLOW, "few receives, granted late: RNR")                    \
	X(MANY, "many queue pairs per host")                          \
	X(STATES, "passive ends, drains, ends that stop sending")     \
	X(MISTAKE, "an operation that must be refused ends one pair") \
	X(CUT, "the cable is cut for ever in the middle")

enum kind {
#define X(name, text) KIND_##name,
	RC_SCENARIO_LIST(X)
#undef X
	    KIND_COUNT
};

static const char *const kind_name[] = {
#define X(name, text) "rc " #name,
    RC_SCENARIO_LIST(X)
#undef X
};

struct rc_scenario {
	enum kind kind;
	bool patient; /* no end gives up before the faults end */
	uint32_t hosts;
	struct net_setup net;
	struct faults faults;
	struct world world;
	struct rc_host host[HOSTS_MAX];
};

static void
draw_weights(const struct rc_scenario *sc, uint32_t *weight)
{
	bool messages = sc->kind != KIND_MEMORY && sc->kind != KIND_READS;
	bool memory = sc->kind != KIND_MESSAGES && sc->kind != KIND_SLOW;

	weight[RC_SEND] = messages ? 6 : 1;
	weight[RC_SEND_IMM] = messages ? 3 : 0;
	weight[RC_SEND_INV] = messages ? 2 : 0;
	weight[RC_WRITE_IMM] = messages ? 3 : 1;
	weight[RC_WRITE] = memory ? 6 : 1;
	weight[RC_READ] = !memory ? 0 : sc->kind == KIND_READS ? 20 : 5;
	weight[RC_CMP_SWAP] = weight[RC_FETCH_ADD] = memory ? 3 : 0;
}

static struct rc_script
draw_script(struct prng *p, const struct rc_scenario *sc)
{
	struct rc_script x = {
	    .works = prng_below(p, DRAW_OF(p, 5, 50, 500)),
	    .len_max = DRAW_OF(p, 64, 2000, 9000, 25000),
	    .outstanding = DRAW_OF(p, 1, 2, 10, 100, RC_WORKS),
	    .pause_max = SAN_DURATION_US(DRAW_OF(p, 0, 0, 3, 30, 1000)),
	    .recv_depth = DRAW_OF(p, 300, 300, 32),
	};

	if (draw_one_in(p, 8))
		x.works = 0;
	if (sc->kind == KIND_SLOW) {
		x.recv_depth = DRAW_OF(p, 1, 2, 8);
		x.recv_pause_max = SAN_DURATION_US(DRAW_OF(p, 10, 1000, 10000));
	}
	if (sc->kind == KIND_MANY)
		x.works /= 4;
	x.stop_at = SAN_TIME_NEVER;
	if (sc->kind == KIND_STATES) {
		x.quiet = SAN_DURATION_US(DRAW_OF(p, 0, 10, 3000));
		x.drain_at = draw_one_in(p, 2) ? 1 + prng_below(p, (uint32_t)x.works + 1) : 0;
		if (draw_one_in(p, 3))
			x.stop_at = draw_moment(p);
	}
	draw_weights(sc, x.weight);
	return x;
}

static struct rc_end_setup
draw_end(struct prng *p, const struct rc_scenario *sc, uint32_t pmtu)
{
	struct rc_end_setup s = {
	    .pmtu = pmtu,
	    .psn = draw_psn(p),
	    .recv_size = DRAW_OF(p, 64, 3000, RC_WORK_BYTES),
	    .passive = sc->kind == KIND_STATES && draw_one_in(p, 2),
	    .flow_control = draw_one_in(p, 2),
	    .keep = !draw_one_in(p, 4),
	    .features = draw_one_in(p, 4) ? 0 : RC_FEATURE_SACK | RC_FEATURE_ECN_ECHO,
	    .reads = (uint8_t)DRAW_OF(p, 1, 2, 4, RC_READS_MAX),
	    .rc = draw_rc(p, sc->patient),
	    .cc = draw_cc(p, &sc->net),
	    .script = draw_script(p, sc),
	};

	return s;
}

static void
draw_hosts(struct rc_scenario *sc, struct prng *p, bool trace)
{
	struct rc_host_setup hs = {.ends_max = ENDS_MAX};
	bool v6 = draw_one_in(p, 2);
	uint32_t i;

	for (i = 0; i < sc->hosts; i++) {
		hs.node = draw_node(p);
		hs.node.v6 = v6;
		hs.node.trace = trace;
		hs.qpn_high = i + 1;
		hs.blocks = DRAW_OF(p, 1, 3, 64);
		hs.kept_max = DRAW_OF(p, 2, 100, 10000);
		rc_host_init(&sc->host[i], &sc->world.net, i, &hs, prng_u64(p));
		draw_pause(p, &sc->host[i].node, sc->patient);
	}
}

static void
draw_pair(struct rc_scenario *sc, struct prng *p, struct rc_host *a, struct rc_host *b, bool first)
{
	uint32_t pmtu = DRAW_OF(p, 256, 512, 1024, 2048, 4096);
	struct rc_end_setup x = draw_end(p, sc, pmtu), y = draw_end(p, sc, pmtu);

	if (sc->kind == KIND_MISTAKE && first) {
		x.script.mistake = (enum rc_mistake)(1 + prng_below(p, RC_MISTAKE_COUNT - 1));
		x.script.works++;
		x.script.mistake_at = prng_below(p, (uint32_t)x.script.works);
		y.recv_size = y.recv_size == RC_WORK_BYTES ? 3000 : y.recv_size;
	}
	rc_host_join(a, &x, b, &y, sc->world.now);
}

static void
draw_pairs(struct rc_scenario *sc, struct prng *p)
{
	uint32_t n = sc->kind == KIND_MANY ? 2 + prng_below(p, ENDS_MAX - 2) : 1, i, k;

	for (i = 1; i < sc->hosts; i++)
		draw_pair(sc, p, &sc->host[i], &sc->host[0], i == 1);
	while (n-- > 1) {
		i = prng_below(p, sc->hosts);
		k = (i + 1 + prng_below(p, sc->hosts - 1)) % sc->hosts;
		if (sc->host[i].ends < ENDS_MAX && sc->host[k].ends < ENDS_MAX)
			draw_pair(sc, p, &sc->host[i], &sc->host[k], false);
	}
}

/* --- what must come of it --------------------------------------------------------------------- */

static const char *
judge_end(const struct rc_scenario *sc, struct rc_end *e)
{
	const enum rc_mistake own = e->setup.script.mistake, peers = e->peer->setup.script.mistake;

	rc_oracle_settled(e);
	if (e->reaped != e->posted)
		return "operations neither done nor flushed";
	if (own != RC_MISTAKE_NONE && sc->patient && !e->dead)
		return "a mistake was accepted";
	if (peers != RC_MISTAKE_NONE && sc->patient &&
	    rc_error(&e->qp) != (peers == RC_MISTAKE_OPERATION ? SAN_EIO : SAN_EPROTO))
		return "a mistake was not refused";
	if (own != RC_MISTAKE_NONE || peers != RC_MISTAKE_NONE)
		return NULL;
	if (e->dead)
		return sc->kind == KIND_CUT || !sc->patient ? NULL : "a connection broke";
	if (!e->stopped && e->posted != e->setup.script.works)
		return "not everything was posted";
	if (e->peer->dead || e->peer->stopped)
		return NULL;
	return e->inbox_head == e->inbox_tail ? NULL : "messages are missing";
}

static const char *
judge_counter(const struct rc_scenario *sc, const struct rc_host *h)
{
	if (h->counter < h->counter_answers)
		return "more answers than additions";
	if (sc->patient && sc->kind != KIND_CUT && sc->kind != KIND_MISTAKE &&
	    sc->kind != KIND_STATES && h->counter != h->counter_answers)
		return "additions without an answer";
	return NULL;
}

static const char *
judge(struct rc_scenario *sc)
{
	const char *wrong = NULL;
	uint32_t i, k;

	for (i = 0; wrong == NULL && i < sc->hosts; i++) {
		for (k = 0; wrong == NULL && k < sc->host[i].ends; k++)
			wrong = judge_end(sc, &sc->host[i].end[k]);
		if (wrong == NULL)
			wrong = judge_counter(sc, &sc->host[i]);
	}
	return wrong;
}

/* --- running ---------------------------------------------------------------------------------- */

static void
print(const struct rc_scenario *sc, uint64_t seed)
{
	printf("seed %" PRIu64 ": %s%s\n", seed, kind_name[sc->kind],
	    sc->patient ? "" : " (impatient)");
	draw_print_net(&sc->net, &sc->faults);
	for (uint32_t i = 0; i < sc->hosts; i++)
		for (uint32_t k = 0; k < sc->host[i].ends; k++) {
			const struct rc_end *e = &sc->host[i].end[k];
			const struct rc_script *x = &e->setup.script;

			printf("  %u.%u to %u.%u: %" PRIu64
			       " operations up to %u bytes, %u at a time, pmtu %u, receives %u of "
			       "%u, window %u, reads %u%s\n",
			    i, k + RC_HOST_QPN_FIRST, e->peer->host->node.id, e->peer->qpn & 0xffff,
			    x->works, x->len_max, x->outstanding, e->setup.pmtu, x->recv_depth,
			    e->setup.recv_size, e->setup.rc.window_packets, e->setup.reads,
			    x->mistake != RC_MISTAKE_NONE ? ", a mistake" : "");
		}
}

static void
print_failed(const struct rc_scenario *sc)
{
	for (uint32_t i = 0; i < sc->hosts; i++)
		for (uint32_t k = 0; k < sc->host[i].ends; k++) {
			const struct rc_end *e = &sc->host[i].end[k];

			printf("  %u.%u: error %d, posted %u, reaped %u, flushed %u, inbox %u of "
			       "%u%s\n",
			    i, k + RC_HOST_QPN_FIRST, rc_error(&e->qp), e->posted, e->reaped,
			    e->flushed, e->inbox_head, e->inbox_tail,
			    rc_end_finished(e) ? "" : ", not finished");
		}
}

static void
sum_up(const struct rc_scenario *sc, struct scenario_result *r)
{
	scenario_note(r, &sc->world);
	for (uint32_t i = 0; i < sc->hosts; i++)
		for (uint32_t k = 0; k < sc->host[i].ends; k++)
			r->bytes += sc->host[i].end[k].delivered_bytes;
}

struct scenario_result
rc_scenario_run(uint64_t seed, struct prng *p, bool trace)
{
	static struct rc_scenario sc; /* too large for a stack */
	struct scenario_result r = {0};
	uint32_t i;

	sc = (struct rc_scenario){.kind = (enum kind)prng_below(p, KIND_COUNT)};
	sc.patient = !draw_one_in(p, 5);
	sc.hosts = draw_one_in(p, 4) ? 3 + prng_below(p, HOSTS_MAX - 2) : 2;
	sc.net = draw_net(p, sc.hosts);
	sc.faults = draw_faults(p, sc.hosts, sc.patient);
	if (sc.kind == KIND_CUT) {
		sc.faults.cut_from = draw_moment(p);
		sc.faults.cut_to = SAN_TIME_NEVER;
	}
	world_init(&sc.world, &sc.net);
	draw_hosts(&sc, p, trace);
	draw_pairs(&sc, p);
	sc.world.net.faults = sc.faults;
	for (i = 0; i < sc.hosts; i++)
		world_add(&sc.world, &sc.host[i].node);
	r.kind = kind_name[sc.kind];
	if (trace)
		print(&sc, seed);
	if (!world_run(&sc.world, san_time_add(sc.faults.until, SCENARIO_SETTLE)))
		r.wrong = "not everybody has finished within the bound";
	else
		r.wrong = judge(&sc);
	if (r.wrong != NULL) {
		print(&sc, seed);
		print_failed(&sc);
	}
	sum_up(&sc, &r);
	world_fini(&sc.world);
	return r;
}
