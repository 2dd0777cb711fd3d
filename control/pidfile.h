/* SPDX-License-Identifier: BSD-3-Clause */
/* One daemon per runtime folder: a locked pid file in it. The lock goes with the process, however
 * that ends, so what a daemon that died left behind never stands in the way. */
#ifndef SAND_CONTROL_PIDFILE_H
#define SAND_CONTROL_PIDFILE_H

#include <stddef.h>

struct pidfile {
	int fd;
	char path[128];
};

/* Make the folder if need be, lock the file, write our pid. 0; SAN_EEXIST (a daemon runs already),
 * SAN_EPERM, SAN_EIO, each with a sentence that says what to do. */
int pidfile_take(struct pidfile *p, const char *folder, char *why, size_t why_size);
void pidfile_drop(struct pidfile *p);

#endif
