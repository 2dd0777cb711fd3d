/* SPDX-License-Identifier: BSD-3-Clause */
/* Overlapped operations on stream sockets: each completes exactly once, by upcall or by its fields,
 * in order, with what it held given back first; whatever closes, breaks or ends meanwhile. The
 * names C1 ... are the invariants' of control/close.md. */
#include "rig.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "san_err.h"

#define POLLED ((WSAEVENT)1) /* hEvent's lowest bit: no upcall */

static int
post_send(SOCKET s, void *buf, size_t len, WSAOVERLAPPED *ov)
{
	WSABUF b = {len, buf};
	int err = 0;

	assert_int_equal(rig_wsp.lpWSPSend(s, &b, 1, NULL, 0, ov, NULL, NULL, &err), SOCKET_ERROR);
	return err;
}

static int
post_recv(SOCKET s, void *buf, size_t len, WSAOVERLAPPED *ov)
{
	WSABUF b = {len, buf};
	int err = 0;

	assert_int_equal(
	    rig_wsp.lpWSPRecv(s, &b, 1, NULL, NULL, ov, NULL, NULL, &err), SOCKET_ERROR);
	return err;
}

static void
await_completions(unsigned n)
{
	for (int i = 0; i < 2000 && record_completions() < n; i++)
		rig_sleep_ms(1);
	assert_int_equal(record_completions(), n);
}

/* The result of a polled operation; -1 while it is pending. */
static int
result(SOCKET s, WSAOVERLAPPED *ov, BOOL wait, DWORD *bytes)
{
	DWORD flags = 77;
	int err = 0;

	if (rig_wsp.lpWSPGetOverlappedResult(s, ov, bytes, wait, &flags, &err)) {
		assert_int_equal(flags, 0);
		return 0;
	}
	return err == WSA_IO_INCOMPLETE ? -1 : err;
}

static void
c1_each_completes_once_by_upcall(void **state)
{
	char in[64] = "", out[] = "overlapped";
	WSAOVERLAPPED s_ov = {0}, r_ov = {0};
	SOCKET a, b;

	rig_pair(&a, &b);
	assert_int_equal(post_recv(b, in, sizeof in, &r_ov), WSA_IO_PENDING);
	rig_sleep_ms(20);
	assert_int_equal(record_completions(), 0);
	assert_int_equal(post_send(a, out, sizeof out, &s_ov), WSA_IO_PENDING);
	await_completions(2);
	assert_int_equal(record_completions_of(&s_ov), 1);
	assert_int_equal(record_completions_of(&r_ov), 1);
	assert_int_equal(s_ov.InternalHigh, sizeof out);
	assert_int_equal(r_ov.InternalHigh, sizeof out);
	assert_int_equal(r_ov.OffsetHigh, 0);
	assert_string_equal(in, out);
	rig_close(a);
	rig_close(b);
	rig_sleep_ms(20);
	assert_int_equal(record_completions(), 2);
}

static void
c1_polled_ones_make_no_upcall(void **state)
{
	WSAOVERLAPPED s_ov = {.hEvent = POLLED}, r_ov = {.hEvent = POLLED};
	char in[8] = "", out[] = "polled";
	DWORD bytes = 0;
	SOCKET a, b;

	rig_pair(&a, &b);
	assert_int_equal(post_recv(b, in, sizeof in, &r_ov), WSA_IO_PENDING);
	assert_int_equal(result(b, &r_ov, FALSE, &bytes), -1);
	assert_int_equal(r_ov.Internal, WSS_OPERATION_IN_PROGRESS);
	assert_int_equal(post_send(a, out, sizeof out, &s_ov), WSA_IO_PENDING);
	assert_int_equal(result(b, &r_ov, TRUE, &bytes), 0);
	assert_int_equal(bytes, sizeof out);
	assert_string_equal(in, out);
	assert_int_equal(result(a, &s_ov, TRUE, &bytes), 0);
	assert_int_equal(bytes, sizeof out);
	/* asked again, the answer is the same */
	assert_int_equal(result(b, &r_ov, FALSE, &bytes), 0);
	rig_close(a);
	rig_close(b);
	assert_int_equal(record_completions(), 0);
}

