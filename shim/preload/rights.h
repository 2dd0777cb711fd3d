/* SPDX-License-Identifier: BSD-3-Clause */
/* Descriptors passed over UNIX sockets: what arrives there is the kernel's half alone, so a SAN
 * socket must not leave. */
#ifndef SAND_PRELOAD_RIGHTS_H
#define SAND_PRELOAD_RIGHTS_H

#include <stdbool.h>
#include <sys/socket.h>

bool rights_carry_san(const struct msghdr *msg);

#endif
