/* SPDX-License-Identifier: BSD-3-Clause */
/* Reading in place between two connections that do whatever comes next: programs write, read and
 * mark bytes urgent, frames arrive, are lost, come twice or out of turn, time passes. The model is
 * pair.h: every byte arrives once and in order, no more is promised than there is room for. */
#include "pair.h"

#include "prng.h"

#define SEEDS 1500
#define STEPS 400

/* What happened in all rounds together: so that nothing tested can silently stop happening. */
static struct sdp_zcopy_counters seen;

static struct pair_setup
draw_setup(struct prng *r)
{
	static const uint32_t threshold[] = {0, 256, 500, 1500};
	struct pair_setup s = {0};

	for (int i = 0; i < 2; i++) {
		s.threshold[i] = threshold[prng_below(r, 4)];
		s.depth[i] = (uint8_t)prng_below(r, SDP_READS_MAX + 1);
	}
	s.credits_first = prng_below(r, 3) == 0 ? (uint16_t)(3 + prng_below(r, 8)) : 0;
	return s;
}

static void
frame_swap(struct pair_end *e)
{
	uint8_t bytes[PAIR_FRAME];
	uint16_t len = e->len[0];

	memcpy(bytes, e->frame[0], PAIR_FRAME);
	memcpy(e->frame[0], e->frame[1], PAIR_FRAME);
	memcpy(e->frame[1], bytes, PAIR_FRAME);
	e->len[0] = e->len[1];
	e->len[1] = len;
}

/* The wire's turn: mostly it delivers. */
static void
wire_step(struct pair *p, struct prng *r, int side)
{
	struct pair_end *e = &p->end[side];
	uint32_t what = prng_below(r, 40);

	if (e->frames == 0)
		return;
	if (what == 0) {
		pair_drop(p, side);
	} else if (what == 1 && e->frames > 1) {
		frame_swap(e);
	} else if (what == 2 && e->frames < PAIR_QUEUE) { /* twice */
		memcpy(e->frame[e->frames], e->frame[0], PAIR_FRAME);
		e->len[e->frames++] = e->len[0];
	} else {
		pair_deliver(p, side);
	}
}

static void
urgent_step(struct pair *p, int side)
{
	struct pair_end *e = &p->end[side];

	if (pair_write(p, side, 1) == 1)
		sdp_tx_urgent(&e->c, e->written);
	pair_emit_both(p);
}

static void
step(struct pair *p, struct prng *r)
{
	int side = (int)prng_below(r, 2);
	uint32_t what = prng_below(r, 32);

	if (what < 4)
		pair_write(p, side, 1 + prng_below(r, 3000));
	else if (what < 8)
		pair_read(p, side, 1 + prng_below(r, 3000));
	else if (what == 8)
		urgent_step(p, side);
	else if (what == 9 || p->end[0].frames + p->end[1].frames == 0)
		pair_wait(p, SAN_DURATION_S(1));
	else
		wire_step(p, r, side);
}

static void
note_seen(const struct pair *p)
{
	for (int i = 0; i < 2; i++) {
		const struct sdp_zcopy_counters *c = sdp_zcopy_counters(&p->end[i].c),
						*peer = sdp_zcopy_counters(&p->end[!i].c);

		assert_int_equal(c->tx_bytes, peer->rx_bytes);
		assert_int_equal(c->tx_adverts, peer->rx_adverts);
#define X(name, text) seen.name += c->name;
		SDP_ZCOPY_COUNTER_LIST(X)
#undef X
	}
}

static void
random__any_order(void **state)
{
	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		struct prng r = {seed};
		struct pair_setup s = draw_setup(&r);
		struct pair p;

		pair_open(&p, &s);
		for (int i = 0; i < STEPS; i++)
			step(&p, &r);
		pair_finish(&p);
		if (p.end[0].read != p.end[1].written || p.end[1].read != p.end[0].written)
			print_error("seed %llu\n", (unsigned long long)seed);
		pair_expect_done(&p);
		assert_int_equal(p.end[0].c.s.tx_at, SDP_TX_PLAIN);
		assert_int_equal(p.end[1].c.s.tx_at, SDP_TX_PLAIN);
		note_seen(&p);
	}
	assert_true(seen.tx_adverts > SEEDS && seen.reads > SEEDS);
	assert_true(seen.tx_refused > 100 && seen.tx_cancelled > 100 && seen.rx_refused > 100);
}

/* The same, and in the middle of it one side ends: nothing stays readable, nothing hangs. */
static void
random__ends_anywhere(void **state)
{
	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		struct prng r = {~seed};
		struct pair_setup s = draw_setup(&r);
		int side = (int)prng_below(&r, 2), n = (int)prng_below(&r, STEPS);
		struct pair p;

		pair_open(&p, &s);
		for (int i = 0; i < n; i++)
			step(&p, &r);
		if (prng_below(&r, 2) == 0)
			sdp_close(&p.end[side].c, SDP_CLOSE_ABORT, p.now);
		else
			sdp_port_down(&p.end[side].c, p.now);
		pair_run(&p);
		sdp_dreq_received(&p.end[!side].c, p.now);
		sdp_dreq_finished(&p.end[side].c, p.now);
		for (int i = 0; i < 2; i++) {
			assert_int_equal(sdp_state(&p.end[i].c), SDP_STATE_DEAD);
			assert_int_equal(p.end[i].mrs.used, 0);
			assert_false(sdp_has_work(&p.end[i].c, p.now));
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(random__any_order),
	    cmocka_unit_test(random__ends_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
