/* SPDX-License-Identifier: BSD-3-Clause */
/* Two queue pairs over a wire that loses, doubles and reorders, doing everything at random, keeping
 * early packets and telling of them or not, judged by a model: what the peer was asked to do is
 * done again, in the order it was posted, to a copy of its memory. Whenever a message is delivered,
 * memory and copy must be equal to the byte; every old value and every byte read must be the
 * copy's; every message is done or flushed once, in order.
 *
 * usage: test_rc_pair [SEED [COUNT]] */
#include "fixture.h"

#include <inttypes.h>
#include <stdio.h>

#define MEMORY	  (24 * PMTU)
#define OPS	  128u /* with the queue pair at once; power of two */
#define READ_MAX  (12 * PMTU)
#define WIRE	  512
#define VA	  0x100000u
#define SPARE_VA  0x900000u /* a region only there to be invalidated */
#define STEPS	  3000
#define PD	  5
#define DEPTH_MAX 6

struct op {
	struct rc_run run;
	uint64_t va, swap_add, compare, old;
	uint32_t key, imm;
	uint8_t want[READ_MAX]; /* READ: what must come */
	uint8_t got[READ_MAX];
	uint32_t got_len;
	uint64_t got_old;
};

struct side {
	struct rc_qp qp;
	struct rc_mrs mrs;
	struct rc_mr slots[64];
	struct rc_resource resources[DEPTH_MAX];
	struct rc_pool pool;
	struct rc_block block[3];
	uint8_t memory[MEMORY] __attribute__((aligned(8)));
	uint32_t key, recv_size;

	/* What we asked of the other side: reaped <= modelled <= posted, free-running. */
	struct op op[OPS];
	uint32_t reaped, modelled, posted;
	uint8_t model[MEMORY]; /* of the other side's memory, after `modelled` operations */

	uint32_t message_len; /* of the message being received */
	uint32_t spare_key;   /* may be invalidated; 0 = being so, or none */
};

struct flying {
	uint64_t at;
	uint8_t to;
	struct roce_pkt p;
	uint8_t bytes[PMTU];
};

struct pair {
	uint64_t seed;
	struct prng r;
	struct san_time now;
	struct side side[2];
	struct flying wire[WIRE];
	uint32_t flying, loss, doubles, jitter_us; /* loss and doubles per thousand */
	uint32_t recv_every;			   /* steps between new receive buffers */
	bool faults, break_it;
	uint8_t keep; /* bit per side */
};

static struct pair P;
static struct rc_counters total; /* of all runs */

