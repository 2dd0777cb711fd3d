/* SPDX-License-Identifier: BSD-3-Clause */
/* Registered memory and RDMA: what may be used by operations and reached by the peer, until when,
 * and what each function refuses. */
#include "ends.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "mem.h"
#include "op_pool.h"

/* --- registered memory --- */

static void
send_wsaefault_outside_registered_memory(void **state)
{
	static char stray[64];
	WSAOVERLAPPED ov = {.hEvent = POLLED};
	WSABUF two[2] = {{8, (char *)a.arena}, {8, stray}};
	HANDLE read_only;
	int err = 0;

	assert_int_equal(
	    rig_wsp.lpWSPSend(a.s, two, 2, NULL, 0, &ov, NULL, NULL, &err), SOCKET_ERROR);
	assert_int_equal(err, WSAEFAULT);
	assert_int_equal(post_send(&a, ARENA - 8, 9, &ov), WSAEFAULT); /* one byte too far */
	assert_int_equal(
	    rig_wsp.lpWSPRecv(a.s, &two[1], 1, NULL, NULL, &ov, NULL, NULL, &err), SOCKET_ERROR);
	assert_int_equal(err, WSAEFAULT);
	/* The registration of another socket is not ours. */
	two[1].buf = (char *)b.arena;
	assert_int_equal(
	    rig_wsp.lpWSPSend(a.s, &two[1], 1, NULL, 0, &ov, NULL, NULL, &err), SOCKET_ERROR);
	assert_int_equal(err, WSAEFAULT);
	/* Memory for sending is not for receiving. */
	read_only = reg(a.s, stray, sizeof stray, MEM_READ, &err);
	assert_non_null(read_only);
	two[1].buf = stray;
	assert_int_equal(
	    rig_wsp.lpWSPRecv(a.s, &two[1], 1, NULL, NULL, &ov, NULL, NULL, &err), SOCKET_ERROR);
	assert_int_equal(err, WSAEFAULT);
	/* What was refused holds nothing. */
	assert_int_equal(dereg(a.s, read_only, &err), 0);
	assert_int_equal(dereg(a.s, a.handle, &err), 0);
}

static void
registering_counts(void **state)
{
	HANDLE h = reg(a.s, a.arena, ARENA, MEM_READWRITE, &(int){0}), other;
	static WSAOVERLAPPED ov; /* outlives this function: closing aborts it */
	int err = 0;

	ov = (WSAOVERLAPPED){.hEvent = POLLED};
	assert_ptr_equal(h, a.handle);
	other = reg(a.s, a.arena, ARENA, MEM_READ, &err);
	assert_ptr_not_equal(other, h);
	assert_int_equal(mem_count(), 3);
	assert_int_equal(dereg(a.s, h, &err), 0);
	assert_int_equal(post_recv(&a, 0, 10, &ov), WSA_IO_PENDING); /* still registered */
	assert_int_equal(dereg(a.s, h, &err), SOCKET_ERROR);	     /* and in use now */
	assert_int_equal(err, WSAEINVAL);
	assert_int_equal(dereg(a.s, other, &err), 0);
	assert_int_equal(dereg(a.s, other, &err), SOCKET_ERROR);
	assert_int_equal(err, WSAEINVAL);
	assert_int_equal(dereg(b.s, h, &err), SOCKET_ERROR); /* of another socket */
	assert_int_equal(err, WSAEINVAL);
	for (unsigned i = 1; i < 5; i++) /* entries are used again, handles are not */
		assert_ptr_not_equal(reg(a.s, b.arena, i * 8, MEM_READ, &err), other);
}

static const struct {
	size_t len;
	DWORD flags;
	bool nothing_there;
	int want;
} bad_ranges[] = {{0, MEM_READ, false, WSAEFAULT}, {4096, MEM_READ, true, WSAEFAULT},
    {4096, 0, false, WSAEINVAL}, {4096, 4, false, WSAEINVAL}, {ARENA, 7, false, WSAEINVAL}};

