/* SPDX-License-Identifier: BSD-3-Clause */
/* The SAN's own addresses on this host: the list, and when it is another one. The daemon writes
 * them into the region (net.h); nothing is remembered here. */
#ifndef SAND_WSP_ADDRESS_H
#define SAND_WSP_ADDRESS_H

#include "provider.h"

/* SIO_ADDRESS_LIST_QUERY: those of started ports. 0 or WSAEFAULT, with the bytes it takes. */
int address_list(void *out, DWORD out_len, LPDWORD bytes);
/* SIO_ADDRESS_LIST_CHANGE, overlapped unless ov is NULL. */
int address_change(SOCKET s, LPWSAOVERLAPPED ov);

/* Of the list as it is now. */
uint32_t address_generation(void);
/* True if the list has changed since: *error 0; or never will: WSAENETDOWN, the daemon is gone. */
bool address_news(uint32_t since, int *error);

#endif
