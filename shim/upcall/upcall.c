/* SPDX-License-Identifier: BSD-3-Clause */
/* The default upcall table: WPU functions for programs that call the provider without a switch of
 * their own. Knows nothing about the sockets behind the handles. */
#include <sand/upcall.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "handle.h"

static SOCKET
create_socket_handle(DWORD catalog, DWORD_PTR context, LPINT err)
{
	SOCKET h = INVALID_SOCKET;
	int code = handle_create(context, &h);

	if (code == 0)
		return h;
	*err = code;
	return INVALID_SOCKET;
}

static int
outcome(int code, LPINT err)
{
	if (code == 0)
		return 0;
	*err = code;
	return SOCKET_ERROR;
}

static int
close_socket_handle(SOCKET h, LPINT err)
{
	return outcome(handle_close(h), err);
}

static int
query_context(SOCKET h, PULONG_PTR context, LPINT err)
{
	return outcome(handle_context(h, context), err);
}

int
san_socket_fd(SOCKET s)
{
	return handle_with((DWORD_PTR)s);
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

/* Internal last: who polls it sees the other fields complete. Then the event, if there is one, and
 * the handle: who is woken by either finds the operation complete. */
static int
complete_request(SOCKET h, LPWSAOVERLAPPED ov, DWORD error, DWORD bytes, LPINT err)
{
	DWORD_PTR context;
	WSAEVENT ev;
	int ignored;

	if (ov == NULL || handle_context(h, &context) != 0) {
		*err = WSAEINVAL;
		return SOCKET_ERROR;
	}
	ev = ov->hEvent;
	ov->OffsetHigh = error;
	ov->InternalHigh = bytes;
	__atomic_store_n(&ov->Internal, 0, __ATOMIC_RELEASE);
	if (ev != NULL && ((uintptr_t)ev & 1) == 0)
		(void)set_event(ev, &ignored);
	(void)handle_signal(h);
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
