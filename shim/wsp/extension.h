/* SPDX-License-Identifier: BSD-3-Clause */
/* The extension functions and how they are found: registered memory and RDMA as WSD has them, and
 * the table of <sand/san.h>. Contracts in <sand/wsp.h>. */
#ifndef SAND_WSP_EXTENSION_H
#define SAND_WSP_EXTENSION_H

#include <sand/wsp.h>

/* SIO_GET_EXTENSION_FUNCTION_POINTER: 0, WSAEINVAL (unknown), WSAEFAULT. */
int extension_find(const void *guid, DWORD guid_len, void *out, DWORD out_len, LPDWORD bytes);

#endif
