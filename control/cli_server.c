/* SPDX-License-Identifier: BSD-3-Clause */
#include "cli_server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli.h"
#include "cli_stream.h"
#include "loop.h"
#include "san_err.h"

struct client {
	struct cli_server *server;
	struct loop_source source; /* fd -1: free */
	struct cli_stream answer;
	char request[CLI_REQUEST_MAX + 1];
	size_t request_len;
	bool may_change;
	bool ended; /* sends nothing more: goes when the answer is out */
	struct loop_timer idle;
};

struct cli_server {
	struct cli *cli;
	struct loop *loop;
	struct loop_source listener;
	char path[sizeof((struct sockaddr_un *)0)->sun_path];
	struct client client[CLI_CLIENTS_MAX];
};

/* --- clients
 * -------------------------------------------------------------------------------------- */

static void
client_close(struct client *c)
{
	loop_timer_clear(c->server->loop, &c->idle);
	loop_remove(c->server->loop, &c->source);
	close(c->source.fd);
	c->source.fd = -1;
	cli_stream_release(&c->answer);
}

/* A client that keeps its place without using it. */
static void
client_idle(struct loop_timer *timer)
{
	client_close(timer->owner);
}

static void
client_busy(struct client *c)
{
	loop_timer_set(
	    c->server->loop, &c->idle, san_time_add(loop_now(), SAN_DURATION_S(CLI_IDLE_SECONDS)));
}

static void
client_answer(struct client *c, enum cli_status status, const char *text, size_t len)
{
	char header[CLI_HEADER_MAX];
	int n = snprintf(header, sizeof header, "%d %zu\n", status, len);

	cli_stream_put(&c->answer, header, (size_t)n);
	cli_stream_put(&c->answer, text, len);
}

static void
client_run(struct client *c, enum cli_format format, const char *line, size_t len)
{
	struct cli_out *out = cli_out_create(format, CLI_ANSWER_MAX);
	enum cli_status status;
	const char *text;
	size_t text_len;

	if (out == NULL) {
		client_answer(c, CLI_FAILED, "error: out of memory\n", 21);
		return;
	}
	status = cli_run(c->server->cli, line, len, c->may_change, out);
	text = cli_out_finish(out, &text_len);
	if (status == CLI_OK && cli_out_failed(out))
		status = CLI_FAILED;
	client_answer(c, status, text, text_len);
	cli_out_destroy(out);
}

static void
client_request(struct client *c, const char *line, size_t len)
{
	if (len >= 5 && memcmp(line, "text ", 5) == 0) {
		client_run(c, CLI_TEXT, line + 5, len - 5);
	} else if (len >= 5 && memcmp(line, "json ", 5) == 0) {
		client_run(c, CLI_JSON, line + 5, len - 5);
	} else {
		static const char text[] = "error: expected 'text COMMAND' or 'json COMMAND'\n";

		client_answer(c, CLI_USAGE, text, sizeof text - 1);
	}
}

/* Serve the complete lines in the buffer, one at a time: the next when the answer has left. */
static void
client_serve(struct client *c)
{
	while (cli_stream_flush(&c->answer)) {
		char *end = memchr(c->request, '\n', c->request_len);
		size_t len;

		if (end == NULL) {
			if (c->request_len <= CLI_REQUEST_MAX)
				break;
			/* Where a line of this length would end is not worth looking for. */
			end = c->request + c->request_len - 1;
			c->ended = true;
		}
		len = (size_t)(end - c->request);
		client_request(c, c->request, len);
		c->request_len -= len + 1;
		memmove(c->request, end + 1, c->request_len);
		if (c->ended)
			c->request_len = 0;
	}
}

static void
client_read(struct client *c)
{
	ssize_t n =
	    read(c->source.fd, c->request + c->request_len, sizeof c->request - c->request_len);

	if (n > 0)
		c->request_len += (size_t)n;
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		c->ended = true;
}

