/* SPDX-License-Identifier: BSD-3-Clause */
/* The control thread's event loop: descriptors and timers. Handlers run one after the other and may
 * add or remove any source or timer, their own included. Knows nothing of what its sources are. */
#ifndef SAND_CONTROL_LOOP_H
#define SAND_CONTROL_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "san_time.h"

struct loop;

/* A descriptor to watch. The owner embeds it; it stays at its address while added. */
struct loop_source {
	int fd;
	/* events: EPOLLIN, EPOLLOUT, EPOLLHUP, EPOLLERR as epoll_wait(2) reported them. */
	void (*handle)(struct loop_source *s, uint32_t events);
	void *owner;
};

/* A deadline. The owner embeds it, zeroed but for handle and owner; setting it never fails. */
struct loop_timer {
	struct san_time at;
	void (*handle)(struct loop_timer *t);
	void *owner;
	uint32_t place; /* loop's own: position in its heap, from 1; 0 = not set */
};

/* timers_max: most timers that will ever be set at once (memory is taken now). */
struct loop *loop_create(uint32_t timers_max);
void loop_destroy(struct loop *l);

/* 0 or SAN_ENOMEM, SAN_EINVAL (a descriptor epoll cannot watch). */
int loop_add(struct loop *l, struct loop_source *s, uint32_t events);
int loop_change(struct loop *l, struct loop_source *s, uint32_t events);
/* No handler of `s` runs afterwards, not even for events already reported. Does not close the
 * descriptor. */
void loop_remove(struct loop *l, struct loop_source *s);

/* Set or move; NEVER clears. The handler runs once. */
void loop_timer_set(struct loop *l, struct loop_timer *t, struct san_time at);
void loop_timer_clear(struct loop *l, struct loop_timer *t);
bool loop_timer_is_set(const struct loop_timer *t);
/* When the next timer is due. */
struct san_time loop_deadline(const struct loop *l);

/* Monotonic clock; the only one the control thread uses. */
struct san_time loop_now(void);
/* Run due timers, wait until the next one or `until`, whichever is sooner, and run the handlers of
 * what happened. */
void loop_step(struct loop *l, struct san_time until);

#endif
