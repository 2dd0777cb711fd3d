/* SPDX-License-Identifier: BSD-3-Clause */
#include "provider.h"

#include <string.h>
#include <sys/mman.h>

#include "check.h"
#include "daemon_link.h"
#include "doorbell.h"
#include "event.h"
#include "hangup.h"
#include "op.h"
#include "sock.h"
#include "table.h"
#include "wake.h"

#define RETRY_MS	1000u /* how often a lost daemon is looked for again */
#define CLEANUP_WAIT_MS 2000u

struct provider prov = {.lock = PTHREAD_MUTEX_INITIALIZER, .fd = -1};
__thread uint32_t prov_tid __attribute__((tls_model("initial-exec")));

uint64_t
prov_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000u + (uint64_t)ts.tv_nsec / 1000000u;
}

void
prov_ring(SOCKET s)
{
	uint32_t poll = atomic_load_explicit(&prov_shm(s)->poll_id, memory_order_relaxed);

	if (poll >= prov.map.polls)
		poll = 0;
	shm_doorbell_ring(&prov.map.region->doorbell[poll], prov.bell[poll], prov_slot(s));
}

bool
prov_check_alive(void)
{
	if (prov_gone())
		return false;
	if (atomic_load_explicit(&prov.map.region->daemon_gone, memory_order_relaxed) == 0 &&
	    link_alive(prov.fd))
		return true;
	atomic_store_explicit(&prov.gone, 1, memory_order_relaxed);
	return false;
}

void
prov_break(void)
{
	atomic_store_explicit(&prov.gone, 1, memory_order_relaxed);
}

/* A page that a forked child finds zeroed; without kernel support a child must use sanForkChild to
 * be safe. */
static int
life_create(void)
{
	void *page;

	if (prov.life != NULL)
		return 0;
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		return SAN_ENOMEM;
	(void)madvise(page, 4096, MADV_WIPEONFORK);
	prov.life = page;
	return 0;
}

static int
attach(void)
{
	int err = life_create();

	if (err == 0)
		err = link_attach();
	if (err != 0)
		return err;
	atomic_store_explicit(&prov.alone, 1, memory_order_relaxed);
	atomic_store_explicit(&prov.gone, 0, memory_order_relaxed);
	atomic_store_explicit(&prov.life->state, LIFE_ON, memory_order_relaxed);
	return 0;
}

void
prov_detach(void)
{
	wake_orphan_all();
	hangup_end();
	link_detach();
}

int
prov_usable(void)
{
	if (prov.starts == 0 || prov.ending)
		return WSANOTINITIALISED;
	if (prov_life() == LIFE_WIPED)
		return WSAENETDOWN;
	if (!prov_gone() &&
	    atomic_load_explicit(&prov.map.region->daemon_gone, memory_order_relaxed) == 0)
		return 0;
	atomic_store_explicit(&prov.gone, 1, memory_order_relaxed);
	if (prov.open != 0 || prov_now_ms() < prov.retry_at_ms)
		return WSAENETDOWN;
	prov.retry_at_ms = prov_now_ms() + RETRY_MS;
	prov_detach();
	return attach() == 0 ? 0 : WSAENETDOWN;
}

static int
startup_error(int err)
{
	switch (err) {
	case SAN_ELIMIT:
	case SAN_ENOBUFS:
	case SAN_ENOMEM:
		return WSAEPROCLIM;
	default:
		return WSASYSNOTREADY;
	}
}

/* prov.lock held. */
static int
start(LPWSPUPCALLTABLEEX upcalls)
{
	if (prov.ending)
		return WSASYSNOTREADY;
	if (prov.starts == 0) {
		int err = attach();

		if (err != 0)
			return startup_error(err);
		prov.up = *upcalls;
	}
	prov.starts++;
	return 0;
}

int
WSPStartupEx(WORD version, LPWSPDATA data, LPWSAPROTOCOL_INFOW info, LPWSPUPCALLTABLEEX upcalls,
    LPWSPPROC_TABLE procs)
{
	static const char name[] = "Sand: SAN service provider";
	int err;

	if (upcalls == NULL || procs == NULL || upcalls->lpWPUCloseSocketHandle == NULL ||
	    upcalls->lpWPUCreateSocketHandle == NULL ||
	    upcalls->lpWPUCompleteOverlappedRequest == NULL)
		return WSAEFAULT;
	if (version != MAKEWORD(2, 2))
		return WSAVERNOTSUPPORTED;
	prov_lock();
	err = start(upcalls);
	prov_unlock();
	if (err != 0)
		return err;
	if (data != NULL) {
		memset(data, 0, sizeof *data);
		data->wVersion = data->wHighVersion = MAKEWORD(2, 2);
		for (size_t i = 0; i < sizeof name; i++)
			data->szDescription[i] = (WCHAR)name[i];
	}
	*procs = wsp_procs;
	return 0;
}

/* Upcalls that other threads are in the middle of. They end by themselves, unless the switch lets
 * them wait for the thread that waits here. */
static void
upcalls_wait(void)
{
	const struct timespec ms = {0, 1000000};

	for (uint32_t waited = 0; waited < CLEANUP_WAIT_MS; waited++) {
		uint32_t open;

		prov_lock();
		open = prov.open;
		prov_unlock();
		if (open == 0)
			return;
		nanosleep(&ms, NULL);
	}
}

/* The last start is being undone: close what is open, without locks because every close makes an
 * upcall. We may be inside one ourselves. */
static void
close_all(void)
{
	for (uint32_t slot = 0; slot < SAN_SOCKS_MAX; slot++) {
		SOCKET s = atomic_load_explicit(&prov.socks[slot].descr, memory_order_acquire);

		if (s == 0)
			s = atomic_load_explicit(&prov.socks[slot].given, memory_order_relaxed);
		if (s != 0)
			(void)sock_close(s, SAN_CLOSE_RESET);
		op_take_over(slot);
	}
	upcalls_wait();
}

int
wsp_cleanup(LPINT err)
{
	prov_lock();
	if (prov.starts == 0 || prov.ending) {
		prov_unlock();
		return wsp_fail(err, WSANOTINITIALISED);
	}
	if (prov.starts > 1) {
		prov.starts--;
		prov_unlock();
		return 0;
	}
	prov.ending = true; /* nothing new from here on */
	prov_unlock();

	event_stop();
	close_all();

	prov_lock();
	prov_detach();
	prov.starts = 0;
	prov.open = 0;
	prov.epoch++;
	prov.ending = false;
	prov_unlock();
	return 0;
}
