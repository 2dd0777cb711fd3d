/* SPDX-License-Identifier: BSD-3-Clause */
/* The engine's public face: life cycle, the owner's calls, time, and the two queues. */
#include "cm.h"

#include <stdlib.h>

#include "bytes.h"
#include "check.h"
#include "cm_priv.h"
#include "san_err.h"

#define BACKOFF_MAX 16 /* far from overflowing an interval */

static bool
limits_valid(const struct cm_limits *l)
{
	return l->conns_max > 0 && l->conns_max <= 1u << 20 && l->pending_max > 0 &&
	       l->pending_max <= l->conns_max && l->pending_peer_max > 0 &&
	       l->req_interval.ns > 0 && l->rep_interval.ns > 0 && l->dreq_interval.ns > 0 &&
	       l->pending_timeout.ns > 0 && l->backoff_max <= BACKOFF_MAX;
}

void
cm_qp_meet(struct cm_qp *own, const struct cm_msg *peer)
{
	if (own->responder_resources > peer->initiator_depth)
		own->responder_resources = peer->initiator_depth;
	if (own->initiator_depth > peer->responder_resources)
		own->initiator_depth = peer->responder_resources;
}

/* The seed's own outputs are never seen outside. */
static void
keys_make(struct cm *cm, struct prng seed)
{
	for (int i = 0; i < 2; i++) {
		cm->hash_key.k[i] = prng_u64(&seed);
		cm->nonce.key.k[i] = prng_u64(&seed);
	}
}

struct cm *
cm_create(const struct cm_limits *limits, uint64_t ca_guid, struct prng seed)
{
	struct cm *cm;

	if (!limits_valid(limits))
		return NULL;
	cm = calloc(1, sizeof *cm);
	if (cm == NULL)
		return NULL;
	cm->limits = *limits;
	cm->ca_guid = ca_guid;
	keys_make(cm, seed);
	cm->tid_base = nonce_u64(&cm->nonce) << 32;
	if (cm_table_init(cm) != 0) {
		cm_destroy(cm);
		return NULL;
	}
	return cm;
}

void
cm_destroy(struct cm *cm)
{
	if (cm == NULL)
		return;
	cm_table_fini(cm);
	free(cm);
}

int64_t
cm_connect(struct cm *cm, uint64_t cookie, uint16_t port, const struct san_ip *src,
    const struct san_ip *dst, uint64_t service_id, const struct cm_qp *qp, const void *priv,
    size_t priv_len, struct san_time now)
{
	const struct cm_connect_args args = {service_id, qp, priv, priv_len};
	struct cm_conn *c = cm_conn_get(cm);
	int err;

	if (c == NULL) {
		cm->counters.refused_conns++;
		return SAN_ELIMIT;
	}
	c->cookie = cookie;
	c->port = port;
	c->local = *src;
	c->peer = *dst;
	c->qpn = qp->qpn;
	err = cm_send_req(cm, c, &args);
	if (err != 0) {
		cm_conn_put(cm, c);
		return err;
	}
	cm_conn_start(cm, c, CM_ST_REQ_SENT, now);
	return c->id;
}

static int
step(struct cm *cm, uint32_t id, const struct cm_input *in)
{
	struct cm_conn *c = cm_conn_by_id(cm, id);

	return c != NULL ? cm_conn_step(cm, c, in) : SAN_ENOENT;
}

void
cm_own(struct cm *cm, uint32_t id, uint64_t cookie)
{
	struct cm_conn *c = cm_conn_by_id(cm, id);

	if (c != NULL)
		c->cookie = cookie;
}

int
cm_accept(struct cm *cm, uint32_t id, uint64_t cookie, const struct cm_qp *qp, const void *priv,
    size_t priv_len, struct san_time now)
{
	const struct cm_input in = {.type = CM_IN_ACCEPT,
	    .now = now,
	    .qp = qp,
	    .cookie = cookie,
	    .priv = priv,
	    .priv_len = priv_len};

	return step(cm, id, &in);
}

int
cm_reject(struct cm *cm, uint32_t id, uint16_t reason, const void *priv, size_t priv_len,
    struct san_time now)
{
	const struct cm_input in = {
	    .type = CM_IN_REJECT, .now = now, .reason = reason, .priv = priv, .priv_len = priv_len};

	return step(cm, id, &in);
}

int
cm_reject_mtu(struct cm *cm, uint32_t id, uint8_t pmtu_code, struct san_time now)
{
	const struct cm_input in = {
	    .type = CM_IN_REJECT, .now = now, .reason = CM_REJ_INVALID_MTU, .pmtu_code = pmtu_code};

	return step(cm, id, &in);
}

