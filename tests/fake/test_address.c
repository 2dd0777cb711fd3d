/* SPDX-License-Identifier: BSD-3-Clause */
/* The SAN's own addresses change while the program runs: the list, every way of being told, and
 * what the routing decision says before and after. */
#include "rig.h"

#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "refuses.h"

#define POLLED	 ((WSAEVENT)1) /* hEvent's lowest bit: no upcall */
#define LIMIT_MS 10000

static int
count(SOCKET s)
{
	union {
		SOCKET_ADDRESS_LIST list;
		uint8_t bytes[512];
	} out;
	DWORD bytes;
	int err = 0;

	assert_int_equal(rig_wsp.lpWSPIoctl(s, SIO_ADDRESS_LIST_QUERY, NULL, 0, &out, sizeof out,
			     &bytes, NULL, NULL, NULL, &err),
	    0);
	return out.list.iAddressCount;
}

/* The code; 0 = a change has been seen. */
static int
change(SOCKET s, WSAOVERLAPPED *ov)
{
	DWORD bytes = 0;
	int err = 0, rc;

	rc = rig_wsp.lpWSPIoctl(
	    s, SIO_ADDRESS_LIST_CHANGE, NULL, 0, NULL, 0, &bytes, ov, NULL, NULL, &err);
	assert_int_equal(rc, err == 0 ? 0 : SOCKET_ERROR);
	return err;
}

static int
routed(void)
{
	struct sockaddr_storage a = rig_addr("10.78.0.9", 80);

	return rig_san->sanRouteConnect((struct sockaddr *)&a, sizeof(struct sockaddr_in));
}

static void
await_completions(unsigned n)
{
	for (int i = 0; i < LIMIT_MS && record_completions() < n; i++)
		rig_sleep_ms(1);
	assert_int_equal(record_completions(), n);
}

/* --- told by upcall --- */

static void
a_change_completes_what_waits_for_it(void **state)
{
	SOCKET s = rig_socket(), a, b;
	WSAOVERLAPPED on_fresh = {0}, on_connected = {0}, again = {0};

	rig_pair(&a, &b);
	assert_int_equal(change(s, &on_fresh), WSA_IO_PENDING);
	assert_int_equal(change(a, &on_connected), WSA_IO_PENDING);
	assert_int_equal(count(s), 3); /* that of the stopped port is not listed */
	assert_int_equal(routed(), 0);
	rig_sleep_ms(30);
	assert_int_equal(record_completions(), 0);

	fake_address_add(rig_fake, true);
	assert_int_equal(count(s), 4);
	assert_int_equal(routed(), 1); /* new connects follow at once */
	await_completions(2);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(record_completion(i).error, 0);
		assert_int_equal(record_completion(i).bytes, 0);
	}
	assert_int_equal(record_completions_of(&on_fresh), 1);
	assert_int_equal(record_completions_of(&on_connected), 1);

	/* One is for the next change, not for one that was. */
	assert_int_equal(change(s, &again), WSA_IO_PENDING);
	rig_sleep_ms(30);
	assert_int_equal(record_completions(), 2);
	fake_address_add(rig_fake, false);
	await_completions(3);
	assert_int_equal(count(s), 3);
	assert_int_equal(routed(), 0);
	rig_close(s);
	rig_close(a);
	rig_close(b);
}

static void
bytes_move_meanwhile(void **state)
{
	WSAOVERLAPPED news = {0}, recv_ov = {0};
	WSABUF w;
	SOCKET a, b;
	char in[8];
	int err = 0;

	rig_pair(&a, &b);
	assert_int_equal(change(b, &news), WSA_IO_PENDING);
	w = (WSABUF){sizeof in, in};
	(void)rig_wsp.lpWSPRecv(b, &w, 1, NULL, NULL, &recv_ov, NULL, NULL, &err);
	assert_int_equal(err, WSA_IO_PENDING);
	rig_send(a, "abc", 3);
	await_completions(1);
	assert_ptr_equal(record_completion(0).ov, &recv_ov);
	assert_int_equal(record_completion(0).bytes, 3);
	/* The end of the connection is not a change of the list. */
	rig_close(a);
	assert_true(rig_wait(b, POLLIN) != 0);
	rig_sleep_ms(30);
	assert_int_equal(record_completions(), 1);
	rig_close(b);
	assert_int_equal(record_completions(), 2);
	assert_ptr_equal(record_completion(1).ov, &news);
	assert_int_equal(record_completion(1).error, WSA_OPERATION_ABORTED);
}

