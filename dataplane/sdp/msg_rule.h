/* SPDX-License-Identifier: BSD-3-Clause */
/* Which message of the peer may come when, once: the engine's tables, their documentation
 * (messages.md) and the exhaustive tests are all made from these lists. Total: a row for each kind
 * of message; a cell in it for each thing the half that sends it can be in the middle of. What the
 * peer says as a source of data is one table, what it says as the sink of ours the other. */
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

/* Where our source half stands towards its sink, always in Combined mode. X(name, meaning) */
#define SDP_TX_LIST(X)                                                     \
	X(PLAIN, "no SrcAvail of ours waits")                              \
	X(ADVERT, "a SrcAvail of ours waits to be read or refused")        \
	X(CANCEL, "the same, and our SrcAvailCancel waits for its SendSm") \
	X(CANCELLED, "the SrcAvail is over, but the SendSm for the cancel is not here")

/* Kinds of message: a MID, or one of several that rules tell apart. What a source says, and what
 * concerns both halves. X(kind, meaning, one rule for each of SDP_RX_LIST) */
#define SDP_SOURCE_TABLE(X)                                                                       \
	X(DATA, "Data with payload", TAKE, PENDING, TAKE, TAKE, PENDING, ENDED)                   \
	X(UPDATE, "Data without payload: credits", TAKE, TAKE, TAKE, TAKE, TAKE, TAKE)            \
	X(SRC_AVAIL, "SrcAvail with payload", TAKE, PENDING, MODE, INLINE, INLINE, ENDED)         \
	X(SRC_AVAIL_BARE, "SrcAvail without", INLINE, INLINE, MODE, TAKE, PENDING, ENDED)         \
	X(SRC_AVAIL_CANCEL, "SrcAvailCancel", TAKE, TAKE, MODE, TAKE, TAKE, ENDED)                \
	X(RDMA_WR_COMPL, "RdmaWrCompl", UNASKED, UNASKED, UNASKED, UNASKED, UNASKED, UNASKED)     \
	X(SINK_CANCEL_ACK, "SinkCancelAck", UNASKED, UNASKED, UNASKED, UNASKED, UNASKED, UNASKED) \
	X(TO_BUFFERED, "ModeChange of the source to Buffered", TAKE, PENDING, MODE, MODE, MODE,   \
	    ENDED)                                                                                \
	X(TO_COMBINED, "ModeChange of the source to Combined", MODE, MODE, MODE, TAKE, TAKE,      \
	    ENDED)                                                                                \
	X(TO_PIPELINED, "ModeChange of the source to Pipelined", TAKE, TAKE, MODE, MODE, MODE,    \
	    ENDED)                                                                                \
	X(TO_NOWHERE, "ModeChange of the source to no mode", MODE, MODE, MODE, MODE, MODE, MODE)  \
	X(CH_RCV_BUF, "ChRcvBuf", TAKE, TAKE, TAKE, TAKE, TAKE, TAKE)                             \
	X(DISCONN, "DisConn", TAKE, PENDING, TAKE, TAKE, PENDING, ENDED)                          \
	X(ABORT_CONN, "AbortConn", TAKE, TAKE, TAKE, TAKE, TAKE, TAKE)                            \
	X(SUSP_COMM, "SuspComm", SKIP, SKIP, SKIP, SKIP, SKIP, SKIP)                              \
	X(SUSP_COMM_ACK, "SuspCommAck", UNASKED, UNASKED, UNASKED, UNASKED, UNASKED, UNASKED)     \
	X(HELLO, "Hello", MID, MID, MID, MID, MID, MID)                                           \
	X(HELLO_ACK, "HelloAck", MID, MID, MID, MID, MID, MID)                                    \
	X(UNKNOWN, "any other MID", MID, MID, MID, MID, MID, MID)

/* What a sink says. X(kind, meaning, one rule for each of SDP_TX_LIST) */
#define SDP_SINK_TABLE(X)                                                                \
	X(SEND_SM, "SendSm", SKIP, TAKE, TAKE, TAKE)                                     \
	X(RDMA_RD_COMPL, "RdmaRdCompl", UNASKED, TAKE, TAKE, UNASKED)                    \
	X(SINK_AVAIL, "SinkAvail", MODE, MODE, MODE, MODE)                               \
	X(SINK_AVAIL_CANCEL, "SinkAvailCancel", MODE, MODE, MODE, MODE)                  \
	X(SINK_BUFFERED, "ModeChange of the sink to Buffered", MODE, MODE, MODE, MODE)   \
	X(SINK_COMBINED, "ModeChange of the sink to Combined", MODE, MODE, MODE, MODE)   \
	X(SINK_PIPELINED, "ModeChange of the sink to Pipelined", MODE, MODE, MODE, MODE) \
	X(SINK_NOWHERE, "ModeChange of the sink to no mode", MODE, MODE, MODE, MODE)     \
	X(CH_RCV_BUF_ACK, "ChRcvBufAck", TAKE, TAKE, TAKE, TAKE)

enum sdp_rx_at {
#define X(name, text) SDP_RX_##name,
	SDP_RX_LIST(X)
#undef X
	    SDP_RX_COUNT
};

enum sdp_tx_at {
#define X(name, text) SDP_TX_##name,
	SDP_TX_LIST(X)
#undef X
	    SDP_TX_COUNT
};

/* What a cell says. */
enum sdp_rule {
	SDP_RULE_TAKE = SDP_VIOLATION_NONE, /* obeyed */
#define X(name, text) SDP_RULE_##name,
	SDP_VIOLATION_LIST(X)
#undef X
	    SDP_RULE_SKIP /* counted, nothing else: it asks for nothing we do, or crossed */
};

/* Source's kinds first. */
enum sdp_kind {
#define X(kind, text, ...) SDP_KIND_##kind,
	SDP_SOURCE_TABLE(X) SDP_SINK_TABLE(X)
#undef X
	    SDP_KIND_COUNT
};
#define SDP_KIND_SINK_FIRST SDP_KIND_SEND_SM

extern const uint8_t sdp_source_rules[SDP_KIND_SINK_FIRST][SDP_RX_COUNT]; /* enum sdp_rule */
extern const uint8_t sdp_sink_rules[SDP_KIND_COUNT - SDP_KIND_SINK_FIRST][SDP_TX_COUNT];

static inline enum sdp_rule
sdp_rule_of(enum sdp_kind kind, enum sdp_rx_at rx, enum sdp_tx_at tx)
{
	return (enum sdp_rule)(kind < SDP_KIND_SINK_FIRST
				   ? sdp_source_rules[kind][rx]
				   : sdp_sink_rules[kind - SDP_KIND_SINK_FIRST][tx]);
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
