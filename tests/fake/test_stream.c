/* SPDX-License-Identifier: BSD-3-Clause */
/* Bytes through the provider: connect, accept, send, receive, half-close, urgent data, readiness,
 * errors. */
#include "rig.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "abi.h"
#include "san_err.h"

static void
connect_and_echo(void **state)
{
	SOCKET a, b;
	char buf[16];
	int err;

	rig_pair(&a, &b);
	rig_send(a, "ping", 4);
	assert_int_equal(rig_recv(b, buf, 4, &err), 4);
	assert_memory_equal(buf, "ping", 4);
	rig_send(b, "pong!", 5);
	assert_int_equal(rig_recv(a, buf, 5, &err), 5);
	assert_memory_equal(buf, "pong!", 5);
	rig_close(a);
	rig_close(b);
}

static void
names_are_the_daemons(void **state)
{
	struct sockaddr_in in;
	socklen_t len = sizeof in;
	SOCKET a, b;
	int err = 0;

	rig_pair(&a, &b);
	assert_int_equal(rig_san->sanGetPeerName(a, (struct sockaddr *)&in, &len, &err), 0);
	assert_int_equal(len, sizeof in);
	assert_int_equal(in.sin_family, AF_INET);
	assert_int_equal(ntohs(in.sin_port), RIG_PORT);
	assert_int_equal(in.sin_addr.s_addr, inet_addr("10.77.0.1"));
	assert_int_equal(rig_san->sanGetSockName(b, (struct sockaddr *)&in, &len, &err), 0);
	assert_int_equal(ntohs(in.sin_port), RIG_PORT);
	len = 4; /* as much as fits; the full length is told */
	assert_int_equal(rig_san->sanGetPeerName(b, (struct sockaddr *)&in, &len, &err), 0);
	assert_int_equal(len, sizeof in);
	assert_true(rig_san->sanIdent(a) != 0 && rig_san->sanIdent(a) != rig_san->sanIdent(b));
	rig_close(a);
	rig_close(b);
}

static void
ipv6_and_mapped_addresses(void **state)
{
	static const char *const to[] = {"fd77::1", "::ffff:10.77.0.1"};
	struct sockaddr_storage any = rig_addr("::", 9), peer;
	int err = 0;
	SOCKET l = rig_wsp.lpWSPSocket(AF_INET6, SOCK_STREAM, 0, NULL, 0, 0, &err);

	assert_int_equal(rig_wsp.lpWSPBind(l, (struct sockaddr *)&any, sizeof any, &err), 0);
	assert_int_equal(rig_wsp.lpWSPListen(l, 2, &err), 0);
	for (unsigned i = 0; i < 2; i++) {
		SOCKET a = rig_wsp.lpWSPSocket(AF_INET6, SOCK_STREAM, 0, NULL, 0, 0, &err), b;
		struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&peer;
		char text[INET6_ADDRSTRLEN];
		socklen_t len = sizeof peer;

		assert_int_equal(rig_connect(a, to[i], 9), 0);
		b = rig_accept(l);
		assert_int_equal(
		    rig_san->sanGetPeerName(a, (struct sockaddr *)&peer, &len, &err), 0);
		assert_int_equal(in6->sin6_family, AF_INET6);
		assert_string_equal(inet_ntop(AF_INET6, &in6->sin6_addr, text, sizeof text), to[i]);
		rig_close(a);
		rig_close(b);
	}
	rig_close(l);
}

static void
connect_errors_decide_about_fallback(void **state)
{
	static const struct {
		uint16_t port;
		int code;
	} want[] = {{99, WSAECONNRESET}, {FAKE_PORT_TIMEOUT, WSAETIMEDOUT},
	    {FAKE_PORT_NOHOST, WSAEHOSTUNREACH}};

	for (unsigned i = 0; i < sizeof want / sizeof want[0]; i++) {
		SOCKET s = rig_socket();

		assert_int_equal(rig_connect(s, "10.77.0.1", want[i].port), want[i].code);
		/* told once; what is left is a dead socket */
		assert_int_equal(rig_san->sanTakeError(s), 0);
		assert_int_equal(rig_san->sanPoll(s), POLLIN | POLLOUT | POLLHUP | POLLRDHUP);
		rig_close(s);
	}
}

