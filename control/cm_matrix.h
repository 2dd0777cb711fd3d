/* SPDX-License-Identifier: BSD-3-Clause */
/* What can happen to a connection, once: the engine's table, the documentation (cm.md) and the
 * tests are made from it. Total: one row for each state and input. Only cm_*.c and tests include
 * it. */
#ifndef SAND_CONTROL_CM_MATRIX_H
#define SAND_CONTROL_CM_MATRIX_H

/* The states of one handle; there is none for "gone": the handle is freed. X(name, meaning) */
#define CM_STATE_LIST(X)                                        \
	X(REQ_SENT, "active: waiting for the peer's answer")    \
	X(REP_RCVD, "active: waiting for the owner to confirm") \
	X(REQ_RCVD, "passive: waiting for the owner to accept") \
	X(REP_SENT, "passive: waiting for the RTU")             \
	X(ESTABLISHED, "both sides agree")                      \
	X(DREQ_SENT, "waiting for the DREP")                    \
	X(TIMEWAIT, "answers late messages until the QPN may be reused")

/* Messages, the owner's calls, time. X(name, meaning) */
#define CM_INPUT_LIST(X)                                                     \
	X(REQ, "the REQ this handle came from, again")                       \
	X(REP, "a REP for our REQ")                                          \
	X(RTU, "an RTU for our REP")                                         \
	X(REJ, "a REJ for any of ours")                                      \
	X(MRA, "the peer needs more time")                                   \
	X(DREQ, "the peer disconnects")                                      \
	X(DREP, "an answer to our DREQ")                                     \
	X(STALE, "another attempt of the peer uses this handle's remote QP") \
	X(ACCEPT, "cm_accept")                                               \
	X(REJECT, "cm_reject")                                               \
	X(IGNORE, "cm_ignore")                                               \
	X(CONFIRM, "cm_confirm")                                             \
	X(DATA, "cm_data_arrived")                                           \
	X(DISCONNECT, "cm_disconnect")                                       \
	X(RETRY, "no answer in time, repeats are left")                      \
	X(EXPIRE, "no answer in time, no repeats are left")                  \
	X(EVICT, "half-open for longest: it must make room for a newer attempt")

/* What a cell does besides changing the state. An action that finds the input wrong returns an
 * error, and the state stays. X(name, function, meaning) */
#define CM_ACTION_LIST(X)                                                                         \
	X(NOTHING, nothing, "nothing")                                                            \
	X(WRONG, wrong, "the owner called what this state does not allow: SAN_EINVAL")            \
	X(UNEXPECTED, unexpected, "counted (unknown), not answered")                              \
	X(DUPLICATE, duplicate, "counted (duplicates), not answered")                             \
	X(TAKE_REP, take_rep, "event REP")                                                        \
	X(REJECTED, rejected, "event REJECTED")                                                   \
	X(REJECTED_LATE, rejected_late, "the peer never saw our RTU: event DREQ with the reason") \
	X(EXTEND, extend, "wait as long as the MRA asks, within bounds")                          \
	X(REPEAT, repeat, "send the last message again")                                          \
	X(REPEAT_ASKED, repeat_asked, "the same, and count a duplicate: the answer was lost")     \
	X(ASK_PATIENCE, ask_patience, "count a duplicate; MRA")                                   \
	X(SEND_REP, send_rep, "REP")                                                              \
	X(SEND_RTU, send_rtu, "RTU")                                                              \
	X(RTU_AGAIN, rtu_again, "active: RTU once more; passive: UNEXPECTED")                     \
	X(ESTABLISHED, established, "event ESTABLISHED")                                          \
	X(REJECT_REQ, reject_req, "REJ of the REQ with the owner's reason")                       \
	X(REJECT_REP, reject_rep, "REJ of the REP with the owner's reason")                       \
	X(CANCEL_REQ, cancel_req, "REJ of the REQ, reason 4 with our CA GUID")                    \
	X(CANCEL_REP, cancel_rep, "REJ of the REP, reason 4 with our CA GUID")                    \
	X(REFUSE_REQ, refuse_req, "REJ of the REQ, reason 28")                                    \
	X(REFUSE_REP, refuse_rep, "REJ of the REP, reason 28")                                    \
	X(GIVE_UP_REQ, give_up_req, "as CANCEL_REQ; event TIMEDOUT")                              \
	X(DROP, drop, "event TIMEDOUT; the peer hears nothing and may ask again")                 \
	X(GIVE_UP_REP, give_up_rep, "as CANCEL_REP; event TIMEDOUT")                              \
	X(STALED, staled, "event REJECTED with reason 10")                                        \
	X(STALED_LATE, staled_late, "DREQ, so that both sides forget; event DREQ with reason 10") \
	X(SEND_DREQ, send_dreq, "DREQ")                                                           \
	X(ANSWER_DREQ, answer_dreq, "DREP; event DREQ")                                           \
	X(ANSWER_AGAIN, answer_again, "count a duplicate; DREP")                                  \
	X(ANSWER_CROSS, answer_cross, "both left at once: DREP; event DREQ_DONE")                 \
	X(ANSWER_STALE, answer_stale, "REJ, reason 10")                                           \
	X(DONE, done, "event DREQ_DONE")                                                          \
	X(GIVE_UP_DREQ, give_up_dreq, "count a timeout; event DREQ_DONE")                         \
	X(FORGET, forget, "event GONE")

