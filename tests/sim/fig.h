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
	X(read, "READs at loss")                     \
	X(rxe, "A peer that keeps nothing")          \
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

/* A flow of equal SENDs or READs. */
struct fig_flow {
	uint32_t from, to; /* hosts */
	enum rc_kind kind; /* RC_SEND or RC_READ */
	uint32_t len, outstanding;
	struct san_duration pause_max; /* between two, at random */
	struct san_time start;
};

enum fig_recovery {
	FIG_GO_BACK_N,
	FIG_KEEP, /* the receiver keeps early packets, but tells nothing the standard does not */
	FIG_SACK, /* ... and tells which */
	FIG_RXE,  /* the sender would keep early packets, the receiver is rxe_end.h's */
};

/* A way to run a queue pair that is compared with others. Lists end with a NULL name. */
struct fig_way {
	const char *name;
	uint8_t algo; /* enum cc_algo */
	enum fig_recovery recovery;
};

/* A switch of so many ports: 100 Gbit/s, 2 us per line, 2 MB and RED marking per output. */
struct net_setup fig_switch(uint32_t hosts);
/* What an end is; `window` packets are under way at most. */
struct rc_end_setup fig_end(const struct fig_way *way, uint32_t window);
void fig_open(struct fig *f, const struct net_setup *net, uint32_t ends_max);
void fig_close(struct fig *f);
/* Returns the end that posts; what gets the bytes counts into `m`. */
struct rc_end *fig_flow(
    struct fig *f, const struct fig_flow *flow, const struct rc_end_setup *end, struct rc_meter *m);
/* Run for so long. */
void fig_run(struct fig *f, struct san_duration d);
/* Bytes per second as Gbit/s. */
double fig_gbit(double bytes_per_s);

/* --- measurements: what the tables say, and what tests hold them to --------------------------- */

/* fig_loss.c */
extern const struct fig_way fig_loss_ways[];
enum fig_path { FIG_PATH_SHORT, FIG_PATH_LONG, FIG_PATH_COUNT };
struct fig_loss_result {
	double gbit;
	uint64_t lost;
};
/* `ppb`: frames lost of a thousand million, on the way there or back. */
struct fig_loss_result fig_loss_measure(
    const struct fig_way *way, enum fig_path path, uint32_t ppb, struct san_duration d);

/* fig_read.c: Gbit/s */
double fig_read_measure(enum fig_recovery recovery, enum fig_path path, uint32_t ppb);

/* fig.c: what is compared where congestion matters. */
extern const struct fig_way fig_ways[];

/* fig_incast.c */
struct fig_incast_result {
	double gbit, small_median_us, small_p99_us, queue_kb, marked;
	uint64_t drops;
};
struct fig_incast_result fig_incast_measure(const struct fig_way *way);

/* fig_fairness.c */
struct fig_fairness_result {
	double gbit, jain, least_gbit, most_gbit;
	int fair_after_ms; /* -1 = not yet */
};
struct fig_fairness_result fig_fairness_measure(const struct fig_way *way);

/* fig_reorder.c */
struct fig_reorder_result {
	double gbit, repeats; /* share of packets */
};
struct fig_reorder_result fig_reorder_measure(
    const struct fig_way *way, uint32_t longer_us, struct san_duration d);

#endif
