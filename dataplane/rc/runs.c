/* SPDX-License-Identifier: BSD-3-Clause */
/* The send queue: messages posted and not yet acknowledged, as a fixed circular array of runs of
 * equal messages, and the cursor that says which message packet `snd` belongs to. Knows PSNs and
 * lengths; never touches bytes and never looks at time. */
#include "rc.h"

#include "check.h"
#include "rc_priv.h"
#include "san_err.h"

_Static_assert((RC_RUNS_MAX & (RC_RUNS_MAX - 1)) == 0, "runs are indexed by masking");

struct rc_run *
rc_runs_at(struct rc_qp *qp, uint32_t i)
{
	return &qp->run[(qp->run_head + i) & (RC_RUNS_MAX - 1)];
}

uint32_t
rc_message_packets(const struct rc_qp *qp, uint32_t len)
{
	return len <= qp->pmtu ? 1 : ((len - 1) >> __builtin_ctz(qp->pmtu)) + 1;
}

/* The newest run if `m` continues it, else NULL. */
static const struct rc_run *
run_continued(const struct rc_qp *qp, const struct rc_run *m)
{
	const struct rc_run *r = &qp->run[(qp->run_head + qp->run_count - 1u) & (RC_RUNS_MAX - 1)];

	if (qp->run_count == 0 || (uint32_t)r->count + m->count > UINT16_MAX)
		return NULL;
	return r->len == m->len && r->kind == m->kind && r->what == m->what && r->se == m->se &&
		       r->fence == m->fence
		   ? r
		   : NULL;
}

/* PSNs from the oldest message not yet reaped to the next one. */
static uint32_t
psns_taken(const struct rc_qp *qp)
{
	return psn_span(qp->nxt, qp->run_psn);
}

bool
rc_post_fits(const struct rc_qp *qp, const struct rc_run *m)
{
	uint32_t room = rc_window_room(qp), packets;

	/* In RESET there is no room, nor a packet size. */
	if (m->count == 0 || room == 0 || m->len > RC_MESSAGE_MAX)
		return false;
	packets = rc_message_packets(qp, m->len);
	/* A message longer than the whole window is posted alone and leaves as the window moves. */
	if ((uint64_t)packets * m->count > room &&
	    (m->count > 1 || packets <= qp->params.window_packets))
		return false;
	/* One of 2^31 bytes takes half of all PSNs: two would leave a packet without a name. */
	if (psns_taken(qp) + (uint64_t)packets * m->count > PSN_MASK)
		return false;
	return qp->run_count < RC_RUNS_MAX || run_continued(qp, m) != NULL;
}

static bool
post_valid(const struct rc_qp *qp, const struct rc_run *m)
{
	if (m->count == 0 || m->kind >= RC_KIND_COUNT || m->len > RC_MESSAGE_MAX)
		return false;
	if (!rc_kind_answered(m->kind))
		return true;
	return qp->initiator_depth != 0 && (m->kind == RC_READ || m->len == sizeof(uint64_t));
}

int
rc_post(struct rc_qp *qp, const struct rc_run *m)
{
	struct rc_run *r;

	if (!post_valid(qp, m))
		return SAN_EINVAL;
	if (!rc_post_fits(qp, m))
		return SAN_EAGAIN;
	if (run_continued(qp, m) != NULL) {
		r = rc_runs_at(qp, qp->run_count - 1u);
		r->count = (uint16_t)(r->count + m->count);
	} else {
		r = rc_runs_at(qp, qp->run_count++);
		*r = *m;
		qp->read_runs += rc_kind_answered(m->kind);
	}
	qp->nxt = psn_add(qp->nxt, rc_message_packets(qp, m->len) * m->count);
	return 0;
}

void
rc_runs_seek(struct rc_qp *qp, uint32_t psn)
{
	uint32_t index = 0, packet = 0;
	const struct rc_run *r = rc_runs_find(qp, psn, &index, &packet);

	qp->at_run = 0;
	if (r != NULL) {
		qp->at_run = (uint8_t)((r - qp->run - qp->run_head) & (RC_RUNS_MAX - 1));
	} else if (qp->run_count != 0) { /* behind the newest: it can still grow */
		qp->at_run = (uint8_t)(qp->run_count - 1);
		index = rc_runs_at(qp, qp->at_run)->count;
	}
	qp->at_msg = (uint16_t)index;
	qp->at_packet = packet;
}

const struct rc_run *
rc_runs_cursor(const struct rc_qp *qp)
{
	uint32_t i = (uint32_t)qp->run_head + qp->at_run;

	/* It rests behind the newest run's last message, so that the run can still grow. */
	if (qp->at_msg == qp->run[i & (RC_RUNS_MAX - 1)].count)
		i++;
	return &qp->run[i & (RC_RUNS_MAX - 1)];
}

uint32_t
rc_runs_next(struct rc_qp *qp, struct rc_chunk *chunk)
{
	const struct rc_run *r = rc_runs_at(qp, qp->at_run);
	uint32_t packets;

	if (qp->at_msg == r->count) {
		r = rc_runs_at(qp, ++qp->at_run);
		qp->at_msg = 0;
	}
	san_check(qp->at_run < qp->run_count);
	packets = r->kind == RC_READ ? rc_read_part(qp, r, qp->at_packet) : 1;
	chunk->run = r;
	chunk->index = qp->at_msg;
	chunk->offset = qp->at_packet * qp->pmtu;
	chunk->len = r->len - chunk->offset;
	qp->at_packet += packets;
	if (qp->at_packet == rc_message_packets(qp, r->len)) {
		qp->at_packet = 0;
		qp->at_msg++;
	} else {
		chunk->len = packets * qp->pmtu;
	}
	return packets;
}

