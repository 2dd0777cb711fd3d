/* SPDX-License-Identifier: BSD-3-Clause */
/* The close contract at the provider: descriptors, exactly one WPUCloseSocketHandle, other threads,
 * cleanup. The names C3
 * ... are the invariants' of control/close.md. */
#include "rig.h"

#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

static void
c3_one_close_upcall_per_socket(void **state)
{
	DWORD_PTR context = 0;
	SOCKET s = rig_socket(), handle = record_last(&context);
	int err = 0;

	assert_int_equal(context, s);
	assert_int_equal(record_closes_of(handle), 0);
	rig_close(s);
	assert_int_equal(record_closes_of(handle), 1);
	assert_int_equal(rig_wsp.lpWSPCloseSocket(s, &err), SOCKET_ERROR);
	assert_int_equal(err, WSAENOTSOCK);
	assert_int_equal(record_closes_of(handle), 1);
}

static void
c3_failed_create_leaves_nothing(void **state)
{
	int err = 0;

	record_fail_create(WSAENOBUFS);
	assert_true(
	    rig_wsp.lpWSPSocket(AF_INET, SOCK_STREAM, 0, NULL, 0, 0, &err) == INVALID_SOCKET);
	assert_int_equal(err, WSAENOBUFS);
	record_fail_create(0);
	/* the slot came back: all of them can be had */
	for (int round = 0; round < 2; round++) {
		SOCKET s[128];

		for (int i = 0; i < 128; i++)
			s[i] = rig_socket();
		assert_true(rig_wsp.lpWSPSocket(AF_INET, SOCK_STREAM, 0, NULL, 0, 0, &err) ==
			    INVALID_SOCKET);
		assert_int_equal(err, WSAENOBUFS);
		for (int i = 0; i < 128; i++)
			rig_close(s[i]);
	}
}

static void
stale_descriptors_are_recognised(void **state)
{
	SOCKET old[8], bad[] = {0, INVALID_SOCKET, 5, 1u << 31}, young;
	struct sockaddr_storage a = rig_addr("10.77.0.1", 9);
	WSANETWORKEVENTS events;
	char buf[4];
	INT len = 4;
	int err;

	for (int i = 0; i < 4; i++) {
		young = rig_socket();
		old[i] = young;
		rig_close(young);
		old[4 + i] = bad[i];
	}
	young = rig_socket();
	for (int i = 0; i < 8; i++) {
		SOCKET s = old[i];
		struct timespec until = rig_until_ms(10);
		uint32_t n;
		int mark;

		assert_true(s != young);
#define NOTSOCK(call)                               \
	do {                                        \
		err = 0;                            \
		assert_true((long)(call) == -1);    \
		assert_int_equal(err, WSAENOTSOCK); \
	} while (0)
		NOTSOCK(rig_wsp.lpWSPCloseSocket(s, &err));
		NOTSOCK(rig_wsp.lpWSPBind(s, (struct sockaddr *)&a, sizeof a, &err));
		NOTSOCK(rig_wsp.lpWSPListen(s, 1, &err));
		NOTSOCK(rig_wsp.lpWSPConnect(
		    s, (struct sockaddr *)&a, sizeof a, NULL, NULL, NULL, NULL, &err));
		NOTSOCK(rig_wsp.lpWSPAccept(s, NULL, NULL, NULL, 0, &err));
		NOTSOCK(rig_wsp.lpWSPEventSelect(s, NULL, 0, &err));
		NOTSOCK(rig_wsp.lpWSPEnumNetworkEvents(s, NULL, &events, &err));
		NOTSOCK(rig_wsp.lpWSPGetSockOpt(s, SOL_SOCKET, SO_OOBINLINE, buf, &len, &err));
		NOTSOCK(rig_wsp.lpWSPSetSockOpt(s, SOL_SOCKET, SO_OOBINLINE, buf, 4, &err));
		NOTSOCK(rig_wsp.lpWSPDuplicateSocket(s, 1, NULL, &err));
		NOTSOCK(rig_send_some(s, "x", 1, 0, &err));
		NOTSOCK(rig_recv_some(s, buf, 1, 0, &err));
		NOTSOCK(rig_san->sanShutdown(s, SHUT_WR, &err));
		NOTSOCK(rig_san->sanClose(s, SAN_CLOSE_RESET, &err));
		NOTSOCK(rig_san->sanDrain(s, &until, &err));
		NOTSOCK(rig_san->sanWait(s, POLLIN, &until, &err));
		NOTSOCK(rig_san->sanQueue(s, &n, &n, &n, &mark, &err));
		NOTSOCK(rig_san->sanSetFlag(s, 0x20, 1, &err));
		NOTSOCK(rig_san->sanGetPeerName(s, NULL, NULL, &err));
		assert_int_equal(rig_san->sanPoll(s), POLLNVAL);
		assert_int_equal(rig_san->sanIdent(s), 0);
	}
	rig_close(young);
}

