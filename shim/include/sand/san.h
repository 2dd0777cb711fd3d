/* SPDX-License-Identifier: BSD-3-Clause */
/* What Linux needs beyond WSD, as one extension function table fetched from a provider by
 * WSPIoctl(SIO_GET_EXTENSION_FUNCTION_POINTER, SAN_GUID_LINUX): `out` receives a const struct
 * san_linux_table *. For stream sockets (SOCK_STREAM), but for the memory at its end. No function
 * here blocks unless its name says wait. */
#ifndef SAND_SAN_H
#define SAND_SAN_H

#include <sand/wsp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>
#include <time.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SAN_GUID_LINUX                                                 \
	{                                                              \
		0x5a4e4400, 0x0001, 0x4c58,                            \
		{                                                      \
			0x8d, 0x1e, 0x53, 0x61, 0x6e, 0x64, 0x01, 0x00 \
		}                                                      \
	}
#define SAN_LINUX_VERSION 1u

/* Readiness of a stream socket, as poll(2) bits. POLLHUP etc. as Linux TCP would report them. */

/* sanRecv flags */
#define SAN_RECV_PEEK	 0x01
#define SAN_RECV_OOB	 0x02
#define SAN_RECV_DISCARD 0x04 /* MSG_TRUNC on TCP: count, do not copy */
/* sanSend flags */
#define SAN_SEND_OOB  0x01 /* the last byte is urgent */
#define SAN_SEND_MORE 0x02 /* more will follow: a partial packet may wait */

/* What describes memory that a peer may reach, as long as WSPRegisterRdmaMemory makes it. */
#define SAN_DESCRIPTOR_BYTES 24u

enum san_close_how {
	SAN_CLOSE_GRACEFUL, /* queued data, then DisConn; reset when the peer's data was left unread
			     */
	SAN_CLOSE_RESET,    /* SO_LINGER {1,0} */
};

/* A place one or several threads wait for many sockets at once: an eventfd to put into a kernel
 * epoll or poll set. Usage: mark armed, add each socket's interest, look at readiness once more,
 * sleep in the kernel, disarm. */
struct san_wake;

/* A socket offered to other processes. */
struct san_offer {
	SOCKET s;
	uint64_t key;  /* by which they ask for it: not 0, the socket's alone, known to them only */
	uint32_t note; /* what they are told */
	INT err;       /* out: 0 if it is on offer now */
};

struct san_linux_table {
	uint32_t version; /* SAN_LINUX_VERSION */
	uint32_t size;	  /* of this struct */

	/* Copy into / out of the socket's ring. Return bytes (> 0), 0 only for end of stream (recv)
	 * or a zero-length request, or -1 with *err: WSAEWOULDBLOCK, WSAENOTCONN, WSAESHUTDOWN
	 * (send after shutdown: EPIPE), WSAECONNRESET, WSAETIMEDOUT, WSAENETDOWN, WSAENOTSOCK,
	 * WSAEINVAL (OOB without an urgent byte). An error of the connection is reported once to
	 * recv or send, like SO_ERROR; afterwards recv gives 0 and send WSAESHUTDOWN. */
	ssize_t (*sanSend)(SOCKET s, const struct iovec *iov, int count, int flags, LPINT err);
	ssize_t (*sanRecv)(SOCKET s, const struct iovec *iov, int count, int flags, LPINT err);

	/* poll(2) bits that hold now: POLLIN POLLOUT POLLPRI POLLERR POLLHUP POLLRDHUP; POLLNVAL
	 * for a stale descriptor. */
	short (*sanPoll)(SOCKET s);
	/* Sleep until one of `events` (or ERR/HUP) holds, `until` (CLOCK_MONOTONIC, NULL = for
	 * ever) passes, a signal arrives or another thread closes the socket. Returns the bits that
	 * hold, 0 at the time limit, -1 with *err WSAEINTR or WSAENOTSOCK. Spins and yields first
	 * (region's spin_us). */
	int (*sanWait)(SOCKET s, short events, const struct timespec *until, LPINT err);

	int (*sanShutdown)(SOCKET s, int how, LPINT err); /* SHUT_RD, SHUT_WR, SHUT_RDWR */
	/* Like WSPCloseSocket with a way of ending; C1-C15 of the close contract hold for both. */
	int (*sanClose)(SOCKET s, enum san_close_how how, LPINT err);
	/* For SO_LINGER {1,n}: wait until everything sent is acknowledged. 0, or -1 with
	 * WSAETIMEDOUT or the socket's error. */
	int (*sanDrain)(SOCKET s, const struct timespec *until, LPINT err);

	int (*sanGetSockName)(SOCKET s, struct sockaddr *name, socklen_t *len, LPINT err);
	int (*sanGetPeerName)(SOCKET s, struct sockaddr *name, socklen_t *len, LPINT err);
	int (*sanTakeError)(SOCKET s); /* SO_ERROR: pending Winsock code or 0, cleared */
	/* Bytes: waiting to be read (FIONREAD), not yet acknowledged (SIOCOUTQ), free in the tx
	 * ring; at the urgent mark (0/1). */
	int (*sanQueue)(
	    SOCKET s, uint32_t *in, uint32_t *out, uint32_t *room, int *at_mark, LPINT err);
	int (*sanSetFlag)(SOCKET s, uint32_t flag, int on,
	    LPINT err); /* SHM_APP_NODELAY, _CORK, _KEEPALIVE by value */
	/* Name the process sees in `show socket`, and whether the daemon still lives. */
	uint32_t (*sanIdent)(SOCKET s);
	int (*sanAlive)(void);