static void
backlog_full_refuses(void **state)
{
	SOCKET l = rig_listener(RIG_PORT, 1), a = rig_socket(), b = rig_socket();

	assert_int_equal(rig_connect(a, "10.77.0.1", RIG_PORT), 0);
	assert_int_equal(rig_connect(b, "10.77.0.1", RIG_PORT), WSAECONNREFUSED);
	rig_close(a);
	rig_close(b);
	rig_close(l);
}

static void
listen_errors(void **state)
{
	struct sockaddr_storage here = rig_addr("10.77.0.1", RIG_PORT),
				far = rig_addr("10.78.0.1", RIG_PORT);
	SOCKET l = rig_listener(RIG_PORT, 1), s = rig_socket();
	int err = 0;

	assert_int_equal(rig_wsp.lpWSPListen(s, 1, &err), SOCKET_ERROR);
	assert_int_equal(err, WSAEINVAL); /* not bound */
	assert_int_equal(rig_wsp.lpWSPBind(s, (struct sockaddr *)&here, sizeof here, &err), 0);
	assert_int_equal(
	    rig_wsp.lpWSPBind(s, (struct sockaddr *)&here, sizeof here, &err), SOCKET_ERROR);
	assert_int_equal(err, WSAEINVAL);
	assert_int_equal(rig_wsp.lpWSPListen(s, 1, &err), SOCKET_ERROR);
	assert_int_equal(err, WSAEADDRINUSE);
	rig_close(s);
	s = rig_socket();
	assert_int_equal(rig_wsp.lpWSPBind(s, (struct sockaddr *)&far, sizeof far, &err), 0);
	assert_int_equal(rig_wsp.lpWSPListen(s, 1, &err), SOCKET_ERROR);
	assert_int_equal(err, WSAEADDRNOTAVAIL);
	rig_close(s);
	assert_int_equal(rig_wsp.lpWSPListen(l, 5, &err), 0); /* changes the backlog */
	rig_close(l);
}

static void
socket_arguments(void **state)
{
	int err = 0;

	assert_true(
	    rig_wsp.lpWSPSocket(AF_UNIX, SOCK_STREAM, 0, NULL, 0, 0, &err) == INVALID_SOCKET);
	assert_int_equal(err, WSAEAFNOSUPPORT);
	assert_true(
	    rig_wsp.lpWSPSocket(AF_INET, SOCK_DGRAM, 0, NULL, 0, 0, &err) == INVALID_SOCKET);
	assert_int_equal(err, WSAESOCKTNOSUPPORT);
	assert_true(rig_wsp.lpWSPSocket(AF_INET, SOCK_STREAM, IPPROTO_UDP, NULL, 0, 0, &err) ==
		    INVALID_SOCKET);
	assert_int_equal(err, WSAEPROTONOSUPPORT);
}

/* A pattern that does not repeat at any power of two. */
static uint8_t
pattern(size_t i)
{
	return (uint8_t)(i * 131 + i / 251);
}

#define BULK (3u << 20)

static void *
bulk_send(void *arg)
{
	SOCKET s = *(SOCKET *)arg;
	static uint8_t buf[70000];
	size_t sent = 0;

	while (sent < BULK) {
		size_t n = 1 + (sent * 7919) % sizeof buf;

		n = n < BULK - sent ? n : BULK - sent;
		for (size_t i = 0; i < n; i++)
			buf[i] = pattern(sent + i);
		rig_send(s, buf, n);
		sent += n;
	}
	return NULL;
}

