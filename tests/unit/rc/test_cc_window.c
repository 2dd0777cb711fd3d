/* SPDX-License-Identifier: BSD-3-Clause */
/* The default algorithm: alone, event by event, then several of them through one queue. */
#include "test.h"

#include "cc_world.h"
#include "san_err.h"

#define TEN_GBIT UINT64_C(1250000000)

static const struct cc_params params = {
    .algo = CC_WINDOW, .echo = true, .window_max = 512, .packet_bytes = WORLD_BYTES};

/* What holds 20 us of a 10 Gbit/s wire: 6 packets. */
static const struct world_shape marking = {.bytes_per_s = TEN_GBIT,
    .latency = SAN_DURATION_US(20),
    .queue_max = 1000,
    .queue_mark = 40,
    .echo = true};
static const struct world_shape silent = {
    .bytes_per_s = TEN_GBIT, .latency = SAN_DURATION_US(20), .queue_max = 1000};

static struct world world;

static void
cc_start(struct cc *cc)
{
	assert_int_equal(cc_init(cc, &params, (struct san_time){1}), 0);
}

/* A whole window comes back, in one ACK. True: it was slowed down. */
static bool
round_pass(struct cc *cc, uint32_t rtt_us, bool marked)
{
	struct cc_ack a = {.packets = cc_window(cc), .in_flight = cc_window(cc), .marked = marked};

	cc_rtt(cc, SAN_DURATION_US(rtt_us));
	return cc_acked(cc, &a, (struct san_time){1});
}

static void
rounds_pass(struct cc *cc, uint32_t n, uint32_t rtt_us)
{
	while (n-- > 0)
		assert_false(round_pass(cc, rtt_us, false));
}

static void
init__refuses_nonsense(void **state)
{
	struct cc_params p = params;
	struct cc cc;

	p.window_max = 0;
	assert_int_equal(cc_init(&cc, &p, (struct san_time){1}), SAN_EINVAL);
	p = params;
	p.algo = CC_COUNT;
	assert_int_equal(cc_init(&cc, &p, (struct san_time){1}), SAN_EINVAL);
}

static void
window__doubles_until_the_cap(void **state)
{
	struct cc cc;

	cc_start(&cc);
	assert_int_equal(cc_window(&cc), 16);
	rounds_pass(&cc, 1, 20);
	assert_int_equal(cc_window(&cc), 32);
	rounds_pass(&cc, 10, 20);
	assert_int_equal(cc_window(&cc), 512);
	assert_int_equal(cc_next(&cc).ns, 0);
}

/* A program that sends little has not shown that the path could carry more. */
static void
window__unused_does_not_grow(void **state)
{
	struct cc_ack a = {.packets = 1, .in_flight = 1};
	struct cc cc;
	uint32_t i;

	cc_start(&cc);
	for (i = 0; i < 1000; i++)
		assert_false(cc_acked(&cc, &a, (struct san_time){1}));
	assert_int_equal(cc_window(&cc), 16);
}

static void
mark__slows_once_per_round(void **state)
{
	struct cc_ack a = {.packets = 8, .in_flight = 64, .marked = true};
	struct cc cc;
	uint32_t i, slowed = 0;

	cc_start(&cc);
	rounds_pass(&cc, 2, 20);
	assert_int_equal(cc_window(&cc), 64);
	/* 64 are under way, all marked, 8 to an ACK. */
	for (i = 0; i < 8; i++, a.in_flight -= 8)
		slowed += cc_acked(&cc, &a, (struct san_time){1});
	assert_int_equal(slowed, 1);
	assert_in_range(cc_window(&cc), 32, 40);
}

/* The more packets are marked, the more a mark takes away: half if all are, little if few are. */
static void
mark__weighs_by_share(void **state)
{
	struct cc cc;
	uint32_t i, before;

	cc_start(&cc);
	for (i = 0; i < 100; i++)
		round_pass(&cc, 20, false);
	before = cc_window(&cc);
	assert_true(round_pass(&cc, 20, true));
	assert_true(cc_window(&cc) > before * 9 / 10);
	for (i = 0; i < 200; i++) /* every second round is a slowed one */
		round_pass(&cc, 20, true);
	rounds_pass(&cc, 2, 20);
	before = cc.w.size;
	assert_true(round_pass(&cc, 20, true));
	assert_true(cc.w.size < before * 6 / 10);
}

