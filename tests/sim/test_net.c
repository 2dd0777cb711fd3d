/* SPDX-License-Identifier: BSD-3-Clause */
/* The network itself: what it promises to the scenarios about rate, delay, queues, marks, faults
 * and paths. */
#include "test.h"

#include <string.h>

#include "icrc.h"
#include "net.h"
#include "roce.h"

#define GIGABIT UINT64_C(125000000)

static const struct hop_shape fast = {
    .bytes_per_s = 10 * GIGABIT, .latency = {1000}, .queue_max = 1000000};

static void
open_net(struct net *n, enum net_kind kind, uint32_t hosts, const struct hop_shape *down)
{
	struct net_setup s = {.kind = kind, .hosts = hosts, .up = fast, .down = *down, .seed = 5};

	s.paths = 2;
	s.path[0] = s.path[1] = fast;
	s.path[1].latency.ns += 50000;
	net_init(n, &s);
}

/* A real packet of `payload` bytes; `tag` is its PSN. */
static void
send_one(struct net *n, uint32_t from, uint32_t to, uint32_t payload, uint8_t ecn, uint32_t tag,
    struct san_time now)
{
	static const uint8_t zeros[4096];
	const struct roce_path path = {.src = san_ip_v4(0x0a000001 + from),
	    .dst = san_ip_v4(0x0a000001 + to),
	    .vlan = ROCE_VLAN_NONE,
	    .sport = 0xc000,
	    .tclass = ecn,
	    .hop_limit = 64};
	struct roce_tx tx = {.opcode = ROCE_RC_SEND_ONLY, .psn = tag, .seg_count = 1};
	struct sim_frame *f = sim_frame_get(&n->frames);

	tx.seg[0].base = zeros;
	tx.seg[0].len = payload;
	f->len = (uint32_t)roce_encode(f->bytes, sizeof f->bytes, &path, &tx);
	f->from = from;
	f->to = to;
	net_send(n, f, now);
}

/* Next frame to arrive, wherever; its PSN, UINT32_MAX when there is none. It is decoded, so it is
 * still a valid packet. */
static uint32_t
take_one(struct net *n, struct san_time *at, struct roce_pkt *pkt)
{
	struct sim_frame *f;

	while (net_next(n).ns != UINT64_MAX) {
		*at = net_next(n);
		f = net_take(n, *at);
		if (f == NULL)
			continue;
		assert_int_equal(roce_decode(f->bytes, f->len, pkt), ROCE_OK);
		sim_frame_put(&n->frames, f);
		return pkt->psn;
	}
	return UINT32_MAX;
}

static void
hop__takes_rate_and_latency(void **state)
{
	struct san_time at = {0};
	struct roce_pkt pkt;
	struct net n;

	open_net(&n, NET_CABLE, 2, &fast);
	send_one(&n, 0, 1, 1000, 0, 1, at);
	send_one(&n, 0, 1, 1000, 0, 2, at);
	/* 14 + 20 + 8 + 12 + 1000 + 4, and 24 on the line, at 1.25 bytes a nanosecond. */
	assert_int_equal(take_one(&n, &at, &pkt), 1);
	assert_int_equal(at.ns, 1082 * 4 / 5 + 1000);
	assert_int_equal(take_one(&n, &at, &pkt), 2);
	assert_int_equal(at.ns, 2 * (1082 * 4 / 5) + 1000);
	net_fini(&n);
}

static void
queue__drops_its_tail(void **state)
{
	struct hop_shape down = fast;
	struct san_time at = {0};
	struct roce_pkt pkt;
	uint32_t i, got = 0;
	struct net n;

	down.bytes_per_s = GIGABIT;
	down.queue_max = 10 * 1082;
	open_net(&n, NET_SWITCH, 3, &down);
	for (i = 0; i < 10; i++) {
		send_one(&n, 0, 2, 1000, 0, i, at);
		send_one(&n, 1, 2, 1000, 0, i, at);
	}
	while (take_one(&n, &at, &pkt) != UINT32_MAX)
		got++;
	/* Twenty come in while less than one goes out. */
	assert_in_range(got, 10, 11);
	assert_int_equal(n.down[2].dropped, 20 - got);
	assert_in_range(n.down[2].backlog_max, 9 * 1082, 10 * 1082);
	net_fini(&n);
}

