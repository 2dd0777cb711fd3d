/* SPDX-License-Identifier: BSD-3-Clause */
/* For tests of message mode and RDMA: two connected sockets, each with a registered arena, and
 * operations on them in one line. */
#ifndef SAND_TESTS_ENDS_H
#define SAND_TESTS_ENDS_H

#include "rig.h"

#define POLLED ((WSAEVENT)1) /* hEvent's lowest bit: no upcall */
#define ARENA  (1u << 20)

struct end {
	SOCKET s; /* INVALID_SOCKET: closed by the test */
	uint8_t *arena;
	HANDLE handle;
};
extern struct end a, b;

extern LPFN_WSPREGISTERMEMORY reg;
extern LPFN_WSPDEREGISTERMEMORY dereg;
extern LPFN_WSPREGISTERRDMAMEMORY expose;
extern LPFN_WSPDEREGISTERRDMAMEMORY withdraw;
extern LPFN_WSPRDMAWRITE rdma_write;
extern LPFN_WSPRDMAREAD rdma_read;
extern LPFN_WSPMEMORYREGISTRATIONCACHECALLBACK cache;

/* For cmocka: both ends up, and everything given back. */
int ends_setup(void **state);
int ends_setup_stream(void **state); /* byte streams instead of message mode */
int ends_setup_with(struct fake_options opt);
int ends_teardown(void **state);

SOCKET message_socket(void);
SOCKET message_listener(uint16_t port);

/* The code of the call; operations outlive the function they were posted in unless waited for. */
int post_send(const struct end *e, size_t at, size_t len, WSAOVERLAPPED *ov);
int post_recv(const struct end *e, size_t at, size_t len, WSAOVERLAPPED *ov);
int post_rdma(bool write, const struct end *e, size_t at, size_t len, uint8_t desc[24],
    DWORD offset, WSAOVERLAPPED *ov);
/* A descriptor for a part of the arena. */
void exposed(const struct end *e, size_t at, size_t len, DWORD rights, uint8_t desc[24]);
/* The operation's error, waited for; -1 while it is pending and `wait` is not set. */
int result(const struct end *e, WSAOVERLAPPED *ov, BOOL wait, DWORD *bytes);
void fill(uint8_t *p, size_t len, uint32_t seed);

#endif
