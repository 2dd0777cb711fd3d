/* SPDX-License-Identifier: BSD-3-Clause */
/* The one table from Winsock codes to errno. */
#ifndef SAND_SWITCH_SW_ERR_H
#define SAND_SWITCH_SW_ERR_H

/* errno (positive) of a Winsock code; 0 for 0, EIO for a code that is not in <sand/wsp.h>. */
int sw_errno(int wsa);
/* The same for the outcome of a connect: nobody listening is ECONNREFUSED there. */
int sw_errno_connect(int wsa);

#endif
