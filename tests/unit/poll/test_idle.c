/* SPDX-License-Identifier: BSD-3-Clause */
/* What a poll thread does when it has nothing to do, decided from times the test makes up. */
#include "test.h"

#include "rig.h"

static struct rig rig;
static struct poll *p;
static struct poll_idle idle;

static int
open_rig(void **state)
{
	(void)state;
	rig_open(&rig);
	p = rig.side[0].poll;
	idle = (struct poll_idle){0};
	poll_idle_init(p, &idle);
	return 0;
}

static int
close_rig(void **state)
{
	(void)state;
	rig_close(&rig);
	return 0;
}

/* The iteration that began `us` after the one before is over. */
static void
after(uint64_t us, bool worked)
{
	p->now.ns += us * 1000;
	poll_idle_after(p, &idle, worked);
}

static uint64_t
count(enum poll_counter c)
{
	return rig_count(&rig.side[0], c);
}

static bool
asleep(void)
{
	return atomic_load(&rig.side[0].region->doorbell[0].sleeping) != 0;
}

/* Alone on its processor (rig: 20 us spinning, 500 us yielding, naps up to 2 ms). */
static void
test_alone(void **state)
{
	(void)state;
	p->program_runnable = true;
	after(1, true);
	for (unsigned i = 0; i < 19; i++)
		after(1, false);
	assert_int_equal(count(POLL_COUNT_yields), 0);
	for (unsigned i = 0; i < 50; i++)
		after(10, false);
	assert_int_equal(count(POLL_COUNT_yields), 50);
	assert_false(asleep());
	after(10, false); /* announced, one more look */
	assert_true(asleep());
	assert_int_equal(atomic_load(&p->sleeping), 1);
	assert_int_equal(count(POLL_COUNT_naps), 0);
	for (unsigned i = 0; i < 8; i++)
		after(1, false);
	assert_int_equal(count(POLL_COUNT_naps), 8);
	assert_int_equal(idle.nap.ns, 2000000); /* grown, and not further */
	assert_int_equal(count(POLL_COUNT_yields), 50);
	after(1, true);
	assert_false(asleep());
	assert_int_equal(atomic_load(&p->sleeping), 0);
	after(1, false);
	assert_int_equal(count(POLL_COUNT_naps), 8);
}

/* What comes between the announcement and the nap is found, and no nap taken. */
static void
test_found_at_last_look(void **state)
{
	(void)state;
	after(0, true);
	after(1000, false);
	assert_true(asleep());
	after(1, true);
	assert_false(asleep());
	assert_int_equal(count(POLL_COUNT_naps), 0);
}

static void
test_shared(void **state)
{
	(void)state;
	p->params.core_shared = true;
	after(1, false);
	assert_int_equal(count(POLL_COUNT_yields), 1); /* found nothing */
	after(1, true);
	assert_int_equal(count(POLL_COUNT_yields), 1); /* busy with itself */
	p->program_runnable = true;
	after(1, true);
	assert_int_equal(count(POLL_COUNT_yields), 2);
	/* With more input it goes on, but not for ever; the program is not forgotten. */
	p->more = true;
	for (unsigned i = 0; i < 7; i++) {
		after(1, true);
		p->program_runnable = false;
	}
	assert_int_equal(count(POLL_COUNT_yields), 2);
	after(1, true);
	assert_int_equal(count(POLL_COUNT_yields), 3);
	p->program_runnable = true;
	after(1, true);
	p->program_runnable = p->more = false;
	after(1, true);
	assert_int_equal(count(POLL_COUNT_yields), 4);
}

/* Yields that cost time slices become short naps for a while. */
static void
test_crowded(void **state)
{
	uint64_t yields;

	(void)state;
	p->params.core_shared = true;
	for (unsigned i = 0; i < 5; i++) { /* long, but rare */
		after(1, true);
		after(1, false);
		after(3000, true);
		p->now.ns += 150000000;
	}
	assert_int_equal(count(POLL_COUNT_crowded), 0);
	for (unsigned i = 0; i < 2; i++) {
		after(1, true);
		after(1, false);
		after(3000, true);
	}
	assert_int_equal(count(POLL_COUNT_crowded), 1);
	yields = count(POLL_COUNT_yields);
	p->program_runnable = true; /* it gets in when we nap, not before */
	for (unsigned i = 0; i < 5; i++) {
		after(1, true);
		assert_false(asleep());
		after(10, false); /* announced, one more look */
		assert_true(asleep());
		after(10, false);
		after(10, false);
	}
	assert_int_equal(count(POLL_COUNT_yields), yields);
	assert_int_equal(count(POLL_COUNT_naps), 10);
	p->program_runnable = false;
	after(1, true);
	p->now.ns += 1000000000;
	after(1, true);
	after(10, false);
	assert_int_equal(count(POLL_COUNT_yields), yields + 1);
	assert_false(asleep());
}

/* Naps that end late tell the same; after a while without work they grow as ever. */
static void
test_late_naps(void **state)
{
	(void)state;
	p->params.core_shared = true;
	after(1, true);
	after(1000, false); /* announced */
	after(1, false);
	assert_int_equal(count(POLL_COUNT_naps), 1);
	after(3000, false);
	assert_int_equal(count(POLL_COUNT_crowded), 0);
	after(3000, false);
	assert_int_equal(count(POLL_COUNT_crowded), 1);
	after(1, true);
	after(1, false); /* no spinning, no yield: announced at once */
	assert_true(asleep());
	for (unsigned i = 0; i < 10; i++)
		after(100, false);
	assert_int_equal(idle.nap.ns, 50000); /* still the first, and short */
	p->now.ns += 20000000;
	idle.left_at.ns = 0;
	for (unsigned i = 0; i < 10; i++)
		after(1, false);
	assert_int_equal(idle.nap.ns, 2000000);
	assert_int_equal(count(POLL_COUNT_yields), 0);
}

static void
test_no_nap_while_hot(void **state)
{
	(void)state;
	rig_connect(&rig, 20, 5);
	assert_int_equal(p->hot_count, 1);
	after(0, true);
	for (unsigned i = 0; i < 10; i++)
		after(1000, false);
	assert_int_equal(count(POLL_COUNT_naps), 0);
	rig.now = p->now;
	rig_run(&rig, 2000);
	assert_int_equal(p->hot_count, 0);
	after(1, false);
	after(1, false);
	assert_int_equal(count(POLL_COUNT_naps), 1);
}

static void
test_latency_profile(void **state)
{
	(void)state;
	p->params.nap_max.ns = 0;
	after(0, true);
	for (unsigned i = 0; i < 100; i++)
		after(10000, false);
	assert_int_equal(count(POLL_COUNT_naps), 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, open_rig, close_rig)

int
main(void)
{
	const struct CMUnitTest tests[] = {T(test_alone), T(test_found_at_last_look),
	    T(test_shared), T(test_crowded), T(test_late_naps), T(test_no_nap_while_hot),
	    T(test_latency_profile)};
	int failed;

	rig_start();
	failed = cmocka_run_group_tests_name("idle", tests, NULL, NULL);
	rig_stop();
	return failed;
}
