/* SPDX-License-Identifier: BSD-3-Clause */
/* san_check: for our own bugs only, on in production. What peers, programs and files do wrong is a
 * value and a counter instead. Each program defines san_check_failed(): the daemon logs and stops,
 * the shim detaches its provider and never aborts its host. */
#ifndef SAND_BASE_CHECK_H
#define SAND_BASE_CHECK_H

void san_check_failed(const char *file, int line, const char *what);

#define san_check(cond)                                              \
	do {                                                         \
		if (__builtin_expect(!(cond), 0))                    \
			san_check_failed(__FILE__, __LINE__, #cond); \
	} while (0)

#endif
