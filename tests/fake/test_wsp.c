/* SPDX-License-Identifier: BSD-3-Clause */
/* The WSP functions a switch of its own would use: events, condition functions, options, control
 * codes, plain WSPSend and WSPRecv, and what is not offered. */
#include "rig.h"

#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

static WSAEVENT
event_new(void)
{
	return (WSAEVENT)(intptr_t)eventfd(0, EFD_NONBLOCK);
}

static int
event_is_set(WSAEVENT ev, int wait_ms)
{
	struct pollfd p = {(int)(intptr_t)ev, POLLIN, 0};

	return poll(&p, 1, wait_ms) == 1;
}

static void
fd_connect_is_signalled(void **state)
{
	static const struct {
		uint16_t port;
		int code;
	} want[] = {{RIG_PORT, 0}, {99, WSAECONNRESET}, {FAKE_PORT_TIMEOUT, WSAETIMEDOUT}};
	SOCKET l = rig_listener(RIG_PORT, 4);

	for (unsigned i = 0; i < sizeof want / sizeof want[0]; i++) {
		struct sockaddr_storage a = rig_addr("10.77.0.1", want[i].port);
		WSAEVENT ev = event_new();
		WSANETWORKEVENTS out;
		SOCKET s = rig_socket();
		int err = 0;

		assert_int_equal(rig_wsp.lpWSPEventSelect(s, ev, FD_CONNECT | FD_ACCEPT, &err), 0);
		assert_int_equal(rig_wsp.lpWSPEnumNetworkEvents(s, ev, &out, &err), 0);
		assert_int_equal(out.lNetworkEvents, 0);
		(void)rig_wsp.lpWSPConnect(
		    s, (struct sockaddr *)&a, sizeof a, NULL, NULL, NULL, NULL, &err);
		assert_true(event_is_set(ev, 2000));
		assert_int_equal(rig_wsp.lpWSPEnumNetworkEvents(s, ev, &out, &err), 0);
		assert_int_equal(out.lNetworkEvents, FD_CONNECT);
		assert_int_equal(out.iErrorCode[FD_CONNECT_BIT], want[i].code);
		assert_false(event_is_set(ev, 0)); /* reset by the enumeration */
		assert_int_equal(rig_wsp.lpWSPEnumNetworkEvents(s, ev, &out, &err), 0);
		assert_int_equal(out.lNetworkEvents, 0); /* told once */
		rig_close(s);
		assert_false(event_is_set(ev, 20));
		close((int)(intptr_t)ev);
	}
	rig_close(l);
}

static void
fd_accept_is_signalled_for_each(void **state)
{
	SOCKET l = rig_listener(RIG_PORT, 8), a[3], b;
	WSAEVENT ev = event_new();
	WSANETWORKEVENTS out;
	int err = 0;

	assert_int_equal(rig_wsp.lpWSPEventSelect(l, ev, FD_ACCEPT | FD_CONNECT, &err), 0);
	assert_true(rig_wsp.lpWSPAccept(l, NULL, NULL, NULL, 0, &err) == INVALID_SOCKET);
	assert_int_equal(err, WSAEWOULDBLOCK);
	for (int i = 0; i < 3; i++) {
		a[i] = rig_socket();
		assert_int_equal(rig_connect(a[i], "10.77.0.1", RIG_PORT), 0);
	}
	for (int i = 0; i < 3; i++) {
		struct sockaddr_in peer;
		INT len = sizeof peer;

		assert_true(event_is_set(ev, 2000));
		assert_int_equal(rig_wsp.lpWSPEnumNetworkEvents(l, ev, &out, &err), 0);
		assert_int_equal(out.lNetworkEvents, FD_ACCEPT);
		assert_int_equal(out.iErrorCode[FD_ACCEPT_BIT], 0);
		b = rig_wsp.lpWSPAccept(l, (struct sockaddr *)&peer, &len, NULL, 0, &err);
		assert_true(b != INVALID_SOCKET);
		assert_int_equal(len, sizeof peer);
		assert_int_equal(peer.sin_family, AF_INET);
		rig_close(b);
	}
	assert_false(event_is_set(ev, 30)); /* none queued */
	for (int i = 0; i < 3; i++)
		rig_close(a[i]);
	a[0] = rig_socket(); /* and a later one */
	assert_int_equal(rig_connect(a[0], "10.77.0.1", RIG_PORT), 0);
	assert_true(event_is_set(ev, 2000));
	rig_close(l);
	rig_close(a[0]);
	close((int)(intptr_t)ev);
}

