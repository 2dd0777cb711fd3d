/* SPDX-License-Identifier: BSD-3-Clause */
#include "cm_world.h"

#include "test.h"

#include <string.h>

#include "san_err.h"

const struct cm_limits world_limits = {.conns_max = 64,
    .pending_max = 16,
    .pending_peer_max = 8,
    .pending_grace = {50000000},
    .req_interval = {1000000000},
    .req_retries = 12,
    .rep_interval = {500000000},
    .rep_retries = 12,
    .dreq_interval = {500000000},
    .dreq_retries = 12,
    .timewait = {2000000000},
    .pending_timeout = {5000000000}};

static const struct cm_qp qp_template = {.psn = 0x123456,
    .responder_resources = 4,
    .initiator_depth = 3,
    .retry_count = 7,
    .rnr_retry = 6,
    .pmtu_code = 3};

void
world_init(struct cm_world *w, const struct cm_limits *limits)
{
	memset(w, 0, sizeof *w);
	w->now = (struct san_time){1000000};
	w->delay = SAN_DURATION_MS(1);
	for (int s = 0; s < 2; s++) {
		struct cm_side *side = &w->side[s];

		side->ip = san_ip_v4(0x0a4d0001u + (uint32_t)s);
		side->guid = 0x0200000000000001u + (uint64_t)s;
		side->qpn = 0x1000u * (uint32_t)(s + 1);
		side->cm = cm_create(limits, side->guid, (struct prng){(uint64_t)s + 77});
		assert_non_null(side->cm);
	}
}

void
world_fini(struct cm_world *w)
{
	cm_destroy(w->side[0].cm);
	cm_destroy(w->side[1].cm);
}

void
world_ipv6(struct cm_world *w)
{
	assert_int_equal(san_ip_parse("fd00:77::1", &w->side[0].ip), 0);
	assert_int_equal(san_ip_parse("fd00:77::2", &w->side[1].ip), 0);
}

void
world_script(struct cm_world *w, uint64_t lose, uint64_t duplicate, uint64_t late)
{
	w->lose = lose;
	w->duplicate = duplicate;
	w->late = late;
	w->sent = 0;
}

void
world_connect(struct cm_world *w, int from)
{
	struct cm_side *s = &w->side[from];
	struct cm_qp qp = qp_template;
	int64_t id;

	qp.qpn = ++s->qpn;
	id = cm_connect(s->cm, 100 + (uint64_t)from, 0, &s->ip, &w->side[!from].ip, CM_SID_SDP | 7,
	    &qp, "hello", 5, w->now);
	assert_true(id > 0);
	s->end[from].id = (uint32_t)id;
	s->end[from].view = VIEW_CONNECTING;
}

void
world_disconnect(struct cm_world *w, int from, int began)
{
	struct cm_end *e = &w->side[from].end[began];

	assert_int_equal(cm_disconnect(w->side[from].cm, e->id, w->now), 0);
	e->view = e->view == VIEW_UP ? VIEW_LEAVING : VIEW_NONE;
}

static void
put_on_wire(struct cm_world *w, int to, const struct cm_out *out, struct san_duration delay)
{
	assert_true(w->wire_count < WIRE_MAX);
	w->wire[w->wire_count].at = san_time_add(w->now, delay);
	w->wire[w->wire_count].to = to;
	w->wire[w->wire_count++].out = *out;
}

static void
take_messages(struct cm_world *w, int s)
{
	const struct san_duration late = {5 * w->delay.ns};
	struct cm_out out;

	while (cm_out_take(w->side[s].cm, &out)) {
		uint64_t bit = w->sent < 64 ? 1ull << w->sent : 0;

		w->sent++;
		assert_true(san_ip_equal(&out.src, &w->side[s].ip));
		if ((w->lose & bit) != 0)
			continue;
		put_on_wire(w, !s, &out, (w->late & bit) != 0 ? late : w->delay);
		if ((w->duplicate & bit) != 0)
			put_on_wire(w, !s, &out, (struct san_duration){3 * w->delay.ns});
	}
}

static void
owner_answer(struct cm_world *w, struct cm_side *s, struct cm_end *e, const struct cm_event *ev)
{
	struct cm_qp qp = qp_template;

	if (s->mute)
		return;
	if (ev->type == CM_EV_REP) {
		assert_int_equal(cm_confirm(s->cm, ev->id, w->now), 0);
		e->view = VIEW_UP;
		return;
	}
	if (s->refuse != 0) {
		assert_int_equal(cm_reject(s->cm, ev->id, s->refuse, "no", 2, w->now), 0);
		e->view = VIEW_NONE;
		return;
	}
	qp.qpn = ++s->qpn;
	assert_int_equal(cm_accept(s->cm, ev->id, 200, &qp, "ack", 3, w->now), 0);
}

