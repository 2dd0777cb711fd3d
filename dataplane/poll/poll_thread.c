/* SPDX-License-Identifier: BSD-3-Clause */
/* Life of a poll thread, and what control may look at. */
#include "poll_thread.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <rte_launch.h>

#include "poll_priv.h"
#include "san_err.h"

#define KEEPALIVE_DEFAULT SAN_DURATION_S(7200)
#define TIMER_SLACK_NS	  5000ul /* of naps; the kernel's default would double the shortest */
#define HOT_IDLE_MIN	  SAN_DURATION_US(100)
#define HOT_IDLE_MAX	  SAN_DURATION_MS(2)

static struct poll *polls[SAN_POLLS_MAX];

struct poll *
poll_get(unsigned poll)
{
	return poll < SAN_POLLS_MAX ? polls[poll] : NULL;
}

/* Address space that costs memory only where it is touched. */
static void *
space_get(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

#define SLOTS_BYTES  ((size_t)SAN_SESSIONS_MAX * SAN_SOCKS_MAX * sizeof(struct poll_slot))
#define BLOCKS_BYTES (POLL_BLOCKS * sizeof(struct rc_block))
#define MRS_BYTES    (POLL_REGIONS * sizeof(struct rc_mr))

static size_t
stores_bytes(const struct poll *p)
{
	return p->flow_limit * sizeof(struct poll_msg_store);
}

static size_t
lent_bytes(const struct poll *p)
{
	return p->flow_limit * sizeof(struct sdp_lent);
}

static void
poll_free(struct poll *p)
{
	rte_ring_free(p->cmds);
	rte_ring_free(p->events);
	if (p->doorbell_fd >= 0)
		close(p->doorbell_fd);
	if (p->flows)
		munmap(p->flows, p->flows_bytes);
	if (p->slots)
		munmap(p->slots, SLOTS_BYTES);
	if (p->blocks)
		munmap(p->blocks, BLOCKS_BYTES);
	if (p->regions)
		munmap(p->regions, MRS_BYTES);
	if (p->stores)
		munmap(p->stores, stores_bytes(p));
	if (p->lent)
		munmap(p->lent, lent_bytes(p));
	free(p);
}

static int
rings_create(struct poll *p)
{
	char name[RTE_RING_NAMESIZE];

	snprintf(name, sizeof name, "poll%u_cmds", p->index);
	p->cmds = rte_ring_create_elem(name, sizeof(struct poll_cmd), POLL_CMD_RING, SOCKET_ID_ANY,
	    RING_F_SP_ENQ | RING_F_SC_DEQ);
	snprintf(name, sizeof name, "poll%u_events", p->index);
	p->events = rte_ring_create_elem(name, sizeof(struct poll_event), POLL_EVENT_RING,
	    SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	return p->cmds && p->events ? 0 : SAN_ENOMEM;
}

static void
params_set(struct poll *p, const struct poll_params *params)
{
	uint64_t idle = params->idle_spin.ns + params->idle_yield.ns;

	p->params = *params;
	if (p->params.keepalive.ns == 0)
		p->params.keepalive = KEEPALIVE_DEFAULT;
	if (idle < HOT_IDLE_MIN.ns)
		idle = HOT_IDLE_MIN.ns;
	p->hot_idle.ns = idle < HOT_IDLE_MAX.ns ? idle : HOT_IDLE_MAX.ns;
}

static int
poll_init(struct poll *p)
{
	p->flow_limit = p->params.conns_max + FLOW_INDEX_FIRST;
	p->flows_bytes = (size_t)p->flow_limit * sizeof(struct flow);
	p->flows = space_get(p->flows_bytes);
	p->slots = space_get(SLOTS_BYTES);
	p->blocks = space_get(BLOCKS_BYTES);
	p->regions = space_get(MRS_BYTES);
	p->stores = space_get(stores_bytes(p));
	p->lent = space_get(lent_bytes(p));
	if (!p->flows || !p->slots || !p->blocks || !p->regions || !p->stores || !p->lent ||
	    rings_create(p) != 0)
		return SAN_ENOMEM;
	p->doorbell_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (p->doorbell_fd < 0 || poll_control_fd() < 0)
		return SAN_EIO;
	LIST_INIT(&p->all);
	STAILQ_INIT(&p->dirty);
	TAILQ_INIT(&p->active);
	clock_init(&p->clock);
	p->now = clock_now(&p->clock);
	wheel_init(&p->wheel, p->now);
	rc_pool_init(&p->recovery, p->blocks, POLL_BLOCKS, p->params.frames_kept_max);
	if (rc_mrs_init(&p->mrs, p->regions, POLL_REGIONS, (struct prng){p->now.ns}) != 0)
		return SAN_EINVAL;
	return 0;
}

int
poll_create(unsigned poll, const struct poll_params *params)
{
	struct poll *p;
	int err;

	if (poll >= SAN_POLLS_MAX || params->conns_max == 0 || params->conns_max > SAN_CONNS_MAX)
		return SAN_EINVAL;
	if (polls[poll])
		return SAN_EEXIST;
	p = aligned_alloc(SHM_LINE, (sizeof *p + SHM_LINE - 1) / SHM_LINE * SHM_LINE);
	if (!p)
		return SAN_ENOMEM;
	memset(p, 0, sizeof *p);
	p->index = poll;
	p->doorbell_fd = -1;
	params_set(p, params);
	err = poll_init(p);
	if (err) {
		poll_free(p);
		return err;
	}
	polls[poll] = p;
	return 0;
}

void
poll_destroy(unsigned poll)
{
	struct poll *p = poll_get(poll);
	struct poll_event ev;
	struct flow *f;

	if (!p)
		return;
	polls[poll] = NULL;
	LIST_FOREACH(f, &p->all, all_next) {
		engine_port_down(&f->engine, p->now);
		flow_frames_drop(f);
	}
	poll_tx_free(p);
	while (rte_ring_sc_dequeue_elem(p->events, &ev, sizeof ev) == 0) {
		if (ev.type == POLL_EV_FRAME_RX)
			frame_free(ev.frame);
	}
	poll_free(p);
}

static int
poll_loop(void *arg)
{
	struct poll *p = arg;
	struct poll_idle idle = {0};

	atomic_load_explicit(&p->handed, memory_order_acquire);
	prctl(PR_SET_TIMERSLACK, TIMER_SLACK_NS);
	p->now = clock_now(&p->clock);
	poll_idle_init(p, &idle);
	while (!p->stop)
		poll_idle_after(p, &idle, poll_iterate(p, clock_now(&p->clock)));
	atomic_store_explicit(&p->handed, false, memory_order_release);
	return 0;
}

int
poll_launch(unsigned poll)
{
	struct poll *p = poll_get(poll);

	if (!p)
		return SAN_EINVAL;
	atomic_store_explicit(&p->handed, true, memory_order_release);
	if (rte_eal_remote_launch(poll_loop, p, p->params.lcore) != 0)
		return SAN_EIO;
	p->launched = true;
	return 0;
}

void
poll_join(unsigned poll)
{
	struct poll *p = poll_get(poll);

	if (!p || !p->launched)
		return;
	rte_eal_wait_lcore(p->params.lcore);
	atomic_load_explicit(&p->handed, memory_order_acquire);
	p->launched = false;
}

/* ---- counters and views ---- */

static const struct {
	const char *name, *text;
} counters[] = {
#define X(name, text) {#name, text},
    POLL_COUNTER_LIST(X)
#undef X
};

uint64_t
poll_counter_read(unsigned poll, enum poll_counter counter)
{
	struct poll *p = poll_get(poll);

	if (!p || counter >= POLL_COUNTER_COUNT)
		return 0;
	return atomic_load_explicit(&p->counter[counter], memory_order_relaxed);
}

const char *
poll_counter_name(enum poll_counter counter)
{
	return counter < POLL_COUNTER_COUNT ? counters[counter].name : "";
}

const char *
poll_counter_text(enum poll_counter counter)
{
	return counter < POLL_COUNTER_COUNT ? counters[counter].text : "";
}

uint32_t
poll_conn_count(unsigned poll)
{
	struct poll *p = poll_get(poll);

	return p ? atomic_load_explicit(&p->flow_count, memory_order_relaxed) : 0;
}

int
poll_conn_read(unsigned poll, uint32_t conn, struct poll_conn_view *out)
{
	struct poll *p = poll_get(poll);

	if (!p || conn < FLOW_INDEX_FIRST || conn >= p->flow_limit)
		return SAN_ENOENT;
	return flow_view_read(&p->flows[conn], out);
}
