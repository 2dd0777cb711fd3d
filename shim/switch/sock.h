/* SPDX-License-Identifier: BSD-3-Clause */
/* A TCP socket of the program: a real kernel socket, and from connect() or listen() on perhaps a
 * companion on the SAN. Owns the state, who may change it (sock_event alone, under sw_lock) and
 * what the kernel socket cannot answer for a companion. Knows nothing of libc names. */
#ifndef SAND_SWITCH_SOCK_H
#define SAND_SWITCH_SOCK_H

#include "fdtab.h"
#include "sw_err.h"

#include <netinet/in.h>
#include <stdint.h>
#include <sys/queue.h>

/* X(name, meaning) */
#define SOCK_STATE_LIST(X)                                                        \
	X(PLAIN, "nothing decided: the kernel's socket alone")                    \
	X(CONNECTING, "SAN connect under way")                                    \
	X(CONNECTED, "bytes go over the SAN")                                     \
	X(LISTENING, "SAN listener beside the kernel's")                          \
	X(FAILED, "SAN connect failed for good; the next connect() starts again") \
	X(KERNEL, "connect() was given to kernel TCP")

enum sock_state {
#define X(name, meaning) SOCK_##name,
	SOCK_STATE_LIST(X)
#undef X
	    SOCK_STATES
};

/* X(name, meaning) */
#define SOCK_EVENT_LIST(X)                                              \
	X(CONNECT_STARTED, "the provider took the connect")             \
	X(CONNECT_DONE, "and it succeeded")                             \
	X(CONNECT_REFUSED, "and it failed in a way TCP would fail too") \
	X(KERNEL_CHOSEN, "no rule, no SAN, or the failure allows TCP")  \
	X(LISTEN_DONE, "the provider listens")                          \
	X(ACCEPTED, "born connected from a listener")                   \
	X(RESET, "shutdown of a listener, connect(AF_UNSPEC), or the failure was reported")

enum sock_event {
#define X(name, meaning) SOCK_EV_##name,
	SOCK_EVENT_LIST(X)
#undef X
	    SOCK_EVENTS
};

/* Why a socket is not on the SAN. X(name, text) */
#define SOCK_WHY_LIST(X)                                                \
	X(NOT_ASKED, "not connected yet")                               \
	X(NO_PROVIDER, "no SAN daemon")                                 \
	X(NO_RULE, "no rule sends it to the SAN")                       \
	X(BOUND_ELSEWHERE, "bound to an address the SAN does not have") \
	X(NO_COMPANION, "the provider has no socket to give")           \
	X(BIND_FAILED, "the provider refused the local address")        \
	X(CONNECT_FAILED, "the SAN connect failed, TCP was tried")      \
	X(LISTEN_FAILED, "the provider refused to listen")

enum sock_why {
#define X(name, text) SOCK_WHY_##name,
	SOCK_WHY_LIST(X)
#undef X
};

/* What a data-path descriptor holds while a failed connect waits to be reported: no provider knows
 * it, so every call comes back with WSAENOTSOCK and the switch answers. */
#define SOCK_SAN_FAILED (INVALID_SOCKET - 1)

struct ep_item;
struct sw_sock {
	struct sw_file file;
	void *pool_link;
	_Atomic uint8_t state;
	_Atomic bool nonblock; /* O_NONBLOCK as the program set it */
	_Atomic bool edge;     /* member of an edge-triggered epoll item: count what is received */
	_Atomic bool claimed;  /* a connect() call has returned 0 for this connection */
	_Atomic bool san_only; /* rule: never fall back, nobody but the SAN may come in */
	uint8_t why;	       /* enum sock_why */
	_Atomic uint8_t turn;  /* accept: whose turn it is, kernel or SAN */
	_Atomic int error;     /* errno of a failed connect that SO_ERROR has not reported */
	_Atomic SOCKET listener;   /* LISTENING: its SAN side */
	_Atomic uint32_t received; /* bytes, while edge */
	_Atomic uint32_t refused;  /* sends that found no room */
	/* What the program set with setsockopt(), as the data path needs it. Times in ns, 0 = none.
	 * Written under sw_lock, read without. */
	_Atomic uint64_t recv_ns, send_ns;
	_Atomic uint32_t low_water;
	_Atomic bool oob_inline;
	uint32_t options_set; /* bits of the table in option.c: what an accepted socket inherits */
	bool linger;
	uint32_t linger_s;
	uint64_t cookie; /* the kernel's name for its half, never used twice */
	_Atomic int domain;
	SLIST_HEAD(, ep_item) items; /* epoll memberships; sw_lock */
	/* Where the connect goes, for the fall-back. */
	struct sockaddr_storage peer;
	socklen_t peer_len;
};

/* A socket and which incarnation of it, for calls that sleep. */
struct sock_ref {
	struct sw_sock *sock;
	uint32_t gen;
};

const char *sock_state_name(enum sock_state state);
const char *sock_why_text(enum sock_why why);

static inline enum sock_state
sock_state(const struct sw_sock *s)
{
	return (enum sock_state)atomic_load_explicit(&s->state, memory_order_acquire);
}

/* The socket under fd; NULL when the kernel is alone with it or it is something else. */
static inline struct sw_sock *
sock_at(int fd)
{
	struct sw_file *file = fdtab_get(fd);

	return file != NULL && file->kind == SW_SOCK ? (struct sw_sock *)file : NULL;
}

static inline struct sock_ref
sock_ref(struct sw_sock *s)
{
	return (struct sock_ref){s, atomic_load_explicit(&s->file.gen, memory_order_acquire)};
}

static inline bool
sock_ref_valid(struct sock_ref r)
{
	return atomic_load_explicit(&r.sock->file.gen, memory_order_acquire) == r.gen;
}

/* What the kernel says of any descriptor: an option's value, -1 if it has none; the socket's
 * cookie, 0 if it is no socket; whether it is a TCP socket without a connection of the kernel's. */
int sock_int_option(int fd, int level, int name);
uint64_t sock_cookie(int fd);
bool sock_adoptable(int fd);

/* The functions below want sw_lock held. */

/* A new object under fd for a kernel socket of that domain; NULL: no memory, the socket stays the
 * kernel's alone. */
struct sw_sock *sock_track(int fd, int domain, bool nonblock);
/* Tracks a TCP socket this process did not make itself (exec, SCM_RIGHTS). NULL when it is none or
 * it is connected. */
struct sw_sock *sock_adopt(int fd);
/* The only writer of state. An event that the state does not know is ignored and returns false. */
bool sock_event(struct sw_sock *s, enum sock_event event);
/* Gives the object back; the companion and the memberships are gone already. */
void sock_free(struct sw_sock *s);

#endif
