/* SPDX-License-Identifier: BSD-3-Clause */
/* An ordinary program that does with its sockets what it is told, line by line, and says what it
 * saw.
 *
 * An order is a verb and its words; an answer is one line: what the verb says, or "error
 * ECONNRESET". Every call blocks as long as it likes: who gives the orders has the clock. What
 * stands at a position of a stream follows from the position. In C, so that a sanitizer sees the
 * program as well. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SOCKETS	   256
#define BACKLOG	   8
#define LINE_BYTES 256
#define CHUNK	   20000u
#define PERIOD	   251u /* of the pattern */

struct actor_socket {
	char name[16]; /* empty: a free place */
	int fd;
	unsigned long sent, read;
};

static struct actor_socket sockets[SOCKETS];
static char *program;

static void
answer(const char *format, ...)
{
	char line[LINE_BYTES];
	va_list list;
	int len;

	va_start(list, format);
	len = vsnprintf(line, sizeof line - 1, format, list);
	va_end(list);
	line[len++] = '\n';
	if (write(STDOUT_FILENO, line, (size_t)len) != len)
		_exit(2);
}

static void
answer_errno(void)
{
	answer("error %s", strerrorname_np(errno));
}

/* The socket of that name; a free place if the name is empty. */
static struct actor_socket *
socket_find(const char *name)
{
	for (int i = 0; i < SOCKETS; i++)
		if (strcmp(sockets[i].name, name) == 0)
			return &sockets[i];
	answer("error unknown");
	exit(2);
}

static void
socket_add(const char *name, int fd)
{
	struct actor_socket *s = socket_find("");
	const int on = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on) != 0) {
		answer_errno();
		close(fd);
		return;
	}
	*s = (struct actor_socket){.fd = fd};
	snprintf(s->name, sizeof s->name, "%s", name);
	answer("ok");
}

static struct sockaddr_in
address_of(const char *address, const char *port)
{
	struct sockaddr_in in = {
	    .sin_family = AF_INET, .sin_port = htons((uint16_t)strtoul(port, NULL, 10))};

	inet_pton(AF_INET, address, &in.sin_addr);
	return in;
}

static void
listen_do(char **word)
{
	struct sockaddr_in in = address_of(word[2], word[3]);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&in, sizeof in) != 0 || listen(fd, BACKLOG) != 0)
		answer_errno();
	else
		socket_add(word[1], fd);
}

static void
connect_do(char **word)
{
	struct sockaddr_in in = address_of(word[2], word[3]);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&in, sizeof in) != 0)
		answer_errno();
	else
		socket_add(word[1], fd);
}

static void
accept_do(char **word)
{
	int fd = accept(socket_find(word[2])->fd, NULL, NULL);

	if (fd < 0)
		answer_errno();
	else
		socket_add(word[1], fd);
}

static void
send_do(char **word)
{
	struct actor_socket *s = socket_find(word[1]);
	size_t left = strtoul(word[2], NULL, 10);
	static char bytes[CHUNK];

	while (left > 0) {
		size_t len = left < sizeof bytes ? left : sizeof bytes;
		ssize_t n;

		for (size_t i = 0; i < len; i++)
			bytes[i] = (char)((s->sent + i) % PERIOD);
		n = send(s->fd, bytes, len, MSG_NOSIGNAL);
		if (n < 0) {
			answer_errno();
			return;
		}
		s->sent += (size_t)n;
		left -= (size_t)n;
	}
	answer("ok");
}

static int
is_pattern(const char *bytes, size_t len, unsigned long at)
{
	for (size_t i = 0; i < len; i++)
		if (bytes[i] != (char)((at + i) % PERIOD))
			return 0;
	return 1;
}

/* So many bytes, or how many came before the end of the stream or an error. */
static void
recv_do(char **word)
{
	struct actor_socket *s = socket_find(word[1]);
	size_t want = strtoul(word[2], NULL, 10), got = 0;
	static char bytes[CHUNK];

	while (got < want) {
		size_t len = want - got < sizeof bytes ? want - got : sizeof bytes;
		ssize_t n = recv(s->fd, bytes, len, 0);

		if (n <= 0) {
			answer("%zu %s", got, n == 0 ? "end" : strerrorname_np(errno));
			return;
		}
		if (!is_pattern(bytes, (size_t)n, s->read)) {
			answer("%zu other-bytes-than-were-sent", got);
			return;
		}
		got += (size_t)n;
		s->read += (size_t)n;
	}
	answer("%zu more", got);
}

