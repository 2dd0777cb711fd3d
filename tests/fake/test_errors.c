/* SPDX-License-Identifier: BSD-3-Clause */
/* Every error code of every WSP function: one test for each function, one line for each code. The
 * table in shim/wsp/errors.md is made of these lines. */
#include "ends.h"
#include "refuses.h"

#include <poll.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "op.h"
#include "san_err.h"

static struct sockaddr_storage here;
#define HERE (struct sockaddr *)&here, (int)sizeof(struct sockaddr_in)

static WSABUF
part(const struct end *e, size_t at, size_t len)
{
	return (WSABUF){len, (char *)e->arena + at};
}

/* A stream socket in each state. */
static struct {
	SOCKET fresh, listening, connected, peer;
} stream;

static int
setup(void **state)
{
	(void)ends_setup(state);
	here = rig_addr("10.77.0.1", 900);
	stream.fresh = rig_socket();
	stream.listening = rig_listener(901, 4);
	stream.connected = rig_socket();
	assert_int_equal(rig_connect(stream.connected, "10.77.0.1", 901), 0);
	stream.peer = rig_accept(stream.listening);
	return 0;
}

static int
teardown(void **state)
{
	rig_close(stream.fresh);
	rig_close(stream.listening);
	rig_close(stream.connected);
	rig_close(stream.peer);
	return ends_teardown(state);
}

/* --- the provider ----------------------------------------------------------------------------- */

static void
errors_of_startup_and_cleanup(void **state)
{
	WSPUPCALLTABLEEX up = *record_table(), bad;
	WSPPROC_TABLE procs = rig_wsp;
	WSPDATA data;
	int err = 0;

	rig_fake_stop(); /* nobody has attached yet */
	ENDS_WITH(WSPStartupEx, WSASYSNOTREADY, WSPStartupEx(0x0202, &data, NULL, &up, &procs));
	rig_fake_start((struct fake_options){.fault = FAKE_REFUSE});
	ENDS_WITH(WSPStartupEx, WSAEPROCLIM, WSPStartupEx(0x0202, &data, NULL, &up, &procs));
	rig_fake_stop();
	rig_fake_start((struct fake_options){0});
	for (WORD version = 0; version < 0x0303; version++)
		if (version != 0x0202)
			ENDS_WITH(WSPStartupEx, WSAVERNOTSUPPORTED,
			    WSPStartupEx(version, &data, NULL, &up, &procs));
	ENDS_WITH(WSPStartupEx, WSAEFAULT, WSPStartupEx(0x0202, &data, NULL, NULL, &procs));
	ENDS_WITH(WSPStartupEx, WSAEFAULT, WSPStartupEx(0x0202, &data, NULL, &up, NULL));
	bad = up;
	bad.lpWPUCloseSocketHandle = NULL;
	ENDS_WITH(WSPStartupEx, WSAEFAULT, WSPStartupEx(0x0202, &data, NULL, &bad, &procs));
	bad = up;
	bad.lpWPUCreateSocketHandle = NULL;
	ENDS_WITH(WSPStartupEx, WSAEFAULT, WSPStartupEx(0x0202, &data, NULL, &bad, &procs));
	bad = up;
	bad.lpWPUCompleteOverlappedRequest = NULL;
	ENDS_WITH(WSPStartupEx, WSAEFAULT, WSPStartupEx(0x0202, &data, NULL, &bad, &procs));
	/* None of those counted. */
	assert_int_equal(WSPStartupEx(0x0202, &data, NULL, &up, &procs), 0);
	assert_int_equal(WSPStartupEx(0x0202, NULL, NULL, &up, &procs), 0);
	assert_int_equal(procs.lpWSPCleanup(&err), 0);
	assert_int_equal(procs.lpWSPCleanup(&err), 0);
	REFUSES(WSPCleanup, WSANOTINITIALISED, procs.lpWSPCleanup(&err));
	REFUSES(WSPSocket, WSANOTINITIALISED,
	    procs.lpWSPSocket(AF_INET, SOCK_STREAM, 0, NULL, 0, 0, &err));
	rig_fake_stop();
}

/* --- sockets ---------------------------------------------------------------------------------- */

#define SOCKET_OF(af, type, proto) rig_wsp.lpWSPSocket(af, type, proto, NULL, 0, 1, &err)

static void
errors_of_socket(void **state)
{
	WSAPROTOCOL_INFOW foreign = {.dwProviderReserved = 77};
	SOCKET many[256];
	unsigned n = 0;
	int err = 0;

	REFUSES(WSPSocket, WSAEAFNOSUPPORT, SOCKET_OF(AF_UNIX, SOCK_STREAM, 0));
	REFUSES(WSPSocket, WSAESOCKTNOSUPPORT, SOCKET_OF(AF_INET, SOCK_DGRAM, 0));
	REFUSES(WSPSocket, WSAEPROTONOSUPPORT, SOCKET_OF(AF_INET, SOCK_STREAM, IPPROTO_UDP));
	REFUSES(WSPSocket, WSAEINVAL,
	    rig_wsp.lpWSPSocket(AF_INET, SOCK_STREAM, 0, &foreign, 0, 1, &err));
	record_fail_create(WSAEMFILE);
	REFUSES(WSPSocket, WSAEMFILE, SOCKET_OF(AF_INET, SOCK_STREAM, 0));
	record_fail_create(0);
	while (n < 256 && (many[n] = SOCKET_OF(AF_INET, SOCK_STREAM, 0)) != INVALID_SOCKET)
		n++;
	assert_in_range(n, 1, 255);
	REFUSES(WSPSocket, WSAENOBUFS, SOCKET_OF(AF_INET, SOCK_STREAM, 0));
	while (n > 0)
		rig_close(many[--n]);
}

