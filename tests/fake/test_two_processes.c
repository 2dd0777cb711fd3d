/* SPDX-License-Identifier: BSD-3-Clause */
/* A listener gives accepted connections to a worker it forked before, and to a program it never
 * heard of (WSPDuplicateSocket), real daemons behind them, the peer on another host: it must not
 * notice, whoever lives or dies. argv[1] is the daemon. */
#include "test.h"

#include <poll.h>
#include <sand/san.h>
#include <sand/upcall.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto.h"
#include "two_hosts.h"

#define LIMIT_S 60
#define ROUNDS	200u

static const char *sand;
static struct two_hosts hosts;
static uint16_t port = 7480; /* each test has its own: workers may take a while to go */

/* Not cmocka's assertions: these are children. */
#define NEED(x)                                                                                 \
	do {                                                                                    \
		if (!(x)) {                                                                     \
			fprintf(stderr, "%s:%d: %s (error %d)\n", __FILE__, __LINE__, #x, err); \
			_exit(1);                                                               \
		}                                                                               \
	} while (0)

static WSPPROC_TABLE wsp;
static const struct san_linux_table *san;
static LPFN_WSPREGISTERMEMORY reg;
static char word[2]; /* messages come from and go to registered memory */

static void
extension(GUID guid, void *to)
{
	DWORD bytes;
	int err = 0;

	NEED(wsp.lpWSPIoctl(INVALID_SOCKET, SIO_GET_EXTENSION_FUNCTION_POINTER, &guid, sizeof guid,
		 to, sizeof(void *), &bytes, NULL, NULL, NULL, &err) == 0);
}

static void
start(const struct host *host)
{
	WSPDATA data;
	int err;

	alarm(LIMIT_S);
	setenv(SAND_SOCKET_ENV, host->socket, 1);
	err = WSPStartupEx(MAKEWORD(2, 2), &data, NULL, san_default_upcalls(), &wsp);
	NEED(err == 0);
	extension((GUID)SAN_GUID_LINUX, &san);
	extension((GUID)WSAID_REGISTERMEMORY, &reg);
}

static SOCKET
socket_new(int type, LPWSAPROTOCOL_INFOW info, int *err)
{
	return wsp.lpWSPSocket(AF_INET, type, 0, info, 0, WSA_FLAG_OVERLAPPED, err);
}

static void
event_wait(SOCKET s, LONG mask)
{
	WSAEVENT event = san_default_upcalls()->lpWPUCreateEvent(&(int){0});
	struct pollfd p = {(int)(intptr_t)event, POLLIN, 0};
	WSANETWORKEVENTS seen;
	int err = 0;

	NEED(wsp.lpWSPEventSelect(s, event, mask, &err) == 0);
	NEED(poll(&p, 1, LIMIT_S * 1000) == 1);
	NEED(wsp.lpWSPEnumNetworkEvents(s, event, &seen, &err) == 0);
}

static SOCKET
listen_on(int type)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
	int err = 0;
	SOCKET s = socket_new(type, NULL, &err);

	NEED(s != INVALID_SOCKET);
	NEED(wsp.lpWSPBind(s, (struct sockaddr *)&at, sizeof at, &err) == 0);
	NEED(wsp.lpWSPListen(s, 4, &err) == 0);
	return s;
}

static SOCKET
ready_for_words(SOCKET s)
{
	int err = 0;

	NEED(s != INVALID_SOCKET);
	NEED(reg(s, word, sizeof word, MEM_READWRITE, &err) != NULL);
	return s;
}

static SOCKET
connect_to(int type)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
	int err = 0;
	SOCKET s = socket_new(type, NULL, &err);

	to.sin_addr.s_addr = htonl(0x0a4d0001); /* HOST_A */
	(void)wsp.lpWSPConnect(s, (struct sockaddr *)&to, sizeof to, NULL, NULL, NULL, NULL, &err);
	NEED(err == WSAEWOULDBLOCK);
	event_wait(s, FD_CONNECT);
	return ready_for_words(s);
}

/* The bytes, or the error negated. */
static int
transfer(SOCKET s, bool send, size_t at, DWORD len)
{
	WSAOVERLAPPED ov = {.hEvent = (WSAEVENT)1};
	WSABUF w = {len, word + at};
	DWORD done, flags;
	int err = 0;

	(void)(send ? wsp.lpWSPSend(s, &w, 1, NULL, 0, &ov, NULL, NULL, &err)
		    : wsp.lpWSPRecv(s, &w, 1, NULL, NULL, &ov, NULL, NULL, &err));
	if (err != WSA_IO_PENDING)
		return -err;
	return wsp.lpWSPGetOverlappedResult(s, &ov, &done, TRUE, &flags, &err) ? (int)done : -err;
}

/* Says its number and what it was told, until the peer goes. */
static void
answer(SOCKET s, char who, unsigned rounds)
{
	int err = 0;

	for (unsigned i = 0; i < rounds; i++) {
		err = transfer(s, false, 1, 1);
		if (err <= 0)
			return;
		word[0] = who;
		/* The peer of the last one may go before it acknowledges. */
		if (transfer(s, true, 0, 2) != 2)
			return;
	}
}

