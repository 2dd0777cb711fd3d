/* SPDX-License-Identifier: BSD-3-Clause */
/* Prints the matrix of messages as Markdown, from the list the engine is compiled from; with
 * --check FILE compares it to what stands between the markers in that file. A development tool, not
 * part of the daemon. */
#include <stdio.h>

#include "msg_rule.h"
#include "printed.h"

static const char *const rx_name[] = {
#define X(name, text) #name,
    SDP_RX_LIST(X)
#undef X
};

static const char *const tx_name[] = {
#define X(name, text) #name,
    SDP_TX_LIST(X)
#undef X
};

static const char *const rule_name[] = {
    [SDP_RULE_TAKE] = "",
#define X(name, text) [SDP_RULE_##name] = #name,
    SDP_VIOLATION_LIST(X)
#undef X
	[SDP_RULE_SKIP] = "skip",
};

static const char *const kind_text[] = {
#define X(kind, text, ...) text,
    SDP_SOURCE_TABLE(X) SDP_SINK_TABLE(X)
#undef X
};

static void
print_words(FILE *f)
{
#define X(name, text) fprintf(f, "| %s | %s |\n", #name, text);
	fprintf(f, "\n| where the peer's source half stands | |\n|---|---|\n");
	SDP_RX_LIST(X)
	fprintf(f, "\n| where ours stands towards its sink half | |\n|---|---|\n");
	SDP_TX_LIST(X)
	fprintf(f, "\n| cell | |\n|---|---|\n");
	fprintf(f, "| (empty) | obeyed |\n");
	fprintf(f, "| skip | counted, nothing else: it asks for nothing we do, or crossed with our "
		   "answer |\n");
	SDP_VIOLATION_LIST(X)
#undef X
}

/* Rows [first, end) of the kinds; columns of the half they are about. */
static void
print_table(FILE *f, int first, int end, const char *const *column, int columns)
{
	fprintf(f, "\n| |");
	for (int at = 0; at < columns; at++)
		fprintf(f, " %s |", column[at]);
	fprintf(f, "\n|---|");
	for (int at = 0; at < columns; at++)
		fprintf(f, "---|");
	for (int k = first; k < end; k++) {
		fprintf(f, "\n| %s |", kind_text[k]);
		/* Each table looks at one of the two only. */
		for (int at = 0; at < columns; at++)
			fprintf(f, " %s |",
			    rule_name[sdp_rule_of((enum sdp_kind)k,
				(enum sdp_rx_at)(at % SDP_RX_COUNT),
				(enum sdp_tx_at)(at % SDP_TX_COUNT))]);
	}
	fprintf(f, "\n");
}

static void
print_all(FILE *f)
{
	print_words(f);
	fprintf(f, "\nSome reasons depend on what a message says and are in no cell: LENGTH, "
		   "CARRIAGE, MSEQ, MSEQ_ACK, OVERRUN, URGENT, SIZE;\nINLINE of a SrcAvail that "
		   "carries all it offers; UNASKED of a ChRcvBufAck; UNANSWERED comes from no "
		   "message.\n");
	print_table(f, 0, SDP_KIND_SINK_FIRST, rx_name, SDP_RX_COUNT);
	print_table(f, SDP_KIND_SINK_FIRST, SDP_KIND_COUNT, tx_name, SDP_TX_COUNT);
}

int
main(int argc, char **argv)
{
	return printed_main(argc, argv, "<!-- messages: begin, printed by print_messages -->\n",
	    "<!-- messages: end -->\n", print_all);
}
