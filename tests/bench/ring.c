/* SPDX-License-Identifier: BSD-3-Clause */
/* What one send and one recv of a program cost when the ring is not full, and how fast two
 * processors hand bytes to each other through a ring. The daemon is the fake one, stopped while the
 * clock runs, so that only the program's side is measured. One JSON object per line; the budgets
 * (40 ns, 300 ns) are in ARCHITECTURE.md. */
#include <netinet/in.h>
#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <sand/san.h>
#include <sand/upcall.h>

#include "bytes.h"
#include "fake_daemon.h"
#include "proto.h"
#include "relax.h"
#include "waiters.h"

#define RING (4u << 20)

static WSPPROC_TABLE wsp;
static const struct san_linux_table *san;
static char path[64];
static pid_t daemon_pid;

static uint64_t
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void
die(const char *what, int err)
{
	fprintf(stderr, "ring: %s: error %d\n", what, err);
	exit(1);
}

static void
daemon_fork(void)
{
	struct fake_options opt = {.socket = path,
	    .rule = "10.77.0.0/24",
	    .ring_bytes = RING,
	    .socks = 16,
	    .idle_yields = 10};

	snprintf(path, sizeof path, "/tmp/sand-bench-%d.sock", (int)getpid());
	setenv(SAND_SOCKET_ENV, path, 1);
	daemon_pid = fork();
	if (daemon_pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(fake_run(&opt, NULL) != 0);
	}
	for (int i = 0; i < 2000 && access(path, F_OK) != 0; i++)
		usleep(1000);
	usleep(10000);
}

static SOCKET
connected(SOCKET *accepted)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(7)};
	int err = 0;
	SOCKET l = wsp.lpWSPSocket(AF_INET, SOCK_STREAM, 0, NULL, 0, 0, &err), s;

	inet_pton(AF_INET, "10.77.0.1", &in.sin_addr);
	if (wsp.lpWSPBind(l, (struct sockaddr *)&in, sizeof in, &err) != 0 ||
	    wsp.lpWSPListen(l, 1, &err) != 0)
		die("listen", err);
	s = wsp.lpWSPSocket(AF_INET, SOCK_STREAM, 0, NULL, 0, 0, &err);
	(void)wsp.lpWSPConnect(s, (struct sockaddr *)&in, sizeof in, NULL, NULL, NULL, NULL, &err);
	if (san->sanWait(s, POLLOUT, NULL, &err) < 0 || san->sanTakeError(s) != 0 ||
	    san->sanWait(l, POLLIN, NULL, &err) < 0)
		die("connect", err);
	*accepted = wsp.lpWSPAccept(l, NULL, NULL, NULL, 0, &err);
	if (*accepted == INVALID_SOCKET)
		die("accept", err);
	(void)wsp.lpWSPCloseSocket(l, &err);
	return s;
}

/* Calls are timed in batches short enough that most of them are not interrupted; what counts is the
 * median batch. */
enum { BATCH = 256, BATCHES = 64 };

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Nanoseconds of one call. The ring holds all of them: nothing is retried. */
static double
call_cost(SOCKET s, uint32_t size, bool send)
{
	uint8_t buf[4096] = {1};
	struct iovec iov = {buf, size};
	uint32_t fit = RING / 2 / size / BATCH, batches = fit < BATCHES ? fit : BATCHES;
	double ns[BATCHES];
	int err = 0;

	for (uint32_t i = 0; i < batches; i++) {
		uint64_t start = now_ns();

		for (int n = 0; n < BATCH; n++)
			if ((send ? san->sanSend(s, &iov, 1, 0, &err)
				  : san->sanRecv(s, &iov, 1, 0, &err)) != (ssize_t)size)
				die(send ? "send" : "recv", err);
		ns[i] = (double)(now_ns() - start) / BATCH;
	}
	qsort(ns, batches, sizeof ns[0], by_value);
	return ns[batches / 2];
}

static void
measure_size(SOCKET a, SOCKET b, uint32_t size, double *send_ns, double *recv_ns)
{
	uint32_t all = RING / 2 / size / BATCH, in = 0, out, room;
	int err, mark;

	all = (all < BATCHES ? all : BATCHES) * BATCH * size;
	kill(daemon_pid, SIGSTOP);
	*send_ns = call_cost(a, size, true);
	kill(daemon_pid, SIGCONT);
	while (in < all)
		(void)san->sanQueue(b, &in, &out, &room, &mark, &err);
	kill(daemon_pid, SIGSTOP);
	*recv_ns = call_cost(b, size, false);
	kill(daemon_pid, SIGCONT);
}

