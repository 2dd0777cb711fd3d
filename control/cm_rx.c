/* SPDX-License-Identifier: BSD-3-Clause */
/* From a datagram to (connection, input). Who it is for is decided here, and by addresses as well
 * as by ids; what then happens is the matrix's business. Questions of strangers are answered from
 * the stack alone. */
#include "bytes.h"
#include "cm_priv.h"
#include "san_err.h"

#define TRANSPORT_RC  0
#define QPN_MULTICAST 0xffffffu
#define PKEY_BASE     0x7fffu /* of the default partition; the bit above says full member */

static int
step(struct cm *cm, struct cm_conn *c, enum cm_input_type type, const struct cm_msg *m,
    struct san_time now)
{
	const struct cm_input in = {.type = type, .now = now, .msg = m, .reason = m->reason};

	return cm_conn_step(cm, c, &in);
}

/* End a connection whose QP the peer now uses for something else, and tell the peer to try again
 * later. */
static int
stale(struct cm *cm, struct cm_conn *old, const struct cm_via *via, const struct cm_msg *m,
    struct san_time now)
{
	cm->counters.stale++;
	cm_answer_rej(cm, via, m, CM_REJ_STALE_CONN);
	step(cm, old, CM_IN_STALE, m, now);
	return SAN_EPROTO;
}

static int
unknown(struct cm *cm)
{
	cm->counters.unknown++;
	return SAN_ENOENT;
}

/* The handle a message names, if it comes from where that handle's peer is and carries the peer's
 * own id. */
static struct cm_conn *
conn_named(const struct cm *cm, const struct cm_via *via, const struct cm_msg *m)
{
	struct cm_conn *c = cm_conn_by_id(cm, m->remote_id);

	if (c == NULL || !san_ip_equal(&c->peer, &via->peer) ||
	    !san_ip_equal(&c->local, &via->local))
		return NULL;
	/* Until the REP we do not know the peer's id. */
	return c->remote_id == m->local_id || (!c->passive && !c->has_qp) ? c : NULL;
}

/* 0 and 1 are for management, the last is multicast. */
static bool
qpn_valid(uint32_t qpn)
{
	return qpn > MAD_QP && qpn < QPN_MULTICAST;
}

/* Reason to reject a REQ whatever its owner thinks, 0 if there is none. Routers must not translate
 * addresses: the ICRC covers them, so they equal the GIDs. */
static uint16_t
req_flaw(const struct cm_via *via, const struct cm_msg *m)
{
	if (m->transport != TRANSPORT_RC)
		return CM_REJ_INVALID_TRANSPORT;
	if (!qpn_valid(m->qpn) || (m->pkey & PKEY_BASE) != PKEY_BASE)
		return CM_REJ_UNSUPPORTED;
	if (!san_ip_equal(&m->src_gid, &via->peer) || !san_ip_equal(&m->dst_gid, &via->local))
		return CM_REJ_INVALID_GID;
	if (m->pmtu_code < 1 || m->pmtu_code > 5)
		return CM_REJ_INVALID_MTU;
	return 0;
}

/* Too many half-open attempts: the oldest goes, unless it is so young that its peer may well be
 * about to answer. Then silence, as with a full SYN queue: an honest peer repeats its REQ. */
static bool
room_make(struct cm *cm, const struct san_ip *peer, struct san_time now)
{
	struct cm_conn *old;

	while ((old = cm_pending_excess(cm, peer)) != NULL) {
		const struct cm_input in = {.type = CM_IN_EVICT, .now = now};

		if (!san_time_reached(san_time_add(old->since, cm->limits.pending_grace), now)) {
			if (cm->pending_count < cm->limits.pending_max)
				cm->counters.refused_peer++;
			else
				cm->counters.refused_pending++;
			return false;
		}
		cm->counters.evicted++;
		cm_conn_step(cm, old, &in);
	}
	return true;
}

static int
req_new(struct cm *cm, const struct cm_via *via, const struct cm_msg *m, struct san_time now)
{
	struct cm_conn *c;

	if (!room_make(cm, &via->peer, now))
		return SAN_ELIMIT;
	c = cm_conn_get(cm);
	if (c == NULL) {
		cm->counters.refused_conns++;
		cm_answer_rej(cm, via, m, CM_REJ_NO_RESOURCES);
		return SAN_ELIMIT;
	}
	c->port = via->port;
	c->peer = via->peer;
	c->local = via->local;
	c->remote_id = m->local_id;
	c->tid = m->tid;
	c->retries_max = m->max_cm_retries;
	c->alternate = m->alternate;
	cm_conn_pend(cm, c, now);
	cm_conn_index_req(cm, c);
	cm_conn_index_qp(cm, c, m->ca_guid, m->qpn);
	cm_conn_start(cm, c, CM_ST_REQ_RCVD, now);
	cm_event_emit(cm, c, CM_EV_REQ, 0, m);
	return 0;
}

static int
req_receive(struct cm *cm, const struct cm_via *via, const struct cm_msg *m, struct san_time now)
{
	struct cm_conn *same = cm_conn_by_req(cm, &via->peer, m->local_id);
	struct cm_conn *old = cm_conn_by_qp(cm, &via->peer, m->ca_guid, m->qpn);
	uint16_t flaw;

	if (same != NULL && same == old && san_ip_equal(&same->local, &via->local))
		return step(cm, same, CM_IN_REQ, m, now);
	if (same != NULL)
		return stale(cm, same, via, m, now);
	if (old != NULL)
		return stale(cm, old, via, m, now);
	flaw = req_flaw(via, m);
	if (flaw != 0) {
		cm->counters.flawed++;
		cm_answer_rej(cm, via, m, flaw);
		return SAN_EPROTO;
	}
	return req_new(cm, via, m, now);
}

