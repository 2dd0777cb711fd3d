/* SPDX-License-Identifier: BSD-3-Clause */
/* What hostile or late programs, strangers' packets and a slow control thread can do: be counted.
 * And who is told what, how often. */
#include "test.h"

#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "port.h"
#include "rig.h"
#include "san_err.h"
#include "sdp_msg.h"

#define CONN 20u
#define SLOT 5u

static struct rig rig;
static uint8_t data[100000];

static int
open_rig(void **state)
{
	(void)state;
	rig_open(&rig);
	return 0;
}

static int
close_rig(void **state)
{
	(void)state;
	rig_close(&rig);
	return 0;
}

static void
conn_cmd(struct rig_side *s, enum poll_cmd_type type, uint32_t conn)
{
	struct poll_cmd cmd = {.type = (uint16_t)type, .conn = conn};

	rig_put(s, &cmd);
}

/* ---- the end of a connection ---- */

static void
test_orderly_end(void **state)
{
	struct rig_side *a = &rig.side[0], *b = &rig.side[1];
	struct poll_cmd close = {
	    .type = POLL_CMD_CONN_CLOSE, .conn = CONN, .close.how = SDP_CLOSE_GRACEFUL};

	(void)state;
	rig_connect(&rig, CONN, SLOT);
	rig_send(a, SLOT, data, 60000);
	rig_flags(a, SLOT, SHM_APP_SHUT_WR);
	rig_run(&rig, 100);
	assert_int_equal(rig_recv(b, SLOT, data, sizeof data), 60000);
	assert_true(rig_wire_flags(b, SLOT) & SHM_WIRE_EOF);
	assert_true(b->bits & SDP_EV_EOF);
	assert_int_equal(a->events[POLL_EV_SOCK_FLAGS], 1);
	assert_int_equal(a->last[POLL_EV_SOCK_FLAGS].app_flags, SHM_APP_SHUT_WR);
	/* b still sends, its last bytes without a doorbell of their own, then closes. */
	rig_run(&rig, 20000);
	rig_send(b, SLOT, data, 5000);
	rig_flags(b, SLOT, SHM_APP_SHUT_WR | SHM_APP_CLOSED);
	rig_put(b, &close);
	rig_run(&rig, 100);
	assert_int_equal(b->last[POLL_EV_SOCK_FLAGS].app_flags, SHM_APP_SHUT_WR | SHM_APP_CLOSED);
	assert_int_equal(rig_recv(a, SLOT, data, sizeof data), 5000);
	assert_true(rig_wire_flags(a, SLOT) & SHM_WIRE_EOF);
	rig_put(a, &close);
	rig_run(&rig, 100);
	/* Who closed first disconnects; control plays the DREQ. */
	assert_true(a->bits & SDP_EV_WANT_DREQ);
	conn_cmd(b, POLL_CMD_CONN_DREQ, CONN);
	conn_cmd(a, POLL_CMD_CONN_DREQ_DONE, CONN);
	conn_cmd(a, POLL_CMD_CONN_RELEASE, CONN);
	rig_run(&rig, 3);
	assert_true(a->bits & SDP_EV_DEAD && b->bits & SDP_EV_DEAD);
	assert_int_equal(a->err, 0);
	assert_int_equal(b->err, 0);
	assert_false(rig_wire_flags(a, SLOT) & SHM_WIRE_ERROR);
	assert_int_equal(a->events[POLL_EV_CONN_FREED], 1);
	assert_int_equal(poll_conn_count(0), 0);
	/* b's waits for control to be done with it. */
	rig_run(&rig, 20000);
	assert_int_equal(b->events[POLL_EV_CONN_FREED], 0);
	assert_int_equal(poll_conn_count(1), 1);
	conn_cmd(b, POLL_CMD_CONN_RELEASE, CONN);
	rig_run(&rig, 2);
	assert_int_equal(b->events[POLL_EV_CONN_FREED], 1);
	/* The index is free for another generation; the old one's packets are strangers'. */
	rig_connect(&rig, CONN, SLOT);
}

