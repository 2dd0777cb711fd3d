/* SPDX-License-Identifier: BSD-3-Clause */
/* What the targets share. Each defines LLVMFuzzerTestOneInput; libFuzzer calls it, or replay.c with
 * the files of the corpus. A broken promise ends the program, so that both notice. */
#ifndef SAND_TESTS_FUZZ_H
#define SAND_TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define promise(cond)                                                                      \
	do {                                                                               \
		if (!(cond)) {                                                             \
			fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #cond); \
			abort();                                                           \
		}                                                                          \
	} while (0)

/* The input as a script: takes bytes until there are none, then zeros. */
struct script {
	const uint8_t *at;
	size_t left;
};

static inline uint8_t
script_byte(struct script *s)
{
	if (s->left == 0)
		return 0;
	s->left--;
	return *s->at++;
}

static inline uint32_t
script_u32(struct script *s)
{
	uint32_t v = 0;

	for (int i = 0; i < 4; i++)
		v = v << 8 | script_byte(s);
	return v;
}

/* Up to `want` bytes; returns how many there were. */
static inline size_t
script_bytes(struct script *s, uint8_t *out, size_t want)
{
	size_t n = want < s->left ? want : s->left;

	memcpy(out, s->at, n);
	s->at += n;
	s->left -= n;
	return n;
}

#endif
