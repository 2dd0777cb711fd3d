/* SPDX-License-Identifier: BSD-3-Clause */
#include "ready.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>

#include "relax.h"
#include "ring.h"
#include "sock.h"
#include "stream.h"
#include "waiters.h"
#include "wsp_sys.h"

#define RELAX_YIELDS \
	20u /* measured: catches nearly every answer of a poll thread that shares the processor */
#define CROWD_YIELD_US 1500u	/* a yield that took so long went to somebody who computes: ... */
#define CROWD_HOLD_US  1000000u /* ... no more of them for so long */
#define RELAX_SPIN     0x80000000u /* state: spinning since the microsecond in the other bits */

/* --- readiness --- */

/* As tcp_poll() of Linux reports a connection. */
static short
poll_connected(SOCKET s, const struct shm_sock *k)
{
	uint32_t wire = atomic_load_explicit(&k->wire_flags, memory_order_acquire);
	uint32_t app = atomic_load_explicit(&k->app_flags, memory_order_relaxed), in, out, room;
	bool dead = prov_gone() || (wire & (SHM_WIRE_ERROR | SHM_WIRE_DEAD)) != 0;
	bool no_in = dead || (wire & SHM_WIRE_EOF) != 0 || (app & SHM_APP_SHUT_RD) != 0;
	bool no_out = dead || (app & (SHM_APP_SHUT_WR | SHM_APP_CLOSED)) != 0;
	short bits = 0;
	int mark, unused;

	if (stream_queue(s, &in, &out, &room, &mark, &unused) != 0)
		return POLLNVAL;
	if (in > 0 || no_in)
		bits |= POLLIN;
	if (no_in)
		bits |= POLLRDHUP;
	if (no_in && no_out)
		bits |= POLLHUP;
	if (no_out || shm_ring_writable(out, prov.map.tx_ring_bytes))
		bits |= POLLOUT;
	if (stream_urgent(s))
		bits |= POLLPRI;
	if (stream_error(s) != 0)
		bits |= POLLERR;
	return bits;
}

static short
poll_listening(SOCKET s, const struct shm_sock *k)
{
	bool queued = atomic_load_explicit(&k->rx_tail, memory_order_acquire) !=
		      atomic_load_explicit(&k->rx_head, memory_order_relaxed);

	return queued || prov.socks[prov_slot(s)].deferred != 0 ? POLLIN : 0;
}

short
ready_poll(SOCKET s)
{
	short bits = 0;
	int unused;

	if (prov_find(s, &unused) == NULL)
		return POLLNVAL;
	switch (sock_phase(s)) {
	case SOCK_IDLE: /* as an unconnected TCP socket */
		bits = POLLOUT | POLLHUP;
		break;
	case SOCK_PENDING:
		break;
	case SOCK_CONNECTED:
		bits = poll_connected(s, prov_shm(s));
		break;
	case SOCK_LISTENING:
		bits = poll_listening(s, prov_shm(s));
		break;
	case SOCK_FAILED:
		bits = POLLIN | POLLOUT | POLLHUP | POLLRDHUP;
		if (stream_error(s) != 0)
			bits |= POLLERR;
		break;
	}
	/* Looked at after the descriptor died: the slot may be somebody else's by now. */
	return prov_is_open(s) ? bits : POLLNVAL;
}

/* --- spinning and yielding --- */

static uint32_t
now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint32_t)((uint64_t)ts.tv_sec * 1000000u + (uint64_t)ts.tv_nsec / 1000u) &
	       ~RELAX_SPIN;
}

/* True when some poll thread runs on the very processor we are on: it cannot work for us while we
 * spin. */
static bool
shares_processor(void)
{
	int here = sched_getcpu();
	bool movable = false;

	for (uint32_t i = 0; i < prov.map.polls; i++) {
		int cpu =
		    atomic_load_explicit(&prov.map.region->doorbell[i].cpu, memory_order_relaxed);

		if (cpu == here)
			return true;
		movable |= cpu < 0;
	}
	if (movable) {
		cpu_set_t set;

		CPU_ZERO(&set);
		if (sched_getaffinity(0, sizeof set, &set) == 0)
			return CPU_COUNT(&set) == 1;
	}
	return false;
}