static void
test_release_before_dead(void **state)
{
	struct rig_side *a = &rig.side[0];
	struct poll_cmd close = {
	    .type = POLL_CMD_CONN_CLOSE, .conn = CONN, .close.how = SDP_CLOSE_ABORT};

	(void)state;
	rig_connect(&rig, CONN, SLOT);
	conn_cmd(a, POLL_CMD_CONN_RELEASE, CONN);
	rig_run(&rig, 100);
	assert_int_equal(a->events[POLL_EV_CONN_FREED], 0);
	rig_put(a, &close);
	rig_run(&rig, 100);
	assert_true(a->bits & SDP_EV_WANT_DREQ);
	assert_int_equal(a->events[POLL_EV_CONN_FREED], 0);
	rig_run(&rig, 30000); /* nobody answers: the state's own deadline */
	assert_int_equal(a->events[POLL_EV_CONN_FREED], 1);
}

static void
test_peer_vanishes(void **state)
{
	struct rig_side *a = &rig.side[0];

	(void)state;
	rig_connect(&rig, CONN, SLOT);
	rig_send(a, SLOT, data, 1000);
	atomic_store(&a->sock[SLOT].waiters, SHM_WAIT_IN_FUTEX);
	for (unsigned i = 0; i < 200000; i++) { /* 400 ms; give_up is 200 */
		void *m;

		poll_iterate(a->poll, rig.now);
		while (rte_ring_dequeue(rig.side[1].wire_in, &m) == 0)
			frame_free(m);
		rig.now.ns += RIG_STEP_NS;
	}
	rig_step(&rig);
	assert_true(rig_wire_flags(a, SLOT) & SHM_WIRE_ERROR);
	assert_int_equal(atomic_load(&a->sock[SLOT].wire_err), SAN_ETIMEDOUT);
	assert_true(a->bits & SDP_EV_DEAD);
	assert_int_equal(a->err, SAN_ETIMEDOUT);
	assert_int_equal(atomic_load(&a->sock[SLOT].waiters), 0);
	assert_true(rig_count(a, POLL_COUNT_retransmits) > 0);
}

/* ---- programs that break the rules ---- */

static void
expect_reset(struct rig_side *s, enum poll_counter counter)
{
	rig_run(&rig, 10);
	assert_int_equal(rig_count(s, counter), 1);
	assert_true(rig_wire_flags(s, SLOT) & SHM_WIRE_ERROR);
	assert_int_equal(atomic_load(&s->sock[SLOT].wire_err), SAN_ECONNABORTED);
	/* Not listened to any more, and counted once. */
	atomic_store(&s->sock[SLOT].tx_tail, 0x7fffffff);
	rig_flags(s, SLOT, SHM_APP_SHUT_WR | SHM_APP_CORK);
	rig_run(&rig, 10);
	assert_int_equal(rig_count(s, counter), 1);
	/* Control still gets its way. */
	conn_cmd(s, POLL_CMD_CONN_DREQ_DONE, CONN);
	conn_cmd(s, POLL_CMD_CONN_RELEASE, CONN);
	rig_run(&rig, 10);
	assert_int_equal(s->events[POLL_EV_CONN_FREED], 1);
}

static void
test_hostile_tx_more_than_ring(void **state)
{
	(void)state;
	rig_connect(&rig, CONN, SLOT);
	atomic_store(&rig.side[0].sock[SLOT].tx_tail, RIG_TX_RING + 1);
	expect_reset(&rig.side[0], POLL_COUNT_hostile_tx_pos);
}

static void
test_hostile_tx_backwards(void **state)
{
	(void)state;
	rig_connect(&rig, CONN, SLOT);
	rig_send(&rig.side[0], SLOT, data, 3000);
	rig_run(&rig, 10);
	atomic_store(&rig.side[0].sock[SLOT].tx_tail, 2999);
	expect_reset(&rig.side[0], POLL_COUNT_hostile_tx_pos);
}

