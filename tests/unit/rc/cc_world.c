/* SPDX-License-Identifier: BSD-3-Clause */
#include "cc_world.h"

#include <string.h>

#include "check.h"

#define CNP_INTERVAL SAN_DURATION_US(50)
#define MASK	     (WORLD_PATH - 1)

void
world_init(struct world *w, const struct world_shape *shape, uint64_t seed)
{
	memset(w, 0, sizeof *w);
	w->shape = *shape;
	w->now = (struct san_time){1000000};
	w->slot.ns = WORLD_BYTES * UINT64_C(1000000000) / shape->bytes_per_s;
	w->prng.state = seed;
}

uint32_t
world_flow_add(struct world *w, const struct cc_params *p)
{
	struct world_flow *f = &w->flow[w->flows];

	memset(f, 0, sizeof *f);
	san_check(cc_init(&f->cc, p, w->now) == 0);
	f->on = true;
	return w->flows++;
}

static bool
may_send(const struct world *w, const struct world_flow *f)
{
	return f->on && f->in_flight < cc_window(&f->cc) &&
	       !san_time_before(w->now, cc_next(&f->cc));
}

static void
path_put(struct world *w, struct world_packet *p, struct san_time at)
{
	/* Keeps the order: an ACK never overtakes an earlier one. */
	const struct world_packet *last = &w->path[(w->path_tail - 1) & MASK];

	p->at = at;
	if (w->path_head != w->path_tail && san_time_before(p->at, last->at))
		p->at = last->at;
	san_check(w->path_tail - w->path_head < WORLD_PATH);
	w->path[w->path_tail++ & MASK] = *p;
}

/* When the receiver answers what it gets now. */
static struct san_time
answer_at(const struct world *w)
{
	struct san_time at = san_time_add(w->now, w->shape.latency);
	uint64_t into;

	if (w->shape.stall.ns == 0)
		return at;
	into = at.ns % w->shape.stall_every.ns;
	if (into < w->shape.stall.ns)
		at.ns += w->shape.stall.ns - into;
	return at;
}

static void
packet_send(struct world *w, uint32_t i)
{
	struct world_flow *f = &w->flow[i];
	uint32_t waiting = w->queue_tail - w->queue_head;
	struct world_packet p = {.flow = (uint8_t)i, .seq = f->seq++};

	f->in_flight++;
	cc_sent(&f->cc, WORLD_BYTES, w->now);
	if (!f->timing) {
		f->timing = true;
		f->timed_seq = p.seq;
		f->timed_at = w->now;
	}
	p.marked = w->shape.queue_mark != 0 && waiting >= w->shape.queue_mark;
	p.lost = waiting >= w->shape.queue_max || prng_below(&w->prng, 1000000) < w->shape.loss_ppm;
	if (p.lost) {
		/* Reported by what comes after it. */
		path_put(
		    w, &p, san_time_add(answer_at(w), (struct san_duration){waiting * w->slot.ns}));
		return;
	}
	w->queue[w->queue_tail++ & MASK] = p;
}

static void
packet_answered(struct world *w, const struct world_packet *p)
{
	struct world_flow *f = &w->flow[p->flow];
	struct cc_ack a = {.packets = 1, .in_flight = f->in_flight};

	if (p->lost) {
		f->lost++;
		f->in_flight--;
		f->timing &= f->timed_seq != p->seq;
		cc_lost(&f->cc, 1, w->now);
		return;
	}
	if (f->timing && f->timed_seq == p->seq) {
		f->timing = false;
		cc_rtt(&f->cc, san_time_since(w->now, f->timed_at));
	}
	f->delivered++;
	f->marked += p->marked;
	if (p->marked && w->shape.cnps && !san_time_before(w->now, f->cnp_from)) {
		f->cnp_from = san_time_add(w->now, CNP_INTERVAL);
		cc_cnp(&f->cc, w->now);
	}
	a.marked = p->marked && w->shape.echo;
	cc_acked(&f->cc, &a, w->now);
	f->in_flight--;
}

static void
slot_run(struct world *w)
{
	uint32_t first = prng_below(&w->prng, w->flows), waiting, i;

	while (w->path_head != w->path_tail &&
	       san_time_reached(w->path[w->path_head & MASK].at, w->now))
		packet_answered(w, &w->path[w->path_head++ & MASK]);
	for (i = 0; i < w->flows; i++) {
		struct world_flow *f = &w->flow[(first + i) % w->flows];

		if (san_time_reached(cc_deadline(&f->cc), w->now))
			cc_deadline_expire(&f->cc, w->now);
		while (may_send(w, f))
			packet_send(w, (first + i) % w->flows);
	}
	waiting = w->queue_tail - w->queue_head;
	w->queue_sum += waiting;
	w->queue_samples++;
	w->busy += waiting != 0;
	if (waiting > w->queue_high)
		w->queue_high = waiting;
	if (waiting != 0) {
		struct world_packet p = w->queue[w->queue_head++ & MASK];

		path_put(w, &p, answer_at(w));
	}
	w->now = san_time_add(w->now, w->slot);
}

void
world_run(struct world *w, struct san_duration d)
{
	struct san_time end = san_time_add(w->now, d);

	while (san_time_before(w->now, end))
		slot_run(w);
}

void
world_figures_reset(struct world *w)
{
	uint32_t i;

	for (i = 0; i < w->flows; i++)
		w->flow[i].delivered = w->flow[i].lost = w->flow[i].marked = 0;
	w->queue_sum = w->queue_samples = w->busy = 0;
	w->queue_high = 0;
}

double
world_queue(const struct world *w)
{
	return (double)w->queue_sum / (double)w->queue_samples;
}

double
world_used(const struct world *w)
{
	return 100.0 * (double)w->busy / (double)w->queue_samples;
}

double
world_fairness(const struct world *w)
{
	double sum = 0, squares = 0;
	uint32_t i, n = 0;

	for (i = 0; i < w->flows; i++) {
		double x = (double)w->flow[i].delivered;

		if (!w->flow[i].on)
			continue;
		sum += x;
		squares += x * x;
		n++;
	}
	return squares == 0 ? 0 : sum * sum / (n * squares);
}

uint64_t
world_slowest(const struct world *w)
{
	uint64_t least = UINT64_MAX;
	uint32_t i;

	for (i = 0; i < w->flows; i++)
		if (w->flow[i].on && w->flow[i].delivered < least)
			least = w->flow[i].delivered;
	return least;
}
