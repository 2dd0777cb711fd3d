/* SPDX-License-Identifier: BSD-3-Clause */
/* Opens and closes connections, many at once, in all the ways of ending.h. An ordinary program with
 * threads: each client thread has one connection after the other, each server thread serves one
 * after the other. Both print how many ended how, one "NAME COUNT" per line. */
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ending.h"

#define SERVER_THREADS 24
#define CLIENT_THREADS 16
#define HELD	       8 /* connections left open; fewer than the server has threads */
#define BACKLOG	       128
#define STACK_BYTES    (256u * 1024)

static struct sockaddr_in address, nobody;
static uint32_t weights[ENDING_COUNT] = {
#define X(name, weight, text) weight,
    ENDING_LIST(X)
#undef X
};
static atomic_ullong done[ENDING_COUNT], wrong_count;
static atomic_llong left; /* connections still to be made */
static int listener;

static void
complain(const char *what, enum ending how)
{
	/* The first few tell the story. */
	if (atomic_fetch_add(&wrong_count, 1) < 10)
		fprintf(stderr, "closer: %s (%s): %s\n", what,
		    how < ENDING_COUNT ? ending_names[how] : "no ending", strerror(errno));
}

static int
report(void)
{
	for (int i = 0; i < ENDING_COUNT; i++)
		printf("%s %llu\n", ending_names[i], (unsigned long long)done[i]);
	printf("wrong %llu\n", (unsigned long long)wrong_count);
	fflush(stdout);
	return wrong_count != 0;
}

static void
threads_run(void *(*body)(void *), int count)
{
	pthread_t thread[SERVER_THREADS];
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	for (intptr_t i = 0; i < count; i++)
		if (pthread_create(&thread[i], &attr, body, (void *)i) != 0)
			exit(2);
	for (int i = 0; i < count; i++)
		pthread_join(thread[i], NULL);
}

/* --- server ----------------------------------------------------------------------------------- */

static void *
serve(void *unused)
{
	(void)unused;
	for (;;) {
		int fd = accept(listener, NULL, NULL);
		const char *wrong;
		enum ending how;

		if (fd < 0) {
			complain("accept", ENDING_COUNT);
			return NULL;
		}
		wrong = ending_server(fd, &how);
		if (wrong != NULL)
			complain(wrong, how);
		if (how < ENDING_COUNT)
			atomic_fetch_add(&done[how], 1);
	}
}

/* Until SIGTERM. */
static int
server(void)
{
	const int on = 1;
	sigset_t term;
	int which;

	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &term, NULL);
	listener = socket(AF_INET, SOCK_STREAM, 0);
	if (listener < 0 || setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
	    bind(listener, (struct sockaddr *)&address, sizeof address) != 0 ||
	    listen(listener, BACKLOG) != 0) {
		perror("closer: listen");
		return 2;
	}
	for (intptr_t i = 0; i < SERVER_THREADS; i++) {
		pthread_t t;

		if (pthread_create(&t, NULL, serve, NULL) != 0)
			return 2;
	}
	printf("ready\n");
	fflush(stdout);
	sigwait(&term, &which);
	return report();
}

/* --- client ----------------------------------------------------------------------------------- */

static enum ending
draw(uint64_t *state)
{
	uint32_t sum = 0, at;
	int i;

	for (i = 0; i < ENDING_COUNT; i++)
		sum += weights[i];
	*state = *state * UINT64_C(6364136223846793005) + 1442695040888963407;
	at = (uint32_t)(*state >> 33) % sum;
	for (i = 0; at >= weights[i]; i++)
		at -= weights[i];
	return (enum ending)i;
}

static int
connected(const struct sockaddr_in *to)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd >= 0 && connect(fd, (const struct sockaddr *)to, sizeof *to) != 0) {
		int err = errno;

		close(fd);
		errno = err;
		return -1;
	}
	return fd;
}

static const char *
one(enum ending how)
{
	int fd = connected(how == ENDING_refused ? &nobody : &address);

	if (how == ENDING_refused && fd < 0)
		return errno == ECONNREFUSED ? NULL : "not refused but";
	if (how == ENDING_refused) {
		close(fd);
		return "connected to nobody";
	}
	return fd < 0 ? "connect" : ending_client(fd, how);
}

static void *
make(void *number)
{
	uint64_t state = (uint64_t)getpid() << 8 | (uint64_t)(intptr_t)number;

	while (atomic_fetch_sub(&left, 1) > 0) {
		enum ending how = draw(&state);
		const char *wrong = one(how);

		if (wrong != NULL)
			complain(wrong, how);
		atomic_fetch_add(&done[how], 1);
	}
	return NULL;
}

/* Ends with connections open: by exit or by SIGKILL. */
static int
leave(const char *how)
{
	int status;

	for (int i = 0; i < HELD; i++) {
		int fd = connected(&address);
		const char *wrong = fd < 0 ? "connect" : ending_hold(fd);

		if (wrong != NULL)
			complain(wrong, ENDING_left);
		atomic_fetch_add(&done[ENDING_left], 1);
	}
	status = report();
	if (strcmp(how, "kill") == 0)
		kill(getpid(), SIGKILL);
	_exit(status);
}

static int
names(void)
{
	for (int i = 0; i < ENDING_COUNT; i++)
		puts(ending_names[i]);
	return 0;
}

/* "a,b": these and no others, equally often. */
static bool
only(char *list)
{
	char *word;

	memset(weights, 0, sizeof weights);
	while ((word = strsep(&list, ",")) != NULL) {
		int i = 0;

		while (i < ENDING_left && strcmp(ending_names[i], word) != 0)
			i++;
		if (i == ENDING_left)
			return false;
		weights[i] = 1;
	}
	return true;
}

static bool
number(const char *text, unsigned long long max, unsigned long long *out)
{
	char *end;

	errno = 0;
	*out = strtoull(text, &end, 10);
	return errno == 0 && end != text && *end == '\0' && *out <= max;
}

static bool
addresses(const char *ip, const char *port)
{
	unsigned long long n;

	if (!number(port, 65534, &n) || inet_pton(AF_INET, ip, &address.sin_addr) != 1)
		return false;
	address.sin_family = AF_INET;
	address.sin_port = htons((uint16_t)n);
	nobody = address;
	nobody.sin_port = htons((uint16_t)(n + 1));
	return true;
}

static int
usage(void)
{
	fprintf(stderr,
	    "usage: closer server IP PORT\n"
	    "       closer client IP PORT COUNT close|exit|kill [ENDING,...]\n"
	    "  The client leaves by closing everything, or with %d connections open.\n",
	    HELD);
	return 2;
}

int
main(int argc, char **argv)
{
	unsigned long long count;

	if (argc == 2 && strcmp(argv[1], "names") == 0)
		return names();
	if (argc < 4 || !addresses(argv[2], argv[3]))
		return usage();
	if (strcmp(argv[1], "server") == 0)
		return server();
	if (strcmp(argv[1], "client") != 0 || argc < 6 || !number(argv[4], INT64_MAX, &count) ||
	    (argc > 6 && !only(argv[6])))
		return usage();
	atomic_store(&left, (long long)count);
	threads_run(make, CLIENT_THREADS);
	return strcmp(argv[5], "close") == 0 ? report() : leave(argv[5]);
}
