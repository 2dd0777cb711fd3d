/* SPDX-License-Identifier: BSD-3-Clause */
/* Two real daemons on this machine, joined by two memif links, each with its own runtime folder
 * below one temporary one. No root, no hugepages. Everything is gone after two_hosts_down. */
#ifndef SAND_TESTS_TWO_HOSTS_H
#define SAND_TESTS_TWO_HOSTS_H

#include <stdbool.h>
#include <sys/types.h>

#define HOST_A	    "10.77.0.1"
#define HOST_B	    "10.77.0.2"
#define HOST_B_IPV6 "fd00:77::2"
/* Through the second port, which another poll thread owns. */
#define HOST_B_SECOND "10.78.0.2"

struct host {
	pid_t pid;
	char dir[120], conf[160], socket[160];
};
struct two_hosts {
	char dir[64];
	struct host a, b;
};

/* Lines for both sand.conf, section [close] first: what ends, ends soon. */
#define TWO_HOSTS_QUICK                                                       \
	"[close]\ntimewait_ms = 50\n[transport]\nconnect_timeout_ms = 1000\n" \
	"give_up_ms = 1500\n"

/* `sand`: the executable. extra: lines for both sand.conf, in section [close] first. False with a
 * line on stderr. */
bool two_hosts_up(struct two_hosts *t, const char *sand, const char *extra);
/* Stop both in order; true if both said they were clean (exit status 0). */
bool two_hosts_down(struct two_hosts *t);
bool host_up(struct host *h, const char *sand);
/* SIGTERM (or sig) and wait. The exit status, -1 if it did not exit by itself within ten seconds.
 */
int host_down(struct host *h, int sig);

#endif
