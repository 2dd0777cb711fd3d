/* SPDX-License-Identifier: BSD-3-Clause */
#include "cli_grammar.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

_Static_assert(CLI_WORDS_MAX *STR_TOKEN_SIZE + STR_MULTI_TOKEN_SIZE <= CMDLINE_PARSE_RESULT_BUFSIZE,
    "words and a rest of line fit into cmdline's result");

/* --- alternatives: "info|stats"
 * ------------------------------------------------------------------- */

/* The next alternative at *at into item, *at behind it; false at the end. */
static bool
alternative_next(const char **at, char *item, size_t size)
{
	size_t len = strcspn(*at, "|");

	if (**at == '\0')
		return false;
	snprintf(item, size, "%.*s", (int)len, *at);
	*at += len + ((*at)[len] == '|');
	return true;
}

static bool
alternative_fixed(const char *item)
{
	return islower((unsigned char)item[0]);
}

static bool
token_takes(const struct cli_token *t, const char *word)
{
	const char *at = t->text;
	char item[sizeof t->text];

	if (t->open)
		return strlen(word) <= CLI_WORD_MAX || t->rest;
	while (alternative_next(&at, item, sizeof item))
		if (strcmp(item, word) == 0)
			return true;
	return false;
}

/* --- open tokens: any word, but completion offers the fixed alternatives
 * --------------------------- */

static int
open_complete_count(cmdline_parse_token_hdr_t *hdr)
{
	const char *at = ((struct cli_token *)(void *)hdr)->text;
	char item[sizeof((struct cli_token *)0)->text];
	int count = 0;

	while (alternative_next(&at, item, sizeof item))
		count += alternative_fixed(item);
	return count;
}

static int
open_complete_get(cmdline_parse_token_hdr_t *hdr, int index, char *buf, unsigned size)
{
	const char *at = ((struct cli_token *)(void *)hdr)->text;
	char item[sizeof((struct cli_token *)0)->text];

	while (alternative_next(&at, item, sizeof item)) {
		if (!alternative_fixed(item) || index-- > 0)
			continue;
		return (unsigned)snprintf(buf, size, "%s", item) < size ? 0 : -1;
	}
	return -1;
}

static int
open_help(cmdline_parse_token_hdr_t *hdr, char *buf, unsigned size)
{
	snprintf(buf, size, "%s", ((struct cli_token *)(void *)hdr)->text);
	return 0;
}

static struct cmdline_token_ops open_ops = {
    .parse = cmdline_parse_string,
    .complete_get_nb = open_complete_count,
    .complete_get_elt = open_complete_get,
    .get_help = open_help,
};

/* --- building
 * -------------------------------------------------------------------------------------- */

static void
token_init(struct cli_token *t, const char *word, size_t len, unsigned index)
{
	bool optional = word[0] == '[';
	const char *at = t->text;
	char item[sizeof t->text];

	san_check(len < sizeof t->text);
	snprintf(t->text, sizeof t->text, "%.*s", (int)(len - 2 * optional), word + optional);
	t->rest = strstr(t->text, "...") != NULL;
	while (alternative_next(&at, item, sizeof item))
		t->open |= !alternative_fixed(item);
	for (size_t i = 0; i <= strlen(t->text); i++)
		t->choices[i] = t->text[i] == '|' ? '#' : t->text[i];
	t->string.hdr.ops = t->open ? &open_ops : &cmdline_token_string_ops;
	t->string.hdr.offset = index * STR_TOKEN_SIZE;
	t->string.string_data.str = t->rest ? TOKEN_STRING_MULTI : t->open ? NULL : t->choices;
}

void
cli_grammar_init(struct cli_grammar *g, const char *text)
{
	memset(g, 0, sizeof *g);
	while (*text != '\0') {
		size_t len = strcspn(text, " ");

		san_check(g->tokens < CLI_WORDS_MAX);
		g->required += text[0] != '[';
		token_init(&g->token[g->tokens], text, len, g->tokens);
		g->tokens++;
		text += len;
		text += strspn(text, " ");
	}
}

cmdline_parse_inst_t *
cli_grammar_instance(struct cli_grammar *g, unsigned tokens,
    void (*f)(void *, struct cmdline *, void *), void *data, const char *help)
{
	cmdline_parse_inst_t *inst;

	/* The list of tokens ends in NULL. */
	inst = calloc(1, sizeof *inst + (tokens + 1) * sizeof inst->tokens[0]);
	if (inst == NULL)
		return NULL;
	inst->f = f;
	inst->data = data;
	inst->help_str = help;
	for (unsigned i = 0; i < tokens; i++)
		inst->tokens[i] = &g->token[i].string.hdr;
	return inst;
}

/* --- explaining
 * ------------------------------------------------------------------------------------ */

#define LINE_WORDS_MAX 16

struct words {
	char text[LINE_WORDS_MAX][STR_TOKEN_SIZE + 1]; /* longer ones cut, but still too long */
	unsigned count;
};

static void
words_split(const char *line, struct words *w)
{
	w->count = 0;
	for (;;) {
		size_t len;

		line += strspn(line, " \t");
		len = strcspn(line, " \t\n#");
		if (len == 0 || w->count == LINE_WORDS_MAX)
			return;
		snprintf(w->text[w->count++], sizeof w->text[0], "%.*s", (int)len, line);
		line += len;
	}
}

static unsigned
words_matched(const struct cli_grammar *g, const struct words *w)
{
	unsigned n = 0;

	while (n < g->tokens && n < w->count && token_takes(&g->token[n], w->text[n]))
		n++;
	return n;
}

/* Append `item` to a list like "a, b" unless it is there already. */
static void
list_add(char *list, size_t size, const char *item)
{
	size_t len = strlen(list), item_len = strlen(item);

	for (const char *at = list; (at = strstr(at, item)) != NULL; at++)
		if ((at == list || at[-1] == ' ') && (at[item_len] == ',' || at[item_len] == '\0'))
			return;
	snprintf(list + len, size - len, "%s%s", len == 0 ? "" : ", ", item);
}

void
cli_grammar_explain(
    const struct cli_grammar *list, unsigned count, const char *line, char *sentence, size_t size)
{
	unsigned best = 0;
	char expected[256] = "", before[256] = "", found[64] = "nothing";
	struct words w;

	words_split(line, &w);
	for (unsigned i = 0; i < count; i++)
		if (words_matched(&list[i], &w) > best)
			best = words_matched(&list[i], &w);
	for (unsigned i = 0; i < count; i++)
		if (words_matched(&list[i], &w) == best && best < list[i].tokens)
			list_add(expected, sizeof expected, list[i].token[best].text);
	for (unsigned i = 0; i < best; i++)
		snprintf(before + strlen(before), sizeof before - strlen(before), "%s%s",
		    i == 0 ? "" : " ", w.text[i]);
	if (best < w.count)
		snprintf(found, sizeof found, "'%.40s'%s", w.text[best],
		    strlen(w.text[best]) > CLI_WORD_MAX ? "..., too long" : "");
	snprintf(sentence, size, "expected %s%s%s%s, found %s",
	    expected[0] == '\0' ? "nothing" : expected, best == 0 ? "" : " after '", before,
	    best == 0 ? "" : "'", found);
}
