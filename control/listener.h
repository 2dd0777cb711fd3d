/* SPDX-License-Identifier: BSD-3-Clause */
/* Listening sockets: who listens where and for what, and the queue of connections nobody has
 * accepted yet. The queue is the listener's rx ring in shared memory, slot numbers of 4 bytes each;
 * the program consumes it. */
#ifndef SAND_CONTROL_LISTENER_H
#define SAND_CONTROL_LISTENER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "addr.h"
#include "sock.h"

struct listener {
	LIST_ENTRY(listener) bucket;
	struct sock *sock;
	uint32_t backlog;
	uint32_t tail; /* bytes produced into the ring; ours, the slot's copy is never read back */
	uint32_t pending;	  /* children whose handshake is under way: how many */
	struct sock_list opening; /* they, oldest first */
	struct sock_list ready;	  /* children in the ring, in its order */
	uint64_t accepted, refused;
};
LIST_HEAD(listener_bucket, listener);
#define LISTENER_BUCKETS 256u

/* Make `k` listen on k->local (port already taken). 0, SAN_EADDRINUSE (another family listens
 * there), SAN_ENOMEM. */
int listener_open(struct sock *k, uint32_t backlog);
void listener_backlog_set(struct listener *l, uint32_t backlog);
/* Stop listening and reset every connection nobody has accepted. */
void listener_close(struct sock *k);

/* Whom a connection is for. Streams and message mode are listened for separately. */
struct listener_target {
	struct san_ip ip;
	uint16_t port;
	uint8_t type; /* enum shm_type */
};
/* Who takes it: an exact address before a wildcard, NULL when nobody listens. */
struct listener *listener_find(struct daemon *d, const struct listener_target *to);
/* Connections ready to be accepted. */
uint32_t listener_queued(const struct listener *l);
/* As many as the program wants to have waiting. Half-open ones do not count: a stranger can make
 * any number of them, and shall not keep others out. */
bool listener_full(const struct listener *l);

/* A child begins its handshake; it is established (enters the ring); it is forgotten. */
void listener_child_add(struct listener *l, struct sock *child);
void listener_child_ready(struct listener *l, struct sock *child);
void listener_child_remove(struct sock *child);
/* True while the child stands in the ring and no process has taken it. */
bool listener_child_waits(const struct sock *child);

#endif