static void
completions_keep_the_order_of_posting(void **state)
{
	WSAOVERLAPPED ov[64] = {{0}};
	char in[64][4], out[256];
	SOCKET a, b;

	for (unsigned i = 0; i < sizeof out; i++)
		out[i] = (char)i;
	rig_pair(&a, &b);
	for (unsigned i = 0; i < 64; i++)
		assert_int_equal(post_recv(b, in[i], 4, &ov[i]), WSA_IO_PENDING);
	for (unsigned i = 0; i < sizeof out; i += 32)
		rig_send(a, out + i, 32);
	await_completions(64);
	for (unsigned i = 0; i < 64; i++) {
		assert_ptr_equal(record_completion(i).ov, &ov[i]);
		assert_int_equal(record_completion(i).bytes, 4);
		assert_memory_equal(in[i], out + 4 * i, 4);
	}
	rig_close(a);
	rig_close(b);
}

static void
a_send_larger_than_the_ring_completes_whole(void **state)
{
	size_t len = 1000000, got = 0;
	char *out = malloc(len), *in = malloc(len);
	WSAOVERLAPPED ov = {0};
	SOCKET a, b;
	int err = 0;

	for (size_t i = 0; i < len; i++)
		out[i] = (char)(i * 7 + i / 251);
	rig_pair(&a, &b);
	assert_int_equal(post_send(a, out, len, &ov), WSA_IO_PENDING);
	rig_sleep_ms(20);
	assert_int_equal(record_completions(), 0); /* the ring is smaller */
	got = rig_recv(b, in, len, &err);
	assert_int_equal(got, len);
	await_completions(1);
	assert_int_equal(ov.InternalHigh, len);
	assert_memory_equal(in, out, len);
	rig_close(a);
	rig_close(b);
	free(out);
	free(in);
}

static void
c6_end_of_stream_is_success_with_no_bytes(void **state)
{
	WSAOVERLAPPED ov[3] = {{0}};
	char in[3][8] = {""};
	SOCKET a, b;

	rig_pair(&a, &b);
	for (int i = 0; i < 3; i++)
		assert_int_equal(post_recv(b, in[i], 8, &ov[i]), WSA_IO_PENDING);
	rig_send(a, "last", 4);
	rig_close(a);
	await_completions(3);
	assert_int_equal(ov[0].InternalHigh, 4);
	for (int i = 1; i < 3; i++) {
		assert_int_equal(ov[i].InternalHigh, 0);
		assert_int_equal(ov[i].OffsetHigh, 0);
	}
	rig_close(b); /* still ours until now */
}

static void
c6_a_broken_connection_ends_all_and_frees_nothing(void **state)
{
	WSAOVERLAPPED ov[3] = {{0}, {.hEvent = POLLED}, {0}};
	SOCKET a, b, handle;
	DWORD bytes = 9;
	char in[8];

	rig_pair(&a, &b);
	handle = record_last(NULL);
	for (int i = 0; i < 3; i++)
		assert_int_equal(post_recv(b, in, 8, &ov[i]), WSA_IO_PENDING);
	fake_break_all(rig_fake, SAN_ECONNRESET);
	await_completions(2);
	assert_int_equal(ov[0].OffsetHigh, WSAECONNRESET);
	assert_int_equal(ov[2].OffsetHigh, WSAECONNRESET);
	assert_int_equal(result(b, &ov[1], FALSE, &bytes), WSAECONNRESET);
	assert_int_equal(bytes, 0);
	/* the error stays, the descriptor and the handle too (I10) */
	assert_int_equal(post_recv(b, in, 8, &ov[0]), WSAECONNRESET);
	assert_int_equal(post_send(b, in, 8, &ov[0]), WSAECONNRESET);
	assert_int_equal(record_closes_of(handle), 0);
	rig_close(a);
	rig_close(b);
	assert_int_equal(record_completions(), 2);
}