static void
test_hostile_rx_ahead(void **state)
{
	(void)state;
	rig_connect(&rig, CONN, SLOT);
	rig_send(&rig.side[1], SLOT, data, 3000);
	rig_run(&rig, 10);
	atomic_store(&rig.side[0].sock[SLOT].rx_head, 3001);
	expect_reset(&rig.side[0], POLL_COUNT_hostile_rx_pos);
}

static void
test_hostile_rx_backwards(void **state)
{
	(void)state;
	rig_connect(&rig, CONN, SLOT);
	atomic_store(&rig.side[0].sock[SLOT].rx_head, UINT32_MAX);
	expect_reset(&rig.side[0], POLL_COUNT_hostile_rx_pos);
}

/* Positions that daemon-written words claim are never read back. */
static void
test_daemon_words_scribbled(void **state)
{
	struct rig_side *a = &rig.side[0], *b = &rig.side[1];
	uint32_t total = 0;

	(void)state;
	rig_connect(&rig, CONN, SLOT);
	for (unsigned i = 0; i < 50; i++) {
		atomic_store(&b->sock[SLOT].tx_head, i * 977);
		atomic_store(&b->sock[SLOT].wire_flags, i);
		atomic_store(&b->region->doorbell[1].sleeping, i);
		rig_send(a, SLOT, data, 5000);
		rig_run(&rig, 20);
		total += rig_recv(b, SLOT, data, sizeof data);
	}
	assert_int_equal(total, 50 * 5000);
}

/* Every doorbell bit set, also of slots that do not exist, without anything behind it. */
static void
test_doorbells_without_cause(void **state)
{
	struct shm_doorbell *d = &rig.side[0].region->doorbell[0];

	(void)state;
	rig_connect(&rig, CONN, SLOT);
	for (unsigned i = 0; i < SAN_SOCKS_MAX / 64; i++)
		atomic_store(&d->bits[i], UINT64_MAX);
	for (unsigned i = 0; i < SAN_SOCKS_MAX / 64 / 64; i++)
		atomic_store(&d->summary[i], UINT64_MAX);
	rig_run(&rig, 200);
	assert_int_equal(rig_count(&rig.side[0], POLL_COUNT_doorbells), RIG_SOCKS);
	assert_int_equal(rig_count(&rig.side[0], POLL_COUNT_stale_doorbell), RIG_SOCKS - 1);
	assert_int_equal(
	    rig.side[0].events[POLL_EV_SOCK_CMD] + rig.side[0].events[POLL_EV_SOCK_FLAGS], 0);
}

/* The slot was handed out again while an old connection still uses it in the table: not looked at.
 */
static void
test_stale_generation(void **state)
{
	struct rig_side *a = &rig.side[0];

	(void)state;
	rig_connect(&rig, CONN, SLOT);
	rig_run(&rig, 20000);
	atomic_fetch_add(&a->sock[SLOT].gen, 1);
	atomic_store(&a->sock[SLOT].tx_tail, 100);
	rig_ring(a, SLOT);
	rig_run(&rig, 100);
	assert_int_equal(rig_count(a, POLL_COUNT_stale_doorbell), 1);
	assert_int_equal(atomic_load(&rig.side[1].sock[SLOT].rx_tail), 0);
}

/* ---- the mailbox ---- */

