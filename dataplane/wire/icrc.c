/* SPDX-License-Identifier: BSD-3-Clause */
/* Owns the choice of CRC implementation, made once at start, and the masking of mutable header
 * bytes. */
#include "icrc.h"

#include <string.h>

#include <rte_cpuflags.h>
#include <rte_vect.h>
#ifdef SAND_HAVE_ISAL
#include <isa-l/crc.h>
#endif

#include "crc32_eth.h"
#ifdef RTE_ARCH_X86_64
#include "crc32_vpclmul.h"
#endif

#if RTE_VERSION >= RTE_VERSION_NUM(24, 11, 0, 0)
struct rte_net_crc *crc32_eth_context;
#endif

typedef uint32_t crc_fn(const uint8_t *data, uint32_t len);

struct crc_choice {
	const char *name;
	crc_fn *crc;
	enum rte_net_crc_alg alg;
	uint16_t simd_bits;
	uint8_t flag_count;
	enum rte_cpu_flag_t flags[6];
};

static uint32_t
crc_dpdk(const uint8_t *data, uint32_t len)
{
	return crc32_eth(data, len);
}

#ifdef SAND_HAVE_ISAL
/* Folds 128 bytes at a time where DPDK's SSE path folds 16: 1.5 times as fast on 4 KiB. */
static uint32_t
crc_isal(const uint8_t *data, uint32_t len)
{
	return crc32_gzip_refl(0, data, len);
}
#endif

/* Slowest first. DPDK falls back silently when a choice is not possible, so that is decided here.
 */
static const struct crc_choice choices[] = {
    {"scalar", crc_dpdk, RTE_NET_CRC_SCALAR, 0, 0, {0}},
#if defined RTE_ARCH_X86_64
    {"sse4.2-pclmulqdq", crc_dpdk, RTE_NET_CRC_SSE42, RTE_VECT_SIMD_128, 1,
	{RTE_CPUFLAG_PCLMULQDQ}},
#ifdef SAND_HAVE_ISAL
    {"isa-l-pclmulqdq", crc_isal, RTE_NET_CRC_SSE42, RTE_VECT_SIMD_128, 1, {RTE_CPUFLAG_PCLMULQDQ}},
#endif
    {"avx2-vpclmulqdq", crc32_vpclmul, RTE_NET_CRC_SSE42, RTE_VECT_SIMD_256, 3,
	{RTE_CPUFLAG_AVX2, RTE_CPUFLAG_PCLMULQDQ, RTE_CPUFLAG_VPCLMULQDQ}},
    {"avx512-vpclmulqdq", crc_dpdk, RTE_NET_CRC_AVX512, RTE_VECT_SIMD_512, 6,
	{RTE_CPUFLAG_AVX512F, RTE_CPUFLAG_AVX512BW, RTE_CPUFLAG_AVX512DQ, RTE_CPUFLAG_AVX512VL,
	    RTE_CPUFLAG_PCLMULQDQ, RTE_CPUFLAG_VPCLMULQDQ}},
#elif defined RTE_ARCH_ARM64
    {"neon-pmull", crc_dpdk, RTE_NET_CRC_NEON, RTE_VECT_SIMD_128, 1, {RTE_CPUFLAG_PMULL}},
#endif
};

#define CHOICES (sizeof choices / sizeof choices[0])

static const struct crc_choice *chosen = &choices[0];

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

static void
choose(const struct crc_choice *c)
{
	chosen = c;
	crc32_eth_select(c->alg);
}

static uint16_t
simd_bits_allowed(void)
{
	/* 0 means that EAL is not running (unit tests, tools): nobody has restricted us. */
	if (rte_vect_get_max_simd_bitwidth() == 0)
		rte_vect_set_max_simd_bitwidth(RTE_VECT_SIMD_512);
	return rte_vect_get_max_simd_bitwidth();
}

void
icrc_init(void)
{
	uint16_t simd_bits = simd_bits_allowed();

	for (unsigned i = 0; i < CHOICES; i++) {
		if (choice_possible(&choices[i], simd_bits))
			choose(&choices[i]);
	}
}

bool
icrc_choose(unsigned i, const char **name)
{
	if (i >= CHOICES)
		return false;
	*name = NULL;
	if (choice_possible(&choices[i], simd_bits_allowed())) {
		choose(&choices[i]);
		*name = choices[i].name;
	}
	return true;
}

const char *
icrc_algorithm_name(void)
{
	return chosen->name;
}

uint32_t
icrc_masked(const uint8_t *l3, size_t len)
{
	return chosen->crc(l3 - ICRC_LRH_LEN, (uint32_t)(len + ICRC_LRH_LEN));
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
