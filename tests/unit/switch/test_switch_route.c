/* SPDX-License-Identifier: BSD-3-Clause */
/* Which way a socket goes: every decision of connect(), listen() and bind(), and what remains of
 * the companion. */
#include "test.h"
#include "bench.h"

#include <sys/epoll.h>
#include <sys/resource.h>

static int
fresh(void **state)
{
	loop_reset();
	assert_int_equal(loop_socks(), 0);
	return 0;
}

static int
kernel_server(void)
{
	struct sockaddr_in a = bench_name(BOTH_ADDRESS, 0);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(listen(fd, 8), 0);
	return fd;
}

/* Before this one no test has started the provider. */
static void
start__without_daemon_is_kernel_and_tried_again(void **state)
{
	int server = kernel_server(), fd = bench_socket(0);

	loop_script.startup_error = WSASYSNOTREADY;
	assert_int_equal(bench_connect(fd, BOTH_ADDRESS, bench_port(server)), 0);
	assert_null(fdtab_get(fd));
	sw_close(fd);
	loop_script.startup_error = 0;
	sleep(3);
	fd = bench_socket(0);
	assert_int_equal(bench_connect(fd, BOTH_ADDRESS, bench_port(server)), -ECONNREFUSED);
	sw_close(fd);
	close(server);
}

static void
connect__no_rule_leaves_no_trace(void **state)
{
	int server = kernel_server(), fd = bench_socket(0);

	loop_script.route = -1;
	assert_non_null(fdtab_get(fd));
	assert_int_equal(bench_connect(fd, BOTH_ADDRESS, bench_port(server)), 0);
	assert_null(fdtab_get(fd));
	assert_int_equal(loop_socks(), 0);
	sw_close(fd);
	close(server);
}

/* The daemon's addresses and rules may change while the program runs: the next connect() obeys. */
static void
connect__asks_each_time(void **state)
{
	int server = kernel_server(), first = bench_socket(0), second = bench_socket(0),
	    third = bench_socket(0);

	loop_script.route = -1;
	assert_int_equal(bench_connect(first, BOTH_ADDRESS, bench_port(server)), 0);
	assert_null(fdtab_get(first));
	loop_script.route = 0;
	/* Only the kernel's server is there: refused by the SAN is final. */
	assert_int_equal(bench_connect(second, BOTH_ADDRESS, bench_port(server)), -ECONNREFUSED);
	assert_non_null(fdtab_get(second));
	loop_script.route = -1;
	assert_int_equal(bench_connect(third, BOTH_ADDRESS, bench_port(server)), 0);
	assert_null(fdtab_get(third));
	sw_close(first);
	sw_close(second);
	sw_close(third);
	close(server);
}

static void
connect__no_rule_with_a_dup_keeps_both_working(void **state)
{
	int server = kernel_server(), fd = bench_socket(0), copy = sw_dup(fd), b;

	loop_script.route = -1;
	assert_int_equal(bench_connect(fd, BOTH_ADDRESS, bench_port(server)), 0);
	b = accept(server, NULL, NULL);
	assert_int_equal(bench_send(copy, "x"), 1);
	assert_string_equal(bench_recv(b), "x");
	sw_close(copy);
	assert_int_equal(bench_send(fd, "y"), 1);
	sw_close(fd);
	close(b);
	close(server);
}

static void
connect__bound_elsewhere_is_kernel(void **state)
{
	struct sockaddr_in here = bench_name(0x7f000001, 0);
	int server = kernel_server(), fd = bench_socket(0);

	assert_int_equal(sw_bind(fd, (struct sockaddr *)&here, sizeof here), 0);
	assert_int_equal(bench_connect(fd, BOTH_ADDRESS, bench_port(server)), 0);
	assert_null(fdtab_get(fd));
	sw_close(fd);
	close(server);
}

static void
connect__no_companion_is_kernel(void **state)
{
	int server = kernel_server(), fd = bench_socket(0);

	loop_script.socket_error = WSAENOBUFS;
	assert_int_equal(bench_connect(fd, BOTH_ADDRESS, bench_port(server)), 0);
	assert_null(fdtab_get(fd));
	sw_close(fd);
	close(server);
}

