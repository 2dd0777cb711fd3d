/* SPDX-License-Identifier: BSD-3-Clause */
/* What a program sees of stream sockets, as lines of text. Run twice, over kernel TCP and over the SAN; the two outputs
 * must be equal (posix_compare.py). Nothing that may differ is printed: no port numbers, no byte counts of full buffers.
 *
 * usage: posix_behaviour ADDRESS [SCENARIO...] */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define SCENARIO_LIMIT_S 20

static const char *address, *scenario;

/* --- saying --- */

__attribute__((format(printf, 1, 2))) static void
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
static const char *
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

static const char *
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

/* --- sockets --- */

static void
pause_ms(int ms)
{
	usleep((useconds_t)ms * 1000);
}

static struct sockaddr_in
name_here(int port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};

	inet_pton(AF_INET, address, &a.sin_addr);
	return a;
}

static int
port_of(int fd)
{
	struct sockaddr_in a = {0};
	socklen_t len = sizeof a;

	getsockname(fd, (struct sockaddr *)&a, &len);
	return ntohs(a.sin_port);
}

static int
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

static int
client_connect(int fd, int port)
{
	struct sockaddr_in a = name_here(port);

	return connect(fd, (struct sockaddr *)&a, sizeof a);
}

struct pair {
	int server, a, b; /* a connected, b was accepted */
};

static struct pair
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

static void
pair_end(struct pair *p)
{
	close(p->a);
	close(p->b);
	close(p->server);
}

static unsigned
poll_now(int fd, int events)
{
	struct pollfd p = {fd, (short)events, 0};

	poll(&p, 1, 0);
	return (unsigned short)p.revents;
}

/* Everything poll can say, once nothing moves any more. */
static const char *
poll_all(int fd)
{
	pause_ms(30);
	return bits(poll_now(fd, POLLIN | POLLOUT | POLLPRI | POLLRDHUP));
}

static void
nonblocking(int fd)
{
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

static const char *
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

static int
so_error(int fd)
{
	int error = -1;
	socklen_t len = sizeof error;

	getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
	return error;
}

static const char *
so_error_name(int fd)
{
	int error = so_error(fd);

	return error == 0 ? "0" : strerrorname_np(error);
}

static int
tcp_state(int fd)
{
	struct tcp_info info = {0};
	socklen_t len = sizeof info;

	getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len);
	return info.tcpi_state;
}

/* --- scenarios: bytes --- */

static void
echo(void)
{
	struct pair p = pair_make();
	struct sockaddr_in here = {0}, there = {0};
	socklen_t len = sizeof here;

	say("send %s", outcome(send(p.a, "hello", 5, 0)));
	say("recv %s", receive(p.b, 0));
	say("write %s", outcome(write(p.b, "world", 5)));
	say("recv %s", receive(p.a, 0));
	say("getsockname %s", outcome(getsockname(p.a, (struct sockaddr *)&here, &len)));
	say("getpeername %s len %u", outcome(getpeername(p.b, (struct sockaddr *)&there, &len)), len);
	say("same name %d", memcmp(&here, &there, 8) == 0);
	say("peer is the address %d", there.sin_addr.s_addr == name_here(0).sin_addr.s_addr);
	getpeername(p.a, (struct sockaddr *)&there, &len);
	say("peer port is the server's %d", ntohs(there.sin_port) == port_of(p.server));
	say("send 0 %s", outcome(send(p.a, "", 0, 0)));
	say("recv 0 %s", outcome(recv(p.b, &here, 0, MSG_DONTWAIT)));
	pair_end(&p);
}

static void
half_close(void)
{
	struct pair p = pair_make();

	send(p.a, "last", 4, 0);
	say("shutdown %s", outcome(shutdown(p.a, SHUT_WR)));
	say("send after %s", outcome(send(p.a, "x", 1, MSG_NOSIGNAL)));
	say("recv %s", receive(p.b, 0));
	say("eof %s", receive(p.b, 0));
	say("b sends %s", outcome(send(p.b, "answer", 6, 0)));
	say("a gets %s", receive(p.a, 0));
	say("shutdown again %s", outcome(shutdown(p.a, SHUT_WR)));
	say("b ends %s", outcome(shutdown(p.b, SHUT_WR)));
	say("a eof %s", receive(p.a, 0));
	pair_end(&p);
}

static void
shut_read(void)
{
	struct pair p = pair_make();

	send(p.b, "early", 5, 0);
	pause_ms(20);
	say("shutdown %s", outcome(shutdown(p.a, SHUT_RD)));
	say("recv %s", receive(p.a, 0));
	say("then %s", receive(p.a, MSG_DONTWAIT));
	say("poll %s", poll_all(p.a));
	say("a still sends %s", outcome(send(p.a, "x", 1, 0)));
	say("b gets %s", receive(p.b, 0));
	pair_end(&p);
}

static void
reset_on_unread(void)
{
	struct pair p = pair_make();

	send(p.a, "unread", 6, 0);
	pause_ms(20);
	close(p.b);
	say("poll %s", poll_all(p.a));
	say("recv %s", receive(p.a, 0));
	say("recv again %s", receive(p.a, 0));
	say("send %s", outcome(send(p.a, "x", 1, MSG_NOSIGNAL)));
	say("poll %s", poll_all(p.a));
	say("getpeername %s", outcome(getpeername(p.a, (struct sockaddr *)&(struct sockaddr_in){0},
				   &(socklen_t){16})));
	close(p.a);
	close(p.server);
}

static void
linger_reset(void)
{
	struct pair p = pair_make();
	struct linger l = {1, 0};

	say("setsockopt %s", outcome(setsockopt(p.b, SOL_SOCKET, SO_LINGER, &l, sizeof l)));
	close(p.b);
	pause_ms(20);
	say("SO_ERROR %s", so_error_name(p.a));
	say("SO_ERROR again %s", so_error_name(p.a));
	say("recv %s", receive(p.a, 0));
	close(p.a);
	close(p.server);
}