static void
event_already_due_is_signalled_at_once(void **state)
{
	SOCKET l = rig_listener(RIG_PORT, 8), a = rig_socket();
	WSAEVENT ev = event_new();
	int err = 0;

	assert_int_equal(rig_connect(a, "10.77.0.1", RIG_PORT), 0);
	assert_true(rig_wait(l, POLLIN) != 0);
	assert_int_equal(rig_wsp.lpWSPEventSelect(l, ev, FD_ACCEPT, &err), 0);
	assert_true(event_is_set(ev, 0));
	assert_int_equal(rig_wsp.lpWSPEventSelect(l, ev, 0x20, &err), SOCKET_ERROR); /* FD_CLOSE */
	assert_int_equal(err, WSAEINVAL);
	rig_close(a);
	rig_close(l);
	close((int)(intptr_t)ev);
}

/* --- condition function --- */

static int answer;
static SOCKET closed_by_condition;
static struct sockaddr_in seen_caller, seen_callee;

static int
condition(LPWSABUF caller, LPWSABUF caller_data, LPQOS sqos, LPQOS gqos, LPWSABUF callee,
    LPWSABUF callee_data, GROUP *g, DWORD_PTR data)
{
	int err = 0;

	assert_int_equal(data, 4242);
	assert_null(caller_data);
	memcpy(&seen_caller, caller->buf, sizeof seen_caller);
	memcpy(&seen_callee, callee->buf, sizeof seen_callee);
	if (closed_by_condition != 0)
		assert_int_equal(rig_wsp.lpWSPCloseSocket(closed_by_condition, &err), 0);
	return answer;
}

static void
condition_function_decides(void **state)
{
	SOCKET l = rig_listener(RIG_PORT, 8), a = rig_socket(), b;
	unsigned handles;
	char c;
	int err = 0;

	assert_int_equal(rig_connect(a, "10.77.0.1", RIG_PORT), 0);
	assert_true(rig_wait(l, POLLIN) != 0);
	handles = record_created();
	for (int i = 0; i < 3; i++) { /* deferred: stays the first in the queue */
		answer = CF_DEFER;
		assert_true(
		    rig_wsp.lpWSPAccept(l, NULL, NULL, condition, 4242, &err) == INVALID_SOCKET);
		assert_int_equal(err, WSATRY_AGAIN);
		assert_true((rig_san->sanPoll(l) & POLLIN) != 0);
	}
	assert_int_equal(record_created(), handles);
	assert_int_equal(ntohs(seen_callee.sin_port), RIG_PORT);
	answer = CF_ACCEPT;
	b = rig_wsp.lpWSPAccept(l, NULL, NULL, condition, 4242, &err);
	assert_true(b != INVALID_SOCKET);
	rig_send(a, "k", 1);
	assert_int_equal(rig_recv(b, &c, 1, &err), 1);
	rig_close(a);
	rig_close(b);

	a = rig_socket();
	assert_int_equal(rig_connect(a, "10.77.0.1", RIG_PORT), 0);
	assert_true(rig_wait(l, POLLIN) != 0);
	handles = record_created();
	answer = CF_REJECT;
	assert_true(rig_wsp.lpWSPAccept(l, NULL, NULL, condition, 4242, &err) == INVALID_SOCKET);
	assert_int_equal(err, WSAECONNREFUSED);
	assert_int_equal(record_created(), handles);
	assert_true((rig_wait(a, POLLIN) & POLLERR) != 0);
	rig_close(a);
	rig_close(l);
}

