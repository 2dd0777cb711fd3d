/* SPDX-License-Identifier: BSD-3-Clause */
#include "option.h"
#include "abi.h"
#include "connect.h"
#include "kern.h"
#include "provider.h"
#include "sw_lock.h"

#include <netinet/tcp.h>
#include <string.h>
#include <sys/time.h>

union option_value {
	int number;
	struct timeval time;
	struct linger linger;
};

struct option {
	int level, name;
	socklen_t size;
	void (*learn)(struct sw_sock *s, const union option_value *v); /* NULL: only inherited */
	uint32_t flag; /* SHM_APP_* the provider is told, 0: none */
	bool pass;     /* the provider has the option itself */
};

static uint64_t
timeval_ns(const struct timeval *tv)
{
	return (uint64_t)tv->tv_sec * 1000000000u + (uint64_t)tv->tv_usec * 1000u;
}

static void
learn_recv_time(struct sw_sock *s, const union option_value *v)
{
	s->recv_ns = timeval_ns(&v->time);
}

static void
learn_send_time(struct sw_sock *s, const union option_value *v)
{
	s->send_ns = timeval_ns(&v->time);
}

static void
learn_linger(struct sw_sock *s, const union option_value *v)
{
	s->linger = v->linger.l_onoff != 0;
	s->linger_s = (uint32_t)v->linger.l_linger;
}

static void
learn_low_water(struct sw_sock *s, const union option_value *v)
{
	s->low_water = v->number > 0 ? (uint32_t)v->number : 1;
}

static void
learn_oob_inline(struct sw_sock *s, const union option_value *v)
{
	s->oob_inline = v->number != 0;
}

#define NUMBER(level, name, learn, flag, pass)              \
	{                                                   \
		level, name, sizeof(int), learn, flag, pass \
	}
static const struct option options[] = {
    {SOL_SOCKET, SO_RCVTIMEO, sizeof(struct timeval), learn_recv_time, 0, false},
    {SOL_SOCKET, SO_SNDTIMEO, sizeof(struct timeval), learn_send_time, 0, false},
    {SOL_SOCKET, SO_LINGER, sizeof(struct linger), learn_linger, 0, false},
    NUMBER(SOL_SOCKET, SO_RCVLOWAT, learn_low_water, 0, false),
    NUMBER(SOL_SOCKET, SO_OOBINLINE, learn_oob_inline, 0, true),
    NUMBER(SOL_SOCKET, SO_KEEPALIVE, NULL, SHM_APP_KEEPALIVE, false),
    NUMBER(SOL_SOCKET, SO_PRIORITY, NULL, 0, false),
    NUMBER(IPPROTO_TCP, TCP_NODELAY, NULL, SHM_APP_NODELAY, false),
    NUMBER(IPPROTO_TCP, TCP_CORK, NULL, SHM_APP_CORK, false),
    NUMBER(IPPROTO_TCP, TCP_KEEPIDLE, NULL, 0, false),
    NUMBER(IPPROTO_TCP, TCP_KEEPINTVL, NULL, 0, false),
    NUMBER(IPPROTO_TCP, TCP_KEEPCNT, NULL, 0, false),
    NUMBER(IPPROTO_TCP, TCP_USER_TIMEOUT, NULL, 0, false),
};
#define OPTIONS (sizeof options / sizeof options[0])
_Static_assert(OPTIONS <= 32, "options_set has 32 bits");

static bool
option_read(const struct option *o, int fd, union option_value *v)
{
	socklen_t len = o->size;

	memset(v, 0, sizeof *v);
	return KERN(getsockopt(fd, o->level, o->name, v, &len)) == 0;
}

void
option_load_all(struct sw_sock *s, int fd)
{
	union option_value v;

	for (size_t i = 0; i < OPTIONS; i++) {
		if (options[i].learn != NULL && option_read(&options[i], fd, &v))
			options[i].learn(s, &v);
		s->options_set |= 1u << i;
	}
}

static void
provider_tell(const struct option *o, const union option_value *v, SOCKET san)
{
	int err;

	if (o->flag != 0)
		(void)provider_san->sanSetFlag(san, o->flag, v->number != 0, &err);
	if (o->pass)
		(void)provider_wsp->lpWSPSetSockOpt(
		    san, o->level, o->name, (const char *)v, (int)o->size, &err);
}

