/* SPDX-License-Identifier: BSD-3-Clause */
#include "san_err.h"

const char *
san_err_name(int err)
{
	switch (err) {
	case 0:
		return "OK";
#define X(name, value, text) \
	case value:          \
		return #name;
		SAN_ERR_LIST(X)
#undef X
	default:
		return "UNKNOWN";
	}
}

const char *
san_err_text(int err)
{
	switch (err) {
	case 0:
		return "no error";
#define X(name, value, text) \
	case value:          \
		return text;
		SAN_ERR_LIST(X)
#undef X
	default:
		return "unknown error";
	}
}
