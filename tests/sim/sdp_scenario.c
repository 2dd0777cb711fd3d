/* SPDX-License-Identifier: BSD-3-Clause */
/* Streams: clients that connect to a server, write, read, and end in one of many ways. */
#include <inttypes.h>
#include <stdio.h>

#include "draw.h"
#include "mad.h"
#include "scenario.h"
#include "sdp_host.h"

#define HOSTS_MAX 6u

/* How a run ends. X(name, what happens) */
#define SDP_SCENARIO_LIST(X)                                                             \
	X(BOTH_SHUT, "both write, shut, read the end of file, close")                    \
	X(ONE_WAY, "A writes and closes at once, B reads and closes at the end of file") \
	X(EARLY_CLOSE, "A closes while B may still be writing")                          \
	X(TOGETHER, "both close at the same moment, data or not")                        \
	X(ABORT, "A aborts in the middle")                                               \
	X(CANCEL, "A gives up while it connects, or soon after")                         \
	X(REFUSED, "nobody listens")                                                     \
	X(CUT, "the cable is cut for ever in the middle")                                \
	X(PORT_DOWN, "A's port goes down in the middle")

enum kind {
#define X(name, text) KIND_##name,
	SDP_SCENARIO_LIST(X)
#undef X
	    KIND_COUNT
};

/* Without RDMA beside the streams, and with. */
static const char *const kind_name[][KIND_COUNT] = {
    {
#define X(name, text) "sdp " #name,
	SDP_SCENARIO_LIST(X)
#undef X
    },
    {
#define X(name, text) "sdp+rdma " #name,
	SDP_SCENARIO_LIST(X)
#undef X
    },
};

/* The last host is the server, with one passive stream for each client. */
struct sdp_scenario {
	enum kind kind;
	bool rdma;    /* beside the streams */
	bool patient; /* neither end gives up before the faults end */
	uint32_t hosts;
	struct net_setup net;
	struct faults faults;
	struct world world;
	struct sdp_host host[HOSTS_MAX];
};

static uint32_t
draw_ring(struct prng *p, uint32_t pmtu)
{
	uint32_t size = DRAW_OF(p, 1024, 4096, 16384, 65536, 262144);

	while (size < 2 * pmtu)
		size *= 2;
	return size;
}

static struct script
draw_script(struct prng *p)
{
	struct script s = {.ending = END_SHUT_THEN_CLOSE, .end_at = SAN_TIME_NEVER};

	s.write_total = draw_one_in(p, 6) ? 0 : prng_below(p, DRAW_OF(p, 10, 3000, 50000, 400000));
	s.write_max = DRAW_OF(p, 1, 64, 1500, 20000, 100000);
	s.read_max = DRAW_OF(p, 8, 700, 20000, 100000);
	/* Byte-wise programs with little data: virtual time is free, steps are not. */
	if (s.write_max < 64)
		s.write_total %= 2000;
	if (s.read_max < 64)
		s.write_total %= 20000;
	s.write_pause_max = SAN_DURATION_US(DRAW_OF(p, 0, 0, 3, 30, 1000));
	s.read_pause_max = SAN_DURATION_US(DRAW_OF(p, 0, 0, 3, 30, 1000));
	s.urgent = DRAW_OF(p, 0, 0, 1, 10);
	return s;
}

static struct stream_setup
draw_stream(struct prng *p, const struct sdp_scenario *sc, uint32_t pmtu)
{
	struct stream_setup s = stream_defaults();

	s.pmtu = pmtu;
	s.psn = draw_psn(p);
	s.ring_tx = draw_ring(p, pmtu);
	s.ring_rx = draw_ring(p, pmtu);
	s.features = (uint8_t)DRAW_OF(p, 0, FEATURE_SACK, FEATURE_SACK | FEATURE_ECN_ECHO);
	s.rc = draw_rc(p, sc->patient);
	s.cc = draw_cc(p, &sc->net);
	s.disconn_timeout = SAN_DURATION_MS(DRAW_OF(p, 5000, 20000));
	s.linger_timeout = SAN_DURATION_MS(sc->patient ? 5000 : DRAW_OF(p, 100, 2000));
	if (!sc->patient)
		s.connect_timeout = SAN_DURATION_MS(DRAW_OF(p, 10, 1000));
	s.script = draw_script(p);
	return s;
}