static void
errors_of_bind_and_listen(void **state)
{
	struct sockaddr_storage ip6 = rig_addr("fd77::1", 900);
	SOCKET s = rig_socket();
	int err = 0;

	REFUSES(WSPBind, WSAENOTSOCK, rig_wsp.lpWSPBind(INVALID_SOCKET, HERE, &err));
	REFUSES(WSPBind, WSAEFAULT, rig_wsp.lpWSPBind(s, NULL, 16, &err));
	REFUSES(WSPBind, WSAEFAULT, rig_wsp.lpWSPBind(s, (struct sockaddr *)&here, 7, &err));
	REFUSES(WSPBind, WSAEFAULT, rig_wsp.lpWSPBind(s, (struct sockaddr *)&here, -1, &err));
	REFUSES(WSPBind, WSAEAFNOSUPPORT,
	    rig_wsp.lpWSPBind(s, (struct sockaddr *)&ip6, sizeof(struct sockaddr_in6), &err));
	REFUSES(WSPListen, WSAEINVAL, rig_wsp.lpWSPListen(s, 1, &err)); /* not bound */
	assert_int_equal(rig_wsp.lpWSPBind(s, HERE, &err), 0);
	REFUSES(WSPBind, WSAEINVAL, rig_wsp.lpWSPBind(s, HERE, &err));
	REFUSES(WSPListen, WSAENOTSOCK, rig_wsp.lpWSPListen(INVALID_SOCKET, 1, &err));
	REFUSES(WSPListen, WSAEISCONN, rig_wsp.lpWSPListen(stream.connected, 1, &err));
	assert_int_equal(rig_wsp.lpWSPListen(s, 1, &err), 0);
	rig_close(s);
	s = rig_socket();
	here = rig_addr("10.77.0.1", 901);
	assert_int_equal(rig_wsp.lpWSPBind(s, HERE, &err), 0);
	REFUSES(WSPListen, WSAEADDRINUSE, rig_wsp.lpWSPListen(s, 1, &err));
	rig_close(s);
	s = rig_socket();
	here = rig_addr("192.0.2.1", 900);
	assert_int_equal(rig_wsp.lpWSPBind(s, HERE, &err), 0);
	REFUSES(WSPListen, WSAEADDRNOTAVAIL, rig_wsp.lpWSPListen(s, 1, &err));
	rig_close(s);
}

#define CONNECT(s) rig_wsp.lpWSPConnect(s, HERE, NULL, NULL, NULL, NULL, &err)

/* How a connection attempt ends, as FD_CONNECT reports it. */
static int
connect_result(const char *ip, uint16_t port)
{
	WSANETWORKEVENTS events;
	SOCKET s = rig_socket();
	int err = 0, code;

	(void)rig_connect(s, ip, port);
	assert_int_equal(rig_wsp.lpWSPEventSelect(s, NULL, FD_CONNECT, &err), 0);
	assert_int_equal(rig_wsp.lpWSPEnumNetworkEvents(s, NULL, &events, &err), 0);
	assert_int_equal(events.lNetworkEvents, FD_CONNECT);
	code = events.iErrorCode[FD_CONNECT_BIT];
	rig_close(s);
	return code;
}

static void
errors_of_connect(void **state)
{
	SOCKET s = rig_socket(), full[8];
	int err = 0;

	REFUSES(WSPConnect, WSAENOTSOCK, CONNECT(INVALID_SOCKET));
	REFUSES(WSPConnect, WSAEISCONN, CONNECT(stream.connected));
	REFUSES(WSPConnect, WSAEINVAL, CONNECT(stream.listening));
	REFUSES(
	    WSPConnect, WSAEFAULT, rig_wsp.lpWSPConnect(s, NULL, 0, NULL, NULL, NULL, NULL, &err));
	here = rig_addr("fd77::1", 900);
	REFUSES(WSPConnect, WSAEAFNOSUPPORT, CONNECT(s));
	here = rig_addr("10.77.0.1", FAKE_PORT_NEVER);
	REFUSES(WSPConnect, WSAEWOULDBLOCK, CONNECT(s));
	REFUSES(WSPConnect, WSAEALREADY, CONNECT(s));
	rig_close(s);
	ENDS_WITH(WSPConnect, WSAECONNRESET, connect_result("10.77.0.1", 4444));
	ENDS_WITH(WSPConnect, WSAETIMEDOUT, connect_result("10.77.0.1", FAKE_PORT_TIMEOUT));
	ENDS_WITH(WSPConnect, WSAEHOSTUNREACH, connect_result("10.77.0.1", FAKE_PORT_NOHOST));
	for (int i = 0; i < 4; i++) { /* a full backlog */
		full[i] = rig_socket();
		assert_int_equal(rig_connect(full[i], "10.77.0.1", 901), 0);
	}
	ENDS_WITH(WSPConnect, WSAECONNREFUSED, connect_result("10.77.0.1", 901));
	for (int i = 0; i < 4; i++)
		rig_close(full[i]);
}

