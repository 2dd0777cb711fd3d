/* SPDX-License-Identifier: BSD-3-Clause */
#include "ep_set.h"
#include "kern.h"
#include "pool.h"
#include "provider.h"
#include "ready.h"
#include "sw_lock.h"
#include "waiter.h"

#include <string.h>

#define EPOLLS_MAX 4096
#define ITEMS_MAX  262144
/* Flags of epoll_ctl that the kernel allows beside EPOLLEXCLUSIVE. */
#define EXCLUSIVE_OK                                                                  \
	((uint32_t)EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLWAKEUP | EPOLLET | \
	    EPOLLEXCLUSIVE)

static struct pool epolls = {
    .size = sizeof(struct sw_epoll),
    .link = offsetof(struct sw_epoll, pool_link),
    .limit = EPOLLS_MAX,
};
static struct pool items = {
    .size = sizeof(struct ep_item),
    .link = offsetof(struct ep_item, pool_link),
    .limit = ITEMS_MAX,
};

/* --- the set --- */

int
ep_fd(struct sw_epoll *ep)
{
	return ep->fd = fdtab_number(&ep->file, ep->fd);
}

static struct sw_epoll *
ep_track(int epfd)
{
	struct sw_epoll *ep = pool_get(&epolls);

	if (ep == NULL)
		return NULL;
	ep->file.kind = SW_EPOLL;
	ep->file.refs = 0;
	atomic_store(&ep->file.san, INVALID_SOCKET);
	if (!ep->lock_made)
		pthread_mutex_init(&ep->lock, NULL);
	ep->lock_made = true;
	ep->fd = epfd;
	ep->wake = NULL;
	ep->wake_fd = -1;
	TAILQ_INIT(&ep->mirror);
	TAILQ_INIT(&ep->hot);
	TAILQ_INIT(&ep->cold);
	ep->hot_count = ep->sleepers = 0;
	atomic_store(&ep->calls, 0);
	atomic_store(&ep->members, 0);
	ep->stale = ep->wake_asked = false;
	atomic_store(&ep->nested, false);
	if (fdtab_set(epfd, &ep->file) == 0)
		return ep;
	pool_put(&epolls, ep);
	return NULL;
}

void
ep_wake_ensure(struct sw_epoll *ep)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u64 = ep_wake_tag(ep)};
	int err;

	if (ep->wake_asked)
		return;
	ep->wake_asked = true;
	ep->wake = provider_san->sanWakeCreate(&err);
	if (ep->wake == NULL)
		return;
	ep->wake_fd = waiter_fd(ep->wake);
	(void)KERN(epoll_ctl(ep_fd(ep), EPOLL_CTL_ADD, ep->wake_fd, &event));
}

void
ep_ring(struct sw_epoll *ep)
{
	static const uint64_t one = 1;

	if (ep->wake_fd >= 0)
		(void)!kern()->write(ep->wake_fd, &one, sizeof one);
}

static void
wake_drop(struct sw_epoll *ep)
{
	if (ep->wake != NULL)
		provider_san->sanWakeDestroy(ep->wake);
	ep->wake = NULL;
	ep->wake_fd = -1;
	ep->wake_asked = false;
}

void
ep_list_move(struct ep_item *item, struct ep_list *to)
{
	struct sw_epoll *ep = item->ep;
	int before = item->list == &ep->hot || item->list == &ep->cold;
	int after = to == &ep->hot || to == &ep->cold;

	if (item->list != NULL)
		TAILQ_REMOVE(item->list, item, link);
	ep->hot_count -= item->list == &ep->hot;
	ep->hot_count += to == &ep->hot;
	item->list = to;
	if (to != NULL)
		TAILQ_INSERT_TAIL(to, item, link);
	atomic_fetch_add_explicit(&ep->members, (unsigned)(after - before), memory_order_release);
}

/* --- members --- */

struct ep_item *
ep_item_of_tag(uint64_t data, const struct sw_epoll *ep)
{
	struct ep_item *item = (struct ep_item *)(uintptr_t)data;

	return pool_owns(&items, data) && item->ep == ep ? item : NULL;
}

static struct ep_item *
item_find(const struct sw_epoll *ep, const struct sw_sock *s, int fd)
{
	struct ep_item *item;

	SLIST_FOREACH(item, &s->items, sibling)
	if (item->ep == ep && item->fd == fd)
		return item;
	return NULL;
}

/* What the kernel is told: a listener is watched by both sides, and its events must be told apart
 * from strangers'. */
static struct epoll_event
kernel_event(const struct ep_item *item, unsigned sides)
{
	struct epoll_event event = {.events = item->off ? 0 : item->events};

	event.data.u64 = (sides & READY_SAN) != 0 ? (uintptr_t)item : item->data;
	return event;
}