/* Asks; who answered. */
static char
ask(SOCKET s, char what)
{
	int err = 0, have = 0;

	word[0] = what;
	NEED(transfer(s, true, 0, 1) == 1);
	while (have < 2) {
		err = transfer(s, false, (size_t)have, 2 - (DWORD)have);
		if (err <= 0)
			return 0;
		have += err;
	}
	NEED(word[1] == what);
	return word[0];
}

static SOCKET
accept_one(SOCKET listener)
{
	int err = 0;
	SOCKET s;

	event_wait(listener, FD_ACCEPT);
	s = wsp.lpWSPAccept(listener, NULL, NULL, NULL, 0, &err);
	return ready_for_words(s);
}

/* --- the three processes --- */

/* Takes what it is told of, until nothing comes. */
static void
worker(int type, int from)
{
	WSAPROTOCOL_INFOW info;
	int err = 0;
	SOCKET s;

	san->sanForkChild();
	alarm(LIMIT_S);
	while (read(from, &info, sizeof info) == sizeof info) {
		s = socket_new(type, &info, &err);
		answer(ready_for_words(s), 'w', ~0u);
		NEED(wsp.lpWSPCloseSocket(s, &err) == 0);
	}
	NEED(wsp.lpWSPCleanup(&err) == 0);
	_exit(0);
}

static pid_t
worker_make(int type, int *to)
{
	int way[2], err = 0;
	pid_t pid;

	NEED(pipe(way) == 0);
	NEED(san->sanForkBefore(&err) == 0);
	pid = fork();
	if (pid == 0) {
		close(way[1]);
		worker(type, way[0]);
	}
	san->sanForkParent();
	close(way[0]);
	*to = way[1];
	return pid;
}

static WSAPROTOCOL_INFOW
give(SOCKET s, pid_t to)
{
	WSAPROTOCOL_INFOW info;
	int err = 0;

	NEED(wsp.lpWSPDuplicateSocket(s, (DWORD)to, &info, &err) == 0);
	return info;
}

/* Three connections: given to the worker and closed at once; given to it and kept; given to the
 * stranger. The listener comes back to ourselves. */
static void
server(int type, int ready, pid_t stranger, int to_stranger)
{
	SOCKET listener, s;
	WSAPROTOCOL_INFOW info;
	int err = 0, to, status = -1;
	pid_t pid;

	start(&hosts.a);
	listener = listen_on(type);
	pid = worker_make(type, &to);
	NEED(write(ready, "r", 1) == 1);

	s = accept_one(listener);
	answer(s, 's', ROUNDS);
	info = give(s, pid);
	NEED(wsp.lpWSPCloseSocket(s, &err) == 0);
	NEED(write(to, &info, sizeof info) == sizeof info);

	s = accept_one(listener);
	answer(s, 's', ROUNDS);
	info = give(s, pid);
	NEED(write(to, &info, sizeof info) == sizeof info);
	close(to);
	NEED(waitpid(pid, &status, 0) == pid && status == 0);
	NEED(wsp.lpWSPCloseSocket(s, &err) == 0);

	s = accept_one(listener);
	answer(s, 's', ROUNDS);
	info = give(s, stranger);
	NEED(wsp.lpWSPCloseSocket(s, &err) == 0);
	NEED(write(to_stranger, &info, sizeof info) == sizeof info);

	info = give(listener, getpid());
	NEED(socket_new(type, &info, &err) == listener);
	info.dwProviderReserved ^= 1;
	NEED(socket_new(type, &info, &err) == INVALID_SOCKET && err == WSAEINVAL);
	NEED(wsp.lpWSPCloseSocket(listener, &err) == 0);
	NEED(wsp.lpWSPCleanup(&err) == 0);
	_exit(0);
}

static void
client(int type)
{
	int err = 0;

	start(&hosts.b);
	for (int connection = 0; connection < 3; connection++) {
		SOCKET s = connect_to(type);

		for (unsigned i = 0; i < ROUNDS; i++)
			NEED(ask(s, (char)i) == 's');
		for (unsigned i = 0; i < ROUNDS; i++)
			NEED(ask(s, (char)i) == 'w');
		NEED(wsp.lpWSPCloseSocket(s, &err) == 0);
	}
	NEED(wsp.lpWSPCleanup(&err) == 0);
	_exit(0);
}

/* A program of its own on the same host. As long as it has sockets it can have none of another
 * family; then it joins, and has new ones there. */
static void
stranger_run(int type, int from)
{
	WSAPROTOCOL_INFOW info;
	int err = 0;
	SOCKET s, own;

	start(&hosts.a);
	own = socket_new(type, NULL, &err);
	NEED(own != INVALID_SOCKET);
	NEED(read(from, &info, sizeof info) == sizeof info);
	NEED(socket_new(type, &info, &err) == INVALID_SOCKET && err == WSAEINVAL);
	NEED(wsp.lpWSPCloseSocket(own, &err) == 0);
	s = socket_new(type, &info, &err);
	NEED(s != INVALID_SOCKET);
	own = socket_new(type, NULL, &err);
	NEED(own != INVALID_SOCKET);
	answer(ready_for_words(s), 'w', ~0u);
	NEED(wsp.lpWSPCloseSocket(s, &err) == 0);
	NEED(wsp.lpWSPCloseSocket(own, &err) == 0);
	NEED(wsp.lpWSPCleanup(&err) == 0);
	_exit(0);
}

