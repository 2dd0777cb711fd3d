/* SPDX-License-Identifier: BSD-3-Clause */
#include "cli_out.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "san_err.h"

/* A byte buffer that grows up to a limit; after that, or without memory, it swallows what it is
 * given and remembers that it did. */
struct text {
	char *bytes;
	size_t len, size, limit;
	bool overflow;
};

enum layout { LAYOUT_TABLE, LAYOUT_RECORDS, LAYOUT_RECORD };
enum kind { KIND_STRING, KIND_BARE, KIND_LIST };

struct cell {
	const char *key; /* NULL starts a row */
	enum kind kind;
	size_t value; /* offset into values, NUL-terminated; a list's items each end in ITEM_END */
};

#define ITEM_END '\n'

struct cli_out {
	enum cli_format format;
	enum layout layout;
	const char *section; /* NULL outside */
	unsigned sections;
	struct text cells; /* of struct cell */
	struct text values;
	struct text answer;
	bool failed;
};

/* --- growing bytes
 * -------------------------------------------------------------------------------- */

static void
text_add(struct text *t, const void *bytes, size_t len)
{
	size_t want = t->size == 0 ? 1024 : t->size;
	char *grown;

	if (t->overflow || len > t->limit - t->len) {
		t->overflow = true;
		return;
	}
	while (want < t->len + len)
		want *= 2;
	if (want > t->size) {
		grown = realloc(t->bytes, want);
		if (grown == NULL) {
			t->overflow = true;
			return;
		}
		t->bytes = grown;
		t->size = want;
	}
	memcpy(t->bytes + t->len, bytes, len);
	t->len += len;
}

static void
text_string(struct text *t, const char *s)
{
	text_add(t, s, strlen(s));
}

static void
text_blanks(struct text *t, size_t count)
{
	while (count-- > 0)
		text_add(t, " ", 1);
}

static void
text_quoted(struct text *t, const char *s, size_t len)
{
	text_add(t, "\"", 1);
	for (size_t i = 0; i < len; i++) {
		if (s[i] == '"' || s[i] == '\\')
			text_add(t, "\\", 1);
		text_add(t, s + i, 1);
	}
	text_add(t, "\"", 1);
}

/* --- storing cells
 * -------------------------------------------------------------------------------- */

struct cli_out *
cli_out_create(enum cli_format format, size_t limit)
{
	struct cli_out *out = calloc(1, sizeof *out);

	if (out == NULL)
		return NULL;
	out->format = format;
	out->cells.limit = out->values.limit = out->answer.limit = limit;
	return out;
}

void
cli_out_destroy(struct cli_out *out)
{
	if (out == NULL)
		return;
	free(out->cells.bytes);
	free(out->values.bytes);
	free(out->answer.bytes);
	free(out);
}

static void
section_begin(struct cli_out *out, const char *name, enum layout layout)
{
	out->section = name;
	out->layout = layout;
	out->cells.len = out->values.len = 0;
}

void
cli_out_table(struct cli_out *out, const char *name)
{
	section_begin(out, name, LAYOUT_TABLE);
}

void
cli_out_records(struct cli_out *out, const char *name)
{
	section_begin(out, name, LAYOUT_RECORDS);
}

void
cli_out_record(struct cli_out *out, const char *name)
{
	section_begin(out, name, LAYOUT_RECORD);
	cli_out_row(out);
}

static void
cell_add(struct cli_out *out, const char *key, enum kind kind)
{
	struct cell cell = {key, kind, out->values.len};

	text_add(&out->cells, &cell, sizeof cell);
}

/* Append to the values what may be printed. */
static void
value_add(struct cli_out *out, const char *value)
{
	for (; *value != '\0'; value++)
		text_add(&out->values, *value >= ' ' && *value <= '~' ? value : "?", 1);
}

void
cli_out_row(struct cli_out *out)
{
	cell_add(out, NULL, KIND_BARE);
}

static void
value_set(struct cli_out *out, const char *key, enum kind kind, const char *value)
{
	cell_add(out, key, kind);
	value_add(out, value);
	text_add(&out->values, "", 1);
}

void
cli_out_string(struct cli_out *out, const char *key, const char *value)
{
	value_set(out, key, KIND_STRING, value);
}

void
cli_out_format(struct cli_out *out, const char *key, const char *format, ...)
{
	char value[512];
	va_list ap;

	va_start(ap, format);
	vsnprintf(value, sizeof value, format, ap);
	va_end(ap);
	value_set(out, key, KIND_STRING, value);
}

