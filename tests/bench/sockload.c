/* SPDX-License-Identifier: BSD-3-Clause */
/* Loads one TCP path and says how it did: an ordinary socket program, so that the same binary
 * measures kernel TCP and, under sand-run, the SAN. The server serves one connection after the
 * other; the client's first message tells it what to do with this one. The client prints one line
 * of JSON. Knows nothing of Sand. */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SIZE_MAX_BYTES (1u << 20)
#define SAMPLES_MAX    (1u << 21)
#define CONNECTS_MAX   20000u
#define NS_PER_S       1000000000ull

/* X(name, what the server does with the connection) */
#define MODE_LIST(X)                              \
	X(latency, "return each message")         \
	X(rate, "swallow, then return the count") \
	X(bulk, "swallow, then return the count") \
	X(connect, "return each message")

enum mode {
#define X(name, text) MODE_##name,
	MODE_LIST(X)
#undef X
	    MODE_COUNT
};

static const char *const mode_names[MODE_COUNT] = {
#define X(name, text) #name,
    MODE_LIST(X)
#undef X
};

/* First bytes of every connection, in network order. */
struct hello {
	uint32_t mode, size;
};

struct load {
	struct sockaddr_storage addr;
	socklen_t addr_len;
	enum mode mode;
	uint32_t size;
	uint64_t duration_ns;
};

static uint8_t buffer[SIZE_MAX_BYTES];
static uint32_t samples_ns[SAMPLES_MAX];

static uint64_t
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static int
fail(const char *what)
{
	fprintf(stderr, "sockload: %s: %s\n", what, strerror(errno));
	return -1;
}

/* Everything or an error; an end of stream in the middle is ECONNRESET. */
static int
send_all(int fd, const void *data, size_t len)
{
	for (size_t done = 0; done < len;) {
		ssize_t n = send(fd, (const uint8_t *)data + done, len - done, MSG_NOSIGNAL);

		if (n < 0)
			return -1;
		done += (size_t)n;
	}
	return 0;
}

static int
recv_all(int fd, void *data, size_t len)
{
	for (size_t done = 0; done < len;) {
		ssize_t n = recv(fd, (uint8_t *)data + done, len - done, 0);

		if (n == 0)
			errno = ECONNRESET;
		if (n <= 0)
			return -1;
		done += (size_t)n;
	}
	return 0;
}

static void
nodelay_set(int fd)
{
	int on = 1;

	if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) < 0)
		fail("TCP_NODELAY");
}

/* --- server --- */

static void
serve_echo(int fd, uint32_t size)
{
	while (recv_all(fd, buffer, size) == 0 && send_all(fd, buffer, size) == 0)
		;
}

static void
serve_sink(int fd)
{
	uint64_t total = 0;
	ssize_t n;

	while ((n = recv(fd, buffer, sizeof buffer, 0)) > 0)
		total += (uint64_t)n;
	if (n == 0 && send_all(fd, &total, sizeof total) < 0)
		fail("send");
}

static void
serve(int fd)
{
	struct hello hello;

	if (recv_all(fd, &hello, sizeof hello) < 0)
		return;
	hello.mode = ntohl(hello.mode);
	hello.size = ntohl(hello.size);
	if (hello.size == 0 || hello.size > sizeof buffer)
		return;
	nodelay_set(fd);
	if (hello.mode == MODE_rate || hello.mode == MODE_bulk)
		serve_sink(fd);
	else
		serve_echo(fd, hello.size);
}

static int
server_run(const struct load *l)
{
	int on = 1, listener = socket(l->addr.ss_family, SOCK_STREAM, 0);

	if (listener < 0)
		return fail("socket");
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(listener, (const struct sockaddr *)&l->addr, l->addr_len) < 0)
		return fail("bind");
	if (listen(listener, 128) < 0)
		return fail("listen");
	puts("ready");
	fflush(stdout);
	for (;;) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0)
			return fail("accept");
		serve(fd);
		close(fd);
	}
}

/* --- client --- */

static int
client_open(const struct load *l)
{
	struct hello hello = {htonl(l->mode), htonl(l->size)};
	int fd = socket(l->addr.ss_family, SOCK_STREAM, 0);

	if (fd < 0)
		return fail("socket");
	if (connect(fd, (const struct sockaddr *)&l->addr, l->addr_len) < 0) {
		fail("connect");
		close(fd);
		return -1;
	}
	nodelay_set(fd);
	if (send_all(fd, &hello, sizeof hello) < 0) {
		fail("send");
		close(fd);
		return -1;
	}
	return fd;
}