	/* Wake objects. sanWakeCreate: NULL with *err when the daemon refuses (WSAENOBUFS) or is
	 * gone. sanWakeFd: a non-blocking eventfd, owned by the object; whoever polls it may read
	 * it empty. Add is idempotent; Remove tolerates a closed socket. sanWakeArm(w, 1) before
	 * the last look: a level, not a count; the daemon clears it when it writes the eventfd, and
	 * the daemon's death shows here and in readiness from then on. After sanForkChild the
	 * parent's objects are dead in the child: only to be destroyed. */
	struct san_wake *(*sanWakeCreate)(LPINT err);
	void (*sanWakeDestroy)(struct san_wake *w);
	int (*sanWakeFd)(const struct san_wake *w);
	void (*sanWakeArm)(struct san_wake *w, int armed);
	int (*sanWakeAdd)(struct san_wake *w, SOCKET s, short events, LPINT err);
	void (*sanWakeRemove)(struct san_wake *w, SOCKET s);
	/* One spin-or-yield step while waiting, chosen by who shares the core; returns 0 when it is
	 * time to sleep. `state` starts at 0. */
	int (*sanRelax)(uint32_t *state);

	/* What the rules say. Both return enum shm_action (0 TCP, 1 SAN, 2 SAN only). No daemon: 0.
	 */
	int (*sanRouteConnect)(const struct sockaddr *dst, socklen_t len);
	int (*sanRouteListen)(const struct sockaddr *local, socklen_t len);
	int (*sanIsLocal)(
	    const struct sockaddr *addr, socklen_t len); /* one of the SAN's own addresses here */

	/* fork(2): Before in the parent, then exactly one of the other two. After a failed Before
	 * (no room, daemon gone) the child's SAN sockets are dead (WSAENETDOWN) but nothing else
	 * is. A child that never calls After owns nothing. */
	int (*sanForkBefore)(LPINT err);
	void (*sanForkParent)(void);
	void (*sanForkChild)(void);

	/* Memory for WSPRegisterRdmaMemory that the daemon shares: what peers read and write there
	 * by RDMA is moved in place, without a system call for each packet. Good for everything
	 * else, too. At least `len` bytes, in units of 64 KiB, aligned to a page, contents
	 * undefined; rdma_heap_bytes of sand.conf is what a process and those it forked have
	 * together. NULL: WSAENOBUFS (not so much in one piece), WSAEINVAL (0 bytes), WSAENETDOWN,
	 * WSANOTINITIALISED.
	 * A child of fork(2) sees the same memory, not a copy, and either may free it. What nobody
	 * frees goes with the last process of the family. When the daemon ends, the memory stays
	 * readable and writable until WSPCleanup or the next WSPSocket, and belongs to nobody then.
	 */
	void *(*sanAlloc)(size_t len, LPINT err);
	/* -1: WSAEINVAL (not from sanAlloc), WSAEFAULT (a registration of this process lies there:
	 * nothing is freed), WSAENOBUFS, WSAENETDOWN, WSANOTINITIALISED. */
	int (*sanFree)(void *at, LPINT err);

	/* RDMA with peers that are not Sand and know no descriptors. Foreign: makes the descriptor
	 * for WSPRdmaRead and WSPRdmaWrite of what such a peer said of its memory: InfiniBand's
	 * address, length and R_Key, in host order. Named: the same three of a descriptor that
	 * WSPRegisterRdmaMemory made, to be told to such a peer; 0, or -1 with *err WSAEINVAL: not
	 * a descriptor. In what form a peer says and hears them is between the programs. */
	void (*sanMemoryForeign)(
	    uint8_t desc[SAN_DESCRIPTOR_BYTES], uint64_t addr, uint64_t len, uint32_t key);
	int (*sanMemoryNamed)(const uint8_t desc[SAN_DESCRIPTOR_BYTES], uint64_t *addr,
	    uint64_t *len, uint32_t *key, LPINT err);

	/* The lowest of the provider's own descriptors that is not below fd, -1: none. A program
	 * that closes all it does not know must spare them. */
	int (*sanOwnFd)(int fd);

	/* Stream sockets for other processes of the same user, as exec and SCM_RIGHTS need it: each
	 * offer lets one more of them have the socket, too, for five seconds, in which it does not
	 * end though everybody closes it. The offerer keeps it. Offer: how many are on offer now;
	 * err of the others: WSAENOTSOCK, WSAENOTCONN (neither connected nor listening),
	 * WSAEINVAL (key 0, sends unfinished), WSAEOPNOTSUPP (not a stream), WSAEALREADY (given
	 * away, or on offer by another key), WSAENOBUFS (too often), WSAEACCES, WSAENETDOWN. Both
	 * may be called in the child of vfork(2), whatever that has closed. Withdraw: of those
	 * whose err is 0, one each. */
	int (*sanOffer)(struct san_offer *offers, int count);
	void (*sanWithdraw)(const struct san_offer *offers, int count);
	/* The socket offered by this key, and the note; the same one if this process has it
	 * already. A process of another family must have no socket of its own and no memory of
	 * sanAlloc. INVALID_SOCKET: WSAEINVAL (none, not for this process, a bad family),
	 * WSAENETDOWN, WSAENOBUFS, WSANOTINITIALISED. */
	SOCKET (*sanClaim)(int af, uint64_t key, uint32_t *note, LPINT err);
};

#ifdef __cplusplus
}
#endif
#endif
