/* SPDX-License-Identifier: BSD-3-Clause */
#include "pidfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "san_err.h"

static int
no_access(const char *path, char *why, size_t why_size)
{
	int e = errno;

	snprintf(why, why_size, "%s: %s; run as root or set runtime_dir to a folder you may write",
	    path, strerror(e));
	return e == EACCES || e == EPERM || e == EROFS ? SAN_EPERM : SAN_EIO;
}

static long
pid_read(int fd)
{
	char text[16] = "";
	ssize_t n = pread(fd, text, sizeof text - 1, 0);

	return n > 0 ? strtol(text, NULL, 10) : 0;
}

int
pidfile_take(struct pidfile *p, const char *folder, char *why, size_t why_size)
{
	p->fd = -1;
	if (mkdir(folder, 0755) != 0 && errno != EEXIST)
		return no_access(folder, why, why_size);
	snprintf(p->path, sizeof p->path, "%s/sand.pid", folder);
	p->fd = open(p->path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (p->fd < 0)
		return no_access(p->path, why, why_size);
	if (flock(p->fd, LOCK_EX | LOCK_NB) != 0) {
		snprintf(why, why_size,
		    "a daemon runs already (process %ld holds %s); stop it, or give this one "
		    "another "
		    "name and runtime_dir",
		    pid_read(p->fd), p->path);
		close(p->fd);
		p->fd = -1;
		return SAN_EEXIST;
	}
	if (ftruncate(p->fd, 0) != 0 || dprintf(p->fd, "%ld\n", (long)getpid()) < 0) {
		int err = no_access(p->path, why, why_size);

		pidfile_drop(p);
		return err;
	}
	return 0;
}

void
pidfile_drop(struct pidfile *p)
{
	if (p->fd < 0)
		return;
	/* While the lock is still held: nobody else can have made the file anew. */
	unlink(p->path);
	close(p->fd);
	p->fd = -1;
}