static void
linger_drains(void)
{
	struct pair p = pair_make();
	struct linger l = {1, 2};
	char buf[8];

	setsockopt(p.a, SOL_SOCKET, SO_LINGER, &l, sizeof l);
	send(p.a, "bytes", 5, 0);
	recv(p.b, buf, 5, MSG_WAITALL);
	say("close %s", outcome(close(p.a)));
	say("b gets %s", receive(p.b, 0));
	close(p.b);
	close(p.server);
}

static void
peek_and_friends(void)
{
	struct pair p = pair_make();
	char buf[16] = "";

	say("dontwait %s", receive(p.b, MSG_DONTWAIT));
	send(p.a, "abcdef", 6, 0);
	pause_ms(20);
	say("peek %s", receive(p.b, MSG_PEEK));
	say("peek %s", receive(p.b, MSG_PEEK));
	say("trunc %s", outcome(recv(p.b, NULL, 2, MSG_TRUNC)));
	say("recv %s", receive(p.b, 0));
	send(p.a, "123", 3, 0);
	say("waitall with less, dontwait %s",
	    outcome(recv(p.b, buf, 6, MSG_WAITALL | MSG_DONTWAIT)));
	say("errqueue %s", receive(p.b, MSG_ERRQUEUE));
	shutdown(p.a, SHUT_WR);
	say("waitall at eof %s", outcome(recv(p.b, buf, 6, MSG_WAITALL)));
	pair_end(&p);
}

static void *
dribble(void *arg)
{
	int fd = *(int *)arg;

	for (int i = 0; i < 4; i++) {
		pause_ms(15);
		send(fd, "xy", 2, 0);
	}
	return NULL;
}

static void
waitall(void)
{
	struct pair p = pair_make();
	pthread_t t;
	char buf[9] = "";

	pthread_create(&t, NULL, dribble, &p.a);
	say("waitall %s %s", outcome(recv(p.b, buf, 8, MSG_WAITALL)), buf);
	pthread_join(t, NULL);
	pthread_create(&t, NULL, dribble, &p.a);
	say("peek waitall %s", outcome(recv(p.b, buf, 8, MSG_WAITALL | MSG_PEEK)));
	say("and all is there %s", receive(p.b, 0));
	pthread_join(t, NULL);
	pair_end(&p);
}

static void
urgent(void)
{
	struct pair p = pair_make();
	int mark = -1;

	say("none %s", receive(p.b, MSG_OOB));
	send(p.a, "ab", 2, 0);
	say("send %s", outcome(send(p.a, "c!", 2, MSG_OOB)));
	send(p.a, "de", 2, 0);
	say("poll %s", poll_all(p.b));
	say("oob %s", receive(p.b, MSG_OOB));
	say("oob again %s", receive(p.b, MSG_OOB));
	say("poll %s", poll_all(p.b));
	say("up to the mark %s", receive(p.b, 0));
	say("mark %s %d", outcome(ioctl(p.b, SIOCATMARK, &mark)), mark);
	say("behind %s", receive(p.b, 0));
	pair_end(&p);
}

static void
urgent_inline(void)
{
	struct pair p = pair_make();
	int one = 1;

	setsockopt(p.b, SOL_SOCKET, SO_OOBINLINE, &one, sizeof one);
	send(p.a, "ab", 2, 0);
	send(p.a, "c", 1, MSG_OOB);
	pause_ms(20);
	say("oob %s", receive(p.b, MSG_OOB));
	say("first %s", receive(p.b, 0));
	say("second %s", receive(p.b, 0));
	pair_end(&p);
}

static void
vectors(void)
{
	struct pair p = pair_make();
	char x[3] = "", y[8] = "";
	struct iovec out[3] = {{"ab", 2}, {"", 0}, {"cdef", 4}}, in[2] = {{x, 2}, {y, 7}};
	struct sockaddr_in from;
	struct msghdr m = {.msg_iov = in, .msg_iovlen = 2, .msg_name = &from, .msg_namelen = sizeof from,
	    .msg_flags = -1};
	struct mmsghdr mm[2] = {
	    {.msg_hdr = {.msg_iov = out, .msg_iovlen = 1}}, {.msg_hdr = {.msg_iov = &out[2], .msg_iovlen = 1}}};
	static struct iovec many[2000];
	socklen_t len = sizeof from;

	say("writev %s", outcome(writev(p.a, out, 3)));
	pause_ms(20);
	say("readv %s %s %s", outcome(readv(p.b, in, 2)), x, y);
	say("sendmsg %s", outcome(sendmsg(p.a, &(struct msghdr){.msg_iov = out, .msg_iovlen = 3}, 0)));
	pause_ms(20);
	say("recvmsg %s namelen %u flags %d", outcome(recvmsg(p.b, &m, 0)), m.msg_namelen, m.msg_flags);
	say("sendmmsg %s %u %u", outcome(sendmmsg(p.a, mm, 2, 0)), mm[0].msg_len, mm[1].msg_len);
	pause_ms(20);
	say("recvfrom %s", outcome(recvfrom(p.b, y, 7, 0, (struct sockaddr *)&from, &len)));
	say("addrlen %u", len);
	say("too many %s", outcome(readv(p.b, many, 2000)));
	pair_end(&p);
}

