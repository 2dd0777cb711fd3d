/* SPDX-License-Identifier: BSD-3-Clause */
#include "pair.h"

static struct pair pair;

static void
a_message_and_its_flags(void **state)
{
	const struct shm_tx_record r = {.op = SHM_TX_SEND, .flags = SHM_TX_SOLICITED, .len = 5};
	struct shm_rx_record got;
	uint8_t bytes[RING / 4];

	pair_init(&pair, 1);
	assert_true(pair_put(&pair, 0, &r, "hello"));
	pair_settle(&pair);
	assert_true(pair_take(&pair, 1, &got, bytes));
	assert_int_equal(got.kind, SHM_RX_MESSAGE);
	assert_int_equal(got.flags, SHM_RX_SOLICITED);
	assert_int_equal(got.len, 5);
	assert_memory_equal(bytes, "hello", 5);
	assert_int_equal(msg_tx_released(&pair.end[0].c), 40);
	assert_true(pair.end[1].events & MSG_EV_ESTABLISHED);
	assert_true(pair_send(&pair, 1, "", 0)); /* an empty one is one, too */
	pair_settle(&pair);
	assert_true(pair_take(&pair, 0, &got, bytes));
	assert_int_equal(got.len, 0);
}

/* Nobody reads: the peer waits for as long as it takes, then all arrive. */
static void
a_full_ring_makes_the_peer_wait(void **state)
{
	uint8_t bytes[RING / 4] = {0};
	struct shm_rx_record got;
	uint32_t sent = 0, seen = 0;

	pair_init(&pair, 1);
	for (int i = 0; i < 2000; i++) {
		bytes[0] = (uint8_t)sent;
		if (pair_send(&pair, 0, bytes, 900))
			sent++;
		pair_step(&pair);
	}
	assert_true(sent < 2 * RING / 900);
	assert_int_equal(msg_error(&pair.end[0].c), 0);
	while (seen < sent) {
		while (pair_take(&pair, 1, &got, bytes))
			assert_int_equal(bytes[0], (uint8_t)seen++);
		pair_step(&pair);
	}
	assert_int_equal(msg_error(&pair.end[0].c), 0);
}

/* A READ waits for room in the reader's own rx ring, and then is answered. */
static void
a_read_waits_for_room(void **state)
{
	const struct shm_tx_record read = {
	    .op = SHM_TX_READ, .len = 1000, .key = 0, .va = VA, .tag = 9};
	struct shm_tx_record r = read;
	uint8_t bytes[RING / 4] = {0};
	struct shm_rx_record got;

	pair_init(&pair, 1);
	for (int i = 0; i < 3; i++)
		assert_true(pair_send(&pair, 1, bytes, shm_record_max(RING)));
	pair_settle(&pair);
	r.key = pair.end[1].key;
	memset(pair.end[1].region, 0x5a, 1000);
	assert_true(pair_put(&pair, 0, &r, ""));
	pair_settle(&pair);
	assert_int_equal(msg_tx_released(&pair.end[0].c), 0);
	assert_true(pair_take(&pair, 0, &got, bytes));
	pair_settle(&pair);
	assert_int_equal(msg_tx_released(&pair.end[0].c), SHM_RECORD_HEAD);
	for (int i = 0; i < 3; i++)
		assert_true(pair_take(&pair, 0, &got, bytes));
	assert_int_equal(got.kind, SHM_RX_READ_DATA);
	assert_int_equal(got.tag, 9);
	for (uint32_t i = 0; i < 1000; i++)
		assert_int_equal(bytes[i], 0x5a);
}

static void
a_wrong_key_ends_it(void **state)
{
	const struct shm_tx_record r = {.op = SHM_TX_READ, .len = 8, .key = 12345, .va = VA};

	pair_init(&pair, 1);
	assert_true(pair_put(&pair, 0, &r, ""));
	while (msg_state(&pair.end[0].c) == MSG_STATE_OPEN)
		assert_true(pair_step(&pair));
	pair_emit(&pair);
	assert_int_equal(msg_error(&pair.end[0].c), SAN_ECONNRESET);
	assert_int_equal(msg_error(&pair.end[1].c), SAN_EPROTO);
	assert_true(pair.end[0].events & MSG_EV_WANT_DREQ);
	assert_int_equal(msg_tx_released(&pair.end[0].c), 0);
	assert_int_equal(msg_rx_produced(&pair.end[0].c), 0); /* no answer is shown */
}

/* Far memory that cannot be had any more: the peer is told so, in a NAK, and nothing else leaves.
 */
static void
far_memory_goes(void **state)
{
	for (uint8_t op = SHM_TX_WRITE; op <= SHM_TX_READ; op++) {
		struct shm_tx_record r = {.op = op, .len = 900, .va = VA};
		uint8_t bytes[900] = {0};

		pair_init(&pair, 1);
		r.key = pair.end[1].far_key;
		assert_true(pair_put(&pair, 0, &r, bytes));
		pair_settle(&pair);
		assert_int_equal(msg_error(&pair.end[0].c), 0);
		pair.end[1].far_gone = true;
		assert_true(pair_put(&pair, 0, &r, bytes));
		while (msg_state(&pair.end[0].c) == MSG_STATE_OPEN)
			assert_true(pair_step(&pair));
		assert_int_equal(msg_error(&pair.end[0].c), SAN_ECONNRESET);
		assert_int_equal(pair.end[0].c.v.qp.fatal, AETH_NAK_OPERATION);
		assert_int_not_equal(msg_error(&pair.end[1].c), 0);
		assert_int_equal(pair.end[1].c.v.qp.counters.tx_naks, 1);
	}
}

