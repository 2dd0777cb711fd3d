/* SPDX-License-Identifier: BSD-3-Clause */
#include "rc_end.h"

#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "rc_host.h"
#include "san_err.h"
#include "seq.h"

void
rc_end_init(struct rc_end *e, struct rc_host *h, uint32_t qpn, const struct rc_end_setup *setup,
    uint64_t seed)
{
	memset(e, 0, sizeof *e);
	e->host = h;
	e->setup = *setup;
	e->prng.state = seed;
	e->qpn = qpn;
	e->post_at = setup->script.start;
	e->grant_at = e->ready_at = SAN_TIME_NEVER;
	e->granted = setup->script.recv_depth;
	rc_oracle_lend(e);
}

void
rc_end_open(struct rc_end *e, struct rc_end *peer, struct san_time now)
{
	const struct rc_end_setup *s = &e->setup;
	const struct rc_open o = {
	    .qpn = e->qpn,
	    .peer_qpn = peer->qpn,
	    .rq_psn = s->psn,
	    .sq_psn = peer->setup.psn,
	    .pmtu = s->pmtu,
	    .recv_size = s->recv_size,
	    .recv_limit = s->script.recv_depth,
	    .features = s->features & peer->setup.features,
	    .flow_control = s->flow_control && peer->setup.flow_control,
	    .passive = s->passive,
	    .mrs = &e->host->mrs,
	    .pd = RC_HOST_PD,
	    .pool = s->keep ? &e->host->pool : NULL,
	    .resources = e->resource,
	    .resource_count = s->reads,
	    .initiator_depth = s->reads < peer->setup.reads ? s->reads : peer->setup.reads,
	    .params = s->rc,
	    .cc = s->cc,
	};

	if (s->rxe) {
		e->rxe = malloc(sizeof *e->rxe);
		san_check(e->rxe != NULL);
		rxe_end_init(e->rxe, s->psn);
	}
	san_check(s->reads <= RC_READS_MAX);
	e->peer = peer;
	san_check(rc_init(&e->qp, &o, now) == 0);
	if (s->passive)
		e->ready_at = san_time_add(now, s->script.quiet);
}

static void
kept_drop(struct rc_end *e, void *(*next)(struct rc_qp *qp))
{
	struct sim_frame *f;

	while ((f = next(&e->qp)) != NULL)
		node_frame_done(&e->host->node, f);
}

void
rc_end_fini(struct rc_end *e)
{
	kept_drop(e, rc_fini);
	for (uint32_t i = 0; i < RC_WORKS; i++)
		free(e->work[i].expected);
	free(e->draft.expected);
	free(e->rxe);
	free(e->lent.bytes);
	free(e->lent.model);
	free(e->lent.ahead);
}

void
rc_end_trace(const struct rc_end *e, struct san_time now, const char *what, uint64_t value)
{
	node_trace(&e->host->node, now, e->qpn, what, value, e->dead ? "dead" : "");
}

static const char *
opcode_trace_name(const struct roce_pkt *p)
{
	if (p->opcode == ROCE_RC_ACK)
		return (p->ext.syndrome & 0x60) != 0 ? "NAK" : "ACK";
	if (p->opcode == ROCE_CNP)
		return "CNP";
	if (p->opcode == ROCE_RC_READ_REQ)
		return "READ";
	if (p->opcode > ROCE_RC_READ_REQ && p->opcode <= ROCE_RC_READ_RESP_ONLY)
		return "READ response";
	if (p->opcode < ROCE_RC_WRITE_FIRST || p->opcode >= ROCE_RC_SEND_LAST_INV)
		return "SEND";
	return p->opcode < ROCE_RC_READ_REQ ? "WRITE" : "atomic";
}

/* A message has taken a receive; another one is granted after a while. */
static void
receive_taken(struct rc_end *e, struct san_time now)
{
	uint64_t max = e->setup.script.recv_pause_max.ns;

	e->taken++;
	san_check(seq32_diff(e->granted, e->taken) >= 0);
	if (e->grant_at.ns == UINT64_MAX)
		e->grant_at.ns = now.ns + (max == 0 ? 0 : prng_u64(&e->prng) % max);
}

static void
packet_receive(struct rc_end *e, struct sim_frame *f, struct san_time now)
{
	struct rc_in in;

	rc_end_trace(e, now, opcode_trace_name(&f->pkt), f->pkt.psn);
	rc_receive(&e->qp, &f->pkt, now, &in);
	if (in.delivered) {
		if (in.first)
			receive_taken(e, now);
		rc_oracle_delivered(e, &in, now);
	}
	if (in.response)
		rc_oracle_response(e, &in);
	if (in.acked)
		rc_work_reap(e);
	if (!in.early || rc_keep(&e->qp, &f->pkt, f, now) != 0)
		node_frame_done(&e->host->node, f);
}

