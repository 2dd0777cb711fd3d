/* SPDX-License-Identifier: BSD-3-Clause */
/* Floods, limits and many connections: memory stays where it was, honest peers are served. */
#include "test.h"

#include <malloc.h>
#include <string.h>

#include "cm_world.h"
#include "san_err.h"

static const struct cm_qp qp = {.qpn = 0x777, .psn = 9, .pmtu_code = 3};

static struct cm_msg
spoofed_req(const struct san_ip *from, const struct san_ip *to, uint32_t n)
{
	return (struct cm_msg){.attr = CM_REQ,
	    .tid = n,
	    .local_id = n,
	    .service_id = CM_SID_SDP | 80,
	    .ca_guid = 0x1000 + n,
	    .qpn = 2 + n % 0xffff00,
	    .pmtu_code = 3,
	    .max_cm_retries = 15,
	    .pkey = 0xffff,
	    .src_gid = *from,
	    .dst_gid = *to};
}

static void
drain(struct cm *cm)
{
	struct cm_event ev;
	struct cm_out out;

	while (cm_event_take(cm, &ev) || cm_out_take(cm, &out))
		;
}

static void
flood__of_spoofed_reqs(void **state)
{
	struct cm_world w;
	struct cm *cm;
	size_t before;

	world_init(&w, &world_limits);
	cm = w.side[0].cm;
	world_connect(&w, 0);
	world_run(&w, SAN_DURATION_MS(100));
	assert_int_equal(w.side[0].end[0].view, VIEW_UP);
	before = mallinfo2().uordblks;
	for (uint32_t n = 0; n < 100000; n++) {
		struct san_ip from = san_ip_v4(0x0b000000u + n);
		struct cm_msg req = spoofed_req(&from, &w.side[0].ip, n + 1);
		int err = side_give(&w, 0, &from, &req);

		assert_int_equal(err, n < world_limits.pending_max ? 0 : SAN_ELIMIT);
		drain(cm);
	}
	assert_int_equal(mallinfo2().uordblks, before);
	assert_int_equal(cm_count(cm), 1 + world_limits.pending_max);
	assert_int_equal(cm_counters(cm)->refused_pending, 100000 - world_limits.pending_max);
	assert_int_equal(
	    cm_counters(cm)->rej_tx, 0); /* nothing to reflect onto the spoofed addresses */
	/* The established connection still works, and half-open ones expire. */
	world_disconnect(&w, 1, 0);
	world_run(&w, SAN_DURATION_S(30));
	assert_int_equal(w.side[0].end[0].seen[CM_EV_DREQ], 1);
	assert_int_equal(w.side[1].end[0].seen[CM_EV_GONE], 1);
	assert_int_equal(cm_count(cm), 0);
	/* And the next honest peer gets in. */
	world_connect(&w, 1);
	world_run(&w, SAN_DURATION_MS(100));
	assert_int_equal(w.side[1].end[1].view, VIEW_UP);
	world_fini(&w);
}

/* A flood that goes on: so many REQs a millisecond, each from another address, while one honest
 * peer connects. The victim's owner accepts whatever comes. */
struct flood {
	struct cm *victim, *honest;
	struct san_ip victim_ip, honest_ip;
	struct prng rng;
	struct san_time now;
	uint32_t sent, established, honest_up;
};

static void
flood_spoof(struct flood *f)
{
	struct san_ip from = san_ip_v4((uint32_t)prng_u64(&f->rng) | 0x80000000u);
	struct cm_msg req = spoofed_req(&from, &f->victim_ip, ++f->sent);
	uint8_t mad[MAD_LEN];

	assert_int_equal(cm_msg_encode(mad, &req), 0);
	cm_mad_receive(f->victim, 0, &from, &f->victim_ip, mad, MAD_LEN, f->now);
}

