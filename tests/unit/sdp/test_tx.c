/* SPDX-License-Identifier: BSD-3-Clause */
#include "fixture.h"

static void
data__fills_packets(void **state)
{
	struct bench b;
	uint32_t i, pos = 0;

	bench_init(&b);
	bench_write(&b, 2 * PAYLOAD + 10);
	bench_emit(&b);
	assert_int_equal(bench_out_count(&b), 3);
	for (i = 0; i < 3; i++) {
		const struct sdp_msg *m = bench_out(&b, i);

		assert_int_equal(m->payload_len, i < 2 ? PAYLOAD : 10);
		assert_int_equal(m->h.mseq, i + 1);
		assert_int_equal(m->payload[0], (uint8_t)pos);
		pos += m->payload_len;
	}
	assert_int_equal(sdp_tx_released(&b.c), 0);
	bench_ack(&b);
	assert_int_equal(sdp_tx_released(&b.c), 2 * PAYLOAD + 10);
	assert_int_equal(sdp_events_take(&b.c), SDP_EV_TX_ROOM | SDP_EV_TX_DRAINED);
}

static void
data__peers_buffer_limits_the_message(void **state)
{
	struct sdp_open o;
	struct bench b;

	bench_init(&b);
	o = bench_defaults(&b);
	o.peer_rcv_size = 100;
	bench_open(&b, &o);
	bench_write(&b, 200);
	bench_emit(&b);
	assert_int_equal(bench_out(&b, 0)->h.mid, SDP_CH_RCV_BUF);
	assert_int_equal(bench_out(&b, 1)->payload_len, 84);

	o.peer_rcv_size = 32768; /* larger than a packet: one message stays one packet */
	b.produced = 0;
	bench_open(&b, &o);
	bench_write(&b, 500);
	bench_emit(&b);
	assert_int_equal(bench_out(&b, 0)->payload_len, PAYLOAD);
}

static void
data__wraps_around_the_ring(void **state)
{
	struct bench b;
	uint32_t i;

	bench_init(&b);
	for (i = 0; i < 3 * RING / 200; i++) {
		bench_write(&b, 200);
		assert_int_equal(bench_expect_one(&b, SDP_DATA)->payload_len, 200);
		assert_int_equal(bench_out(&b, 0)->payload[0], (uint8_t)(i * 200));
		assert_int_equal(bench_out(&b, 0)->payload[199], (uint8_t)(i * 200 + 199));
		b.peer_mseq_ack = i + 1;
		bench_data(&b, 0);
	}
}

static void
small_writes__join_while_much_is_under_way(void **state)
{
	struct bench b;
	uint32_t i;

	bench_init(&b);
	for (i = 0; i < 16; i++) {
		bench_write(&b, 10);
		bench_emit(&b);
		assert_int_equal(bench_out_count(&b), 1);
	}
	bench_write(&b, 10);
	bench_emit(&b);
	bench_write(&b, 10);
	bench_emit(&b);
	assert_int_equal(bench_out_count(&b), 0);
	bench_ack(&b);
	assert_int_equal(bench_expect_one(&b, SDP_DATA)->payload_len, 20);
}

static void
small_writes__full_packet_does_not_wait(void **state)
{
	struct bench b;
	uint32_t i;

	bench_init(&b);
	for (i = 0; i < 16; i++) {
		bench_write(&b, 10);
		bench_emit(&b);
	}
	/* Credits remain for one of these. */
	b.c.s.tx_limit += 10;
	bench_write(&b, PAYLOAD + 1);
	assert_int_equal(bench_expect_one(&b, SDP_DATA)->payload_len, PAYLOAD);
}

/* What is posted leaves at once; while nothing can leave nothing is posted, and writes join. */
static void
small_writes__join_while_the_peer_does_not_answer(void **state)
{
	struct bench b;
	int i;

	bench_init(&b);
	bench_write(&b, 10);
	bench_emit(&b);
	bench_wait(&b, SAN_DURATION_MS(10));
	bench_expect_one(&b, SDP_DATA);
	for (i = 0; i < 3; i++) {
		bench_write(&b, 10);
		bench_emit(&b);
		assert_int_equal(bench_out_count(&b), 0);
	}
	bench_ack(&b);
	assert_int_equal(bench_expect_one(&b, SDP_DATA)->payload_len, 30);
}

