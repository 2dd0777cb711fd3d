/* SPDX-License-Identifier: BSD-3-Clause */
/* The control thread's event loop: descriptors and deadlines in one epoll. Handlers run one after
 * the other and may add or remove any source, their own included. Knows nothing of what its sources
 * are. */
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
	uint32_t index; /* loop's own */
};

struct loop *loop_create(void);
void loop_destroy(struct loop *l);
/* 0 or SAN_ENOMEM / SAN_ELIMIT. */
int loop_add(struct loop *l, struct loop_source *s, uint32_t events);
int loop_change(struct loop *l, struct loop_source *s, uint32_t events);
/* No handler of `s` runs afterwards, not even for events already reported. Does not close the
 * descriptor. */
void loop_remove(struct loop *l, struct loop_source *s);

/* Monotonic clock; the only one the control thread uses. */
struct san_time loop_now(void);
/* Wait for events until `deadline` at most and run their handlers once. Returns how many ran. */
int loop_step(struct loop *l, struct san_time deadline);

#endif
