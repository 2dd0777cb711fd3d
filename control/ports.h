/* SPDX-License-Identifier: BSD-3-Clause */
/* The Ethernet ports as the control thread runs them: opened by the configuration, started, watched
 * for link changes, stopped, closed. */
#ifndef SAND_CONTROL_PORTS_H
#define SAND_CONTROL_PORTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "loop.h"
#include "san_limits.h"

struct daemon;

struct ports {
	uint32_t count;		      /* opened */
	bool wanted[SAN_PORTS_MAX];   /* started, as far as the operator is concerned */
	bool quieting[SAN_PORTS_MAX]; /* PORT_DOWN sent, PORT_QUIET owed */
	struct loop_source link;      /* link changes by interrupt */
	struct loop_timer look;	      /* and by looking */
};

/* Open and start every configured port. 0 or a negative san_err with a sentence in why. Ports
 * already opened stay so until ports_close. */
int ports_open(struct daemon *d, char *why, size_t why_size);
/* After the poll threads are gone. */
void ports_close(struct daemon *d);
/* PORT_QUIET: the poll thread has let go of the port. */
void ports_quiet(struct daemon *d, uint16_t port);

int ports_start(struct daemon *d, uint16_t port);
/* Takes effect when the poll thread has let go (ports_quiet). */
int ports_stop(struct daemon *d, uint16_t port);
/* Other addresses, as in sand.conf; programs are told. Connections keep theirs. SAN_ENOENT, or
 * SAN_EINVAL; a sentence in why. */
int ports_address_set(
    struct daemon *d, uint16_t port, const char *text, char *why, size_t why_size);

#endif
