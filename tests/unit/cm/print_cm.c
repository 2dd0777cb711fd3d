/* SPDX-License-Identifier: BSD-3-Clause */
/* Prints the connection manager's matrix as Markdown, from the list the engine is compiled from. A
 * development tool, not part of the daemon. */
#include <stdbool.h>
#include <stdio.h>

#include "cm_matrix.h"
#include "printed.h"

static const struct {
	enum cm_state state;
	enum cm_input_type input;
	enum cm_state next;
	enum cm_action action;
} cell[] = {
#define X(state, input, next, action) {CM_ST_##state, CM_IN_##input, CM_ST_##next, CM_ACT_##action},
    CM_MATRIX(X)
#undef X
};
#define CELLS (sizeof cell / sizeof *cell)

static void
print_words(FILE *f)
{
	fprintf(f, "\n| state | meaning |\n|---|---|\n");
#define X(name, text) fprintf(f, "| %s | %s |\n", #name, text);
	CM_STATE_LIST(X)
	fprintf(f, "\n| input | meaning |\n|---|---|\n");
	CM_INPUT_LIST(X)
#undef X
	fprintf(f, "\n| action | meaning |\n|---|---|\n");
#define X(name, function, text) fprintf(f, "| %s | %s |\n", #name, text);
	CM_ACTION_LIST(X)
#undef X
}

static void
print_cell(FILE *f, size_t i)
{
	bool stays = cell[i].state == cell[i].next;

	if (cell[i].action == CM_ACT_WRONG || cell[i].action == CM_ACT_UNEXPECTED) {
		fprintf(f, " %s |", cell[i].action == CM_ACT_WRONG ? "-" : "?");
		return;
	}
	fprintf(f, " %s", stays ? "=" : cm_state_name(cell[i].next));
	if (cell[i].action != CM_ACT_NOTHING)
		fprintf(f, ", %s", cm_action_name(cell[i].action));
	fprintf(f, " |");
}

/* Inputs down, states across: the longer list gets the direction that scrolls. */
static void
print_matrix(FILE *f)
{
	fprintf(f,
	    "\nEach cell: next state (= stays, GONE: the handle is freed), action; - is WRONG, "
	    "? is UNEXPECTED.\n\n| |");
	for (int s = 0; s < CM_ST_COUNT; s++)
		fprintf(f, " %s |", cm_state_name((enum cm_state)s));
	fprintf(f, "\n|---|");
	for (int s = 0; s < CM_ST_COUNT; s++)
		fprintf(f, "---|");
	for (int t = 0; t < CM_IN_COUNT; t++) {
		fprintf(f, "\n| %s |", cm_input_name((enum cm_input_type)t));
		for (int s = 0; s < CM_ST_COUNT; s++)
			for (size_t i = 0; i < CELLS; i++)
				if ((int)cell[i].state == s && (int)cell[i].input == t)
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
	return printed_main(argc, argv, "<!-- matrix: begin, printed by print_cm -->\n",
	    "<!-- matrix: end -->\n", print_all);
}
