/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of rc/ share among themselves. The parent decides, in qp.c, requester.c,
 * reply.c and responder.c; every other file keeps one mechanism. */
#ifndef SAND_RC_PRIV_H
#define SAND_RC_PRIV_H

#include "rc.h"
#include "sack.h"
#include "seq.h"

/* qp_fsm.c */
/* 0, or SAN_EINVAL and nothing changes. */
int rc_qp_fsm(struct rc_qp *qp, enum rc_qp_event event);
/* All of RC_MAY_*. */
static inline bool
rc_may(const struct rc_qp *qp, unsigned what)
{
	static const uint8_t may[] = {
#define X(name, may, text) may,
	    RC_STATE_LIST(X)
#undef X
	};

	return (may[qp->state] & what) == what;
}

/* qp.c */
void rc_fail(struct rc_qp *qp, int err);
/* Where the peer may reach `len` bytes, or NULL. */
uint8_t *rc_region(
    const struct rc_qp *qp, uint32_t key, uint64_t va, uint32_t len, uint32_t access);

/* runs.c: which messages are outstanding, and which of them packet `snd` belongs to. */
struct rc_run *rc_runs_at(struct rc_qp *qp, uint32_t i);
uint32_t rc_message_packets(const struct rc_qp *qp, uint32_t len);
/* The run packet `snd` belongs to; something must be left to send. */
const struct rc_run *rc_runs_cursor(const struct rc_qp *qp);
/* The run packet `psn` belongs to, which message of it, which packet of that; NULL: none yet. */
const struct rc_run *rc_runs_find(
    struct rc_qp *qp, uint32_t psn, uint32_t *index, uint32_t *packet);
/* How far word from the peer that all before `behind` arrived can be believed: to the first READ or
 * atomic not answered. */
uint32_t rc_runs_reach(struct rc_qp *qp, uint32_t behind);
/* The chunk packet `psn` begins, una <= psn < high. Returns how many PSNs it takes. */
uint32_t rc_runs_chunk(struct rc_qp *qp, uint32_t psn, struct rc_chunk *chunk);
/* Point the cursor at `psn`, una <= psn <= nxt. */
void rc_runs_seek(struct rc_qp *qp, uint32_t psn);
/* The chunk under the cursor; the cursor moves on. Something must be left to send. Returns how many
 * PSNs it takes. */
uint32_t rc_runs_next(struct rc_qp *qp, struct rc_chunk *chunk);

/* requester.c: requests to send. */
/* The windows and the peer would let a request leave. */
bool rc_requester_ready(const struct rc_qp *qp);
void rc_requester_emit(
    struct rc_qp *qp, struct roce_tx *out, struct rc_chunk *chunk, struct san_time now);
void rc_requester_rewind(struct rc_qp *qp);
/* After going back: what was sent before is not sent again after all. */
void rc_requester_resume(struct rc_qp *qp);
/* Ask what became of the last packet. */
void rc_requester_tail(struct rc_qp *qp);
/* Nothing will be sent again; what was posted waits to be reaped or flushed. */
void rc_requester_stop(struct rc_qp *qp);
/* Everything before `behind` has arrived; una < behind <= high. */
void rc_requester_acked(struct rc_qp *qp, uint32_t behind, struct san_time now);

/* reply.c: what the peer says about our requests. */
void rc_reply_receive(
    struct rc_qp *qp, const struct roce_pkt *p, struct san_time now, struct rc_in *in);
/* The peer speaks of `behind`, una <= behind <= high: all before has arrived, unless an answer is
 * missing; then it was lost, what is missing is asked for again, and the result is false. */
bool rc_reply_reached(struct rc_qp *qp, uint32_t behind, struct san_time now, struct rc_in *in);

/* read.c: our READs and atomics. */
static inline bool
rc_kind_answered(uint8_t kind)
{
	return kind == RC_READ || kind == RC_CMP_SWAP || kind == RC_FETCH_ADD;
}

uint32_t rc_read_part(const struct rc_qp *qp, const struct rc_run *r, uint32_t at);
bool rc_read_may_leave(const struct rc_qp *qp);
uint8_t rc_reads_sent(struct rc_qp *qp);
/* An answer that came before its turn is kept. */
void rc_read_kept(struct rc_qp *qp, uint32_t psn, struct san_time now);
void rc_read_response(
    struct rc_qp *qp, const struct roce_pkt *p, struct san_time now, struct rc_in *in);