static void
c3_close_aborts_what_is_pending_and_the_handle_is_last(void **state)
{
	WSAOVERLAPPED ov[4] = {{0}, {.hEvent = POLLED}, {0}, {.hEvent = POLLED}};
	SOCKET a, b, handle;
	char in[8];
	int err = 0;
	DWORD bytes;

	rig_pair(&a, &b);
	handle = record_last(NULL);
	for (int i = 0; i < 4; i++)
		assert_int_equal(post_recv(b, in, 8, &ov[i]), WSA_IO_PENDING);
	rig_close(b);
	/* polled ones are final when the call returns (I8) */
	assert_int_equal(ov[1].Internal, 0);
	assert_int_equal(ov[1].OffsetHigh, WSA_OPERATION_ABORTED);
	assert_int_equal(ov[3].InternalHigh, 0);
	await_completions(2);
	for (int i = 0; i < 2; i++) {
		assert_ptr_equal(record_completion((unsigned)i).ov, &ov[2 * i]);
		assert_int_equal(record_completion((unsigned)i).error, WSA_OPERATION_ABORTED);
		assert_int_equal(record_completion((unsigned)i).bytes, 0);
	}
	for (int i = 0; i < 1000 && record_closes_of(handle) == 0; i++)
		rig_sleep_ms(1);
	assert_int_equal(record_closes_of(handle), 1);
	assert_false(record_violated()); /* nothing came after it */
	assert_false(rig_wsp.lpWSPGetOverlappedResult(b, &ov[0], &bytes, FALSE, NULL, &err));
	assert_int_equal(err, WSAENOTSOCK);
	rig_close(a);
}

static void
c1_completed_before_the_close_keeps_its_result(void **state)
{
	WSAOVERLAPPED ov = {.hEvent = POLLED};
	SOCKET a, b;
	char in[8];

	rig_pair(&a, &b);
	rig_send(a, "x", 1);
	assert_true(rig_wait(b, POLLIN) != 0);
	assert_int_equal(post_recv(b, in, 8, &ov), WSA_IO_PENDING);
	rig_close(b);
	assert_int_equal(ov.OffsetHigh, 0);
	assert_int_equal(ov.InternalHigh, 1);
	rig_close(a);
}

/* --- inside upcalls (C8) --- */

static struct {
	SOCKET s, other;
	WSAOVERLAPPED again;
	char buf[8];
	_Atomic int posted, closed;
	_Atomic int calls;
} in_upcall;

static void
hook_close(const char *upcall, SOCKET handle)
{
	int err = 0;

	if (strcmp(upcall, "complete") != 0 || atomic_fetch_add(&in_upcall.calls, 1) != 0)
		return;
	in_upcall.posted = post_recv(in_upcall.s, in_upcall.buf, 8, &in_upcall.again);
	in_upcall.closed = rig_wsp.lpWSPCloseSocket(in_upcall.s, &err);
	rig_wsp.lpWSPCloseSocket(in_upcall.other, &err);
}

static void
c8_post_and_close_inside_an_upcall(void **state)
{
	WSAOVERLAPPED ov[2] = {{0}};
	SOCKET a, b, handle;
	char in[8];

	rig_pair(&a, &b);
	handle = record_last(NULL);
	memset(&in_upcall, 0, sizeof in_upcall);
	in_upcall.s = b;
	in_upcall.other = a;
	record_hook(hook_close);
	for (int i = 0; i < 2; i++)
		assert_int_equal(post_recv(b, in, 8, &ov[i]), WSA_IO_PENDING);
	rig_send(a, "go", 2);
	for (int i = 0; i < 2000 && record_closes_of(handle) == 0; i++)
		rig_sleep_ms(1);
	record_hook(NULL);
	assert_int_equal(in_upcall.posted, WSA_IO_PENDING);
	assert_int_equal(in_upcall.closed, 0);
	assert_int_equal(record_completions(), 3);
	assert_int_equal(record_completion(0).bytes, 2);
	assert_int_equal(record_completion(1).error, WSA_OPERATION_ABORTED);
	assert_ptr_equal(record_completion(2).ov, &in_upcall.again);
	assert_int_equal(record_closes_of(handle), 1);
	assert_false(record_violated());
}

static void
hook_cleanup(const char *upcall, SOCKET handle)
{
	int err = 0;

	if (strcmp(upcall, "complete") != 0 || atomic_fetch_add(&in_upcall.calls, 1) != 0)
		return;
	in_upcall.closed = rig_wsp.lpWSPCleanup(&err);
	/* C4: the last upcall was before this */
	in_upcall.posted = (int)record_closed();
}

