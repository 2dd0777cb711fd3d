/* SPDX-License-Identifier: BSD-3-Clause */
/* An epoll instance with sockets of the switch in it. The program's descriptor is a real kernel
 * epoll: what the kernel can watch is registered there with the program's own data; what the SAN
 * has is listed here. A member moves between the two when its socket does. A wake object's eventfd
 * sits in the kernel's set and stands for all SAN members.
 *
 * Members are keyed as in Linux by descriptor number and what it names. Lists: `mirror` (the kernel
 * watches), `hot` (looked at in every wait, at most EP_HOT_MAX) and `cold` (looked at when the wake
 * object fired), so that a wait costs the active members, not all. Owns members and lists; who may
 * touch them: sw_lock and ep->lock, in that order; the lists alone: ep->lock. */
#ifndef SAND_SWITCH_EP_SET_H
#define SAND_SWITCH_EP_SET_H

#include "sock.h"

#include <pthread.h>
#include <sand/san.h>
#include <sys/epoll.h>

#define EP_HOT_MAX 64

TAILQ_HEAD(ep_list, ep_item);

struct ep_item {
	void *pool_link;
	struct sw_epoll *ep;
	struct sw_sock *sock;
	TAILQ_ENTRY(ep_item) link; /* in `list`, a list of ep */
	struct ep_list *list;
	SLIST_ENTRY(ep_item) sibling; /* in sock->items */
	SOCKET source;		      /* the provider's socket it watches */
	uint64_t data;
	uint32_t events; /* as the program asked, flags included */
	int fd;
	unsigned sides; /* READY_*: who watches it now */
	bool off;	/* EPOLLONESHOT has fired */
	bool fresh;	/* edge: just added or modified, so what holds is news */
	short seen;	/* edge: bits at the last look */
	uint32_t seen_received, seen_refused; /* edge: positions at the last report */
	unsigned idle;			      /* looks without news */
};

struct sw_epoll {
	struct sw_file file;
	void *pool_link;
	pthread_mutex_t lock;
	bool lock_made;	       /* the mutex survives recycling */
	int fd;		       /* one descriptor that names it, see ep_fd() */
	struct san_wake *wake; /* NULL: the daemon had none to give */
	bool wake_asked;
	int wake_fd; /* its eventfd, also rung by the program itself; -1 without wake */
	struct ep_list mirror, hot, cold;
	unsigned hot_count;
	_Atomic unsigned members; /* hot and cold */
	unsigned sleepers;	  /* threads in the kernel, wake armed */
	_Atomic unsigned calls;	  /* waits so far: whose turn it is */
	bool stale; /* cold members must be looked at: they are new, or the wake object fired */
	_Atomic bool nested; /* member of another set: its wake stays armed */
};

int sw_epoll_ctl(int epfd, int op, int fd, struct epoll_event *event);

/* True while an event of a SAN member waits. */
bool ep_ready(struct sw_epoll *ep);
/* For sleeping on the epoll descriptor: between arm and disarm it becomes readable when a SAN
 * member has news, and stays so until the last sleeper has left: who is woken with others looks for
 * itself. */
bool ep_arm(
    struct sw_epoll *ep); /* false: the daemon has no wake object to give, nothing will ring */
void ep_disarm(struct sw_epoll *ep);

/* sw_lock is held for these. The socket's data path has changed hands: its members follow. */
void ep_sock_moved(struct sw_sock *s);
/* The socket leaves the switch or is closed: its members go. What the kernel watches stays with the
 * kernel. */
void ep_sock_forget(struct sw_sock *s);
void ep_free(struct sw_epoll *ep);
void ep_fork_lock(void);
void ep_fork_unlock(void);
/* In the child: wakes were the parent's. */
void ep_fork_child(void);

/* For ep_wait.c; ep->lock is held. */
struct ep_item *ep_item_of_tag(uint64_t data, const struct sw_epoll *ep);
void ep_list_move(struct ep_item *item, struct ep_list *to);
int ep_fd(struct sw_epoll *ep);
/* Asks the daemon for the wake object, once. */
void ep_wake_ensure(struct sw_epoll *ep);
/* The data under which the wake is in the kernel's set: no program has addresses inside our
 * objects. */
static inline uint64_t
ep_wake_tag(const struct sw_epoll *ep)
{
	return (uintptr_t)&ep->wake;
}

/* Wakes a thread that sleeps on the set in the kernel. */
void ep_ring(struct sw_epoll *ep);

#endif
