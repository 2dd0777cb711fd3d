/* SPDX-License-Identifier: BSD-3-Clause */
#include "cli_stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli_proto.h"

/* An answer, its header, and what the prompt adds around it. */
#define STREAM_MAX (CLI_ANSWER_MAX + (64u << 10))

void
cli_stream_init(struct cli_stream *s, int fd)
{
	*s = (struct cli_stream){.fd = fd};
}

void
cli_stream_release(struct cli_stream *s)
{
	free(s->bytes);
	cli_stream_init(s, -1);
}

static void
stream_break(struct cli_stream *s)
{
	s->broken = true;
	s->len = 0;
}

void
cli_stream_put(struct cli_stream *s, const void *bytes, size_t len)
{
	size_t want = s->size == 0 ? 4096 : s->size;
	char *grown;

	if (s->broken)
		return;
	if (len > STREAM_MAX - s->len) {
		stream_break(s);
		return;
	}
	if (s->start > 0) {
		memmove(s->bytes, s->bytes + s->start, s->len);
		s->start = 0;
	}
	while (want < s->len + len)
		want *= 2;
	if (want > s->size) {
		grown = realloc(s->bytes, want);
		if (grown == NULL) {
			stream_break(s);
			return;
		}
		s->bytes = grown;
		s->size = want;
	}
	memcpy(s->bytes + s->len, bytes, len);
	s->len += len;
}

/* A peer that hung up must not raise SIGPIPE; send() can say so, but only sockets know it. */
static ssize_t
write_quietly(int fd, const void *bytes, size_t len)
{
	ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);

	return n < 0 && errno == ENOTSOCK ? write(fd, bytes, len) : n;
}

bool
cli_stream_flush(struct cli_stream *s)
{
	while (s->len > 0) {
		ssize_t n = write_quietly(s->fd, s->bytes + s->start, s->len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return false;
		if (n <= 0) {
			stream_break(s);
			break;
		}
		s->start += (size_t)n;
		s->len -= (size_t)n;
	}
	s->start = 0;
	return true;
}
