/* SPDX-License-Identifier: BSD-3-Clause */
/* Prints the wire side's matrix as Markdown, from the list the engine is compiled from; with
 * --check FILE compares it to what stands between the markers in that file. A development tool, not
 * part of the daemon. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fsm_table.h"
#include "sdp_fsm.h"

#define MARK_BEGIN "<!-- wire side: begin, printed by print_fsm -->\n"
#define MARK_END   "<!-- wire side: end -->\n"
#define FILE_MAX   (1u << 20)

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

static int
check(const char *path)
{
	char *text = calloc(1, FILE_MAX), *made = NULL, *begin, *end;
	FILE *f = fopen(path, "r"), *m;
	size_t made_len;
	int bad = 1;

	if (text == NULL || f == NULL || fread(text, 1, FILE_MAX - 1, f) == 0) {
		fprintf(stderr, "%s: cannot read\n", path);
		return 2;
	}
	fclose(f);
	m = open_memstream(&made, &made_len);
	if (m == NULL)
		return 2;
	print_all(m);
	fclose(m);
	begin = strstr(text, MARK_BEGIN);
	end = begin != NULL ? strstr(begin, MARK_END) : NULL;
	if (end == NULL) {
		fprintf(stderr, "%s: markers are missing\n", path);
	} else {
		begin += strlen(MARK_BEGIN);
		bad = (size_t)(end - begin) != made_len || memcmp(begin, made, made_len) != 0;
		if (bad)
			fprintf(stderr,
			    "%s: differs from the matrix; replace the part between the markers "
			    "by the output of print_fsm\n",
			    path);
	}
	free(made);
	free(text);
	return bad;
}

int
main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "--check") == 0)
		return check(argv[2]);
	if (argc != 1) {
		fprintf(stderr, "usage: print_fsm [--check FILE]\n");
		return 2;
	}
	print_all(stdout);
	return 0;
}
