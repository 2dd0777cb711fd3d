/* SPDX-License-Identifier: BSD-3-Clause */
/* Overlapped operations: from the call that posts one to its single completion, by upcall or, if
 * the lowest bit of its hEvent is set, by its fields alone. A socket has a queue for each
 * direction, worked off in the order posted, by whoever comes along: the poster,
 * WSPGetOverlappedResult, the upcall thread. Upcalls are made by one thread at a time for each
 * socket, in order, without any lock.
 *
 * An operation is taken out of its queue and gives back what it held before its completion can be
 * seen. Closing finishes what is left; whoever then makes the last upcall owed ends the socket
 * (sock_finish). Never blocks, but for a caller of WSPGetOverlappedResult that asked for it. */
#ifndef SAND_WSP_OP_H
#define SAND_WSP_OP_H

#include "provider.h"

/* Operations of this process not yet completed, all sockets together. More: WSAENOBUFS. */
#define OPS_MAX 4096u
/* Buffers of one operation. More: WSAEINVAL. */
#define OP_BUFS 16u

enum op_way { OP_SEND, OP_RECV, OP_NEWS, OP_WAYS };

/* NEWS: of the address list, on a socket in any state; it has the queue OP_NEWS. All others but
 * RECV stand in that of OP_SEND. */
enum op_kind { OP_KIND_SEND, OP_KIND_RECV, OP_KIND_WRITE, OP_KIND_READ, OP_KIND_NEWS };

struct op_ask {
	enum op_kind kind;
	DWORD count;
	const WSABUF *bufs;
	const HANDLE *handles; /* WRITE, READ: of each buffer's registration */
	LPWSAOVERLAPPED ov;
	uint64_t va; /* WRITE, READ: the peer's memory */
	uint32_t key;
};

/* 0: pending, its completion follows whatever happens; else a Winsock code, and none follows:
 * WSAENOBUFS, WSAEINVAL, WSAEFAULT, WSAENOTSOCK, WSAENOTCONN, the socket's error, WSAEMSGSIZE
 * (longer than a message may be), WSAEOPNOTSUPP (a peer that lets nobody read). */
int op_post(SOCKET s, const struct op_ask *ask);
/* WSPGetOverlappedResult for a descriptor that was good a moment ago. */
BOOL op_result(SOCKET s, LPWSAOVERLAPPED ov, LPDWORD bytes, BOOL wait, LPDWORD flags, LPINT err);

/* The slot gets a new socket. prov.lock held. */
void op_slot_new(uint32_t slot);
/* It had operations: its end may have to wait for upcalls. */
bool op_used(uint32_t slot);
/* RDMA of it is not finished. */
bool op_rdma(uint32_t slot);
/* The descriptor is dead and nobody is in the rings: everything left is aborted, owed upcalls are
 * made here or by the thread that makes others now. False if there was nothing and the caller is to
 * call sock_finish itself. Without locks. */
bool op_close(uint32_t slot);
/* Sends and RDMA posted and not done. */
bool op_sends(uint32_t slot);
/* The socket was given away: receives end well, with nothing; what else is left ends with the
 * descriptor. Without locks. */
void op_give(uint32_t slot);
/* WSPCleanup inside an upcall for this slot: make what is owed now; the upcaller finds it done. */
void op_take_over(uint32_t slot);
/* In a forked child the parent's operations do not exist. prov.lock held. */
void op_forked(void);

/* --- for the upcall thread --- */

/* Wait for these slots' rings; prov.lock held. */
void op_watch_arm(struct san_wake *w);
/* Make progress and the upcalls that are owed. Without locks. */
void op_watch_run(void);

#endif
