/* SPDX-License-Identifier: BSD-3-Clause */
/* Sockets of this process: their slots, their descriptors, what phase they are in, and how they
 * end. */
#ifndef SAND_WSP_SOCK_H
#define SAND_WSP_SOCK_H

#include "provider.h"

/* Where a socket is in its life, from what program and daemon published. */
enum sock_phase {
	SOCK_IDLE,	/* no command given yet */
	SOCK_PENDING,	/* connect or listen under way */
	SOCK_CONNECTED, /* rings are live, perhaps broken: see wire_flags */
	SOCK_LISTENING,
	SOCK_FAILED, /* see sock_failure */
};

enum sock_phase sock_phase(SOCKET s);
/* Winsock code why a FAILED socket failed; WSAENETDOWN when the daemon is gone. */
int sock_failure(SOCKET s);

/* Take a free slot of the program's half and reserve a descriptor for it, or reserve one for an
 * accepted slot whose holds bit is set already. The descriptor is not valid yet: sock_publish makes
 * it so, sock_abandon takes it back (an accepted slot is reset). prov.lock held. 0 with *s, or
 * WSAENOBUFS. */
int sock_reserve(uint16_t af, bool message, SOCKET *s);
void sock_reserve_accepted(uint32_t slot, const struct wsp_sock *listener, SOCKET *s);
void sock_publish(SOCKET s, SOCKET handle);
/* What every maker of a socket does after WPUCreateSocketHandle, without locks: publish, or give
 * everything back if there is no handle, or the provider ended since `epoch`, maybe inside the
 * upcall. The descriptor, or INVALID_SOCKET with *err. */
SOCKET sock_open(SOCKET s, SOCKET handle, uint32_t epoch, LPINT err);
void sock_abandon(SOCKET s);

/* WSPDuplicateSocket: from now on the descriptor is good for sock_close only, which lets go of the
 * slot and ends nothing. False if it was closed by another thread. prov.lock held. */
bool sock_give(SOCKET s);
/* No thread of this process is in its rings any more when it returns. Without locks. */
void sock_leave(SOCKET s);
/* The slot came back to the process that gave it, or to one that has it open: the descriptor it has
 * here. prov.lock held. */
bool sock_take_back(uint32_t slot, SOCKET *s);
/* As sock_reserve_accepted, of a slot that another process gave. prov.lock held. */
void sock_reserve_taken(uint32_t slot, uint16_t af, bool message, SOCKET *s);

/* WSPCloseSocket and sanClose: invalidate the descriptor, get other threads out, let go of the slot
 * (the last process of the family starts the close sequence), and last the one
 * WPUCloseSocketHandle. Called without locks. 0, WSAENOTSOCK or WSAENETDOWN. */
int sock_close(SOCKET s, enum san_close_how how);

/* No upcall is owed for the closed socket any more: the last one, and the slot is let go of.
 * Without locks. */
void sock_finish(uint32_t slot);

/* Mark or clear "this process holds the slot". */
void sock_hold(uint32_t slot);
/* Wake every thread of the family that sleeps on the slot, and our own wake objects. */
void sock_wake(SOCKET s);
/* Put a command into the mailbox. prov.lock held, phase checked. WSAENETDOWN when the lock cannot
 * be had. */
int sock_command(SOCKET s, uint32_t cmd, uint32_t arg, const struct shm_addr *local,
    const struct shm_addr *peer);

/* 0, or a Winsock code: WSAEFAULT, WSAEAFNOSUPPORT (also: family of the socket is another one). */
int sock_addr_in(const struct sockaddr *sa, socklen_t len, uint16_t af, struct shm_addr *out);
/* As accept(2) writes an address: as much as fits, *len is the full length. `af` is the socket's
 * family. */
void sock_addr_out(const struct shm_addr *a, uint16_t af, struct sockaddr *sa, socklen_t *len);

#endif