static void
registering_refuses(void **state)
{
	void *hole = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	SOCKET fresh = message_socket();
	uint8_t desc[24];
	int err = 0;

	munmap(hole, 4096);
	for (unsigned i = 0; i < sizeof bad_ranges / sizeof bad_ranges[0]; i++) {
		void *at = bad_ranges[i].nothing_there ? hole : a.arena;
		DWORD len = (DWORD)bad_ranges[i].len, desc_len = sizeof desc;

		err = 0;
		assert_null(reg(a.s, at, len, bad_ranges[i].flags, &err));
		assert_int_equal(err, bad_ranges[i].want);
		assert_int_equal(
		    expose(a.s, at, len, bad_ranges[i].flags, desc, &desc_len, &err), SOCKET_ERROR);
		assert_int_equal(err, bad_ranges[i].want);
	}
	assert_null(reg(fresh, a.arena, 10, MEM_READ, &err));
	assert_int_equal(err, WSAENOTCONN);
	assert_int_equal(
	    expose(fresh, a.arena, 10, MEM_READ, desc, &(DWORD){24}, &err), SOCKET_ERROR);
	assert_int_equal(err, WSAENOTCONN);
	rig_close(fresh);
	assert_null(reg(fresh, a.arena, 10, MEM_READ, &err));
	assert_int_equal(err, WSAENOTSOCK);
}

static void
registering_wsaenobufs_at_the_limit(void **state)
{
	unsigned n = 0;
	uint8_t desc[24];
	DWORD len = sizeof desc;
	int err = 0;

	while (n < 2 * MEM_MAX && reg(a.s, a.arena, ++n, MEM_READ, &err) != NULL)
		;
	assert_int_equal(err, WSAENOBUFS);
	assert_int_equal(mem_count(), MEM_MAX);
	for (n = 1; n < 200; n++) /* the daemon's limit */
		if (expose(a.s, a.arena, n, MEM_READ, desc, &len, &err) != 0)
			break;
	assert_int_equal(err, WSAENOBUFS);
}

/* --- RDMA --- */

/* Far more than the rings hold, and what is announced behind it finds it done. */
static void
rdma_moves_bulk_and_a_message_behind_it_waits(void **state)
{
	const size_t len = 300001;
	WSAOVERLAPPED w = {.hEvent = POLLED}, r = {.hEvent = POLLED}, m[2], in[2];
	uint8_t target[24], source[24];
	DWORD bytes;

	memset(m, 0, sizeof m);
	memset(in, 0, sizeof in);
	for (int i = 0; i < 2; i++)
		m[i].hEvent = in[i].hEvent = POLLED;
	fill(a.arena, len, 5);
	fill(b.arena + ARENA / 2, len, 6);
	exposed(&b, 0, ARENA / 2, MEM_WRITE, target);
	exposed(&b, ARENA / 2, ARENA / 2, MEM_READ, source);
	for (int i = 0; i < 2; i++)
		assert_int_equal(
		    post_recv(&b, ARENA - 64 + (size_t)i * 8, 8, &in[i]), WSA_IO_PENDING);
	assert_int_equal(post_rdma(true, &a, 0, len, target, 3, &w), WSA_IO_PENDING);
	assert_int_equal(post_send(&a, 0, 1, &m[0]), WSA_IO_PENDING);
	assert_int_equal(post_rdma(false, &a, ARENA / 2, len, source, 7, &r), WSA_IO_PENDING);
	assert_int_equal(post_send(&a, 0, 2, &m[1]), WSA_IO_PENDING);
	while (result(&b, &in[0], FALSE, &bytes) == -1)
		(void)result(&a, &w, FALSE, &bytes); /* it has more records than the ring room */
	assert_memory_equal(b.arena + 3, a.arena, len);
	assert_int_equal(b.arena[2], 0);
	assert_int_equal(b.arena[3 + len], 0);
	assert_int_equal(result(&a, &w, TRUE, &bytes), 0);
	assert_int_equal(bytes, len);
	/* Sent behind the read: at the peer only when the read was done. */
	while (result(&b, &in[1], FALSE, &bytes) == -1)
		(void)result(&a, &r, FALSE, &bytes);
	assert_int_equal(result(&a, &r, FALSE, &bytes), 0);
	assert_int_equal(bytes, len);
	assert_memory_equal(a.arena + ARENA / 2, b.arena + ARENA / 2 + 7, len);
	for (int i = 0; i < 2; i++)
		assert_int_equal(result(&a, &m[i], TRUE, &bytes), 0);
}