/* The provider's error, whether kernel TCP may be tried, and what the program sees when there is no
 * rescue. */
static const struct {
	int wsa;
	bool retry;
	int seen;
} failures[] = {
    {WSAECONNRESET, false, ECONNREFUSED},
    {WSAECONNREFUSED, false, ECONNREFUSED},
    {WSAEHOSTUNREACH, false, EHOSTUNREACH},
    {WSAETIMEDOUT, true, ETIMEDOUT},
    {WSAENETDOWN, true, ENETDOWN},
    {WSAEADDRNOTAVAIL, true, EADDRNOTAVAIL},
};
#define FAILURES (sizeof failures / sizeof failures[0])

static void
connect__each_failure_falls_back_or_not(void **state)
{
	for (size_t i = 0; i < FAILURES; i++) {
		int server = kernel_server(), fd = bench_socket(0);

		loop_script.connect_error = failures[i].wsa;
		assert_int_equal(bench_connect(fd, BOTH_ADDRESS, bench_port(server)),
		    failures[i].retry ? 0 : -failures[i].seen);
		assert_int_equal(fdtab_get(fd) == NULL, failures[i].retry);
		assert_int_equal(loop_socks(), 0);
		sw_close(fd);
		close(server);
	}
}

static void
connect__san_only_never_falls_back(void **state)
{
	loop_script.route = 2;
	for (size_t i = 0; i < FAILURES; i++) {
		int server = kernel_server(), fd = bench_socket(0);

		loop_script.connect_error = failures[i].wsa;
		assert_int_equal(
		    bench_connect(fd, BOTH_ADDRESS, bench_port(server)), -failures[i].seen);
		sw_close(fd);
		close(server);
	}
}

/* The kernel cannot even begin (nothing routes there): the SAN's own error says more. */
static void
connect__fallback_that_cannot_start_keeps_the_sans_error(void **state)
{
	struct sockaddr_in here = bench_name(SAN_ONLY_ADDRESS, 0);
	int fd = bench_socket(0), rc;

	loop_script.connect_error = WSAETIMEDOUT;
	assert_int_equal(sw_bind(fd, (struct sockaddr *)&here, sizeof here), 0);
	rc = bench_connect(fd, 0x7f4d0002, 9);
	assert_true(rc == -ETIMEDOUT || rc == -ECONNREFUSED);
	sw_close(fd);
}

/* A non-blocking connect whose SAN attempt fails late turns into the kernel's while the program
 * sleeps in poll or epoll. */
static void
connect__late_fallback_under_poll(void **state)
{
	int server = kernel_server(), fd = bench_socket(SOCK_NONBLOCK), error = -1;
	struct pollfd p = {fd, POLLOUT, 0};
	socklen_t len = sizeof error;

	loop_script.connect_holds = true;
	assert_int_equal(bench_connect(fd, BOTH_ADDRESS, bench_port(server)), -EINPROGRESS);
	assert_int_equal(bench_connect(fd, BOTH_ADDRESS, bench_port(server)), -EALREADY);
	assert_int_equal(sw_poll(&p, 1, 20), 0);
	loop_release(WSAETIMEDOUT);
	assert_int_equal(sw_poll(&p, 1, 2000), 1);
	assert_int_equal(p.revents, POLLOUT);
	assert_int_equal(sw_getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len), 0);
	assert_int_equal(error, 0);
	assert_null(fdtab_get(fd));
	sw_close(fd);
	close(server);
}

