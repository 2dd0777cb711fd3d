/* SPDX-License-Identifier: BSD-3-Clause */
/* The whole control thread against scripted programs: true UNIX socket, true regions, true CM and
 * neighbour engines; the poll thread is fake_poll.c. Both ends of a connection are programs of this
 * daemon, through its own address. */
#include "test.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon_life.h"
#include "daemon_priv.h"
#include "fake_poll.h"
#include "log.h"
#include "prog.h"
#include "san_err.h"
#include "view.h"

#define OWN    "10.77.0.1"
#define NOBODY "10.77.0.9"
#define WAIT   2000u
#define PORT   5001

static struct daemon *d;
static char dir[64], path[80];
static struct prog a, b;

static struct san_config
config(void)
{
	struct san_config c = {
	    .name = "test",
	    .profile = CONFIG_PROFILE_BALANCED,
	    .sockets_per_program = 64,
	    .sessions_max = 8,
	    .sessions_per_user = 8,
	    .connections_max = 64,
	    .tx_ring_bytes = 65536,
	    .rx_ring_bytes = 65536,
	    .connect_timeout_ms = 400,
	    .retry_count = 7,
	    .dreq_interval_ms = 50,
	    .dreq_retries = 3,
	    .timewait_ms = 20,
	    .port_count = 1,
	    .rule_count = 1,
	};

	snprintf(c.port[0].name, sizeof c.port[0].name, "p0");
	snprintf(c.port[0].device, sizeof c.port[0].device, "fake");
	san_ip_parse(OWN, &c.port[0].addr[0].ip);
	c.port[0].addr[0].bits = 120;
	c.port[0].addr_count = 1;
	c.port[0].mtu = 1500;
	c.port[0].vlan = 0xffff;
	c.rule[0].net = c.port[0].addr[0].ip;
	c.rule[0].bits = 120;
	c.rule[0].port_hi = 65535;
	c.rule[0].action = SHM_ACTION_SAN;
	c.rule[0].role = 3;
	return c;
}

static void
pump(void *arg)
{
	(void)arg;
	daemon_turn(d, san_time_add(loop_now(), SAN_DURATION_MS(1)));
}

