/* SPDX-License-Identifier: BSD-3-Clause */
/* sanAlloc and sanFree: memory the daemon shares, who may free what and when, and that peers reach
 * it in place. */
#include "ends.h"

#include <pthread.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "san_limits.h"

#define CHUNK  SAN_HEAP_CHUNK
#define CHUNKS (FAKE_HEAP / CHUNK)

static uint8_t *
alloc(size_t len)
{
	int err = 77;
	uint8_t *at = rig_san->sanAlloc(len, &err);

	assert_int_equal(err == 0, at != NULL);
	if (at == NULL)
		assert_int_equal(err, WSAENOBUFS);
	return at;
}

/* The code. */
static int
release(void *at)
{
	int err = 77, rc = rig_san->sanFree(at, &err);

	assert_int_equal(rc, err == 0 ? 0 : -1);
	return err;
}

/* --- the pieces --- */

static void
pieces_do_not_overlap(void **state)
{
	uint8_t *at[CHUNKS], *big;

	for (unsigned i = 0; i < CHUNKS; i++) {
		at[i] = alloc(i % 2 == 0 ? 1 : CHUNK);
		assert_non_null(at[i]);
		assert_int_equal((uintptr_t)at[i] % 4096, 0);
		memset(at[i], (int)i + 1, CHUNK);
	}
	assert_null(alloc(1));
	for (unsigned i = 0; i < CHUNKS; i++)
		for (unsigned k = 0; k < CHUNK; k += 4095)
			assert_int_equal(at[i][k], i + 1);
	/* What is freed is found again, in one piece if it lies in one. */
	for (unsigned i = 3; i < 6; i++)
		assert_int_equal(release(at[i]), 0);
	assert_int_equal(release(at[8]), 0);
	assert_null(alloc(3 * CHUNK + 1));
	big = alloc(2 * CHUNK + 1);
	assert_ptr_equal(big, at[3]);
	assert_int_equal(release(at[4]), WSAEINVAL); /* now inside of another one */
	at[8] = alloc(CHUNK);
	assert_null(alloc(1));
	at[3] = big;
	at[4] = at[5] = NULL;
	for (unsigned i = 0; i < CHUNKS; i++)
		if (at[i] != NULL)
			assert_int_equal(release(at[i]), 0);
	big = alloc(FAKE_HEAP);
	assert_non_null(big);
	assert_int_equal(release(big), 0);
}

static void
nonsense_is_refused(void **state)
{
	uint8_t *at = alloc(2 * CHUNK), local[8];
	int err = 0;

	assert_null(rig_san->sanAlloc(0, &err));
	assert_int_equal(err, WSAEINVAL);
	assert_null(alloc(FAKE_HEAP + 1));
	assert_null(alloc(SIZE_MAX));
	assert_int_equal(release(NULL), WSAEINVAL);
	assert_int_equal(release(local), WSAEINVAL);
	assert_int_equal(release(at + 1), WSAEINVAL);
	assert_int_equal(release(at + CHUNK), WSAEINVAL);
	assert_int_equal(release(at + 2 * CHUNK), WSAEINVAL);
	assert_int_equal(release(at - CHUNK), WSAEINVAL);
	assert_int_equal(release(at), 0);
	assert_int_equal(release(at), WSAEINVAL);
}

static void *
churn(void *arg)
{
	uint8_t mark = (uint8_t)(uintptr_t)arg;

	for (unsigned i = 0; i < 300; i++) {
		size_t len = (i % 3 + 1) * CHUNK;
		int err = 0;
		uint8_t *at = rig_san->sanAlloc(len, &err);

		if (at == NULL)
			continue;
		memset(at, mark, len);
		for (size_t k = 0; k < len; k += 1021)
			if (at[k] != mark)
				return arg;
		if (rig_san->sanFree(at, &err) != 0)
			return arg;
	}
	return NULL;
}

static void
threads_do_not_mix(void **state)
{
	pthread_t thread[3];
	uint8_t *all;
	void *failed;

	for (uintptr_t i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, churn, (void *)(i + 1)), 0);
	for (unsigned i = 0; i < 3; i++) {
		pthread_join(thread[i], &failed);
		assert_null(failed);
	}
	all = alloc(FAKE_HEAP);
	assert_non_null(all);
	assert_int_equal(release(all), 0);
}