int
cm_ignore(struct cm *cm, uint32_t id, struct san_time now)
{
	const struct cm_input in = {.type = CM_IN_IGNORE, .now = now};

	return step(cm, id, &in);
}

int
cm_confirm(struct cm *cm, uint32_t id, struct san_time now)
{
	const struct cm_input in = {.type = CM_IN_CONFIRM, .now = now};

	return step(cm, id, &in);
}

void
cm_data_arrived(struct cm *cm, uint32_t id, struct san_time now)
{
	const struct cm_input in = {.type = CM_IN_DATA, .now = now};

	step(cm, id, &in);
}

int
cm_disconnect(struct cm *cm, uint32_t id, struct san_time now)
{
	const struct cm_input in = {.type = CM_IN_DISCONNECT, .now = now};

	return step(cm, id, &in);
}

struct san_time
cm_deadline(const struct cm *cm)
{
	return timer_heap_next(&cm->timers);
}

/* Stops early when a queue is nearly full; what is left is still due, and cm_deadline says so. */
void
cm_deadline_expire(struct cm *cm, struct san_time now)
{
	struct timer_node *n;

	while (cm_queues_have_room(cm) && (n = timer_heap_due(&cm->timers, now)) != NULL) {
		struct cm_conn *c = TIMER_OWNER(n, struct cm_conn, timer);
		const struct cm_input in = {
		    .type = c->retries_left > 0 ? CM_IN_RETRY : CM_IN_EXPIRE, .now = now};

		cm_conn_step(cm, c, &in);
	}
}

bool
cm_queues_have_room(const struct cm *cm)
{
	return cm->out_tail - cm->out_head <= CM_OUT_MAX - CM_EMIT_MAX &&
	       cm->event_tail - cm->event_head <= CM_EVENT_MAX - CM_EMIT_MAX;
}

static void
out_count(struct cm_counters *n, uint16_t attr)
{
	switch (attr) {
	case CM_REQ:
		n->req_tx++;
		break;
	case CM_REP:
		n->rep_tx++;
		break;
	case CM_RTU:
		n->rtu_tx++;
		break;
	case CM_REJ:
		n->rej_tx++;
		break;
	case CM_MRA:
		n->mra_tx++;
		break;
	case CM_DREQ:
		n->dreq_tx++;
		break;
	case CM_DREP:
		n->drep_tx++;
		break;
	default:
		break;
	}
}

/* A full queue drops like a wire would: everything that matters is repeated until answered. */
void
cm_out_emit(struct cm *cm, const struct cm_via *via, const uint8_t *mad)
{
	struct cm_out *out = &cm->out[cm->out_tail % CM_OUT_MAX];

	if (cm->out_tail - cm->out_head == CM_OUT_MAX)
		return;
	out->src = via->local;
	out->dst = via->peer;
	out->port = via->port;
	memcpy(out->mad, mad, MAD_LEN);
	out_count(&cm->counters, be16_get(mad + 16));
	cm->out_tail++;
}

bool
cm_out_take(struct cm *cm, struct cm_out *out)
{
	if (cm->out_head == cm->out_tail)
		return false;
	*out = cm->out[cm->out_head++ % CM_OUT_MAX];
	return true;
}

/* Inputs that emit events are only let in while there is room (cm_queues_have_room). */
void
cm_event_emit(struct cm *cm, const struct cm_conn *c, enum cm_event_type type, uint16_t reason,
    const struct cm_msg *msg)
{
	struct cm_event *ev = &cm->events[cm->event_tail % CM_EVENT_MAX];

	san_check(cm->event_tail - cm->event_head < CM_EVENT_MAX);
	*ev = (struct cm_event){.type = type,
	    .id = c->id,
	    .cookie = c->cookie,
	    .reason = reason,
	    .peer = c->peer,
	    .local = c->local,
	    .port = c->port};
	if (msg != NULL)
		ev->msg = *msg;
	cm->event_tail++;
}

bool
cm_event_take(struct cm *cm, struct cm_event *out)
{
	if (cm->event_head == cm->event_tail)
		return false;
	*out = cm->events[cm->event_head++ % CM_EVENT_MAX];
	return true;
}

const struct cm_counters *
cm_counters(const struct cm *cm)
{
	return &cm->counters;
}

uint32_t
cm_count(const struct cm *cm)
{
	return cm->count;
}
