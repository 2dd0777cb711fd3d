/* SPDX-License-Identifier: BSD-3-Clause */
#include "fixture.h"

static void
initial__is_ring_in_buffers_plus_two(void **state)
{
	assert_int_equal(sdp_initial_credits(65536, 4096), 65536 / 4080 + 2);
	assert_int_equal(sdp_initial_credits(65536, 16), 0);
	assert_int_equal(sdp_initial_credits(8u << 20, 256), 34952 + 2);
	assert_int_equal(sdp_initial_credits(64u << 20, 256), 65535);
}

static void
init__refuses_what_cannot_work(void **state)
{
	struct sdp_open o, good;
	struct bench b;

	bench_init(&b);
	good = bench_defaults(&b);
	o = good;
	o.local_credits++; /* more than the ring holds */
	assert_int_equal(sdp_conn_init(&b.c, &o, b.now), SAN_EINVAL);
	o = good;
	o.rx.size = 256; /* a single buffer */
	assert_int_equal(sdp_conn_init(&b.c, &o, b.now), SAN_EINVAL);
	o = good;
	o.rx.size = 3000;
	assert_int_equal(sdp_conn_init(&b.c, &o, b.now), SAN_EINVAL);
	o = good;
	o.local_rcv_size = PMTU + 1;
	assert_int_equal(sdp_conn_init(&b.c, &o, b.now), SAN_EINVAL);
	o = good;
	o.peer_rcv_size = 16;
	assert_int_equal(sdp_conn_init(&b.c, &o, b.now), SAN_EINVAL);
	o = good;
	o.pmtu = 1000;
	assert_int_equal(sdp_conn_init(&b.c, &o, b.now), SAN_EINVAL);
	assert_int_equal(sdp_conn_init(&b.c, &good, b.now), 0);
}

/* Open with `n` credits from the peer. */
static void
open_with(struct bench *b, uint16_t n)
{
	struct sdp_open o;

	bench_init(b);
	o = bench_defaults(b);
	o.peer_credits = n;
	bench_open(b, &o);
	b->peer_bufs = n;
}

static void
data__needs_three(void **state)
{
	struct bench b;

	open_with(&b, 5);
	bench_write(&b, 10 * PAYLOAD);
	bench_emit(&b);
	assert_int_equal(bench_out_count(&b), 3);
	assert_int_equal(sdp_credits(&b.c.s), 2);
	assert_int_equal(sdp_counters(&b.c)->credit_stalls, 1);
	/* One more buffer, one more message. */
	b.peer_mseq_ack = 3;
	b.peer_bufs = 3;
	bench_data(&b, 0);
	bench_emit(&b);
	assert_int_equal(bench_out_count(&b), 1);
	assert_int_equal(sdp_credits(&b.c.s), 2);
}

static void
control__needs_two(void **state)
{
	struct bench b;

	open_with(&b, 2);
	sdp_shut(&b.c, b.now);
	bench_expect_one(&b, SDP_DISCONN);

	open_with(&b, 1);
	sdp_shut(&b.c, b.now);
	bench_emit(&b);
	assert_int_equal(bench_out_count(&b), 0);
	b.peer_bufs = 2;
	bench_data(&b, 0);
	bench_expect_one(&b, SDP_DISCONN);
}

static void
last_credit__only_for_an_update(void **state)
{
	struct bench b;
	uint32_t i;

	open_with(&b, 1);
	bench_write(&b, 10);
	for (i = 0; i < RING / PAYLOAD; i++)
		bench_data(&b, PAYLOAD);
	bench_emit(&b);
	assert_int_equal(bench_out_count(&b), 0);
	bench_read(&b);
	assert_int_equal(bench_expect_one(&b, SDP_DATA)->payload_len, 0);
	assert_int_equal(sdp_credits(&b.c.s), 0);
	for (i = 0; i < RING / PAYLOAD; i++)
		bench_data(&b, PAYLOAD);
	bench_read(&b);
	bench_emit(&b);
	assert_int_equal(bench_out_count(&b), 0); /* with none left not even that */
}

