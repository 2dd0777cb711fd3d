/* SPDX-License-Identifier: BSD-3-Clause */
/* Prints the app side's matrix as Markdown, from the table the daemon runs on. A development tool,
 * not part of the daemon. */
#include <stdio.h>

#include "app_fsm.h"
#include "printed.h"

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

int
main(int argc, char **argv)
{
	return printed_main(argc, argv, "<!-- app side: begin, printed by print_app_fsm -->\n",
	    "<!-- app side: end -->\n", print_all);
}
