/* SPDX-License-Identifier: BSD-3-Clause */
/* WSPDuplicateSocket inside a family: to oneself, to a child, to nobody. */
#include "ends.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static SOCKET
take(const WSAPROTOCOL_INFOW *info, int *err)
{
	WSAPROTOCOL_INFOW copy = *info;

	return rig_wsp.lpWSPSocket(
	    AF_INET, info->iSocketType, info->iProtocol, &copy, 0, WSA_FLAG_OVERLAPPED, err);
}

static WSAPROTOCOL_INFOW
give(SOCKET s, pid_t to)
{
	WSAPROTOCOL_INFOW info;
	int err = 0;

	assert_int_equal(rig_wsp.lpWSPDuplicateSocket(s, (DWORD)to, &info, &err), 0);
	assert_int_not_equal(info.dwProviderReserved, 0);
	return info;
}

/* The same descriptor and the same handle come back, and nothing is lost. */
static void
i19_receives_end_well_and_only_close_is_legal(void **state)
{
	WSAOVERLAPPED polled = {.hEvent = POLLED}, upcall = {0};
	unsigned made = record_created();
	WSAPROTOCOL_INFOW info;
	DWORD bytes = 0;
	int err = 0;

	assert_int_equal(post_recv(&a, 0, 100, &polled), WSA_IO_PENDING);
	assert_int_equal(post_recv(&a, 100, 100, &upcall), WSA_IO_PENDING);
	info = give(a.s, getpid());
	assert_int_equal(polled.Internal, 0);
	assert_int_equal(polled.OffsetHigh, 0);
	assert_int_equal(polled.InternalHigh, 0);
	assert_int_equal(record_completions_of(&upcall), 1);
	assert_int_equal(record_completion(record_completions() - 1).error, 0);
	assert_int_equal(record_completion(record_completions() - 1).bytes, 0);
	assert_int_equal(post_send(&a, 0, 1, &polled), WSAENOTSOCK);
	assert_int_equal(post_recv(&a, 0, 1, &polled), WSAENOTSOCK);
	assert_int_equal(rig_wsp.lpWSPDuplicateSocket(a.s, 1, &info, &err), SOCKET_ERROR);
	assert_int_equal(err, WSAENOTSOCK);
	memcpy(b.arena, "meanwhile", 9);
	polled = (WSAOVERLAPPED){.hEvent = POLLED};
	assert_int_equal(post_send(&b, 0, 9, &polled), WSA_IO_PENDING);
	assert_int_equal(take(&info, &err), a.s);
	assert_int_equal(record_created(), made);
	assert_int_equal(take(&info, &err), INVALID_SOCKET); /* once only */
	assert_int_equal(err, WSAEINVAL);
	upcall = (WSAOVERLAPPED){.hEvent = POLLED};
	assert_int_equal(post_recv(&a, 0, 100, &upcall), WSA_IO_PENDING);
	assert_int_equal(result(&a, &upcall, TRUE, &bytes), 0);
	assert_int_equal(bytes, 9);
	assert_memory_equal(a.arena, "meanwhile", 9);
}

/* More than the rings hold is under way: nobody could go on with it. */
static void
not_while_a_send_is_pending(void **state)
{
	WSAOVERLAPPED ov[8];
	WSAPROTOCOL_INFOW info;
	unsigned pending = 0;
	int err = 0;

	for (unsigned i = 0; i < 8; i++) {
		ov[i] = (WSAOVERLAPPED){.hEvent = POLLED};
		assert_int_equal(post_send(&a, 0, ARENA, &ov[i]), WSA_IO_PENDING);
	}
	for (unsigned i = 0; i < 8; i++)
		pending += ov[i].Internal != 0;
	assert_true(pending > 0);
	assert_int_equal(
	    rig_wsp.lpWSPDuplicateSocket(a.s, (DWORD)getpid(), &info, &err), SOCKET_ERROR);
	assert_int_equal(err, WSAEINVAL);
	assert_int_equal(rig_wsp.lpWSPCloseSocket(a.s, &err), 0);
	a.s = INVALID_SOCKET;
}