static void
descriptors_as_files(void)
{
	struct pair p = pair_make();
	char name[] = "/tmp/posix_behaviour.XXXXXX";
	int file = mkstemp(name), in = -1, flag = 1;
	off_t at = 2;

	unlink(name);
	(void)!write(file, "0123456789", 10);
	say("sendfile %s at %ld", outcome(sendfile(p.a, file, &at, 5)), (long)at);
	lseek(file, 7, SEEK_SET);
	say("sendfile %s", outcome(sendfile(p.a, file, NULL, 100)));
	say("position %ld", (long)lseek(file, 0, SEEK_CUR));
	pause_ms(20);
	say("FIONREAD %s %d", outcome(ioctl(p.b, FIONREAD, &in)), in);
	say("recv %s", receive(p.b, 0));
	say("from a socket %s", outcome(sendfile(p.a, p.b, NULL, 5)));
	say("FIONBIO %s", outcome(ioctl(p.b, FIONBIO, &flag)));
	say("O_NONBLOCK %d", (fcntl(p.b, F_GETFL) & O_NONBLOCK) != 0);
	say("recv %s", receive(p.b, 0));
	flag = 0;
	ioctl(p.b, FIONBIO, &flag);
	say("O_NONBLOCK %d", (fcntl(p.b, F_GETFL) & O_NONBLOCK) != 0);
	say("lseek %s", outcome(lseek(p.b, 0, SEEK_SET)));
	close(file);
	pair_end(&p);
}

static volatile sig_atomic_t pipes;

static void
on_pipe(int sig)
{
	pipes++;
}

static void
broken_pipe(void)
{
	struct pair p = pair_make();

	signal(SIGPIPE, on_pipe);
	shutdown(p.a, SHUT_WR);
	say("send %s", outcome(send(p.a, "x", 1, 0)));
	say("signals %d", (int)pipes);
	say("nosignal %s", outcome(send(p.a, "x", 1, MSG_NOSIGNAL)));
	say("signals %d", (int)pipes);
	say("write %s", outcome(write(p.a, "x", 1)));
	say("signals %d", (int)pipes);
	pair_end(&p);
	p = pair_make();
	close(p.b);
	pause_ms(20);
	say("first send after the peer's close %s", outcome(send(p.a, "x", 1, 0)));
	pause_ms(20);
	say("second %s", outcome(send(p.a, "x", 1, 0)));
	say("signals %d", (int)pipes);
	close(p.a);
	close(p.server);
}

/* --- scenarios: connecting --- */

static int
port_unused(void)
{
	int fd = server_make(), port = port_of(fd);

	close(fd);
	return port;
}

static void
refused(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), port = port_unused();

	say("connect %s", outcome(client_connect(fd, port)));
	say("SO_ERROR %s", so_error_name(fd));
	say("again %s", outcome(client_connect(fd, port)));
	say("getpeername %s",
	    outcome(getpeername(fd, (struct sockaddr *)&(struct sockaddr_in){0}, &(socklen_t){16})));
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
	say("recv %s", receive(p.a, MSG_DONTWAIT));
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
	struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port_of(server))};
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

/* --- scenarios: listening --- */

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
	say("flags %d %d", (fcntl(b, F_GETFL) & O_NONBLOCK) != 0, (fcntl(b, F_GETFD) & FD_CLOEXEC) != 0);
	close(b);
	close(a);
	a = socket(AF_INET, SOCK_STREAM, 0);
	client_connect(a, port_of(server));
	pause_ms(20);
	b = accept4(server, NULL, NULL, SOCK_NONBLOCK);
	say("flags %d %d", (fcntl(b, F_GETFL) & O_NONBLOCK) != 0, (fcntl(b, F_GETFD) & FD_CLOEXEC) != 0);
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
	plain = socket(AF_INET, SOCK_STREAM, 0);
	say("connect %s", outcome(client_connect(plain, ntohs(a.sin_port))));
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

/* --- scenarios: readiness --- */

static void
poll_stages(void)
{
	struct pair p = pair_make();

	say("fresh %s %s", poll_all(p.a), poll_all(p.b));
	send(p.a, "x", 1, 0);
	say("data %s", poll_all(p.b));
	receive(p.b, 0);
	say("read %s", poll_all(p.b));
	shutdown(p.a, SHUT_WR);
	say("peer half closed %s, closer %s", poll_all(p.b), poll_all(p.a));
	say("only what is asked %s", bits(poll_now(p.b, POLLOUT)));
	say("only rdhup %s", bits(poll_now(p.b, POLLRDHUP)));
	say("nothing asked %s", bits(poll_now(p.b, 0)));
	shutdown(p.b, SHUT_WR);
	say("both closed %s %s", poll_all(p.a), poll_all(p.b));
	say("nothing asked %s", bits(poll_now(p.a, 0)));
	pair_end(&p);
	p = pair_make();
	close(p.b);
	say("peer closed %s", poll_all(p.a));
	close(p.a);
	say("closed fd %s", bits(poll_now(p.a, POLLIN)));
	close(p.server);
}

static void
poll_mixed(void)
{
	struct pair p = pair_make();
	int pipe_fd[2];
	struct pollfd set[4];

	(void)!pipe(pipe_fd);
	set[0] = (struct pollfd){p.a, POLLIN, 0};
	set[1] = (struct pollfd){pipe_fd[0], POLLIN, 0};
	set[2] = (struct pollfd){-1, POLLIN, 0};
	set[3] = (struct pollfd){p.server, POLLIN, 0};
	say("idle %s", outcome(poll(set, 4, 20)));
	(void)!write(pipe_fd[1], "x", 1);
	say("pipe %s %s %s", outcome(poll(set, 4, 1000)), bits((unsigned)set[0].revents),
	    bits((unsigned)set[1].revents));
	send(p.b, "y", 1, 0);
	pause_ms(20);
	say("both %s %s %s", outcome(poll(set, 4, 1000)), bits((unsigned)set[0].revents),
	    bits((unsigned)set[1].revents));
	say("negative %s", bits((unsigned)set[2].revents));
	close(pipe_fd[0]);
	close(pipe_fd[1]);
	pair_end(&p);
}

