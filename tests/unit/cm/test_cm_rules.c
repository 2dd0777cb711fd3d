/* SPDX-License-Identifier: BSD-3-Clause */
/* One engine against a hand-written peer, on the way to a connection: what each message carries,
 * and what each message provokes. */
#include "test.h"

#include "bytes.h"
#include "hand_peer.h"
#include "san_err.h"

static void
req__carries(void **state)
{
	struct cm_world *w = *state;
	uint32_t id = req_sent(w);
	struct cm_out out;
	struct cm_msg m;

	assert_true(cm_out_take(w->side[0].cm, &out));
	assert_true(
	    san_ip_equal(&out.src, &w->side[0].ip) && san_ip_equal(&out.dst, &w->side[1].ip));
	assert_int_equal(out.port, 3);
	cm_msg_decode(out.mad, MAD_LEN, &m);
	assert_int_equal(m.local_id, id);
	assert_int_equal((uint32_t)m.tid, id);
	assert_int_equal(m.service_id, CM_SID_SDP | 80);
	assert_int_equal(m.ca_guid, w->side[0].guid);
	assert_int_equal(m.qpn, 0x777);
	assert_int_equal(m.psn, 9);
	assert_int_equal(m.transport, 0);
	assert_int_equal(m.pkey, 0xffff);
	assert_int_equal(m.pmtu_code, 3);
	assert_int_equal(m.retry_count, 5);
	assert_int_equal(m.rnr_retry, 7);
	assert_int_equal(m.max_cm_retries, 12);
	assert_int_equal(m.remote_resp_timeout, 18); /* 1.07 s: our REQ interval */
	assert_int_equal(m.hop_limit, 64);
	assert_true(
	    san_ip_equal(&m.src_gid, &w->side[0].ip) && san_ip_equal(&m.dst_gid, &w->side[1].ip));
	assert_memory_equal(m.priv, "hello", 6);
}

static void
req__repeats_are_identical(void **state)
{
	struct cm_world *w = *state;
	struct cm_out first, again;

	req_sent(w);
	assert_true(cm_out_take(w->side[0].cm, &first));
	pass(w, SAN_DURATION_MS(999));
	assert_false(cm_out_take(w->side[0].cm, &again));
	pass(w, SAN_DURATION_MS(1));
	assert_true(cm_out_take(w->side[0].cm, &again));
	assert_memory_equal(first.mad, again.mad, MAD_LEN);
	assert_int_equal(cm_counters(w->side[0].cm)->retries, 1);
}

/* 1 s, then twice as long up to backoff_max times; the number of repeats is the same. */
static void
req__repeats_back_off(void **state)
{
	static const unsigned at_s[] = {1, 3, 7, 11, 15};
	struct cm_limits limits = world_limits;
	struct cm_world w;

	limits.backoff_max = 2;
	limits.req_retries = 5;
	world_init(&w, &limits);
	req_sent(&w);
	side_take(&w, 0, CM_REQ);
	for (unsigned s = 1; s <= 19; s++) {
		bool due = false;

		for (size_t i = 0; i < sizeof at_s / sizeof at_s[0]; i++)
			due |= at_s[i] == s;
		no_event(&w);
		pass(&w, SAN_DURATION_S(1));
		if (due)
			side_take(&w, 0, CM_REQ);
		if (s < 19)
			nothing_sent(&w);
	}
	event(&w, CM_EV_TIMEDOUT);
	world_fini(&w);
}

