/* SPDX-License-Identifier: BSD-3-Clause */
/* Records (dataplane/shm/record.h) in and out of the rings of one socket in message mode, or of
 * those beside a stream, which hold its RDMA. Messages and answers to READs share the rx ring; each
 * side takes its own kind out of it, in order, so neither waits for the other to be read. Knows no
 * operations, never blocks. */
#ifndef SAND_WSP_MSG_H
#define SAND_WSP_MSG_H

#include "provider.h"
#include "record.h"

/* Why nothing will come or be acknowledged any more; 0: the connection stands. What had arrived or
 * been acknowledged before, counts. */
int msg_error(SOCKET s);
/* Longest message (message mode only), write and read, in one record each. */
uint32_t msg_max(SOCKET s);
uint32_t msg_write_max(SOCKET s);
uint32_t msg_read_max(SOCKET s);

/* A record with its payload (of r->len bytes, unless it is a READ); *end: the position to give to
 * msg_done. 0, WSAEWOULDBLOCK: no room now; WSAESHUTDOWN: nothing goes out of this stream any more.
 */
int msg_put(SOCKET s, const struct shm_tx_record *r, const struct iovec *iov, uint32_t *end);
/* The daemon is done with everything before this position. */
bool msg_done(SOCKET s, uint32_t end);

/* The next message. *bytes: as many as fit. 0, WSAEMSGSIZE: it was longer, WSAEWOULDBLOCK, or why
 * none will ever come. */
int msg_take(SOCKET s, const struct iovec *iov, int count, DWORD *bytes);
/* True if a message is there. */
bool msg_waiting(SOCKET s);
/* The next answer to a READ into the vector, which has room for `most`; *tag and *len: of the
 * answer. 0, WSAEWOULDBLOCK, WSAEMSGSIZE (longer: not taken). */
int msg_answer(SOCKET s, const struct iovec *iov, uint32_t most, uint32_t *tag, uint32_t *len);

#endif