/* responder.c: a request of the peer. */
void rc_responder_receive(
    struct rc_qp *qp, const struct roce_pkt *p, struct san_time now, struct rc_in *in);
/* The peer is in the middle of a SEND. */
bool rc_responder_in_send(const struct rc_qp *qp);
/* RNR, or a NAK that ends the connection, for packet `expected`. */
void rc_responder_refuse(struct rc_qp *qp, uint8_t syndrome);

/* resource.c: the peer's READs and atomics. */
uint8_t rc_resource_check(const struct rc_qp *qp, const struct roce_pkt *p);
uint8_t rc_resource_execute(struct rc_qp *qp, const struct roce_pkt *p, uint64_t *value);
uint32_t rc_resource_remember(struct rc_qp *qp, const struct roce_pkt *p, uint64_t value);
void rc_resource_duplicate(struct rc_qp *qp, const struct roce_pkt *p);
bool rc_resource_ack_limit(const struct rc_qp *qp, uint32_t psn, uint32_t *limit);
/* What is to be answered first, or NULL. */
static inline const struct rc_resource *
rc_resource_first(const struct rc_qp *qp)
{
	return qp->resource_active == 0 ? NULL : &qp->resources[qp->resource_at];
}

void rc_resource_emit(struct rc_qp *qp, struct roce_tx *out);

/* credit.c: end-to-end credits. */
uint8_t rc_credit_syndrome(struct rc_qp *qp);
void rc_credit_raised(struct rc_qp *qp);
void rc_credit_received(struct rc_qp *qp, uint8_t syndrome, uint32_t msn);
int32_t rc_credit_beyond(const struct rc_qp *qp);
bool rc_credit_may_leave(const struct rc_qp *qp);

/* ack.c: what we owe the peer's requester. */
void rc_ack_init(struct rc_qp *qp);
/* The expected packet came. */
void rc_ack_in_order(struct rc_qp *qp);
/* ... and wants an ACK. */
void rc_ack_accepted(struct rc_qp *qp, uint32_t bytes, bool ackreq, struct san_time now);
/* A SEND or WRITE came again. */
void rc_ack_duplicate(struct rc_qp *qp, uint32_t psn);
/* The answer to the newest request is itself the acknowledgement of all. */
void rc_ack_answered(struct rc_qp *qp);
void rc_ack_gap(struct rc_qp *qp);
void rc_ack_refuse(struct rc_qp *qp, uint8_t syndrome);
bool rc_ack_ready(const struct rc_qp *qp, struct san_time now);
void rc_ack_emit(struct rc_qp *qp, struct roce_tx *out);
/* A response, all but its payload. */
void rc_ack_init_tx(struct rc_qp *qp, struct roce_tx *out, uint8_t opcode, uint32_t psn);

/* recovery.c: NULL if there is no pool or it is empty. */
struct rc_block *rc_block_lend(struct rc_pool *p);
void rc_block_return(struct rc_pool *p, struct rc_block *b);

/* board.c: what the peer has beyond a gap in our requests, or we in its answers. All PSNs are
 * between una and high. */
void rc_board_end(struct rc_qp *qp);
/* After all that one packet said was put down: what is lost now? The board may end. */
void rc_board_look(struct rc_qp *qp, struct san_time now);
/* The same after an ACK, which told all there is. */
void rc_board_heard(struct rc_qp *qp, struct san_time now);
/* All before `behind` has arrived. Returns how many of it were known to have. */
uint32_t rc_board_reached(struct rc_qp *qp, uint32_t behind, struct san_time now);
/* Packet `missing` has not, but something behind it. False: there is no place to note it. */
bool rc_board_gap(struct rc_qp *qp, uint32_t missing, struct san_time now);
/* What came beyond `behind`, the first missing one. Returns how many of it are news. */
uint32_t rc_board_told(
    struct rc_qp *qp, uint32_t behind, const struct sack *sack, struct san_time now);
