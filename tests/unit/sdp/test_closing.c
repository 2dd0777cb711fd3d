/* SPDX-License-Identifier: BSD-3-Clause */
/* Every way a connection ends, step by step as the two ends see it. */
#include "fixture.h"

static void
close__active(void **state)
{
	struct bench b;

	bench_init(&b);
	sdp_close(&b.c, SDP_CLOSE_GRACEFUL, b.now);
	assert_int_equal(sdp_state(&b.c), SDP_STATE_DISCONN_SENT);
	bench_expect_one(&b, SDP_DISCONN);
	bench_ack(&b);
	assert_int_equal(sdp_state(&b.c), SDP_STATE_DISCONN_SENT);
	bench_simple(&b, SDP_DISCONN);
	assert_int_equal(sdp_state(&b.c), SDP_STATE_LINGER);
	assert_true(sdp_events_take(&b.c) & SDP_EV_WANT_DREQ);
	sdp_dreq_finished(&b.c, b.now);
	bench_expect_dead(&b, 0);
}

/* The peer's DisConn overtakes the acknowledgement of ours: DREQ waits for it. */
static void
close__active_unacknowledged(void **state)
{
	struct roce_pkt ack = {.opcode = ROCE_RC_ACK,
	    .dest_qp = 0x11,
	    .psn = SQ_PSN,
	    .ext.syndrome = AETH_ACK_UNLIMITED};
	struct bench b;

	bench_init(&b);
	sdp_close(&b.c, SDP_CLOSE_GRACEFUL, b.now);
	bench_emit(&b);
	bench_simple(&b, SDP_DISCONN); /* its MSeqAck is still 0 */
	assert_int_equal(sdp_state(&b.c), SDP_STATE_BOTH);
	assert_false(sdp_events_take(&b.c) & SDP_EV_WANT_DREQ);
	sdp_packet_receive(&b.c, &ack, NULL, b.now);
	assert_int_equal(sdp_state(&b.c), SDP_STATE_LINGER);
	assert_true(sdp_events_take(&b.c) & SDP_EV_WANT_DREQ);
}

static void
close__passive_waits_for_dreq(void **state)
{
	struct bench b;

	bench_init(&b);
	bench_data(&b, 10);
	bench_simple(&b, SDP_DISCONN);
	assert_int_equal(sdp_state(&b.c), SDP_STATE_DISCONN_RCVD);
	assert_true(sdp_events_take(&b.c) & SDP_EV_EOF);
	assert_int_equal(sdp_rx_produced(&b.c), 10);
	bench_write(&b, 5); /* half open: we may go on */
	bench_emit(&b);
	bench_read(&b);
	sdp_close(&b.c, SDP_CLOSE_GRACEFUL, b.now);
	assert_int_equal(sdp_state(&b.c), SDP_STATE_BOTH);
	bench_expect_one(&b, SDP_DISCONN);
	bench_ack(&b);
	assert_int_equal(sdp_state(&b.c), SDP_STATE_BOTH);
	assert_false(sdp_events_take(&b.c) & SDP_EV_WANT_DREQ);
	sdp_dreq_received(&b.c, b.now);
	bench_expect_dead(&b, 0);
}

static void
close__passive_asks_itself_in_the_end(void **state)
{
	struct bench b;

	bench_init(&b);
	bench_simple(&b, SDP_DISCONN);
	sdp_close(&b.c, SDP_CLOSE_GRACEFUL, b.now);
	bench_emit(&b);
	bench_ack(&b);
	bench_wait(&b, SAN_DURATION_MS(4999));
	assert_int_equal(sdp_state(&b.c), SDP_STATE_BOTH);
	bench_wait(&b, SAN_DURATION_MS(1));
	assert_int_equal(sdp_state(&b.c), SDP_STATE_LINGER);
	assert_true(sdp_events_take(&b.c) & SDP_EV_WANT_DREQ);
	bench_wait(&b, SAN_DURATION_S(2));
	bench_expect_dead(&b, 0);
}

static void
close__data_first_disconn_last(void **state)
{
	struct bench b;
	uint32_t n;

	bench_init(&b);
	bench_write(&b, 3 * PAYLOAD + 7);
	sdp_close(&b.c, SDP_CLOSE_GRACEFUL, b.now);
	bench_emit(&b);
	n = bench_out_count(&b);
	assert_int_equal(n, 5);
	assert_int_equal(bench_out(&b, 3)->payload_len, 7);
	assert_int_equal(bench_out(&b, 4)->h.mid, SDP_DISCONN);
	assert_int_equal(bench_out(&b, 4)->h.mseq, 5);
}

