/* SPDX-License-Identifier: BSD-3-Clause */
/* The commands that change something, and help. A command that succeeds says nothing unless there
 * is something to say. */
#include <stdio.h>
#include <string.h>

#include "cli_call.h"
#include "daemon.h"
#include "san_err.h"
#include "value.h"
#include "view.h"

const struct cli_command cli_commands[] = {
#define X(handler, grammar, changes, help) {grammar, help, changes, cli_##handler},
    CLI_COMMAND_LIST(X)
#undef X
};
const unsigned cli_command_count = sizeof cli_commands / sizeof cli_commands[0];

void
cli_clear_stats(struct cli_call *c)
{
	int ret = daemon_stats_clear(c->daemon);

	if (ret < 0)
		cli_out_fail(c->out, ret, "counters were not cleared: %s", san_err_text(ret));
}

void
cli_set_log_level(struct cli_call *c)
{
	uint32_t level;

	if (config_level_parse(c->word[3], &level) < 0) {
		c->usage = true;
		cli_out_fail(c->out, SAN_EINVAL,
		    "expected error, warning, notice, info, debug or 0 to 4 after 'set log level',"
		    " found '%s'",
		    c->word[3]);
		return;
	}
	(void)daemon_log_level_set(c->daemon, level);
}

/* Do `act` to every port that is meant; the first that fails ends it. */
static void
ports_act(struct cli_call *c, int (*act)(struct daemon *d, uint16_t port), const char *verb)
{
	const char *word = c->word[2];
	bool all = strcmp(word, "all") == 0, found = all;
	struct view_port port;
	uint32_t cursor = 0;
	char number[8];
	int ret;

	while (view_port_next(c->daemon, &cursor, &port)) {
		snprintf(number, sizeof number, "%u", port.port);
		if (!all && strcmp(word, number) != 0 && strcmp(word, port.name) != 0)
			continue;
		found = true;
		ret = act(c->daemon, port.port);
		if (ret < 0) {
			cli_out_fail(c->out, ret, "port %s was not %s: %s", port.name, verb,
			    san_err_text(ret));
			return;
		}
	}
	if (!found)
		cli_out_fail(c->out, SAN_ENOENT, "there is no port '%s'", word);
}

void
cli_start_port(struct cli_call *c)
{
	ports_act(c, daemon_port_start, "started");
}

void
cli_stop_port(struct cli_call *c)
{
	ports_act(c, daemon_port_stop, "stopped");
}

void
cli_set_port_address(struct cli_call *c)
{
	struct view_port port;
	uint32_t cursor = 0;
	char number[8], why[256] = "";
	int ret;

	while (view_port_next(c->daemon, &cursor, &port)) {
		snprintf(number, sizeof number, "%u", port.port);
		if (strcmp(c->word[2], number) != 0 && strcmp(c->word[2], port.name) != 0)
			continue;
		ret = daemon_port_address_set(c->daemon, port.port, c->word[4], why, sizeof why);
		if (ret < 0)
			cli_out_fail(c->out, ret, "%s", why);
		return;
	}
	cli_out_fail(c->out, SAN_ENOENT, "there is no port '%s'", c->word[2]);
}

void
cli_start_capture(struct cli_call *c)
{
	const char *path = c->word[2];
	char why[256] = "";
	int ret;

	/* The daemon's working folder means nothing to whoever types this. */
	if (path[0] != '/') {
		c->usage = true;
		cli_out_fail(c->out, SAN_EINVAL,
		    "expected an absolute path after 'start capture', found '%s'", path);
		return;
	}
	ret = daemon_capture_start(c->daemon, path, why, sizeof why);
	if (ret < 0)
		cli_out_fail(c->out, ret, "%s", why);
}

void
cli_stop_capture(struct cli_call *c)
{
	uint64_t frames = 0, dropped = 0;
	int ret = daemon_capture_stop(c->daemon, &frames, &dropped);

	if (ret == SAN_ENOENT) {
		cli_out_fail(c->out, ret, "no recording is running");
	} else if (ret < 0) {
		cli_out_fail(c->out, ret, "the recording is not complete: %s", san_err_text(ret));
	} else {
		cli_out_record(c->out, "capture");
		cli_out_number(c->out, "frames", frames);
		cli_out_number(c->out, "dropped", dropped);
		cli_out_end(c->out);
	}
}

void
cli_quit(struct cli_call *c)
{
	daemon_quit(c->daemon);
}

/* Does a grammar begin with the letters of `prefix`, however many blanks are between its words? */
static bool
grammar_begins(const char *grammar, const char *prefix)
{
	while (*prefix != '\0') {
		if (*prefix++ != *grammar++)
			return false;
		if (prefix[-1] == ' ')
			prefix += strspn(prefix, " ");
	}
	return true;
}

void
cli_help(struct cli_call *c)
{
	const char *prefix = c->word[1] == NULL ? "" : c->word[1];
	unsigned found = 0;

	cli_out_table(c->out, "commands");
	for (unsigned i = 0; i < cli_command_count; i++) {
		if (!grammar_begins(cli_commands[i].grammar, prefix))
			continue;
		cli_out_row(c->out);
		cli_out_string(c->out, "command", cli_commands[i].grammar);
		cli_out_string(c->out, "what", cli_commands[i].help);
		found++;
	}
	cli_out_end(c->out);
	if (found == 0) {
		c->usage = true;
		cli_out_fail(c->out, SAN_ENOENT, "no command begins with '%s'", prefix);
	}
}
