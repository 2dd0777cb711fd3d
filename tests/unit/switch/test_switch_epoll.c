/* SPDX-License-Identifier: BSD-3-Clause */
/* Sets with many members, with none of the wakes, with several waiters, and members that go while
 * somebody waits. What a single member does is compared with the kernel by posix_behaviour. */
#include "test.h"
#include "bench.h"

#include <pthread.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

#define MANY 300

struct crowd {
	int ep, server, a[MANY], b[MANY];
};

static int
fresh(void **state)
{
	loop_reset();
	return 0;
}

static struct crowd
crowd_make(uint32_t events)
{
	struct crowd c = {.ep = epoll_create1(0), .server = bench_server(SAN_ONLY_ADDRESS)};

	for (int i = 0; i < MANY; i++) {
		c.a[i] = bench_socket(0);
		assert_int_equal(bench_connect(c.a[i], SAN_ONLY_ADDRESS, bench_port(c.server)), 0);
		c.b[i] = sw_accept(c.server, NULL, NULL, 0);
		assert_int_equal(bench_epoll_add(c.ep, c.b[i], events), 0);
	}
	return c;
}

static void
crowd_end(struct crowd *c)
{
	for (int i = 0; i < MANY; i++) {
		sw_close(c->a[i]);
		sw_close(c->b[i]);
	}
	sw_close(c->ep);
	sw_close(c->server);
	assert_int_equal(loop_socks(), 0);
}

static int
wait_for(int ep, struct epoll_event *ev, int max, int ms)
{
	return sw_epoll_pwait(ep, ev, max, ms, NULL);
}

static void
crowd__each_member_is_heard(void **state)
{
	struct crowd c = crowd_make(EPOLLIN);
	struct epoll_event ev;

	for (int i = 0; i < MANY; i++) {
		int one = i * 7 % MANY;

		assert_int_equal(wait_for(c.ep, &ev, 1, 0), 0);
		bench_send(c.a[one], "x");
		assert_int_equal(wait_for(c.ep, &ev, 1, 2000), 1);
		assert_int_equal(ev.data.fd, c.b[one]);
		assert_string_equal(bench_recv(c.b[one]), "x");
	}
	crowd_end(&c);
}

/* A few members that always have news must not keep the others from being heard. */
static void
crowd__busy_members_do_not_starve_the_rest(void **state)
{
	struct crowd c = crowd_make(EPOLLIN);
	bool heard[1024] = {false};
	struct epoll_event ev[16];
	int count = 0;

	for (int i = 0; i < MANY; i++)
		bench_send(c.a[i], "never read");
	for (int waits = 0; waits < 40 * MANY / 16 && count < MANY; waits++) {
		int n = wait_for(c.ep, ev, 16, 1000);

		for (int i = 0; i < n; i++) {
			count += !heard[ev[i].data.fd];
			heard[ev[i].data.fd] = true;
		}
	}
	assert_int_equal(count, MANY);
	crowd_end(&c);
}

/* ... nor the kernel's descriptors. */
static void
crowd__busy_members_do_not_starve_the_kernel(void **state)
{
	struct bench_pair p = bench_pair();
	int ep = epoll_create1(0), pipe_fd[2], found = 0;
	struct epoll_event ev[2];

	assert_int_equal(pipe(pipe_fd), 0);
	assert_int_equal(bench_epoll_add(ep, p.b, EPOLLIN), 0);
	assert_int_equal(bench_epoll_add(ep, pipe_fd[0], EPOLLIN), 0);
	bench_send(p.a, "never read");
	assert_int_equal(write(pipe_fd[1], "x", 1), 1);
	for (int waits = 0; waits < 64; waits++) {
		int n = wait_for(ep, ev, 2, 1000);

		for (int i = 0; i < n; i++)
			found += ev[i].data.fd == pipe_fd[0];
	}
	assert_true(found > 0);
	close(pipe_fd[0]);
	close(pipe_fd[1]);
	sw_close(ep);
	bench_pair_close(&p);
}

