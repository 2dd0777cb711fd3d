/* SPDX-License-Identifier: BSD-3-Clause */
/* The UNIX connection between this process and the daemon: introduces them, hands over descriptors,
 * and by its life tells the daemon about ours. Every exchange is bounded in time; nothing here is
 * on the data path. prov.lock is held by all callers. Errors are negative enum san_err. */
#ifndef SAND_WSP_DAEMON_LINK_H
#define SAND_WSP_DAEMON_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "proto.h"

/* Connect and attach: fills prov.map, fd, attach, bell. SAN_ENOENT: no daemon; SAN_ELIMIT,
 * SAN_EPERM ...: it refused; SAN_ETIMEDOUT, SAN_EPROTO, SAN_EVERSION: it is not one we can talk to.
 */
int link_attach(void);
/* Close everything link_attach opened. */
void link_detach(void);

/* A second connection for a child about to be forked: its descriptor and attach id. */
int link_fork(int *fd, uint32_t *attach);

/* A wake object: its index and eventfd. */
int link_wake_new(uint32_t *index, int *event_fd);
void link_wake_free(uint32_t index);
/* The daemon's poll thread and control thread have seen every doorbell of the slot so far. */
int link_sync(uint32_t slot);

/* Let the peer of the socket in `slot` reach memory of ours; mem_fd: /proc/self/mem, or -1 if the
 * memory is the region's. What may be refused: proto.h. */
int link_mem_add(uint32_t slot, const struct proto_mem *mem, int mem_fd, uint32_t *key);
/* From its return on nobody reaches the memory by this key, whatever it returns but SAN_ETIMEDOUT.
 */
int link_mem_del(uint32_t slot, uint32_t key);

/* WSPDuplicateSocket: a ticket for that process. */
int link_hand(uint32_t slot, uint32_t pid, uint32_t *ticket);

/* A socket that another process left for this one: by ticket, or by key if that is not 0. */
struct link_claim {
	uint32_t ticket;
	uint64_t key;
	uint32_t slot, note; /* the answer: held by this process from then on */
};
int link_take(struct link_claim *c);
/* As link_take, of another family's (for which link_take returns SAN_EPERM): this process leaves
 * its own, in which it has nothing. Until it succeeds nothing changes; it fails half-way
 * (SAN_ENETDOWN) only with prov.gone set. */
int link_join(struct link_claim *c);
/* This process, which gave it away, is done with the slot. */
void link_let_go(uint32_t slot);

/* Offers go over a connection of their own (proto.h): a descriptor for sys_close, or an error. */
int link_offers_open(void);
int link_offer(int fd, uint32_t slot, uint64_t key, uint32_t note);
void link_withdraw(int fd, uint32_t slot, uint64_t key);

/* True while the connection is up. */
bool link_alive(int fd);

#endif