static void
c8_condition_function_closes_the_listener(void **state)
{
	for (answer = CF_ACCEPT; answer <= CF_DEFER; answer++) {
		SOCKET l = rig_listener(RIG_PORT, 8), a = rig_socket(), b;
		int err = 0;

		assert_int_equal(rig_connect(a, "10.77.0.1", RIG_PORT), 0);
		assert_true(rig_wait(l, POLLIN) != 0);
		closed_by_condition = l;
		b = rig_wsp.lpWSPAccept(l, NULL, NULL, condition, 4242, &err);
		closed_by_condition = 0;
		if (answer == CF_ACCEPT) {
			assert_true(b != INVALID_SOCKET);
			rig_close(b);
		} else {
			assert_true(b == INVALID_SOCKET);
		}
		rig_close(a);
		rig_quiet();
	}
}

static void
deferred_child_ends_with_its_listener(void **state)
{
	SOCKET l = rig_listener(RIG_PORT, 8), a = rig_socket();
	int err = 0;

	assert_int_equal(rig_connect(a, "10.77.0.1", RIG_PORT), 0);
	assert_true(rig_wait(l, POLLIN) != 0);
	answer = CF_DEFER;
	(void)rig_wsp.lpWSPAccept(l, NULL, NULL, condition, 4242, &err);
	rig_close(l);
	assert_true((rig_wait(a, POLLIN) & POLLERR) != 0);
	rig_close(a);
	rig_quiet();
}

static void
accept_without_a_handle(void **state)
{
	SOCKET l = rig_listener(RIG_PORT, 8), a = rig_socket();
	int err = 0;

	assert_int_equal(rig_connect(a, "10.77.0.1", RIG_PORT), 0);
	assert_true(rig_wait(l, POLLIN) != 0);
	record_fail_create(WSAEMFILE);
	assert_true(rig_wsp.lpWSPAccept(l, NULL, NULL, NULL, 0, &err) == INVALID_SOCKET);
	assert_int_equal(err, WSAEMFILE);
	record_fail_create(0);
	assert_true((rig_wait(a, POLLIN) & POLLERR) != 0); /* reset */
	rig_close(a);
	rig_close(l);
}

/* --- options, control codes, the rest --- */

static void
options(void **state)
{
	static const struct {
		int name;
		uint32_t value;
	} want[] = {{SO_MAX_MSG_SIZE, UINT32_MAX}, {SO_MAX_RDMA_SIZE, 1u << 30},
	    {SO_RDMA_THRESHOLD_SIZE, 4096}, {1, 0}};
	SOCKET s = rig_socket();
	uint32_t value = 1;
	INT len;
	int err = 0;

	for (unsigned i = 0; i < sizeof want / sizeof want[0]; i++) {
		len = sizeof value;
		assert_int_equal(rig_wsp.lpWSPGetSockOpt(
				     s, WSD_SOL_SOCKET, want[i].name, (char *)&value, &len, &err),
		    0);
		assert_int_equal(value, want[i].value);
		len = 3;
		assert_int_equal(rig_wsp.lpWSPGetSockOpt(
				     s, WSD_SOL_SOCKET, want[i].name, (char *)&value, &len, &err),
		    SOCKET_ERROR);
		assert_int_equal(err, WSAEFAULT);
	}
	len = sizeof value;
	assert_int_equal(
	    rig_wsp.lpWSPGetSockOpt(s, WSD_SOL_SOCKET, 0x1001, (char *)&value, &len, &err),
	    SOCKET_ERROR);
	assert_int_equal(err, WSAENOPROTOOPT);
	assert_int_equal(
	    rig_wsp.lpWSPGetSockOpt(s, IPPROTO_TCP, 1, (char *)&value, &len, &err), SOCKET_ERROR);
	assert_int_equal(err, WSAEINVAL);
	assert_int_equal(
	    rig_wsp.lpWSPSetSockOpt(s, WSD_SOL_SOCKET, SO_MAX_MSG_SIZE, (char *)&value, 4, &err),
	    SOCKET_ERROR);
	assert_int_equal(err, WSAENOPROTOOPT);
	value = 1;
	assert_int_equal(rig_wsp.lpWSPSetSockOpt(s, WSD_SOL_SOCKET, 1, (char *)&value, 4, &err), 0);
	value = 0;
	assert_int_equal(
	    rig_wsp.lpWSPGetSockOpt(s, WSD_SOL_SOCKET, 1, (char *)&value, &len, &err), 0);
	assert_int_equal(value, 1);
	rig_close(s);
}

