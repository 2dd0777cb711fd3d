/* SPDX-License-Identifier: BSD-3-Clause */
/* What the cells of the matrix do: send, tell the owner, count. No action reads or writes the
 * state. */
#include "cm_priv.h"

#include "san_err.h"

#define TIMEOUT_UNIT_NS 4096u
#define MRA_WAIT_MAX	SAN_DURATION_S(120)

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

	if (in->msg->msg_rejected != (c->passive ? CM_MSG_REP : CM_MSG_REQ))
		return unexpected(cm, c, in);
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
repeat(struct cm *cm, struct cm_conn *c, const struct cm_input *in)
{
	cm->counters.retries++;
	cm_send_again(cm, c);
	return 0;
}

/* The peer repeats its question: our answer was lost, or is on its way. */
static int
repeat_asked(struct cm *cm, struct cm_conn *c, const struct cm_input *in)
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

static int
rej(struct cm *cm, const struct cm_conn *c, enum cm_msg_named named, uint16_t reason)
{
	const struct cm_input in = {.type = CM_IN_REJECT, .reason = reason};

	return cm_send_rej(cm, c, named, &in);
}

static int
reject_req(struct cm *cm, struct cm_conn *c, const struct cm_input *in)
{
	return cm_send_rej(cm, c, CM_MSG_REQ, in);
}

static int
reject_rep(struct cm *cm, struct cm_conn *c, const struct cm_input *in)
{
	return cm_send_rej(cm, c, CM_MSG_REP, in);
}

/* cm_disconnect before there is anything to disconnect. A peer that never answered our REQ gets
 * reason 4, as it knows no id of ours; so does one that may already count itself as connected. */
static int
cancel_req(struct cm *cm, struct cm_conn *c, const struct cm_input *in)
{
	return rej(cm, c, CM_MSG_REQ, CM_REJ_TIMEOUT);
}

static int
cancel_rep(struct cm *cm, struct cm_conn *c, const struct cm_input *in)
{
	return rej(cm, c, CM_MSG_REP, CM_REJ_TIMEOUT);
}

static int
refuse_req(struct cm *cm, struct cm_conn *c, const struct cm_input *in)
{
	return rej(cm, c, CM_MSG_REQ, CM_REJ_CONSUMER);
}

static int
refuse_rep(struct cm *cm, struct cm_conn *c, const struct cm_input *in)
{
	return rej(cm, c, CM_MSG_REP, CM_REJ_CONSUMER);
}

static int
drop(struct cm *cm, struct cm_conn *c, const struct cm_input *in)
{
	cm_event_emit(cm, c, CM_EV_TIMEDOUT, 0, NULL);
	return 0;
}

static int
give_up(struct cm *cm, struct cm_conn *c, enum cm_msg_named named)
{
	cm->counters.timeouts++;
	rej(cm, c, named, CM_REJ_TIMEOUT);
	cm_event_emit(cm, c, CM_EV_TIMEDOUT, 0, NULL);
	return 0;
}

static int
give_up_req(struct cm *cm, struct cm_conn *c, const struct cm_input *in)
{
	return give_up(cm, c, CM_MSG_REQ);
}

static int
give_up_rep(struct cm *cm, struct cm_conn *c, const struct cm_input *in)
{
	return give_up(cm, c, CM_MSG_REP);
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
answer_again(struct cm *cm, struct cm_conn *c, const struct cm_input *in)
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
forget(struct cm *cm, struct cm_conn *c, const struct cm_input *in)
{
	cm_event_emit(cm, c, CM_EV_GONE, 0, NULL);
	return 0;
}

int
cm_action_run(struct cm *cm, struct cm_conn *c, enum cm_action action, const struct cm_input *in)
{
	static int (*const run[CM_ACT_COUNT])(
	    struct cm *, struct cm_conn *, const struct cm_input *) = {
#define X(name, function, text) [CM_ACT_##name] = function,
	    CM_ACTION_LIST(X)
#undef X
	};

	return run[action](cm, c, in);
}