static void
connect__late_fallback_under_epoll(void **state)
{
	int server = kernel_server(), fd = bench_socket(SOCK_NONBLOCK), ep = epoll_create1(0);
	struct epoll_event ev;

	loop_script.connect_holds = true;
	assert_int_equal(bench_connect(fd, BOTH_ADDRESS, bench_port(server)), -EINPROGRESS);
	assert_int_equal(bench_epoll_add(ep, fd, EPOLLOUT), 0);
	assert_int_equal(sw_epoll_pwait(ep, &ev, 1, 20, NULL), 0);
	loop_release(WSAETIMEDOUT);
	assert_int_equal(sw_epoll_pwait(ep, &ev, 1, 2000, NULL), 1);
	assert_int_equal(ev.events, EPOLLOUT);
	assert_int_equal(ev.data.fd, fd);
	sw_close(fd);
	sw_close(ep);
	close(server);
	assert_int_equal(loop_wakes(), 1); /* this thread's */
}

static void
connect__closed_while_under_way(void **state)
{
	int fd = bench_socket(SOCK_NONBLOCK);

	loop_script.connect_holds = true;
	assert_int_equal(bench_connect(fd, SAN_ONLY_ADDRESS, 9), -EINPROGRESS);
	assert_int_equal(loop_socks(), 1);
	assert_int_equal(sw_close(fd), 0);
	assert_int_equal(loop_socks(), 0);
}

static void
listen__both_sides_accept_in_turn(void **state)
{
	int server = bench_server(BOTH_ADDRESS), san[4], tcp[4], from_san = 0;
	struct sockaddr_in name = bench_name(BOTH_ADDRESS, bench_port(server));

	for (int i = 0; i < 4; i++) {
		tcp[i] = socket(AF_INET, SOCK_STREAM, 0);
		assert_int_equal(connect(tcp[i], (struct sockaddr *)&name, sizeof name), 0);
		san[i] = bench_socket(0);
		assert_int_equal(bench_connect(san[i], BOTH_ADDRESS, bench_port(server)), 0);
	}
	for (int i = 0; i < 8; i++) {
		int fd = sw_accept(server, NULL, NULL, SOCK_CLOEXEC);

		assert_true(fd >= 0);
		from_san += fdtab_get(fd) != NULL;
		assert_int_equal(from_san, i / 2 + 1); /* SAN, kernel, SAN, ... */
		sw_close(fd);
	}
	for (int i = 0; i < 4; i++) {
		close(tcp[i]);
		sw_close(san[i]);
	}
	sw_close(server);
	assert_int_equal(loop_socks(), 0);
}

static void
listen__san_failure_leaves_the_kernels_listener(void **state)
{
	struct sockaddr_in name;
	int server, fd = socket(AF_INET, SOCK_STREAM, 0), b;

	loop_script.listen_error = WSAENOBUFS;
	server = bench_server(BOTH_ADDRESS);
	name = bench_name(BOTH_ADDRESS, bench_port(server));
	assert_int_equal(loop_socks(), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&name, sizeof name), 0);
	b = sw_accept(server, NULL, NULL, 0);
	assert_true(b >= 0);
	sw_close(b);
	sw_close(server);
	close(fd);
}

static void
listen__san_only_keeps_the_kernel_out(void **state)
{
	int server, fd = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in name;

	loop_script.route = 2;
	server = bench_server(BOTH_ADDRESS);
	name = bench_name(BOTH_ADDRESS, bench_port(server));
	assert_int_equal(connect(fd, (struct sockaddr *)&name, sizeof name), -1);
	assert_int_equal(errno, ECONNREFUSED);
	sw_close(server);
	loop_script.listen_error = WSAEADDRINUSE;
	server = bench_socket(0);
	assert_int_equal(sw_bind(server, (struct sockaddr *)&name, sizeof name), 0);
	assert_int_equal(sw_listen(server, 4), -EADDRINUSE);
	sw_close(server);
	close(fd);
}

static void
listen__unbound_gets_one_port_for_both(void **state)
{
	int server = bench_socket(0), fd = bench_socket(0);

	assert_int_equal(sw_listen(server, 4), 0);
	assert_true(bench_port(server) > 0);
	assert_int_equal(bench_connect(fd, SAN_ONLY_ADDRESS, bench_port(server)), 0);
	sw_close(fd);
	sw_close(server);
}