static void
address_list(void **state)
{
	SOCKET s = rig_socket();
	union {
		SOCKET_ADDRESS_LIST list;
		uint8_t bytes[512];
	} out;
	DWORD need = 0;
	int err = 0;

	assert_int_equal(rig_wsp.lpWSPIoctl(s, SIO_ADDRESS_LIST_QUERY, NULL, 0, &out, 8, &need,
			     NULL, NULL, NULL, &err),
	    SOCKET_ERROR);
	assert_int_equal(err, WSAEFAULT);
	assert_in_range(need, 9, sizeof out);
	assert_int_equal(rig_wsp.lpWSPIoctl(s, SIO_ADDRESS_LIST_QUERY, NULL, 0, &out, need, &need,
			     NULL, NULL, NULL, &err),
	    0);
	assert_int_equal(out.list.iAddressCount, 3);
	/* Winsock declares one entry and means iAddressCount of them. */
	const SOCKET_ADDRESS *entry = out.list.Address;
	for (int i = 0; i < 3; i++, entry++) {
		const struct sockaddr *sa = entry->lpSockaddr;

		assert_int_equal(sa->sa_family, i < 2 ? AF_INET : AF_INET6);
		assert_true(rig_san->sanIsLocal(sa, (socklen_t)entry->iSockaddrLength));
	}
	assert_int_equal(
	    rig_wsp.lpWSPIoctl(s, 0x12345678, NULL, 0, NULL, 0, &need, NULL, NULL, NULL, &err),
	    SOCKET_ERROR);
	assert_int_equal(err, WSAEOPNOTSUPP);
	rig_close(s);
}

static void
extension_guids(void **state)
{
	const GUID known[] = {WSAID_REGISTERMEMORY, WSAID_DEREGISTERMEMORY,
	    WSAID_REGISTERRDMAMEMORY, WSAID_DEREGISTERRDMAMEMORY, WSAID_RDMAWRITE, WSAID_RDMAREAD,
	    WSAID_MEMORYREGISTRATIONCACHECALLBACK, SAN_GUID_LINUX};
	GUID unknown = {0};
	void *out;
	DWORD bytes;
	int err = 0;

#define EXT(in, in_len, out, out_len)                                                        \
	rig_wsp.lpWSPIoctl(INVALID_SOCKET, SIO_GET_EXTENSION_FUNCTION_POINTER, (void *)(in), \
	    in_len, out, out_len, &bytes, NULL, NULL, NULL, &err)
	for (unsigned i = 0; i < sizeof known / sizeof known[0]; i++) {
		out = NULL;
		assert_int_equal(EXT(&known[i], sizeof(GUID), &out, sizeof out), 0);
		assert_int_equal(bytes, sizeof out);
		assert_non_null(out);
		unknown = known[i];
		unknown.Data4[7] ^= 0x80;
		assert_int_equal(EXT(&unknown, sizeof(GUID), &out, sizeof out), SOCKET_ERROR);
		assert_int_equal(err, WSAEINVAL);
	}
	unknown = (GUID){0};
	assert_int_equal(EXT(&unknown, sizeof(GUID), &out, sizeof out), SOCKET_ERROR);
	assert_int_equal(err, WSAEINVAL);
	assert_int_equal(EXT(&unknown, 3, &out, sizeof out), SOCKET_ERROR);
	assert_int_equal(err, WSAEFAULT);
	assert_int_equal(EXT(NULL, sizeof(GUID), &out, sizeof out), SOCKET_ERROR);
	assert_int_equal(err, WSAEFAULT);
}

