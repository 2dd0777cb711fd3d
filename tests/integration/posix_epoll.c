/* SPDX-License-Identifier: BSD-3-Clause */
/* epoll: level, edge, one-shot, errors, order of calls, several waiters. */
#include "posix.h"

#include <errno.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <unistd.h>

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
	say("mod %s",
	    outcome(epoll_do(ep, EPOLL_CTL_MOD, p.b, EPOLLIN | EPOLLOUT | EPOLLRDHUP, 8)));
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
	say("exclusive mod %s",
	    outcome(epoll_do(ep, EPOLL_CTL_MOD, p.b, EPOLLIN | EPOLLEXCLUSIVE, 1)));
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

const struct scenario posix_epoll[] = {
    {"epoll_level", epoll_level},
    {"epoll_edge", epoll_edge},
    {"full_buffers", full_buffers},
    {"epoll_oneshot", epoll_oneshot},
    {"epoll_errors", epoll_errors},
    {"epoll_before_connect", epoll_before_connect},
    {"epoll_refused", epoll_refused},
    {"epoll_sleeps", epoll_sleeps},
    {"epoll_nested", epoll_nested},
    {"epoll_added_while_waiting", epoll_added_while_waiting},
    {NULL, NULL},
};