/* Far more than the ring, in pieces of every size, the receiver in vectors. */
static void
bulk_arrives_intact(void **state)
{
	static uint8_t buf[50000];
	SOCKET a, b;
	pthread_t thread;
	size_t got = 0;
	int err = 0;

	rig_pair(&a, &b);
	pthread_create(&thread, NULL, bulk_send, &a);
	while (got < BULK) {
		size_t split = 1 + got % 999;
		struct iovec iov[4] = {{buf, split}, {buf + split, 0}, {buf + split, 4096},
		    {buf + split + 4096, sizeof buf - split - 4096}};
		ssize_t n = rig_san->sanRecv(b, iov, 4, 0, &err);

		if (n < 0) {
			assert_int_equal(err, WSAEWOULDBLOCK);
			assert_true(rig_wait(b, POLLIN) != 0);
			continue;
		}
		assert_true(n > 0);
		for (ssize_t i = 0; i < n; i++)
			if (buf[i] != pattern(got + (size_t)i))
				fail_msg("byte %zu is wrong", got + (size_t)i);
		got += (size_t)n;
	}
	pthread_join(thread, NULL);
	rig_close(a);
	rig_close(b);
}

static void
full_ring_blocks_and_recovers(void **state)
{
	static uint8_t buf[200000];
	SOCKET a, b;
	ssize_t n, all = 0;
	uint32_t in, out, room;
	int err, mark;

	rig_pair(&a, &b);
	fake_hold_data(rig_fake, true);
	while ((n = rig_send_some(a, buf, sizeof buf, 0, &err)) > 0)
		all += n;
	assert_int_equal(err, WSAEWOULDBLOCK);
	assert_int_equal(all, 65536);
	assert_int_equal(rig_san->sanPoll(a) & POLLOUT, 0);
	assert_int_equal(rig_san->sanQueue(a, &in, &out, &room, &mark, &err), 0);
	assert_int_equal(out, 65536);
	assert_int_equal(room, 0);
	fake_hold_data(rig_fake, false);
	assert_true((rig_wait(a, POLLOUT) & POLLOUT) != 0);
	assert_int_equal(rig_recv(b, buf, 65536, &err), 65536);
	rig_close(a);
	rig_close(b);
}

static void
half_close_both_ways(void **state)
{
	SOCKET a, b;
	char buf[16];
	int err = 0;

	rig_pair(&a, &b);
	rig_send(a, "last", 4);
	assert_int_equal(rig_san->sanShutdown(a, SHUT_WR, &err), 0);
	assert_int_equal(rig_send_some(a, "x", 1, 0, &err), -1);
	assert_int_equal(err, WSAESHUTDOWN);
	assert_int_equal(rig_recv(b, buf, sizeof buf, &err), 4); /* then end of stream */
	assert_int_equal(err, 0);
	assert_int_equal(rig_san->sanPoll(b), POLLIN | POLLRDHUP | POLLOUT);
	rig_send(b, "still", 5); /* the other direction goes on */
	assert_int_equal(rig_recv(a, buf, 5, &err), 5);
	assert_int_equal(rig_san->sanShutdown(b, SHUT_WR, &err), 0);
	assert_int_equal(rig_recv(a, buf, 1, &err), 0);
	assert_int_equal(rig_san->sanPoll(a), POLLIN | POLLRDHUP | POLLOUT | POLLHUP);
	rig_close(a);
	rig_close(b);
}

static void
shut_rd_ends_reading(void **state)
{
	SOCKET a, b;
	char buf[4];
	int err = 0;

	rig_pair(&a, &b);
	assert_int_equal(rig_san->sanShutdown(a, SHUT_RD, &err), 0);
	assert_int_equal(rig_recv_some(a, buf, 1, 0, &err), 0);
	assert_int_equal(rig_san->sanShutdown(a, 7, &err), -1);
	assert_int_equal(err, WSAEINVAL);
	rig_close(a);
	rig_close(b);
}

static void
unconnected_socket(void **state)
{
	SOCKET s = rig_socket();
	char buf[4];
	int err;

	assert_int_equal(rig_san->sanPoll(s), POLLOUT | POLLHUP);
	assert_int_equal(rig_send_some(s, "x", 1, 0, &err), -1);
	assert_int_equal(err, WSAENOTCONN);
	assert_int_equal(rig_recv_some(s, buf, 1, 0, &err), -1);
	assert_int_equal(err, WSAENOTCONN);
	assert_int_equal(rig_san->sanShutdown(s, SHUT_WR, &err), -1);
	assert_int_equal(err, WSAENOTCONN);
	rig_close(s);
}