static int answer;

static int
condition(LPWSABUF caller, LPWSABUF caller_data, LPQOS sqos, LPQOS gqos, LPWSABUF callee,
    LPWSABUF callee_data, GROUP *g, DWORD_PTR data)
{
	return answer;
}

#define ACCEPT(s, addr, len) rig_wsp.lpWSPAccept(s, addr, len, condition, 0, &err)

static void
errors_of_accept(void **state)
{
	SOCKET l = stream.listening, s[4];
	struct sockaddr_in from;
	int err = 0;

	answer = CF_ACCEPT;
	REFUSES(WSPAccept, WSAENOTSOCK, ACCEPT(INVALID_SOCKET, NULL, NULL));
	REFUSES(WSPAccept, WSAEINVAL, ACCEPT(stream.fresh, NULL, NULL));
	REFUSES(WSPAccept, WSAEINVAL, ACCEPT(stream.connected, NULL, NULL));
	REFUSES(WSPAccept, WSAEWOULDBLOCK, ACCEPT(l, NULL, NULL));
	for (int i = 0; i < 4; i++) {
		s[i] = rig_socket();
		assert_int_equal(rig_connect(s[i], "10.77.0.1", 901), 0);
	}
	REFUSES(WSPAccept, WSAEFAULT, ACCEPT(l, (struct sockaddr *)&from, NULL)); /* none taken */
	answer = CF_DEFER;
	REFUSES(WSPAccept, WSATRY_AGAIN, ACCEPT(l, NULL, NULL));
	answer = CF_REJECT;
	REFUSES(WSPAccept, WSAECONNREFUSED, ACCEPT(l, NULL, NULL));
	answer = CF_ACCEPT;
	record_fail_create(WSAEMFILE);
	REFUSES(WSPAccept, WSAEMFILE, ACCEPT(l, NULL, NULL));
	record_fail_create(WSAENOBUFS);
	REFUSES(WSPAccept, WSAENOBUFS, ACCEPT(l, NULL, NULL));
	record_fail_create(0);
	rig_close(rig_accept(l)); /* the fourth is whole */
	for (int i = 0; i < 4; i++)
		rig_close(s[i]);
}

static void
errors_of_events(void **state)
{
	WSANETWORKEVENTS events;
	int err = 0;

	REFUSES(
	    WSPEventSelect, WSAENOTSOCK, rig_wsp.lpWSPEventSelect(INVALID_SOCKET, NULL, 0, &err));
	for (int bit = 0; bit < FD_MAX_EVENTS; bit++)
		if (bit != FD_ACCEPT_BIT && bit != FD_CONNECT_BIT &&
		    bit != FD_ADDRESS_LIST_CHANGE_BIT)
			REFUSES(WSPEventSelect, WSAEINVAL,
			    rig_wsp.lpWSPEventSelect(stream.fresh, NULL, 1 << bit, &err));
	REFUSES(WSPEnumNetworkEvents, WSAENOTSOCK,
	    rig_wsp.lpWSPEnumNetworkEvents(INVALID_SOCKET, NULL, &events, &err));
	REFUSES(WSPEnumNetworkEvents, WSAEINVAL,
	    rig_wsp.lpWSPEnumNetworkEvents(stream.fresh, NULL, NULL, &err));
}

/* --- options and control codes ---------------------------------------------------------------- */

static void
errors_of_options(void **state)
{
	SOCKET s = stream.fresh;
	uint32_t value = 1;
	char *val = (char *)&value;
	INT len = 4, three = 3;
	int err = 0;

	REFUSES(WSPGetSockOpt, WSAENOTSOCK,
	    rig_wsp.lpWSPGetSockOpt(INVALID_SOCKET, SOL_SOCKET, SO_MAX_MSG_SIZE, val, &len, &err));
	REFUSES(WSPGetSockOpt, WSAEFAULT,
	    rig_wsp.lpWSPGetSockOpt(s, SOL_SOCKET, SO_MAX_MSG_SIZE, val, &three, &err));
	REFUSES(WSPGetSockOpt, WSAEFAULT,
	    rig_wsp.lpWSPGetSockOpt(s, SOL_SOCKET, SO_MAX_MSG_SIZE, NULL, &len, &err));
	REFUSES(WSPGetSockOpt, WSAEINVAL,
	    rig_wsp.lpWSPGetSockOpt(s, IPPROTO_TCP, SO_MAX_MSG_SIZE, val, &len, &err));
	REFUSES(WSPGetSockOpt, WSAENOPROTOOPT,
	    rig_wsp.lpWSPGetSockOpt(s, WSD_SOL_SOCKET, SO_GROUP_ID, val, &len, &err));
	REFUSES(WSPGetSockOpt, WSAENOPROTOOPT,
	    rig_wsp.lpWSPGetSockOpt(s, WSD_SOL_SOCKET, SO_GROUP_PRIORITY, val, &len, &err));
	REFUSES(WSPSetSockOpt, WSAENOTSOCK,
	    rig_wsp.lpWSPSetSockOpt(INVALID_SOCKET, SOL_SOCKET, 1, val, 4, &err));
	REFUSES(WSPSetSockOpt, WSAEFAULT, rig_wsp.lpWSPSetSockOpt(s, SOL_SOCKET, 1, val, 3, &err));
	REFUSES(WSPSetSockOpt, WSAEFAULT, rig_wsp.lpWSPSetSockOpt(s, SOL_SOCKET, 1, NULL, 4, &err));
	REFUSES(WSPSetSockOpt, WSAEINVAL, rig_wsp.lpWSPSetSockOpt(s, IPPROTO_TCP, 1, val, 4, &err));
	REFUSES(WSPSetSockOpt, WSAENOPROTOOPT,
	    rig_wsp.lpWSPSetSockOpt(s, WSD_SOL_SOCKET, SO_MAX_MSG_SIZE, val, 4, &err));
	REFUSES(WSPSetSockOpt, WSAENOPROTOOPT,
	    rig_wsp.lpWSPSetSockOpt(s, WSD_SOL_SOCKET, SO_GROUP_PRIORITY, val, 4, &err));
}

