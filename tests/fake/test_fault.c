/* SPDX-License-Identifier: BSD-3-Clause */
/* Bad daemons, absent ones, and ones that die: every call ends with an error, nothing hangs,
 * nothing is mapped wrongly. */
#include "rig.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto.h"

#define QUICK_MS    900u   /* less than an exchange with a daemon that does not answer: a second */
#define PATIENCE_MS 20000u /* not for ever, however busy the machine is */

static void
no_daemon_is_noticed_at_once(void **state)
{
	uint64_t before = rig_now_ms();

	setenv(SAND_SOCKET_ENV, "/nonexistent/sand.sock", 1);
	assert_int_equal(rig_start(), WSASYSNOTREADY);
	setenv(SAND_SOCKET_ENV,
	    "/tmp/a-name-that-does-not-fit-into-a-socket-address-because-it-is-much-too-long-for-"
	    "that-and-goes-on-for-ever",
	    1);
	assert_int_equal(rig_start(), WSASYSNOTREADY);
	setenv(SAND_SOCKET_ENV, "/dev/null", 1);
	assert_int_equal(rig_start(), WSASYSNOTREADY);
	assert_true(rig_now_ms() - before < QUICK_MS);
}

static void
startup_arguments(void **state)
{
	WSPUPCALLTABLEEX broken = *record_table();
	WSPDATA data;

	assert_int_equal(WSPStartupEx(MAKEWORD(2, 2), &data, NULL, NULL, &rig_wsp), WSAEFAULT);
	assert_int_equal(
	    WSPStartupEx(MAKEWORD(2, 2), &data, NULL, record_table(), NULL), WSAEFAULT);
	broken.lpWPUCloseSocketHandle = NULL;
	assert_int_equal(WSPStartupEx(MAKEWORD(2, 2), &data, NULL, &broken, &rig_wsp), WSAEFAULT);
	assert_int_equal(WSPStartupEx(MAKEWORD(1, 1), &data, NULL, record_table(), &rig_wsp),
	    WSAVERNOTSUPPORTED);
}

