/* SPDX-License-Identifier: BSD-3-Clause */
/* Sockets that go to another program: through exec, posix_spawn, or in a message. The other program
 * is this one, in a role. */
#include "posix.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SELF  "/proc/self/exe"
#define BLOCK 60000

static const char *
number(int fd)
{
	static char text[4][16];
	static unsigned turn;

	snprintf(text[++turn % 4], sizeof text[0], "%d", fd);
	return text[turn % 4];
}

/* --- roles --- */

/* Whatever comes in at one goes out at the other, until the end. */
static int
echo(int in, int out)
{
	char buf[512];
	ssize_t n;

	while ((n = read(in, buf, sizeof buf)) > 0)
		if (write(out, buf, (size_t)n) != n)
			return 2;
	return n == 0 ? 0 : 3;
}

static int
accept_and_echo(int server)
{
	int flags = fcntl(server, F_GETFL), fd;

	if ((flags & O_NONBLOCK) != 0)
		(void)poll(&(struct pollfd){server, POLLIN, 0}, 1, -1);
	fd = accept(server, NULL, NULL);
	if (fd < 0)
		return 4;
	close(server);
	return echo(fd, fd) + ((flags & O_NONBLOCK) != 0 ? 50 : 0);
}

/* As servers begin that want to be sure; and once more when there is something to lose. */
static int
close_all_and_echo(int fd)
{
	char byte;

	for (int other = 3; other < 1100; other++)
		if (close(other) == 0)
			return 5;
	closefrom(3);
	if (read(fd, &byte, 1) != 1 || write(fd, &byte, 1) != 1)
		return 6;
	for (int other = 3; other < 1100; other++)
		(void)close(other);
	close_range(3, ~0u, 0);
	return echo(fd, fd);
}

static bool
descriptor_send(int way, int fd)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {.head = {CMSG_LEN(sizeof fd), SOL_SOCKET, SCM_RIGHTS}};
	char byte = '!';
	struct iovec iov = {&byte, 1};
	struct msghdr m = {.msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = &control,
	    .msg_controllen = sizeof control};

	memcpy(CMSG_DATA(&control.head), &fd, sizeof fd);
	return sendmsg(way, &m, MSG_NOSIGNAL) == 1;
}

static int
descriptor_receive(int way)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	char byte;
	struct iovec iov = {&byte, 1};
	struct msghdr m = {.msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = &control,
	    .msg_controllen = sizeof control};
	int fd = -1;

	if (recvmsg(way, &m, 0) == 1 && CMSG_FIRSTHDR(&m) != NULL)
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof fd);
	close(way);
	return fd;
}

static int
receive_and_echo(int way, bool server)
{
	int fd = descriptor_receive(way);

	return server ? accept_and_echo(fd) : echo(fd, fd);
}

static _Noreturn void
become(const char *role, int fd, int other)
{
	execl(SELF, "posix_behaviour", "--role", role, number(fd), number(other), NULL);
	_exit(90);
}

/* --- what the peer sees of an echo --- */

static void
talk(int fd)
{
	char buf[16] = "";
	ssize_t n;

	say("send %s", outcome(send(fd, "hello", 5, 0)));
	n = recv(fd, buf, 5, MSG_WAITALL);
	say("echo %s %s", outcome(n), buf);
	say("shutdown %s", outcome(shutdown(fd, SHUT_WR)));
	say("end %s", outcome(recv(fd, buf, sizeof buf, 0)));
	close(fd);
}

