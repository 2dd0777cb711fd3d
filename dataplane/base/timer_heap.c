/* SPDX-License-Identifier: BSD-3-Clause */
#include "timer_heap.h"

#include "check.h"

static void
put(struct timer_heap *h, uint32_t i, struct timer_node *n)
{
	h->nodes[i] = n;
	n->place = i + 1;
}

/* Let `n`, which belongs at the hole `i`, rise to where its parent is not later. */
static uint32_t
rise(struct timer_heap *h, uint32_t i, const struct timer_node *n)
{
	while (i > 0 && san_time_before(n->at, h->nodes[(i - 1) / 2]->at)) {
		put(h, i, h->nodes[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	return i;
}

static uint32_t
sink(struct timer_heap *h, uint32_t i, const struct timer_node *n)
{
	for (uint32_t child = 2 * i + 1; child < h->count; child = 2 * i + 1) {
		if (child + 1 < h->count &&
		    san_time_before(h->nodes[child + 1]->at, h->nodes[child]->at))
			child++;
		if (!san_time_before(h->nodes[child]->at, n->at))
			break;
		put(h, i, h->nodes[child]);
		i = child;
	}
	return i;
}

void
timer_heap_arm(struct timer_heap *h, struct timer_node *n, struct san_time at)
{
	uint32_t i;

	if (at.ns == SAN_TIME_NEVER.ns) {
		timer_heap_cancel(h, n);
		return;
	}
	if (n->place == 0) {
		san_check(h->count < h->max);
		i = h->count++;
	} else {
		i = n->place - 1;
	}
	n->at = at;
	i = rise(h, i, n);
	put(h, sink(h, i, n), n);
}

void
timer_heap_cancel(struct timer_heap *h, struct timer_node *n)
{
	struct timer_node *last;
	uint32_t i;

	if (n->place == 0)
		return;
	i = n->place - 1;
	n->place = 0;
	last = h->nodes[--h->count];
	if (last == n)
		return;
	i = rise(h, i, last);
	put(h, sink(h, i, last), last);
}

struct timer_node *
timer_heap_due(const struct timer_heap *h, struct san_time now)
{
	return h->count > 0 && san_time_reached(h->nodes[0]->at, now) ? h->nodes[0] : NULL;
}