static void
flood_owners(struct flood *f)
{
	struct cm_qp own = qp;
	struct cm_event ev;

	while (cm_event_take(f->victim, &ev)) {
		own.qpn = 0x1000 + (ev.id & 0xffff); /* a QPN in use twice would be stale */
		if (ev.type == CM_EV_REQ)
			cm_accept(f->victim, ev.id, 1, &own, NULL, 0, f->now);
		f->established += ev.type == CM_EV_ESTABLISHED;
	}
	while (cm_event_take(f->honest, &ev)) {
		if (ev.type == CM_EV_REP)
			f->honest_up += cm_confirm(f->honest, ev.id, f->now) == 0;
	}
}

/* What strangers are sent goes nowhere. */
static void
flood_answers(struct flood *f)
{
	struct cm_out out;

	while (cm_out_take(f->victim, &out)) {
		if (san_ip_equal(&out.dst, &f->honest_ip))
			cm_mad_receive(f->honest, 0, &out.src, &out.dst, out.mad, MAD_LEN, f->now);
	}
}

static void
flood_honest(struct flood *f)
{
	struct cm_out out;

	while (cm_out_take(f->honest, &out))
		cm_mad_receive(f->victim, 0, &out.src, &out.dst, out.mad, MAD_LEN, f->now);
}

static void
flood_run(struct flood *f, uint32_t per_ms, uint32_t ms)
{
	for (uint32_t i = 0; i < ms; i++) {
		uint32_t turn = prng_below(&f->rng, per_ms + 1); /* when the honest peer's come */

		for (uint32_t n = 0; n <= per_ms; n++) {
			if (n == turn)
				flood_honest(f);
			if (n < per_ms)
				flood_spoof(f);
			flood_owners(f);
			flood_answers(f);
		}
		f->now = san_time_add(f->now, SAN_DURATION_MS(1));
		while (san_time_reached(cm_deadline(f->victim), f->now)) {
			cm_deadline_expire(f->victim, f->now);
			flood_owners(f);
			flood_answers(f);
		}
		cm_deadline_expire(f->honest, f->now);
	}
}

static int64_t
flood_connect(struct flood *f, uint32_t qpn)
{
	struct cm_qp own = qp;

	own.qpn = qpn;
	return cm_connect(
	    f->honest, 9, 0, &f->honest_ip, &f->victim_ip, CM_SID_SDP | 80, &own, NULL, 0, f->now);
}

static void
flood_against(uint32_t per_ms, bool at_once)
{
	struct cm_limits limits = {.conns_max = 8192,
	    .pending_max = 2048,
	    .pending_peer_max = 1024,
	    .pending_grace = SAN_DURATION_MS(10),
	    .req_interval = SAN_DURATION_MS(100),
	    .req_retries = 5,
	    .rep_interval = SAN_DURATION_MS(100),
	    .rep_retries = 5,
	    .backoff_max = 3,
	    .dreq_interval = SAN_DURATION_MS(100),
	    .dreq_retries = 5,
	    .timewait = SAN_DURATION_MS(200),
	    .pending_timeout = SAN_DURATION_S(3)};
	struct flood f = {.victim = cm_create(&limits, 1, (struct prng){1}),
	    .honest = cm_create(&limits, 2, (struct prng){2}),
	    .victim_ip = san_ip_v4(0x0a4d0001),
	    .honest_ip = san_ip_v4(0x0a4d0002),
	    .rng = {per_ms}};
	const struct cm_counters *n = cm_counters(f.victim);
	int64_t before = flood_connect(&f, 0x100);
	size_t heap = mallinfo2().uordblks;

	flood_run(&f, 0, 10);
	assert_int_equal(f.established, 1);
	flood_run(&f, per_ms, 30);
	assert_true(cm_count(f.victim) <= 1 + limits.pending_max);
	assert_true(flood_connect(&f, 0x101) > 0);
	flood_run(&f, per_ms, 5);
	if (at_once)
		assert_int_equal(f.established, 2);
	flood_run(&f, per_ms, 100000 / per_ms - 135);
	flood_run(&f, at_once ? 0 : 1, 1500);
	assert_int_equal(f.honest_up, 2);
	assert_int_equal(f.established, 2);
	/* The connection from before the flood notices nothing, and can be taken down in it. */
	assert_int_equal(cm_disconnect(f.honest, (uint32_t)before, f.now), 0);
	flood_run(&f, per_ms, 100);
	assert_int_equal(n->dreq_rx, 1);
	assert_int_equal(n->drep_tx, 1);
	assert_true(f.sent >= 100000);
	assert_int_equal(mallinfo2().uordblks, heap);
	assert_true(n->evicted > 0);
	print_message("%u REQs/ms: %lu refused, %lu evicted, %lu REPs and %lu REJs sent\n", per_ms,
	    (unsigned long)n->refused_pending, (unsigned long)n->evicted, (unsigned long)n->rep_tx,
	    (unsigned long)n->rej_tx);
	/* Half-open attempts age out by themselves; nobody has to come for that. */
	flood_run(&f, 0, 10000);
	assert_int_equal(cm_count(f.victim), 1);
	cm_destroy(f.victim);
	cm_destroy(f.honest);
}

