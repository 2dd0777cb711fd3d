/* SPDX-License-Identifier: BSD-3-Clause */
/* What each operation must do. It is known when it is posted: operations of a queue pair happen in
 * the order of posting, and nothing else touches the memory lent to it. The model is that memory
 * with the operations done in it up to a tag; it is compared with the real one whenever it is sure
 * how far the responder has come: when a message was delivered, everything before it has been done
 * and nothing behind it has. */
#include "rc_end.h"

#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "rc_host.h"
#include "seq.h"

#define VA_BASE UINT64_C(0x7f0000000000)

static void
spare_register(struct rc_end *e)
{
	struct rc_lent *m = &e->lent;

	san_check(rc_mr_register(&e->host->mrs, RC_HOST_PD, 0x2000, m->spare, sizeof m->spare,
		      RC_ACCESS_REMOTE_WRITE | RC_ACCESS_INVALIDATE, &m->spare_key) == 0);
	m->spare_used = false;
}

void
rc_oracle_lend(struct rc_end *e)
{
	struct rc_lent *m = &e->lent;

	m->bytes = malloc(RC_MEMORY);
	m->model = malloc(RC_MEMORY);
	m->ahead = malloc(RC_MEMORY);
	san_check(m->bytes != NULL && m->model != NULL && m->ahead != NULL);
	memcpy(m->bytes, rc_work_bytes(e->qpn, UINT32_MAX), RC_MEMORY);
	memcpy(m->model, m->bytes, RC_MEMORY);
	memcpy(m->ahead, m->bytes, RC_MEMORY);
	m->va = VA_BASE + ((uint64_t)e->qpn << 20) + 8u * prng_below(&e->prng, 1000);
	san_check(rc_mr_register(&e->host->mrs, RC_HOST_PD, m->va, m->bytes, RC_MEMORY,
		      RC_ACCESS_REMOTE_WRITE | RC_ACCESS_REMOTE_READ | RC_ACCESS_REMOTE_ATOMIC,
		      &m->key) == 0);
	spare_register(e);
	m->stale_key = m->spare_key;
	san_check(rc_mr_deregister(&e->host->mrs, m->spare_key) == 0);
	spare_register(e);
}

/* --- the model -------------------------------------------------------------------------------- */

static uint64_t
cell_get(const uint8_t *at)
{
	uint64_t v;

	memcpy(&v, at, sizeof v);
	return v;
}

static void
atomic_apply(uint8_t *at, const struct rc_work *w)
{
	uint64_t v = cell_get(at);

	if (w->kind == RC_FETCH_ADD)
		v += w->swap_add;
	else if (v == w->compare)
		v = w->swap_add;
	memcpy(at, &v, sizeof v);
}

/* Do what `w`, an operation of e's peer, does to a copy of the memory e lends; true if it changes
 * anything. */
static bool
apply(uint8_t *memory, const struct rc_end *peer, const struct rc_work *w)
{
	if (w->mistake || w->kind == RC_READ || w->shared)
		return false;
	if (w->kind == RC_WRITE || w->kind == RC_WRITE_IMM)
		memcpy(memory + w->off, rc_work_bytes(peer->qpn, w->tag), w->len);
	else if (w->kind == RC_FETCH_ADD || w->kind == RC_CMP_SWAP)
		atomic_apply(memory + w->off, w);
	else
		return false;
	return true;
}

/* Everything the peer posted before `tag` is in the model. */
static void
model_advance(struct rc_end *e, uint32_t tag)
{
	while (seq32_diff(tag, e->lent.applied) > 0)
		e->lent.changed |=
		    apply(e->lent.model, e->peer, rc_work_at(e->peer, e->lent.applied++));
}

static bool
model_holds(const struct rc_end *e)
{
	return memcmp(e->lent.bytes, e->lent.model, RC_MEMORY) == 0;
}

/* What `w`, the newest operation posted, will find: everything posted before it will have been
 * done.
 */
static void
result_expect(struct rc_end *e, struct rc_work *w)
{
	const struct rc_lent *m = &e->peer->lent;

	if (w->kind == RC_READ) {
		w->expected = malloc(w->len + 1);
		san_check(w->expected != NULL);
		memcpy(w->expected, m->ahead + w->off, w->len);
	} else if (!w->shared) {
		w->old = cell_get(m->ahead + w->off);
		/* Half of the swaps shall happen. */
		if (w->kind == RC_CMP_SWAP && (w->imm & 1) != 0)
			w->compare = w->old;
	}
}

/* --- what happens ----------------------------------------------------------------------------- */

static bool
takes_receive(uint8_t kind)
{
	return kind == RC_SEND || kind == RC_SEND_IMM || kind == RC_SEND_INV ||
	       kind == RC_WRITE_IMM;
}

void
rc_oracle_posted(struct rc_end *e, struct rc_work *w, struct san_time now)
{
	struct rc_end *peer = e->peer;

	while (peer->lent.posted != w->tag)
		apply(peer->lent.ahead, e, rc_work_at(e, peer->lent.posted++));
	if (w->kind == RC_READ || w->kind == RC_CMP_SWAP || w->kind == RC_FETCH_ADD)
		result_expect(e, w);
	if (!takes_receive(w->kind))
		return;
	san_check(peer->inbox_tail - peer->inbox_head < RC_WORKS);
	peer->inbox[peer->inbox_tail++ & (RC_WORKS - 1)] = (struct rc_message){
	    .tag = w->tag,
	    .kind = w->kind,
	    .se = w->se,
	    .mistake = w->mistake,
	    .len = w->len,
	    .imm = w->imm,
	    .inv_key = w->rkey,
	    .posted_at = now,
	};
}