static unsigned
open_fds(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void
bad_handshakes_are_refused(void **state)
{
	static const struct {
		enum fake_fault fault;
		int code;
	} want[] = {{FAKE_HANG_UP, WSASYSNOTREADY}, {FAKE_REFUSE, WSAEPROCLIM},
	    {FAKE_PROTO_VERSION, WSASYSNOTREADY}, {FAKE_PROTO_MAGIC, WSASYSNOTREADY},
	    {FAKE_SHORT_REPLY, WSASYSNOTREADY}, {FAKE_NO_FDS, WSASYSNOTREADY},
	    {FAKE_MANY_FDS, WSASYSNOTREADY}, {FAKE_REGION_MAGIC, WSASYSNOTREADY},
	    {FAKE_REGION_VERSION, WSASYSNOTREADY}, {FAKE_REGION_TORN, WSASYSNOTREADY},
	    {FAKE_REGION_SHORT, WSASYSNOTREADY}, {FAKE_REGION_OFFSETS, WSASYSNOTREADY},
	    {FAKE_REGION_RINGS, WSASYSNOTREADY}, {FAKE_REGION_UNSEALED, WSASYSNOTREADY}};

	record_clear();
	for (unsigned i = 0; i < sizeof want / sizeof want[0]; i++) {
		uint64_t before;
		unsigned fds;

		rig_fake_fork((struct fake_options){.fault = want[i].fault});
		fds = open_fds();
		before = rig_now_ms();
		assert_int_equal(rig_start(), want[i].code);
		assert_true(rig_now_ms() - before < QUICK_MS);
		assert_int_equal(open_fds(), fds);
		rig_fake_stop();
	}
	assert_int_equal(record_created() + record_closed(), 0);
}

static void
silent_daemon_costs_a_second(void **state)
{
	uint64_t before;

	rig_fake_start((struct fake_options){.fault = FAKE_SILENT});
	before = rig_now_ms();
	assert_int_equal(rig_start(), WSASYSNOTREADY);
	assert_in_range(rig_now_ms() - before, 900, 2000);
	rig_fake_stop();
}

/* --- death --- */

static void *
wait_for_ever(void *arg)
{
	int err = 0;

	return (void *)(intptr_t)rig_san->sanWait(*(SOCKET *)arg, POLLIN, NULL, &err);
}

static void
daemon_killed(void **state)
{
	SOCKET l, a, b, fresh;
	pthread_t thread[2];
	void *bits;
	char buf[8];
	int err = 0;
	uint64_t before;

	record_clear();
	rig_fake_fork((struct fake_options){.idle_yields = 10});
	assert_int_equal(rig_start(), 0);
	rig_pair(&a, &b);
	l = rig_listener(RIG_PORT, 3);
	rig_send(b, "before", 6);
	assert_true(rig_wait(a, POLLIN) != 0);
	pthread_create(&thread[0], NULL, wait_for_ever, &b);
	pthread_create(&thread[1], NULL, wait_for_ever, &l);
	rig_sleep_ms(30);
	before = rig_now_ms();
	kill(rig_pid, SIGKILL);
	for (int i = 0; i < 2; i++) {
		pthread_join(thread[i], &bits);
		assert_true(((intptr_t)bits & (POLLERR | POLLHUP)) != 0);
	}
	assert_true(rig_now_ms() - before < PATIENCE_MS);
	assert_false(rig_san->sanAlive());
	/* What had arrived is read, then the error, once. */
	assert_int_equal(rig_recv_some(a, buf, 8, 0, &err), 6);
	assert_int_equal(rig_recv_some(a, buf, 8, 0, &err), -1);
	assert_int_equal(err, WSAECONNRESET);
	assert_int_equal(rig_recv_some(a, buf, 8, 0, &err), 0);
	assert_int_equal(rig_send_some(b, buf, 8, 0, &err), -1);
	assert_int_equal(err, WSAECONNRESET);
	assert_true(rig_wsp.lpWSPAccept(l, NULL, NULL, NULL, 0, &err) == INVALID_SOCKET);
	assert_int_equal(err, WSAENETDOWN);
	assert_true(
	    rig_wsp.lpWSPSocket(AF_INET, SOCK_STREAM, 0, NULL, 0, 0, &err) == INVALID_SOCKET);
	assert_int_equal(err, WSAENETDOWN);
	assert_null(rig_san->sanWakeCreate(&err));
	before = rig_now_ms();
	rig_close(a);
	rig_close(b);
	rig_close(l);
	assert_true(rig_now_ms() - before < QUICK_MS);
	assert_int_equal(record_open(), 0);
	/* A new daemon at the same place: the next socket finds it. */
	rig_fake_stop();
	rig_fake_start((struct fake_options){.idle_yields = 10});
	rig_sleep_ms(1100);
	fresh = rig_socket();
	rig_close(fresh);
	rig_pair(&a, &b);
	rig_send(a, "again", 5);
	assert_int_equal(rig_recv(b, buf, 5, &err), 5);
	rig_close(a);
	rig_close(b);
	rig_end();
	rig_fake_stop();
}

static void
daemon_stops_in_order(void **state)
{
	SOCKET a, b;
	pthread_t thread;
	uint64_t before;
	void *bits;
	int err = 0;

	record_clear();
	rig_fake_start((struct fake_options){.idle_yields = 10});
	assert_int_equal(rig_start(), 0);
	rig_pair(&a, &b);
	pthread_create(&thread, NULL, wait_for_ever, &a);
	rig_sleep_ms(20);
	before = rig_now_ms();
	rig_fake_stop();
	pthread_join(thread, &bits);
	assert_true(((intptr_t)bits & POLLERR) != 0);
	assert_true(rig_now_ms() - before < PATIENCE_MS);
	assert_int_equal(rig_san->sanTakeError(b), WSAECONNRESET);
	rig_close(a);
	rig_close(b);
	assert_int_equal(rig_wsp.lpWSPCleanup(&err), 0);
	assert_int_equal(record_open(), 0);
}

static void
daemon_dies_in_a_command(void **state)
{
	static const enum fake_fault faults[] = {FAKE_DIE_ON_CONNECT, FAKE_DIE_ON_LISTEN};

	for (int i = 0; i < 2; i++) {
		struct sockaddr_storage a = rig_addr("10.77.0.1", 9);
		uint64_t before;
		SOCKET s;
		int err = 0;

		record_clear();
		rig_fake_fork((struct fake_options){.fault = faults[i]});
		assert_int_equal(rig_start(), 0);
		s = rig_socket();
		before = rig_now_ms();
		if (faults[i] == FAKE_DIE_ON_CONNECT) {
			assert_int_equal(rig_connect(s, "10.77.0.1", 9), WSAENETDOWN);
		} else {
			(void)rig_wsp.lpWSPBind(s, (struct sockaddr *)&a, sizeof a, &err);
			assert_int_equal(rig_wsp.lpWSPListen(s, 1, &err), SOCKET_ERROR);
			assert_int_equal(err, WSAENETDOWN);
		}
		assert_true(rig_now_ms() - before < PATIENCE_MS);
		rig_close(s);
		rig_end();
		rig_fake_stop();
	}
}

static void
wake_objects_feel_death(void **state)
{
	struct san_wake *w;
	struct pollfd p = {.events = POLLIN};
	SOCKET a, b;
	int err = 0;

	record_clear();
	rig_fake_fork((struct fake_options){.idle_yields = 10});
	assert_int_equal(rig_start(), 0);
	rig_pair(&a, &b);
	w = rig_san->sanWakeCreate(&err);
	assert_non_null(w);
	p.fd = rig_san->sanWakeFd(w);
	rig_san->sanWakeArm(w, 1);
	assert_int_equal(rig_san->sanWakeAdd(w, a, POLLIN, &err), 0);
	assert_int_equal(poll(&p, 1, 20), 0);
	kill(rig_pid, SIGKILL);
	assert_int_equal(poll(&p, 1, 2000), 1);
	/* Arming again, as before every sleep, is when it is seen. */
	rig_san->sanWakeArm(w, 1);
	assert_true((rig_san->sanPoll(a) & POLLERR) != 0);
	rig_san->sanWakeArm(w, 0);
	rig_san->sanWakeDestroy(w);
	rig_close(a);
	rig_close(b);
	rig_end();
	rig_fake_stop();
}

/* --- nonsense in the region --- */

static void
accept_queue_of_nonsense(void **state)
{
	SOCKET l;
	int err = 0;

	record_clear();
	rig_fake_fork((struct fake_options){.fault = FAKE_BAD_SLOTS});
	assert_int_equal(rig_start(), 0);
	l = rig_listener(RIG_PORT, 4);
	assert_true(rig_wsp.lpWSPAccept(l, NULL, NULL, NULL, 0, &err) == INVALID_SOCKET);
	assert_int_equal(err, WSAENETDOWN);
	rig_close(l);
	rig_end();
	rig_fake_stop();
}

static void
ring_position_of_nonsense(void **state)
{
	SOCKET a, b;
	char buf[64];
	int err = 0;

	record_clear();
	rig_fake_fork((struct fake_options){.fault = FAKE_BAD_TAIL});
	assert_int_equal(rig_start(), 0);
	rig_pair(&a, &b);
	rig_send(a, "x", 1);
	rig_sleep_ms(50);
	assert_int_equal(rig_recv_some(b, buf, sizeof buf, 0, &err), -1);
	assert_int_equal(err, WSAEWOULDBLOCK);
	rig_close(a);
	rig_close(b);
	rig_end();
	rig_fake_stop();
}

static void
wake_refused(void **state)
{
	int err = 0;

	record_clear();
	rig_fake_start((struct fake_options){.fault = FAKE_WAKE_REFUSED});
	assert_int_equal(rig_start(), 0);
	assert_null(rig_san->sanWakeCreate(&err));
	assert_int_equal(err, WSAENOBUFS);
	rig_end();
	rig_fake_stop();
}

/* Neither attach nor detach may leave descriptors behind, or sit on the numbers programs use. */
static void
descriptors_stay_out_of_the_way(void **state)
{
	unsigned fds;
	int probe;

	record_clear();
	rig_fake_fork((struct fake_options){0});
	fds = open_fds();
	probe = dup(0);
	close(probe);
	for (int i = 0; i < 5; i++) {
		SOCKET s;

		assert_int_equal(rig_start(), 0);
		s = rig_socket();
		assert_int_equal(dup(0), probe);
		close(probe);
		rig_close(s);
		rig_end();
	}
	assert_int_equal(open_fds(), fds);
	rig_fake_stop();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(no_daemon_is_noticed_at_once),
	    cmocka_unit_test(startup_arguments), cmocka_unit_test(bad_handshakes_are_refused),
	    cmocka_unit_test(silent_daemon_costs_a_second), cmocka_unit_test(daemon_killed),
	    cmocka_unit_test(daemon_stops_in_order), cmocka_unit_test(daemon_dies_in_a_command),
	    cmocka_unit_test(wake_objects_feel_death), cmocka_unit_test(accept_queue_of_nonsense),
	    cmocka_unit_test(ring_position_of_nonsense), cmocka_unit_test(wake_refused),
	    cmocka_unit_test(descriptors_stay_out_of_the_way)};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