/* Makes the kernel watch the member or stop doing so. */
static int
kernel_follow(struct ep_item *item, unsigned sides)
{
	bool had = (item->sides & READY_KERNEL) != 0, wants = (sides & READY_KERNEL) != 0;
	struct epoll_event event = kernel_event(item, sides);
	int epfd = ep_fd(item->ep);

	/* The number was closed while a dup lives on: it may be somebody else's by now. */
	if (fdtab_get(item->fd) != &item->sock->file)
		return 0;
	if (wants)
		return KERN(epoll_ctl(epfd, had ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, item->fd, &event));
	if (had)
		(void)KERN(epoll_ctl(epfd, EPOLL_CTL_DEL, item->fd, &event));
	return 0;
}

/* Puts the member where its socket is. ep->lock is held. */
static int
item_place(struct ep_item *item)
{
	struct sw_epoll *ep = item->ep;
	unsigned sides = ready_sides(item->sock);
	int rc = kernel_follow(item, sides);
	bool ring;

	if (rc < 0)
		return rc;
	if (item->source != INVALID_SOCKET && ep->wake != NULL)
		provider_san->sanWakeRemove(ep->wake, item->source);
	item->sides = sides;
	item->source = (sides & READY_SAN) != 0 ? ready_source(item->sock) : INVALID_SOCKET;
	item->fresh = true;
	item->idle = 0;
	if ((item->events & EPOLLET) != 0)
		atomic_store(&item->sock->edge, true);
	if ((sides & READY_SAN) == 0) {
		ep_list_move(item, &ep->mirror);
		return 0;
	}
	ep_wake_ensure(ep);
	/* Before its first SAN member the set's waiters sleep in the kernel unseen. */
	ring = ep->sleepers > 0 || ep->nested || atomic_load(&ep->members) == 0;
	ep_list_move(item, ep->hot_count < EP_HOT_MAX ? &ep->hot : &ep->cold);
	ep->stale |= item->list == &ep->cold;
	if (ring)
		ep_ring(ep);
	return 0;
}

/* ep->lock is held. */
static void
item_free(struct ep_item *item)
{
	struct sw_epoll *ep = item->ep;

	if (item->source != INVALID_SOCKET && ep->wake != NULL)
		provider_san->sanWakeRemove(ep->wake, item->source);
	ep_list_move(item, NULL);
	SLIST_REMOVE(&item->sock->items, item, ep_item, sibling);
	item->ep = NULL;
	pool_put(&items, item);
}

/* --- epoll_ctl --- */

static int
item_add(struct sw_epoll *ep, struct sw_sock *s, int fd, const struct epoll_event *event)
{
	struct ep_item *item;
	int rc;

	if (item_find(ep, s, fd) != NULL)
		return -EEXIST;
	if ((event->events & EPOLLEXCLUSIVE) != 0 && (event->events & ~EXCLUSIVE_OK) != 0)
		return -EINVAL;
	item = pool_get(&items);
	if (item == NULL)
		return -ENOMEM;
	memset(item, 0, sizeof *item);
	item->ep = ep;
	item->sock = s;
	item->source = INVALID_SOCKET;
	item->data = event->data.u64;
	item->events = event->events;
	item->fd = fd;
	SLIST_INSERT_HEAD(&s->items, item, sibling);
	rc = item_place(item);
	if (rc < 0)
		item_free(item);
	return rc;
}

static int
item_modify(struct ep_item *item, const struct epoll_event *event)
{
	uint32_t before = item->events;
	uint64_t data = item->data;
	int rc;

	if (((event->events | before) & EPOLLEXCLUSIVE) != 0)
		return -EINVAL;
	item->events = event->events;
	item->data = event->data.u64;
	item->off = false;
	rc = item_place(item);
	if (rc < 0) {
		item->events = before;
		item->data = data;
	}
	return rc;
}

static int
item_change(struct sw_epoll *ep, struct sw_sock *s, int op, int fd, const struct epoll_event *event)
{
	struct ep_item *item = item_find(ep, s, fd);

	if (op == EPOLL_CTL_ADD)
		return item_add(ep, s, fd, event);
	if (op == EPOLL_CTL_MOD)
		return item_modify(item, event);
	(void)kernel_follow(item, 0);
	item_free(item);
	return 0;
}

/* The first member makes the set ours. That epfd is an epoll at all the kernel shows when it takes
 * the member; for one that only the SAN watches, a change of what it cannot know is ENOENT from an
 * epoll and from nothing else. */