static void *
later_send(void *arg)
{
	pause_ms(50);
	send(*(int *)arg, "late", 4, 0);
	return NULL;
}

static void *
later_pipe(void *arg)
{
	pause_ms(50);
	(void)!write(*(int *)arg, "late", 4);
	return NULL;
}

static void
poll_sleeps(void)
{
	struct pair p = pair_make();
	int pipe_fd[2];
	struct pollfd set[2];
	pthread_t t;

	(void)!pipe(pipe_fd);
	set[0] = (struct pollfd){p.b, POLLIN, 0};
	set[1] = (struct pollfd){pipe_fd[0], POLLIN, 0};
	pthread_create(&t, NULL, later_send, &p.a);
	say("socket wakes %s %s", outcome(poll(set, 2, 5000)), bits((unsigned)set[0].revents));
	pthread_join(t, NULL);
	receive(p.b, 0);
	pthread_create(&t, NULL, later_pipe, &pipe_fd[1]);
	say("pipe wakes %s %s", outcome(poll(set, 2, -1)), bits((unsigned)set[1].revents));
	pthread_join(t, NULL);
	close(pipe_fd[0]);
	close(pipe_fd[1]);
	pair_end(&p);
}

static void
selecting(void)
{
	struct pair p = pair_make();
	struct timeval tv = {0, 20000};
	fd_set rd, wr, ex;

	FD_ZERO(&rd);
	FD_SET(p.b, &rd);
	say("timeout %s set %d left %ld", outcome(select(p.b + 1, &rd, NULL, NULL, &tv)),
	    FD_ISSET(p.b, &rd) != 0, (long)(tv.tv_sec + tv.tv_usec));
	send(p.a, "x", 1, 0);
	send(p.a, "!", 1, MSG_OOB);
	pause_ms(20);
	FD_ZERO(&rd);
	FD_ZERO(&wr);
	FD_ZERO(&ex);
	FD_SET(p.b, &rd);
	FD_SET(p.b, &wr);
	FD_SET(p.b, &ex);
	tv = (struct timeval){1, 0};
	say("ready %s %d %d %d", outcome(select(p.b + 1, &rd, &wr, &ex, &tv)), FD_ISSET(p.b, &rd) != 0,
	    FD_ISSET(p.b, &wr) != 0, FD_ISSET(p.b, &ex) != 0);
	FD_ZERO(&rd);
	FD_SET(p.b, &rd);
	FD_SET(900, &rd);
	tv = (struct timeval){0, 0};
	say("closed fd %s", outcome(select(901, &rd, NULL, NULL, &tv)));
	say("pselect %s", outcome(pselect(0, NULL, NULL, NULL, &(struct timespec){0, 1000}, NULL)));
	pair_end(&p);
}

static void
select_high(void)
{
	struct pair p = pair_make();
	struct rlimit lim = {4096, 4096};
	fd_set *rd = calloc(1, 4096 / 8);
	struct timeval tv = {1, 0};
	int high;

	setrlimit(RLIMIT_NOFILE, &lim);
	high = fcntl(p.b, F_DUPFD, 2000);
	say("high %d", high >= 2000);
	send(p.a, "x", 1, 0);
	pause_ms(20);
	((unsigned long *)(void *)rd)[high / 64] |= 1UL << high % 64;
	say("select %s", outcome(select(high + 1, rd, NULL, NULL, &tv)));
	say("set %d", (int)(((unsigned long *)(void *)rd)[high / 64] >> high % 64 & 1));
	say("recv %s", receive(high, 0));
	free(rd);
	close(high);
	pair_end(&p);
}

static const char *
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

static int
epoll_do(int ep, int op, int fd, uint32_t events, uint32_t data)
{
	struct epoll_event ev = {.events = events, .data.u32 = data};

	return epoll_ctl(ep, op, fd, &ev);
}

static void
epoll_level(void)
{
	struct pair p = pair_make();
	int ep = epoll_create1(0);

	say("add %s", outcome(epoll_do(ep, EPOLL_CTL_ADD, p.b, EPOLLIN, 7)));
	say("idle %s", epoll_say(ep, 0));
	say("idle %s", epoll_say(ep, 20));
	send(p.a, "x", 1, 0);
	pause_ms(20);
	say("data %s", epoll_say(ep, 1000));
	say("still %s", epoll_say(ep, 1000));
	say("mod %s", outcome(epoll_do(ep, EPOLL_CTL_MOD, p.b, EPOLLIN | EPOLLOUT | EPOLLRDHUP, 8)));
	say("both %s", epoll_say(ep, 1000));
	receive(p.b, 0);
	say("out only %s", epoll_say(ep, 1000));
	shutdown(p.a, SHUT_WR);
	pause_ms(20);
	say("rdhup %s", epoll_say(ep, 1000));
	close(p.a);
	shutdown(p.b, SHUT_WR);
	pause_ms(20);
	say("hup %s", epoll_say(ep, 1000));
	say("del %s", outcome(epoll_do(ep, EPOLL_CTL_DEL, p.b, 0, 0)));
	say("gone %s", epoll_say(ep, 0));
	close(ep);
	close(p.b);
	close(p.server);
}