static uint32_t
us_since(uint32_t then)
{
	return (now_us() - then) & ~RELAX_SPIN;
}

/* Beside a program that computes, a yield costs a time slice of that program, while who sleeps is
 * let in at once when woken. Of the whole process, in microseconds, 0 = not lately; threads may
 * overwrite each other's. */
static _Atomic uint32_t crowded_at;

static bool
crowded(void)
{
	uint32_t at = atomic_load_explicit(&crowded_at, memory_order_relaxed);

	if (at == 0)
		return false;
	if (us_since(at) < CROWD_HOLD_US)
		return true;
	atomic_store_explicit(&crowded_at, 0, memory_order_relaxed);
	return false;
}

static void
yield(void)
{
	uint32_t begin = now_us();

	syscall(SYS_sched_yield);
	if (us_since(begin) >= CROWD_YIELD_US)
		atomic_store_explicit(&crowded_at, now_us() | 1, memory_order_relaxed);
}

int
ready_relax(uint32_t *state)
{
	if (*state == 0 && !shares_processor()) {
		if (prov.map.spin_us == 0)
			return 0;
		*state = RELAX_SPIN | now_us();
	}
	if ((*state & RELAX_SPIN) != 0) {
		for (int i = 0; i < 16; i++)
			cpu_relax();
		return us_since(*state) < prov.map.spin_us;
	}
	if (*state >= RELAX_YIELDS || crowded())
		return 0;
	++*state;
	yield();
	return 1;
}

/* --- sleeping --- */

/* At most PROV_ALIVE_CHECK_MS, at most until `until`. False when that has passed. */
static bool
slice(const struct timespec *until, struct timespec *out)
{
	struct timespec now;
	int64_t left;

	*out = (struct timespec){0, PROV_ALIVE_CHECK_MS * 1000000L};
	if (until == NULL)
		return true;
	clock_gettime(CLOCK_MONOTONIC, &now);
	left = (until->tv_sec - now.tv_sec) * INT64_C(1000000000) + until->tv_nsec - now.tv_nsec;
	if (left <= 0)
		return false;
	if (left < out->tv_nsec)
		out->tv_nsec = (long)left;
	return true;
}

enum nap { NAP_LOOK_AGAIN, NAP_TIME_UP, NAP_SIGNAL };

/* Sleep while wake_seq is still `seq`, which was read before the caller looked at the slot the last
 * time. */
static enum nap
nap(struct shm_sock *k, uint32_t seq, const struct timespec *until)
{
	struct timespec ts;
	int saved = errno;
	enum nap result = NAP_LOOK_AGAIN;

	if (!slice(until, &ts))
		return NAP_TIME_UP;
	if (sys_futex_wait(&k->wake_seq, seq, &ts) != 0) {
		if (errno == EINTR)
			result = NAP_SIGNAL;
		else if (errno == ETIMEDOUT)
			(void)prov_check_alive();
	}
	errno = saved;
	return result;
}

static uint32_t
wait_bits(short events)
{
	uint32_t bits = 0;

	if ((events & ~POLLOUT) != 0 || events == 0)
		bits |= SHM_WAIT_IN_FUTEX;
	if ((events & POLLOUT) != 0)
		bits |= SHM_WAIT_OUT_FUTEX;
	return bits;
}

