/* SPDX-License-Identifier: BSD-3-Clause */
#include "rc_host.h"

#include <stdlib.h>
#include <string.h>

#include "check.h"

#define EMIT_TURN 4u /* packets before another queue pair has its turn */

static struct rc_host *
host_of(const struct node *n)
{
	return (struct rc_host *)(uintptr_t)n; /* node is the first member */
}

void
rc_host_touch(struct rc_end *e)
{
	if (e->ready)
		return;
	e->ready = true;
	TAILQ_INSERT_TAIL(&e->host->ready, e, ready_next);
}

static void
frames_receive(struct rc_host *h, struct san_time now)
{
	struct sim_frame *f;
	uint32_t i;

	while ((f = node_rx_take(&h->node)) != NULL) {
		i = (f->pkt.dest_qp & 0xffff) - RC_HOST_QPN_FIRST;
		san_check(i < h->ends && h->end[i].qpn == f->pkt.dest_qp);
		rc_host_touch(&h->end[i]);
		rc_end_frame(&h->end[i], f, now);
	}
}

static void
timers_expire(struct rc_host *h, struct san_time now)
{
	struct timer_node *t;

	while ((t = timer_heap_due(&h->due, now)) != NULL) {
		timer_heap_cancel(&h->due, t);
		rc_host_touch(TIMER_OWNER(t, struct rc_end, due));
	}
}

/* Every queue pair that is ready emits in turns, until all have nothing more to say or the
 * transmitter is full. */
static void
step(struct node *n, struct san_time now)
{
	struct rc_host *h = host_of(n);
	struct rc_end *e;

	frames_receive(h, now);
	timers_expire(h, now);
	TAILQ_FOREACH(e, &h->ready, ready_next)
		rc_end_step(e, now);
	while ((e = TAILQ_FIRST(&h->ready)) != NULL && node_tx_room(n, now)) {
		TAILQ_REMOVE(&h->ready, e, ready_next);
		e->ready = rc_end_emit(e, EMIT_TURN, now);
		if (e->ready) {
			TAILQ_INSERT_TAIL(&h->ready, e, ready_next);
			continue;
		}
		rc_end_check(e, now);
		timer_heap_arm(&h->due, &e->due, rc_end_next(e));
	}
}

static struct san_time
next(const struct node *n)
{
	const struct rc_host *h = host_of(n);
	struct san_time t = timer_heap_next(&h->due);

	if (!TAILQ_EMPTY(&h->ready))
		t = san_time_min(t, net_room_at(n->net, n->id, n->setup.tx_ring));
	return t;
}

static bool
finished(const struct node *n)
{
	const struct rc_host *h = host_of(n);
	uint32_t i;

	if (!TAILQ_EMPTY(&h->ready))
		return false;
	for (i = 0; i < h->ends; i++)
		if (!rc_end_finished(&h->end[i]))
			return false;
	return true;
}

static void
fini(struct node *n)
{
	struct rc_host *h = host_of(n);

	for (uint32_t i = 0; i < h->ends; i++)
		rc_end_fini(&h->end[i]);
	san_check(h->pool.lent == 0 && h->pool.frames == 0);
	free(h->block);
	free(h->end);
	free(h->mr);
	free(h->due.nodes);
	free(h->counter_seen);
}

static const struct node_ops ops = {step, next, finished, fini};

void
rc_host_init(
    struct rc_host *h, struct net *net, uint32_t id, const struct rc_host_setup *s, uint64_t seed)
{
	uint32_t regions = 4;

	memset(h, 0, sizeof *h);
	node_init(&h->node, &ops, net, id, &s->node);
	h->setup = *s;
	h->prng.state = seed;
	TAILQ_INIT(&h->ready);
	while (regions < 4 * s->ends_max)
		regions *= 2;
	h->mr = calloc(regions, sizeof *h->mr);
	h->end = calloc(s->ends_max, sizeof *h->end);
	h->due.nodes = calloc(s->ends_max, sizeof(struct timer_node *));
	h->due.max = s->ends_max;
	h->block = calloc(s->blocks + 1, sizeof *h->block);
	h->counter_seen = calloc(RC_COUNTER_MAX, 1);
	san_check(
	    h->mr != NULL && h->end != NULL && h->due.nodes != NULL && h->counter_seen != NULL);
	rc_pool_init(&h->pool, h->block, s->blocks, s->kept_max);
	san_check(rc_mrs_init(&h->mrs, h->mr, regions, (struct prng){prng_u64(&h->prng)}) == 0);
	san_check(rc_mr_register(&h->mrs, RC_HOST_PD, 0x1000, (uint8_t *)&h->counter,
		      sizeof h->counter, RC_ACCESS_REMOTE_ATOMIC, &h->counter_key) == 0);
}

static struct rc_end *
end_add(struct rc_host *h, const struct rc_end_setup *s)
{
	struct rc_end *e = &h->end[h->ends];

	san_check(h->ends < h->setup.ends_max);
	rc_end_init(
	    e, h, h->setup.qpn_high << 16 | (RC_HOST_QPN_FIRST + h->ends), s, prng_u64(&h->prng));
	h->ends++;
	rc_host_touch(e);
	return e;
}

struct rc_end *
rc_host_join(struct rc_host *a, const struct rc_end_setup *sa, struct rc_host *b,
    const struct rc_end_setup *sb, struct san_time now)
{
	struct rc_end *ea = end_add(a, sa), *eb = end_add(b, sb);

	rc_end_open(ea, eb, now);
	rc_end_open(eb, ea, now);
	return ea;
}
