/* SPDX-License-Identifier: BSD-3-Clause */
/* stdio on a socket. Inside libc a FILE reads and writes without the names interposed here, so a
 * FILE on a socket of the switch gets functions of its own that do use them. It still answers
 * fileno(). Once a standard descriptor became such a socket, its stream is one of these for good:
 * they serve files as well. */
#include "stdio_follow.h"
#include "family.h"
#include "interpose.h"
#include "sock.h"

#include <stdio.h>
#include <stdio_ext.h>
#include <unistd.h>

static int
fd_of(void *cookie)
{
	return (int)(intptr_t)cookie;
}

static ssize_t
file_read(void *cookie, char *buf, size_t len)
{
	return read(fd_of(cookie), buf, len);
}

/* All or, after an error, what went before it; 0 stands for an error here. */
static ssize_t
file_write(void *cookie, const char *buf, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = write(fd_of(cookie), buf + done, len - done);

		if (n < 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

static int
file_seek(void *cookie, off64_t *at, int whence)
{
	errno = ESPIPE;
	return -1;
}

static int
file_close(void *cookie)
{
	return close(fd_of(cookie));
}

static FILE *
file_make(int fd, const char *mode)
{
	const cookie_io_functions_t functions = {
	    .read = file_read, .write = file_write, .seek = file_seek, .close = file_close};
	FILE *file = fopencookie((void *)(intptr_t)fd, mode, functions);

	if (file != NULL)
		file->_fileno = fd;
	return file;
}

INTERPOSE FILE *
fdopen(int fd, const char *mode)
{
	return sock_at(fd) == NULL ? kern()->fdopen(fd, mode) : file_make(fd, mode);
}

/* What the program has printed and not flushed goes where it would have gone: to the descriptor as
 * it is now. */
static void
unflushed_move(FILE *from, FILE *to)
{
	size_t pending = __fpending(from);

	if (pending == 0)
		return;
	(void)fwrite_unlocked(from->_IO_write_base, 1, pending, to);
	__fpurge(from);
}

void
stdio_follow(int fd)
{
	static FILE **const streams[] = {&stdin, &stdout, &stderr};
	static bool followed[3];
	FILE *file;

	if ((unsigned)fd > STDERR_FILENO || followed[fd] || sock_at(fd) == NULL ||
	    !family_is_mine())
		return;
	file = file_make(fd, fd == STDIN_FILENO ? "r" : "w");
	if (file == NULL)
		return;
	followed[fd] = true;
	if (fd == STDERR_FILENO)
		(void)setvbuf(file, NULL, _IONBF, 0);
	if (fd != STDIN_FILENO)
		unflushed_move(*streams[fd], file);
	*streams[fd] = file;
}
