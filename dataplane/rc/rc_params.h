/* SPDX-License-Identifier: BSD-3-Clause */
/* Knobs of one RC queue pair that configuration or the CM handshake decides. */
#ifndef SAND_RC_PARAMS_H
#define SAND_RC_PARAMS_H

#include <stdint.h>

#include "san_time.h"

struct rc_params {
	uint8_t retry_count;		 /* transport retries before the QP fails; 0..7, literal */
	uint8_t rnr_retry;		 /* RNR retries; 7 = for ever */
	uint8_t min_rnr_timer;		 /* code we put into our RNR NAKs */
	uint16_t window_packets;	 /* most packets outstanding at once */
	struct san_duration rto_initial; /* before the first RTT sample */
	struct san_duration rto_min;
	struct san_duration rto_max;   /* cap of the exponential back-off */
	struct san_duration give_up;   /* fail after this long without any progress, whatever the
					* retry count   reached; 0 = retry_count alone decides */
	struct san_duration ack_delay; /* longest wait to coalesce an ACK nobody asked for */
};

#endif