static void
descriptor_values_never_repeat(void **state)
{
	static SOCKET seen[1000];

	for (int i = 0; i < 1000; i++) {
		seen[i] = rig_socket();
		for (int k = 0; k < i; k++)
			assert_true(seen[k] != seen[i]);
		rig_close(seen[i]);
	}
}

/* --- other threads --- */

static void *
wait_for_data(void *arg)
{
	SOCKET s = *(SOCKET *)arg;
	int err = 0, rc = rig_san->sanWait(s, POLLIN, NULL, &err);

	return (void *)(intptr_t)(rc == -1 ? err : 0);
}

static void
c9_close_wakes_a_blocked_thread(void **state)
{
	SOCKET a, b;
	pthread_t thread[3];
	uint64_t before;
	void *result;

	rig_pair(&a, &b);
	for (int i = 0; i < 3; i++)
		pthread_create(&thread[i], NULL, wait_for_data, &a);
	rig_sleep_ms(50);
	before = rig_now_ms();
	rig_close(a);
	for (int i = 0; i < 3; i++) {
		pthread_join(thread[i], &result);
		assert_int_equal((intptr_t)result, WSAENOTSOCK);
	}
	assert_true(rig_now_ms() - before < 200); /* woken, not timed out */
	rig_close(b);
}

static void *
accept_wait(void *arg)
{
	return wait_for_data(arg);
}

static void
close_of_a_listener_wakes_accept(void **state)
{
	SOCKET l = rig_listener(RIG_PORT, 2);
	pthread_t thread;
	void *result;

	pthread_create(&thread, NULL, accept_wait, &l);
	rig_sleep_ms(30);
	rig_close(l);
	pthread_join(thread, &result);
	assert_int_equal((intptr_t)result, WSAENOTSOCK);
}

static void *
shut_waiter(void *arg)
{
	int err = 0;

	return (void *)(intptr_t)rig_san->sanWait(*(SOCKET *)arg, POLLIN, NULL, &err);
}

static void
shutdown_wakes_a_blocked_thread(void **state)
{
	SOCKET a, b;
	pthread_t thread;
	void *result;
	int err = 0;

	rig_pair(&a, &b);
	pthread_create(&thread, NULL, shut_waiter, &a);
	rig_sleep_ms(30);
	assert_int_equal(rig_san->sanShutdown(a, SHUT_RD, &err), 0);
	pthread_join(thread, &result);
	assert_true(((intptr_t)result & POLLIN) != 0);
	rig_close(a);
	rig_close(b);
}

static _Atomic int closed_ok, closed_stale;
static pthread_barrier_t barrier;

static void *
close_at_once(void *arg)
{
	int err = 0;

	pthread_barrier_wait(&barrier);
	if (rig_wsp.lpWSPCloseSocket(*(SOCKET *)arg, &err) == 0)
		closed_ok++;
	else if (err == WSAENOTSOCK)
		closed_stale++;
	return NULL;
}

static void
c9_two_threads_close(void **state)
{
	pthread_barrier_init(&barrier, NULL, 3);
	for (int round = 0; round < 200; round++) {
		SOCKET s = rig_socket();
		pthread_t thread[3];

		closed_ok = closed_stale = 0;
		for (int i = 0; i < 3; i++)
			pthread_create(&thread[i], NULL, close_at_once, &s);
		for (int i = 0; i < 3; i++)
			pthread_join(thread[i], NULL);
		assert_int_equal(closed_ok, 1);
		assert_int_equal(closed_stale, 2);
	}
	pthread_barrier_destroy(&barrier);
}