static void
close__peer_silent_ends_by_deadline(void **state)
{
	struct bench b;

	bench_init(&b);
	sdp_close(&b.c, SDP_CLOSE_GRACEFUL, b.now);
	bench_emit(&b);
	bench_ack(&b);
	bench_wait(&b, SAN_DURATION_S(5));
	assert_int_equal(sdp_state(&b.c), SDP_STATE_LINGER);
	assert_true(sdp_events_take(&b.c) & SDP_EV_WANT_DREQ);
	bench_wait(&b, SAN_DURATION_S(2));
	bench_expect_dead(&b, SAN_ETIMEDOUT);
}

static void
shut__twice_and_writes_after_it_are_ignored(void **state)
{
	struct bench b;

	bench_init(&b);
	sdp_shut(&b.c, b.now);
	sdp_shut(&b.c, b.now);
	bench_write(&b, 10);
	bench_expect_one(&b, SDP_DISCONN);
	assert_int_equal(sdp_tx_released(&b.c), 0);
	assert_int_equal(b.c.s.counters.fsm_illegal, 0);
}

static void
shut__still_receives_and_grants_credits(void **state)
{
	struct bench b;
	uint32_t i;

	bench_init(&b);
	sdp_shut(&b.c, b.now);
	bench_emit(&b);
	bench_ack(&b);
	for (i = 0; i < RING / PAYLOAD; i++)
		bench_data(&b, PAYLOAD);
	assert_int_equal(sdp_rx_produced(&b.c), RING / PAYLOAD * PAYLOAD);
	bench_read(&b);
	assert_int_equal(bench_expect_one(&b, SDP_DATA)->payload_len, 0);
	bench_data(&b, 5);
	assert_int_equal(sdp_state(&b.c), SDP_STATE_DISCONN_SENT);
	assert_int_equal(sdp_error(&b.c), 0);
}

static void
abort__before_disconn_is_dreq_alone(void **state)
{
	struct bench b;

	bench_init(&b);
	bench_write(&b, 100);
	sdp_close(&b.c, SDP_CLOSE_ABORT, b.now);
	assert_int_equal(sdp_state(&b.c), SDP_STATE_LINGER);
	assert_true(sdp_events_take(&b.c) & SDP_EV_WANT_DREQ);
	bench_emit(&b);
	assert_int_equal(bench_out_count(&b), 0); /* the data is dropped */
	sdp_dreq_finished(&b.c, b.now);
	bench_expect_dead(&b, SAN_ECONNABORTED);
}

static void
abort__after_disconn_says_abort_conn(void **state)
{
	struct bench b;

	bench_init(&b);
	sdp_shut(&b.c, b.now);
	bench_emit(&b);
	sdp_close(&b.c, SDP_CLOSE_ABORT, b.now);
	assert_true(sdp_events_take(&b.c) & SDP_EV_WANT_DREQ);
	assert_int_equal(bench_expect_one(&b, SDP_ABORT_CONN)->h.mseq, 2);
	sdp_dreq_finished(&b.c, b.now);
	bench_expect_dead(&b, SAN_ECONNABORTED);
}

/* DisConn decided, but still behind data that waits for credits: the peer knows nothing of it. */
static void
abort__with_disconn_still_queued_is_dreq_alone(void **state)
{
	struct sdp_open o;
	struct bench b;

	bench_init(&b);
	o = bench_defaults(&b);
	o.peer_credits = 2;
	bench_open(&b, &o);
	bench_write(&b, 100);
	sdp_shut(&b.c, b.now);
	bench_emit(&b);
	assert_int_equal(bench_out_count(&b), 0);
	sdp_close(&b.c, SDP_CLOSE_ABORT, b.now);
	bench_emit(&b);
	assert_int_equal(bench_out_count(&b), 0);
	assert_int_equal(sdp_state(&b.c), SDP_STATE_LINGER);
}