#define IOCTL(s, code, in, in_len, out, out_len) \
	rig_wsp.lpWSPIoctl(s, code, in, in_len, out, out_len, &bytes, NULL, NULL, NULL, &err)

static void
errors_of_ioctl(void **state)
{
	static WSAOVERLAPPED ov; /* pending until the socket is closed */
	GUID unknown = {1, 2, 3, {0}};
	void *out = NULL;
	DWORD bytes = 0;
	int err = 0;

	REFUSES(WSPIoctl, WSAENOTSOCK,
	    IOCTL(INVALID_SOCKET, SIO_ADDRESS_LIST_QUERY, NULL, 0, &out, sizeof out));
	REFUSES(WSPIoctl, WSAEFAULT, IOCTL(stream.fresh, SIO_ADDRESS_LIST_QUERY, NULL, 0, &out, 8));
	REFUSES(WSPIoctl, WSAEOPNOTSUPP, IOCTL(stream.fresh, 0x28000018u, NULL, 0, NULL, 0));
	REFUSES(WSPIoctl, WSA_IO_PENDING,
	    rig_wsp.lpWSPIoctl(stream.fresh, SIO_ADDRESS_LIST_CHANGE, NULL, 0, NULL, 0, &bytes, &ov,
		NULL, NULL, &err));
	assert_int_equal(rig_wsp.lpWSPEventSelect(stream.fresh, NULL, 0, &err), 0);
	REFUSES(WSPIoctl, WSAEWOULDBLOCK,
	    IOCTL(stream.fresh, SIO_ADDRESS_LIST_CHANGE, NULL, 0, NULL, 0));
	REFUSES(WSPIoctl, WSAEINVAL,
	    IOCTL(INVALID_SOCKET, SIO_GET_EXTENSION_FUNCTION_POINTER, &unknown, sizeof unknown,
		&out, sizeof out));
	REFUSES(WSPIoctl, WSAEFAULT,
	    IOCTL(INVALID_SOCKET, SIO_GET_EXTENSION_FUNCTION_POINTER, &unknown, 15, &out,
		sizeof out));
	REFUSES(WSPIoctl, WSAEFAULT,
	    IOCTL(INVALID_SOCKET, SIO_GET_EXTENSION_FUNCTION_POINTER, &unknown, sizeof unknown,
		&out, 7));
}

static void
errors_of_the_rest(void **state)
{
	WSAPROTOCOL_INFOW info;
	SOCKET s = rig_socket();
	int err = 0;

	REFUSES(WSPDuplicateSocket, WSAENOTSOCK,
	    rig_wsp.lpWSPDuplicateSocket(INVALID_SOCKET, 1, &info, &err));
	REFUSES(WSPDuplicateSocket, WSAEINVAL,
	    rig_wsp.lpWSPDuplicateSocket(stream.connected, 1, NULL, &err));
	REFUSES(WSPDuplicateSocket, WSAEINVAL,
	    rig_wsp.lpWSPDuplicateSocket(stream.connected, 0, &info, &err));
	REFUSES(WSPDuplicateSocket, WSAENOTCONN, rig_wsp.lpWSPDuplicateSocket(s, 1, &info, &err));
	REFUSES_NULL(WSPGetQOSByName, WSAEOPNOTSUPP,
	    rig_wsp.lpWSPGetQOSByName(stream.connected, NULL, NULL, &err));
	rig_close(s);
	REFUSES(WSPCloseSocket, WSAENOTSOCK, rig_wsp.lpWSPCloseSocket(s, &err));
	REFUSES(WSPCloseSocket, WSAENOTSOCK, rig_wsp.lpWSPCloseSocket(INVALID_SOCKET, &err));
	REFUSES(WSPCloseSocket, WSAENOTSOCK, rig_wsp.lpWSPCloseSocket(0, &err));
}

/* --- data ------------------------------------------------------------------------------------- */

#define SEND(s, bufs, n, ov) rig_wsp.lpWSPSend(s, bufs, n, NULL, flags, ov, NULL, NULL, &err)
#define RECV(s, bufs, n, ov) rig_wsp.lpWSPRecv(s, bufs, n, NULL, &flags, ov, NULL, NULL, &err)

#define RDMA(fn, s, w, n, desc, at, flags, ov) \
	fn(s, w, n, desc, 24, at, NULL, flags, ov, NULL, NULL, &err)