static void
a_family_shares_it(void **state)
{
	uint8_t *at = alloc(CHUNK), *all;
	int err = 0, status = -1;
	pid_t pid;

	at[0] = 1;
	assert_int_equal(rig_san->sanForkBefore(&err), 0);
	pid = fork();
	if (pid == 0) {
		uint8_t *mine;

		rig_san->sanForkChild();
		mine = rig_san->sanAlloc(CHUNK, &err);
		if (mine == NULL || mine == at || at[0] != 1)
			_exit(1);
		at[0] = 2;
		_exit(rig_san->sanFree(mine, &err) == 0 && rig_san->sanFree(at, &err) == 0 ? 0 : 2);
	}
	rig_san->sanForkParent();
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(release(at), WSAEINVAL); /* the child did */
	all = alloc(FAKE_HEAP);
	assert_non_null(all);
	assert_int_equal(release(all), 0);
}

/* --- peers --- */

static void
moved(uint8_t desc[24], DWORD at, size_t len)
{
	WSAOVERLAPPED w = {.hEvent = POLLED}, r = {.hEvent = POLLED};
	DWORD bytes;

	fill(a.arena, len, 5);
	assert_int_equal(post_rdma(true, &a, 0, len, desc, at, &w), WSA_IO_PENDING);
	assert_int_equal(post_rdma(false, &a, ARENA / 2, len, desc, at, &r), WSA_IO_PENDING);
	assert_int_equal(result(&a, &w, TRUE, &bytes), 0);
	assert_int_equal(result(&a, &r, TRUE, &bytes), 0);
	assert_memory_equal(a.arena, a.arena + ARENA / 2, len);
}

static void
peers_reach_it_in_place(void **state)
{
	const size_t len = 2 * CHUNK + 77;
	uint32_t in_heap, outside;
	uint8_t *at = alloc(3 * CHUNK), desc[24];
	DWORD desc_len = sizeof desc;
	int err = 0;

	memset(at, 0, 3 * CHUNK);
	assert_int_equal(
	    expose(b.s, at + 10, (DWORD)len + 2, MEM_READWRITE, desc, &desc_len, &err), 0);
	fake_memories(rig_fake, &in_heap, &outside);
	assert_int_equal(in_heap, 1);
	assert_int_equal(outside, 0);
	moved(desc, 1, len);
	assert_int_equal(at[10], 0);
	assert_memory_equal(at + 11, a.arena, len);
	assert_int_equal(at[11 + len], 0);
	assert_int_equal(release(at), WSAEFAULT); /* the peer may still come */
	assert_int_equal(withdraw(b.s, desc, sizeof desc, &err), 0);
	assert_int_equal(release(at), 0);
	/* To its very end; other memory goes the other way. */
	at = alloc(FAKE_HEAP);
	assert_int_equal(
	    expose(b.s, at + FAKE_HEAP - CHUNK, CHUNK, MEM_READWRITE, desc, &desc_len, &err), 0);
	fake_memories(rig_fake, &in_heap, &outside);
	assert_int_equal(in_heap, 2);
	assert_int_equal(expose(b.s, b.arena, 100, MEM_READWRITE, desc, &desc_len, &err), 0);
	fake_memories(rig_fake, &in_heap, &outside);
	assert_int_equal(in_heap, 2);
	assert_int_equal(outside, 1);
}

static void
local_operations_hold_it(void **state)
{
	uint8_t *at = alloc(CHUNK);
	int err = 0;
	HANDLE h = reg(a.s, at, 100, MEM_READ, &err);

	assert_non_null(h);
	assert_int_equal(release(at), WSAEFAULT);
	assert_int_equal(dereg(a.s, h, &err), 0);
	assert_int_equal(release(at), 0);
}

static void
without_a_daemon_there_is_none(void **state)
{
	uint8_t *at = alloc(CHUNK);
	int err = 0;

	at[5] = 9;
	rig_fake_stop();
	at[6] = at[5]; /* no fault */
	assert_null(rig_san->sanAlloc(1, &err));
	assert_int_equal(err, WSAENETDOWN);
	assert_int_equal(release(at), WSAENETDOWN);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)
#define E(f) cmocka_unit_test_setup_teardown(f, ends_setup, ends_teardown)
	const struct CMUnitTest tests[] = {T(pieces_do_not_overlap), T(nonsense_is_refused),
	    T(threads_do_not_mix), T(a_family_shares_it), E(peers_reach_it_in_place),
	    E(local_operations_hold_it), T(without_a_daemon_there_is_none)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
