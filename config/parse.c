/* SPDX-License-Identifier: BSD-3-Clause */
/* inih splits lines into sections, names and values. It tells neither columns nor that a section
 * began, so the reader that hands it each line keeps that line and looks at section headings
 * itself. */
#include "parse.h"

#include <ini.h>
#include <stdio.h>
#include <string.h>

#include "san_err.h"
#include "value.h"

/* With line end and NUL; longer than any key with the longest value. */
#define LINE_SIZE 512

struct parser {
	const char *next, *end; /* input not yet handed to inih */
	char line[LINE_SIZE];
	uint32_t line_number;
	bool in_section;
	enum config_section section;
	uint32_t instance;
	struct san_config *out;
	struct config_marks *marks;
	struct config_error *err;
	bool failed;
};

static struct config_pos
here(const struct parser *p, const char *at)
{
	return (struct config_pos){p->line_number, (uint32_t)(at - p->line) + 1};
}

#define FAIL(p, at, ...) ((p)->failed = true, config_error_set((p)->err, here(p, at), __VA_ARGS__))

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static char *
blanks_skip(char *s)
{
	while (is_blank(*s))
		s++;
	return s;
}

static bool
is_comment(char c)
{
	return c == '#' || c == ';';
}

/* --- defaults
 * -------------------------------------------------------------------------------------- */

static void
section_defaults(struct san_config *out, enum config_section section, uint32_t instance)
{
	void *base = config_section_base(out, section, instance);
	size_t at;

	for (const struct config_key *k = config_keys; k < config_keys + CONFIG_KEY_COUNT; k++)
		if (k->section == section && k->dflt != NULL)
			(void)config_value_set(k, k->dflt, base, &at);
}

void
config_defaults(struct san_config *out)
{
	memset(out, 0, sizeof *out);
	for (unsigned s = 0; s < CONFIG_SECTION_COUNT; s++)
		if (config_sections[s].instances_max == 0)
			section_defaults(out, s, 0);
}

/* --- section headings
 * ------------------------------------------------------------------------------ */

static int
section_find(const char *name, size_t len, enum config_section *out)
{
	for (unsigned s = 0; s < CONFIG_SECTION_COUNT; s++) {
		if (strncmp(config_sections[s].name, name, len) != 0)
			continue;
		if (config_sections[s].name[len] != '\0')
			continue;
		*out = s;
		return 0;
	}
	return SAN_ENOENT;
}

static char *
instance_name(struct san_config *config, enum config_section section, uint32_t instance)
{
	return section == CONFIG_SECTION_port ? config->port[instance].name
					      : config->rule[instance].name;
}

static uint32_t *
instance_count(struct san_config *config, enum config_section section)
{
	return section == CONFIG_SECTION_port ? &config->port_count : &config->rule_count;
}

/* A new [port.NAME] or [rule.NAME]; `at` points at NAME in the line. */
static int
instance_open(struct parser *p, enum config_section section, const char *at, const char *name)
{
	const struct config_section_info *info = &config_sections[section];
	uint32_t *count = instance_count(p->out, section);

	if (!config_name_valid(name, CONFIG_NAME_MAX - 1))
		return FAIL(p, at,
		    "expected a name of 1 to %u letters, digits, dots, - or _ in [%s.NAME]",
		    CONFIG_NAME_MAX - 1, info->name);
	for (uint32_t i = 0; i < *count; i++)
		if (strcmp(instance_name(p->out, section, i), name) == 0)
			return FAIL(p, at, "[%s.%s] is given twice, first in line %u", info->name,
			    name, p->marks->section[section][i].line);
	if (*count == info->instances_max)
		return FAIL(p, at, "expected at most %u [%s.NAME] sections", info->instances_max,
		    info->name);
	p->instance = (*count)++;
	section_defaults(p->out, section, p->instance);
	snprintf(instance_name(p->out, section, p->instance), CONFIG_NAME_MAX, "%s", name);
	return 0;
}

/* `start` points at the '[' of the current line. */
static int
section_open(struct parser *p, char *start)
{
	char *name = start + 1, *close = strchr(name, ']'), *dot, *rest;
	enum config_section section;
	char copy[LINE_SIZE];

	if (close == NULL)
		return FAIL(p, start, "expected ']' at the end of the section's name");
	rest = blanks_skip(close + 1);
	if (*rest != '\0' && !is_comment(*rest))
		return FAIL(p, rest, "expected nothing behind ']'");
	snprintf(copy, sizeof copy, "%.*s", (int)(close - name), name);
	dot = strchr(copy, '.');
	if (section_find(copy, dot == NULL ? strlen(copy) : (size_t)(dot - copy), &section) < 0)
		return FAIL(p, name,
		    "expected [daemon], [sockets], [transport], [close], [port.NAME] or "
		    "[rule.NAME], found [%.80s]",
		    copy);
	p->instance = 0;
	if (config_sections[section].instances_max == 0) {
		if (dot != NULL)
			return FAIL(p, name + (dot - copy), "expected [%s] without a name",
			    config_sections[section].name);
	} else if (dot == NULL) {
		return FAIL(p, close, "expected [%s.NAME]", config_sections[section].name);
	} else if (instance_open(p, section, name + (dot + 1 - copy), dot + 1) < 0) {
		return SAN_EINVAL;
	}
	p->section = section;
	p->in_section = true;
	p->marks->section[section][p->instance] = here(p, start);
	return 0;
}

