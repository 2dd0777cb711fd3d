/* SPDX-License-Identifier: BSD-3-Clause */
/* The answer to one command. Handlers say what there is (sections, rows, fields); this module alone
 * decides how it looks, as text or as JSON, from the same stored cells. So both always agree. Keys
 * are constant strings and carry their unit ("age_ms"). Everything is bounded: an answer that grows
 * too large, or for which there is no memory, turns into an error. */
#ifndef SAND_CONTROL_CLI_OUT_H
#define SAND_CONTROL_CLI_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum cli_format { CLI_TEXT, CLI_JSON };

struct cli_out;

/* NULL: no memory. limit: bytes of the stored cells, and again of the rendered answer. */
struct cli_out *cli_out_create(enum cli_format format, size_t limit);
void cli_out_destroy(struct cli_out *out);

/* Begin a section. table: rows under column names; every row has the same fields in the same order.
 * records: a list of blocks "field: value". record: one such block, without cli_out_row. */
void cli_out_table(struct cli_out *out, const char *name);
void cli_out_records(struct cli_out *out, const char *name);
void cli_out_record(struct cli_out *out, const char *name);
void cli_out_row(struct cli_out *out);
void cli_out_end(struct cli_out *out);

/* One field of the current row. Bytes that are not printable ASCII come out as '?': names are the
 * choice of whoever runs a program. */
void cli_out_string(struct cli_out *out, const char *key, const char *value);
void cli_out_format(struct cli_out *out, const char *key, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void cli_out_number(struct cli_out *out, const char *key, uint64_t value);
void cli_out_flag(struct cli_out *out, const char *key, bool value);
/* A field with any number of strings: begin, then its items. */
void cli_out_list(struct cli_out *out, const char *key);
void cli_out_item(struct cli_out *out, const char *value);

/* The command failed: whatever was said so far is dropped, one sentence stays. err: enum san_err.
 */
void cli_out_fail(struct cli_out *out, int err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
bool cli_out_failed(const struct cli_out *out);

/* The finished answer, ending in a line end unless empty. Valid until destroy. */
const char *cli_out_finish(struct cli_out *out, size_t *len);

#endif
