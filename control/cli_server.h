/* SPDX-License-Identifier: BSD-3-Clause */
/* The control socket: serves sandctl from the daemon's loop (protocol: cli_proto.h). Clients cannot
 * make it wait, and cost a bounded amount of memory and time. */
#ifndef SAND_CONTROL_CLI_SERVER_H
#define SAND_CONTROL_CLI_SERVER_H

#include <stdint.h>

#include "cli_proto.h"

/* Timers the server sets in the loop at once, at most. */
#define CLI_SERVER_TIMERS CLI_CLIENTS_MAX

struct cli;
struct cli_server;
struct loop;

/* Listen at `path` with permissions `mode`; something else at that path is removed, so the caller
 * makes sure first that no other daemon uses it. Clients that are neither root nor this process's
 * user may only run commands that change nothing. 0, or SAN_ENOMEM, SAN_EINVAL (path too long),
 * SAN_EIO (errno says why). */
int cli_server_create(
    struct cli *cli, struct loop *loop, const char *path, uint32_t mode, struct cli_server **out);
/* Disconnects everybody after trying once to deliver what they wait for; removes the path. */
void cli_server_destroy(struct cli_server *server);

#endif