static void
ended(pid_t pid)
{
	int status = -1;

	say("known %d", waitpid(pid, &status, 0) == pid);
	say("exit %d", WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
}

/* As inetd does it. */
static void
exec_in_child(void)
{
	struct pair p = pair_make();
	pid_t pid = fork();

	if (pid == 0) {
		close(p.a);
		close(p.server);
		dup2(p.b, 0);
		close(p.b);
		become("echo", 0, 0);
	}
	close(p.b);
	close(p.server);
	talk(p.a);
	ended(pid);
}

static void
exec_and_close_all(void)
{
	struct pair p = pair_make();
	pid_t pid = fork();

	if (pid == 0) {
		dup2(p.b, 0);
		close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
		become("tidy", 0, 0);
	}
	close(p.b);
	close(p.server);
	talk(p.a);
	ended(pid);
}

/* The program that made the connection goes on as another one, with bytes on their way in both
 * directions. Its child has the other end. */
static _Noreturn void
exec_with_bytes(void)
{
	static char block[BLOCK];
	struct pair p = pair_make();

	memset(block, 'x', sizeof block);
	say("queued %d", write(p.a, "before", 6) == 6 && write(p.b, block, BLOCK) == BLOCK);
	if (fork() != 0) {
		int copy = dup(p.b);

		close(p.a);
		close(p.server);
		become("echo", p.b, copy);
	}
	close(p.b);
	close(p.server);
	pause_ms(100);
	say("waiting bytes %s", outcome(recv(p.a, block, BLOCK, MSG_WAITALL)));
	say("what it read %d",
	    recv(p.a, block, 6, MSG_WAITALL) == 6 && memcmp(block, "before", 6) == 0);
	talk(p.a);
	_exit(0);
}

/* The pipe tells when both have nothing to say any more. */
static void
exec_itself(void)
{
	int way[2];
	pid_t pid;

	pipe2(way, O_CLOEXEC);
	pid = fork();
	if (pid == 0)
		exec_with_bytes();
	close(way[1]);
	(void)!read(way[0], way, 1);
	ended(pid);
	close(way[0]);
}

static void
exec_server(void)
{
	int server = server_make(), port = port_of(server), fd;
	pid_t pid;

	nonblocking(server);
	pid = fork();
	if (pid == 0)
		become("accept", server, 0);
	close(server);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	say("connect %s", outcome(client_connect(fd, port)));
	talk(fd);
	ended(pid);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	say("connect %s", outcome(client_connect(fd, port)));
	close(fd);
}

/* What is close-on-exec stays behind; the pipe tells when. */
static void
exec_closes(void)
{
	struct pair p = pair_make();
	int way[2];
	pid_t pid;

	pipe2(way, O_CLOEXEC);
	fcntl(p.b, F_SETFD, FD_CLOEXEC);
	pid = fork();
	if (pid == 0) {
		close(p.a);
		execlp("sleep", "sleep", "20", NULL);
		_exit(90);
	}
	close(p.b);
	close(way[1]);
	(void)!read(way[0], way, 1);
	say("end %s", receive(p.a, 0));
	kill(pid, SIGKILL);
	ended(pid);
	close(way[0]);
	close(p.a);
	close(p.server);
}

static void
exec_fails(void)
{
	struct pair p = pair_make();
	struct timespec from, to;
	char name[] = "none", *argv[] = {name, NULL};
	pid_t pid;

	say("execl %s", outcome(execl("/nonexistent", "none", NULL)));
	say("execvp %s", outcome(execvp("nonexistent-program", argv)));
	say("spawn %s",
	    strerrorname_np(posix_spawn(&pid, "/nonexistent", NULL, NULL, argv, environ)));
	say("send %s", outcome(send(p.a, "still", 5, 0)));
	say("recv %s", receive(p.b, 0));
	clock_gettime(CLOCK_MONOTONIC, &from);
	close(p.b);
	say("end %s", receive(p.a, 0));
	clock_gettime(CLOCK_MONOTONIC, &to);
	say("at once %d", to.tv_sec - from.tv_sec < 4);
	close(p.a);
	close(p.server);
}

/* The child borrows its parent's memory; what it does to descriptors is its own affair. */
static void
exec_after_vfork(void)
{
	struct pair p = pair_make();
	pid_t pid;

	fcntl(p.b, F_SETFD, FD_CLOEXEC);
	fcntl(p.a, F_SETFD, FD_CLOEXEC);
	pid = vfork();
	if (pid == 0) {
		dup2(p.b, 0);
		close_range(3, ~0u, 0);
		execl(SELF, "posix_behaviour", "--role", "echo", "0", NULL);
		_exit(90);
	}
	close(p.b);
	close(p.server);
	talk(p.a);
	ended(pid);
}

/* A program whose first process of another kind this is: nothing has told the two apart before. */
static int
vfork_first(void)
{
	address = getenv("POSIX_ADDRESS");
	scenario = "pass_vfork_first";
	exec_after_vfork();
	exec_after_vfork();
	return 0;
}

static void
exec_then_vfork(void)
{
	setenv("POSIX_ADDRESS", address, 1);
	become("vfork", 0, 0);
}

static void
spawned(void)
{
	const char *argv[] = {"posix_behaviour", "--role", "echo", "7", NULL};
	posix_spawn_file_actions_t actions;
	struct pair p = pair_make();
	pid_t pid = -1;

	fcntl(p.a, F_SETFD, FD_CLOEXEC);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, p.b, 7);
	posix_spawn_file_actions_addclose(&actions, p.b);
	say("spawn %d", posix_spawn(&pid, SELF, &actions, NULL, (char **)argv, environ));
	posix_spawn_file_actions_destroy(&actions);
	close(p.b);
	close(p.server);
	talk(p.a);
	ended(pid);
}

