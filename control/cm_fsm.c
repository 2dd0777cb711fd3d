/* SPDX-License-Identifier: BSD-3-Clause */
/* What happens to a connection: one cell for every (state, input), nothing decided anywhere else.
 * An action sends and tells, the cell says what comes next, the state says what is waited for and
 * how long. */
#include "cm_priv.h"

#include "san_err.h"

#define TIMEOUT_UNIT_NS 4096u
#define MRA_MAX		4 /* a peer may ask for more time this often */
#define MRA_WAIT_MAX	SAN_DURATION_S(120)

/* Actions: each returns 0, or an error that keeps the state as it is. */

static int
nothing(struct cm *cm, struct cm_conn *c, const struct cm_input *in)
{
	return 0;
}

/* The owner called what this state does not allow. */
static int
wrong(struct cm *cm, struct cm_conn *c, const struct cm_input *in)
{
	return SAN_EINVAL;
}

static int
unexpected(struct cm *cm, struct cm_conn *c, const struct cm_input *in)
{
	cm->counters.unknown++;
	return SAN_EPROTO;
}

static int
duplicate(struct cm *cm, struct cm_conn *c, const struct cm_input *in)
{
	cm->counters.duplicates++;
	return SAN_EALREADY;
}

static int
take_rep(struct cm *cm, struct cm_conn *c, const struct cm_input *in)
{
	c->remote_id = in->msg->local_id;
	cm_conn_index_qp(cm, c, in->msg->ca_guid, in->msg->qpn);
	cm_event_emit(cm, c, CM_EV_REP, 0, in->msg);
	return 0;
}

static int
rejected(struct cm *cm, struct cm_conn *c, const struct cm_input *in)
{
	cm_event_emit(cm, c, CM_EV_REJECTED, in->reason, in->msg);
	return 0;
}

/* We thought that it was established; for the owner this is a peer that leaves. */
static int
rejected_late(struct cm *cm, struct cm_conn *c, const struct cm_input *in)
{
	cm_event_emit(cm, c, CM_EV_DREQ, in->reason, in->msg);
	return 0;
}

/* The peer tells how long it needs. It may not hold us for ever, nor by repeating itself. */
static int
extend(struct cm *cm, struct cm_conn *c, const struct cm_input *in)
{
	struct san_duration wait = {(uint64_t)TIMEOUT_UNIT_NS << in->msg->service_timeout};
	struct san_time until;

	if (c->mras_left == 0)
		return duplicate(cm, c, in);
	c->mras_left--;
	if (wait.ns > MRA_WAIT_MAX.ns)
		wait = MRA_WAIT_MAX;
	until = san_time_add(in->now, wait);
	if (san_time_before(c->timer.at, until))
		timer_heap_arm(&cm->timers, &c->timer, until);
	return 0;
}

static int
again(struct cm *cm, struct cm_conn *c, const struct cm_input *in)
{
	cm->counters.retries++;
	cm_send_again(cm, c);
	return 0;
}

/* The peer repeats its question: our answer was lost, or is on its way. */
static int
again_asked(struct cm *cm, struct cm_conn *c, const struct cm_input *in)
{
	cm->counters.duplicates++;
	cm_send_again(cm, c);
	return 0;
}

static int
ask_patience(struct cm *cm, struct cm_conn *c, const struct cm_input *in)
{
	cm->counters.duplicates++;
	cm_send_mra(cm, c);
	return 0;
}

static int
send_rep(struct cm *cm, struct cm_conn *c, const struct cm_input *in)
{
	int err = cm_send_rep(cm, c, in);

	if (err == 0)
		c->cookie = in->cookie;
	return err;
}

static int
send_rtu(struct cm *cm, struct cm_conn *c, const struct cm_input *in)
{
	cm_send_rtu(cm, c);
	return 0;
}

/* Only we, if active, owe an RTU; a REP to the passive side is nonsense. */
static int
rtu_again(struct cm *cm, struct cm_conn *c, const struct cm_input *in)
{
	if (c->passive)
		return unexpected(cm, c, in);
	cm->counters.duplicates++;
	cm_send_rtu(cm, c);
	return 0;
}

static int
established(struct cm *cm, struct cm_conn *c, const struct cm_input *in)
{
	cm_event_emit(cm, c, CM_EV_ESTABLISHED, 0, NULL);
	return 0;
}

/* By the owner's will, with its reason and private data. */
static int
reject_req(struct cm *cm, struct cm_conn *c, const struct cm_input *in)
{
	return cm_send_rej(cm, c, 0, in->reason, in->priv, in->priv_len);
}

static int
reject_rep(struct cm *cm, struct cm_conn *c, const struct cm_input *in)
{
	return cm_send_rej(cm, c, 1, in->reason, in->priv, in->priv_len);
}