static void
epoll_edge(void)
{
	struct pair p = pair_make();
	int ep = epoll_create1(0);
	char buf[4];

	epoll_do(ep, EPOLL_CTL_ADD, p.b, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, 1);
	say("fresh %s", epoll_say(ep, 100));
	say("no news %s", epoll_say(ep, 20));
	send(p.a, "abc", 3, 0);
	pause_ms(20);
	say("data %s", epoll_say(ep, 1000));
	say("no news %s", epoll_say(ep, 20));
	recv(p.b, buf, 1, 0);
	say("no news after a partial read %s", epoll_say(ep, 20));
	send(p.a, "d", 1, 0);
	pause_ms(20);
	say("more data %s", epoll_say(ep, 1000));
	receive(p.b, 0);
	send(p.a, "e", 1, 0);
	pause_ms(20);
	say("data again %s", epoll_say(ep, 1000));
	say("mod %s", outcome(epoll_do(ep, EPOLL_CTL_MOD, p.b, EPOLLIN | EPOLLET, 2)));
	say("mod is news %s", epoll_say(ep, 100));
	say("no news %s", epoll_say(ep, 20));
	shutdown(p.a, SHUT_WR);
	pause_ms(20);
	say("eof %s", epoll_say(ep, 1000));
	say("no news %s", epoll_say(ep, 20));
	close(ep);
	pair_end(&p);
}

static void
fill(int fd)
{
	static char block[16384];

	nonblocking(fd);
	for (int quiet = 0; quiet < 3; pause_ms(5))
		for (quiet++; send(fd, block, sizeof block, 0) > 0;)
			quiet = 0;
}

static void
drain(int fd)
{
	static char block[16384];

	nonblocking(fd);
	for (int quiet = 0; quiet < 3; pause_ms(5))
		for (quiet++; recv(fd, block, sizeof block, 0) > 0;)
			quiet = 0;
}

static void
full_buffers(void)
{
	struct pair p = pair_make();
	int ep = epoll_create1(0);

	epoll_do(ep, EPOLL_CTL_ADD, p.a, EPOLLOUT | EPOLLET, 1);
	say("fresh %s", epoll_say(ep, 100));
	fill(p.a);
	say("full %s", outcome(send(p.a, "x", 1, 0)));
	say("poll %s", bits(poll_now(p.a, POLLOUT | POLLIN)));
	say("no news %s", epoll_say(ep, 20));
	drain(p.b);
	say("poll %s", bits(poll_now(p.a, POLLOUT | POLLIN)));
	say("room is news %s", epoll_say(ep, 1000));
	say("no news %s", epoll_say(ep, 20));
	close(ep);
	pair_end(&p);
}

static void
epoll_oneshot(void)
{
	struct pair p = pair_make();
	int ep = epoll_create1(0);

	epoll_do(ep, EPOLL_CTL_ADD, p.b, EPOLLIN | EPOLLONESHOT, 1);
	send(p.a, "x", 1, 0);
	pause_ms(20);
	say("shot %s", epoll_say(ep, 1000));
	say("spent %s", epoll_say(ep, 20));
	send(p.a, "y", 1, 0);
	pause_ms(20);
	say("still spent %s", epoll_say(ep, 20));
	epoll_do(ep, EPOLL_CTL_MOD, p.b, EPOLLIN | EPOLLONESHOT, 2);
	say("rearmed %s", epoll_say(ep, 1000));
	say("spent %s", epoll_say(ep, 20));
	close(p.a);
	pause_ms(20);
	say("hup while spent %s", epoll_say(ep, 20));
	close(ep);
	close(p.b);
	close(p.server);
}

static void
epoll_errors(void)
{
	struct pair p = pair_make();
	int ep = epoll_create1(0), copy;

	say("mod absent %s", outcome(epoll_do(ep, EPOLL_CTL_MOD, p.b, EPOLLIN, 1)));
	say("del absent %s", outcome(epoll_do(ep, EPOLL_CTL_DEL, p.b, EPOLLIN, 1)));
	say("add %s", outcome(epoll_do(ep, EPOLL_CTL_ADD, p.b, EPOLLIN, 1)));
	say("add twice %s", outcome(epoll_do(ep, EPOLL_CTL_ADD, p.b, EPOLLIN, 1)));
	copy = dup(p.b);
	say("add the dup %s", outcome(epoll_do(ep, EPOLL_CTL_ADD, copy, EPOLLIN, 2)));
	say("odd op %s", outcome(epoll_do(ep, 77, p.b, EPOLLIN, 1)));
	say("no epoll %s", outcome(epoll_do(p.a, EPOLL_CTL_ADD, p.b, EPOLLIN, 1)));
	say("bad epoll %s", outcome(epoll_do(-1, EPOLL_CTL_ADD, p.b, EPOLLIN, 1)));
	say("bad fd %s", outcome(epoll_do(ep, EPOLL_CTL_ADD, -1, EPOLLIN, 1)));
	say("itself %s", outcome(epoll_do(ep, EPOLL_CTL_ADD, ep, EPOLLIN, 1)));
	say("NULL %s", outcome(epoll_ctl(ep, EPOLL_CTL_MOD, p.b, NULL)));
	say("exclusive mod %s", outcome(epoll_do(ep, EPOLL_CTL_MOD, p.b, EPOLLIN | EPOLLEXCLUSIVE, 1)));
	say("exclusive oneshot %s",
	    outcome(epoll_do(ep, EPOLL_CTL_ADD, p.a, EPOLLIN | EPOLLEXCLUSIVE | EPOLLONESHOT, 1)));
	say("exclusive %s", outcome(epoll_do(ep, EPOLL_CTL_ADD, p.a, EPOLLIN | EPOLLEXCLUSIVE, 3)));
	say("no room %s", outcome(epoll_wait(ep, (struct epoll_event[1]){{0}}, 0, 0)));
	send(p.a, "x", 1, 0);
	pause_ms(20);
	say("del the dup %s", outcome(epoll_do(ep, EPOLL_CTL_DEL, copy, 0, 0)));
	say("wait %s", epoll_say(ep, 100));
	close(p.b);
	say("open by the dup %s", epoll_say(ep, 100));
	close(copy);
	say("closed %s", epoll_say(ep, 20));
	close(ep);
	close(p.a);
	close(p.server);
}

