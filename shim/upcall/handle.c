/* SPDX-License-Identifier: BSD-3-Clause */
#include "handle.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#define HANDLE_MAX   (1u << 20) /* descriptor numbers */
#define HANDLE_FIRST 3		/* what a program prints to is no place for ours */

struct place {
	DWORD_PTR context;
	bool open;
};

/* By descriptor number: the kernel gives no number twice at a time. */
static struct {
	pthread_mutex_t lock;
	struct place *place;
	uint32_t count;
	bool fork_known;
} handles = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* --- fork: a child gets counters of its own under the same numbers -------------------------------
 * The parent's completions are none of the child's, and what one reads away the other must not
 * miss.
 */

static void
fork_before(void)
{
	pthread_mutex_lock(&handles.lock);
}

static void
fork_parent(void)
{
	pthread_mutex_unlock(&handles.lock);
}

/* Without a free number for the moment between it stays shared: then a wake-up may be one too many.
 */
static void
fork_child(void)
{
	for (uint32_t i = 0; i < handles.count; i++) {
		int fresh;

		if (!handles.place[i].open)
			continue;
		fresh = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (fresh < 0)
			break;
		(void)syscall(SYS_dup3, fresh, (int)i, O_CLOEXEC);
		(void)syscall(SYS_close, fresh);
	}
	pthread_mutex_unlock(&handles.lock);
}

/* --- the table -----------------------------------------------------------------------------------
 */

/* Lock held. */
static bool
grow(uint32_t fd)
{
	uint32_t count = handles.count == 0 ? 64 : handles.count;
	struct place *place;

	while (count <= fd)
		count *= 2;
	if (count > HANDLE_MAX)
		return false;
	place = realloc(handles.place, count * sizeof *place);
	if (place == NULL)
		return false;
	for (uint32_t i = handles.count; i < count; i++)
		place[i] = (struct place){0};
	handles.place = place;
	handles.count = count;
	return true;
}

static int
descriptor_new(void)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), low = fd;

	if (fd >= 0 && fd < HANDLE_FIRST) {
		fd = (int)syscall(SYS_fcntl, low, F_DUPFD_CLOEXEC, HANDLE_FIRST);
		(void)syscall(SYS_close, low);
	}
	return fd;
}

int
handle_create(DWORD_PTR context, SOCKET *out)
{
	bool kept = true;
	int fd;

	pthread_mutex_lock(&handles.lock);
	if (!handles.fork_known)
		handles.fork_known = pthread_atfork(fork_before, fork_parent, fork_child) == 0;
	fd = descriptor_new();
	if (fd < 0) {
		bool none_left = errno == EMFILE || errno == ENFILE;

		pthread_mutex_unlock(&handles.lock);
		return none_left ? WSAEMFILE : WSAENOBUFS;
	}
	if ((uint32_t)fd >= handles.count)
		kept = grow((uint32_t)fd);
	if (kept)
		handles.place[fd] = (struct place){context, true};
	else
		(void)syscall(SYS_close, fd);
	pthread_mutex_unlock(&handles.lock);
	*out = (SOCKET)fd;
	return kept ? 0 : WSAENOBUFS;
}

/* Lock held. */
static struct place *
find(SOCKET h)
{
	return h < handles.count && handles.place[h].open ? &handles.place[h] : NULL;
}

int
handle_close(SOCKET h)
{
	struct place *p;

	pthread_mutex_lock(&handles.lock);
	p = find(h);
	if (p != NULL) {
		p->open = false;
		/* Under the lock: the number is free from here on, and the next one to get it may
		 * be handle_create. */
		(void)syscall(SYS_close, (int)h);
	}
	pthread_mutex_unlock(&handles.lock);
	return p != NULL ? 0 : WSAENOTSOCK;
}

int
handle_context(SOCKET h, DWORD_PTR *context)
{
	const struct place *p;

	pthread_mutex_lock(&handles.lock);
	p = find(h);
	if (p != NULL)
		*context = p->context;
	pthread_mutex_unlock(&handles.lock);
	return p != NULL ? 0 : WSAENOTSOCK;
}

int
handle_signal(SOCKET h)
{
	const uint64_t one = 1;
	bool known;

	pthread_mutex_lock(&handles.lock);
	known = find(h) != NULL;
	/* Does not block; a full counter is readable as well. */
	if (known)
		(void)!syscall(SYS_write, (int)h, &one, sizeof one);
	pthread_mutex_unlock(&handles.lock);
	return known ? 0 : WSAENOTSOCK;
}

int
handle_with(DWORD_PTR context)
{
	int fd = -1;

	pthread_mutex_lock(&handles.lock);
	for (uint32_t i = 0; i < handles.count && fd < 0; i++)
		if (handles.place[i].open && handles.place[i].context == context)
			fd = (int)i;
	pthread_mutex_unlock(&handles.lock);
	return fd;
}