static void
invalidated(struct rc_end *e, uint32_t key)
{
	struct rc_lent *m = &e->lent;

	san_check(key == m->spare_key);
	san_check(
	    rc_mr_find(&e->host->mrs, RC_HOST_PD, key, 0x2000, 1, RC_ACCESS_REMOTE_WRITE) == NULL);
	san_check(rc_mr_deregister(&e->host->mrs, key) == 0);
	m->stale_key = key;
	spare_register(e);
}

static void
message_check(struct rc_end *e, const struct rc_message *m, const struct rc_in *in)
{
	bool imm = m->kind == RC_SEND_IMM || m->kind == RC_WRITE_IMM;

	/* Only its first packets may have come before it is refused; or it is we who refuse. */
	san_check(!m->mistake || e->peer->setup.script.mistake == RC_MISTAKE_OPERATION);
	san_check(in->se == m->se && in->imm == imm && in->inv == (m->kind == RC_SEND_INV));
	san_check(!imm || in->imm_data == m->imm);
	san_check(m->kind == RC_WRITE_IMM ? in->write_len == m->len : e->message_at == m->len);
	model_advance(e, m->tag + 1);
	/* Comparing costs more than a packet: where nothing should have changed, not every time. */
	if (e->lent.changed || (m->tag & 15) == 0)
		san_check(model_holds(e));
	e->lent.changed = false;
	if (in->inv)
		invalidated(e, in->inv_key);
}

void
rc_oracle_delivered(struct rc_end *e, const struct rc_in *in, struct san_time now)
{
	const struct rc_message *m = &e->inbox[e->inbox_head & (RC_WORKS - 1)];
	const uint8_t *bytes;

	san_check(e->inbox_head != e->inbox_tail);
	san_check(in->write_imm == (m->kind == RC_WRITE_IMM));
	san_check(in->first == (e->message_at == 0 || m->len == 0));
	bytes = rc_work_bytes(e->peer->qpn, m->tag) + e->message_at;
	san_check(in->len <= m->len - e->message_at);
	san_check(in->len == 0 || memcmp(in->payload, bytes, in->len) == 0);
	e->message_at += in->len;
	if (e->meter != NULL)
		rc_meter_bytes(e->meter, in->len);
	if (!in->last)
		return;
	message_check(e, m, in);
	if (e->meter != NULL)
		rc_meter_message(e->meter, m->posted_at, now);
	if (m->mistake)
		rc_refuse(&e->qp, in);
	e->message_at = 0;
	e->inbox_head++;
	e->delivered++;
	e->delivered_bytes += m->len;
}

static void
counter_answered(struct rc_host *peer, uint64_t value)
{
	san_check(
	    value < RC_COUNTER_MAX && value < peer->counter && peer->counter_seen[value] == 0);
	peer->counter_seen[value] = 1;
	peer->counter_answers++;
}

void
rc_oracle_response(struct rc_end *e, const struct rc_in *in)
{
	struct rc_work *w = rc_work_at(e, in->op.tag + in->op_index);

	san_check(w->tag == in->op.tag + in->op_index && w->kind == in->op.kind && !w->mistake);
	san_check(seq32_diff(w->tag, e->reaped) >= 0);
	if (w->kind == RC_READ) {
		san_check(in->offset == w->got && in->len <= w->len - w->got);
		san_check(in->len == 0 || memcmp(in->payload, w->expected + w->got, in->len) == 0);
		w->got += in->len;
		if (e->meter != NULL)
			rc_meter_bytes(e->meter, in->len);
		return;
	}
	san_check(w->got == 0);
	w->got = 8;
	if (w->shared)
		counter_answered(e->peer->host, in->value);
	else
		san_check(in->value == w->old);
}

void
rc_oracle_reaped(struct rc_end *e, const struct rc_work *w)
{
	bool answer = w->kind == RC_READ || w->kind == RC_CMP_SWAP || w->kind == RC_FETCH_ADD;

	san_check(!answer || w->got == w->len);
	model_advance(e->peer, w->tag + 1);
}

/* The connection broke: the responder had come to some operation, perhaps into the middle of it. */
static void
settled_broken(struct rc_end *e)
{
	struct rc_lent *m = &e->lent;
	const struct rc_work *w;
	uint32_t at, len;

	while (!model_holds(e)) {
		san_check(m->applied != e->peer->posted);
		w = rc_work_at(e->peer, m->applied);
		for (at = 0; !w->mistake && at < w->len && w->kind <= RC_WRITE_IMM; at += len) {
			len = w->len - at < e->setup.pmtu ? w->len - at : e->setup.pmtu;
			if (w->kind < RC_WRITE)
				continue;
			memcpy(
			    m->model + w->off + at, rc_work_bytes(e->peer->qpn, w->tag) + at, len);
			if (model_holds(e))
				return;
		}
		model_advance(e, m->applied + 1);
	}
}

void
rc_oracle_settled(struct rc_end *e)
{
	if (e->dead || e->peer->dead || e->peer->stopped) {
		settled_broken(e);
		return;
	}
	model_advance(e, e->peer->posted);
	san_check(model_holds(e));
}
