/* SPDX-License-Identifier: BSD-3-Clause */
/* The whole control thread against scripted programs: true UNIX socket, true regions, true CM and
 * neighbour engines; the poll thread is fake_poll.c. Both ends of a connection are programs of this
 * daemon, through its own address. */
#ifndef SAND_TESTS_CONTROL_RIG_H
#define SAND_TESTS_CONTROL_RIG_H

#include "daemon_life.h"
#include "daemon_priv.h"
#include "fake_poll.h"
#include "prog.h"
#include "test.h"

#define OWN    "10.77.0.1"
#define NOBODY "10.77.0.9"
#define WAIT   2000u
#define PORT   5001

extern struct daemon *d;
extern char path[80];	 /* of the program socket */
extern struct prog a, b; /* two programs, attached */

/* Setup and teardown of each test; teardown finds anything left behind. */
int rig_daemon_up(void **state);
int rig_daemon_down(void **state);
#define RIG_TEST(f) cmocka_unit_test_setup_teardown(f, rig_daemon_up, rig_daemon_down)

/* One turn of the daemon. */
void rig_pump(void *arg);
/* Run the daemon for so many milliseconds. */
void rig_settle(uint32_t ms);
/* Nothing of any socket or connection is left, within `ms`. */
bool rig_all_freed(uint32_t ms);
/* A listener of b, a connection of a to it, accepted by b. */
void rig_pair(int *listener, int *client, int *server);
/* prog_close, and the daemon has seen it. */
void rig_close_look(struct prog *p, int slot, uint32_t flags);

#endif