static void
peek_and_discard(void **state)
{
	SOCKET a, b;
	char buf[8];
	uint32_t in, out, room;
	int err, mark;

	rig_pair(&a, &b);
	rig_send(a, "abcdef", 6);
	assert_true(rig_wait(b, POLLIN) != 0);
	assert_int_equal(rig_recv_some(b, buf, 3, SAN_RECV_PEEK, &err), 3);
	assert_int_equal(rig_san->sanQueue(b, &in, &out, &room, &mark, &err), 0);
	assert_int_equal(in, 6);
	assert_int_equal(rig_recv_some(b, buf, 2, SAN_RECV_DISCARD, &err), 2);
	assert_int_equal(rig_recv_some(b, buf, 8, 0, &err), 4);
	assert_memory_equal(buf, "cdef", 4);
	assert_int_equal(rig_recv_some(b, buf, 8, 0, &err), -1);
	assert_int_equal(err, WSAEWOULDBLOCK);
	rig_close(a);
	rig_close(b);
}

static void
error_is_reported_once(void **state)
{
	SOCKET a, b;
	char buf[4];
	int err;

	rig_pair(&a, &b);
	rig_send(a, "x", 1);
	assert_true(rig_wait(b, POLLIN) != 0);
	fake_break_all(rig_fake, SAN_ETIMEDOUT);
	assert_int_equal(rig_san->sanPoll(b), POLLIN | POLLOUT | POLLERR | POLLHUP | POLLRDHUP);
	assert_int_equal(rig_recv_some(b, buf, 4, 0, &err), 1); /* what came before is read */
	assert_int_equal(rig_recv_some(b, buf, 4, 0, &err), -1);
	assert_int_equal(err, WSAETIMEDOUT);
	assert_int_equal(rig_recv_some(b, buf, 4, 0, &err), 0);
	assert_int_equal(rig_send_some(b, buf, 4, 0, &err), -1);
	assert_int_equal(err, WSAESHUTDOWN);
	assert_int_equal(rig_san->sanPoll(b), POLLIN | POLLOUT | POLLHUP | POLLRDHUP);
	assert_int_equal(rig_send_some(a, buf, 4, 0, &err), -1); /* the other way round */
	assert_int_equal(err, WSAETIMEDOUT);
	assert_int_equal(rig_san->sanTakeError(a), 0);
	rig_close(a);
	rig_close(b);
}

static void
peer_close_is_end_of_stream(void **state)
{
	SOCKET a, b;
	char buf[8];
	int err;

	rig_pair(&a, &b);
	rig_send(a, "bye", 3);
	rig_close(a);
	assert_int_equal(rig_recv(b, buf, sizeof buf, &err), 3);
	assert_int_equal(err, 0);
	rig_close(b);
}

static void
close_with_unread_data_resets(void **state)
{
	SOCKET a, b;
	char buf[8];
	int err;

	rig_pair(&a, &b);
	rig_send(a, "never read", 10);
	assert_true(rig_wait(b, POLLIN) != 0);
	rig_close(b);
	assert_true((rig_wait(a, POLLIN) & POLLERR) != 0);
	assert_int_equal(rig_recv_some(a, buf, 1, 0, &err), -1);
	assert_int_equal(err, WSAECONNRESET);
	rig_close(a);
}

static void
reset_on_request(void **state)
{
	SOCKET a, b;
	int err = 0;

	rig_pair(&a, &b);
	assert_int_equal(rig_san->sanClose(a, SAN_CLOSE_RESET, &err), 0);
	assert_true((rig_wait(b, POLLIN) & POLLERR) != 0);
	assert_int_equal(rig_san->sanTakeError(b), WSAECONNRESET);
	rig_close(b);
}

static void
drain_waits_for_acknowledgement(void **state)
{
	struct timespec until = rig_until_ms(30);
	SOCKET a, b;
	int err = 0;

	rig_pair(&a, &b);
	fake_hold_data(rig_fake, true);
	rig_send(a, "slow", 4);
	assert_int_equal(rig_san->sanDrain(a, &until, &err), -1);
	assert_int_equal(err, WSAETIMEDOUT);
	fake_hold_data(rig_fake, false);
	until = rig_until_ms(2000);
	assert_int_equal(rig_san->sanDrain(a, &until, &err), 0);
	rig_close(a);
	rig_close(b);
}