void
cli_out_number(struct cli_out *out, const char *key, uint64_t value)
{
	char digits[24];

	snprintf(digits, sizeof digits, "%" PRIu64, value);
	value_set(out, key, KIND_BARE, digits);
}

void
cli_out_flag(struct cli_out *out, const char *key, bool value)
{
	value_set(out, key, KIND_BARE, value ? "true" : "false");
}

void
cli_out_list(struct cli_out *out, const char *key)
{
	value_set(out, key, KIND_LIST, "");
}

void
cli_out_item(struct cli_out *out, const char *value)
{
	static const char end[] = {ITEM_END, '\0'};

	if (out->values.overflow)
		return;
	out->values.len--; /* the list's NUL moves behind the item */
	value_add(out, value);
	text_add(&out->values, end, 2);
}

/* --- rendering
 * ------------------------------------------------------------------------------------ */

static size_t
cell_count(const struct cli_out *out)
{
	return out->cells.len / sizeof(struct cell);
}

static const struct cell *
cell_at(const struct cli_out *out, size_t index)
{
	return (const struct cell *)(const void *)out->cells.bytes + index;
}

static const char *
cell_value(const struct cli_out *out, const struct cell *cell)
{
	return out->values.bytes + cell->value;
}

static void
json_cell(struct cli_out *out, const struct cell *cell)
{
	const char *value = cell_value(out, cell), *end;

	text_quoted(&out->answer, cell->key, strlen(cell->key));
	text_string(&out->answer, ":");
	if (cell->kind == KIND_BARE) {
		text_string(&out->answer, value);
	} else if (cell->kind == KIND_STRING) {
		text_quoted(&out->answer, value, strlen(value));
	} else {
		text_string(&out->answer, "[");
		for (; *value != '\0'; value = end + 1) {
			end = strchr(value, ITEM_END);
			text_quoted(&out->answer, value, (size_t)(end - value));
			if (end[1] != '\0')
				text_string(&out->answer, ",");
		}
		text_string(&out->answer, "]");
	}
}

static void
json_section(struct cli_out *out)
{
	bool list = out->layout != LAYOUT_RECORD, in_row = false;
	const char *between = "";

	text_string(&out->answer, out->sections == 0 ? "{" : ",");
	text_quoted(&out->answer, out->section, strlen(out->section));
	text_string(&out->answer, list ? ":[" : ":");
	for (size_t i = 0; i < cell_count(out); i++) {
		const struct cell *cell = cell_at(out, i);

		if (cell->key == NULL) {
			text_string(&out->answer, in_row ? "},{" : "{");
			in_row = true;
			between = "";
			continue;
		}
		text_string(&out->answer, between);
		json_cell(out, cell);
		between = ",";
	}
	if (in_row)
		text_string(&out->answer, "}");
	if (list)
		text_string(&out->answer, "]");
}

/* How a value reads in text: lists with commas, nothing as "-". */
static void
text_value(struct cli_out *out, struct text *to, const struct cell *cell)
{
	const char *value = cell_value(out, cell), *end;

	if (*value == '\0')
		text_string(to, "-");
	else if (cell->kind != KIND_LIST)
		text_string(to, value);
	else
		for (; *value != '\0'; value = end + 1) {
			end = strchr(value, ITEM_END);
			text_add(to, value, (size_t)(end - value));
			if (end[1] != '\0')
				text_string(to, ", ");
		}
}

/* Printed width of a value, as text_value() writes it. */
static size_t
text_width(const struct cli_out *out, const struct cell *cell)
{
	const char *value = cell_value(out, cell);
	size_t width = strlen(value);

	if (width == 0)
		return 1;
	if (cell->kind == KIND_LIST) {
		for (; *value != '\0'; value++)
			width += *value == ITEM_END;
		width -= 2; /* the last item has no ", " */
	}
	return width;
}

#define COLUMNS_MAX 32

/* Column widths of a table; returns the number of columns. */
static size_t
table_measure(const struct cli_out *out, size_t *widths)
{
	size_t column = 0, columns = 0;

	for (size_t i = 0; i < cell_count(out); i++) {
		const struct cell *cell = cell_at(out, i);
		size_t width;

		if (cell->key == NULL) {
			column = 0;
			continue;
		}
		if (column == COLUMNS_MAX)
			continue;
		width = text_width(out, cell);
		if (column == columns)
			widths[columns++] = strlen(cell->key);
		if (widths[column] < width)
			widths[column] = width;
		column++;
	}
	return columns;
}