int
ready_wait(SOCKET s, short events, const struct timespec *until, LPINT err)
{
	short want = events | POLLERR | POLLHUP | POLLNVAL, bits;
	struct shm_sock *k = prov_shm(s);
	uint32_t relax = 0, seq = 0;

	for (;;) {
		bits = ready_poll(s) & want;
		if (bits == 0 && ready_relax(&relax))
			continue;
		if (bits == 0) {
			/* Acquire: a change announced by a newer value is seen below or keeps us
			 * from sleeping. */
			seq = atomic_load_explicit(&k->wake_seq, memory_order_acquire);
			shm_waiters_arm(k, wait_bits(events));
			bits = ready_poll(s) & want;
		}
		if ((bits & POLLNVAL) != 0)
			return wsp_fail(err, WSAENOTSOCK);
		if (bits != 0)
			return bits;
		switch (nap(k, seq, until)) {
		case NAP_TIME_UP:
			return 0;
		case NAP_SIGNAL:
			return wsp_fail(err, WSAEINTR);
		case NAP_LOOK_AGAIN:
			break;
		}
	}
}

static struct timespec
after_ms(uint32_t ms)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	ts.tv_sec += ms / 1000;
	ts.tv_nsec += (long)(ms % 1000) * 1000000L;
	if (ts.tv_nsec >= 1000000000L) {
		ts.tv_sec++;
		ts.tv_nsec -= 1000000000L;
	}
	return ts;
}

uint32_t
ready_arm(SOCKET s)
{
	struct shm_sock *k = prov_shm(s);
	/* Acquire: a change announced by a newer value is seen by the look that follows. */
	uint32_t seq = atomic_load_explicit(&k->wake_seq, memory_order_acquire);

	shm_waiters_arm(k, SHM_WAIT_IN_FUTEX | SHM_WAIT_OUT_FUTEX);
	return seq;
}

void
ready_nap(SOCKET s, uint32_t seq, uint32_t ms)
{
	struct timespec until = after_ms(ms);

	(void)nap(prov_shm(s), seq, &until);
}

int
ready_wait_phase(SOCKET s, uint32_t cmd_seq, uint32_t limit_ms, LPINT err)
{
	struct timespec until = after_ms(limit_ms);
	struct shm_sock *k = prov_shm(s);

	for (;;) {
		uint32_t seq = atomic_load_explicit(&k->wake_seq, memory_order_acquire);
		enum sock_phase phase;

		shm_waiters_arm(k, SHM_WAIT_IN_FUTEX | SHM_WAIT_OUT_FUTEX);
		phase = sock_phase(s);
		if (!prov_is_open(s))
			return wsp_fail(err, WSAENOTSOCK);
		if (prov_gone())
			return wsp_fail(err, WSAENETDOWN);
		/* Acquire: the state was published before the command was acknowledged. */
		if (phase != SOCK_PENDING &&
		    (phase == SOCK_FAILED ||
			atomic_load_explicit(&k->cmd_done, memory_order_acquire) == cmd_seq))
			return 0;
		/* Signals do not end this: it is bounded by the control thread, not by a peer. */
		if (nap(k, seq, &until) == NAP_TIME_UP)
			return wsp_fail(err, WSAETIMEDOUT);
	}
}

int
ready_drain(SOCKET s, const struct timespec *until, LPINT err)
{
	struct shm_sock *k = prov_shm(s);

	for (;;) {
		uint32_t seq = atomic_load_explicit(&k->wake_seq, memory_order_acquire);
		uint32_t in, out, room;
		int mark, code;

		shm_waiters_arm(k, SHM_WAIT_OUT_FUTEX);
		if (stream_queue(s, &in, &out, &room, &mark, err) != 0)
			return SOCKET_ERROR;
		if (out == 0)
			return 0;
		code = stream_error(s);
		if (code != 0)
			return wsp_fail(err, code);
		if ((atomic_load_explicit(&k->wire_flags, memory_order_acquire) & SHM_WIRE_DEAD) !=
			0 ||
		    prov_gone())
			return wsp_fail(err, WSAECONNRESET);
		switch (nap(k, seq, until)) {
		case NAP_TIME_UP:
			return wsp_fail(err, WSAETIMEDOUT);
		case NAP_SIGNAL:
			return wsp_fail(err, WSAEINTR);
		case NAP_LOOK_AGAIN:
			break;
		}
	}
}
