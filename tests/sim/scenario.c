/* SPDX-License-Identifier: BSD-3-Clause */
#include "scenario.h"

#include <inttypes.h>
#include <stdio.h>

/* After the faults are over and the programs have nothing to wait for, this is enough for
 * everything else. */
#define SETTLE SAN_DURATION_S(600)

const char *
scenario_name(enum scenario_kind kind)
{
	static const char *const name[] = {
#define X(name, text) #name,
	    SCENARIO_LIST(X)
#undef X
	};

	return name[kind];
}

static uint32_t
one_of(struct prng *p, const uint32_t *list, uint32_t n)
{
	return list[prng_below(p, n)];
}

#define ONE_OF(p, ...) \
	one_of(p, (const uint32_t[]){__VA_ARGS__}, sizeof((const uint32_t[]){__VA_ARGS__}) / 4)

static bool
one_in(struct prng *p, uint32_t n)
{
	return prng_below(p, n) == 0;
}

static uint32_t
ring_draw(struct prng *p, uint32_t pmtu)
{
	uint32_t size = ONE_OF(p, 1024, 4096, 16384, 65536, 262144);

	while (size < 2 * pmtu)
		size *= 2;
	return size;
}

static void
setup_draw(struct scenario *sc, struct prng *p)
{
	struct world_setup *s = &sc->setup;
	int i;

	*s = world_setup_defaults();
	s->pmtu = ONE_OF(p, 256, 512, 1024, 2048, 4096);
	for (i = 0; i < 2; i++) {
		s->ring_tx[i] = ring_draw(p, s->pmtu);
		s->ring_rx[i] = ring_draw(p, s->pmtu);
		s->psn[i] = one_in(p, 2) ? 0xffffffu - prng_below(p, 64) : prng_below(p, 0x1000000);
		s->rc[i].window_packets = (uint16_t)ONE_OF(p, 1, 2, 7, 64, 128, 256);
		s->rc[i].ack_delay = SAN_DURATION_US(ONE_OF(p, 0, 5, 50, 500));
		s->rc[i].rto_initial = SAN_DURATION_MS(ONE_OF(p, 1, 10, 100));
		if (!sc->patient) {
			s->rc[i].give_up.ns = one_in(p, 2) ? 0 : SAN_DURATION_MS(200).ns;
			s->rc[i].retry_count = (uint8_t)prng_below(p, 8);
		}
	}
	s->disconn_timeout = SAN_DURATION_MS(ONE_OF(p, 5000, 20000));
	s->linger_timeout = SAN_DURATION_MS(ONE_OF(p, 100, 2000));
}

static void
link_draw(struct scenario *sc, struct prng *p)
{
	struct link_faults *f = &sc->faults;

	sc->shape.latency = SAN_DURATION_US(ONE_OF(p, 0, 1, 5, 50, 1000));
	sc->shape.bytes_per_s = ONE_OF(p, 10000000, 125000000, 1250000000);
	sc->shape.queue_max = SAN_DURATION_US(ONE_OF(p, 500, 20000, 1000000));
	f->until = SAN_TIME_NEVER;
	f->until.ns = SAN_DURATION_MS(ONE_OF(p, 0, 1, 20, 500, 3000)).ns;
	f->loss = ONE_OF(p, 0, 0, 1000, 10000, 100000);
	f->duplicate = ONE_OF(p, 0, 0, 1000, 50000);
	f->reorder = ONE_OF(p, 0, 0, 1000, 50000);
	f->corrupt = ONE_OF(p, 0, 0, 1000, 20000);
	f->reorder_max = SAN_DURATION_US(ONE_OF(p, 1, 20, 500, 5000));
	f->cut_from = f->cut_to = SAN_TIME_NEVER;
	if (one_in(p, 5)) {
		f->cut_from.ns = prng_u64(p) % SAN_DURATION_MS(50).ns;
		f->cut_to.ns =
		    f->cut_from.ns + prng_u64(p) % SAN_DURATION_MS(sc->patient ? 500 : 2000).ns;
	}
}

static void
script_draw(struct scenario *sc, struct host_script *s, struct prng *p)
{
	s->write_total = one_in(p, 6) ? 0 : prng_below(p, ONE_OF(p, 10, 3000, 50000, 400000));
	s->write_max = ONE_OF(p, 1, 64, 1500, 20000, 100000);
	s->read_max = ONE_OF(p, 8, 700, 20000, 100000);
	/* Byte-wise programs with little data: virtual time is free, steps are not. */
	if (s->write_max < 64)
		s->write_total %= 2000;
	if (s->read_max < 64)
		s->write_total %= 20000;
	s->write_pause_max = SAN_DURATION_US(ONE_OF(p, 0, 0, 3, 30, 1000));
	s->read_pause_max = SAN_DURATION_US(ONE_OF(p, 0, 0, 3, 30, 1000));
	s->urgent = ONE_OF(p, 0, 0, 1, 10);
	s->ending = HOST_SHUT_THEN_CLOSE;
	s->end_at = SAN_TIME_NEVER;
}

static struct san_time
moment_draw(struct prng *p)
{
	return (struct san_time){prng_u64(p) % SAN_DURATION_US(ONE_OF(p, 20, 1000, 50000)).ns};
}

