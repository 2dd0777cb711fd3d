/* SPDX-License-Identifier: BSD-3-Clause */
/* RDMA: the server lets its peer reach a piece of its memory and sends it the descriptor. The
 * client writes a text there, reads it back, and says that it is done: what is sent behind RDMA
 * arrives behind it. In message mode, or with "stream" on a byte stream.
 *
 * usage: rdma [stream] serve ADDRESS PORT
 *        rdma [stream] ADDRESS PORT TEXT */
#include "example.h"

#include <sand/san.h>
#include <stdio.h>
#include <string.h>

static int type = SOCK_SEQPACKET;
static LPFN_WSPREGISTERMEMORY register_memory;
static LPFN_WSPREGISTERRDMAMEMORY register_rdma_memory;
static LPFN_WSPRDMAWRITE rdma_write;
static LPFN_WSPRDMAREAD rdma_read;

/* All that operations of this program touch: registered once, as a whole. It is the daemon's, too,
 * which so moves what the peer reads and writes there in place. Any other memory would do, at the
 * price of a system call for each packet. */
static struct memory {
	BYTE descriptor[24];
	char done;
	char text[1024];
	char back[1024];
} * memory;
static const struct san_linux_table *san;

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
prepare(SOCKET s)
{
	int err = 0;
	HANDLE h;

	find((GUID)SAN_GUID_LINUX, &san);
	memory = san->sanAlloc(sizeof *memory, &err);
	if (memory == NULL)
		example_fail("sanAlloc", err);
	find((GUID)WSAID_REGISTERMEMORY, &register_memory);
	find((GUID)WSAID_REGISTERRDMAMEMORY, &register_rdma_memory);
	find((GUID)WSAID_RDMAWRITE, &rdma_write);
	find((GUID)WSAID_RDMAREAD, &rdma_read);
	h = register_memory(s, memory, sizeof *memory, MEM_READWRITE, &err);
	if (h == NULL)
		example_fail("WSPRegisterMemory", err);
	return h;
}

/* Wait for an operation that was to be WSA_IO_PENDING. Returns its bytes. */
static DWORD
finish(SOCKET s, WSAOVERLAPPED *ov, int err, const char *what)
{
	DWORD bytes, flags;

	if (err != WSA_IO_PENDING ||
	    !wsp.lpWSPGetOverlappedResult(s, ov, &bytes, TRUE, &flags, &err))
		example_fail(what, err);
	return bytes;
}

static void
message_send(SOCKET s, void *from, u_long len)
{
	WSABUF b = {len, (char *)from};
	WSAOVERLAPPED ov = {.hEvent = (WSAEVENT)1}; /* no upcall: the result is asked for */
	int err = 0;

	wsp.lpWSPSend(s, &b, 1, NULL, 0, &ov, NULL, NULL, &err);
	finish(s, &ov, err, "WSPSend");
}

/* A message comes whole, a stream's bytes as they come. */
static void
message_recv(SOCKET s, char *to, u_long len)
{
	while (len > 0) {
		WSABUF b = {len, to};
		WSAOVERLAPPED ov = {.hEvent = (WSAEVENT)1};
		int err = 0;
		DWORD n;

		wsp.lpWSPRecv(s, &b, 1, NULL, NULL, &ov, NULL, NULL, &err);
		n = finish(s, &ov, err, "WSPRecv");
		if (n == 0)
			example_fail("WSPRecv", WSAECONNRESET);
		len -= n;
		to += n;
	}
}

/* A close is abrupt in message mode and may overtake what acknowledges the peer's last message: who
 * received it lets the other close first. A stream just ends. */
static void
peer_closes(SOCKET s)
{
	WSABUF b = {1, &memory->done};
	WSAOVERLAPPED ov = {.hEvent = (WSAEVENT)1};
	DWORD bytes, flags;
	int err = 0;

	wsp.lpWSPRecv(s, &b, 1, NULL, NULL, &ov, NULL, NULL, &err);
	if (err == WSA_IO_PENDING &&
	    wsp.lpWSPGetOverlappedResult(s, &ov, &bytes, TRUE, &flags, &err))
		err = 0;
	if (err != (type == SOCK_SEQPACKET ? WSAECONNRESET : 0))
		example_fail("WSPRecv", err);
}

static void
serve(const char *ip, const char *port)
{
	SOCKET listener = example_listen(type, ip, port), s;
	DWORD len = sizeof memory->descriptor;
	int err = 0;

	printf("ready\n");
	fflush(stdout);
	s = example_accept(listener);
	prepare(s);
	if (register_rdma_memory(s, memory->text, sizeof memory->text, MEM_READWRITE,
		memory->descriptor, &len, &err) != 0)
		example_fail("WSPRegisterRdmaMemory", err);
	message_send(s, memory->descriptor, len);
	message_recv(s, &memory->done, 1);
	printf("the peer wrote: %s\n", memory->text);
	peer_closes(s);
	wsp.lpWSPCloseSocket(s, &err); /* gives back everything that was registered */
	san->sanFree(memory, &err);
	wsp.lpWSPCloseSocket(listener, &err);
}

static void
ask(const char *ip, const char *port, const char *text)
{
	SOCKET s = example_socket(type);
	WSAOVERLAPPED write = {.hEvent = (WSAEVENT)1}, read = {.hEvent = (WSAEVENT)1};
	WSABUFEX from, to;
	HANDLE h;
	int err = example_connect(s, ip, port);

	if (err != 0)
		example_fail("WSPConnect", err);
	h = prepare(s);
	message_recv(s, (char *)memory->descriptor, sizeof memory->descriptor);
	snprintf(memory->text, sizeof memory->text, "%s", text);
	from = (WSABUFEX){sizeof memory->text, memory->text, h};
	to = (WSABUFEX){sizeof memory->back, memory->back, h};
	rdma_write(s, &from, 1, memory->descriptor, sizeof memory->descriptor, 0, NULL, 0, &write,
	    NULL, NULL, &err);
	finish(s, &write, err, "WSPRdmaWrite");
	rdma_read(s, &to, 1, memory->descriptor, sizeof memory->descriptor, 0, NULL, 0, &read, NULL,
	    NULL, &err);
	finish(s, &read, err, "WSPRdmaRead");
	printf("read back: %s\n", memory->back);
	message_send(s, &memory->done, 1);
	wsp.lpWSPCloseSocket(s, &err);
	san->sanFree(memory, &err);
}

int
main(int argc, char **argv)
{
	int err = 0;

	if (argc == 5 && strcmp(argv[1], "stream") == 0) {
		type = SOCK_STREAM;
		argc--;
		argv++;
	}
	if (argc != 4) {
		fprintf(stderr, "usage: rdma [stream] serve ADDRESS PORT\n"
				"       rdma [stream] ADDRESS PORT TEXT\n");
		return 2;
	}
	example_start(san_default_upcalls());
	if (strcmp(argv[1], "serve") == 0)
		serve(argv[2], argv[3]);
	else
		ask(argv[1], argv[2], argv[3]);
	wsp.lpWSPCleanup(&err);
	return 0;
}