static void
flood__does_not_keep_an_honest_peer_out(void **state)
{
	flood_against(20, true);
	flood_against(100, true);
	/* More than there is room for within the grace: a matter of luck, until the flood ebbs. */
	flood_against(400, false);
}

/* Spoofed with the address of one peer: that peer's own attempts still get their turn. */
static void
pending__of_a_peer_make_room_for_its_own(void **state)
{
	struct cm_world w;
	struct cm_msg req;

	world_init(&w, &world_limits);
	for (uint32_t n = 1; n <= world_limits.pending_peer_max; n++) {
		req = spoofed_req(&w.side[1].ip, &w.side[0].ip, n);
		assert_int_equal(side_give(&w, 0, &w.side[1].ip, &req), 0);
		drain(w.side[0].cm);
		w.now = san_time_add(w.now, SAN_DURATION_MS(1));
	}
	world_connect(&w, 1);
	world_run(&w, SAN_DURATION_MS(10));
	assert_int_equal(w.side[1].end[1].view, VIEW_CONNECTING);
	assert_int_equal(cm_counters(w.side[0].cm)->refused_peer, 1);
	world_run(&w, SAN_DURATION_MS(1200)); /* its repeat */
	assert_int_equal(w.side[1].end[1].view, VIEW_UP);
	assert_int_equal(cm_counters(w.side[0].cm)->evicted, 1);
	world_fini(&w);
}

/* One whose REP is out may count itself as connected, so it is told; one whose REQ is not answered
 * yet is not, and asks again. */
static void
pending__what_the_evicted_hear(void **state)
{
	struct cm_limits limits = world_limits;
	struct cm_event ev;
	struct cm_world w;
	struct cm_msg req;

	limits.pending_max = limits.pending_peer_max = 1;
	world_init(&w, &limits);
	for (uint32_t n = 1; n <= 3; n++) {
		struct san_ip from = san_ip_v4(0x0b000000u + n);
		struct cm_out out;

		req = spoofed_req(&from, &w.side[0].ip, n);
		assert_int_equal(side_give(&w, 0, &from, &req), 0);
		if (n == 2)
			assert_false(cm_out_take(w.side[0].cm, &out));
		if (n == 3)
			assert_int_equal(side_take(&w, 0, CM_REJ).msg_rejected, CM_MSG_REP);
		assert_true(cm_event_take(w.side[0].cm, &ev));
		assert_int_equal(ev.type, n == 1 ? CM_EV_REQ : CM_EV_TIMEDOUT);
		if (n > 1)
			assert_true(cm_event_take(w.side[0].cm, &ev));
		assert_int_equal(ev.type, CM_EV_REQ);
		if (n == 2) {
			assert_int_equal(cm_accept(w.side[0].cm, ev.id, 1, &qp, NULL, 0, w.now), 0);
			side_take(&w, 0, CM_REP);
		}
		w.now = san_time_add(w.now, limits.pending_grace);
	}
	assert_int_equal(cm_count(w.side[0].cm), 1);
	world_fini(&w);
}

