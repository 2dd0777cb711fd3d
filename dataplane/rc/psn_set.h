/* SPDX-License-Identifier: BSD-3-Clause */
/* A set of PSNs no two of which are PSN_SET_SPAN or more apart: one bit each, in a ring. Where the
 * ring begins (`from`: no member is before it) is the user's knowledge. All operations take a
 * constant number of steps. */
#ifndef SAND_RC_PSN_SET_H
#define SAND_RC_PSN_SET_H

#include <stdbool.h>
#include <stdint.h>

#define PSN_SET_SPAN  512u
#define PSN_SET_WORDS (PSN_SET_SPAN / 64)

struct psn_set {
	uint64_t word[PSN_SET_WORDS];
};

static inline bool
psn_set_has(const struct psn_set *s, uint32_t psn)
{
	return s->word[psn / 64 % PSN_SET_WORDS] >> psn % 64 & 1;
}

/* True if it was no member. */
static inline bool
psn_set_add(struct psn_set *s, uint32_t psn)
{
	uint64_t *word = &s->word[psn / 64 % PSN_SET_WORDS], bit = UINT64_C(1) << psn % 64;
	bool news = (*word & bit) == 0;

	*word |= bit;
	return news;
}

/* True if it was a member. */
static inline bool
psn_set_remove(struct psn_set *s, uint32_t psn)
{
	uint64_t *word = &s->word[psn / 64 % PSN_SET_WORDS], bit = UINT64_C(1) << psn % 64;
	bool was = *word & bit;

	*word &= ~bit;
	return was;
}

/* Bit i of the result: from + i is a member. */
static inline struct psn_set
psn_set_from(const struct psn_set *s, uint32_t from)
{
	uint32_t at = from / 64, shift = from % 64, i;
	struct psn_set out;

	for (i = 0; i < PSN_SET_WORDS; i++) {
		out.word[i] = s->word[(at + i) % PSN_SET_WORDS] >> shift;
		if (shift != 0)
			out.word[i] |= s->word[(at + i + 1) % PSN_SET_WORDS] << (64 - shift);
	}
	return out;
}

/* The other way round: from + i is a member if bit i is set. */
static inline struct psn_set
psn_set_at(const struct psn_set *bits, uint32_t from)
{
	return psn_set_from(bits, PSN_SET_SPAN - from % PSN_SET_SPAN);
}

static inline struct psn_set
psn_set_and(const struct psn_set *a, const struct psn_set *b)
{
	struct psn_set out;
	uint32_t i;

	for (i = 0; i < PSN_SET_WORDS; i++)
		out.word[i] = a->word[i] & b->word[i];
	return out;
}

/* The bits [0, n), n <= PSN_SET_SPAN. */
static inline struct psn_set
psn_set_below(uint32_t n)
{
	struct psn_set out;
	uint32_t i;

	for (i = 0; i < PSN_SET_WORDS; i++) {
		uint32_t here = n > 64 * i ? n - 64 * i : 0;

		out.word[i] = here >= 64 ? UINT64_MAX : (UINT64_C(1) << here) - 1;
	}
	return out;
}

/* The lowest bit that is set; PSN_SET_SPAN = none. */
static inline uint32_t
psn_set_lowest(const struct psn_set *bits)
{
	uint32_t i;

	for (i = 0; i < PSN_SET_WORDS; i++)
		if (bits->word[i] != 0)
			return 64 * i + (uint32_t)__builtin_ctzll(bits->word[i]);
	return PSN_SET_SPAN;
}

/* One above the highest bit that is set; 0 = none. */
static inline uint32_t
psn_set_top(const struct psn_set *bits)
{
	uint32_t i;

	for (i = PSN_SET_WORDS; i > 0; i--)
		if (bits->word[i - 1] != 0)
			return 64 * i - (uint32_t)__builtin_clzll(bits->word[i - 1]);
	return 0;
}

#endif