/* The REQ says how often we may repeat our REP, but cannot make it more often than we want. */
static void
rep__repeats_as_the_req_allows(void **state)
{
	for (uint8_t allowed = 0; allowed < 16; allowed++) {
		struct cm_world w;
		struct cm_msg req;
		unsigned sent;

		world_init(&w, &world_limits);
		req = peer_req(&w);
		req.max_cm_retries = allowed;
		give(&w, &req);
		cm_accept(w.side[0].cm, event(&w, CM_EV_REQ).id, 1, &hand_qp, NULL, 0, w.now);
		for (int i = 0; i < 20; i++)
			pass(&w, SAN_DURATION_MS(500));
		event(&w, CM_EV_TIMEDOUT);
		sent =
		    1u + (allowed < world_limits.rep_retries ? allowed : world_limits.rep_retries);
		assert_int_equal(cm_counters(w.side[0].cm)->rep_tx, sent);
		world_fini(&w);
	}
}

/* REP, RTU, REJ and MRA use the REQ's transaction, DREP the DREQ's. */
static void
tid__reused(void **state)
{
	struct cm_world *w = *state;
	struct cm_msg req = peer_req(w), m;
	uint32_t id = req_received(w), req_tid;

	give(w, &req);
	m = side_take(w, 0, CM_MRA);
	assert_int_equal(m.tid, req.tid);
	cm_accept(w->side[0].cm, id, 1, &hand_qp, "ack", 3, w->now);
	m = side_take(w, 0, CM_REP);
	assert_int_equal(m.tid, req.tid);
	assert_int_equal(m.local_id, id);
	assert_int_equal(m.remote_id, PEER_ID);
	assert_int_equal(m.qpn, 0x777);
	assert_int_equal(m.psn, 9);
	assert_int_equal(m.rnr_retry, 7);
	assert_int_equal(m.ca_guid, w->side[0].guid);
	assert_memory_equal(m.priv, "ack", 4);
	m = peer_msg(CM_DREQ, id);
	m.remote_qpn = 0x777;
	m.tid = 0xd1d1;
	give(w, &m);
	m = side_take(w, 0, CM_DREP);
	assert_int_equal(m.tid, 0xd1d1);

	req_sent(w);
	m = side_take(w, 0, CM_REQ);
	req_tid = (uint32_t)m.tid;
	m = peer_rep(m.local_id);
	m.local_id = 0x9999;
	m.qpn = 0x9999;
	give(w, &m);
	cm_confirm(w->side[0].cm, m.remote_id, w->now);
	m = side_take(w, 0, CM_RTU);
	assert_int_equal((uint32_t)m.tid, req_tid);
	assert_int_equal(m.remote_id, 0x9999);
	cm_disconnect(w->side[0].cm, m.local_id, w->now);
	m = side_take(w, 0, CM_DREQ);
	assert_int_not_equal((uint32_t)m.tid, req_tid);
	assert_int_equal(m.remote_qpn, 0x9999);
}

static void
req__event_has_the_message(void **state)
{
	struct cm_world *w = *state;
	struct cm_msg req = peer_req(w);
	struct cm_event ev;

	give(w, &req);
	ev = event(w, CM_EV_REQ);
	assert_int_equal(ev.cookie, 0);
	assert_true(ev.id != 0);
	assert_true(
	    san_ip_equal(&ev.peer, &w->side[1].ip) && san_ip_equal(&ev.local, &w->side[0].ip));
	assert_int_equal(ev.msg.service_id, CM_SID_SDP | 80);
	assert_int_equal(ev.msg.qpn, PEER_QPN);
	assert_int_equal(ev.msg.priv_len, 92);
	assert_memory_equal(ev.msg.priv, "hi", 3);
}

static void
req__again_before_the_owner_answered(void **state)
{
	struct cm_world *w = *state;
	struct cm_msg req = peer_req(w), mra;
	uint32_t id = req_received(w);

	assert_int_equal(give(w, &req), 0);
	no_event(w);
	mra = side_take(w, 0, CM_MRA);
	assert_int_equal(mra.msg_rejected, 0);
	assert_int_equal(mra.local_id, id);
	assert_int_equal(mra.remote_id, PEER_ID);
	assert_int_equal(mra.service_timeout, 21); /* 8.6 s, pending_timeout is 5 */
	assert_int_equal(cm_counters(w->side[0].cm)->duplicates, 1);
}

