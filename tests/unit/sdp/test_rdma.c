/* SPDX-License-Identifier: BSD-3-Clause */
/* RDMA beside a stream: its place among the bytes, whatever is lost or late, with and without
 * reading in place; its bounds; how it ends. */
#include "pair.h"

#include "prng.h"

enum { MEMORY = 1024, LOCAL = 32768, VA = 0x5000 };

/* Each WRITE fills the peer's memory with its own number; each READ finds the number of the last
 * WRITE before it. */
struct side {
	uint8_t memory[MEMORY], local[LOCAL];
	uint32_t key, at;	/* of local */
	uint32_t posted, taken; /* requests */
	uint8_t number;		/* of the last WRITE, and ... */
	uint32_t filled;	/* ... its bytes */
	struct {
		uint32_t after, pos, len, filled;
		uint8_t op, number;
	} want[SDP_RDMA_MAX];
};

static struct pair p;
static struct side sides[2];

static void
open_both(const struct pair_setup *s)
{
	pair_open(&p, s);
	memset(sides, 0, sizeof sides);
	for (int i = 0; i < 2; i++)
		assert_int_equal(
		    rc_mr_register(&p.end[i].mrs, p.end[i].c.s.qp.qpn, VA, sides[i].memory, MEMORY,
			RC_ACCESS_REMOTE_READ | RC_ACCESS_REMOTE_WRITE, &sides[i].key),
		    0);
}

/* 0, or what the connection said. */
static int
post(int side, uint8_t op, uint32_t len)
{
	struct side *me = &sides[side];
	struct sdp_rdma_request r = {.va = VA,
	    .key = sides[!side].key,
	    .len = len,
	    .pos = me->at,
	    .ring = {me->local, LOCAL},
	    .cookie = me->posted,
	    .op = op};
	uint32_t slot = me->posted % SDP_RDMA_MAX;
	int err;

	err = sdp_rdma_post(&p.end[side].c, &r);
	if (err != 0)
		return err;
	if (op == SDP_RDMA_WRITE) {
		me->number++;
		me->filled = len;
	}
	for (uint32_t i = 0; i < len; i++)
		me->local[(me->at + i) % LOCAL] = op == SDP_RDMA_WRITE ? me->number : 0xee;
	me->want[slot].after = p.end[side].written;
	me->want[slot].pos = me->at;
	me->want[slot].len = len;
	me->want[slot].filled = me->filled;
	me->want[slot].op = op;
	me->want[slot].number = me->number;
	me->at += len;
	me->posted++;
	pair_emit_both(&p);
	return 0;
}

static uint32_t
behind(uint8_t a, uint8_t b)
{
	return (uint8_t)(a - b);
}

/* What is done is; nothing has overtaken anything. */
static void
check(void)
{
	for (int i = 0; i < 2; i++) {
		struct side *me = &sides[i], *peer = &sides[!i];
		uint32_t arrived = sdp_rx_produced(&p.end[!i].c);
		struct sdp_rdma_done d;

		while (sdp_rdma_take(&p.end[i].c, &d)) {
			uint32_t slot = me->taken % SDP_RDMA_MAX;

			assert_int_equal(d.cookie, me->taken);
			assert_int_equal(d.op, me->want[slot].op);
			assert_int_equal(d.len, me->want[slot].len);
			for (uint32_t n = 0;
			     n < me->want[slot].filled && n < d.len && d.op == SDP_RDMA_READ; n++)
				assert_int_equal(me->local[(me->want[slot].pos + n) % LOCAL],
				    me->want[slot].number);
			assert_true(seq32_diff(arrived, me->want[slot].after) >= 0);
			if (d.op == SDP_RDMA_WRITE)
				assert_true(behind(peer->memory[0], me->want[slot].number) < 128);
			me->taken++;
		}
		for (uint32_t n = me->taken; n != me->posted; n++) {
			uint32_t slot = n % SDP_RDMA_MAX;
			int32_t past = seq32_diff(arrived, me->want[slot].after);
			bool written = me->want[slot].op == SDP_RDMA_WRITE &&
				       behind(peer->memory[0], me->want[slot].number) < 128;

			assert_true(past <= 0 || written);  /* ahead of the bytes behind it ... */
			assert_true(past >= 0 || !written); /* ... and behind those before it */
		}
	}
}