static void
measure_calls(const char *how)
{
	static const uint32_t sizes[] = {8, 64, 1024, 4096};
	enum { ROUNDS = 9 };
	SOCKET b, a = connected(&b);
	double send[ROUNDS], recv[ROUNDS];
	int err;

	for (int round = 0; round < 3; round++) /* every page of the rings is mapped after this */
		measure_size(a, b, 4096, &send[0], &recv[0]);
	for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		for (int round = 0; round < ROUNDS; round++)
			measure_size(a, b, sizes[i], &send[round], &recv[round]);
		qsort(send, ROUNDS, sizeof send[0], by_value);
		qsort(recv, ROUNDS, sizeof recv[0], by_value);
		printf("{\"bench\":\"ring\",\"process\":\"%s\",\"bytes\":%u,\"send_ns\":%.1f,"
		       "\"recv_ns\":%.1f}\n",
		    how, sizes[i], send[ROUNDS / 2], recv[ROUNDS / 2]);
	}
	(void)wsp.lpWSPCloseSocket(a, &err);
	(void)wsp.lpWSPCloseSocket(b, &err);
}

/* --- two processors --- */

enum { TRIPS = 1000 * BATCH };

static struct shm_sock slot;
static uint8_t memory[2][16384];

static void
pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	(void)sched_setaffinity(0, sizeof set, &set);
}

static void
pass(struct byte_ring ring, _Atomic uint32_t *tail, uint32_t at)
{
	uint64_t word = at;

	byte_ring_write(&ring, at, &word, sizeof word);
	atomic_store_explicit(tail, at + 8, memory_order_release);
	(void)shm_waiters_tell(&slot, SHM_WAIT_ALL, NULL, NULL);
}

static void
await(struct byte_ring ring, _Atomic uint32_t *tail, uint32_t at)
{
	uint64_t word;

	while (atomic_load_explicit(tail, memory_order_acquire) == at)
		cpu_relax();
	byte_ring_read(&ring, at, &word, sizeof word);
}

static void *
answer(void *arg)
{
	struct byte_ring tx = {memory[0], sizeof memory[0]}, rx = {memory[1], sizeof memory[1]};

	pin(1);
	for (uint32_t i = 0; i < TRIPS; i++) {
		await(tx, &slot.tx_tail, i * 8);
		pass(rx, &slot.rx_tail, i * 8);
	}
	return NULL;
}

static void
measure_round_trip(void)
{
	struct byte_ring tx = {memory[0], sizeof memory[0]}, rx = {memory[1], sizeof memory[1]};
	static double ns[TRIPS / BATCH];
	pthread_t thread;
	uint64_t start = 0;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2) {
		printf("{\"bench\":\"round-trip\",\"skipped\":\"one processor\"}\n");
		return;
	}
	pin(0);
	pthread_create(&thread, NULL, answer, NULL);
	usleep(10000);
	for (uint32_t i = 0; i < TRIPS; i++) {
		if (i % BATCH == 0)
			start = now_ns();
		pass(tx, &slot.tx_tail, i * 8);
		await(rx, &slot.rx_tail, i * 8);
		if (i % BATCH == BATCH - 1)
			ns[i / BATCH] = (double)(now_ns() - start) / BATCH;
	}
	pthread_join(thread, NULL);
	qsort(ns, TRIPS / BATCH, sizeof ns[0], by_value);
	printf("{\"bench\":\"round-trip\",\"ns\":%.0f}\n", ns[TRIPS / BATCH / 2]);
}

static void *
nothing(void *arg)
{
	return arg;
}

int
main(void)
{
	static GUID guid = SAN_GUID_LINUX;
	WSPDATA data;
	pthread_t thread;
	DWORD bytes;
	int err;

	daemon_fork();
	err = WSPStartupEx(MAKEWORD(2, 2), &data, NULL, san_default_upcalls(), &wsp);
	if (err != 0)
		die("WSPStartupEx", err);
	if (wsp.lpWSPIoctl(INVALID_SOCKET, SIO_GET_EXTENSION_FUNCTION_POINTER, &guid, sizeof guid,
		(void *)&san, sizeof san, &bytes, NULL, NULL, NULL, &err) != 0)
		die("WSPIoctl", err);
	measure_calls("one thread");
	/* From the second thread on libc says for good that there may be others. */
	pthread_create(&thread, NULL, nothing, NULL);
	measure_calls("several threads");
	pthread_join(thread, NULL);
	(void)wsp.lpWSPCleanup(&err);
	kill(daemon_pid, SIGKILL);
	waitpid(daemon_pid, NULL, 0);
	unlink(path);
	measure_round_trip();
	return 0;
}
