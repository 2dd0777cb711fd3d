/* SPDX-License-Identifier: BSD-3-Clause */
#include "rig.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto.h"

#define LIMIT_MS 5000u

struct fake_daemon *rig_fake;
pid_t rig_pid;
WSPPROC_TABLE rig_wsp;
const struct san_linux_table *rig_san;

static char path[64];

uint64_t
rig_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000u + (uint64_t)ts.tv_nsec / 1000000u;
}

void
rig_sleep_ms(unsigned ms)
{
	struct timespec ts = {ms / 1000, (long)(ms % 1000) * 1000000L};

	nanosleep(&ts, NULL);
}

struct timespec
rig_until_ms(unsigned ms)
{
	uint64_t at = rig_now_ms() + ms;

	return (struct timespec){(time_t)(at / 1000), (long)(at % 1000) * 1000000L};
}

static void
defaults(struct fake_options *opt)
{
	snprintf(path, sizeof path, "/tmp/sand-fake-%d.sock", (int)getpid());
	setenv(SAND_SOCKET_ENV, path, 1);
	opt->socket = path;
	if (opt->rule == NULL)
		opt->rule = "10.77.0.0/24";
}

void
rig_fake_start(struct fake_options opt)
{
	defaults(&opt);
	rig_fake = fake_start(&opt);
	assert_non_null(rig_fake);
}

void
rig_fake_fork(struct fake_options opt)
{
	uint64_t until = rig_now_ms() + LIMIT_MS;

	defaults(&opt);
	unlink(path);
	rig_pid = fork();
	if (rig_pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(fake_run(&opt, NULL) == 0 ? 0 : 1);
	}
	while (access(path, F_OK) != 0 && rig_now_ms() < until)
		rig_sleep_ms(1);
	rig_sleep_ms(5); /* between bind and listen */
}

void
rig_fake_stop(void)
{
	if (rig_fake != NULL)
		fake_stop(rig_fake);
	rig_fake = NULL;
	if (rig_pid > 0) {
		kill(rig_pid, SIGKILL);
		waitpid(rig_pid, NULL, 0);
	}
	rig_pid = 0;
	unlink(path);
}

int
rig_start(void)
{
	static GUID guid = SAN_GUID_LINUX;
	WSPDATA data;
	DWORD bytes = 0;
	int err = WSPStartupEx(MAKEWORD(2, 2), &data, NULL, record_table(), &rig_wsp);

	if (err != 0)
		return err;
	assert_int_equal(
	    rig_wsp.lpWSPIoctl(INVALID_SOCKET, SIO_GET_EXTENSION_FUNCTION_POINTER, &guid,
		sizeof guid, (void *)&rig_san, sizeof rig_san, &bytes, NULL, NULL, NULL, &err),
	    0);
	assert_int_equal(bytes, sizeof rig_san);
	assert_int_equal(rig_san->version, SAN_LINUX_VERSION);
	return 0;
}

void
rig_end(void)
{
	int err = 0;

	assert_int_equal(rig_wsp.lpWSPCleanup(&err), 0);
	assert_int_equal(record_open(), 0);
	assert_int_equal(record_created(), record_closed());
	assert_false(record_violated());
	if (rig_fake != NULL) {
		rig_quiet();
		for (unsigned i = 0; i < LIMIT_MS && fake_sessions(rig_fake) != 0; i++)
			rig_sleep_ms(1);
		assert_int_equal(fake_sessions(rig_fake), 0);
	}
}

int
rig_setup(void **state)
{
	record_clear();
	rig_fake_start((struct fake_options){.idle_yields = 20});
	assert_int_equal(rig_start(), 0);
	return 0;
}

int
rig_teardown(void **state)
{
	rig_end();
	rig_fake_stop();
	return 0;
}