static int
first_member_add(int epfd, struct sw_sock *s, int fd, struct epoll_event *event)
{
	struct sw_epoll *ep;
	int rc;

	if ((ready_sides(s) & READY_KERNEL) == 0) {
		rc = KERN(epoll_ctl(epfd, EPOLL_CTL_MOD, fd, event));
		if (rc != -ENOENT)
			return rc == 0 ? -EEXIST : rc;
	}
	ep = ep_track(epfd);
	if (ep == NULL)
		return -ENOMEM;
	pthread_mutex_lock(&ep->lock);
	rc = item_add(ep, s, fd, event);
	pthread_mutex_unlock(&ep->lock);
	if (rc < 0) {
		fdtab_take(epfd);
		ep_free(ep);
	}
	return rc;
}

/* The kernel judges what does not reach a member of ours. */
static int
ctl_locked(int epfd, int op, int fd, struct epoll_event *event)
{
	struct sw_file *file = fdtab_get(epfd);
	struct sw_epoll *ep = (struct sw_epoll *)file;
	struct sw_sock *s = sock_at(fd);
	int rc;

	if (s == NULL || op < EPOLL_CTL_ADD || op > EPOLL_CTL_MOD ||
	    (file == NULL && op != EPOLL_CTL_ADD) || (file != NULL && file->kind != SW_EPOLL))
		return KERN(epoll_ctl(epfd, op, fd, event));
	if (event == NULL && op != EPOLL_CTL_DEL)
		return -EFAULT;
	if (file == NULL)
		return first_member_add(epfd, s, fd, event);
	if (op != EPOLL_CTL_ADD && item_find(ep, s, fd) == NULL)
		return KERN(epoll_ctl(epfd, op, fd, event));
	ep->fd = epfd;
	pthread_mutex_lock(&ep->lock);
	rc = item_change(ep, s, op, fd, event);
	pthread_mutex_unlock(&ep->lock);
	return rc;
}

/* Inside another set the descriptor must be readable exactly while a member has news. */
static void
ep_nest(struct sw_epoll *ep)
{
	atomic_store(&ep->nested, true);
	(void)ep_arm(ep);
	ep_disarm(ep);
	if (ep_ready(ep))
		ep_ring(ep);
	else
		waiter_drain(ep->wake_fd);
}

int
sw_epoll_ctl(int epfd, int op, int fd, struct epoll_event *event)
{
	struct sw_file *file = fdtab_get(fd);
	int rc;

	if (file == NULL)
		return KERN(epoll_ctl(epfd, op, fd, event));
	if (file->kind == SW_SOCK) {
		sw_lock();
		rc = ctl_locked(epfd, op, fd, event);
		sw_unlock();
		return rc;
	}
	rc = KERN(epoll_ctl(epfd, op, fd, event));
	if (rc == 0 && op == EPOLL_CTL_ADD) {
		ep_nest((struct sw_epoll *)file);
	}
	return rc;
}

/* --- sockets and sets that go --- */

void
ep_sock_moved(struct sw_sock *s)
{
	struct ep_item *item;

	SLIST_FOREACH(item, &s->items, sibling)
	{
		pthread_mutex_lock(&item->ep->lock);
		(void)item_place(item);
		pthread_mutex_unlock(&item->ep->lock);
	}
}

void
ep_sock_forget(struct sw_sock *s)
{
	while (!SLIST_EMPTY(&s->items)) {
		struct ep_item *item = SLIST_FIRST(&s->items);
		struct sw_epoll *ep = item->ep;

		pthread_mutex_lock(&ep->lock);
		item_free(item);
		pthread_mutex_unlock(&ep->lock);
	}
}

void
ep_free(struct sw_epoll *ep)
{
	struct ep_list *lists[] = {&ep->mirror, &ep->hot, &ep->cold};

	pthread_mutex_lock(&ep->lock);
	for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
		while (!TAILQ_EMPTY(lists[i]))
			item_free(TAILQ_FIRST(lists[i]));
	wake_drop(ep);
	pthread_mutex_unlock(&ep->lock);
	atomic_fetch_add(&ep->file.gen, 1);
	pool_put(&epolls, ep);
}

/* --- fork --- */

typedef void ep_visit(struct sw_epoll *ep);

static void
ep_each(ep_visit *visit)
{
	struct sw_epoll *ep = (struct sw_epoll *)(void *)epolls.base;

	for (size_t i = 0; i < epolls.used; i++)
		if (ep[i].lock_made)
			visit(&ep[i]);
}

static void
visit_lock(struct sw_epoll *ep)
{
	pthread_mutex_lock(&ep->lock);
}

static void
visit_unlock(struct sw_epoll *ep)
{
	pthread_mutex_unlock(&ep->lock);
}

static void
visit_child(struct sw_epoll *ep)
{
	wake_drop(ep);
	ep->sleepers = 0;
	ep->stale = true;
}

void
ep_fork_lock(void)
{
	ep_each(visit_lock);
}

void
ep_fork_unlock(void)
{
	ep_each(visit_unlock);
}

void
ep_fork_child(void)
{
	ep_each(visit_child);
}