static struct beside_script
draw_beside(struct prng *p)
{
	struct beside_script x = {
	    .ring = DRAW_OF(p, 4096, 16384, 131072),
	    .works = draw_one_in(p, 6) ? 0 : prng_below(p, DRAW_OF(p, 3, 20, 100)),
	    .len_max = DRAW_OF(p, 8, 700, 3000, BESIDE_MEMORY),
	    .reads = DRAW_OF(p, 0, 1, 3, 10),
	    .put_pause_max = SAN_DURATION_US(DRAW_OF(p, 0, 3, 30, 1000)),
	    .take_pause_max = SAN_DURATION_US(DRAW_OF(p, 0, 0, 30, 1000)),
	    .far = draw_one_in(p, 3),
	};

	return x;
}

/* It comes to that only with bytes in plenty. */
static void
draw_zcopy(struct stream_setup *a, struct stream_setup *b, struct prng *p)
{
	struct stream_setup *const end[] = {a, b};

	for (int i = 0; i < 2; i++) {
		struct stream_setup *s = end[i];

		s->zcopy_threshold = DRAW_OF(p, 256, 3000);
		s->ring_tx = s->ring_rx = DRAW_OF(p, 16384, 65536);
		s->script.write_max = s->script.read_max = 20000;
		s->script.urgent = 0;
		if (s->script.write_total != 0)
			s->script.write_total = prng_below(p, 400000);
	}
}

/* `a` connects, `b` accepts. */
static void
draw_rdma(struct stream_setup *a, struct stream_setup *b, struct prng *p)
{
	a->beside = draw_beside(p);
	b->beside = draw_beside(p);
	a->reads = (uint8_t)DRAW_OF(p, 0, 1, SDP_READS_MAX);
	b->reads = (uint8_t)DRAW_OF(p, 1, SDP_READS_MAX);
	if (draw_one_in(p, 3))
		draw_zcopy(a, b, p);
	/* Who closes does not wait for the peer's. */
	if (a->script.ending == END_CLOSE)
		b->beside.works = 0;
}

static void
draw_ending(struct sdp_scenario *sc, struct script *a, struct script *b, struct prng *p)
{
	struct san_time t = draw_moment(p), later = san_time_add(t, SAN_DURATION_S(2));

	switch (sc->kind) {
	case KIND_BOTH_SHUT:
	case KIND_REFUSED:
	case KIND_COUNT:
		break;
	case KIND_ONE_WAY:
		a->ending = END_CLOSE;
		b->ending = END_WAIT;
		b->write_total = 0;
		break;
	case KIND_EARLY_CLOSE:
		a->ending = END_CLOSE_AT;
		a->end_at = t;
		break;
	case KIND_TOGETHER:
		a->ending = b->ending = END_CLOSE_AT;
		a->end_at = b->end_at = t;
		if (draw_one_in(p, 2))
			a->write_total = b->write_total = 0;
		break;
	case KIND_ABORT:
	case KIND_CANCEL:
		a->ending = END_ABORT_AT;
		a->end_at = t;
		if (sc->kind == KIND_CANCEL)
			a->end_at.ns %= 3 * sc->net.up.latency.ns + 10000;
		break;
	case KIND_CUT:
		sc->faults.cut_from = t;
		sc->faults.cut_to = SAN_TIME_NEVER;
		/* Somebody must find out: programs that would wait for ever close in the end, as a
		 * user would. */
		a->ending = b->ending = END_CLOSE_AT;
		a->end_at = b->end_at = later;
		break;
	case KIND_PORT_DOWN:
		a->ending = END_PORT_DOWN_AT;
		a->end_at = t;
		b->ending = END_CLOSE_AT;
		b->end_at = later;
		break;
	}
}

