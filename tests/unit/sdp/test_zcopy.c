/* SPDX-License-Identifier: BSD-3-Clause */
/* Reading in place, rule by rule, between two connections: what crosses on the wire, how each end
 * ends it, and every way to lose the first frames. */
#include "pair.h"

static const struct pair_setup both = {.threshold = {500, 500}, .depth = {4, 4}};

static const struct sdp_zcopy_counters *
counters(const struct pair *p, int side)
{
	return sdp_zcopy_counters(&p->end[side].c);
}

/* The sink has room to read into once half of what it promised as buffers has been used. */
static void
warm_up_as(struct pair *p, const struct pair_setup *s)
{
	pair_open(p, s);
	for (int i = 0; i < 12; i++) {
		pair_write(p, 0, 499);
		pair_write(p, 1, 499);
		pair_finish(p);
	}
	pair_write(p, 0, 600); /* refused: now half of the ring is set aside */
	pair_finish(p);
	for (int i = 0; counters(p, 1)->reads == 0; i++) {
		assert_true(i < 20);
		pair_write(p, 0, 600);
		pair_finish(p);
	}
	pair_expect_done(p);
}

static void
warm_up(struct pair *p)
{
	warm_up_as(p, &both);
}

static void
deliver_all(struct pair *p, int side)
{
	while (p->end[side].frames != 0)
		pair_deliver(p, side);
}

/* Side 0 has advertised, side 1 has asked, and the answers are on the wire. */
static void
until_reading(struct pair *p)
{
	uint64_t reads;

	warm_up(p);
	reads = counters(p, 1)->reads;
	pair_write(p, 0, 1500);
	deliver_all(p, 0);
	assert_true(counters(p, 1)->reads > reads);
	assert_true(p->end[1].c.s.reading);
}

static void
urgent(struct pair *p, int side)
{
	pair_write(p, side, 1);
	sdp_tx_urgent(&p->end[side].c, p->end[side].written);
	pair_emit_both(p);
}

static void
read__moves_what_waits(void **state)
{
	struct pair p;

	warm_up(&p);
	for (int i = 0; i < 40; i++) {
		uint64_t before = counters(&p, 1)->rx_bytes;

		pair_write(&p, 0, 1500);
		pair_finish(&p);
		pair_expect_done(&p);
		assert_true(counters(&p, 1)->rx_bytes > before);
	}
	assert_int_equal(counters(&p, 0)->tx_bytes, counters(&p, 1)->rx_bytes);
	assert_int_equal(counters(&p, 0)->tx_refused, counters(&p, 1)->rx_refused);
}

/* Both advertise at once: each reads the other. */
static void
read__both_ways_at_once(void **state)
{
	struct pair p;

	warm_up(&p);
	for (int i = 0; i < 40; i++) {
		pair_write(&p, 0, 1500);
		pair_write(&p, 1, 1500);
		pair_finish(&p);
		pair_expect_done(&p);
	}
	assert_true(counters(&p, 0)->rx_bytes > 20000 && counters(&p, 1)->rx_bytes > 20000);
}

/* Nobody reads: what was promised as buffers is not read into, and nothing overflows. */
static void
read__waits_for_the_program(void **state)
{
	struct pair p;

	warm_up(&p);
	for (int i = 0; i < 20; i++) {
		pair_write(&p, 0, PAIR_RING);
		pair_run(&p);
		while (pair_wait(&p, SAN_DURATION_S(1)))
			pair_run(&p);
	}
	assert_true(sdp_rx_produced(&p.end[1].c) - p.end[1].read <= PAIR_RING);
	pair_finish(&p);
	pair_expect_done(&p);
}

/* The program makes room while a READ is under way, however full the ring is: what the READ brings
 * must not be promised to Data as well (pair_check). */
static void
read__has_its_place(void **state)
{
	const struct pair_setup small = {.threshold = {256, 256}, .depth = {4, 4}};
	unsigned asked = 0;
	struct pair p;

	for (uint32_t unread = 2000; unread < PAIR_RING - 400; unread += 20) {
		warm_up_as(&p, &small);
		for (int i = 0; i < 200 && p.end[1].c.s.rx_produced - p.end[1].read < unread; i++) {
			pair_write(&p, 0, 20);
			pair_run(&p);
		}
		pair_write(&p, 0, 280);
		deliver_all(&p, 0);
		asked += p.end[1].c.s.reading;
		pair_read(&p, 1, 300);
		pair_finish(&p);
		pair_expect_done(&p);
	}
	assert_true(asked > 10);
}

/* SendSm was under way when the cancel left. */
static void
cancel__crosses_a_refusal(void **state)
{
	struct pair p;

	pair_open(&p, &both);
	pair_write(&p, 0, 1500); /* all of the ring is promised as buffers: will be refused */
	deliver_all(&p, 0);
	assert_int_equal(counters(&p, 1)->rx_refused, 1);
	urgent(&p, 0);
	assert_int_equal(counters(&p, 0)->tx_cancelled, 1);
	pair_finish(&p);
	pair_expect_done(&p);
	assert_int_equal(p.end[0].c.s.tx_at, SDP_TX_PLAIN);
	assert_int_equal(sdp_urgent_pos(&p.end[1].c), p.end[0].written);
}

