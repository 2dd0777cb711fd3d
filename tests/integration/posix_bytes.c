/* SPDX-License-Identifier: BSD-3-Clause */
/* Bytes and how a connection ends. */
#include "posix.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <unistd.h>

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
	say("getpeername %s len %u", outcome(getpeername(p.b, (struct sockaddr *)&there, &len)),
	    len);
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
	pause_ms(20);
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
	char x[3] = "", y[8] = "", text[] = "abcdef";
	struct iovec out[3] = {{text, 2}, {text, 0}, {text + 2, 4}}, in[2] = {{x, 2}, {y, 7}};
	struct sockaddr_in from;
	struct msghdr m = {.msg_iov = in,
	    .msg_iovlen = 2,
	    .msg_name = &from,
	    .msg_namelen = sizeof from,
	    .msg_flags = -1};
	struct mmsghdr mm[2] = {{.msg_hdr = {.msg_iov = out, .msg_iovlen = 1}},
	    {.msg_hdr = {.msg_iov = &out[2], .msg_iovlen = 1}}};
	static struct iovec many[2000];
	socklen_t len = sizeof from;

	say("writev %s", outcome(writev(p.a, out, 3)));
	pause_ms(20);
	say("readv %s %s %s", outcome(readv(p.b, in, 2)), x, y);
	say("sendmsg %s",
	    outcome(sendmsg(p.a, &(struct msghdr){.msg_iov = out, .msg_iovlen = 3}, 0)));
	pause_ms(20);
	say("recvmsg %s namelen %u flags %d", outcome(recvmsg(p.b, &m, 0)), m.msg_namelen,
	    m.msg_flags);
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

static void
stdio(void)
{
	struct pair p = pair_make();
	FILE *out = fdopen(p.a, "w"), *in = fdopen(p.b, "r");
	char line[32] = "";

	say("fileno %d %d", fileno(out) == p.a, fileno(in) == p.b);
	say("fprintf %s", outcome(fprintf(out, "%d lines\nof text\n", 2)));
	say("fflush %s", outcome(fflush(out)));
	say("fgets %s", fgets(line, sizeof line, in) != NULL ? "line" : "none");
	say("fgets %s",
	    fgets(line, sizeof line, in) != NULL && line[3] == 't' ? "of text" : "none");
	say("fseek %s", outcome(fseek(in, 0, SEEK_SET)));
	say("fclose %s", outcome(fclose(out)));
	say("closed %s", outcome(fcntl(p.a, F_GETFD)));
	say("end %d %d", fgets(line, sizeof line, in) == NULL, feof(in) != 0);
	fclose(in);
	close(p.server);
}

const struct scenario posix_bytes[] = {
    {"stdio", stdio},
    {"echo", echo},
    {"half_close", half_close},
    {"shut_read", shut_read},
    {"reset_on_unread", reset_on_unread},
    {"linger_reset", linger_reset},
    {"linger_drains", linger_drains},
    {"peek_and_friends", peek_and_friends},
    {"waitall", waitall},
    {"urgent", urgent},
    {"urgent_inline", urgent_inline},
    {"vectors", vectors},
    {"descriptors_as_files", descriptors_as_files},
    {"broken_pipe", broken_pipe},
    {NULL, NULL},
};
