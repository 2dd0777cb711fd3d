/* SPDX-License-Identifier: BSD-3-Clause */
/* Message mode and RDMA from program to program: the provider in two processes, a real daemon
 * behind each, frames between them. Messages of every size both ways, RDMA both ways on either kind
 * of socket, and what a close looks like at the other end. */
#include "test.h"

#include <poll.h>
#include <sand/san.h>
#include <sand/upcall.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto.h"
#include "two_hosts.h"

#define ARENA	 (1u << 20)
#define BULK	 250001u /* several times what the rings hold */
#define MESSAGES 300u
#define PORT	 7471
#define POLLED	 ((WSAEVENT)1)
#define LIMIT_S	 60

static const char *sand, *example, *sandctl;
static struct two_hosts hosts;

/* A program: either end. Not cmocka's assertions: one of them is a child. */
#define NEED(x)                                                                                 \
	do {                                                                                    \
		if (!(x)) {                                                                     \
			fprintf(stderr, "%s:%d: %s (error %d)\n", __FILE__, __LINE__, #x, err); \
			_exit(1);                                                               \
		}                                                                               \
	} while (0)

static WSPPROC_TABLE wsp;
static uint8_t *arena;
static HANDLE handle;
static LPFN_WSPREGISTERMEMORY reg;
static LPFN_WSPREGISTERRDMAMEMORY expose;
static LPFN_WSPRDMAWRITE rdma_write;
static LPFN_WSPRDMAREAD rdma_read;

static void
find(GUID guid, void *to)
{
	DWORD bytes;
	int err = 0;

	NEED(wsp.lpWSPIoctl(INVALID_SOCKET, SIO_GET_EXTENSION_FUNCTION_POINTER, &guid, sizeof guid,
		 to, sizeof(void *), &bytes, NULL, NULL, NULL, &err) == 0);
}

static SOCKET
start(const struct host *host, int type)
{
	WSPDATA data;
	SOCKET s;
	int err;

	alarm(LIMIT_S);
	setenv(SAND_SOCKET_ENV, host->socket, 1);
	err = WSPStartupEx(MAKEWORD(2, 2), &data, NULL, san_default_upcalls(), &wsp);
	NEED(err == 0);
	find((GUID)WSAID_REGISTERMEMORY, &reg);
	find((GUID)WSAID_REGISTERRDMAMEMORY, &expose);
	find((GUID)WSAID_RDMAWRITE, &rdma_write);
	find((GUID)WSAID_RDMAREAD, &rdma_read);
	arena = mmap(NULL, ARENA, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	s = wsp.lpWSPSocket(AF_INET, type, 0, NULL, 0, WSA_FLAG_OVERLAPPED, &err);
	NEED(s != INVALID_SOCKET);
	return s;
}

static void
event_wait(WSAEVENT event)
{
	struct pollfd p = {(int)(intptr_t)event, POLLIN, 0};
	int err = 0;

	NEED(poll(&p, 1, LIMIT_S * 1000) == 1);
}

static void
post(SOCKET s, bool send, size_t at, size_t len, WSAOVERLAPPED *ov)
{
	WSABUF w = {len, (char *)arena + at};
	int err = 0;

	*ov = (WSAOVERLAPPED){.hEvent = POLLED};
	if (send)
		(void)wsp.lpWSPSend(s, &w, 1, NULL, 0, ov, NULL, NULL, &err);
	else
		(void)wsp.lpWSPRecv(s, &w, 1, NULL, NULL, ov, NULL, NULL, &err);
	NEED(err == WSA_IO_PENDING);
}

/* The bytes, or the error negated. */
static int
await(SOCKET s, WSAOVERLAPPED *ov)
{
	DWORD bytes, flags;
	int err = 0;

	return wsp.lpWSPGetOverlappedResult(s, ov, &bytes, TRUE, &flags, &err) ? (int)bytes : -err;
}

static uint32_t
next(uint32_t *seed)
{
	return *seed = *seed * 1103515245u + 12345u;
}

static void
fill(uint8_t *p, size_t len, uint32_t seed)
{
	for (size_t i = 0; i < len; i++)
		p[i] = (uint8_t)(next(&seed) >> 16);
}

static size_t
length(unsigned i, uint32_t max)
{
	uint32_t seed = i;

	return i % 20 == 0 ? 0 : i % 20 == 1 ? max : next(&seed) % max;
}

static uint32_t
message_max(SOCKET s)
{
	uint32_t max = 0;
	INT len = sizeof max;
	int err = 0;

	NEED(wsp.lpWSPGetSockOpt(s, SOL_SOCKET, SO_MAX_MSG_SIZE, (char *)&max, &len, &err) == 0);
	NEED(max >= 1024 && max <= ARENA / 4);
	return max;
}

/* Nothing comes but the end, which may be there already. */
static void
end_expect(SOCKET s)
{
	WSABUF w = {1, (char *)arena};
	WSAOVERLAPPED ov = {.hEvent = POLLED};
	int err = 0;

	(void)wsp.lpWSPRecv(s, &w, 1, NULL, NULL, &ov, NULL, NULL, &err);
	if (err == WSA_IO_PENDING)
		err = -await(s, &ov);
	NEED(err == WSAECONNRESET);
}

/* A socket's handle serves as its event. */
static WSAEVENT
own_event(SOCKET s)
{
	int fd = san_socket_fd(s), err = 0;

	NEED(fd > 2);
	return (WSAEVENT)(intptr_t)fd;
}

/* A receive whose end the handle tells. */
static void
byte_await(SOCKET s)
{
	WSAOVERLAPPED ov = {0};
	WSABUF w = {1, (char *)arena};
	uint64_t completions;
	int err = 0;

	(void)wsp.lpWSPRecv(s, &w, 1, NULL, NULL, &ov, NULL, NULL, &err);
	NEED(err == WSA_IO_PENDING);
	event_wait(own_event(s));
	NEED(read(san_socket_fd(s), &completions, sizeof completions) == sizeof completions);
	NEED(completions == 1 && ov.Internal == 0 && ov.InternalHigh == 1);
}

static SOCKET
accept_one(SOCKET listener)
{
	WSAEVENT event = own_event(listener);
	int err = 0;
	SOCKET s;

	NEED(wsp.lpWSPEventSelect(listener, event, FD_ACCEPT, &err) == 0);
	event_wait(event);
	s = wsp.lpWSPAccept(listener, NULL, NULL, NULL, 0, &err);
	NEED(s != INVALID_SOCKET);
	handle = reg(s, arena, ARENA, MEM_READWRITE, &err);
	NEED(handle != NULL);
	return s;
}

/* Returns every message as it came, then gives its memory away, then sees the end. */
static void
serve(SOCKET listener)
{
	WSAOVERLAPPED ov;
	SOCKET s = accept_one(listener);
	uint32_t max = message_max(s);
	DWORD len = 24;
	int err = 0;

	for (unsigned i = 0; i < MESSAGES; i++) {
		post(s, false, 0, max, &ov);
		err = await(s, &ov);
		NEED(err == (int)length(i, max));
		post(s, true, 0, length(i, max), &ov);
		NEED(await(s, &ov) >= 0);
	}
	memset(arena, 0, ARENA);
	NEED(expose(s, arena + 4096, BULK + 2, MEM_READWRITE, arena, &len, &err) == 0);
	post(s, true, 0, 24, &ov);
	NEED(await(s, &ov) == 24);
	byte_await(s); /* "it is there" */
	fill(arena + ARENA / 2, BULK, 99);
	NEED(arena[4096] == 0 && memcmp(arena + 4097, arena + ARENA / 2, BULK) == 0 &&
	     arena[4097 + BULK] == 0);
	end_expect(s);
	NEED(wsp.lpWSPCloseSocket(s, &err) == 0);
	NEED(wsp.lpWSPCloseSocket(listener, &err) == 0);
	NEED(wsp.lpWSPCleanup(&err) == 0);
	_exit(0);
}

/* Several messages under way, each echoed whole and in order. */
static void
messages(SOCKET s, uint32_t max)
{
	enum { AHEAD = 4 };
	WSAOVERLAPPED out[AHEAD], in;
	int err = 0;

	for (unsigned i = 0; i < MESSAGES + AHEAD; i++) {
		if (i >= AHEAD) {
			size_t len = length(i - AHEAD, max);

			post(s, false, ARENA / 2, max, &in);
			err = await(s, &in);
			NEED(err == (int)len);
			fill(arena + 3 * (ARENA / 4), len, i - AHEAD);
			NEED(memcmp(arena + ARENA / 2, arena + 3 * (ARENA / 4), len) == 0);
			NEED(await(s, &out[i % AHEAD]) == (int)len);
		}
		if (i >= MESSAGES)
			continue;
		fill(arena + i % AHEAD * (ARENA / 8), length(i, max), i);
		post(s, true, i % AHEAD * (ARENA / 8), length(i, max), &out[i % AHEAD]);
	}
}

static void
rdma(SOCKET s)
{
	WSABUFEX from = {BULK, (char *)arena, handle},
		 to = {BULK, (char *)arena + ARENA / 2, handle};
	WSAOVERLAPPED ov, write = {.hEvent = POLLED}, read = {.hEvent = POLLED};
	uint8_t desc[24];
	int err = 0;

	post(s, false, 0, 24, &ov);
	NEED(await(s, &ov) == 24);
	memcpy(desc, arena, 24);
	fill(arena, BULK, 99);
	(void)rdma_write(s, &from, 1, desc, 24, 1, NULL, 0, &write, NULL, NULL, &err);
	NEED(err == WSA_IO_PENDING);
	(void)rdma_read(s, &to, 1, desc, 24, 1, NULL, 0, &read, NULL, NULL, &err);
	NEED(err == WSA_IO_PENDING);
	NEED(await(s, &write) == (int)BULK);
	NEED(await(s, &read) == (int)BULK);
	NEED(memcmp(arena, arena + ARENA / 2, BULK) == 0);
	post(s, true, 0, 1, &ov);
	NEED(await(s, &ov) == 1);
}

/* A stream's, which come in pieces. */
static void
bytes_await(SOCKET s, size_t at, size_t len)
{
	WSAOVERLAPPED ov;
	int err = 0;

	for (size_t have = 0; have < len; have += (size_t)err) {
		post(s, false, at + have, len - have, &ov);
		err = await(s, &ov);
		NEED(err > 0);
	}
}

enum { HERE = 0, BACK = ARENA / 4, EXPOSED = ARENA / 2, NOTE = ARENA / 4 * 3 };

static void
rdma_post(SOCKET s, bool write, uint8_t *desc, size_t at, WSAOVERLAPPED *ov)
{
	WSABUFEX b = {BULK, (char *)arena + at, handle};
	int err = 0;

	*ov = (WSAOVERLAPPED){.hEvent = POLLED};
	(void)(write ? rdma_write : rdma_read)(
	    s, &b, 1, desc, 24, 1, NULL, 0, ov, NULL, NULL, &err);
	NEED(err == WSA_IO_PENDING);
}

/* Nobody asks for the result: the upcall thread has to find out that it may go on, and when it is
 * done. */
static void
rdma_by_upcall(SOCKET s, bool write, uint8_t *desc, size_t at)
{
	WSABUFEX b = {BULK, (char *)arena + at, handle};
	int err = 0;
	WSAOVERLAPPED ov = {.hEvent = san_default_upcalls()->lpWPUCreateEvent(&err)};

	(void)(write ? rdma_write : rdma_read)(
	    s, &b, 1, desc, 24, 1, NULL, 0, &ov, NULL, NULL, &err);
	NEED(err == WSA_IO_PENDING);
	event_wait(ov.hEvent);
	err = (int)ov.OffsetHigh;
	NEED(err == 0 && ov.InternalHigh == BULK);
}

/* Both ends of a stream do this at once. What is announced is not waited for by who announces it.
 */
static void
stream_rdma(SOCKET s, uint32_t mine, uint32_t yours)
{
	WSAOVERLAPPED write, read, told;
	uint8_t desc[24];
	DWORD len = 24;
	int err = 0;

	NEED(expose(s, arena + EXPOSED, BULK + 2, MEM_READWRITE, arena + NOTE, &len, &err) == 0);
	post(s, true, NOTE, 24, &told);
	NEED(await(s, &told) == 24);
	bytes_await(s, NOTE, 24);
	memcpy(desc, arena + NOTE, 24);
	fill(arena + HERE, BULK, mine);
	rdma_post(s, true, desc, HERE, &write);
	post(s, true, NOTE, 1, &told); /* "it is there" */
	rdma_post(s, false, desc, BACK, &read);
	bytes_await(s, NOTE + 64, 1);
	NEED(await(s, &write) == (int)BULK);
	NEED(await(s, &told) == 1);
	NEED(await(s, &read) == (int)BULK);
	NEED(memcmp(arena + HERE, arena + BACK, BULK) == 0);
	memset(arena + BACK, 0, BULK);
	rdma_by_upcall(s, true, desc, HERE);
	rdma_by_upcall(s, false, desc, BACK);
	NEED(memcmp(arena + HERE, arena + BACK, BULK) == 0);
	fill(arena + HERE, BULK, yours);
	NEED(memcmp(arena + HERE, arena + EXPOSED + 1, BULK) == 0);
	NEED(arena[EXPOSED] == 0 && arena[EXPOSED + 1 + BULK] == 0);
	/* Nobody goes on before both have seen that. */
	post(s, true, NOTE, 1, &told);
	NEED(await(s, &told) == 1);
	bytes_await(s, NOTE + 64, 1);
	memcpy(arena + NOTE, desc, 24); /* for those who want to do more */
}

static void
serve_stream(SOCKET listener)
{
	WSAOVERLAPPED ov;
	SOCKET s = accept_one(listener);
	int err = 0;

	stream_rdma(s, 1, 2);
	/* The peer reaches for what it may not have. */
	post(s, false, 0, 1, &ov);
	NEED(await(s, &ov) == -WSAECONNABORTED);
	NEED(arena[EXPOSED + 1 + BULK] == 0);
	NEED(wsp.lpWSPCloseSocket(s, &err) == 0);
	/* The next one goes with RDMA under way: nothing of it may hurt. */
	s = accept_one(listener);
	stream_rdma(s, 3, 4);
	end_expect(s);
	NEED(wsp.lpWSPCloseSocket(s, &err) == 0);
	NEED(wsp.lpWSPCloseSocket(listener, &err) == 0);
	NEED(wsp.lpWSPCleanup(&err) == 0);
	_exit(0);
}

static void
connect_to(SOCKET s)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(PORT)};
	WSAEVENT event = own_event(s);
	WSANETWORKEVENTS seen;
	int err = 0;

	to.sin_addr.s_addr = htonl(0x0a4d0001); /* HOST_A */
	NEED(wsp.lpWSPEventSelect(s, event, FD_CONNECT, &err) == 0);
	(void)wsp.lpWSPConnect(s, (struct sockaddr *)&to, sizeof to, NULL, NULL, NULL, NULL, &err);
	NEED(err == WSAEWOULDBLOCK);
	event_wait(event);
	NEED(wsp.lpWSPEnumNetworkEvents(s, event, &seen, &err) == 0);
	err = seen.iErrorCode[FD_CONNECT_BIT];
	NEED(err == 0);
	handle = reg(s, arena, ARENA, MEM_READWRITE, &err);
	NEED(handle != NULL);
}

