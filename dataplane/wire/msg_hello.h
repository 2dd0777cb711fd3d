/* SPDX-License-Identifier: BSD-3-Clause */
/* What an end in message mode says of itself: eight bytes in the private data of REQ and REP, of
 * the RDMA TCP port space, that other peers do not look at. */
#ifndef SAND_WIRE_MSG_HELLO_H
#define SAND_WIRE_MSG_HELLO_H

#include <stdint.h>

#define MSG_HELLO_LEN 8u
/* Where they stand. */
#define MSG_HELLO_REQ_OFF 36u /* behind the IP-CM header */
#define MSG_HELLO_REP_OFF 0u

/* The longest message the sender of these bytes takes; 0 if they are not ours. */
uint32_t msg_hello_decode(const uint8_t *b);
void msg_hello_encode(uint8_t *b, uint32_t msg_max);

#endif