/* With all members idle but one, a wait looks at a bounded number of them. */
static void
crowd__a_wait_costs_the_active_members(void **state)
{
	struct crowd c = crowd_make(EPOLLIN);
	struct epoll_event ev;
	unsigned long before;

	bench_send(c.a[MANY - 1], "x");
	for (int i = 0; i < 4; i++)
		assert_int_equal(wait_for(c.ep, &ev, 1, 1000), 1);
	before = loop_polls();
	for (int i = 0; i < 100; i++)
		assert_int_equal(wait_for(c.ep, &ev, 1, 1000), 1);
	assert_true(loop_polls() - before <= 100 * (EP_HOT_MAX + 2));
	crowd_end(&c);
}

static void *
send_later(void *arg)
{
	usleep(30000);
	bench_send(*(int *)arg, "x");
	return NULL;
}

/* 64 wake objects are all a session has: without one the wait looks again every millisecond. */
static void
wait__without_a_wake_object(void **state)
{
	struct crowd c;
	struct epoll_event ev;
	pthread_t t;

	loop_script.no_wakes = true;
	c = crowd_make(EPOLLIN);
	assert_int_equal(wait_for(c.ep, &ev, 1, 30), 0);
	pthread_create(&t, NULL, send_later, &c.a[MANY - 1]);
	assert_int_equal(wait_for(c.ep, &ev, 1, 2000), 1);
	assert_int_equal(ev.data.fd, c.b[MANY - 1]);
	pthread_join(t, NULL);
	crowd_end(&c);
}

struct waiter {
	int ep, rounds;
	_Atomic int *left;
};

/* Takes bytes until all are taken. */
static void *
consume(void *arg)
{
	struct waiter *w = arg;
	struct epoll_event ev;

	while (atomic_load(w->left) > 0) {
		if (wait_for(w->ep, &ev, 1, 100) != 1)
			continue;
		if (ev.events == EPOLLIN)
			atomic_fetch_sub(w->left, (int)strlen(bench_recv(ev.data.fd)));
		ev.events = EPOLLIN | EPOLLONESHOT;
		sw_epoll_ctl(w->ep, EPOLL_CTL_MOD, ev.data.fd, &ev);
	}
	return NULL;
}

