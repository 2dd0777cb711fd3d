/* SPDX-License-Identifier: BSD-3-Clause */
/* Message mode: one send is one message is one receive, acknowledged before it completes; how a
 * connection ends with messages, operations and memory under way. */
#include "ends.h"

#include <poll.h>
#include <string.h>

#include "mem.h"

static uint32_t
max_message(const struct end *e)
{
	uint32_t value = 0;
	INT len = sizeof value;
	int err = 0;

	assert_int_equal(
	    rig_wsp.lpWSPGetSockOpt(e->s, SOL_SOCKET, SO_MAX_MSG_SIZE, (char *)&value, &len, &err),
	    0);
	return value;
}

static int
setup_limits(void **state)
{
	return ends_setup_with((struct fake_options){.msg_max = 1000, .no_reads = true});
}

/* --- messages --- */

/* Many sizes, both directions at once, more pending than the rings hold. */
static void
a_send_is_a_message_is_a_receive(void **state)
{
	static WSAOVERLAPPED out[2][200], in[2][200];
	const struct end *ends[2] = {&a, &b};
	uint32_t max = max_message(&a), seed = 7;
	size_t len[200];
	DWORD bytes;

	memset(out, 0, sizeof out);
	memset(in, 0, sizeof in);
	for (unsigned i = 0; i < 200; i++) {
		seed = seed * 1103515245u + 12345u;
		len[i] = i % 10 == 0 ? 0 : i % 10 == 1 ? max : (seed >> 8) % 3000;
	}
	fill(a.arena, ARENA / 2, 1);
	fill(b.arena, ARENA / 2, 2);
	for (unsigned i = 0; i < 200; i++)
		for (unsigned e = 0; e < 2; e++) {
			out[e][i].hEvent = in[e][i].hEvent = POLLED;
			/* The sends before their receives for the one, behind them for the other.
			 */
			if (e == 0)
				assert_int_equal(
				    post_send(ends[e], i * 64, len[i], &out[e][i]), WSA_IO_PENDING);
			assert_int_equal(
			    post_recv(ends[e], ARENA / 2, max, &in[e][i]), WSA_IO_PENDING);
			if (e == 1)
				assert_int_equal(
				    post_send(ends[e], i * 64, len[i], &out[e][i]), WSA_IO_PENDING);
			if (i < 100)
				continue;
			/* From here on one is waited for with each: its buffer is the next one's.
			 */
			assert_int_equal(result(ends[e], &in[e][i - 100], TRUE, &bytes), 0);
			assert_int_equal(bytes, len[i - 100]);
		}
	for (unsigned i = 0; i < 200; i++)
		for (unsigned e = 0; e < 2; e++) {
			assert_int_equal(result(ends[e], &in[e][i], TRUE, &bytes), 0);
			assert_int_equal(bytes, len[i]);
			assert_int_equal(result(ends[e], &out[e][i], TRUE, &bytes), 0);
			assert_int_equal(bytes, len[i]);
		}
	assert_int_equal(record_completions(), 0);
}

static void
messages_keep_their_bytes_and_order(void **state)
{
	static WSAOVERLAPPED out[64], in[64];
	DWORD bytes;

	memset(out, 0, sizeof out);
	memset(in, 0, sizeof in);
	fill(a.arena, ARENA, 3);
	for (unsigned i = 0; i < 64; i++) { /* upcalls this time */
		assert_int_equal(post_recv(&b, i * 4096, 4096, &in[i]), WSA_IO_PENDING);
		assert_int_equal(post_send(&a, i * 4096, 4000 + i, &out[i]), WSA_IO_PENDING);
	}
	for (unsigned i = 0; i < 64; i++) {
		assert_int_equal(result(&b, &in[i], TRUE, &bytes), 0);
		assert_int_equal(bytes, 4000 + i);
		assert_memory_equal(a.arena + i * 4096, b.arena + i * 4096, 4000 + i);
		assert_int_equal(result(&a, &out[i], TRUE, &bytes), 0);
	}
	for (int i = 0; i < 2000 && record_completions() < 128; i++)
		rig_sleep_ms(1);
	assert_int_equal(record_completions(), 128);
	for (unsigned i = 0; i < 64; i++) {
		assert_int_equal(record_completions_of(&in[i]), 1);
		assert_int_equal(record_completions_of(&out[i]), 1);
	}
}

