/* SPDX-License-Identifier: BSD-3-Clause */
/* One RoCEv2 packet: Eth | [802.1Q] | IPv4 or IPv6 | UDP | BTH | extension headers | payload | pad
 * | ICRC. Decode and encode whole frames in plain memory; no allocation, no state, no I/O.
 * Field-by-field reference: InfiniBand architecture vol. 1 chapter 9 and annexes A16, A17. */
#ifndef SAND_WIRE_ROCE_H
#define SAND_WIRE_ROCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "addr.h"

#define ROCE_UDP_PORT  4791
#define ROCE_VLAN_NONE 0xffffu
#define ROCE_BTH_LEN   12u
#define ROCE_ICRC_LEN  4u

/* The two low bits of the IP traffic class (RFC 3168). */
#define ROCE_ECN_MASK 3u
#define ROCE_ECN_ECT0 2u /* may be marked instead of dropped */
#define ROCE_ECN_CE   3u /* was marked: it met a long queue */
/* Of a CNP: DSCP 48, network control, and never marked itself. */
#define ROCE_CNP_TCLASS 0xc0u

/* BTH opcodes. Class in bits 7-5: 0 RC, 3 UD, 4 CNP. */
enum roce_opcode {
	ROCE_RC_SEND_FIRST = 0x00,
	ROCE_RC_SEND_MIDDLE = 0x01,
	ROCE_RC_SEND_LAST = 0x02,
	ROCE_RC_SEND_LAST_IMM = 0x03,
	ROCE_RC_SEND_ONLY = 0x04,
	ROCE_RC_SEND_ONLY_IMM = 0x05,
	ROCE_RC_WRITE_FIRST = 0x06,
	ROCE_RC_WRITE_MIDDLE = 0x07,
	ROCE_RC_WRITE_LAST = 0x08,
	ROCE_RC_WRITE_LAST_IMM = 0x09,
	ROCE_RC_WRITE_ONLY = 0x0a,
	ROCE_RC_WRITE_ONLY_IMM = 0x0b,
	ROCE_RC_READ_REQ = 0x0c,
	ROCE_RC_READ_RESP_FIRST = 0x0d,
	ROCE_RC_READ_RESP_MIDDLE = 0x0e,
	ROCE_RC_READ_RESP_LAST = 0x0f,
	ROCE_RC_READ_RESP_ONLY = 0x10,
	ROCE_RC_ACK = 0x11,
	ROCE_RC_ATOMIC_ACK = 0x12,
	ROCE_RC_CMP_SWAP = 0x13,
	ROCE_RC_FETCH_ADD = 0x14,
	ROCE_RC_SEND_LAST_INV = 0x16,
	ROCE_RC_SEND_ONLY_INV = 0x17,
	ROCE_UD_SEND_ONLY = 0x64,
	ROCE_UD_SEND_ONLY_IMM = 0x65,
	ROCE_CNP = 0x81,
};

/* AETH syndromes (byte 0). RNR: 0x20 | timer code. */
#define AETH_ACK_UNLIMITED 0x1f
#define AETH_RNR	   0x20
#define AETH_NAK_SEQ	   0x60
#define AETH_NAK_INVALID   0x61
#define AETH_NAK_ACCESS	   0x62
#define AETH_NAK_OPERATION 0x63

/* The headers behind BTH. Which fields mean something follows from the opcode; the rest are zero.
 */
struct roce_ext {
	uint64_t va;	   /* RETH, AtomicETH */
	uint32_t rkey;	   /* RETH, AtomicETH, IETH */
	uint32_t dma_len;  /* RETH: length of the whole message, bytes */
	uint32_t imm;	   /* ImmDt, host order of the big-endian wire value */
	uint64_t swap_add; /* AtomicETH */
	uint64_t compare;  /* AtomicETH; original value in AtomicAckETH */
	uint32_t msn;	   /* AETH, 24 bits */
	uint8_t syndrome;  /* AETH */
	uint32_t qkey;	   /* DETH */
	uint32_t src_qp;   /* DETH, 24 bits */
};

/* A decoded packet: a view into the caller's frame, valid as long as that is. Addresses are
 * pointers into nothing: they are copied, being 16-byte GIDs for both families. */
struct roce_pkt {
	struct san_ip src, dst;
	uint8_t smac[6], dmac[6];
	uint16_t vlan; /* ROCE_VLAN_NONE or VLAN id */
	uint16_t sport;
	uint8_t tclass; /* DSCP << 2 | ECN as received: ECN is tclass & 3, 3 = CE */
	uint8_t opcode;
	bool se, ackreq, becn, fecn, migreq;
	uint16_t pkey;
	uint32_t dest_qp, psn;
	struct roce_ext ext;
	const uint8_t *payload; /* without pad */
	uint16_t payload_len;
	uint16_t icrc_off; /* offset of the ICRC in the frame */
	uint16_t l3_off;   /* offset of the IP header in the frame */
};

