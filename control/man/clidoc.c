/* SPDX-License-Identifier: BSD-3-Clause */
/* Build tool: prints the commands ("commands") or exit statuses ("status") for sandctl(8). */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "cli_commands.h"
#include "cli_proto.h"

static const struct {
	const char *grammar, *help;
	bool changes;
} commands[] = {
#define X(handler, grammar, changes, help) {grammar, help, changes},
    CLI_COMMAND_LIST(X)
#undef X
};

/* What is typed in bold, what stands for something in italics, brackets and bars plain. */
static void
grammar_print(const char *s)
{
	static const char plain[] = "[]|. ";

	while (*s != '\0') {
		size_t len = strcspn(s, plain);

		if (len == 0)
			printf("\\fR%c", *s++);
		else if (islower((unsigned char)*s))
			printf("\\fB%.*s", (int)len, s);
		else
			printf("\\fI%.*s", (int)len, s);
		s += len;
	}
	puts("\\fR");
}

static void
commands_print(void)
{
	for (unsigned i = 0; i < sizeof commands / sizeof commands[0]; i++) {
		puts(".TP");
		grammar_print(commands[i].grammar);
		printf("%s.\n", commands[i].help);
		if (commands[i].changes)
			puts("Only for root and the daemon's own user.");
	}
}

static void
status_print(void)
{
#define X(name, value, text) printf(".TP\n.B %d\n%s\n", value, text);
	CLI_STATUS_LIST(X)
#undef X
}

int
main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "commands") == 0)
		commands_print();
	else if (argc == 2 && strcmp(argv[1], "status") == 0)
		status_print();
	else
		return 2;
	return fflush(stdout) == 0 ? 0 : 1;
}