#define check(cond)                                                                            \
	do {                                                                                   \
		if (!(cond))                                                                   \
			fail_msg(                                                              \
			    "seed %" PRIu64 ": %s:%d: %s", P.seed, __FILE__, __LINE__, #cond); \
	} while (0)

static uint8_t
content(uint32_t tag, uint32_t at)
{
	return (uint8_t)((tag * 2654435761u + at * 40503u) >> 13);
}

static uint32_t
pick(uint32_t bound)
{
	return prng_below(&P.r, bound);
}

static struct op *
op_at(struct side *s, uint32_t i)
{
	return &s->op[i & (OPS - 1)];
}

static bool
takes_buffer(uint8_t kind)
{
	return kind == RC_SEND || kind == RC_SEND_IMM || kind == RC_SEND_INV ||
	       kind == RC_WRITE_IMM;
}

/* ---- the model ---- */

/* Do the next operation to the copy. */
static void
model_step(struct side *s)
{
	struct op *op = op_at(s, s->modelled++);
	uint8_t *at = s->model + (op->va - VA);
	uint64_t now;

	switch (op->run.kind) {
	case RC_WRITE:
	case RC_WRITE_IMM:
		for (uint32_t i = 0; i < op->run.len; i++)
			at[i] = content(op->run.tag, i);
		break;
	case RC_READ:
		memcpy(op->want, at, op->run.len);
		break;
	case RC_CMP_SWAP:
	case RC_FETCH_ADD:
		memcpy(&now, at, sizeof now);
		op->old = now;
		if (op->run.kind == RC_FETCH_ADD)
			now += op->swap_add;
		else if (now == op->compare)
			now = op->swap_add;
		memcpy(at, &now, sizeof now);
		break;
	default:
		break;
	}
}

/* The other side delivers a message of `s`: which one it must be. */
static struct op *
model_delivered(struct side *s, struct side *other)
{
	struct op *op;

	do {
		check(s->modelled != s->posted);
		op = op_at(s, s->modelled);
		model_step(s);
	} while (!takes_buffer(op->run.kind));
	check(memcmp(s->model, other->memory, MEMORY) == 0);
	return op;
}

/* ---- posting ---- */

static uint32_t
draw_len(uint32_t max)
{
	switch (pick(4)) {
	case 0:
		return pick(2);
	case 1:
		return PMTU * pick(max / PMTU + 1);
	default:
		return pick(max + 1);
	}
}

static void
op_draw(struct side *s, struct side *other, struct op *op)
{
	static const uint8_t kinds[] = {RC_SEND, RC_SEND, RC_SEND_IMM, RC_SEND_INV, RC_WRITE,
	    RC_WRITE, RC_WRITE_IMM, RC_READ, RC_READ, RC_CMP_SWAP, RC_FETCH_ADD, RC_PROBE};
	uint32_t max = MEMORY;

	memset(op, 0, sizeof *op);
	op->run.kind = kinds[pick(sizeof kinds)];
	if (op->run.kind == RC_SEND_INV && other->spare_key == 0)
		op->run.kind = RC_SEND;
	op->run.count = 1;
	op->run.tag = s->posted;
	op->run.se = pick(2);
	op->va = VA;
	op->key = other->key;
	op->imm = (uint32_t)prng_u64(&P.r);
	switch (op->run.kind) {
	case RC_PROBE:
		return;
	case RC_CMP_SWAP:
	case RC_FETCH_ADD:
		op->run.len = 8;
		op->run.fence = true;
		op->va += pick(MEMORY / 8) * 8;
		op->swap_add = prng_u64(&P.r);
		/* Half of them meet what they expect. */
		memcpy(&op->compare, s->model + (op->va - VA), 8);
		return;
	case RC_SEND_INV:
		op->key = other->spare_key;
		other->spare_key = 0;
		op->run.len = draw_len(other->recv_size);
		return;
	case RC_SEND:
	case RC_SEND_IMM:
		op->run.len = draw_len(other->recv_size);
		return;
	default:
		/* Fenced: else a READ before it could see it. */
		op->run.fence = op->run.kind != RC_READ;
		op->run.len = draw_len(op->run.kind == RC_READ ? READ_MAX : max / 2);
		op->va += pick(max - op->run.len + 1);
	}
}

static void
post_something(struct side *s, struct side *other)
{
	struct op *op = op_at(s, s->posted);
	int err;

	if (s->posted - s->reaped == OPS)
		return;
	if (other->spare_key == 0)
		(void)rc_mr_register(
		    &other->mrs, PD, SPARE_VA, NULL, 0, RC_ACCESS_INVALIDATE, &other->spare_key);
	op_draw(s, other, op);
	err = rc_post(&s->qp, &op->run);
	if (err == 0)
		s->posted++;
	else if (op->run.kind == RC_SEND_INV)
		other->spare_key = op->key;
	check(err == 0 || err == SAN_EAGAIN);
}

/* ---- the wire ---- */

static void
packet_fill(struct side *s, const struct rc_chunk *c, struct roce_tx *tx, uint8_t *bytes)
{
	const struct op *op = op_at(s, c->run->tag + c->index);
	bool last = c->offset + c->len == c->run->len;

	tx->ext.va = op->va;
	tx->ext.rkey = op->key;
	tx->ext.imm = last ? op->imm : 0;
	tx->ext.swap_add = op->swap_add;
	tx->ext.compare = op->compare;
	switch (c->run->kind) {
	case RC_PROBE:
		tx->ext.va = tx->ext.rkey = 0;
		return;
	case RC_READ:
		tx->ext.va += c->offset;
		return;
	case RC_CMP_SWAP:
	case RC_FETCH_ADD:
		return;
	default:
		for (uint32_t i = 0; i < c->len; i++)
			bytes[i] = content(c->run->tag + c->index, c->offset + i);
		tx->seg[0].base = bytes;
		tx->seg[0].len = c->len;
		tx->seg_count = 1;
	}
}

static void
fly(uint8_t to, const struct roce_tx *tx)
{
	struct flying *f = &P.wire[P.flying];

	if (P.flying == WIRE || (P.faults && pick(1000) < P.loss))
		return;
	P.flying++;
	f->to = to;
	f->at = P.now.ns + 2000 + (P.jitter_us != 0 ? pick(P.jitter_us * 1000) : P.flying);
	f->p = (struct roce_pkt){.opcode = tx->opcode,
	    .se = tx->se,
	    .ackreq = tx->ackreq,
	    .dest_qp = tx->dest_qp,
	    .psn = tx->psn,
	    .ext = tx->ext,
	    .payload_len = (uint16_t)roce_tx_payload_len(tx)};
	memcpy(f->bytes, tx->inline_bytes, tx->inline_len);
	if (tx->seg_count != 0)
		memcpy(f->bytes + tx->inline_len, tx->seg[0].base, tx->seg[0].len);
}

/* An ACK or NAK does not overtake the first answer to what came before. */
static void
check_order(const struct side *s, const struct roce_tx *tx)
{
	for (uint32_t i = 0; tx->opcode == ROCE_RC_ACK && i < s->qp.resource_used; i++)
		check(s->resources[i].answered || psn_diff(tx->psn, s->resources[i].psn) < 0 ||
		      s->qp.error != 0);
}

static bool
emit_some(uint8_t who, uint32_t max)
{
	struct side *s = &P.side[who];
	uint8_t bytes[PMTU];
	struct rc_chunk chunk;
	struct roce_tx tx;
	bool any = false;
	enum rc_out out;

	while (max-- != 0 && (out = rc_emit(&s->qp, &tx, &chunk, P.now)) != RC_OUT_NONE) {
		check_order(s, &tx);
		if (out == RC_OUT_REQUEST)
			packet_fill(s, &chunk, &tx, bytes);
		fly(!who, &tx);
		if (P.faults && pick(1000) < P.doubles)
			fly(!who, &tx);
		any = true;
	}
	return any;
}

/* ---- what arrives ---- */

static void
take_message(struct side *me, struct side *peer, const struct rc_in *in)
{
	const struct op *op;
	uint32_t i;

	check(in->first == (me->message_len == 0 || in->len == 0));
	op = in->last ? model_delivered(peer, me) : op_at(peer, peer->modelled);
	while (!in->last && !takes_buffer(op->run.kind)) /* not there yet: look ahead */
		op = op_at(peer, op->run.tag + 1);
	for (i = 0; i < in->len; i++)
		check(in->payload[i] == content(op->run.tag, me->message_len + i));
	me->message_len += in->len;
	if (!in->last)
		return;
	check(in->write_imm == (op->run.kind == RC_WRITE_IMM));
	check((in->write_imm ? in->write_len : me->message_len) == op->run.len);
	check(in->imm == (op->run.kind == RC_SEND_IMM || op->run.kind == RC_WRITE_IMM));
	check(in->inv == (op->run.kind == RC_SEND_INV));
	check(in->se == op->run.se);
	check(!in->imm || in->imm_data == op->imm);
	if (in->inv) {
		check(in->inv_key == op->key);
		check(rc_mr_find(&me->mrs, PD, op->key, SPARE_VA, 0, 0) == NULL);
		check(rc_mr_deregister(&me->mrs, op->key) == 0);
	}
	me->message_len = 0;
}

static void
take_answer(struct side *me, const struct rc_in *in)
{
	struct op *op = op_at(me, in->op.tag + in->op_index);

	check(op->run.kind == in->op.kind);
	if (in->op.kind == RC_READ) {
		check(in->offset == op->got_len);
		memcpy(op->got + in->offset, in->payload, in->len);
		op->got_len += in->len;
	}
	op->got_old = in->value;
}

static void
op_finished(struct side *me, uint32_t i)
{
	const struct op *op = op_at(me, i);

	while (seq32_diff(me->modelled, i) <= 0)
		model_step(me);
	if (op->run.kind == RC_READ) {
		check(op->got_len == op->run.len);
		check(memcmp(op->got, op->want, op->run.len) == 0);
	}
	if (op->run.kind == RC_CMP_SWAP || op->run.kind == RC_FETCH_ADD)
		check(op->got_old == op->old);
}

static void
reap(struct side *me, bool flush)
{
	uint32_t first, count, i;
	struct rc_run run;

	while (flush ? rc_flush(&me->qp, &run, &first, &count)
		     : rc_reap(&me->qp, &run, &first, &count))
		for (i = first; i < first + count; i++) {
			check(run.tag + i == me->reaped);
			if (!flush)
				op_finished(me, me->reaped);
			me->reaped++;
		}
}

static void
packet_take(struct flying *f, bool again)
{
	struct side *me = &P.side[f->to], *peer = &P.side[!f->to];
	struct flying *copy;
	struct rc_in in;

	f->p.payload = f->bytes;
	rc_receive(&me->qp, &f->p, P.now, &in);
	if (in.response)
		take_answer(me, &in);
	if (in.delivered)
		take_message(me, peer, &in);
	if (in.acked)
		reap(me, false);
	check(!in.early || (!again && me->qp.pool != NULL));
	if (!in.early)
		return;
	copy = malloc(sizeof *copy);
	*copy = *f;
	if (rc_keep(&me->qp, &f->p, copy, P.now) != 0)
		free(copy);
}

static void
arrive(struct flying *f)
{
	struct side *me = &P.side[f->to];
	struct flying *kept;

	packet_take(f, false);
	while ((kept = rc_kept_next(&me->qp)) != NULL) {
		packet_take(kept, true);
		free(kept);
	}
}

static void
kept_free(struct side *s, bool end)
{
	void *kept;

	while ((kept = end ? rc_fini(&s->qp) : rc_kept_drop(&s->qp)) != NULL)
		free(kept);
	check(!end || (s->pool.lent == 0 && s->pool.frames == 0));
}

/* ---- what always holds ---- */

/* READ requests and atomics on their way, counted anew: parts that end behind una, before snd. */
static uint32_t
reads_out(const struct side *s)
{
	const struct rc_qp *qp = &s->qp;
	uint32_t i, m, psn = qp->run_psn, out = 0;

	for (i = 0; i < qp->run_count; i++) {
		const struct rc_run *r = &qp->run[(qp->run_head + i) & (RC_RUNS_MAX - 1)];
		uint32_t packets = r->len <= PMTU ? 1 : (r->len + PMTU - 1) / PMTU, end;

		for (m = 0; m < r->count; m++, psn = psn_add(psn, packets)) {
			if (r->kind != RC_READ && r->kind != RC_CMP_SWAP && r->kind != RC_FETCH_ADD)
				continue;
			for (uint32_t at = 0; at < packets; at += qp->read_packets) {
				end = at + qp->read_packets < packets ? at + qp->read_packets
								      : packets;
				out += psn_diff(psn_add(psn, end), qp->una) > 0 &&
				       psn_diff(psn_add(psn, end), qp->snd) <= 0;
			}
		}
	}
	return out;
}

static void
invariants(const struct side *s)
{
	const struct rc_qp *qp = &s->qp;
	uint32_t active = 0;

	check(psn_diff(qp->snd, qp->una) >= 0);
	check(psn_diff(qp->high, qp->snd) >= 0);
	check(psn_diff(qp->nxt, qp->high) >= 0);
	if (qp->error == 0)
		check(qp->reads_out == reads_out(s));
	check(qp->reads_out <= qp->initiator_depth);
	for (uint32_t i = 0; i < qp->resource_used; i++)
		active += s->resources[i].next != s->resources[i].end;
	if (qp->error == 0)
		check(qp->resource_active == active);
	/* Whoever waits for an answer will ask again. */
	if (qp->error == 0 && qp->una != qp->high)
		check(rc_deadline(qp).ns != UINT64_MAX || rc_has_work(qp, P.now));
}

/* ---- a run ---- */

static void
open_side(uint8_t who, const struct rc_open *both)
{
	struct side *s = &P.side[who];
	struct rc_open o = *both;

	memset(s, 0, sizeof *s);
	for (uint32_t i = 0; i < MEMORY; i++)
		s->memory[i] = (uint8_t)prng_u64(&P.r);
	check(rc_mrs_init(&s->mrs, s->slots, 64, (struct prng){prng_u64(&P.r)}) == 0);
	check(rc_mr_register(&s->mrs, PD, VA, s->memory, MEMORY,
		  RC_ACCESS_REMOTE_READ | RC_ACCESS_REMOTE_WRITE | RC_ACCESS_REMOTE_ATOMIC,
		  &s->key) == 0);
	o.qpn = 0x11u + who;
	o.peer_qpn = 0x11u + !who;
	o.rq_psn = who ? both->rq_psn : both->sq_psn;
	o.sq_psn = who ? both->sq_psn : both->rq_psn;
	o.mrs = &s->mrs;
	o.resources = s->resources;
	rc_pool_init(&s->pool, s->block, pick(4), pick(2) ? 1000 : pick(20));
	if (P.keep >> who & 1)
		o.pool = &s->pool;
	s->recv_size = o.recv_size;
	check(rc_init(&s->qp, &o, P.now) == 0);
}

static void
open_pair(uint64_t seed)
{
	struct rc_open o = bench_defaults();

	memset(&P, 0, sizeof P);
	P.seed = seed;
	P.r.state = seed;
	P.now.ns = 1000000;
	P.faults = true;
	P.loss = pick(3) == 0 ? 0 : pick(200);
	P.doubles = pick(2) * pick(100);
	P.jitter_us = pick(2) * pick(40);
	P.break_it = pick(4) == 0;
	P.recv_every = pick(2) ? 8 : 100;
	o.rq_psn = pick(2) ? PSN_MASK - pick(1000) : pick(1u << 24);
	o.sq_psn = pick(2) ? PSN_MASK - pick(1000) : pick(1u << 24);
	o.recv_size = PMTU * (1 + pick(8)) - pick(2);
	o.recv_limit = pick(20);
	o.flow_control = pick(2);
	o.pd = PD;
	o.resource_count = o.initiator_depth = (uint8_t)(1 + pick(DEPTH_MAX));
	o.params.window_packets = (uint16_t)(1 + pick(pick(2) ? 4 : 100));
	o.params.give_up = SAN_DURATION_S(100000);
	o.params.rnr_retry = 7;
	o.params.min_rnr_timer = 1;
	o.params.rto_initial = o.params.rto_min = SAN_DURATION_US(200 + pick(1000));
	P.keep = (uint8_t)pick(4);
	if (pick(2) != 0)
		o.features = RC_FEATURE_SACK;
	open_side(0, &o);
	open_side(1, &o);
	memcpy(P.side[0].model, P.side[1].memory, MEMORY);
	memcpy(P.side[1].model, P.side[0].memory, MEMORY);
}

/* Everything due by now arrives, in order of time. */
static void
arrivals(void)
{
	for (;;) {
		uint32_t i, next = WIRE;

		for (i = 0; i < P.flying; i++)
			if (P.wire[i].at <= P.now.ns &&
			    (next == WIRE || P.wire[i].at < P.wire[next].at))
				next = i;
		if (next == WIRE)
			return;
		struct flying f = P.wire[next];

		P.wire[next] = P.wire[--P.flying];
		arrive(&f);
		invariants(&P.side[0]);
		invariants(&P.side[1]);
	}
}

/* To the next thing that happens. */
static void
time_passes(void)
{
	uint64_t next = UINT64_MAX;

	for (uint32_t i = 0; i < P.flying; i++)
		if (P.wire[i].at < next)
			next = P.wire[i].at;
	for (int i = 0; i < 2; i++)
		if (rc_deadline(&P.side[i].qp).ns < next)
			next = rc_deadline(&P.side[i].qp).ns;
	if (next == UINT64_MAX)
		next = P.now.ns + 1000;
	if (next > P.now.ns)
		P.now.ns = next;
	for (int i = 0; i < 2; i++)
		rc_deadline_expire(&P.side[i].qp, P.now);
	kept_free(&P.side[0], false);
	kept_free(&P.side[1], false);
}

static void
step(bool post)
{
	bool any = false;

	for (uint8_t who = 0; who < 2; who++) {
		struct side *s = &P.side[who];

		for (uint32_t n = post ? pick(3) : 0; n > 0; n--)
			post_something(s, &P.side[!who]);
		if (pick(post ? P.recv_every : 2) == 0)
			rc_recv_limit(&s->qp, s->qp.recv_limit + 1 + pick(3));
		if (post && pick(200) == 0 && rc_error(&s->qp) == 0)
			check(rc_drain(&s->qp) == 0);
		else if (s->qp.state == RC_STATE_SQD && (rc_drained(&s->qp) || pick(50) == 0))
			check(rc_ready(&s->qp) == 0);
		any |= emit_some(who, 1 + pick(20));
		invariants(s);
	}
	if (!any || pick(4) == 0)
		time_passes();
	arrivals();
}

static bool
quiet(void)
{
	for (int i = 0; i < 2; i++)
		if (rc_error(&P.side[i].qp) == 0 && P.side[i].reaped != P.side[i].posted)
			return false;
	return rc_error(&P.side[0].qp) == rc_error(&P.side[1].qp) || P.flying == 0;
}

/* A key goes while it is used: whoever uses it next gets to know, and everything comes back. */
static void
broken_run(void)
{
	struct side *s = &P.side[pick(2)];
	uint32_t i;

	check(rc_mr_deregister(&s->mrs, s->key) == 0);
	for (i = 0; i < 100 * STEPS && rc_error(&P.side[0].qp) == 0 && rc_error(&P.side[1].qp) == 0;
	     i++)
		step(i < STEPS);
	for (i = 0; i < STEPS; i++)
		step(false);
	for (i = 0; i < 2; i++) {
		reap(&P.side[i], false);
		rc_stop(&P.side[i].qp);
		reap(&P.side[i], true);
		check(P.side[i].reaped == P.side[i].posted);
	}
}

static void
whole_run(void)
{
	uint32_t i, left = 0;

	P.faults = false;
	for (i = 0; !quiet() && left < 200 * STEPS; i++, left++)
		step(false);
	for (i = 0; i < 2; i++) {
		struct side *s = &P.side[i], *peer = &P.side[!i];

		check(rc_error(&s->qp) == 0);
		check(s->reaped == s->posted);
		check(memcmp(s->model, peer->memory, MEMORY) == 0);
		check(s->qp.counters.rx_bad_responses == 0 && s->qp.counters.refused == 0);
	}
}

static void
run(uint64_t seed)
{
	uint32_t i;

	open_pair(seed);
	for (i = 0; i < STEPS && rc_error(&P.side[0].qp) == 0; i++)
		step(true);
	if (P.break_it)
		broken_run();
	else
		whole_run();
	for (i = 0; i < 2; i++) {
		const struct rc_counters *c = &P.side[i].qp.counters;

#define X(name, text) total.name += c->name;
		RC_COUNTER_LIST(X)
#undef X
		kept_free(&P.side[i], true);
	}
}

/* Nothing of what shall be tested stayed out. */
static void
all_seen(void)
{
	assert_true(total.rx_kept != 0 && total.lost != 0 && total.mistakes != 0);
	assert_true(total.tail_probes != 0 && total.timeouts != 0 && total.rx_naks_rnr != 0);
#define X(name, text) printf("%-20s %u\n", #name, total.name);
	RC_COUNTER_LIST(X)
#undef X
}

static uint64_t first_seed = 1, seeds = 300;

static void
pair__random_operations(void **state)
{
	for (uint64_t i = 0; i < seeds; i++)
		run(first_seed + i);
	all_seen();
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(pair__random_operations),
	};

	if (argc > 1) {
		first_seed = strtoull(argv[1], NULL, 0);
		seeds = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
