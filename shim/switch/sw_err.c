/* SPDX-License-Identifier: BSD-3-Clause */
#include "sw_err.h"

#include <errno.h>
#include <sand/wsp.h>

int
sw_errno(int wsa)
{
	switch (wsa) {
	case 0:
		return 0;
#define X(name, value, err) \
	case name:          \
		return err;
		WSA_ERROR_LIST(X)
#undef X
	default:
		return EIO;
	}
}

int
sw_errno_connect(int wsa)
{
	return wsa == WSAECONNRESET ? ECONNREFUSED : sw_errno(wsa);
}
