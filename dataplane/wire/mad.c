/* SPDX-License-Identifier: BSD-3-Clause */
/* CM messages to and from their 256 bytes. Offsets below are into the 232 bytes behind the MAD
 * header, as the standard gives them. What a message means for a connection belongs to the
 * connection manager. */
#include "mad.h"

#include <stdbool.h>
#include <string.h>

#include "bytes.h"
#include "san_err.h"

#define MAD_HDR_LEN	  24u
#define MAD_BASE_VERSION  1
#define MAD_CLASS_CM	  7
#define MAD_CLASS_VERSION 2
#define MAD_METHOD_SEND	  3
#define LID_PERMISSIVE	  0xffffu
#define MASK24		  0xffffffu

struct priv_area {
	uint16_t off, len;
};

static bool
priv_area_of(uint16_t attr, struct priv_area *area)
{
	switch (attr) {
#define X(name, id, offset, length)                         \
	case id:                                            \
		*area = (struct priv_area){offset, length}; \
		return true;
		CM_ATTR_LIST(X)
#undef X
	default:
		return false;
	}
}

static void
ids_decode(const uint8_t *d, struct cm_msg *m)
{
	m->local_id = be32_get(d);
	m->remote_id = be32_get(d + 4);
}

static void
ids_encode(uint8_t *d, const struct cm_msg *m)
{
	be32_put(d, m->local_id);
	be32_put(d + 4, m->remote_id);
}

/* By its LIDs, or, on Ethernet, where these may be zero, by its GIDs. */
static bool
alternate_given(const uint8_t *path)
{
	static const uint8_t none[36];

	return memcmp(path, none, sizeof none) != 0;
}

static void
req_decode(const uint8_t *d, struct cm_msg *m)
{
	m->local_id = be32_get(d);
	m->service_id = be64_get(d + 8);
	m->ca_guid = be64_get(d + 16);
	m->qkey = be32_get(d + 28);
	m->qpn = be24_get(d + 32);
	m->responder_resources = d[35];
	m->initiator_depth = d[39];
	m->remote_resp_timeout = d[43] >> 3;
	m->transport = (d[43] >> 1) & 3;
	m->flow_control = d[43] & 1;
	m->psn = be24_get(d + 44);
	m->local_resp_timeout = d[47] >> 3;
	m->retry_count = d[47] & 7;
	m->pkey = be16_get(d + 48);
	m->pmtu_code = d[50] >> 4;
	m->rnr_retry = d[50] & 7;
	m->max_cm_retries = d[51] >> 4;
	m->srq = (d[51] >> 3) & 1;
	memcpy(m->src_gid.b, d + 56, 16);
	memcpy(m->dst_gid.b, d + 72, 16);
	m->flow_label = be32_get(d + 88) >> 12;
	m->traffic_class = d[92];
	m->hop_limit = d[93];
	m->sl = d[94] >> 4;
	m->local_ack_timeout = d[95] >> 3;
	m->alternate = alternate_given(d + 96);
}

/* LIDs mean nothing on Ethernet; Linux writes the permissive LID for routed paths and the
 * subnet-local bit for hop limits up to 1. The alternate path stays zero: there is none. */
static void
req_encode(uint8_t *d, const struct cm_msg *m)
{
	bool routed = m->hop_limit > 1;

	be32_put(d, m->local_id);
	be64_put(d + 8, m->service_id);
	be64_put(d + 16, m->ca_guid);
	be32_put(d + 28, m->qkey);
	be32_put(d + 32, m->qpn << 8 | m->responder_resources);
	d[39] = m->initiator_depth;
	d[43] = (uint8_t)(m->remote_resp_timeout << 3 | (m->transport & 3) << 1 |
			  (m->flow_control & 1));
	be32_put(d + 44, m->psn << 8 | (m->local_resp_timeout & 31u) << 3 | (m->retry_count & 7u));
	be16_put(d + 48, m->pkey);
	d[50] = (uint8_t)(m->pmtu_code << 4 | (m->rnr_retry & 7));
	d[51] = (uint8_t)(m->max_cm_retries << 4 | (m->srq & 1) << 3);
	be16_put(d + 52, routed ? LID_PERMISSIVE : 0);
	be16_put(d + 54, routed ? LID_PERMISSIVE : 0);
	memcpy(d + 56, m->src_gid.b, 16);
	memcpy(d + 72, m->dst_gid.b, 16);
	be32_put(d + 88, m->flow_label << 12);
	d[92] = m->traffic_class;
	d[93] = m->hop_limit;
	d[94] = (uint8_t)(m->sl << 4 | (routed ? 0 : 8));
	d[95] = (uint8_t)(m->local_ack_timeout << 3);
}

static void
rep_decode(const uint8_t *d, struct cm_msg *m)
{
	ids_decode(d, m);
	m->qkey = be32_get(d + 8);
	m->qpn = be24_get(d + 12);
	m->psn = be24_get(d + 20);
	m->responder_resources = d[24];
	m->initiator_depth = d[25];
	m->target_ack_delay = d[26] >> 3;
	m->failover = (d[26] >> 1) & 3;
	m->flow_control = d[26] & 1;
	m->rnr_retry = d[27] >> 5;
	m->srq = (d[27] >> 4) & 1;
	m->ca_guid = be64_get(d + 28);
}

static void
rep_encode(uint8_t *d, const struct cm_msg *m)
{
	ids_encode(d, m);
	be32_put(d + 8, m->qkey);
	be32_put(d + 12, m->qpn << 8);
	be32_put(d + 20, m->psn << 8);
	d[24] = m->responder_resources;
	d[25] = m->initiator_depth;
	d[26] =
	    (uint8_t)(m->target_ack_delay << 3 | (m->failover & 3) << 1 | (m->flow_control & 1));
	d[27] = (uint8_t)((m->rnr_retry & 7) << 5 | (m->srq & 1) << 4);
	be64_put(d + 28, m->ca_guid);
}

