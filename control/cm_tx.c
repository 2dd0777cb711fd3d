/* SPDX-License-Identifier: BSD-3-Clause */
/* Builds every message the engine sends, with the transaction ids the standard asks for: REP, RTU,
 * MRA and REJ carry the REQ's, DREP the DREQ's. */
#include <string.h>

#include "bytes.h"
#include "cm_priv.h"
#include "san_err.h"

#define PKEY_DEFAULT	0xffff
#define HOP_LIMIT	64
#define TIMEOUT_UNIT_NS 4096u /* 4.096 us * 2^code */
#define TIMEOUT_CODE	31
#define CM_RETRIES_MAX	15 /* four bits */
/* How fast we answer a REP (268 ms: the daemon opens a QP in between), what our link needs at most
 * for a packet and its ACK (67 ms), and how long we may sit on an ACK (1 ms). Peers derive their
 * timers from them. */
#define RESP_TIMEOUT_CODE 16
#define ACK_TIMEOUT_CODE  14
#define ACK_DELAY_CODE	  8
#define TID_DREQ	  0x80000000ull
#define SIDR_UNSUPPORTED  1

static uint8_t
timeout_code(struct san_duration d)
{
	uint8_t code = 0;

	while (code < TIMEOUT_CODE && ((uint64_t)TIMEOUT_UNIT_NS << code) < d.ns)
		code++;
	return code;
}

static struct cm_via
via_of(const struct cm_conn *c)
{
	return (struct cm_via){c->port, c->peer, c->local};
}

static int
encode(struct cm_msg *m, const void *priv, size_t priv_len, uint8_t *mad)
{
	if (priv_len > sizeof m->priv)
		return SAN_EINVAL;
	if (priv_len > 0)
		memcpy(m->priv, priv, priv_len);
	m->priv_len = (uint16_t)priv_len;
	return cm_msg_encode(mad, m);
}

/* A message about a connection, with no private data. */
static struct cm_msg
about(const struct cm_conn *c, uint16_t attr)
{
	return (struct cm_msg){
	    .attr = attr, .tid = c->tid, .local_id = c->id, .remote_id = c->remote_id};
}

static void
send(struct cm *cm, const struct cm_via *via, const struct cm_msg *m)
{
	uint8_t mad[MAD_LEN];

	if (cm_msg_encode(mad, m) == 0)
		cm_out_emit(cm, via, mad);
}

void
cm_send_again(struct cm *cm, const struct cm_conn *c)
{
	const struct cm_via via = via_of(c);

	cm_out_emit(cm, &via, c->mad);
}

int
cm_send_req(struct cm *cm, struct cm_conn *c, const struct cm_connect_args *args)
{
	struct cm_msg m = about(c, CM_REQ);
	uint8_t retries = cm->limits.req_retries;
	int err;

	c->tid = m.tid = cm->tid_base | c->id;
	m.service_id = args->service_id;
	m.ca_guid = cm->ca_guid;
	m.qpn = args->qp->qpn;
	m.psn = args->qp->psn;
	m.responder_resources = args->qp->responder_resources;
	m.initiator_depth = args->qp->initiator_depth;
	m.remote_resp_timeout = timeout_code(cm->limits.req_interval);
	m.local_resp_timeout = RESP_TIMEOUT_CODE;
	m.max_cm_retries = retries < CM_RETRIES_MAX ? retries : CM_RETRIES_MAX;
	m.retry_count = args->qp->retry_count;
	m.rnr_retry = args->qp->rnr_retry;
	m.flow_control = args->qp->flow_control;
	m.pmtu_code = args->qp->pmtu_code;
	m.pkey = PKEY_DEFAULT;
	m.src_gid = c->local;
	m.dst_gid = c->peer;
	m.hop_limit = HOP_LIMIT;
	m.local_ack_timeout = ACK_TIMEOUT_CODE;
	err = encode(&m, args->priv, args->priv_len, c->mad);
	if (err == 0)
		cm_send_again(cm, c);
	return err;
}