void
option_changed(struct sw_sock *s, int fd, int level, int name)
{
	union option_value v;

	for (size_t i = 0; i < OPTIONS; i++) {
		const struct option *o = &options[i];

		if (o->level != level || o->name != name || !option_read(o, fd, &v))
			continue;
		s->options_set |= 1u << i;
		if (o->learn != NULL)
			o->learn(s, &v);
		if (sock_state(s) == SOCK_CONNECTED)
			provider_tell(o, &v, atomic_load(&s->file.san));
	}
}

void
option_apply(struct sw_sock *s, int fd, SOCKET san)
{
	union option_value v;

	for (size_t i = 0; i < OPTIONS; i++)
		if ((s->options_set & 1u << i) != 0 && option_read(&options[i], fd, &v))
			provider_tell(&options[i], &v, san);
}

void
option_inherit(const struct sw_sock *listener, int listener_fd, struct sw_sock *s, int fd)
{
	union option_value v;

	for (size_t i = 0; i < OPTIONS; i++) {
		const struct option *o = &options[i];

		if ((listener->options_set & 1u << i) == 0 || !option_read(o, listener_fd, &v))
			continue;
		(void)KERN(setsockopt(fd, o->level, o->name, &v, o->size));
		option_changed(s, fd, o->level, o->name);
	}
}

int
sw_setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
	int rc = KERN(setsockopt(fd, level, name, value, len));
	struct sw_sock *s;

	if (rc < 0 || fdtab_get(fd) == NULL)
		return rc;
	sw_lock();
	s = sock_at(fd);
	if (s != NULL)
		option_changed(s, fd, level, name);
	sw_unlock();
	return rc;
}

static int
value_return(void *value, socklen_t *len, const void *from, socklen_t size)
{
	if (value == NULL || len == NULL)
		return -EFAULT;
	if (*len < size)
		size = *len;
	memcpy(value, from, size);
	*len = size;
	return 0;
}

/* The kernel's structure with its own idea of the socket replaced where the SAN knows better. */
static void
tcp_info_init(struct tcp_info *info, struct sw_sock *s, SOCKET san)
{
	short bits = provider_san->sanPoll(san);
	uint32_t in, out, room;
	int mark, err;

	if (sock_state(s) == SOCK_CONNECTING)
		info->tcpi_state = TCP_SYN_SENT;
	else if ((bits & (POLLHUP | POLLERR)) != 0)
		info->tcpi_state = TCP_CLOSE;
	else
		info->tcpi_state = (bits & POLLRDHUP) != 0 ? TCP_CLOSE_WAIT : TCP_ESTABLISHED;
	if (info->tcpi_snd_mss != 0 &&
	    provider_san->sanQueue(san, &in, &out, &room, &mark, &err) == 0)
		info->tcpi_unacked = (out + info->tcpi_snd_mss - 1) / info->tcpi_snd_mss;
}

static int
tcp_info_get(struct sw_sock *s, int fd, SOCKET san, void *value, socklen_t *len)
{
	struct tcp_info info = {0};
	socklen_t size = sizeof info;
	int rc = KERN(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size));

	if (rc < 0)
		return rc;
	tcp_info_init(&info, s, san);
	return value_return(value, len, &info, size);
}

static int
error_take(struct sw_sock *s)
{
	int error = atomic_exchange(&s->error, 0);

	if (error != 0 || sock_state(s) != SOCK_CONNECTED)
		return error;
	return sw_errno(provider_san->sanTakeError(atomic_load(&s->file.san)));
}

int
sw_getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
	struct sw_sock *s = sock_at(fd);
	SOCKET san;
	int number;

	if (s == NULL)
		return KERN(getsockopt(fd, level, name, value, len));
	connect_progress(fd, sock_ref(s));
	san = atomic_load(&s->file.san);
	if (level == SOL_SOCKET && name == SO_ERROR && san != INVALID_SOCKET) {
		number = error_take(s);
		return value_return(value, len, &number, sizeof number);
	}
	if (level == SOL_SOCKET && name == SO_ACCEPTCONN && sock_state(s) == SOCK_LISTENING) {
		number = 1;
		return value_return(value, len, &number, sizeof number);
	}
	if (level == IPPROTO_TCP && name == TCP_INFO && san != INVALID_SOCKET &&
	    san != SOCK_SAN_FAILED)
		return tcp_info_get(s, fd, san, value, len);
	return KERN(getsockopt(fd, level, name, value, len));
}
