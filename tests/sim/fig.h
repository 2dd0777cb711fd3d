/* SPDX-License-Identifier: BSD-3-Clause */
/* Figures: what the transport does in situations everybody asks about, as tables. The same run
 * gives the same numbers, whoever prints them. fig.c builds the situations, fig_*.c measure one
 * each. */
#ifndef SAND_TESTS_SIM_FIG_H
#define SAND_TESTS_SIM_FIG_H

#include <stdbool.h>
#include <stdint.h>

#include "cc.h"
#include "rc_host.h"
#include "rc_meter.h"
#include "world.h"

/* X(name, title) */
#define FIG_LIST(X)                                  \
	X(loss, "Goodput at loss")                   \
	X(incast, "A hundred senders, one receiver") \
	X(fairness, "Sixteen flows, one link")       \
	X(reorder, "Two paths of different length")

/* Each prints one section; with `heads` only the lines that do not depend on a run. */
#define X(name, title) void fig_##name(bool heads);
FIG_LIST(X)
#undef X

/* All, or the one of that name; false if there is none. */
bool fig_print(const char *which, bool heads);

/* --- situations ------------------------------------------------------------------------------- */

#define FIG_PMTU 4096u

struct fig {
	struct world world;
	struct rc_host *host;
};

/* A flow of equal SENDs. */
struct fig_flow {
	uint32_t from, to; /* hosts */
	uint32_t len, outstanding;
	struct san_duration pause_max; /* between two, at random */
	struct san_time start;
};

/* What recovers losses. X(name, text) */
#define FIG_RECOVERY_LIST(X)                          \
	X(GO_BACK_N, "go-back-N")                     \
	X(KEEP, "selective, a peer without our SACK") \
	X(SACK, "selective, SACK")

enum fig_recovery {
#define X(name, text) FIG_##name,
	FIG_RECOVERY_LIST(X)
#undef X
	    FIG_RECOVERY_COUNT
};

const char *fig_recovery_name(enum fig_recovery r);

/* What is compared where congestion matters; ends with a NULL name. */
struct fig_cc {
	const char *name;
	uint8_t algo;
	enum fig_recovery recovery;
};
extern const struct fig_cc fig_ccs[];

/* A switch of so many ports: 100 Gbit/s, 2 us per line, 2 MB and RED marking per output. */
struct net_setup fig_switch(uint32_t hosts);
/* What an end is; `algo` is one of enum cc_algo, `window` packets are under way at most. */
struct rc_end_setup fig_end(enum fig_recovery recovery, uint8_t algo, uint32_t window);
void fig_open(struct fig *f, const struct net_setup *net, uint32_t ends_max);
void fig_close(struct fig *f);
/* Returns the sender's end; the receiver's counts into `m`. */
struct rc_end *fig_flow(
    struct fig *f, const struct fig_flow *flow, const struct rc_end_setup *end, struct rc_meter *m);
/* Run for so long. */
void fig_run(struct fig *f, struct san_duration d);
/* Bytes per second as Gbit/s. */
double fig_gbit(double bytes_per_s);

#endif