/* All was read, and the last RdmaRdCompl under way, when the cancel left. */
static void
cancel__crosses_the_completion(void **state)
{
	struct pair p;

	until_reading(&p);
	for (int i = 0; p.end[1].c.s.reading; i++) {
		assert_true(i < 50);
		pair_deliver(&p, 1);
		deliver_all(&p, 0);
	}
	urgent(&p, 0);
	pair_finish(&p);
	pair_expect_done(&p);
	assert_int_equal(p.end[0].c.s.tx_at, SDP_TX_PLAIN);
}

/* READs are under way: they end, are reported, and the rest comes as Data behind SendSm. */
static void
cancel__during_a_read(void **state)
{
	struct pair p;

	until_reading(&p);
	urgent(&p, 0);
	assert_int_equal(p.end[0].c.s.tx_at, SDP_TX_CANCEL);
	deliver_all(&p, 0);
	assert_true(p.end[1].c.s.lent->zcopy.sink.cancelled);
	pair_finish(&p);
	pair_expect_done(&p);
	assert_int_equal(p.end[0].c.s.tx_at, SDP_TX_PLAIN);
	assert_false(p.end[1].c.s.ack_held);
	assert_int_equal(sdp_urgent_pos(&p.end[1].c), p.end[0].written);
	assert_int_equal(counters(&p, 0)->tx_bytes, counters(&p, 1)->rx_bytes);
}

/* The source gives up while it is read. */
static void
abort__of_the_source(void **state)
{
	struct pair p;

	until_reading(&p);
	sdp_close(&p.end[0].c, SDP_CLOSE_ABORT, p.now);
	pair_run(&p);
	sdp_dreq_received(&p.end[1].c, p.now);
	sdp_dreq_finished(&p.end[0].c, p.now);
	assert_int_equal(sdp_state(&p.end[0].c), SDP_STATE_DEAD);
	assert_int_equal(sdp_state(&p.end[1].c), SDP_STATE_DEAD);
	assert_int_equal(p.end[0].mrs.used, 0);
	assert_int_equal(sdp_error(&p.end[1].c), SAN_ECONNRESET);
}

/* The sink's program goes while its READs are under way. */
static void
abort__of_the_sink(void **state)
{
	struct pair p;

	until_reading(&p);
	sdp_close(&p.end[1].c, SDP_CLOSE_GRACEFUL, p.now);
	pair_run(&p);
	assert_int_equal(sdp_error(&p.end[1].c), SAN_ECONNABORTED);
	sdp_dreq_finished(&p.end[1].c, p.now);
	sdp_dreq_received(&p.end[0].c, p.now);
	assert_int_equal(sdp_state(&p.end[0].c), SDP_STATE_DEAD);
	assert_int_equal(p.end[0].mrs.used, 0);
}

static void
link__goes_during_a_read(void **state)
{
	for (int side = 0; side < 2; side++) {
		struct pair p;

		until_reading(&p);
		sdp_port_down(&p.end[side].c, p.now);
		assert_int_equal(p.end[side].mrs.used, 0);
		assert_false(sdp_has_work(&p.end[side].c, p.now));
		while (p.end[!side].frames != 0)
			pair_deliver(&p, !side);
	}
}

/* The source closes behind what it offers: the sink reads all of it, then comes the end. */
static void
close__is_behind_what_is_read(void **state)
{
	struct pair p;

	until_reading(&p);
	sdp_close(&p.end[0].c, SDP_CLOSE_GRACEFUL, p.now);
	pair_finish(&p);
	assert_int_equal(p.end[1].read, p.end[0].written);
	assert_true(p.end[1].events & SDP_EV_EOF);
	assert_int_equal(p.end[0].mrs.used, 0);
	assert_int_equal(counters(&p, 0)->tx_cancelled, 0);
}

/* The first twelve frames of either side from the SrcAvail on, lost by each mask there is. */
static void
masks__every_loss_is_made_good(void **state)
{
	for (uint32_t mask = 0; mask < 1u << 12; mask++) {
		struct pair p;
		uint32_t frame = 0;
		int turn = 0;

		warm_up(&p);
		pair_write(&p, 0, 1500);
		while (frame < 12) {
			if (p.end[turn].frames == 0)
				turn = !turn;
			if (p.end[turn].frames == 0 && !pair_wait(&p, SAN_DURATION_S(1)))
				break;
			if (p.end[turn].frames == 0)
				continue;
			if ((mask >> frame++ & 1) != 0)
				pair_drop(&p, turn);
			else
				pair_deliver(&p, turn);
			turn = !turn;
		}
		pair_finish(&p);
		pair_expect_done(&p);
		assert_int_equal(p.end[0].c.s.tx_at, SDP_TX_PLAIN);
		assert_int_equal(counters(&p, 0)->tx_bytes, counters(&p, 1)->rx_bytes);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(read__moves_what_waits),
	    cmocka_unit_test(read__both_ways_at_once),
	    cmocka_unit_test(read__waits_for_the_program),
	    cmocka_unit_test(read__has_its_place),
	    cmocka_unit_test(cancel__crosses_a_refusal),
	    cmocka_unit_test(cancel__crosses_the_completion),
	    cmocka_unit_test(cancel__during_a_read),
	    cmocka_unit_test(abort__of_the_source),
	    cmocka_unit_test(abort__of_the_sink),
	    cmocka_unit_test(link__goes_during_a_read),
	    cmocka_unit_test(close__is_behind_what_is_read),
	    cmocka_unit_test(masks__every_loss_is_made_good),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
