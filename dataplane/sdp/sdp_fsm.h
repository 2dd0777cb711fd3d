/* SPDX-License-Identifier: BSD-3-Clause */
/* The wire side of a connection: which state, which event, which next state. One total matrix, in
 * sdp_fsm.c; the tables in control/close.md are printed from it. */
#ifndef SAND_SDP_FSM_H
#define SAND_SDP_FSM_H

/* X(name, what it means) */
#define SDP_STATE_LIST(X)                                                               \
	X(IDLE, "no connection")                                                        \
	X(OPENING, "CM handshake under way")                                            \
	X(OPEN, "bytes flow both ways")                                                 \
	X(DISCONN_SENT, "our DisConn is queued or sent, the peer still sends")          \
	X(DISCONN_RCVD, "the peer's DisConn arrived, we still send")                    \
	X(BOTH, "both DisConns exchanged; ours may still wait for its acknowledgement") \
	X(LINGER, "DREQ exchange under way")                                            \
	X(DEAD, "nothing will be sent again")

/* X(name, what happened) */
#define SDP_FSM_EVENT_LIST(X)                                                     \
	X(OPEN, "the CM handshake is done")                                       \
	X(SHUT, "the program shut its sending side")                              \
	X(CLOSE, "the program closed, orderly")                                   \
	X(ABORT, "the program closed, abortively, or died with unread data")      \
	X(DISCONN, "the peer's DisConn arrived")                                  \
	X(DISCONN_ACKED, "our DisConn was acknowledged")                          \
	X(DREQ, "the peer's CM asked to disconnect")                              \
	X(DREP, "the peer's CM confirmed our DREQ, or our retries ran out")       \
	X(RESET, "AbortConn, fatal NAK, retries exhausted or protocol violation") \
	X(DEADLINE, "the state's deadline passed")                                \
	X(PORT_DOWN, "the port went away")

enum sdp_state {
#define X(name, text) SDP_STATE_##name,
	SDP_STATE_LIST(X)
#undef X
	    SDP_STATE_COUNT
};

enum sdp_fsm_event {
#define X(name, text) SDP_FSM_##name,
	SDP_FSM_EVENT_LIST(X)
#undef X
	    SDP_FSM_EVENT_COUNT
};

const char *sdp_state_name(enum sdp_state s);
const char *sdp_fsm_event_name(enum sdp_fsm_event e);

#endif
