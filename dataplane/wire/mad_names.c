/* SPDX-License-Identifier: BSD-3-Clause */
/* What people read instead of attribute ids and reject reasons. */
#include "mad.h"

const char *
cm_attr_name(uint16_t attr)
{
	switch (attr) {
#define X(name, id, off, len) \
	case id:              \
		return #name;
		CM_ATTR_LIST(X)
#undef X
	default:
		return "UNKNOWN";
	}
}

/* Every reason of the standard, not only those we send: peers may send any. */
const char *
cm_rej_name(uint16_t reason)
{
	static const char *const names[] = {
	    [1] = "no QP available",
	    [2] = "no EEC available",
	    [3] = "no resources",
	    [4] = "timeout",
	    [5] = "unsupported request",
	    [6] = "invalid communication id",
	    [7] = "invalid communication instance",
	    [8] = "invalid service id",
	    [9] = "invalid transport type",
	    [10] = "stale connection",
	    [11] = "RDC does not exist",
	    [12] = "primary GID rejected",
	    [13] = "primary LID rejected",
	    [14] = "primary SL rejected",
	    [15] = "primary traffic class rejected",
	    [16] = "primary hop limit rejected",
	    [17] = "primary packet rate rejected",
	    [18] = "alternate GID rejected",
	    [19] = "alternate LID rejected",
	    [20] = "alternate SL rejected",
	    [21] = "alternate traffic class rejected",
	    [22] = "alternate hop limit rejected",
	    [23] = "alternate packet rate rejected",
	    [24] = "port and CM redirection",
	    [25] = "port redirection",
	    [26] = "invalid path MTU",
	    [27] = "insufficient responder resources",
	    [28] = "consumer reject",
	    [29] = "RNR retry count rejected",
	    [30] = "duplicate local communication id",
	    [31] = "invalid class version",
	    [32] = "primary flow label rejected",
	    [33] = "alternate flow label rejected",
	};

	if (reason >= sizeof names / sizeof names[0] || names[reason] == NULL)
		return "unknown reason";
	return names[reason];
}