static void
cnp__is_a_mark(void **state)
{
	struct cc cc;

	cc_start(&cc);
	rounds_pass(&cc, 2, 20);
	assert_true(cc_cnp(&cc, (struct san_time){1}));
	assert_in_range(cc_window(&cc), 32, 40);
	assert_false(cc_cnp(&cc, (struct san_time){1})); /* same round */
}

static void
delay__one_outlier_takes_nothing(void **state)
{
	struct cc cc;
	uint32_t i;

	cc_start(&cc);
	rounds_pass(&cc, 2, 20);
	for (i = 0; i < 40; i++) {
		assert_false(round_pass(&cc, 4000, false));
		assert_int_equal(cc_window(&cc) >= 64, true);
		rounds_pass(&cc, 2, 20);
	}
	assert_int_equal(cc_window(&cc), 512);
}

static void
delay__standing_queue_is_given_back(void **state)
{
	struct cc cc;
	uint32_t i, slowed = 0;

	cc_start(&cc);
	rounds_pass(&cc, 4, 20);
	assert_int_equal(cc_window(&cc), 256);
	for (i = 0; i < 20; i++)
		slowed += round_pass(&cc, 1000, false);
	assert_in_range(slowed, 4, 10);
	assert_true(cc_window(&cc) < 64);
	assert_true(cc_window(&cc) >= 1);
}

static void
loss__few_of_many_is_bad_luck(void **state)
{
	struct cc cc;

	cc_start(&cc);
	rounds_pass(&cc, 5, 20);
	cc_rtt(&cc, SAN_DURATION_US(30)); /* a queue */
	assert_false(cc_lost(&cc, 1, (struct san_time){1}));
	assert_false(cc_lost(&cc, 2, (struct san_time){1}));
	assert_int_equal(cc_window(&cc), 512);
	assert_true(cc_lost(&cc, 8, (struct san_time){1}));
	assert_in_range(cc_window(&cc), 350, 360);
}

/* No mark, no delay: a bad cable rather than a queue, unless it is very bad. */
static void
loss__without_a_queue_takes_more(void **state)
{
	struct cc cc;

	cc_start(&cc);
	rounds_pass(&cc, 5, 20);
	assert_false(cc_lost(&cc, 63, (struct san_time){1}));
	assert_int_equal(cc_window(&cc), 512);
	assert_true(cc_lost(&cc, 1, (struct san_time){1}));
	assert_in_range(cc_window(&cc), 350, 360);
}

static void
loss__undone_when_it_was_none(void **state)
{
	struct cc cc;

	cc_start(&cc);
	rounds_pass(&cc, 3, 20);
	assert_true(cc_lost(&cc, 30, (struct san_time){1}));
	assert_in_range(cc_window(&cc), 89, 90);
	cc_undo(&cc, (struct san_time){1});
	assert_int_equal(cc_window(&cc), 128);
	cc_undo(&cc, (struct san_time){1}); /* nothing left to undo */
	assert_int_equal(cc_window(&cc), 128);
}

/* The first timeout may be a peer without its processor; a row of them is a path that is gone. */
static void
timeout__second_in_a_row_leaves_one(void **state)
{
	struct cc cc;

	cc_start(&cc);
	rounds_pass(&cc, 3, 20);
	assert_true(cc_timeout(&cc, (struct san_time){1}));
	assert_int_equal(cc_window(&cc), 64);
	assert_true(cc_timeout(&cc, (struct san_time){1}));
	assert_int_equal(cc_window(&cc), 1);
	assert_false(cc_timeout(&cc, (struct san_time){1}));
	assert_int_equal(cc_window(&cc), 1);
	cc_undo(&cc, (struct san_time){1});
	assert_int_equal(cc_window(&cc), 128);
}

/* A program that sends little causes no queue: others' marks do not take its window away. */
static void
window__unused_does_not_shrink(void **state)
{
	struct cc_ack a = {.packets = 1, .in_flight = 4, .marked = true};
	struct cc cc;
	uint32_t i;

	cc_start(&cc);
	for (i = 0; i < 1000; i++)
		assert_false(cc_acked(&cc, &a, (struct san_time){1}));
	assert_int_equal(cc_window(&cc), 16);
	a.in_flight = 8;
	assert_true(cc_acked(&cc, &a, (struct san_time){1}));
}

