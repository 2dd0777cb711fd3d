/* SPDX-License-Identifier: BSD-3-Clause */
/* Sockets Direct Protocol messages, version 2.2 (InfiniBand architecture vol. 1 annex A4): the
 * 16-byte header of every message, its extension headers, and Hello/HelloAck, which travel as CM
 * private data. */
#ifndef SAND_WIRE_SDP_MSG_H
#define SAND_WIRE_SDP_MSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "addr.h"
#include "feature.h"

#define SDP_BSDH_LEN	 16u
#define SDP_HELLO_LEN	 92u  /* BSDH + HH, the private data of a CM REQ */
#define SDP_HELLOACK_LEN 196u /* BSDH + HAH, the private data of a CM REP */
#define SDP_VERSION	 0x22
#define SDP_EXT_MAX	 20u

/* X(name, id, extension header length) */
#define SDP_MID_LIST(X)               \
	X(HELLO, 0x00, 76)            \
	X(HELLO_ACK, 0x01, 180)       \
	X(DISCONN, 0x02, 0)           \
	X(ABORT_CONN, 0x03, 0)        \
	X(SEND_SM, 0x04, 0)           \
	X(RDMA_WR_COMPL, 0x05, 4)     \
	X(RDMA_RD_COMPL, 0x06, 4)     \
	X(MODE_CHANGE, 0x07, 4)       \
	X(SRC_AVAIL_CANCEL, 0x08, 0)  \
	X(SINK_AVAIL_CANCEL, 0x09, 0) \
	X(SINK_CANCEL_ACK, 0x0a, 0)   \
	X(CH_RCV_BUF, 0x0b, 4)        \
	X(CH_RCV_BUF_ACK, 0x0c, 4)    \
	X(SUSP_COMM, 0x0d, 8)         \
	X(SUSP_COMM_ACK, 0x0e, 0)     \
	X(SINK_AVAIL, 0xfd, 20)       \
	X(SRC_AVAIL, 0xfe, 16)        \
	X(DATA, 0xff, 0)

enum sdp_mid {
#define X(name, id, ext) SDP_##name = id,
	SDP_MID_LIST(X)
#undef X
};

#define SDP_FLAG_OOB_PRES 0x01 /* last payload byte is urgent (Data only) */
#define SDP_FLAG_OOB_PEND 0x02 /* an urgent byte is coming */
#define SDP_FLAG_REQ_PIPE 0x04 /* sink would like Pipelined mode */

/* Base header, present in every message. */
struct sdp_bsdh {
	uint8_t mid;
	uint8_t flags;
	uint16_t bufs;	   /* receive buffers posted by the sender, absolute */
	uint32_t len;	   /* whole message, BSDH included */
	uint32_t mseq;	   /* sender's message number; Hello is 0, first SEND is 1 */
	uint32_t mseq_ack; /* last message received from the peer */
};

/* Extension header values, one struct for all: which fields count follows from the MID. */
struct sdp_ext {
	uint32_t size;	       /* RdmaWr/RdCompl, ChRcvBuf(Ack): bytes; Src/SinkAvail: length */
	uint32_t rkey;	       /* Src/SinkAvail */
	uint64_t va;	       /* Src/SinkAvail */
	uint32_t non_discards; /* SinkAvail */
	uint8_t mode;	       /* ModeChange byte 0 */
	uint64_t service_id;   /* SuspComm */
};

struct sdp_msg {
	struct sdp_bsdh h;
	struct sdp_ext ext;	/* of Data, which has none: not set */
	const uint8_t *payload; /* view */
	uint32_t payload_len;
};

/* Decode one complete message (not Hello/HelloAck). 0, SAN_ETOOSHORT, or SAN_EPROTO when Len
 * differs from `len`, the MID is unknown, or a message that has no payload carries one. */
int sdp_msg_decode(const uint8_t *buf, size_t len, struct sdp_msg *out);
/* Write BSDH and extension header; h.len is used as given. Returns the bytes written (16..36). */
size_t sdp_msg_encode_header(uint8_t *buf, const struct sdp_bsdh *h, const struct sdp_ext *ext);
/* Length of the extension header of `mid`, or SAN_EPROTO for an unknown one. */
int sdp_mid_ext_len(uint8_t mid);
const char *sdp_mid_name(uint8_t mid);

/* Hello: REQ private data. */
struct sdp_hello {
	uint16_t bufs;	     /* initial credits given to the peer */
	uint32_t mseq_ack;   /* 0 */
	uint8_t version;     /* 0x22 */
	uint8_t caps;	     /* low nibble of byte 17 */
	uint8_t max_adverts; /* >= 1 */
	uint32_t des_rem_rcv_size;
	uint32_t local_rcv_size; /* own receive buffer size incl. BSDH */
	uint16_t local_port;
	struct san_ip src, dst;
	bool has_offer; /* in the reserved bytes; false: they are zero, or none of ours */
	struct feature_offer offer;
};
/* HelloAck: REP private data. */
struct sdp_hello_ack {
	uint16_t bufs;
	uint8_t version;
	uint8_t caps;
	uint8_t max_adverts;
	uint32_t act_rcv_size; /* receive buffer size the passive side really posted, incl. BSDH */
	bool has_offer;
	struct feature_offer offer;
};

/* Decode: 0, SAN_ETOOSHORT, SAN_EVERSION (major not 2), SAN_EPROTO (wrong MID or Len, MaxAdverts 0,
 * sizes below a BSDH). Encode always writes SDP_HELLO_LEN / SDP_HELLOACK_LEN bytes. */
int sdp_hello_decode(const uint8_t *priv, size_t len, struct sdp_hello *out);
int sdp_hello_ack_decode(const uint8_t *priv, size_t len, struct sdp_hello_ack *out);
void sdp_hello_encode(uint8_t *priv, const struct sdp_hello *h);
void sdp_hello_ack_encode(uint8_t *priv, const struct sdp_hello_ack *h);

#endif
