/* SPDX-License-Identifier: BSD-3-Clause */
/* The app side of a socket: how far its program has let go of it. The other owner is the wire side
 * (dataplane/sdp/sdp_fsm.h); the two are joined only by events. One total matrix, printed into
 * close.md. This module is the only writer of struct app_side; it does nothing itself, it says what
 * is to be done. */
#ifndef SAND_CONTROL_APP_FSM_H
#define SAND_CONTROL_APP_FSM_H

#include <stdbool.h>

/* X(name, what it means) */
#define APP_STATE_LIST(X)                                                       \
	X(ATTACHED, "a program holds the socket")                               \
	X(SHUT_WR, "the program holds it and sends no more")                    \
	X(CLOSED, "the program closed; a process may still owe upcalls for it") \
	X(GONE, "no process refers to it any more")

/* X(name, what happened) */
#define APP_EVENT_LIST(X)                                             \
	X(SHUT, "the program shut its sending side")                  \
	X(CLOSE, "the program closed its last descriptor")            \
	X(APP_DIED, "the last process that held it is gone")          \
	X(WIRE_EOF, "the peer's DisConn arrived")                     \
	X(WIRE_DEAD, "the wire side is DEAD, or there never was one") \
	X(UPCALLS_DONE, "no process marks the slot as held any more, or the deadline passed")

/* X(name, what the caller must do) */
#define APP_ACTION_LIST(X)                                                                        \
	X(NONE, "nothing")                                                                        \
	X(CLOSE_WIRE, "begin the close sequence on the wire, abortive if the program said so or " \
		      "data is unread")                                                           \
	X(SWEEP, "free it, if both sides are finished and nothing refers to it")                  \
	X(ILLEGAL, "count it and change nothing")

/* What the state an event leads to waits for. X(name, text) */
#define APP_DEADLINE_LIST(X) \
	X(NONE, "-")         \
	X(UPCALLS, "upcalls")

enum app_state {
#define X(name, text) APP_STATE_##name,
	APP_STATE_LIST(X)
#undef X
	    APP_STATE_COUNT
};
enum app_event {
#define X(name, text) APP_EVENT_##name,
	APP_EVENT_LIST(X)
#undef X
	    APP_EVENT_COUNT
};
enum app_action {
#define X(name, text) APP_ACTION_##name,
	APP_ACTION_LIST(X)
#undef X
	    APP_ACTION_COUNT
};
enum app_deadline {
#define X(name, text) APP_DEADLINE_##name,
	APP_DEADLINE_LIST(X)
#undef X
	    APP_DEADLINE_COUNT
};

struct app_cell {
	enum app_state next;
	enum app_action action;
	enum app_deadline deadline;
};

struct app_side {
	enum app_state state;
};

void app_fsm_init(struct app_side *a);
/* Step; returns what is to be done. An ILLEGAL event leaves the state as it is. */
enum app_action app_fsm(struct app_side *a, enum app_event event);
/* True while the program may still use the slot. */
bool app_fsm_held(const struct app_side *a);

const struct app_cell *app_fsm_cell(enum app_state s, enum app_event e);
const char *app_state_name(enum app_state s);
const char *app_event_name(enum app_event e);
const char *app_action_name(enum app_action a);
const char *app_deadline_text(enum app_deadline d);

#endif