/* The length field can say 127 where only 72 bytes exist. */
static void
rej_decode(const uint8_t *d, struct cm_msg *m)
{
	ids_decode(d, m);
	m->msg_rejected = d[8] >> 6;
	m->ari_len = d[9] >> 1;
	if (m->ari_len > sizeof m->ari)
		m->ari_len = sizeof m->ari;
	m->reason = be16_get(d + 10);
	memcpy(m->ari, d + 12, m->ari_len);
}

static void
rej_encode(uint8_t *d, const struct cm_msg *m)
{
	ids_encode(d, m);
	d[8] = (uint8_t)(m->msg_rejected << 6);
	d[9] = (uint8_t)(m->ari_len << 1);
	be16_put(d + 10, m->reason);
	memcpy(d + 12, m->ari, m->ari_len);
}

static void
sidr_rep_decode(const uint8_t *d, struct cm_msg *m)
{
	m->remote_id = be32_get(d);
	m->status = d[4];
	m->qpn = be24_get(d + 8);
	m->service_id = be64_get(d + 12);
	m->qkey = be32_get(d + 20);
}

static void
sidr_rep_encode(uint8_t *d, const struct cm_msg *m)
{
	be32_put(d, m->remote_id);
	d[4] = m->status;
	be32_put(d + 8, m->qpn << 8);
	be64_put(d + 12, m->service_id);
	be32_put(d + 20, m->qkey);
}

static void
body_decode(const uint8_t *d, struct cm_msg *m)
{
	switch (m->attr) {
	case CM_REQ:
		req_decode(d, m);
		break;
	case CM_REP:
		rep_decode(d, m);
		break;
	case CM_REJ:
		rej_decode(d, m);
		break;
	case CM_MRA:
		ids_decode(d, m);
		m->msg_rejected = d[8] >> 6;
		m->service_timeout = d[9] >> 3;
		break;
	case CM_DREQ:
		ids_decode(d, m);
		m->remote_qpn = be24_get(d + 8);
		break;
	case CM_SIDR_REQ:
		m->local_id = be32_get(d);
		m->pkey = be16_get(d + 4);
		m->service_id = be64_get(d + 8);
		break;
	case CM_SIDR_REP:
		sidr_rep_decode(d, m);
		break;
	case CM_APR:
		ids_decode(d, m);
		m->status = d[9];
		break;
	default: /* RTU, DREP; of a LAP nothing else matters */
		ids_decode(d, m);
		break;
	}
}

static void
body_encode(uint8_t *d, const struct cm_msg *m)
{
	switch (m->attr) {
	case CM_REQ:
		req_encode(d, m);
		break;
	case CM_REP:
		rep_encode(d, m);
		break;
	case CM_REJ:
		rej_encode(d, m);
		break;
	case CM_MRA:
		ids_encode(d, m);
		d[8] = (uint8_t)(m->msg_rejected << 6);
		d[9] = (uint8_t)(m->service_timeout << 3);
		break;
	case CM_DREQ:
		ids_encode(d, m);
		be32_put(d + 8, m->remote_qpn << 8);
		break;
	case CM_SIDR_REQ:
		be32_put(d, m->local_id);
		be16_put(d + 4, m->pkey);
		be64_put(d + 8, m->service_id);
		break;
	case CM_SIDR_REP:
		sidr_rep_encode(d, m);
		break;
	case CM_APR:
		ids_encode(d, m);
		d[9] = m->status;
		break;
	default: /* RTU, DREP, LAP without a path */
		ids_encode(d, m);
		break;
	}
}

int
cm_msg_decode(const uint8_t *mad, size_t len, struct cm_msg *out)
{
	const uint8_t *d = mad + MAD_HDR_LEN;
	struct priv_area area;
	uint16_t attr;

	if (len < MAD_LEN)
		return SAN_ETOOSHORT;
	if (mad[0] != MAD_BASE_VERSION)
		return SAN_EVERSION;
	if (mad[1] != MAD_CLASS_CM || mad[3] != MAD_METHOD_SEND)
		return SAN_EOPNOTSUPP;
	if (mad[2] != MAD_CLASS_VERSION)
		return SAN_EVERSION;
	attr = be16_get(mad + 16);
	if (!priv_area_of(attr, &area))
		return SAN_EPROTO;
	memset(out, 0, sizeof *out);
	out->attr = attr;
	out->tid = be64_get(mad + 8);
	body_decode(d, out);
	memcpy(out->priv, d + area.off, area.len);
	out->priv_len = area.len;
	return 0;
}

int
cm_msg_encode(uint8_t *mad, const struct cm_msg *m)
{
	uint8_t *d = mad + MAD_HDR_LEN;
	struct priv_area area;

	if (!priv_area_of(m->attr, &area) || m->priv_len > area.len || m->ari_len > sizeof m->ari ||
	    m->qpn > MASK24 || m->psn > MASK24 || m->remote_qpn > MASK24)
		return SAN_EINVAL;
	memset(mad, 0, MAD_LEN);
	mad[0] = MAD_BASE_VERSION;
	mad[1] = MAD_CLASS_CM;
	mad[2] = MAD_CLASS_VERSION;
	mad[3] = MAD_METHOD_SEND;
	be64_put(mad + 8, m->tid);
	be16_put(mad + 16, m->attr);
	body_encode(d, m);
	memcpy(d + area.off, m->priv, m->priv_len);
	return 0;
}
