/* SPDX-License-Identifier: BSD-3-Clause */
#include "ep_wait.h"
#include "connect.h"
#include "deadline.h"
#include "ep_set.h"
#include "kern.h"
#include "provider.h"
#include "ready.h"
#include "waiter.h"

#define KERNEL_BATCH 64 /* events taken from the kernel at once, on the stack */
#define KERNEL_TURN  16 /* looks, or waits that found SAN events, per question to the kernel */

/* What one wait has found so far. */
struct found {
	struct epoll_event *events;
	int max, count;
	struct sock_ref settle; /* a connect that has its answer: take notice without ep->lock, then
				   look again */
	int settle_fd;
	bool rang; /* this wait has read the wake's eventfd empty */
};

/* --- one member --- */

/* Where the stream stands: bytes that ever arrived. Only differences between two looks mean
 * something. */
static uint32_t
arrived(const struct ep_item *item)
{
	uint32_t in = 0, out, room;
	int mark, err;

	(void)provider_san->sanQueue(item->source, &in, &out, &room, &mark, &err);
	return in + atomic_load_explicit(&item->sock->received, memory_order_relaxed);
}

/* Edge-triggered: is there news since the last report? New bits are, and so are bytes behind bytes
 * already reported, and room after a send that found none. A listener is always level-triggered:
 * one event too many does no harm. */
static bool
edge_passed(struct ep_item *item, short bits, bool consume)
{
	struct sw_sock *s = item->sock;
	uint32_t refused = atomic_load_explicit(&s->refused, memory_order_relaxed), position = 0;
	bool news = item->fresh || (bits & ~item->seen) != 0;

	if ((bits & POLLIN) != 0 && item->source != INVALID_SOCKET) {
		position = arrived(item);
		news |= position != item->seen_received;
	}
	if ((bits & POLLOUT) != 0)
		news |= refused != item->seen_refused;
	if (!consume)
		return news;
	item->seen = bits;
	if (news) {
		item->fresh = false;
		item->seen_received = position;
		item->seen_refused = refused;
	}
	return news;
}

/* The events to report for a member; with `consume` they count as reported. */
static uint32_t
item_look(struct ep_item *item, bool consume)
{
	short bits = ready_bits(item->sock), got;

	if (item->off)
		return 0;
	got = ready_reported(bits, (short)(item->events & 0xffff));
	if ((item->events & EPOLLET) == 0 || (item->sides & READY_KERNEL) != 0)
		return (uint16_t)got;
	return edge_passed(item, bits, consume) ? (uint16_t)got : 0;
}

/* A connect whose answer is there changes the socket's state, which needs sw_lock: leave that to
 * the caller. */
static bool
needs_settling(const struct ep_item *item, struct found *f)
{
	if (sock_state(item->sock) != SOCK_CONNECTING || item->source == INVALID_SOCKET ||
	    (provider_san->sanPoll(item->source) & (POLLOUT | POLLERR | POLLHUP)) == 0)
		return false;
	f->settle = sock_ref(item->sock);
	f->settle_fd = item->fd;
	return true;
}

static void
item_report(struct ep_item *item, uint32_t bits, struct found *f)
{
	f->events[f->count].events = bits;
	f->events[f->count++].data.u64 = item->data;
	item->idle = 0;
	item->off = (item->events & EPOLLONESHOT) != 0;
}

/* --- the lists; ep->lock is held --- */

static void
interest_add(struct sw_epoll *ep, const struct ep_item *item)
{
	int err;

	if (ep->wake != NULL && item->source != INVALID_SOCKET)
		(void)provider_san->sanWakeAdd(
		    ep->wake, item->source, (short)(item->events & 0xffff), &err);
}

