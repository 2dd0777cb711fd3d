/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench.h"
#include "test.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

struct sockaddr_in
bench_name(uint32_t ip, int port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};

	a.sin_addr.s_addr = htonl(ip);
	return a;
}

int
bench_socket(int flags)
{
	int fd = sw_socket(AF_INET, SOCK_STREAM | flags, 0);

	assert_true(fd >= 0);
	return fd;
}

int
bench_server(uint32_t ip)
{
	struct sockaddr_in a = bench_name(ip, 0);
	int fd = bench_socket(0);

	assert_int_equal(sw_bind(fd, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(sw_listen(fd, 128), 0);
	return fd;
}

int
bench_port(int fd)
{
	struct sockaddr_in a = {0};
	socklen_t len = sizeof a;

	assert_int_equal(sw_getsockname(fd, (struct sockaddr *)&a, &len), 0);
	return ntohs(a.sin_port);
}

int
bench_connect(int fd, uint32_t ip, int port)
{
	struct sockaddr_in a = bench_name(ip, port);

	return sw_connect(fd, (struct sockaddr *)&a, sizeof a);
}

struct bench_pair
bench_pair(void)
{
	struct bench_pair p = {.server = bench_server(SAN_ONLY_ADDRESS), .a = bench_socket(0)};

	assert_int_equal(bench_connect(p.a, SAN_ONLY_ADDRESS, bench_port(p.server)), 0);
	p.b = sw_accept(p.server, NULL, NULL, 0);
	assert_true(p.b >= 0);
	return p;
}

void
bench_pair_close(const struct bench_pair *p)
{
	sw_close(p->a);
	sw_close(p->b);
	sw_close(p->server);
}

ssize_t
bench_send(int fd, const char *text)
{
	struct fdtab_stream st = fdtab_stream(fd);

	if (st.file == NULL)
		return send(fd, text, strlen(text), MSG_NOSIGNAL) < 0 ? -errno
								      : (ssize_t)strlen(text);
	return sw_write(st, fd, text, strlen(text), MSG_NOSIGNAL);
}

const char *
bench_recv(int fd)
{
	static _Thread_local char text[128];
	struct fdtab_stream st = fdtab_stream(fd);
	ssize_t n;

	if (st.file == NULL) {
		n = recv(fd, text, sizeof text - 1, 0);
		n = n < 0 ? -errno : n;
	} else {
		n = sw_read(st, fd, text, sizeof text - 1, 0);
	}
	if (n < 0)
		snprintf(text, sizeof text, "%zd", n);
	else
		text[n] = '\0';
	return text;
}

int
bench_epoll_add(int ep, int fd, uint32_t events)
{
	struct epoll_event ev = {.events = events, .data.fd = fd};

	return sw_epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev);
}