static void
shut_do(char **word)
{
	if (shutdown(socket_find(word[1])->fd, SHUT_WR) != 0)
		answer_errno();
	else
		answer("ok");
}

static void
linger_do(char **word)
{
	const struct linger now = {.l_onoff = 1};

	if (setsockopt(socket_find(word[1])->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now) != 0)
		answer_errno();
	else
		answer("ok");
}

static void
close_do(char **word)
{
	struct actor_socket *s = socket_find(word[1]);

	s->name[0] = 0;
	if (close(s->fd) != 0)
		answer_errno();
	else
		answer("ok");
}

/* A child that holds everything and does nothing until it is killed. It keeps nobody from learning
 * that its parent is gone. */
static void
fork_do(char **word)
{
	pid_t pid = fork();

	if (pid == 0) {
		close(STDIN_FILENO);
		close(STDOUT_FILENO);
		for (;;)
			pause();
	}
	if (pid < 0)
		answer_errno();
	else
		answer("%d", (int)pid);
}

/* Becomes the same program again, which is told what it has. */
static void
exec_do(char **word)
{
	static char text[SOCKETS][64];
	char *argv[SOCKETS + 2] = {program};
	int n = 1;

	for (const struct actor_socket *s = sockets; s < sockets + SOCKETS; s++) {
		if (s->name[0] == 0)
			continue;
		argv[n] = text[n - 1];
		(void)snprintf(argv[n++], sizeof text[0], "%.15s %d %lu %lu", s->name, s->fd,
		    s->sent, s->read);
	}
	execv("/proc/self/exe", argv);
	answer_errno();
}

/* The same, but the sockets end. */
static void
exec_alone_do(char **word)
{
	char *argv[] = {program, NULL};

	for (int i = 0; i < SOCKETS; i++)
		if (sockets[i].name[0] != 0)
			(void)fcntl(sockets[i].fd, F_SETFD, FD_CLOEXEC);
	execv("/proc/self/exe", argv);
	answer_errno();
}

static void
sockets_inherit(char **argv)
{
	for (int i = 0; argv[i] != NULL; i++) {
		struct actor_socket *s = &sockets[i];

		if (sscanf(argv[i], "%15s %d %lu %lu", s->name, &s->fd, &s->sent, &s->read) != 4)
			exit(3);
	}
}

static void
exit_do(char **word)
{
	exit(0);
}

/* Words behind the verb are its first ones; there are always as many as are looked at. */
static const struct {
	const char *verb;
	int words;
	void (*run)(char **word);
} verbs[] = {
    {"listen", 4, listen_do},
    {"connect", 4, connect_do},
    {"accept", 3, accept_do},
    {"send", 3, send_do},
    {"recv", 3, recv_do},
    {"shut", 2, shut_do},
    {"linger", 2, linger_do},
    {"close", 2, close_do},
    {"fork", 1, fork_do},
    {"exec", 1, exec_do},
    {"exec_alone", 1, exec_alone_do},
    {"exit", 1, exit_do},
};

static void
order_run(char *line)
{
	char *word[4], *next;
	int count = 0;

	while (count < 4 && (next = strsep(&line, " \n")) != NULL)
		if (*next != 0)
			word[count++] = next;
	for (size_t i = 0; count > 0 && i < sizeof verbs / sizeof verbs[0]; i++)
		if (strcmp(verbs[i].verb, word[0]) == 0 && verbs[i].words == count) {
			verbs[i].run(word);
			return;
		}
	answer("error order");
}

/* One order at a time: the next comes when this one is answered, so a read is a line. Nothing is
 * read ahead, which exec would lose. */
int
main(int argc, char **argv)
{
	char line[LINE_BYTES];
	ssize_t n;

	program = argv[0];
	sockets_inherit(argv + 1);
	signal(SIGCHLD, SIG_IGN);
	answer("%d", (int)getpid());
	while ((n = read(STDIN_FILENO, line, sizeof line - 1)) > 0) {
		line[n] = 0;
		order_run(line);
	}
	return 0;
}
