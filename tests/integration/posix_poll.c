/* SPDX-License-Identifier: BSD-3-Clause */
/* poll() and select() over sockets at every stage of their lives. */
#include "posix.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/time.h>
#include <unistd.h>

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
	int closed = fcntl(p.b, F_DUPFD, 250);
	fd_set rd, wr, ex;

	close(closed);
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
	say("ready %s %d %d %d", outcome(select(p.b + 1, &rd, &wr, &ex, &tv)),
	    FD_ISSET(p.b, &rd) != 0, FD_ISSET(p.b, &wr) != 0, FD_ISSET(p.b, &ex) != 0);
	FD_ZERO(&rd);
	FD_SET(p.b, &rd);
	FD_SET(closed, &rd);
	tv = (struct timeval){0, 0};
	say("closed fd %s", outcome(select(closed + 1, &rd, NULL, NULL, &tv)));
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

const struct scenario posix_poll[] = {
    {"poll_stages", poll_stages},
    {"poll_mixed", poll_mixed},
    {"poll_sleeps", poll_sleeps},
    {"selecting", selecting},
    {"select_high", select_high},
    {NULL, NULL},
};
