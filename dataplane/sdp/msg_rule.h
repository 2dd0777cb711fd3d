/* SPDX-License-Identifier: BSD-3-Clause */
/* Which message of the peer may come when, once: the engine's table, its documentation
 * (messages.md) and the exhaustive tests are all made from it. Total: one row for each kind of
 * message, one cell in it for each thing the peer's source half can be in the middle of. Our own
 * source half never leaves Combined mode, so what would need it elsewhere is refused in every cell.
 */
#ifndef SAND_SDP_MSG_RULE_H
#define SAND_SDP_MSG_RULE_H

#include <stdint.h>

#include "sdp.h"
#include "sdp_msg.h"

/* Where the peer's source half stands: flow control mode (annex A4.6), and whether it waits for us.
 * X(name, meaning) */
#define SDP_RX_LIST(X)                                                                  \
	X(COMBINED, "Combined mode, the initial one")                                   \
	X(COMBINED_ADVERT, "Combined mode, a SrcAvail of it waits for our answer")      \
	X(BUFFERED, "Buffered mode: it will not advertise again unless we ask")         \
	X(PIPELINED, "Pipelined mode")                                                  \
	X(PIPELINED_ADVERT, "Pipelined mode, a SrcAvail of it waits: we take only one") \
	X(ENDED, "its DisConn has arrived: no payload will come again")

/* What a cell says: one of these, or the violation it is. X(name, meaning) */
#define SDP_RULE_LIST(X)  \
	X(TAKE, "obeyed") \
	X(SKIP, "counted, nothing else: it asks for nothing we do, or crossed with our answer")

/* Kinds of message: a MID, or one of several that rules tell apart.
 * X(kind, meaning, one rule for each of SDP_RX_LIST) */
#define SDP_KIND_TABLE(X)                                                                          \
	X(DATA, "Data with payload", TAKE, PENDING, TAKE, TAKE, PENDING, ENDED)                    \
	X(UPDATE, "Data without payload: credits", TAKE, TAKE, TAKE, TAKE, TAKE, TAKE)             \
	X(SRC_AVAIL, "SrcAvail with payload", TAKE, PENDING, MODE, INLINE, INLINE, ENDED)          \
	X(SRC_AVAIL_BARE, "SrcAvail without", INLINE, INLINE, MODE, TAKE, PENDING, ENDED)          \
	X(SRC_AVAIL_CANCEL, "SrcAvailCancel", SKIP, TAKE, MODE, SKIP, TAKE, ENDED)                 \
	X(SEND_SM, "SendSm", SKIP, SKIP, SKIP, SKIP, SKIP, SKIP)                                   \
	X(RDMA_RD_COMPL, "RdmaRdCompl", UNASKED, UNASKED, UNASKED, UNASKED, UNASKED, UNASKED)      \
	X(SINK_AVAIL, "SinkAvail", MODE, MODE, MODE, MODE, MODE, MODE)                             \
	X(SINK_AVAIL_CANCEL, "SinkAvailCancel", MODE, MODE, MODE, MODE, MODE, MODE)                \
	X(RDMA_WR_COMPL, "RdmaWrCompl", UNASKED, UNASKED, UNASKED, UNASKED, UNASKED, UNASKED)      \
	X(SINK_CANCEL_ACK, "SinkCancelAck", UNASKED, UNASKED, UNASKED, UNASKED, UNASKED, UNASKED)  \
	X(TO_BUFFERED, "ModeChange of the source to Buffered", TAKE, PENDING, MODE, MODE, MODE,    \
	    ENDED)                                                                                 \
	X(TO_COMBINED, "ModeChange of the source to Combined", MODE, MODE, MODE, TAKE, TAKE,       \
	    ENDED)                                                                                 \
	X(TO_PIPELINED, "ModeChange of the source to Pipelined", TAKE, TAKE, MODE, MODE, MODE,     \
	    ENDED)                                                                                 \
	X(TO_NOWHERE, "ModeChange of the source to no mode", MODE, MODE, MODE, MODE, MODE, MODE)   \
	X(SINK_BUFFERED, "ModeChange of the sink to Buffered", MODE, MODE, MODE, MODE, MODE, MODE) \
	X(SINK_COMBINED, "ModeChange of the sink to Combined", MODE, MODE, MODE, MODE, MODE, MODE) \
	X(SINK_PIPELINED, "ModeChange of the sink to Pipelined", MODE, MODE, MODE, MODE, MODE,     \
	    MODE)                                                                                  \
	X(SINK_NOWHERE, "ModeChange of the sink to no mode", MODE, MODE, MODE, MODE, MODE, MODE)   \
	X(CH_RCV_BUF, "ChRcvBuf", TAKE, TAKE, TAKE, TAKE, TAKE, TAKE)                              \
	X(CH_RCV_BUF_ACK, "ChRcvBufAck", TAKE, TAKE, TAKE, TAKE, TAKE, TAKE)                       \
	X(DISCONN, "DisConn", TAKE, PENDING, TAKE, TAKE, PENDING, ENDED)                           \
	X(ABORT_CONN, "AbortConn", TAKE, TAKE, TAKE, TAKE, TAKE, TAKE)                             \
	X(SUSP_COMM, "SuspComm", SKIP, SKIP, SKIP, SKIP, SKIP, SKIP)                               \
	X(SUSP_COMM_ACK, "SuspCommAck", UNASKED, UNASKED, UNASKED, UNASKED, UNASKED, UNASKED)      \
	X(HELLO, "Hello", MID, MID, MID, MID, MID, MID)                                            \
	X(HELLO_ACK, "HelloAck", MID, MID, MID, MID, MID, MID)                                     \
	X(UNKNOWN, "any other MID", MID, MID, MID, MID, MID, MID)

enum sdp_rx_at {
#define X(name, text) SDP_RX_##name,
	SDP_RX_LIST(X)
#undef X
	    SDP_RX_COUNT
};

enum sdp_rule {
	SDP_RULE_TAKE = SDP_VIOLATION_NONE,
#define X(name, text) SDP_RULE_##name,
	SDP_VIOLATION_LIST(X)
#undef X
	    SDP_RULE_SKIP
};

enum sdp_kind {
#define X(kind, text, ...) SDP_KIND_##kind,
	SDP_KIND_TABLE(X)
#undef X
	    SDP_KIND_COUNT
};

extern const uint8_t sdp_rules[SDP_KIND_COUNT][SDP_RX_COUNT]; /* enum sdp_rule */

static inline enum sdp_rule
sdp_rule_of(enum sdp_kind kind, enum sdp_rx_at at)
{
	return (enum sdp_rule)sdp_rules[kind][at];
}

/* Of a message that could not be decoded: any kind its MID alone may mean. */
enum sdp_kind sdp_kind_of_mid(uint8_t mid);
/* `m` is not Data. */
enum sdp_kind sdp_kind_of_control(const struct sdp_msg *m);

/* `m` has been decoded: never HELLO, HELLO_ACK or UNKNOWN. */
static inline enum sdp_kind
sdp_kind_of(const struct sdp_msg *m)
{
	if (m->h.mid == SDP_DATA)
		return m->payload_len != 0 ? SDP_KIND_DATA : SDP_KIND_UPDATE;
	return sdp_kind_of_control(m);
}

const char *sdp_kind_name(enum sdp_kind kind);

#endif