static void
test_mailbox(void **state)
{
	struct rig_side *a = &rig.side[0];
	struct shm_sock *k = &a->sock[9];

	(void)state;
	atomic_store(&k->gen, 77);
	k->cmd = SHM_CMD_CONNECT;
	k->cmd_arg = 5;
	k->peer.port = 4711;
	atomic_fetch_add(&k->cmd_seq, 1);
	rig_ring(a, 9);
	rig_step(&rig);
	assert_int_equal(a->events[POLL_EV_SOCK_CMD], 1);
	assert_int_equal(a->last[POLL_EV_SOCK_CMD].sock.slot, 9);
	assert_int_equal(a->last[POLL_EV_SOCK_CMD].sock.gen, 77);
	assert_int_equal(a->last[POLL_EV_SOCK_CMD].sock.session, a->session);
	assert_int_equal(a->last[POLL_EV_SOCK_CMD].cmd.seq, 1);
	assert_int_equal(a->last[POLL_EV_SOCK_CMD].cmd.cmd, SHM_CMD_CONNECT);
	assert_int_equal(a->last[POLL_EV_SOCK_CMD].cmd.peer.port, 4711);
	rig_ring(a, 9);
	rig_step(&rig);
	assert_int_equal(a->events[POLL_EV_SOCK_CMD], 1); /* once */
	/* Next tenant of the slot: its first command has the same number. */
	atomic_store(&k->gen, 78);
	atomic_store(&k->cmd_done, 0);
	rig_ring(a, 9);
	rig_step(&rig);
	assert_int_equal(a->events[POLL_EV_SOCK_CMD], 2);
	rig_flags(a, 9, SHM_APP_CLOSED | SHM_APP_TAKEN);
	rig_step(&rig);
	rig_ring(a, 9);
	rig_step(&rig);
	assert_int_equal(a->events[POLL_EV_SOCK_FLAGS], 1);
	assert_int_equal(a->last[POLL_EV_SOCK_FLAGS].app_flags, SHM_APP_CLOSED);
}

/* Control takes no events for a long time: frames for it are dropped, nothing else is lost. */
static void
test_event_ring_full(void **state)
{
	struct rig_side *a = &rig.side[0];
	uint8_t arp[60] = {[12] = 8, [13] = 6, [15] = 1, [16] = 8, [18] = 6, [19] = 4, [21] = 1};
	struct poll_event ev;
	unsigned frames = 0, cmds = 0, opened = 0;

	(void)state;
	for (unsigned i = 0; i < 5000; i++) {
		rig_inject(a, arp, sizeof arp);
		poll_iterate(a->poll, rig.now);
	}
	assert_int_equal(rig_count(a, POLL_COUNT_rx_arp), 5000);
	assert_int_equal(rig_count(a, POLL_COUNT_rx_ring_full), 5000 - POLL_EVENT_RING * 3 / 4);
	/* Fill the rest with slot events, more than there is room for. */
	for (unsigned round = 0; round < 20; round++) {
		for (uint32_t slot = 0; slot < RIG_SOCKS; slot++) {
			atomic_fetch_add(&a->sock[slot].cmd_seq, 1);
			rig_ring(a, slot);
		}
		poll_iterate(a->poll, rig.now);
	}
	assert_true(rig_count(a, POLL_COUNT_event_ring_full) > 0);
	/* A command with an answer waits. */
	struct poll_cmd open = rig_conn_open(&rig, 0, CONN, SLOT);
	rig_put(a, &open);
	poll_iterate(a->poll, rig.now);
	assert_int_equal(poll_conn_count(0), 0);
	for (unsigned i = 0; i < 10; i++) {
		while (poll_event_get(0, &ev)) {
			frames += ev.type == POLL_EV_FRAME_RX;
			cmds += ev.type == POLL_EV_SOCK_CMD && ev.cmd.seq == 20;
			opened += ev.type == POLL_EV_CONN_OPENED && ev.ev.err == 0;
			if (ev.type == POLL_EV_FRAME_RX)
				frame_free(ev.frame);
		}
		poll_iterate(a->poll, rig.now);
	}
	assert_int_equal(frames, POLL_EVENT_RING * 3 / 4 - 0);
	assert_int_equal(cmds, RIG_SOCKS); /* the newest command of each slot arrived */
	assert_int_equal(opened, 1);
}

/* ---- strangers' packets ---- */

static uint32_t
frame_build(uint8_t *frame, const struct roce_path *path, uint32_t qpn, uint8_t opcode)
{
	struct roce_tx tx = {.opcode = opcode, .dest_qp = qpn, .psn = 100};
	int len;

	tx.inline_len = 16;
	len = roce_encode(frame, SAN_FRAME_MAX, path, &tx);
	assert_true(len > 0);
	return (uint32_t)len;
}

