/* SPDX-License-Identifier: BSD-3-Clause */
/* Runs one line of a command against the daemon. The prompt and the control socket both come here,
 * so they know the same commands and give the same answers. Control thread only. */
#ifndef SAND_CONTROL_CLI_H
#define SAND_CONTROL_CLI_H

#include <stdbool.h>
#include <stddef.h>

#include "cli_out.h"
#include "cli_proto.h"

struct cli;
struct daemon;

/* NULL: no memory. */
struct cli *cli_create(struct daemon *d);
void cli_destroy(struct cli *cli);

/* Run a line of `len` bytes, without its line end. may_change: whoever asks may run commands that
 * change something. The answer goes to `out`. Empty lines and comments (#) do nothing. */
enum cli_status cli_run(
    struct cli *cli, const char *line, size_t len, bool may_change, struct cli_out *out);
/* A quit command was run. */
bool cli_has_quit(const struct cli *cli);
/* cmdline_complete() on our commands: for the prompt. */
int cli_complete(struct cli *cli, const char *line, int *state, char *dst, unsigned size);

#endif
