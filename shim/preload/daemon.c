/* SPDX-License-Identifier: BSD-3-Clause */
/* daemon(3): libc's own forks behind our back. */
#include "interpose.h"
#include "descriptor.h"

#include <fcntl.h>
#include <unistd.h>

static int
standard_streams_to_null(void)
{
	int null = open("/dev/null", O_RDWR), rc = 0;

	if (null < 0)
		return -errno;
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO && rc >= 0; fd++)
		rc = sw_dup2(null, fd);
	if (null > STDERR_FILENO)
		(void)KERN(close(null));
	return rc < 0 ? rc : 0;
}

static int
daemon_become(int nochdir, int noclose)
{
	pid_t pid = sw_fork(kern()->fork);

	if (pid < 0)
		return pid;
	if (pid > 0)
		_exit(0);
	if (setsid() < 0 || (!nochdir && chdir("/") < 0))
		return -errno;
	return noclose ? 0 : standard_streams_to_null();
}

INTERPOSE int
daemon(int nochdir, int noclose)
{
	return RESULT(daemon_become(nochdir, noclose));
}
