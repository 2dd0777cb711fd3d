/* SPDX-License-Identifier: BSD-3-Clause */
#include "hand_peer.h"

#include "test.h"

const struct cm_qp hand_qp = {
    .qpn = 0x777, .psn = 9, .rnr_retry = 7, .retry_count = 5, .pmtu_code = 3};

int
setup(void **state)
{
	static struct cm_world w;

	world_init(&w, &world_limits);
	*state = &w;
	return 0;
}

int
teardown(void **state)
{
	world_fini(*state);
	return 0;
}

struct cm_msg
peer_req(const struct cm_world *w)
{
	return (struct cm_msg){.attr = CM_REQ,
	    .tid = 0x1234567800000001,
	    .local_id = PEER_ID,
	    .service_id = CM_SID_SDP | 80,
	    .ca_guid = PEER_GUID,
	    .qpn = PEER_QPN,
	    .psn = 0x100,
	    .pmtu_code = 3,
	    .max_cm_retries = 15,
	    .pkey = 0xffff,
	    .hop_limit = 64,
	    .src_gid = w->side[1].ip,
	    .dst_gid = w->side[0].ip,
	    .priv = {'h', 'i'},
	    .priv_len = 2};
}

struct cm_msg
peer_msg(uint16_t attr, uint32_t remote_id)
{
	return (struct cm_msg){
	    .attr = attr, .tid = 0x1234567800000001, .local_id = PEER_ID, .remote_id = remote_id};
}

int
give(struct cm_world *w, const struct cm_msg *m)
{
	return side_give(w, 0, &w->side[1].ip, m);
}

struct cm_event
event(struct cm_world *w, enum cm_event_type type)
{
	struct cm_event ev = {0};

	assert_true(cm_event_take(w->side[0].cm, &ev));
	assert_int_equal(ev.type, type);
	return ev;
}

void
no_event(struct cm_world *w)
{
	struct cm_event ev;

	assert_false(cm_event_take(w->side[0].cm, &ev));
}

void
nothing_sent(struct cm_world *w)
{
	struct cm_out out;

	assert_false(cm_out_take(w->side[0].cm, &out));
}

uint32_t
req_received(struct cm_world *w)
{
	struct cm_msg req = peer_req(w);

	assert_int_equal(give(w, &req), 0);
	return event(w, CM_EV_REQ).id;
}

uint32_t
passive_established(struct cm_world *w)
{
	uint32_t id = req_received(w);
	struct cm_msg rtu = peer_msg(CM_RTU, id);

	assert_int_equal(cm_accept(w->side[0].cm, id, 42, &hand_qp, NULL, 0, w->now), 0);
	side_take(w, 0, CM_REP);
	assert_int_equal(give(w, &rtu), 0);
	assert_int_equal(event(w, CM_EV_ESTABLISHED).cookie, 42);
	return id;
}

uint32_t
req_sent(struct cm_world *w)
{
	int64_t id = cm_connect(w->side[0].cm, 41, 3, &w->side[0].ip, &w->side[1].ip,
	    CM_SID_SDP | 80, &hand_qp, "hello", 5, w->now);

	assert_true(id > 0);
	return (uint32_t)id;
}

struct cm_msg
peer_rep(uint32_t id)
{
	struct cm_msg rep = peer_msg(CM_REP, id);

	rep.qpn = PEER_QPN;
	rep.ca_guid = PEER_GUID;
	return rep;
}

uint32_t
active_established(struct cm_world *w)
{
	uint32_t id = req_sent(w);
	struct cm_msg rep = peer_rep(id);

	side_take(w, 0, CM_REQ);
	assert_int_equal(give(w, &rep), 0);
	event(w, CM_EV_REP);
	assert_int_equal(cm_confirm(w->side[0].cm, id, w->now), 0);
	side_take(w, 0, CM_RTU);
	return id;
}

void
pass(struct cm_world *w, struct san_duration d)
{
	w->now = san_time_add(w->now, d);
	cm_deadline_expire(w->side[0].cm, w->now);
}
