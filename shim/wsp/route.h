/* SPDX-License-Identifier: BSD-3-Clause */
/* The rules of the region: does a destination, or a local address to listen on, belong to the SAN?
 */
#ifndef SAND_WSP_ROUTE_H
#define SAND_WSP_ROUTE_H

#include <sand/san.h>

int route_connect(const struct sockaddr *dst, socklen_t len);
int route_listen(const struct sockaddr *local, socklen_t len);
int route_is_local(const struct sockaddr *addr, socklen_t len);

#endif
