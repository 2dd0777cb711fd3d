/* SPDX-License-Identifier: BSD-3-Clause */
/* The default upcall table: handles, events, completions. */
#include "test.h"

#include <poll.h>
#include <pthread.h>
#include <sand/upcall.h>
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
	int err = 0;

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
	again = up->lpWPUCreateSocketHandle(0, 1, &err); /* same place, another handle */
	assert_true(again != h[7]);
	err = 0;
	assert_int_equal(up->lpWPUQuerySocketHandleContext(h[7], &context, &err), SOCKET_ERROR);
	assert_int_equal(err, WSAENOTSOCK);
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
	    cmocka_unit_test(completion_fills_the_operation), cmocka_unit_test(threads_do_not_mix)};

	return cmocka_run_group_tests(tests, setup, NULL);
}
