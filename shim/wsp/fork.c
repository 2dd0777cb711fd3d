/* SPDX-License-Identifier: BSD-3-Clause */
#include "fork.h"

#include "daemon_link.h"
#include "event.h"
#include "hangup.h"
#include "mem.h"
#include "op.h"
#include "own_fd.h"
#include "provider.h"
#include "rdma.h"
#include "wake.h"
#include "wsp_err.h"
#include "wsp_sys.h"

/* prov.lock, from Before to After. */
static struct {
	bool attached;	 /* there is something to hand on */
	int fd;		 /* the child's connection, -1 = it could not be had */
	uint32_t attach; /* its id */
} forking;

int
fork_before(LPINT err)
{
	int code = SAN_ENETDOWN;

	prov_lock();
	forking.attached = prov.starts > 0 && prov_life() == LIFE_ON;
	forking.fd = -1;
	if (!forking.attached)
		return 0;
	/* From here on other processes may hold our slots: locks become real ones. */
	atomic_store_explicit(&prov.alone, 0, memory_order_relaxed);
	if (!prov_gone())
		code = link_fork(&forking.fd, &forking.attach);
	return code != 0 ? wsp_fail(err, wsp_err_from_san(code)) : 0;
}

void
fork_parent(void)
{
	/* The child has its own copy; if there is no child, this undoes its attachment. */
	if (forking.fd >= 0)
		sys_close(forking.fd);
	forking.fd = -1;
	prov_unlock();
}

void
fork_child(void)
{
	prov_tid = 0;
	event_forked();
	op_forked();
	mem_forked();
	rdma_forked();
	wake_orphan_all();
	hangup_forked();
	if (forking.attached && forking.fd >= 0) {
		/* Not ours any more: as long as we kept it open, the parent's death would go
		 * unnoticed. */
		own_fd_drop(prov.fd);
		sys_close(prov.fd);
		own_fd_add(prov.fd = forking.fd);
		prov.attach = forking.attach;
		atomic_store_explicit(&prov.life->state, LIFE_ON, memory_order_relaxed);
	} else if (forking.attached) {
		/* Descriptors stay valid but dead; the slots behind them belong to the parent. */
		atomic_store_explicit(&prov.gone, 1, memory_order_relaxed);
		link_detach();
		atomic_store_explicit(&prov.life->state, LIFE_ORPHANED, memory_order_relaxed);
	}
	forking.fd = -1;
	prov_unlock();
}
