/* SPDX-License-Identifier: BSD-3-Clause */
/* Promises of the close sequence about memory: an operation that completes holds nothing any more,
 * and closing needs nothing. The names C2 ... are those of control/contract.md. The linker leads
 * every allocation of the provider through the wrappers here. */
#include "rig.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "op_pool.h"
#include "san_err.h"

#define OPS 32

/* --- allocations ------------------------------------------------------------------------------ */

static _Atomic bool none_left; /* refuse, and count who asked */
static _Atomic unsigned asked;

void *__real_calloc(size_t n, size_t size);
void *__real_malloc(size_t size);
void *__real_realloc(void *p, size_t size);
void *__real_mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_realloc(void *p, size_t size);
void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset);

static bool
refused(void)
{
	if (!atomic_load(&none_left))
		return false;
	atomic_fetch_add(&asked, 1);
	errno = ENOMEM;
	return true;
}

void *
__wrap_calloc(size_t n, size_t size)
{
	return refused() ? NULL : __real_calloc(n, size);
}

void *
__wrap_malloc(size_t size)
{
	return refused() ? NULL : __real_malloc(size);
}

void *
__wrap_realloc(void *p, size_t size)
{
	return refused() ? NULL : __real_realloc(p, size);
}

void *
__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset)
{
	return refused() ? MAP_FAILED : __real_mmap(at, len, prot, flags, fd, offset);
}

/* --- operations ------------------------------------------------------------------------------- */

static char buffer[OPS][64];

static void
post_receives(SOCKET s, WSAOVERLAPPED *ov, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		WSABUF b = {sizeof buffer[0], buffer[i % OPS]};
		int err = 0;

		assert_int_equal(rig_wsp.lpWSPRecv(s, &b, 1, NULL, NULL, &ov[i], NULL, NULL, &err),
		    SOCKET_ERROR);
		assert_int_equal(err, WSA_IO_PENDING);
	}
}

static void
await_completions(unsigned n)
{
	for (int i = 0; i < 2000 && record_completions() < n; i++)
		rig_sleep_ms(1);
	assert_int_equal(record_completions(), n);
}

/* Of what was posted, as many are in use as have not had their upcall, less the one whose upcall
 * this is. */
static void
look_at_the_pool(const char *upcall, SOCKET handle)
{
	(void)handle;
	if (strcmp(upcall, "complete") == 0)
		assert_in_range(op_pool_used(), 0, OPS - record_completions());
}

static void
c2_an_operation_holds_nothing_at_its_upcall(void **state)
{
	static WSAOVERLAPPED ov[OPS];
	SOCKET a, b;

	(void)state;
	memset(ov, 0, sizeof ov);
	rig_pair(&a, &b);
	post_receives(a, ov, OPS);
	assert_int_equal(op_pool_used(), OPS);
	record_hook(look_at_the_pool);
	rig_send(b, "one", 3);
	await_completions(1);
	rig_close(a);
	await_completions(OPS);
	assert_int_equal(op_pool_used(), 0);
	record_hook(NULL);
	rig_close(b);
}

/* With both rings full, every operation of the process pending and no memory to be had. */
static void
c10_close_needs_nothing(void **state)
{
	static WSAOVERLAPPED ov[4200];
	static uint8_t bulk[200000];
	SOCKET a, b;
	unsigned n = 0;
	uint64_t before;
	int err = 0, code;

	(void)state;
	memset(ov, 0, sizeof ov);
	rig_pair(&a, &b);
	post_receives(a, ov, 1); /* the upcall thread is there */
	fake_hold_data(rig_fake, true);
	while (rig_send_some(a, bulk, sizeof bulk, 0, &err) > 0)
		;
	while (rig_send_some(b, bulk, sizeof bulk, 0, &err) > 0)
		;
	for (n = 1; n < sizeof ov / sizeof ov[0]; n++) {
		WSABUF w = {64, buffer[0]};

		code = 0;
		(void)rig_wsp.lpWSPRecv(a, &w, 1, NULL, NULL, &ov[n], NULL, NULL, &code);
		if (code != WSA_IO_PENDING)
			break;
	}
	assert_int_equal(code, WSAENOBUFS);
	atomic_store(&asked, 0);
	atomic_store(&none_left, true);
	before = rig_now_ms();
	assert_int_equal(rig_wsp.lpWSPCloseSocket(a, &err), 0);
	assert_int_equal(rig_wsp.lpWSPCloseSocket(b, &err), 0);
	assert_true(rig_now_ms() - before < 1000);
	atomic_store(&none_left, false);
	assert_int_equal(atomic_load(&asked), 0);
	await_completions(n);
	fake_hold_data(rig_fake, false);
}

/* A daemon that was stopped in the middle of everything says nothing any more. */
static void
c10_close_waits_for_no_daemon(void **state)
{
	static WSAOVERLAPPED ov[OPS];
	SOCKET a, b, l;
	uint64_t before;
	int err = 0;

	(void)state;
	record_clear();
	memset(ov, 0, sizeof ov);
	rig_fake_fork((struct fake_options){.idle_yields = 10});
	assert_int_equal(rig_start(), 0);
	rig_pair(&a, &b);
	l = rig_listener(RIG_PORT, 3);
	post_receives(a, ov, OPS);
	kill(rig_pid, SIGSTOP);
	before = rig_now_ms();
	assert_int_equal(rig_wsp.lpWSPCloseSocket(a, &err), 0);
	assert_int_equal(rig_wsp.lpWSPCloseSocket(b, &err), 0);
	assert_int_equal(rig_wsp.lpWSPCloseSocket(l, &err), 0);
	assert_true(rig_now_ms() - before < 3000);
	await_completions(OPS);
	assert_int_equal(record_open(), 0);
	kill(rig_pid, SIGCONT);
	rig_end();
	rig_fake_stop();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		c2_an_operation_holds_nothing_at_its_upcall, rig_setup, rig_teardown),
	    cmocka_unit_test_setup_teardown(c10_close_needs_nothing, rig_setup, rig_teardown),
	    cmocka_unit_test(c10_close_waits_for_no_daemon),
	};

	return cmocka_run_group_tests_name("contract", tests, NULL, NULL);
}
