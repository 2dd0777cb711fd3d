/* SPDX-License-Identifier: BSD-3-Clause */
/* What rping of rdma-core says, said by an ordinary program with a socket in message mode: WSPSend
 * and WSPRecv for its messages of 16 bytes, WSPRdmaRead and WSPRdmaWrite for its texts. The client
 * tells where its text is, the server reads it and says go; the client tells where it wants it
 * back, the server writes it there and says go; again. What a text must be follows from its number,
 * so both sides check it.
 *
 * usage: rping serve ADDRESS PORT COUNT SIZE
 *        rping ADDRESS PORT COUNT SIZE */
#include <arpa/inet.h>
#include <endian.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sand/san.h>

#include "example.h"

#define TEXT_MAX 65536u
#define POLLED	 ((WSAEVENT)1) /* no upcall: the result is asked for */

/* Where a text is, or where one is wanted. */
struct info {
	uint64_t addr; /* big-endian, all three */
	uint32_t key, len;
};
_Static_assert(sizeof(struct info) == 16, "rping's");

static LPFN_WSPREGISTERMEMORY register_memory;
static LPFN_WSPREGISTERRDMAMEMORY register_rdma_memory;
static LPFN_WSPRDMAWRITE rdma_write;
static LPFN_WSPRDMAREAD rdma_read;
static const struct san_linux_table *san;

/* All that operations of this program touch: registered once, as a whole. */
static struct {
	struct info in, out;
	char text[TEXT_MAX], back[TEXT_MAX];
} memory;
static char expected[TEXT_MAX];
static SOCKET sock;
static HANDLE handle;
static uint32_t size;

static void
find(GUID guid, void *function)
{
	DWORD bytes;
	int err = 0;

	if (wsp.lpWSPIoctl(INVALID_SOCKET, SIO_GET_EXTENSION_FUNCTION_POINTER, &guid, sizeof guid,
		function, sizeof(void *), &bytes, NULL, NULL, NULL, &err) != 0)
		example_fail("WSPIoctl", err);
}

static void
prepare(void)
{
	int err = 0;

	find((GUID)WSAID_REGISTERMEMORY, &register_memory);
	find((GUID)WSAID_REGISTERRDMAMEMORY, &register_rdma_memory);
	find((GUID)WSAID_RDMAWRITE, &rdma_write);
	find((GUID)WSAID_RDMAREAD, &rdma_read);
	find((GUID)SAN_GUID_LINUX, &san);
	handle = register_memory(sock, &memory, sizeof memory, MEM_READWRITE, &err);
	if (handle == NULL)
		example_fail("WSPRegisterMemory", err);
}

/* --- operations: each is waited for --- */

/* 0, or how it ended. */
static int
finish(WSAOVERLAPPED *ov, int err, DWORD *bytes)
{
	DWORD flags;

	if (err != WSA_IO_PENDING)
		return err;
	return wsp.lpWSPGetOverlappedResult(sock, ov, bytes, TRUE, &flags, &err) ? 0 : err;
}

static int
info_send(uint64_t addr, uint32_t key, uint32_t len)
{
	WSABUF b = {sizeof memory.out, (char *)&memory.out};
	WSAOVERLAPPED ov = {.hEvent = POLLED};
	DWORD bytes;
	int err = 0;

	memory.out = (struct info){htobe64(addr), htobe32(key), htobe32(len)};
	wsp.lpWSPSend(sock, &b, 1, NULL, 0, &ov, NULL, NULL, &err);
	return finish(&ov, err, &bytes);
}

/* 0, or how it ended; what it says is in memory.in. */
static int
info_receive(void)
{
	WSABUF b = {sizeof memory.in, (char *)&memory.in};
	WSAOVERLAPPED ov = {.hEvent = POLLED};
	DWORD bytes = 0;
	int err = 0;

	wsp.lpWSPRecv(sock, &b, 1, NULL, NULL, &ov, NULL, NULL, &err);
	err = finish(&ov, err, &bytes);
	if (err == 0 && bytes != sizeof memory.in) {
		fprintf(
		    stderr, "a message of %u bytes, not %zu\n", (unsigned)bytes, sizeof memory.in);
		exit(1);
	}
	return err;
}

/* Reads from, or writes to, where the peer says. */
static void
text_move(bool read)
{
	uint8_t there[SAN_DESCRIPTOR_BYTES];
	WSABUFEX here = {size, memory.text, handle};
	WSAOVERLAPPED ov = {.hEvent = POLLED};
	DWORD bytes = 0;
	int err = 0;

	if (be32toh(memory.in.len) != size) {
		fprintf(stderr, "the peer has %u bytes, not %u\n", be32toh(memory.in.len), size);
		exit(1);
	}
	san->sanMemoryForeign(there, be64toh(memory.in.addr), size, be32toh(memory.in.key));
	(read ? rdma_read : rdma_write)(
	    sock, &here, 1, there, sizeof there, 0, NULL, 0, &ov, NULL, NULL, &err);
	err = finish(&ov, err, &bytes);
	if (err != 0)
		example_fail(read ? "WSPRdmaRead" : "WSPRdmaWrite", err);
}

/* --- texts --- */

/* Number `ping`: a head, then letters from a start that moves by one, a NUL at the end. */
static void
text_make(char *text, uint32_t ping)
{
	const char low = 'A', high = 'z';
	char c = (char)(low + (int)(ping % (uint32_t)(high - low + 1)));

	for (uint32_t i = (uint32_t)snprintf(text, size, "rdma-ping-%u: ", ping); i < size; i++) {
		text[i] = c;
		c = c == high ? low : (char)(c + 1);
	}
	text[size - 1] = '\0';
}

