/* SPDX-License-Identifier: BSD-3-Clause */
/* A socket as the daemon knows it: one per slot in use. Owns the app side (app_fsm.h) and what the
 * control thread publishes in the slot; the handshake and the wire are conn.h's, the accept queue
 * is listener.h's. A sock is freed only by sock_sweep, when its program is GONE, its wire side DEAD
 * and nothing refers to it. */
#ifndef SAND_CONTROL_SOCK_H
#define SAND_CONTROL_SOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "abi.h"
#include "app_fsm.h"
#include "handover.h"
#include "loop.h"
#include "san_time.h"

struct conn;
struct daemon;
struct history_record;
struct listener;
struct poll_event;
struct session;

struct sock {
	TAILQ_ENTRY(sock) all;	 /* daemon's list, by age */
	TAILQ_ENTRY(sock) swept; /* candidates for the sweep, while on_sweep */
	struct session *session;
	uint32_t slot;
	uint32_t ident;
	struct app_side app; /* written by app_fsm() only */
	uint8_t type;	     /* enum shm_type; known with its first command, or its listener's */
	bool on_sweep;
	bool reset;	   /* nobody accepted it: to be closed abortively whatever its flags say */
	bool aborted;	   /* was closed abortively */
	bool used;	   /* had its one connect, or listens */
	bool port_held;	   /* local.port counts in the port table */
	struct conn *conn; /* NULL: no wire side, which counts as DEAD */
	struct listener *listener; /* own accept queue, if listening */
	struct listener *parent;   /* accept queue this one waits in */
	TAILQ_ENTRY(sock) queued;  /* in one of parent's lists */
	uint32_t queue_pos;	   /* position in the parent's ring, valid when `ready` */
	bool ready;		   /* its number stands in the parent's ring */
	struct shm_addr local, peer;
	int err;		      /* enum san_err, 0 = none */
	const char *why;	      /* constant sentence */
	struct loop_timer upcalls;    /* in state CLOSED: when to look again */
	struct san_time closed_until; /* in state CLOSED: its deadline */
	struct handover handover;     /* written by handover_* only */
	struct san_time born;
	struct history_record *record; /* see history.h */
};
TAILQ_HEAD(sock_list, sock);

/* A sock for this slot; NULL when out of memory. */
struct sock *sock_create(struct session *s, uint32_t slot);
struct shm_sock *sock_slot(const struct sock *k);

/* From poll threads: the mailbox has a command; app_flags changed. */
void sock_command(struct daemon *d, const struct poll_event *ev);
void sock_flags(
    struct daemon *d, uint32_t session, uint32_t slot, uint32_t gen, uint32_t app_flags);
/* Look at mailbox and flags of a slot now, as if its doorbell had rung (PROTO_SYNC). */
void sock_look(struct daemon *d, struct session *s, uint32_t slot);
/* The last process that held it is gone. */
void sock_app_died(struct sock *k);
/* The peer sends no more; the wire side is finished (or never came to be). */
void sock_wire_eof(struct sock *k);
void sock_wire_dead(struct sock *k);

/* What the control thread publishes. */
void sock_publish_connecting(struct sock *k, uint32_t poll);
void sock_publish_connected(struct sock *k);
void sock_publish_listening(struct sock *k);
/* The connect or listen failed: FAILED, with the reason, and wake who waits for it. */
void sock_publish_failed(struct sock *k, int err, const char *why);

/* True when received bytes were never read. */
bool sock_has_unread(const struct sock *k);
/* Mark for the sweep; safe in any handler. */
void sock_sweep_later(struct sock *k);
/* Free every marked sock that is finished. Called once per turn of the loop, outside all handlers.
 */
void sock_sweep(struct daemon *d);

#endif