static int
sample_compare(const void *a, const void *b)
{
	const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* The sample that `per_100000` of 100000 do not exceed, in microseconds. */
static double
percentile_us(uint32_t count, uint32_t per_100000)
{
	uint64_t at = ((uint64_t)count * per_100000 + 99999) / 100000;

	return samples_ns[at > 0 ? at - 1 : 0] / 1000.0;
}

static int
latency_run(const struct load *l)
{
	int fd = client_open(l);
	uint64_t begin = now_ns(), before = begin, warm = begin + l->duration_ns / 10;
	uint32_t count = 0;

	if (fd < 0)
		return -1;
	while (count < SAMPLES_MAX && before - begin < l->duration_ns) {
		uint64_t after;

		if (send_all(fd, buffer, l->size) < 0 || recv_all(fd, buffer, l->size) < 0) {
			close(fd);
			return fail("ping-pong");
		}
		after = now_ns();
		if (after > warm)
			samples_ns[count++] =
			    (uint32_t)(after - before < UINT32_MAX ? after - before : UINT32_MAX);
		before = after;
	}
	close(fd);
	if (count == 0)
		return -1;
	qsort(samples_ns, count, sizeof samples_ns[0], sample_compare);
	printf("{\"mode\": \"latency\", \"size\": %u, \"round_trips\": %u, \"p50_us\": %.2f, "
	       "\"p90_us\": %.2f, \"p99_us\": %.2f, \"p999_us\": %.2f, \"max_us\": %.2f}\n",
	    l->size, count, percentile_us(count, 50000), percentile_us(count, 90000),
	    percentile_us(count, 99000), percentile_us(count, 99900), percentile_us(count, 100000));
	return 0;
}

/* rate and bulk: one way, until the server has everything. */
static int
stream_run(const struct load *l)
{
	int fd = client_open(l);
	uint64_t begin = now_ns(), end, sent = 0, got = 0;
	double seconds;

	if (fd < 0)
		return -1;
	while ((sent & 63) != 0 || now_ns() - begin < l->duration_ns) {
		if (send_all(fd, buffer, l->size) < 0) {
			close(fd);
			return fail("send");
		}
		sent++;
	}
	if (shutdown(fd, SHUT_WR) < 0 || recv_all(fd, &got, sizeof got) < 0) {
		close(fd);
		return fail("end of stream");
	}
	end = now_ns();
	close(fd);
	if (got != sent * l->size) {
		fprintf(stderr, "sockload: %" PRIu64 " bytes sent, %" PRIu64 " arrived\n",
		    sent * l->size, got);
		return -1;
	}
	seconds = (double)(end - begin) / NS_PER_S;
	printf("{\"mode\": \"%s\", \"size\": %u, \"seconds\": %.3f, \"bytes\": %" PRIu64
	       ", \"messages_per_s\": %.0f, \"gbit_per_s\": %.3f}\n",
	    mode_names[l->mode], l->size, seconds, got, (double)sent / seconds,
	    (double)got * 8 / 1e9 / seconds);
	return 0;
}

static int
connect_run(const struct load *l)
{
	uint64_t begin = now_ns();
	uint32_t count = 0;

	while (count < CONNECTS_MAX && now_ns() - begin < l->duration_ns) {
		int fd = client_open(l);
		bool good;

		if (fd < 0)
			return -1;
		good = send_all(fd, buffer, l->size) == 0 && recv_all(fd, buffer, l->size) == 0;
		if (!good)
			fail("message");
		close(fd);
		if (!good)
			return -1;
		count++;
	}
	printf("{\"mode\": \"connect\", \"size\": %u, \"connections\": %u, \"connects_per_s\": "
	       "%.0f}\n",
	    l->size, count, count * (double)NS_PER_S / (double)(now_ns() - begin));
	return 0;
}

/* --- command line --- */

static int
usage(void)
{
	fputs("usage: sockload server ADDRESS PORT\n"
	      "       sockload latency|rate|bulk|connect [-s BYTES] [-t SECONDS] ADDRESS PORT\n",
	    stderr);
	return 2;
}

static bool
number_parse(const char *text, uint64_t max, uint64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoull(text, &end, 10);
	return errno == 0 && *text >= '0' && *text <= '9' && *end == '\0' && *out > 0 &&
	       *out <= max;
}

static bool
addr_parse(const char *ip, const char *port, struct load *l)
{
	struct sockaddr_in *in = (struct sockaddr_in *)&l->addr;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&l->addr;
	uint64_t number;

	if (!number_parse(port, 65535, &number))
		return false;
	if (inet_pton(AF_INET, ip, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
		in->sin_port = htons((uint16_t)number);
		l->addr_len = sizeof *in;
		return true;
	}
	if (inet_pton(AF_INET6, ip, &in6->sin6_addr) != 1)
		return false;
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons((uint16_t)number);
	l->addr_len = sizeof *in6;
	return true;
}

int
main(int argc, char **argv)
{
	struct load l = {.size = 64, .duration_ns = NS_PER_S};
	uint64_t number;
	int opt, mode = 0;

	if (argc < 2)
		return usage();
	optind = 2;
	while ((opt = getopt(argc, argv, "s:t:")) != -1) {
		if (opt == 's' && number_parse(optarg, SIZE_MAX_BYTES, &number))
			l.size = (uint32_t)number;
		else if (opt == 't' && number_parse(optarg, 3600, &number))
			l.duration_ns = number * NS_PER_S;
		else
			return usage();
	}
	if (argc - optind != 2 || !addr_parse(argv[optind], argv[optind + 1], &l))
		return usage();
	if (strcmp(argv[1], "server") == 0)
		return server_run(&l) < 0 ? 1 : 0;
	while (mode < MODE_COUNT && strcmp(argv[1], mode_names[mode]) != 0)
		mode++;
	if (mode == MODE_COUNT)
		return usage();
	l.mode = (enum mode)mode;
	if (l.mode == MODE_latency)
		return latency_run(&l) < 0 ? 1 : 0;
	return (l.mode == MODE_connect ? connect_run(&l) : stream_run(&l)) < 0 ? 1 : 0;
}
