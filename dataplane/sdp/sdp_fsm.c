/* SPDX-License-Identifier: BSD-3-Clause */
/* The only writer of a connection's state and of its deadline. What a cell says is in fsm_table.h;
 * what an action does is in closing.c, which cannot see the state. */
#include "sdp_fsm.h"

#include "sdp_priv.h"

struct cell {
	uint8_t next, action, deadline;
};

static const struct cell matrix[SDP_STATE_COUNT][SDP_FSM_EVENT_COUNT] = {
#define X(state, event, next, action, deadline)  \
	[SDP_STATE_##state][SDP_FSM_##event] = { \
	    SDP_STATE_##next, SDP_ACT_##action, SDP_DEADLINE_##deadline},
    SDP_FSM_TABLE(X)
#undef X
};

#define X(state, event, next, action, deadline) +1
_Static_assert(
    0 SDP_FSM_TABLE(X) == SDP_STATE_COUNT * SDP_FSM_EVENT_COUNT, "one row for each cell");
#undef X

const char *
sdp_state_name(enum sdp_state s)
{
	static const char *const name[] = {
#define X(name, text) #name,
	    SDP_STATE_LIST(X)
#undef X
	};

	return (unsigned)s < SDP_STATE_COUNT ? name[s] : "UNKNOWN";
}

const char *
sdp_fsm_event_name(enum sdp_fsm_event e)
{
	static const char *const name[] = {
#define X(name, text) #name,
	    SDP_FSM_EVENT_LIST(X)
#undef X
	};

	return (unsigned)e < SDP_FSM_EVENT_COUNT ? name[e] : "UNKNOWN";
}

static struct san_time
deadline_at(const struct sdp_session *s, uint8_t deadline, struct san_time now)
{
	struct san_time linger = san_time_add(now, san_short_long(s->linger_timeout)), disconn;

	disconn = s->disconn_timeout.us == 0
		      ? SAN_TIME_NEVER
		      : san_time_add(now, san_short_long(s->disconn_timeout));
	switch ((enum sdp_fsm_deadline)deadline) {
	case SDP_DEADLINE_DISCONN:
		return s->program_closed ? disconn : SAN_TIME_NEVER;
	case SDP_DEADLINE_DREQ:
		if (!s->disconn_acked)
			return s->program_closed ? disconn : SAN_TIME_NEVER;
		if (s->first_closer)
			return now;
		return s->disconn_timeout.us != 0 ? disconn : linger;
	case SDP_DEADLINE_LINGER:
		return linger;
	case SDP_DEADLINE_KEEP:
	case SDP_DEADLINE_NONE:
		break;
	}
	return SAN_TIME_NEVER;
}

void
sdp_fsm_init(struct sdp_conn *c)
{
	c->fsm.state = SDP_STATE_IDLE;
	c->fsm.deadline = SDP_DEADLINE_NONE;
	c->fsm.at = SAN_TIME_NEVER;
}

void
sdp_fsm_step(struct sdp_conn *c, enum sdp_fsm_event ev, struct san_time now)
{
	struct sdp_fsm *f = &c->fsm;
	const struct cell *cell;
	bool died;

	/* A deadline that has come already is the next event; LINGER's ends in DEAD, so this does,
	 * too. */
	for (;; ev = SDP_FSM_DEADLINE) {
		cell = &matrix[f->state][ev];
		if (cell->action == SDP_ACT_ILLEGAL) {
			c->s.counters.fsm_illegal++;
			return;
		}
		died = cell->next == SDP_STATE_DEAD && f->state != SDP_STATE_DEAD;
		f->state = cell->next;
		sdp_action_run(&c->s, cell->action);
		if (cell->deadline != SDP_DEADLINE_KEEP) {
			f->deadline = cell->deadline;
			f->at = deadline_at(&c->s, cell->deadline, now);
		}
		if (died) {
			rc_stop(&c->s.qp);
			sdp_source_fini(&c->s);
			c->s.deaf = true;
			c->s.events |= SDP_EV_DEAD;
		}
		if (!san_time_reached(f->at, now))
			return;
	}
}

void
sdp_fsm_progress(struct sdp_conn *c, struct san_time now)
{
	if (c->fsm.deadline == SDP_DEADLINE_DISCONN || c->fsm.deadline == SDP_DEADLINE_DREQ)
		c->fsm.at = deadline_at(&c->s, c->fsm.deadline, now);
}