/* cm_disconnect before there is anything to disconnect. A peer that never answered our REQ gets
 * reason 4, as it knows no id of ours; so does one that may already count itself as connected. */
static int
cancel_req(struct cm *cm, struct cm_conn *c, const struct cm_input *in)
{
	return cm_send_rej(cm, c, 0, CM_REJ_TIMEOUT, NULL, 0);
}

static int
cancel_rep(struct cm *cm, struct cm_conn *c, const struct cm_input *in)
{
	return cm_send_rej(cm, c, 1, CM_REJ_TIMEOUT, NULL, 0);
}

static int
refuse_req(struct cm *cm, struct cm_conn *c, const struct cm_input *in)
{
	return cm_send_rej(cm, c, 0, CM_REJ_CONSUMER, NULL, 0);
}

static int
refuse_rep(struct cm *cm, struct cm_conn *c, const struct cm_input *in)
{
	return cm_send_rej(cm, c, 1, CM_REJ_CONSUMER, NULL, 0);
}

static int
give_up(struct cm *cm, struct cm_conn *c, uint8_t msg_rejected)
{
	cm->counters.timeouts++;
	cm_send_rej(cm, c, msg_rejected, CM_REJ_TIMEOUT, NULL, 0);
	cm_event_emit(cm, c, CM_EV_TIMEDOUT, 0, NULL);
	return 0;
}

static int
give_up_req(struct cm *cm, struct cm_conn *c, const struct cm_input *in)
{
	return give_up(cm, c, 0);
}

static int
give_up_rep(struct cm *cm, struct cm_conn *c, const struct cm_input *in)
{
	return give_up(cm, c, 1);
}

/* The peer restarted and knows nothing of this attempt any more. */
static int
staled(struct cm *cm, struct cm_conn *c, const struct cm_input *in)
{
	cm_event_emit(cm, c, CM_EV_REJECTED, CM_REJ_STALE_CONN, NULL);
	return 0;
}

/* The standard asks for a DREQ, so that both sides forget the old connection. */
static int
staled_late(struct cm *cm, struct cm_conn *c, const struct cm_input *in)
{
	cm_send_dreq(cm, c);
	cm_event_emit(cm, c, CM_EV_DREQ, CM_REJ_STALE_CONN, NULL);
	return 0;
}

static int
send_dreq(struct cm *cm, struct cm_conn *c, const struct cm_input *in)
{
	cm_send_dreq(cm, c);
	return 0;
}

static void
drep(struct cm *cm, const struct cm_conn *c, const struct cm_input *in)
{
	const struct cm_via via = {c->port, c->peer, c->local};

	cm_answer_drep(cm, &via, in->msg);
}

static int
answer_dreq(struct cm *cm, struct cm_conn *c, const struct cm_input *in)
{
	drep(cm, c, in);
	cm_event_emit(cm, c, CM_EV_DREQ, 0, in->msg);
	return 0;
}

static int
answer_drep(struct cm *cm, struct cm_conn *c, const struct cm_input *in)
{
	cm->counters.duplicates++;
	drep(cm, c, in);
	return 0;
}

/* Both sides disconnect at once: each answers, each is done. */
static int
answer_cross(struct cm *cm, struct cm_conn *c, const struct cm_input *in)
{
	drep(cm, c, in);
	cm_event_emit(cm, c, CM_EV_DREQ_DONE, 0, NULL);
	return 0;
}

/* Something about a connection that is over. */
static int
answer_stale(struct cm *cm, struct cm_conn *c, const struct cm_input *in)
{
	const struct cm_via via = {c->port, c->peer, c->local};

	cm->counters.stale++;
	cm_answer_rej(cm, &via, in->msg, CM_REJ_STALE_CONN);
	return 0;
}

static int
done(struct cm *cm, struct cm_conn *c, const struct cm_input *in)
{
	cm_event_emit(cm, c, CM_EV_DREQ_DONE, 0, NULL);
	return 0;
}

static int
give_up_dreq(struct cm *cm, struct cm_conn *c, const struct cm_input *in)
{
	cm->counters.timeouts++;
	cm_event_emit(cm, c, CM_EV_DREQ_DONE, 0, NULL);
	return 0;
}

static int
gone(struct cm *cm, struct cm_conn *c, const struct cm_input *in)
{
	cm_event_emit(cm, c, CM_EV_GONE, 0, NULL);
	return 0;
}

struct cell {
	uint8_t next;
	int (*act)(struct cm *cm, struct cm_conn *c, const struct cm_input *in);
};

/* clang-format off */
#define TO(state, action) {CM_ST_##state, action}
#define ON(action)        {CM_ST_SAME, action}

