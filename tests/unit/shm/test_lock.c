/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lock.h"

static uint32_t
self(void)
{
	return (uint32_t)syscall(SYS_gettid);
}

static uint64_t
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000u + (uint64_t)ts.tv_nsec / 1000000u;
}

static void
take_and_drop(void **state)
{
	_Atomic uint32_t lock = 0;

	assert_int_equal(shm_lock_take(&lock, self(), 10), 0);
	assert_int_equal(lock, self());
	shm_lock_drop(&lock);
	assert_int_equal(lock, 0);
	assert_int_equal(shm_lock_take_alone(&lock, self()), 0);
	assert_int_equal(shm_lock_take_alone(&lock, self()), SAN_EALREADY);
	shm_lock_drop_alone(&lock);
	assert_int_equal(lock, 0);
}

static void
own_lock_is_told_at_once(void **state)
{
	_Atomic uint32_t lock = 0;
	uint64_t before = now_ms();

	assert_int_equal(shm_lock_take(&lock, self(), 5000), 0);
	assert_int_equal(shm_lock_take(&lock, self(), 5000), SAN_EALREADY);
	assert_true(now_ms() - before < 1000);
}

static void
living_owner_means_time_out(void **state)
{
	_Atomic uint32_t lock = (uint32_t)getppid();
	uint64_t before = now_ms();

	assert_int_equal(shm_lock_take(&lock, self(), 60), SAN_ETIMEDOUT);
	assert_in_range(now_ms() - before, 50, 1500);
	assert_int_equal(lock & SHM_LOCK_OWNER, (uint32_t)getppid());
}

static void
dead_owner_is_replaced(void **state)
{
	_Atomic uint32_t lock;
	pid_t pid = fork();
	siginfo_t info;

	if (pid == 0)
		_exit(0);
	/* a zombie first: dead, but its number is still taken */
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	lock = (uint32_t)pid;
	assert_int_equal(shm_lock_take(&lock, self(), 3000), 0);
	assert_int_equal(lock & SHM_LOCK_OWNER, self());
	shm_lock_drop(&lock);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	lock = (uint32_t)pid | SHM_LOCK_WAITERS; /* and one that is gone altogether */
	assert_int_equal(shm_lock_take(&lock, self(), 3000), 0);
	shm_lock_drop(&lock);
	assert_int_equal(lock, 0);
}

/* Words no honest program would have left: no crash, no endless wait. */
static void
hostile_words(void **state)
{
	static const uint32_t words[] = {0xffffffffu, SHM_LOCK_WAITERS, 0x40000000u, 0x3fffffffu};

	for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++) {
		_Atomic uint32_t lock = words[i];
		uint64_t before = now_ms();

		(void)shm_lock_take(&lock, self(), 100);
		assert_true(now_ms() - before < 1500);
	}
}

enum { ROUNDS = 20000 };

static _Atomic uint32_t lock;
static uint64_t guarded; /* plain: ThreadSanitizer sees whether the lock orders it */

static void *
count_up(void *arg)
{
	for (int i = 0; i < ROUNDS; i++) {
		if (shm_lock_take(&lock, self(), 10000) != 0)
			return (void *)1;
		guarded++;
		if (i % 512 == 0)
			usleep(50); /* so that others have to sleep, too */
		shm_lock_drop(&lock);
	}
	return NULL;
}

static void
threads_exclude_each_other(void **state)
{
	pthread_t thread[4];
	void *failed;

	lock = 0;
	guarded = 0;
	for (int i = 0; i < 4; i++)
		pthread_create(&thread[i], NULL, count_up, NULL);
	for (int i = 0; i < 4; i++) {
		pthread_join(thread[i], &failed);
		assert_null(failed);
	}
	assert_int_equal(guarded, 4 * ROUNDS);
	assert_int_equal(lock, 0);
}

/* Processes that are killed while they hold it most of the time: whoever is left goes on. */
static void
processes_die_with_it(void **state)
{
	struct shared {
		_Atomic uint32_t lock;
		_Atomic uint64_t count;
	} *sh = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint64_t before;

	for (int round = 0; round < 20; round++) {
		pid_t pid = fork();

		if (pid == 0)
			for (;;) {
				if (shm_lock_take(&sh->lock, self(), 10000) != 0)
					_exit(1);
				sh->count++;
				for (int i = 0; i < 200; i++)
					atomic_fetch_add(&sh->count, 0);
				shm_lock_drop(&sh->lock);
			}
		usleep(3000);
		kill(pid, SIGKILL);
		before = now_ms();
		assert_int_equal(shm_lock_take(&sh->lock, self(), 5000), 0);
		assert_true(now_ms() - before < 1000);
		shm_lock_drop(&sh->lock);
		waitpid(pid, NULL, 0);
	}
	assert_true(sh->count > 0);
	munmap(sh, 4096);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(take_and_drop),
	    cmocka_unit_test(own_lock_is_told_at_once),
	    cmocka_unit_test(living_owner_means_time_out), cmocka_unit_test(dead_owner_is_replaced),
	    cmocka_unit_test(hostile_words), cmocka_unit_test(threads_exclude_each_other),
	    cmocka_unit_test(processes_die_with_it)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