static void
reads_do_not_wait_for_receives(void **state)
{
	WSAOVERLAPPED m[3], r = {.hEvent = POLLED}, in = {.hEvent = POLLED};
	uint8_t source[24];
	DWORD bytes;

	memset(m, 0, sizeof m);
	fill(b.arena, 4096, 8);
	exposed(&b, 0, 4096, MEM_READ, source);
	for (int i = 0; i < 3; i++) { /* unread messages in front of the answer, one behind */
		m[i].hEvent = POLLED;
		assert_int_equal(post_send(&b, 0, 100 + (size_t)i, &m[i]), WSA_IO_PENDING);
		assert_int_equal(result(&b, &m[i], TRUE, &bytes), 0);
		if (i != 1)
			continue;
		assert_int_equal(post_rdma(false, &a, 8192, 4096, source, 0, &r), WSA_IO_PENDING);
		assert_int_equal(result(&a, &r, TRUE, &bytes), 0);
		assert_memory_equal(a.arena + 8192, b.arena, 4096);
	}
	for (DWORD i = 0; i < 3; i++) {
		in = (WSAOVERLAPPED){.hEvent = POLLED};
		assert_int_equal(post_recv(&a, 0, 200, &in), WSA_IO_PENDING);
		assert_int_equal(result(&a, &in, TRUE, &bytes), 0);
		assert_int_equal(bytes, 100 + i);
		assert_memory_equal(a.arena, b.arena, 100);
	}
}

static void
rdma_size_probe_wsaefault(void **state)
{
	uint8_t desc[32];
	DWORD len;
	int err = 0;

	for (DWORD n = 0; n < 24; n++) {
		len = n;
		assert_int_equal(
		    expose(a.s, a.arena, 64, MEM_READ, desc, &len, &err), SOCKET_ERROR);
		assert_int_equal(err, WSAEFAULT);
		assert_int_equal(len, 24);
	}
	len = 24;
	assert_int_equal(expose(a.s, a.arena, 64, MEM_READ, NULL, &len, &err), SOCKET_ERROR);
	assert_int_equal(err, WSAEFAULT);
	assert_int_equal(expose(a.s, a.arena, 64, MEM_READ, desc, NULL, &err), SOCKET_ERROR);
	assert_int_equal(err, WSAEFAULT);
	len = 32;
	assert_int_equal(expose(a.s, a.arena, 64, MEM_READ, desc, &len, &err), 0);
	assert_int_equal(len, 24);
}

/* What a peer without descriptors would tell, and be told, of the same memory. */
static void
memory_has_a_name_for_foreign_peers(void **state)
{
	WSAOVERLAPPED ov = {.hEvent = POLLED};
	uint8_t desc[SAN_DESCRIPTOR_BYTES], made[SAN_DESCRIPTOR_BYTES];
	uint64_t addr = 0, len = 0;
	uint32_t key = 0;
	DWORD bytes;
	int err = 0;

	exposed(&b, 64, 4096, MEM_WRITE, desc);
	assert_int_equal(rig_san->sanMemoryNamed(desc, &addr, &len, &key, &err), 0);
	assert_int_equal(addr, (uintptr_t)b.arena + 64);
	assert_int_equal(len, 4096);
	fill(a.arena, 4096, 9);
	rig_san->sanMemoryForeign(made, addr + 96, 4000, key);
	assert_int_equal(post_rdma(true, &a, 0, 4000, made, 0, &ov), WSA_IO_PENDING);
	assert_int_equal(result(&a, &ov, TRUE, &bytes), 0);
	assert_memory_equal(b.arena + 160, a.arena, 4000);
	/* Beyond its end; where addresses end. */
	assert_int_equal(post_rdma(true, &a, 0, 4000, made, 1, &ov), WSAEINVAL);
	rig_san->sanMemoryForeign(made, UINT64_MAX - 10, 4000, key);
	assert_int_equal(post_rdma(true, &a, 0, 8, made, 0, &ov), WSAEINVAL);
	desc[0] ^= 1;
	assert_int_equal(rig_san->sanMemoryNamed(desc, &addr, &len, &key, &err), -1);
	assert_int_equal(err, WSAEINVAL);
}