static void
epoll_before_connect(void)
{
	int ep = epoll_create1(0), server = socket(AF_INET, SOCK_STREAM, 0), b;
	int a = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	struct sockaddr_in here = name_here(0);

	bind(server, (struct sockaddr *)&here, sizeof here);
	say("add server %s", outcome(epoll_do(ep, EPOLL_CTL_ADD, server, EPOLLIN, 1)));
	listen(server, 4);
	say("listening %s", epoll_say(ep, 20));
	say("add client %s", outcome(epoll_do(ep, EPOLL_CTL_ADD, a, EPOLLOUT | EPOLLET, 2)));
	client_connect(a, port_of(server));
	pause_ms(30);
	say("del %s", outcome(epoll_do(ep, EPOLL_CTL_MOD, server, 0, 1)));
	say("connected %s", epoll_say(ep, 1000));
	epoll_do(ep, EPOLL_CTL_MOD, server, EPOLLIN, 1);
	say("to accept %s", epoll_say(ep, 1000));
	b = accept(server, NULL, NULL);
	say("accepted %s", epoll_say(ep, 20));
	epoll_do(ep, EPOLL_CTL_MOD, a, EPOLLIN, 3);
	send(b, "x", 1, 0);
	say("data %s", epoll_say(ep, 1000));
	close(server);
	close(a);
	say("all gone %s", epoll_say(ep, 20));
	close(b);
	close(ep);
}

static void
epoll_refused(void)
{
	int ep = epoll_create1(0), port = port_unused();
	int a = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	client_connect(a, port);
	epoll_do(ep, EPOLL_CTL_ADD, a, EPOLLIN | EPOLLOUT | EPOLLRDHUP, 1);
	pause_ms(30);
	say("wait %s", epoll_say(ep, 1000));
	say("SO_ERROR %s", so_error_name(a));
	say("wait %s", epoll_say(ep, 1000));
	close(a);
	close(ep);
}

static void
epoll_sleeps(void)
{
	struct pair p = pair_make();
	int ep = epoll_create1(0), pipe_fd[2];
	pthread_t t;

	(void)!pipe(pipe_fd);
	epoll_do(ep, EPOLL_CTL_ADD, p.b, EPOLLIN, 1);
	epoll_do(ep, EPOLL_CTL_ADD, pipe_fd[0], EPOLLIN, 2);
	pthread_create(&t, NULL, later_send, &p.a);
	say("socket wakes %s", epoll_say(ep, -1));
	pthread_join(t, NULL);
	receive(p.b, 0);
	pthread_create(&t, NULL, later_pipe, &pipe_fd[1]);
	say("pipe wakes %s", epoll_say(ep, 5000));
	pthread_join(t, NULL);
	close(pipe_fd[0]);
	close(pipe_fd[1]);
	close(ep);
	pair_end(&p);
}

static void
epoll_nested(void)
{
	struct pair p = pair_make();
	int inner = epoll_create1(0), outer = epoll_create1(0);
	pthread_t t;

	epoll_do(inner, EPOLL_CTL_ADD, p.b, EPOLLIN, 1);
	say("add %s", outcome(epoll_do(outer, EPOLL_CTL_ADD, inner, EPOLLIN, 2)));
	say("idle %s", epoll_say(outer, 20));
	pthread_create(&t, NULL, later_send, &p.a);
	say("outer %s", epoll_say(outer, 5000));
	pthread_join(t, NULL);
	say("inner %s", epoll_say(inner, 0));
	say("outer %s", epoll_say(outer, 1000));
	say("poll of inner %s", bits(poll_now(inner, POLLIN)));
	receive(p.b, 0);
	say("inner %s", epoll_say(inner, 0));
	say("outer %s", epoll_say(outer, 20));
	say("poll of inner %s", bits(poll_now(inner, POLLIN)));
	close(inner);
	close(outer);
	pair_end(&p);
}

static void *
wait_in_epoll(void *arg)
{
	struct epoll_event ev;

	return (void *)(intptr_t)epoll_wait(*(int *)arg, &ev, 1, 5000);
}

static void
epoll_added_while_waiting(void)
{
	struct pair p = pair_make();
	int ep = epoll_create1(0);
	pthread_t t;
	void *n;

	pthread_create(&t, NULL, wait_in_epoll, &ep);
	pause_ms(50);
	send(p.a, "x", 1, 0);
	epoll_do(ep, EPOLL_CTL_ADD, p.b, EPOLLIN, 1);
	pthread_join(t, &n);
	say("woken %d", (int)(intptr_t)n);
	epoll_do(ep, EPOLL_CTL_MOD, p.b, 0, 1);
	receive(p.b, 0);
	pthread_create(&t, NULL, wait_in_epoll, &ep);
	pause_ms(50);
	epoll_do(ep, EPOLL_CTL_MOD, p.b, EPOLLOUT, 1);
	pthread_join(t, &n);
	say("woken %d", (int)(intptr_t)n);
	close(ep);
	pair_end(&p);
}

/* --- scenarios: descriptors --- */

