/* SPDX-License-Identifier: BSD-3-Clause */
/* Sessions: a program family (a process and what it forked), its region, its slots, and which of
 * its processes are alive. What a process says over its UNIX connection is attach.c's business;
 * what its sockets do is sock.c's.
 *
 * A session lives until its last process is gone and its last socket is freed; then every poll
 * thread is asked to let go of the region (SESSION_DEL), and the last answer frees it. */
#ifndef SAND_CONTROL_SESSION_H
#define SAND_CONTROL_SESSION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "region.h"
#include "san_limits.h"
#include "san_time.h"

struct attach;
struct daemon;
struct sock;

enum session_state {
	SESSION_LIVE,	/* at least one process */
	SESSION_ENDING, /* no process any more, sockets still close */
	SESSION_QUIET,	/* poll threads are letting go of the region */
};

/* The daemon's private knowledge of one slot. */
struct session_slot {
	struct sock *sock; /* NULL: not in use */
	uint32_t gen;	   /* as in the slot; the slot's own is never believed */
	uint32_t cmd_seen; /* number of the last command taken */
};

struct session {
	struct daemon *daemon;
	uint32_t id; /* index into the daemon's table */
	enum session_state state;
	uid_t uid;
	char program[32];
	struct region region;
	struct session_slot *slots;
	uint32_t sock_count; /* slots with a sock */
	uint32_t listener_count;
	struct attach *attach[SAN_ATTACH_MAX];
	uint32_t attach_count;
	uint64_t wakes_used;	     /* bit i: some process has wake object i */
	int wake_fds[SAN_WAKES_MAX]; /* -1 = never made; kept open until the session ends: poll
					threads write them */
	uint32_t polls_pending;	     /* SESSION_GONE still owed */
	struct san_time born;
};

/* A new session for `uid`, known to every poll thread. 0, SAN_ELIMIT or SAN_ENOMEM. */
int session_create(struct daemon *d, uid_t uid, const char *program, struct session **out);
/* NULL: no such session. */
struct session *session_find(struct daemon *d, uint32_t id);

/* A free place for a process, -1 when all are taken. */
int session_attach_place(const struct session *s);
/* Holds were copied to another row, the originals still stand (abi.h, hold_moves). */
void session_holds_moved(const struct session *s);
void session_attach_add(struct session *s, struct attach *a);
/* The process is gone: closes what only it held, ends the session with its last one. */
void session_attach_gone(struct session *s, struct attach *a);

/* True while some live process marks the slot as held. */
bool session_slot_held(const struct session *s, uint32_t slot);
/* A free slot of the daemon's half, -1 when all are taken. */
int session_slot_find(const struct session *s);
/* Make the slot new: every word reset, its memory given back, generation + 1, FREE. */
void session_slot_reset(struct session *s, uint32_t slot);

/* A wake object: its index, or SAN_ELIMIT / SAN_ENOMEM. */
int session_wake_take(struct session *s);
/* Recompute which wake objects are used after a process let go of some. */
void session_wakes_update(struct session *s);

/* Call when a socket of the session was freed or a process left: ends the session when nothing is
 * left. */
void session_end_if_idle(struct session *s);
/* A poll thread has let go of the region. The session may be freed by this. */
void session_poll_gone(struct session *s);
/* At the very end of the daemon, when no poll thread runs any more. */
void session_destroy(struct session *s);

#endif
