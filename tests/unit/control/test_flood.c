/* SPDX-License-Identifier: BSD-3-Clause */
/* REQs of strangers who never answer, at a listener with a small backlog: honest programs connect
 * all the same, what is established is not touched, and soon after nothing of the strangers is
 * left. The daemon of the rig has room for 64 connections and 32 accepted sockets. */
#include "rig.h"

#include "roce.h"
#include "san_err.h"
#include "sdp_msg.h"

#define BACKLOG 1

static uint32_t strangers;

static void
stranger_send(const struct san_ip *from, const struct cm_msg *m)
{
	uint8_t mad[MAD_LEN];
	struct san_ip own;

	assert_int_equal(san_ip_parse(OWN, &own), 0);
	assert_int_equal(cm_msg_encode(mad, m), 0);
	(void)cm_mad_receive(d->netio.cm, 0, from, &own, mad, MAD_LEN, loop_now());
	netio_pump(d);
}

/* A proper REQ with a proper Hello from an address of the prefix where nobody is. */
static void
stranger_req(void)
{
	const uint32_t n = ++strangers;
	struct san_ip from = san_ip_v4(0x0a4d0000u + 10 + n % 240);
	struct sdp_hello hello = {.bufs = 32,
	    .version = SDP_VERSION,
	    .max_adverts = 1,
	    .des_rem_rcv_size = 1024,
	    .local_rcv_size = 1024,
	    .local_port = 40000,
	    .src = from};
	struct cm_msg req = {.attr = CM_REQ,
	    .tid = n,
	    .local_id = 0x1000 + n,
	    .service_id = CM_SID_SDP | PORT,
	    .ca_guid = 0x200 + n,
	    .qpn = 0x1000 + n,
	    .pmtu_code = roce_pmtu_code(1024),
	    .max_cm_retries = 15,
	    .pkey = 0xffff,
	    .src_gid = from,
	    .priv_len = SDP_HELLO_LEN};

	assert_int_equal(san_ip_parse(OWN, &req.dst_gid), 0);
	hello.dst = req.dst_gid;
	sdp_hello_encode(req.priv, &hello);
	stranger_send(&from, &req);
}

/* The last stranger takes its REQ back, by its own id and GUID: it knows none of ours. */
static void
stranger_cancel(void)
{
	const uint32_t n = strangers;
	struct san_ip from = san_ip_v4(0x0a4d0000u + 10 + n % 240);
	struct cm_msg rej = {.attr = CM_REJ,
	    .tid = n,
	    .local_id = 0x1000 + n,
	    .reason = CM_REJ_TIMEOUT,
	    .ari_len = 8};

	rej.ari[6] = (uint8_t)((0x200 + n) >> 8);
	rej.ari[7] = (uint8_t)(0x200 + n);
	stranger_send(&from, &rej);
}

static void
flood(uint32_t ms, uint32_t per_ms)
{
	uint64_t start = prog_now_ms(), now = start;
	uint32_t sent = 0;

	for (; now < start + ms; now = prog_now_ms()) {
		for (; sent < (now - start) * per_ms; sent++)
			stranger_req();
		rig_pump(NULL);
	}
}

static bool
connects_in_a_flood(uint32_t per_ms)
{
	int c = prog_sock_connect(&a, OWN, PORT);
	uint64_t end = prog_now_ms() + WAIT;

	assert_true(prog_sync(&a, (uint32_t)c));
	while (prog_state(&a, (uint32_t)c) == SHM_STATE_CONNECTING && prog_now_ms() < end)
		flood(1, per_ms);
	return prog_state(&a, (uint32_t)c) == SHM_STATE_CONNECTED && prog_accept(&b, 0, WAIT) >= 0;
}

static void
strangers__keep_nobody_out(void **state)
{
	int l = prog_sock_listen(&b, OWN, PORT, BACKLOG), c, s;
	uint32_t before;

	(void)state;
	assert_int_equal(l, 0);
	assert_true(prog_sync(&b, (uint32_t)l));
	c = prog_sock_connect(&a, OWN, PORT);
	assert_true(prog_sync(&a, (uint32_t)c));
	assert_int_equal(prog_wait_connect(&a, (uint32_t)c, WAIT), 0);
	s = prog_accept(&b, (uint32_t)l, WAIT);
	before = d->conns.free_count;

	flood(100, 2);
	assert_true(d->conns.free_count < before);
	for (int i = 0; i < 5; i++)
		assert_true(connects_in_a_flood(2));
	assert_true(cm_counters(d->netio.cm)->evicted > 0);
	assert_int_equal(d->count.rej_backlog, 0);
	assert_int_equal(d->count.rej_resources, 0);
	assert_int_equal(prog_state(&a, (uint32_t)c), SHM_STATE_CONNECTED);
	assert_int_equal(prog_state(&b, (uint32_t)s), SHM_STATE_CONNECTED);

	rig_settle(900); /* the handshake's deadline is 400 ms */
	assert_int_equal(d->conns.free_count, before - 10);
	assert_int_equal(cm_count(d->netio.cm), 12);
}

/* Connection numbers run out before the limit of half-open attempts is reached. */
static void
strangers__when_numbers_are_scarce(void **state)
{
	int l = prog_sock_listen(&b, OWN, PORT, BACKLOG);

	(void)state;
	assert_true(prog_sync(&b, (uint32_t)l));
	for (int i = 0; i < 22; i++)
		assert_true(connects_in_a_flood(0));
	flood(100, 2);
	assert_true(d->conns.free_count > 0);
	assert_true(d->count.req_ignored > 0);
	for (int i = 0; i < 5; i++)
		assert_true(connects_in_a_flood(2));
	assert_int_equal(d->count.rej_resources, 0);
}

/* Half-open, even before we know the way to the peer: gone as soon as the peer says so. */
static void
strangers__may_change_their_minds(void **state)
{
	int l = prog_sock_listen(&b, OWN, PORT, BACKLOG);
	uint32_t before = d->conns.free_count;

	(void)state;
	assert_true(prog_sync(&b, (uint32_t)l));
	for (int i = 0; i < 3; i++) {
		stranger_req();
		assert_int_equal(d->conns.free_count, before - 1);
		stranger_cancel();
		assert_int_equal(d->conns.free_count, before);
	}
	assert_int_equal(d->count.accept_lost, 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    RIG_TEST(strangers__keep_nobody_out),
	    RIG_TEST(strangers__when_numbers_are_scarce),
	    RIG_TEST(strangers__may_change_their_minds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