static void
duplicates(void)
{
	struct pair p = pair_make();
	int copy = dup(p.a), other = dup2(p.a, 300), third = dup3(p.a, 301, O_CLOEXEC), same;

	say("dup2 %d dup3 %d cloexec %d", other, third, (fcntl(third, F_GETFD) & FD_CLOEXEC) != 0);
	same = dup2(p.a, p.a) == p.a;
	say("dup2 same %d, dup3 same %s", same, outcome(dup3(p.a, p.a, 0)));
	say("dup2 bad %s", outcome(dup2(-1, 300)));
	close(p.a);
	say("send %s", outcome(send(copy, "one", 3, 0)));
	say("recv %s", receive(p.b, 0));
	close(copy);
	say("no eof %s", receive(p.b, MSG_DONTWAIT));
	nonblocking(other);
	say("shared flag %d", (fcntl(third, F_GETFL) & O_NONBLOCK) != 0);
	say("recv %s", receive(third, 0));
	dup2(p.server, other);
	say("replaced, no eof %s", receive(p.b, MSG_DONTWAIT));
	say("close %s", outcome(close(third)));
	say("eof %s", receive(p.b, 0));
	say("close twice %s", outcome(close(third)));
	say("recv closed %s", receive(third, 0));
	p.a = socket(AF_INET, SOCK_STREAM, 0);
	say("server by its dup: connect %s", outcome(client_connect(p.a, port_of(other))));
	close(p.server);
	close(p.b);
	p.b = accept(other, NULL, NULL);
	say("accept %d", p.b >= 0);
	close(other);
	close(p.a);
	close(p.b);
}

static void
dup_before_connect(void)
{
	int server = server_make(), a = socket(AF_INET, SOCK_STREAM, 0), copy = dup(a), b;

	say("connect %s", outcome(client_connect(a, port_of(server))));
	b = accept(server, NULL, NULL);
	say("send on the dup %s", outcome(send(copy, "dup", 3, 0)));
	say("recv %s", receive(b, 0));
	close(a);
	close(copy);
	close(b);
	close(server);
}

static void
number_reuse(void)
{
	struct pair p = pair_make();
	int fd;

	close(p.a);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	say("same number %d", fd == p.a);
	say("new socket %s", receive(fd, MSG_DONTWAIT));
	close(fd);
	fd = open("/dev/null", O_RDONLY);
	say("same number %d", fd == p.a);
	say("a file now %s", outcome(read(fd, &p, 1)));
	close(fd);
	close(p.b);
	close(p.server);
}

static void
close_many(void)
{
	struct pair p = pair_make();
	int low = fcntl(p.a, F_DUPFD, 400);

	fcntl(p.a, F_DUPFD, 410);
	close(p.a);
	say("close_range %s", outcome(close_range(400, 499, 0)));
	say("closed %s", outcome(fcntl(low, F_GETFD)));
	say("eof %s", receive(p.b, 0));
	close(p.b);
	close(p.server);
}

/* --- scenarios: time, signals, threads, processes --- */

static long
ms_since(const struct timespec *start)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - start->tv_sec) * 1000 + (now.tv_nsec - start->tv_nsec) / 1000000;
}