static void
draw_hosts(struct sdp_scenario *sc, struct prng *p, bool trace)
{
	struct sdp_host_setup hs = sdp_host_defaults();
	bool v6 = draw_one_in(p, 2);
	uint32_t i;

	for (i = 0; i < sc->hosts; i++) {
		hs.node = draw_node(p);
		hs.node.v6 = v6;
		hs.node.trace = trace;
		hs.qpn_high = i + 1;
		hs.cm.dreq_retries = sc->patient ? 250 : (uint8_t)DRAW_OF(p, 2, 40);
		hs.deaf = sc->kind == KIND_REFUSED;
		hs.blocks = DRAW_OF(p, 1, 2, 16);
		hs.frames_kept_max = DRAW_OF(p, 0, 2, 50, 4096);
		sdp_host_init(sc->host, &sc->world.net, i, &hs, prng_u64(p));
		sdp_host_streams(&sc->host[i], i < sc->hosts - 1 ? 1 : sc->hosts);
		draw_pause(p, &sc->host[i].node, sc->patient);
	}
}

static void
draw_streams(struct sdp_scenario *sc, struct prng *p)
{
	uint32_t pmtu = DRAW_OF(p, 256, 512, 1024, 2048, 4096), i, server = sc->hosts - 1;
	struct stream_setup a, b;

	for (i = 0; i < server; i++) {
		a = draw_stream(p, sc, pmtu);
		b = draw_stream(p, sc, pmtu);
		draw_ending(sc, &a.script, &b.script, p);
		if (sc->rdma)
			draw_rdma(&a, &b, p);
		a.active = true;
		a.peer = server;
		a.service = SDP_HOST_SERVICE;
		a.connect_at.ns = draw_one_in(p, 2) ? 0 : draw_moment(p).ns;
		sdp_host_stream(&sc->host[i], &a);
		sdp_host_stream(&sc->host[server], &b);
	}
}

/* --- what must come of it --------------------------------------------------------------------- */

/* The stream at the server that `a` is connected to. */
static const struct stream *
partner(const struct sdp_scenario *sc, const struct stream *a)
{
	const struct sdp_host *server = &sc->host[sc->hosts - 1];

	for (uint32_t i = 0; i < server->streams; i++)
		if (server->stream[i].engine && server->stream[i].peer_qpn == a->qpn)
			return &server->stream[i];
	return NULL;
}

/* All that one side wrote was read by the other, and nobody saw an error. */
static const char *
judge_complete(const struct stream *a, const struct stream *b)
{
	if (b == NULL || a->phase != STREAM_OPEN || b->phase != STREAM_OPEN)
		return "no connection";
	if (a->written != a->setup.script.write_total || b->written != b->setup.script.write_total)
		return "a program could not write everything";
	if (a->read != b->written || b->read != a->written)
		return "bytes are missing";
	if (sdp_error(&a->conn) != 0 || sdp_error(&b->conn) != 0)
		return "an orderly end was reported as an error";
	if (a->setup.script.ending == END_SHUT_THEN_CLOSE && (!a->eof || !b->eof))
		return "no end of file";
	if (!beside_all_done(a) || !beside_all_done(b))
		return "RDMA is missing";
	if (a->beside != NULL) {
		beside_check(a);
		beside_check(b);
	}
	if (a->urgent_sent != b->urgent_seen && b->urgent_seen == 0)
		return "urgent byte not announced";
	return NULL;
}

static bool
must_complete(const struct sdp_scenario *sc, const struct stream *a, const struct stream *b)
{
	if (!sc->patient)
		return false;
	return sc->kind == KIND_BOTH_SHUT || sc->kind == KIND_ONE_WAY;
}