static _Atomic int stop_threads;
static _Atomic SOCKET shared_sock;
static _Atomic int strange;

/* Uses whatever socket is current; what it gets must be an answer of the contract. */
static void *
use_while_closing(void *arg)
{
	uint8_t buf[3000] = {0};
	int err;

	while (!stop_threads) {
		SOCKET s = shared_sock;
		ssize_t n = arg != NULL ? rig_send_some(s, buf, sizeof buf, 0, &err)
					: rig_recv_some(s, buf, sizeof buf, 0, &err);

		if (n < 0 && err != WSAENOTSOCK && err != WSAEWOULDBLOCK && err != WSAECONNRESET &&
		    err != WSAESHUTDOWN && err != WSAENOTCONN)
			strange = err;
		(void)rig_san->sanPoll(s);
	}
	return NULL;
}

static void
c9_close_under_fire(void **state)
{
	SOCKET l = rig_listener(RIG_PORT, 64);
	pthread_t thread[2];

	stop_threads = strange = 0;
	for (int i = 0; i < 2; i++)
		pthread_create(&thread[i], NULL, use_while_closing, i == 0 ? NULL : &stop_threads);
	for (int round = 0; round < 150; round++) {
		SOCKET a = rig_socket(), b;

		assert_int_equal(rig_connect(a, "10.77.0.1", RIG_PORT), 0);
		b = rig_accept(l);
		shared_sock = a;
		rig_sleep_ms(round % 4 == 0);
		rig_close(a);
		rig_close(b);
	}
	stop_threads = 1;
	for (int i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	assert_int_equal(strange, 0);
	rig_close(l);
}

/* --- cleanup, reentrancy --- */

static void
c11_cleanup_closes_what_is_open(void **state)
{
	SOCKET a, b, l;
	int err = 0;

	rig_pair(&a, &b);
	l = rig_listener(RIG_PORT, 4);
	assert_int_equal(rig_start(), 0); /* a second user of the provider */
	assert_int_equal(rig_wsp.lpWSPCleanup(&err), 0);
	rig_send(a, "x", 1); /* the first start still counts */
	rig_end();
	assert_int_equal(rig_san->sanPoll(a), POLLNVAL);
	assert_int_equal(rig_wsp.lpWSPCloseSocket(l, &err), SOCKET_ERROR);
	assert_int_equal(err, WSAENOTSOCK);
	assert_int_equal(rig_wsp.lpWSPCleanup(&err), SOCKET_ERROR);
	assert_int_equal(err, WSANOTINITIALISED);
	assert_true(
	    rig_wsp.lpWSPSocket(AF_INET, SOCK_STREAM, 0, NULL, 0, 0, &err) == INVALID_SOCKET);
	assert_int_equal(err, WSANOTINITIALISED);
	assert_int_equal(rig_start(), 0); /* and again, for the teardown */
}

static SOCKET reenter_sock;
static int reenter_codes[4];

static void
reenter(const char *upcall, SOCKET handle)
{
	int err = 0;

	if (strcmp(upcall, "close") != 0 || reenter_sock == 0)
		return;
	/* the socket being closed is stale, another one works, even to close */
	SOCKET other = reenter_sock;

	reenter_sock = 0;
	reenter_codes[0] = rig_wsp.lpWSPCloseSocket(other, &err);
	reenter_codes[1] = rig_wsp.lpWSPCloseSocket(other, &err) == SOCKET_ERROR ? err : 0;
	other = rig_wsp.lpWSPSocket(AF_INET, SOCK_STREAM, 0, NULL, 0, 0, &err);
	reenter_codes[2] = other == INVALID_SOCKET;
	reenter_codes[3] = rig_wsp.lpWSPCloseSocket(other, &err);
}

static void
c8_calls_from_inside_an_upcall(void **state)
{
	SOCKET s = rig_socket();

	reenter_sock = rig_socket();
	record_hook(reenter);
	rig_close(s);
	record_hook(NULL);
	assert_int_equal(reenter_codes[0], 0);
	assert_int_equal(reenter_codes[1], WSAENOTSOCK);
	assert_int_equal(reenter_codes[2], 0);
	assert_int_equal(reenter_codes[3], 0);
	assert_int_equal(record_open(), 0);
}

static void
cleanup_inside(const char *upcall, SOCKET handle)
{
	int err = 0;

	if (strcmp(upcall, "close") == 0 && reenter_sock != 0) {
		reenter_sock = 0;
		reenter_codes[0] = rig_wsp.lpWSPCleanup(&err);
	}
}

static void
c8_cleanup_from_inside_an_upcall(void **state)
{
	SOCKET s = rig_socket();

	(void)rig_socket();
	reenter_sock = s;
	reenter_codes[0] = -1;
	record_hook(cleanup_inside);
	rig_close(s);
	record_hook(NULL);
	assert_int_equal(reenter_codes[0], 0);
	assert_int_equal(record_open(), 0);
	assert_int_equal(rig_start(), 0);
}

static void
c12_close_cancels_a_connect(void **state)
{
	struct sockaddr_storage a = rig_addr("10.77.0.1", FAKE_PORT_NEVER);
	uint64_t before = rig_now_ms();
	SOCKET s = rig_socket();
	int err = 0;

	(void)rig_wsp.lpWSPConnect(
	    s, (struct sockaddr *)&a, sizeof a, NULL, NULL, NULL, NULL, &err);
	assert_int_equal(err, WSAEWOULDBLOCK);
	(void)rig_wsp.lpWSPConnect(
	    s, (struct sockaddr *)&a, sizeof a, NULL, NULL, NULL, NULL, &err);
	assert_int_equal(err, WSAEALREADY);
	assert_int_equal(rig_san->sanPoll(s), 0);
	rig_close(s);
	assert_true(rig_now_ms() - before < 1000);
}

static void
c12_close_of_a_listener_resets_the_unaccepted(void **state)
{
	SOCKET l = rig_listener(RIG_PORT, 4), a = rig_socket();

	assert_int_equal(rig_connect(a, "10.77.0.1", RIG_PORT), 0);
	rig_close(l);
	assert_true((rig_wait(a, POLLIN) & POLLERR) != 0);
	assert_int_equal(rig_san->sanTakeError(a), WSAECONNRESET);
	rig_close(a);
}

static void
close_delivers_what_was_sent(void **state)
{
	static uint8_t buf[60000];
	SOCKET a, b;
	int err;

	rig_pair(&a, &b);
	fake_hold_data(rig_fake, true);
	memset(buf, 7, sizeof buf);
	assert_int_equal(rig_send_some(a, buf, sizeof buf, 0, &err), sizeof buf);
	rig_close(a); /* returns at once; the daemon owns the bytes */
	fake_hold_data(rig_fake, false);
	assert_int_equal(rig_recv(b, buf, sizeof buf, &err), sizeof buf);
	assert_int_equal(rig_recv(b, buf, 1, &err), 0);
	rig_close(b);
}

static void
many_sockets_come_and_go(void **state)
{
	SOCKET l = rig_listener(RIG_PORT, 16);

	for (int i = 0; i < 2000; i++) { /* many times the slots there are */
		SOCKET a = rig_socket(), b;
		char c = 0;
		int err;

		assert_int_equal(rig_connect(a, "10.77.0.1", RIG_PORT), 0);
		b = rig_accept(l);
		rig_send(a, "q", 1);
		assert_int_equal(rig_recv(b, &c, 1, &err), 1);
		if (i % 2 == 0)
			rig_close(a);
		rig_close(b);
		if (i % 2 != 0)
			rig_close(a);
	}
	rig_close(l);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)
	const struct CMUnitTest tests[] = {T(c3_one_close_upcall_per_socket),
	    T(c3_failed_create_leaves_nothing), T(stale_descriptors_are_recognised),
	    T(descriptor_values_never_repeat), T(c9_close_wakes_a_blocked_thread),
	    T(close_of_a_listener_wakes_accept), T(shutdown_wakes_a_blocked_thread),
	    T(c9_two_threads_close), T(c9_close_under_fire), T(c11_cleanup_closes_what_is_open),
	    T(c8_calls_from_inside_an_upcall), T(c8_cleanup_from_inside_an_upcall),
	    T(c12_close_cancels_a_connect), T(c12_close_of_a_listener_resets_the_unaccepted),
	    T(close_delivers_what_was_sent), T(many_sockets_come_and_go)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
