/* SPDX-License-Identifier: BSD-3-Clause */
/* The kernel interface under a packet-socket or XDP port: its MTU. */
#ifndef SAND_PORT_NETDEV_H
#define SAND_PORT_NETDEV_H

#include <stdint.h>

/* Make the interface's MTU at least `mtu`. 0; SAN_ENOENT: no such interface; SAN_EPERM; SAN_EINVAL:
 * it cannot carry that much. `had` is the MTU found. */
int netdev_mtu_raise(const char *iface, uint32_t mtu, uint32_t *had);

#endif