static void
pending__per_peer(void **state)
{
	struct cm_world w;
	struct san_ip greedy = san_ip_v4(0x0b000001), other = san_ip_v4(0x0b000002);
	struct cm_event ev;
	struct cm_msg req;

	world_init(&w, &world_limits);
	for (uint32_t n = 1; n <= world_limits.pending_peer_max + 3; n++) {
		req = spoofed_req(&greedy, &w.side[0].ip, n);
		assert_int_equal(side_give(&w, 0, &greedy, &req),
		    n <= world_limits.pending_peer_max ? 0 : SAN_ELIMIT);
	}
	assert_int_equal(cm_counters(w.side[0].cm)->refused_peer, 3);
	req = spoofed_req(&other, &w.side[0].ip, 999);
	assert_int_equal(side_give(&w, 0, &other, &req), 0);
	/* One answered makes room for one. */
	assert_true(cm_event_take(w.side[0].cm, &ev));
	assert_int_equal(cm_reject(w.side[0].cm, ev.id, CM_REJ_CONSUMER, NULL, 0, w.now), 0);
	req = spoofed_req(&greedy, &w.side[0].ip, 1000);
	assert_int_equal(side_give(&w, 0, &greedy, &req), 0);
	req = spoofed_req(&greedy, &w.side[0].ip, 1001);
	assert_int_equal(side_give(&w, 0, &greedy, &req), SAN_ELIMIT);
	world_fini(&w);
}

/* Many hosts choose the same id, GUID and QPN: each is its own connection. */
static void
peers__with_equal_names(void **state)
{
	struct cm_limits limits = world_limits;
	struct cm_world w;

	limits.conns_max = limits.pending_max = 1000;
	world_init(&w, &limits);
	for (uint32_t n = 0; n < 1000; n++) {
		struct san_ip from = san_ip_v4(0x0b000000u + n);
		struct cm_msg req = spoofed_req(&from, &w.side[0].ip, 5);

		assert_int_equal(side_give(&w, 0, &from, &req), 0);
		drain(w.side[0].cm);
	}
	assert_int_equal(cm_count(w.side[0].cm), 1000);
	assert_int_equal(
	    cm_counters(w.side[0].cm)->stale + cm_counters(w.side[0].cm)->duplicates, 0);
	world_fini(&w);
}

static void
pending__ends_with_establishment(void **state)
{
	struct cm_limits limits = world_limits;
	struct cm_world w;

	limits.pending_max = limits.pending_peer_max = 1;
	world_init(&w, &limits);
	for (int i = 0; i < 20; i++) {
		world_connect(&w, 0);
		world_run(&w, SAN_DURATION_MS(100));
		assert_int_equal(w.side[1].end[0].view, VIEW_UP);
	}
	assert_int_equal(cm_count(w.side[1].cm), 20);
	assert_int_equal(cm_counters(w.side[1].cm)->refused_pending, 0);
	world_fini(&w);
}

static void
conns__limit(void **state)
{
	struct cm_limits limits = world_limits;
	struct cm_world w;
	struct san_ip from = san_ip_v4(0x0b000001);
	struct cm_msg req;

	limits.conns_max = limits.pending_max = 2;
	world_init(&w, &limits);
	for (int i = 0; i < 2; i++)
		assert_true(cm_connect(w.side[0].cm, 0, 0, &w.side[0].ip, &w.side[1].ip, 1, &qp,
				NULL, 0, w.now) > 0);
	assert_int_equal(
	    cm_connect(w.side[0].cm, 0, 0, &w.side[0].ip, &w.side[1].ip, 1, &qp, NULL, 0, w.now),
	    SAN_ELIMIT);
	drain(w.side[0].cm);
	req = spoofed_req(&from, &w.side[0].ip, 5);
	assert_int_equal(side_give(&w, 0, &from, &req), SAN_ELIMIT);
	assert_int_equal(side_take(&w, 0, CM_REJ).reason, CM_REJ_NO_RESOURCES);
	assert_int_equal(cm_counters(w.side[0].cm)->refused_conns, 2);
	world_fini(&w);
}

