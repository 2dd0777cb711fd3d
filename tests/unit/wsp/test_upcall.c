/* SPDX-License-Identifier: BSD-3-Clause */
/* The default upcall table: handles, events, completions. */
#include "test.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sand/upcall.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static WSPUPCALLTABLEEX *up;

static int
setup(void **state)
{
	up = san_default_upcalls();
	return 0;
}

static void
required_upcalls_are_there(void **state)
{
	assert_non_null(up->lpWPUCloseSocketHandle);
	assert_non_null(up->lpWPUCreateSocketHandle);
	assert_non_null(up->lpWPUCompleteOverlappedRequest);
	assert_non_null(up->lpWPUQuerySocketHandleContext);
	assert_null(up->lpWPUModifyIFSHandle);
}

static void
handles_are_never_mistaken(void **state)
{
	SOCKET h[500], again;
	ULONG_PTR context;
	int err = 0, foreign;

	for (uintptr_t i = 0; i < 500; i++) {
		h[i] = up->lpWPUCreateSocketHandle(0, i * 3, &err);
		assert_true(h[i] != INVALID_SOCKET);
	}
	for (uintptr_t i = 0; i < 500; i++) {
		assert_int_equal(up->lpWPUQuerySocketHandleContext(h[i], &context, &err), 0);
		assert_int_equal(context, i * 3);
	}
	assert_int_equal(up->lpWPUCloseSocketHandle(h[7], &err), 0);
	assert_int_equal(up->lpWPUCloseSocketHandle(h[7], &err), SOCKET_ERROR);
	assert_int_equal(err, WSAENOTSOCK);
	err = 0;
	assert_int_equal(up->lpWPUQuerySocketHandleContext(h[7], &context, &err), SOCKET_ERROR);
	assert_int_equal(err, WSAENOTSOCK);
	/* Its number is another file's now: still none of ours. */
	foreign = dup(STDERR_FILENO);
	assert_int_equal(foreign, (int)h[7]);
	assert_int_equal(up->lpWPUQuerySocketHandleContext(h[7], &context, &err), SOCKET_ERROR);
	assert_int_equal(up->lpWPUCloseSocketHandle(h[7], &err), SOCKET_ERROR);
	assert_int_equal(fcntl(foreign, F_GETFD), 0);
	close(foreign);
	again = up->lpWPUCreateSocketHandle(0, 1, &err);
	assert_int_equal(up->lpWPUQuerySocketHandleContext(again, &context, &err), 0);
	assert_int_equal(context, 1);
	assert_int_equal(
	    up->lpWPUQuerySocketHandleContext(INVALID_SOCKET, &context, &err), SOCKET_ERROR);
	assert_int_equal(up->lpWPUQuerySocketHandleContext(0, &context, &err), SOCKET_ERROR);
	h[7] = again;
	for (int i = 0; i < 500; i++)
		assert_int_equal(up->lpWPUCloseSocketHandle(h[i], &err), 0);
}

static void
events_are_even_eventfds(void **state)
{
	WSAEVENT ev[4];
	int err = 0;

	for (int i = 0; i < 4; i++) {
		struct pollfd p = {.events = POLLIN};

		ev[i] = up->lpWPUCreateEvent(&err);
		assert_non_null(ev[i]);
		assert_int_equal((uintptr_t)ev[i] & 1, 0);
		p.fd = (int)(intptr_t)ev[i];
		assert_true(up->lpWPUResetEvent(ev[i], &err)); /* already reset: no error */
		assert_int_equal(poll(&p, 1, 0), 0);
		assert_true(up->lpWPUSetEvent(ev[i], &err));
		assert_true(up->lpWPUSetEvent(ev[i], &err));
		assert_int_equal(poll(&p, 1, 0), 1);
		assert_true(up->lpWPUResetEvent(ev[i], &err));
		assert_int_equal(poll(&p, 1, 0), 0);
	}
	for (int i = 0; i < 4; i++)
		assert_true(up->lpWPUCloseEvent(ev[i], &err));
	assert_false(up->lpWPUCloseEvent(ev[0], &err));
	assert_int_equal(err, WSA_INVALID_HANDLE);
	assert_false(up->lpWPUSetEvent(NULL, &err));
}

static void
completion_fills_the_operation(void **state)
{
	WSAOVERLAPPED ov = {.Internal = WSS_OPERATION_IN_PROGRESS};
	int err = 0;
	SOCKET h = up->lpWPUCreateSocketHandle(0, 0, &err);
	struct pollfd p = {.events = POLLIN};

	ov.hEvent = up->lpWPUCreateEvent(&err);
	p.fd = (int)(intptr_t)ov.hEvent;
	assert_int_equal(up->lpWPUCompleteOverlappedRequest(h, &ov, WSAECONNRESET, 12, &err), 0);
	assert_int_equal(ov.Internal, 0);
	assert_int_equal(ov.InternalHigh, 12);
	assert_int_equal(ov.OffsetHigh, WSAECONNRESET);
	assert_int_equal(poll(&p, 1, 0), 1);
	assert_true(up->lpWPUCloseEvent(ov.hEvent, &err));
	assert_int_equal(up->lpWPUCloseSocketHandle(h, &err), 0);
	assert_int_equal(up->lpWPUCompleteOverlappedRequest(h, &ov, 0, 0, &err), SOCKET_ERROR);
	assert_int_equal(err, WSAEINVAL);
}

static uint64_t
take(int fd)
{
	uint64_t n = 0;

	return read(fd, &n, sizeof n) == sizeof n ? n : 0;
}

