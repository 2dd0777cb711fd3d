/* SPDX-License-Identifier: BSD-3-Clause */
/* stdin, stdout and stderr when their descriptors become sockets of the switch. */
#ifndef SAND_PRELOAD_STDIO_FOLLOW_H
#define SAND_PRELOAD_STDIO_FOLLOW_H

/* fd may just have become one: by exec, dup2() or the like. */
void stdio_follow(int fd);

#endif