/* --- lines
 * ------------------------------------------------------------------------------------------ */

/* Move the next line of the input to p->line, without its line end. False at the end or when the
 * line is not text. */
static bool
line_next(struct parser *p)
{
	const char *newline;
	size_t len;

	if (p->next == p->end)
		return false;
	newline = memchr(p->next, '\n', (size_t)(p->end - p->next));
	len = (size_t)((newline == NULL ? p->end : newline) - p->next);
	p->line_number++;
	if (len > LINE_SIZE - 2) {
		p->failed = true;
		config_error_set(p->err, (struct config_pos){p->line_number, LINE_SIZE - 1},
		    "expected a line of at most %u bytes", LINE_SIZE - 2);
		return false;
	}
	memcpy(p->line, p->next, len);
	p->next += len + (newline != NULL);
	if (len > 0 && p->line[len - 1] == '\r')
		len--;
	p->line[len] = '\0';
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)p->line[i];

		if ((c < ' ' && c != '\t') || c == 0x7f) {
			FAIL(
			    p, p->line + i, "expected text, found a control character (0x%02x)", c);
			return false;
		}
	}
	return true;
}

/* What inih reads from: fgets() on the input, and the place where section headings are seen. */
static char *
line_hand_over(char *line, int size, void *stream)
{
	struct parser *p = stream;
	char *start;

	if (p->failed || !line_next(p))
		return NULL;
	start = blanks_skip(p->line);
	if (*start == '[' && section_open(p, start) < 0)
		return NULL;
	if (*start != '\0' && *start != '[' && !is_comment(*start) && !p->in_section) {
		FAIL(p, start, "expected a [section] before the first key");
		return NULL;
	}
	snprintf(line, (size_t)size, "%s\n", p->line);
	return line;
}

/* --- keys
 * ------------------------------------------------------------------------------------------- */

static const struct config_key *
key_find(enum config_section section, const char *name)
{
	for (const struct config_key *k = config_keys; k < config_keys + CONFIG_KEY_COUNT; k++)
		if (k->section == section && strcmp(k->name, name) == 0)
			return k;
	return NULL;
}

static int
key_unknown(struct parser *p, const char *at, const char *name)
{
	char known[300] = "";
	size_t len = 0;

	for (const struct config_key *k = config_keys; k < config_keys + CONFIG_KEY_COUNT; k++)
		if (k->section == p->section && len < sizeof known)
			len += (size_t)snprintf(
			    known + len, sizeof known - len, "%s%s", len == 0 ? "" : ", ", k->name);
	return FAIL(p, at, "[%s] has no key '%s': expected one of %s",
	    config_sections[p->section].name, name, known);
}

/* inih's handler: nonzero means go on. */
static int
key_take(void *user, const char *section, const char *name, const char *value)
{
	struct parser *p = user;
	char *at = blanks_skip(p->line), want[160];
	const struct config_key *key = key_find(p->section, name);
	struct config_pos *mark;
	size_t offset;

	(void)section;
	if (key == NULL) {
		key_unknown(p, at, name);
		return 0;
	}
	mark = &p->marks->key[key - config_keys][p->instance];
	if (mark->line != 0) {
		FAIL(p, at, "'%s' is given twice, first in line %u", name, mark->line);
		return 0;
	}
	at = blanks_skip(at + strcspn(at, "=:") + 1);
	*mark = here(p, at);
	if (config_value_set(
		key, value, config_section_base(p->out, key->section, p->instance), &offset) < 0) {
		FAIL(p, at + offset, "%s: expected %s, found '%.60s'", name,
		    config_value_describe(key, want, sizeof want), value);
		return 0;
	}
	return 1;
}

int
config_parse(const char *buf, size_t len, struct san_config *out, struct config_marks *marks,
    struct config_error *err)
{
	static const char bom[] = "\xef\xbb\xbf";
	struct parser p = {.next = buf, .end = buf + len, .out = out, .marks = marks, .err = err};

	memset(marks, 0, sizeof *marks);
	config_defaults(out);
	if (len >= 3 && memcmp(buf, bom, 3) == 0)
		p.next += 3;
	ini_allow_bom = false;
	ini_allow_multiline = false;
	ini_allow_no_value = false;
	ini_allow_inline_comments = true;
	ini_inline_comment_prefixes = (char *)"#;";
	ini_start_comment_prefixes = (char *)"#;";
	ini_stop_on_first_error = true;
	ini_max_line = LINE_SIZE;
	if (ini_parse_stream(line_hand_over, &p, key_take, &p) != 0 && !p.failed)
		return FAIL(&p, blanks_skip(p.line), "expected 'key = value' or '[section]'");
	return p.failed ? SAN_EINVAL : 0;
}