static void
rdma_refuses(void **state)
{
	WSAOVERLAPPED ov = {.hEvent = POLLED};
	WSABUFEX w[17] = {{8, (char *)a.arena, a.handle}};
	uint8_t desc[24], bad[24];
	int err = 0;

	exposed(&b, 0, 4096, MEM_WRITE, desc);
	memcpy(bad, desc, 24);
	bad[0] ^= 1;
	w[1] = (WSABUFEX){8, (char *)a.arena, b.handle};
	w[2] = (WSABUFEX){8, (char *)b.arena, a.handle};
	w[3] = (WSABUFEX){8, (char *)a.arena, NULL};
	w[4] = (WSABUFEX){4097, (char *)a.arena, a.handle};
	const struct {
		SOCKET s;
		WSABUFEX *w;
		DWORD count;
		void *desc;
		DWORD desc_len, offset, flags;
		WSAOVERLAPPED *ov;
		int want;
	} calls[] = {{a.s, w, 1, bad, 24, 0, 0, &ov, WSAEINVAL},
	    {a.s, w, 1, desc, 23, 0, 0, &ov, WSAEINVAL},
	    {a.s, w, 1, NULL, 24, 0, 0, &ov, WSAEINVAL},
	    {a.s, w, 1, desc, 24, 4089, 0, &ov, WSAEINVAL},
	    {a.s, w, 1, desc, 24, 4097, 0, &ov, WSAEINVAL},
	    {a.s, w + 4, 1, desc, 24, 0, 0, &ov, WSAEINVAL},
	    {a.s, w + 1, 1, desc, 24, 0, 0, &ov, WSAEINVAL},
	    {a.s, w + 2, 1, desc, 24, 0, 0, &ov, WSAEFAULT},
	    {a.s, w + 3, 1, desc, 24, 0, 0, &ov, WSAEINVAL},
	    {a.s, NULL, 1, desc, 24, 0, 0, &ov, WSAEFAULT},
	    {a.s, w, 17, desc, 24, 0, 0, &ov, WSAEINVAL},
	    {a.s, w, 1, desc, 24, 0, 0, NULL, WSAEINVAL},
	    {a.s, w, 1, desc, 24, 0, 1, &ov, WSAEOPNOTSUPP},
	    {INVALID_SOCKET, w, 1, desc, 24, 0, 0, &ov, WSAENOTSOCK}};

	for (unsigned i = 0; i < sizeof calls / sizeof calls[0]; i++)
		for (int write = 0; write < 2; write++) {
			err = 0;
			assert_int_equal(
			    (write ? rdma_write : rdma_read)(calls[i].s, calls[i].w, calls[i].count,
				calls[i].desc, calls[i].desc_len, calls[i].offset, NULL,
				calls[i].flags, calls[i].ov, NULL, NULL, &err),
			    SOCKET_ERROR);
			assert_int_equal(err, calls[i].want);
		}
	/* Longer than one operation may be, though such memory there may be. */
	w[0].len = (1ul << 30) + 1;
	assert_int_equal(
	    rdma_write(a.s, w, 1, desc, 24, 0, NULL, 0, &ov, NULL, NULL, &err), SOCKET_ERROR);
	assert_int_equal(err, WSAEMSGSIZE);
	assert_int_equal(op_pool_used(), 0);
}

