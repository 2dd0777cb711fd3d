/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "loop.h"
#include "prng.h"
#include "san_err.h"

#define TIMERS 500

static struct loop *loop;

static int
up(void **state)
{
	(void)state;
	loop = loop_create(TIMERS);
	return loop != NULL ? 0 : -1;
}

static int
down(void **state)
{
	(void)state;
	loop_destroy(loop);
	return 0;
}

static uint64_t last;
static uint32_t ran;

static void
note(struct loop_timer *t)
{
	assert_true(t->at.ns >= last);
	last = t->at.ns;
	ran++;
}

static struct san_time
past(uint64_t ns)
{
	return (struct san_time){ns + 1};
}

/* Against the plainest model there is: the set of times, which must come out in order. */
static void
timer__run_in_order_whatever_was_set_moved_and_cleared(void **state)
{
	static struct loop_timer timer[TIMERS];
	struct prng prng = {42};
	uint32_t set = 0;

	(void)state;
	last = ran = 0;
	for (uint32_t i = 0; i < TIMERS; i++)
		timer[i] = (struct loop_timer){.handle = note};
	for (uint32_t i = 0; i < 5000; i++) {
		struct loop_timer *t = &timer[prng_below(&prng, TIMERS)];

		if (prng_below(&prng, 4) == 0)
			loop_timer_clear(loop, t);
		else
			loop_timer_set(loop, t, past(prng_below(&prng, 1000)));
	}
	for (uint32_t i = 0; i < TIMERS; i++)
		set += loop_timer_is_set(&timer[i]);
	loop_step(loop, loop_now());
	assert_int_equal(ran, set);
	assert_int_equal(loop_deadline(loop).ns, SAN_TIME_NEVER.ns);
}

static void
again(struct loop_timer *t)
{
	ran++;
	loop_timer_set(loop, t, past(0));
}

static void
timer__that_sets_itself_to_the_past_does_not_hang_the_loop(void **state)
{
	struct loop_timer t = {.handle = again};

	(void)state;
	ran = 0;
	loop_timer_set(loop, &t, past(0));
	loop_step(loop, loop_now());
	assert_in_range(ran, 1, 2);
	loop_timer_clear(loop, &t);
}

static void
timer__is_never_early(void **state)
{
	struct loop_timer t = {.handle = note};
	struct san_time at = san_time_add(loop_now(), SAN_DURATION_MS(15));

	(void)state;
	last = ran = 0;
	loop_timer_set(loop, &t, at);
	while (ran == 0)
		loop_step(loop, SAN_TIME_NEVER);
	assert_true(san_time_reached(at, loop_now()));
}

struct pair {
	struct loop_source a, b;
};

static void
remove_other(struct loop_source *s, uint32_t events)
{
	struct pair *p = s->owner;

	(void)events;
	ran++;
	loop_remove(loop, s == &p->a ? &p->b : &p->a);
}

static void
source__removed_by_another_handler_of_the_same_batch_is_not_called(void **state)
{
	struct pair p;

	(void)state;
	ran = 0;
	p.a = (struct loop_source){eventfd(1, 0), remove_other, &p};
	p.b = (struct loop_source){eventfd(1, 0), remove_other, &p};
	assert_int_equal(loop_add(loop, &p.a, EPOLLIN), 0);
	assert_int_equal(loop_add(loop, &p.b, EPOLLIN), 0);
	loop_step(loop, loop_now());
	assert_int_equal(ran, 1);
	close(p.a.fd);
	close(p.b.fd);
}

static void
source__what_epoll_cannot_watch_is_refused(void **state)
{
	struct loop_source s = {.fd = -1};

	(void)state;
	assert_int_equal(loop_add(loop, &s, EPOLLIN), SAN_EINVAL);
}

#define T(f) cmocka_unit_test_setup_teardown(f, up, down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    T(timer__run_in_order_whatever_was_set_moved_and_cleared),
	    T(timer__that_sets_itself_to_the_past_does_not_hang_the_loop),
	    T(timer__is_never_early),
	    T(source__removed_by_another_handler_of_the_same_batch_is_not_called),
	    T(source__what_epoll_cannot_watch_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
