/* SPDX-License-Identifier: BSD-3-Clause */
/* Programs: how they attach, what they may say, what the operator sees of them. */
#include "net.h"
#include "rig.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "log.h"
#include "san_err.h"
#include "view.h"

/* --- attaching -------------------------------------------------------------------------------- */

static void
attach__region_says_what_the_config_says(void **state)
{
	struct shm_net net;

	(void)state;
	assert_int_equal(a.map.socks, 128);
	assert_int_equal(a.map.tx_ring_bytes, 65536);
	(void)shm_net_read(a.map.region, &net);
	assert_int_equal(net.rule_count, 1);
	assert_int_equal(net.rules[0].action, SHM_ACTION_SAN);
	assert_int_equal(net.local_count, 1);
	assert_int_equal(net.locals[0].family, AF_INET);
	assert_int_not_equal(a.map.session, b.map.session);
	assert_int_equal(d->count.attaches, 2);
}

static void
attach__other_version_is_refused_and_hung_up(void **state)
{
	struct prog p = {.pump = rig_pump};
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
		struct prog p = {.pump = rig_pump};

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
	struct prog p = {.pump = rig_pump};
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
		p[i] = (struct prog){.pump = rig_pump};
		ok += prog_attach(&p[i], path, "many");
	}
	assert_int_equal(ok, 6); /* a and b have two of the eight */
	for (int i = 0; i < 8; i++)
		prog_die(&p[i]);
	rig_settle(30);
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

/* --- addresses ---------------------------------------------------------------------------------
 */

static void
address__changes_while_programs_run(void **state)
{
	struct shm_net net;
	uint32_t gen = shm_net_generation(a.map.region);
	char why[256];
	int l, c;

	(void)state;
	assert_int_equal(daemon_port_address_set(d, 0, "10.99.0.1/24", why, sizeof why), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_not_equal(shm_net_read(i ? b.map.region : a.map.region, &net), gen);
		assert_int_equal(net.local_count, 1);
		assert_int_equal(net.locals[0].ip[13], 99);
		assert_int_equal(net.locals[0].started, 1);
	}
	/* What connects and listens from now on follows. */
	l = prog_sock_listen(&b, "10.99.0.1", PORT, 4);
	assert_true(prog_sync(&b, (uint32_t)l));
	assert_true(prog_wait_state(&b, (uint32_t)l, SHM_STATE_LISTENING, WAIT));
	c = prog_sock_connect(&a, "10.99.0.1", PORT);
	assert_true(prog_sync(&a, (uint32_t)c));
	assert_int_equal(prog_wait_connect(&a, (uint32_t)c, WAIT), 0);
	c = prog_sock_connect(&a, OWN, PORT);
	assert_true(prog_sync(&a, (uint32_t)c));
	assert_int_equal(prog_wait_connect(&a, (uint32_t)c, WAIT), SAN_ENETUNREACH);
	l = prog_sock_listen(&b, OWN, PORT + 1, 4);
	assert_true(prog_sync(&b, (uint32_t)l));
	assert_true(prog_wait_state(&b, (uint32_t)l, SHM_STATE_FAILED, WAIT));

	gen = shm_net_generation(a.map.region);
	assert_int_equal(daemon_port_address_set(d, 0, "10.99.0.1/24", why, sizeof why), 0);
	assert_int_equal(shm_net_generation(a.map.region), gen); /* the same again */
	assert_int_equal(daemon_port_stop(d, 0), 0);
	assert_int_not_equal(shm_net_read(a.map.region, &net), gen);
	assert_int_equal(net.locals[0].started, 0);
}

static void
address__nonsense_changes_nothing(void **state)
{
	static const struct {
		const char *text, *why;
	} bad[] = {
	    {"10.99.0.1", "address: expected 1 to 4 host addresses with prefix length, found "
			  "'10.99.0.1'"},
	    {"10.99.0.1/24, 10.99.0.1/16",
		"address: expected every address once, but 10.99.0.1 is also in [port.p0]"},
	    {"10.99.0.1/24, 127.0.0.1/8",
		"address: expected 1 to 4 host addresses with prefix length, found '127.0.0.1/8'"},
	};
	uint32_t gen = shm_net_generation(a.map.region);
	char why[256];

	(void)state;
	for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		assert_int_equal(
		    daemon_port_address_set(d, 0, bad[i].text, why, sizeof why), SAN_EINVAL);
		assert_string_equal(why, bad[i].why);
	}
	assert_int_equal(
	    daemon_port_address_set(d, 1, "10.99.0.1/24", why, sizeof why), SAN_ENOENT);
	assert_int_equal(shm_net_generation(a.map.region), gen);
	assert_int_equal(d->config.port[0].addr_count, 1);
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
	rig_pair(&l, &c, &s);
	while (view_socket_next(d, &cursor, &vs)) {
		assert_string_equal(vs.app_state, "ATTACHED");
		assert_string_equal(vs.wire_state, "OPEN");
		assert_string_equal(vs.type, "STREAM");
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    RIG_TEST(attach__region_says_what_the_config_says),
	    RIG_TEST(attach__other_version_is_refused_and_hung_up),
	    RIG_TEST(attach__hostile_messages_end_only_their_sender),
	    RIG_TEST(attach__first_message_must_be_attach_or_fork),
	    RIG_TEST(attach__sessions_are_limited_per_daemon),
	    RIG_TEST(wake__objects_are_given_out_up_to_the_limit),
	    RIG_TEST(address__changes_while_programs_run),
	    RIG_TEST(address__nonsense_changes_nothing),
	    RIG_TEST(view__shows_what_is_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
