/* SPDX-License-Identifier: BSD-3-Clause */
/* Every sequence of four things that can happen, on both sides. What the owner is told must add up:
 * each handle it hears of ends exactly once, by event or by its own call, and is unknown
 * afterwards; nothing is left at the end. */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "cm_priv.h"
#include "hand_peer.h"
#include "san_err.h"

#define DEPTH	4
#define IDS_MAX 16

/* What a step does, by input; STALE, RETRY and EXPIRE come about by themselves or by time. */
static const enum cm_input_type steps[] = {CM_IN_REQ, CM_IN_REP, CM_IN_RTU, CM_IN_REJ, CM_IN_MRA,
    CM_IN_DREQ, CM_IN_DREP, CM_IN_STALE, CM_IN_ACCEPT, CM_IN_REJECT, CM_IN_CONFIRM, CM_IN_DATA,
    CM_IN_DISCONNECT, CM_IN_EXPIRE};
#define STEPS (sizeof steps / sizeof steps[0])

struct handle {
	uint32_t id;
	bool up, ended;
};

struct walk {
	struct cm_world w;
	struct handle handle[IDS_MAX];
	unsigned count, current;
	const char *path[DEPTH];
	unsigned taken;
};

static void
walk_fail(const struct walk *k, const char *what)
{
	char text[256];
	size_t n = 0;

	for (unsigned i = 0; i < k->taken; i++)
		n += (size_t)snprintf(text + n, sizeof text - n, " %s", k->path[i]);
	fail_msg("%s after%s", what, text);
}

static struct handle *
handle_of(struct walk *k, uint32_t id)
{
	for (unsigned i = 0; i < k->count; i++) {
		if (k->handle[i].id == id)
			return &k->handle[i];
	}
	assert_true(k->count < IDS_MAX);
	k->handle[k->count].id = id;
	k->current = k->count;
	return &k->handle[k->count++];
}

static void
handle_end(struct walk *k, struct handle *h)
{
	if (h->ended)
		walk_fail(k, "ended twice");
	h->ended = true;
	if (cm_confirm(k->w.side[0].cm, h->id, k->w.now) != SAN_ENOENT)
		walk_fail(k, "ended but still known");
}

static void
settle(struct walk *k)
{
	struct cm_event ev;
	struct cm_out out;

	while (cm_out_take(k->w.side[0].cm, &out))
		;
	while (cm_event_take(k->w.side[0].cm, &ev)) {
		struct handle *h = handle_of(k, ev.id);

		if (h->ended)
			walk_fail(k, "event after the end");
		if (ev.type == CM_EV_ESTABLISHED)
			h->up = true;
		if (ev.type == CM_EV_DREQ || ev.type == CM_EV_DREQ_DONE)
			h->up = false;
		if (ev.type == CM_EV_REJECTED || ev.type == CM_EV_TIMEDOUT || ev.type == CM_EV_GONE)
			handle_end(k, h);
	}
}

static void
message(struct walk *k, uint16_t attr)
{
	struct cm_msg m = peer_msg(attr, k->handle[k->current].id);

	if (attr == CM_REQ)
		m = peer_req(&k->w);
	if (attr == CM_REP)
		m = peer_rep(k->handle[k->current].id);
	m.remote_qpn = hand_qp.qpn;
	m.reason = attr == CM_REJ ? CM_REJ_CONSUMER : 0;
	give(&k->w, &m);
}

static void
stale(struct walk *k)
{
	struct cm_msg m = peer_req(&k->w);

	m.local_id++;
	give(&k->w, &m);
}

static void
owner(struct walk *k, enum cm_input_type what)
{
	struct handle *h = &k->handle[k->current];
	struct cm *cm = k->w.side[0].cm;

	switch (what) {
	case CM_IN_ACCEPT:
		cm_accept(cm, h->id, 1, &hand_qp, NULL, 0, k->w.now);
		break;
	case CM_IN_REJECT:
		if (cm_reject(cm, h->id, 28, NULL, 0, k->w.now) == 0)
			handle_end(k, h);
		break;
	case CM_IN_CONFIRM:
		if (cm_confirm(cm, h->id, k->w.now) == 0)
			h->up = true;
		break;
	case CM_IN_DATA:
		cm_data_arrived(cm, h->id, k->w.now);
		break;
	default:
		if (cm_disconnect(cm, h->id, k->w.now) == 0 && !h->up)
			handle_end(k, h);
		break;
	}
}

static void
let_time_pass(struct walk *k)
{
	struct san_time t = cm_deadline(k->w.side[0].cm);

	if (t.ns == SAN_TIME_NEVER.ns)
		return;
	if (san_time_before(t, k->w.now))
		walk_fail(k, "a deadline was missed");
	k->w.now = t;
	cm_deadline_expire(k->w.side[0].cm, t);
}

static void
take_step(struct walk *k, enum cm_input_type what)
{
	static const uint16_t attrs[] = {CM_REQ, CM_REP, CM_RTU, CM_REJ, CM_MRA, CM_DREQ, CM_DREP};

	k->path[k->taken++] = cm_input_name(what);
	if (what <= CM_IN_DREP)
		message(k, attrs[what]);
	else if (what == CM_IN_STALE)
		stale(k);
	else if (what == CM_IN_EXPIRE)
		let_time_pass(k);
	else
		owner(k, what);
	settle(k);
}

/* The owner lets go of everything, then time passes. */
static void
finish(struct walk *k)
{
	for (unsigned i = 0; i < k->count; i++) {
		k->current = i;
		owner(k, CM_IN_DISCONNECT);
		settle(k);
	}
	for (int i = 0; i < 200 && cm_count(k->w.side[0].cm) > 0; i++) {
		let_time_pass(k);
		settle(k);
	}
	if (cm_count(k->w.side[0].cm) != 0 || cm_deadline(k->w.side[0].cm).ns != SAN_TIME_NEVER.ns)
		walk_fail(k, "something is left");
	for (unsigned i = 0; i < k->count; i++) {
		if (!k->handle[i].ended)
			walk_fail(k, "a handle never ended");
	}
}

static void
walk_all(bool active)
{
	static struct walk k;
	unsigned sequences = 1;

	for (int i = 0; i < DEPTH; i++)
		sequences *= STEPS;
	for (unsigned n = 0; n < sequences; n++) {
		unsigned rest = n;

		memset(&k, 0, sizeof k);
		world_init(&k.w, &world_limits);
		if (active)
			handle_of(&k, req_sent(&k.w));
		else
			handle_of(&k, req_received(&k.w));
		settle(&k);
		for (int i = 0; i < DEPTH; i++, rest /= STEPS)
			take_step(&k, steps[rest % STEPS]);
		finish(&k);
		world_fini(&k.w);
	}
}

static void
walk__passive(void **state)
{
	walk_all(false);
}

static void
walk__active(void **state)
{
	walk_all(true);
}

static void
names__total(void **state)
{
	for (int s = 0; s <= CM_ST_COUNT; s++)
		assert_non_null(cm_state_name((enum cm_state)s));
	for (int t = 0; t <= CM_IN_COUNT; t++)
		assert_non_null(cm_input_name((enum cm_input_type)t));
	assert_string_equal(cm_state_name(CM_ST_TIMEWAIT), "TIMEWAIT");
	assert_string_equal(cm_state_name(CM_ST_GONE), "GONE");
	assert_string_equal(cm_input_name(CM_IN_EXPIRE), "EXPIRE");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(walk__passive),
	    cmocka_unit_test(walk__active),
	    cmocka_unit_test(names__total),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