/* A peer that breaks SDP's rules: its connection ends, counted by reason, and control learns it. */
static void
test_protocol_broken(void **state)
{
	struct rig_side *b = &rig.side[1];
	struct roce_tx hello = {.opcode = ROCE_RC_SEND_ONLY, .inline_len = SDP_BSDH_LEN};
	uint8_t frame[SAN_FRAME_MAX];
	struct poll_event ev;

	(void)state;
	rig_connect(&rig, CONN, SLOT);
	hello.dest_qp = 7u << 16 | CONN;
	hello.psn = 101;
	rig_inject(b, frame, (uint32_t)roce_encode(frame, sizeof frame, &rig.side[0].path, &hello));
	for (unsigned i = 0; i < 10; i++) {
		rig.now = san_time_add(rig.now, SAN_DURATION_US(10));
		poll_iterate(b->poll, rig.now);
		while (poll_event_get(1, &ev) && ev.type != POLL_EV_CONN_EVENT)
			;
		if (ev.type == POLL_EV_CONN_EVENT && (ev.ev.bits & SDP_EV_DEAD) != 0)
			break;
	}
	assert_true(ev.ev.bits & SDP_EV_DEAD);
	assert_int_equal(ev.ev.err, SAN_EPROTO);
	assert_int_equal(ev.ev.violation, SDP_VIOLATION_MID);
	assert_int_equal(rig_count(b, POLL_COUNT_sdp_mid), 1);
}

static void
c15_strangers_never_reach_a_connection(void **state)
{
	struct rig_side *a = &rig.side[0], *b = &rig.side[1];
	uint8_t frame[SAN_FRAME_MAX];
	struct roce_path path = a->path;
	uint32_t len;

	(void)state;
	rig_connect(&rig, CONN, SLOT);
	len =
	    frame_build(frame, &path, 8u << 16 | CONN, ROCE_RC_SEND_ONLY); /* another generation */
	rig_inject(b, frame, len);
	len = frame_build(frame, &path, 7u << 16 | 21, ROCE_RC_SEND_ONLY);
	rig_inject(b, frame, len);
	len = frame_build(frame, &path, 7u << 16 | 60000, ROCE_RC_SEND_ONLY);
	rig_inject(b, frame, len);
	rig_step(&rig);
	assert_int_equal(rig_count(b, POLL_COUNT_rx_unknown_qp), 3);
	path.src = san_ip_v4(0x0a4d0063);
	len = frame_build(frame, &path, 7u << 16 | CONN, ROCE_RC_SEND_ONLY);
	rig_inject(b, frame, len);
	path = a->path;
	path.dst = san_ip_v4(0x0a4d0063);
	len = frame_build(frame, &path, 7u << 16 | CONN, ROCE_RC_SEND_ONLY);
	rig_inject(b, frame, len);
	rig_step(&rig);
	assert_int_equal(rig_count(b, POLL_COUNT_rx_wrong_peer), 2);
	path = a->path;
	path.vlan = 9;
	len = frame_build(frame, &path, 7u << 16 | CONN, ROCE_RC_SEND_ONLY);
	rig_inject(b, frame, len);
	len = frame_build(frame, &a->path, 5, ROCE_UD_SEND_ONLY);
	rig_inject(b, frame, len);
	len = frame_build(frame, &a->path, 1, ROCE_UD_SEND_ONLY);
	rig_inject(b, frame, len);
	frame[len - 1] ^= 1; /* ICRC */
	rig_inject(b, frame, len);
	memset(frame, 0, sizeof frame);
	rig_inject(b, frame, 64);
	rig_inject(b, frame, 9);
	rig_step(&rig);
	assert_int_equal(rig_count(b, POLL_COUNT_rx_vlan), 1);
	assert_int_equal(rig_count(b, POLL_COUNT_rx_ud), 1);
	assert_int_equal(rig_count(b, POLL_COUNT_rx_icrc), 1);
	assert_int_equal(rig_count(b, POLL_COUNT_rx_malformed), 2);
	assert_int_equal(b->events[POLL_EV_FRAME_RX], 1);
	/* The connection did not notice any of it. */
	assert_int_equal(rig_send(a, SLOT, data, 100), 100);
	rig_run(&rig, 10);
	assert_int_equal(rig_recv(b, SLOT, data, 1000), 100);
}