/* Both directions: bytes, a WRITE, bytes, a READ, bytes, a WRITE. */
static void
exchange_begin(int side)
{
	pair_write(&p, side, 300);
	assert_int_equal(post(side, SDP_RDMA_WRITE, 600), 0);
	pair_write(&p, side, 50);
	assert_int_equal(post(side, SDP_RDMA_READ, 500), 0);
	pair_write(&p, side, 20);
	assert_int_equal(post(side, SDP_RDMA_WRITE, 1), 0);
}

/* Frames arrive by turns but for those the mask names, until nothing happens any more. Returns how
 * many there were. */
static uint32_t
run_lossy(uint32_t mask)
{
	uint32_t n = 0;

	do {
		while (p.end[0].frames + p.end[1].frames != 0) {
			int side = p.end[n & 1].frames != 0 ? (int)(n & 1) : (int)(~n & 1);

			if (n < 32 && (mask >> n & 1) != 0) {
				pair_drop(&p, side);
				pair_emit_both(&p);
			} else {
				pair_deliver(&p, side);
			}
			n++;
			check();
			pair_read(&p, 0, PAIR_RING);
			pair_read(&p, 1, PAIR_RING);
		}
	} while (pair_wait(&p, SAN_DURATION_S(1)));
	check();
	return n;
}

static void
expect_all_done(void)
{
	for (int i = 0; i < 2; i++) {
		assert_int_equal(sides[i].taken, sides[i].posted);
		assert_int_equal(p.end[i].read, p.end[!i].written);
		assert_int_equal(sdp_tx_released(&p.end[i].c), p.end[i].written);
		assert_int_equal(sides[!i].memory[0], sides[i].number);
	}
}

static const struct pair_setup reads = {.depth = {4, 4}};

static void
masks__every_loss_of_an_exchange(void **state)
{
	uint32_t frames;

	open_both(&reads);
	exchange_begin(0);
	frames = run_lossy(0);
	expect_all_done();
	assert_in_range(frames, 10, 31);
	for (uint32_t mask = 0; mask < 1u << 12; mask++) {
		open_both(&reads);
		exchange_begin(0);
		(void)run_lossy(mask);
		expect_all_done();
	}
}

static void
masks__both_at_once(void **state)
{
	for (uint32_t mask = 0; mask < 1u << 12; mask++) {
		open_both(&reads);
		exchange_begin(0);
		exchange_begin(1);
		(void)run_lossy(mask * 5); /* holes of two, too, and further behind */
		expect_all_done();
	}
}

static void
order__disconn_is_behind_it(void **state)
{
	open_both(&reads);
	exchange_begin(0);
	sdp_shut(&p.end[0].c, p.now);
	assert_int_equal(post(0, SDP_RDMA_WRITE, 1), SAN_ENOTCONN);
	assert_int_equal(sdp_state(&p.end[0].c), SDP_STATE_DISCONN_SENT);
	while ((p.end[1].events & SDP_EV_EOF) == 0) {
		assert_true(
		    p.end[0].frames + p.end[1].frames != 0 || pair_wait(&p, SAN_DURATION_S(1)));
		for (int i = 0; i < 2; i++)
			if (p.end[i].frames != 0)
				pair_deliver(&p, i);
		check();
		/* The DREQ that it leads to may overtake the ACK of a WRITE. */
		if (p.end[0].c.s.disconn_sent)
			assert_int_equal(sides[0].taken, sides[0].posted);
	}
	assert_int_equal(sides[0].taken, sides[0].posted);
	assert_int_equal(sides[0].want[1].op, SDP_RDMA_READ);
	assert_int_equal(sides[1].memory[0], 2);
	pair_finish(&p);
	check();
	expect_all_done();
}

