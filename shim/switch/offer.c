/* SPDX-License-Identifier: BSD-3-Clause */
#include "offer.h"
#include "companion.h"
#include "connect.h"
#include "family.h"
#include "kern.h"
#include "option.h"
#include "provider.h"
#include "sw_lock.h"
#include "sw_log.h"

/* What the two switches tell each other: what the kernel's half cannot say. */
enum {
	NOTE_LISTENER = 1 << 0,
	NOTE_NONBLOCK = 1 << 1, /* as the program set it: a listener's kernel half always is */
	NOTE_CLAIMED = 1 << 2,
	NOTE_SAN_ONLY = 1 << 3,
};

static uint32_t
note_of(const struct sw_sock *s)
{
	return (sock_state(s) == SOCK_LISTENING ? NOTE_LISTENER : 0) |
	       (atomic_load(&s->nonblock) ? NOTE_NONBLOCK : 0) |
	       (atomic_load(&s->claimed) ? NOTE_CLAIMED : 0) |
	       (atomic_load(&s->san_only) ? NOTE_SAN_ONLY : 0);
}

static struct sw_sock *
sock_by_cookie(uint64_t cookie)
{
	for (int fd = fdtab_next(0); fd >= 0; fd = fdtab_next(fd + 1)) {
		struct sw_sock *s = sock_at(fd);

		if (s != NULL && s->cookie == cookie)
			return s;
	}
	return NULL;
}

/* The child of a vfork() moves its descriptors about and leaves no trace in its parent's table:
 * there the number says nothing, the cookie everything. */
static struct sw_sock *
sock_under(int fd, uint64_t cookie)
{
	struct sw_sock *s = sock_at(fd);

	if (s != NULL && s->cookie == cookie)
		return s;
	return family_is_mine() ? NULL : sock_by_cookie(cookie);
}

static SOCKET
san_side(const struct sw_sock *s)
{
	switch (sock_state(s)) {
	case SOCK_CONNECTING:
	case SOCK_CONNECTED:
		return atomic_load(&s->file.san);
	case SOCK_LISTENING:
		return atomic_load(&s->listener);
	default:
		return INVALID_SOCKET;
	}
}

bool
offers_add(struct offers *o, int fd)
{
	uint64_t cookie = sock_cookie(fd);
	struct sw_sock *s;
	SOCKET san = INVALID_SOCKET;

	if (cookie == 0)
		return true;
	s = sock_at(fd);
	if (s != NULL && family_is_mine())
		connect_progress(fd, sock_ref(s));
	sw_lock();
	s = sock_under(fd, cookie);
	if (s != NULL)
		san = san_side(s);
	if (san != INVALID_SOCKET && o->count < OFFERS_MAX)
		o->list[o->count++] = (struct san_offer){san, cookie, note_of(s), WSAEINVAL};
	else if (san != INVALID_SOCKET)
		s = NULL;
	sw_unlock();
	return san == INVALID_SOCKET || s != NULL;
}

bool
offers_make(struct offers *o)
{
	if (o->count == 0 || provider_san->sanOffer(o->list, o->count) == o->count)
		return true;
	for (int i = 0; i < o->count; i++)
		if (o->list[i].err != 0)
			sw_log(
			    "a SAN socket cannot go to another program (error %d)", o->list[i].err);
	return false;
}

void
offers_withdraw(const struct offers *o)
{
	if (o->count != 0)
		provider_san->sanWithdraw(o->list, o->count);
}

/* sw_lock. */
static void
take_over(int fd, SOCKET san, uint32_t note)
{
	struct sw_sock *s =
	    sock_track(fd, sock_int_option(fd, SOL_SOCKET, SO_DOMAIN), (note & NOTE_NONBLOCK) != 0);

	if (s == NULL) {
		companion_close(san, true);
		return;
	}
	atomic_store(&s->claimed, (note & NOTE_CLAIMED) != 0);
	atomic_store(&s->san_only, (note & NOTE_SAN_ONLY) != 0);
	option_load_all(s, fd);
	option_apply(s, fd, san);
	if ((note & NOTE_LISTENER) != 0) {
		atomic_store_explicit(&s->listener, san, memory_order_release);
		sock_event(s, SOCK_EV_LISTEN_DONE);
	} else {
		sock_event(s, SOCK_EV_ACCEPTED);
		atomic_store_explicit(&s->file.san, san, memory_order_release);
	}
	sw_log("fd %d: on the SAN, from another program", fd);
}

/* sw_lock. Each offer is good for one claim, so the daemon is asked even for what is here already.
 */
static void
claim(int fd, uint64_t cookie)
{
	const struct provider *p = provider_start();
	SOCKET san = INVALID_SOCKET;
	struct sw_sock *s;
	uint32_t note = 0;
	int err = 0;

	if (p != NULL)
		san = p->san->sanClaim(
		    sock_int_option(fd, SOL_SOCKET, SO_DOMAIN), cookie, &note, &err);
	s = sock_by_cookie(cookie);
	if (s != NULL)
		(void)fdtab_set(fd, &s->file);
	else if (san != INVALID_SOCKET)
		take_over(fd, san, note);
}

void
sw_claim(int fd)
{
	uint64_t cookie;

	if (fdtab_get(fd) != NULL || !sock_adoptable(fd))
		return;
	cookie = sock_cookie(fd);
	sw_lock();
	if (cookie != 0)
		claim(fd, cookie);
	sw_unlock();
}
