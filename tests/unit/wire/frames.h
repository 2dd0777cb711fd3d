/* SPDX-License-Identifier: BSD-3-Clause */
/* Known-good frames and an independent ICRC: bit by bit, over a masked copy, sharing no line with
 * wire/. */
#ifndef SAND_TESTS_FRAMES_H
#define SAND_TESTS_FRAMES_H

#include <stddef.h>
#include <stdint.h>

#define FRAME_CAP 9216

/* X(name, what): A is 192.168.10.1 or fd00::1 with QP 0x12, B ends in 2 and has QP 0x34. Computed
 * with an independent generator that agrees with scapy; the last one was sent by a ConnectX-4 Lx
 * (scapy's test suite). */
#define FRAME_VECTORS(X)                                     \
	X(REQ, "CM REQ with SDP Hello, A to B")              \
	X(SEND, "SEND ONLY with AckReq and three pad bytes") \
	X(WRITE, "RDMA WRITE FIRST of 256 bytes")            \
	X(ACK, "ACK")                                        \
	X(NAK, "NAK, PSN sequence error")                    \
	X(CNP, "congestion notification")                    \
	X(ACK6, "ACK over IPv6")                             \
	X(KEEPALIVE, "RDMA WRITE ONLY of length zero")       \
	X(HARDWARE, "congestion notification of a real RNIC")

enum frame_vector {
#define X(name, what) VECTOR_##name,
	FRAME_VECTORS(X)
#undef X
	    VECTOR_COUNT
};

const char *frame_vector_name(enum frame_vector v);
/* Copies the vector into out (FRAME_CAP bytes); returns its length. */
size_t frame_vector_get(enum frame_vector v, uint8_t *out);

uint32_t reference_crc32(const uint8_t *data, size_t len);
/* ICRC of a frame whose IP header starts at l3 and whose ICRC field is at icrc. */
uint32_t reference_icrc(const uint8_t *frame, size_t l3, size_t icrc);
/* Recompute the ICRC (and the IPv4 header checksum) of a frame a test has changed. */
void frame_fix(uint8_t *frame, size_t l3);

#endif
