/* SPDX-License-Identifier: BSD-3-Clause */
/* The state of the provider: one attachment to the daemon per process, the sockets open in this
 * process, the upcall table. The only global of shim/wsp. Never holds a lock across an upcall,
 * never allocates on the data path.
 *
 * Locks, in this order: prov.lock (threads of this process: set-up, close, events, wake objects,
 * the connection to the daemon, fork), then the lock of a slot's operations (op.c), then the
 * region's ref_lock or a slot's cmd_lock (processes of the family). A slot's tx_lock and rx_lock
 * (data path) are taken alone, or under one of the first two; nothing else is taken under them.
 * The tables of operations (op_pool.c) and of registered memory (mem.c) have a lock each, taken
 * last. */
#ifndef SAND_WSP_PROVIDER_H
#define SAND_WSP_PROVIDER_H

#include <pthread.h>
#include <sand/san.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/single_threaded.h>

#include "lock.h"
#include "map.h"
#include "sys.h"

/* How long one thread may keep another from a slot's ring before the other gives up: a stopped
 * sibling process. */
#define PROV_LOCK_LIMIT_MS 2000u
/* How long a sleeper sleeps before it looks whether the daemon still lives. */
#define PROV_ALIVE_CHECK_MS 250

/* A descriptor is generation << SLOT_BITS | slot; generations of a slot are never reused within a
 * process. */
#define PROV_SLOT_BITS 13
#define PROV_SLOT_MASK ((SOCKET)SAN_SOCKS_MAX - 1)
_Static_assert(SAN_SOCKS_MAX == 1 << PROV_SLOT_BITS, "every masked slot number is an index");

/* One slot as this process knows it. Everything but descr: prov.lock. */
struct wsp_sock {
	_Atomic SOCKET descr; /* 0: not open in this process. Release publishes the fields below */
	uint64_t gen;
	SOCKET handle; /* what the switch gave us; goes into every upcall */
	WSAEVENT event;
	int32_t event_mask; /* FD_* asked for */
	int32_t event_told; /* FD_* already signalled and not yet enumerated */
	uint32_t deferred; /* listener: slot number + 1 of a child put back by CF_DEFER; 0 = none */
	uint16_t af;
	bool message; /* SOCK_SEQPACKET: the rings hold records */
	bool bound_set, nonblocking, debug, connect_told, listener;
	bool abort;	 /* closing: as a reset */
	bool given_away; /* closing: another process has it, or the daemon keeps it for one */
	/* Descriptor that WSPDuplicateSocket left, good for WSPCloseSocket only; 0 = none. */
	_Atomic SOCKET given;
	bool news_asked; /* FD_ADDRESS_LIST_CHANGE is due when the list is not as it was then */
	uint32_t news_generation;
	struct shm_addr bound;
	_Atomic uint64_t
	    wakes; /* wake objects of this process that may be interested; bit = index */
};

/* Lies on a page that fork(2) wipes. */
enum {
	LIFE_WIPED,   /* a child for which sanForkChild was never called: owns nothing */
	LIFE_ON,      /* attached, or was until the daemon went */
	LIFE_ORPHANED /* a child that could not get a connection of its own: its sockets can only be
			 closed */
};
struct prov_life {
	_Atomic uint32_t state;
};

struct provider {
	pthread_mutex_t lock;
	uint32_t starts; /* WSPStartupEx calls not yet undone */
	uint32_t epoch;	 /* incremented when the last start is undone */
	bool ending;
	WSPUPCALLTABLEEX up;
	struct prov_life *life;

	/* The attachment. Constant while sockets are open, but for `gone` and what fork replaces.
	 */
	struct shm_map map;
	int fd;		 /* connection to the daemon, -1 = none */
	uint32_t attach; /* our id there */
	int bell[SAN_POLLS_MAX];
	_Atomic uint32_t gone;	/* the daemon is: everything fails, nothing touches it any more */
	_Atomic uint32_t alone; /* this process never forked since it attached */
	uint64_t retry_at_ms;	/* no attempt to attach again before */
	char program[32];

	uint32_t open; /* sockets with a descriptor, and those being made */
	struct san_wake *wakes[SAN_WAKES_MAX];
	struct wsp_sock socks[SAN_SOCKS_MAX];
};

extern struct provider prov;
extern __thread uint32_t prov_tid __attribute__((tls_model("initial-exec")));