/* A driver that delivers zeros for ever: counted, and everybody else is served all the same. */
static void
test_net_null(void **state)
{
	struct port_params params = {
	    .name = "null", .device = "net_null0,copy=1", .mtu = 1500, .vlan = 0xffff};
	struct rig_side *a = &rig.side[0], *b = &rig.side[1];
	struct poll_cmd up = {.type = POLL_CMD_PORT_UP, .port = 2},
			down = {.type = POLL_CMD_PORT_DOWN, .port = 2};
	char why[PORT_WHY_MAX];

	(void)state;
	assert_int_equal(port_open(2, &params, why, sizeof why), 0);
	assert_int_equal(port_start(2), 0);
	rig_put(a, &up);
	rig_connect(&rig, CONN, SLOT);
	rig_send(a, SLOT, data, 5000);
	rig_run(&rig, 100);
	assert_in_range(
	    rig_count(a, POLL_COUNT_rx_malformed), 100 * POLL_RX_BURST, 102 * POLL_RX_BURST);
	assert_int_equal(rig_recv(b, SLOT, data, sizeof data), 5000);
	rig_put(a, &down);
	rig_step(&rig);
	assert_int_equal(a->last[POLL_EV_PORT_QUIET].port, 2);
	port_close(2);
	rig_run(&rig, 100);
	assert_int_equal(rig_wire_flags(a, SLOT), 0); /* another port's affair */
}

/* ---- waking ---- */