int
cm_send_rep(struct cm *cm, struct cm_conn *c, const struct cm_input *in)
{
	struct cm_msg m = about(c, CM_REP);
	int err;

	m.ca_guid = cm->ca_guid;
	m.qpn = in->qp->qpn;
	m.psn = in->qp->psn;
	m.responder_resources = in->qp->responder_resources;
	m.initiator_depth = in->qp->initiator_depth;
	m.rnr_retry = in->qp->rnr_retry;
	m.flow_control = in->qp->flow_control;
	m.target_ack_delay = ACK_DELAY_CODE;
	m.failover = c->alternate ? CM_FAILOVER_UNSUPPORTED : CM_FAILOVER_ACCEPTED;
	err = encode(&m, in->priv, in->priv_len, c->mad);
	if (err != 0)
		return err;
	c->qpn = in->qp->qpn;
	cm_send_again(cm, c);
	return 0;
}

void
cm_send_rtu(struct cm *cm, const struct cm_conn *c)
{
	const struct cm_via via = via_of(c);
	const struct cm_msg m = about(c, CM_RTU);

	send(cm, &via, &m);
}

/* The owner has not answered yet; it must within pending_timeout. */
void
cm_send_mra(struct cm *cm, const struct cm_conn *c)
{
	const struct cm_via via = via_of(c);
	struct cm_msg m = about(c, CM_MRA);

	m.msg_rejected = c->passive ? CM_MSG_REQ : CM_MSG_REP;
	m.service_timeout = timeout_code(cm->limits.pending_timeout);
	send(cm, &via, &m);
}

/* What the standard wants beside a reason: with 4 our CA GUID, by which a peer that knows no id of
 * ours finds the connection; with 26 the largest MTU that would do. */
static void
rej_explain(const struct cm *cm, struct cm_msg *m, uint8_t pmtu_code)
{
	if (m->reason == CM_REJ_TIMEOUT) {
		be64_put(m->ari, cm->ca_guid);
		m->ari_len = 8;
	} else if (m->reason == CM_REJ_INVALID_MTU && pmtu_code != 0) {
		m->ari[0] = pmtu_code;
		m->ari_len = 1;
	}
}

int
cm_send_rej(
    struct cm *cm, const struct cm_conn *c, enum cm_msg_named named, const struct cm_input *in)
{
	const struct cm_via via = via_of(c);
	struct cm_msg m = about(c, CM_REJ);
	uint8_t mad[MAD_LEN];
	int err;

	m.msg_rejected = (uint8_t)named;
	m.reason = in->reason;
	rej_explain(cm, &m, in->pmtu_code);
	err = encode(&m, in->priv, in->priv_len, mad);
	if (err == 0)
		cm_out_emit(cm, &via, mad);
	return err;
}

void
cm_send_dreq(struct cm *cm, struct cm_conn *c)
{
	struct cm_msg m = about(c, CM_DREQ);

	m.tid = cm->tid_base | (c->id ^ TID_DREQ);
	m.remote_qpn = c->remote_qpn;
	if (cm_msg_encode(c->mad, &m) == 0)
		cm_send_again(cm, c);
}

void
cm_answer_rej(struct cm *cm, const struct cm_via *via, const struct cm_msg *m, uint16_t reason)
{
	struct cm_msg rej = {.attr = CM_REJ,
	    .tid = m->tid,
	    .local_id = m->remote_id,
	    .remote_id = m->local_id,
	    .reason = reason};

	rej.msg_rejected = m->attr == CM_REQ   ? CM_MSG_REQ
			   : m->attr == CM_REP ? CM_MSG_REP
					       : CM_MSG_OTHER;
	rej_explain(cm, &rej, 0);
	send(cm, via, &rej);
}

void
cm_answer_drep(struct cm *cm, const struct cm_via *via, const struct cm_msg *m)
{
	const struct cm_msg drep = {
	    .attr = CM_DREP, .tid = m->tid, .local_id = m->remote_id, .remote_id = m->local_id};

	send(cm, via, &drep);
}

void
cm_answer_sidr(struct cm *cm, const struct cm_via *via, const struct cm_msg *m)
{
	const struct cm_msg rep = {.attr = CM_SIDR_REP,
	    .tid = m->tid,
	    .remote_id = m->local_id,
	    .service_id = m->service_id,
	    .status = SIDR_UNSUPPORTED};

	send(cm, via, &rep);
}

void
cm_answer_apr(
    struct cm *cm, const struct cm_via *via, const struct cm_msg *m, enum cm_apr_status status)
{
	const struct cm_msg apr = {.attr = CM_APR,
	    .tid = m->tid,
	    .local_id = m->remote_id,
	    .remote_id = m->local_id,
	    .status = (uint8_t)status};

	send(cm, via, &apr);
}