/* Below one packet per round trip, the packet waits; and the wait ends when there is room. */
static void
window__below_one_is_paced(void **state)
{
	struct san_time now = {1000000};
	struct cc cc;
	uint32_t i;

	cc_start(&cc);
	for (i = 0; i < 200; i++)
		round_pass(&cc, 100, true);
	assert_int_equal(cc_window(&cc), 1);
	cc_sent(&cc, WORLD_BYTES, now);
	assert_int_equal(cc_next(&cc).ns, now.ns + 16 * 100000); /* a sixteenth, never less */
	cc_sent(&cc, WORLD_BYTES / 2, now);
	assert_int_equal(cc_next(&cc).ns, now.ns + 8 * 100000);
	for (i = 0; i < 200; i++)
		round_pass(&cc, 100, false);
	assert_int_equal(cc_next(&cc).ns, 0);
	assert_int_equal(cc_deadline(&cc).ns, UINT64_MAX);
}

/* It is bytes that fill a queue: of small packets more may be under way, and the first large one
 * after them is taken for what it is. */
static void
window__counts_bytes(void **state)
{
	struct cc cc;
	uint32_t i;

	cc_start(&cc);
	for (i = 0; i < 200; i++)
		cc_sent(&cc, WORLD_BYTES / 8, (struct san_time){1});
	assert_in_range(cc_window(&cc), 16 * 7, 16 * 8);
	for (i = 0; i < 16; i++)
		cc_sent(&cc, WORLD_BYTES, (struct san_time){1});
	assert_int_equal(cc_window(&cc), 16);
}

static void
flows_start_as(enum cc_algo algo, const struct world_shape *shape, uint32_t n, uint32_t apart_ms)
{
	struct cc_params p = params;
	uint32_t i;

	p.algo = (uint8_t)algo;
	p.echo = shape->echo;
	world_init(&world, shape, 1);
	for (i = 0; i < n; i++) {
		world_flow_add(&world, &p);
		world_run(&world, SAN_DURATION_MS(apart_ms));
	}
}

static void
flows_start(const struct world_shape *shape, uint32_t n, uint32_t apart_ms)
{
	flows_start_as(CC_WINDOW, shape, n, apart_ms);
}

static void
measure(uint32_t warm_ms, uint32_t ms)
{
	world_run(&world, SAN_DURATION_MS(warm_ms));
	world_figures_reset(&world);
	world_run(&world, SAN_DURATION_MS(ms));
}

static void
queue__one_flow_fills_the_wire_not_the_queue(void **state)
{
	flows_start(&marking, 1, 0);
	measure(20, 50);
	assert_true(world_used(&world) > 99);
	assert_true(world_queue(&world) < 45);
	flows_start(&silent, 1, 0);
	measure(20, 50);
	assert_true(world_used(&world) > 99);
	assert_true(world_queue(&world) < 60); /* 100 us of target delay are 30 packets */
}

static void
queue__latecomer_gets_its_half(void **state)
{
	flows_start(&marking, 2, 50);
	measure(20, 100);
	assert_true(world_fairness(&world) > 0.95);
	assert_true(world_used(&world) > 99);
	assert_int_equal(world.queue_high < 60, true);
	/* By delay alone it takes the few moments in which one of them sees the path empty. */
	flows_start(&silent, 2, 50);
	measure(500, 200);
	assert_true(world_fairness(&world) > 0.95);
	assert_true(world_used(&world) > 99);
}

static void
queue__sixteen_flows_share(void **state)
{
	flows_start(&marking, 16, 0);
	measure(20, 100);
	assert_true(world_fairness(&world) > 0.95);
	assert_true(world_used(&world) > 99);
	assert_true(world_queue(&world) < 60);
	assert_int_equal(world.flow[0].lost, 0);
}