/* --- urgent data --- */

static void
urgent_byte_is_out_of_band(void **state)
{
	SOCKET a, b;
	char buf[16];
	uint32_t in, out, room;
	int err, mark;

	rig_pair(&a, &b);
	assert_int_equal(rig_recv_some(b, buf, 1, SAN_RECV_OOB, &err), -1);
	assert_int_equal(err, WSAEINVAL);
	assert_int_equal(rig_send_some(a, "ab!", 3, SAN_SEND_OOB, &err), 3);
	rig_send(a, "cd", 2);
	assert_true((rig_wait(b, POLLPRI) & POLLPRI) != 0);
	for (int i = 0;
	     i < 2000 && rig_san->sanQueue(b, &in, &out, &room, &mark, &err) == 0 && in < 2; i++)
		rig_sleep_ms(1);
	assert_int_equal(rig_recv_some(b, buf, 16, 0, &err), 2); /* reading stops at the mark */
	assert_memory_equal(buf, "ab", 2);
	assert_int_equal(rig_san->sanQueue(b, &in, &out, &room, &mark, &err), 0);
	assert_int_equal(mark, 1);
	assert_int_equal(rig_recv_some(b, buf, 1, SAN_RECV_OOB | SAN_RECV_PEEK, &err), 1);
	assert_int_equal(rig_recv_some(b, buf, 1, SAN_RECV_OOB, &err), 1);
	assert_int_equal(buf[0], '!');
	assert_int_equal(rig_recv_some(b, buf, 1, SAN_RECV_OOB, &err), -1);
	assert_int_equal(err, WSAEINVAL);
	assert_int_equal(rig_san->sanPoll(b) & POLLPRI, 0);
	assert_int_equal(rig_recv(b, buf, 2, &err), 2); /* without the urgent byte */
	assert_memory_equal(buf, "cd", 2);
	rig_close(a);
	rig_close(b);
}

static void
urgent_byte_inline(void **state)
{
	SOCKET a, b;
	uint32_t on = 1, off = 0;
	INT len = sizeof off;
	char buf[16];
	int err;

	rig_pair(&a, &b);
	assert_int_equal(
	    rig_wsp.lpWSPSetSockOpt(b, SOL_SOCKET, SO_OOBINLINE, (char *)&on, sizeof on, &err), 0);
	assert_int_equal(
	    rig_wsp.lpWSPGetSockOpt(b, SOL_SOCKET, SO_OOBINLINE, (char *)&off, &len, &err), 0);
	assert_int_equal(off, 1);
	assert_int_equal(rig_send_some(a, "ab!", 3, SAN_SEND_OOB, &err), 3);
	assert_int_equal(rig_recv(b, buf, 3, &err), 3);
	assert_memory_equal(buf, "ab!", 3);
	rig_close(a);
	rig_close(b);
}

/* --- waiting --- */

static void
wait_respects_its_time_limit(void **state)
{
	struct timespec until = rig_until_ms(50);
	uint64_t before = rig_now_ms();
	SOCKET a, b;
	int err = 0;

	rig_pair(&a, &b);
	before = rig_now_ms();
	until = rig_until_ms(50);
	assert_int_equal(rig_san->sanWait(a, POLLIN, &until, &err), 0);
	assert_in_range(rig_now_ms() - before, 45, 1500);
	rig_close(a);
	rig_close(b);
}

static void
on_alarm(int sig)
{
}

static void *
signal_later(void *arg)
{
	rig_sleep_ms(50);
	pthread_kill(*(pthread_t *)arg, SIGUSR1);
	return NULL;
}

static void
signal_interrupts_wait(void **state)
{
	struct sigaction sa = {.sa_handler = on_alarm};
	struct timespec until = rig_until_ms(3000);
	pthread_t self = pthread_self(), thread;
	SOCKET a, b;
	int err = 0;

	sigaction(SIGUSR1, &sa, NULL);
	rig_pair(&a, &b);
	pthread_create(&thread, NULL, signal_later, &self);
	assert_int_equal(rig_san->sanWait(a, POLLIN, &until, &err), -1);
	assert_int_equal(err, WSAEINTR);
	pthread_join(thread, NULL);
	rig_close(a);
	rig_close(b);
}