static void
bind__address_of_the_san_alone(void **state)
{
	struct sockaddr_in name = bench_name(SAN_ONLY_ADDRESS, 0), other, stranger;
	int fd = bench_socket(0), second = bench_socket(0);
	socklen_t len = sizeof other;

	assert_int_equal(sw_bind(fd, (struct sockaddr *)&name, sizeof name), 0);
	assert_int_equal(sw_getsockname(fd, (struct sockaddr *)&other, &len), 0);
	assert_int_equal(other.sin_addr.s_addr, name.sin_addr.s_addr);
	assert_int_not_equal(other.sin_port, 0);
	assert_int_equal(sw_bind(second, (struct sockaddr *)&other, sizeof other), -EADDRINUSE);
	stranger = bench_name(0x0a4d00c8, 0);
	assert_int_equal(
	    sw_bind(second, (struct sockaddr *)&stranger, sizeof stranger), -EADDRNOTAVAIL);
	sw_close(fd);
	sw_close(second);
}

static void
accept__out_of_descriptors_leaves_the_connection(void **state)
{
	struct rlimit old, tight;
	int server = bench_server(SAN_ONLY_ADDRESS), fd = bench_socket(0), b;

	assert_int_equal(bench_connect(fd, SAN_ONLY_ADDRESS, bench_port(server)), 0);
	getrlimit(RLIMIT_NOFILE, &old);
	tight = old;
	tight.rlim_cur = (rlim_t)fd + 1;
	setrlimit(RLIMIT_NOFILE, &tight);
	assert_int_equal(sw_accept(server, NULL, NULL, 0), -EMFILE);
	setrlimit(RLIMIT_NOFILE, &old);
	b = sw_accept(server, NULL, NULL, 0);
	assert_true(b >= 0);
	sw_close(b);
	sw_close(fd);
	sw_close(server);
}

static void
fdtab__bounds(void **state)
{
	assert_null(fdtab_get(-1));
	assert_null(fdtab_get(FDTAB_MAX));
	assert_null(fdtab_get(INT32_MAX));
	assert_int_equal(fdtab_set(-1, NULL), -EBADF);
	assert_int_equal(fdtab_next(FDTAB_MAX - 1), -1);
	assert_int_equal(sw_close(-1), -EBADF);
	assert_int_equal(sw_close(FDTAB_MAX + 1), -EBADF);
	assert_int_equal(sw_shutdown(-5, SHUT_RD), -EBADF);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(start__without_daemon_is_kernel_and_tried_again, fresh),
	    cmocka_unit_test_setup(connect__no_rule_leaves_no_trace, fresh),
	    cmocka_unit_test_setup(connect__asks_each_time, fresh),
	    cmocka_unit_test_setup(connect__no_rule_with_a_dup_keeps_both_working, fresh),
	    cmocka_unit_test_setup(connect__bound_elsewhere_is_kernel, fresh),
	    cmocka_unit_test_setup(connect__no_companion_is_kernel, fresh),
	    cmocka_unit_test_setup(connect__each_failure_falls_back_or_not, fresh),
	    cmocka_unit_test_setup(connect__san_only_never_falls_back, fresh),
	    cmocka_unit_test_setup(connect__fallback_that_cannot_start_keeps_the_sans_error, fresh),
	    cmocka_unit_test_setup(connect__late_fallback_under_poll, fresh),
	    cmocka_unit_test_setup(connect__late_fallback_under_epoll, fresh),
	    cmocka_unit_test_setup(connect__closed_while_under_way, fresh),
	    cmocka_unit_test_setup(listen__both_sides_accept_in_turn, fresh),
	    cmocka_unit_test_setup(listen__san_failure_leaves_the_kernels_listener, fresh),
	    cmocka_unit_test_setup(listen__san_only_keeps_the_kernel_out, fresh),
	    cmocka_unit_test_setup(listen__unbound_gets_one_port_for_both, fresh),
	    cmocka_unit_test_setup(bind__address_of_the_san_alone, fresh),
	    cmocka_unit_test_setup(accept__out_of_descriptors_leaves_the_connection, fresh),
	    cmocka_unit_test_setup(fdtab__bounds, fresh),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