static const struct cell matrix[CM_ST_COUNT][CM_IN_COUNT] = {
[CM_ST_REQ_SENT] = {
	[CM_IN_REQ]        = ON(unexpected),
	[CM_IN_REP]        = TO(REP_RCVD, take_rep),
	[CM_IN_RTU]        = ON(unexpected),
	[CM_IN_REJ]        = TO(GONE, rejected),
	[CM_IN_MRA]        = ON(extend),
	[CM_IN_DREQ]       = ON(unexpected),
	[CM_IN_DREP]       = ON(unexpected),
	[CM_IN_STALE]      = ON(nothing), /* the peer's QP is not known yet */
	[CM_IN_ACCEPT]     = ON(wrong),
	[CM_IN_REJECT]     = ON(wrong),
	[CM_IN_CONFIRM]    = ON(wrong),
	[CM_IN_DATA]       = ON(nothing),
	[CM_IN_DISCONNECT] = TO(GONE, cancel_req),
	[CM_IN_RETRY]      = ON(again),
	[CM_IN_EXPIRE]     = TO(GONE, give_up_req),
},
[CM_ST_REP_RCVD] = {
	[CM_IN_REQ]        = ON(unexpected),
	[CM_IN_REP]        = ON(ask_patience),
	[CM_IN_RTU]        = ON(unexpected),
	[CM_IN_REJ]        = TO(GONE, rejected),
	[CM_IN_MRA]        = ON(unexpected),
	[CM_IN_DREQ]       = TO(TIMEWAIT, answer_dreq),
	[CM_IN_DREP]       = ON(unexpected),
	[CM_IN_STALE]      = TO(GONE, staled),
	[CM_IN_ACCEPT]     = ON(wrong),
	[CM_IN_REJECT]     = TO(GONE, reject_rep),
	[CM_IN_CONFIRM]    = TO(ESTABLISHED, send_rtu),
	[CM_IN_DATA]       = ON(nothing),
	[CM_IN_DISCONNECT] = TO(GONE, refuse_rep),
	[CM_IN_RETRY]      = ON(nothing),
	[CM_IN_EXPIRE]     = TO(GONE, give_up_rep),
},
[CM_ST_REQ_RCVD] = {
	[CM_IN_REQ]        = ON(ask_patience),
	[CM_IN_REP]        = ON(unexpected),
	[CM_IN_RTU]        = ON(unexpected),
	[CM_IN_REJ]        = TO(GONE, rejected),
	[CM_IN_MRA]        = ON(unexpected),
	[CM_IN_DREQ]       = ON(unexpected),
	[CM_IN_DREP]       = ON(unexpected),
	[CM_IN_STALE]      = TO(GONE, staled),
	[CM_IN_ACCEPT]     = TO(REP_SENT, send_rep),
	[CM_IN_REJECT]     = TO(GONE, reject_req),
	[CM_IN_CONFIRM]    = ON(wrong),
	[CM_IN_DATA]       = ON(nothing),
	[CM_IN_DISCONNECT] = TO(GONE, refuse_req),
	[CM_IN_RETRY]      = ON(nothing),
	[CM_IN_EXPIRE]     = TO(GONE, give_up_req),
},
[CM_ST_REP_SENT] = {
	[CM_IN_REQ]        = ON(again_asked),
	[CM_IN_REP]        = ON(unexpected),
	[CM_IN_RTU]        = TO(ESTABLISHED, established),
	[CM_IN_REJ]        = TO(GONE, rejected),
	[CM_IN_MRA]        = ON(extend),
	[CM_IN_DREQ]       = TO(TIMEWAIT, answer_dreq), /* the RTU was lost */
	[CM_IN_DREP]       = ON(unexpected),
	[CM_IN_STALE]      = TO(GONE, staled),
	[CM_IN_ACCEPT]     = ON(wrong),
	[CM_IN_REJECT]     = ON(wrong),
	[CM_IN_CONFIRM]    = ON(wrong),
	[CM_IN_DATA]       = TO(ESTABLISHED, established),
	[CM_IN_DISCONNECT] = TO(GONE, cancel_rep),
	[CM_IN_RETRY]      = ON(again),
	[CM_IN_EXPIRE]     = TO(GONE, give_up_rep),
},
[CM_ST_ESTABLISHED] = {
	[CM_IN_REQ]        = ON(duplicate),
	[CM_IN_REP]        = ON(rtu_again),
	[CM_IN_RTU]        = ON(duplicate),
	[CM_IN_REJ]        = TO(TIMEWAIT, rejected_late), /* the peer never saw our RTU */
	[CM_IN_MRA]        = ON(unexpected),
	[CM_IN_DREQ]       = TO(TIMEWAIT, answer_dreq),
	[CM_IN_DREP]       = ON(unexpected),
	[CM_IN_STALE]      = TO(TIMEWAIT, staled_late),
	[CM_IN_ACCEPT]     = ON(wrong),
	[CM_IN_REJECT]     = ON(wrong),
	[CM_IN_CONFIRM]    = ON(wrong),
	[CM_IN_DATA]       = ON(nothing),
	[CM_IN_DISCONNECT] = TO(DREQ_SENT, send_dreq),
	[CM_IN_RETRY]      = ON(nothing),
	[CM_IN_EXPIRE]     = ON(nothing),
},
[CM_ST_DREQ_SENT] = {
	[CM_IN_REQ]        = ON(duplicate),
	[CM_IN_REP]        = ON(duplicate), /* the DREQ answers it */
	[CM_IN_RTU]        = ON(duplicate),
	[CM_IN_REJ]        = TO(TIMEWAIT, done),
	[CM_IN_MRA]        = ON(unexpected),
	[CM_IN_DREQ]       = TO(TIMEWAIT, answer_cross),
	[CM_IN_DREP]       = TO(TIMEWAIT, done),
	[CM_IN_STALE]      = TO(TIMEWAIT, done),
	[CM_IN_ACCEPT]     = ON(wrong),
	[CM_IN_REJECT]     = ON(wrong),
	[CM_IN_CONFIRM]    = ON(wrong),
	[CM_IN_DATA]       = ON(nothing),
	[CM_IN_DISCONNECT] = ON(wrong),
	[CM_IN_RETRY]      = ON(again),
	[CM_IN_EXPIRE]     = TO(TIMEWAIT, give_up_dreq),
},
[CM_ST_TIMEWAIT] = {
	[CM_IN_REQ]        = ON(answer_stale),
	[CM_IN_REP]        = ON(answer_stale),
	[CM_IN_RTU]        = ON(duplicate),
	[CM_IN_REJ]        = ON(duplicate),
	[CM_IN_MRA]        = ON(duplicate),
	[CM_IN_DREQ]       = ON(answer_drep),
	[CM_IN_DREP]       = ON(duplicate),
	[CM_IN_STALE]      = ON(nothing),
	[CM_IN_ACCEPT]     = ON(wrong),
	[CM_IN_REJECT]     = ON(wrong),
	[CM_IN_CONFIRM]    = ON(wrong),
	[CM_IN_DATA]       = ON(nothing),
	[CM_IN_DISCONNECT] = ON(wrong),
	[CM_IN_RETRY]      = ON(nothing),
	[CM_IN_EXPIRE]     = TO(GONE, gone),
},
};
/* clang-format on */

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
	case CM_ST_SAME:
		break;
	}
}

