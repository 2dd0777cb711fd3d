/* SPDX-License-Identifier: BSD-3-Clause */
/* stdio on a socket. Inside libc a FILE reads and writes without the names interposed here, so a
 * FILE on a socket of the switch gets functions of its own that do use them. It still answers
 * fileno(). */
#include "interpose.h"
#include "sock.h"

#include <stdio.h>
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

INTERPOSE FILE *
fdopen(int fd, const char *mode)
{
	const cookie_io_functions_t functions = {
	    .read = file_read, .write = file_write, .seek = file_seek, .close = file_close};
	FILE *file;

	if (sock_at(fd) == NULL)
		return kern()->fdopen(fd, mode);
	file = fopencookie((void *)(intptr_t)fd, mode, functions);
	if (file != NULL)
		file->_fileno = fd;
	return file;
}
