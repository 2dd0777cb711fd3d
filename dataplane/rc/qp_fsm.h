/* SPDX-License-Identifier: BSD-3-Clause */
/* The states of a queue pair (InfiniBand architecture vol. 1, chapter 10.3.1), which event leads
 * from which to which, and what is done in each. Total: one row for each state and event. The only
 * writer is qp_fsm.c. */
#ifndef SAND_RC_QP_FSM_H
#define SAND_RC_QP_FSM_H

/* What happens in a state. HEAR: requests of the peer are taken and answered. POST: messages may be
 * queued. ASK: requests leave, their answers are taken. BEGIN: so do those of messages not begun.
 */
enum rc_may {
	RC_MAY_HEAR = 1 << 0,
	RC_MAY_POST = 1 << 1,
	RC_MAY_ASK = 1 << 2,
	RC_MAY_BEGIN = 1 << 3,
};

/* X(name, RC_MAY_* without the prefix or 0, text) */
#define RC_STATE_LIST(X)                                                                        \
	X(RESET, 0, "not in use")                                                               \
	X(INIT, 0, "made ready, no peer yet; receive buffers may be posted")                    \
	X(RTR, RC_MAY_HEAR, "the peer may send; we may not, it may not know us yet")            \
	X(RTS, RC_MAY_HEAR | RC_MAY_POST | RC_MAY_ASK | RC_MAY_BEGIN, "both may send")          \
	X(SQD, RC_MAY_HEAR | RC_MAY_POST | RC_MAY_ASK, "draining: what is begun gets finished") \
	X(SQE, RC_MAY_HEAR, "we stopped sending for good; the peer is answered")                \
	X(ERR, 0, "failed: nothing leaves but the NAK that says so")

/* X(name, what happened) */
#define RC_QP_EVENT_LIST(X)                                  \
	X(INIT, "its memory was made ready")                 \
	X(CONNECT, "the peer and both first PSNs are known") \
	X(READY, "the peer knows us, or the drain is over")  \
	X(DRAIN, "no message shall begin for now")           \
	X(STOP, "nothing shall be sent any more")            \
	X(FAIL, "the peer is gone, or one broke the rules")  \
	X(RESET, "not needed any more")

/* X(state, event, next state, OK or ILLEGAL) */
#define RC_QP_FSM_TABLE(X)                \
	X(RESET, INIT, INIT, OK)          \
	X(RESET, CONNECT, RESET, ILLEGAL) \
	X(RESET, READY, RESET, ILLEGAL)   \
	X(RESET, DRAIN, RESET, ILLEGAL)   \
	X(RESET, STOP, RESET, ILLEGAL)    \
	X(RESET, FAIL, RESET, ILLEGAL)    \
	X(RESET, RESET, RESET, OK)        \
	X(INIT, INIT, INIT, ILLEGAL)      \
	X(INIT, CONNECT, RTR, OK)         \
	X(INIT, READY, INIT, ILLEGAL)     \
	X(INIT, DRAIN, INIT, ILLEGAL)     \
	X(INIT, STOP, INIT, ILLEGAL)      \
	X(INIT, FAIL, ERR, OK)            \
	X(INIT, RESET, RESET, OK)         \
	X(RTR, INIT, RTR, ILLEGAL)        \
	X(RTR, CONNECT, RTR, ILLEGAL)     \
	X(RTR, READY, RTS, OK)            \
	X(RTR, DRAIN, RTR, ILLEGAL)       \
	X(RTR, STOP, SQE, OK)             \
	X(RTR, FAIL, ERR, OK)             \
	X(RTR, RESET, RESET, OK)          \
	X(RTS, INIT, RTS, ILLEGAL)        \
	X(RTS, CONNECT, RTS, ILLEGAL)     \
	X(RTS, READY, RTS, OK)            \
	X(RTS, DRAIN, SQD, OK)            \
	X(RTS, STOP, SQE, OK)             \
	X(RTS, FAIL, ERR, OK)             \
	X(RTS, RESET, RESET, OK)          \
	X(SQD, INIT, SQD, ILLEGAL)        \
	X(SQD, CONNECT, SQD, ILLEGAL)     \
	X(SQD, READY, RTS, OK)            \
	X(SQD, DRAIN, SQD, OK)            \
	X(SQD, STOP, SQE, OK)             \
	X(SQD, FAIL, ERR, OK)             \
	X(SQD, RESET, RESET, OK)          \
	X(SQE, INIT, SQE, ILLEGAL)        \
	X(SQE, CONNECT, SQE, ILLEGAL)     \
	X(SQE, READY, SQE, ILLEGAL)       \
	X(SQE, DRAIN, SQE, ILLEGAL)       \
	X(SQE, STOP, SQE, OK)             \
	X(SQE, FAIL, ERR, OK)             \
	X(SQE, RESET, RESET, OK)          \
	X(ERR, INIT, ERR, ILLEGAL)        \
	X(ERR, CONNECT, ERR, ILLEGAL)     \
	X(ERR, READY, ERR, ILLEGAL)       \
	X(ERR, DRAIN, ERR, ILLEGAL)       \
	X(ERR, STOP, ERR, OK)             \
	X(ERR, FAIL, ERR, OK)             \
	X(ERR, RESET, RESET, OK)

enum rc_state {
#define X(name, may, text) RC_STATE_##name,
	RC_STATE_LIST(X)
#undef X
	    RC_STATE_COUNT
};

enum rc_qp_event {
#define X(name, text) RC_QP_##name,
	RC_QP_EVENT_LIST(X)
#undef X
	    RC_QP_EVENT_COUNT
};

const char *rc_state_name(unsigned state);

#endif
