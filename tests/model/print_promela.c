/* SPDX-License-Identifier: BSD-3-Clause */
/* Prints both matrices of the close sequence as Promela, from the lists the daemon is compiled
 * from: what spin walks is what runs. */
#include <stdio.h>

#include "app_fsm.h"
#include "fsm_table.h"
#include "sdp_fsm.h"

static void
print_names(void)
{
#define X(name, text) printf("#define S_%s %d\n", #name, SDP_STATE_##name);
	SDP_STATE_LIST(X)
#undef X
#define X(name, text) printf("#define E_%s %d\n", #name, SDP_FSM_##name);
	SDP_FSM_EVENT_LIST(X)
#undef X
#define X(name, text) printf("#define A_%s %d\n", #name, SDP_ACT_##name);
	SDP_FSM_ACTION_LIST(X)
#undef X
#define X(name, text) printf("#define D_%s %d\n", #name, SDP_DEADLINE_##name);
	SDP_FSM_DEADLINE_LIST(X)
#undef X
#define X(name, text) printf("#define APP_%s %d\n", #name, APP_STATE_##name);
	APP_STATE_LIST(X)
#undef X
#define X(name, text) printf("#define APPEV_%s %d\n", #name, APP_EVENT_##name);
	APP_EVENT_LIST(X)
#undef X
#define X(name, text) printf("#define DO_%s %d\n", #name, APP_ACTION_##name);
	APP_ACTION_LIST(X)
#undef X
}

/* Looked up by [state * events + event], as plain C that spin's verifier is compiled with. */
static void
print_wire(void)
{
	printf("#define WIRE_EVENTS %d\n#define APP_EVENTS %d\n\nc_decl {\n", SDP_FSM_EVENT_COUNT,
	    APP_EVENT_COUNT);
	printf("static const unsigned char wire_next[] = {");
#define X(state, event, next, action, deadline) printf("%d,", SDP_STATE_##next);
	SDP_FSM_TABLE(X)
#undef X
	printf("};\nstatic const unsigned char wire_action[] = {");
#define X(state, event, next, action, deadline) printf("%d,", SDP_ACT_##action);
	SDP_FSM_TABLE(X)
#undef X
	printf("};\nstatic const unsigned char wire_deadline[] = {");
#define X(state, event, next, action, deadline) printf("%d,", SDP_DEADLINE_##deadline);
	SDP_FSM_TABLE(X)
#undef X
	printf("};\n");
}

static void
print_app(void)
{
	printf("static const unsigned char app_next[] = {");
	for (int i = 0; i < APP_STATE_COUNT * APP_EVENT_COUNT; i++)
		printf("%d,", app_fsm_cell((enum app_state)(i / APP_EVENT_COUNT),
				  (enum app_event)(i % APP_EVENT_COUNT))
				  ->next);
	printf("};\nstatic const unsigned char app_action[] = {");
	for (int i = 0; i < APP_STATE_COUNT * APP_EVENT_COUNT; i++)
		printf("%d,", app_fsm_cell((enum app_state)(i / APP_EVENT_COUNT),
				  (enum app_event)(i % APP_EVENT_COUNT))
				  ->action);
	printf("};\n}\n");
}

int
main(void)
{
	print_names();
	print_wire();
	print_app();
	return 0;
}