static void
bufs__are_room_plus_two(void **state)
{
	const struct sdp_msg *m;
	struct bench b;

	bench_init(&b);
	bench_data(&b, 1);
	bench_write(&b, 1);
	m = bench_expect_one(&b, SDP_DATA);
	assert_int_equal(m->h.bufs, (RING - 1) / PAYLOAD + 2);
	assert_int_equal(m->h.mseq_ack, 1);
	assert_int_equal(m->h.mseq, 1);
}

/* A peer that uses every credit as it likes, payload in all but the two it may not, fits exactly.
 */
static void
ring__never_promised_twice(void **state)
{
	struct bench b;
	uint32_t i;

	bench_init(&b);
	for (i = 0; i < CREDITS - 2; i++)
		bench_data(&b, PAYLOAD);
	bench_data(&b, 0);
	bench_data(&b, 0);
	assert_int_equal(sdp_state(&b.c), SDP_STATE_OPEN);
	assert_int_equal(sdp_rx_produced(&b.c), RING / PAYLOAD * PAYLOAD);
}

static void
ring__overrun_by_the_peer_is_a_violation(void **state)
{
	struct bench b;
	uint32_t i;

	bench_init(&b);
	for (i = 0; i < CREDITS - 2; i++)
		bench_data(&b, PAYLOAD);
	assert_int_equal(sdp_state(&b.c), SDP_STATE_OPEN);
	bench_data(&b, PAYLOAD);
	bench_expect_dead(&b, SAN_EPROTO);
	assert_int_equal(sdp_rx_produced(&b.c), RING / PAYLOAD * PAYLOAD);
}

static void
update__at_half_a_ring(void **state)
{
	struct bench b;
	uint32_t i, half = RING / PAYLOAD / 2;

	bench_init(&b);
	for (i = 0; i < half - 1; i++)
		bench_data(&b, PAYLOAD);
	bench_read(&b);
	bench_emit(&b);
	assert_int_equal(bench_out_count(&b), 0);
	bench_data(&b, PAYLOAD);
	bench_read(&b);
	assert_int_equal(bench_expect_one(&b, SDP_DATA)->h.bufs, CREDITS);
}

static void
update__early_for_a_peer_that_cannot_send(void **state)
{
	struct bench b;
	uint32_t i;

	bench_init(&b);
	for (i = 0; i < CREDITS - 2; i++)
		bench_data(&b, PAYLOAD);
	assert_int_equal(sdp_rx_consumed(&b.c, PAYLOAD, b.now), 0);
	bench_emit(&b);
	assert_int_equal(bench_out_count(&b), 0); /* one buffer is not worth one */
	assert_int_equal(sdp_rx_consumed(&b.c, 2 * PAYLOAD, b.now), 0);
	assert_int_equal(bench_expect_one(&b, SDP_DATA)->h.bufs, 4);
}

/* Two sides that have nothing but updates to say fall silent. */
static void
update__is_not_answered_by_an_update(void **state)
{
	struct bench b;
	uint32_t i, sent = 0;

	bench_init(&b);
	for (i = 0; i < 100; i++) {
		bench_data(&b, 0);
		bench_emit(&b);
		sent += bench_out_count(&b);
		b.peer_mseq_ack = b.c.s.mseq_posted;
	}
	assert_in_range(sent, 1, 100 / (CREDITS / 2 - 1));
}

static void
update__not_when_both_directions_are_done(void **state)
{
	struct bench b;
	uint32_t i;

	bench_init(&b);
	for (i = 0; i < CREDITS - 2; i++)
		bench_data(&b, PAYLOAD);
	bench_simple(&b, SDP_DISCONN);
	sdp_shut(&b.c, b.now);
	bench_expect_one(&b, SDP_DISCONN);
	bench_read(&b);
	bench_emit(&b);
	assert_int_equal(bench_out_count(&b), 0);
}

