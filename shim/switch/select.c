/* SPDX-License-Identifier: BSD-3-Clause */
/* select() and pselect() as a translation to poll_wait() and back, for descriptors beyond
 * FD_SETSIZE as well. */
#include "deadline.h"
#include "kern.h"
#include "poll_set.h"
#include "ready.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#define WORD_BITS (8 * (int)sizeof(fd_mask))

/* What select() calls readable, writable and exceptional (the kernel's POLLIN_SET, POLLOUT_SET,
 * POLLEX_SET). */
#define MEANS_READ   (POLLIN | POLLRDNORM | POLLRDBAND | POLLHUP | POLLERR)
#define MEANS_WRITE  (POLLOUT | POLLWRNORM | POLLWRBAND | POLLERR)
#define MEANS_EXCEPT POLLPRI

struct sets {
	int nfds;
	fd_set *rd, *wr, *ex;
};

/* FD_ISSET checks against FD_SETSIZE when fortified; programs pass larger sets. */
static bool
bit_get(const fd_set *set, int fd)
{
	return set != NULL && (__FDS_BITS(set)[fd / WORD_BITS] >> fd % WORD_BITS & 1) != 0;
}

static bool
bit_put(fd_set *set, int fd, bool on)
{
	if (on)
		__FDS_BITS(set)[fd / WORD_BITS] |= (fd_mask)(1UL << fd % WORD_BITS);
	return on;
}

static short
events_of(const struct sets *s, int fd)
{
	return (short)((bit_get(s->rd, fd) ? POLLIN : 0) | (bit_get(s->wr, fd) ? POLLOUT : 0) |
		       (bit_get(s->ex, fd) ? POLLPRI : 0));
}

static bool
sets_concern_switch(const struct sets *s)
{
	for (int fd = 0; fd < s->nfds; fd++) {
		struct sw_file *file = events_of(s, fd) != 0 ? fdtab_get(fd) : NULL;
		if (file == NULL)
			continue;
		if (file->kind == SW_EPOLL || ready_sides((struct sw_sock *)file) != READY_KERNEL)
			return true;
	}
	return false;
}

static int
sets_to_poll(const struct sets *s, struct pollfd *fds)
{
	int count = 0;

	for (int fd = 0; fd < s->nfds; fd++)
		if (events_of(s, fd) != 0)
			fds[count++] = (struct pollfd){fd, events_of(s, fd), 0};
	return count;
}

static void
set_clear(fd_set *set, int nfds)
{
	if (set != NULL)
		memset(set, 0, (size_t)(nfds + WORD_BITS - 1) / WORD_BITS * sizeof(fd_mask));
}

/* The three sets as select() leaves them; the number of bits set, or -EBADF. */
static int
sets_from_poll(struct sets *s, const struct pollfd *fds, int count)
{
	int bits = 0;

	for (int i = 0; i < count; i++)
		if ((fds[i].revents & POLLNVAL) != 0)
			return -EBADF;
	set_clear(s->rd, s->nfds);
	set_clear(s->wr, s->nfds);
	set_clear(s->ex, s->nfds);
	for (int i = 0; i < count; i++) {
		short got = fds[i].revents, asked = fds[i].events;

		bits += bit_put(s->rd, fds[i].fd, (asked & POLLIN) != 0 && (got & MEANS_READ) != 0);
		bits +=
		    bit_put(s->wr, fds[i].fd, (asked & POLLOUT) != 0 && (got & MEANS_WRITE) != 0);
		bits +=
		    bit_put(s->ex, fds[i].fd, (asked & POLLPRI) != 0 && (got & MEANS_EXCEPT) != 0);
	}
	return bits;
}

static int
sets_wait(struct sets *s, const struct timespec *until, const sigset_t *mask)
{
	struct pollfd *fds = malloc((size_t)s->nfds * sizeof *fds);
	int count, rc;

	if (fds == NULL)
		return -ENOMEM;
	count = sets_to_poll(s, fds);
	rc = poll_wait(fds, (nfds_t)count, until, mask);
	if (rc >= 0)
		rc = sets_from_poll(s, fds, count);
	free(fds);
	return rc;
}

int
sw_pselect(int nfds, fd_set *rd, fd_set *wr, fd_set *ex, const struct timespec *timeout,
    const sigset_t *mask)
{
	struct sets s = {nfds, rd, wr, ex};
	struct timespec store = {0, 0}, *until = &store;

	if (nfds < 0 || nfds > FDTAB_MAX || !sets_concern_switch(&s))
		return KERN(pselect(nfds, rd, wr, ex, timeout, mask));
	if (timeout == NULL || timeout->tv_sec != 0 || timeout->tv_nsec != 0)
		until = deadline_after(timeout, &store);
	return sets_wait(&s, until, mask);
}

/* Linux leaves the time that was not slept in *timeout. */
int
sw_select(int nfds, fd_set *rd, fd_set *wr, fd_set *ex, struct timeval *timeout)
{
	struct sets s = {nfds, rd, wr, ex};
	struct timespec relative, store = {0, 0}, *until = &store, left;
	int rc;

	if (nfds < 0 || nfds > FDTAB_MAX || !sets_concern_switch(&s))
		return KERN(select(nfds, rd, wr, ex, timeout));
	if (timeout != NULL && (timeout->tv_sec < 0 || timeout->tv_usec < 0))
		return -EINVAL;
	if (timeout == NULL) {
		until = NULL;
	} else if (timeout->tv_sec != 0 || timeout->tv_usec != 0) {
		TIMEVAL_TO_TIMESPEC(timeout, &relative);
		until = deadline_after(&relative, &store);
	}
	rc = sets_wait(&s, until, NULL);
	if (timeout != NULL && until != NULL) {
		left = deadline_left(until);
		TIMESPEC_TO_TIMEVAL(timeout, &left);
	}
	return rc;
}