static void
a_send_completes_when_it_is_acknowledged(void **state)
{
	WSAOVERLAPPED ov = {.hEvent = POLLED}, in = {.hEvent = POLLED};
	DWORD bytes;

	fake_hold_data(rig_fake, true);
	assert_int_equal(post_send(&a, 0, 10, &ov), WSA_IO_PENDING);
	rig_sleep_ms(20);
	assert_int_equal(result(&a, &ov, FALSE, &bytes), -1);
	fake_hold_data(rig_fake, false);
	/* Nobody has posted a receive: the message is kept. */
	assert_int_equal(result(&a, &ov, TRUE, &bytes), 0);
	assert_int_equal(bytes, 10);
	assert_int_equal(post_recv(&b, 0, 100, &in), WSA_IO_PENDING);
	assert_int_equal(result(&b, &in, TRUE, &bytes), 0);
	assert_int_equal(bytes, 10);
}

static void
recv_wsaemsgsize_loses_the_rest_of_one_message(void **state)
{
	WSAOVERLAPPED out[2] = {{.hEvent = POLLED}, {.hEvent = POLLED}},
		      in[2] = {{.hEvent = POLLED}, {.hEvent = POLLED}};
	DWORD bytes;

	fill(a.arena, 4096, 4);
	assert_int_equal(post_recv(&b, 0, 100, &in[0]), WSA_IO_PENDING);
	assert_int_equal(post_recv(&b, 512, 1000, &in[1]), WSA_IO_PENDING);
	assert_int_equal(post_send(&a, 0, 101, &out[0]), WSA_IO_PENDING);
	assert_int_equal(post_send(&a, 0, 1000, &out[1]), WSA_IO_PENDING);
	assert_int_equal(result(&b, &in[0], TRUE, &bytes), WSAEMSGSIZE);
	assert_int_equal(in[0].InternalHigh, 100);
	assert_memory_equal(b.arena, a.arena, 100);
	assert_int_equal(b.arena[100], 0);
	assert_int_equal(result(&b, &in[1], TRUE, &bytes), 0);
	assert_int_equal(bytes, 1000);
	assert_memory_equal(b.arena + 512, a.arena, 1000);
	assert_int_equal(result(&a, &out[0], TRUE, &bytes), 0);
	assert_int_equal(result(&a, &out[1], TRUE, &bytes), 0);
}

static void
send_wsaemsgsize_of_the_peers_limit(void **state)
{
	WSAOVERLAPPED ov = {.hEvent = POLLED}, in = {.hEvent = POLLED};
	uint32_t max = max_message(&a);
	DWORD bytes;

	assert_int_equal(post_send(&a, 0, max + 1, &ov), WSAEMSGSIZE);
	assert_int_equal(ov.Internal, 0);
	assert_int_equal(post_send(&a, 0, max, &ov), WSA_IO_PENDING);
	assert_int_equal(post_recv(&b, 0, max, &in), WSA_IO_PENDING);
	assert_int_equal(result(&b, &in, TRUE, &bytes), 0);
	assert_int_equal(bytes, max);
	assert_int_equal(result(&a, &ov, TRUE, &bytes), 0);
}

static void
limits_of_the_peer(void **state)
{
	WSAOVERLAPPED ov = {.hEvent = POLLED};
	WSABUFEX w = {1, (char *)a.arena, a.handle};
	uint8_t desc[24];
	DWORD len = sizeof desc;
	int err = 0;

	assert_int_equal(max_message(&a), 1000);
	assert_int_equal(post_send(&a, 0, 1001, &ov), WSAEMSGSIZE);
	assert_int_equal(expose(b.s, b.arena, 4096, MEM_READ, desc, &len, &err), 0);
	assert_int_equal(
	    rdma_read(a.s, &w, 1, desc, len, 0, NULL, 0, &ov, NULL, NULL, &err), SOCKET_ERROR);
	assert_int_equal(err, WSAEOPNOTSUPP);
}

/* --- the end --- */

