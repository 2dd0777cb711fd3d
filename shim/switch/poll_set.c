/* SPDX-License-Identifier: BSD-3-Clause */
#include "poll_set.h"
#include "connect.h"
#include "deadline.h"
#include "ep_set.h"
#include "kern.h"
#include "provider.h"
#include "ready.h"
#include "waiter.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define ON_STACK    64 /* larger sets cost an allocation, small beside looking at them */
#define KERNEL_TURN 16 /* the kernel is asked once per so many looks while spinning */

struct poll_set {
	struct pollfd *fds; /* the program's */
	struct pollfd *ask; /* the kernel's share, same order, with -1 for what is the SAN's alone;
			       one more at the end */
	nfds_t count;
	bool kernel;		/* it has a share */
	struct sw_file *expect; /* what the one descriptor names, NULL: whatever it names */
};

/* The SAN's say about one descriptor; *kernel tells whether the kernel has one too. */
static short
fd_look(int fd, short events, bool *kernel)
{
	struct sw_file *file = fdtab_get(fd);
	struct sw_sock *s;
	unsigned sides;

	*kernel = true;
	if (file == NULL)
		return 0;
	if (file->kind == SW_EPOLL)
		return ep_ready((struct sw_epoll *)file) ? ready_reported(POLLIN, events) : 0;
	s = (struct sw_sock *)file;
	connect_progress(fd, sock_ref(s));
	if (fdtab_get(fd) != file)
		return 0;
	sides = ready_sides(s);
	*kernel = (sides & READY_KERNEL) != 0;
	return (sides & READY_SAN) != 0 ? ready_reported(ready_bits(s), events) : 0;
}

/* Fills both halves of the set; returns how many descriptors the SAN has news for. */
static int
set_look(struct poll_set *set)
{
	int ready = 0;

	set->kernel = false;
	for (nfds_t i = 0; i < set->count; i++) {
		bool kernel = false;

		set->fds[i].revents = 0;
		if (set->expect != NULL && fdtab_get(set->fds[i].fd) != set->expect)
			set->fds[i].revents = POLLNVAL;
		else if (set->fds[i].fd >= 0)
			set->fds[i].revents = fd_look(set->fds[i].fd, set->fds[i].events, &kernel);
		set->ask[i] = (struct pollfd){kernel ? set->fds[i].fd : -1, set->fds[i].events, 0};
		set->kernel |= kernel;
		ready += set->fds[i].revents != 0;
	}
	return ready;
}

/* Asks the kernel about its share and the `extra` entries behind it; returns the descriptors with
 * news from either. */
static int
set_ask(struct poll_set *set, nfds_t extra, const struct timespec *timeout, const sigset_t *mask)
{
	int rc = KERN(ppoll(set->ask, set->count + extra, timeout, mask)), ready = 0;

	if (rc < 0)
		return rc;
	for (nfds_t i = 0; i < set->count; i++) {
		if (set->ask[i].fd >= 0)
			set->fds[i].revents |= set->ask[i].revents;
		ready += set->fds[i].revents != 0;
	}
	return ready;
}

static void
set_arm(const struct poll_set *set, struct san_wake *wake)
{
	int err;

	for (nfds_t i = 0; i < set->count; i++) {
		struct sw_file *file = fdtab_get(set->fds[i].fd);
		SOCKET source;

		if (file != NULL && file->kind == SW_EPOLL)
			ep_arm((struct sw_epoll *)file);
		if (file == NULL || file->kind != SW_SOCK || wake == NULL)
			continue;
		source = ready_source((struct sw_sock *)file);
		if (source != INVALID_SOCKET)
			(void)provider_san->sanWakeAdd(wake, source, set->fds[i].events, &err);
	}
}

