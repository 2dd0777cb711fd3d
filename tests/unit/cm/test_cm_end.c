/* SPDX-License-Identifier: BSD-3-Clause */
/* One engine against a hand-written peer, on the way out: rejection, disconnection, stale and
 * forged messages. */
#include "test.h"

#include "bytes.h"
#include "hand_peer.h"
#include "san_err.h"

static void
reject__req(void **state)
{
	struct cm_world *w = *state;
	uint32_t id = req_received(w);
	struct cm_msg rej;

	assert_int_equal(cm_reject(w->side[0].cm, id, CM_REJ_CONSUMER, "no", 2, w->now), 0);
	rej = side_take(w, 0, CM_REJ);
	assert_int_equal(rej.reason, CM_REJ_CONSUMER);
	assert_int_equal(rej.msg_rejected, 0);
	assert_int_equal(rej.remote_id, PEER_ID);
	assert_int_equal(rej.ari_len, 0);
	assert_memory_equal(rej.priv, "no", 3);
	assert_int_equal(cm_count(w->side[0].cm), 0);
	assert_int_equal(cm_reject(w->side[0].cm, id, 1, NULL, 0, w->now), SAN_ENOENT);
	no_event(w);
}

static void
reject__rep(void **state)
{
	struct cm_world *w = *state;
	uint32_t id = req_sent(w);
	struct cm_msg rep = peer_rep(id), rej;

	side_take(w, 0, CM_REQ);
	give(w, &rep);
	event(w, CM_EV_REP);
	assert_int_equal(cm_reject(w->side[0].cm, id, CM_REJ_CONSUMER, NULL, 0, w->now), 0);
	rej = side_take(w, 0, CM_REJ);
	assert_int_equal(rej.msg_rejected, 1);
	assert_int_equal(rej.remote_id, PEER_ID);
	assert_int_equal(cm_count(w->side[0].cm), 0);
	/* The peer did not get it and repeats: told again, without any memory of it. */
	assert_int_equal(give(w, &rep), SAN_ENOENT);
	rej = side_take(w, 0, CM_REJ);
	assert_int_equal(rej.reason, CM_REJ_INVALID_COMM_ID);
	assert_int_equal(rej.msg_rejected, 1);
	assert_int_equal(rej.local_id, id);
	assert_int_equal(rej.remote_id, PEER_ID);
}

static void
rej__ends_every_attempt(void **state)
{
	struct cm_world *w = *state;
	struct cm_event ev;
	struct cm_msg rej, rep;
	uint32_t id;

	id = req_sent(w);
	rej = peer_msg(CM_REJ, id);
	rej.local_id = 0; /* a listener that is not there has no id */
	rej.reason = CM_REJ_INVALID_SERVICE_ID;
	assert_int_equal(give(w, &rej), 0);
	ev = event(w, CM_EV_REJECTED);
	assert_int_equal(ev.reason, CM_REJ_INVALID_SERVICE_ID);
	assert_int_equal(ev.cookie, 41);
	assert_int_equal(ev.msg.attr, CM_REJ);

	id = req_sent(w);
	rep = peer_rep(id);
	give(w, &rep);
	event(w, CM_EV_REP);
	rej = peer_msg(CM_REJ, id);
	rej.reason = CM_REJ_CONSUMER;
	give(w, &rej);
	assert_int_equal(event(w, CM_EV_REJECTED).id, id);

	id = req_received(w);
	cm_accept(w->side[0].cm, id, 5, &hand_qp, NULL, 0, w->now);
	rej = peer_msg(CM_REJ, id);
	rej.reason = CM_REJ_CONSUMER;
	give(w, &rej);
	assert_int_equal(event(w, CM_EV_REJECTED).cookie, 5);
	assert_int_equal(cm_count(w->side[0].cm), 0);
	no_event(w);
}

/* The peer gives its REQ up before it ever heard of us: its id and its GUID name the attempt. */
static void
rej__by_peer_id_and_guid(void **state)
{
	struct cm_world *w = *state;
	struct cm_msg rej = peer_msg(CM_REJ, 0);

	rej.reason = CM_REJ_TIMEOUT;
	assert_int_equal(give(w, &rej), SAN_ENOENT);
	req_received(w);
	assert_int_equal(give(w, &rej), SAN_ENOENT); /* no GUID */
	rej.ari_len = 8;
	be64_put(rej.ari, PEER_GUID + 1);
	assert_int_equal(give(w, &rej), SAN_ENOENT);
	be64_put(rej.ari, PEER_GUID);
	assert_int_equal(give(w, &rej), 0);
	assert_int_equal(event(w, CM_EV_REJECTED).reason, CM_REJ_TIMEOUT);
	assert_int_equal(cm_count(w->side[0].cm), 0);
}