static void
c6_messages_arrive_before_the_peers_end(void **state)
{
	WSAOVERLAPPED out[3], in[5];
	DWORD bytes;

	memset(out, 0, sizeof out);
	memset(in, 0, sizeof in);
	for (size_t i = 0; i < 3; i++) {
		out[i].hEvent = POLLED;
		assert_int_equal(post_send(&a, 0, 10 + i, &out[i]), WSA_IO_PENDING);
		assert_int_equal(result(&a, &out[i], TRUE, &bytes), 0);
	}
	rig_close(a.s);
	a.s = INVALID_SOCKET;
	rig_sleep_ms(50);
	for (unsigned i = 0; i < 3; i++) {
		in[i].hEvent = POLLED;
		assert_int_equal(post_recv(&b, 0, 100, &in[i]), WSA_IO_PENDING);
		assert_int_equal(result(&b, &in[i], TRUE, &bytes), 0);
		assert_int_equal(bytes, 10 + i);
	}
	assert_int_equal(post_recv(&b, 0, 100, &in[3]), WSAECONNRESET);
	assert_int_equal(post_send(&b, 0, 100, &in[4]), WSAECONNRESET);
}

static void
c6_pending_ones_end_with_the_peer(void **state)
{
	WSAOVERLAPPED out = {0}, in[2] = {{0}};
	static uint8_t desc[24];

	exposed(&a, 0, 4096, MEM_WRITE, desc);
	assert_int_equal(post_recv(&b, 0, 100, &in[0]), WSA_IO_PENDING);
	assert_int_equal(post_recv(&b, 0, 100, &in[1]), WSA_IO_PENDING);
	fake_hold_data(rig_fake, true);
	assert_int_equal(post_send(&b, 0, 100, &out), WSA_IO_PENDING);
	rig_close(a.s);
	a.s = INVALID_SOCKET;
	for (int i = 0; i < 3000 && record_completions() < 3; i++)
		rig_sleep_ms(1);
	fake_hold_data(rig_fake, false);
	assert_int_equal(record_completions(), 3);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(record_completion(i).error, WSAECONNRESET);
}

static SOCKET hook_socket;
static HANDLE hook_handle;
static int hook_failures;

/* Inside the completion of an aborted operation its memory can be given back. */
static void
deregister_in_the_upcall(const char *upcall, SOCKET handle)
{
	int err = 0;

	if (strcmp(upcall, "complete") == 0 && dereg(hook_socket, hook_handle, &err) != 0)
		hook_failures++;
}

static void
c2_memory_is_released_before_the_upcall(void **state)
{
	WSAOVERLAPPED out = {.hEvent = POLLED}, in = {0};
	DWORD bytes;

	hook_socket = b.s;
	hook_handle = b.handle;
	hook_failures = 0;
	record_hook(deregister_in_the_upcall);
	assert_int_equal(post_recv(&b, 0, 100, &in), WSA_IO_PENDING);
	assert_int_equal(post_send(&a, 0, 10, &out), WSA_IO_PENDING);
	assert_int_equal(result(&a, &out, TRUE, &bytes), 0);
	for (int i = 0; i < 2000 && mem_count() > 1; i++)
		rig_sleep_ms(1);
	record_hook(NULL);
	assert_int_equal(record_completions(), 1);
	assert_int_equal(hook_failures, 0);
	assert_int_equal(mem_count(), 1);
}

static void
c14_a_closed_sockets_memory_is_out_of_reach(void **state)
{
	WSAOVERLAPPED w = {.hEvent = POLLED}, r = {.hEvent = POLLED}, in = {0};
	uint8_t desc[24];
	DWORD bytes;

	fill(a.arena, 4096, 11);
	exposed(&b, 0, 4096, MEM_READWRITE, desc);
	assert_int_equal(post_recv(&b, 8192, 100, &in), WSA_IO_PENDING);
	fake_hold_data(rig_fake, true); /* under way, not there yet */
	assert_int_equal(post_rdma(true, &a, 0, 4096, desc, 0, &w), WSA_IO_PENDING);
	assert_int_equal(post_rdma(false, &a, 8192, 4096, desc, 0, &r), WSA_IO_PENDING);
	rig_close(b.s);
	b.s = INVALID_SOCKET;
	fake_hold_data(rig_fake, false);
	assert_int_equal(result(&a, &w, TRUE, &bytes), WSAECONNRESET);
	assert_int_equal(result(&a, &r, TRUE, &bytes), WSAECONNRESET);
	for (size_t i = 0; i < 4096; i++)
		assert_int_equal(b.arena[i], 0);
	for (int i = 0; i < 2000 && record_completions() < 1; i++)
		rig_sleep_ms(1);
	assert_int_equal(record_completion(0).error, WSA_OPERATION_ABORTED);
	assert_int_equal(record_completion(0).bytes, 0);
}