/* Reported members go to the end, so that a full event array takes everybody in turn. */
static void
hot_collect(struct sw_epoll *ep, struct found *f)
{
	struct ep_item *item, *next, *last = TAILQ_LAST(&ep->hot, ep_list);

	for (item = TAILQ_FIRST(&ep->hot); item != NULL && f->count < f->max; item = next) {
		bool end = item == last;
		uint32_t bits;

		next = TAILQ_NEXT(item, link);
		if (needs_settling(item, f))
			return;
		bits = item_look(item, true);
		if (bits != 0) {
			item_report(item, bits, f);
			ep_list_move(item, &ep->hot);
		} else {
			item->idle++;
		}
		if (end)
			return;
	}
}

/* The hot member longest without news; NULL when all had some at the last look. */
static struct ep_item *
hot_coldest(struct sw_epoll *ep)
{
	struct ep_item *item, *coldest = NULL;

	TAILQ_FOREACH(item, &ep->hot, link)
		if (item->idle > 0 && (coldest == NULL || item->idle > coldest->idle))
			coldest = item;
	return coldest;
}

/* Makes room for a member with news. Who goes is looked at once more after the wake was told about
 * it: news that came since the last look would ring nothing. When all hot members are busy, the one
 * reported longest ago gives way and has to be looked for again; `ousted` bounds that. */
static bool
hot_make_room(struct sw_epoll *ep, unsigned *ousted)
{
	struct ep_item *item;

	while (ep->hot_count >= EP_HOT_MAX) {
		item = hot_coldest(ep);
		if (item == NULL && *ousted == EP_HOT_MAX / 2)
			return false;
		if (item == NULL) {
			ep_list_move(TAILQ_FIRST(&ep->hot), &ep->cold);
			ep->stale = true;
			++*ousted;
			continue;
		}
		interest_add(ep, item);
		if (item_look(item, false) == 0)
			ep_list_move(item, &ep->cold);
		else
			item->idle = 0;
	}
	return true;
}

/* Looks at every cold member once. Those with news become hot; for the others the wake object is
 * armed and told. */
static void
cold_scan(struct sw_epoll *ep)
{
	struct ep_item *item, *next, *last = TAILQ_LAST(&ep->cold, ep_list);
	unsigned ousted = 0;
	bool end = last == NULL;

	ep->stale = ep->wake == NULL;
	if (ep->wake != NULL)
		provider_san->sanWakeArm(ep->wake, 1);
	for (item = TAILQ_FIRST(&ep->cold); !end; item = next) {
		end = item == last;
		next = TAILQ_NEXT(item, link);
		interest_add(ep, item);
		if (item_look(item, false) == 0 && sock_state(item->sock) != SOCK_CONNECTING)
			continue;
		if (hot_make_room(ep, &ousted))
			ep_list_move(item, &ep->hot);
		else
			ep->stale = true;
	}
}

static void
collect(struct sw_epoll *ep, struct found *f)
{
	f->settle.sock = NULL;
	pthread_mutex_lock(&ep->lock);
	if (ep->stale && !TAILQ_EMPTY(&ep->cold))
		cold_scan(ep);
	hot_collect(ep, f);
	pthread_mutex_unlock(&ep->lock);
}

/* Collects until nothing is left that must be settled outside the lock. */
static void
found_look(struct sw_epoll *ep, struct found *f)
{
	for (;;) {
		collect(ep, f);
		if (f->settle.sock == NULL)
			return;
		connect_progress(f->settle_fd, f->settle);
	}
}

/* --- the kernel's share --- */

/* A listener's kernel half has news; the SAN's half may have been reported in the same wait. */
static void
listener_event(struct ep_item *item, uint32_t bits, struct found *f)
{
	if (item->off)
		return;
	for (int i = 0; i < f->count; i++)
		if (f->events[i].data.u64 == item->data) {
			f->events[i].events |= bits;
			return;
		}
	item_report(item, bits, f);
}

static void
kernel_sort(struct sw_epoll *ep, const struct epoll_event *got, int count, struct found *f)
{
	pthread_mutex_lock(&ep->lock);
	for (int i = 0; i < count; i++) {
		struct ep_item *item = ep_item_of_tag(got[i].data.u64, ep);

		if (got[i].data.u64 == ep_wake_tag(ep)) {
			f->rang = ep->stale = true;
			waiter_drain(ep->wake_fd);
		} else if (item != NULL) {
			listener_event(item, got[i].events, f);
		} else {
			f->events[f->count++] = got[i];
		}
	}
	pthread_mutex_unlock(&ep->lock);
}