static void
errors_of_posting(void **state)
{
	static WSAOVERLAPPED many[OPS_MAX], last[3];
	WSABUFEX w = {8, (char *)a.arena, a.handle};
	uint8_t desc[24];
	WSAOVERLAPPED ov = {.hEvent = POLLED};
	WSABUF bufs[OP_BUFS + 1], stray = {4, (char *)&ov};
	DWORD flags = 0;
	int err = 0;

	for (unsigned i = 0; i <= OP_BUFS; i++)
		bufs[i] = part(&a, i, 1);
	REFUSES(WSPSend, WSAENOTSOCK, SEND(INVALID_SOCKET, bufs, 1, &ov));
	REFUSES(WSPRecv, WSAENOTSOCK, RECV(INVALID_SOCKET, bufs, 1, &ov));
	REFUSES(WSPSend, WSAENOTCONN, SEND(stream.fresh, bufs, 1, &ov));
	REFUSES(WSPRecv, WSAENOTCONN, RECV(stream.listening, bufs, 1, &ov));
	REFUSES(WSPSend, WSAEFAULT, SEND(a.s, NULL, 1, &ov));
	REFUSES(WSPRecv, WSAEFAULT, RECV(a.s, NULL, 1, &ov));
	REFUSES(WSPSend, WSAEFAULT, SEND(a.s, &stray, 1, &ov)); /* not registered */
	REFUSES(WSPRecv, WSAEFAULT, RECV(a.s, &stray, 1, &ov));
	REFUSES(WSPSend, WSAEINVAL, SEND(a.s, bufs, OP_BUFS + 1, &ov));
	REFUSES(WSPRecv, WSAEINVAL, RECV(a.s, bufs, OP_BUFS + 1, &ov));
	bufs[0] = part(&a, 0, ARENA);
	REFUSES(WSPSend, WSAEMSGSIZE, SEND(a.s, bufs, 1, &ov));
	bufs[0] = part(&a, 0, 1);
	flags = 1;
	REFUSES(WSPSend, WSAEOPNOTSUPP, SEND(a.s, bufs, 1, &ov));
	REFUSES(WSPRecv, WSAEOPNOTSUPP, RECV(a.s, bufs, 1, &ov));
	flags = 0;
	exposed(&b, 0, 64, MEM_READWRITE, desc);
	fake_hold_data(rig_fake, true);
	for (int i = 0; i < 3; i++)
		last[i] = (WSAOVERLAPPED){.hEvent = POLLED};
	REFUSES(WSPRdmaWrite, WSA_IO_PENDING, RDMA(rdma_write, a.s, &w, 1, desc, 0, 0, &last[0]));
	REFUSES(WSPRdmaRead, WSA_IO_PENDING, RDMA(rdma_read, a.s, &w, 1, desc, 0, 0, &last[1]));
	REFUSES(WSPSend, WSA_IO_PENDING, SEND(a.s, bufs, 1, &last[2]));
	memset(many, 0, sizeof many);
	for (unsigned i = 0; i < OPS_MAX - 3; i++) {
		many[i].hEvent = POLLED;
		REFUSES(WSPRecv, WSA_IO_PENDING, RECV(a.s, bufs, 1, &many[i]));
	}
	REFUSES(WSPRecv, WSAENOBUFS, RECV(a.s, bufs, 1, &ov));
	REFUSES(WSPSend, WSAENOBUFS, SEND(a.s, bufs, 1, &ov));
	REFUSES(WSPRdmaWrite, WSAENOBUFS, RDMA(rdma_write, a.s, &w, 1, desc, 0, 0, &ov));
	REFUSES(WSPRdmaRead, WSAENOBUFS, RDMA(rdma_read, a.s, &w, 1, desc, 0, 0, &ov));
	rig_close(a.s);
	a.s = INVALID_SOCKET;
	fake_hold_data(rig_fake, false);
	ENDS_WITH(WSPRdmaWrite, WSA_OPERATION_ABORTED, last[0].OffsetHigh);
	ENDS_WITH(WSPRdmaRead, WSA_OPERATION_ABORTED, last[1].OffsetHigh);
	ENDS_WITH(WSPSend, WSA_OPERATION_ABORTED, last[2].OffsetHigh);
	for (unsigned i = 0; i < OPS_MAX - 3; i++)
		ENDS_WITH(WSPRecv, WSA_OPERATION_ABORTED, many[i].OffsetHigh);
}

/* A connection that ends in this way, with a receive and a send pending. */
static void
break_with(int how, DWORD *recv_code, DWORD *send_code)
{
	WSAOVERLAPPED in = {.hEvent = POLLED}, out = {.hEvent = POLLED};
	DWORD bytes;

	fake_hold_data(rig_fake, true);
	assert_int_equal(post_recv(&a, 0, 8, &in), WSA_IO_PENDING);
	assert_int_equal(post_send(&a, 0, 8, &out), WSA_IO_PENDING);
	fake_break_all(rig_fake, how);
	*recv_code = (DWORD)result(&a, &in, TRUE, &bytes);
	*send_code = (DWORD)result(&a, &out, TRUE, &bytes);
	fake_hold_data(rig_fake, false);
}

static void
errors_of_a_reset_connection(void **state)
{
	WSAOVERLAPPED ov = {.hEvent = POLLED};
	WSABUF w = part(&a, 0, 8);
	DWORD in, out, flags = 0;
	int err = 0;

	break_with(SAN_ECONNRESET, &in, &out);
	ENDS_WITH(WSPRecv, WSAECONNRESET, in);
	ENDS_WITH(WSPSend, WSAECONNRESET, out);
	REFUSES(WSPRecv, WSAECONNRESET, RECV(a.s, &w, 1, &ov));
	REFUSES(WSPSend, WSAECONNRESET, SEND(a.s, &w, 1, &ov));
}

