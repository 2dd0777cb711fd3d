/* SPDX-License-Identifier: BSD-3-Clause */
/* Operations: drawn, posted, made into packets, reaped or flushed. */
#include "rc_end.h"

#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "rc_host.h"
#include "san_err.h"
#include "seq.h"

/* What a kind of operation has. */
static const struct {
	bool bytes;   /* payload of its own */
	bool memory;  /* address and key of the peer's memory */
	bool changes; /* changes that memory */
} kinds[RC_KIND_COUNT] = {
    [RC_SEND] = {.bytes = true},
    [RC_SEND_IMM] = {.bytes = true},
    [RC_SEND_INV] = {.bytes = true},
    [RC_WRITE] = {.bytes = true, .memory = true, .changes = true},
    [RC_WRITE_IMM] = {.bytes = true, .memory = true, .changes = true},
    [RC_READ] = {.memory = true},
    [RC_CMP_SWAP] = {.memory = true, .changes = true},
    [RC_FETCH_ADD] = {.memory = true, .changes = true},
};

/* --- bytes ------------------------------------------------------------------------------------ */

#define TABLE_SPREAD 65521u /* a prime */

/* Payload is a piece of one table, a different one for each message. */
const uint8_t *
rc_work_bytes(uint32_t qpn, uint32_t tag)
{
	static uint8_t table[TABLE_SPREAD + RC_WORK_BYTES];
	static bool made;
	struct prng p = {1};

	if (!made)
		for (size_t i = 0; i < sizeof table; i++)
			table[i] = (uint8_t)(prng_u64(&p) >> 32);
	made = true;
	return table + (qpn * 40503u + tag * 2654435761u) % TABLE_SPREAD;
}

void
rc_work_fill(struct rc_end *e, const struct rc_chunk *c, struct roce_tx *out)
{
	uint32_t tag = c->run->tag + c->index;
	const struct rc_work *w = rc_work_at(e, tag);

	/* What is reaped is never sent again: its bytes may be gone. */
	san_check(seq32_diff(tag, e->reaped) >= 0 && seq32_diff(e->posted, tag) > 0);
	if (c->run->kind == RC_PROBE)
		return;
	san_check(w->tag == tag && w->kind == c->run->kind && w->len == c->run->len);
	if (kinds[w->kind].bytes && c->len > 0) {
		out->seg[0].base = rc_work_bytes(e->qpn, tag) + c->offset;
		out->seg[0].len = c->len;
		out->seg_count = 1;
	}
	out->ext.imm = w->imm;
	out->ext.rkey = w->rkey;
	out->ext.va = w->va + c->offset;
	out->ext.swap_add = w->swap_add;
	out->ext.compare = w->compare;
}

/* --- drawing ---------------------------------------------------------------------------------- */

static uint8_t
draw_kind(struct rc_end *e)
{
	const uint32_t *weight = e->setup.script.weight;
	uint32_t all = 0, at;
	uint8_t kind;

	for (kind = 0; kind < RC_KIND_COUNT; kind++)
		all += weight[kind];
	at = prng_below(&e->prng, all);
	for (kind = 0; at >= weight[kind]; kind++)
		at -= weight[kind];
	/* One spare key of the peer at a time. */
	if (kind == RC_SEND_INV && e->peer->lent.spare_used)
		kind = RC_SEND;
	return kind;
}

/* Often at the edges of packets. */
static uint32_t
draw_len(struct rc_end *e, uint32_t max)
{
	uint32_t pmtu = e->setup.pmtu, packets = 1 + prng_below(&e->prng, 5), len;

	switch (prng_below(&e->prng, 6)) {
	case 0:
		len = 0;
		break;
	case 1:
		len = prng_below(&e->prng, 64);
		break;
	case 2:
		len = prng_below(&e->prng, pmtu + 1);
		break;
	case 3:
		len = packets * pmtu;
		break;
	case 4:
		len = packets * pmtu - 1 + 2 * prng_below(&e->prng, 2);
		break;
	default:
		len = prng_below(&e->prng, max + 1);
	}
	return len <= max ? len : max;
}

static void
draw_memory(struct rc_end *e, struct rc_work *w)
{
	const struct rc_lent *m = &e->peer->lent;
	bool constant = w->kind == RC_READ && prng_below(&e->prng, 2) == 0;
	uint32_t from = constant || w->kind == RC_READ ? 0 : RC_MEMORY_CONSTANT;
	uint32_t to = constant ? RC_MEMORY_CONSTANT : RC_MEMORY;

	if (w->len > to - from)
		w->len = to - from;
	w->off = from + prng_below(&e->prng, to - from - w->len + 1);
	if (w->kind == RC_CMP_SWAP || w->kind == RC_FETCH_ADD)
		w->off &= ~7u;
	w->va = m->va + w->off;
	w->rkey = m->key;
}

static void
draw_atomic(struct rc_end *e, struct rc_work *w)
{
	struct rc_host *peer = e->peer->host;

	w->swap_add = prng_u64(&e->prng);
	w->compare = prng_u64(&e->prng);
	if (w->kind != RC_FETCH_ADD || prng_below(&e->prng, 2) == 0)
		return;
	w->shared = true;
	w->swap_add = 1;
	w->va = 0x1000;
	w->rkey = peer->counter_key;
}