/* Both DisConns done, only the DREQ is missing: nothing is left that AbortConn could undo. */
static void
abort__when_all_is_done_is_dreq_alone(void **state)
{
	struct bench b;

	bench_init(&b);
	bench_simple(&b, SDP_DISCONN);
	sdp_shut(&b.c, b.now);
	bench_emit(&b);
	bench_ack(&b);
	assert_int_equal(sdp_state(&b.c), SDP_STATE_BOTH);
	sdp_close(&b.c, SDP_CLOSE_ABORT, b.now);
	assert_true(sdp_events_take(&b.c) & SDP_EV_WANT_DREQ);
	assert_int_equal(bench_emit(&b), 0);
	assert_int_equal(sdp_state(&b.c), SDP_STATE_LINGER);
}

static void
abort__after_which_the_peers_messages_are_dropped(void **state)
{
	struct bench b;

	bench_init(&b);
	sdp_close(&b.c, SDP_CLOSE_ABORT, b.now);
	bench_data(&b, 10);
	bench_simple(&b, SDP_DISCONN);
	assert_int_equal(sdp_state(&b.c), SDP_STATE_LINGER);
	assert_int_equal(sdp_rx_produced(&b.c), 0);
	assert_int_equal(sdp_counters(&b.c)->rx_discarded, 2);
}

static void
data_after_close__resets_as_tcp(void **state)
{
	struct bench b;

	bench_init(&b);
	sdp_close(&b.c, SDP_CLOSE_GRACEFUL, b.now);
	bench_emit(&b);
	bench_data(&b, 1);
	assert_int_equal(sdp_state(&b.c), SDP_STATE_LINGER);
	assert_int_equal(sdp_rx_produced(&b.c), 0);
	bench_expect_one(&b, SDP_ABORT_CONN);
}

static void
credit_update_after_close__is_fine(void **state)
{
	struct bench b;

	bench_init(&b);
	sdp_close(&b.c, SDP_CLOSE_GRACEFUL, b.now);
	bench_emit(&b);
	bench_data(&b, 0);
	assert_int_equal(sdp_state(&b.c), SDP_STATE_DISCONN_SENT);
}

static void
abort_conn__resets_in_any_state(void **state)
{
	struct bench b;

	bench_init(&b);
	bench_data(&b, 10);
	bench_simple(&b, SDP_ABORT_CONN);
	assert_int_equal(sdp_rx_produced(&b.c), 10); /* still readable */
	assert_true(b.c.s.events & SDP_EV_WANT_DREQ);
	bench_expect_dead(&b, SAN_ECONNRESET);

	bench_init(&b);
	bench_simple(&b, SDP_DISCONN);
	bench_simple(&b, SDP_ABORT_CONN);
	bench_expect_dead(&b, SAN_ECONNRESET);
}

static void
dreq__before_both_disconns_is_a_reset(void **state)
{
	struct bench b;

	bench_init(&b);
	bench_data(&b, 10);
	sdp_dreq_received(&b.c, b.now);
	assert_int_equal(sdp_rx_produced(&b.c), 10);
	bench_expect_dead(&b, SAN_ECONNRESET);

	bench_init(&b);
	sdp_shut(&b.c, b.now);
	bench_emit(&b);
	sdp_dreq_received(&b.c, b.now);
	bench_expect_dead(&b, SAN_ECONNRESET);

	bench_init(&b);
	bench_simple(&b, SDP_DISCONN);
	sdp_dreq_received(&b.c, b.now);
	bench_expect_dead(&b, SAN_ECONNRESET);

	/* Both decided, but ours never left: what we had queued is lost. */
	bench_init(&b);
	bench_simple(&b, SDP_DISCONN);
	sdp_close(&b.c, SDP_CLOSE_GRACEFUL, b.now);
	sdp_dreq_received(&b.c, b.now);
	bench_expect_dead(&b, SAN_ECONNRESET);
}

static void
dreq__both_at_once(void **state)
{
	struct bench b;

	bench_init(&b);
	sdp_close(&b.c, SDP_CLOSE_GRACEFUL, b.now);
	bench_emit(&b);
	b.peer_mseq_ack = 1;
	bench_simple(&b, SDP_DISCONN); /* acknowledges ours, too */
	assert_int_equal(sdp_state(&b.c), SDP_STATE_LINGER);
	sdp_dreq_received(&b.c, b.now);
	bench_expect_dead(&b, 0);
	sdp_dreq_finished(&b.c, b.now); /* late, means nothing */
	assert_int_equal(b.c.s.counters.fsm_illegal, 0);
}

