/* SPDX-License-Identifier: BSD-3-Clause */
/* CRC-32 as Ethernet, zlib and the ICRC use it, by carry-less multiplication of 256 bits at a time.
 */
#ifndef SAND_WIRE_CRC32_VPCLMUL_H
#define SAND_WIRE_CRC32_VPCLMUL_H

#include <stdint.h>

#define CRC32_VPCLMUL_MIN 16u /* shortest input, bytes */

/* Needs AVX2, PCLMULQDQ and VPCLMULQDQ: the caller has looked. */
uint32_t crc32_vpclmul(const uint8_t *data, uint32_t len);

#endif
