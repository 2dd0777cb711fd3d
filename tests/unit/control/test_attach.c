/* SPDX-License-Identifier: BSD-3-Clause */
/* Programs: how they attach, what they may say, what the operator sees of them. */
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
	    RIG_TEST(view__shows_what_is_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