static void
req__again_after_the_rep(void **state)
{
	struct cm_world *w = *state;
	struct cm_msg req = peer_req(w);
	uint32_t id = req_received(w);
	struct cm_out first, again;

	cm_accept(w->side[0].cm, id, 1, &hand_qp, "ack", 3, w->now);
	assert_true(cm_out_take(w->side[0].cm, &first));
	assert_int_equal(give(w, &req), 0);
	assert_true(cm_out_take(w->side[0].cm, &again));
	assert_memory_equal(first.mad, again.mad, MAD_LEN);
	no_event(w);
	assert_int_equal(cm_count(w->side[0].cm), 1);
}

static void
req__again_when_established_or_over(void **state)
{
	struct cm_world *w = *state;
	struct cm_msg req = peer_req(w), rej, dreq;
	uint32_t id = passive_established(w);

	assert_int_equal(give(w, &req), SAN_EALREADY);
	nothing_sent(w);
	dreq = peer_msg(CM_DREQ, id);
	dreq.remote_qpn = 0x777;
	give(w, &dreq);
	side_take(w, 0, CM_DREP);
	event(w, CM_EV_DREQ);
	give(w, &req);
	rej = side_take(w, 0, CM_REJ);
	assert_int_equal(rej.reason, CM_REJ_STALE_CONN);
	assert_int_equal(rej.msg_rejected, 0);
	assert_int_equal(rej.remote_id, PEER_ID);
	no_event(w);
}

static void
req__owner_never_answers(void **state)
{
	struct cm_world *w = *state;
	uint32_t id = req_received(w);
	struct cm_event ev;
	struct cm_msg rej;

	cm_own(w->side[0].cm, id, 77);
	pass(w, SAN_DURATION_S(5));
	ev = event(w, CM_EV_TIMEDOUT);
	assert_int_equal(ev.id, id);
	assert_int_equal(ev.cookie, 77);
	rej = side_take(w, 0, CM_REJ);
	assert_int_equal(rej.reason, CM_REJ_TIMEOUT);
	assert_int_equal(rej.ari_len, 8);
	assert_int_equal(be64_get(rej.ari), w->side[0].guid);
	assert_int_equal(cm_accept(w->side[0].cm, id, 1, &hand_qp, NULL, 0, w->now), SAN_ENOENT);
	assert_int_equal(cm_count(w->side[0].cm), 0);
}

static void
req__flaws(void **state)
{
	struct cm_world *w = *state;
	struct cm_msg req = peer_req(w);

	req.transport = 1;
	give(w, &req);
	assert_int_equal(side_take(w, 0, CM_REJ).reason, CM_REJ_INVALID_TRANSPORT);
	req = peer_req(w);
	req.dst_gid.b[15] ^= 8;
	give(w, &req);
	assert_int_equal(side_take(w, 0, CM_REJ).reason, CM_REJ_INVALID_GID);
	req = peer_req(w);
	req.src_gid.b[15] ^= 8;
	give(w, &req);
	assert_int_equal(side_take(w, 0, CM_REJ).reason, CM_REJ_INVALID_GID);
	for (int code = 0; code < 16; code++) {
		if (code >= 1 && code <= 5)
			continue;
		req = peer_req(w);
		req.pmtu_code = (uint8_t)code;
		give(w, &req);
		assert_int_equal(side_take(w, 0, CM_REJ).reason, CM_REJ_INVALID_MTU);
	}
	/* Queue pairs for management, multicast, and another partition's. */
	for (int i = 0; i < 5; i++) {
		static const uint32_t qpn[] = {0, 1, 0xffffff, PEER_QPN, PEER_QPN};

		req = peer_req(w);
		req.qpn = qpn[i];
		req.pkey = i == 3 ? 0x1234 : i == 4 ? 0x7ffe : 0x7fff;
		give(w, &req);
		assert_int_equal(side_take(w, 0, CM_REJ).reason, CM_REJ_UNSUPPORTED);
	}
	no_event(w);
	assert_int_equal(cm_count(w->side[0].cm), 0);
	assert_int_equal(cm_counters(w->side[0].cm)->flawed, 3 + 11 + 5);
}