/* Numbers to the right, everything else to the left; the last column is not padded. */
static void
table_cell(struct cli_out *out, const struct cell *cell, size_t width, bool last)
{
	size_t pad = width - text_width(out, cell);
	const char *value = cell_value(out, cell);
	bool number = cell->kind == KIND_BARE && *value >= '0' && *value <= '9';

	if (number)
		text_blanks(&out->answer, pad);
	text_value(out, &out->answer, cell);
	if (!number && !last)
		text_blanks(&out->answer, pad);
	text_string(&out->answer, last ? "\n" : "  ");
}

static void
table_section(struct cli_out *out)
{
	size_t widths[COLUMNS_MAX], columns = table_measure(out, widths), column = 0;

	/* Cell 0 starts the first row, whose keys are the column names. */
	for (size_t i = 0; i < columns; i++) {
		const struct cell *cell = cell_at(out, i + 1);
		size_t len = strlen(cell->key);

		text_string(&out->answer, cell->key);
		if (i + 1 < columns)
			text_blanks(&out->answer, widths[i] - len + 2);
	}
	text_string(&out->answer, "\n");
	for (size_t i = 0; i < cell_count(out); i++) {
		const struct cell *cell = cell_at(out, i);

		if (cell->key == NULL) {
			column = 0;
		} else if (column < columns) {
			table_cell(out, cell, widths[column], column + 1 == columns);
			column++;
		}
	}
}

static void
records_section(struct cli_out *out)
{
	size_t width = 0, rows = 0;

	for (size_t i = 0; i < cell_count(out); i++)
		if (cell_at(out, i)->key != NULL && strlen(cell_at(out, i)->key) > width)
			width = strlen(cell_at(out, i)->key);
	for (size_t i = 0; i < cell_count(out); i++) {
		const struct cell *cell = cell_at(out, i);

		if (cell->key == NULL) {
			if (rows++ > 0)
				text_string(&out->answer, "\n");
			continue;
		}
		text_string(&out->answer, cell->key);
		text_string(&out->answer, ":");
		text_blanks(&out->answer, width - strlen(cell->key) + 1);
		text_value(out, &out->answer, cell);
		text_string(&out->answer, "\n");
	}
}

static void
text_section(struct cli_out *out)
{
	if (out->sections > 0)
		text_string(&out->answer, "\n");
	if (cell_count(out) == 0) {
		text_string(&out->answer, "no ");
		for (const char *c = out->section; *c != '\0'; c++)
			text_add(&out->answer, *c == '_' ? " " : c, 1);
		text_string(&out->answer, "\n");
	} else if (out->layout == LAYOUT_TABLE) {
		table_section(out);
	} else {
		records_section(out);
	}
}

void
cli_out_end(struct cli_out *out)
{
	if (out->failed)
		return;
	if (out->cells.overflow || out->values.overflow) {
		cli_out_fail(out, SAN_ELIMIT, "the answer is too large");
		return;
	}
	if (out->format == CLI_JSON)
		json_section(out);
	else
		text_section(out);
	out->sections++;
	out->section = NULL;
}

/* --- failing and finishing
 * ------------------------------------------------------------------------ */

void
cli_out_fail(struct cli_out *out, int err, const char *format, ...)
{
	char sentence[512];
	va_list ap;

	va_start(ap, format);
	vsnprintf(sentence, sizeof sentence, format, ap);
	va_end(ap);
	out->answer.len = 0;
	out->answer.overflow = false;
	out->cells.overflow = out->values.overflow = false;
	out->sections = 0;
	cli_out_record(out, "error");
	if (out->format == CLI_JSON) {
		cli_out_string(out, "code", san_err_name(err));
		cli_out_string(out, "message", sentence);
		json_section(out);
		out->sections++;
	} else {
		cli_out_string(out, "error", sentence);
		records_section(out);
	}
	out->failed = true;
}

bool
cli_out_failed(const struct cli_out *out)
{
	return out->failed;
}

const char *
cli_out_finish(struct cli_out *out, size_t *len)
{
	if (out->answer.overflow && !out->failed)
		cli_out_fail(out, SAN_ELIMIT, "the answer is too large");
	if (out->format == CLI_JSON)
		text_string(&out->answer, out->sections == 0 ? "{}\n" : "}\n");
	*len = out->answer.len;
	return out->answer.len == 0 ? "" : out->answer.bytes;
}