/* epoll_pwait2() is newer than some kernels: milliseconds, rounded up, do there. */
static int
kernel_wait(int epfd, struct epoll_event *events, int max, const struct timespec *timeout,
    const sigset_t *mask)
{
	static _Atomic bool lacks_pwait2;
	int ms = -1, rc = -ENOSYS;

	if (!atomic_load_explicit(&lacks_pwait2, memory_order_relaxed))
		rc = KERN(epoll_pwait2(epfd, events, max, timeout, mask));
	if (rc != -ENOSYS)
		return rc;
	atomic_store_explicit(&lacks_pwait2, true, memory_order_relaxed);
	if (timeout != NULL)
		ms = (int)(timeout->tv_sec * 1000 + (timeout->tv_nsec + 999999) / 1000000);
	return KERN(epoll_pwait(epfd, events, max, ms, mask));
}

/* Events are added to *f; 0 or -errno. */
static int
found_ask(struct sw_epoll *ep, int epfd, struct found *f, const struct timespec *timeout,
    const sigset_t *mask)
{
	struct epoll_event got[KERNEL_BATCH];
	int room = f->max - f->count, rc;

	if (room <= 0)
		return 0;
	rc = kernel_wait(epfd, got, room < KERNEL_BATCH ? room : KERNEL_BATCH, timeout, mask);
	if (rc < 0)
		return rc;
	kernel_sort(ep, got, rc, f);
	return 0;
}

/* --- sleeping --- */

bool
ep_ready(struct sw_epoll *ep)
{
	struct ep_item *item;
	bool ready = false;

	if (atomic_load_explicit(&ep->members, memory_order_acquire) == 0)
		return false;
	pthread_mutex_lock(&ep->lock);
	TAILQ_FOREACH(item, &ep->hot, link)
		ready |= item_look(item, false) != 0;
	TAILQ_FOREACH(item, &ep->cold, link)
		ready |= item_look(item, false) != 0;
	pthread_mutex_unlock(&ep->lock);
	return ready;
}

/* ep->lock is held. Once all is armed, the caller looks again. */
static bool
arm_all(struct sw_epoll *ep)
{
	struct ep_item *item;

	ep_wake_ensure(ep);
	if (ep->wake == NULL)
		return false;
	provider_san->sanWakeArm(ep->wake, 1);
	TAILQ_FOREACH(item, &ep->hot, link)
		interest_add(ep, item);
	return true;
}

bool
ep_arm(struct sw_epoll *ep)
{
	bool has_wake;

	pthread_mutex_lock(&ep->lock);
	ep->sleepers++;
	has_wake = arm_all(ep);
	pthread_mutex_unlock(&ep->lock);
	return has_wake;
}

/* The last sleeper to leave disarms, unless cold members or an outer set rely on the wake. */
void
ep_disarm(struct sw_epoll *ep)
{
	pthread_mutex_lock(&ep->lock);
	if (--ep->sleepers == 0 && ep->wake != NULL && !ep->nested && TAILQ_EMPTY(&ep->cold))
		provider_san->sanWakeArm(ep->wake, 0);
	pthread_mutex_unlock(&ep->lock);
}

/* Firing disarms. Who was woken owes the others who sleep on the set (threads, or an outer set) an
 * armed wake, and another ring if something is left for them. */
static void
wake_pass_on(struct sw_epoll *ep)
{
	bool owed;

	pthread_mutex_lock(&ep->lock);
	owed = ep->sleepers > 0 || ep->nested;
	if (owed)
		(void)arm_all(ep);
	pthread_mutex_unlock(&ep->lock);
	if (owed && ep_ready(ep))
		ep_ring(ep);
}

