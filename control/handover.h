/* SPDX-License-Identifier: BSD-3-Clause */
/* Sockets on their way from one process to another. Given (WSPDuplicateSocket): the first process
 * has a ticket for the second, which shows it. Offered (exec, SCM_RIGHTS): the first names a key
 * that whoever has the socket's descriptor knows, so that any process of the same user may come for
 * it, as often as it was offered. The second holds the slot from then on, after it has joined the
 * family if it is of another one. Between the two the slot counts as held, even when the first has
 * let go of it; for HANDOVER_LIMIT at most. */
#ifndef SAND_CONTROL_HANDOVER_H
#define SAND_CONTROL_HANDOVER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "loop.h"
#include "proto.h"

struct attach;
struct sock;

#define HANDOVER_LIMIT SAN_DURATION_S(5)

struct handover {
	uint32_t ticket; /* given: 0 = it is not */
	pid_t to;
	uint32_t claims; /* offered: to so many processes; 0 = it is not */
	uint32_t note;	 /* ... who are told this */
	uint64_t key;
	TAILQ_ENTRY(sock) entry; /* of those on their way */
	struct loop_timer limit;
};

void handover_init(struct sock *k);
/* PROTO_HAND: 0 and the ticket, or SAN_EPERM (not held by this process), SAN_ENOTCONN (neither
 * connected nor listening), SAN_EALREADY (on its way), SAN_EINVAL (no process, or another user's).
 */
int handover_give(struct attach *a, uint32_t slot, pid_t to, uint32_t *ticket);
/* PROTO_TAKE: 0 and slot and note, the slot marked as held by this process; SAN_ENOENT; SAN_EPERM:
 * there is such a socket, but of another family. `ask` may be `out`. */
int handover_take(struct attach *a, const struct proto_msg *ask, struct proto_msg *out);
/* PROTO_JOIN, of a process that belongs to no family yet: the socket it wants, or NULL. */
struct sock *handover_find(struct attach *a, const struct proto_msg *ask);
/* PROTO_OFFER, from a connection of no process of ours: 0, or as handover_give, SAN_EINVAL (key),
 * SAN_EOPNOTSUPP (not a stream), SAN_ELIMIT (too often). */
int handover_offer(struct attach *a, const struct proto_msg *ask);
/* PROTO_WITHDRAW */
void handover_withdraw(struct attach *a, const struct proto_msg *ask);
/* PROTO_LET_GO: a process that gave the socket away does not hold it any more. If nobody does, it
 * is closed. */
void handover_let_go(struct attach *a, uint32_t slot);
/* Nobody can take it from now on. */
void handover_drop(struct sock *k);
bool handover_pending(const struct sock *k);

#endif