static void
call_stream(SOCKET s)
{
	WSAOVERLAPPED ov[3];
	uint8_t desc[24];
	int err = 0;

	connect_to(s);
	stream_rdma(s, 2, 1);
	memcpy(desc, arena + NOTE, 24);
	desc[23] ^= 1; /* a key that is not given out */
	rdma_post(s, true, desc, HERE, &ov[0]);
	NEED(await(s, &ov[0]) == -WSAECONNRESET);
	NEED(wsp.lpWSPCloseSocket(s, &err) == 0);
	s = wsp.lpWSPSocket(AF_INET, SOCK_STREAM, 0, NULL, 0, WSA_FLAG_OVERLAPPED, &err);
	NEED(s != INVALID_SOCKET);
	memset(arena, 0, ARENA);
	connect_to(s);
	stream_rdma(s, 4, 3);
	memcpy(desc, arena + NOTE, 24);
	for (int i = 0; i < 3; i++)
		rdma_post(s, i != 1, desc, HERE, &ov[i]);
	NEED(wsp.lpWSPCloseSocket(s, &err) == 0);
	for (int i = 0; i < 3; i++)
		NEED(ov[i].Internal == 0);
	NEED(ov[2].OffsetHigh == WSA_OPERATION_ABORTED); /* many times what the rings hold */
	NEED(wsp.lpWSPCleanup(&err) == 0);
	_exit(0);
}