static void
c4_cleanup_inside_an_upcall(void **state)
{
	static WSAOVERLAPPED ov[4];
	static char in[8];
	SOCKET a, b;
	unsigned completed;

	for (int round = 0; round < 2; round++) { /* the upcall thread's, and our own */
		WSAEVENT how = round == 0 ? NULL : POLLED;
		DWORD bytes;

		if (round != 0)
			assert_int_equal(rig_start(), 0);
		record_clear();
		memset(ov, 0, sizeof ov);
		rig_pair(&a, &b);
		memset(&in_upcall, 0, sizeof in_upcall);
		record_hook(hook_cleanup);
		for (int i = 0; i < 4; i++)
			assert_int_equal(post_recv(b, in, 8, &ov[i]), WSA_IO_PENDING);
		rig_send(a, "go", 2);
		if (how == POLLED)
			(void)result(b, &ov[0], FALSE, &bytes);
		for (int i = 0; i < 2000 && in_upcall.posted == 0; i++)
			rig_sleep_ms(1);
		completed = record_completions();
		assert_int_equal(in_upcall.closed, 0);
		assert_int_equal(in_upcall.posted, (int)record_created());
		rig_sleep_ms(50);
		assert_int_equal(record_completions(), completed);
		assert_int_equal(completed, 4);
		assert_int_equal(record_open(), 0);
		assert_false(record_violated());
		record_hook(NULL);
	}
	assert_int_equal(rig_start(), 0); /* for the teardown */
}

/* --- bad input --- */

static void
bad_arguments(void **state)
{
	WSAOVERLAPPED ov = {.hEvent = POLLED}, foreign = {.Internal = WSS_OPERATION_IN_PROGRESS};
	WSABUF many[17] = {{0}};
	SOCKET a, b, idle = rig_socket();
	DWORD bytes, flags = 0;
	char in[8];
	int err = 0;

	assert_int_equal(post_recv(idle, in, 8, &ov), WSAENOTCONN);
	assert_int_equal(post_send(idle, in, 8, &ov), WSAENOTCONN);
	rig_close(idle);
	assert_int_equal(post_recv(idle, in, 8, &ov), WSAENOTSOCK);
	assert_int_equal(ov.Internal, 0); /* a refused one was never begun (I2) */
	rig_pair(&a, &b);
	assert_int_equal(
	    rig_wsp.lpWSPRecv(a, many, 17, NULL, NULL, &ov, NULL, NULL, &err), SOCKET_ERROR);
	assert_int_equal(err, WSAEINVAL);
	assert_int_equal(
	    rig_wsp.lpWSPRecv(a, NULL, 1, NULL, NULL, &ov, NULL, NULL, &err), SOCKET_ERROR);
	assert_int_equal(err, WSAEFAULT);
	assert_int_equal(
	    rig_wsp.lpWSPSend(a, many, 1, NULL, 1, &ov, NULL, NULL, &err), SOCKET_ERROR);
	assert_int_equal(err, WSAEOPNOTSUPP);
	assert_false(rig_wsp.lpWSPGetOverlappedResult(a, NULL, &bytes, FALSE, &flags, &err));
	assert_int_equal(err, WSAEFAULT);
	assert_false(rig_wsp.lpWSPGetOverlappedResult(a, &foreign, &bytes, FALSE, &flags, &err));
	assert_int_equal(err, WSAEINVAL);
	assert_int_equal(post_recv(a, in, 8, &ov), WSA_IO_PENDING);
	assert_false(rig_wsp.lpWSPGetOverlappedResult(a, &foreign, &bytes, TRUE, &flags, &err));
	assert_int_equal(err, WSAEINVAL);
	assert_false(rig_wsp.lpWSPGetOverlappedResult(b, &ov, &bytes, FALSE, &flags, &err));
	assert_int_equal(err, WSAEINVAL); /* another socket's */
	rig_close(a);
	rig_close(b);
}

static void
operations_are_bounded_and_come_back(void **state)
{
	static WSAOVERLAPPED ov[4097];
	static char in[1];
	SOCKET a, b;

	for (int round = 0; round < 3; round++) {
		rig_pair(&a, &b);
		for (int i = 0; i < 4097; i++) {
			ov[i] = (WSAOVERLAPPED){.hEvent = POLLED};
			assert_int_equal(
			    post_recv(a, in, 1, &ov[i]), i < 4096 ? WSA_IO_PENDING : WSAENOBUFS);
		}
		rig_close(a);
		rig_close(b);
	}
}

