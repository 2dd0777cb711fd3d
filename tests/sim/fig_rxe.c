/* SPDX-License-Identifier: BSD-3-Clause */
/* The same flow to a peer that keeps nothing, as Linux's soft-RoCE, and to one of ours. */
#include <stdio.h>

#include "fig.h"

#define MEASURED SAN_DURATION_MS(50)

void
fig_rxe(bool heads)
{
	static const struct {
		const char *rate;
		uint32_t ppb;
	} rows[] = {{"none", 0}, {"1e-3", 1000000}, {"1e-2", 10000000}, {"2e-2", 20000000},
	    {"5e-2", 50000000}, {"1e-1", 100000000}};
	static const struct fig_way rxe = {"", CC_NONE, FIG_RXE}, sack = {"", CC_NONE, FIG_SACK};

	printf("One flow as under \"Goodput at loss\", 8 us, to a peer that does what Linux's "
	       "soft-RoCE does: drops what\ncomes early, says so once per gap, acknowledges what "
	       "asks for it. Gbit/s.\n\n"
	       "| loss | soft-RoCE | ours, SACK | times |\n|---|---|---|---|\n");
	for (size_t i = 0; !heads && i < sizeof rows / sizeof *rows; i++) {
		double a = fig_loss_measure(&rxe, FIG_PATH_SHORT, rows[i].ppb, MEASURED).gbit,
		       b = fig_loss_measure(&sack, FIG_PATH_SHORT, rows[i].ppb, MEASURED).gbit;

		printf("| %s | %.1f | %.1f | %.1f |\n", rows[i].rate, a, b, b / a);
	}
}
