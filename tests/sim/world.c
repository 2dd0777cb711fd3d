/* SPDX-License-Identifier: BSD-3-Clause */
#include "world.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "icrc.h"

/* Steps of all hosts at one instant: programs that write byte by byte make many. */
#define STUCK_STEPS 200000u

/* Once: asking the processor, and giving memory back to the kernel only to fault it in again, take
 * longer than a short run. */
static void
process_prepare(void)
{
	static bool done;

	if (done)
		return;
	done = true;
	icrc_init();
	mallopt(M_MMAP_THRESHOLD, 1 << 28);
	mallopt(M_TRIM_THRESHOLD, 1 << 28);
}

void
world_init(struct world *w, const struct net_setup *s)
{
	process_prepare();
	memset(w, 0, sizeof *w);
	w->now.ns = 1000;
	net_init(&w->net, s);
	w->node = calloc(s->hosts, sizeof(struct node *));
	w->due.nodes = calloc(s->hosts, sizeof(struct timer_node *));
	w->due.max = s->hosts;
	san_check(w->node != NULL && w->due.nodes != NULL);
}

void
world_fini(struct world *w)
{
	uint32_t i;

	for (i = 0; i < w->net.hosts; i++) {
		w->node[i]->ops->fini(w->node[i]);
		node_drain(w->node[i]);
	}
	net_fini(&w->net);
	free(w->node);
	free(w->due.nodes);
}

void
world_add(struct world *w, struct node *n)
{
	san_check(n->id < w->net.hosts && w->node[n->id] == NULL);
	w->node[n->id] = n;
	n->counted = true;
	w->unfinished++;
	world_wake(w, n);
}

void
world_wake(struct world *w, struct node *n)
{
	timer_heap_arm(&w->due, &n->due, node_when(n, w->now));
}

/* Keep count of the hosts that have something to do still. */
static void
recount(struct world *w, struct node *n)
{
	bool finished = n->rx_count == 0 && n->ops->finished(n);

	if (finished == n->counted) {
		n->counted = !finished;
		w->unfinished += finished ? -1u : 1u;
	}
}

static void
node_arrived(struct world *w, struct node *n, struct sim_frame *f)
{
	struct san_time at = node_when(n, san_time_add(w->now, n->setup.poll));

	node_rx_put(n, f);
	recount(w, n);
	if (n->due.place == 0 || san_time_before(at, n->due.at))
		timer_heap_arm(&w->due, &n->due, at);
}

static void
node_step(struct world *w, struct node *n)
{
	n->ops->step(n, w->now);
	w->steps++;
	timer_heap_arm(&w->due, &n->due, node_when(n, n->ops->next(n)));
	recount(w, n);
}

/* Time must go on: a host that is due again at once, over and over, is a bug of its engine. */
static void
progress_check(struct world *w)
{
	if (w->stuck_at.ns != w->now.ns)
		w->stuck = 0;
	w->stuck_at = w->now;
	san_check(++w->stuck < STUCK_STEPS + w->net.hosts);
}

bool
world_run(struct world *w, struct san_time limit)
{
	struct san_time next;
	struct timer_node *t;
	struct sim_frame *f;

	for (;;) {
		while ((f = net_take(&w->net, w->now)) != NULL)
			node_arrived(w, w->node[f->to], f);
		while ((t = timer_heap_due(&w->due, w->now)) != NULL) {
			progress_check(w);
			node_step(w, TIMER_OWNER(t, struct node, due));
		}
		if (w->unfinished == 0 && w->net.flying.count == 0)
			return true;
		next = san_time_min(net_next(&w->net), timer_heap_next(&w->due));
		if (next.ns > limit.ns || next.ns == UINT64_MAX)
			return false;
		w->now = next;
	}
}
