/* SPDX-License-Identifier: BSD-3-Clause */
/* Bytes in and out of a socket's rings, and the state of the stream that goes with them. The data
 * path: no system call, no allocation, one uncontended lock. */
#ifndef SAND_WSP_STREAM_H
#define SAND_WSP_STREAM_H

#include "provider.h"

ssize_t stream_send(SOCKET s, const struct iovec *iov, int count, int flags, LPINT err);
ssize_t stream_recv(SOCKET s, const struct iovec *iov, int count, int flags, LPINT err);
/* SO_ERROR: the pending Winsock code, then 0. */
int stream_take_error(SOCKET s);
int stream_queue(SOCKET s, uint32_t *in, uint32_t *out, uint32_t *room, int *at_mark, LPINT err);
/* The pending error without taking it; 0 = none. */
int stream_error(SOCKET s);
/* SO_OOBINLINE. */
void stream_set_inline(SOCKET s, bool on);
bool stream_inline(SOCKET s);
/* True while an urgent byte waits that recv(MSG_OOB) would give. */
bool stream_urgent(SOCKET s);

#endif
