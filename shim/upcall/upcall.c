/* SPDX-License-Identifier: BSD-3-Clause */
/* The default upcall table: WPU functions for programs that call the provider without a switch of
 * their own. Owns the table of socket handles; knows nothing about sockets behind it. */
#include <sand/upcall.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A handle is index + generation << 20, so that a closed one is recognised. */
#define HANDLE_BITS 20
#define HANDLE_MAX  (1u << HANDLE_BITS)

struct slot {
	DWORD_PTR context;
	uint32_t gen; /* odd: open */
	uint32_t next_free;
};

static struct {
	pthread_mutex_t lock;
	struct slot *slots;
	uint32_t count, free; /* free: index + 1 of the first free slot, 0 = none */
} handles = {.lock = PTHREAD_MUTEX_INITIALIZER};

static int
grow(void)
{
	uint32_t count = handles.count == 0 ? 64 : handles.count * 2;
	struct slot *slots;

	if (count > HANDLE_MAX)
		return -1;
	slots = realloc(handles.slots, count * sizeof *slots);
	if (slots == NULL)
		return -1;
	for (uint32_t i = handles.count; i < count; i++)
		slots[i] = (struct slot){.next_free = i + 1 < count ? i + 2 : 0};
	handles.free = handles.count + 1;
	handles.slots = slots;
	handles.count = count;
	return 0;
}

/* handles.lock held. NULL: never given out, or closed. */
static struct slot *
find(SOCKET h)
{
	uint32_t index = (uint32_t)(h & (HANDLE_MAX - 1));

	if (index >= handles.count || handles.slots[index].gen != h >> HANDLE_BITS ||
	    handles.slots[index].gen % 2 == 0)
		return NULL;
	return &handles.slots[index];
}

static SOCKET
create_socket_handle(DWORD catalog, DWORD_PTR context, LPINT err)
{
	SOCKET h = INVALID_SOCKET;

	pthread_mutex_lock(&handles.lock);
	if (handles.free != 0 || grow() == 0) {
		uint32_t index = handles.free - 1;
		struct slot *s = &handles.slots[index];

		handles.free = s->next_free;
		s->gen++;
		s->context = context;
		h = (SOCKET)s->gen << HANDLE_BITS | index;
	} else {
		*err = WSAENOBUFS;
	}
	pthread_mutex_unlock(&handles.lock);
	return h;
}

static int
close_socket_handle(SOCKET h, LPINT err)
{
	struct slot *s;

	pthread_mutex_lock(&handles.lock);
	s = find(h);
	if (s != NULL) {
		s->gen++;
		s->next_free = handles.free;
		handles.free = (uint32_t)(s - handles.slots) + 1;
	}
	pthread_mutex_unlock(&handles.lock);
	if (s == NULL)
		*err = WSAENOTSOCK;
	return s == NULL ? SOCKET_ERROR : 0;
}

static int
query_context(SOCKET h, PULONG_PTR context, LPINT err)
{
	struct slot *s;

	pthread_mutex_lock(&handles.lock);
	s = find(h);
	if (s != NULL)
		*context = s->context;
	pthread_mutex_unlock(&handles.lock);
	if (s == NULL)
		*err = WSAENOTSOCK;
	return s == NULL ? SOCKET_ERROR : 0;
}

/* --- events: an eventfd in a pointer --- */

static int
event_fd(WSAEVENT ev)
{
	return (int)(intptr_t)ev;
}

/* The lowest bit of an event in a WSAOVERLAPPED has a meaning of its own, and NULL means none: only
 * even descriptors above 0 will do. Odd ones are held until one is found. */
static int
event_fd_even(int fd)
{
	int next = fd;

	while (next >= 0 && (next % 2 != 0 || next == 0)) {
		int from = next;

		next = (int)syscall(SYS_fcntl, from, F_DUPFD_CLOEXEC, from + 1);
		syscall(SYS_close, from);
	}
	return next;
}

static WSAEVENT
create_event(LPINT err)
{
	int fd = event_fd_even(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));

	if (fd < 0)
		*err = WSAENOBUFS;
	return fd < 0 ? NULL : (WSAEVENT)(intptr_t)fd;
}

static BOOL
close_event(WSAEVENT ev, LPINT err)
{
	if (ev != NULL && syscall(SYS_close, event_fd(ev)) == 0)
		return TRUE;
	*err = WSA_INVALID_HANDLE;
	return FALSE;
}

static BOOL
set_event(WSAEVENT ev, LPINT err)
{
	const uint64_t one = 1;

	if (ev != NULL &&
	    (syscall(SYS_write, event_fd(ev), &one, sizeof one) == sizeof one || errno == EAGAIN))
		return TRUE;
	*err = WSA_INVALID_HANDLE;
	return FALSE;
}

static BOOL
reset_event(WSAEVENT ev, LPINT err)
{
	uint64_t count;

	if (ev != NULL && (syscall(SYS_read, event_fd(ev), &count, sizeof count) == sizeof count ||
			      errno == EAGAIN))
		return TRUE;
	*err = WSA_INVALID_HANDLE;
	return FALSE;
}

/* Internal last: who polls it sees the other fields complete. Then the event, if there is one. */
static int
complete_request(SOCKET h, LPWSAOVERLAPPED ov, DWORD error, DWORD bytes, LPINT err)
{
	WSAEVENT ev;
	int ignored;
	ULONG_PTR context;

	if (ov == NULL || query_context(h, &context, err) != 0) {
		*err = WSAEINVAL;
		return SOCKET_ERROR;
	}
	ev = ov->hEvent;
	ov->OffsetHigh = error;
	ov->InternalHigh = bytes;
	__atomic_store_n(&ov->Internal, 0, __ATOMIC_RELEASE);
	if (ev != NULL && ((uintptr_t)ev & 1) == 0)
		(void)set_event(ev, &ignored);
	return 0;
}

LPWSPUPCALLTABLEEX
san_default_upcalls(void)
{
	static WSPUPCALLTABLEEX table = {
	    .lpWPUCloseEvent = close_event,
	    .lpWPUCloseSocketHandle = close_socket_handle,
	    .lpWPUCreateEvent = create_event,
	    .lpWPUCreateSocketHandle = create_socket_handle,
	    .lpWPUQuerySocketHandleContext = query_context,
	    .lpWPUResetEvent = reset_event,
	    .lpWPUSetEvent = set_event,
	    .lpWPUCompleteOverlappedRequest = complete_request,
	};

	return &table;
}