/* We use one path: a peer that offers a second is told so. */
static void
req__alternate_path_is_unsupported(void **state)
{
	struct cm_world *w = *state;
	struct cm_msg req = peer_req(w);

	for (int alternate = 0; alternate < 2; alternate++) {
		uint8_t mad[MAD_LEN];

		req.local_id++;
		req.qpn++;
		assert_int_equal(cm_msg_encode(mad, &req), 0);
		mad[24 + 97] = (uint8_t)alternate; /* alternate local LID */
		assert_int_equal(cm_mad_receive(w->side[0].cm, 0, &w->side[1].ip, &w->side[0].ip,
				     mad, MAD_LEN, w->now),
		    0);
		cm_accept(w->side[0].cm, event(w, CM_EV_REQ).id, 1, &hand_qp, NULL, 0, w->now);
		assert_int_equal(side_take(w, 0, CM_REP).failover,
		    alternate ? CM_FAILOVER_UNSUPPORTED : CM_FAILOVER_ACCEPTED);
	}
}

static void
req__mtu_too_large(void **state)
{
	struct cm_world *w = *state;
	struct cm_msg rej;

	assert_int_equal(cm_reject_mtu(w->side[0].cm, req_received(w), 2, w->now), 0);
	rej = side_take(w, 0, CM_REJ);
	assert_int_equal(rej.reason, CM_REJ_INVALID_MTU);
	assert_int_equal(rej.ari_len, 1);
	assert_int_equal(rej.ari[0], 2);
	assert_int_equal(cm_count(w->side[0].cm), 0);
}

static void
qp__depths_meet(void **state)
{
	for (uint8_t own = 0; own < 6; own++) {
		for (uint8_t peer = 0; peer < 6; peer++) {
			struct cm_qp qp = {.responder_resources = own, .initiator_depth = 5 - own};
			const struct cm_msg m = {.initiator_depth = peer, .responder_resources = 3};

			cm_qp_meet(&qp, &m);
			assert_int_equal(qp.responder_resources, own < peer ? own : peer);
			assert_int_equal(qp.initiator_depth, 5 - own < 3 ? 5 - own : 3);
		}
	}
}

static void
req__ignored(void **state)
{
	struct cm_world *w = *state;
	struct cm_msg req = peer_req(w);
	uint32_t id = req_received(w);

	assert_int_equal(cm_ignore(w->side[0].cm, id, w->now), 0);
	nothing_sent(w);
	no_event(w);
	assert_int_equal(cm_count(w->side[0].cm), 0);
	assert_int_equal(cm_ignore(w->side[0].cm, id, w->now), SAN_ENOENT);
	assert_int_equal(give(w, &req), 0); /* the peer's repeat is new */
	id = event(w, CM_EV_REQ).id;
	cm_accept(w->side[0].cm, id, 1, &hand_qp, NULL, 0, w->now);
	assert_int_equal(cm_ignore(w->side[0].cm, id, w->now), SAN_EINVAL);
}

/* A REP that offers no usable QP: the peer is told, and so is our owner. */
static void
rep__flaws(void **state)
{
	static const uint32_t qpn[] = {0, 1, 0xffffff};
	struct cm_world *w = *state;

	for (size_t i = 0; i < sizeof qpn / sizeof qpn[0]; i++) {
		struct cm_msg rep = peer_rep(req_sent(w)), rej;

		side_take(w, 0, CM_REQ);
		rep.qpn = qpn[i];
		assert_int_equal(give(w, &rep), SAN_EPROTO);
		rej = side_take(w, 0, CM_REJ);
		assert_int_equal(rej.reason, CM_REJ_UNSUPPORTED);
		assert_int_equal(rej.msg_rejected, CM_MSG_REP);
		assert_int_equal(event(w, CM_EV_REJECTED).reason, CM_REJ_UNSUPPORTED);
	}
	assert_int_equal(cm_count(w->side[0].cm), 0);
}