static void
small_writes__join_while_the_peer_is_not_ready(void **state)
{
	struct roce_pkt rnr = {
	    .opcode = ROCE_RC_ACK, .dest_qp = 0x11, .psn = SQ_PSN, .ext.syndrome = AETH_RNR | 12};
	struct bench b;
	int i;

	bench_init(&b);
	bench_write(&b, 10);
	bench_emit(&b);
	sdp_packet_receive(&b.c, &rnr, NULL, b.now);
	for (i = 0; i < 3; i++) {
		bench_write(&b, 10);
		assert_int_equal(bench_emit(&b), 0);
	}
	bench_wait(&b, SAN_DURATION_US(640));
	bench_emit(&b);
	assert_int_equal(bench_out_count(&b), 2);
	assert_int_equal(bench_out(&b, 0)->payload_len, 10);
	assert_int_equal(bench_out(&b, 1)->payload_len, 30);
}

static void
produced__hostile_positions_are_refused(void **state)
{
	struct bench b;

	bench_init(&b);
	bench_write(&b, 100);
	assert_int_equal(sdp_tx_produced(&b.c, 99, b.now), SAN_EPROTO);
	assert_int_equal(sdp_tx_produced(&b.c, RING + 1, b.now), SAN_EPROTO);
	assert_int_equal(sdp_tx_produced(&b.c, 0xffffffff, b.now), SAN_EPROTO);
	assert_int_equal(sdp_tx_produced(&b.c, RING, b.now), 0);
	assert_int_equal(sdp_rx_consumed(&b.c, 1, b.now), SAN_EPROTO);
	bench_data(&b, 10);
	assert_int_equal(sdp_rx_consumed(&b.c, 11, b.now), SAN_EPROTO);
	assert_int_equal(sdp_rx_consumed(&b.c, 10, b.now), 0);
	assert_int_equal(sdp_rx_consumed(&b.c, 9, b.now), SAN_EPROTO);
}

static void
urgent__is_the_last_byte_of_its_message(void **state)
{
	const struct sdp_msg *m;
	struct bench b;

	bench_init(&b);
	bench_write(&b, 20);
	sdp_tx_urgent(&b.c, 5);
	bench_emit(&b);
	assert_int_equal(bench_out_count(&b), 2);
	m = bench_out(&b, 0);
	assert_int_equal(m->payload_len, 5);
	assert_int_equal(m->h.flags, SDP_FLAG_OOB_PRES | SDP_FLAG_OOB_PEND);
	assert_true(b.out[0].tx.se);
	m = bench_out(&b, 1);
	assert_int_equal(m->payload_len, 15);
	assert_int_equal(m->h.flags, 0);
	assert_false(b.out[1].tx.se);
}

static void
urgent__is_announced_ahead(void **state)
{
	static const uint8_t flags[] = {SDP_FLAG_OOB_PEND, 0, SDP_FLAG_OOB_PRES};
	struct bench b;
	uint32_t i;

	bench_init(&b);
	bench_write(&b, 2 * PAYLOAD + 8);
	sdp_tx_urgent(&b.c, b.produced);
	bench_emit(&b);
	assert_int_equal(bench_out_count(&b), 3);
	for (i = 0; i < 3; i++)
		assert_int_equal(bench_out(&b, i)->h.flags, flags[i]);
	assert_int_equal(bench_out(&b, 2)->payload_len, 8);
	bench_wait(&b, SAN_DURATION_MS(10)); /* repeated with its flags */
	bench_emit(&b);
	assert_int_equal(bench_out(&b, 0)->h.flags, SDP_FLAG_OOB_PEND);
}

static void
urgent__at_exactly_one_packet(void **state)
{
	struct bench b;

	bench_init(&b);
	bench_write(&b, PAYLOAD);
	sdp_tx_urgent(&b.c, PAYLOAD);
	assert_int_equal(
	    bench_expect_one(&b, SDP_DATA)->h.flags, SDP_FLAG_OOB_PRES | SDP_FLAG_OOB_PEND);
}

static void
urgent__too_late_or_absurd_is_ignored(void **state)
{
	struct bench b;

	bench_init(&b);
	bench_write(&b, 10);
	bench_emit(&b);
	sdp_tx_urgent(&b.c, 10);
	sdp_tx_urgent(&b.c, 0);
	sdp_tx_urgent(&b.c, RING + 1);
	bench_write(&b, 10);
	assert_int_equal(bench_expect_one(&b, SDP_DATA)->h.flags, 0);
}