static void
queue__marks_what_is_capable(void **state)
{
	struct hop_shape down = fast;
	struct san_time at = {0};
	struct roce_pkt pkt;
	uint32_t i, marked = 0;
	struct net n;

	down.bytes_per_s = GIGABIT;
	down.ecn = (struct ecn){.min = 3 * 1082, .max = 6 * 1082, .ppb = PPB_ALL / 2};
	open_net(&n, NET_SWITCH, 2, &down);
	for (i = 0; i < 20; i++)
		send_one(&n, 0, 1, 1000, i < 10 ? 2 : 0, i, at);
	for (i = 0; i < 20; i++) {
		assert_int_equal(take_one(&n, &at, &pkt), i);
		assert_int_equal(pkt.tclass & 3, i >= 10 ? 0 : pkt.tclass & 1 ? 3 : 2);
		/* Nine tenths of each wait when the next comes: below the first threshold until the
		 * fifth, above the second from the eighth on. */
		assert_true(i >= 4 || (pkt.tclass & 3) == 2);
		assert_true(i < 7 || i >= 10 || (pkt.tclass & 3) == 3);
		marked += (pkt.tclass & 3) == 3;
	}
	assert_int_equal(n.down[1].marked, marked);
	net_fini(&n);
}

static void
paths__overtake_each_other(void **state)
{
	struct san_time at = {0};
	uint32_t i, psn, last = 0, late = 0;
	struct roce_pkt pkt;
	struct net n;

	open_net(&n, NET_PATHS, 4, &fast);
	for (i = 1; i <= 100; i++)
		send_one(&n, 0, 3, 100, 0, i, at);
	while ((psn = take_one(&n, &at, &pkt)) != UINT32_MAX) {
		late += psn < last;
		last = psn > last ? psn : last;
	}
	assert_in_range(late, 20, 80);
	assert_int_equal(n.path[0][0].frames + n.path[0][1].frames, 100);
	send_one(&n, 0, 1, 100, 0, 1, at); /* both are left */
	assert_int_equal(take_one(&n, &at, &pkt), 1);
	assert_int_equal(n.path[0][0].frames + n.path[0][1].frames, 100);
	net_fini(&n);
}

static void
bursts__lose_in_a_row(void **state)
{
	struct san_time at = {0};
	uint32_t i, psn, last = 0, lost = 0, gaps = 0;
	struct roce_pkt pkt;
	struct net n;

	open_net(&n, NET_CABLE, 2, &fast);
	n.faults.until = SAN_TIME_NEVER;
	n.faults.burst_enter = PPB_ALL / 1000;
	n.faults.burst_leave = PPB_ALL / 20;
	n.faults.burst_loss = PPB_ALL;
	for (i = 1; i <= 100000; i++) {
		send_one(&n, 0, 1, 0, 0, i, at);
		at = net_next(&n).ns == UINT64_MAX ? san_time_add(at, SAN_DURATION_US(2))
						   : net_next(&n);
		psn = take_one(&n, &at, &pkt);
		if (psn == UINT32_MAX)
			continue;
		lost += psn - last - 1;
		gaps += psn != last + 1;
		last = psn;
	}
	/* A spell of twenty once in a thousand frames. */
	assert_in_range(lost, 1400, 2600);
	assert_in_range(lost / gaps, 14, 28);
	net_fini(&n);
}