static void
ending_draw(struct scenario *sc, struct prng *p)
{
	struct host_script *a = &sc->script[0], *b = &sc->script[1];
	struct san_time t = moment_draw(p);

	switch (sc->kind) {
	case SCENARIO_BOTH_SHUT:
	case SCENARIO_COUNT:
		break;
	case SCENARIO_ONE_WAY:
		a->ending = HOST_CLOSE;
		b->ending = HOST_WAIT;
		b->write_total = 0;
		break;
	case SCENARIO_EARLY_CLOSE:
		a->ending = HOST_CLOSE_AT;
		a->end_at = t;
		break;
	case SCENARIO_TOGETHER:
		a->ending = b->ending = HOST_CLOSE_AT;
		a->end_at = b->end_at = t;
		if (one_in(p, 2))
			a->write_total = b->write_total = 0;
		break;
	case SCENARIO_ABORT:
		a->ending = HOST_ABORT_AT;
		a->end_at = t;
		break;
	case SCENARIO_CUT:
		sc->faults.cut_from = t;
		sc->faults.cut_to = SAN_TIME_NEVER;
		/* Somebody must find out: programs that would wait for ever close in the end, as a
		 * user would. */
		a->ending = b->ending = HOST_CLOSE_AT;
		a->end_at = b->end_at = san_time_add(t, SAN_DURATION_S(2));
		break;
	case SCENARIO_PORT_DOWN:
		a->ending = HOST_PORT_DOWN_AT;
		a->end_at = t;
		b->ending = HOST_CLOSE_AT;
		b->end_at = san_time_add(t, SAN_DURATION_S(2));
		break;
	}
}

void
scenario_draw(struct scenario *sc, uint64_t seed)
{
	struct prng p = {seed * UINT64_C(0x2545f4914f6cdd1d) + 1};

	*sc = (struct scenario){.seed = seed};
	sc->kind = (enum scenario_kind)prng_below(&p, SCENARIO_COUNT);
	sc->patient = !one_in(&p, 5);
	setup_draw(sc, &p);
	link_draw(sc, &p);
	script_draw(sc, &sc->script[0], &p);
	script_draw(sc, &sc->script[1], &p);
	ending_draw(sc, &p);
}

void
scenario_print(const struct scenario *sc)
{
	const struct link_faults *f = &sc->faults;

	printf("seed %" PRIu64 ": %s%s, pmtu %u, latency %" PRIu64 " us, %" PRIu64 " MB/s\n",
	    sc->seed, scenario_name(sc->kind), sc->patient ? "" : " (impatient)", sc->setup.pmtu,
	    sc->shape.latency.ns / 1000, sc->shape.bytes_per_s / 1000000);
	printf("  faults until %" PRIu64 " ms: loss %u duplicate %u reorder %u corrupt %u ppm\n",
	    f->until.ns / 1000000, f->loss, f->duplicate, f->reorder, f->corrupt);
	for (int i = 0; i < 2; i++)
		printf("  %c: %" PRIu64
		       " bytes by %u, reads %u, rings %u/%u, window %u, ack delay %" PRIu64 " us\n",
		    'A' + i, sc->script[i].write_total, sc->script[i].write_max,
		    sc->script[i].read_max, sc->setup.ring_tx[i], sc->setup.ring_rx[i],
		    sc->setup.rc[i].window_packets, sc->setup.rc[i].ack_delay.ns / 1000);
}

/* All that one side wrote was read by the other, and nobody saw an error. */
static const char *
judge_complete(const struct world *w)
{
	const struct host *a = &w->host[0], *b = &w->host[1];

	if (a->written != a->script.write_total || b->written != b->script.write_total)
		return "a program could not write everything";
	if (a->read != b->written || b->read != a->written)
		return "bytes are missing";
	if (sdp_error(&a->conn) != 0 || sdp_error(&b->conn) != 0)
		return "an orderly end was reported as an error";
	if (a->script.ending == HOST_SHUT_THEN_CLOSE && (!a->eof || !b->eof))
		return "no end of file";
	if (a->urgent_sent != b->urgent_seen && b->urgent_seen == 0)
		return "urgent byte not announced";
	return NULL;
}

static bool
must_complete(const struct scenario *sc)
{
	if (!sc->patient)
		return false;
	if (sc->kind == SCENARIO_TOGETHER)
		return sc->script[0].write_total == 0 && sc->script[1].write_total == 0;
	return sc->kind == SCENARIO_BOTH_SHUT || sc->kind == SCENARIO_ONE_WAY;
}

const char *
scenario_run(const struct scenario *sc, bool trace, struct world *w)
{
	struct world_setup setup = sc->setup;
	struct san_time limit = SAN_TIME_NEVER;
	int i;

	setup.trace = trace;
	world_init(w, &setup, sc->seed);
	w->link.faults = sc->faults;
	w->link.shape = sc->shape;
	for (i = 0; i < 2; i++)
		w->host[i].script = sc->script[i];
	limit = san_time_add(sc->faults.until, SETTLE);
	if (!world_run(w, limit))
		return "not both ends are dead within the bound";
	return must_complete(sc) ? judge_complete(w) : NULL;
}