static void
wake_object_wakes_kernel_sleepers(void **state)
{
	SOCKET a, b;
	int err = 0;
	struct san_wake *w = rig_san->sanWakeCreate(&err);
	struct pollfd p = {.events = POLLIN};
	uint64_t count;

	assert_non_null(w);
	p.fd = rig_san->sanWakeFd(w);
	rig_pair(&a, &b);
	rig_san->sanWakeArm(w, 1);
	assert_int_equal(rig_san->sanWakeAdd(w, b, POLLIN, &err), 0);
	assert_int_equal(rig_san->sanPoll(b) & POLLIN, 0);
	assert_int_equal(poll(&p, 1, 20), 0);
	rig_send(a, "x", 1);
	assert_int_equal(poll(&p, 1, 2000), 1);
	assert_int_equal(read(p.fd, &count, sizeof count), sizeof count);
	rig_san->sanWakeArm(w, 0);
	rig_send(a, "y", 1); /* not armed: nobody writes */
	assert_int_equal(poll(&p, 1, 50), 0);
	rig_san->sanWakeArm(w, 1);
	rig_san->sanWakeRemove(w, b);
	rig_send(a, "z", 1); /* not interested any more */
	assert_int_equal(poll(&p, 1, 50), 0);
	rig_close(a);
	rig_san->sanWakeRemove(w, a); /* tolerated */
	rig_close(b);
	rig_san->sanWakeDestroy(w);
}

/* --- rules --- */

static void
rules_route(void **state)
{
	static const struct {
		const char *ip;
		int connect, listen, local;
	} want[] = {{"10.77.0.9", SHM_ACTION_SAN, SHM_ACTION_SAN, 0},
	    {"10.77.0.1", SHM_ACTION_SAN, SHM_ACTION_SAN, 1},
	    {"10.78.0.9", SHM_ACTION_TCP, SHM_ACTION_TCP, 0},
	    {"0.0.0.0", SHM_ACTION_TCP, SHM_ACTION_SAN, 0},
	    {"::", SHM_ACTION_TCP, SHM_ACTION_SAN, 0},
	    {"::ffff:10.77.0.2", SHM_ACTION_SAN, SHM_ACTION_SAN, 1},
	    {"::1", SHM_ACTION_TCP, SHM_ACTION_TCP, 0}, {"fd77::1", 0, 0, 1}};

	for (unsigned i = 0; i < sizeof want / sizeof want[0]; i++) {
		struct sockaddr_storage a = rig_addr(want[i].ip, 80);
		const struct sockaddr *sa = (struct sockaddr *)&a;

		assert_int_equal(rig_san->sanRouteConnect(sa, sizeof a), want[i].connect);
		assert_int_equal(rig_san->sanRouteListen(sa, sizeof a), want[i].listen);
		assert_int_equal(rig_san->sanIsLocal(sa, sizeof a), want[i].local);
		assert_int_equal(rig_san->sanRouteConnect(sa, 1), SHM_ACTION_TCP);
	}
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)
	const struct CMUnitTest tests[] = {T(connect_and_echo), T(names_are_the_daemons),
	    T(ipv6_and_mapped_addresses), T(connect_errors_decide_about_fallback),
	    T(backlog_full_refuses), T(listen_errors), T(socket_arguments), T(bulk_arrives_intact),
	    T(full_ring_blocks_and_recovers), T(half_close_both_ways), T(shut_rd_ends_reading),
	    T(unconnected_socket), T(peek_and_discard), T(error_is_reported_once),
	    T(peer_close_is_end_of_stream), T(close_with_unread_data_resets), T(reset_on_request),
	    T(drain_waits_for_acknowledgement), T(urgent_byte_is_out_of_band),
	    T(urgent_byte_inline), T(wait_respects_its_time_limit), T(signal_interrupts_wait),
	    T(wake_object_wakes_kernel_sleepers), T(rules_route)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
