/* SPDX-License-Identifier: BSD-3-Clause */
/* Descriptors that are closed, replaced and given out again while other threads use them. Under
 * TSan this shows races, under ASan foreign memory; in any build: no byte of one connection may
 * turn up on another. */
#include "test.h"
#include "bench.h"

#include <pthread.h>
#include <string.h>
#include <sys/epoll.h>

#define ROUNDS 300

static int
fresh(void **state)
{
	loop_reset();
	return 0;
}

struct victim {
	_Atomic int fd;
	_Atomic bool stop;
	_Atomic int foreign; /* bytes seen that nobody sent */
};

/* Every connection carries only its own descriptor's letter: 'b' on SAN sockets; anything else is a
 * leak. */
static void *
read_and_poll(void *arg)
{
	struct victim *v = arg;

	while (!atomic_load(&v->stop)) {
		int fd = atomic_load(&v->fd);
		struct pollfd p = {fd, POLLIN, 0};
		struct fdtab_stream st = fdtab_stream(fd);
		char byte = 'b';

		sw_poll(&p, 1, 0);
		if (st.file != NULL && sw_read(st, fd, &byte, 1, MSG_DONTWAIT) == 1 && byte != 'b')
			atomic_fetch_add(&v->foreign, 1);
	}
	return NULL;
}

static void
close__while_others_read(void **state)
{
	struct victim v = {.fd = -1};
	pthread_t t[2];

	for (int i = 0; i < 2; i++)
		pthread_create(&t[i], NULL, read_and_poll, &v);
	for (int i = 0; i < ROUNDS; i++) {
		struct bench_pair p = bench_pair();

		atomic_store(&v.fd, p.b);
		bench_send(p.a, "bbbbbbbb");
		bench_pair_close(&p);
	}
	atomic_store(&v.stop, true);
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	assert_int_equal(atomic_load(&v.foreign), 0);
	assert_int_equal(loop_socks(), 0);
}

static void
dup2__while_others_read(void **state)
{
	struct victim v = {.fd = 500};
	struct bench_pair p = bench_pair(), q = bench_pair();
	pthread_t t;

	assert_int_equal(sw_dup2(p.b, 500), 500);
	pthread_create(&t, NULL, read_and_poll, &v);
	for (int i = 0; i < ROUNDS; i++) {
		bench_send(p.a, "b");
		bench_send(q.a, "b");
		assert_int_equal(sw_dup2(i % 2 == 0 ? q.b : p.b, 500), 500);
	}
	atomic_store(&v.stop, true);
	pthread_join(t, NULL);
	sw_close(500);
	bench_pair_close(&p);
	bench_pair_close(&q);
	assert_int_equal(atomic_load(&v.foreign), 0);
	assert_int_equal(loop_socks(), 0);
}

static void *
wait_in_set(void *arg)
{
	struct victim *v = arg;
	struct epoll_event ev[8];

	while (!atomic_load(&v->stop))
		(void)sw_epoll_pwait(atomic_load(&v->fd), ev, 8, 1, NULL);
	return NULL;
}

static void
epoll__members_come_and_go(void **state)
{
	struct victim v = {.fd = epoll_create1(0)};
	int ep = atomic_load(&v.fd);
	pthread_t t[2];

	for (int i = 0; i < 2; i++)
		pthread_create(&t[i], NULL, wait_in_set, &v);
	for (int i = 0; i < ROUNDS; i++) {
		struct bench_pair p = bench_pair();

		bench_epoll_add(ep, p.b, EPOLLIN | (i % 2 == 0 ? EPOLLET : 0));
		bench_epoll_add(ep, p.server, EPOLLIN);
		bench_send(p.a, "x");
		if (i % 3 == 0)
			sw_epoll_ctl(ep, EPOLL_CTL_DEL, p.b, NULL);
		bench_pair_close(&p);
	}
	atomic_store(&v.stop, true);
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	sw_close(ep);
	assert_int_equal(loop_socks(), 0);
}

struct sleeper {
	int fd;
	ssize_t result;
};

static void *
sleep_in_recv(void *arg)
{
	struct sleeper *s = arg;
	char byte;

	s->result = sw_read(fdtab_stream(s->fd), s->fd, &byte, 1, 0);
	return NULL;
}

static void *
sleep_in_accept(void *arg)
{
	struct sleeper *s = arg;

	s->result = sw_accept(s->fd, NULL, NULL, 0);
	return NULL;
}

static void
close__wakes_a_thread_in_recv(void **state)
{
	struct bench_pair p = bench_pair();
	struct sleeper s = {p.b, 0};
	pthread_t t;

	pthread_create(&t, NULL, sleep_in_recv, &s);
	usleep(50000);
	sw_close(p.b);
	pthread_join(t, NULL);
	assert_int_equal(s.result, -EBADF);
	sw_close(p.a);
	sw_close(p.server);
}

static void
close__wakes_a_thread_in_accept(void **state)
{
	struct sleeper s = {bench_server(SAN_ONLY_ADDRESS), 0};
	pthread_t t;

	pthread_create(&t, NULL, sleep_in_accept, &s);
	usleep(50000);
	sw_close(s.fd);
	pthread_join(t, NULL);
	assert_int_equal(s.result, -EBADF);
}

static void *
connect_and_close(void *arg)
{
	int port = *(int *)arg;

	for (int i = 0; i < ROUNDS; i++) {
		int fd = bench_socket(i % 2 == 0 ? SOCK_NONBLOCK : 0);

		(void)bench_connect(fd, SAN_ONLY_ADDRESS, port);
		sw_close(fd);
	}
	return NULL;
}

static void
accept__many_threads(void **state)
{
	int server = bench_server(SAN_ONLY_ADDRESS), port = bench_port(server), none = 0;
	pthread_t t[2];

	sw_fcntl(server, F_SETFL, (void *)(intptr_t)O_NONBLOCK);
	for (int i = 0; i < 2; i++)
		pthread_create(&t[i], NULL, connect_and_close, &port);
	while (none < 200) {
		int fd = sw_accept(server, NULL, NULL, 0);

		if (fd >= 0)
			sw_close(fd);
		else
			usleep(100);
		none = fd >= 0 ? 0 : none + 1;
	}
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	sw_close(server);
	assert_int_equal(loop_socks(), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(close__while_others_read, fresh),
	    cmocka_unit_test_setup(dup2__while_others_read, fresh),
	    cmocka_unit_test_setup(epoll__members_come_and_go, fresh),
	    cmocka_unit_test_setup(close__wakes_a_thread_in_recv, fresh),
	    cmocka_unit_test_setup(close__wakes_a_thread_in_accept, fresh),
	    cmocka_unit_test_setup(accept__many_threads, fresh),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