static void
test_wakes(void **state)
{
	struct rig_side *a = &rig.side[0], *b = &rig.side[1];
	struct shm_sock *k = &b->sock[SLOT];
	eventfd_t n = 0;

	(void)state;
	b->wake_fds[3] = eventfd(0, EFD_NONBLOCK);
	rig_connect(&rig, CONN, SLOT);
	rig_send(a, SLOT, data, 100);
	rig_run(&rig, 10);
	assert_int_equal(atomic_load(&k->wake_seq), 0); /* nobody waits */
	atomic_store(&k->waiters, SHM_WAIT_IN_FUTEX | SHM_WAIT_OUT_FUTEX | SHM_WAIT_IN_POLL);
	atomic_store(&k->poll_mask, 1u << 3 | 1u << 4);
	atomic_store(&b->region->wake[3].armed, 1);
	rig_send(a, SLOT, data, 50000);
	rig_run(&rig, 50);
	assert_int_equal(
	    atomic_load(&k->wake_seq), 1); /* once for many packets: it has not armed again */
	assert_int_equal(atomic_load(&k->waiters), SHM_WAIT_OUT_FUTEX);
	assert_int_equal(atomic_load(&b->region->wake[3].armed), 0);
	assert_int_equal(eventfd_read(b->wake_fds[3], &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(rig_count(b, POLL_COUNT_futex_wakes), 1);
	assert_int_equal(rig_count(b, POLL_COUNT_eventfd_wakes), 1);
	/* A sender that waits for room is told when a third of the ring is free, not before. */
	for (unsigned i = 0; i < 10000; i++) {
		rig_send(a, SLOT, data, RIG_TX_RING);
		rig_step(&rig);
	}
	atomic_store(&a->sock[SLOT].waiters, SHM_WAIT_OUT_FUTEX);
	rig_recv(b, SLOT, data, 15000);
	rig_run(&rig, 1000);
	assert_int_equal(atomic_load(&a->sock[SLOT].waiters), SHM_WAIT_OUT_FUTEX);
	rig_recv(b, SLOT, data, 15000);
	rig_run(&rig, 1000);
	assert_int_equal(atomic_load(&a->sock[SLOT].waiters), 0);
	close(b->wake_fds[3]);
}

static void
test_control_wake(void **state)
{
	struct rig_side *a = &rig.side[0];
	eventfd_t n;

	(void)state;
	assert_true(poll_control_sleeping(true));
	assert_int_not_equal(eventfd_read(poll_control_fd(), &n), 0);
	rig_flags(a, 3, SHM_APP_CLOSED);
	poll_iterate(a->poll, rig.now);
	assert_int_equal(eventfd_read(poll_control_fd(), &n), 0);
	assert_int_equal(rig_count(a, POLL_COUNT_control_wakes), 1);
	assert_true(poll_control_sleeping(false));
	assert_false(poll_control_sleeping(true)); /* there is an event: do not sleep */
	rig_flags(a, 4, SHM_APP_CLOSED);
	poll_iterate(a->poll, rig.now);
	assert_int_equal(rig_count(a, POLL_COUNT_control_wakes), 1); /* it is awake */
	assert_true(poll_control_sleeping(false));
}

/* ---- the end of a session, of a port ---- */

static void
test_session_del(void **state)
{
	struct rig_side *a = &rig.side[0];
	struct poll_cmd del = {.type = POLL_CMD_SESSION_DEL, .session.session = a->session};

	(void)state;
	for (uint32_t i = 0; i < 8; i++)
		rig_connect(&rig, CONN + i, i);
	for (uint32_t i = 0; i < 8; i++) {
		rig_send(a, i, data, 60000);
		rig_send(&rig.side[1], i, data, 60000);
		rig_ring(a, i);
	}
	rig_step(&rig);
	rig_put(a, &del);
	rig_step(&rig);
	assert_int_equal(a->events[POLL_EV_SESSION_GONE], 1);
	assert_int_equal(a->last[POLL_EV_SESSION_GONE].sock.session, a->session);
	/* From here on the region is not touched. */
	assert_int_equal(mprotect(a->region, a->region_bytes, PROT_NONE), 0);
	rig_run(&rig, 1000);
	assert_true(a->bits & SDP_EV_DEAD);
	for (uint32_t i = 0; i < 8; i++)
		conn_cmd(a, POLL_CMD_CONN_RELEASE, CONN + i);
	rig_run(&rig, 1000);
	assert_int_equal(a->events[POLL_EV_CONN_FREED], 8);
	assert_int_equal(poll_conn_count(0), 0);
	/* A second one, and one of a session that never was, are answered too. */
	rig_put(a, &del);
	rig_step(&rig);
	assert_int_equal(a->events[POLL_EV_SESSION_GONE], 2);
	assert_int_equal(mprotect(a->region, a->region_bytes, PROT_READ | PROT_WRITE), 0);
	memset(a->region, 0, a->region_bytes);
	rig_session_add(a);
	rig_step(&rig);
	rig_flags(a, 1, SHM_APP_CLOSED);
	rig_step(&rig);
	assert_int_equal(a->events[POLL_EV_SOCK_FLAGS], 1);
}

static void
test_port_down(void **state)
{
	struct rig_side *a = &rig.side[0];
	struct poll_cmd down = {.type = POLL_CMD_PORT_DOWN, .port = 0};
	struct poll_cmd open = rig_conn_open(&rig, 0, CONN + 1, SLOT + 1),
			tx = {.type = POLL_CMD_FRAME_TX};

	(void)state;
	rig_connect(&rig, CONN, SLOT);
	rig_send(a, SLOT, data, 60000);
	rig_put(a, &down);
	rig_run(&rig, 10);
	assert_int_equal(a->events[POLL_EV_PORT_QUIET], 1);
	assert_int_equal(a->err, SAN_ENETDOWN);
	assert_int_equal(atomic_load(&a->sock[SLOT].wire_err), SAN_ENETDOWN);
	rig_put(a, &open);
	tx.frame = frame_alloc();
	frame_set_len(tx.frame, 60);
	rig_put(a, &tx);
	rig_step(&rig);
	assert_int_equal(a->last[POLL_EV_CONN_OPENED].ev.err, SAN_ENETDOWN);
	assert_int_equal(rig_count(a, POLL_COUNT_tx_dropped), 1);
	assert_int_equal(rig_count(a, POLL_COUNT_conns_refused), 1);
}

static void
test_open_refused(void **state)
{
	struct rig_side *a = &rig.side[0];
	struct poll_cmd open = rig_conn_open(&rig, 0, CONN, SLOT), bad;

	(void)state;
	rig_connect(&rig, CONN, SLOT);
#define REFUSED(field, value, error)                                          \
	do {                                                                  \
		bad = rig_conn_open(&rig, 0, CONN + 1, SLOT + 1);             \
		bad.field = (value);                                          \
		rig_put(a, &bad);                                             \
		rig_step(&rig);                                               \
		assert_int_equal(a->last[POLL_EV_CONN_OPENED].ev.err, error); \
	} while (0)
	rig_put(a, &open); /* index and slot in use */
	rig_step(&rig);
	assert_int_equal(a->last[POLL_EV_CONN_OPENED].ev.err, SAN_EEXIST);
	REFUSED(open.sock.slot, SLOT, SAN_EEXIST);
	REFUSED(open.sock.slot, RIG_SOCKS, SAN_EINVAL);
	REFUSED(open.sock.session, 200, SAN_EINVAL);
	REFUSED(open.open.qpn, 7u << 16 | 99, SAN_EINVAL);
	REFUSED(conn, 3, SAN_EINVAL);
	REFUSED(conn, 70000, SAN_EINVAL);
	REFUSED(port, 12, SAN_EINVAL);
	REFUSED(port, 1, SAN_ENETDOWN);
	REFUSED(open.open.pmtu, 77, SAN_EINVAL);
#undef REFUSED
	assert_int_equal(poll_conn_count(0), 1);
}

static void
test_keepalive(void **state)
{
	struct rig_side *a = &rig.side[0];

	(void)state;
	rig_connect(&rig, CONN, SLOT);
	rig_flags(a, SLOT, SHM_APP_KEEPALIVE);
	rig_run(&rig, 100);
	for (unsigned i = 0; i < 700; i++) { /* 7 s in big steps */
		rig.now.ns += 10000000;
		rig_step(&rig);
	}
	assert_int_equal(rig_count(a, POLL_COUNT_keepalives), 2);
	assert_int_equal(rig_wire_flags(a, SLOT), 0);
}

static void
test_shut_rd(void **state)
{
	struct rig_side *a = &rig.side[0], *b = &rig.side[1];
	uint32_t sent = 0;

	(void)state;
	rig_connect(&rig, CONN, SLOT);
	rig_send(a, SLOT, data, 100);
	rig_run(&rig, 10);
	rig_flags(b, SLOT, SHM_APP_SHUT_RD);
	rig_run(&rig, 10);
	assert_int_equal(
	    rig_recv(b, SLOT, data, sizeof data), 100); /* what was there stays there */
	rig_flags(b, SLOT, SHM_APP_SHUT_RD);
	for (unsigned i = 0; i < 2000 && sent < 1000000; i++) {
		sent += rig_send(a, SLOT, data, 60000);
		rig_step(&rig);
	}
	assert_true(sent >= 1000000); /* the sender is not held up */
	assert_int_equal(rig_recv(b, SLOT, data, sizeof data), 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, open_rig, close_rig)

int
main(void)
{
	const struct CMUnitTest tests[] = {T(test_orderly_end), T(test_release_before_dead),
	    T(test_peer_vanishes), T(test_hostile_tx_more_than_ring), T(test_hostile_tx_backwards),
	    T(test_hostile_rx_ahead), T(test_hostile_rx_backwards), T(test_daemon_words_scribbled),
	    T(test_doorbells_without_cause), T(test_stale_generation), T(test_mailbox),
	    T(test_event_ring_full), T(test_protocol_broken),
	    T(c15_strangers_never_reach_a_connection), T(test_net_null), T(test_wakes),
	    T(test_control_wake), T(test_session_del), T(test_port_down), T(test_open_refused),
	    T(test_keepalive), T(test_shut_rd)};
	int failed;

	rig_start();
	failed = cmocka_run_group_tests_name("rules", tests, NULL, NULL);
	rig_stop();
	return failed;
}