/* A repeated message may grant more than its first copy; what the peer surely knows is the first
 * copy. */
static void
update__repeats_do_not_count_as_told(void **state)
{
	struct bench b;
	uint32_t announced, i;

	bench_init(&b);
	for (i = 0; i < CREDITS - 2; i++)
		bench_data(&b, PAYLOAD);
	bench_write(&b, 1);
	bench_expect_one(&b, SDP_DATA);
	announced = b.c.s.announced;
	assert_int_equal(sdp_rx_consumed(&b.c, PAYLOAD, b.now), 0);
	bench_wait(&b, SAN_DURATION_MS(10));
	bench_emit(&b);
	assert_int_equal(bench_out(&b, 0)->h.mseq, 1);
	assert_int_equal(bench_out(&b, 0)->h.bufs, 3);
	assert_int_equal(b.c.s.announced, announced);
}

static void
mseq_ack__beyond_what_was_sent_is_a_violation(void **state)
{
	struct bench b;

	bench_init(&b);
	b.peer_mseq_ack = 1;
	bench_data(&b, 1);
	bench_expect_dead(&b, SAN_EPROTO);
}

static void
mseq_ack__stale_does_not_take_credits_back(void **state)
{
	struct bench b;

	bench_init(&b);
	bench_write(&b, PAYLOAD);
	bench_emit(&b);
	b.peer_mseq_ack = 1;
	bench_data(&b, 1);
	b.peer_mseq_ack = 0;
	b.peer_bufs = 1;
	bench_data(&b, 1);
	assert_int_equal(sdp_credits(&b.c.s), CREDITS);
}

/* Message 2 left before message 1 was repeated with a younger header, and arrives behind it. */
static void
bufs__of_an_older_header_do_not_take_credits_back(void **state)
{
	struct bench b;

	bench_init(&b);
	b.peer_bufs = 2 * CREDITS;
	bench_data(&b, 1);
	b.peer_bufs = CREDITS - 1;
	bench_data(&b, 1);
	assert_int_equal(sdp_credits(&b.c.s), 2 * CREDITS);
}

static void
mseq_ack__releases_the_ring_without_an_ack(void **state)
{
	struct bench b;

	bench_init(&b);
	bench_write(&b, 100);
	bench_emit(&b);
	sdp_events_take(&b.c);
	b.peer_mseq_ack = 1;
	bench_data(&b, 1);
	assert_int_equal(sdp_tx_released(&b.c), 100);
	assert_int_equal(
	    sdp_events_take(&b.c), SDP_EV_RX_DATA | SDP_EV_TX_ROOM | SDP_EV_TX_DRAINED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(initial__is_ring_in_buffers_plus_two),
	    cmocka_unit_test(init__refuses_what_cannot_work),
	    cmocka_unit_test(data__needs_three),
	    cmocka_unit_test(control__needs_two),
	    cmocka_unit_test(last_credit__only_for_an_update),
	    cmocka_unit_test(bufs__are_room_plus_two),
	    cmocka_unit_test(ring__never_promised_twice),
	    cmocka_unit_test(ring__overrun_by_the_peer_is_a_violation),
	    cmocka_unit_test(update__at_half_a_ring),
	    cmocka_unit_test(update__early_for_a_peer_that_cannot_send),
	    cmocka_unit_test(update__is_not_answered_by_an_update),
	    cmocka_unit_test(update__not_when_both_directions_are_done),
	    cmocka_unit_test(update__repeats_do_not_count_as_told),
	    cmocka_unit_test(mseq_ack__beyond_what_was_sent_is_a_violation),
	    cmocka_unit_test(mseq_ack__stale_does_not_take_credits_back),
	    cmocka_unit_test(bufs__of_an_older_header_do_not_take_credits_back),
	    cmocka_unit_test(mseq_ack__releases_the_ring_without_an_ack),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
