/* SPDX-License-Identifier: BSD-3-Clause */
/* Processes: fork with and without the provider's help, sharing a socket, dying in the middle. */
#include "rig.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "abi.h"

static pid_t
fork_properly(void)
{
	int err = 0;
	pid_t pid;

	assert_int_equal(rig_san->sanForkBefore(&err), 0);
	pid = fork();
	if (pid == 0)
		rig_san->sanForkChild();
	else
		rig_san->sanForkParent();
	return pid;
}

static int
child_status(pid_t pid)
{
	int status = -1;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static void
wait_attached(uint32_t count)
{
	for (int i = 0; i < 2000 && fake_attached(rig_fake) != count; i++)
		rig_sleep_ms(1);
	assert_int_equal(fake_attached(rig_fake), count);
}

/* In a child: cmocka's asserts would run the rest of the tests twice. */
#define CHILD(cond)                                \
	do {                                       \
		if (!(cond))                       \
			_exit(__LINE__ % 200 + 1); \
	} while (0)

static void
child_uses_an_inherited_socket(void **state)
{
	SOCKET a, b;
	char buf[8];
	int err;
	pid_t pid;

	rig_pair(&a, &b);
	pid = fork_properly();
	if (pid == 0) {
		CHILD(rig_send_some(a, "child", 5, 0, &err) == 5);
		_exit(0);
	}
	assert_int_equal(rig_recv(b, buf, 5, &err), 5);
	assert_memory_equal(buf, "child", 5);
	assert_int_equal(child_status(pid), 0);
	wait_attached(1);
	/* The child's end is not the socket's end. */
	rig_send(a, "still", 5);
	assert_int_equal(rig_recv(b, buf, 5, &err), 5);
	rig_close(a);
	rig_close(b);
}

static void
c13_last_process_closes(void **state)
{
	SOCKET a, b;
	char buf[8];
	int err, go[2];
	pid_t pid;

	assert_int_equal(pipe(go), 0);
	rig_pair(&a, &b);
	pid = fork_properly();
	if (pid == 0) {
		CHILD(read(go[0], buf, 1) == 1);
		CHILD(rig_send_some(a, "late", 4, 0, &err) == 4);
		CHILD(rig_wsp.lpWSPCloseSocket(a, &err) == 0);
		CHILD(rig_wsp.lpWSPCloseSocket(a, &err) == SOCKET_ERROR && err == WSAENOTSOCK);
		CHILD(read(go[0], buf, 1) == 1); /* b is still open here: it lives on */
		_exit(0);
	}
	rig_close(a); /* the child holds it still */
	assert_int_equal(rig_recv_some(b, buf, 1, 0, &err), -1);
	assert_int_equal(err, WSAEWOULDBLOCK);
	assert_int_equal(write(go[1], "1", 1), 1);
	assert_int_equal(rig_recv(b, buf, 8, &err), 4); /* and end of stream */
	assert_memory_equal(buf, "late", 4);
	assert_int_equal(write(go[1], "2", 1), 1);
	assert_int_equal(child_status(pid), 0);
	rig_close(b);
	close(go[0]);
	close(go[1]);
}

static void
death_closes_like_exit(void **state)
{
	SOCKET l = rig_listener(RIG_PORT, 4), b;
	char buf[8];
	int err;
	pid_t pid = fork_properly();

	if (pid == 0) {
		SOCKET a = rig_socket();

		CHILD(rig_connect(a, "10.77.0.1", RIG_PORT) == 0);
		CHILD(rig_send_some(a, "last", 4, 0, &err) == 4);
		kill(getpid(), SIGKILL);
	}
	b = rig_accept(l);
	assert_int_equal(rig_recv(b, buf, 8, &err), 4);
	assert_int_equal(err, 0);
	assert_int_equal(child_status(pid), 1000 + SIGKILL);
	rig_close(b);
	rig_close(l);
}

/* Children that die at any moment must leave nothing behind, and no lock that stops the others. */
static void
children_killed_anywhere(void **state)
{
	SOCKET l = rig_listener(RIG_PORT, 64);

	for (int round = 0; round < 40; round++) {
		pid_t pid = fork_properly();
		struct timespec nap = {0, (round * 370000L) % 7000000L};

		if (pid == 0) {
			for (;;) {
				SOCKET a = rig_socket();
				struct sockaddr_storage to = rig_addr("10.77.0.1", RIG_PORT);
				int err;

				(void)rig_wsp.lpWSPConnect(a, (struct sockaddr *)&to, sizeof to,
				    NULL, NULL, NULL, NULL, &err);
				(void)rig_san->sanWait(a, POLLOUT, NULL, &err);
				(void)rig_send_some(a, "data", 4, 0, &err);
				(void)rig_wsp.lpWSPCloseSocket(a, &err);
			}
		}
		nanosleep(&nap, NULL);
		kill(pid, SIGKILL);
		assert_int_equal(child_status(pid), 1000 + SIGKILL);
		for (;;) {
			int err = 0;
			SOCKET b = rig_wsp.lpWSPAccept(l, NULL, NULL, NULL, 0, &err);

			if (b == INVALID_SOCKET)
				break;
			rig_close(b);
		}
	}
	wait_attached(1);
	rig_close(l);
	rig_quiet();
}

static void
child_that_never_says_so_owns_nothing(void **state)
{
	SOCKET a, b;
	pid_t pid;
	int err = 0;

	rig_pair(&a, &b);
	pid = fork();
	if (pid == 0) {
		CHILD(rig_send_some(a, "x", 1, 0, &err) == -1 && err == WSAENETDOWN);
		CHILD(rig_san->sanPoll(a) == POLLNVAL);
		CHILD(rig_wsp.lpWSPSocket(AF_INET, SOCK_STREAM, 0, NULL, 0, 0, &err) ==
			  INVALID_SOCKET &&
		      err == WSAENETDOWN);
		CHILD(rig_wsp.lpWSPCloseSocket(a, &err) == SOCKET_ERROR && err == WSAENETDOWN);
		_exit(0);
	}
	assert_int_equal(child_status(pid), 0);
	rig_send(a, "y", 1);
	rig_close(a);
	rig_close(b);
}

static void
failed_fork_undoes_itself(void **state)
{
	SOCKET a, b;
	int err = 0;

	rig_pair(&a, &b);
	assert_int_equal(rig_san->sanForkBefore(&err), 0);
	rig_san->sanForkParent(); /* fork(2) failed: there is no child */
	wait_attached(1);
	rig_close(a);
	rig_close(b);
}

static int
setup_fork_refused(void **state)
{
	record_clear();
	rig_fake_start((struct fake_options){.fault = FAKE_FORK_REFUSED});
	assert_int_equal(rig_start(), 0);
	return 0;
}

static void
refused_fork_orphans_the_child_only(void **state)
{
	SOCKET a, b;
	int err = 0;
	char buf[4];
	pid_t pid;

	rig_pair(&a, &b);
	assert_int_equal(rig_san->sanForkBefore(&err), -1);
	pid = fork();
	if (pid == 0) {
		rig_san->sanForkChild();
		CHILD(rig_send_some(a, "x", 1, 0, &err) == -1 && err == WSAENETDOWN);
		CHILD(rig_wsp.lpWSPCloseSocket(a, &err) == 0);
		CHILD(rig_wsp.lpWSPCloseSocket(b, &err) == 0);
		CHILD(record_open() == 0);
		_exit(0);
	}
	rig_san->sanForkParent();
	assert_int_equal(child_status(pid), 0);
	rig_send(a, "y", 1);
	assert_int_equal(rig_recv(b, buf, 1, &err), 1);
	rig_close(a);
	rig_close(b);
}

static void
siblings_share_one_stream(void **state)
{
	enum { CHILDREN = 3, EACH = 400, SIZE = 40 };
	unsigned counts[CHILDREN + 1] = {0};
	SOCKET a, b;
	pid_t pid[CHILDREN];
	uint8_t buf[SIZE];
	int err;

	rig_pair(&a, &b);
	for (int c = 0; c < CHILDREN; c++) {
		pid[c] = fork_properly();
		if (pid[c] == 0) {
			memset(buf, c + 1, sizeof buf);
			for (int i = 0; i < EACH; i++) {
				ssize_t n;

				/* one send is one piece: nobody comes in between */
				while ((n = rig_send_some(a, buf, SIZE, 0, &err)) < 0)
					CHILD(err == WSAEWOULDBLOCK &&
					      rig_san->sanWait(a, POLLOUT, NULL, &err) > 0);
				CHILD(n == SIZE);
			}
			_exit(0);
		}
	}
	for (int i = 0; i < CHILDREN * EACH; i++) {
		assert_int_equal(rig_recv(b, buf, SIZE, &err), SIZE);
		for (int k = 1; k < SIZE; k++)
			assert_int_equal(buf[k], buf[0]);
		assert_in_range(buf[0], 1, CHILDREN);
		counts[buf[0]]++;
	}
	for (int c = 0; c < CHILDREN; c++) {
		assert_int_equal(child_status(pid[c]), 0);
		assert_int_equal(counts[c + 1], EACH);
	}
	rig_close(a);
	rig_close(b);
}

/* A sibling holding a lock when it is killed: the others go on. */
static void
lock_of_a_dead_sibling_is_taken_over(void **state)
{
	SOCKET a, b;
	char buf[4];
	int err;
	uint64_t before;

	rig_pair(&a, &b);
	/* A child that sends without end dies with the lock in its hands sooner or later. */
	for (int round = 0; round < 30; round++) {
		pid_t pid = fork_properly();
		static uint8_t big[60000];

		if (pid == 0)
			for (;;) {
				(void)rig_send_some(a, big, sizeof big, 0, &err);
				(void)rig_recv_some(b, big, sizeof big, 0, &err);
			}
		rig_sleep_ms(2);
		kill(pid, SIGKILL);
		before = rig_now_ms(); /* not yet waited for: a zombie */
		while (rig_recv_some(b, big, sizeof big, 0, &err) > 0)
			;
		while (rig_send_some(a, "m", 1, 0, &err) < 0)
			assert_int_equal(err, WSAEWOULDBLOCK);
		assert_true(rig_now_ms() - before < 1500);
		assert_int_equal(child_status(pid), 1000 + SIGKILL);
		do
			assert_int_equal(rig_recv(b, buf, 1, &err), 1);
		while (buf[0] != 'm');
	}
	rig_close(a);
	rig_close(b);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)
	const struct CMUnitTest tests[] = {T(child_uses_an_inherited_socket),
	    T(c13_last_process_closes), T(death_closes_like_exit), T(children_killed_anywhere),
	    T(child_that_never_says_so_owns_nothing), T(failed_fork_undoes_itself),
	    cmocka_unit_test_setup_teardown(
		refused_fork_orphans_the_child_only, setup_fork_refused, rig_teardown),
	    T(siblings_share_one_stream), T(lock_of_a_dead_sibling_is_taken_over)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