static void
errors_of_an_aborted_connection(void **state)
{
	WSAOVERLAPPED ov = {.hEvent = POLLED};
	WSABUF w = part(&a, 0, 8);
	WSABUFEX x = {8, (char *)a.arena, a.handle};
	uint8_t desc[24];
	DWORD in, out, flags = 0;
	int err = 0;

	exposed(&b, 0, 64, MEM_READWRITE, desc);
	break_with(SAN_ECONNABORTED, &in, &out);
	REFUSES(WSPRdmaWrite, WSAECONNABORTED, RDMA(rdma_write, a.s, &x, 1, desc, 0, 0, &ov));
	REFUSES(WSPRdmaRead, WSAECONNABORTED, RDMA(rdma_read, a.s, &x, 1, desc, 0, 0, &ov));
	ENDS_WITH(WSPRecv, WSAECONNABORTED, in);
	ENDS_WITH(WSPSend, WSAECONNABORTED, out);
	REFUSES(WSPRecv, WSAECONNABORTED, RECV(a.s, &w, 1, &ov));
	REFUSES(WSPSend, WSAECONNABORTED, SEND(a.s, &w, 1, &ov));
}

static void
errors_of_a_short_receive(void **state)
{
	WSAOVERLAPPED in = {.hEvent = POLLED}, out = {.hEvent = POLLED};
	DWORD bytes;

	assert_int_equal(post_recv(&b, 0, 7, &in), WSA_IO_PENDING);
	assert_int_equal(post_send(&a, 0, 8, &out), WSA_IO_PENDING);
	ENDS_WITH(WSPRecv, WSAEMSGSIZE, result(&b, &in, TRUE, &bytes));
	assert_int_equal(result(&a, &out, TRUE, &bytes), 0);
}

#define RESULT(s, ov, bytes) rig_wsp.lpWSPGetOverlappedResult(s, ov, bytes, FALSE, NULL, &err)

static void
errors_of_results(void **state)
{
	static WSAOVERLAPPED ov, foreign;
	DWORD bytes;
	int err = 0;

	ov = (WSAOVERLAPPED){.hEvent = POLLED};
	foreign = (WSAOVERLAPPED){.Internal = WSS_OPERATION_IN_PROGRESS, .hEvent = POLLED};
	assert_int_equal(post_recv(&a, 0, 8, &ov), WSA_IO_PENDING);
	REFUSES_NULL(WSPGetOverlappedResult, WSA_IO_INCOMPLETE, RESULT(a.s, &ov, &bytes));
	REFUSES_NULL(WSPGetOverlappedResult, WSAEINVAL, RESULT(a.s, &foreign, &bytes));
	REFUSES_NULL(WSPGetOverlappedResult, WSAEINVAL, RESULT(b.s, &ov, &bytes));
	REFUSES_NULL(WSPGetOverlappedResult, WSAEFAULT, RESULT(a.s, NULL, &bytes));
	REFUSES_NULL(WSPGetOverlappedResult, WSAEFAULT, RESULT(a.s, &ov, NULL));
	REFUSES_NULL(WSPGetOverlappedResult, WSAENOTSOCK, RESULT(INVALID_SOCKET, &ov, &bytes));
}

/* --- extension functions ---------------------------------------------------------------------- */

static void
errors_of_registering(void **state)
{
	SOCKET none = INVALID_SOCKET;
	uint8_t desc[24], *p = a.arena;
	DWORD len = 24, two = 2;
	SOCKET alone = message_socket();
	unsigned n = 0;
	int err = 0;

	REFUSES_NULL(WSPRegisterMemory, WSAENOTSOCK, reg(none, p, 8, MEM_READ, &err));
	REFUSES_NULL(WSPRegisterMemory, WSAENOTCONN, reg(stream.fresh, p, 8, MEM_READ, &err));
	REFUSES_NULL(WSPRegisterMemory, WSAEFAULT, reg(a.s, NULL, 8, MEM_READ, &err));
	REFUSES_NULL(WSPRegisterMemory, WSAEFAULT, reg(a.s, (void *)16, 8, MEM_READ, &err));
	REFUSES_NULL(WSPRegisterMemory, WSAEFAULT, reg(a.s, p, 0, MEM_READ, &err));
	REFUSES_NULL(WSPRegisterMemory, WSAEINVAL, reg(a.s, p, 8, 4, &err));
	REFUSES(WSPDeregisterMemory, WSAENOTSOCK, dereg(none, a.handle, &err));
	REFUSES(WSPDeregisterMemory, WSAEINVAL, dereg(b.s, a.handle, &err));
	REFUSES(WSPDeregisterMemory, WSAEINVAL, dereg(a.s, NULL, &err));
	REFUSES(WSPRegisterRdmaMemory, WSAENOTSOCK, expose(none, p, 8, MEM_READ, desc, &len, &err));
	REFUSES(WSPRegisterRdmaMemory, WSAEFAULT, expose(a.s, p, 8, MEM_READ, desc, &two, &err));
	REFUSES(WSPRegisterRdmaMemory, WSAEINVAL, expose(a.s, p, 8, 0, desc, &len, &err));
	REFUSES(
	    WSPRegisterRdmaMemory, WSAENOTCONN, expose(alone, p, 8, MEM_READ, desc, &len, &err));
	rig_close(alone);
	REFUSES(WSPDeregisterRdmaMemory, WSAENOTSOCK, withdraw(none, desc, 24, &err));
	REFUSES(WSPDeregisterRdmaMemory, WSAEINVAL, withdraw(a.s, desc, 23, &err));
	REFUSES(WSPMemoryRegistrationCacheCallback, WSAEFAULT, cache(p, 1, &err));
	REFUSES(WSPMemoryRegistrationCacheCallback, WSAEINVAL, cache(desc, 24, &err));
	while (reg(a.s, p, ++n, MEM_READ, &err) != NULL)
		;
	ENDS_WITH(WSPRegisterMemory, WSAENOBUFS, err);
	for (n = 1; expose(a.s, p, n, MEM_READ, desc, &len, &err) == 0; n++)
		;
	ENDS_WITH(WSPRegisterRdmaMemory, WSAENOBUFS, err);
}

