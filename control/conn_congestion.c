/* SPDX-License-Identifier: BSD-3-Clause */
/* What the configuration says about congestion, in the engine's words. */
#include "conn.h"
#include "daemon_priv.h"

static const uint8_t algo[] = {
    [CONFIG_CONGESTION_WINDOW] = CC_WINDOW,
    [CONFIG_CONGESTION_DCQCN] = CC_DCQCN,
    [CONFIG_CONGESTION_NONE] = CC_NONE,
};

_Static_assert(sizeof algo == CC_COUNT, "every algorithm can be asked for");

struct cc_params
conn_cc_params(const struct daemon *d, uint16_t port)
{
	const struct san_config *cfg = &d->config;
	uint32_t line = cfg->dcqcn_line_mbit;

	return (struct cc_params){
	    .algo = algo[cfg->congestion],
	    .cnp_interval = SAN_DURATION_US(cfg->cnp_interval_us),
	    .target_delay = SAN_DURATION_US(cfg->delay_target_us),
	    .line_rate_mbit = line != 0 ? line : d->netio.port[port].speed_mbps,
	    .period_us = (uint16_t)cfg->dcqcn_period_us,
	    .raise_mbit = (uint16_t)cfg->dcqcn_raise_mbit,
	};
}
