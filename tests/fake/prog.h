/* SPDX-License-Identifier: BSD-3-Clause */
/* A scripted program: attaches to a daemon and works its sockets through the true shared memory and
 * protocol, one small step at a time, so that tests can stop between any two of them and do what no
 * honest program would. Where it waits, it calls `pump`, which runs the daemon when that lives in
 * the same thread. */
#ifndef SAND_TESTS_PROG_H
#define SAND_TESTS_PROG_H

#include <stdbool.h>
#include <stdint.h>

#include "abi.h"
#include "map.h"
#include "proto.h"

struct prog {
	int fd; /* SEQPACKET connection, -1 = none */
	uint32_t attach;
	struct shm_map map;
	int memfd;
	uint32_t type; /* enum shm_type of the sockets it makes from now on */
	int doorbell[SAN_POLLS_MAX];
	uint32_t doorbells;
	void (*pump)(void *arg); /* NULL: sleep a moment */
	void *pump_arg;
};

/* --- messages; false: no answer within two seconds --- */
bool prog_connect(struct prog *p, const char *path);
void prog_send(struct prog *p, const struct proto_msg *m, size_t len);
bool prog_receive(struct prog *p, struct proto_msg *m);
/* True when the daemon hung up on us. */
bool prog_hung_up(struct prog *p);
struct proto_msg prog_msg(const struct prog *p, uint32_t type);
/* Connect, ATTACH, map the region. */
bool prog_attach(struct prog *p, const char *path, const char *name);
/* A second process of the same family (no fork: only its connection). */
bool prog_fork(struct prog *child, const struct prog *parent, const char *path);
/* Hang up as if killed. */
void prog_die(struct prog *p);
/* The control thread has seen everything about the slot so far. */
bool prog_sync(struct prog *p, uint32_t slot);
void prog_ring(struct prog *p, uint32_t slot);

/* --- sockets --- */
struct shm_addr prog_addr(const char *ip, uint16_t port);
struct shm_sock *prog_slot(const struct prog *p, uint32_t slot);
void prog_hold(struct prog *p, uint32_t slot);
void prog_unhold(struct prog *p, uint32_t slot);
/* A free slot, taken and held; -1 when there is none. */
int prog_take(struct prog *p);
/* Fill the mailbox; the daemon is told by prog_ring or prog_sync. */
void prog_command(struct prog *p, uint32_t slot, enum shm_cmd cmd, uint32_t arg,
    const struct shm_addr *local, const struct shm_addr *peer);
/* take + command + ring */
int prog_sock_connect(struct prog *p, const char *ip, uint16_t port);
int prog_sock_listen(struct prog *p, const char *ip, uint16_t port, uint32_t backlog);
enum shm_state prog_state(const struct prog *p, uint32_t slot);
/* Wait until the slot's state is `s`; false after `ms` milliseconds. */
bool prog_wait_state(struct prog *p, uint32_t slot, enum shm_state s, uint32_t ms);
/* Wait until a connecting slot is CONNECTED or FAILED: 0 or its error. SAN_EAGAIN after `ms`. */
int prog_wait_connect(struct prog *p, uint32_t slot, uint32_t ms);
/* The next accepted slot, held; -1 after `ms`. */
int prog_accept(struct prog *p, uint32_t listener, uint32_t ms);
/* Clear our holds bit and set CLOSED and `flags`. */
void prog_close(struct prog *p, uint32_t slot, uint32_t flags);
void prog_shut(struct prog *p, uint32_t slot);
/* Wait until the slot was given a new generation. */
bool prog_wait_freed(struct prog *p, uint32_t slot, uint32_t gen, uint32_t ms);
uint32_t prog_gen(const struct prog *p, uint32_t slot);

/* --- bytes; return how many were moved, at once or within `ms` --- */
uint32_t prog_write(struct prog *p, uint32_t slot, const void *buf, uint32_t len);
uint32_t prog_read(struct prog *p, uint32_t slot, void *buf, uint32_t len);
bool prog_write_all(struct prog *p, uint32_t slot, const void *buf, uint32_t len, uint32_t ms);
bool prog_read_all(struct prog *p, uint32_t slot, void *buf, uint32_t len, uint32_t ms);
/* Wait for these SHM_WIRE_* bits, all of them. */
bool prog_wait_wire(struct prog *p, uint32_t slot, uint32_t bits, uint32_t ms);

uint64_t prog_now_ms(void);
/* Give the daemon a chance to run. */
void prog_pause(struct prog *p);

#endif