static void
client_handle(struct loop_source *source, uint32_t events)
{
	struct client *c = source->owner;
	bool drained;

	client_busy(c);
	if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 && !c->ended &&
	    c->request_len < sizeof c->request)
		client_read(c);
	client_serve(c);
	drained = c->answer.len == 0;
	if (c->answer.broken || (drained && c->ended) || (events & EPOLLERR) != 0 ||
	    loop_change(c->server->loop, source, drained ? EPOLLIN : EPOLLOUT) < 0)
		client_close(c);
}

/* --- the socket
 * ----------------------------------------------------------------------------------- */

static bool
peer_may_change(int fd)
{
	struct ucred cred;
	socklen_t len = sizeof cred;

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0 &&
	       (cred.uid == 0 || cred.uid == geteuid());
}

static struct client *
client_free_find(struct cli_server *server)
{
	for (unsigned i = 0; i < CLI_CLIENTS_MAX; i++)
		if (server->client[i].source.fd < 0)
			return &server->client[i];
	return NULL;
}

static void
listener_handle(struct loop_source *source, uint32_t events)
{
	struct cli_server *server = source->owner;
	int fd = accept4(source->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct client *c;

	(void)events;
	if (fd < 0)
		return;
	c = client_free_find(server);
	if (c == NULL) {
		static const char busy[] = "1 24\nerror: too many clients\n";

		(void)send(fd, busy, sizeof busy - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
		close(fd);
		return;
	}
	*c = (struct client){.server = server, .may_change = peer_may_change(fd)};
	c->source = (struct loop_source){.fd = fd, .handle = client_handle, .owner = c};
	c->idle = (struct loop_timer){.handle = client_idle, .owner = c};
	cli_stream_init(&c->answer, fd);
	if (loop_add(server->loop, &c->source, EPOLLIN) < 0) {
		close(fd);
		c->source.fd = -1;
		return;
	}
	client_busy(c);
}

static int
listener_open(const char *path, uint32_t mode)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), saved;

	if (fd < 0)
		return -1;
	memcpy(addr.sun_path, path, strlen(path) + 1);
	unlink(path);
	/* Nobody can connect between bind and chmod: it does not listen yet. */
	if (bind(fd, (struct sockaddr *)&addr, sizeof addr) < 0 || chmod(path, mode) < 0 ||
	    listen(fd, CLI_CLIENTS_MAX) < 0) {
		saved = errno;
		close(fd);
		errno = saved;
		return -1;
	}
	return fd;
}

int
cli_server_create(
    struct cli *cli, struct loop *loop, const char *path, uint32_t mode, struct cli_server **out)
{
	struct cli_server *server;

	if (strlen(path) >= sizeof server->path)
		return SAN_EINVAL;
	server = calloc(1, sizeof *server);
	if (server == NULL)
		return SAN_ENOMEM;
	server->cli = cli;
	server->loop = loop;
	snprintf(server->path, sizeof server->path, "%s", path);
	for (unsigned i = 0; i < CLI_CLIENTS_MAX; i++)
		server->client[i].source.fd = -1;
	server->listener = (struct loop_source){
	    .fd = listener_open(path, mode), .handle = listener_handle, .owner = server};
	if (server->listener.fd < 0 || loop_add(loop, &server->listener, EPOLLIN) < 0) {
		int saved = errno;

		cli_server_destroy(server);
		errno = saved;
		return SAN_EIO;
	}
	*out = server;
	return 0;
}

void
cli_server_destroy(struct cli_server *server)
{
	if (server == NULL)
		return;
	for (unsigned i = 0; i < CLI_CLIENTS_MAX; i++) {
		if (server->client[i].source.fd < 0)
			continue;
		(void)cli_stream_flush(&server->client[i].answer);
		client_close(&server->client[i]);
	}
	if (server->listener.fd >= 0) {
		unlink(server->path);
		loop_remove(server->loop, &server->listener);
		close(server->listener.fd);
	}
	free(server);
}
