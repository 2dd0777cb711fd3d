/* SPDX-License-Identifier: BSD-3-Clause */
/* What an end can do beyond the standard, told in eight bytes of CM private data that peers who do
 * not know them ignore: in the reserved bytes of SDP's Hello and HelloAck, and, in the RDMA port
 * spaces, at the very end of the private data of REQ and REP. An offer, never a demand: no
 * connection fails because of these bytes. What is agreed on is control's business. */
#ifndef SAND_WIRE_FEATURE_H
#define SAND_WIRE_FEATURE_H

#include <stdbool.h>
#include <stdint.h>

#define FEATURE_OFFER_LEN 8u
/* RDMA port spaces: where the bytes stand in the private data. The ULP's own data ends before. */
#define FEATURE_REQ_OFF 84u  /* of 92, the first 36 of which are the IP-CM header */
#define FEATURE_REP_OFF 188u /* of 196 */

/* X(name, bit, text) */
#define FEATURE_LIST(X)                                                                     \
	X(SACK, 0, "an ACK or NAK may tell, behind its AETH, which packets beyond it came") \
	X(ECN_ECHO, 1, "BECN in an ACK: a packet since the last ACK was marked CE")

enum feature {
#define X(name, bit, text) FEATURE_##name = 1u << bit,
	FEATURE_LIST(X)
#undef X
};

struct feature_offer {
	uint8_t caps;	  /* FEATURE_* */
	uint16_t ooo_max; /* packets beyond a gap the sender of these bytes keeps, 0 = none */
};

/* False, and nothing offered, if the bytes are not ours or of a version we do not know. Bits that
 * mean nothing to us are cleared. */
bool feature_offer_decode(const uint8_t *b, struct feature_offer *out);
void feature_offer_encode(uint8_t *b, const struct feature_offer *f);

#endif
