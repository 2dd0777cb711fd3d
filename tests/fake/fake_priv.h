/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside the fake daemon: its sessions, processes and slots. All touched by its one thread only,
 * but for the atomics of struct fake_daemon. */
#ifndef SAND_TESTS_FAKE_PRIV_H
#define SAND_TESTS_FAKE_PRIV_H

#include <stdatomic.h>
#include <stddef.h>

#include "abi.h"
#include "addr.h"
#include "bytes.h"
#include "fake_daemon.h"
#include "proto.h"

#define FAKE_SESSIONS 64
#define FAKE_POLLS    2 /* two doorbells, so that poll_id means something */

struct fake_session;

enum fake_kind { FAKE_FREE, FAKE_CONNECTING, FAKE_CONNECTED, FAKE_LISTENING, FAKE_FAILED };

struct fake_slot {
	enum fake_kind kind;
	struct fake_session *session;
	uint32_t slot;
	uint32_t cmd_seen, gen;
	uint32_t ticket;       /* it is on its way to another process; 0 = it is not */
	uint32_t claims, note; /* it is offered to so many; 0 = it is not */
	uint64_t key;
	struct shm_addr local, peer_addr;
	bool closed, aborted; /* the program is gone from it */
	/* connected */
	struct fake_slot *peer;	  /* NULL: its program closed and all is delivered */
	struct fake_slot *parent; /* listener whose queue it stands in */
	uint32_t queue_pos;
	uint32_t tx_head, rx_tail, urg_seq;
	uint32_t rdma_head, rdma_rx_tail; /* beside a stream */
	uint32_t wire_flags;		  /* as published */
	/* listening */
	uint32_t backlog, tail;
};

struct fake_process {
	int fd; /* -1: unused */
	uint64_t wakes;
	bool attached;
};

struct fake_session {
	struct fake_daemon *daemon;
	bool used;
	uint32_t id;
	int memfd;
	uint8_t *base;
	size_t bytes, heap_off;
	uint32_t socks, ring_bytes;
	struct shm_sock *sock;
	struct shm_attach *attach;
	uint8_t *rings;
	struct fake_process process[SAN_ATTACH_MAX];
	int wake_fds[SAN_WAKES_MAX];
	struct fake_slot *slots;
};

struct fake_daemon {
	struct fake_options opt;
	int listen_fd, bell[FAKE_POLLS];
	struct san_ip net;
	unsigned net_bits;
	struct fake_session session[FAKE_SESSIONS];
	struct {
		int fd; /* connected, nothing said yet */
	} guest[16];
	uint16_t next_port;
	uint32_t idents, tickets;
	bool moved;			   /* as the regions have it */
	_Atomic uint32_t in_heap, outside; /* MEM_ADDs */
	_Atomic uint32_t want_moved, move_seen;
	_Atomic uint32_t slots_used, attached, sessions, hold, stop;
	_Atomic int32_t break_err;
	_Atomic uint64_t doorbells;
};

static inline struct shm_region *
fake_region(const struct fake_session *s)
{
	return (struct shm_region *)(void *)s->base;
}

/* fake_session.c: processes and regions. */
void fake_guest_new(struct fake_daemon *d);
void fake_guest_message(struct fake_daemon *d, unsigned guest);
void fake_process_message(struct fake_session *s, uint32_t attach);
void fake_session_destroy(struct fake_session *s);
/* Rules and addresses are written again. */
void fake_session_net(struct fake_session *s);
/* Free it once no process and no slot is left. */
void fake_session_reap(struct fake_session *s);
bool fake_slot_held(const struct fake_session *s, uint32_t slot);

/* fake_sock.c: slots and connections. */
void fake_sock_look(struct fake_session *s, uint32_t slot); /* its doorbell rang */
bool fake_sock_pump(struct fake_session *s);	      /* move bytes; true if something happened */
void fake_sock_ask_doorbells(struct fake_session *s); /* set the need bits: about to sleep */
void fake_sock_orphans(struct fake_session *s);	      /* a process is gone */
void fake_sock_break(struct fake_session *s, int err);
void fake_sock_wake_all(struct fake_session *s);

#endif
