/* SPDX-License-Identifier: BSD-3-Clause */
/* Management datagrams: the 24-byte MAD header and the Communication Management messages behind it
 * (InfiniBand architecture vol. 1 chapter 12). Always 256 bytes, carried as UD SEND ONLY between
 * QP1s. */
#ifndef SAND_WIRE_MAD_H
#define SAND_WIRE_MAD_H

#include <stddef.h>
#include <stdint.h>

#include "addr.h"

#define MAD_LEN	    256u
#define MAD_QKEY    0x80010000u
#define MAD_QP	    1u
#define CM_PRIV_MAX 224u		  /* the largest private data area of any message */
#define CM_SID_SDP  0x0000000000010000ull /* | port */
#define CM_SID_TCP  0x0000000001060000ull /* | port */

/* X(name, attribute id, private data offset in the 232-byte area, private data length) */
#define CM_ATTR_LIST(X)              \
	X(REQ, 0x0010, 140, 92)      \
	X(MRA, 0x0011, 10, 222)      \
	X(REJ, 0x0012, 84, 148)      \
	X(REP, 0x0013, 36, 196)      \
	X(RTU, 0x0014, 8, 224)       \
	X(DREQ, 0x0015, 12, 220)     \
	X(DREP, 0x0016, 8, 224)      \
	X(SIDR_REQ, 0x0017, 16, 216) \
	X(SIDR_REP, 0x0018, 96, 136) \
	X(LAP, 0x0019, 64, 168)      \
	X(APR, 0x001a, 84, 148)

enum cm_attr {
#define X(name, id, off, len) CM_##name = id,
	CM_ATTR_LIST(X)
#undef X
};

/* Reject reasons we send or act on; the value is the wire value. */
enum cm_rej_reason {
	CM_REJ_NO_QP = 1,
	CM_REJ_NO_RESOURCES = 3,
	CM_REJ_TIMEOUT = 4,
	CM_REJ_UNSUPPORTED = 5,
	CM_REJ_INVALID_COMM_ID = 6,
	CM_REJ_INVALID_SERVICE_ID = 8, /* nobody listens */
	CM_REJ_INVALID_TRANSPORT = 9,
	CM_REJ_STALE_CONN = 10,
	CM_REJ_INVALID_GID = 12,
	CM_REJ_INVALID_MTU = 26,
	CM_REJ_CONSUMER = 28, /* the listener refused */
	CM_REJ_CLASS_VERSION = 31,
};

/* Which message a REJ rejects or an MRA delays. */
enum cm_msg_named {
	CM_MSG_REQ,
	CM_MSG_REP,
	CM_MSG_OTHER,
};

/* What an APR says of the alternate path a LAP gave. */
enum cm_apr_status {
	CM_APR_INVALID_COMM_ID = 1,
	CM_APR_UNSUPPORTED = 2,
};

/* What becomes of the alternate path a REQ gave. */
enum cm_failover {
	CM_FAILOVER_ACCEPTED,
	CM_FAILOVER_UNSUPPORTED,
	CM_FAILOVER_REJECTED,
};

/* One decoded CM message; fields that the attribute does not have are zero. */
struct cm_msg {
	uint64_t tid;
	uint16_t attr;		      /* enum cm_attr */
	uint32_t local_id, remote_id; /* the sender's, the receiver's */
	/* REQ, REP */
	uint64_t service_id, ca_guid;
	uint32_t qpn, psn;
	uint8_t responder_resources, initiator_depth;
	uint8_t local_resp_timeout, remote_resp_timeout,
	    max_cm_retries; /* 5 bits: 4.096 us * 2^n */
	uint8_t retry_count, rnr_retry, transport, flow_control, srq;
	uint8_t alternate; /* REQ, decode only: an alternate path is given */
	uint8_t failover;  /* REP: enum cm_failover; 0 also where no alternate path was given */
	uint16_t pkey;
	uint8_t pmtu_code;
	struct san_ip src_gid, dst_gid;
	uint32_t flow_label;
	uint8_t traffic_class, hop_limit, sl, local_ack_timeout, target_ack_delay;
	/* REJ, MRA */
	uint8_t msg_rejected; /* enum cm_msg_named; 3 is reserved */
	uint16_t reason;
	uint8_t service_timeout;
	uint8_t ari[72];
	uint8_t ari_len;
	/* DREQ */
	uint32_t remote_qpn;
	/* SIDR, APR */
	uint8_t status;
	uint32_t qkey;
	/* all */
	uint8_t priv[CM_PRIV_MAX];
	uint16_t priv_len; /* what the attribute carries on decode; bytes to copy on encode */
};

/* Decode a 256-byte MAD. 0, SAN_ETOOSHORT, SAN_EVERSION (base, class or class version),
 * SAN_EOPNOTSUPP (another class or method), SAN_EPROTO (unknown attribute). */
int cm_msg_decode(const uint8_t *mad, size_t len, struct cm_msg *out);
/* Encode into exactly MAD_LEN bytes. SAN_EINVAL for an attribute not in the list or too much
 * private data. */
int cm_msg_encode(uint8_t *mad, const struct cm_msg *m);
const char *cm_attr_name(uint16_t attr);
const char *cm_rej_name(uint16_t reason);

#endif
