/* SPDX-License-Identifier: BSD-3-Clause */
/* What sanAlloc is worth: RDMA into memory that the daemon shares (`heap`) and into other memory of
 * the program (`other`, a system call per packet at the daemon), by turns over one connection.
 *
 * usage: bench_rdma serve ADDRESS PORT
 *        bench_rdma ADDRESS PORT [ROUNDS] */
#include "example.h"

#include <sand/san.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PIECE  (1u << 20)
#define PIECES 64u /* each way, each round */
#define POLLED ((WSAEVENT)1)

static LPFN_WSPREGISTERMEMORY register_memory;
static LPFN_WSPREGISTERRDMAMEMORY register_rdma_memory;
static LPFN_WSPRDMAWRITE rdma_write;
static LPFN_WSPRDMAREAD rdma_read;
static const struct san_linux_table *san;

/* The descriptors of the server's two pieces, as the client gets them. */
static struct {
	BYTE heap[24], other[24];
} desc;
static char other[PIECE], local[PIECE];

static void
find(GUID guid, void *function)
{
	DWORD bytes;
	int err = 0;

	if (wsp.lpWSPIoctl(INVALID_SOCKET, SIO_GET_EXTENSION_FUNCTION_POINTER, &guid, sizeof guid,
		function, sizeof(void *), &bytes, NULL, NULL, NULL, &err) != 0)
		example_fail("WSPIoctl", err);
}

static HANDLE
registered(SOCKET s, void *at, DWORD len)
{
	int err = 0;
	HANDLE h = register_memory(s, at, len, MEM_READWRITE, &err);

	if (h == NULL)
		example_fail("WSPRegisterMemory", err);
	return h;
}

/* Wait for an operation that was to be WSA_IO_PENDING; its error. */
static int
finish(SOCKET s, WSAOVERLAPPED *ov, int err)
{
	DWORD bytes, flags;

	if (err == WSA_IO_PENDING &&
	    wsp.lpWSPGetOverlappedResult(s, ov, &bytes, TRUE, &flags, &err))
		return 0;
	return err;
}

static void
expose(SOCKET s, void *at, BYTE to[24])
{
	DWORD len = 24;
	int err = 0;

	if (register_rdma_memory(s, at, PIECE, MEM_READWRITE, to, &len, &err) != 0)
		example_fail("WSPRegisterRdmaMemory", err);
}

static void
serve(const char *ip, const char *port)
{
	SOCKET listener = example_listen(SOCK_SEQPACKET, ip, port), s;
	WSABUF b = {sizeof desc, (char *)&desc};
	WSAOVERLAPPED ov = {.hEvent = POLLED};
	void *heap;
	int err = 0;

	printf("ready\n");
	fflush(stdout);
	s = example_accept(listener);
	heap = san->sanAlloc(PIECE, &err);
	if (heap == NULL)
		example_fail("sanAlloc", err);
	memset(heap, 1, PIECE);
	memset(other, 1, PIECE);
	expose(s, heap, desc.heap);
	expose(s, other, desc.other);
	registered(s, &desc, sizeof desc);
	wsp.lpWSPSend(s, &b, 1, NULL, 0, &ov, NULL, NULL, &err);
	err = finish(s, &ov, err);
	if (err != 0)
		example_fail("WSPSend", err);
	wsp.lpWSPRecv(s, &b, 1, NULL, NULL, &ov, NULL, NULL, &err);
	(void)finish(s, &ov, err); /* until the client goes */
}

static double
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* Gbit/s. */
static double
rate(SOCKET s, HANDLE h, BYTE to[24], LPFN_WSPRDMAWRITE move)
{
	double begin = now();

	for (unsigned i = 0; i < PIECES; i++) {
		WSABUFEX b = {PIECE, local, h};
		WSAOVERLAPPED ov = {.hEvent = POLLED};
		int err = 0;

		move(s, &b, 1, to, 24, 0, NULL, 0, &ov, NULL, NULL, &err);
		err = finish(s, &ov, err);
		if (err != 0)
			example_fail("RDMA", err);
	}
	return 8.0 * PIECE * PIECES / (now() - begin) / 1e9;
}

static void
compare(SOCKET s, HANDLE h, const char *what, LPFN_WSPRDMAWRITE move)
{
	double heap = rate(s, h, desc.heap, move), far = rate(s, h, desc.other, move);

	printf("%-5s heap %6.2f  other %6.2f Gbit/s  ratio %.2f\n", what, heap, far, heap / far);
}

static void
ask(const char *ip, const char *port, unsigned rounds)
{
	SOCKET s = example_socket(SOCK_SEQPACKET);
	WSABUF b = {sizeof desc, (char *)&desc};
	WSAOVERLAPPED ov = {.hEvent = POLLED};
	int err = example_connect(s, ip, port);
	HANDLE h;

	if (err != 0)
		example_fail("WSPConnect", err);
	registered(s, &desc, sizeof desc);
	h = registered(s, local, sizeof local);
	wsp.lpWSPRecv(s, &b, 1, NULL, NULL, &ov, NULL, NULL, &err);
	err = finish(s, &ov, err);
	if (err != 0)
		example_fail("WSPRecv", err);
	for (unsigned i = 0; i < rounds; i++) {
		compare(s, h, "write", rdma_write);
		compare(s, h, "read", rdma_read);
	}
}

int
main(int argc, char **argv)
{
	if (argc != 3 && argc != 4) {
		fprintf(stderr, "usage: bench_rdma serve ADDRESS PORT\n"
				"       bench_rdma ADDRESS PORT [ROUNDS]\n");
		return 2;
	}
	example_start(san_default_upcalls());
	find((GUID)SAN_GUID_LINUX, &san);
	find((GUID)WSAID_REGISTERMEMORY, &register_memory);
	find((GUID)WSAID_REGISTERRDMAMEMORY, &register_rdma_memory);
	find((GUID)WSAID_RDMAWRITE, &rdma_write);
	find((GUID)WSAID_RDMAREAD, &rdma_read);
	if (strcmp(argv[1], "serve") == 0 && argc == 4)
		serve(argv[2], argv[3]);
	else
		ask(argv[1], argv[2], argc == 4 ? (unsigned)strtoul(argv[3], NULL, 10) : 5);
	return 0;
}
