/* SPDX-License-Identifier: BSD-3-Clause */
#include "app_fsm.h"

/* clang-format off */
/* X(state, event, next, action, deadline): one row per cell. Written twice is a compiler error,
 * forgotten is caught by the count below. The peer finishing first changes nothing here: until the
 * program has closed nothing is freed. */
#define APP_FSM_MATRIX(X)                                                                          \
	X(ATTACHED, SHUT,         SHUT_WR,  NONE,       NONE)                                      \
	X(ATTACHED, CLOSE,        CLOSED,   CLOSE_WIRE, UPCALLS)                                   \
	X(ATTACHED, APP_DIED,     GONE,     CLOSE_WIRE, NONE)                                      \
	X(ATTACHED, WIRE_EOF,     ATTACHED, NONE,       NONE)                                      \
	X(ATTACHED, WIRE_DEAD,    ATTACHED, NONE,       NONE)                                      \
	X(ATTACHED, UPCALLS_DONE, ATTACHED, ILLEGAL,    NONE)                                      \
	X(SHUT_WR,  SHUT,         SHUT_WR,  NONE,       NONE)                                      \
	X(SHUT_WR,  CLOSE,        CLOSED,   CLOSE_WIRE, UPCALLS)                                   \
	X(SHUT_WR,  APP_DIED,     GONE,     CLOSE_WIRE, NONE)                                      \
	X(SHUT_WR,  WIRE_EOF,     SHUT_WR,  NONE,       NONE)                                      \
	X(SHUT_WR,  WIRE_DEAD,    SHUT_WR,  NONE,       NONE)                                      \
	X(SHUT_WR,  UPCALLS_DONE, SHUT_WR,  ILLEGAL,    NONE)                                      \
	X(CLOSED,   SHUT,         CLOSED,   ILLEGAL,    UPCALLS)                                   \
	X(CLOSED,   CLOSE,        CLOSED,   ILLEGAL,    UPCALLS)                                   \
	X(CLOSED,   APP_DIED,     GONE,     SWEEP,      NONE)                                      \
	X(CLOSED,   WIRE_EOF,     CLOSED,   NONE,       UPCALLS)                                   \
	X(CLOSED,   WIRE_DEAD,    CLOSED,   NONE,       UPCALLS)                                   \
	X(CLOSED,   UPCALLS_DONE, GONE,     SWEEP,      NONE)                                      \
	X(GONE,     SHUT,         GONE,     ILLEGAL,    NONE)                                      \
	X(GONE,     CLOSE,        GONE,     ILLEGAL,    NONE)                                      \
	X(GONE,     APP_DIED,     GONE,     ILLEGAL,    NONE)                                      \
	X(GONE,     WIRE_EOF,     GONE,     NONE,       NONE)                                      \
	X(GONE,     WIRE_DEAD,    GONE,     SWEEP,      NONE)                                      \
	X(GONE,     UPCALLS_DONE, GONE,     ILLEGAL,    NONE)
/* clang-format on */

static const struct app_cell matrix[APP_STATE_COUNT][APP_EVENT_COUNT] = {
#define X(state, event, next, action, deadline)    \
	[APP_STATE_##state][APP_EVENT_##event] = { \
	    APP_STATE_##next, APP_ACTION_##action, APP_DEADLINE_##deadline},
    APP_FSM_MATRIX(X)
#undef X
};

enum {
#define X(state, event, next, action, deadline) +1
	MATRIX_ROWS = 0 APP_FSM_MATRIX(X)
#undef X
};
_Static_assert((int)MATRIX_ROWS == (int)APP_STATE_COUNT * (int)APP_EVENT_COUNT, "matrix is total");

static const char *const state_name[] = {
#define X(name, text) #name,
    APP_STATE_LIST(X)
#undef X
};
static const char *const event_name[] = {
#define X(name, text) #name,
    APP_EVENT_LIST(X)
#undef X
};
static const char *const action_name[] = {
#define X(name, text) #name,
    APP_ACTION_LIST(X)
#undef X
};
static const char *const deadline_text[] = {
#define X(name, text) text,
    APP_DEADLINE_LIST(X)
#undef X
};

void
app_fsm_init(struct app_side *a)
{
	a->state = APP_STATE_ATTACHED;
}

enum app_action
app_fsm(struct app_side *a, enum app_event event)
{
	const struct app_cell *c = &matrix[a->state][event];

	a->state = c->next;
	return c->action;
}

bool
app_fsm_held(const struct app_side *a)
{
	return a->state == APP_STATE_ATTACHED || a->state == APP_STATE_SHUT_WR;
}

const struct app_cell *
app_fsm_cell(enum app_state s, enum app_event e)
{
	return &matrix[s][e];
}

const char *
app_state_name(enum app_state s)
{
	return state_name[s];
}

const char *
app_event_name(enum app_event e)
{
	return event_name[e];
}

const char *
app_action_name(enum app_action a)
{
	return action_name[a];
}

const char *
app_deadline_text(enum app_deadline d)
{
	return deadline_text[d];
}
