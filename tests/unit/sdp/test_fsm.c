/* SPDX-License-Identifier: BSD-3-Clause */
/* The matrix, by enumeration: every sequence of six events, from every state. */
#include "fixture.h"

#define DEPTH 6

static void
names__are_those_of_the_lists(void **state)
{
	assert_string_equal(sdp_state_name(SDP_STATE_DISCONN_SENT), "DISCONN_SENT");
	assert_string_equal(sdp_state_name((enum sdp_state)99), "UNKNOWN");
	assert_string_equal(sdp_fsm_event_name(SDP_FSM_DREP), "DREP");
	assert_string_equal(sdp_fsm_event_name((enum sdp_fsm_event)99), "UNKNOWN");
}

/* What the owner of the session does besides stepping, so that actions find the facts they would
 * find. */
static void
step(struct sdp_conn *c, enum sdp_fsm_event ev, struct san_time *now)
{
	struct sdp_session *s = &c->s;

	switch (ev) {
	case SDP_FSM_CLOSE:
	case SDP_FSM_ABORT:
		s->program_closed = true;
		break;
	case SDP_FSM_DISCONN:
		s->peer_disconn = true;
		break;
	case SDP_FSM_DISCONN_ACKED:
		s->disconn_sent = s->disconn_acked = true;
		break;
	case SDP_FSM_RESET:
		s->cause = SAN_ECONNRESET;
		break;
	case SDP_FSM_DEADLINE:
		if (c->fsm.at.ns != UINT64_MAX && now->ns < c->fsm.at.ns)
			*now = c->fsm.at;
		break;
	default:
		break;
	}
	sdp_fsm_step(c, ev, *now);
}

static bool
state_closing(enum sdp_state s)
{
	return s == SDP_STATE_DISCONN_SENT || s == SDP_STATE_BOTH || s == SDP_STATE_LINGER;
}

/* What holds in every reachable configuration. */
static void
check_invariants(const struct sdp_conn *c, const struct sdp_conn *before, enum sdp_fsm_event ev)
{
	const struct sdp_session *s = &c->s;
	enum sdp_state now = sdp_state(c), was = sdp_state(before);

	if (was == SDP_STATE_DEAD)
		assert_int_equal(now, SDP_STATE_DEAD);
	if (now == SDP_STATE_DEAD)
		assert_true(c->fsm.at.ns == UINT64_MAX);
	/* One deadline for each closing state once nobody is left to decide. */
	if (s->program_closed && state_closing(now))
		assert_true(c->fsm.at.ns != UINT64_MAX);
	if (now == SDP_STATE_LINGER)
		assert_true(c->fsm.at.ns != UINT64_MAX);
	/* DEAD is told exactly once, at the transition; so is the wish for a DREQ. */
	assert_int_equal((s->events & SDP_EV_DEAD) != 0, now == SDP_STATE_DEAD);
	if (now == SDP_STATE_LINGER && was != SDP_STATE_LINGER)
		assert_true(s->events & SDP_EV_WANT_DREQ);
	/* An illegal event changes nothing. */
	if (s->counters.fsm_illegal != before->s.counters.fsm_illegal)
		assert_int_equal(now, was);
	if (ev == SDP_FSM_PORT_DOWN)
		assert_int_equal(now, SDP_STATE_DEAD);
	if (ev == SDP_FSM_ABORT)
		assert_true(now == SDP_STATE_LINGER || now == SDP_STATE_DEAD);
}

/* Left alone after its program closed, a connection is DEAD after three deadlines at most. */
static void
check_ends(const struct sdp_conn *c, struct san_time now)
{
	struct sdp_conn end = *c;
	int i;

	if (sdp_state(&end) == SDP_STATE_IDLE)
		return;
	step(&end, SDP_FSM_CLOSE, &now);
	for (i = 0; i < 3 && sdp_state(&end) != SDP_STATE_DEAD; i++)
		step(&end, SDP_FSM_DEADLINE, &now);
	assert_int_equal(sdp_state(&end), SDP_STATE_DEAD);
}

static uint64_t
walk(const struct sdp_conn *c, struct san_time now, int depth)
{
	struct sdp_conn next;
	uint64_t n = 1;
	int e;

	check_ends(c, now);
	if (depth == 0)
		return n;
	for (e = 0; e < SDP_FSM_EVENT_COUNT; e++) {
		struct san_time t = now;

		next = *c;
		step(&next, (enum sdp_fsm_event)e, &t);
		check_invariants(&next, c, (enum sdp_fsm_event)e);
		if (sdp_state(&next) == SDP_STATE_DEAD && sdp_state(c) == SDP_STATE_DEAD)
			continue; /* for ever the same */
		n += walk(&next, t, depth - 1);
	}
	return n;
}

static void
matrix__every_sequence_of_six(void **state)
{
	static struct bench b;
	uint64_t walked = 0;
	int s;

	bench_init(&b);
	for (s = 0; s < SDP_STATE_COUNT; s++) {
		struct sdp_conn c = b.c;

		c.fsm.state = (uint8_t)s;
		/* The facts that go with being there. */
		c.s.peer_disconn = s == SDP_STATE_DISCONN_RCVD || s == SDP_STATE_BOTH;
		c.s.tx_shut = s == SDP_STATE_DISCONN_SENT || s == SDP_STATE_BOTH;
		if (s == SDP_STATE_LINGER)
			c.fsm.at = san_time_add(b.now, SAN_DURATION_S(2));
		if (s == SDP_STATE_DEAD)
			c.s.events = SDP_EV_DEAD;
		walked += walk(&c, b.now, DEPTH);
	}
	assert_true(walked > 1000000);
}

static void
deadline__of_disconn_sent_runs_once_closed(void **state)
{
	struct bench b;

	bench_init(&b);
	sdp_shut(&b.c, b.now);
	bench_emit(&b);
	bench_ack(&b);
	assert_int_equal(sdp_deadline(&b.c).ns, UINT64_MAX);
	sdp_close(&b.c, SDP_CLOSE_GRACEFUL, b.now);
	assert_int_equal(sdp_deadline(&b.c).ns, b.now.ns + SAN_DURATION_S(5).ns);
}

static void
deadline__starts_again_with_progress(void **state)
{
	struct bench b;

	bench_init(&b);
	bench_write(&b, 500);
	sdp_close(&b.c, SDP_CLOSE_GRACEFUL, b.now);
	bench_emit(&b);
	b.now = san_time_add(b.now, SAN_DURATION_MS(5));
	bench_ack(&b);
	assert_int_equal(b.c.fsm.at.ns, b.now.ns + SAN_DURATION_S(5).ns);
}

static void
deadline__zero_means_no_limit(void **state)
{
	struct sdp_open o;
	struct bench b;

	bench_init(&b);
	o = bench_defaults(&b);
	o.disconn_timeout.ns = 0;
	bench_open(&b, &o);
	sdp_close(&b.c, SDP_CLOSE_GRACEFUL, b.now);
	bench_emit(&b);
	bench_ack(&b);
	assert_int_equal(sdp_deadline(&b.c).ns, UINT64_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names__are_those_of_the_lists),
	    cmocka_unit_test(matrix__every_sequence_of_six),
	    cmocka_unit_test(deadline__of_disconn_sent_runs_once_closed),
	    cmocka_unit_test(deadline__starts_again_with_progress),
	    cmocka_unit_test(deadline__zero_means_no_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
