/* SPDX-License-Identifier: BSD-3-Clause */
/* What a command's handler gets. Handlers answer through `out` only, keep nothing and never block.
 */
#ifndef SAND_CONTROL_CLI_CALL_H
#define SAND_CONTROL_CLI_CALL_H

#include "cli_commands.h"
#include "cli_out.h"

struct daemon;

struct cli_call {
	struct daemon *daemon;
	struct cli_out *out;
	/* By position in the grammar; NULL where an optional word was left out. */
	const char *word[CLI_WORDS_MAX];
	bool usage; /* set by the handler: what was typed is wrong, rather than what it asks for */
};

#endif
