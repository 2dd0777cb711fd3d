/* SPDX-License-Identifier: BSD-3-Clause */
/* A switch of one's own: an upcall table that prints every upcall, and a program that calls the
 * provider and prints that too. What is to be seen is the order in which a socket ends: nothing of
 * it is given back before WSPCloseSocket, each pending operation completes once, the handle is
 * closed last.
 *
 * usage: tiny_switch serve ADDRESS PORT          waits until its peer closes
 *        tiny_switch close ADDRESS PORT          closes with two receives pending
 *        tiny_switch silence ADDRESS PORT        closes while nobody answers the connect */
#include "example.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* An operation, by the name it has in the output. */
struct operation {
	WSAOVERLAPPED ov;
	const char *name;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned handles_open, handles_made, completions;

static void
say_switch(const char *text)
{
	pthread_mutex_lock(&lock);
	printf("switch   %s\n", text);
	fflush(stdout);
	pthread_mutex_unlock(&lock);
}

/* --- the upcalls: called by the provider, on its upcall thread or inside a call of ours ---------
 */

static SOCKET
create_socket_handle(DWORD catalog, DWORD_PTR context, LPINT err)
{
	SOCKET handle;

	(void)catalog;
	(void)context;
	(void)err;
	pthread_mutex_lock(&lock);
	handles_open++;
	handle = ++handles_made;
	printf("  upcall WPUCreateSocketHandle: handle %u\n", (unsigned)handle);
	pthread_mutex_unlock(&lock);
	return handle;
}

static int
close_socket_handle(SOCKET handle, LPINT err)
{
	(void)err;
	pthread_mutex_lock(&lock);
	handles_open--;
	printf("  upcall WPUCloseSocketHandle: handle %u\n", (unsigned)handle);
	pthread_mutex_unlock(&lock);
	return 0;
}

static int
complete_overlapped_request(SOCKET handle, LPWSAOVERLAPPED ov, DWORD error, DWORD bytes, LPINT err)
{
	const struct operation *op = (const struct operation *)ov; /* its first member */

	(void)err;
	pthread_mutex_lock(&lock);
	completions++;
	printf("  upcall WPUCompleteOverlappedRequest: handle %u, %s, %s, %u bytes\n",
	    (unsigned)handle, op->name, wsa_name((int)error), (unsigned)bytes);
	pthread_mutex_unlock(&lock);
	return 0;
}

static WSPUPCALLTABLEEX upcalls = {
    .lpWPUCreateSocketHandle = create_socket_handle,
    .lpWPUCloseSocketHandle = close_socket_handle,
    .lpWPUCompleteOverlappedRequest = complete_overlapped_request,
};

/* --- what the program does ----------------------------------------------------------------------
 */

static void
wait_until(const unsigned *number, unsigned value)
{
	for (;;) {
		bool there;

		pthread_mutex_lock(&lock);
		there = *number == value;
		pthread_mutex_unlock(&lock);
		if (there)
			return;
		usleep(1000);
	}
}

static void
post(SOCKET s, struct operation *op, bool send, char *buf, u_long len)
{
	WSABUF b = {len, buf};
	int err = 0;
	int r = send ? wsp.lpWSPSend(s, &b, 1, NULL, 0, &op->ov, NULL, NULL, &err)
		     : wsp.lpWSPRecv(s, &b, 1, NULL, NULL, &op->ov, NULL, NULL, &err);

	if (r == 0 || err != WSA_IO_PENDING)
		example_fail(op->name, err);
}

static void
close_and_look(SOCKET s)
{
	WSABUF none = {0, NULL};
	int err = 0, after = 0;

	say_switch("WSPCloseSocket");
	if (wsp.lpWSPCloseSocket(s, &err) != 0)
		example_fail("WSPCloseSocket", err);
	(void)wsp.lpWSPRecv(s, &none, 1, NULL, NULL, NULL, NULL, NULL, &after);
	wait_until(&handles_open, 0);
	if (after != WSAENOTSOCK)
		example_fail("WSPRecv after WSPCloseSocket", after);
	say_switch("since WSPCloseSocket returned, every call on it: WSAENOTSOCK");
}

static void
serve(const char *ip, const char *port)
{
	static struct operation first = {.name = "receive 1"}, second = {.name = "receive 2"};
	SOCKET listener = example_listen(SOCK_STREAM, ip, port), s;
	char a[64], b[64];
	int err = 0;

	say_switch("WSPListen");
	s = example_accept(listener);
	say_switch("WSPAccept; two receives are posted");
	post(s, &first, false, a, sizeof a);
	post(s, &second, false, b, sizeof b);
	wait_until(&completions, 2);
	say_switch("the peer closed; our socket stays ours until we close it");
	if (wsp.lpWSPCloseSocket(listener, &err) != 0)
		example_fail("WSPCloseSocket", err);
	wait_until(&handles_open, 1);
	close_and_look(s);
}

static void
close_with_pending(const char *ip, const char *port)
{
	static struct operation send = {.name = "send 1"}, first = {.name = "receive 1"},
				second = {.name = "receive 2"};
	static char hello[] = "the only message";
	SOCKET s = example_socket(SOCK_STREAM);
	char a[64], b[64];
	int err = example_connect(s, ip, port);

	if (err != 0)
		example_fail("WSPConnect", err);
	say_switch("WSPConnect: connected; two receives and a send are posted");
	post(s, &first, false, a, sizeof a);
	post(s, &second, false, b, sizeof b);
	post(s, &send, true, hello, sizeof hello);
	wait_until(&completions, 1);
	close_and_look(s);
}

static void
close_in_silence(const char *ip, const char *port)
{
	struct sockaddr_in a = example_address(ip, port);
	SOCKET s = example_socket(SOCK_STREAM);
	int err = 0;

	(void)wsp.lpWSPEventSelect(s, NULL, 0, &err);
	if (wsp.lpWSPConnect(
		s, (const struct sockaddr *)&a, sizeof a, NULL, NULL, NULL, NULL, &err) == 0 ||
	    err != WSAEWOULDBLOCK)
		example_fail("WSPConnect", err);
	say_switch("WSPConnect: WSAEWOULDBLOCK, and nobody answers");
	usleep(200000); /* or the daemon might never hear of it: that, too, would be in order */
	close_and_look(s);
}

int
main(int argc, char **argv)
{
	int err = 0;

	if (argc != 4) {
		fprintf(stderr, "usage: tiny_switch serve|close|silence ADDRESS PORT\n");
		return 2;
	}
	example_start(&upcalls);
	if (strcmp(argv[1], "serve") == 0)
		serve(argv[2], argv[3]);
	else if (strcmp(argv[1], "close") == 0)
		close_with_pending(argv[2], argv[3]);
	else
		close_in_silence(argv[2], argv[3]);
	say_switch("WSPCleanup");
	if (wsp.lpWSPCleanup(&err) != 0)
		example_fail("WSPCleanup", err);
	return 0;
}
