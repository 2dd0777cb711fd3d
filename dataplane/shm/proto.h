/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages between a program and the daemon over the UNIX SEQPACKET socket. One message per
 * datagram, fixed size, with descriptors as SCM_RIGHTS. The connection's life is the process's
 * life: when the kernel reports a hang-up, the daemon runs the close sequence for every socket only
 * that process held. Nothing here is on the data path.
 *
 *   ATTACH     program -> daemon  first message; parent = 0
 *   ATTACH_OK  daemon -> program  fds: region memfd, then one doorbell eventfd per poll thread
 *   FORK       program -> daemon  first message on a new connection made just before fork(2), from
 *                                 a process already attached: attach = its id. The daemon copies
 *                                 its holds; the child keeps this connection, the parent closes
 *                                 it (which undoes it if fork failed)
 *   FORK_OK    daemon -> program  attach = the child's id; no fds
 *   WAKE_NEW   program -> daemon  wants a wake object
 *   WAKE_OK    daemon -> program  arg = index into shm_region.wake; fd: its eventfd
 *   WAKE_FREE  program -> daemon  arg = index; no reply
 *   SYNC       program -> daemon  arg = slot; answered when the control thread has seen all the
 *                                 slot's doorbells so far
 *   SYNC_OK    daemon -> program
 *   MEM_ADD    program -> daemon  arg = slot, mem: let the socket's peer reach memory of this
 *                                 process: of the region's heap, or, if `mem.off` is
 *                                 PROTO_MEM_OUTSIDE, of its own, with fd: its /proc/self/mem, open
 *                                 for reading and writing. REFUSED with NOTCONN, OPNOTSUPP (a
 *                                 stream), INVAL (wraps around, not inside the heap, an unknown
 *                                 right, no such fd), PERM (not a slot this process holds),
 *                                 NOBUFS (no key left), ALREADY (an answer is still owed)
 *   MEM_OK     daemon -> program  arg = the key, which works from now on
 *   MEM_DEL    program -> daemon  arg = slot, mem.key. REFUSED with NOENT: no such key, maybe since
 *                                 its connection has ended
 *   MEM_GONE   daemon -> program  nobody reaches the memory by this key any more
 *   HAND       program -> daemon  arg = slot, pid = a process of the same user that shall have the
 *                                 socket, too. REFUSED with PERM (not a slot this process holds),
 *                                 NOTCONN (neither connected nor listening), INVAL (no process of
 *                                 this user), ALREADY (it is on its way)
 *   HANDED     daemon -> program  arg = ticket, good for five seconds
 *   TAKE       program -> daemon  arg = ticket, or, if `offer.key` is not 0, by the key of an
 *                                 OFFER. REFUSED with NOENT: nothing for this process; PERM: of
 *                                 another family, see JOIN
 *   TAKEN      daemon -> program  arg = slot, which this process holds from now on; offer.note
 *   JOIN       program -> daemon  first message on a new connection, from a process of another
 *                                 family of the same user: arg or offer.key as in TAKE. It belongs
 *                                 to the socket's family from now on, and gives up its old
 *                                 connection. Answered by ATTACH_OK with arg and note as TAKEN, or
 *                                 REFUSED as TAKE, or with LIMIT
 *   LET_GO     program -> daemon  arg = slot: a process that handed it over has closed it; no reply
 *   OFFER      program -> daemon  with WITHDRAW the one thing said on a connection of its own (a
 *                                 child of vfork may have closed its parent's): session, attach =
 *                                 who asks, arg = slot, offer: one more process of this user may
 *                                 take the socket by the key, within five seconds, and is told the
 *                                 note. REFUSED as HAND, or with INVAL (key 0), OPNOTSUPP (not a
 *                                 stream), LIMIT (too often)
 *   OFFERED    daemon -> program
 *   WITHDRAW   program -> daemon  as OFFER: one process less; no reply
 *   REFUSED    daemon -> program  err = enum san_err, text = one sentence
 */
#ifndef SAND_SHM_PROTO_H
#define SAND_SHM_PROTO_H

#include <stdint.h>

#define PROTO_MAGIC   0x6f727053u /* "Spro" little-endian */
#define PROTO_VERSION 4u
#define PROTO_FDS_MAX 10u

#define PROTO_LIST(X)   \
	X(ATTACH, 1)    \
	X(ATTACH_OK, 2) \
	X(FORK, 3)      \
	X(FORK_OK, 4)   \
	X(WAKE_NEW, 5)  \
	X(WAKE_OK, 6)   \
	X(WAKE_FREE, 7) \
	X(SYNC, 8)      \
	X(SYNC_OK, 9)   \
	X(REFUSED, 10)  \
	X(MEM_ADD, 11)  \
	X(MEM_OK, 12)   \
	X(MEM_DEL, 13)  \
	X(MEM_GONE, 14) \
	X(HAND, 15)     \
	X(HANDED, 16)   \
	X(TAKE, 17)     \
	X(TAKEN, 18)    \
	X(LET_GO, 19)   \
	X(JOIN, 20)     \
	X(OFFER, 21)    \
	X(OFFERED, 22)  \
	X(WITHDRAW, 23)

enum proto_type {
#define X(name, value) PROTO_##name = value,
	PROTO_LIST(X)
#undef X
};

/* What the peer may do. */
#define PROTO_MEM_READ	  0x01u /* RDMA READ */
#define PROTO_MEM_WRITE	  0x02u /* RDMA WRITE */
#define PROTO_MEM_OUTSIDE UINT64_MAX

struct proto_mem {
	uint64_t va, len; /* as the peer addresses it, by custom the program's own address */
	uint64_t off;	  /* where it begins in the region; PROTO_MEM_OUTSIDE: it is not there */
	uint32_t rights;  /* PROTO_MEM_READ, _WRITE */
	uint32_t key;	  /* MEM_DEL */
};

/* By what a socket is found that a program leaves to another one, and what the two have to say to
 * each other. */
struct proto_offer {
	uint64_t key;
	uint32_t note, reserved;
};

struct proto_msg {
	uint32_t magic, version;
	uint32_t type;	  /* enum proto_type */
	uint32_t attach;  /* attach id (index into shm_attach); replies carry the new one */
	uint32_t session; /* session number */
	uint32_t arg;
	int32_t err;	  /* REFUSED */
	uint32_t pid;	  /* ATTACH: informational, the daemon believes SCM_CREDENTIALS. HAND */
	char program[32]; /* ATTACH: basename of the program, for `show session` and rules */
	union {
		char text[64];		  /* REFUSED: a sentence */
		struct proto_mem mem;	  /* MEM_* */
		struct proto_offer offer; /* OFFER, WITHDRAW, TAKE, TAKEN, JOIN, ATTACH_OK */
	};
};
_Static_assert(sizeof(struct proto_msg) == 128, "ABI");

/* Where programs look for the daemon: environment SAND_SOCKET_ENV, else this path. */
#define SAND_SOCKET_ENV	    "SAND"
#define SAND_SOCKET_DEFAULT "/run/sand/sand.sock"

#endif
