/* SPDX-License-Identifier: BSD-3-Clause */
/* The app side's matrix: every sequence of events to a depth that covers all paths several times,
 * each checked against what the close contract promises. */
#include "test.h"

#include "app_fsm.h"

#define DEPTH 7

struct history {
	int closes, released; /* CLOSE_WIRE actions; GONE entered */
	int let_go;	      /* CLOSE or APP_DIED was accepted */
};

static void
promises_hold(const struct app_side *a, const struct history *h)
{
	/* The wire is told to close exactly once, and exactly when the program let go. */
	assert_int_equal(h->closes, h->let_go);
	assert_true(h->closes <= 1);
	assert_true(h->released <= 1);
	/* Nobody may use a slot of a program that let go, and vice versa. */
	assert_int_equal(app_fsm_held(a), h->let_go == 0);
	if (a->state == APP_STATE_GONE)
		assert_int_equal(h->let_go, 1);
}

static void
step(struct app_side *a, struct history *h, enum app_event e)
{
	enum app_state before = a->state;
	enum app_action action = app_fsm(a, e);

	if (action == APP_ACTION_ILLEGAL) {
		assert_int_equal(a->state, before);
		return;
	}
	h->closes += action == APP_ACTION_CLOSE_WIRE;
	h->let_go +=
	    e == APP_EVENT_CLOSE || e == APP_EVENT_APP_DIED ? before <= APP_STATE_SHUT_WR : 0;
	h->released += a->state == APP_STATE_GONE && before != APP_STATE_GONE;
	/* GONE is for ever; CLOSED is never left backwards. */
	assert_true(a->state >= before);
}

static void
walk(struct app_side a, struct history h, int depth)
{
	promises_hold(&a, &h);
	if (depth == 0)
		return;
	for (int e = 0; e < APP_EVENT_COUNT; e++) {
		struct app_side next = a;
		struct history after = h;

		step(&next, &after, (enum app_event)e);
		walk(next, after, depth - 1);
	}
}

static void
every_sequence_keeps_the_promises(void **state)
{
	struct app_side a;

	(void)state;
	app_fsm_init(&a);
	walk(a, (struct history){0}, DEPTH);
}

/* From every state the program's death alone, or close and the end of upcalls, leads to GONE. */
static void
every_state_has_a_way_out(void **state)
{
	(void)state;
	for (int s = 0; s < APP_STATE_COUNT; s++) {
		struct app_side died = {(enum app_state)s}, closed = {(enum app_state)s};

		app_fsm(&died, APP_EVENT_APP_DIED);
		assert_int_equal(died.state, APP_STATE_GONE);
		app_fsm(&closed, APP_EVENT_CLOSE);
		app_fsm(&closed, APP_EVENT_UPCALLS_DONE);
		assert_int_equal(closed.state, APP_STATE_GONE);
	}
}

/* What the peer or the network does never takes the socket away from its program. */
static void
wire_events_never_take_the_socket_away(void **state)
{
	(void)state;
	for (int s = 0; s < APP_STATE_COUNT; s++) {
		assert_int_equal(app_fsm_cell((enum app_state)s, APP_EVENT_WIRE_EOF)->next, s);
		assert_int_equal(app_fsm_cell((enum app_state)s, APP_EVENT_WIRE_DEAD)->next, s);
	}
}

/* CLOSED is the only closing state, and owns exactly one deadline however it is reached or kept. */
static void
closing_states_own_one_deadline(void **state)
{
	(void)state;
	for (int s = 0; s < APP_STATE_COUNT; s++)
		for (int e = 0; e < APP_EVENT_COUNT; e++) {
			const struct app_cell *c =
			    app_fsm_cell((enum app_state)s, (enum app_event)e);

			assert_int_equal(
			    c->deadline == APP_DEADLINE_UPCALLS, c->next == APP_STATE_CLOSED);
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_sequence_keeps_the_promises),
	    cmocka_unit_test(every_state_has_a_way_out),
	    cmocka_unit_test(wire_events_never_take_the_socket_away),
	    cmocka_unit_test(closing_states_own_one_deadline),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