static void
end_event(struct cm_world *w, struct cm_side *s, struct cm_end *e, const struct cm_event *ev)
{
	e->seen[ev->type]++;
	e->last = *ev;
	switch (ev->type) {
	case CM_EV_REQ:
		e->id = ev->id;
		e->view = VIEW_CONNECTING;
		owner_answer(w, s, e, ev);
		break;
	case CM_EV_REP:
		owner_answer(w, s, e, ev);
		break;
	case CM_EV_ESTABLISHED:
		e->view = VIEW_UP;
		break;
	case CM_EV_REJECTED:
	case CM_EV_TIMEDOUT:
	case CM_EV_GONE:
		e->view = VIEW_NONE;
		break;
	case CM_EV_DREQ:
	case CM_EV_DREQ_DONE:
		e->view = VIEW_TIMEWAIT;
		break;
	}
}

/* Of connections the owner does not follow (a newer one took its place, or it began outside the
 * world) it hears nothing. */
static void
take_events(struct cm_world *w, int n)
{
	struct cm_side *s = &w->side[n];
	struct cm_event ev;

	while (cm_event_take(s->cm, &ev)) {
		if (ev.type == CM_EV_REQ || s->end[!n].id == ev.id)
			end_event(w, s, &s->end[!n], &ev);
		else if (s->end[n].id == ev.id)
			end_event(w, s, &s->end[n], &ev);
	}
}

void
world_pump(struct cm_world *w)
{
	for (int s = 0; s < 2; s++) {
		take_events(w, s); /* the owner's answers are messages */
		take_messages(w, s);
	}
}

/* Deliver the earliest packet; false if none is due by `now`. */
static bool
deliver_one(struct cm_world *w)
{
	uint32_t first = 0;
	struct cm_out out;
	int to;

	for (uint32_t i = 1; i < w->wire_count; i++) {
		if (san_time_before(w->wire[i].at, w->wire[first].at))
			first = i;
	}
	if (w->wire_count == 0 || !san_time_reached(w->wire[first].at, w->now))
		return false;
	out = w->wire[first].out;
	to = w->wire[first].to;
	w->wire_count--;
	memmove(&w->wire[first], &w->wire[first + 1], (w->wire_count - first) * sizeof w->wire[0]);
	cm_mad_receive(w->side[to].cm, 0, &out.src, &out.dst, out.mad, MAD_LEN, w->now);
	return true;
}

static struct san_time
next_moment(const struct cm_world *w)
{
	struct san_time t = san_time_min(cm_deadline(w->side[0].cm), cm_deadline(w->side[1].cm));

	for (uint32_t i = 0; i < w->wire_count; i++)
		t = san_time_min(t, w->wire[i].at);
	return t;
}

void
world_run(struct cm_world *w, struct san_duration limit)
{
	struct san_time end = san_time_add(w->now, limit);

	for (int steps = 0; steps < 100000; steps++) {
		struct san_time next;

		world_pump(w);
		next = next_moment(w);
		if (san_time_before(end, next) || next.ns == SAN_TIME_NEVER.ns) {
			w->now = end;
			return;
		}
		if (san_time_before(w->now, next))
			w->now = next;
		if (deliver_one(w))
			continue;
		for (int s = 0; s < 2; s++)
			cm_deadline_expire(w->side[s].cm, w->now);
	}
	fail_msg("does not come to rest");
}

void
world_expect(const struct cm_world *w, int began, enum side_view a, enum side_view b)
{
	assert_int_equal(w->side[0].end[began].view, a);
	assert_int_equal(w->side[1].end[began].view, b);
}

void
world_expect_rest(struct cm_world *w)
{
	world_run(w, SAN_DURATION_S(60));
	for (int s = 0; s < 2; s++) {
		world_expect(w, s, VIEW_NONE, VIEW_NONE);
		assert_int_equal(cm_count(w->side[s].cm), 0);
		assert_int_equal(cm_deadline(w->side[s].cm).ns, SAN_TIME_NEVER.ns);
	}
}

struct cm_msg
side_take(struct cm_world *w, int s, uint16_t attr)
{
	struct cm_msg m = {0};
	struct cm_out out;

	if (!cm_out_take(w->side[s].cm, &out))
		fail_msg("nothing sent, want %s", cm_attr_name(attr));
	assert_int_equal(cm_msg_decode(out.mad, MAD_LEN, &m), 0);
	if (m.attr != attr)
		fail_msg("%s sent, want %s", cm_attr_name(m.attr), cm_attr_name(attr));
	return m;
}

int
side_give(struct cm_world *w, int s, const struct san_ip *src, const struct cm_msg *m)
{
	uint8_t mad[MAD_LEN];

	assert_int_equal(cm_msg_encode(mad, m), 0);
	return cm_mad_receive(w->side[s].cm, 0, src, &w->side[s].ip, mad, MAD_LEN, w->now);
}
