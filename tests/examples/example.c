/* SPDX-License-Identifier: BSD-3-Clause */
#include "example.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

WSPPROC_TABLE wsp;

const char *
wsa_name(int err)
{
	switch (err) {
	case 0:
		return "0";
#define X(name, value, linux) \
	case value:           \
		return #name;
		WSA_ERROR_LIST(X)
#undef X
	}
	return "an unknown error";
}

noreturn void
example_fail(const char *what, int err)
{
	fprintf(stderr, "%s: %s\n", what, wsa_name(err));
	exit(1);
}

void
example_start(LPWSPUPCALLTABLEEX upcalls)
{
	WSPDATA data;
	int err = WSPStartupEx(MAKEWORD(2, 2), &data, NULL, upcalls, &wsp);

	if (err != 0)
		example_fail("WSPStartupEx", err);
}

struct sockaddr_in
example_address(const char *ip, const char *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET};

	if (inet_pton(AF_INET, ip, &a.sin_addr) != 1) {
		fprintf(stderr, "'%s' is no IPv4 address\n", ip);
		exit(2);
	}
	a.sin_port = htons((uint16_t)strtoul(port, NULL, 10));
	return a;
}

/* An event object of this provider is an eventfd. Its number must be even where it goes into a
 * WSAOVERLAPPED: the default upcalls see to that. */
WSAEVENT
example_event(void)
{
	int err = 0;
	WSAEVENT event = san_default_upcalls()->lpWPUCreateEvent(&err);

	if (event == NULL)
		example_fail("WPUCreateEvent", err);
	return event;
}

void
example_wait(WSAEVENT event)
{
	struct pollfd p = {.fd = (int)(intptr_t)event, .events = POLLIN};
	eventfd_t count;

	while (poll(&p, 1, -1) != 1)
		;
	(void)eventfd_read(p.fd, &count);
}

SOCKET
example_socket(int type)
{
	int err = 0;
	SOCKET s = wsp.lpWSPSocket(AF_INET, type, 0, NULL, 0, WSA_FLAG_OVERLAPPED, &err);

	if (s == INVALID_SOCKET)
		example_fail("WSPSocket", err);
	return s;
}

SOCKET
example_listen(int type, const char *ip, const char *port)
{
	struct sockaddr_in a = example_address(ip, port);
	SOCKET s = example_socket(type);
	int err = 0;

	if (wsp.lpWSPBind(s, (const struct sockaddr *)&a, sizeof a, &err) != 0)
		example_fail("WSPBind", err);
	if (wsp.lpWSPListen(s, 16, &err) != 0)
		example_fail("WSPListen", err);
	return s;
}

SOCKET
example_accept(SOCKET listener)
{
	static WSAEVENT event;
	int err = 0;

	if (event == NULL)
		event = example_event();
	if (wsp.lpWSPEventSelect(listener, event, FD_ACCEPT, &err) != 0)
		example_fail("WSPEventSelect", err);
	for (;;) {
		SOCKET s = wsp.lpWSPAccept(listener, NULL, NULL, NULL, 0, &err);

		if (s != INVALID_SOCKET)
			return s;
		if (err != WSAEWOULDBLOCK)
			example_fail("WSPAccept", err);
		example_wait(event);
	}
}

int
example_connect(SOCKET s, const char *ip, const char *port)
{
	struct sockaddr_in a = example_address(ip, port);
	WSAEVENT event = example_event();
	WSANETWORKEVENTS seen = {0};
	int err = 0, result;

	if (wsp.lpWSPEventSelect(s, event, FD_CONNECT, &err) != 0)
		example_fail("WSPEventSelect", err);
	result = wsp.lpWSPConnect(
	    s, (const struct sockaddr *)&a, sizeof a, NULL, NULL, NULL, NULL, &err);
	if (result != 0 && err != WSAEWOULDBLOCK)
		return err;
	while (result != 0 && (seen.lNetworkEvents & FD_CONNECT) == 0) {
		example_wait(event);
		if (wsp.lpWSPEnumNetworkEvents(s, NULL, &seen, &err) != 0)
			example_fail("WSPEnumNetworkEvents", err);
	}
	(void)wsp.lpWSPEventSelect(s, NULL, 0, &err);
	(void)san_default_upcalls()->lpWPUCloseEvent(event, &err);
	return seen.iErrorCode[FD_CONNECT_BIT];
}