/* --- everything at once (C9) --- */

#define STORM_OPS 400

struct storm {
	SOCKET s;
	WSAOVERLAPPED ov[STORM_OPS];
	_Atomic int posted; /* of them, from the first */
	_Atomic int closes;
	uint32_t seed;
};

static void *
storm_post(void *arg)
{
	struct storm *st = arg;
	static char buf[256];

	for (int i = 0; i < STORM_OPS; i++) {
		WSAOVERLAPPED *ov = &st->ov[i];
		int err;

		ov->hEvent = i % 3 == 0 ? POLLED : NULL;
		err = i % 2 == 0 ? post_recv(st->s, buf, 16, ov) : post_send(st->s, buf, 16, ov);
		if (err != WSA_IO_PENDING)
			break;
		st->posted = i + 1;
	}
	return NULL;
}

static void *
storm_poll(void *arg)
{
	struct storm *st = arg;
	DWORD bytes;

	for (int i = 0, idle = 0; i < STORM_OPS && idle < 10000; idle++)
		if (i < st->posted && result(st->s, &st->ov[i++], FALSE, &bytes) == WSAENOTSOCK)
			break;
	return NULL;
}

static void *
storm_close(void *arg)
{
	struct storm *st = arg;
	int err = 0;

	for (uint32_t i = 0; i < st->seed % 1000 * 20; i++)
		atomic_signal_fence(memory_order_seq_cst);
	if (rig_wsp.lpWSPCloseSocket(st->s, &err) == 0)
		atomic_fetch_add(&st->closes, 1);
	else
		assert_int_equal(err, WSAENOTSOCK);
	return NULL;
}

static void
c9_threads_post_poll_and_close_at_once(void **state)
{
	for (uint32_t seed = 1; seed <= 60; seed++) {
		struct storm *st = calloc(1, sizeof *st);
		pthread_t t[4];
		SOCKET a, b, handle;

		record_clear();
		rig_pair(&a, &b);
		handle = record_last(NULL);
		st->s = b;
		st->seed = seed * 2654435761u;
		pthread_create(&t[0], NULL, storm_post, st);
		pthread_create(&t[1], NULL, storm_poll, st);
		pthread_create(&t[2], NULL, storm_close, st);
		pthread_create(&t[3], NULL, storm_close, st);
		for (unsigned i = 0; i < seed % 8; i++)
			(void)rig_send_some(a, "0123456789abcdef", 16, 0, &(int){0});
		for (int i = 0; i < 4; i++)
			pthread_join(t[i], NULL);
		assert_int_equal(st->closes, 1);
		for (int i = 0; i < 2000 && record_closes_of(handle) == 0; i++)
			rig_sleep_ms(1);
		assert_int_equal(record_closes_of(handle), 1);
		assert_false(record_violated());
		for (int i = 0; i < st->posted; i++) {
			assert_int_equal(st->ov[i].Internal, 0);
			assert_int_equal(record_completions_of(&st->ov[i]), i % 3 == 0 ? 0 : 1);
		}
		rig_close(a);
		free(st);
	}
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)
	const struct CMUnitTest tests[] = {
	    T(c1_each_completes_once_by_upcall),
	    T(c1_polled_ones_make_no_upcall),
	    T(c1_completed_before_the_close_keeps_its_result),
	    T(completions_keep_the_order_of_posting),
	    T(a_send_larger_than_the_ring_completes_whole),
	    T(c6_end_of_stream_is_success_with_no_bytes),
	    T(c6_a_broken_connection_ends_all_and_frees_nothing),
	    T(c3_close_aborts_what_is_pending_and_the_handle_is_last),
	    T(c8_post_and_close_inside_an_upcall),
	    T(c4_cleanup_inside_an_upcall),
	    T(bad_arguments),
	    T(operations_are_bounded_and_come_back),
	    T(c9_threads_post_poll_and_close_at_once),
	};

	return cmocka_run_group_tests_name("overlapped", tests, NULL, NULL);
}
