/* SPDX-License-Identifier: BSD-3-Clause */
/* What the parts of the provider share. One lock guards everything. */
#ifndef SAND_TESTS_SWITCH_LOOP_PRIV_H
#define SAND_TESTS_SWITCH_LOOP_PRIV_H

#include "loop.h"

#include <pthread.h>
#include <stdatomic.h>

enum loop_phase {
	FREE,
	IDLE,
	PENDING,
	CONNECTED,
	FAILED,
	LISTENING,
};

struct loop_sock {
	enum loop_phase phase;
	uint32_t gen;
	int af;
	uint32_t local_ip, peer_ip; /* host order */
	uint16_t local_port, peer_port;
	bool bound, told, oob_inline;
	int error;		/* pending, for sanTakeError */
	int failure;		/* of the connect */
	struct loop_sock *peer; /* NULL once it is gone */
	struct loop_sock *backlog[128];
	unsigned queued, limit;
	uint8_t ring[LOOP_RING]; /* what the peer sent */
	uint32_t head, tail;
	bool eof, dead, shut_rd, shut_wr, urgent, urgent_taken;
	uint32_t urgent_at;   /* position of the urgent byte */
	_Atomic uint32_t seq; /* futex word */
	uint64_t wakes;	      /* wake objects that want to know */
	short wake_events[64];
};

struct san_wake {
	bool used;
	int fd;
	bool armed; /* cleared when it fires */
};

extern struct loop_sock loop_all[LOOP_SOCKS];
extern struct san_wake loop_wake_all[64];
extern pthread_mutex_t loop_lock;

int loop_fail(LPINT err, int code);
/* NULL for a stale descriptor. The lock is held for these. */
struct loop_sock *loop_find(SOCKET s);
uint32_t loop_unread(const struct loop_sock *k);
/* What the peer's ring still takes. */
uint32_t loop_room(const struct loop_sock *k);
/* Whoever waits for the socket looks again. */
void loop_news(struct loop_sock *k);
void loop_addr_out(int af, uint32_t ip, uint16_t port, struct sockaddr *sa, socklen_t *len);
bool loop_addr_in(const struct sockaddr *sa, uint32_t *ip, uint16_t *port);

/* Entries of the Linux table. */
ssize_t loop_send(SOCKET s, const struct iovec *iov, int count, int flags, LPINT err);
ssize_t loop_recv(SOCKET s, const struct iovec *iov, int count, int flags, LPINT err);
short loop_poll(SOCKET s);
int loop_wait(SOCKET s, short events, const struct timespec *until, LPINT err);
int loop_close(SOCKET s, enum san_close_how how, LPINT err);
extern const struct san_linux_table loop_linux_table;

#endif