static void
errors_of_rdma(void **state)
{
	WSAOVERLAPPED ov = {.hEvent = POLLED};
	WSABUFEX good = {8, (char *)a.arena, a.handle}, alien = {8, (char *)a.arena, b.handle},
		 stray = {8, (char *)b.arena, a.handle}, huge = {1ul << 31, NULL, a.handle};
	SOCKET none = INVALID_SOCKET, s = stream.connected, alone = message_socket();
	uint8_t desc[24];
	int err = 0;

	exposed(&b, 0, 64, MEM_READWRITE, desc);
	REFUSES(WSPRdmaWrite, WSAENOTCONN, RDMA(rdma_write, alone, &good, 1, desc, 0, 0, &ov));
	REFUSES(WSPRdmaRead, WSAENOTCONN, RDMA(rdma_read, alone, &good, 1, desc, 0, 0, &ov));
	rig_close(alone);
	REFUSES(WSPRdmaWrite, WSAENOTSOCK, RDMA(rdma_write, none, &good, 1, desc, 0, 0, &ov));
	REFUSES(WSPRdmaRead, WSAENOTSOCK, RDMA(rdma_read, none, &good, 1, desc, 0, 0, &ov));
	REFUSES(WSPRdmaWrite, WSAEINVAL, RDMA(rdma_write, a.s, &good, 1, desc, 57, 0, &ov));
	REFUSES(WSPRdmaRead, WSAEINVAL, RDMA(rdma_read, a.s, &good, 1, desc, 57, 0, &ov));
	REFUSES(WSPRdmaWrite, WSAEINVAL, RDMA(rdma_write, a.s, &alien, 1, desc, 0, 0, &ov));
	REFUSES(WSPRdmaRead, WSAEINVAL, RDMA(rdma_read, a.s, &alien, 1, desc, 0, 0, &ov));
	REFUSES(WSPRdmaWrite, WSAEFAULT, RDMA(rdma_write, a.s, &stray, 1, desc, 0, 0, &ov));
	REFUSES(WSPRdmaRead, WSAEFAULT, RDMA(rdma_read, a.s, &stray, 1, desc, 0, 0, &ov));
	REFUSES(WSPRdmaWrite, WSAEMSGSIZE, RDMA(rdma_write, a.s, &huge, 1, desc, 0, 0, &ov));
	REFUSES(WSPRdmaRead, WSAEMSGSIZE, RDMA(rdma_read, a.s, &huge, 1, desc, 0, 0, &ov));
	REFUSES(WSPRdmaWrite, WSAEOPNOTSUPP, RDMA(rdma_write, s, &good, 1, desc, 0, 1, &ov));
	REFUSES(WSPRdmaRead, WSAEOPNOTSUPP, RDMA(rdma_read, s, &good, 1, desc, 0, 1, &ov));
	fake_break_all(rig_fake, SAN_ECONNRESET);
	while ((rig_san->sanPoll(a.s) & POLLERR) == 0)
		rig_sleep_ms(1);
	REFUSES(WSPRdmaWrite, WSAECONNRESET, RDMA(rdma_write, a.s, &good, 1, desc, 0, 0, &ov));
	REFUSES(WSPRdmaRead, WSAECONNRESET, RDMA(rdma_read, a.s, &good, 1, desc, 0, 0, &ov));
}

/* --- without a daemon ------------------------------------------------------------------------- */

static void
errors_when_the_daemon_is_gone(void **state)
{
	SOCKET bound = rig_socket();
	uint8_t desc[24];
	DWORD len = 24;
	int err = 0;

	assert_int_equal(rig_wsp.lpWSPBind(bound, HERE, &err), 0);
	rig_fake_stop();
	REFUSES(WSPSocket, WSAENETDOWN, SOCKET_OF(AF_INET, SOCK_STREAM, 0));
	REFUSES(WSPListen, WSAENETDOWN, rig_wsp.lpWSPListen(bound, 1, &err));
	REFUSES(WSPConnect, WSAENETDOWN, CONNECT(stream.fresh));
	REFUSES(WSPAccept, WSAENETDOWN, ACCEPT(stream.listening, NULL, NULL));
	REFUSES(WSPRegisterRdmaMemory, WSAENETDOWN,
	    expose(a.s, a.arena, 8, MEM_READ, desc, &len, &err));
	rig_close(bound);
}