static void
withdrawn_memory_is_out_of_reach(void **state)
{
	WSAOVERLAPPED w = {.hEvent = POLLED}, in = {.hEvent = POLLED};
	uint8_t desc[24];
	DWORD bytes;
	int err = 0;

	fill(a.arena, 64, 9);
	exposed(&b, 0, 4096, MEM_WRITE, desc);
	exposed(&b, 0, 4096, MEM_WRITE, desc); /* twice: the first to go changes nothing */
	assert_int_equal(withdraw(b.s, desc, 24, &err), 0);
	assert_int_equal(post_rdma(true, &a, 0, 8, desc, 0, &w), WSA_IO_PENDING);
	assert_int_equal(result(&a, &w, TRUE, &bytes), 0);
	assert_memory_equal(b.arena, a.arena, 8);
	assert_int_equal(post_recv(&b, 8192, 8, &in), WSA_IO_PENDING);
	assert_int_equal(withdraw(b.s, desc, 24, &err), 0);
	assert_int_equal(post_rdma(true, &a, 0, 64, desc, 0, &w), WSA_IO_PENDING);
	assert_int_equal(result(&a, &w, TRUE, &bytes), WSAECONNABORTED);
	assert_int_equal(b.arena[8], 0);
	assert_int_equal(result(&b, &in, TRUE, &bytes), WSAECONNRESET);
	assert_int_equal(withdraw(b.s, desc, 24, &err), SOCKET_ERROR);
	assert_int_equal(err, WSAEINVAL);
	assert_int_equal(withdraw(b.s, desc, 5, &err), SOCKET_ERROR);
	assert_int_equal(err, WSAEINVAL);
	assert_int_equal(withdraw(b.s, NULL, 24, &err), SOCKET_ERROR);
	assert_int_equal(err, WSAEINVAL);
}

static void
cache_callback_finds_what_is_registered(void **state)
{
	static char elsewhere[64];
	uint8_t desc[24];
	int err = 0;

	assert_int_equal(cache(a.arena + 100, 1, &err), SOCKET_ERROR);
	assert_int_equal(err, WSAEFAULT);
	assert_int_equal(cache(elsewhere, sizeof elsewhere, &err), SOCKET_ERROR);
	assert_int_equal(err, WSAEINVAL);
	assert_int_equal(
	    expose(a.s, elsewhere, sizeof elsewhere, MEM_READ, desc, &(DWORD){24}, &err), 0);
	assert_int_equal(cache(elsewhere, sizeof elsewhere, &err), SOCKET_ERROR);
	assert_int_equal(err, WSAEFAULT);
}

/* Bytes behind a read that cannot begin are not sent, and the peer's reads them not before. */
static void
a_stream_keeps_order_with_its_rdma(void **state)
{
	enum { ROUNDS = 40, PIECE = 5000 };
	static WSAOVERLAPPED out[ROUNDS], w[ROUNDS];
	WSAOVERLAPPED in;
	uint8_t desc[24];
	DWORD bytes;

	exposed(&b, 0, ARENA / 2, MEM_WRITE, desc);
	fill(a.arena, ARENA / 2, 11);
	for (size_t i = 0; i < ROUNDS; i++) {
		w[i] = out[i] = (WSAOVERLAPPED){.hEvent = POLLED};
		assert_int_equal(
		    post_rdma(true, &a, i * PIECE, PIECE, desc, (DWORD)(i * PIECE), &w[i]),
		    WSA_IO_PENDING);
		assert_int_equal(post_send(&a, i * PIECE, 100, &out[i]), WSA_IO_PENDING);
	}
	for (size_t i = 0; i < ROUNDS; i++)
		for (size_t have = 0; have < 100; have += bytes) {
			in = (WSAOVERLAPPED){.hEvent = POLLED};
			assert_int_equal(
			    post_recv(&b, ARENA - 200, 100 - have, &in), WSA_IO_PENDING);
			while (result(&b, &in, FALSE, &bytes) == -1)
				(void)result(&a, &w[ROUNDS - 1], FALSE, &bytes);
			assert_int_equal(result(&b, &in, FALSE, &bytes), 0);
			assert_memory_equal(
			    b.arena + ARENA - 200, a.arena + i * PIECE + have, bytes);
			assert_memory_equal(b.arena, a.arena, (i + 1) * PIECE);
		}
	for (size_t i = 0; i < ROUNDS; i++) {
		assert_int_equal(result(&a, &w[i], TRUE, &bytes), 0);
		assert_int_equal(bytes, PIECE);
		assert_int_equal(result(&a, &out[i], TRUE, &bytes), 0);
		assert_int_equal(bytes, 100);
	}
}