static void
close_aborts_it(void **state)
{
	WSAOVERLAPPED ov[3] = {{0}, {.hEvent = POLLED}, {0}};
	SOCKET s = rig_socket();

	for (int i = 0; i < 3; i++)
		assert_int_equal(change(s, &ov[i]), WSA_IO_PENDING);
	rig_close(s);
	assert_int_equal(record_completions(), 2);
	for (unsigned i = 0; i < 2; i++)
		ENDS_WITH(WSPIoctl, WSA_OPERATION_ABORTED, (int)record_completion(i).error);
	assert_int_equal(ov[1].Internal, 0);
	assert_int_equal(ov[1].OffsetHigh, WSA_OPERATION_ABORTED);
	fake_address_add(rig_fake, true);
	fake_address_add(rig_fake, false);
	assert_int_equal(record_completions(), 2);
}

/* --- told without an upcall --- */

static void
the_result_is_polled(void **state)
{
	WSAOVERLAPPED ov = {.hEvent = POLLED};
	SOCKET s = rig_socket();
	DWORD bytes = 7, flags;
	int err = 0;

	assert_int_equal(change(s, &ov), WSA_IO_PENDING);
	assert_false(rig_wsp.lpWSPGetOverlappedResult(s, &ov, &bytes, FALSE, &flags, &err));
	assert_int_equal(err, WSA_IO_INCOMPLETE);
	fake_address_add(rig_fake, true);
	assert_true(rig_wsp.lpWSPGetOverlappedResult(s, &ov, &bytes, TRUE, &flags, &err));
	assert_int_equal(bytes, 0);
	rig_close(s);
}

struct waiter {
	SOCKET s;
	_Atomic int err;
};

static void *
wait_blocking(void *arg)
{
	struct waiter *w = arg;

	w->err = change(w->s, NULL);
	return NULL;
}

static void
a_blocking_socket_waits(void **state)
{
	struct waiter w[2] = {{rig_socket(), -1}, {rig_socket(), -1}};
	pthread_t thread[2];

	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, wait_blocking, &w[i]), 0);
	rig_sleep_ms(50);
	rig_close(w[0].s);
	pthread_join(thread[0], NULL);
	assert_int_equal(w[0].err, WSAENOTSOCK);
	/* Whether it began to wait before the change or after it: there will be another one. */
	for (bool add = true; w[1].err == -1; add = !add) {
		fake_address_add(rig_fake, add);
		rig_sleep_ms(20);
	}
	pthread_join(thread[1], NULL);
	assert_int_equal(w[1].err, 0);
	rig_close(w[1].s);
}

static bool
event_is_set(WSAEVENT ev, int wait_ms)
{
	struct pollfd p = {(int)(intptr_t)ev, POLLIN, 0};

	return poll(&p, 1, wait_ms) == 1;
}

static void
a_nonblocking_socket_gets_an_event(void **state)
{
	WSAEVENT ev = (WSAEVENT)(intptr_t)eventfd(0, EFD_NONBLOCK);
	WSANETWORKEVENTS out;
	SOCKET s = rig_socket();
	int err = 0;

	assert_int_equal(rig_wsp.lpWSPEventSelect(s, ev, FD_ADDRESS_LIST_CHANGE, &err), 0);
	fake_address_add(rig_fake, true);
	assert_false(event_is_set(ev, 50)); /* nobody asked */
	assert_int_equal(change(s, NULL), WSAEWOULDBLOCK);
	assert_false(event_is_set(ev, 50));
	fake_address_add(rig_fake, false);
	assert_true(event_is_set(ev, LIMIT_MS));
	assert_int_equal(rig_wsp.lpWSPEnumNetworkEvents(s, ev, &out, &err), 0);
	assert_int_equal(out.lNetworkEvents, FD_ADDRESS_LIST_CHANGE);
	assert_int_equal(out.iErrorCode[FD_ADDRESS_LIST_CHANGE_BIT], 0);
	fake_address_add(rig_fake, true);
	assert_false(event_is_set(ev, 50)); /* told once for each asking */
	rig_close(s);
	close((int)(intptr_t)ev);
}

static void
a_daemon_that_goes_completes_it(void **state)
{
	WSAOVERLAPPED ov = {0};
	SOCKET s = rig_socket();

	assert_int_equal(change(s, &ov), WSA_IO_PENDING);
	rig_fake_stop();
	await_completions(1);
	ENDS_WITH(WSPIoctl, WSAENETDOWN, (int)record_completion(0).error);
	rig_close(s);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)
	const struct CMUnitTest tests[] = {T(a_change_completes_what_waits_for_it),
	    T(bytes_move_meanwhile), T(close_aborts_it), T(the_result_is_polled),
	    T(a_blocking_socket_waits), T(a_nonblocking_socket_gets_an_event),
	    T(a_daemon_that_goes_completes_it)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
