/* SPDX-License-Identifier: BSD-3-Clause */
/* An upcall table for programs that use the provider without a switch of their own:
 *     WSPStartupEx(MAKEWORD(2, 2), &data, NULL, san_default_upcalls(), &procs);
 * Events (WSAEVENT) it makes are non-blocking eventfds. */
#ifndef SAND_UPCALL_H
#define SAND_UPCALL_H

#include <sand/wsp.h>

#ifdef __cplusplus
extern "C" {
#endif

__attribute__((visibility("default"))) LPWSPUPCALLTABLEEX san_default_upcalls(void);

#ifdef __cplusplus
}
#endif
#endif