static void
state_enter(struct cm *cm, struct cm_conn *c, enum cm_state s, struct san_time now)
{
	struct san_duration interval;

	c->state = s;
	c->mras_left = MRA_MAX;
	if (s != CM_ST_REQ_RCVD && s != CM_ST_REP_SENT)
		cm_conn_unpend(cm, c);
	state_wait(cm, s, &interval, &c->retries_left);
	timer_heap_arm(&cm->timers, &c->timer, san_time_add(now, interval));
}

void
cm_conn_start(struct cm *cm, struct cm_conn *c, enum cm_state state, struct san_time now)
{
	state_enter(cm, c, state, now);
}

/* A repeat is due: the next one comes after the same interval again. */
static void
repeat_arm(struct cm *cm, struct cm_conn *c, struct san_time now)
{
	struct san_duration interval;
	uint8_t repeats;

	c->retries_left--;
	state_wait(cm, c->state, &interval, &repeats);
	timer_heap_arm(&cm->timers, &c->timer, san_time_add(now, interval));
}

int
cm_conn_step(struct cm *cm, struct cm_conn *c, const struct cm_input *in)
{
	const struct cell *cell = &matrix[c->state][in->type];
	int err = cell->act(cm, c, in);

	if (err != 0)
		return err;
	if (cell->next == CM_ST_GONE)
		cm_conn_put(cm, c);
	else if (cell->next != CM_ST_SAME)
		state_enter(cm, c, cell->next, in->now);
	else if (in->type == CM_IN_RETRY)
		repeat_arm(cm, c, in->now);
	return 0;
}

const char *
cm_state_name(enum cm_state s)
{
	static const char *const names[] = {
#define X(name, text) #name,
	    CM_STATE_LIST(X)
#undef X
	};

	return s < CM_ST_COUNT ? names[s] : "GONE";
}

const char *
cm_input_name(enum cm_input_type t)
{
	static const char *const names[] = {
#define X(name, text) #name,
	    CM_INPUT_LIST(X)
#undef X
	};

	return t < CM_IN_COUNT ? names[t] : "UNKNOWN";
}
