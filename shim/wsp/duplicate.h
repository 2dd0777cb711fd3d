/* SPDX-License-Identifier: BSD-3-Clause */
/* A socket goes from one process to another of the family, or to one that joins it (or comes back
 * to the same one). WSPDuplicateSocket gives it away, and WSPSocket takes what it gave: both hold
 * the slot from the taking until the giver's WSPCloseSocket, so the connection is never without an
 * owner; in between the daemon has it. sanOffer does not give away: what fork does to descriptors,
 * exec and SCM_RIGHTS do to sockets by it. */
#ifndef SAND_WSP_DUPLICATE_H
#define SAND_WSP_DUPLICATE_H

#include <stdbool.h>
#include <sand/san.h>

int duplicate_socket(SOCKET s, DWORD pid, LPWSAPROTOCOL_INFOW info, LPINT err);
/* The socket by this dwProviderReserved. */
SOCKET duplicate_take(uint16_t af, bool message, DWORD ticket, LPINT err);

/* san.h */
int offer_make(struct san_offer *offers, int count);
void offer_withdraw(const struct san_offer *offers, int count);
SOCKET offer_claim(int af, uint64_t key, uint32_t *note, LPINT err);

#endif