/* Why a frame is not a RoCEv2 packet for us: one counter each. X(name, text) */
#define ROCE_VERDICT_LIST(X)                                                              \
	X(OK, "a RoCEv2 packet")                                                          \
	X(ARP, "ARP, for the neighbour engine")                                           \
	X(ICMP, "ICMP or ICMPv6 without fragments, for the neighbour engine")             \
	X(NOT_OURS, "an ethertype, IP protocol or UDP port we do not serve")              \
	X(MALFORMED, "header lengths do not fit the frame, or the frame is all zeros")    \
	X(FRAGMENT, "IP fragment; never legal for RoCEv2")                                \
	X(IP_VERSION, "IP version or header length wrong, or IPv4 header checksum wrong") \
	X(BTH_VERSION, "BTH transport version not 0")                                     \
	X(OPCODE, "reserved or unsupported opcode")                                       \
	X(SHORT, "shorter than its opcode's headers")                                     \
	X(ICRC, "invariant CRC wrong")

enum roce_verdict {
#define X(name, text) ROCE_##name,
	ROCE_VERDICT_LIST(X)
#undef X
	    ROCE_VERDICT_COUNT
};

/* Classify and decode. `frame` is written to only while the ICRC is computed and is restored before
 * return (hence not const); at least 8 bytes before the IP header exist since Ethernet precedes it.
 * Checks everything but the addresses: who we are is the caller's knowledge. ICRC is verified last.
 */
enum roce_verdict roce_decode(uint8_t *frame, size_t len, struct roce_pkt *out);
/* The same for a frame that was found to be a RoCEv2 packet before and has not changed since: its
 * ICRC is not looked at again. */
enum roce_verdict roce_decode_again(uint8_t *frame, size_t len, struct roce_pkt *out);
const char *roce_verdict_name(enum roce_verdict v);
const char *roce_verdict_text(enum roce_verdict v);

/* What is constant for one direction of one connection (or one QP1 peer). */
struct roce_path {
	struct san_ip src, dst; /* both v4-mapped or both IPv6 */
	uint8_t smac[6], dmac[6];
	uint16_t vlan;	/* ROCE_VLAN_NONE or id */
	uint16_t sport; /* 0xc000..0xffff, constant per QP */
	uint8_t tclass; /* DSCP << 2 | ECN codepoint (2 = ECT(0)) */
	uint8_t hop_limit;
};

#define ROCE_TX_SEGS 3
#define ROCE_TX_INLINE \
	40 /* upper-layer header copied into the descriptor (BSDH + largest ext header) */

/* A packet to send, as an engine emits it. Segments point at memory that stays unchanged until the
 * next call into the engine. The payload on the wire is inline bytes, then the segments in order.
 */
struct roce_tx {
	uint8_t opcode;
	bool se, ackreq, becn;
	uint8_t inline_len;
	uint8_t seg_count;
	uint32_t dest_qp, psn;
	struct roce_ext ext;
	uint8_t inline_bytes[ROCE_TX_INLINE];
	struct {
		const uint8_t *base;
		uint32_t len;
	} seg[ROCE_TX_SEGS];
};

/* Payload bytes (inline + segments), without pad. */
uint32_t roce_tx_payload_len(const struct roce_tx *tx);
/* Build the frame, ICRC included; pads short frames to 60 bytes. Returns its length, or SAN_ENOBUFS
 * when `cap` is too small, SAN_EINVAL for an opcode that cannot be sent. */
int roce_encode(uint8_t *frame, size_t cap, const struct roce_path *path, const struct roce_tx *tx);

/* Bytes an Ethernet payload of `mtu` leaves for one packet's payload: the largest of 256, 512,
 * 1024, 2048, 4096 that fits with every header, or 0. 1500 -> 1024, 4200 and more -> 4096. */
uint32_t roce_pmtu_from_mtu(uint32_t mtu);
/* 256..4096 -> wire code 1..5; 0 for other values; and back. */
uint8_t roce_pmtu_code(uint32_t pmtu);
uint32_t roce_pmtu_from_code(uint8_t code);
/* UDP source port from the two QPNs, symmetric for both directions (kernel's recipe). */
uint16_t roce_sport(uint32_t qpn_a, uint32_t qpn_b);

#endif
