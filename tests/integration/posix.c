/* SPDX-License-Identifier: BSD-3-Clause */
#include "posix.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

const char *address, *scenario;

void
say(const char *format, ...)
{
	va_list ap;

	printf("%s: ", scenario);
	va_start(ap, format);
	vprintf(format, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
}

/* A result as text: the number, or the name of errno. Four may be alive at a time. */
const char *
outcome(long rc)
{
	static _Thread_local char text[4][32];
	static _Thread_local unsigned turn;
	char *t = text[turn++ % 4];

	if (rc < 0)
		return strerrorname_np(errno);
	snprintf(t, sizeof text[0], "%ld", rc);
	return t;
}

const char *
bits(unsigned b)
{
	static const struct {
		unsigned bit;
		const char *name;
	} names[] = {{POLLIN, "IN"}, {POLLPRI, "PRI"}, {POLLOUT, "OUT"}, {POLLERR, "ERR"},
	    {POLLHUP, "HUP"}, {POLLRDHUP, "RDHUP"}, {POLLNVAL, "NVAL"}};
	static _Thread_local char text[4][64];
	static _Thread_local unsigned turn;
	char *t = text[turn++ % 4];

	t[0] = '\0';
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if ((b & names[i].bit) != 0) {
			strncat(t, t[0] != '\0' ? "|" : "", 2);
			strncat(t, names[i].name, 8);
		}
	return t[0] != '\0' ? t : "-";
}

void
pause_ms(int ms)
{
	usleep((useconds_t)ms * 1000);
}

struct sockaddr_in
name_here(int port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};

	inet_pton(AF_INET, address, &a.sin_addr);
	return a;
}

int
port_of(int fd)
{
	struct sockaddr_in a = {0};
	socklen_t len = sizeof a;

	getsockname(fd, (struct sockaddr *)&a, &len);
	return ntohs(a.sin_port);
}

int
server_make(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
	struct sockaddr_in a = name_here(0);

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (bind(fd, (struct sockaddr *)&a, sizeof a) != 0 || listen(fd, 8) != 0) {
		say("no server: %s", outcome(-1));
		exit(1);
	}
	return fd;
}

int
client_connect(int fd, int port)
{
	struct sockaddr_in a = name_here(port);

	return connect(fd, (struct sockaddr *)&a, sizeof a);
}

int
port_unused(void)
{
	int fd = server_make(), port = port_of(fd);

	close(fd);
	return port;
}

struct pair
pair_make(void)
{
	struct pair p = {.server = server_make(), .a = socket(AF_INET, SOCK_STREAM, 0)};

	if (client_connect(p.a, port_of(p.server)) != 0)
		say("connect %s", outcome(-1));
	p.b = accept(p.server, NULL, NULL);
	if (p.b < 0)
		say("accept %s", outcome(-1));
	return p;
}

void
pair_end(struct pair *p)
{
	close(p->a);
	close(p->b);
	close(p->server);
}

unsigned
poll_now(int fd, int events)
{
	struct pollfd p = {fd, (short)events, 0};

	poll(&p, 1, 0);
	return (unsigned short)p.revents;
}

/* Everything poll can say, once nothing moves any more. */
const char *
poll_all(int fd)
{
	pause_ms(30);
	return bits(poll_now(fd, POLLIN | POLLOUT | POLLPRI | POLLRDHUP));
}

void
nonblocking(int fd)
{
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

const char *
receive(int fd, int flags)
{
	static _Thread_local char text[2][80];
	static _Thread_local unsigned turn;
	char *t = text[turn++ % 2], buf[64];
	ssize_t n = recv(fd, buf, sizeof buf - 1, flags);

	buf[n > 0 ? n : 0] = '\0';
	snprintf(t, sizeof text[0], "%s \"%s\"", outcome(n), buf);
	return t;
}

int
so_error(int fd)
{
	int error = -1;
	socklen_t len = sizeof error;

	getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
	return error;
}

const char *
so_error_name(int fd)
{
	int error = so_error(fd);

	return error == 0 ? "0" : strerrorname_np(error);
}

int
tcp_state(int fd)
{
	struct tcp_info info = {0};
	socklen_t len = sizeof info;

	getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len);
	return info.tcpi_state;
}

void
fill(int fd)
{
	static char block[16384];

	nonblocking(fd);
	for (int quiet = 0; quiet < 3; pause_ms(5))
		for (quiet++; send(fd, block, sizeof block, 0) > 0;)
			quiet = 0;
}

void
drain(int fd)
{
	static char block[16384];

	nonblocking(fd);
	for (int quiet = 0; quiet < 3; pause_ms(5))
		for (quiet++; recv(fd, block, sizeof block, 0) > 0;)
			quiet = 0;
}

void *
later_send(void *arg)
{
	pause_ms(50);
	send(*(int *)arg, "late", 4, 0);
	return NULL;
}

void *
later_pipe(void *arg)
{
	pause_ms(50);
	(void)!write(*(int *)arg, "late", 4);
	return NULL;
}

const char *
epoll_say(int ep, int timeout)
{
	static _Thread_local char text[2][128];
	static _Thread_local unsigned turn;
	char *t = text[turn++ % 2];
	struct epoll_event ev[4];
	int n = epoll_wait(ep, ev, 4, timeout);

	snprintf(t, sizeof text[0], "%s", outcome(n));
	for (int i = 0; i < n; i++)
		snprintf(t + strlen(t), sizeof text[0] - strlen(t), " [%d %s]", (int)ev[i].data.u32,
		    bits(ev[i].events));
	return t;
}

int
epoll_do(int ep, int op, int fd, uint32_t events, uint32_t data)
{
	struct epoll_event ev = {.events = events, .data.u32 = data};

	return epoll_ctl(ep, op, fd, &ev);
}
