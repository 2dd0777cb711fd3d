/* SPDX-License-Identifier: BSD-3-Clause */
#include "link.h"

#include <stdlib.h>
#include <string.h>

#include "check.h"

void
link_init(struct link *l, uint64_t seed)
{
	memset(l, 0, sizeof *l);
	l->prng.state = seed;
	l->faults.cut_from = l->faults.cut_to = SAN_TIME_NEVER;
	l->shape.bytes_per_s = 1250000000;
	l->shape.queue_max = SAN_DURATION_S(1);
}

void
link_fini(struct link *l)
{
	while (l->count != 0)
		free(l->heap[--l->count].bytes);
	free(l->heap);
}

static bool
earlier(const struct link_frame *a, const struct link_frame *b)
{
	return a->at.ns < b->at.ns || (a->at.ns == b->at.ns && a->order < b->order);
}

static void
heap_swap(struct link *l, uint32_t a, uint32_t b)
{
	struct link_frame t = l->heap[a];

	l->heap[a] = l->heap[b];
	l->heap[b] = t;
}

static void
heap_put(struct link *l, struct link_frame f)
{
	uint32_t i = l->count++;

	if (l->count > l->cap) {
		l->cap = l->cap == 0 ? 64 : 2 * l->cap;
		l->heap = realloc(l->heap, l->cap * sizeof *l->heap);
		san_check(l->heap != NULL);
	}
	f.order = l->order++;
	l->heap[i] = f;
	for (; i > 0 && earlier(&l->heap[i], &l->heap[(i - 1) / 2]); i = (i - 1) / 2)
		heap_swap(l, i, (i - 1) / 2);
}

static struct link_frame
heap_get(struct link *l)
{
	struct link_frame top = l->heap[0];
	uint32_t i = 0, child;

	l->heap[0] = l->heap[--l->count];
	while ((child = 2 * i + 1) < l->count) {
		if (child + 1 < l->count && earlier(&l->heap[child + 1], &l->heap[child]))
			child++;
		if (!earlier(&l->heap[child], &l->heap[i]))
			break;
		heap_swap(l, i, child);
		i = child;
	}
	return top;
}

static bool
chance(struct link *l, uint32_t ppm)
{
	return ppm != 0 && prng_below(&l->prng, 1000000) < ppm;
}

static bool
lost(struct link *l, bool faulty, struct san_time now)
{
	uint64_t nth = l->sent - 1 - l->mask_from;

	if (now.ns >= l->faults.cut_from.ns && now.ns < l->faults.cut_to.ns)
		return true;
	if (l->mask_on)
		return nth < 64 && (l->mask >> nth & 1);
	return faulty && chance(l, l->faults.loss);
}

static void
deliver(struct link *l, uint8_t from, const uint8_t *bytes, uint32_t len, struct san_time at,
    bool faulty)
{
	struct link_frame f = {.to = !from, .len = len, .at = at};

	if (faulty && chance(l, l->faults.reorder)) {
		f.at.ns += 1 + prng_u64(&l->prng) % (l->faults.reorder_max.ns + 1);
		l->reordered++;
	}
	f.bytes = malloc(len);
	san_check(f.bytes != NULL);
	memcpy(f.bytes, bytes, len);
	if (faulty && chance(l, l->faults.corrupt)) {
		f.bytes[prng_below(&l->prng, len)] ^= (uint8_t)(1u << prng_below(&l->prng, 8));
		l->corrupted++;
	}
	heap_put(l, f);
}

void
link_send(struct link *l, uint8_t from, const uint8_t *bytes, uint32_t len, struct san_time now)
{
	bool faulty = now.ns < l->faults.until.ns;
	struct san_time start = l->free_at[from];

	l->sent++;
	if (start.ns < now.ns)
		start = now;
	if (start.ns - now.ns > l->shape.queue_max.ns) {
		l->overflowed++;
		return;
	}
	/* 24 bytes on the cable that are not in the frame: preamble, check sequence, gap. */
	start.ns += (len + 24) * UINT64_C(1000000000) / l->shape.bytes_per_s;
	l->free_at[from] = start;
	if (lost(l, faulty, now)) {
		l->lost++;
		return;
	}
	start.ns += l->shape.latency.ns;
	deliver(l, from, bytes, len, start, faulty);
	if (faulty && chance(l, l->faults.duplicate)) {
		l->duplicated++;
		deliver(l, from, bytes, len, start, faulty);
	}
}

struct san_time
link_next(const struct link *l)
{
	return l->count == 0 ? SAN_TIME_NEVER : l->heap[0].at;
}

bool
link_take(struct link *l, struct san_time now, struct link_frame *out)
{
	if (l->count == 0 || l->heap[0].at.ns > now.ns)
		return false;
	*out = heap_get(l);
	return true;
}
