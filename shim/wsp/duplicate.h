/* SPDX-License-Identifier: BSD-3-Clause */
/* WSPDuplicateSocket, and WSPSocket of what it gave: a socket goes from one process to another of
 * the family, or to one that joins it (or comes back to the same one). Both hold the slot from the
 * taking until the giver's WSPCloseSocket, so the connection is never without an owner; in between
 * the daemon has it. */
#ifndef SAND_WSP_DUPLICATE_H
#define SAND_WSP_DUPLICATE_H

#include <stdbool.h>
#include <sand/wsp.h>

int duplicate_socket(SOCKET s, DWORD pid, LPWSAPROTOCOL_INFOW info, LPINT err);
/* The socket by this dwProviderReserved. */
SOCKET duplicate_take(uint16_t af, bool message, DWORD ticket, LPINT err);

#endif
