/* SPDX-License-Identifier: BSD-3-Clause */
/* System calls made directly, never through libc's names: this code runs inside preloaded programs,
 * where those names are interposed. Each returns the result or -1 with errno, like libc's. Holds no
 * state. */
#ifndef SAND_SHM_SYS_H
#define SAND_SHM_SYS_H

#include <fcntl.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Not FUTEX_PRIVATE: the words lie in memory shared between processes. `wait` NULL = no limit. */
static inline int
sys_futex_wait(_Atomic uint32_t *word, uint32_t expected, const struct timespec *wait)
{
	return (int)syscall(SYS_futex, word, FUTEX_WAIT, expected, wait, NULL, 0);
}

static inline int
sys_futex_wake(_Atomic uint32_t *word, int count)
{
	return (int)syscall(SYS_futex, word, FUTEX_WAKE, count, NULL, NULL, 0);
}

static inline ssize_t
sys_read(int fd, void *buf, size_t len)
{
	return syscall(SYS_read, fd, buf, len);
}

static inline ssize_t
sys_write(int fd, const void *buf, size_t len)
{
	return syscall(SYS_write, fd, buf, len);
}

static inline int
sys_open(const char *path, int flags)
{
	return (int)syscall(SYS_openat, AT_FDCWD, path, flags, 0);
}

static inline int
sys_close(int fd)
{
	return (int)syscall(SYS_close, fd);
}

/* Add one to an eventfd. A full counter is as good as a written one, so the result does not matter.
 */
static inline void
sys_event_signal(int fd)
{
	const uint64_t one = 1;

	(void)!sys_write(fd, &one, sizeof one);
}

#endif
