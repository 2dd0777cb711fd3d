/* SPDX-License-Identifier: BSD-3-Clause */
/* Making, running and ending the daemon: main.c's business only. Between create and run, main opens
 * poll threads, ports and sockets (pollers.h, ports.h, attach.h); destroy closes whatever is open.
 */
#ifndef SAND_CONTROL_DAEMON_LIFE_H
#define SAND_CONTROL_DAEMON_LIFE_H

#include "san_time.h"

struct daemon;
struct san_config;

/* 0, SAN_ENOMEM, SAN_EIO. */
int daemon_create(const struct san_config *config, struct daemon **out);
/* One turn of the loop: handles what has happened, waiting for it until `until` at most. */
void daemon_turn(struct daemon *d, struct san_time until);
/* Until daemon_quit. */
void daemon_run(struct daemon *d);
/* Dismiss the programs and give closing sockets a moment to finish. */
void daemon_stop(struct daemon *d);
void daemon_destroy(struct daemon *d);

#endif
