/* SPDX-License-Identifier: BSD-3-Clause */
/* Both matrices of the close sequence joined by their events as the daemon joins them, and every
 * sequence of six things that may happen to a socket: what its program does, what comes from the
 * wire, what the clock does. Pure states, no engine behind them: those are walked in test_fsm.c and
 * in the simulator. */
#include "test.h"

#include <string.h>

#include "app_fsm.h"
#include "fsm_table.h"
#include "sdp_fsm.h"

#define DEPTH 6

/* What may happen from outside. X(name, text) */
#define HAPPENING_LIST(X)                                     \
	X(OPENED, "the CM handshake is done")                 \
	X(SHUT, "the program shuts its sending side")         \
	X(CLOSE, "the program closes, orderly")               \
	X(CLOSE_ABORT, "the program closes, abortively")      \
	X(DIED, "the last process dies, nothing unread")      \
	X(DIED_UNREAD, "the same, with unread data")          \
	X(UPCALLS, "the last process lets go of the slot")    \
	X(DISCONN, "the peer's DisConn")                      \
	X(DISCONN_ACKED, "our DisConn is acknowledged")       \
	X(DREQ, "the peer's DREQ")                            \
	X(DREP, "the answer to ours, or retries are used up") \
	X(RESET, "AbortConn, NAK, retries used up")           \
	X(DEADLINE, "the wire state's deadline passes")       \
	X(PORT_DOWN, "the port goes away")

enum happening {
#define X(name, text) HAPPENING_##name,
	HAPPENING_LIST(X)
#undef X
	    HAPPENING_COUNT
};

enum wire_action {
#define X(name, text) ACT_##name,
	SDP_FSM_ACTION_LIST(X)
#undef X
};
enum wire_deadline {
#define X(name, text) WAIT_##name,
	SDP_FSM_DEADLINE_LIST(X)
#undef X
};