/* X(state, input, next state, action) */
#define CM_MATRIX(X)                                     \
	X(REQ_SENT, REQ, REQ_SENT, UNEXPECTED)           \
	X(REQ_SENT, REP, REP_RCVD, TAKE_REP)             \
	X(REQ_SENT, RTU, REQ_SENT, UNEXPECTED)           \
	X(REQ_SENT, REJ, GONE, REJECTED)                 \
	X(REQ_SENT, MRA, REQ_SENT, EXTEND)               \
	X(REQ_SENT, DREQ, REQ_SENT, UNEXPECTED)          \
	X(REQ_SENT, DREP, REQ_SENT, UNEXPECTED)          \
	X(REQ_SENT, STALE, REQ_SENT, NOTHING)            \
	X(REQ_SENT, ACCEPT, REQ_SENT, WRONG)             \
	X(REQ_SENT, REJECT, REQ_SENT, WRONG)             \
	X(REQ_SENT, IGNORE, REQ_SENT, WRONG)             \
	X(REQ_SENT, CONFIRM, REQ_SENT, WRONG)            \
	X(REQ_SENT, DATA, REQ_SENT, NOTHING)             \
	X(REQ_SENT, DISCONNECT, GONE, CANCEL_REQ)        \
	X(REQ_SENT, RETRY, REQ_SENT, REPEAT)             \
	X(REQ_SENT, EXPIRE, GONE, GIVE_UP_REQ)           \
	X(REQ_SENT, EVICT, REQ_SENT, NOTHING)            \
	X(REP_RCVD, REQ, REP_RCVD, UNEXPECTED)           \
	X(REP_RCVD, REP, REP_RCVD, ASK_PATIENCE)         \
	X(REP_RCVD, RTU, REP_RCVD, UNEXPECTED)           \
	X(REP_RCVD, REJ, GONE, REJECTED)                 \
	X(REP_RCVD, MRA, REP_RCVD, DUPLICATE)            \
	X(REP_RCVD, DREQ, TIMEWAIT, ANSWER_DREQ)         \
	X(REP_RCVD, DREP, REP_RCVD, UNEXPECTED)          \
	X(REP_RCVD, STALE, GONE, STALED)                 \
	X(REP_RCVD, ACCEPT, REP_RCVD, WRONG)             \
	X(REP_RCVD, REJECT, GONE, REJECT_REP)            \
	X(REP_RCVD, IGNORE, REP_RCVD, WRONG)             \
	X(REP_RCVD, CONFIRM, ESTABLISHED, SEND_RTU)      \
	X(REP_RCVD, DATA, REP_RCVD, NOTHING)             \
	X(REP_RCVD, DISCONNECT, GONE, REFUSE_REP)        \
	X(REP_RCVD, RETRY, REP_RCVD, NOTHING)            \
	X(REP_RCVD, EXPIRE, GONE, GIVE_UP_REP)           \
	X(REP_RCVD, EVICT, REP_RCVD, NOTHING)            \
	X(REQ_RCVD, REQ, REQ_RCVD, ASK_PATIENCE)         \
	X(REQ_RCVD, REP, REQ_RCVD, UNEXPECTED)           \
	X(REQ_RCVD, RTU, REQ_RCVD, UNEXPECTED)           \
	X(REQ_RCVD, REJ, GONE, REJECTED)                 \
	X(REQ_RCVD, MRA, REQ_RCVD, UNEXPECTED)           \
	X(REQ_RCVD, DREQ, REQ_RCVD, UNEXPECTED)          \
	X(REQ_RCVD, DREP, REQ_RCVD, UNEXPECTED)          \
	X(REQ_RCVD, STALE, GONE, STALED)                 \
	X(REQ_RCVD, ACCEPT, REP_SENT, SEND_REP)          \
	X(REQ_RCVD, REJECT, GONE, REJECT_REQ)            \
	X(REQ_RCVD, IGNORE, GONE, NOTHING)               \
	X(REQ_RCVD, CONFIRM, REQ_RCVD, WRONG)            \
	X(REQ_RCVD, DATA, REQ_RCVD, NOTHING)             \
	X(REQ_RCVD, DISCONNECT, GONE, REFUSE_REQ)        \
	X(REQ_RCVD, RETRY, REQ_RCVD, NOTHING)            \
	X(REQ_RCVD, EXPIRE, GONE, GIVE_UP_REQ)           \
	X(REQ_RCVD, EVICT, GONE, DROP)                   \
	X(REP_SENT, REQ, REP_SENT, REPEAT_ASKED)         \
	X(REP_SENT, REP, REP_SENT, UNEXPECTED)           \
	X(REP_SENT, RTU, ESTABLISHED, ESTABLISHED)       \
	X(REP_SENT, REJ, GONE, REJECTED)                 \
	X(REP_SENT, MRA, REP_SENT, EXTEND)               \
	X(REP_SENT, DREQ, TIMEWAIT, ANSWER_DREQ)         \
	X(REP_SENT, DREP, REP_SENT, UNEXPECTED)          \
	X(REP_SENT, STALE, GONE, STALED)                 \
	X(REP_SENT, ACCEPT, REP_SENT, WRONG)             \
	X(REP_SENT, REJECT, REP_SENT, WRONG)             \
	X(REP_SENT, IGNORE, REP_SENT, WRONG)             \
	X(REP_SENT, CONFIRM, REP_SENT, WRONG)            \
	X(REP_SENT, DATA, ESTABLISHED, ESTABLISHED)      \
	X(REP_SENT, DISCONNECT, GONE, CANCEL_REP)        \
	X(REP_SENT, RETRY, REP_SENT, REPEAT)             \
	X(REP_SENT, EXPIRE, GONE, GIVE_UP_REP)           \
	X(REP_SENT, EVICT, GONE, GIVE_UP_REP)            \
	X(ESTABLISHED, REQ, ESTABLISHED, DUPLICATE)      \
	X(ESTABLISHED, REP, ESTABLISHED, RTU_AGAIN)      \
	X(ESTABLISHED, RTU, ESTABLISHED, DUPLICATE)      \
	X(ESTABLISHED, REJ, TIMEWAIT, REJECTED_LATE)     \
	X(ESTABLISHED, MRA, ESTABLISHED, DUPLICATE)      \
	X(ESTABLISHED, DREQ, TIMEWAIT, ANSWER_DREQ)      \
	X(ESTABLISHED, DREP, ESTABLISHED, UNEXPECTED)    \
	X(ESTABLISHED, STALE, TIMEWAIT, STALED_LATE)     \
	X(ESTABLISHED, ACCEPT, ESTABLISHED, WRONG)       \
	X(ESTABLISHED, REJECT, ESTABLISHED, WRONG)       \
	X(ESTABLISHED, IGNORE, ESTABLISHED, WRONG)       \
	X(ESTABLISHED, CONFIRM, ESTABLISHED, WRONG)      \
	X(ESTABLISHED, DATA, ESTABLISHED, NOTHING)       \
	X(ESTABLISHED, DISCONNECT, DREQ_SENT, SEND_DREQ) \
	X(ESTABLISHED, RETRY, ESTABLISHED, NOTHING)      \
	X(ESTABLISHED, EXPIRE, ESTABLISHED, NOTHING)     \
	X(ESTABLISHED, EVICT, ESTABLISHED, NOTHING)      \
	X(DREQ_SENT, REQ, DREQ_SENT, DUPLICATE)          \
	X(DREQ_SENT, REP, DREQ_SENT, DUPLICATE)          \
	X(DREQ_SENT, RTU, DREQ_SENT, DUPLICATE)          \
	X(DREQ_SENT, REJ, TIMEWAIT, DONE)                \
	X(DREQ_SENT, MRA, DREQ_SENT, DUPLICATE)          \
	X(DREQ_SENT, DREQ, TIMEWAIT, ANSWER_CROSS)       \
	X(DREQ_SENT, DREP, TIMEWAIT, DONE)               \
	X(DREQ_SENT, STALE, TIMEWAIT, DONE)              \
	X(DREQ_SENT, ACCEPT, DREQ_SENT, WRONG)           \
	X(DREQ_SENT, REJECT, DREQ_SENT, WRONG)           \
	X(DREQ_SENT, IGNORE, DREQ_SENT, WRONG)           \
	X(DREQ_SENT, CONFIRM, DREQ_SENT, WRONG)          \
	X(DREQ_SENT, DATA, DREQ_SENT, NOTHING)           \
	X(DREQ_SENT, DISCONNECT, DREQ_SENT, WRONG)       \
	X(DREQ_SENT, RETRY, DREQ_SENT, REPEAT)           \
	X(DREQ_SENT, EXPIRE, TIMEWAIT, GIVE_UP_DREQ)     \
	X(DREQ_SENT, EVICT, DREQ_SENT, NOTHING)          \
	X(TIMEWAIT, REQ, TIMEWAIT, ANSWER_STALE)         \
	X(TIMEWAIT, REP, TIMEWAIT, ANSWER_STALE)         \
	X(TIMEWAIT, RTU, TIMEWAIT, DUPLICATE)            \
	X(TIMEWAIT, REJ, TIMEWAIT, DUPLICATE)            \
	X(TIMEWAIT, MRA, TIMEWAIT, DUPLICATE)            \
	X(TIMEWAIT, DREQ, TIMEWAIT, ANSWER_AGAIN)        \
	X(TIMEWAIT, DREP, TIMEWAIT, DUPLICATE)           \
	X(TIMEWAIT, STALE, TIMEWAIT, NOTHING)            \
	X(TIMEWAIT, ACCEPT, TIMEWAIT, WRONG)             \
	X(TIMEWAIT, REJECT, TIMEWAIT, WRONG)             \
	X(TIMEWAIT, IGNORE, TIMEWAIT, WRONG)             \
	X(TIMEWAIT, CONFIRM, TIMEWAIT, WRONG)            \
	X(TIMEWAIT, DATA, TIMEWAIT, NOTHING)             \
	X(TIMEWAIT, DISCONNECT, TIMEWAIT, WRONG)         \
	X(TIMEWAIT, RETRY, TIMEWAIT, NOTHING)            \
	X(TIMEWAIT, EXPIRE, GONE, FORGET)                \
	X(TIMEWAIT, EVICT, TIMEWAIT, NOTHING)

enum cm_state {
#define X(name, text) CM_ST_##name,
	CM_STATE_LIST(X)
#undef X
	    CM_ST_COUNT,
	CM_ST_GONE = CM_ST_COUNT, /* only as a destination */
};

enum cm_input_type {
#define X(name, text) CM_IN_##name,
	CM_INPUT_LIST(X)
#undef X
	    CM_IN_COUNT
};

enum cm_action {
#define X(name, function, text) CM_ACT_##name,
	CM_ACTION_LIST(X)
#undef X
	    CM_ACT_COUNT
};

const char *cm_state_name(enum cm_state s);
const char *cm_input_name(enum cm_input_type t);
const char *cm_action_name(enum cm_action a);

#endif