/* What lies in the rings goes on, more does not come; the peer's end of stream is behind it. */
static void
half_a_close_lets_rdma_finish(void **state)
{
	WSAOVERLAPPED w = {.hEvent = POLLED}, r = {.hEvent = POLLED}, in = {.hEvent = POLLED};
	uint8_t desc[24];
	DWORD bytes;
	int err = 0;

	exposed(&b, 0, 65536, MEM_READWRITE, desc);
	fill(a.arena, 20000, 12);
	assert_int_equal(post_rdma(true, &a, 0, 20000, desc, 0, &w), WSA_IO_PENDING);
	assert_int_equal(post_rdma(false, &a, 30000, 10000, desc, 100, &r), WSA_IO_PENDING);
	assert_int_equal(rig_san->sanShutdown(a.s, SHUT_WR, &err), 0);
	assert_int_equal(post_recv(&b, ARENA - 64, 8, &in), WSA_IO_PENDING);
	assert_int_equal(result(&b, &in, TRUE, &bytes), 0);
	assert_int_equal(bytes, 0); /* end of stream */
	assert_memory_equal(b.arena, a.arena, 20000);
	assert_int_equal(result(&a, &w, TRUE, &bytes), 0);
	assert_int_equal(result(&a, &r, TRUE, &bytes), 0);
	assert_memory_equal(a.arena + 30000, a.arena + 100, 10000);
	w = (WSAOVERLAPPED){.hEvent = POLLED};
	assert_int_equal(post_rdma(true, &a, 0, 8, desc, 0, &w), WSA_IO_PENDING);
	assert_int_equal(result(&a, &w, TRUE, &bytes), WSAESHUTDOWN);
}

static void
closing_aborts_what_is_pending(void **state)
{
	static WSAOVERLAPPED w, r, s;
	uint8_t desc[24];
	DWORD bytes = 1;
	int code;

	exposed(&b, 0, ARENA, MEM_READWRITE, desc);
	fake_hold_data(rig_fake, true);
	w = r = s = (WSAOVERLAPPED){.hEvent = POLLED};
	assert_int_equal(post_rdma(true, &a, 0, ARENA, desc, 0, &w), WSA_IO_PENDING);
	assert_int_equal(post_rdma(false, &a, 0, ARENA, desc, 0, &r), WSA_IO_PENDING);
	assert_int_equal(post_send(&a, 0, 8, &s), WSA_IO_PENDING);
	rig_close(a.s);
	/* I7, I8: final before the close returned; the descriptor is dead. */
	assert_int_equal(w.Internal, 0);
	assert_int_equal(w.OffsetHigh, WSA_OPERATION_ABORTED);
	assert_int_equal(w.InternalHigh, 0);
	assert_int_equal(r.OffsetHigh, WSA_OPERATION_ABORTED);
	assert_int_equal(s.OffsetHigh, WSA_OPERATION_ABORTED);
	assert_int_equal(op_pool_used(), 0);
	fake_hold_data(rig_fake, false);
	s = (WSAOVERLAPPED){.hEvent = POLLED};
	/* The reset may be there already. */
	code = post_recv(&b, 0, 8, &s);
	if (code == WSA_IO_PENDING)
		code = result(&b, &s, TRUE, &bytes);
	assert_int_equal(code, WSAECONNRESET);
	a.s = INVALID_SOCKET;
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, ends_setup, ends_teardown)
#define S(f)                                                             \
	{                                                                \
		"stream: " #f, f, ends_setup_stream, ends_teardown, NULL \
	}
	const struct CMUnitTest tests[] = {T(send_wsaefault_outside_registered_memory),
	    T(registering_counts), T(registering_refuses), T(registering_wsaenobufs_at_the_limit),
	    T(rdma_moves_bulk_and_a_message_behind_it_waits), T(reads_do_not_wait_for_receives),
	    T(rdma_size_probe_wsaefault), T(memory_has_a_name_for_foreign_peers), T(rdma_refuses),
	    T(withdrawn_memory_is_out_of_reach), T(cache_callback_finds_what_is_registered),
	    S(rdma_moves_bulk_and_a_message_behind_it_waits), S(rdma_size_probe_wsaefault),
	    S(rdma_refuses), S(withdrawn_memory_is_out_of_reach),
	    S(a_stream_keeps_order_with_its_rdma), S(half_a_close_lets_rdma_finish),
	    S(closing_aborts_what_is_pending), T(closing_aborts_what_is_pending)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