struct sockaddr_storage
rig_addr(const char *ip, uint16_t port)
{
	struct sockaddr_storage ss = {0};
	struct sockaddr_in *in = (struct sockaddr_in *)&ss;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&ss;

	if (inet_pton(AF_INET, ip, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
		in->sin_port = htons(port);
	} else {
		assert_int_equal(inet_pton(AF_INET6, ip, &in6->sin6_addr), 1);
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(port);
	}
	return ss;
}

SOCKET
rig_socket(void)
{
	int err = 0;
	SOCKET s = rig_wsp.lpWSPSocket(
	    AF_INET, SOCK_STREAM, IPPROTO_TCP, NULL, 0, WSA_FLAG_OVERLAPPED, &err);

	assert_int_equal(err, 0);
	assert_true(s != INVALID_SOCKET);
	return s;
}

SOCKET
rig_listener(uint16_t port, int backlog)
{
	struct sockaddr_storage a = rig_addr("10.77.0.1", port);
	SOCKET s = rig_socket();
	int err = 0;

	assert_int_equal(
	    rig_wsp.lpWSPBind(s, (struct sockaddr *)&a, sizeof(struct sockaddr_in), &err), 0);
	assert_int_equal(rig_wsp.lpWSPListen(s, backlog, &err), 0);
	return s;
}

int
rig_wait(SOCKET s, short events)
{
	struct timespec until = rig_until_ms(2000);
	int err = 0, bits;

	do
		bits = rig_san->sanWait(s, events, &until, &err);
	while (bits < 0 && err == WSAEINTR);
	assert_true(bits >= 0);
	return bits;
}

int
rig_connect(SOCKET s, const char *ip, uint16_t port)
{
	struct sockaddr_storage a = rig_addr(ip, port);
	int err = 0;

	assert_int_equal(
	    rig_wsp.lpWSPConnect(s, (struct sockaddr *)&a, sizeof a, NULL, NULL, NULL, NULL, &err),
	    SOCKET_ERROR);
	assert_int_equal(err, WSAEWOULDBLOCK);
	assert_true(rig_wait(s, POLLOUT) != 0);
	return rig_san->sanTakeError(s);
}

SOCKET
rig_accept(SOCKET listener)
{
	int err = 0;
	SOCKET s;

	assert_true((rig_wait(listener, POLLIN) & POLLIN) != 0);
	s = rig_wsp.lpWSPAccept(listener, NULL, NULL, NULL, 0, &err);
	assert_true(s != INVALID_SOCKET);
	return s;
}

void
rig_pair(SOCKET *a, SOCKET *b)
{
	SOCKET l = rig_listener(RIG_PORT, 4);

	*a = rig_socket();
	assert_int_equal(rig_connect(*a, "10.77.0.1", RIG_PORT), 0);
	*b = rig_accept(l);
	rig_close(l);
}

ssize_t
rig_send_some(SOCKET s, const void *buf, size_t len, int flags, int *err)
{
	struct iovec iov = {(void *)(uintptr_t)buf, len};

	*err = 0;
	return rig_san->sanSend(s, &iov, 1, flags, err);
}

ssize_t
rig_recv_some(SOCKET s, void *buf, size_t len, int flags, int *err)
{
	struct iovec iov = {buf, len};

	*err = 0;
	return rig_san->sanRecv(s, &iov, 1, flags, err);
}

void
rig_send(SOCKET s, const void *buf, size_t len)
{
	const uint8_t *p = buf;
	int err;

	while (len > 0) {
		ssize_t n = rig_send_some(s, p, len, 0, &err);

		if (n < 0) {
			assert_int_equal(err, WSAEWOULDBLOCK);
			assert_true(rig_wait(s, POLLOUT) != 0);
			continue;
		}
		p += n;
		len -= (size_t)n;
	}
}

size_t
rig_recv(SOCKET s, void *buf, size_t len, int *err)
{
	uint8_t *p = buf;
	size_t got = 0;

	while (got < len) {
		ssize_t n = rig_recv_some(s, p + got, len - got, 0, err);

		if (n < 0 && *err == WSAEWOULDBLOCK) {
			assert_true(rig_wait(s, POLLIN) != 0);
			continue;
		}
		if (n <= 0)
			break;
		got += (size_t)n;
	}
	return got;
}

void
rig_close(SOCKET s)
{
	int err = 0;

	assert_int_equal(rig_wsp.lpWSPCloseSocket(s, &err), 0);
}

void
rig_quiet(void)
{
	for (unsigned i = 0; i < LIMIT_MS && fake_slots_used(rig_fake) != 0; i++)
		rig_sleep_ms(1);
	assert_int_equal(fake_slots_used(rig_fake), 0);
}
