/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of sdp/ share among themselves. Only sdp.c and sdp_fsm.c know struct sdp_conn;
 * everything else works on the session, which has no state field. */
#ifndef SAND_SDP_PRIV_H
#define SAND_SDP_PRIV_H

#include "fsm_table.h"
#include "msg_rule.h"
#include "sdp_conn.h"
#include "sdp_msg.h"
#include "seq.h"

/* sdp_fsm.c */
void sdp_fsm_init(struct sdp_conn *c);
void sdp_fsm_step(struct sdp_conn *c, enum sdp_fsm_event ev, struct san_time now);
/* The peer took some of our data: a deadline that runs starts again. */
void sdp_fsm_progress(struct sdp_conn *c, struct san_time now);

/* closing.c: the actions of the state machine. */
void sdp_action_run(struct sdp_session *s, enum sdp_fsm_action action);
void sdp_error_set(struct sdp_session *s, int err);

/* credit.c */
/* Messages we may still send; 0 or negative: none. */
static inline int32_t
sdp_credits(const struct sdp_session *s)
{
	return seq32_diff(s->tx_limit, s->mseq_posted);
}

/* Newest MSeq the peer may send without overrunning the rx ring. */
static inline uint32_t
sdp_credit_limit(const struct sdp_session *s)
{
	return s->mseq_received + s->rx_grant;
}

/* Bytes were put into the rx ring or taken from it. */
void sdp_credit_room_changed(struct sdp_session *s);
bool sdp_credit_update_due(const struct sdp_session *s);
/* The peer's header said so. False if it acknowledges what we never sent. */
bool sdp_credit_received(struct sdp_session *s, const struct sdp_bsdh *h);

/* tx.c. How a posted message is made again: rc_run.what. Control messages stand in the order they
 * are sent in when several are due. */
enum sdp_what {
	SDP_WHAT_DATA,
	SDP_WHAT_DATA_PEND,	/* OOB_PEND: an urgent byte is on its way */
	SDP_WHAT_DATA_OOB,	/* OOB_PRES: its last byte is urgent */
	SDP_WHAT_DATA_OOB_PEND, /* both */
	SDP_WHAT_ABORT,
	SDP_WHAT_SENDSM,
	SDP_WHAT_CH_RCV_BUF_ACK,
	SDP_WHAT_CH_RCV_BUF,
	SDP_WHAT_DISCONN,
	SDP_WHAT_PROBE,
	SDP_WHAT_COUNT
};
#define SDP_DUE(what) ((uint16_t)(1u << SDP_WHAT_##what)) /* bit of sdp_session.due */

bool sdp_tx_wants(const struct sdp_session *s);
size_t sdp_tx_emit(struct sdp_session *s, struct roce_tx *out, size_t max, struct san_time now);
void sdp_tx_probe(struct sdp_session *s);
/* What the peer acknowledged since the last call. */
struct sdp_tx_done {
	bool progress;
	bool disconn; /* our DisConn, just now */
};
struct sdp_tx_done sdp_tx_reap(struct sdp_session *s);

/* rx.c. What a message means for the state machine. */
struct sdp_rx_verdict {
	bool event;
	enum sdp_fsm_event what;
};
struct sdp_rx_verdict sdp_rx_message(
    struct sdp_session *s, const struct rc_in *in, struct san_time now);
/* Our answer to the peer's SrcAvail was posted. */
void sdp_rx_answered(struct sdp_session *s);

#endif