/* In a child: cmocka's asserts would run the rest of the tests twice. */
#define CHILD(cond)                                \
	do {                                       \
		if (!(cond))                       \
			_exit(__LINE__ % 200 + 1); \
	} while (0)

/* What a worker made before the connection does: it knows the socket from a message only. */
static void
worker(int from)
{
	WSAPROTOCOL_INFOW info;
	int err = 0;
	char byte;
	SOCKET s;

	rig_san->sanForkChild();
	CHILD(read(from, &info, sizeof info) == sizeof info);
	s = take(&info, &err);
	CHILD(s != INVALID_SOCKET);
	CHILD(rig_send_some(s, "worker", 6, 0, &err) == 6);
	CHILD(read(from, &byte, 1) == 1);
	CHILD(rig_wsp.lpWSPCloseSocket(s, &err) == 0);
	CHILD(read(from, &byte, 1) == 0); /* lives on: it is the close that counts */
	_exit(0);
}

static void
c13_the_last_of_two_closes(void **state)
{
	int way[2], err = 0, status = -1;
	WSAPROTOCOL_INFOW info;
	SOCKET s, peer;
	char buf[8];
	pid_t pid;

	assert_int_equal(pipe(way), 0);
	assert_int_equal(rig_san->sanForkBefore(&err), 0);
	pid = fork();
	if (pid == 0) {
		close(way[1]);
		worker(way[0]);
	}
	rig_san->sanForkParent();
	rig_pair(&s, &peer);
	info = give(s, pid);
	rig_close(s); /* before the other one has it */
	assert_int_equal(write(way[1], &info, sizeof info), sizeof info);
	assert_int_equal(rig_recv(peer, buf, 6, &err), 6);
	assert_memory_equal(buf, "worker", 6);
	assert_int_equal(rig_recv_some(peer, buf, 1, 0, &err), -1);
	assert_int_equal(err, WSAEWOULDBLOCK);
	assert_int_equal(write(way[1], "c", 1), 1);
	assert_int_equal(rig_recv(peer, buf, 1, &err), 0); /* end of stream */
	assert_int_equal(err, 0);
	close(way[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	close(way[0]);
	rig_close(peer);
}

/* The taker closes first, then the giver: the end comes with the second. */
static void
c13_the_giver_may_be_the_last(void **state)
{
	int way[2], err = 0, status = -1;
	WSAPROTOCOL_INFOW info;
	SOCKET s, peer;
	char buf[8];
	pid_t pid;

	assert_int_equal(pipe(way), 0);
	assert_int_equal(rig_san->sanForkBefore(&err), 0);
	pid = fork();
	if (pid == 0) {
		close(way[1]);
		worker(way[0]);
	}
	rig_san->sanForkParent();
	rig_pair(&s, &peer);
	info = give(s, pid);
	assert_int_equal(write(way[1], &info, sizeof info), sizeof info);
	assert_int_equal(write(way[1], "c", 1), 1);
	close(way[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(rig_recv(peer, buf, 6, &err), 6);
	assert_int_equal(rig_recv_some(peer, buf, 1, 0, &err), -1);
	assert_int_equal(err, WSAEWOULDBLOCK);
	rig_close(s);
	assert_int_equal(rig_recv(peer, buf, 1, &err), 0);
	assert_int_equal(err, 0);
	close(way[0]);
	rig_close(peer);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		i19_receives_end_well_and_only_close_is_legal, ends_setup_stream, ends_teardown),
	    cmocka_unit_test_setup_teardown(
		i19_receives_end_well_and_only_close_is_legal, ends_setup, ends_teardown),
	    cmocka_unit_test_setup_teardown(
		not_while_a_send_is_pending, ends_setup_stream, ends_teardown),
	    cmocka_unit_test_setup_teardown(c13_the_last_of_two_closes, rig_setup, rig_teardown),
	    cmocka_unit_test_setup_teardown(c13_the_giver_may_be_the_last, rig_setup, rig_teardown),
	};

	return cmocka_run_group_tests_name("duplicate", tests, NULL, NULL);
}