/* A peer that tells of marks by CNPs alone. */
static void
queue__cnps_are_enough(void **state)
{
	struct world_shape s = marking;

	s.echo = false;
	s.cnps = true;
	flows_start(&s, 16, 0);
	measure(20, 100);
	assert_true(world_fairness(&world) > 0.95);
	assert_true(world_used(&world) > 99);
	assert_true(world_queue(&world) < 60);
}

/* A hundred senders, room for less than half a packet each: nobody starves, nothing is lost. */
static void
queue__hundred_flows_never_starve(void **state)
{
	uint32_t i;

	flows_start(&marking, 100, 0);
	measure(100, 400);
	assert_true(world_used(&world) > 99);
	assert_true(world_queue(&world) < 70);
	assert_true(world_slowest(&world) > 1200 / 4); /* a fair share is 1200 */
	for (i = 0; i < 100; i++)
		assert_int_equal(world.flow[i].lost, 0);
}

/* How long until a queue that marks is back at its threshold after a second flow came. */
static void
queue__reacts_within_a_millisecond(void **state)
{
	flows_start(&marking, 1, 50);
	world_flow_add(&world, &params);
	measure(1, 10);
	assert_true(world.queue_high < 60);
	assert_true(world_used(&world) > 99);
}

/* Random loss is no queue: one in a hundred costs next to nothing. */
static void
queue__random_loss_costs_little(void **state)
{
	struct world_shape s = silent;

	s.loss_ppm = 10000;
	flows_start(&s, 1, 0);
	measure(20, 200);
	assert_true(world_used(&world) > 97);
}

/* A receiver that gets its processor half of the time only. */
static void
queue__late_answers_are_no_queue(void **state)
{
	struct world_shape s = silent;

	s.stall = SAN_DURATION_US(300);
	s.stall_every = SAN_DURATION_US(600);
	flows_start(&s, 1, 0);
	measure(100, 200);
	assert_true(world_used(&world) > 98);
}

/* Receivers that share their processor with programs, in slices of it: all that is under way
 * arrives in gusts, and a smaller window would only make them smaller. */
static void
queue__time_slices_cost_nothing(void **state)
{
	static const uint32_t slice_us[] = {1000, 2000, 4000}, counts[] = {1, 2, 8};
	struct world_shape s = silent;

	s.queue_max = 20000;
	for (uint32_t i = 0; i < 9; i++) {
		double none;

		s.stall = SAN_DURATION_US(slice_us[i % 3]);
		s.stall_every = SAN_DURATION_US(slice_us[i % 3] * 2);
		flows_start_as(CC_NONE, &s, counts[i / 3], 0);
		measure(100, 1000);
		none = world_used(&world);
		flows_start(&s, counts[i / 3], 0);
		measure(100, 1000);
		assert_true(world_used(&world) >= none * 0.99);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(init__refuses_nonsense),
	    cmocka_unit_test(window__doubles_until_the_cap),
	    cmocka_unit_test(window__unused_does_not_grow),
	    cmocka_unit_test(mark__slows_once_per_round),
	    cmocka_unit_test(mark__weighs_by_share),
	    cmocka_unit_test(cnp__is_a_mark),
	    cmocka_unit_test(delay__one_outlier_takes_nothing),
	    cmocka_unit_test(delay__standing_queue_is_given_back),
	    cmocka_unit_test(loss__few_of_many_is_bad_luck),
	    cmocka_unit_test(loss__without_a_queue_takes_more),
	    cmocka_unit_test(loss__undone_when_it_was_none),
	    cmocka_unit_test(timeout__second_in_a_row_leaves_one),
	    cmocka_unit_test(window__unused_does_not_shrink),
	    cmocka_unit_test(window__below_one_is_paced),
	    cmocka_unit_test(window__counts_bytes),
	    cmocka_unit_test(queue__one_flow_fills_the_wire_not_the_queue),
	    cmocka_unit_test(queue__latecomer_gets_its_half),
	    cmocka_unit_test(queue__sixteen_flows_share),
	    cmocka_unit_test(queue__cnps_are_enough),
	    cmocka_unit_test(queue__hundred_flows_never_starve),
	    cmocka_unit_test(queue__reacts_within_a_millisecond),
	    cmocka_unit_test(queue__random_loss_costs_little),
	    cmocka_unit_test(queue__late_answers_are_no_queue),
	    cmocka_unit_test(queue__time_slices_cost_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
