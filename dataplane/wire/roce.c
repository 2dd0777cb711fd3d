/* SPDX-License-Identifier: BSD-3-Clause */
/* What both directions share: names of verdicts, path MTU codes, source ports. */
#include "roce.h"

/* IPv6, UDP, BTH, RETH with immediate, ICRC: the most that ever surrounds a payload. */
#define HEADERS_MAX (40u + 8u + ROCE_BTH_LEN + 20u + ROCE_ICRC_LEN)
#define PMTU_MIN    256u
#define PMTU_CODES  5

const char *
roce_verdict_name(enum roce_verdict v)
{
	static const char *const names[] = {
#define X(name, text) [ROCE_##name] = #name,
	    ROCE_VERDICT_LIST(X)
#undef X
	};

	return (unsigned)v < ROCE_VERDICT_COUNT ? names[v] : "UNKNOWN";
}

const char *
roce_verdict_text(enum roce_verdict v)
{
	static const char *const texts[] = {
#define X(name, text) [ROCE_##name] = text,
	    ROCE_VERDICT_LIST(X)
#undef X
	};

	return (unsigned)v < ROCE_VERDICT_COUNT ? texts[v] : "unknown verdict";
}

uint32_t
roce_pmtu_from_code(uint8_t code)
{
	return code >= 1 && code <= PMTU_CODES ? PMTU_MIN << (code - 1) : 0;
}

uint8_t
roce_pmtu_code(uint32_t pmtu)
{
	for (uint8_t code = 1; code <= PMTU_CODES; code++) {
		if (roce_pmtu_from_code(code) == pmtu)
			return code;
	}
	return 0;
}

uint32_t
roce_pmtu_from_mtu(uint32_t mtu)
{
	for (uint8_t code = PMTU_CODES; code >= 1; code--) {
		if (mtu >= roce_pmtu_from_code(code) + HEADERS_MAX)
			return roce_pmtu_from_code(code);
	}
	return 0;
}

/* Linux: rdma_calc_flow_label() folded by rdma_flow_label_to_udp_sport(). */
uint16_t
roce_sport(uint32_t qpn_a, uint32_t qpn_b)
{
	uint64_t v = (uint64_t)qpn_a * qpn_b;
	uint32_t label;

	v ^= v >> 20;
	v ^= v >> 40;
	label = (uint32_t)v & 0xfffffu;
	return (uint16_t)(0xc000u | ((label & 0x3fffu) ^ (label >> 14)));
}
