/* SPDX-License-Identifier: BSD-3-Clause */
/* The wire side's matrix, once: the engine's table, the documentation and the exhaustive tests are
 * all made from it. Total: one row for each state and event. */
#ifndef SAND_SDP_FSM_TABLE_H
#define SAND_SDP_FSM_TABLE_H

/* What a cell does besides changing the state. X(name, meaning) */
#define SDP_FSM_ACTION_LIST(X)                                                                \
	X(ILLEGAL, "counted, nothing else: the event cannot mean anything in this state")     \
	X(NOTHING, "only the state changes, if that")                                         \
	X(SEND_DISCONN, "send DisConn behind all queued data")                                \
	X(REPORT_EOF, "tell the program that the peer's data ends here")                      \
	X(DISCONNECT, "stop sending; the connection manager shall send DREQ")                 \
	X(GIVE_UP, "as DISCONNECT; TIMEDOUT unless both sides were done")                     \
	X(ABORT, "drop what is unsent; AbortConn if DisConn has left and the peer may still " \
		 "send or wait; DREQ")                                                        \
	X(LOST, "the peer gave up before both sides were done: CONNRESET")                    \
	X(FAIL, "report why the connection broke; DREQ")                                      \
	X(FINISH, "orderly end, or CONNRESET if our DisConn never left")                      \
	X(DOWN, "report NETDOWN")

/* How long the connection may stay in the state entered. X(name, meaning) */
#define SDP_FSM_DEADLINE_LIST(X)                                                                   \
	X(KEEP, "as it was")                                                                       \
	X(NONE, "none: the programs decide how long")                                              \
	X(DISCONN, "once the program has closed: disconn_timeout without progress")                \
	X(DREQ, "who closed first does not wait once its DisConn is acknowledged; the other side " \
		"waits disconn_timeout for the peer's DREQ")                                       \
	X(LINGER, "linger_timeout")

