/* SPDX-License-Identifier: BSD-3-Clause */
/* Prints the wire side's matrix as Markdown, from the list the engine is compiled from. A
 * development tool, not part of the daemon. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "fsm_table.h"
#include "printed.h"
#include "sdp_fsm.h"

static const struct {
	enum sdp_state state;
	enum sdp_fsm_event event;
	enum sdp_state next;
	enum sdp_fsm_action action;
	const char *action_name, *deadline;
} cell[] = {
#define X(state, event, next, action, deadline)                                           \
	{SDP_STATE_##state, SDP_FSM_##event, SDP_STATE_##next, SDP_ACT_##action, #action, \
	    #deadline},
    SDP_FSM_TABLE(X)
#undef X
};
#define CELLS (sizeof cell / sizeof *cell)

static void
print_list(FILE *f, const char *head, const char *name, const char *text)
{
	if (head != NULL)
		fprintf(f, "\n| %s | meaning |\n|---|---|\n", head);
	fprintf(f, "| %s | %s |\n", name, text);
}

static void
print_words(FILE *f)
{
	const char *head;

	head = "state";
#define X(name, text) print_list(f, head, #name, text), head = NULL;
	SDP_STATE_LIST(X)
	head = "event";
	SDP_FSM_EVENT_LIST(X)
	head = "action";
	SDP_FSM_ACTION_LIST(X)
	head = "deadline of the state entered";
	SDP_FSM_DEADLINE_LIST(X)
#undef X
}

static void
print_cell(FILE *f, size_t i)
{
	bool stays = cell[i].state == cell[i].next, nothing = cell[i].action == SDP_ACT_NOTHING;

	if (cell[i].action == SDP_ACT_ILLEGAL) {
		fprintf(f, " - |");
		return;
	}
	fprintf(f, " %s", stays ? "=" : sdp_state_name(cell[i].next));
	if (!nothing)
		fprintf(f, ", %s", cell[i].action_name);
	if (strcmp(cell[i].deadline, "KEEP") != 0 && strcmp(cell[i].deadline, "NONE") != 0)
		fprintf(f, ", *%s*", cell[i].deadline);
	fprintf(f, " |");
}

/* Events down, states across: the longer list gets the direction that scrolls. */
static void
print_matrix(FILE *f)
{
	fprintf(f, "\nEach cell: next state (= stays), action, *deadline*; - is ILLEGAL.\n\n| |");
	for (int s = 0; s < SDP_STATE_COUNT; s++)
		fprintf(f, " %s |", sdp_state_name((enum sdp_state)s));
	fprintf(f, "\n|---|");
	for (int s = 0; s < SDP_STATE_COUNT; s++)
		fprintf(f, "---|");
	for (int e = 0; e < SDP_FSM_EVENT_COUNT; e++) {
		fprintf(f, "\n| %s |", sdp_fsm_event_name((enum sdp_fsm_event)e));
		for (int s = 0; s < SDP_STATE_COUNT; s++)
			for (size_t i = 0; i < CELLS; i++)
				if ((int)cell[i].state == s && (int)cell[i].event == e)
					print_cell(f, i);
	}
	fprintf(f, "\n");
}

static void
print_all(FILE *f)
{
	print_words(f);
	print_matrix(f);
}

int
main(int argc, char **argv)
{
	return printed_main(argc, argv, "<!-- wire side: begin, printed by print_fsm -->\n",
	    "<!-- wire side: end -->\n", print_all);
}
