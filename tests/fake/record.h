/* SPDX-License-Identifier: BSD-3-Clause */
/* An upcall table that writes down every call, to prove the order and the number of upcalls.
 * Handles are never reused. */
#ifndef SAND_TESTS_RECORD_H
#define SAND_TESTS_RECORD_H

#include <sand/wsp.h>
#include <stdbool.h>

LPWSPUPCALLTABLEEX record_table(void);
void record_clear(void);
/* What WPUCreateSocketHandle does next: fail with this code; 0 = succeed. Stays until changed. */
void record_fail_create(int code);
/* Called inside every upcall, with the name of the function; NULL = nothing. */
void record_hook(void (*hook)(const char *upcall, SOCKET handle));

unsigned record_created(void);
unsigned record_closed(void);
/* Handles that were made and not closed. */
unsigned record_open(void);
/* How often this handle was closed. */
unsigned record_closes_of(SOCKET handle);
/* WPUCompleteOverlappedRequest, in the order they came. The fields of the operation are set as a
 * switch sets them. */
struct record_completion {
	SOCKET handle;
	LPWSAOVERLAPPED ov;
	DWORD error, bytes;
};
unsigned record_completions(void);
struct record_completion record_completion(unsigned i);
/* How often this operation was completed. */
unsigned record_completions_of(const WSAOVERLAPPED *ov);
/* True when something was done with a handle that was closed or never made. */
bool record_violated(void);
/* The last handle made, and the context it came with. */
SOCKET record_last(DWORD_PTR *context);

#endif