static void
call(SOCKET s)
{
	int err = 0;

	connect_to(s);
	messages(s, message_max(s));
	rdma(s);
	NEED(wsp.lpWSPCloseSocket(s, &err) == 0);
	NEED(wsp.lpWSPCleanup(&err) == 0);
	_exit(0);
}

static SOCKET
listen_on(SOCKET s, int *err)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(PORT)};

	if (wsp.lpWSPBind(s, (struct sockaddr *)&at, sizeof at, err) != 0 ||
	    wsp.lpWSPListen(s, 4, err) != 0)
		return INVALID_SOCKET;
	return s;
}

static void
both_run(int type, void (*server_does)(SOCKET), void (*client_does)(SOCKET))
{
	int ready[2], status[2] = {-1, -1}, err = 0;
	char byte;
	pid_t server, client;

	assert_int_equal(pipe(ready), 0);
	server = fork();
	if (server == 0) {
		SOCKET s = start(&hosts.a, type);

		NEED(listen_on(s, &err) != INVALID_SOCKET && write(ready[1], "r", 1) == 1);
		server_does(s);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	client = fork();
	if (client == 0)
		client_does(start(&hosts.b, type));
	assert_int_equal(waitpid(client, &status[1], 0), client);
	assert_int_equal(waitpid(server, &status[0], 0), server);
	assert_int_equal(status[1], 0);
	assert_int_equal(status[0], 0);
	close(ready[0]);
}

static void
messages_and_rdma_between_two_daemons(void **state)
{
	both_run(SOCK_SEQPACKET, serve, call);
}

static void
rdma_on_streams_between_two_daemons(void **state)
{
	both_run(SOCK_STREAM, serve_stream, call_stream);
}

/* Packets the host's daemon moved by a system call, not in place. */
static unsigned long
far_packets(const struct host *h)
{
	unsigned long sum = 0, n;
	char line[400], *at;
	FILE *f;

	snprintf(line, sizeof line, "%s -s %s/ctl.sock show counters all", sandctl, h->dir);
	f = popen(line, "r");
	assert_non_null(f);
	while (fgets(line, sizeof line, f) != NULL) {
		at = strstr(line, "far_");
		if (at != NULL && sscanf(at, "%*s %lu", &n) == 1)
			sum += n;
	}
	assert_int_equal(pclose(f), 0);
	return sum;
}

/* What the example prints in both roles; the server's first line says that it listens. */
static pid_t
example_run(const struct host *host, const char *const argv[], int *out)
{
	int way[2];
	pid_t pid;

	assert_int_equal(pipe(way), 0);
	pid = fork();
	if (pid == 0) {
		setenv(SAND_SOCKET_ENV, host->socket, 1);
		dup2(way[1], 1);
		alarm(LIMIT_S);
		execv(example, (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	close(way[1]);
	*out = way[0];
	return pid;
}

static void
lines_expect(int fd, const char *want)
{
	char got[200] = "";
	size_t have = 0, len = strlen(want);
	ssize_t n;

	while (have < len && (n = read(fd, got + have, len - have)) > 0)
		have += (size_t)n;
	assert_string_equal(got, want);
}

static void
example_expect(const char *const serve_argv[], const char *const ask_argv[])
{
	int from_server, from_client, status[2] = {-1, -1};
	unsigned long far_before = far_packets(&hosts.a);
	pid_t server = example_run(&hosts.a, serve_argv, &from_server), client;

	/* The tests before gave their peers other memory, the example's is the daemon's, too. */
	assert_int_not_equal(far_before, 0);
	lines_expect(from_server, "ready\n");
	client = example_run(&hosts.b, ask_argv, &from_client);
	lines_expect(from_client, "read back: hello, memory\n");
	lines_expect(from_server, "the peer wrote: hello, memory\n");
	waitpid(client, &status[0], 0);
	waitpid(server, &status[1], 0);
	assert_int_equal(status[0], 0);
	assert_int_equal(status[1], 0);
	assert_int_equal(far_packets(&hosts.a), far_before);
	close(from_server);
	close(from_client);
}

static void
the_example_writes_and_reads(void **state)
{
	const char *const serve_argv[] = {example, "serve", HOST_A, "7472", NULL};
	const char *const ask_argv[] = {example, HOST_A, "7472", "hello, memory", NULL};
	const char *const serve_stream_argv[] = {example, "stream", "serve", HOST_A, "7473", NULL};
	const char *const ask_stream_argv[] = {
	    example, "stream", HOST_A, "7473", "hello, memory", NULL};

	example_expect(serve_argv, ask_argv);
	example_expect(serve_stream_argv, ask_stream_argv);
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
	const struct CMUnitTest tests[] = {cmocka_unit_test(messages_and_rdma_between_two_daemons),
	    cmocka_unit_test(rdma_on_streams_between_two_daemons),
	    cmocka_unit_test(the_example_writes_and_reads)};

	if (argc < 4)
		return 2;
	sand = argv[1];
	example = argv[2];
	sandctl = argv[3];
	return cmocka_run_group_tests(tests, up, down);
}