uint32_t
rc_runs_chunk(struct rc_qp *qp, uint32_t psn, struct rc_chunk *chunk)
{
	uint32_t packets = 1, at = 0;
	const struct rc_run *r = rc_runs_find(qp, psn, &chunk->index, &at);

	san_check(r != NULL);
	if (r->kind == RC_READ)
		packets = rc_read_part(qp, r, at);
	chunk->run = r;
	chunk->offset = at * qp->pmtu;
	chunk->len = r->len - chunk->offset;
	if (at + packets != rc_message_packets(qp, r->len))
		chunk->len = packets * qp->pmtu;
	return packets;
}

const struct rc_run *
rc_runs_find(struct rc_qp *qp, uint32_t psn, uint32_t *index, uint32_t *packet)
{
	uint32_t i, packets, at = psn_span(psn, qp->run_psn);

	for (i = 0; i < qp->run_count; i++) {
		const struct rc_run *r = rc_runs_at(qp, i);

		packets = rc_message_packets(qp, r->len);
		if (at < packets * r->count) {
			*index = at / packets;
			*packet = at % packets;
			return r;
		}
		at -= packets * r->count;
	}
	return NULL;
}

uint32_t
rc_runs_reach(struct rc_qp *qp, uint32_t behind)
{
	uint32_t i, start = 0, end, una = psn_span(qp->una, qp->run_psn);

	for (i = 0; i < qp->run_count && start < psn_span(behind, qp->run_psn); i++) {
		const struct rc_run *r = rc_runs_at(qp, i);

		end = start + rc_message_packets(qp, r->len) * r->count;
		if (end > una && rc_kind_answered(r->kind))
			return start > una ? psn_add(qp->run_psn, start) : qp->una;
		start = end;
	}
	return behind;
}

/* How many messages of the oldest run are done. */
static uint32_t
oldest_done(const struct rc_qp *qp, const struct rc_run *r)
{
	uint32_t done = psn_span(qp->una, qp->run_psn), packets = rc_message_packets(qp, r->len);

	if (packets > 1)
		done /= packets;
	return done < r->count ? done : r->count;
}

static void
oldest_drop(struct rc_qp *qp, const struct rc_run *r)
{
	qp->run_psn = psn_add(qp->run_psn, rc_message_packets(qp, r->len) * r->count);
	qp->run_number = psn_add(qp->run_number, r->count);
	qp->run_head = (qp->run_head + 1) & (RC_RUNS_MAX - 1);
	qp->run_count--;
	qp->read_runs -= rc_kind_answered(r->kind);
	qp->head_done = 0;
	if (qp->at_run > 0)
		qp->at_run--;
	else
		qp->at_packet = qp->at_msg = 0;
}

bool
rc_reap(struct rc_qp *qp, struct rc_run *run, uint32_t *first, uint32_t *count)
{
	const struct rc_run *r = rc_runs_at(qp, 0);
	uint32_t done;

	if (qp->run_count == 0)
		return false;
	done = oldest_done(qp, r);
	if (done == qp->head_done)
		return false;
	*run = *r;
	*first = qp->head_done;
	*count = done - qp->head_done;
	qp->head_done = (uint16_t)done;
	if (done == r->count)
		oldest_drop(qp, r);
	return true;
}

bool
rc_flush(struct rc_qp *qp, struct rc_run *run, uint32_t *first, uint32_t *count)
{
	const struct rc_run *r = rc_runs_at(qp, 0);

	if (qp->run_count == 0 || rc_may(qp, RC_MAY_POST) || oldest_done(qp, r) != qp->head_done)
		return false;
	*run = *r;
	*first = qp->head_done;
	*count = r->count - qp->head_done;
	oldest_drop(qp, r);
	qp->una = qp->snd = qp->high = qp->run_psn;
	return true;
}

bool
rc_tag_arrived(struct rc_qp *qp, uint32_t tag, struct san_time now)
{
	uint32_t i, packets, start = qp->run_psn, behind = qp->una;
	const struct rc_run *r;
	int32_t at;

	if (qp->una == qp->high || !rc_may(qp, RC_MAY_ASK))
		return false;
	for (i = 0; i < qp->run_count; i++) {
		r = rc_runs_at(qp, i);
		packets = rc_message_packets(qp, r->len);
		if (r->kind == RC_SEND) {
			at = seq32_diff(tag, r->tag);
			if (at < 0)
				break;
			if (at >= r->count)
				at = r->count - 1;
			behind = psn_add(start, ((uint32_t)at + 1) * packets);
		}
		start = psn_add(start, packets * r->count);
	}
	if (psn_diff(behind, qp->una) <= 0 || psn_diff(behind, qp->high) > 0)
		return false;
	if (qp->read_runs != 0)
		behind = rc_runs_reach(qp, behind);
	if (behind == qp->una)
		return false;
	qp->counters.implied_acks += (uint32_t)psn_diff(behind, qp->una);
	rc_requester_acked(qp, behind, now);
	rc_board_look(qp, now);
	return true;
}
