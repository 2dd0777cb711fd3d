/* SPDX-License-Identifier: BSD-3-Clause */
/* The prompt of `sand -i`, served from the daemon's loop: a line editor on a terminal, plain lines
 * from anything else. Whoever reads its output slowly cannot make it wait. */
#ifndef SAND_CONTROL_CLI_PROMPT_H
#define SAND_CONTROL_CLI_PROMPT_H

struct cli;
struct cli_prompt;
struct daemon;
struct loop;

/* Read commands from `in`, answer on `out`; both stay the caller's. The end of the input asks the
 * daemon to quit. 0 or SAN_ENOMEM. */
int cli_prompt_create(struct cli *cli, struct daemon *d, struct loop *loop, int in, int out,
    struct cli_prompt **prompt);
/* Writes out what it still has, waiting a second at most whenever nobody takes it, and gives the
 * terminal back as it was. */
void cli_prompt_destroy(struct cli_prompt *p);

#endif
