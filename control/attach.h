/* SPDX-License-Identifier: BSD-3-Clause */
/* Processes of programs: the UNIX SEQPACKET socket they attach through and what they say over it
 * (proto.h). A process that says something wrong is told why, counted and hung up on; nobody else
 * notices. */
#ifndef SAND_CONTROL_ATTACH_H
#define SAND_CONTROL_ATTACH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "loop.h"
#include "proto.h"

struct daemon;
struct poll_event;
struct session;

#define ATTACH_STRANGERS_MAX 64u /* connections that have not said ATTACH or FORK yet */

struct attach {
	TAILQ_ENTRY(attach) all;
	struct daemon *daemon;
	struct session *session; /* NULL: a stranger */
	uint32_t id;		 /* index into shm_attach */
	pid_t pid;
	uid_t uid;
	int passed;	       /* descriptor that came with the message being handled, -1 = none */
	uint32_t memory_asked; /* number of the request about memory not yet answered, 0 = none */
	uint64_t wakes;	       /* wake objects this process may use, bit per index */
	struct loop_source source;
	struct loop_timer greeting; /* a stranger that says nothing is hung up on */
};
TAILQ_HEAD(attach_list, attach);

struct attach_server {
	struct loop_source source;
	struct attach_list attaches;
	uint32_t strangers;
	char path[108];
};

/* Listen at `path` with these permissions. 0 or SAN_EADDRINUSE, SAN_EPERM, SAN_EIO, SAN_EINVAL
 * (path too long). */
int attach_server_open(struct daemon *d, const char *path, uint32_t mode);
/* Stop listening, hang up on everybody: their sockets begin to close. */
void attach_server_close(struct daemon *d);

/* The poll thread has done, or refused, what a process asked about memory. */
void attach_memory_done(struct daemon *d, const struct poll_event *ev);

/* What is wrong with a message from a program, NULL if nothing. `attached`: it is not the
 * connection's first. */
const char *attach_message_check(const struct proto_msg *m, size_t len, bool attached);

#endif
