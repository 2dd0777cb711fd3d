/* SPDX-License-Identifier: BSD-3-Clause */
/* Prints the matrix of messages as Markdown, from the list the engine is compiled from; with
 * --check FILE compares it to that file. A development tool, not part of the daemon. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "msg_rule.h"

#define FILE_MAX (1u << 16)

static const char *const rx_name[] = {
#define X(name, text) #name,
    SDP_RX_LIST(X)
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
    SDP_KIND_TABLE(X)
#undef X
};

static void
print_words(FILE *f)
{
#define X(name, text) fprintf(f, "| %s | %s |\n", #name, text);
	fprintf(f, "\n| where the peer's source half stands | |\n|---|---|\n");
	SDP_RX_LIST(X)
	fprintf(f, "\n| cell | |\n|---|---|\n");
	fprintf(f, "| (empty) | obeyed |\n");
	fprintf(f, "| skip | counted, nothing else: it asks for nothing we do, or crossed with our "
		   "answer |\n");
	SDP_VIOLATION_LIST(X)
#undef X
}

static void
print_all(FILE *f)
{
	fprintf(f,
	    "# Which message of the peer may come when\n\n"
	    "Printed by `print_messages` from `msg_rule.h`; a test compares. A message that is "
	    "neither obeyed nor skipped ends\nthe connection with the reason given, which "
	    "`show socket` tells and a counter of the poll thread counts.\n");
	print_words(f);
	fprintf(f, "\nSome reasons depend on what a message says and are in no cell: LENGTH, "
		   "CARRIAGE, MSEQ, MSEQ_ACK, OVERRUN, URGENT, SIZE;\nINLINE of a SrcAvail that "
		   "carries all it offers; UNASKED of a ChRcvBufAck.\n\n| |");
	for (int at = 0; at < SDP_RX_COUNT; at++)
		fprintf(f, " %s |", rx_name[at]);
	fprintf(f, "\n|---|");
	for (int at = 0; at < SDP_RX_COUNT; at++)
		fprintf(f, "---|");
	for (int k = 0; k < SDP_KIND_COUNT; k++) {
		fprintf(f, "\n| %s |", kind_text[k]);
		for (int at = 0; at < SDP_RX_COUNT; at++)
			fprintf(f, " %s |",
			    rule_name[sdp_rule_of((enum sdp_kind)k, (enum sdp_rx_at)at)]);
	}
	fprintf(f, "\n");
}

static int
check(const char *path)
{
	char *text = calloc(1, FILE_MAX), *made = NULL;
	FILE *f = fopen(path, "r"), *m;
	size_t len, made_len;
	int bad;

	if (text == NULL || f == NULL || (len = fread(text, 1, FILE_MAX, f)) == 0) {
		fprintf(stderr, "%s: cannot read\n", path);
		return 2;
	}
	fclose(f);
	m = open_memstream(&made, &made_len);
	if (m == NULL)
		return 2;
	print_all(m);
	fclose(m);
	bad = len != made_len || memcmp(text, made, len) != 0;
	if (bad)
		fprintf(stderr, "%s: differs; replace it by the output of print_messages\n", path);
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
		fprintf(stderr, "usage: print_messages [--check FILE]\n");
		return 2;
	}
	print_all(stdout);
	return 0;
}
