/* SPDX-License-Identifier: BSD-3-Clause */
/* What the program can do, one file each: a tool of rdma-core's or perftest's, spoken in both
 * roles. A command prints one line of result on stdout and returns true if all was well. */
#ifndef SAND_INTEROP_COMMAND_H
#define SAND_INTEROP_COMMAND_H

#include <stdbool.h>
#include <stdint.h>

#include "ep.h"
#include "net.h"

struct command_options {
	bool client; /* there is a peer to call */
	struct san_ip peer;
	uint16_t port;
	uint32_t count, size, connections; /* 0 = the command's own default */
	bool swap;			   /* atomic_bw: CmpSwap, not FetchAdd */
};

bool rping_run(struct net *n, const struct command_options *o);
bool ucmatose_run(struct net *n, const struct command_options *o);
bool send_bw_run(struct net *n, const struct command_options *o);
bool write_bw_run(struct net *n, const struct command_options *o);
bool read_bw_run(struct net *n, const struct command_options *o);
bool atomic_bw_run(struct net *n, const struct command_options *o);
bool refused_run(struct net *n, const struct command_options *o);
bool reject_run(struct net *n, const struct command_options *o);

/* Call the peer or wait to be called, by the options. True; else a sentence on stderr. */
bool command_connect(struct ep *e, struct net *n, const struct command_options *o, uint32_t depth,
    uint8_t resources);
/* Memory the peer may use, zeroed; NULL when there is none left, after a sentence on stderr. */
uint8_t *command_memory(struct net *n, uint32_t len, uint32_t access, uint32_t *key);

#endif