static void
mask__loses_the_nth(void **state)
{
	struct san_time at = {0};
	struct roce_pkt pkt;
	struct net n;
	uint32_t i;

	open_net(&n, NET_CABLE, 2, &fast);
	send_one(&n, 0, 1, 0, 0, 100, at);
	n.mask_on = true;
	n.mask = 1u << 1 | 1u << 4;
	n.mask_from = n.count.sent;
	for (i = 0; i < 6; i++)
		send_one(&n, 0, 1, 0, 0, i, at);
	assert_int_equal(take_one(&n, &at, &pkt), 100);
	assert_int_equal(take_one(&n, &at, &pkt), 0);
	assert_int_equal(take_one(&n, &at, &pkt), 2);
	assert_int_equal(take_one(&n, &at, &pkt), 3);
	assert_int_equal(take_one(&n, &at, &pkt), 5);
	assert_int_equal(take_one(&n, &at, &pkt), UINT32_MAX);
	net_fini(&n);
}

static void
partition__separates_the_group(void **state)
{
	struct san_time at = {0};
	struct roce_pkt pkt;
	struct net n;

	open_net(&n, NET_SWITCH, 4, &fast);
	n.faults.cut_from.ns = 0;
	n.faults.group = 1u << 0 | 1u << 3;
	send_one(&n, 0, 1, 0, 0, 1, at);
	send_one(&n, 1, 3, 0, 0, 2, at);
	send_one(&n, 0, 3, 0, 0, 3, at);
	assert_int_equal(take_one(&n, &at, &pkt), 3);
	assert_int_equal(take_one(&n, &at, &pkt), UINT32_MAX);
	send_one(&n, 1, 2, 0, 0, 4, at);
	assert_int_equal(take_one(&n, &at, &pkt), 4);
	net_fini(&n);
}

static void
damage__never_decodes(void **state)
{
	struct san_time at = {0};
	struct sim_frame *f;
	struct roce_pkt pkt;
	uint32_t i, n_bad = 0;
	struct net n;

	open_net(&n, NET_CABLE, 2, &fast);
	n.faults.until = SAN_TIME_NEVER;
	n.faults.corrupt = PPB_ALL / 2;
	for (i = 0; i < 20000; i++) {
		send_one(&n, 0, 1, i % 64, 0, i, at);
		at = net_next(&n);
		f = net_take(&n, at);
		assert_int_equal(
		    roce_decode(f->bytes, f->len, &pkt) == ROCE_OK, f->damaged ? 0 : 1);
		n_bad += f->damaged;
		sim_frame_put(&n.frames, f);
	}
	assert_in_range(n_bad, 9000, 11000);
	net_fini(&n);
}

static void
room__is_when_the_transmitter_has_it(void **state)
{
	const struct san_time start = {1000000};
	struct san_time at;
	struct roce_pkt pkt;
	struct net n;
	uint32_t i;

	open_net(&n, NET_CABLE, 2, &fast);
	assert_true(net_room_at(&n, 0, 1082).ns <= start.ns);
	for (i = 0; i < 4; i++)
		send_one(&n, 0, 1, 1000, 0, i, start);
	at = net_room_at(&n, 0, 1082);
	assert_int_equal(at.ns, start.ns + 3 * (1082 * 4 / 5));
	assert_true(net_room_at(&n, 1, 1082).ns <= start.ns);
	while (take_one(&n, &at, &pkt) != UINT32_MAX)
		;
	net_fini(&n);
}

static int
choose_icrc(void **state)
{
	icrc_init();
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(hop__takes_rate_and_latency),
	    cmocka_unit_test(queue__drops_its_tail),
	    cmocka_unit_test(queue__marks_what_is_capable),
	    cmocka_unit_test(paths__overtake_each_other),
	    cmocka_unit_test(bursts__lose_in_a_row),
	    cmocka_unit_test(mask__loses_the_nth),
	    cmocka_unit_test(partition__separates_the_group),
	    cmocka_unit_test(damage__never_decodes),
	    cmocka_unit_test(room__is_when_the_transmitter_has_it),
	};

	return cmocka_run_group_tests(tests, choose_icrc, NULL);
}