static void
bounds__queue_is_full(void **state)
{
	struct sdp_rdma_done d;

	open_both(&reads);
	for (unsigned i = 0; i < SDP_RDMA_MAX; i++)
		assert_int_equal(post(0, i % 3 == 2 ? SDP_RDMA_READ : SDP_RDMA_WRITE, 64), 0);
	assert_int_equal(post(0, SDP_RDMA_WRITE, 64), SAN_EAGAIN);
	pair_run(&p);
	assert_int_equal(post(0, SDP_RDMA_WRITE, 64), SAN_EAGAIN); /* not yet taken */
	check();
	assert_int_equal(post(0, SDP_RDMA_WRITE, 64), 0);
	pair_finish(&p);
	check();
	expect_all_done();
	assert_false(sdp_rdma_take(&p.end[0].c, &d));
}

static void
bounds__what_cannot_be(void **state)
{
	const struct sdp_rdma_request w = {.op = SDP_RDMA_WRITE}, r = {.op = SDP_RDMA_READ};
	const struct pair_setup none = {0};
	struct sdp_rdma_done d;
	struct sdp_open o;
	struct bench_lentless {
		struct sdp_conn c;
		uint8_t tx[PAIR_RING], rx[PAIR_RING];
	} *b = calloc(1, sizeof *b);

	open_both(&none);
	assert_int_equal(sdp_rdma_post(&p.end[0].c, &r), SAN_EOPNOTSUPP);
	assert_int_equal(post(0, SDP_RDMA_WRITE, 100), 0); /* needs no depth */
	pair_finish(&p);
	check();
	expect_all_done();
	sdp_port_down(&p.end[0].c, p.now);
	assert_int_equal(sdp_rdma_post(&p.end[0].c, &w), SAN_ENOTCONN);
	o = (struct sdp_open){.active = true,
	    .pmtu = PAIR_PMTU,
	    .local_rcv_size = PAIR_PMTU,
	    .peer_rcv_size = PAIR_PMTU,
	    .initiator_depth = 4,
	    .rc.window_packets = 8,
	    .tx = {b->tx, PAIR_RING},
	    .rx = {b->rx, PAIR_RING}};
	assert_int_equal(sdp_conn_init(&b->c, &o, p.now), 0);
	assert_int_equal(sdp_rdma_post(&b->c, &w), SAN_EOPNOTSUPP);
	assert_int_equal(sdp_rdma_post(&b->c, &r), SAN_EOPNOTSUPP);
	assert_false(sdp_rdma_take(&b->c, &d));
	free(b);
}

/* The peer says no: what was not done never will be, its memory is as it was. */
static void
ends__refused_by_the_peer(void **state)
{
	for (int op = 0; op < 2; op++) {
		struct sdp_rdma_request r = {
		    .va = VA, .len = 700, .ring = {sides[0].local, LOCAL}, .op = (uint8_t)op};
		struct roce_pkt pkt;
		struct sdp_rdma_done d;

		open_both(&reads);
		r.key = sides[1].key;
		r.va += MEMORY - 699; /* one byte too far */
		pair_write(&p, 0, 10);
		pair_run(&p);
		assert_int_equal(sdp_rdma_post(&p.end[0].c, &r), 0);
		sides[1].memory[MEMORY - 1] = 77;
		pair_emit(&p, 0);
		while (p.end[0].frames != 0) {
			assert_int_equal(
			    roce_decode(p.end[0].frame[0], p.end[0].len[0], &pkt), ROCE_OK);
			sdp_packet_receive(&p.end[1].c, &pkt, NULL, p.now);
			pair_drop(&p, 0);
		}
		pair_emit(&p, 1);
		assert_int_equal(sdp_error(&p.end[1].c), SAN_EPROTO);
		assert_int_equal(sdp_state(&p.end[1].c), SDP_STATE_DEAD);
		assert_int_equal(p.end[1].c.s.qp.counters.refused, 1);
		assert_int_equal(roce_decode(p.end[1].frame[0], p.end[1].len[0], &pkt), ROCE_OK);
		sdp_packet_receive(&p.end[0].c, &pkt, NULL, p.now);
		assert_int_equal(sdp_error(&p.end[0].c), SAN_ECONNRESET);
		assert_int_equal(sdp_state(&p.end[0].c), SDP_STATE_DEAD);
		assert_false(sdp_rdma_take(&p.end[0].c, &d));
		assert_int_equal(sides[1].memory[MEMORY - 1], 77);
		p.end[0].frames = p.end[1].frames = 0;
	}
}

