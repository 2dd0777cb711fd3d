/* SPDX-License-Identifier: BSD-3-Clause */
#include "frames.h"

#include <stdio.h>
#include <string.h>

#define ZEROS_16 "00000000000000000000000000000000"
#define ZEROS_32 ZEROS_16 ZEROS_16

/* clang-format off */
static const char *const hex[VECTOR_COUNT] = {
[VECTOR_REQ] =
    "020000000002020000000001080045000134000040004011a465c0a80a01c0a80a02c00112b7012000006400ffff"
    "0000"
    "00010000000180010000000000010107020300000000112233440000000100100000000000001111111100000000"
    "0000"
    "000000011389020000fffe000001000000000000000000001204000000040000"
    "00a1111111a7ffff37f0ffffffff00000000000000000000ffffc0a80a0100000000000000000000ffffc0a80a02"
    "0000"
    "000000400098" ZEROS_32 "000000000000000000000000"
    "000000400000005c00000000000000002240000100001000000010009c40"
    "0000000000000000000000000000c0a80a01000000000000000000000000c0a80a02" ZEROS_16
    "000000000000000000000000d8df2b62",
[VECTOR_SEND] =
    "020000000002020000000001080045020050000040004011a547c0a80a01c0a80a02c00112b7003c00000430ffff"
    "0000"
    "003480222222ff00003f00000021000000010000000048656c6c6f206f76657220534450210a2100000002f5528e",
[VECTOR_WRITE] =
    "02000000000202000000000108004502013c000040004011a45bc0a80a01c0a80a02c00112b7012800000600ffff"
    "0000"
    "00340022223000007f00000010000000abcd0000012c"
    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d"
    "2e2f"
    "303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d"
    "5e5f"
    "606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f808182838485868788898a8b8c8d"
    "8e8f"
    "909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbd"
    "bebf"
    "c0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebeced"
    "eeef"
    "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeffee1927de",
[VECTOR_ACK] =
    "020000000001020000000002080045000030000040004011a569c0a80a02c0a80a01c00112b7001c00001100ffff"
    "0000"
    "0012002222221f0000010e9c32d8",
[VECTOR_NAK] =
    "020000000001020000000002080045000030000040004011a569c0a80a02c0a80a01c00112b7001c00001100ffff"
    "0000"
    "0012002222236000000174050ed6",
[VECTOR_CNP] =
    "020000000001020000000002080045c0003c000040004011a49dc0a80a02c0a80a01c00112b7002800008100ffff"
    "4000"
    "001200000000" ZEROS_16 "2662aeb4",
[VECTOR_ACK6] =
    "02000000000102000000000286dd60000000001c1140fd000000000000000000000000000002fd00000000000000"
    "0000"
    "000000000001c00112b7001c00001100ffff00000012002222221f000001acee284a",
[VECTOR_KEEPALIVE] =
    "02000000000202000000000108004500003c000040004011a55dc0a80a01c0a80a02c00112b7002800000a00ffff"
    "0000"
    "003480222240" ZEROS_16 "3b2de985",
[VECTOR_HARDWARE] =
    "e41d2dab2bc27cfe90643b32080045c2003c718c4000401191610a0011010a001201000012b7002800008100ffff"
    "4000"
    "011800000000" ZEROS_16 "82fd002a",
};
/* clang-format on */

const char *
frame_vector_name(enum frame_vector v)
{
	static const char *const names[] = {
#define X(name, what) #name ": " what,
	    FRAME_VECTORS(X)
#undef X
	};

	return names[v];
}

size_t
frame_vector_get(enum frame_vector v, uint8_t *out)
{
	size_t len = strlen(hex[v]) / 2;

	for (size_t i = 0; i < len; i++) {
		unsigned byte;

		sscanf(hex[v] + 2 * i, "%2x", &byte);
		out[i] = (uint8_t)byte;
	}
	return len;
}

uint32_t
reference_crc32(const uint8_t *data, size_t len)
{
	uint32_t crc = 0xffffffffu;

	for (size_t i = 0; i < len; i++) {
		crc ^= data[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
	}
	return ~crc;
}

uint32_t
reference_icrc(const uint8_t *frame, size_t l3, size_t icrc)
{
	uint8_t copy[8 + FRAME_CAP];
	uint8_t *ip = copy + 8, *udp;

	memset(copy, 0xff, 8);
	memcpy(ip, frame + l3, icrc - l3);
	if (ip[0] >> 4 == 6) {
		udp = ip + 40;
		memcpy(ip, "\x6f\xff\xff\xff", 4);
		ip[7] = 0xff;
	} else {
		udp = ip + 20;
		ip[1] = ip[8] = ip[10] = ip[11] = 0xff;
	}
	udp[6] = udp[7] = 0xff;
	udp[8 + 4] = 0xff;
	return reference_crc32(copy, 8 + icrc - l3);
}

static void
ipv4_checksum_fix(uint8_t *ip)
{
	uint32_t sum = 0;

	ip[10] = ip[11] = 0;
	for (int i = 0; i < 20; i += 2)
		sum += (uint32_t)ip[i] << 8 | ip[i + 1];
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	ip[10] = (uint8_t)(~sum >> 8);
	ip[11] = (uint8_t)~sum;
}

void
frame_fix(uint8_t *frame, size_t l3)
{
	size_t udp = l3 + (frame[l3] >> 4 == 6 ? 40 : 20);
	size_t udp_len = (size_t)frame[udp + 4] << 8 | frame[udp + 5];
	uint32_t icrc;

	if (frame[l3] >> 4 == 4)
		ipv4_checksum_fix(frame + l3);
	icrc = reference_icrc(frame, l3, udp + udp_len - 4);
	for (int i = 0; i < 4; i++)
		frame[udp + udp_len - 4 + i] = (uint8_t)(icrc >> (8 * i));
}
