/* SPDX-License-Identifier: BSD-3-Clause */
#include "load.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config_check.h"
#include "parse.h"
#include "san_err.h"

/* 64 rules with a long comment each are 20 KiB. */
#define FILE_SIZE_MAX (256u << 10)

static int
io_error(struct config_error *err, int number, const char *what)
{
	config_error_set(err, (struct config_pos){0, 0}, "%s: %s", what, strerror(number));
	return number == ENOENT			     ? SAN_ENOENT
	       : number == EACCES || number == EPERM ? SAN_EPERM
						     : SAN_EIO;
}

/* Read fd to its end into buf of FILE_SIZE_MAX + 1 bytes. */
static int
read_all(int fd, char *buf, size_t *len, struct config_error *err)
{
	ssize_t n;

	*len = 0;
	do {
		n = read(fd, buf + *len, FILE_SIZE_MAX + 1 - *len);
		if (n < 0 && errno != EINTR)
			return io_error(err, errno, "cannot be read");
		*len += n > 0 ? (size_t)n : 0;
	} while (n != 0 && *len <= FILE_SIZE_MAX);
	if (*len > FILE_SIZE_MAX)
		return config_error_set(err, (struct config_pos){0, 0},
		    "expected a file of at most %u bytes", FILE_SIZE_MAX);
	return 0;
}

static int
load_open(int fd, struct san_config *out, struct config_error *err)
{
	char *buf = malloc(FILE_SIZE_MAX + 1);
	struct config_marks *marks = malloc(sizeof *marks);
	int ret = SAN_ENOMEM;
	size_t len;

	if (buf == NULL || marks == NULL)
		config_error_set(err, (struct config_pos){0, 0}, "out of memory");
	else
		ret = read_all(fd, buf, &len, err);
	if (ret == 0)
		ret = config_parse(buf, len, out, marks, err);
	if (ret == 0)
		ret = config_check(out, marks, err);
	free(marks);
	free(buf);
	return ret;
}

int
config_load(const char *path, struct san_config *out, struct config_error *err)
{
	struct stat st;
	int fd, ret;

	memset(err, 0, sizeof *err);
	snprintf(err->file, sizeof err->file, "%s", path);
	/* NONBLOCK: a FIFO by mistake must not hang the daemon. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return io_error(err, errno, "cannot be opened");
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
		ret = load_open(fd, out, err);
	} else {
		config_error_set(err, (struct config_pos){0, 0}, "expected a regular file");
		ret = SAN_EINVAL;
	}
	close(fd);
	return ret;
}