/* The peer has answered, or done, everything before `behind`; answers from una on are missing, but
 * for those we keep. False: there is no place to note it, or all is being sent again. */
bool rc_board_unanswered(struct rc_qp *qp, uint32_t behind);
/* The answer `psn` is kept. True if that is news. */
bool rc_board_answered(struct rc_qp *qp, uint32_t psn, struct san_time now);
/* The first packet to be sent again; there is one. */
uint32_t rc_board_next(const struct rc_qp *qp);
/* So many of the `packets` from there on must be asked for to have all that are missing. */
uint32_t rc_board_hole(const struct rc_qp *qp, uint32_t psn, uint32_t packets);
/* It was sent, as one request that takes `packets` PSNs. */
void rc_board_sent(struct rc_qp *qp, uint32_t psn, uint32_t packets, struct san_time now);
/* Silence: the first hole is to be sent once more. */
void rc_board_retry(struct rc_qp *qp);
/* Nothing is lost after all, as far as we know. */
void rc_board_absolve(struct rc_qp *qp, struct san_time now);
void rc_board_expire(struct rc_qp *qp, struct san_time now);

/* undo.c: packets sent again that had only been late. */
struct san_duration rc_reorder_window(const struct rc_qp *qp);
/* A gap, or silence: a new account of repeats is opened. */
void rc_undo_open(struct rc_qp *qp);
void rc_undo_told(struct rc_qp *qp, uint16_t duplicates, struct san_time now);
/* The packets sent again were all late, not lost. */
void rc_undo(struct rc_qp *qp, struct san_time now);
/* A gap is closed, and nothing was found wrong with what was sent again, if anything was. */
void rc_undo_close(struct rc_qp *qp);

/* kept.c: packets that came early. */
bool rc_kept_wants(const struct rc_qp *qp, enum rc_early what, uint32_t psn);
bool rc_kept_has(const struct rc_qp *qp, enum rc_early what, uint32_t psn);
struct san_time rc_kept_deadline(const struct rc_qp *qp);
void rc_kept_expire(struct rc_qp *qp, struct san_time now);
void rc_kept_tell(struct rc_qp *qp, struct roce_tx *out);

/* notify.c: congestion told to the peer. */
bool rc_notify_about_us(const struct rc_qp *qp, const struct roce_pkt *p);
void rc_notify_received(struct rc_qp *qp, const struct roce_pkt *p, struct san_time now);
bool rc_notify_echo(struct rc_qp *qp);
void rc_notify_emit(struct rc_qp *qp, struct roce_tx *out, struct san_time now);

/* rto.c: when an answer is overdue, and how often that may happen. */
void rc_rto_init(struct rc_qp *qp, struct san_duration initial, struct san_time now);
void rc_rto_sent(struct rc_qp *qp, bool again, bool ackreq, struct san_time now);
void rc_rto_acked(struct rc_qp *qp, uint32_t psn, struct san_time now);
void rc_rto_progress(struct rc_qp *qp, struct san_time now);
void rc_rto_restart(struct rc_qp *qp, struct san_time now);
void rc_rto_stop(struct rc_qp *qp);
/* Nanoseconds an RNR NAK's timer code asks for. */
uint64_t rc_rnr_ns(uint8_t code);
/* The peer told something new, but acknowledged nothing. */
void rc_rto_heard(struct rc_qp *qp, struct san_time now);
/* There was a timeout that may prove a mistake: the peer was there, but late. */
bool rc_rto_late(const struct rc_qp *qp);
/* ... and the peer was away for longer than an answer to the repeat takes. */
bool rc_rto_absent(const struct rc_qp *qp, struct san_time now);
/* It was one. */
void rc_rto_undo(struct rc_qp *qp, struct san_time now);
/* It was none, as far as we shall ever know. */
void rc_rto_settle(struct rc_qp *qp);
/* The timer expired: what shall be done. */
enum rc_overdue {
	RC_OVERDUE_TAIL,    /* ask what became of the last packet */
	RC_OVERDUE_REPEAT,  /* send again from the first one on */
	RC_OVERDUE_GIVE_UP, /* patience is at an end */
};
enum rc_overdue rc_rto_expired(struct rc_qp *qp, struct san_time now);

#endif
