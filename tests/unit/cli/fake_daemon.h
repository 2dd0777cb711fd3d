/* SPDX-License-Identifier: BSD-3-Clause */
/* A daemon that exists only as views and actions: what the CLI links against in its tests. Some of
 * what it shows is hostile, as programs and peers may be. */
#ifndef SAND_TESTS_FAKE_DAEMON_H
#define SAND_TESTS_FAKE_DAEMON_H

#include <stdbool.h>
#include <stdint.h>

#define FAKE_PORTS 2

struct daemon {
	uint32_t ports, sockets, others; /* others: how many of everything else */
	bool started[FAKE_PORTS];
	char address[FAKE_PORTS][80];
	uint32_t log_level;
	unsigned cleared;
	char capture[512]; /* "" = none runs */
	bool quit;
	int fail; /* what every action returns, 0 = it works */
};

void fake_daemon_init(struct daemon *d);

#endif
