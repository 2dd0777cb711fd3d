/* SPDX-License-Identifier: BSD-3-Clause */
/* Descriptors and processes. */
#include "interpose.h"
#include "descriptor.h"
#include "stdio_follow.h"

#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* The one optional argument of fcntl() and ioctl(), whatever its type: both take a word. */
#define OPTIONAL_WORD(last)                \
	({                                 \
		va_list ap;                \
		void *word;                \
		va_start(ap, last);        \
		word = va_arg(ap, void *); \
		va_end(ap);                \
		word;                      \
	})

/* From the switch's convention to libc's, of a descriptor that is a copy. */
static int
copied(int fd)
{
	if (fd >= 0)
		stdio_follow(fd);
	return RESULT(fd);
}

INTERPOSE int
fcntl64(int fd, int cmd, ...)
{
	int rc = sw_fcntl(fd, cmd, OPTIONAL_WORD(cmd));

	return cmd == F_DUPFD || cmd == F_DUPFD_CLOEXEC ? copied(rc) : RESULT(rc);
}

INTERPOSE int
ioctl(int fd, unsigned long request, ...)
{
	return RESULT(sw_ioctl(fd, request, OPTIONAL_WORD(request)));
}

INTERPOSE int
close(int fd)
{
	return RESULT(sw_close(fd));
}

INTERPOSE int
close_range(unsigned first, unsigned last, int flags)
{
	return RESULT(sw_close_range(first, last, flags));
}

INTERPOSE void
closefrom(int first)
{
	(void)sw_close_range(first > 0 ? (unsigned)first : 0, UINT_MAX, 0);
}

INTERPOSE int
dup(int fd)
{
	return copied(sw_dup(fd));
}

INTERPOSE int
dup2(int fd, int target)
{
	return copied(sw_dup2(fd, target));
}

INTERPOSE int
dup3(int fd, int target, int flags)
{
	return copied(sw_dup3(fd, target, flags));
}

INTERPOSE pid_t
fork(void)
{
	return (pid_t)result(sw_fork(kern()->fork));
}

INTERPOSE pid_t
_Fork(void)
{
	return (pid_t)result(sw_fork(kern()->_Fork));
}

ALSO(close) int __close(int fd);
ALSO(dup2) int __dup2(int fd, int target);
ALSO(fork) pid_t __fork(void);
ALSO(fcntl64) int fcntl(int fd, int cmd, ...);
ALSO(fcntl64) int __fcntl(int fd, int cmd, ...);
