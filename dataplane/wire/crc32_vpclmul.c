/* SPDX-License-Identifier: BSD-3-Clause */
/* The folding method of "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ" (Intel,
 * 2009), with four 256-bit accumulators. For CPUs that multiply 256 bits at once but have no
 * AVX-512 (or may not use it).
 *
 * A remainder modulo P does not change when a block is replaced by one D bits further on,
 * multiplied with x^D mod P. So blocks are folded onto later ones until 128 bits are left, which
 * are then reduced. All values are bit-reflected, as the CRC is; constants are x^(D+32) and
 * x^(D-32) mod P, reflected and shifted by one. */
#include "crc32_vpclmul.h"

#include <immintrin.h>

#define TARGET __attribute__((target("avx2,pclmul,vpclmulqdq")))

#define FOLD_128_LO  0x1751997d0
#define FOLD_128_HI  0x0ccaa009e
#define FOLD_256_LO  0x0f1da05aa
#define FOLD_256_HI  0x15a546366
#define FOLD_1024_LO 0x1e88ef372
#define FOLD_1024_HI 0x14a7fe880
#define REDUCE_64    0x163cd6124
#define BARRETT_MU   0x1f7011641
#define BARRETT_P    0x1db710641

#define STRIDE 128u /* bytes of the wide loop: four times 256 bits */
#define HEAD   112u /* what fills the accumulators, besides the block that is folded already */

/* Byte shuffles out of one table: loading at 16 keeps all bytes, at n < 16 shifts them up by 16 -
 * n, at 16 + n shifts them down by n; 0x80 gives zero. */
static const uint8_t shuffles[48] = {0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
    0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0x80,
    0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80};

TARGET static inline __m128i
load(const uint8_t *p)
{
	return _mm_loadu_si128((const __m128i *)(const void *)p);
}

TARGET static inline __m256i
load2(const uint8_t *p)
{
	return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

/* Fold `a` by the distance of `k` onto `data`. */
TARGET static inline __m128i
fold(__m128i a, __m128i k, __m128i data)
{
	__m128i lo = _mm_clmulepi64_si128(a, k, 0x00), hi = _mm_clmulepi64_si128(a, k, 0x11);

	return _mm_xor_si128(_mm_xor_si128(lo, hi), data);
}

TARGET static inline __m256i
fold2(__m256i a, __m256i k, __m256i data)
{
	__m256i lo = _mm256_clmulepi64_epi128(a, k, 0x00),
		hi = _mm256_clmulepi64_epi128(a, k, 0x11);

	return _mm256_xor_si256(_mm256_xor_si256(lo, hi), data);
}

/* `acc` and whole strides from `p` on; advances *p and returns the new accumulator. */
TARGET static inline __m128i
fold_wide(__m128i acc, __m128i k128, const uint8_t **p, uint32_t *len)
{
	const __m256i far =
	    _mm256_set_epi64x(FOLD_1024_HI, FOLD_1024_LO, FOLD_1024_HI, FOLD_1024_LO);
	const __m256i near = _mm256_set_epi64x(FOLD_256_HI, FOLD_256_LO, FOLD_256_HI, FOLD_256_LO);
	const uint8_t *at = *p;
	__m256i a = _mm256_inserti128_si256(_mm256_castsi128_si256(acc), load(at), 1);
	__m256i b = load2(at + 16), c = load2(at + 48), d = load2(at + 80);
	uint32_t left = *len - HEAD;

	for (at += HEAD; left >= STRIDE; at += STRIDE, left -= STRIDE) {
		a = fold2(a, far, load2(at));
		b = fold2(b, far, load2(at + 32));
		c = fold2(c, far, load2(at + 64));
		d = fold2(d, far, load2(at + 96));
	}
	d = fold2(fold2(fold2(a, near, b), near, c), near, d);
	*p = at;
	*len = left;
	return fold(_mm256_castsi256_si128(d), k128, _mm256_extracti128_si256(d, 1));
}

/* 128 bits to the CRC: fold by 64, by 32, then Barrett's reduction. */
TARGET static inline uint32_t
reduce(__m128i acc, __m128i k128)
{
	const __m128i low32 = _mm_cvtsi32_si128(-1), k64 = _mm_cvtsi64_si128(REDUCE_64);
	const __m128i barrett = _mm_set_epi64x(BARRETT_MU, BARRETT_P);
	__m128i x, q;

	x = _mm_xor_si128(_mm_clmulepi64_si128(k128, acc, 0x01), _mm_srli_si128(acc, 8));
	x = _mm_xor_si128(
	    _mm_clmulepi64_si128(_mm_and_si128(x, low32), k64, 0x00), _mm_srli_si128(x, 4));
	q = _mm_clmulepi64_si128(_mm_and_si128(x, low32), barrett, 0x10);
	q = _mm_clmulepi64_si128(_mm_and_si128(q, low32), barrett, 0x00);
	return ~(uint32_t)_mm_extract_epi32(_mm_xor_si128(q, x), 1);
}

/* Zeros in front do not change a CRC whose start value has been added to the data. So the odd bytes
 * come first, moved to the end of a block of zeros, and everything after them is whole blocks. */
TARGET uint32_t
crc32_vpclmul(const uint8_t *data, uint32_t len)
{
	const __m128i k128 = _mm_set_epi64x(FOLD_128_HI, FOLD_128_LO),
		      start = _mm_cvtsi32_si128(-1);
	uint32_t odd = len % 16;
	__m128i acc = _mm_xor_si128(load(data), start);

	if (odd != 0) {
		__m128i rest = _mm_shuffle_epi8(start, load(shuffles + 16 + odd));

		acc = _mm_shuffle_epi8(acc, load(shuffles + odd));
		acc = fold(acc, k128, _mm_xor_si128(load(data + odd), rest));
		data += odd;
		len -= odd;
	}
	data += 16;
	len -= 16;
	if (len >= HEAD + STRIDE)
		acc = fold_wide(acc, k128, &data, &len);
	for (; len > 0; data += 16, len -= 16)
		acc = fold(acc, k128, load(data));
	return reduce(acc, k128);
}