static void
set_disarm(const struct poll_set *set, struct san_wake *wake)
{
	for (nfds_t i = 0; i < set->count; i++) {
		struct sw_file *file = fdtab_get(set->fds[i].fd);
		SOCKET source;

		if (file != NULL && file->kind == SW_EPOLL)
			ep_disarm((struct sw_epoll *)file);
		if (file == NULL || file->kind != SW_SOCK || wake == NULL)
			continue;
		source = ready_source((struct sw_sock *)file);
		if (source != INVALID_SOCKET)
			provider_san->sanWakeRemove(wake, source);
	}
}

/* Descriptors with news, 0 to look again, -errno. */
static int
set_sleep(struct poll_set *set, const struct timespec *until, const sigset_t *mask)
{
	struct timespec store;
	int wake_fd, rc;
	struct san_wake *wake = waiter_get(&wake_fd);

	if (wake != NULL)
		provider_san->sanWakeArm(wake, 1);
	set_arm(set, wake);
	rc = set_look(set);
	if (rc == 0) {
		set->ask[set->count] = (struct pollfd){wake_fd, POLLIN, 0};
		rc = set_ask(set, 1, waiter_time(wake != NULL, until, &store), mask);
		if (set->ask[set->count].revents != 0)
			waiter_drain(wake_fd);
	}
	set_disarm(set, wake);
	if (wake != NULL)
		provider_san->sanWakeArm(wake, 0);
	return rc;
}

static int
set_wait(struct poll_set *set, const struct timespec *until, const sigset_t *mask)
{
	static const struct timespec now = {0, 0};
	bool just_look = until != NULL && until->tv_sec == 0 && until->tv_nsec == 0;
	uint32_t relax = 0;
	int rc;

	for (unsigned looks = 0;; looks++) {
		int ready = set_look(set);

		if (ready > 0 || just_look || looks % KERNEL_TURN == 0) {
			rc = set->kernel ? set_ask(set, 0, &now, mask) : ready;
			if (ready > 0 && rc < 0)
				return ready;
			if (rc != 0 || just_look || deadline_expired(until))
				return rc;
		}
		if (provider_san->sanRelax(&relax))
			continue;
		rc = set_sleep(set, until, mask);
		if (rc != 0)
			return rc;
	}
}

int
poll_wait(struct pollfd *fds, nfds_t count, const struct timespec *until, const sigset_t *mask)
{
	struct pollfd small[ON_STACK + 1];
	struct poll_set set = {.fds = fds, .ask = small, .count = count};
	int rc;

	if (count > ON_STACK)
		set.ask = malloc((count + 1) * sizeof *set.ask);
	if (set.ask == NULL)
		return -ENOMEM;
	rc = set_wait(&set, until, mask);
	if (set.ask != small)
		free(set.ask);
	return rc;
}

int
poll_wait_file(int fd, struct sw_file *file, short events, const struct timespec *until)
{
	struct pollfd one = {fd, events, 0}, ask[2];
	struct poll_set set = {.fds = &one, .ask = ask, .count = 1, .expect = file};

	return set_wait(&set, until, NULL);
}

static bool
set_concerns_switch(const struct pollfd *fds, nfds_t count)
{
	for (nfds_t i = 0; i < count; i++) {
		struct sw_file *file = fdtab_get(fds[i].fd);
		if (file == NULL)
			continue;
		if (file->kind == SW_EPOLL || ready_sides((struct sw_sock *)file) != READY_KERNEL)
			return true;
	}
	return false;
}

int
sw_ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout, const sigset_t *mask)
{
	struct timespec store = {0, 0}, *until = &store;

	if (!set_concerns_switch(fds, count))
		return KERN(ppoll(fds, count, timeout, mask));
	if (timeout == NULL || timeout->tv_sec != 0 || timeout->tv_nsec != 0)
		until = deadline_after(timeout, &store);
	return poll_wait(fds, count, until, mask);
}

int
sw_poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
	struct timespec timeout = {timeout_ms / 1000, timeout_ms % 1000 * 1000000L};

	if (!set_concerns_switch(fds, count))
		return KERN(poll(fds, count, timeout_ms));
	return sw_ppoll(fds, count, timeout_ms < 0 ? NULL : &timeout, NULL);
}