static void
rep__again(void **state)
{
	struct cm_world *w = *state;
	uint32_t id = req_sent(w);
	struct cm_msg rep = peer_rep(id);

	side_take(w, 0, CM_REQ);
	give(w, &rep);
	event(w, CM_EV_REP);
	give(w, &rep); /* the owner has not answered yet */
	assert_int_equal(side_take(w, 0, CM_MRA).msg_rejected, 1);
	cm_confirm(w->side[0].cm, id, w->now);
	side_take(w, 0, CM_RTU);
	give(w, &rep); /* our RTU was lost */
	assert_int_equal(side_take(w, 0, CM_RTU).local_id, id);
	no_event(w);
	assert_int_equal(cm_counters(w->side[0].cm)->duplicates, 2);
	/* From somebody else with another id: not a repeat of ours. */
	rep.local_id++;
	assert_int_equal(give(w, &rep), SAN_ENOENT);
	assert_int_equal(side_take(w, 0, CM_REJ).reason, CM_REJ_INVALID_COMM_ID);
}

static void
rep__wrong_tid_is_accepted(void **state)
{
	struct cm_world *w = *state;
	uint32_t id = req_sent(w);
	struct cm_msg rep = peer_rep(id);

	rep.tid = 1;
	assert_int_equal(give(w, &rep), 0);
	assert_int_equal(event(w, CM_EV_REP).id, id);
}

static void
rep__to_the_passive_side(void **state)
{
	struct cm_world *w = *state;
	uint32_t id = passive_established(w);
	struct cm_msg rep = peer_rep(id);

	rep.qpn = 1234;
	assert_int_equal(give(w, &rep), SAN_EPROTO);
	nothing_sent(w);
	no_event(w);
}

static void
rtu__lost_but_data_arrives(void **state)
{
	struct cm_world *w = *state;
	uint32_t id = req_received(w);
	struct cm_msg rtu;

	cm_data_arrived(w->side[0].cm, id, w->now); /* too early: nothing */
	no_event(w);
	cm_accept(w->side[0].cm, id, 1, &hand_qp, NULL, 0, w->now);
	cm_data_arrived(w->side[0].cm, id, w->now);
	assert_int_equal(event(w, CM_EV_ESTABLISHED).id, id);
	cm_data_arrived(w->side[0].cm, id, w->now);
	rtu = peer_msg(CM_RTU, id);
	assert_int_equal(give(w, &rtu), SAN_EALREADY);
	no_event(w);
	side_take(w, 0, CM_REP);
	pass(w, SAN_DURATION_S(100));
	nothing_sent(w);
	cm_data_arrived(w->side[0].cm, 12345, w->now);
}

static void
mra__extends_the_wait(void **state)
{
	struct cm_world *w = *state;
	uint32_t id = req_sent(w);
	struct cm_msg mra = peer_msg(CM_MRA, id);

	side_take(w, 0, CM_REQ);
	mra.service_timeout = 22; /* 17.2 s */
	assert_int_equal(give(w, &mra), 0);
	pass(w, SAN_DURATION_S(17));
	nothing_sent(w);
	pass(w, SAN_DURATION_MS(200));
	side_take(w, 0, CM_REQ); /* patience over: ask again, as before */
	/* A shorter wait than what is left changes nothing. */
	mra.service_timeout = 0;
	assert_int_equal(give(w, &mra), 0);
	pass(w, SAN_DURATION_MS(999));
	nothing_sent(w);
	pass(w, SAN_DURATION_MS(1));
	side_take(w, 0, CM_REQ);
}

