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

/* The peer's messages, our program or READs moved something: how many may the peer send now? */
void sdp_credit_renew(struct sdp_session *s);
/* Bytes of the rx ring that may be promised as buffers. */
static inline uint32_t
sdp_credit_lendable(const struct sdp_session *s)
{
	return s->rx.size >> s->reserved;
}

/* From now on half of the ring is for reading in place. */
void sdp_credit_reserve(struct sdp_session *s);
/* Bytes of the ring that are free, and promised neither as buffers nor to READs under way. */
uint32_t sdp_credit_free(const struct sdp_session *s);
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
	SDP_WHAT_SRC_AVAIL,
	SDP_WHAT_ABORT,
	SDP_WHAT_SRC_AVAIL_CANCEL,
	SDP_WHAT_RD_COMPL, /* of run.pos bytes */
	SDP_WHAT_SENDSM,   /* MSeqAck is run.pos, also when repeated: what it answers */
	SDP_WHAT_CH_RCV_BUF_ACK,
	SDP_WHAT_CH_RCV_BUF,
	SDP_WHAT_DISCONN,
	SDP_WHAT_PROBE,
	SDP_WHAT_READ,
	SDP_WHAT_RDMA, /* the program's; tag: which */
	SDP_WHAT_COUNT
};
/* Set in every other message but Data, so that no two in a row are equal and the queue pair takes
 * them for one run: each has a pos of its own. */
#define SDP_WHAT_ODD  0x80u
#define SDP_WHAT_MASK 0x7fu
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
/* The peer has the bytes before `pos`. */
void sdp_tx_release(struct sdp_session *s, uint32_t pos);

/* rx.c. What a message means for the state machine. */
struct sdp_rx_verdict {
	bool progress; /* the peer took some of our data */
	bool event;
	enum sdp_fsm_event what;
};
struct sdp_rx_verdict sdp_rx_message(
    struct sdp_session *s, const struct rc_in *in, struct san_time now);
/* tx.c: bytes of an answer to a READ. */
struct sdp_rx_verdict sdp_tx_answered(struct sdp_session *s, const struct rc_in *in);
/* Our answer to the peer's SrcAvail was posted. */
void sdp_rx_answered(struct sdp_session *s);
extern const struct sdp_rx_verdict sdp_rx_nothing;
struct sdp_rx_verdict sdp_rx_violation(struct sdp_session *s, enum sdp_violation what);

/* rdma.c: the program's RDMA. Only with lent memory; sdp_rdma_queue sets s->rdma, which all the
 * others want. */
int sdp_rdma_queue(struct sdp_session *s, const struct sdp_rdma_request *r);
bool sdp_rdma_finished(struct sdp_session *s, struct sdp_rdma_done *out);
/* The stream's bytes may leave up to there, the rest stands behind RDMA. */
uint32_t sdp_rdma_end(const struct sdp_session *s);
/* Something waits for RDMA, or is RDMA that waits. */
bool sdp_rdma_holds(const struct sdp_session *s);
/* Some of it is not done. */
bool sdp_rdma_unfinished(const struct sdp_session *s);
/* The next request, if it is its turn. */
bool sdp_rdma_plan(const struct sdp_session *s, struct rc_run *m);
void sdp_rdma_posted(struct sdp_session *s);
void sdp_rdma_fill(const struct sdp_session *s, const struct rc_chunk *c, struct roce_tx *out);
void sdp_rdma_arrived(struct sdp_session *s, const struct rc_in *in);
void sdp_rdma_reaped(struct sdp_session *s, uint32_t count);
/* The peer wrote into far memory: whoever has the connection is to be asked to do it. */
void sdp_rdma_far(struct sdp_session *s, const struct rc_in *in);

/* Bytes that may be sent now are those before it. */
static inline uint32_t
sdp_tx_end(const struct sdp_session *s)
{
	return s->rdma ? sdp_rdma_end(s) : s->tx_produced;
}

/* source.c: our SrcAvail. Only for sessions with reading in place. */
void sdp_source_init(struct sdp_session *s, const struct sdp_open *o);
/* Is it time for one? Then what to post. */
bool sdp_source_plan(const struct sdp_session *s, struct rc_run *m);
/* Let the peer read it; false, and never again, if that is impossible. */
bool sdp_source_open(struct sdp_session *s);
void sdp_source_posted(struct sdp_session *s, const struct rc_run *m);
/* What the message says of it. */
void sdp_source_ext(const struct sdp_session *s, struct sdp_ext *ext);
void sdp_source_cancel(struct sdp_session *s);
void sdp_source_cancel_posted(struct sdp_session *s, const struct rc_run *m, struct san_time now);
/* RdmaRdCompl, SendSm. */
struct sdp_rx_verdict sdp_source_completed(struct sdp_session *s, const struct sdp_msg *m);
void sdp_source_refused(struct sdp_session *s, const struct sdp_msg *m);
/* When our patience with an unanswered cancel is at an end. */
struct san_time sdp_source_deadline(const struct sdp_session *s);
/* The connection is over: nothing may be read any more. */
void sdp_source_fini(struct sdp_session *s);

/* sink.c: the peer's. */
void sdp_sink_init(struct sdp_session *s, const struct sdp_open *o);
/* What came inline is in the ring; `left` bytes are at the peer's `va`. */
void sdp_sink_begin(struct sdp_session *s, uint64_t va, uint32_t key, uint32_t left);
void sdp_sink_cancelled(struct sdp_session *s, uint32_t mseq);
/* The next READ, if there is room for its bytes. */
bool sdp_sink_plan(const struct sdp_session *s, struct rc_run *m);
void sdp_sink_posted(struct sdp_session *s, const struct rc_run *m);
void sdp_sink_fill(const struct sdp_session *s, const struct rc_chunk *c, struct roce_tx *out);
/* Bytes of an answer; READs answered whole. */
struct sdp_rx_verdict sdp_sink_arrived(struct sdp_session *s, const struct rc_in *in);
void sdp_sink_reaped(struct sdp_session *s, uint32_t reads);
/* RdmaRdCompl with so many bytes was posted. */
void sdp_sink_told(struct sdp_session *s, uint32_t bytes);
/* Our last word about the SrcAvail was posted. */
void sdp_sink_let_go(struct sdp_session *s);

#endif
