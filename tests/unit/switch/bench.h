/* SPDX-License-Identifier: BSD-3-Clause */
/* Sockets of the switch for its tests, made without libc's names. */
#ifndef SAND_TESTS_SWITCH_BENCH_H
#define SAND_TESTS_SWITCH_BENCH_H

#include "connect.h"
#include "descriptor.h"
#include "ep_set.h"
#include "ep_wait.h"
#include "listen.h"
#include "companion.h"
#include "loop.h"
#include "option.h"
#include "poll_set.h"
#include "stream.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#define SAN_ONLY_ADDRESS LOOP_HERE
#define BOTH_ADDRESS	 LOOP_BOTH /* the kernel reaches it, too */

struct sockaddr_in bench_name(uint32_t ip, int port);
/* A listener on ip with a free port. */
int bench_server(uint32_t ip);
int bench_port(int fd);
/* connect() to ip:port; 0 or -errno. */
int bench_connect(int fd, uint32_t ip, int port);
int bench_socket(int flags);

struct bench_pair {
	int server, a, b; /* a connected, b was accepted */
};
struct bench_pair bench_pair(void);
void bench_pair_close(const struct bench_pair *p);

ssize_t bench_send(int fd, const char *text);
/* What arrives, as text; "" at end of stream, "-" with errno's number for an error. */
const char *bench_recv(int fd);
int bench_epoll_add(int ep, int fd, uint32_t events);

#endif
