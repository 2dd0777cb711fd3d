/* SPDX-License-Identifier: BSD-3-Clause */
/* Prints the app side's matrix as Markdown, from the table the daemon runs on; with --check FILE
 * compares it to what stands between the markers in that file. A development tool, not part of the
 * daemon. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app_fsm.h"

#define MARK_BEGIN "<!-- app side: begin, printed by print_app_fsm -->\n"
#define MARK_END   "<!-- app side: end -->\n"
#define FILE_MAX   (1u << 20)

static void
print_words(FILE *f)
{
	fprintf(f, "\n| state | meaning |\n|---|---|\n");
#define X(name, text) fprintf(f, "| %s | %s |\n", #name, text);
	APP_STATE_LIST(X)
	fprintf(f, "\n| event | meaning |\n|---|---|\n");
	APP_EVENT_LIST(X)
	fprintf(f, "\n| action | meaning |\n|---|---|\n");
	APP_ACTION_LIST(X)
#undef X
}

static void
print_cell(FILE *f, enum app_state s, enum app_event e)
{
	const struct app_cell *c = app_fsm_cell(s, e);

	if (c->action == APP_ACTION_ILLEGAL) {
		fprintf(f, " - |");
		return;
	}
	fprintf(f, " %s", c->next == s ? "=" : app_state_name(c->next));
	if (c->action != APP_ACTION_NONE)
		fprintf(f, ", %s", app_action_name(c->action));
	if (c->next != s && c->deadline != APP_DEADLINE_NONE)
		fprintf(f, ", *%s*", app_deadline_text(c->deadline));
	fprintf(f, " |");
}

static void
print_all(FILE *f)
{
	print_words(f);
	fprintf(f, "\nEach cell: next state (= stays), action, *deadline*; - is ILLEGAL.\n\n| |");
	for (int s = 0; s < APP_STATE_COUNT; s++)
		fprintf(f, " %s |", app_state_name((enum app_state)s));
	fprintf(f, "\n|---|---|---|---|---|");
	for (int e = 0; e < APP_EVENT_COUNT; e++) {
		fprintf(f, "\n| %s |", app_event_name((enum app_event)e));
		for (int s = 0; s < APP_STATE_COUNT; s++)
			print_cell(f, (enum app_state)s, (enum app_event)e);
	}
	fprintf(f, "\n");
}

/* 0 if the text between the markers is what print_all writes. */
static int
compare(const char *path, const char *text)
{
	const char *begin = strstr(text, MARK_BEGIN), *end;
	char *made = NULL;
	size_t len;
	FILE *m = open_memstream(&made, &len);
	int bad;

	if (m == NULL)
		return 2;
	print_all(m);
	fclose(m);
	end = begin != NULL ? strstr(begin, MARK_END) : NULL;
	bad = end == NULL || (size_t)(end - begin) - strlen(MARK_BEGIN) != len ||
	      memcmp(begin + strlen(MARK_BEGIN), made, len) != 0;
	free(made);
	if (bad)
		fprintf(stderr,
		    "%s: differs from the matrix; put the output of print_app_fsm between the "
		    "markers\n",
		    path);
	return bad;
}

static int
check(const char *path)
{
	char *text = calloc(1, FILE_MAX);
	FILE *f = fopen(path, "r");
	int bad = 2;

	if (text != NULL && f != NULL && fread(text, 1, FILE_MAX - 1, f) > 0)
		bad = compare(path, text);
	else
		fprintf(stderr, "%s: cannot read\n", path);
	if (f != NULL)
		fclose(f);
	free(text);
	return bad;
}

int
main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "--check") == 0)
		return check(argv[2]);
	if (argc != 1) {
		fprintf(stderr, "usage: print_app_fsm [--check FILE]\n");
		return 2;
	}
	print_all(stdout);
	return 0;
}
