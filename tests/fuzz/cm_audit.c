/* SPDX-License-Identifier: BSD-3-Clause */
#include "cm_audit.h"

#include "cm_priv.h"
#include "fuzz.h"
#include "san_err.h"

void
cm_audit_init(
    struct cm_audit *a, struct cm *cm, const struct cm_limits *limits, const struct san_ip *us)
{
	*a = (struct cm_audit){.cm = cm, .limits = limits, .us = *us};
}

/* --- what may be sent ------------------------------------------------------------------------- */

/* Answers to a message, and what it may bring about for another connection: a stale one is taken
 * down, a half-open one makes room. */
static uint32_t
answers(uint16_t attr)
{
	switch (attr) {
	case CM_REQ:
		return CM_AUDIT(REP) | CM_AUDIT(MRA) | CM_AUDIT(REJ) | CM_AUDIT(DREQ);
	case CM_REP:
		return CM_AUDIT(RTU) | CM_AUDIT(MRA) | CM_AUDIT(REJ) | CM_AUDIT(DREQ);
	case CM_DREQ:
		return CM_AUDIT(DREP);
	case CM_SIDR_REQ:
		return CM_AUDIT(SIDR_REP);
	case CM_LAP:
		return CM_AUDIT(APR);
	default: /* RTU, REJ, MRA, DREP, SIDR_REP, APR end a conversation */
		return 0;
	}
}

static void
answer_check(const struct cm_msg *in, const struct san_ip *from, const struct cm_out *out,
    const struct cm_msg *m)
{
	bool evicted = in->attr == CM_REQ && m->attr == CM_REJ && m->reason == CM_REJ_TIMEOUT;

	promise((answers(in->attr) & 1u << (m->attr - CM_REQ)) != 0);
	promise(san_ip_equal(&out->dst, from) || evicted);
	if (m->attr == CM_DREP || m->attr == CM_SIDR_REP || m->attr == CM_APR)
		promise(m->tid == in->tid);
	if (m->attr == CM_REJ && !evicted)
		promise(m->msg_rejected == (in->attr == CM_REQ ? CM_MSG_REQ : CM_MSG_REP));
	if (m->attr == CM_MRA)
		promise(m->msg_rejected == (in->attr == CM_REQ ? CM_MSG_REQ : CM_MSG_REP));
	if (m->attr != CM_DREQ && !evicted)
		promise(m->remote_id == in->local_id);
}

static void
sent(struct cm_audit *a, const struct cm_out *out, struct cm_msg *m)
{
	promise(cm_msg_decode(out->mad, MAD_LEN, m) == 0);
	promise(san_ip_equal(&out->src, &a->us));
	a->taken += m->attr != CM_SIDR_REP && m->attr != CM_APR;
}

void
cm_audit_take(struct cm_audit *a, uint32_t allowed)
{
	struct cm_out out;
	struct cm_msg m;

	while (cm_out_take(a->cm, &out)) {
		sent(a, &out, &m);
		promise((allowed & 1u << (m.attr - CM_REQ)) != 0);
	}
}

void
cm_audit_give(struct cm_audit *a, const struct san_ip *from, const uint8_t *mad, size_t len,
    struct san_time now)
{
	unsigned count = 0, asked;
	struct cm_msg in, m;
	struct cm_out out;
	bool valid;

	cm_audit_take(a, CM_AUDIT_ANYTHING);
	if (cm_mad_receive(a->cm, 0, from, &a->us, mad, len, now) == SAN_ENOBUFS)
		return;
	a->given++;
	valid = cm_msg_decode(mad, len, &in) == 0;
	a->unasked += valid && (in.attr == CM_SIDR_REP || in.attr == CM_APR);
	asked = valid && (in.attr == CM_SIDR_REQ || in.attr == CM_LAP);
	while (cm_out_take(a->cm, &out)) {
		promise(valid);
		sent(a, &out, &m);
		answer_check(&in, from, &out, &m);
		asked -= m.attr == CM_SIDR_REP || m.attr == CM_APR;
		count++;
	}
	promise(count <= CM_EMIT_MAX);
	promise(asked == 0);
}

/* --- what the owner is told ------------------------------------------------------------------- */

static uint32_t *
live_find(struct cm_audit *a, uint32_t id)
{
	for (uint32_t i = 0; i < a->live_count; i++)
		if (a->live[i] == id)
			return &a->live[i];
	return NULL;
}

void
cm_audit_begun(struct cm_audit *a, uint32_t id)
{
	promise(id != 0 && live_find(a, id) == NULL && a->live_count < CM_AUDIT_LIVE_MAX);
	a->live[a->live_count++] = id;
}

static void
ended(struct cm_audit *a, uint32_t *live)
{
	promise(live != NULL);
	*live = a->live[--a->live_count];
}

void
cm_audit_event(struct cm_audit *a, const struct cm_event *ev)
{
	if (ev->type == CM_EV_REQ)
		cm_audit_begun(a, ev->id);
	if (ev->type == CM_EV_REJECTED || ev->type == CM_EV_TIMEDOUT || ev->type == CM_EV_GONE)
		ended(a, live_find(a, ev->id));
}

/* By the owner's own call there is no event. */
void
cm_audit_touched(struct cm_audit *a, uint32_t id)
{
	if (cm_conn_by_id(a->cm, id) == NULL)
		ended(a, live_find(a, id));
}

/* --- the inside ------------------------------------------------------------------------------- */

static void
counters_check(const struct cm_audit *a)
{
	const struct cm_counters *n = cm_counters(a->cm);

	promise(a->given == n->malformed + a->unasked + n->req_rx + n->rep_rx + n->rtu_rx +
				n->rej_rx + n->mra_rx + n->dreq_rx + n->drep_rx + n->sidr_rx +
				n->lap_rx);
	promise(a->taken == n->req_tx + n->rep_tx + n->rtu_tx + n->rej_tx + n->mra_tx + n->dreq_tx +
				n->drep_tx);
}

static bool
half_open(const struct cm_conn *c)
{
	return c->state == CM_ST_REQ_RCVD || c->state == CM_ST_REP_SENT;
}

static void
conn_check(const struct cm *cm, const struct cm_conn *c)
{
	promise(c->state < CM_ST_COUNT);
	promise(half_open(c) == (c->pending != NULL));
	promise(!half_open(c) || c->passive);
	promise(!c->has_qp || cm_conn_by_qp(cm, &c->peer, c->remote_guid, c->remote_qpn) == c);
	promise(!c->passive || cm_conn_by_req(cm, &c->peer, c->remote_id) == c);
	promise((c->state == CM_ST_ESTABLISHED) == (c->timer.place == 0));
}

void
cm_audit_rest(const struct cm_audit *a)
{
	const struct cm *cm = a->cm;
	uint32_t count = 0, pending = 0;

	for (uint32_t b = 0; b <= cm->bucket_mask; b++) {
		const struct cm_conn *c;

		LIST_FOREACH(c, &cm->id_buckets[b], by_id) {
			conn_check(cm, c);
			pending += half_open(c);
			count++;
		}
	}
	promise(count == cm_count(cm) && count == a->live_count);
	promise(pending == cm->pending_count);
	promise(count <= a->limits->conns_max && pending <= a->limits->pending_max);
	counters_check(a);
}