static void
dead__ignores_everything(void **state)
{
	struct bench b;

	bench_init(&b);
	sdp_port_down(&b.c, b.now);
	bench_expect_dead(&b, SAN_ENETDOWN);
	bench_data(&b, 10);
	sdp_shut(&b.c, b.now);
	sdp_close(&b.c, SDP_CLOSE_ABORT, b.now);
	sdp_dreq_received(&b.c, b.now);
	sdp_dreq_finished(&b.c, b.now);
	sdp_port_down(&b.c, b.now);
	sdp_keepalive(&b.c, b.now);
	bench_wait(&b, SAN_DURATION_S(100));
	assert_int_equal(bench_emit(&b), 0);
	assert_int_equal(sdp_events_take(&b.c), 0);
	assert_int_equal(sdp_error(&b.c), SAN_ENETDOWN);
	assert_int_equal(sdp_counters(&b.c)->rx_late, 1);
}

static void
linger__keeps_acknowledging(void **state)
{
	struct bench b;

	bench_init(&b);
	sdp_close(&b.c, SDP_CLOSE_GRACEFUL, b.now);
	bench_emit(&b);
	b.peer_mseq_ack = 1;
	bench_simple(&b, SDP_DISCONN);
	bench_emit(&b);
	b.peer_psn =
	    psn_add(b.peer_psn, PSN_MASK); /* the peer repeats its DisConn: our ACK was lost */
	b.peer_mseq--;
	bench_simple(&b, SDP_DISCONN);
	assert_int_equal(bench_emit(&b), 1);
	assert_int_equal(b.out[0].tx.opcode, ROCE_RC_ACK);
}

static void
transport__failure_is_reported(void **state)
{
	struct bench b;
	int i;

	bench_init(&b);
	bench_write(&b, 10);
	for (i = 0; i < 4; i++) {
		bench_emit(&b);
		bench_wait(&b, SAN_DURATION_MS(50));
	}
	assert_true(b.c.s.events & SDP_EV_WANT_DREQ);
	bench_expect_dead(&b, SAN_ETIMEDOUT);
}

static void
transport__refusal_leaves_before_the_end(void **state)
{
	struct roce_pkt p = {.opcode = ROCE_RC_READ_REQ, .dest_qp = 0x11, .psn = RQ_PSN};
	struct roce_tx tx[4];
	struct bench b;

	bench_init(&b);
	sdp_packet_receive(&b.c, &p, NULL, b.now);
	assert_int_equal(sdp_state(&b.c), SDP_STATE_OPEN);
	assert_true(sdp_has_work(&b.c, b.now));
	assert_int_equal(sdp_emit(&b.c, tx, 4, b.now), 1);
	assert_int_equal(tx[0].ext.syndrome, AETH_NAK_INVALID);
	bench_expect_dead(&b, SAN_EPROTO);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(close__active),
	    cmocka_unit_test(close__active_unacknowledged),
	    cmocka_unit_test(close__passive_waits_for_dreq),
	    cmocka_unit_test(close__passive_asks_itself_in_the_end),
	    cmocka_unit_test(close__data_first_disconn_last),
	    cmocka_unit_test(close__peer_silent_ends_by_deadline),
	    cmocka_unit_test(shut__twice_and_writes_after_it_are_ignored),
	    cmocka_unit_test(shut__still_receives_and_grants_credits),
	    cmocka_unit_test(abort__before_disconn_is_dreq_alone),
	    cmocka_unit_test(abort__after_disconn_says_abort_conn),
	    cmocka_unit_test(abort__with_disconn_still_queued_is_dreq_alone),
	    cmocka_unit_test(abort__when_all_is_done_is_dreq_alone),
	    cmocka_unit_test(abort__after_which_the_peers_messages_are_dropped),
	    cmocka_unit_test(data_after_close__resets_as_tcp),
	    cmocka_unit_test(credit_update_after_close__is_fine),
	    cmocka_unit_test(abort_conn__resets_in_any_state),
	    cmocka_unit_test(dreq__before_both_disconns_is_a_reset),
	    cmocka_unit_test(dreq__both_at_once),
	    cmocka_unit_test(dead__ignores_everything),
	    cmocka_unit_test(linger__keeps_acknowledging),
	    cmocka_unit_test(transport__failure_is_reported),
	    cmocka_unit_test(transport__refusal_leaves_before_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