/* Marked before the bytes were reported: counts when they are. */
static void
urgent__may_be_marked_first(void **state)
{
	struct bench b;

	bench_init(&b);
	sdp_tx_urgent(&b.c, 10);
	bench_write(&b, 8);
	assert_int_equal(bench_expect_one(&b, SDP_DATA)->h.flags, 0);
	bench_write(&b, 4);
	bench_emit(&b);
	assert_int_equal(bench_out_count(&b), 2);
	assert_int_equal(bench_out(&b, 0)->payload_len, 2);
	assert_int_equal(bench_out(&b, 0)->h.flags, SDP_FLAG_OOB_PRES | SDP_FLAG_OOB_PEND);
}

static void
keepalive__probes_an_idle_connection_only(void **state)
{
	struct bench b;

	bench_init(&b);
	sdp_keepalive(&b.c, b.now);
	assert_int_equal(bench_emit(&b), 1);
	assert_int_equal(b.out[0].tx.opcode, ROCE_RC_WRITE_ONLY);
	sdp_keepalive(&b.c, b.now); /* the first is still under way */
	assert_int_equal(bench_emit(&b), 0);
	bench_ack(&b);
	bench_write(&b, 10);
	assert_int_equal(bench_expect_one(&b, SDP_DATA)->h.mseq, 1); /* a probe is no message */
}

static void
repeat__makes_the_same_bytes(void **state)
{
	struct bench b;
	uint8_t first[PMTU];

	bench_init(&b);
	bench_write(&b, 3 * PAYLOAD);
	bench_emit(&b);
	memcpy(first, bench_out(&b, 0)->payload, PAYLOAD);
	bench_wait(&b, SAN_DURATION_MS(10));
	assert_int_equal(bench_expect_one(&b, SDP_DATA)->h.mseq, 1);
	assert_memory_equal(bench_out(&b, 0)->payload, first, PAYLOAD);
}

static void
established__by_the_first_packet_of_the_peer(void **state)
{
	struct sdp_open o;
	struct bench b;

	bench_init(&b);
	o = bench_defaults(&b);
	o.active = false;
	bench_open(&b, &o);
	assert_int_equal(sdp_events_take(&b.c), 0);
	bench_data(&b, 0);
	assert_true(sdp_events_take(&b.c) & SDP_EV_ESTABLISHED);
	bench_data(&b, 0);
	assert_false(sdp_events_take(&b.c) & SDP_EV_ESTABLISHED);
}

static void
stranger__is_counted_only(void **state)
{
	struct roce_pkt p = {.opcode = ROCE_RC_SEND_ONLY, .dest_qp = 0x12, .psn = RQ_PSN};
	struct bench b;

	bench_init(&b);
	sdp_packet_receive(&b.c, &p, NULL, b.now);
	assert_int_equal(sdp_counters(&b.c)->rx_late, 1);
	assert_int_equal(bench_emit(&b), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(data__fills_packets),
	    cmocka_unit_test(data__peers_buffer_limits_the_message),
	    cmocka_unit_test(data__wraps_around_the_ring),
	    cmocka_unit_test(small_writes__join_while_much_is_under_way),
	    cmocka_unit_test(small_writes__full_packet_does_not_wait),
	    cmocka_unit_test(small_writes__join_while_the_peer_does_not_answer),
	    cmocka_unit_test(small_writes__join_while_the_peer_is_not_ready),
	    cmocka_unit_test(produced__hostile_positions_are_refused),
	    cmocka_unit_test(urgent__is_the_last_byte_of_its_message),
	    cmocka_unit_test(urgent__is_announced_ahead),
	    cmocka_unit_test(urgent__at_exactly_one_packet),
	    cmocka_unit_test(urgent__too_late_or_absurd_is_ignored),
	    cmocka_unit_test(urgent__may_be_marked_first),
	    cmocka_unit_test(keepalive__probes_an_idle_connection_only),
	    cmocka_unit_test(repeat__makes_the_same_bytes),
	    cmocka_unit_test(established__by_the_first_packet_of_the_peer),
	    cmocka_unit_test(stranger__is_counted_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