static const struct {
	uint8_t next, action, deadline;
} wire_matrix[SDP_STATE_COUNT][SDP_FSM_EVENT_COUNT] = {
#define X(state, event, next, action, deadline) \
	[SDP_STATE_##state][SDP_FSM_##event] = {SDP_STATE_##next, ACT_##action, WAIT_##deadline},
    SDP_FSM_TABLE(X)
#undef X
};

/* A socket and everything that must happen once at most, or not too early. */
struct world {
	struct app_side app;
	uint8_t wire, waits; /* enum sdp_state, enum wire_deadline */
	bool program_closed; /* it called close, or died */
	bool freed;
	uint8_t close_wires, disconns, eofs, teardowns, freeings;
	char past[DEPTH + 24];
	unsigned steps;
};

static uint64_t worlds;

static void
complain(const struct world *w, const char *what)
{
	static const char *const name[] = {
#define X(n, text) #n,
	    HAPPENING_LIST(X)
#undef X
	};

	for (unsigned i = 0; i < w->steps; i++)
		print_error("%s\n", name[(unsigned)w->past[i]]);
	fail_msg("%s", what);
}

#define MUST(w, truth)                                \
	do {                                          \
		if (!(truth))                         \
			complain((w), "not " #truth); \
	} while (0)

/* The daemon's sweep: both sides finished, nothing refers to it. */
static void
sweep(struct world *w)
{
	if (w->app.state == APP_STATE_GONE && w->wire == SDP_STATE_DEAD && !w->freed) {
		w->freed = true;
		w->freeings++;
		MUST(w, w->program_closed);
	}
}

static void app(struct world *w, enum app_event event, bool abort);

static void
wire(struct world *w, enum sdp_fsm_event event)
{
	uint8_t before = w->wire, action = wire_matrix[before][event].action;

	if (action == ACT_ILLEGAL) {
		MUST(w, wire_matrix[before][event].next == before);
		return;
	}
	w->wire = wire_matrix[before][event].next;
	if (wire_matrix[before][event].deadline != WAIT_KEEP)
		w->waits = wire_matrix[before][event].deadline;
	MUST(w, before != SDP_STATE_DEAD || w->wire == SDP_STATE_DEAD);
	w->disconns += action == ACT_SEND_DISCONN;
	w->eofs += action == ACT_REPORT_EOF;
	w->teardowns += action == ACT_DISCONNECT || action == ACT_GIVE_UP || action == ACT_ABORT;
	if (action == ACT_REPORT_EOF)
		app(w, APP_EVENT_WIRE_EOF, false);
	if (w->wire == SDP_STATE_DEAD && before != SDP_STATE_DEAD)
		app(w, APP_EVENT_WIRE_DEAD, false);
}

static void
app(struct world *w, enum app_event event, bool abort)
{
	enum app_state before = w->app.state;

	switch (app_fsm(&w->app, event)) {
	case APP_ACTION_CLOSE_WIRE:
		w->close_wires++;
		wire(w, abort ? SDP_FSM_ABORT : SDP_FSM_CLOSE);
		break;
	case APP_ACTION_SWEEP:
		MUST(w, w->app.state == APP_STATE_GONE);
		break;
	case APP_ACTION_ILLEGAL:
		MUST(w, w->app.state == before);
		break;
	case APP_ACTION_NONE:
	case APP_ACTION_COUNT:
		break;
	}
	sweep(w);
}

static void
program(struct world *w, enum app_event event, bool abort)
{
	if (event != APP_EVENT_SHUT)
		w->program_closed = true;
	app(w, event, abort);
	if (event == APP_EVENT_SHUT && w->app.state == APP_STATE_SHUT_WR)
		wire(w, SDP_FSM_SHUT);
}

static void
happen(struct world *w, enum happening h)
{
	w->past[w->steps++] = (char)h;
	switch (h) {
	case HAPPENING_OPENED:
		wire(w, SDP_FSM_OPEN);
		break;
	case HAPPENING_SHUT:
		program(w, APP_EVENT_SHUT, false);
		break;
	case HAPPENING_CLOSE:
	case HAPPENING_CLOSE_ABORT:
		program(w, APP_EVENT_CLOSE, h == HAPPENING_CLOSE_ABORT);
		break;
	case HAPPENING_DIED:
	case HAPPENING_DIED_UNREAD:
		program(w, APP_EVENT_APP_DIED, h == HAPPENING_DIED_UNREAD);
		break;
	case HAPPENING_UPCALLS:
		app(w, APP_EVENT_UPCALLS_DONE, false);
		break;
	case HAPPENING_DISCONN:
		wire(w, SDP_FSM_DISCONN);
		break;
	case HAPPENING_DISCONN_ACKED:
		wire(w, SDP_FSM_DISCONN_ACKED);
		break;
	case HAPPENING_DREQ:
		wire(w, SDP_FSM_DREQ);
		break;
	case HAPPENING_DREP:
		wire(w, SDP_FSM_DREP);
		break;
	case HAPPENING_RESET:
		wire(w, SDP_FSM_RESET);
		break;
	case HAPPENING_DEADLINE:
		if (w->waits != WAIT_NONE)
			wire(w, SDP_FSM_DEADLINE);
		break;
	case HAPPENING_PORT_DOWN:
		wire(w, SDP_FSM_PORT_DOWN);
		break;
	case HAPPENING_COUNT:
		break;
	}
}

/* True in every world. */
static void
rules_hold(const struct world *w)
{
	MUST(w, w->close_wires <= 1);
	MUST(w, w->disconns <= 1);
	MUST(w, w->eofs <= 1);
	MUST(w, w->teardowns <= 1);
	MUST(w, w->freeings <= 1);
	MUST(w, !w->freed || w->program_closed);
	/* A program that has closed waits for nobody without a deadline. */
	MUST(w, !w->program_closed || w->wire == SDP_STATE_DEAD || w->waits != WAIT_NONE);
	/* Everything that wants a DREQ has a limit of its own. */
	MUST(w, w->wire != SDP_STATE_LINGER || w->waits == WAIT_LINGER);
}

/* With the peer silent for ever: once the program has closed and let go, deadlines alone free it.
 */
static void
ends_by_itself(struct world w)
{
	happen(&w, HAPPENING_CLOSE);
	for (unsigned i = 0; i < 3 && w.wire != SDP_STATE_DEAD; i++)
		happen(&w, HAPPENING_DEADLINE);
	happen(&w, HAPPENING_UPCALLS);
	MUST(&w, w.freed);
}

static void
walk(const struct world *w)
{
	worlds++;
	rules_hold(w);
	ends_by_itself(*w);
	if (w->steps == DEPTH)
		return;
	for (unsigned h = 0; h < HAPPENING_COUNT; h++) {
		struct world next = *w;

		happen(&next, (enum happening)h);
		walk(&next);
	}
}

static void
walk_from(enum sdp_state start)
{
	struct world w = {.wire = (uint8_t)start, .waits = WAIT_NONE};

	app_fsm_init(&w.app);
	worlds = 0;
	walk(&w);
	/* 1 + 14 + 14^2 ... 14^6 */
	assert_int_equal(worlds, 8108731);
}

static void
walk__six_from_the_handshake(void **state)
{
	(void)state;
	walk_from(SDP_STATE_OPENING);
}

static void
walk__six_from_open(void **state)
{
	(void)state;
	walk_from(SDP_STATE_OPEN);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(walk__six_from_the_handshake),
	    cmocka_unit_test(walk__six_from_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