static void
timeouts(void)
{
	struct pair p = pair_make();
	struct timeval tv = {0, 80000};
	struct timespec start;
	int rc;

	setsockopt(p.a, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
	setsockopt(p.server, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
	setsockopt(p.b, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv);
	clock_gettime(CLOCK_MONOTONIC, &start);
	say("recv %s", receive(p.a, 0));
	say("in time %d", ms_since(&start) >= 75 && ms_since(&start) < 500);
	say("accept %s", outcome(accept(p.server, NULL, NULL)));
	fill(p.b);
	fcntl(p.b, F_SETFL, 0);
	rc = (int)send(p.b, "x", 1, 0);
	say("send %s", outcome(rc));
	say("in time %d", ms_since(&start) < 1500);
	clock_gettime(CLOCK_MONOTONIC, &start);
	say("poll %s", outcome(poll(&(struct pollfd){p.server, POLLIN, 0}, 1, 60)));
	say("in time %d", ms_since(&start) >= 58 && ms_since(&start) < 500);
	pair_end(&p);
}

static volatile sig_atomic_t ticks;

static void
on_alarm(int sig)
{
	ticks++;
}

static void
alarm_in_ms(int ms, int flags)
{
	struct sigaction sa = {.sa_handler = on_alarm, .sa_flags = flags};
	struct itimerval it = {.it_value = {0, ms * 1000}};

	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &it, NULL);
}

struct later {
	int server_port, fd;
};

static void *
later_connect(void *arg)
{
	struct later *l = arg;

	pause_ms(150);
	l->fd = socket(AF_INET, SOCK_STREAM, 0);
	client_connect(l->fd, l->server_port);
	return NULL;
}

static void *
send_after_signal(void *arg)
{
	pause_ms(150);
	send(*(int *)arg, "late", 4, 0);
	return NULL;
}

/* Signals are for the main thread alone. */
static void
thread_without_signals(pthread_t *t, void *(*run)(void *), void *arg)
{
	sigset_t set, old;

	sigfillset(&set);
	pthread_sigmask(SIG_SETMASK, &set, &old);
	pthread_create(t, NULL, run, arg);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

static void
signals(void)
{
	struct pair p = pair_make();
	struct later l = {port_of(p.server), -1};
	int ep = epoll_create1(0);
	pthread_t t;
	int fd;

	epoll_do(ep, EPOLL_CTL_ADD, p.a, EPOLLIN, 1);
	alarm_in_ms(50, 0);
	say("recv %s", receive(p.a, 0));
	alarm_in_ms(50, 0);
	say("accept %s", outcome(accept(p.server, NULL, NULL)));
	alarm_in_ms(50, 0);
	say("poll %s", outcome(poll(&(struct pollfd){p.a, POLLIN, 0}, 1, -1)));
	alarm_in_ms(50, 0);
	say("epoll %s", epoll_say(ep, -1));
	alarm_in_ms(50, SA_RESTART);
	say("poll restart %s", outcome(poll(&(struct pollfd){p.a, POLLIN, 0}, 1, -1)));
	thread_without_signals(&t, send_after_signal, &p.b);
	alarm_in_ms(50, SA_RESTART);
	say("recv restart %s", receive(p.a, 0));
	pthread_join(t, NULL);
	thread_without_signals(&t, later_connect, &l);
	alarm_in_ms(50, SA_RESTART);
	fd = accept(p.server, NULL, NULL);
	say("accept restart %d", fd >= 0);
	pthread_join(t, NULL);
	say("signals %d", (int)ticks);
	close(fd);
	close(l.fd);
	close(ep);
	pair_end(&p);
}

static void *
shut_later(void *arg)
{
	pause_ms(50);
	shutdown(*(int *)arg, SHUT_RDWR);
	return NULL;
}

static void
threads(void)
{
	struct pair p = pair_make();
	pthread_t t;

	pthread_create(&t, NULL, shut_later, &p.a);
	say("recv %s", receive(p.a, 0));
	pthread_join(t, NULL);
	pthread_create(&t, NULL, shut_later, &p.server);
	say("accept %s", outcome(accept(p.server, NULL, NULL)));
	pthread_join(t, NULL);
	pair_end(&p);
}

static void
forking(void)
{
	struct pair p = pair_make();
	pid_t pid;
	int status;

	pid = fork();
	if (pid == 0) {
		close(p.server);
		close(p.a);
		send(p.b, "child", 5, 0);
		_exit(receive(p.b, 0)[0] == '4' ? 0 : 1);
	}
	close(p.b);
	say("from the child %s", receive(p.a, 0));
	say("to the child %s", outcome(send(p.a, "done", 4, 0)));
	waitpid(pid, &status, 0);
	say("child saw it %d", WIFEXITED(status) && WEXITSTATUS(status) == 0);
	say("child's exit is eof %s", receive(p.a, 0));
	close(p.a);
	close(p.server);
}

static void
forking_server(void)
{
	int server = server_make(), port = port_of(server), status;

	for (int i = 0; i < 3; i++) {
		pid_t pid = fork();
		int fd;

		if (pid == 0) {
			close(server);
			fd = socket(AF_INET, SOCK_STREAM, 0);
			if (client_connect(fd, port) != 0)
				_exit(9);
			send(fd, &"abc"[i], 1, 0);
			_exit(recv(fd, &status, 1, 0) == 1 ? 0 : 1);
		}
		fd = accept(server, NULL, NULL);
		say("child %d: %s", i, receive(fd, 0));
		send(fd, "z", 1, 0);
		waitpid(pid, &status, 0);
		say("child %d exit %d", i, WEXITSTATUS(status));
		close(fd);
	}
	close(server);
}

static void *
pump(void *arg)
{
	static char block[40000];
	int fd = *(int *)arg;

	for (int i = 0; i < 200; i++) {
		memset(block, 'a' + i % 26, sizeof block);
		for (size_t at = 0; at < sizeof block;) {
			ssize_t n = send(fd, block + at, sizeof block - at, 0);
			if (n <= 0)
				return NULL;
			at += (size_t)n;
		}
	}
	shutdown(fd, SHUT_WR);
	return NULL;
}

static void
bulk(void)
{
	struct pair p = pair_make();
	char buf[30011];
	unsigned long bytes = 0, wrong = 0;
	pthread_t t;
	ssize_t n;

	pthread_create(&t, NULL, pump, &p.a);
	while ((n = read(p.b, buf, sizeof buf)) > 0)
		for (ssize_t i = 0; i < n; i++, bytes++)
			wrong += buf[i] != (char)('a' + bytes / 40000 % 26);
	pthread_join(t, NULL);
	say("bytes %lu wrong %lu end %s", bytes, wrong, outcome(n));
	pair_end(&p);
}

/* --- running --- */

#define SCENARIOS(X)                                                                               \
	X(echo) X(half_close) X(shut_read) X(reset_on_unread) X(linger_reset) X(linger_drains)     \
	X(peek_and_friends) X(waitall) X(urgent) X(urgent_inline) X(vectors)                       \
	X(descriptors_as_files) X(broken_pipe) X(refused) X(refused_nonblocking)                   \
	X(connect_nonblocking) X(connect_blocking_twice) X(connect_odd_arguments) X(disconnect)    \
	X(mapped_address) X(dual_stack_server) X(accepting) X(inherited_options) X(listen_again)   \
	X(unaccepted) X(poll_stages) X(poll_mixed) X(poll_sleeps) X(selecting) X(select_high)      \
	X(epoll_level) X(epoll_edge) X(full_buffers) X(epoll_oneshot) X(epoll_errors)              \
	X(epoll_before_connect) X(epoll_refused) X(epoll_sleeps) X(epoll_nested)                   \
	X(epoll_added_while_waiting) X(duplicates) X(dup_before_connect) X(number_reuse)           \
	X(close_many) X(timeouts) X(signals) X(threads) X(forking) X(forking_server) X(bulk)

static const struct {
	const char *name;
	void (*run)(void);
} scenarios[] = {
#define X(name) {#name, name},
    SCENARIOS(X)
#undef X
};

/* Each scenario in a process of its own, so that one that hangs or dies says so and the others still run. */
static int
run_one(size_t i)
{
	pid_t pid;
	int status;

	scenario = scenarios[i].name;
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		struct rlimit cpu = {SCENARIO_LIMIT_S, SCENARIO_LIMIT_S};

		setrlimit(RLIMIT_CPU, &cpu);
		if (strcmp(scenario, "signals") != 0)
			alarm(SCENARIO_LIMIT_S);
		scenarios[i].run();
		exit(0);
	}
	waitpid(pid, &status, 0);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		say("ended by %s", WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "exit");
	return 0;
}

int
main(int argc, char **argv)
{
	address = argc > 1 ? argv[1] : "127.0.0.1";
	for (size_t i = 0; i < sizeof scenarios / sizeof scenarios[0]; i++) {
		bool wanted = argc <= 2;

		for (int a = 2; a < argc; a++)
			wanted |= strcmp(argv[a], scenarios[i].name) == 0;
		if (wanted)
			run_one(i);
	}
	return 0;
}
