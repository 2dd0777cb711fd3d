/* SPDX-License-Identifier: BSD-3-Clause */
/* The algorithms behind cc.h, for cc.c alone. Each knows its own part of struct cc; `window` and
 * `next` are what it is there to set. */
#ifndef SAND_RC_CC_PRIV_H
#define SAND_RC_CC_PRIV_H

#include "cc.h"

void cc_window_init(struct cc *cc, const struct cc_params *p);
void cc_window_rtt(struct cc *cc, struct san_duration rtt);
bool cc_window_acked(struct cc *cc, const struct cc_ack *a);
bool cc_window_cnp(struct cc *cc);
bool cc_window_lost(struct cc *cc, uint32_t packets);
bool cc_window_timeout(struct cc *cc);
void cc_window_undo(struct cc *cc);
void cc_window_sent(struct cc *cc, uint32_t bytes, struct san_time now);
void cc_window_look(const struct cc *cc, struct cc_view *out);

void cc_dcqcn_init(struct cc *cc, const struct cc_params *p, struct san_time now);
bool cc_dcqcn_cnp(struct cc *cc, struct san_time now);
bool cc_dcqcn_lost(struct cc *cc, struct san_time now);
bool cc_dcqcn_timeout(struct cc *cc, struct san_time now);
void cc_dcqcn_undo(struct cc *cc, struct san_time now);
void cc_dcqcn_sent(struct cc *cc, uint32_t bytes, struct san_time now);
struct san_time cc_dcqcn_deadline(const struct cc *cc);
void cc_dcqcn_expire(struct cc *cc, struct san_time now);
void cc_dcqcn_look(const struct cc *cc, struct cc_view *out);

#endif