/* For our owner, it is as if the peer had rejected our REQ. */
static void
rep_refuse(struct cm *cm, struct cm_conn *c, const struct cm_msg *rep, uint16_t reason,
    struct san_time now)
{
	struct cm_msg rejected = *rep;

	rejected.reason = reason;
	step(cm, c, CM_IN_REJ, &rejected, now);
}

static int
rep_receive(struct cm *cm, const struct cm_via *via, const struct cm_msg *m, struct san_time now)
{
	struct cm_conn *c = conn_named(cm, via, m), *old;

	if (c == NULL) {
		cm_answer_rej(cm, via, m, CM_REJ_INVALID_COMM_ID);
		return unknown(cm);
	}
	if (c->state != CM_ST_REQ_SENT)
		return step(cm, c, CM_IN_REP, m, now);
	if (!qpn_valid(m->qpn)) {
		cm->counters.flawed++;
		rep_refuse(cm, c, m, CM_REJ_UNSUPPORTED, now);
		cm_answer_rej(cm, via, m, CM_REJ_UNSUPPORTED);
		return SAN_EPROTO;
	}
	old = cm_conn_by_qp(cm, &via->peer, m->ca_guid, m->qpn);
	if (old != NULL) {
		rep_refuse(cm, c, m, CM_REJ_STALE_CONN, now);
		return stale(cm, old, via, m, now);
	}
	return step(cm, c, CM_IN_REP, m, now);
}

/* A peer that gave its REQ up knows no id of ours: its own id and its CA GUID name the attempt. */
static struct cm_conn *
conn_rejected(const struct cm *cm, const struct cm_via *via, const struct cm_msg *m)
{
	struct cm_conn *c;

	if (m->remote_id != 0)
		return conn_named(cm, via, m);
	c = cm_conn_by_req(cm, &via->peer, m->local_id);
	if (c == NULL || !san_ip_equal(&c->local, &via->local))
		return NULL;
	if (m->reason == CM_REJ_TIMEOUT && (m->ari_len < 8 || be64_get(m->ari) != c->remote_guid))
		return NULL;
	return c;
}

static int
dreq_receive(struct cm *cm, const struct cm_via *via, const struct cm_msg *m, struct san_time now)
{
	struct cm_conn *c = conn_named(cm, via, m);

	/* We may have forgotten it already: the peer must not wait in vain. */
	if (c == NULL) {
		cm_answer_drep(cm, via, m);
		return unknown(cm);
	}
	if (m->remote_qpn != c->qpn) {
		cm->counters.wrong_qpn++;
		return SAN_EPROTO;
	}
	return step(cm, c, CM_IN_DREQ, m, now);
}

/* We keep to one path: an address moves with its neighbour entry. */
static int
lap_receive(struct cm *cm, const struct cm_via *via, const struct cm_msg *m)
{
	if (conn_named(cm, via, m) == NULL) {
		cm_answer_apr(cm, via, m, CM_APR_INVALID_COMM_ID);
		return unknown(cm);
	}
	cm_answer_apr(cm, via, m, CM_APR_UNSUPPORTED);
	return 0;
}

static int
named_receive(struct cm *cm, const struct cm_via *via, const struct cm_msg *m,
    enum cm_input_type type, struct san_time now)
{
	struct cm_conn *c = type == CM_IN_REJ ? conn_rejected(cm, via, m) : conn_named(cm, via, m);

	return c != NULL ? step(cm, c, type, m, now) : unknown(cm);
}

static int
msg_receive(struct cm *cm, const struct cm_via *via, const struct cm_msg *m, struct san_time now)
{
	switch (m->attr) {
	case CM_REQ:
		cm->counters.req_rx++;
		return req_receive(cm, via, m, now);
	case CM_REP:
		cm->counters.rep_rx++;
		return rep_receive(cm, via, m, now);
	case CM_RTU:
		cm->counters.rtu_rx++;
		return named_receive(cm, via, m, CM_IN_RTU, now);
	case CM_REJ:
		cm->counters.rej_rx++;
		return named_receive(cm, via, m, CM_IN_REJ, now);
	case CM_MRA:
		cm->counters.mra_rx++;
		return named_receive(cm, via, m, CM_IN_MRA, now);
	case CM_DREQ:
		cm->counters.dreq_rx++;
		return dreq_receive(cm, via, m, now);
	case CM_DREP:
		cm->counters.drep_rx++;
		return named_receive(cm, via, m, CM_IN_DREP, now);
	case CM_SIDR_REQ:
		cm->counters.sidr_rx++;
		cm_answer_sidr(cm, via, m);
		return 0;
	case CM_LAP:
		cm->counters.lap_rx++;
		return lap_receive(cm, via, m);
	default: /* SIDR_REP, APR: we never ask */
		return unknown(cm);
	}
}

int
cm_mad_receive(struct cm *cm, uint16_t port, const struct san_ip *src, const struct san_ip *dst,
    const uint8_t *mad, size_t len, struct san_time now)
{
	const struct cm_via via = {port, *src, *dst};
	struct cm_msg m;
	int err;

	if (!cm_queues_have_room(cm))
		return SAN_ENOBUFS;
	err = cm_msg_decode(mad, len, &m);
	if (err != 0) {
		cm->counters.malformed++;
		return err;
	}
	return msg_receive(cm, &via, &m, now);
}
