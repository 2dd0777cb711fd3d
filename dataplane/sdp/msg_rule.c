/* SPDX-License-Identifier: BSD-3-Clause */
/* The matrices of msg_rule.h, and which of their rows a message belongs to. Knows nothing of
 * sessions.
 */
#include "msg_rule.h"

const uint8_t sdp_source_rules[SDP_KIND_SINK_FIRST][SDP_RX_COUNT] = {
#define X(kind, text, a, b, c, d, e, f) \
	[SDP_KIND_##kind] = {           \
	    SDP_RULE_##a, SDP_RULE_##b, SDP_RULE_##c, SDP_RULE_##d, SDP_RULE_##e, SDP_RULE_##f},
    SDP_SOURCE_TABLE(X)
#undef X
};
_Static_assert(SDP_RX_COUNT == 6, "the rows of SDP_SOURCE_TABLE have six cells");

const uint8_t sdp_sink_rules[SDP_KIND_COUNT - SDP_KIND_SINK_FIRST][SDP_TX_COUNT] = {
#define X(kind, text, a, b, c, d)                   \
	[SDP_KIND_##kind - SDP_KIND_SINK_FIRST] = { \
	    SDP_RULE_##a, SDP_RULE_##b, SDP_RULE_##c, SDP_RULE_##d},
    SDP_SINK_TABLE(X)
#undef X
};
_Static_assert(SDP_TX_COUNT == 4, "the rows of SDP_SINK_TABLE have four cells");

/* ModeChange, byte 0: the S bit says that the sink asks the source, then three bits of mode. */
#define MODE_SINK      0x80
#define MODE_BUFFERED  0
#define MODE_COMBINED  1
#define MODE_PIPELINED 2

static enum sdp_kind
mode_kind(uint8_t byte)
{
	bool sink = byte & MODE_SINK;

	switch (byte >> 4 & 7) {
	case MODE_BUFFERED:
		return sink ? SDP_KIND_SINK_BUFFERED : SDP_KIND_TO_BUFFERED;
	case MODE_COMBINED:
		return sink ? SDP_KIND_SINK_COMBINED : SDP_KIND_TO_COMBINED;
	case MODE_PIPELINED:
		return sink ? SDP_KIND_SINK_PIPELINED : SDP_KIND_TO_PIPELINED;
	default:
		return sink ? SDP_KIND_SINK_NOWHERE : SDP_KIND_TO_NOWHERE;
	}
}

/* long: dispatch */
enum sdp_kind
sdp_kind_of_mid(uint8_t mid)
{
	switch ((enum sdp_mid)mid) {
	case SDP_HELLO:
		return SDP_KIND_HELLO;
	case SDP_HELLO_ACK:
		return SDP_KIND_HELLO_ACK;
	case SDP_DISCONN:
		return SDP_KIND_DISCONN;
	case SDP_ABORT_CONN:
		return SDP_KIND_ABORT_CONN;
	case SDP_SEND_SM:
		return SDP_KIND_SEND_SM;
	case SDP_RDMA_WR_COMPL:
		return SDP_KIND_RDMA_WR_COMPL;
	case SDP_RDMA_RD_COMPL:
		return SDP_KIND_RDMA_RD_COMPL;
	case SDP_MODE_CHANGE:
		return SDP_KIND_TO_NOWHERE;
	case SDP_SRC_AVAIL_CANCEL:
		return SDP_KIND_SRC_AVAIL_CANCEL;
	case SDP_SINK_AVAIL_CANCEL:
		return SDP_KIND_SINK_AVAIL_CANCEL;
	case SDP_SINK_CANCEL_ACK:
		return SDP_KIND_SINK_CANCEL_ACK;
	case SDP_CH_RCV_BUF:
		return SDP_KIND_CH_RCV_BUF;
	case SDP_CH_RCV_BUF_ACK:
		return SDP_KIND_CH_RCV_BUF_ACK;
	case SDP_SUSP_COMM:
		return SDP_KIND_SUSP_COMM;
	case SDP_SUSP_COMM_ACK:
		return SDP_KIND_SUSP_COMM_ACK;
	case SDP_SINK_AVAIL:
		return SDP_KIND_SINK_AVAIL;
	case SDP_SRC_AVAIL:
		return SDP_KIND_SRC_AVAIL_BARE;
	case SDP_DATA:
		return SDP_KIND_UPDATE;
	}
	return SDP_KIND_UNKNOWN;
}

enum sdp_kind
sdp_kind_of_control(const struct sdp_msg *m)
{
	if (m->h.mid == SDP_SRC_AVAIL && m->payload_len != 0)
		return SDP_KIND_SRC_AVAIL;
	if (m->h.mid == SDP_MODE_CHANGE)
		return mode_kind(m->ext.mode);
	return sdp_kind_of_mid(m->h.mid);
}

const char *
sdp_kind_name(enum sdp_kind kind)
{
	static const char *const name[] = {
#define X(kind, text, ...) #kind,
	    SDP_SOURCE_TABLE(X) SDP_SINK_TABLE(X)
#undef X
	};

	return (unsigned)kind < SDP_KIND_COUNT ? name[kind] : "UNKNOWN";
}

const char *
sdp_violation_text(enum sdp_violation v)
{
	static const char *const text[] = {"none",
#define X(name, text) text,
	    SDP_VIOLATION_LIST(X)
#undef X
	};

	return (unsigned)v < SDP_VIOLATION_COUNT ? text[v] : "unknown";
}
