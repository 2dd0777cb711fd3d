/* SPDX-License-Identifier: BSD-3-Clause */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

#include <cmdline.h>

#include "cli_call.h"
#include "cli_grammar.h"
#include "san_err.h"

/* Why cmdline's handler has what it needs: one per instance. */
struct entry {
	struct cli *cli;
	const struct cli_command *command;
	const struct cli_grammar *grammar;
	unsigned tokens;
};

struct cli {
	struct daemon *daemon;
	struct cmdline *cmdline;
	struct cli_grammar *grammar;	/* one per command */
	struct entry *entry;		/* two per command: with and without the optional word */
	cmdline_parse_inst_t **context; /* NULL-terminated */
	/* while a line runs */
	bool may_change;
	struct cli_out *out;
	enum cli_status status;
	bool has_quit;
};

#define INSTANCES_MAX (2 * cli_command_count)

/* cmdline found the command: `parsed` holds its words. */
static void
entry_run(void *parsed, struct cmdline *cmdline, void *data)
{
	const struct entry *e = data;
	struct cli *cli = e->cli;
	struct cli_call call = {.daemon = cli->daemon, .out = cli->out};

	(void)cmdline;
	if (e->command->changes && !cli->may_change) {
		cli->status = CLI_FAILED;
		cli_out_fail(
		    cli->out, SAN_EPERM, "only root and the daemon's own user may do this");
		return;
	}
	for (unsigned i = 0; i < e->tokens; i++) {
		char *word = CLI_PARSED_WORD(parsed, i);

		/* The rest of a line comes with the blanks behind it. */
		for (size_t len = strlen(word); len > 0 && word[len - 1] == ' '; len--)
			word[len - 1] = '\0';
		call.word[i] = word;
	}
	e->command->run(&call);
	cli->has_quit |= e->command->run == cli_quit;
	cli->status = call.usage ? CLI_USAGE : cli_out_failed(cli->out) ? CLI_FAILED : CLI_OK;
}

static int
instances_create(struct cli *cli)
{
	unsigned n = 0;

	for (unsigned i = 0; i < cli_command_count; i++) {
		struct cli_grammar *g = &cli->grammar[i];

		cli_grammar_init(g, cli_commands[i].grammar);
		for (unsigned tokens = g->required; tokens <= g->tokens; tokens++) {
			cli->entry[n] = (struct entry){cli, &cli_commands[i], g, tokens};
			cli->context[n] = cli_grammar_instance(
			    g, tokens, entry_run, &cli->entry[n], cli_commands[i].help);
			if (cli->context[n++] == NULL)
				return SAN_ENOMEM;
		}
	}
	cli->cmdline = cmdline_new(cli->context, "", -1, -1);
	return cli->cmdline == NULL ? SAN_ENOMEM : 0;
}

struct cli *
cli_create(struct daemon *d)
{
	struct cli *cli = calloc(1, sizeof *cli);

	if (cli == NULL)
		return NULL;
	cli->daemon = d;
	cli->grammar = calloc(cli_command_count, sizeof *cli->grammar);
	cli->entry = calloc(INSTANCES_MAX, sizeof *cli->entry);
	cli->context = calloc(INSTANCES_MAX + 1, sizeof(cmdline_parse_inst_t *));
	if (cli->grammar == NULL || cli->entry == NULL || cli->context == NULL ||
	    instances_create(cli) < 0) {
		cli_destroy(cli);
		return NULL;
	}
	return cli;
}

void
cli_destroy(struct cli *cli)
{
	if (cli == NULL)
		return;
	if (cli->cmdline != NULL)
		cmdline_free(cli->cmdline);
	for (unsigned i = 0; cli->context != NULL && i < INSTANCES_MAX; i++)
		free(cli->context[i]);
	free(cli->context);
	free(cli->entry);
	free(cli->grammar);
	free(cli);
}

/* Offset of the first byte that is no text, or len. */
static size_t
line_bad_byte(const char *line, size_t len)
{
	size_t i = 0;

	while (i < len && ((unsigned char)line[i] >= ' ' || line[i] == '\t') && line[i] != 0x7f)
		i++;
	return i;
}

static bool
line_is_empty(const char *line)
{
	line += strspn(line, " \t");
	return *line == '\n' || *line == '#';
}

enum cli_status
cli_run(struct cli *cli, const char *line, size_t len, bool may_change, struct cli_out *out)
{
	char copy[CLI_LINE_MAX + 2], sentence[768];

	if (len > CLI_LINE_MAX) {
		cli_out_fail(out, SAN_EINVAL, "expected a line of at most %d bytes", CLI_LINE_MAX);
		return CLI_USAGE;
	}
	if (line_bad_byte(line, len) < len) {
		cli_out_fail(out, SAN_EINVAL,
		    "expected text, found a control character at byte %zu",
		    line_bad_byte(line, len) + 1);
		return CLI_USAGE;
	}
	memcpy(copy, line, len);
	memcpy(copy + len, "\n", 2);
	if (line_is_empty(copy))
		return CLI_OK;
	cli->out = out;
	cli->may_change = may_change;
	cli->status = CLI_USAGE;
	if (cmdline_parse(cli->cmdline, copy) < 0) {
		cli_grammar_explain(
		    cli->grammar, cli_command_count, copy, sentence, sizeof sentence);
		cli_out_fail(out, SAN_EINVAL, "%s", sentence);
		return CLI_USAGE;
	}
	return cli->status;
}

bool
cli_has_quit(const struct cli *cli)
{
	return cli->has_quit;
}

int
cli_complete(struct cli *cli, const char *line, int *state, char *dst, unsigned size)
{
	return cmdline_complete(cli->cmdline, line, state, dst, size);
}