/* Neither a long timeout nor many of them hold us for ever. */
static void
mra__is_bounded(void **state)
{
	struct cm_world *w = *state;
	uint32_t id = req_sent(w);
	struct cm_msg mra = peer_msg(CM_MRA, id);
	uint64_t start = w->now.ns;

	mra.service_timeout = 31; /* 2.4 hours */
	for (int i = 0; i < 1000 && cm_count(w->side[0].cm) > 0; i++) {
		struct cm_out out;

		give(w, &mra);
		w->now = cm_deadline(w->side[0].cm);
		cm_deadline_expire(w->side[0].cm, w->now);
		while (cm_out_take(w->side[0].cm, &out))
			;
	}
	event(w, CM_EV_TIMEDOUT);
	assert_true(w->now.ns - start < 600ull * 1000000000);
}

/* An MRA for a message we did not send, or that no MRA can be for. */
static void
mra__for_another_message(void **state)
{
	struct cm_world *w = *state;
	uint32_t id = req_sent(w);
	struct cm_msg mra = peer_msg(CM_MRA, id);

	side_take(w, 0, CM_REQ);
	mra.service_timeout = 22;
	for (uint8_t named = 1; named < 4; named++) {
		mra.msg_rejected = named;
		assert_int_equal(give(w, &mra), SAN_EPROTO);
	}
	pass(w, SAN_DURATION_S(1));
	side_take(w, 0, CM_REQ);
	assert_int_equal(cm_counters(w->side[0].cm)->unknown, 3);
}

static void
mra__for_our_rep(void **state)
{
	struct cm_world *w = *state;
	uint32_t id = req_received(w);
	struct cm_msg mra = peer_msg(CM_MRA, id);

	cm_accept(w->side[0].cm, id, 1, &hand_qp, NULL, 0, w->now);
	side_take(w, 0, CM_REP);
	mra.msg_rejected = 1;
	mra.service_timeout = 22;
	give(w, &mra);
	pass(w, SAN_DURATION_S(17));
	nothing_sent(w);
}

static void
sidr__unsupported(void **state)
{
	struct cm_world *w = *state;
	struct cm_msg m = {.attr = CM_SIDR_REQ, .tid = 5, .local_id = 77, .service_id = 9};

	assert_int_equal(give(w, &m), 0);
	m = side_take(w, 0, CM_SIDR_REP);
	assert_int_equal(m.status, 1);
	assert_int_equal(m.remote_id, 77);
	assert_int_equal(m.tid, 5);
	m.attr = CM_SIDR_REP;
	assert_int_equal(give(w, &m), SAN_ENOENT);
}

/* Alternate paths: the standard's answers, to a peer and to a stranger; nothing else happens. */
static void
lap__unsupported(void **state)
{
	struct cm_world *w = *state;
	uint32_t id = passive_established(w);
	struct cm_msg m = peer_msg(CM_LAP, id), apr;

	m.tid = 9;
	assert_int_equal(give(w, &m), 0);
	apr = side_take(w, 0, CM_APR);
	assert_int_equal(apr.status, CM_APR_UNSUPPORTED);
	assert_int_equal(apr.local_id, id);
	assert_int_equal(apr.remote_id, PEER_ID);
	assert_int_equal(apr.tid, 9);
	m = peer_msg(CM_LAP, id + 1);
	assert_int_equal(give(w, &m), SAN_ENOENT);
	apr = side_take(w, 0, CM_APR);
	assert_int_equal(apr.status, CM_APR_INVALID_COMM_ID);
	assert_int_equal(apr.remote_id, PEER_ID);
	m = peer_msg(CM_APR, id);
	assert_int_equal(give(w, &m), SAN_ENOENT);
	nothing_sent(w);
	no_event(w);
	assert_int_equal(cm_counters(w->side[0].cm)->lap_rx, 2);
	assert_int_equal(cm_counters(w->side[0].cm)->malformed, 0);
}