/* All our RTUs were lost and the peer gave up. */
static void
rej__when_established(void **state)
{
	struct cm_world *w = *state;
	uint32_t id = active_established(w);
	struct cm_msg rej = peer_msg(CM_REJ, id);
	struct cm_event ev;

	rej.reason = CM_REJ_TIMEOUT;
	rej.msg_rejected = 1;
	assert_int_equal(give(w, &rej), 0);
	ev = event(w, CM_EV_DREQ);
	assert_int_equal(ev.reason, CM_REJ_TIMEOUT);
	nothing_sent(w);
	pass(w, SAN_DURATION_S(2));
	assert_int_equal(event(w, CM_EV_GONE).id, id);
}

static void
dreq__unknown_is_answered(void **state)
{
	struct cm_world *w = *state;
	struct cm_msg dreq = peer_msg(CM_DREQ, 0x55), drep;

	assert_int_equal(give(w, &dreq), SAN_ENOENT);
	drep = side_take(w, 0, CM_DREP);
	assert_int_equal(drep.local_id, 0x55);
	assert_int_equal(drep.remote_id, PEER_ID);
	assert_int_equal(drep.tid, dreq.tid);
	assert_int_equal(cm_count(w->side[0].cm), 0);
}

static void
dreq__again_in_timewait(void **state)
{
	struct cm_world *w = *state;
	uint32_t id = active_established(w);
	struct cm_msg dreq = peer_msg(CM_DREQ, id);

	dreq.remote_qpn = 0x777;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(give(w, &dreq), 0);
		side_take(w, 0, CM_DREP);
	}
	assert_int_equal(event(w, CM_EV_DREQ).reason, 0);
	no_event(w);
	assert_int_equal(cm_disconnect(w->side[0].cm, id, w->now), SAN_EINVAL);
	pass(w, SAN_DURATION_S(2));
	event(w, CM_EV_GONE);
	assert_int_equal(cm_disconnect(w->side[0].cm, id, w->now), SAN_ENOENT);
	give(w, &dreq); /* and afterwards from no memory at all */
	side_take(w, 0, CM_DREP);
}

static void
dreq__with_the_wrong_qpn(void **state)
{
	struct cm_world *w = *state;
	uint32_t id = active_established(w);
	struct cm_msg dreq = peer_msg(CM_DREQ, id);

	dreq.remote_qpn = 0x778;
	assert_int_equal(give(w, &dreq), SAN_EPROTO);
	assert_int_equal(cm_counters(w->side[0].cm)->wrong_qpn, 1);
	nothing_sent(w);
	no_event(w);
}

static void
disconnect__before_established(void **state)
{
	struct cm_world *w = *state;
	uint32_t id = req_sent(w);
	struct cm_msg m;

	side_take(w, 0, CM_REQ);
	assert_int_equal(cm_disconnect(w->side[0].cm, id, w->now), 0);
	m = side_take(w, 0, CM_REJ);
	assert_int_equal(m.reason, CM_REJ_TIMEOUT);
	assert_int_equal(m.local_id, id);
	assert_int_equal(m.remote_id, 0);
	assert_int_equal(m.ari_len, 8);

	id = req_received(w);
	assert_int_equal(cm_disconnect(w->side[0].cm, id, w->now), 0);
	assert_int_equal(side_take(w, 0, CM_REJ).reason, CM_REJ_CONSUMER);

	id = req_received(w);
	cm_accept(w->side[0].cm, id, 1, &hand_qp, NULL, 0, w->now);
	side_take(w, 0, CM_REP);
	assert_int_equal(cm_disconnect(w->side[0].cm, id, w->now), 0);
	assert_int_equal(side_take(w, 0, CM_REJ).msg_rejected, 1);
	assert_int_equal(cm_count(w->side[0].cm), 0);
	no_event(w);
}

/* A peer that restarted uses the same GUID and QPN again, with a new id. */
static void
stale__req(void **state)
{
	struct cm_world *w = *state;
	uint32_t id = passive_established(w);
	struct cm_msg req = peer_req(w), m;

	req.local_id++;
	assert_int_equal(give(w, &req), SAN_EPROTO);
	m = side_take(w, 0, CM_REJ);
	assert_int_equal(m.reason, CM_REJ_STALE_CONN);
	assert_int_equal(m.remote_id, req.local_id);
	m = side_take(w, 0, CM_DREQ);
	assert_int_equal(m.remote_id, PEER_ID);
	assert_int_equal(m.remote_qpn, PEER_QPN);
	assert_int_equal(event(w, CM_EV_DREQ).reason, CM_REJ_STALE_CONN);
	assert_int_equal(cm_counters(w->side[0].cm)->stale, 1);
	/* It stays rejected until time-wait is over. */
	give(w, &req);
	assert_int_equal(side_take(w, 0, CM_REJ).reason, CM_REJ_STALE_CONN);
	pass(w, SAN_DURATION_S(2));
	assert_int_equal(event(w, CM_EV_GONE).id, id);
	assert_int_equal(give(w, &req), 0);
	event(w, CM_EV_REQ);
}

