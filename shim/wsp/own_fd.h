/* SPDX-License-Identifier: BSD-3-Clause */
/* Descriptors the provider lives by: the connection to the daemon, doorbells, wake objects. A
 * program that closes every descriptor it does not know must leave them alone; the switch asks
 * here. Owns the list, not the descriptors. Without locks: programs close in signal handlers, too.
 */
#ifndef SAND_WSP_OWN_FD_H
#define SAND_WSP_OWN_FD_H

/* fd -1: nothing. */
void own_fd_add(int fd);
void own_fd_drop(int fd);
/* The lowest of them that is not below fd; -1: none. */
int own_fd_next(int fd);

#endif
