/* SPDX-License-Identifier: BSD-3-Clause */
/* Grammar strings (see cli_commands.h) as instances of DPDK's cmdline library, and in words for
 * whoever typed something else. Knows no command and no daemon. */
#ifndef SAND_CONTROL_CLI_GRAMMAR_H
#define SAND_CONTROL_CLI_GRAMMAR_H

#include <stddef.h>

#include <cmdline_parse.h>
#include <cmdline_parse_string.h>

#include "cli_commands.h"

struct cli_token {
	cmdline_parse_token_string_t string; /* first: cmdline sees this */
	char text[48];			     /* as in the grammar, without brackets */
	char choices[48];		     /* what string.string_data.str points to */
	bool open;			     /* takes any word */
	bool rest;			     /* takes the rest of the line */
};

struct cli_grammar {
	struct cli_token token[CLI_WORDS_MAX];
	unsigned tokens;
	unsigned required; /* without the optional one */
};

/* Where cmdline puts the words of a line: word i at i * STR_TOKEN_SIZE. */
#define CLI_PARSED_WORD(parsed, i) ((char *)(parsed) + (size_t)(i)*STR_TOKEN_SIZE)
/* A value may have this many bytes; of the rest of a line, the line's length is the limit. */
#define CLI_WORD_MAX (STR_TOKEN_SIZE - 2)

/* `text` is one of ours: a grammar that breaks the rules is a bug. */
void cli_grammar_init(struct cli_grammar *g, const char *text);
/* An instance that takes exactly the first `tokens` of g and calls f(words, cl, data). NULL: no
 * memory. Freed with free(); g must outlive it. */
cmdline_parse_inst_t *cli_grammar_instance(struct cli_grammar *g, unsigned tokens,
    void (*f)(void *, struct cmdline *, void *), void *data, const char *help);
/* One sentence: what is wrong with `line`, which none of the grammars takes. */
void cli_grammar_explain(
    const struct cli_grammar *list, unsigned count, const char *line, char *sentence, size_t size);

#endif
