/* SPDX-License-Identifier: BSD-3-Clause */
/* Connecting and listening. */
#include "posix.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <unistd.h>

static void
refused(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), port = port_unused();

	say("connect %s", outcome(client_connect(fd, port)));
	say("SO_ERROR %s", so_error_name(fd));
	say("again %s", outcome(client_connect(fd, port)));
	say("getpeername %s", outcome(getpeername(fd, (struct sockaddr *)&(struct sockaddr_in){0},
				  &(socklen_t){16})));
	close(fd);
}

static void
refused_nonblocking(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), port = port_unused();

	say("connect %s", outcome(client_connect(fd, port)));
	say("poll %s", poll_all(fd));
	say("SO_ERROR %s", so_error_name(fd));
	say("SO_ERROR %s", so_error_name(fd));
	say("poll %s", poll_all(fd));
	close(fd);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	client_connect(fd, port);
	pause_ms(20);
	say("second connect %s", outcome(client_connect(fd, port)));
	say("third connect %s", outcome(client_connect(fd, port)));
	close(fd);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	client_connect(fd, port);
	pause_ms(20);
	say("recv %s", receive(fd, 0));
	say("recv %s", receive(fd, 0));
	say("send %s", outcome(send(fd, "x", 1, MSG_NOSIGNAL)));
	close(fd);
}

static void
connect_nonblocking(void)
{
	int server = server_make(), fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), b;

	say("unconnected poll %s", poll_all(fd));
	say("unconnected recv %s", receive(fd, 0));
	say("unconnected send %s", outcome(send(fd, "x", 1, MSG_NOSIGNAL)));
	say("unconnected shutdown %s", outcome(shutdown(fd, SHUT_WR)));
	say("connect %s", outcome(client_connect(fd, port_of(server))));
	say("poll %s", poll_all(fd));
	say("SO_ERROR %s", so_error_name(fd));
	say("connect %s", outcome(client_connect(fd, port_of(server))));
	say("connect %s", outcome(client_connect(fd, port_of(server))));
	b = accept(server, NULL, NULL);
	say("recv %s", receive(fd, 0));
	say("listen on connected %s", outcome(listen(fd, 1)));
	say("bind on connected %s",
	    outcome(bind(fd, (struct sockaddr *)&(struct sockaddr_in){.sin_family = AF_INET}, 16)));
	close(b);
	close(fd);
	close(server);
}

static void
connect_blocking_twice(void)
{
	struct pair p = pair_make();

	say("connect %s", outcome(client_connect(p.a, port_of(p.server))));
	say("accept on connected %s", outcome(accept(p.a, NULL, NULL)));
	pair_end(&p);
}

static void
connect_odd_arguments(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), six = socket(AF_INET6, SOCK_STREAM, 0);
	struct sockaddr_in a = name_here(port_unused());

	say("short %s", outcome(connect(fd, (struct sockaddr *)&a, 4)));
	say("NULL %s", outcome(connect(fd, NULL, 16)));
	say("wrong family %s", outcome(connect(six, (struct sockaddr *)&a, sizeof a)));
	a.sin_family = AF_UNIX;
	say("foreign family %s", outcome(connect(fd, (struct sockaddr *)&a, sizeof a)));
	say("bad fd %s", outcome(connect(-1, (struct sockaddr *)&a, sizeof a)));
	say("not a socket %s", outcome(connect(1, (struct sockaddr *)&a, sizeof a)));
	say("listen on bad fd %s", outcome(listen(-1, 1)));
	close(fd);
	close(six);
}

static void
disconnect(void)
{
	struct pair p = pair_make();
	struct sockaddr none = {.sa_family = AF_UNSPEC};

	say("connect AF_UNSPEC %s", outcome(connect(p.a, &none, sizeof none)));
	say("peer %s", receive(p.b, 0));
	say("connect again %s", outcome(client_connect(p.a, port_of(p.server))));
	close(p.b);
	p.b = accept(p.server, NULL, NULL);
	send(p.a, "again", 5, 0);
	say("recv %s", receive(p.b, 0));
	pair_end(&p);
}

static void
mapped_address(void)
{
	int server = server_make(), fd = socket(AF_INET6, SOCK_STREAM, 0), b;
	struct sockaddr_in6 a = {
	    .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port_of(server))};
	socklen_t len = sizeof a;
	char text[80];

	snprintf(text, sizeof text, "::ffff:%s", address);
	inet_pton(AF_INET6, text, &a.sin6_addr);
	say("connect %s", outcome(connect(fd, (struct sockaddr *)&a, sizeof a)));
	b = accept(server, NULL, NULL);
	getpeername(fd, (struct sockaddr *)&a, &len);
	say("peer mapped %d len %u", IN6_IS_ADDR_V4MAPPED(&a.sin6_addr) != 0, len);
	close(b);
	close(fd);
	close(server);
}

static void
dual_stack_server(void)
{
	int server = socket(AF_INET6, SOCK_STREAM, 0), zero = 0, a, b;
	struct sockaddr_in6 any = {.sin6_family = AF_INET6}, peer;
	socklen_t len = sizeof peer;

	setsockopt(server, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof zero);
	say("bind %s", outcome(bind(server, (struct sockaddr *)&any, sizeof any)));
	say("listen %s", outcome(listen(server, 4)));
	getsockname(server, (struct sockaddr *)&any, &len);
	a = socket(AF_INET, SOCK_STREAM, 0);
	say("connect %s", outcome(client_connect(a, ntohs(any.sin6_port))));
	b = accept(server, (struct sockaddr *)&peer, &len);
	say("peer family %d mapped %d len %u", peer.sin6_family == AF_INET6,
	    IN6_IS_ADDR_V4MAPPED(&peer.sin6_addr) != 0, len);
	send(a, "six", 3, 0);
	say("recv %s", receive(b, 0));
	close(a);
	close(b);
	close(server);
}

