/* SPDX-License-Identifier: BSD-3-Clause */
#include "waiter.h"
#include "deadline.h"
#include "kern.h"
#include "provider.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>

#define SLICE_NS 1000000

static pthread_key_t key;
static pthread_once_t key_once = PTHREAD_ONCE_INIT;
static _Thread_local struct san_wake *mine;
static _Thread_local int mine_fd;
static _Thread_local bool refused; /* asked for once, in vain */

static void
waiter_end(void *wake)
{
	mine = NULL;
	provider_san->sanWakeDestroy(wake);
}

static void
key_make(void)
{
	(void)pthread_key_create(&key, waiter_end);
}

struct san_wake *
waiter_get(int *fd)
{
	int err;

	if (mine == NULL && !refused) {
		(void)pthread_once(&key_once, key_make);
		mine = provider_san->sanWakeCreate(&err);
		refused = mine == NULL;
		mine_fd = refused ? -1 : waiter_fd(mine);
		(void)pthread_setspecific(key, mine);
	}
	*fd = refused ? -1 : mine_fd;
	return mine;
}

void
waiter_forget(void)
{
	refused = false;
	if (mine == NULL)
		return;
	(void)pthread_setspecific(key, NULL);
	waiter_end(mine);
}

int
waiter_fd(const struct san_wake *wake)
{
	int fd = provider_san->sanWakeFd(wake);

	(void)KERN(fcntl64(fd, F_SETFL, O_NONBLOCK));
	return fd;
}

void
waiter_drain(int fd)
{
	uint64_t count;

	(void)!kern()->read(fd, &count, sizeof count);
}

const struct timespec *
waiter_time(bool has_wake, const struct timespec *until, struct timespec *store)
{
	if (until != NULL)
		*store = deadline_left(until);
	if (!has_wake && (until == NULL || store->tv_sec > 0 || store->tv_nsec > SLICE_NS))
		*store = (struct timespec){0, SLICE_NS};
	else if (until == NULL)
		return NULL;
	return store;
}
