/* SPDX-License-Identifier: BSD-3-Clause */
/* The body of a program that prints a table of the code as Markdown: alone it prints, with --check
 * FILE it compares to what stands between two marker lines of that file. */
#ifndef SAND_TESTS_PRINTED_H
#define SAND_TESTS_PRINTED_H

#include <stdio.h>

/* Returns the exit status: 0 printed or equal, 1 different, 2 wrong use or unreadable. */
int printed_main(
    int argc, char **argv, const char *mark_begin, const char *mark_end, void (*print)(FILE *f));

#endif
