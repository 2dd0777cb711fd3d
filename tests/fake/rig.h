/* SPDX-License-Identifier: BSD-3-Clause */
/* What every provider test needs: a fake daemon, the provider started on it with recording upcalls,
 * sockets in a few lines. Every wait is bounded; failures abort the test through cmocka. */
#ifndef SAND_TESTS_RIG_H
#define SAND_TESTS_RIG_H

#include "test.h"

#include <sand/san.h>
#include <sys/types.h>

#include "fake_daemon.h"
#include "record.h"

#define RIG_PORT 7

extern struct fake_daemon *rig_fake; /* NULL when the daemon is another process */
extern pid_t rig_pid;		     /* its process then */
extern WSPPROC_TABLE rig_wsp;
extern const struct san_linux_table *rig_san;

/* The daemon as a thread (or as a process, to be killed) with these options; socket and rule are
 * filled in. */
void rig_fake_start(struct fake_options opt);
void rig_fake_fork(struct fake_options opt);
void rig_fake_stop(void);
/* WSPStartupEx; the code it returned. */
int rig_start(void);
/* The last WSPCleanup, and proof that upcalls were balanced and the daemon has everything back. */
void rig_end(void);
/* Both, for cmocka's setup and teardown. */
int rig_setup(void **state);
int rig_teardown(void **state);

struct sockaddr_storage rig_addr(const char *ip, uint16_t port);
SOCKET rig_socket(void);
SOCKET rig_listener(uint16_t port, int backlog);
/* Connect and wait; the Winsock code, 0 = connected. */
int rig_connect(SOCKET s, const char *ip, uint16_t port);
SOCKET rig_accept(SOCKET listener);
/* A connected pair through the daemon. */
void rig_pair(SOCKET *a, SOCKET *b);
/* Wait until one of the events holds; the bits, 0 after two seconds. */
int rig_wait(SOCKET s, short events);
/* Send or receive everything, waiting as long as needed. Receive returns less only at the end of
 * the stream or on an error, which goes to *err (0 = end of stream). */
void rig_send(SOCKET s, const void *buf, size_t len);
size_t rig_recv(SOCKET s, void *buf, size_t len, int *err);
ssize_t rig_send_some(SOCKET s, const void *buf, size_t len, int flags, int *err);
ssize_t rig_recv_some(SOCKET s, void *buf, size_t len, int flags, int *err);
void rig_close(SOCKET s);
/* Wait until the daemon has freed every slot. */
void rig_quiet(void);
void rig_sleep_ms(unsigned ms);
uint64_t rig_now_ms(void);
struct timespec rig_until_ms(unsigned ms);

#endif
