/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "doorbell.h"
#include "sys.h"

static struct shm_doorbell bell;

static void
clear(void)
{
	memset(&bell, 0, sizeof bell);
}

static void
rung_slots_are_served_once(void **state)
{
	static const uint32_t want[] = {0, 1, 63, 64, 4095, 4096, SAN_SOCKS_MAX - 1};
	uint32_t slots[64];
	unsigned n;

	clear();
	assert_false(shm_doorbell_pending(&bell));
	for (unsigned i = 0; i < 7; i++) {
		shm_doorbell_ring(&bell, -1, want[i]);
		shm_doorbell_ring(&bell, -1, want[i]);
	}
	assert_true(shm_doorbell_pending(&bell));
	n = 0;
	while (shm_doorbell_pending(&bell)) {
		unsigned got = shm_doorbell_serve(&bell, SAN_SOCKS_MAX, slots, 64);

		for (unsigned i = 0; i < got; i++)
			assert_int_equal(slots[i], want[n++]);
	}
	assert_int_equal(n, 7);
	assert_int_equal(shm_doorbell_serve(&bell, SAN_SOCKS_MAX, slots, 64), 0);
}

static void
bits_beyond_the_session_are_dropped(void **state)
{
	uint32_t slots[128];

	clear();
	memset((void *)bell.bits, 0xff, sizeof bell.bits);
	memset((void *)bell.summary, 0xff, sizeof bell.summary);
	unsigned n, all = 0;

	do {
		n = shm_doorbell_serve(&bell, 100, slots, 128);
		for (unsigned i = 0; i < n; i++)
			assert_true(slots[i] < 100);
		all += n;
	} while (n > 0);
	assert_int_equal(all, 100);
	assert_false(shm_doorbell_pending(&bell));
}

static void
what_does_not_fit_stays_pending(void **state)
{
	uint32_t slots[64];
	unsigned all = 0, rounds = 0;

	clear();
	for (uint32_t i = 0; i < SAN_SOCKS_MAX; i += 3)
		shm_doorbell_ring(&bell, -1, i);
	while (shm_doorbell_pending(&bell)) {
		unsigned n = shm_doorbell_serve(&bell, SAN_SOCKS_MAX, slots, 64);

		assert_true(n > 0);
		for (unsigned i = 0; i < n; i++)
			assert_int_equal(slots[i] % 3, 0);
		all += n;
		rounds++;
	}
	assert_int_equal(all, (SAN_SOCKS_MAX + 2) / 3);
	assert_true(rounds > 1);
}

static void
eventfd_only_when_napping(void **state)
{
	struct pollfd p = {eventfd(0, EFD_NONBLOCK), POLLIN, 0};
	uint32_t slots[64];

	clear();
	shm_doorbell_ring(&bell, p.fd, 5);
	assert_int_equal(poll(&p, 1, 0), 0);
	assert_false(shm_doorbell_nap(&bell)); /* something is pending */
	shm_doorbell_awake(&bell);
	assert_int_equal(shm_doorbell_serve(&bell, 64, slots, 64), 1);
	assert_true(shm_doorbell_nap(&bell));
	shm_doorbell_ring(&bell, p.fd, 5);
	assert_int_equal(poll(&p, 1, 0), 1);
	close(p.fd);
}

/* Two ringers, one server that naps as often as it can. A lost ring shows as a server that sleeps
 * with work undone. */
enum { RINGS = 50000, SLOTS = 200 };

static _Atomic uint32_t produced[SLOTS];
static int event_fd;

static void *
ringer(void *arg)
{
	uint32_t slot = (uint32_t)(uintptr_t)arg;

	for (int i = 0; i < RINGS; i++) {
		atomic_fetch_add_explicit(&produced[slot], 1, memory_order_relaxed);
		shm_doorbell_ring(&bell, event_fd, slot);
		slot = (slot + 2) % SLOTS;
	}
	return NULL;
}

static void
no_ring_is_lost(void **state)
{
	uint32_t seen[SLOTS] = {0}, slots[64];
	uint64_t total = 0, lost = 0, count;
	pthread_t thread[2];

	clear();
	event_fd = eventfd(0, EFD_NONBLOCK);
	for (uintptr_t i = 0; i < 2; i++)
		pthread_create(&thread[i], NULL, ringer, (void *)i);
	while (total < 2 * RINGS && lost == 0) {
		unsigned n = shm_doorbell_serve(&bell, SLOTS, slots, 64);

		for (unsigned i = 0; i < n; i++) {
			uint32_t now =
			    atomic_load_explicit(&produced[slots[i]], memory_order_relaxed);

			total += now - seen[slots[i]];
			seen[slots[i]] = now;
		}
		if (n == 0 && shm_doorbell_nap(&bell)) {
			struct pollfd p = {event_fd, POLLIN, 0};

			if (total < 2 * RINGS && poll(&p, 1, 2000) == 0)
				lost = 1;
			(void)!sys_read(event_fd, &count, sizeof count);
		}
		shm_doorbell_awake(&bell);
	}
	for (int i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	assert_int_equal(lost, 0);
	assert_int_equal(total, 2 * RINGS);
	close(event_fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(rung_slots_are_served_once),
	    cmocka_unit_test(bits_beyond_the_session_are_dropped),
	    cmocka_unit_test(what_does_not_fit_stays_pending),
	    cmocka_unit_test(eventfd_only_when_napping), cmocka_unit_test(no_ring_is_lost)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