/* Abortive: what was not acknowledged is gone, both rings are left alone at once. */
static void
close_is_abortive(void **state)
{
	struct roce_tx tx;

	pair_init(&pair, 1);
	assert_true(pair_send(&pair, 0, "lost", 4));
	msg_close(&pair.end[0].c, pair.now);
	assert_int_equal(msg_emit(&pair.end[0].c, &tx, 1, pair.now), 0);
	assert_int_equal(msg_state(&pair.end[0].c), MSG_STATE_LINGER);
	assert_int_equal(msg_events_take(&pair.end[0].c), MSG_EV_WANT_DREQ);
	assert_int_equal(msg_error(&pair.end[0].c), SAN_ECONNABORTED);
	msg_dreq_received(&pair.end[1].c, pair.now);
	assert_int_equal(msg_state(&pair.end[1].c), MSG_STATE_DEAD);
	assert_int_equal(msg_error(&pair.end[1].c), SAN_ECONNRESET);
	assert_int_equal(msg_events_take(&pair.end[1].c), MSG_EV_DEAD);
	msg_dreq_finished(&pair.end[0].c, pair.now);
	assert_int_equal(msg_state(&pair.end[0].c), MSG_STATE_DEAD);
	assert_int_equal(msg_events_take(&pair.end[0].c), MSG_EV_DEAD);
	/* All of it is legal again, and means nothing. */
	msg_close(&pair.end[0].c, pair.now);
	msg_dreq_received(&pair.end[0].c, pair.now);
	msg_dreq_finished(&pair.end[0].c, pair.now);
	msg_port_down(&pair.end[0].c, pair.now);
	assert_int_equal(msg_events_take(&pair.end[0].c), 0);
	assert_int_equal(msg_error(&pair.end[0].c), SAN_ECONNABORTED);
}

static void
linger_has_its_deadline(void **state)
{
	pair_init(&pair, 1);
	msg_close(&pair.end[0].c, pair.now);
	msg_deadline_expire(&pair.end[0].c, san_time_add(pair.now, SAN_DURATION_MS(49)));
	assert_int_equal(msg_state(&pair.end[0].c), MSG_STATE_LINGER);
	msg_deadline_expire(&pair.end[0].c, san_time_add(pair.now, SAN_DURATION_MS(50)));
	assert_int_equal(msg_state(&pair.end[0].c), MSG_STATE_DEAD);
}

static void
hostile_programs(void **state)
{
	struct shm_tx_record r = {.op = 77};
	struct msg_conn *c = &pair.end[0].c;

	pair_init(&pair, 1);
	assert_int_equal(msg_tx_produced(c, RING + 8, pair.now), SAN_EPROTO);
	assert_int_equal(msg_tx_produced(c, 0u - 8, pair.now), SAN_EPROTO);
	assert_int_equal(msg_rx_consumed(c, 8, pair.now), SAN_EPROTO);
	assert_true(pair_send(&pair, 0, "good", 4));
	assert_true(pair_put(&pair, 0, &r, ""));
	assert_int_equal(msg_state(c), MSG_STATE_LINGER);
	assert_int_equal(msg_error(c), SAN_EPROTO);
	assert_int_equal(msg_events_take(c), MSG_EV_MALFORMED | MSG_EV_WANT_DREQ);
}

static void
a_silent_peer_is_found_out(void **state)
{
	pair_init(&pair, 1);
	pair.loss = 1000;
	msg_keepalive(&pair.end[0].c, pair.now);
	while (msg_state(&pair.end[0].c) == MSG_STATE_OPEN)
		assert_true(pair_step(&pair));
	assert_int_equal(msg_error(&pair.end[0].c), SAN_ETIMEDOUT);
	/* One that is there answers, and nothing else comes of it. */
	pair_init(&pair, 1);
	msg_keepalive(&pair.end[0].c, pair.now);
	pair_settle(&pair);
	assert_int_equal(msg_error(&pair.end[0].c), 0);
	assert_int_equal(msg_rx_produced(&pair.end[1].c), 0);
	assert_true(pair_send(&pair, 0, "on", 2));
	pair_settle(&pair);
	assert_int_equal(msg_tx_released(&pair.end[0].c), 40);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_message_and_its_flags),
	    cmocka_unit_test(a_full_ring_makes_the_peer_wait),
	    cmocka_unit_test(a_read_waits_for_room),
	    cmocka_unit_test(a_wrong_key_ends_it),
	    cmocka_unit_test(far_memory_goes),
	    cmocka_unit_test(close_is_abortive),
	    cmocka_unit_test(linger_has_its_deadline),
	    cmocka_unit_test(hostile_programs),
	    cmocka_unit_test(a_silent_peer_is_found_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