/* Its answer comes too late: the program's memory is its own again. */
static void
ends__aborted_with_some_under_way(void **state)
{
	struct sdp_rdma_done d;

	open_both(&reads);
	assert_int_equal(post(0, SDP_RDMA_READ, 500), 0);
	assert_int_equal(post(0, SDP_RDMA_WRITE, 500), 0);
	pair_deliver(&p, 0);
	assert_true(p.end[1].frames >= 2);
	sdp_close(&p.end[0].c, SDP_CLOSE_ABORT, p.now);
	assert_int_equal(post(0, SDP_RDMA_WRITE, 1), SAN_ENOTCONN);
	while (p.end[1].frames != 0)
		pair_deliver(&p, 1);
	for (uint32_t n = 0; n < 500; n++)
		assert_int_equal(sides[0].local[n], 0xee);
	sdp_dreq_finished(&p.end[0].c, p.now);
	assert_int_equal(sdp_state(&p.end[0].c), SDP_STATE_DEAD);
	assert_false(sdp_has_work(&p.end[0].c, p.now));
	assert_false(sdp_rdma_take(&p.end[0].c, &d));
	assert_int_equal(sides[1].memory[0], 0);
}

/* --- whatever comes next --- */

#define SEEDS 1000
#define STEPS 300

static void
wire_step(struct prng *r, int side)
{
	struct pair_end *e = &p.end[side];
	uint32_t what = prng_below(r, 30);

	if (e->frames == 0)
		return;
	if (what == 0) {
		pair_drop(&p, side);
	} else if (what == 1 && e->frames < PAIR_QUEUE) { /* twice, the second time late */
		memcpy(e->frame[e->frames], e->frame[0], PAIR_FRAME);
		e->len[e->frames++] = e->len[0];
	} else {
		pair_deliver(&p, side);
	}
}

static void
step(struct prng *r)
{
	int side = (int)prng_below(r, 2);
	uint32_t what = prng_below(r, 32);

	if (what < 3)
		pair_write(&p, side, 1 + prng_below(r, 2500));
	else if (what < 6)
		(void)post(side, prng_below(r, 3) == 0 ? SDP_RDMA_READ : SDP_RDMA_WRITE,
		    1 + prng_below(r, MEMORY));
	else if (what < 10)
		pair_read(&p, side, 1 + prng_below(r, 3000));
	else if (what == 10 || p.end[0].frames + p.end[1].frames == 0)
		pair_wait(&p, SAN_DURATION_S(1));
	else
		wire_step(r, side);
	check();
}

static void
random__beside_reading_in_place(void **state)
{
	static const uint32_t threshold[] = {0, 256, 1500};
	uint64_t done = 0, in_place = 0;

	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		struct prng r = {seed};
		struct pair_setup s = {
		    .threshold = {threshold[prng_below(&r, 3)], threshold[prng_below(&r, 3)]},
		    .depth = {(uint8_t)prng_below(&r, 5), (uint8_t)prng_below(&r, 5)}};

		open_both(&s);
		for (int i = 0; i < STEPS; i++)
			step(&r);
		do {
			pair_finish(&p);
			check();
		} while (p.end[0].frames + p.end[1].frames != 0);
		expect_all_done();
		for (int i = 0; i < 2; i++) {
			done += sides[i].taken;
			in_place += sdp_zcopy_counters(&p.end[i].c)->reads;
		}
	}
	assert_true(done > 10 * SEEDS);
	assert_true(in_place > SEEDS / 4);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(masks__every_loss_of_an_exchange),
	    cmocka_unit_test(masks__both_at_once),
	    cmocka_unit_test(order__disconn_is_behind_it),
	    cmocka_unit_test(bounds__queue_is_full),
	    cmocka_unit_test(bounds__what_cannot_be),
	    cmocka_unit_test(ends__refused_by_the_peer),
	    cmocka_unit_test(ends__aborted_with_some_under_way),
	    cmocka_unit_test(random__beside_reading_in_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