static int
daemon_up(void **state)
{
	struct san_config c = config();
	char why[256];

	(void)state;
	log_level_set(LOG_LEVEL_ERROR);
	snprintf(dir, sizeof dir, "/tmp/sand-test.XXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(path, sizeof path, "%s/sand.sock", dir);
	assert_int_equal(daemon_create(&c, &d), 0);
	assert_int_equal(pollers_open(d), 0);
	assert_int_equal(pollers_launch(d), 0);
	assert_int_equal(ports_open(d, why, sizeof why), 0);
	assert_int_equal(attach_server_open(d, path, 0600), 0);
	a = b = (struct prog){.fd = -1, .memfd = -1, .pump = pump};
	assert_true(prog_attach(&a, path, "alpha"));
	assert_true(prog_attach(&b, path, "beta"));
	return 0;
}

static int
daemon_down(void **state)
{
	(void)state;
	prog_die(&a);
	prog_die(&b);
	daemon_stop(d);
	assert_int_equal(d->session_count, 0);
	assert_int_equal(d->sock_count, 0);
	assert_int_equal(fake_poll_conns(), 0);
	daemon_destroy(d);
	assert_int_equal(fake_poll_frames, 0);
	rmdir(dir);
	return 0;
}

/* Run the daemon until nothing is left to wait for but long timers. */
static void
settle(uint32_t ms)
{
	uint64_t until = prog_now_ms() + ms;

	while (prog_now_ms() < until)
		pump(NULL);
}

static bool
all_freed(uint32_t ms)
{
	uint64_t until = prog_now_ms() + ms;

	while ((d->sock_count > 0 || d->conns.free_count < d->conns.size) && prog_now_ms() < until)
		pump(NULL);
	return d->sock_count == 0 && d->conns.free_count == d->conns.size && fake_poll_conns() == 0;
}

/* A listener of b, a connection of a to it, accepted by b. */
static void
pair(int *listener, int *client, int *server)
{
	*listener = prog_sock_listen(&b, OWN, PORT, 4);
	assert_true(prog_sync(&b, (uint32_t)*listener));
	assert_int_equal(prog_state(&b, (uint32_t)*listener), SHM_STATE_LISTENING);
	*client = prog_sock_connect(&a, OWN, PORT);
	assert_true(prog_sync(&a, (uint32_t)*client));
	assert_int_equal(prog_wait_connect(&a, (uint32_t)*client, WAIT), 0);
	*server = prog_accept(&b, (uint32_t)*listener, WAIT);
	assert_true(*server >= (int)b.map.socks / 2);
	assert_int_equal(prog_state(&b, (uint32_t)*server), SHM_STATE_CONNECTED);
}

static void
close_look(struct prog *p, int slot, uint32_t flags)
{
	prog_close(p, (uint32_t)slot, flags);
	(void)prog_sync(p, (uint32_t)slot);
}

/* --- attaching -------------------------------------------------------------------------------- */

static void
attach__region_says_what_the_config_says(void **state)
{
	(void)state;
	assert_int_equal(a.map.socks, 128);
	assert_int_equal(a.map.tx_ring_bytes, 65536);
	assert_int_equal(a.map.region->rule_count, 1);
	assert_int_equal(a.map.region->rules[0].action, SHM_ACTION_SAN);
	assert_int_equal(a.map.region->local_count, 1);
	assert_int_equal(a.map.region->locals[0].family, AF_INET);
	assert_int_not_equal(a.map.session, b.map.session);
	assert_int_equal(d->count.attaches, 2);
}

static void
attach__other_version_is_refused_and_hung_up(void **state)
{
	struct prog p = {.pump = pump};
	struct proto_msg m;

	(void)state;
	assert_true(prog_connect(&p, path));
	m = prog_msg(&p, PROTO_ATTACH);
	m.version = PROTO_VERSION + 1;
	prog_send(&p, &m, sizeof m);
	assert_true(prog_receive(&p, &m));
	assert_int_equal(m.type, PROTO_REFUSED);
	assert_true(strlen(m.text) > 10);
	assert_true(prog_hung_up(&p));
	assert_int_equal(d->count.refused_version, 1);
	prog_die(&p);
}

static void
attach__hostile_messages_end_only_their_sender(void **state)
{
	struct proto_msg good = prog_msg(&a, PROTO_SYNC), m;
	uint8_t noise[256];

	(void)state;
	memset(noise, 0x5a, sizeof noise);
	for (size_t len = 1; len < sizeof noise; len += 17) {
		struct prog p = {.pump = pump};

		assert_true(prog_connect(&p, path));
		prog_send(&p, (struct proto_msg *)(void *)noise, len);
		assert_true(prog_hung_up(&p));
		prog_die(&p);
	}
	m = good;
	m.arg = 1u << 20; /* no such slot */
	prog_send(&b, &m, sizeof m);
	assert_true(prog_hung_up(&b));
	assert_true(prog_sync(&a, 0));
}

static void
attach__first_message_must_be_attach_or_fork(void **state)
{
	struct prog p = {.pump = pump};
	struct proto_msg m;

	(void)state;
	assert_true(prog_connect(&p, path));
	m = prog_msg(&p, PROTO_WAKE_NEW);
	prog_send(&p, &m, sizeof m);
	assert_true(prog_hung_up(&p));
	assert_int_equal(d->count.hostile_messages, 1);
	prog_die(&p);
}

static void
attach__sessions_are_limited_per_daemon(void **state)
{
	struct prog p[8];
	int ok = 0;

	(void)state;
	for (int i = 0; i < 8; i++) {
		p[i] = (struct prog){.pump = pump};
		ok += prog_attach(&p[i], path, "many");
	}
	assert_int_equal(ok, 6); /* a and b have two of the eight */
	for (int i = 0; i < 8; i++)
		prog_die(&p[i]);
	settle(30);
	assert_int_equal(d->session_count, 2);
	assert_int_equal(d->count.refused_sessions, 2);
}

static void
wake__objects_are_given_out_up_to_the_limit(void **state)
{
	struct proto_msg m;

	(void)state;
	for (uint32_t i = 0; i <= SAN_WAKES_MAX; i++) {
		m = prog_msg(&a, PROTO_WAKE_NEW);
		prog_send(&a, &m, sizeof m);
		assert_true(prog_receive(&a, &m));
		if (i == SAN_WAKES_MAX) {
			assert_int_equal(m.type, PROTO_REFUSED);
			break;
		}
		assert_int_equal(m.type, PROTO_WAKE_OK);
		assert_int_equal(m.arg, i);
		close(a.doorbell[SAN_POLLS_MAX - 1]);
	}
	m = prog_msg(&a, PROTO_WAKE_FREE);
	m.arg = 5;
	prog_send(&a, &m, sizeof m);
	m = prog_msg(&a, PROTO_WAKE_NEW);
	prog_send(&a, &m, sizeof m);
	assert_true(prog_receive(&a, &m));
	assert_int_equal(m.arg, 5);
	close(a.doorbell[SAN_POLLS_MAX - 1]);
}

/* --- connecting ------------------------------------------------------------------------------- */

static void
connect__both_ends_meet(void **state)
{
	int l, c, s;
	struct shm_sock *kc, *ks;
	struct fake_conn *fc, *fs;

	(void)state;
	pair(&l, &c, &s);
	kc = prog_slot(&a, (uint32_t)c);
	ks = prog_slot(&b, (uint32_t)s);
	assert_memory_equal(&kc->ctl_local, &ks->ctl_peer, sizeof kc->ctl_local);
	assert_memory_equal(&kc->ctl_peer, &ks->ctl_local, sizeof kc->ctl_local);
	assert_int_equal(kc->ctl_peer.port, PORT);
	assert_in_range(kc->ctl_local.port, PORTNUM_EPHEMERAL_LO, PORTNUM_EPHEMERAL_HI);
	fc = fake_poll_conn(16);
	fs = fake_poll_conn(17);
	if (fc->sock.slot != (uint32_t)c) {
		struct fake_conn *t = fc;

		fc = fs;
		fs = t;
	}
	assert_int_equal(fc->peer_qpn, fs->qpn);
	assert_int_equal(fs->peer_qpn, fc->qpn);
	assert_int_equal(fc->sq_psn, fs->rq_psn);
	assert_int_equal(fs->sq_psn, fc->rq_psn);
	assert_int_equal(fc->pmtu, 1024);
	assert_int_equal(fc->peer_credits, fs->credits);
	assert_int_equal(d->count.accepts, 1);
	assert_int_equal(d->count.connects_ok, 1);
}

static void
connect__nobody_listens(void **state)
{
	int c = prog_sock_connect(&a, OWN, PORT);

	(void)state;
	assert_true(prog_sync(&a, (uint32_t)c));
	assert_int_equal(prog_wait_connect(&a, (uint32_t)c, WAIT), SAN_ENOLISTENER);
	assert_int_equal(d->count.rej_no_listener, 1);
	close_look(&a, c, 0);
	assert_true(all_freed(WAIT));
}

static void
connect__backlog_full_is_refused(void **state)
{
	int l = prog_sock_listen(&b, OWN, PORT, 0), c[2];

	(void)state;
	assert_true(prog_sync(&b, (uint32_t)l));
	for (int i = 0; i < 2; i++) {
		c[i] = prog_sock_connect(&a, OWN, PORT);
		assert_true(prog_sync(&a, (uint32_t)c[i]));
		assert_int_equal(
		    prog_wait_connect(&a, (uint32_t)c[i], WAIT), i == 0 ? 0 : SAN_ECONNREFUSED);
	}
	assert_int_equal(d->count.rej_backlog, 1);
	assert_true(prog_accept(&b, (uint32_t)l, WAIT) > 0);
	c[1] = prog_sock_connect(&a, OWN, PORT);
	assert_true(prog_sync(&a, (uint32_t)c[1]));
	assert_int_equal(prog_wait_connect(&a, (uint32_t)c[1], WAIT), 0);
}

static void
connect__silent_neighbour_times_out_on_time(void **state)
{
	int c = prog_sock_connect(&a, NOBODY, PORT);
	uint64_t start = prog_now_ms(), took;

	(void)state;
	assert_true(prog_sync(&a, (uint32_t)c));
	assert_int_equal(prog_wait_connect(&a, (uint32_t)c, WAIT), SAN_ETIMEDOUT);
	took = prog_now_ms() - start;
	assert_in_range(took, 390, 600);
	assert_int_equal(d->count.connects_timedout, 1);
	close_look(&a, c, 0);
	assert_true(all_freed(WAIT));
}

static void
connect__silent_peer_times_out_on_time(void **state)
{
	uint64_t start = prog_now_ms(), took;
	int c;

	(void)state;
	fake_poll_lose = true;
	c = prog_sock_connect(&a, OWN, PORT);
	assert_true(prog_sync(&a, (uint32_t)c));
	assert_int_equal(prog_wait_connect(&a, (uint32_t)c, WAIT), SAN_ETIMEDOUT);
	took = prog_now_ms() - start;
	assert_in_range(took, 390, 600);
	/* the REQ was repeated meanwhile */
	assert_true(cm_counters(d->netio.cm)->req_tx >= 3);
	close_look(&a, c, 0);
	assert_true(all_freed(WAIT));
}

static void
connect__lost_frames_only_delay(void **state)
{
	int l = prog_sock_listen(&b, OWN, PORT, 4), c;

	(void)state;
	assert_true(prog_sync(&b, (uint32_t)l));
	fake_poll_lose = true;
	c = prog_sock_connect(&a, OWN, PORT);
	assert_true(prog_sync(&a, (uint32_t)c));
	settle(20);
	fake_poll_lose = false;
	assert_int_equal(prog_wait_connect(&a, (uint32_t)c, WAIT), 0);
}

static void
connect__no_route(void **state)
{
	int c = prog_sock_connect(&a, "192.0.2.1", PORT);

	(void)state;
	assert_true(prog_sync(&a, (uint32_t)c));
	assert_int_equal(prog_wait_connect(&a, (uint32_t)c, WAIT), SAN_ENETUNREACH);
}

static void
connect__poll_thread_without_room(void **state)
{
	int l = prog_sock_listen(&b, OWN, PORT, 4), c;

	(void)state;
	assert_true(prog_sync(&b, (uint32_t)l));
	fake_poll_refuse = true;
	c = prog_sock_connect(&a, OWN, PORT);
	assert_true(prog_sync(&a, (uint32_t)c));
	assert_int_not_equal(prog_wait_connect(&a, (uint32_t)c, WAIT), 0);
	fake_poll_refuse = false;
	close_look(&a, c, 0);
	close_look(&b, l, 0);
	assert_true(all_freed(WAIT));
}

/* Close it after each number of loop turns: every stage of the handshake gets its cancellation. */
static void
connect__closed_at_any_moment(void **state)
{
	int l = prog_sock_listen(&b, OWN, PORT, 4);

	(void)state;
	assert_true(prog_sync(&b, (uint32_t)l));
	for (int turns = 0; turns < 12; turns++) {
		int c = prog_sock_connect(&a, OWN, PORT);

		assert_true(c >= 0);
		(void)prog_sync(&a, (uint32_t)c);
		for (int i = 0; i < turns; i++)
			pump(NULL);
		close_look(&a, c, turns % 2 == 0 ? SHM_APP_ABORT : 0);
		settle(5);
	}
	close_look(&b, l, 0);
	assert_true(all_freed(WAIT));
	assert_int_equal(d->netio.cm == NULL ? 1 : cm_count(d->netio.cm), 0);
}

static void
connect__closed_while_the_poll_thread_opens(void **state)
{
	int l = prog_sock_listen(&b, OWN, PORT, 4), c;

	(void)state;
	assert_true(prog_sync(&b, (uint32_t)l));
	fake_poll_hold = true;
	c = prog_sock_connect(&a, OWN, PORT);
	assert_true(prog_sync(&a, (uint32_t)c));
	settle(10);
	close_look(&a, c, 0);
	close_look(&b, l, 0);
	settle(10);
	fake_poll_unhold();
	assert_true(all_freed(WAIT));
}

/* --- commands --------------------------------------------------------------------------------- */

static void
command__wrong_ones_are_counted(void **state)
{
	struct shm_addr peer = prog_addr(OWN, PORT);
	uint32_t own = (uint32_t)prog_take(&a), upper = a.map.socks / 2 + 3;

	(void)state;
	prog_command(&a, own, (enum shm_cmd)77, 0, NULL, &peer);
	assert_true(prog_sync(&a, own));
	prog_command(&a, upper, SHM_CMD_CONNECT, 0, NULL, &peer);
	assert_true(prog_sync(&a, upper));
	assert_int_equal(d->count.bad_commands, 2);
	assert_int_equal(atomic_load(&prog_slot(&a, own)->cmd_done), 1);
}

static void
command__runs_once_per_number(void **state)
{
	int l = prog_sock_listen(&b, OWN, PORT, 4);

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_true(prog_sync(&b, (uint32_t)l));
	assert_int_equal(d->count.listens, 1);
	assert_int_equal(d->count.bad_commands, 0);
}

static void
listen__address_rules(void **state)
{
	int first = prog_sock_listen(&b, OWN, PORT, 4), other, foreign, same, any;

	(void)state;
	assert_true(prog_sync(&b, (uint32_t)first));
	other = prog_sock_listen(&a, OWN, PORT, 4);
	assert_true(prog_sync(&a, (uint32_t)other));
	assert_int_equal(prog_wait_connect(&a, (uint32_t)other, 0), SAN_EAGAIN);
	assert_int_equal(prog_state(&a, (uint32_t)other), SHM_STATE_FAILED);
	assert_int_equal(atomic_load(&prog_slot(&a, (uint32_t)other)->ctl_err), SAN_EADDRINUSE);
	foreign = prog_sock_listen(&a, "10.77.0.2", PORT, 4);
	assert_true(prog_sync(&a, (uint32_t)foreign));
	assert_int_equal(
	    atomic_load(&prog_slot(&a, (uint32_t)foreign)->ctl_err), SAN_EADDRNOTAVAIL);
	same = prog_sock_listen(&b, OWN, PORT, 4);
	assert_true(prog_sync(&b, (uint32_t)same));
	assert_int_equal(prog_state(&b, (uint32_t)same), SHM_STATE_LISTENING);
	any = prog_sock_listen(&a, "0.0.0.0", 0, 4);
	assert_true(prog_sync(&a, (uint32_t)any));
	assert_int_equal(prog_state(&a, (uint32_t)any), SHM_STATE_LISTENING);
	assert_in_range(prog_slot(&a, (uint32_t)any)->ctl_local.port, PORTNUM_EPHEMERAL_LO,
	    PORTNUM_EPHEMERAL_HI);
}

static void
listen__wildcard_takes_connections(void **state)
{
	int l = prog_sock_listen(&b, "::", PORT, 4), c;

	(void)state;
	assert_true(prog_sync(&b, (uint32_t)l));
	c = prog_sock_connect(&a, OWN, PORT);
	assert_true(prog_sync(&a, (uint32_t)c));
	assert_int_equal(prog_wait_connect(&a, (uint32_t)c, WAIT), 0);
}

/* --- closing ---------------------------------------------------------------------------------- */

static void
close__frees_both_ends(void **state)
{
	int l, c, s;
	uint32_t gen_c, gen_s;

	(void)state;
	pair(&l, &c, &s);
	gen_c = prog_gen(&a, (uint32_t)c);
	gen_s = prog_gen(&b, (uint32_t)s);
	close_look(&a, c, 0);
	assert_true(prog_wait_freed(&a, (uint32_t)c, gen_c, WAIT));
	/* the peer is long gone, but its own program still has the socket: nothing of it is freed
	 */
	settle(50);
	assert_int_equal(prog_gen(&b, (uint32_t)s), gen_s);
	close_look(&b, s, 0);
	assert_true(prog_wait_freed(&b, (uint32_t)s, gen_s, WAIT));
	close_look(&b, l, 0);
	assert_true(all_freed(WAIT));
	assert_int_equal(prog_state(&a, (uint32_t)c), SHM_STATE_FREE);
	assert_int_equal(d->count.illegal_app_events, 0);
}

static void
close__abort_reaches_the_poll_thread(void **state)
{
	int l, c, s;

	(void)state;
	pair(&l, &c, &s);
	close_look(&a, c, SHM_APP_ABORT);
	assert_int_equal(d->count.closes_abort, 1);
	close_look(&b, s, 0);
	close_look(&b, l, 0);
	assert_true(all_freed(WAIT));
}

static void
close__waits_for_upcalls(void **state)
{
	int l, c, s;
	uint32_t gen;

	(void)state;
	pair(&l, &c, &s);
	gen = prog_gen(&a, (uint32_t)c);
	atomic_fetch_or(&prog_slot(&a, (uint32_t)c)->app_flags, SHM_APP_CLOSED);
	assert_true(prog_sync(&a, (uint32_t)c));
	settle(150);
	assert_int_equal(prog_gen(&a, (uint32_t)c), gen);
	prog_unhold(&a, (uint32_t)c);
	assert_true(prog_wait_freed(&a, (uint32_t)c, gen, WAIT));
}

static void
close__broken_connection_stays_until_closed(void **state)
{
	int l, c, s;
	uint32_t gen;

	(void)state;
	pair(&l, &c, &s);
	gen = prog_gen(&a, (uint32_t)c);
	fake_poll_die(16, SAN_ETIMEDOUT);
	fake_poll_die(17, SAN_ETIMEDOUT);
	settle(50);
	assert_int_equal(prog_gen(&a, (uint32_t)c), gen);
	close_look(&a, c, 0);
	assert_true(prog_wait_freed(&a, (uint32_t)c, gen, WAIT));
	close_look(&b, s, 0);
	close_look(&b, l, 0);
	assert_true(all_freed(WAIT));
}

static void
close__before_any_command(void **state)
{
	uint32_t slot = (uint32_t)prog_take(&a), gen = prog_gen(&a, slot);

	(void)state;
	prog_close(&a, slot, 0);
	assert_true(prog_sync(&a, slot));
	assert_int_equal(prog_gen(&a, slot), gen + 1);
	assert_int_equal(atomic_load(&prog_slot(&a, slot)->app_flags), 0);
}

static void
close__listener_resets_unaccepted_children(void **state)
{
	int l = prog_sock_listen(&b, OWN, PORT, 4), c[3];

	(void)state;
	assert_true(prog_sync(&b, (uint32_t)l));
	for (int i = 0; i < 3; i++) {
		c[i] = prog_sock_connect(&a, OWN, PORT);
		assert_true(prog_sync(&a, (uint32_t)c[i]));
		assert_int_equal(prog_wait_connect(&a, (uint32_t)c[i], WAIT), 0);
	}
	settle(10);
	assert_int_equal(d->count.accepts, 3);
	assert_int_equal(prog_accept(&b, (uint32_t)l, WAIT) > 0, 1);
	close_look(&b, l, 0);
	settle(20);
	/* the two that nobody accepted, and not the third */
	assert_int_equal(d->count.closes_abort, 2);
	for (int i = 0; i < 3; i++)
		close_look(&a, c[i], 0);
}

static void
close__slot_memory_returns(void **state)
{
	static uint8_t junk[65536];
	uint64_t before;
	int l, c, s;

	(void)state;
	pair(&l, &c, &s);
	before = region_resident_bytes(&d->session[a.map.session]->region);
	memset(junk, 1, sizeof junk);
	assert_int_equal(prog_write(&a, (uint32_t)c, junk, sizeof junk), sizeof junk);
	assert_true(region_resident_bytes(&d->session[a.map.session]->region) >= before + 65536);
	close_look(&a, c, SHM_APP_ABORT);
	close_look(&b, s, 0);
	close_look(&b, l, 0);
	assert_true(all_freed(WAIT));
	assert_true(region_resident_bytes(&d->session[a.map.session]->region) <= before);
}

static void
close__many_cycles_leave_nothing(void **state)
{
	int l = prog_sock_listen(&b, OWN, PORT, 4);

	(void)state;
	assert_true(prog_sync(&b, (uint32_t)l));
	for (int i = 0; i < 300; i++) {
		int c = prog_sock_connect(&a, OWN, PORT), s;

		assert_true(c >= 0);
		assert_true(prog_sync(&a, (uint32_t)c));
		assert_int_equal(prog_wait_connect(&a, (uint32_t)c, WAIT), 0);
		s = prog_accept(&b, (uint32_t)l, WAIT);
		assert_true(s > 0);
		close_look(i % 2 ? &a : &b, i % 2 ? c : s, i % 3 == 0 ? SHM_APP_ABORT : 0);
		close_look(i % 2 ? &b : &a, i % 2 ? s : c, 0);
		if (i % 16 == 0)
			settle(40); /* time-wait */
	}
	close_look(&b, l, 0);
	assert_true(all_freed(WAIT));
}

/* --- death ------------------------------------------------------------------------------------ */

static void
death__closes_what_only_the_dead_held(void **state)
{
	int l, c, s;

	(void)state;
	pair(&l, &c, &s);
	prog_die(&a);
	settle(50);
	assert_int_equal(d->session_count, 1);
	assert_int_equal(d->count.closes_died, 1);
	/* a closed in order: nothing was unread */
	assert_int_equal(d->count.closes_graceful, 1);
	close_look(&b, s, 0);
	close_look(&b, l, 0);
	assert_true(all_freed(WAIT));
}

static void
death__with_unread_data_resets(void **state)
{
	int l, c, s;

	(void)state;
	pair(&l, &c, &s);
	atomic_store(&prog_slot(&a, (uint32_t)c)->rx_tail, 10); /* as if the peer had written */
	prog_die(&a);
	settle(20);
	assert_int_equal(d->count.closes_abort, 1);
}

static void
death__of_a_listening_program_resets_the_queue(void **state)
{
	int l = prog_sock_listen(&b, OWN, PORT, 4), c;

	(void)state;
	assert_true(prog_sync(&b, (uint32_t)l));
	c = prog_sock_connect(&a, OWN, PORT);
	assert_true(prog_sync(&a, (uint32_t)c));
	assert_int_equal(prog_wait_connect(&a, (uint32_t)c, WAIT), 0);
	prog_die(&b);
	settle(50);
	assert_int_equal(d->session_count, 1);
	close_look(&a, c, 0);
	assert_true(all_freed(WAIT));
}

static void
fork__child_keeps_what_the_parent_held(void **state)
{
	struct prog child = {.fd = -1};
	int l, c, s;
	uint32_t gen;

	(void)state;
	pair(&l, &c, &s);
	gen = prog_gen(&a, (uint32_t)c);
	assert_true(prog_fork(&child, &a, path));
	prog_die(&a);
	settle(30);
	assert_int_equal(d->count.closes_died, 0);
	assert_int_equal(prog_gen(&child, (uint32_t)c), gen);
	assert_int_equal(prog_state(&child, (uint32_t)c), SHM_STATE_CONNECTED);
	prog_die(&child);
	settle(30);
	assert_int_equal(d->count.closes_died, 1);
}

static void
fork__from_nobody_is_refused(void **state)
{
	struct prog child = {.fd = -1}, parent = a;

	(void)state;
	parent.attach = 200;
	assert_false(prog_fork(&child, &parent, path));
	assert_int_equal(d->count.hostile_messages, 1);
	prog_die(&child);
}

static void
death__slot_taken_and_never_used(void **state)
{
	struct prog child = {.fd = -1};
	uint32_t slot;

	(void)state;
	assert_true(prog_fork(&child, &a, path));
	slot = (uint32_t)prog_take(&child);
	prog_die(&child);
	settle(20);
	assert_int_equal(atomic_load(&prog_slot(&a, slot)->app_flags), 0);
}

static void
stop__tells_programs(void **state)
{
	int l, c, s;

	(void)state;
	pair(&l, &c, &s);
	daemon_stop(d);
	assert_int_equal(atomic_load(&a.map.region->daemon_gone), 1);
	assert_true(prog_hung_up(&a));
	assert_int_equal(d->session_count, 0);
}

/* --- views ------------------------------------------------------------------------------------ */

static void
view__shows_what_is_there(void **state)
{
	struct view_socket vs;
	struct view_listener vl;
	struct view_session ve;
	struct view_counter vc;
	struct view_memory vm;
	uint32_t cursor = 0, sockets = 0, rows = 0;
	int l, c, s;

	(void)state;
	pair(&l, &c, &s);
	while (view_socket_next(d, &cursor, &vs)) {
		assert_string_equal(vs.app_state, "ATTACHED");
		assert_string_equal(vs.wire_state, "OPEN");
		assert_int_equal(vs.pid, getpid());
		sockets++;
	}
	assert_int_equal(sockets, 2);
	cursor = 0;
	assert_true(view_listener_next(d, &cursor, &vl));
	assert_int_equal(vl.accepted, 1);
	assert_string_equal(vl.program, "beta");
	assert_false(view_listener_next(d, &cursor, &vl));
	cursor = 0;
	assert_true(view_session_next(d, &cursor, &ve));
	assert_int_equal(ve.pid_count, 1);
	cursor = 0;
	while (view_memory_next(d, &cursor, &vm))
		rows++;
	assert_int_equal(rows, 9);
	daemon_stats_clear(d);
	cursor = 0;
	while (view_counter_next(d, &cursor, &vc))
		assert_int_equal(vc.value, 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, daemon_up, daemon_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    T(attach__region_says_what_the_config_says),
	    T(attach__other_version_is_refused_and_hung_up),
	    T(attach__hostile_messages_end_only_their_sender),
	    T(attach__first_message_must_be_attach_or_fork),
	    T(attach__sessions_are_limited_per_daemon),
	    T(wake__objects_are_given_out_up_to_the_limit),
	    T(connect__both_ends_meet),
	    T(connect__nobody_listens),
	    T(connect__backlog_full_is_refused),
	    T(connect__silent_neighbour_times_out_on_time),
	    T(connect__silent_peer_times_out_on_time),
	    T(connect__lost_frames_only_delay),
	    T(connect__no_route),
	    T(connect__poll_thread_without_room),
	    T(connect__closed_at_any_moment),
	    T(connect__closed_while_the_poll_thread_opens),
	    T(command__wrong_ones_are_counted),
	    T(command__runs_once_per_number),
	    T(listen__address_rules),
	    T(listen__wildcard_takes_connections),
	    T(close__frees_both_ends),
	    T(close__abort_reaches_the_poll_thread),
	    T(close__waits_for_upcalls),
	    T(close__broken_connection_stays_until_closed),
	    T(close__before_any_command),
	    T(close__listener_resets_unaccepted_children),
	    T(close__slot_memory_returns),
	    T(close__many_cycles_leave_nothing),
	    T(death__closes_what_only_the_dead_held),
	    T(death__with_unread_data_resets),
	    T(death__of_a_listening_program_resets_the_queue),
	    T(death__slot_taken_and_never_used),
	    T(fork__child_keeps_what_the_parent_held),
	    T(fork__from_nobody_is_refused),
	    T(stop__tells_programs),
	    T(view__shows_what_is_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