void
rc_end_frame(struct rc_end *e, struct sim_frame *f, struct san_time now)
{
	if (e->rxe != NULL) {
		rxe_end_receive(e, &f->pkt, now);
		node_frame_done(&e->host->node, f);
		return;
	}
	do
		packet_receive(e, f, now);
	while ((f = rc_kept_next(&e->qp)) != NULL);
}

/* Drain once, rest, go on; stop for good. */
static void
states_step(struct rc_end *e, struct san_time now)
{
	const struct rc_script *x = &e->setup.script;

	if (rc_error(&e->qp) != 0 || e->stopped)
		return;
	if (x->drain_at != 0 && e->posted >= x->drain_at && !e->drained &&
	    e->ready_at.ns == UINT64_MAX) {
		san_check(rc_drain(&e->qp) == 0);
		e->drained = rc_drained(&e->qp);
		if (e->drained)
			e->ready_at = san_time_add(now, x->quiet);
	}
	if (san_time_reached(e->ready_at, now)) {
		rc_end_trace(e, now, "ready", 0);
		san_check(!e->drained || (rc_drained(&e->qp) && rc_in_flight(&e->qp) == 0));
		san_check(rc_ready(&e->qp) == 0);
		e->ready_at = SAN_TIME_NEVER;
	}
	if (san_time_reached(x->stop_at, now)) {
		rc_end_trace(e, now, "stop", 0);
		rc_stop(&e->qp);
		e->stopped = true;
		rc_work_flush(e);
	}
}

void
rc_end_step(struct rc_end *e, struct san_time now)
{
	if (san_time_reached(rc_deadline(&e->qp), now))
		rc_deadline_expire(&e->qp, now);
	kept_drop(e, rc_kept_drop);
	if (san_time_reached(e->grant_at, now)) {
		e->grant_at = SAN_TIME_NEVER;
		e->granted = e->taken + e->setup.script.recv_depth;
		rc_recv_limit(&e->qp, e->granted);
	}
	states_step(e, now);
	rc_work_post(e, now);
}

bool
rc_end_emit(struct rc_end *e, uint32_t max, struct san_time now)
{
	struct node *n = &e->host->node;
	struct rc_chunk chunk;
	struct roce_tx tx;
	enum rc_out kind;

	if (e->rxe != NULL)
		return rxe_end_emit(e, max, now);
	while (max-- > 0) {
		kind = rc_emit(&e->qp, &tx, &chunk, now);
		if (kind == RC_OUT_NONE) {
			rc_work_post(e, now);
			return rc_has_work(&e->qp, now);
		}
		if (kind == RC_OUT_REQUEST)
			rc_work_fill(e, &chunk, &tx);
		node_send(n, e->peer->host->node.id, e->qpn, e->peer->qpn, &tx, now);
	}
	return true;
}

/* What must hold when the engine says that it has nothing to do now. */
void
rc_end_check(struct rc_end *e, struct san_time now)
{
	const struct rc_counters *c = &e->qp.counters;
	bool mistakes = e->setup.script.mistake != RC_MISTAKE_NONE ||
			e->peer->setup.script.mistake != RC_MISTAKE_NONE;

	san_check(!rc_has_work(&e->qp, now));
	san_check(rc_deadline(&e->qp).ns > now.ns);
	/* The peer is the same engine. */
	san_check(mistakes || (c->refused == 0 && c->rx_naks_fatal == 0));
	san_check(c->rx_unexpected == 0);
	if (rc_error(&e->qp) == 0 || e->dead)
		return;
	e->dead = true;
	rc_end_trace(e, now, "dead, error", (uint64_t)-rc_error(&e->qp));
	rc_work_flush(e);
	kept_drop(e, rc_fini);
}

struct san_time
rc_end_next(const struct rc_end *e)
{
	struct san_time t = san_time_min(rc_deadline(&e->qp), rc_work_next(e));

	if (e->dead)
		return SAN_TIME_NEVER;
	if (!e->stopped)
		t = san_time_min(t, san_time_min(e->ready_at, e->setup.script.stop_at));
	return san_time_min(t, e->grant_at);
}

/* That the peer's operations came is the peer's to wait for. */
bool
rc_end_finished(const struct rc_end *e)
{
	if (e->dead || e->stopped)
		return true;
	return e->posted == e->setup.script.works && e->reaped == e->posted;
}