/* --- messages --- */

/* A process that has a way to be sent descriptors; made before there is any socket. */
static pid_t
receiver(const char *role, bool another_program, int *to)
{
	int way[2];
	pid_t pid;

	socketpair(AF_UNIX, SOCK_STREAM, 0, way);
	pid = fork();
	if (pid == 0) {
		close(way[0]);
		if (another_program)
			become(role, way[1], 0);
		_exit(receive_and_echo(way[1], strcmp(role, "receive_server") == 0));
	}
	close(way[1]);
	*to = way[0];
	return pid;
}

static void
sent(bool another_program)
{
	int to;
	pid_t pid = receiver("receive", another_program, &to);
	struct pair p = pair_make();

	say("sent %d", descriptor_send(to, p.b));
	close(p.b);
	close(p.server);
	talk(p.a);
	ended(pid);
	close(to);
}

static void
sent_to_child(void)
{
	sent(false);
}

static void
sent_to_stranger(void)
{
	sent(true);
}

static void
sent_server(void)
{
	int to, server, port, fd;
	pid_t pid = receiver("receive_server", true, &to);

	server = server_make();
	port = port_of(server);
	say("sent %d", descriptor_send(to, server));
	close(server);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	say("connect %s", outcome(client_connect(fd, port)));
	talk(fd);
	ended(pid);
	close(to);
}

static void
sent_to_oneself(void)
{
	struct pair p = pair_make();
	int way[2], copy;

	socketpair(AF_UNIX, SOCK_STREAM, 0, way);
	say("sent %d", descriptor_send(way[0], p.b));
	copy = descriptor_receive(way[1]);
	say("another number %d", copy >= 0 && copy != p.b);
	say("send %s", outcome(send(p.a, "one", 3, 0)));
	say("recv %s", receive(copy, 0));
	close(p.b);
	say("send %s", outcome(send(copy, "two", 3, 0)));
	say("recv %s", receive(p.a, 0));
	close(copy);
	say("end %s", receive(p.a, 0));
	say("to nobody %d", descriptor_send(way[0], p.a));
	close(way[0]);
	pair_end(&p);
}

/* --- */

int
posix_role(char **argv)
{
	int fd = (int)strtoul(argv[1], NULL, 10);
	int other = argv[2] != NULL ? (int)strtoul(argv[2], NULL, 10) : fd;

	alarm(20);
	if (strcmp(argv[0], "echo") == 0)
		return echo(fd, other);
	if (strcmp(argv[0], "accept") == 0)
		return accept_and_echo(fd);
	if (strcmp(argv[0], "receive") == 0)
		return receive_and_echo(fd, false);
	if (strcmp(argv[0], "receive_server") == 0)
		return receive_and_echo(fd, true);
	if (strcmp(argv[0], "tidy") == 0)
		return close_all_and_echo(fd);
	if (strcmp(argv[0], "vfork") == 0)
		return vfork_first();
	return 9;
}

const struct scenario posix_pass[] = {
    {"pass_exec_in_child", exec_in_child},
    {"pass_exec_and_close_all", exec_and_close_all},
    {"pass_exec_itself", exec_itself},
    {"pass_exec_server", exec_server},
    {"pass_exec_closes", exec_closes},
    {"pass_exec_fails", exec_fails},
    {"pass_exec_after_vfork", exec_after_vfork},
    {"pass_exec_then_vfork", exec_then_vfork},
    {"pass_spawned", spawned},
    {"pass_sent_to_child", sent_to_child},
    {"pass_sent_to_stranger", sent_to_stranger},
    {"pass_sent_server", sent_server},
    {"pass_sent_to_oneself", sent_to_oneself},
    {NULL, NULL},
};