static int
found_sleep(struct sw_epoll *ep, int epfd, struct found *f, const struct timespec *until,
    const sigset_t *mask)
{
	bool has_wake = ep_arm(ep);
	struct timespec store;
	int rc = 0;

	found_look(ep, f);
	if (f->count == 0)
		rc = found_ask(ep, epfd, f, waiter_time(has_wake, until, &store), mask);
	ep_disarm(ep);
	return rc;
}

/* --- epoll_wait --- */

static int
wait_loop(struct sw_epoll *ep, int epfd, struct found *f, const struct timespec *until,
    const sigset_t *mask)
{
	static const struct timespec now = {0, 0};
	bool just_look = until != NULL && until->tv_sec == 0 && until->tv_nsec == 0;
	unsigned looks = atomic_fetch_add_explicit(&ep->calls, 1, memory_order_relaxed);
	uint32_t relax = 0;
	int rc;

	for (;; looks++) {
		found_look(ep, f);
		if (just_look || looks % KERNEL_TURN == 0) {
			rc = found_ask(ep, epfd, f, &now, mask);
			if (f->count == 0 && (rc < 0 || just_look || deadline_expired(until)))
				return rc;
		}
		if (f->count > 0)
			return f->count;
		if (provider_san->sanRelax(&relax))
			continue;
		rc = found_sleep(ep, epfd, f, until, mask);
		if (f->count > 0 || rc < 0)
			return f->count > 0 ? f->count : rc;
		if (deadline_expired(until))
			return 0;
	}
}

static int
ep_wait(struct sw_epoll *ep, int epfd, struct found *f, const struct timespec *until,
    const sigset_t *mask)
{
	int rc = wait_loop(ep, epfd, f, until, mask);

	if (f->rang || ep->nested)
		wake_pass_on(ep);
	return rc;
}

static struct sw_epoll *
ep_at(int epfd)
{
	struct sw_file *file = fdtab_get(epfd);

	return file != NULL && file->kind == SW_EPOLL ? (struct sw_epoll *)file : NULL;
}

/* A set may get its first SAN member while a thread already waits for it in the kernel: then what
 * the kernel says contains our tags. Returns the events left after sorting, in place. */
static int
sort_late(int epfd, struct found *f, int count)
{
	struct sw_epoll *ep = ep_at(epfd);

	if (count <= 0 || ep == NULL)
		return count;
	kernel_sort(ep, f->events, count, f);
	return f->count;
}

int
sw_epoll_pwait2(int epfd, struct epoll_event *events, int max, const struct timespec *timeout,
    const sigset_t *mask)
{
	struct sw_epoll *ep = ep_at(epfd);
	struct found f = {.events = events, .max = max};
	struct timespec store = {0, 0}, *until = &store;
	int rc;

	if (timeout == NULL || timeout->tv_sec != 0 || timeout->tv_nsec != 0)
		until = deadline_after(timeout, &store);
	if (ep == NULL || max <= 0 || events == NULL ||
	    atomic_load_explicit(&ep->members, memory_order_acquire) == 0) {
		rc = KERN(epoll_pwait2(epfd, events, max, timeout, mask));
		rc = sort_late(epfd, &f, rc);
		ep = ep_at(epfd);
		if (rc != 0 || !f.rang || ep == NULL)
			return rc;
	}
	return ep_wait(ep, epfd, &f, until, mask);
}

int
sw_epoll_pwait(int epfd, struct epoll_event *events, int max, int timeout_ms, const sigset_t *mask)
{
	struct timespec timeout = {timeout_ms / 1000, timeout_ms % 1000 * 1000000L};
	struct found f = {.events = events, .max = max};
	struct sw_epoll *ep = ep_at(epfd);
	int rc;

	if (ep == NULL || atomic_load_explicit(&ep->members, memory_order_acquire) == 0) {
		rc = KERN(epoll_pwait(epfd, events, max, timeout_ms, mask));
		rc = sort_late(epfd, &f, rc);
		if (rc != 0 || !f.rang)
			return rc;
	}
	return sw_epoll_pwait2(epfd, events, max, timeout_ms < 0 ? NULL : &timeout, mask);
}
