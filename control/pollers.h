/* SPDX-License-Identifier: BSD-3-Clause */
/* The control thread's end of its conversation with the poll threads (poll/msg.h): commands out,
 * events in. A command is never lost: when a ring is full it waits here, in order. */
#ifndef SAND_CONTROL_POLLERS_H
#define SAND_CONTROL_POLLERS_H

#include <stdbool.h>
#include <stdint.h>

#include "loop.h"
#include "msg.h"
#include "san_limits.h"

struct daemon;

/* Commands that found the ring full. */
struct pollers_backlog {
	struct poll_cmd *cmd;
	uint32_t head, count, size; /* size is a power of two */
};

struct pollers {
	struct pollers_backlog backlog[SAN_POLLS_MAX];
	uint32_t count, launched;
	bool core_shared[SAN_POLLS_MAX]; /* programs may run on the thread's core */
	struct loop_source wake;	 /* eventfd: a poll thread put an event while we slept */
};

/* Create one poll thread per EAL worker; 0, SAN_ENOENT (no worker), SAN_ENOMEM, SAN_EIO. */
int pollers_open(struct daemon *d);
int pollers_launch(struct daemon *d);
/* Stop, join and free them. Afterwards nothing but control's thread touches a region. */
void pollers_close(struct daemon *d);

/* Send a command; ownership of what it points to goes along. */
void pollers_put(struct daemon *d, uint32_t poll, const struct poll_cmd *cmd);
void pollers_put_all(struct daemon *d, const struct poll_cmd *cmd);
uint32_t pollers_of_port(const struct daemon *d, uint16_t port);
/* The eventfd programs write when the poll thread naps. */
int pollers_doorbell_fd(const struct daemon *d, uint32_t poll);
/* Take what the poll threads said and act on it; true if there was anything. */
bool pollers_drain(struct daemon *d);

#endif
