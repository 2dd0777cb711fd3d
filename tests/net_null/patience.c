/* SPDX-License-Identifier: BSD-3-Clause */
/* A program that tries to reach a host nobody answers for: says what connect() ends with and when,
 * and that the socket can be closed. An ordinary socket program; the test runs it with the preload
 * library. usage: patience block|poll ADDRESS PORT */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define POLL_MS 30000

static uint64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static int
connect_blocking(int fd, const struct sockaddr_in *to)
{
	return connect(fd, (const struct sockaddr *)to, sizeof *to) < 0 ? errno : 0;
}

static int
connect_polling(int fd, const struct sockaddr_in *to)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	int error = 0;
	socklen_t len = sizeof error;

	if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		return errno;
	if (connect(fd, (const struct sockaddr *)to, sizeof *to) == 0)
		return 0;
	if (errno != EINPROGRESS)
		return errno;
	if (poll(&p, 1, POLL_MS) != 1)
		return EAGAIN;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		return errno;
	return error;
}

int
main(int argc, char **argv)
{
	struct sockaddr_in to = {.sin_family = AF_INET};
	uint64_t begin, tried, closed;
	int fd, error, close_error;

	if (argc != 4 || inet_pton(AF_INET, argv[2], &to.sin_addr) != 1)
		return 2;
	to.sin_port = htons((uint16_t)strtoul(argv[3], NULL, 10));
	fd = socket(AF_INET, SOCK_STREAM, 0);
	if (fd < 0)
		return 1;
	begin = now_ms();
	error = strcmp(argv[1], "poll") == 0 ? connect_polling(fd, &to) : connect_blocking(fd, &to);
	tried = now_ms();
	close_error = close(fd) < 0 ? errno : 0;
	closed = now_ms();
	printf("{\"error\": \"%s\", \"ms\": %" PRIu64
	       ", \"close_error\": %d, \"close_ms\": %" PRIu64 "}\n",
	    error ? strerrorname_np(error) : "", tried - begin, close_error, closed - tried);
	return 0;
}