static void
accepting(void)
{
	int server = server_make(), a, b, value = -1;
	struct sockaddr_in peer = {0};
	socklen_t len = sizeof peer;

	getsockopt(server, SOL_SOCKET, SO_ACCEPTCONN, &value, &len);
	say("SO_ACCEPTCONN %d", value);
	nonblocking(server);
	say("O_NONBLOCK %d", (fcntl(server, F_GETFL) & O_NONBLOCK) != 0);
	say("accept %s", outcome(accept(server, NULL, NULL)));
	say("poll %s", poll_all(server));
	a = socket(AF_INET, SOCK_STREAM, 0);
	client_connect(a, port_of(server));
	say("poll %s", poll_all(server));
	len = sizeof peer;
	b = accept4(server, (struct sockaddr *)&peer, &len, SOCK_CLOEXEC);
	say("accepted %d len %u port %d", b >= 0, len, ntohs(peer.sin_port) == port_of(a));
	say("flags %d %d", (fcntl(b, F_GETFL) & O_NONBLOCK) != 0,
	    (fcntl(b, F_GETFD) & FD_CLOEXEC) != 0);
	close(b);
	close(a);
	a = socket(AF_INET, SOCK_STREAM, 0);
	client_connect(a, port_of(server));
	pause_ms(20);
	b = accept4(server, NULL, NULL, SOCK_NONBLOCK);
	say("flags %d %d", (fcntl(b, F_GETFL) & O_NONBLOCK) != 0,
	    (fcntl(b, F_GETFD) & FD_CLOEXEC) != 0);
	say("local port %d", port_of(b) == port_of(server));
	say("bad flags %s", outcome(accept4(server, NULL, NULL, 0x7)));
	fcntl(server, F_SETFL, fcntl(server, F_GETFL) & ~O_NONBLOCK);
	say("O_NONBLOCK %d", (fcntl(server, F_GETFL) & O_NONBLOCK) != 0);
	say("recv on listener %s", receive(server, 0));
	say("send on listener %s", outcome(send(server, "x", 1, MSG_NOSIGNAL)));
	say("connect on listener %s", outcome(client_connect(server, port_of(server))));
	close(a);
	close(b);
	close(server);
}

static void
inherited_options(void)
{
	int server = server_make(), a, b, value = 1;
	socklen_t len = sizeof value;

	setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &value, sizeof value);
	setsockopt(server, SOL_SOCKET, SO_KEEPALIVE, &value, sizeof value);
	a = socket(AF_INET, SOCK_STREAM, 0);
	client_connect(a, port_of(server));
	b = accept(server, NULL, NULL);
	value = -1;
	getsockopt(b, IPPROTO_TCP, TCP_NODELAY, &value, &len);
	say("TCP_NODELAY %d", value != 0);
	getsockopt(b, SOL_SOCKET, SO_KEEPALIVE, &value, &len);
	say("SO_KEEPALIVE %d", value);
	getsockopt(b, SOL_SOCKET, SO_TYPE, &value, &len);
	say("SO_TYPE %d", value == SOCK_STREAM);
	getsockopt(b, SOL_SOCKET, SO_DOMAIN, &value, &len);
	say("SO_DOMAIN %d", value == AF_INET);
	getsockopt(b, SOL_SOCKET, SO_ACCEPTCONN, &value, &len);
	say("SO_ACCEPTCONN %d", value);
	say("states %d %d", tcp_state(a), tcp_state(b));
	shutdown(b, SHUT_WR);
	pause_ms(20);
	say("state %d", tcp_state(a));
	close(a);
	close(b);
	close(server);
}

static void
listen_again(void)
{
	int server = server_make(), other, plain = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in a = name_here(port_of(server));

	say("listen again %s", outcome(listen(server, 3)));
	other = socket(AF_INET, SOCK_STREAM, 0);
	say("bind the same %s", outcome(bind(other, (struct sockaddr *)&a, sizeof a)));
	say("shutdown %s", outcome(shutdown(server, SHUT_RD)));
	say("accept %s", outcome(accept(server, NULL, NULL)));
	say("connect %s", outcome(client_connect(plain, ntohs(a.sin_port))));
	say("listen %s", outcome(listen(server, 3)));
	close(plain);
	close(other);
	close(server);
	plain = socket(AF_INET, SOCK_STREAM, 0);
	say("connect to closed %s", outcome(client_connect(plain, ntohs(a.sin_port))));
	say("accept on plain %s", outcome(accept(plain, NULL, NULL)));
	close(plain);
}

static void
unaccepted(void)
{
	int server = server_make(), a = socket(AF_INET, SOCK_STREAM, 0);

	client_connect(a, port_of(server));
	pause_ms(20);
	close(server);
	say("poll %s", poll_all(a));
	say("recv %s", receive(a, 0));
	close(a);
}

const struct scenario posix_connect[] = {
    {"refused", refused},
    {"refused_nonblocking", refused_nonblocking},
    {"connect_nonblocking", connect_nonblocking},
    {"connect_blocking_twice", connect_blocking_twice},
    {"connect_odd_arguments", connect_odd_arguments},
    {"disconnect", disconnect},
    {"mapped_address", mapped_address},
    {"dual_stack_server", dual_stack_server},
    {"accepting", accepting},
    {"inherited_options", inherited_options},
    {"listen_again", listen_again},
    {"unaccepted", unaccepted},
    {NULL, NULL},
};
