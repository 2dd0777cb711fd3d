/* SPDX-License-Identifier: BSD-3-Clause */
/* Deadlines of many objects, the earliest first. Intrusive: the node lives in the object, the
 * caller gives the array. Arming and cancelling cost log n, an object without a deadline costs
 * nothing. */
#ifndef SAND_BASE_TIMER_HEAP_H
#define SAND_BASE_TIMER_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "san_time.h"

struct timer_node {
	struct san_time at;
	uint32_t place; /* in the heap, counted from 1; 0 = not armed */
};

struct timer_heap {
	struct timer_node **nodes; /* `max` pointers, the caller's */
	uint32_t count, max;
};

/* Arm or move; NEVER cancels. More than `max` armed nodes is the caller's bug (san_check). */
void timer_heap_arm(struct timer_heap *h, struct timer_node *n, struct san_time at);
void timer_heap_cancel(struct timer_heap *h, struct timer_node *n);
/* The node whose deadline has come, NULL if none has. It stays armed until moved or cancelled. */
struct timer_node *timer_heap_due(const struct timer_heap *h, struct san_time now);

static inline struct san_time
timer_heap_next(const struct timer_heap *h)
{
	return h->count > 0 ? h->nodes[0]->at : SAN_TIME_NEVER;
}

/* The object a node is embedded in. */
#define TIMER_OWNER(node, type, member) ((type *)(void *)((char *)(node)-offsetof(type, member)))

#endif
