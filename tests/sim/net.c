/* SPDX-License-Identifier: BSD-3-Clause */
#include "net.h"

#include <stdlib.h>
#include <string.h>

#include "check.h"

static void
hop_init(struct net *n, struct hop *h, enum hop_stage stage, const struct hop_shape *shape)
{
	*h = (struct hop){.stage = stage, .shape = *shape, .dice = {.faults = &n->faults}};
	san_check(shape->bytes_per_s > 0 && shape->queue_max > 0);
}

void
net_init(struct net *n, const struct net_setup *s)
{
	uint32_t i;

	memset(n, 0, sizeof *n);
	san_check(s->hosts <= NET_HOSTS_MAX && (s->kind != NET_CABLE || s->hosts == 2));
	n->kind = s->kind;
	n->hosts = s->hosts;
	n->paths = s->kind == NET_PATHS ? s->paths : 0;
	n->prng.state = s->seed;
	n->faults = faults_none();
	n->up = calloc(s->hosts, sizeof *n->up);
	n->down = calloc(s->hosts, sizeof *n->down);
	san_check(n->up != NULL && n->down != NULL);
	for (i = 0; i < s->hosts; i++) {
		hop_init(n, &n->up[i], HOP_UP, &s->up);
		if (s->kind != NET_CABLE)
			hop_init(n, &n->down[i], HOP_DOWN, &s->down);
	}
	for (i = 0; i < 2 * n->paths; i++)
		hop_init(n, &n->path[i & 1][i >> 1], HOP_PATH, &s->path[i >> 1]);
	sim_frames_init(&n->frames);
}

static struct sim_frame *
flying_first(struct net *n)
{
	return TIMER_OWNER(n->flying.nodes[0], struct sim_frame, due);
}

void
net_fini(struct net *n)
{
	struct sim_frame *f;

	while (n->flying.count > 0) {
		f = flying_first(n);
		timer_heap_cancel(&n->flying, &f->due);
		sim_frame_put(&n->frames, f);
	}
	free(n->flying.nodes);
	free(n->up);
	free(n->down);
	sim_frames_fini(&n->frames);
}

/* Nanoseconds `bytes` take at the hop's rate, at least 1: frames of one hop never arrive at once.
 */
static uint64_t
hop_ns(const struct hop *h, uint64_t bytes)
{
	uint64_t ns = bytes * UINT64_C(1000000000) / h->shape.bytes_per_s;

	return ns > 0 ? ns : 1;
}

/* Bytes that wait, the frame being sent included. */
static uint64_t
hop_backlog(const struct hop *h, struct san_time now)
{
	uint64_t ns = san_time_since(h->free_at, now).ns;

	return ns * (h->shape.bytes_per_s / 1000) / 1000000;
}

static void
mark(struct net *n, struct hop *h, struct sim_frame *f, uint64_t backlog)
{
	const struct ecn *e = &h->shape.ecn;
	uint32_t ppb = PPB_ALL;

	if (e->max == 0 || backlog <= e->min)
		return;
	if (backlog <= e->max)
		ppb = (uint32_t)((backlog - e->min) * e->ppb / (e->max - e->min));
	if (fault_chance(&n->prng, ppb) && sim_frame_mark(f)) {
		h->marked++;
		n->count.marked++;
	}
}

static void
fly(struct net *n, struct sim_frame *f, struct san_time at)
{
	struct timer_heap *h = &n->flying;

	if (h->count == h->max) {
		h->max = h->max == 0 ? 64 : 2 * h->max;
		h->nodes = realloc(h->nodes, h->max * sizeof *h->nodes);
		san_check(h->nodes != NULL);
	}
	timer_heap_arm(h, &f->due, at);
}

/* Behind the transmitter: the line with its faults. */
static void
line(struct net *n, struct hop *h, struct sim_frame *f, struct san_time at, struct san_time now)
{
	const struct faults *x = &n->faults;
	bool faulty = now.ns < x->until.ns;

	f->hop = h;
	if (faulty && fault_chance(&n->prng, x->duplicate)) {
		n->count.duplicated++;
		fly(n, sim_frame_copy(&n->frames, f), at);
	}
	if (faulty && fault_chance(&n->prng, x->reorder)) {
		n->count.reordered++;
		at.ns += 1 + prng_u64(&n->prng) % (x->reorder_max.ns + 1);
	}
	if (faulty && !f->damaged && fault_chance(&n->prng, x->corrupt)) {
		n->count.damaged++;
		fault_damage(&n->prng, f);
	}
	fly(n, f, at);
}

static void
hop_send(struct net *n, struct hop *h, struct sim_frame *f, bool masked, struct san_time now)
{
	uint64_t bytes = f->len + NET_LINE_EXTRA, backlog = hop_backlog(h, now);

	if (backlog + bytes > h->shape.queue_max) {
		h->dropped++;
		n->count.dropped++;
		sim_frame_put(&n->frames, f);
		return;
	}
	mark(n, h, f, backlog);
	if (h->backlog_max < backlog + bytes)
		h->backlog_max = backlog + bytes;
	h->frames++;
	h->bytes += bytes;
	h->free_at.ns = (h->free_at.ns > now.ns ? h->free_at.ns : now.ns) + hop_ns(h, bytes);
	if (masked || fault_loses(&h->dice, &n->prng, f, now)) {
		n->count.lost++;
		sim_frame_put(&n->frames, f);
		return;
	}
	line(n, h, f, san_time_add(h->free_at, h->shape.latency), now);
}

void
net_send(struct net *n, struct sim_frame *f, struct san_time now)
{
	uint64_t nth = n->count.sent++ - n->mask_from;

	san_check(f->from < n->hosts && f->to < n->hosts && f->from != f->to);
	hop_send(n, &n->up[f->from], f, n->mask_on && nth < 64 && (n->mask >> nth & 1), now);
}

/* Where a frame goes that came off the hop it is on; NULL = it is at its host. */
static struct hop *
route(struct net *n, const struct sim_frame *f)
{
	bool left = f->from < n->hosts / 2;

	if (f->hop->stage == HOP_DOWN || n->kind == NET_CABLE)
		return NULL;
	if (f->hop->stage == HOP_UP && n->kind == NET_PATHS && left != (f->to < n->hosts / 2))
		return &n->path[!left][prng_below(&n->prng, n->paths)];
	return &n->down[f->to];
}

struct san_time
net_next(const struct net *n)
{
	return timer_heap_next(&n->flying);
}

struct sim_frame *
net_take(struct net *n, struct san_time now)
{
	struct sim_frame *f;
	struct hop *next;

	while (timer_heap_due(&n->flying, now) != NULL) {
		f = flying_first(n);
		timer_heap_cancel(&n->flying, &f->due);
		next = route(n, f);
		if (next == NULL)
			return f;
		hop_send(n, next, f, false, now);
	}
	return NULL;
}

struct san_time
net_room_at(const struct net *n, uint32_t host, uint64_t limit)
{
	const struct hop *h = &n->up[host];
	uint64_t ns = hop_ns(h, limit);

	return (struct san_time){h->free_at.ns > ns ? h->free_at.ns - ns : 0};
}