static void
stale__half_open(void **state)
{
	struct cm_world *w = *state;
	struct cm_msg req = peer_req(w);
	uint32_t id = req_received(w);

	req.local_id++;
	give(w, &req);
	assert_int_equal(side_take(w, 0, CM_REJ).reason, CM_REJ_STALE_CONN);
	assert_int_equal(event(w, CM_EV_REJECTED).id, id);
	assert_int_equal(cm_count(w->side[0].cm), 0);
}

/* The same id for another QP: the peer forgot that it had given it away. */
static void
stale__same_id_other_qp(void **state)
{
	struct cm_world *w = *state;
	struct cm_msg req = peer_req(w);

	passive_established(w);
	req.qpn++;
	give(w, &req);
	assert_int_equal(side_take(w, 0, CM_REJ).reason, CM_REJ_STALE_CONN);
	side_take(w, 0, CM_DREQ);
	event(w, CM_EV_DREQ);
}

static void
stale__rep(void **state)
{
	struct cm_world *w = *state;
	uint32_t old = passive_established(w), id = req_sent(w);
	struct cm_msg rep = peer_rep(id), m;

	side_take(w, 0, CM_REQ);
	rep.local_id = 0x1000;
	assert_int_equal(give(w, &rep), SAN_EPROTO);
	assert_int_equal(event(w, CM_EV_REJECTED).id, id);
	assert_int_equal(event(w, CM_EV_DREQ).id, old);
	m = side_take(w, 0, CM_REJ);
	assert_int_equal(m.reason, CM_REJ_STALE_CONN);
	assert_int_equal(m.msg_rejected, 1);
	assert_int_equal(m.remote_id, 0x1000);
	side_take(w, 0, CM_DREQ);
}

/* The same GUID and QPN from another address is another host (or a forger): the old connection is
 * not touched. */
static void
stale__needs_the_same_address(void **state)
{
	struct cm_world *w = *state;
	struct san_ip other = san_ip_v4(0x0a4d0063);
	struct cm_msg req = peer_req(w);

	passive_established(w);
	req.src_gid = other;
	assert_int_equal(side_give(w, 0, &other, &req), 0);
	event(w, CM_EV_REQ);
	no_event(w);
}

/* Whatever names a handle must also come from its peer, to its local address, with the peer's id.
 */
static void
forged__messages_are_ignored(void **state)
{
	static const uint16_t attrs[] = {CM_RTU, CM_REJ, CM_MRA, CM_DREQ, CM_DREP, CM_REP};
	struct cm_world *w = *state;
	struct san_ip other = san_ip_v4(0x0a4d0063);
	uint32_t id = passive_established(w);

	for (size_t i = 0; i < sizeof attrs / sizeof attrs[0]; i++) {
		struct cm_msg m = peer_msg(attrs[i], id);
		uint8_t mad[MAD_LEN];

		m.remote_qpn = 0x777;
		assert_int_equal(side_give(w, 0, &other, &m), SAN_ENOENT);
		cm_msg_encode(mad, &m);
		assert_int_equal(
		    cm_mad_receive(w->side[0].cm, 0, &w->side[1].ip, &other, mad, MAD_LEN, w->now),
		    SAN_ENOENT);
		m.local_id++;
		assert_int_equal(give(w, &m), SAN_ENOENT);
		no_event(w);
	}
	assert_int_equal(cm_counters(w->side[0].cm)->unknown, 3 * 6);
	assert_int_equal(cm_disconnect(w->side[0].cm, id, w->now), 0); /* still established */
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    T(reject__req),
	    T(reject__rep),
	    T(rej__ends_every_attempt),
	    T(rej__by_peer_id_and_guid),
	    T(rej__when_established),
	    T(dreq__unknown_is_answered),
	    T(dreq__again_in_timewait),
	    T(dreq__with_the_wrong_qpn),
	    T(disconnect__before_established),
	    T(stale__req),
	    T(stale__half_open),
	    T(stale__same_id_other_qp),
	    T(stale__rep),
	    T(stale__needs_the_same_address),
	    T(forged__messages_are_ignored),
	};
#undef T

	return cmocka_run_group_tests(tests, NULL, NULL);
}