static inline void
prov_lock(void)
{
	pthread_mutex_lock(&prov.lock);
}

static inline void
prov_unlock(void)
{
	pthread_mutex_unlock(&prov.lock);
}

/* The calling thread's id as the locks in shared memory know it. */
static inline uint32_t
prov_self(void)
{
	if (__builtin_expect(prov_tid == 0, 0))
		prov_tid = (uint32_t)syscall(SYS_gettid);
	return prov_tid;
}

/* True while nobody else, thread or process, can reach our slots: shm_lock_take_alone is enough.
 * Neither can change while the only thread is inside a call. */
static inline bool
prov_alone(void)
{
	return __libc_single_threaded &&
	       atomic_load_explicit(&prov.alone, memory_order_relaxed) != 0;
}

static inline bool
prov_gone(void)
{
	return atomic_load_explicit(&prov.gone, memory_order_relaxed) != 0;
}

static inline uint32_t
prov_slot(SOCKET s)
{
	return (uint32_t)(s & PROV_SLOT_MASK);
}

static inline struct shm_sock *
prov_shm(SOCKET s)
{
	return &prov.map.sock[prov_slot(s)];
}

/* True while `s` is open in this process. Acquire pairs with the release in sock_publish. */
static inline bool
prov_is_open(SOCKET s)
{
	return atomic_load_explicit(&prov.socks[s & PROV_SLOT_MASK].descr, memory_order_acquire) ==
	       s;
}

static inline uint32_t
prov_life(void)
{
	return atomic_load_explicit(&prov.life->state, memory_order_relaxed);
}

/* NULL with *err WSAENOTSOCK (stale), or WSAENETDOWN in a child that has no connection of its own.
 */
static inline struct wsp_sock *
prov_find(SOCKET s, LPINT err)
{
	if (__builtin_expect(s == 0 || !prov_is_open(s), 0)) {
		*err = WSAENOTSOCK;
		return NULL;
	}
	if (__builtin_expect(prov_life() != LIFE_ON, 0)) {
		*err = WSAENETDOWN;
		return NULL;
	}
	return &prov.socks[s & PROV_SLOT_MASK];
}

/* A slot's tx or rx lock, in the cheapest form that is right at this moment. */
struct prov_hold {
	_Atomic uint32_t *lock;
	bool alone;
};

/* 0 or SAN_EALREADY, SAN_ETIMEDOUT (lock.h). */
static inline int
prov_hold(struct prov_hold *h, _Atomic uint32_t *lock)
{
	h->lock = lock;
	h->alone = prov_alone();
	return h->alone ? shm_lock_take_alone(lock, prov_self())
			: shm_lock_take(lock, prov_self(), PROV_LOCK_LIMIT_MS);
}

static inline void
prov_release(const struct prov_hold *h)
{
	if (h->alone)
		shm_lock_drop_alone(h->lock);
	else
		shm_lock_drop(h->lock);
}

static inline int
wsp_fail(LPINT err, int code)
{
	*err = code;
	return SOCKET_ERROR;
}

/* Ring the doorbell of the poll thread that serves the slot. */
void prov_ring(SOCKET s);

/* The other side asked to be told about a position (abi.h, SHM_NEED_*). The position was stored
 * with seq_cst before; the poll thread sets the bit, fences, and looks at the position again: one
 * of the two sees the other. */
static inline void
prov_tell(struct shm_sock *k, uint32_t bit, SOCKET s)
{
	if (__builtin_expect(
		(atomic_load_explicit(&k->need, memory_order_seq_cst) & bit) != 0, 0) &&
	    (atomic_fetch_and_explicit(&k->need, ~bit, memory_order_acq_rel) & bit) != 0)
		prov_ring(s);
}
/* prov.lock held. Attached and the daemon there, attaching again if it came back and no socket of
 * the old attachment is left. 0, WSANOTINITIALISED or WSAENETDOWN. */
int prov_usable(void);
/* Leave the daemon; nothing of this process is left in the region. prov.lock held. */
void prov_detach(void);
/* Look whether the daemon is still there; sets `gone`. One system call. */
bool prov_check_alive(void);
/* A bug of ours: fail everything from now on, leave the program alone. */
void prov_break(void);
/* Milliseconds of CLOCK_MONOTONIC. */
uint64_t prov_now_ms(void);

#endif
