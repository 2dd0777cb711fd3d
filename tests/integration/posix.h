/* SPDX-License-Identifier: BSD-3-Clause */
/* What the scenarios of posix_behaviour share: saying what was seen, and making pairs of connected
 * sockets. */
#ifndef SAND_TESTS_POSIX_H
#define SAND_TESTS_POSIX_H

#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct pair {
	int server, a, b; /* a connected, b was accepted */
};

struct scenario {
	const char *name;
	void (*run)(void);
};

/* Each list ends with a NULL name. */
extern const struct scenario posix_bytes[], posix_connect[], posix_poll[], posix_epoll[],
    posix_life[], posix_pass[];

extern const char *address, *scenario; /* what is tested, and which one runs */

__attribute__((format(printf, 1, 2))) void say(const char *format, ...);
/* A result as text: the number, or the name of errno. */
const char *outcome(long rc);
const char *bits(unsigned b);
void pause_ms(int ms);
struct sockaddr_in name_here(int port);
int port_of(int fd);
int server_make(void);
int client_connect(int fd, int port);
int port_unused(void); /* nobody listens there */
struct pair pair_make(void);
void pair_end(struct pair *p);
unsigned poll_now(int fd, int events);
/* Everything poll can say, once nothing moves any more. */
const char *poll_all(int fd);
void nonblocking(int fd);
/* One recv as text: count or errno, then the bytes. */
const char *receive(int fd, int flags);
int so_error(int fd);
const char *so_error_name(int fd);
int tcp_state(int fd);
/* Send until no room is left, read until nothing comes; both make the socket non-blocking. */
void fill(int fd);
void drain(int fd);
/* Thread bodies: after 50 ms, four bytes into *(int *)arg. */
void *later_send(void *arg);
void *later_pipe(void *arg);
/* One epoll_wait as text: count, then [data bits] of each event. */
const char *epoll_say(int ep, int timeout);
int epoll_do(int ep, int op, int fd, uint32_t events, uint32_t data);

/* What the program does when a scenario started it: the role and its descriptors. */
int posix_role(char **argv);

#endif
