/* SPDX-License-Identifier: BSD-3-Clause */
/* Sockets on their way from one process to another (WSPDuplicateSocket): the first is given a
 * ticket, the second shows it and holds the slot from then on, after it has joined the family if it
 * is of another one. Between the two the slot counts as held, even when the first has let go of it.
 * A ticket is good once, for one process, and for HANDOVER_LIMIT. */
#ifndef SAND_CONTROL_HANDOVER_H
#define SAND_CONTROL_HANDOVER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "loop.h"

struct attach;
struct sock;

#define HANDOVER_LIMIT SAN_DURATION_S(5)

struct handover {
	uint32_t ticket; /* 0 = none */
	pid_t to;
	struct loop_timer limit;
};

void handover_init(struct sock *k);
/* PROTO_HAND: 0 and the ticket, or SAN_EPERM (not held by this process), SAN_ENOTCONN (neither
 * connected nor listening), SAN_EALREADY (on its way), SAN_EINVAL (no process, or another user's).
 */
int handover_give(struct attach *a, uint32_t slot, pid_t to, uint32_t *ticket);
/* PROTO_TAKE: 0 and the slot, marked as held by this process; SAN_ENOENT; SAN_EPERM: there is such
 * a socket, but of another family. */
int handover_take(struct attach *a, uint32_t ticket, uint32_t *slot);
/* PROTO_JOIN, of a process that belongs to no family yet: the socket its ticket is for, or NULL. */
struct sock *handover_find(struct attach *a, uint32_t ticket);
/* PROTO_LET_GO: a process that gave the socket away does not hold it any more. If nobody does, it
 * is closed. */
void handover_let_go(struct attach *a, uint32_t slot);
/* The ticket, if there is one, is worth nothing from now on. */
void handover_drop(struct sock *k);
bool handover_pending(const struct sock *k);

#endif