/* What a child of fork gets that could have no connection of its own. */
static int
orphan_setup(void **state)
{
	(void)ends_setup_with((struct fake_options){.fault = FAKE_FORK_REFUSED});
	stream.fresh = rig_socket();
	return 0;
}

static int
orphan_teardown(void **state)
{
	rig_close(stream.fresh);
	return ends_teardown(state);
}

enum { BIND, SETOPT, GETOPT, IOCTL_, SELECT, ENUM, SEND_, RECV_, RESULT_, DUP, REG, CALLS };

static void
orphan_calls(unsigned char code[CALLS])
{
	WSANETWORKEVENTS events;
	WSAOVERLAPPED ov = {.hEvent = POLLED};
	WSABUF w = part(&a, 0, 1);
	uint32_t value = 0;
	char *val = (char *)&value;
	DWORD flags = 0, bytes = 0;
	INT len = 4;
	SOCKET s = stream.fresh;
	int err = 0;

#define NOTE(i, call)                         \
	do {                                  \
		err = 0;                      \
		(void)(call);                 \
		code[i] = err == WSAENETDOWN; \
	} while (0)
	NOTE(BIND, rig_wsp.lpWSPBind(s, HERE, &err));
	NOTE(SETOPT, rig_wsp.lpWSPSetSockOpt(s, SOL_SOCKET, 1, val, 4, &err));
	NOTE(GETOPT, rig_wsp.lpWSPGetSockOpt(s, SOL_SOCKET, 1, val, &len, &err));
	NOTE(IOCTL_, IOCTL(s, SIO_ADDRESS_LIST_QUERY, NULL, 0, val, 4));
	NOTE(SELECT, rig_wsp.lpWSPEventSelect(s, NULL, 0, &err));
	NOTE(ENUM, rig_wsp.lpWSPEnumNetworkEvents(s, NULL, &events, &err));
	NOTE(SEND_, SEND(a.s, &w, 1, &ov));
	NOTE(RECV_, RECV(a.s, &w, 1, &ov));
	NOTE(RESULT_, RESULT(a.s, &ov, &bytes));
	NOTE(DUP, rig_wsp.lpWSPDuplicateSocket(s, 1, NULL, &err));
	NOTE(REG, reg(a.s, a.arena, 8, MEM_READ, &err));
}

static void
errors_of_an_orphan(void **state)
{
	unsigned char code[CALLS] = {0};
	int err = 0, way[2];
	pid_t pid;

	assert_int_equal(pipe(way), 0);
	assert_int_equal(rig_san->sanForkBefore(&err), -1);
	pid = fork();
	if (pid == 0) {
		rig_san->sanForkChild();
		orphan_calls(code);
		_exit(write(way[1], code, sizeof code) == sizeof code ? 0 : 1);
	}
	rig_san->sanForkParent();
	assert_int_equal(read(way[0], code, sizeof code), sizeof code);
	waitpid(pid, NULL, 0);
	close(way[0]);
	close(way[1]);
#define ORPHAN(function, i) ENDS_WITH(function, WSAENETDOWN, code[i] != 0 ? WSAENETDOWN : 0)
	ENDS_WITH(WSPBind, WSAENETDOWN, code[BIND] ? WSAENETDOWN : 0);
	ENDS_WITH(WSPSetSockOpt, WSAENETDOWN, code[SETOPT] ? WSAENETDOWN : 0);
	ENDS_WITH(WSPGetSockOpt, WSAENETDOWN, code[GETOPT] ? WSAENETDOWN : 0);
	ENDS_WITH(WSPIoctl, WSAENETDOWN, code[IOCTL_] ? WSAENETDOWN : 0);
	ENDS_WITH(WSPEventSelect, WSAENETDOWN, code[SELECT] ? WSAENETDOWN : 0);
	ENDS_WITH(WSPEnumNetworkEvents, WSAENETDOWN, code[ENUM] ? WSAENETDOWN : 0);
	ENDS_WITH(WSPSend, WSAENETDOWN, code[SEND_] ? WSAENETDOWN : 0);
	ENDS_WITH(WSPRecv, WSAENETDOWN, code[RECV_] ? WSAENETDOWN : 0);
	ENDS_WITH(WSPGetOverlappedResult, WSAENETDOWN, code[RESULT_] ? WSAENETDOWN : 0);
	ENDS_WITH(WSPDuplicateSocket, WSAENETDOWN, code[DUP] ? WSAENETDOWN : 0);
	ENDS_WITH(WSPRegisterMemory, WSAENETDOWN, code[REG] ? WSAENETDOWN : 0);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {cmocka_unit_test(errors_of_startup_and_cleanup),
	    T(errors_of_socket), T(errors_of_bind_and_listen), T(errors_of_connect),
	    T(errors_of_accept), T(errors_of_events), T(errors_of_options), T(errors_of_ioctl),
	    T(errors_of_the_rest), T(errors_of_posting), T(errors_of_a_reset_connection),
	    T(errors_of_an_aborted_connection), T(errors_of_a_short_receive), T(errors_of_results),
	    T(errors_of_registering), T(errors_of_rdma), T(errors_when_the_daemon_is_gone),
	    cmocka_unit_test_setup_teardown(errors_of_an_orphan, orphan_setup, orphan_teardown)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
