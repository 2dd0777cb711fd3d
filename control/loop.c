/* SPDX-License-Identifier: BSD-3-Clause */
#include "loop.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "san_err.h"

#define BATCH_MAX 64

struct loop {
	int epoll_fd;
	/* Events of the current step: a removed source is struck out here. */
	struct epoll_event batch[BATCH_MAX];
	int batch_count;
	/* Min-heap by `at`, heap[1] is the next one due. */
	uint32_t timer_count, timers_max;
	struct loop_timer *heap[];
};

struct san_time
loop_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (struct san_time){(uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec};
}

struct loop *
loop_create(uint32_t timers_max)
{
	struct loop *l = calloc(1, sizeof *l + (timers_max + 1) * sizeof l->heap[0]);

	if (l == NULL)
		return NULL;
	l->timers_max = timers_max;
	l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (l->epoll_fd < 0) {
		free(l);
		return NULL;
	}
	return l;
}

void
loop_destroy(struct loop *l)
{
	if (l == NULL)
		return;
	close(l->epoll_fd);
	free(l);
}

static int
source_control(struct loop *l, int op, struct loop_source *s, uint32_t events)
{
	struct epoll_event ev = {.events = events, .data.ptr = s};

	if (epoll_ctl(l->epoll_fd, op, s->fd, &ev) == 0)
		return 0;
	return errno == ENOMEM || errno == ENOSPC ? SAN_ENOMEM : SAN_EINVAL;
}

int
loop_add(struct loop *l, struct loop_source *s, uint32_t events)
{
	return source_control(l, EPOLL_CTL_ADD, s, events);
}

int
loop_change(struct loop *l, struct loop_source *s, uint32_t events)
{
	return source_control(l, EPOLL_CTL_MOD, s, events);
}

void
loop_remove(struct loop *l, struct loop_source *s)
{
	source_control(l, EPOLL_CTL_DEL, s, 0);
	for (int i = 0; i < l->batch_count; i++)
		if (l->batch[i].data.ptr == s)
			l->batch[i].data.ptr = NULL;
}

static void
heap_put(struct loop *l, uint32_t place, struct loop_timer *t)
{
	l->heap[place] = t;
	t->place = place;
}

static void
heap_up(struct loop *l, uint32_t place, struct loop_timer *t)
{
	for (; place > 1 && san_time_before(t->at, l->heap[place / 2]->at); place /= 2)
		heap_put(l, place, l->heap[place / 2]);
	heap_put(l, place, t);
}

static void
heap_down(struct loop *l, uint32_t place, struct loop_timer *t)
{
	for (;;) {
		uint32_t child = place * 2;

		if (child > l->timer_count)
			break;
		if (child < l->timer_count &&
		    san_time_before(l->heap[child + 1]->at, l->heap[child]->at))
			child++;
		if (!san_time_before(l->heap[child]->at, t->at))
			break;
		heap_put(l, place, l->heap[child]);
		place = child;
	}
	heap_put(l, place, t);
}

void
loop_timer_clear(struct loop *l, struct loop_timer *t)
{
	struct loop_timer *last;
	uint32_t place = t->place;

	if (place == 0)
		return;
	t->place = 0;
	last = l->heap[l->timer_count--];
	if (last == t)
		return;
	if (place > 1 && san_time_before(last->at, l->heap[place / 2]->at))
		heap_up(l, place, last);
	else
		heap_down(l, place, last);
}

void
loop_timer_set(struct loop *l, struct loop_timer *t, struct san_time at)
{
	loop_timer_clear(l, t);
	if (at.ns == SAN_TIME_NEVER.ns)
		return;
	san_check(l->timer_count < l->timers_max);
	t->at = at;
	heap_up(l, ++l->timer_count, t);
}

bool
loop_timer_is_set(const struct loop_timer *t)
{
	return t->place != 0;
}

struct san_time
loop_deadline(const struct loop *l)
{
	return l->timer_count == 0 ? SAN_TIME_NEVER : l->heap[1]->at;
}

static void
timers_run(struct loop *l)
{
	struct san_time now = loop_now();

	/* A handler that sets a timer to the past again and again must not keep the descriptors
	 * waiting. */
	for (uint32_t n = l->timer_count; n > 0 && san_time_reached(loop_deadline(l), now); n--) {
		struct loop_timer *t = l->heap[1];

		loop_timer_clear(l, t);
		t->handle(t);
	}
}

/* Milliseconds for epoll_wait, rounded up so that the timer is due when it returns. */
static int
wait_ms(struct san_time deadline)
{
	uint64_t ms;

	if (deadline.ns == SAN_TIME_NEVER.ns)
		return -1;
	ms = (san_time_since(deadline, loop_now()).ns + 999999) / 1000000;
	return ms > 60000 ? 60000 : (int)ms;
}

void
loop_step(struct loop *l, struct san_time until)
{
	int n;

	timers_run(l);
	n = epoll_wait(
	    l->epoll_fd, l->batch, BATCH_MAX, wait_ms(san_time_min(until, loop_deadline(l))));
	l->batch_count = n < 0 ? 0 : n;
	for (int i = 0; i < l->batch_count; i++) {
		struct loop_source *s = l->batch[i].data.ptr;

		if (s != NULL)
			s->handle(s, l->batch[i].events);
	}
	l->batch_count = 0;
	timers_run(l);
}