static const char *
judge(const struct sdp_scenario *sc)
{
	const char *wrong = NULL;

	for (uint32_t i = 0; wrong == NULL && i < sc->hosts - 1; i++) {
		const struct stream *a = &sc->host[i].stream[0], *b = partner(sc, a);

		if (must_complete(sc, a, b))
			wrong = judge_complete(a, b);
		else if (sc->kind == KIND_REFUSED && (a->phase != STREAM_FAILED || b != NULL))
			wrong = "a connection with nobody";
		else if (sc->kind == KIND_REFUSED && sc->patient &&
			 a->reject != CM_REJ_INVALID_SERVICE_ID)
			wrong = "refused without the reason";
	}
	return wrong;
}

/* --- running ---------------------------------------------------------------------------------- */

static void
print(const struct sdp_scenario *sc, uint64_t seed)
{
	printf("seed %" PRIu64 ": %s%s\n", seed, kind_name[sc->rdma][sc->kind],
	    sc->patient ? "" : " (impatient)");
	draw_print_net(&sc->net, &sc->faults);
	for (uint32_t i = 0; i < sc->hosts; i++)
		for (uint32_t k = 0; k < sc->host[i].streams; k++) {
			const struct stream_setup *s = &sc->host[i].stream[k].setup;

			printf("  %u.%u: %" PRIu64 " bytes by %u, reads %u, rings %u/%u, pmtu %u, "
			       "window %u, ack delay %" PRIu64 " us\n",
			    i, k + SDP_HOST_QPN_FIRST, s->script.write_total, s->script.write_max,
			    s->script.read_max, s->ring_tx, s->ring_rx, s->pmtu,
			    s->rc.window_packets, s->rc.ack_delay.ns / 1000);
		}
}

static void
print_failed(const struct sdp_scenario *sc)
{
	for (uint32_t i = 0; i < sc->hosts; i++)
		for (uint32_t k = 0; k < sc->host[i].streams; k++) {
			const struct stream *s = &sc->host[i].stream[k];

			printf("  %u.%u: phase %d, %s, error %d, written %" PRIu64 ", read %" PRIu64
			       "%s\n",
			    i, k + SDP_HOST_QPN_FIRST, s->phase,
			    s->engine ? sdp_state_name(sdp_state(&s->conn)) : "no engine",
			    s->engine ? sdp_error(&s->conn) : 0, s->written, s->read,
			    stream_finished(s) ? "" : ", not finished");
			if (s->beside != NULL)
				printf("    RDMA: %u done, %u put, of %u\n", s->beside->done,
				    s->beside->put, s->setup.beside.works);
		}
}

static void
sum_up(const struct sdp_scenario *sc, struct scenario_result *r)
{
	scenario_note(r, &sc->world);
	for (uint32_t i = 0; i < sc->hosts; i++)
		for (uint32_t k = 0; k < sc->host[i].streams; k++)
			r->bytes += sc->host[i].stream[k].read;
}

struct scenario_result
sdp_scenario_run(uint64_t seed, struct prng *p, bool trace)
{
	static struct sdp_scenario sc; /* too large for a stack */
	struct scenario_result r = {0};
	uint32_t i;

	sc = (struct sdp_scenario){
	    .kind = (enum kind)prng_below(p, KIND_COUNT), .rdma = seed % 4 == 1};
	sc.patient = !draw_one_in(p, 5);
	sc.hosts = draw_one_in(p, 6) ? 3 + prng_below(p, HOSTS_MAX - 2) : 2;
	sc.net = draw_net(p, sc.hosts);
	sc.faults = draw_faults(p, sc.hosts, sc.patient);
	world_init(&sc.world, &sc.net);
	draw_hosts(&sc, p, trace);
	draw_streams(&sc, p);
	sc.world.net.faults = sc.faults;
	for (i = 0; i < sc.hosts; i++)
		world_add(&sc.world, &sc.host[i].node);
	r.kind = kind_name[sc.rdma][sc.kind];
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
