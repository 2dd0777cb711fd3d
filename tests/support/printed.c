/* SPDX-License-Identifier: BSD-3-Clause */
#include "printed.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX (1u << 20)

static char *
file_read(const char *path)
{
	char *text = calloc(1, FILE_MAX);
	FILE *f = fopen(path, "r");

	if (text == NULL || f == NULL || fread(text, 1, FILE_MAX - 1, f) == 0) {
		fprintf(stderr, "%s: cannot read\n", path);
		free(text);
		text = NULL;
	}
	if (f != NULL)
		fclose(f);
	return text;
}

static bool
between_equals(
    const char *text, const char *mark_begin, const char *mark_end, const char *made, size_t len)
{
	const char *begin = strstr(text, mark_begin), *end;

	if (begin == NULL)
		return false;
	begin += strlen(mark_begin);
	end = strstr(begin, mark_end);
	return end != NULL && (size_t)(end - begin) == len && memcmp(begin, made, len) == 0;
}

static int
check(const char *path, const char *program, const char *mark_begin, const char *mark_end,
    void (*print)(FILE *f))
{
	char *text = file_read(path), *made = NULL;
	size_t len;
	FILE *m = open_memstream(&made, &len);
	bool same;

	if (text == NULL || m == NULL)
		return 2;
	print(m);
	fclose(m);
	same = between_equals(text, mark_begin, mark_end, made, len);
	if (!same)
		fprintf(
		    stderr, "%s: put the output of %s between the marker lines\n", path, program);
	free(made);
	free(text);
	return same ? 0 : 1;
}

int
printed_main(
    int argc, char **argv, const char *mark_begin, const char *mark_end, void (*print)(FILE *f))
{
	if (argc == 3 && strcmp(argv[1], "--check") == 0)
		return check(argv[2], argv[0], mark_begin, mark_end, print);
	if (argc != 1) {
		fprintf(stderr, "usage: %s [--check FILE]\n", argv[0]);
		return 2;
	}
	print(stdout);
	return 0;
}
