/* SPDX-License-Identifier: BSD-3-Clause */
#include "wheel.h"

#include <stddef.h>
#include <string.h>

#define SPAN_TICKS (UINT64_C(1) << (WHEEL_BITS * WHEEL_LEVELS))
#define MASK	   (WHEEL_SLOTS - 1)

static uint64_t
tick_of(struct san_time at)
{
	uint64_t tick = at.ns >> WHEEL_TICK_SHIFT;

	return tick + ((at.ns & (WHEEL_TICK_NS - 1)) != 0); /* never early */
}

void
wheel_init(struct wheel *w, struct san_time now)
{
	memset(w, 0, sizeof *w);
	w->cur = now.ns >> WHEEL_TICK_SHIFT;
}

static void
link_timer(struct wheel *w, struct wheel_timer *t, uint64_t tick)
{
	unsigned level = 0;
	struct wheel_timer **head;

	if (tick < w->cur)
		tick = w->cur;
	if (tick - w->cur >= SPAN_TICKS)
		tick = w->cur + SPAN_TICKS - 1;
	while (tick - w->cur >= UINT64_C(1) << (WHEEL_BITS * (level + 1)))
		level++;
	t->tick = tick;
	t->level = (uint8_t)level;
	t->slot = (uint8_t)(tick >> (WHEEL_BITS * level) & MASK);
	head = &w->slot[level][t->slot];
	t->next = *head;
	t->link = head;
	if (t->next)
		t->next->link = &t->next;
	*head = t;
	w->used[level][t->slot / 64] |= UINT64_C(1) << t->slot % 64;
	w->linked++;
}

void
wheel_remove(struct wheel *w, struct wheel_timer *t)
{
	if (!t->link)
		return;
	*t->link = t->next;
	if (t->next)
		t->next->link = t->link;
	t->link = NULL;
	w->linked--;
	if (!w->slot[t->level][t->slot])
		w->used[t->level][t->slot / 64] &= ~(UINT64_C(1) << t->slot % 64);
}

void
wheel_set(struct wheel *w, struct wheel_timer *t, struct san_time at)
{
	t->want = at;
	if (at.ns == UINT64_MAX)
		return; /* found out when the old time comes */
	if (t->link) {
		if (tick_of(at) >= t->tick)
			return;
		wheel_remove(w, t);
	}
	link_timer(w, t, tick_of(at));
}

/* Distance from `from` to the first used slot of a level, WHEEL_SLOTS if none; the slot itself is
 * distance 0. */
static unsigned
slot_distance(const struct wheel *w, unsigned level, unsigned from)
{
	const uint64_t *used = w->used[level];

	for (unsigned d = 0; d < WHEEL_SLOTS;) {
		unsigned slot = (from + d) & MASK;
		uint64_t word = used[slot / 64] >> slot % 64;

		if (word != 0)
			return d + (unsigned)__builtin_ctzll(word);
		d += 64 - slot % 64;
	}
	return WHEEL_SLOTS;
}

/* `cur` has come to the start of a slot of the upper levels: spread its timers. */
static void
cascade(struct wheel *w)
{
	for (unsigned level = 1; level < WHEEL_LEVELS; level++) {
		unsigned slot = (unsigned)(w->cur >> (WHEEL_BITS * level) & MASK);
		struct wheel_timer *t = w->slot[level][slot];

		w->slot[level][slot] = NULL;
		w->used[level][slot / 64] &= ~(UINT64_C(1) << slot % 64);
		while (t) {
			struct wheel_timer *next = t->next;

			t->link = NULL;
			w->linked--;
			link_timer(w, t, t->tick);
			t = next;
		}
		if (slot != 0)
			return;
	}
}

/* Move `cur` on to the next tick that may have a timer, at most to `target`. */
static void
advance(struct wheel *w, uint64_t target)
{
	unsigned slot = (unsigned)(w->cur & MASK);
	uint64_t edge = (w->cur | MASK) + 1;
	unsigned d = slot == MASK ? WHEEL_SLOTS : 1 + slot_distance(w, 0, slot + 1);
	uint64_t next = w->cur + d;

	if (next > edge)
		next = edge;
	if (next > target) {
		w->cur = target;
		return;
	}
	w->cur = next;
	if (next == edge)
		cascade(w);
}

struct wheel_timer *
wheel_due(struct wheel *w, struct san_time now)
{
	uint64_t target = now.ns >> WHEEL_TICK_SHIFT;

	for (;;) {
		struct wheel_timer *t = w->slot[0][w->cur & MASK];

		while (t) {
			wheel_remove(w, t);
			if (san_time_reached(t->want, now))
				return t;
			if (t->want.ns != UINT64_MAX)
				link_timer(w, t, tick_of(t->want));
			t = w->slot[0][w->cur & MASK];
		}
		if (w->linked == 0 && w->cur < target)
			w->cur = target;
		if (w->cur >= target)
			return NULL;
		advance(w, target);
	}
}

struct san_time
wheel_next(const struct wheel *w)
{
	uint64_t best = UINT64_MAX;

	for (unsigned level = 0; level < WHEEL_LEVELS; level++) {
		unsigned shift = WHEEL_BITS * level;
		uint64_t at = w->cur >> shift;
		/* The slot `cur` stands in has been spread already, or is a whole round away. */
		unsigned skip = level > 0;
		unsigned d = slot_distance(w, level, (unsigned)((at + skip) & MASK));

		if (d == WHEEL_SLOTS)
			continue;
		at = (at + skip + d) << shift;
		if (at < best)
			best = at;
	}
	return best == UINT64_MAX ? SAN_TIME_NEVER : (struct san_time){best << WHEEL_TICK_SHIFT};
}
