/* SPDX-License-Identifier: BSD-3-Clause */
/* The life of a descriptor: socket(), dup and its kin, close and its kin, shutdown, fcntl, ioctl.
 */
#ifndef SAND_SWITCH_DESCRIPTOR_H
#define SAND_SWITCH_DESCRIPTOR_H

#include <sys/types.h>

int sw_socket(int domain, int type, int protocol);
int sw_close(int fd);
int sw_close_range(unsigned first, unsigned last, int flags);
int sw_dup(int fd);
int sw_dup2(int fd, int target);
int sw_dup3(int fd, int target, int flags);
int sw_shutdown(int fd, int how);
int sw_fcntl(int fd, int cmd, void *arg);
int sw_ioctl(int fd, unsigned long request, void *arg);

pid_t sw_fork(pid_t (*real_fork)(void));

#endif