static void
make_mistake(struct rc_end *e, struct rc_work *w)
{
	const struct rc_lent *m = &e->peer->lent;

	w->mistake = true;
	w->kind = RC_WRITE;
	w->len = 1 + prng_below(&e->prng, 3 * e->setup.pmtu);
	w->off = RC_MEMORY_CONSTANT;
	w->va = m->va + w->off;
	w->rkey = m->key;
	switch (e->setup.script.mistake) {
	case RC_MISTAKE_KEY:
		w->rkey ^= 1u << prng_below(&e->prng, 32);
		break;
	case RC_MISTAKE_BOUNDS:
		w->va = m->va + RC_MEMORY - w->len + 1;
		break;
	case RC_MISTAKE_INVALIDATED:
		w->rkey = m->stale_key;
		break;
	case RC_MISTAKE_RECV_SIZE:
		w->kind = RC_SEND;
		w->len = e->peer->setup.recv_size + 1;
		break;
	case RC_MISTAKE_OPERATION:
		w->kind = RC_SEND;
		w->len = e->peer->setup.recv_size < w->len ? e->peer->setup.recv_size : w->len;
		break;
	case RC_MISTAKE_NONE:
	case RC_MISTAKE_COUNT:
		break;
	}
}

static void
draw_kind_and_len(struct rc_end *e, struct rc_work *w)
{
	const struct rc_script *x = &e->setup.script;
	uint32_t max = x->len_max, recv_size = e->peer->setup.recv_size;

	if (x->plan != NULL) {
		w->kind = x->plan[e->posted].kind;
		w->len = x->plan[e->posted].len;
		return;
	}
	w->kind = draw_kind(e);
	if (w->kind < RC_WRITE && max > recv_size)
		max = recv_size;
	w->len = x->len != 0 ? x->len : draw_len(e, max);
	if (w->kind == RC_CMP_SWAP || w->kind == RC_FETCH_ADD)
		w->len = 8;
}

static void
draft(struct rc_end *e)
{
	const struct rc_script *x = &e->setup.script;
	struct rc_work *w = &e->draft;

	*w = (struct rc_work){.tag = e->posted};
	draw_kind_and_len(e, w);
	w->se = prng_below(&e->prng, 4) == 0;
	w->imm = prng_below(&e->prng, UINT32_MAX);
	if (kinds[w->kind].memory)
		draw_memory(e, w);
	if (w->kind == RC_CMP_SWAP || w->kind == RC_FETCH_ADD)
		draw_atomic(e, w);
	if (w->kind == RC_SEND_INV)
		w->rkey = e->peer->lent.spare_key;
	if (x->mistake != RC_MISTAKE_NONE && e->posted == x->mistake_at)
		make_mistake(e, w);
	/* The order of a READ and a change behind it is only promised with a fence. */
	w->fence = prng_below(&e->prng, 16) == 0 || (e->reads_moving > 0 && kinds[w->kind].changes);
	e->drafted = true;
}

/* --- posting and completing ------------------------------------------------------------------- */

static bool
reads_moving(const struct rc_work *w)
{
	return w->kind == RC_READ && w->off + w->len > RC_MEMORY_CONSTANT;
}

static bool
wants_post(const struct rc_end *e)
{
	return rc_error(&e->qp) == 0 && !e->stopped && e->posted < e->setup.script.works &&
	       e->posted - e->reaped < e->setup.script.outstanding;
}

static struct rc_run
run_of(const struct rc_work *w)
{
	return (struct rc_run){
	    .len = w->len,
	    .tag = w->tag,
	    .count = 1,
	    .kind = w->kind,
	    .se = w->se,
	    .fence = w->fence,
	};
}

static bool
post_one(struct rc_end *e, struct san_time now)
{
	struct rc_run run;
	struct rc_work *w;

	if (!e->drafted)
		draft(e);
	run = run_of(&e->draft);
	if (rc_post(&e->qp, &run) != 0)
		return false;
	w = rc_work_at(e, e->posted);
	free(w->expected);
	*w = e->draft;
	e->drafted = false;
	e->posted++;
	e->reads_moving += reads_moving(w);
	if (w->kind == RC_SEND_INV)
		e->peer->lent.spare_used = true;
	rc_oracle_posted(e, w, now);
	return true;
}

void
rc_work_post(struct rc_end *e, struct san_time now)
{
	uint64_t max = e->setup.script.pause_max.ns;

	while (wants_post(e) && san_time_reached(e->post_at, now) && post_one(e, now))
		e->post_at.ns = now.ns + (max == 0 ? 0 : prng_u64(&e->prng) % max);
}

struct san_time
rc_work_next(const struct rc_end *e)
{
	struct rc_run run = run_of(&e->draft);

	if (!wants_post(e) || (e->drafted && !rc_post_fits(&e->qp, &run)))
		return SAN_TIME_NEVER;
	return e->post_at;
}

static void
done(struct rc_end *e, struct rc_work *w)
{
	san_check(w->tag == e->reaped);
	e->reads_moving -= reads_moving(w);
	e->reaped++;
}

void
rc_work_reap(struct rc_end *e)
{
	uint32_t first, count, i;
	struct rc_run run;

	while (rc_reap(&e->qp, &run, &first, &count))
		for (i = 0; i < count; i++) {
			struct rc_work *w = rc_work_at(e, run.tag + first + i);

			san_check(w->tag == run.tag + first + i && !w->mistake);
			done(e, w);
			rc_oracle_reaped(e, w);
		}
}

void
rc_work_flush(struct rc_end *e)
{
	uint32_t first, count;
	struct rc_run run;

	rc_work_reap(e);
	while (rc_flush(&e->qp, &run, &first, &count)) {
		san_check(run.tag + first == e->reaped);
		for (; count > 0; count--) {
			done(e, rc_work_at(e, e->reaped));
			e->flushed++;
		}
	}
	san_check(e->reaped == e->posted);
}
