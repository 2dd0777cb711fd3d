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
	    .qpn = n & 0xffffff,
	    .pmtu_code = 3,
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
	assert_int_equal(w.side[0].view, VIEW_UP);
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
	world_disconnect(&w, 1);
	world_run(&w, SAN_DURATION_S(30));
	assert_int_equal(w.side[0].seen[CM_EV_DREQ], 1);
	assert_int_equal(w.side[1].seen[CM_EV_GONE], 1);
	assert_int_equal(cm_count(cm), 0);
	/* And the next honest peer gets in. */
	world_connect(&w, 1);
	world_run(&w, SAN_DURATION_MS(100));
	assert_int_equal(w.side[1].view, VIEW_UP);
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
		assert_int_equal(w.side[1].view, VIEW_UP);
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
	    cmocka_unit_test(pending__per_peer),
	    cmocka_unit_test(peers__with_equal_names),
	    cmocka_unit_test(pending__ends_with_establishment),
	    cmocka_unit_test(conns__limit),
	    cmocka_unit_test(ids__random_and_unique),
	    cmocka_unit_test(many__expire),
	    cmocka_unit_test(queues__full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