static void
garbage__is_counted(void **state)
{
	struct cm_world *w = *state;
	uint8_t mad[MAD_LEN] = {0};

	assert_true(cm_mad_receive(w->side[0].cm, 0, &w->side[1].ip, &w->side[0].ip, mad, MAD_LEN,
			w->now) < 0);
	assert_true(
	    cm_mad_receive(w->side[0].cm, 0, &w->side[1].ip, &w->side[0].ip, mad, 0, w->now) < 0);
	assert_int_equal(cm_counters(w->side[0].cm)->malformed, 2);
	nothing_sent(w);
}

static void
owner__wrong_calls(void **state)
{
	struct cm_world *w = *state;
	struct cm *cm = w->side[0].cm;
	uint32_t id = req_sent(w);
	uint8_t priv[CM_PRIV_MAX] = {0};

	assert_int_equal(cm_confirm(cm, id, w->now), SAN_EINVAL);
	assert_int_equal(cm_accept(cm, id, 1, &hand_qp, NULL, 0, w->now), SAN_EINVAL);
	assert_int_equal(cm_reject(cm, id, 1, NULL, 0, w->now), SAN_EINVAL);
	assert_int_equal(cm_confirm(cm, 0, w->now), SAN_ENOENT);
	assert_int_equal(cm_confirm(cm, id + 1, w->now), SAN_ENOENT);
	/* More private data than the message has room for: nothing happens. */
	assert_true(cm_connect(cm, 1, 0, &w->side[0].ip, &w->side[1].ip, 1, &hand_qp, priv, 93,
			w->now) == SAN_EINVAL);
	assert_int_equal(cm_count(cm), 1);
	id = req_received(w);
	assert_int_equal(cm_accept(cm, id, 1, &hand_qp, priv, 197, w->now), SAN_EINVAL);
	assert_int_equal(cm_reject(cm, id, 1, priv, 149, w->now), SAN_EINVAL);
	assert_int_equal(cm_accept(cm, id, 1, &hand_qp, priv, 100, w->now), 0);
}

static void
create__refuses_bad_limits(void **state)
{
	struct cm_limits l = world_limits;

	l.conns_max = 0;
	assert_null(cm_create(&l, 1, (struct prng){1}));
	l = world_limits;
	l.pending_max = l.conns_max + 1;
	assert_null(cm_create(&l, 1, (struct prng){1}));
	l = world_limits;
	l.backoff_max = 17;
	assert_null(cm_create(&l, 1, (struct prng){1}));
	l = world_limits;
	l.req_interval.ns = 0;
	assert_null(cm_create(&l, 1, (struct prng){1}));
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    T(req__carries),
	    T(req__repeats_are_identical),
	    T(req__repeats_back_off),
	    T(rep__repeats_as_the_req_allows),
	    T(tid__reused),
	    T(req__event_has_the_message),
	    T(req__again_before_the_owner_answered),
	    T(req__again_after_the_rep),
	    T(req__again_when_established_or_over),
	    T(req__owner_never_answers),
	    T(req__flaws),
	    T(req__alternate_path_is_unsupported),
	    T(req__mtu_too_large),
	    T(qp__depths_meet),
	    T(req__ignored),
	    T(rep__flaws),
	    T(rep__again),
	    T(rep__wrong_tid_is_accepted),
	    T(rep__to_the_passive_side),
	    T(rtu__lost_but_data_arrives),
	    T(mra__extends_the_wait),
	    T(mra__is_bounded),
	    T(mra__for_another_message),
	    T(mra__for_our_rep),
	    T(sidr__unsupported),
	    T(lap__unsupported),
	    T(garbage__is_counted),
	    T(owner__wrong_calls),
	    T(create__refuses_bad_limits),
	};
#undef T

	return cmocka_run_group_tests(tests, NULL, NULL);
}