static void
c11_cleanup_takes_everything_back(void **state)
{
	static WSAOVERLAPPED in[8];
	uint8_t desc[24];

	memset(in, 0, sizeof in);
	exposed(&a, 0, 4096, MEM_READ, desc);
	for (unsigned i = 0; i < 8; i++) {
		in[i].hEvent = i % 2 != 0 ? POLLED : NULL;
		assert_int_equal(post_recv(&a, i * 8, 8, &in[i]), WSA_IO_PENDING);
	}
	a.s = b.s = INVALID_SOCKET; /* what is open, rig_end's WSPCleanup closes */
}

/* --- kinds --- */

static void
one_port_two_kinds(void **state)
{
	SOCKET stream = rig_listener(RIG_PORT, 4), message = message_listener(RIG_PORT);
	SOCKET s = rig_socket(), m = message_socket(), alone;
	char c;
	int err = 0;

	assert_int_equal(rig_connect(s, "10.77.0.1", RIG_PORT), 0);
	assert_int_equal(rig_connect(m, "10.77.0.1", RIG_PORT), 0);
	rig_close(rig_accept(stream));
	rig_close(rig_accept(message));
	rig_close(stream);
	alone = rig_socket();
	assert_int_equal(rig_connect(alone, "10.77.0.1", RIG_PORT), WSAECONNRESET);
	/* What is of streams only is refused, and the rings stay whole. */
	assert_int_equal(rig_send_some(a.s, "x", 1, 0, &err), -1);
	assert_int_equal(err, WSAEOPNOTSUPP);
	assert_int_equal(rig_recv_some(a.s, &c, 1, 0, &err), -1);
	assert_int_equal(err, WSAEOPNOTSUPP);
	assert_int_equal(rig_san->sanShutdown(a.s, SHUT_WR, &err), -1);
	assert_int_equal(err, WSAEOPNOTSUPP);
	rig_close(s);
	rig_close(m);
	rig_close(alone);
	rig_close(message);
}

static void
message_wsaeinval_without_overlapped(void **state)
{
	WSABUF w = {8, (char *)a.arena};
	DWORD bytes = 0, flags = 0;
	int err = 0;

	assert_int_equal(
	    rig_wsp.lpWSPSend(a.s, &w, 1, &bytes, 0, NULL, NULL, NULL, &err), SOCKET_ERROR);
	assert_int_equal(err, WSAEINVAL);
	assert_int_equal(
	    rig_wsp.lpWSPRecv(a.s, &w, 1, &bytes, &flags, NULL, NULL, NULL, &err), SOCKET_ERROR);
	assert_int_equal(err, WSAEINVAL);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, ends_setup, ends_teardown)
	const struct CMUnitTest tests[] = {T(a_send_is_a_message_is_a_receive),
	    T(messages_keep_their_bytes_and_order), T(a_send_completes_when_it_is_acknowledged),
	    T(recv_wsaemsgsize_loses_the_rest_of_one_message),
	    T(send_wsaemsgsize_of_the_peers_limit),
	    cmocka_unit_test_setup_teardown(limits_of_the_peer, setup_limits, ends_teardown),
	    T(c6_messages_arrive_before_the_peers_end), T(c6_pending_ones_end_with_the_peer),
	    T(c2_memory_is_released_before_the_upcall),
	    T(c14_a_closed_sockets_memory_is_out_of_reach), T(c11_cleanup_takes_everything_back),
	    T(one_port_two_kinds), T(message_wsaeinval_without_overlapped)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