static void
text_check(const char *text, uint32_t ping)
{
	text_make(expected, ping);
	if (memcmp(text, expected, size) != 0) {
		fprintf(stderr, "ping %u: %u bytes that differ from what was sent\n", ping, size);
		exit(1);
	}
}

/* --- both roles --- */

static void
must(int err, const char *what)
{
	if (err != 0)
		example_fail(what, err);
}

/* 0; or how the connection ended, at a place where the client may end it. */
static int
server_ping(uint32_t ping)
{
	int err = info_receive();

	if (err != 0)
		return err;
	text_move(true);
	text_check(memory.text, ping);
	must(info_send(0, 0, 0), "WSPSend");
	must(info_receive(), "WSPRecv");
	text_move(false);
	/* A client that has heard this may leave before it is acknowledged. */
	err = info_send(0, 0, 0);
	return err == WSAECONNRESET ? 0 : err;
}

static void
serve(uint32_t count)
{
	uint32_t pings = 0;
	int err;

	while ((err = server_ping(pings)) == 0)
		pings++;
	if (err != WSAECONNRESET || pings != count) {
		fprintf(stderr, "%u pings of %u\n", pings, count);
		example_fail("WSPRecv", err);
	}
}

/* What this socket's peer is told of a text. */
static struct info
text_expose(char *text, DWORD rights)
{
	uint8_t desc[SAN_DESCRIPTOR_BYTES];
	DWORD desc_len = sizeof desc;
	uint64_t addr = 0, len = 0;
	uint32_t key = 0;
	int err = 0;

	if (register_rdma_memory(sock, text, size, rights, desc, &desc_len, &err) != 0)
		example_fail("WSPRegisterRdmaMemory", err);
	if (san->sanMemoryNamed(desc, &addr, &len, &key, &err) != 0)
		example_fail("sanMemoryNamed", err);
	return (struct info){addr, key, (uint32_t)len};
}

static void
ask(uint32_t count)
{
	struct info from = text_expose(memory.text, MEM_READ),
		    to = text_expose(memory.back, MEM_WRITE);

	for (uint32_t ping = 0; ping < count; ping++) {
		text_make(memory.text, ping);
		memset(memory.back, 0, size);
		must(info_send(from.addr, from.key, from.len), "WSPSend");
		must(info_receive(), "WSPRecv");
		must(info_send(to.addr, to.key, to.len), "WSPSend");
		must(info_receive(), "WSPRecv");
		text_check(memory.back, ping);
	}
}

/* --- connections of both families --- */

static socklen_t
address_make(const char *ip, const char *port, struct sockaddr_storage *out)
{
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;

	memset(out, 0, sizeof *out);
	if (inet_pton(AF_INET6, ip, &in6->sin6_addr) == 1) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons((uint16_t)strtoul(port, NULL, 10));
		return sizeof *in6;
	}
	*(struct sockaddr_in *)out = example_address(ip, port);
	return sizeof(struct sockaddr_in);
}

static SOCKET
socket_make(const struct sockaddr_storage *a)
{
	int err = 0;
	SOCKET s =
	    wsp.lpWSPSocket(a->ss_family, SOCK_SEQPACKET, 0, NULL, 0, WSA_FLAG_OVERLAPPED, &err);

	if (s == INVALID_SOCKET)
		example_fail("WSPSocket", err);
	return s;
}

static SOCKET
client(const struct sockaddr_storage *a, socklen_t len)
{
	WSAEVENT event = example_event();
	WSANETWORKEVENTS seen = {0};
	SOCKET s = socket_make(a);
	int err = 0;

	must(wsp.lpWSPEventSelect(s, event, FD_CONNECT, &err) == 0 ? 0 : err, "WSPEventSelect");
	if (wsp.lpWSPConnect(s, (const struct sockaddr *)a, len, NULL, NULL, NULL, NULL, &err) !=
		0 &&
	    err != WSAEWOULDBLOCK)
		example_fail("WSPConnect", err);
	while ((seen.lNetworkEvents & FD_CONNECT) == 0) {
		example_wait(event);
		if (wsp.lpWSPEnumNetworkEvents(s, NULL, &seen, &err) != 0)
			example_fail("WSPEnumNetworkEvents", err);
	}
	must(seen.iErrorCode[FD_CONNECT_BIT], "WSPConnect");
	return s;
}

static SOCKET
server(const struct sockaddr_storage *a, socklen_t len)
{
	SOCKET s = socket_make(a);
	int err = 0;

	if (wsp.lpWSPBind(s, (const struct sockaddr *)a, len, &err) != 0)
		example_fail("WSPBind", err);
	if (wsp.lpWSPListen(s, 1, &err) != 0)
		example_fail("WSPListen", err);
	printf("ready\n");
	fflush(stdout);
	return example_accept(s);
}

int
main(int argc, char **argv)
{
	bool serves = argc > 1 && strcmp(argv[1], "serve") == 0;
	struct sockaddr_storage a;
	uint32_t count;
	socklen_t len;
	int err = 0;

	argv += serves;
	if (argc - serves != 5) {
		fprintf(stderr, "usage: rping [serve] ADDRESS PORT COUNT SIZE\n");
		return 2;
	}
	count = (uint32_t)strtoul(argv[3], NULL, 10);
	size = (uint32_t)strtoul(argv[4], NULL, 10);
	if (size < 32 || size > TEXT_MAX)
		return 2;
	example_start(san_default_upcalls());
	len = address_make(argv[1], argv[2], &a);
	sock = serves ? server(&a, len) : client(&a, len);
	prepare();
	if (serves)
		serve(count);
	else
		ask(count);
	wsp.lpWSPCloseSocket(sock, &err);
	wsp.lpWSPCleanup(&err);
	printf("%u pings of %u bytes verified\n", count, size);
	return 0;
}
