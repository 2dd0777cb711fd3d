/* SPDX-License-Identifier: BSD-3-Clause */
/* Descriptors, time, signals, threads, processes. */
#include "posix.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

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

/* As event libraries do it. */
static void
close_raw(void)
{
	struct pair p = pair_make();
	int copy = dup(p.a);

	say("close %s", outcome(syscall(SYS_close, p.a)));
	say("closed %s", outcome(send(p.a, "x", 1, MSG_NOSIGNAL)));
	say("no eof %s", receive(p.b, MSG_DONTWAIT));
	say("close_range %s", outcome(syscall(SYS_close_range, copy, copy, 0)));
	say("eof %s", receive(p.b, 0));
	say("twice %s", outcome(syscall(SYS_close, p.a)));
	close(p.b);
	close(p.server);
}

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

const struct scenario posix_life[] = {
    {"duplicates", duplicates},
    {"dup_before_connect", dup_before_connect},
    {"number_reuse", number_reuse},
    {"close_many", close_many},
    {"close_raw", close_raw},
    {"timeouts", timeouts},
    {"signals", signals},
    {"threads", threads},
    {"forking", forking},
    {"forking_server", forking_server},
    {"bulk", bulk},
    {NULL, NULL},
};