static void
wait__several_threads_share_a_set(void **state)
{
	struct crowd c = crowd_make(EPOLLIN | EPOLLONESHOT);
	_Atomic int left = 4 * MANY;
	struct waiter w = {c.ep, 0, &left};
	struct timespec start, end;
	pthread_t t[3];

	clock_gettime(CLOCK_MONOTONIC, &start);
	for (int i = 0; i < 3; i++)
		pthread_create(&t[i], NULL, consume, &w);
	for (int round = 0; round < 4; round++)
		for (int i = 0; i < MANY; i++)
			bench_send(c.a[i], "x");
	for (int i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
	clock_gettime(CLOCK_MONOTONIC, &end);
	assert_int_equal(atomic_load(&left), 0);
	assert_true(end.tv_sec - start.tv_sec < 20);
	crowd_end(&c);
}

static void *
wait_once(void *arg)
{
	struct epoll_event ev;

	return (void *)(intptr_t)wait_for(*(int *)arg, &ev, 1, 5000);
}

/* Level-triggered news wakes every thread that sleeps on the set, one after the other. */
static void
wait__all_sleepers_wake(void **state)
{
	struct bench_pair p = bench_pair();
	int ep = epoll_create1(0);
	pthread_t t[4];
	void *n;

	bench_epoll_add(ep, p.b, EPOLLIN);
	for (int i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, wait_once, &ep);
	usleep(50000);
	bench_send(p.a, "stays");
	for (int i = 0; i < 4; i++) {
		pthread_join(t[i], &n);
		assert_int_equal((intptr_t)n, 1);
	}
	sw_close(ep);
	bench_pair_close(&p);
}

/* A thread already asleep in the kernel when the set gets its first member of the SAN. */
static void
wait__first_member_comes_late(void **state)
{
	struct bench_pair p = bench_pair();
	int ep = epoll_create1(0);
	pthread_t t;
	void *n;

	bench_send(p.a, "x");
	pthread_create(&t, NULL, wait_once, &ep);
	usleep(50000);
	bench_epoll_add(ep, p.b, EPOLLIN);
	pthread_join(t, &n);
	assert_int_equal((intptr_t)n, 1);
	sw_close(ep);
	bench_pair_close(&p);
}

static void
members__a_closed_one_is_never_reported(void **state)
{
	struct bench_pair p = bench_pair();
	int ep = epoll_create1(0);
	struct epoll_event ev;

	bench_epoll_add(ep, p.b, EPOLLIN);
	bench_send(p.a, "x");
	sw_close(p.b);
	assert_int_equal(wait_for(ep, &ev, 1, 20), 0);
	sw_close(ep);
	sw_close(p.a);
	sw_close(p.server);
	assert_int_equal(loop_socks(), 0);
}

/* The set dies first: its members live on and forget it. */
static void
members__set_closed_first(void **state)
{
	struct bench_pair p = bench_pair();
	int ep = epoll_create1(0), other = epoll_create1(0);
	struct epoll_event ev;

	bench_epoll_add(ep, p.b, EPOLLIN);
	bench_epoll_add(other, p.b, EPOLLIN);
	sw_close(ep);
	bench_send(p.a, "x");
	assert_int_equal(wait_for(other, &ev, 1, 1000), 1);
	sw_close(other);
	bench_pair_close(&p);
}

/* epoll remembers a number that is closed while a dup lives on; the number may belong to another
 * socket by then. */
static void
members__number_reused_while_a_dup_lives(void **state)
{
	int server = bench_server(BOTH_ADDRESS), port = bench_port(server), kernel_only, copy;
	int fd = bench_socket(SOCK_NONBLOCK), ep = epoll_create1(0), other;
	struct sockaddr_in name = bench_name(0x7f000001, 0);
	struct epoll_event ev;

	loop_script.connect_holds = true;
	assert_int_equal(bench_connect(fd, BOTH_ADDRESS, port), -EINPROGRESS);
	assert_int_equal(bench_epoll_add(ep, fd, EPOLLOUT), 0);
	copy = sw_dup(fd);
	sw_close(fd);
	other = bench_socket(0);
	assert_int_equal(other, fd);
	loop_release(WSAETIMEDOUT);
	(void)sw_epoll_pwait(ep, &ev, 1, 50, NULL);
	assert_int_equal(sw_bind(other, (struct sockaddr *)&name, sizeof name), 0);
	kernel_only = sw_accept(server, NULL, NULL, 0);
	assert_true(kernel_only >= 0);
	bench_send(copy, "dup");
	assert_string_equal(bench_recv(kernel_only), "dup");
	sw_close(kernel_only);
	sw_close(copy);
	sw_close(other);
	sw_close(server);
	sw_close(ep);
	assert_int_equal(loop_socks(), 0);
}

/* News between the two halves of a listener is one event, and a spent one stays spent for both. */
static void
listener__is_reported_once(void **state)
{
	int server = bench_server(BOTH_ADDRESS), ep = epoll_create1(0), san = bench_socket(0);
	int tcp = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in name = bench_name(BOTH_ADDRESS, bench_port(server));
	struct epoll_event ev[4];

	bench_epoll_add(ep, server, EPOLLIN | EPOLLONESHOT);
	assert_int_equal(connect(tcp, (struct sockaddr *)&name, sizeof name), 0);
	assert_int_equal(bench_connect(san, BOTH_ADDRESS, bench_port(server)), 0);
	assert_int_equal(wait_for(ep, ev, 4, 1000), 1);
	assert_int_equal(ev[0].data.fd, server);
	assert_int_equal(wait_for(ep, ev, 4, 30), 0);
	close(tcp);
	sw_close(san);
	sw_close(server);
	sw_close(ep);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(crowd__each_member_is_heard, fresh),
	    cmocka_unit_test_setup(crowd__busy_members_do_not_starve_the_rest, fresh),
	    cmocka_unit_test_setup(crowd__busy_members_do_not_starve_the_kernel, fresh),
	    cmocka_unit_test_setup(crowd__a_wait_costs_the_active_members, fresh),
	    cmocka_unit_test_setup(wait__without_a_wake_object, fresh),
	    cmocka_unit_test_setup(wait__several_threads_share_a_set, fresh),
	    cmocka_unit_test_setup(wait__all_sleepers_wake, fresh),
	    cmocka_unit_test_setup(wait__first_member_comes_late, fresh),
	    cmocka_unit_test_setup(members__a_closed_one_is_never_reported, fresh),
	    cmocka_unit_test_setup(members__set_closed_first, fresh),
	    cmocka_unit_test_setup(members__number_reused_while_a_dup_lives, fresh),
	    cmocka_unit_test_setup(listener__is_reported_once, fresh),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
