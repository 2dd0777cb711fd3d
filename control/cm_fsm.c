/* SPDX-License-Identifier: BSD-3-Clause */
/* The only writer of a handle's state. Which cell is taken and what comes next is in cm_matrix.h,
 * what a cell does in cm_act.c; here is what each state waits for, and how long. */
#include "cm_priv.h"

struct cell {
	uint8_t next, action;
};

static const struct cell matrix[CM_ST_COUNT][CM_IN_COUNT] = {
#define X(state, input, next, action) \
	[CM_ST_##state][CM_IN_##input] = {CM_ST_##next, CM_ACT_##action},
    CM_MATRIX(X)
#undef X
};

#define X(state, input, next, action) +1
_Static_assert(0 CM_MATRIX(X) == CM_ST_COUNT * CM_IN_COUNT, "one row for each cell");
#undef X

/* What each state waits for: how long, and how often the last message is repeated meanwhile. */
static void
state_wait(const struct cm *cm, enum cm_state s, struct san_duration *interval, uint8_t *repeats)
{
	const struct cm_limits *l = &cm->limits;

	*repeats = 0;
	*interval = (struct san_duration){UINT64_MAX};
	switch (s) {
	case CM_ST_REQ_SENT:
		*interval = l->req_interval;
		*repeats = l->req_retries;
		break;
	case CM_ST_REP_SENT:
		*interval = l->rep_interval;
		*repeats = l->rep_retries;
		break;
	case CM_ST_DREQ_SENT:
		*interval = l->dreq_interval;
		*repeats = l->dreq_retries;
		break;
	case CM_ST_REP_RCVD:
	case CM_ST_REQ_RCVD:
		*interval = l->pending_timeout;
		break;
	case CM_ST_TIMEWAIT:
		*interval = l->timewait;
		break;
	case CM_ST_ESTABLISHED:
	case CM_ST_COUNT:
		break;
	}
}

static void
state_enter(struct cm *cm, struct cm_conn *c, enum cm_state s, struct san_time now)
{
	struct san_duration interval;

	c->state = s;
	c->mras_left = CM_MRA_MAX;
	if (s != CM_ST_REQ_RCVD && s != CM_ST_REP_SENT)
		cm_conn_unpend(cm, c);
	state_wait(cm, s, &interval, &c->retries_left);
	if (s == CM_ST_REP_SENT && c->retries_left > c->retries_max)
		c->retries_left = c->retries_max;
	c->repeats = 0;
	timer_heap_arm(&cm->timers, &c->timer, san_time_add(now, interval));
}

void
cm_conn_start(struct cm *cm, struct cm_conn *c, enum cm_state state, struct san_time now)
{
	state_enter(cm, c, state, now);
}

/* A repeat was sent: the next one comes later, or, of a DREQ, after the same interval. */
static void
repeat_arm(struct cm *cm, struct cm_conn *c, struct san_time now)
{
	struct san_duration interval;
	uint8_t most;

	c->retries_left--;
	state_wait(cm, c->state, &interval, &most);
	if (c->repeats < cm->limits.backoff_max)
		c->repeats++;
	if (c->state != CM_ST_DREQ_SENT)
		interval.ns <<= c->repeats;
	timer_heap_arm(&cm->timers, &c->timer, san_time_add(now, interval));
}

int
cm_conn_step(struct cm *cm, struct cm_conn *c, const struct cm_input *in)
{
	const struct cell *cell = &matrix[c->state][in->type];
	int err = cm_action_run(cm, c, (enum cm_action)cell->action, in);

	if (err != 0)
		return err;
	if (cell->next == CM_ST_GONE)
		cm_conn_put(cm, c);
	else if (cell->next != c->state)
		state_enter(cm, c, (enum cm_state)cell->next, in->now);
	else if (in->type == CM_IN_RETRY)
		repeat_arm(cm, c, in->now);
	return 0;
}

#define X(name, ...) #name,

const char *
cm_state_name(enum cm_state s)
{
	static const char *const names[] = {CM_STATE_LIST(X)};

	return s < CM_ST_COUNT ? names[s] : "GONE";
}

const char *
cm_input_name(enum cm_input_type t)
{
	static const char *const names[] = {CM_INPUT_LIST(X)};

	return t < CM_IN_COUNT ? names[t] : "UNKNOWN";
}

const char *
cm_action_name(enum cm_action a)
{
	static const char *const names[] = {CM_ACTION_LIST(X)};

	return a < CM_ACT_COUNT ? names[a] : "UNKNOWN";
}

#undef X
