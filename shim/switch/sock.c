/* SPDX-License-Identifier: BSD-3-Clause */
#include "sock.h"
#include "family.h"
#include "kern.h"
#include "option.h"
#include "pool.h"
#include "sw_lock.h"

#include <fcntl.h>
#include <netinet/tcp.h>

#define SOCKS_MAX 65536

pthread_mutex_t sw_mutex = PTHREAD_MUTEX_INITIALIZER;

static struct pool socks = {
    .size = sizeof(struct sw_sock),
    .link = offsetof(struct sw_sock, pool_link),
    .limit = SOCKS_MAX,
};

/* Next state; "____" marks what cannot happen. */
#define ____ SOCK_STATES
static const uint8_t next_state[SOCK_STATES][SOCK_EVENTS] = {
    /* columns: started, done, refused, kernel, listen, accepted, reset */
    [SOCK_PLAIN] = {SOCK_CONNECTING, ____, SOCK_FAILED, SOCK_KERNEL, SOCK_LISTENING, SOCK_CONNECTED,
	SOCK_PLAIN},
    [SOCK_CONNECTING] = {____, SOCK_CONNECTED, SOCK_FAILED, SOCK_KERNEL, ____, ____, SOCK_PLAIN},
    [SOCK_CONNECTED] = {____, ____, ____, ____, ____, ____, SOCK_PLAIN},
    [SOCK_LISTENING] = {____, ____, ____, ____, SOCK_LISTENING, ____, SOCK_PLAIN},
    [SOCK_FAILED] = {SOCK_CONNECTING, ____, SOCK_FAILED, SOCK_KERNEL, ____, ____, SOCK_PLAIN},
    [SOCK_KERNEL] = {____, ____, ____, SOCK_KERNEL, ____, ____, SOCK_PLAIN},
};
#undef ____

const char *
sock_state_name(enum sock_state state)
{
	static const char *const names[] = {
#define X(name, meaning) #name,
	    SOCK_STATE_LIST(X)
#undef X
	};
	return state < SOCK_STATES ? names[state] : "?";
}

const char *
sock_why_text(enum sock_why why)
{
	static const char *const texts[] = {
#define X(name, text) text,
	    SOCK_WHY_LIST(X)
#undef X
	};
	return texts[why];
}

bool
sock_event(struct sw_sock *s, enum sock_event event)
{
	uint8_t next = next_state[sock_state(s)][event];

	if (next == SOCK_STATES)
		return false;
	atomic_store_explicit(&s->state, next, memory_order_release);
	return true;
}

/* --- the kernel's half --- */

int
sock_int_option(int fd, int level, int name)
{
	int value = -1;
	socklen_t len = sizeof value;

	return KERN(getsockopt(fd, level, name, &value, &len)) < 0 ? -1 : value;
}

uint64_t
sock_cookie(int fd)
{
	uint64_t cookie = 0;
	socklen_t len = sizeof cookie;

	return KERN(getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len)) < 0 ? 0 : cookie;
}

bool
sock_adoptable(int fd)
{
	struct tcp_info info = {0};
	socklen_t len = sizeof info;

	return sock_int_option(fd, SOL_SOCKET, SO_PROTOCOL) == IPPROTO_TCP &&
	       KERN(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len)) >= 0 &&
	       (info.tcpi_state == TCP_CLOSE || info.tcpi_state == TCP_LISTEN);
}

/* --- ours --- */

/* Everything but the parts a racing reader may look at without a lock, which are set one by one. */
static void
sock_init(struct sw_sock *s, int domain, bool nonblock)
{
	s->file.kind = SW_SOCK;
	s->file.refs = 0;
	atomic_store(&s->file.san, INVALID_SOCKET);
	atomic_store(&s->listener, INVALID_SOCKET);
	atomic_store(&s->state, SOCK_PLAIN);
	atomic_store(&s->nonblock, nonblock);
	atomic_store(&s->edge, false);
	atomic_store(&s->error, 0);
	atomic_store(&s->received, 0);
	atomic_store(&s->refused, 0);
	atomic_store(&s->claimed, false);
	atomic_store(&s->san_only, false);
	atomic_store(&s->oob_inline, false);
	s->linger = false;
	s->why = SOCK_WHY_NOT_ASKED;
	s->turn = 0;
	atomic_store(&s->recv_ns, 0);
	atomic_store(&s->send_ns, 0);
	s->low_water = 1;
	s->options_set = 0;
	s->linger_s = 0;
	s->domain = domain;
	s->peer_len = 0;
	SLIST_INIT(&s->items);
}

struct sw_sock *
sock_track(int fd, int domain, bool nonblock)
{
	struct sw_sock *s = pool_get(&socks);

	if (s == NULL)
		return NULL;
	family_begin();
	sock_init(s, domain, nonblock);
	s->cookie = sock_cookie(fd);
	if (fdtab_set(fd, &s->file) < 0) {
		sock_free(s);
		return NULL;
	}
	return s;
}

struct sw_sock *
sock_adopt(int fd)
{
	struct sw_sock *s;

	if (fdtab_get(fd) != NULL || !sock_adoptable(fd))
		return NULL;
	s = sock_track(fd, sock_int_option(fd, SOL_SOCKET, SO_DOMAIN),
	    (KERN(fcntl64(fd, F_GETFL)) & O_NONBLOCK) != 0);
	if (s != NULL)
		option_load_all(s, fd);
	return s;
}

void
sock_free(struct sw_sock *s)
{
	atomic_store(&s->file.san, INVALID_SOCKET);
	atomic_store(&s->listener, INVALID_SOCKET);
	atomic_fetch_add(&s->file.gen, 1);
	pool_put(&socks, s);
}
