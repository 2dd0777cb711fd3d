/* SPDX-License-Identifier: BSD-3-Clause */
/* Overlapped echo over a byte stream: several receives are posted ahead, each with an event; what
 * arrived is sent back from the buffer it arrived in. The client keeps a window of messages under
 * way and compares what returns.
 *
 * usage: echo serve ADDRESS PORT
 *        echo ADDRESS PORT [MESSAGES] */
#include "example.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WINDOW	4
#define MESSAGE 512

/* One buffer and the operation that owns it meanwhile. */
struct post {
	WSAOVERLAPPED ov;
	char buf[MESSAGE];
};

static void
post_recv(SOCKET s, struct post *p)
{
	WSABUF b = {sizeof p->buf, p->buf};
	int err = 0;

	if (wsp.lpWSPRecv(s, &b, 1, NULL, NULL, &p->ov, NULL, NULL, &err) != 0 &&
	    err != WSA_IO_PENDING)
		example_fail("WSPRecv", err);
}

static void
post_send(SOCKET s, struct post *p, DWORD len)
{
	WSABUF b = {len, p->buf};
	int err = 0;

	if (wsp.lpWSPSend(s, &b, 1, NULL, 0, &p->ov, NULL, NULL, &err) != 0 &&
	    err != WSA_IO_PENDING)
		example_fail("WSPSend", err);
}

/* Wait for the operation's event, then take its result: bytes moved. */
static DWORD
finish(SOCKET s, struct post *p, const char *what)
{
	DWORD bytes = 0, flags = 0;
	int err = 0;

	example_wait(p->ov.hEvent);
	if (!wsp.lpWSPGetOverlappedResult(s, &p->ov, &bytes, FALSE, &flags, &err))
		example_fail(what, err);
	return bytes;
}

static void
posts_make(struct post *p)
{
	memset(p, 0, WINDOW * sizeof *p);
	for (unsigned i = 0; i < WINDOW; i++)
		p[i].ov.hEvent = example_event();
}

static void
serve(const char *ip, const char *port)
{
	static struct post post[WINDOW];
	SOCKET listener = example_listen(SOCK_STREAM, ip, port), s;
	uint64_t total = 0;
	int err = 0;

	printf("ready\n");
	fflush(stdout);
	s = example_accept(listener);
	posts_make(post);
	for (unsigned i = 0; i < WINDOW; i++)
		post_recv(s, &post[i]);
	for (unsigned i = 0;; i = (i + 1) % WINDOW) {
		DWORD bytes = finish(s, &post[i], "receive");

		if (bytes == 0)
			break; /* the peer sends no more; the receives behind end the same way */
		post_send(s, &post[i], bytes);
		finish(s, &post[i], "send");
		total += bytes;
		post_recv(s, &post[i]);
	}
	wsp.lpWSPCloseSocket(s, &err);
	wsp.lpWSPCloseSocket(listener, &err);
	printf("echoed %llu bytes\n", (unsigned long long)total);
}

static void
fill(char *buf, unsigned number)
{
	for (unsigned i = 0; i < MESSAGE; i++)
		buf[i] = (char)(number * 31 + i);
}

/* A stream has no messages: receive until as many bytes are here. */
static void
expect(SOCKET s, struct post *p, unsigned number)
{
	char want[MESSAGE], got[MESSAGE];

	fill(want, number);
	for (DWORD have = 0; have < MESSAGE;) {
		WSABUF b = {MESSAGE - have, got + have};
		DWORD bytes;
		int err = 0;

		if (wsp.lpWSPRecv(s, &b, 1, NULL, NULL, &p->ov, NULL, NULL, &err) != 0 &&
		    err != WSA_IO_PENDING)
			example_fail("WSPRecv", err);
		bytes = finish(s, p, "receive");
		if (bytes == 0)
			example_fail("the stream ended", WSAEDISCON);
		have += bytes;
	}
	if (memcmp(want, got, MESSAGE) != 0)
		example_fail("another message came back", WSAEINVAL);
}

static void
ask(const char *ip, const char *port, unsigned messages)
{
	static struct post out[WINDOW], in[WINDOW];
	SOCKET s = example_socket(SOCK_STREAM);
	unsigned sent = 0, back = 0;
	int err = example_connect(s, ip, port);

	if (err != 0)
		example_fail("WSPConnect", err);
	posts_make(out);
	posts_make(in);
	while (back < messages) {
		if (sent < messages && sent - back < WINDOW) {
			struct post *p = &out[sent % WINDOW];

			if (sent >= WINDOW)
				finish(s, p, "send");
			fill(p->buf, sent++);
			post_send(s, p, MESSAGE);
		} else {
			expect(s, &in[0], back++);
		}
	}
	wsp.lpWSPCloseSocket(s, &err);
	printf("%u messages came back as they were\n", back);
}

int
main(int argc, char **argv)
{
	int err = 0;

	if (argc < 3 || argc > 4) {
		fprintf(stderr,
		    "usage: echo serve ADDRESS PORT\n       echo ADDRESS PORT [MESSAGES]\n");
		return 2;
	}
	example_start(san_default_upcalls());
	if (strcmp(argv[1], "serve") == 0 && argc == 4)
		serve(argv[2], argv[3]);
	else
		ask(argv[1], argv[2], argc == 4 ? (unsigned)strtoul(argv[3], NULL, 10) : 1000);
	wsp.lpWSPCleanup(&err);
	return 0;
}