static void *
recv_blocking(void *arg)
{
	static char buf[8];
	WSABUF bufs[2] = {{3, buf}, {5, buf + 3}};
	DWORD bytes = 0, flags = 0;
	int err = 0;

	if (rig_wsp.lpWSPRecv(*(SOCKET *)arg, bufs, 2, &bytes, &flags, NULL, NULL, NULL, &err) != 0)
		return NULL;
	return bytes == 5 && memcmp(buf, "hello", 5) == 0 ? buf : NULL;
}

static void
wsp_send_and_recv(void **state)
{
	char text[] = "hello", big[1];
	WSABUF bufs[3] = {{2, text}, {0, NULL}, {3, text + 2}}, one = {1, big};
	DWORD bytes = 0, flags = 0;
	pthread_t thread;
	void *ok;
	SOCKET a, b;
	int err = 0;

	rig_pair(&a, &b);
	pthread_create(&thread, NULL, recv_blocking, &b); /* no WSPEventSelect: it blocks */
	rig_sleep_ms(20);
	assert_int_equal(rig_wsp.lpWSPSend(a, bufs, 3, &bytes, 0, NULL, NULL, NULL, &err), 0);
	assert_int_equal(bytes, 5);
	pthread_join(thread, &ok);
	assert_non_null(ok);
	assert_int_equal(rig_wsp.lpWSPEventSelect(b, NULL, 0, &err), 0); /* does not any more */
	assert_int_equal(
	    rig_wsp.lpWSPRecv(b, &one, 1, &bytes, &flags, NULL, NULL, NULL, &err), SOCKET_ERROR);
	assert_int_equal(err, WSAEWOULDBLOCK);
	assert_false(rig_wsp.lpWSPGetQOSByName(a, NULL, NULL, &err));
	assert_int_equal(err, WSAEOPNOTSUPP);
	rig_close(a);
	assert_true(rig_wait(b, POLLIN) != 0);
	assert_int_equal(rig_wsp.lpWSPRecv(b, &one, 1, &bytes, &flags, NULL, NULL, NULL, &err), 0);
	assert_int_equal(bytes, 0);
	rig_close(b);
}

static void
tables_are_complete(void **state)
{
	const WSPPROC_TABLE *t = &rig_wsp;
	const void *const *san = (const void *const *)(const void *)rig_san;

	assert_true(t->lpWSPAccept && t->lpWSPBind && t->lpWSPCleanup && t->lpWSPCloseSocket &&
		    t->lpWSPConnect && t->lpWSPDuplicateSocket && t->lpWSPEnumNetworkEvents &&
		    t->lpWSPEventSelect && t->lpWSPGetOverlappedResult && t->lpWSPGetSockOpt &&
		    t->lpWSPGetQOSByName && t->lpWSPIoctl && t->lpWSPListen && t->lpWSPRecv &&
		    t->lpWSPSend && t->lpWSPSetSockOpt && t->lpWSPSocket);
	assert_true(!t->lpWSPShutdown && !t->lpWSPSelect && !t->lpWSPRecvFrom &&
		    !t->lpWSPCancelBlockingCall && !t->lpWSPGetPeerName);
	assert_int_equal(rig_san->size, sizeof *rig_san);
	for (size_t i = 1; i < sizeof *rig_san / sizeof *san; i++)
		assert_non_null(san[i]);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)
	const struct CMUnitTest tests[] = {T(fd_connect_is_signalled),
	    T(fd_accept_is_signalled_for_each), T(event_already_due_is_signalled_at_once),
	    T(condition_function_decides), T(c8_condition_function_closes_the_listener),
	    T(deferred_child_ends_with_its_listener), T(accept_without_a_handle), T(options),
	    T(address_list), T(extension_guids), T(wsp_send_and_recv), T(tables_are_complete)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
