/* SPDX-License-Identifier: BSD-3-Clause */
/* Sand's own error values as Winsock codes: one table, which is also what decides whether a switch
 * may fall back to kernel TCP. WSAECONNRESET, WSAECONNREFUSED and WSAEHOSTUNREACH from a connect
 * forbid it; everything else allows it. */
#ifndef SAND_WSP_ERR_H
#define SAND_WSP_ERR_H

/* 0 stays 0; a value that is no enum san_err becomes WSAENETDOWN. */
int wsp_err_from_san(int err);

#endif