static bool
readable(int fd)
{
	struct pollfd p = {fd, POLLIN, 0};

	return poll(&p, 1, 0) == 1 && p.revents == POLLIN;
}

static void
handle_counts_completions(void **state)
{
	WSAOVERLAPPED ov = {.Internal = WSS_OPERATION_IN_PROGRESS};
	int err = 0, ep = epoll_create1(EPOLL_CLOEXEC), fd, other;
	SOCKET h = up->lpWPUCreateSocketHandle(0, 77, &err);
	SOCKET k = up->lpWPUCreateSocketHandle(0, 78, &err);
	struct epoll_event ev = {.events = EPOLLIN};

	fd = san_socket_fd(77);
	other = san_socket_fd(78);
	assert_int_equal(fd, h);
	assert_int_equal(other, k);
	assert_int_equal(san_socket_fd(79), -1);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	ev.data.fd = fd;
	assert_int_equal(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev), 0);
	assert_int_equal(epoll_wait(ep, &ev, 1, 0), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(up->lpWPUCompleteOverlappedRequest(h, &ov, 0, 1, &err), 0);
	assert_int_equal(epoll_wait(ep, &ev, 1, 0), 1);
	assert_int_equal(ev.data.fd, fd);
	assert_true(readable(fd));
	assert_false(readable(other));
	assert_int_equal(take(fd), 3);
	assert_false(readable(fd));
	assert_int_equal(epoll_wait(ep, &ev, 1, 0), 0);
	assert_int_equal(up->lpWPUCloseSocketHandle(h, &err), 0);
	assert_int_equal(san_socket_fd(77), -1);
	assert_int_equal(fcntl(fd, F_GETFD), -1); /* closed with the handle, not left behind */
	assert_int_equal(up->lpWPUCloseSocketHandle(k, &err), 0);
	close(ep);
}

static void
handle_may_be_the_event(void **state)
{
	int err = 0;
	SOCKET h = up->lpWPUCreateSocketHandle(0, 5, &err);
	WSAEVENT ev = (WSAEVENT)(intptr_t)h;

	assert_true(up->lpWPUSetEvent(ev, &err));
	assert_true(readable((int)h));
	assert_true(up->lpWPUResetEvent(ev, &err));
	assert_false(readable((int)h));
	assert_int_equal(up->lpWPUCloseSocketHandle(h, &err), 0);
}

static void
a_child_counts_for_itself(void **state)
{
	WSAOVERLAPPED ov = {0};
	int err = 0, status = -1, fd;
	SOCKET h = up->lpWPUCreateSocketHandle(0, 9, &err);
	pid_t pid;

	fd = san_socket_fd(9);
	assert_int_equal(up->lpWPUCompleteOverlappedRequest(h, &ov, 0, 0, &err), 0);
	pid = fork();
	if (pid == 0) {
		bool good =
		    san_socket_fd(9) == fd && !readable(fd) && fcntl(fd, F_GETFD) == FD_CLOEXEC;

		for (int i = 0; i < 2; i++)
			good &= up->lpWPUCompleteOverlappedRequest(h, &ov, 0, 0, &err) == 0;
		good &= take(fd) == 2;
		good &= up->lpWPUCloseSocketHandle(h, &err) == 0;
		_exit(good ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(take(fd), 1);
	assert_int_equal(up->lpWPUCloseSocketHandle(h, &err), 0);
}

static void
out_of_descriptors(void **state)
{
	struct rlimit old, none;
	ULONG_PTR context;
	SOCKET h[64];
	int err = 0, n = 0, top = dup(0);

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	none = old;
	none.rlim_cur = (rlim_t)top + 4;
	close(top);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	while (n < 64 && (h[n] = up->lpWPUCreateSocketHandle(0, 0, &err)) != INVALID_SOCKET)
		n++;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	assert_in_range(n, 1, 63);
	assert_int_equal(err, WSAEMFILE);
	for (int i = 0; i < n; i++) {
		assert_int_equal(up->lpWPUQuerySocketHandleContext(h[i], &context, &err), 0);
		assert_int_equal(up->lpWPUCloseSocketHandle(h[i], &err), 0);
	}
}

static void *
churn(void *arg)
{
	for (int i = 0; i < 5000; i++) {
		int err = 0;
		SOCKET h = up->lpWPUCreateSocketHandle(0, (DWORD_PTR)arg, &err);
		ULONG_PTR context = 0;

		if (up->lpWPUQuerySocketHandleContext(h, &context, &err) != 0 ||
		    context != (DWORD_PTR)arg || up->lpWPUCloseSocketHandle(h, &err) != 0)
			return arg;
	}
	return NULL;
}

static void
threads_do_not_mix(void **state)
{
	pthread_t thread[4];
	void *failed;

	for (uintptr_t i = 0; i < 4; i++)
		pthread_create(&thread[i], NULL, churn, (void *)(i + 1));
	for (int i = 0; i < 4; i++) {
		pthread_join(thread[i], &failed);
		assert_null(failed);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(required_upcalls_are_there),
	    cmocka_unit_test(handles_are_never_mistaken),
	    cmocka_unit_test(events_are_even_eventfds),
	    cmocka_unit_test(completion_fills_the_operation),
	    cmocka_unit_test(handle_counts_completions), cmocka_unit_test(handle_may_be_the_event),
	    cmocka_unit_test(a_child_counts_for_itself), cmocka_unit_test(out_of_descriptors),
	    cmocka_unit_test(threads_do_not_mix)};

	return cmocka_run_group_tests(tests, setup, NULL);
}
