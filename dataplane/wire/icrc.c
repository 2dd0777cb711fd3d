/* SPDX-License-Identifier: BSD-3-Clause */
/* Owns the choice of CRC implementation, made once at start, and the masking of mutable header
 * bytes. */
#include "icrc.h"

#include <string.h>

#include <rte_cpuflags.h>
#include <rte_cycles.h>
#include <rte_vect.h>

#include "crc32_eth.h"

#if RTE_VERSION >= RTE_VERSION_NUM(24, 11, 0, 0)
struct rte_net_crc *crc32_eth_context;
#endif

struct crc_choice {
	const char *name;
	enum rte_net_crc_alg alg;
	uint16_t simd_bits;
	uint8_t flag_count;
	enum rte_cpu_flag_t flags[6];
};

/* DPDK falls back silently when a choice is not possible, so possibility is decided here. */
static const struct crc_choice choices[] = {
    {"scalar", RTE_NET_CRC_SCALAR, 0, 0, {0}},
#if defined RTE_ARCH_X86_64
    {"sse4.2-pclmulqdq", RTE_NET_CRC_SSE42, RTE_VECT_SIMD_128, 1, {RTE_CPUFLAG_PCLMULQDQ}},
    {"avx512-vpclmulqdq", RTE_NET_CRC_AVX512, RTE_VECT_SIMD_512, 6,
	{RTE_CPUFLAG_AVX512F, RTE_CPUFLAG_AVX512BW, RTE_CPUFLAG_AVX512DQ, RTE_CPUFLAG_AVX512VL,
	    RTE_CPUFLAG_PCLMULQDQ, RTE_CPUFLAG_VPCLMULQDQ}},
#elif defined RTE_ARCH_ARM64
    {"neon-pmull", RTE_NET_CRC_NEON, RTE_VECT_SIMD_128, 1, {RTE_CPUFLAG_PMULL}},
#endif
};

#define CHOICES	      (sizeof choices / sizeof choices[0])
#define PROBE_SMALL   64
#define PROBE_LARGE   4096
#define PROBE_ROUNDS  16
#define PROBE_REPEATS 32

static const struct crc_choice *chosen;

static bool
choice_possible(const struct crc_choice *c, uint16_t simd_bits)
{
	if (c->simd_bits > simd_bits)
		return false;
	for (unsigned i = 0; i < c->flag_count; i++) {
		if (rte_cpu_get_flag_enabled(c->flags[i]) != 1)
			return false;
	}
	return true;
}

/* Best of several rounds, so that an interrupt in one of them does not decide. Unit: cycles. */
static uint64_t
probe_cycles(const uint8_t *buf, uint32_t len)
{
	uint64_t best = UINT64_MAX;
	uint32_t sink = 0;

	for (int round = 0; round < PROBE_ROUNDS; round++) {
		uint64_t start = rte_rdtsc();

		for (int i = 0; i < PROBE_REPEATS; i++)
			sink ^= crc32_eth(buf, len);
		__asm__ __volatile__("" : : "r"(sink));
		uint64_t cycles = rte_rdtsc() - start;

		if (cycles < best)
			best = cycles;
	}
	return best;
}

void
icrc_init(void)
{
	static const uint8_t probe[PROBE_LARGE];
	uint64_t best = UINT64_MAX;
	uint16_t simd_bits = rte_vect_get_max_simd_bitwidth();

	/* 0 means that EAL is not running (unit tests, tools): nobody has restricted us. */
	if (simd_bits == 0) {
		rte_vect_set_max_simd_bitwidth(RTE_VECT_SIMD_512);
		simd_bits = RTE_VECT_SIMD_512;
	}
	for (unsigned i = 0; i < CHOICES; i++) {
		if (!choice_possible(&choices[i], simd_bits))
			continue;
		crc32_eth_select(choices[i].alg);
		/* A 4 KiB packet carries 64 times the bytes of a small one; weighing packets, not
		 * bytes, keeps small ones fast too. */
		uint64_t cycles =
		    probe_cycles(probe, PROBE_SMALL) * 16 + probe_cycles(probe, PROBE_LARGE);

		if (cycles < best) {
			best = cycles;
			chosen = &choices[i];
		}
	}
	crc32_eth_select(chosen->alg);
}

const char *
icrc_algorithm_name(void)
{
	return chosen != NULL ? chosen->name : "unset";
}

uint32_t
icrc_masked(const uint8_t *l3, size_t len)
{
	return crc32_eth(l3 - ICRC_LRH_LEN, (uint32_t)(len + ICRC_LRH_LEN));
}

uint32_t
icrc_in_place(uint8_t *l3, size_t len, bool ipv6)
{
	uint8_t *udp = l3 + (ipv6 ? 40 : 20);
	uint8_t *udp_sum = udp + 6, *bth_resv = udp + 8 + 4;
	uint8_t lrh[ICRC_LRH_LEN], ip[12], sum[2], resv = *bth_resv;
	uint32_t icrc;

	memcpy(lrh, l3 - ICRC_LRH_LEN, sizeof lrh);
	memcpy(ip, l3, sizeof ip);
	memcpy(sum, udp_sum, sizeof sum);
	memset(l3 - ICRC_LRH_LEN, 0xff, sizeof lrh);
	if (ipv6) {
		l3[0] |= 0x0f; /* traffic class and flow label */
		l3[1] = l3[2] = l3[3] = 0xff;
		l3[7] = 0xff; /* hop limit */
	} else {
		l3[1] = 0xff;		/* type of service */
		l3[8] = 0xff;		/* time to live */
		l3[10] = l3[11] = 0xff; /* header checksum */
	}
	udp_sum[0] = udp_sum[1] = 0xff;
	*bth_resv = 0xff; /* FECN, BECN and reserved bits */

	icrc = icrc_masked(l3, len);

	memcpy(l3 - ICRC_LRH_LEN, lrh, sizeof lrh);
	memcpy(l3, ip, sizeof ip);
	memcpy(udp_sum, sum, sizeof sum);
	*bth_resv = resv;
	return icrc;
}