static void
ids__random_and_unique(void **state)
{
	struct cm_limits limits = world_limits;
	struct cm_world w;
	uint32_t last = 0, runs = 0;

	limits.conns_max = 10000;
	world_init(&w, &limits);
	for (int i = 0; i < 10000; i++) {
		int64_t id = cm_connect(
		    w.side[0].cm, 0, 0, &w.side[0].ip, &w.side[1].ip, 1, &qp, NULL, 0, w.now);

		assert_true(id > 0);
		runs += (uint32_t)id - last < 1000;
		last = (uint32_t)id;
		drain(w.side[0].cm);
	}
	assert_true(runs < 5); /* an index in disguise would show as small steps */
	world_fini(&w);
}

/* Ten thousand established connections have no deadlines; ten thousand waiting ones are served in
 * order, and a full event queue only delays. */
static void
many__expire(void **state)
{
	struct cm_limits limits = world_limits;
	struct cm_world w;
	struct cm_event ev;
	struct cm *cm;
	uint32_t timed_out = 0;

	limits.conns_max = 10000;
	limits.req_retries = 0;
	world_init(&w, &limits);
	cm = w.side[0].cm;
	for (uint64_t i = 0; i < 10000; i++) {
		cm_connect(cm, i, 0, &w.side[0].ip, &w.side[1].ip, 1, &qp, NULL, 0,
		    (struct san_time){w.now.ns + i});
		drain(cm);
	}
	w.now = san_time_add(w.now, SAN_DURATION_S(2));
	while (san_time_reached(cm_deadline(cm), w.now)) {
		struct cm_out out;

		cm_deadline_expire(cm, w.now);
		while (cm_event_take(cm, &ev)) {
			assert_int_equal(ev.type, CM_EV_TIMEDOUT);
			assert_int_equal(ev.cookie, timed_out);
			timed_out++;
		}
		while (cm_out_take(cm, &out))
			;
	}
	assert_int_equal(timed_out, 10000);
	assert_int_equal(cm_count(cm), 0);
	world_fini(&w);
}

/* Nobody drains: datagrams are refused, nothing is overwritten, nothing crashes. */
static void
queues__full(void **state)
{
	struct cm_limits limits = world_limits;
	struct cm_world w;
	struct cm_event ev;
	uint32_t refused = 0, events = 0;

	limits.conns_max = limits.pending_max = limits.pending_peer_max = 1000;
	world_init(&w, &limits);
	for (uint32_t n = 1; n <= 500; n++) {
		struct cm_msg req = spoofed_req(&w.side[1].ip, &w.side[0].ip, n);

		refused += side_give(&w, 0, &w.side[1].ip, &req) == SAN_ENOBUFS;
	}
	assert_true(refused > 400);
	while (cm_event_take(w.side[0].cm, &ev))
		assert_int_equal(ev.msg.local_id, ++events);
	assert_int_equal(events + refused, 500);
	world_fini(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(flood__of_spoofed_reqs),
	    cmocka_unit_test(flood__does_not_keep_an_honest_peer_out),
	    cmocka_unit_test(pending__per_peer),
	    cmocka_unit_test(pending__of_a_peer_make_room_for_its_own),
	    cmocka_unit_test(pending__what_the_evicted_hear),
	    cmocka_unit_test(peers__with_equal_names),
	    cmocka_unit_test(pending__ends_with_establishment),
	    cmocka_unit_test(conns__limit),
	    cmocka_unit_test(ids__random_and_unique),
	    cmocka_unit_test(many__expire),
	    cmocka_unit_test(queues__full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