static pid_t
stranger_make(int type, int *to)
{
	int way[2];
	pid_t pid;

	assert_int_equal(pipe(way), 0);
	pid = fork();
	if (pid == 0) {
		close(way[1]);
		stranger_run(type, way[0]);
	}
	close(way[0]);
	*to = way[1];
	return pid;
}

static int
status_of(pid_t pid)
{
	int status = -1;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void
given_away(int type)
{
	int ready[2], to_stranger;
	pid_t stranger = stranger_make(type, &to_stranger), serving, asking;
	char byte;

	port++;
	assert_int_equal(pipe(ready), 0);
	serving = fork();
	if (serving == 0)
		server(type, ready[1], stranger, to_stranger);
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	asking = fork();
	if (asking == 0)
		client(type);
	assert_int_equal(status_of(asking), 0);
	assert_int_equal(status_of(serving), 0);
	assert_int_equal(status_of(stranger), 0);
	close(ready[0]);
	close(to_stranger);
}

static void
streams_go_to_a_worker_and_a_stranger(void **state)
{
	given_away(SOCK_STREAM);
}

static void
messages_go_to_a_worker_and_a_stranger(void **state)
{
	given_away(SOCK_SEQPACKET);
}

/* The giver dies with the socket on its way: the worker has it all the same, and is the last. */
static void
dying_server(int ready)
{
	SOCKET listener, s;
	WSAPROTOCOL_INFOW info;
	int err = 0, to;
	pid_t pid;

	start(&hosts.a);
	listener = listen_on(SOCK_STREAM);
	pid = worker_make(SOCK_STREAM, &to);
	NEED(write(ready, "r", 1) == 1);
	s = accept_one(listener);
	answer(s, 's', ROUNDS);
	info = give(s, pid);
	NEED(write(to, &info, sizeof info) == sizeof info);
	kill(getpid(), SIGKILL);
}

static void
dying_client(void)
{
	int err = 0;
	SOCKET s;

	start(&hosts.b);
	s = connect_to(SOCK_STREAM);
	for (unsigned i = 0; i < ROUNDS; i++)
		NEED(ask(s, (char)i) == 's');
	for (unsigned i = 0; i < ROUNDS; i++)
		NEED(ask(s, (char)i) == 'w');
	NEED(wsp.lpWSPCloseSocket(s, &err) == 0);
	NEED(wsp.lpWSPCleanup(&err) == 0);
	_exit(0);
}

static void
c13_the_giver_dies(void **state)
{
	int ready[2];
	pid_t serving, asking;
	char byte;

	port++;
	assert_int_equal(pipe(ready), 0);
	serving = fork();
	if (serving == 0)
		dying_server(ready[1]);
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	asking = fork();
	if (asking == 0)
		dying_client();
	assert_int_equal(status_of(asking), 0);
	assert_int_equal(status_of(serving), SIGKILL);
	close(ready[0]);
}

/* Nobody comes for it: the daemon closes it when the ticket has expired. */
static void
lonely_server(int ready)
{
	SOCKET listener, s;
	int err = 0;

	start(&hosts.a);
	listener = listen_on(SOCK_STREAM);
	NEED(write(ready, "r", 1) == 1);
	s = accept_one(listener);
	(void)give(s, getpid());
	NEED(wsp.lpWSPCloseSocket(s, &err) == 0);
	pause();
}

static void
lonely_client(void)
{
	int err = 0;
	SOCKET s;

	start(&hosts.b);
	s = connect_to(SOCK_STREAM);
	err = transfer(s, false, 0, 1);
	NEED(err == 0); /* end of stream, in order: nothing was unread */
	NEED(wsp.lpWSPCloseSocket(s, &err) == 0);
	_exit(0);
}

static void
c13_nobody_comes_for_it(void **state)
{
	int ready[2];
	pid_t serving, asking;
	char byte;

	port++;
	assert_int_equal(pipe(ready), 0);
	serving = fork();
	if (serving == 0)
		lonely_server(ready[1]);
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	asking = fork();
	if (asking == 0)
		lonely_client();
	assert_int_equal(status_of(asking), 0);
	kill(serving, SIGKILL);
	(void)status_of(serving);
	close(ready[0]);
}

static int
up(void **state)
{
	return two_hosts_up(&hosts, sand, "") ? 0 : 1;
}

static int
down(void **state)
{
	return two_hosts_down(&hosts) ? 0 : 1;
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(streams_go_to_a_worker_and_a_stranger),
	    cmocka_unit_test(messages_go_to_a_worker_and_a_stranger),
	    cmocka_unit_test(c13_the_giver_dies),
	    cmocka_unit_test(c13_nobody_comes_for_it),
	};

	sand = argc > 1 ? argv[1] : "sand";
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("two_processes", tests, up, down);
}
