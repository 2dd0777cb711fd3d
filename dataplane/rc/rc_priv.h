/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of rc/ share among themselves. The parent decides, in qp.c, requester.c and
 * responder.c; runs.c, rto.c and ack.c each keep one mechanism. */
#ifndef SAND_RC_PRIV_H
#define SAND_RC_PRIV_H

#include "rc.h"
#include "seq.h"

/* qp.c */
void rc_fail(struct rc_qp *qp, int err);

/* runs.c: which messages are outstanding, and which of them packet `snd` belongs to. */
struct rc_run *rc_runs_at(struct rc_qp *qp, uint32_t i);
uint32_t rc_message_packets(const struct rc_qp *qp, uint32_t len);
/* Point the cursor at `psn`, una <= psn <= nxt. */
void rc_runs_seek(struct rc_qp *qp, uint32_t psn);
/* The chunk under the cursor; the cursor moves on. Something must be left to send. */
void rc_runs_next(struct rc_qp *qp, struct rc_chunk *chunk);
void rc_runs_clear(struct rc_qp *qp);

/* requester.c: a response of the peer; requests to send. */
void rc_requester_receive(
    struct rc_qp *qp, const struct roce_pkt *p, struct san_time now, struct rc_in *in);
bool rc_requester_ready(const struct rc_qp *qp);
void rc_requester_emit(
    struct rc_qp *qp, struct roce_tx *out, struct rc_chunk *chunk, struct san_time now);
void rc_requester_rewind(struct rc_qp *qp);
/* Everything before `behind` has arrived; una < behind <= high. */
void rc_requester_acked(struct rc_qp *qp, uint32_t behind, struct san_time now);

/* responder.c: a request of the peer. */
void rc_responder_receive(
    struct rc_qp *qp, const struct roce_pkt *p, struct san_time now, struct rc_in *in);

/* ack.c: what we owe the peer's requester. */
void rc_ack_init(struct rc_qp *qp);
void rc_ack_accepted(struct rc_qp *qp, uint32_t bytes, bool ackreq, struct san_time now);
void rc_ack_gap(struct rc_qp *qp);
void rc_ack_refuse(struct rc_qp *qp, uint8_t syndrome);
bool rc_ack_ready(const struct rc_qp *qp, struct san_time now);
void rc_ack_emit(struct rc_qp *qp, struct roce_tx *out);

/* rto.c: when an answer is overdue, and how often that may happen. */
void rc_rto_init(struct rc_qp *qp, struct san_time now);
void rc_rto_sent(struct rc_qp *qp, bool again, bool ackreq, struct san_time now);
void rc_rto_acked(struct rc_qp *qp, uint32_t psn, struct san_time now);
void rc_rto_progress(struct rc_qp *qp, struct san_time now);
void rc_rto_restart(struct rc_qp *qp, struct san_time now);
void rc_rto_stop(struct rc_qp *qp);
/* Nanoseconds an RNR NAK's timer code asks for. */
uint64_t rc_rnr_ns(uint8_t code);
/* The timer expired: true if the packets shall be sent again, false if patience is at an end. */
bool rc_rto_expired(struct rc_qp *qp, struct san_time now);

#endif