/* X(state, event, next state, action, deadline) */
#define SDP_FSM_TABLE(X)                                               \
	X(IDLE, OPEN, OPEN, NOTHING, NONE)                             \
	X(IDLE, SHUT, IDLE, ILLEGAL, KEEP)                             \
	X(IDLE, CLOSE, DEAD, NOTHING, NONE)                            \
	X(IDLE, ABORT, DEAD, NOTHING, NONE)                            \
	X(IDLE, DISCONN, IDLE, ILLEGAL, KEEP)                          \
	X(IDLE, DISCONN_ACKED, IDLE, ILLEGAL, KEEP)                    \
	X(IDLE, DREQ, IDLE, ILLEGAL, KEEP)                             \
	X(IDLE, DREP, IDLE, ILLEGAL, KEEP)                             \
	X(IDLE, RESET, IDLE, ILLEGAL, KEEP)                            \
	X(IDLE, DEADLINE, IDLE, ILLEGAL, KEEP)                         \
	X(IDLE, PORT_DOWN, DEAD, DOWN, NONE)                           \
	X(OPENING, OPEN, OPEN, NOTHING, NONE)                          \
	X(OPENING, SHUT, OPENING, ILLEGAL, KEEP)                       \
	X(OPENING, CLOSE, LINGER, DISCONNECT, LINGER)                  \
	X(OPENING, ABORT, LINGER, DISCONNECT, LINGER)                  \
	X(OPENING, DISCONN, OPENING, ILLEGAL, KEEP)                    \
	X(OPENING, DISCONN_ACKED, OPENING, ILLEGAL, KEEP)              \
	X(OPENING, DREQ, DEAD, LOST, NONE)                             \
	X(OPENING, DREP, OPENING, ILLEGAL, KEEP)                       \
	X(OPENING, RESET, DEAD, FAIL, NONE)                            \
	X(OPENING, DEADLINE, OPENING, ILLEGAL, KEEP)                   \
	X(OPENING, PORT_DOWN, DEAD, DOWN, NONE)                        \
	X(OPEN, OPEN, OPEN, ILLEGAL, KEEP)                             \
	X(OPEN, SHUT, DISCONN_SENT, SEND_DISCONN, DISCONN)             \
	X(OPEN, CLOSE, DISCONN_SENT, SEND_DISCONN, DISCONN)            \
	X(OPEN, ABORT, LINGER, ABORT, LINGER)                          \
	X(OPEN, DISCONN, DISCONN_RCVD, REPORT_EOF, NONE)               \
	X(OPEN, DISCONN_ACKED, OPEN, ILLEGAL, KEEP)                    \
	X(OPEN, DREQ, DEAD, LOST, NONE)                                \
	X(OPEN, DREP, OPEN, ILLEGAL, KEEP)                             \
	X(OPEN, RESET, DEAD, FAIL, NONE)                               \
	X(OPEN, DEADLINE, OPEN, ILLEGAL, KEEP)                         \
	X(OPEN, PORT_DOWN, DEAD, DOWN, NONE)                           \
	X(DISCONN_SENT, OPEN, DISCONN_SENT, ILLEGAL, KEEP)             \
	X(DISCONN_SENT, SHUT, DISCONN_SENT, NOTHING, KEEP)             \
	X(DISCONN_SENT, CLOSE, DISCONN_SENT, NOTHING, DISCONN)         \
	X(DISCONN_SENT, ABORT, LINGER, ABORT, LINGER)                  \
	X(DISCONN_SENT, DISCONN, BOTH, REPORT_EOF, DREQ)               \
	X(DISCONN_SENT, DISCONN_ACKED, DISCONN_SENT, NOTHING, DISCONN) \
	X(DISCONN_SENT, DREQ, DEAD, LOST, NONE)                        \
	X(DISCONN_SENT, DREP, DISCONN_SENT, ILLEGAL, KEEP)             \
	X(DISCONN_SENT, RESET, DEAD, FAIL, NONE)                       \
	X(DISCONN_SENT, DEADLINE, LINGER, GIVE_UP, LINGER)             \
	X(DISCONN_SENT, PORT_DOWN, DEAD, DOWN, NONE)                   \
	X(DISCONN_RCVD, OPEN, DISCONN_RCVD, ILLEGAL, KEEP)             \
	X(DISCONN_RCVD, SHUT, BOTH, SEND_DISCONN, DREQ)                \
	X(DISCONN_RCVD, CLOSE, BOTH, SEND_DISCONN, DREQ)               \
	X(DISCONN_RCVD, ABORT, LINGER, ABORT, LINGER)                  \
	X(DISCONN_RCVD, DISCONN, DISCONN_RCVD, ILLEGAL, KEEP)          \
	X(DISCONN_RCVD, DISCONN_ACKED, DISCONN_RCVD, ILLEGAL, KEEP)    \
	X(DISCONN_RCVD, DREQ, DEAD, LOST, NONE)                        \
	X(DISCONN_RCVD, DREP, DISCONN_RCVD, ILLEGAL, KEEP)             \
	X(DISCONN_RCVD, RESET, DEAD, FAIL, NONE)                       \
	X(DISCONN_RCVD, DEADLINE, DISCONN_RCVD, ILLEGAL, KEEP)         \
	X(DISCONN_RCVD, PORT_DOWN, DEAD, DOWN, NONE)                   \
	X(BOTH, OPEN, BOTH, ILLEGAL, KEEP)                             \
	X(BOTH, SHUT, BOTH, NOTHING, KEEP)                             \
	X(BOTH, CLOSE, BOTH, NOTHING, DREQ)                            \
	X(BOTH, ABORT, LINGER, ABORT, LINGER)                          \
	X(BOTH, DISCONN, BOTH, ILLEGAL, KEEP)                          \
	X(BOTH, DISCONN_ACKED, BOTH, NOTHING, DREQ)                    \
	X(BOTH, DREQ, DEAD, FINISH, NONE)                              \
	X(BOTH, DREP, BOTH, ILLEGAL, KEEP)                             \
	X(BOTH, RESET, DEAD, FAIL, NONE)                               \
	X(BOTH, DEADLINE, LINGER, GIVE_UP, LINGER)                     \
	X(BOTH, PORT_DOWN, DEAD, DOWN, NONE)                           \
	X(LINGER, OPEN, LINGER, ILLEGAL, KEEP)                         \
	X(LINGER, SHUT, LINGER, NOTHING, KEEP)                         \
	X(LINGER, CLOSE, LINGER, NOTHING, KEEP)                        \
	X(LINGER, ABORT, LINGER, NOTHING, KEEP)                        \
	X(LINGER, DISCONN, LINGER, NOTHING, KEEP)                      \
	X(LINGER, DISCONN_ACKED, LINGER, NOTHING, KEEP)                \
	X(LINGER, DREQ, DEAD, NOTHING, NONE)                           \
	X(LINGER, DREP, DEAD, NOTHING, NONE)                           \
	X(LINGER, RESET, DEAD, NOTHING, NONE)                          \
	X(LINGER, DEADLINE, DEAD, NOTHING, NONE)                       \
	X(LINGER, PORT_DOWN, DEAD, NOTHING, NONE)                      \
	X(DEAD, OPEN, DEAD, ILLEGAL, KEEP)                             \
	X(DEAD, SHUT, DEAD, NOTHING, KEEP)                             \
	X(DEAD, CLOSE, DEAD, NOTHING, KEEP)                            \
	X(DEAD, ABORT, DEAD, NOTHING, KEEP)                            \
	X(DEAD, DISCONN, DEAD, ILLEGAL, KEEP)                          \
	X(DEAD, DISCONN_ACKED, DEAD, ILLEGAL, KEEP)                    \
	X(DEAD, DREQ, DEAD, NOTHING, KEEP)                             \
	X(DEAD, DREP, DEAD, NOTHING, KEEP)                             \
	X(DEAD, RESET, DEAD, NOTHING, KEEP)                            \
	X(DEAD, DEADLINE, DEAD, ILLEGAL, KEEP)                         \
	X(DEAD, PORT_DOWN, DEAD, NOTHING, KEEP)

enum sdp_fsm_action {
#define X(name, text) SDP_ACT_##name,
	SDP_FSM_ACTION_LIST(X)
#undef X
};

enum sdp_fsm_deadline {
#define X(name, text) SDP_DEADLINE_##name,
	SDP_FSM_DEADLINE_LIST(X)
#undef X
};

#endif
