/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "bytes.h"
#include "ring.h"
#include "sys.h"
#include "waiters.h"

static struct shm_sock sock;
static struct shm_wake wakes[SAN_WAKES_MAX];
static int fds[SAN_WAKES_MAX];

static void
clear(void)
{
	memset(&sock, 0, sizeof sock);
	memset(wakes, 0, sizeof wakes);
	for (int i = 0; i < SAN_WAKES_MAX; i++)
		fds[i] = -1;
}

static void
positions_are_checked(void **state)
{
	uint32_t used = 7;

	assert_int_equal(shm_ring_used(10, 10, 4096, &used), 0);
	assert_int_equal(used, 0);
	assert_int_equal(shm_ring_used(0xfffffff0u, 0x10, 4096, &used), 0); /* across the wrap */
	assert_int_equal(used, 32);
	assert_int_equal(shm_ring_used(0, 4096, 4096, &used), 0);
	assert_int_equal(used, 4096);
	used = 7;
	assert_int_equal(shm_ring_used(0, 4097, 4096, &used), SAN_EPROTO);
	assert_int_equal(shm_ring_used(1, 0, 4096, &used), SAN_EPROTO); /* went backwards */
	assert_int_equal(shm_ring_used(0, 0x80000000u, 4096, &used), SAN_EPROTO);
	assert_int_equal(used, 7);
	assert_true(shm_ring_writable(0, 4096));
	assert_false(shm_ring_writable(4096, 4096));
	assert_false(shm_ring_writable(4000, 4096));
}

static void
only_what_applies_is_taken(void **state)
{
	clear();
	assert_int_equal(shm_waiters_take(&sock, SHM_WAIT_ALL), 0);
	shm_waiters_arm(&sock, SHM_WAIT_IN_FUTEX | SHM_WAIT_OUT_POLL);
	assert_int_equal(shm_waiters_take(&sock, SHM_WAIT_IN), SHM_WAIT_IN_FUTEX);
	assert_int_equal(sock.waiters, SHM_WAIT_OUT_POLL);
	assert_int_equal(shm_waiters_take(&sock, SHM_WAIT_IN), 0);
	assert_int_equal(shm_waiters_take(&sock, SHM_WAIT_OUT), SHM_WAIT_OUT_POLL);
}

static void
eventfds_of_armed_objects_only(void **state)
{
	struct shm_waiters_woken woken;
	uint64_t count;

	clear();
	for (int i = 0; i < 3; i++)
		fds[i] = eventfd(0, EFD_NONBLOCK);
	sock.poll_mask = UINT64_MAX; /* hostile: also those that do not exist */
	wakes[1].armed = 1;
	wakes[40].armed = 1;
	shm_waiters_arm(&sock, SHM_WAIT_IN_POLL);
	woken = shm_waiters_tell(&sock, SHM_WAIT_IN, wakes, fds);
	assert_int_equal(woken.events, 1);
	assert_int_equal(woken.futexes, 0);
	assert_int_equal(sock.wake_seq, 0);
	assert_int_equal(read(fds[1], &count, sizeof count), sizeof count);
	assert_int_equal(read(fds[0], &count, sizeof count), -1);
	assert_int_equal(wakes[1].armed, 0);
	woken = shm_waiters_tell(&sock, SHM_WAIT_IN, wakes, fds);
	assert_int_equal(woken.events, 0);
	for (int i = 0; i < 3; i++)
		close(fds[i]);
}

/* One thread produces bytes as the daemon does, one consumes as a program does and sleeps whenever
 * it can. Both wait on each other through the protocol; a lost wake-up shows as a time-out, a wrong
 * order as a wrong byte. */
enum { STREAM = 400000, SIZE = 16384 };

static uint8_t bytes[SIZE];
static _Atomic int failed;

static bool
sleep_until_changed(uint32_t seq)
{
	const struct timespec limit = {5, 0};

	return sys_futex_wait(&sock.wake_seq, seq, &limit) == 0 || errno == EAGAIN ||
	       errno == EINTR;
}

static void *
produce(void *arg)
{
	struct byte_ring ring = {bytes, SIZE};
	uint32_t tail = 0, used = 0;
	uint8_t buf[700];

	while (tail < STREAM && !failed) {
		uint32_t head = atomic_load_explicit(&sock.rx_head, memory_order_acquire), n;

		if (shm_ring_used(head, tail, SIZE, &used) != 0)
			failed = 1;
		n = 1 + tail % sizeof buf;
		if (n > SIZE - used) {
			sched_yield(); /* the poll thread never sleeps for a program */
			continue;
		}
		for (uint32_t i = 0; i < n; i++)
			buf[i] = (uint8_t)((tail + i) * 131 >> 3);
		byte_ring_write(&ring, tail, buf, n);
		tail += n;
		atomic_store_explicit(&sock.rx_tail, tail, memory_order_release);
		(void)shm_waiters_tell(&sock, SHM_WAIT_IN, wakes, fds);
	}
	return NULL;
}

static void
no_wake_up_is_lost(void **state)
{
	struct byte_ring ring = {bytes, SIZE};
	uint32_t head = 0, used = 0;
	pthread_t thread;
	uint8_t buf[4096];

	clear();
	failed = 0;
	pthread_create(&thread, NULL, produce, NULL);
	while (head < STREAM && !failed) {
		uint32_t seq = atomic_load_explicit(&sock.wake_seq, memory_order_acquire);
		uint32_t tail = atomic_load_explicit(&sock.rx_tail, memory_order_acquire);

		if (tail == head) {
			shm_waiters_arm(&sock, SHM_WAIT_IN_FUTEX);
			tail = atomic_load_explicit(&sock.rx_tail, memory_order_acquire);
			if (tail == head && !sleep_until_changed(seq))
				failed = 2;
			continue;
		}
		if (shm_ring_used(head, tail, SIZE, &used) != 0)
			failed = 3;
		used = used < sizeof buf ? used : (uint32_t)sizeof buf;
		byte_ring_read(&ring, head, buf, used);
		for (uint32_t i = 0; i < used; i++)
			if (buf[i] != (uint8_t)((head + i) * 131 >> 3))
				failed = 4;
		head += used;
		atomic_store_explicit(&sock.rx_head, head, memory_order_release);
	}
	pthread_join(thread, NULL);
	assert_int_equal(failed, 0);
	assert_true(head >= STREAM);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(positions_are_checked),
	    cmocka_unit_test(only_what_applies_is_taken),
	    cmocka_unit_test(eventfds_of_armed_objects_only), cmocka_unit_test(no_wake_up_is_lost)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
