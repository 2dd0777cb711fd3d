/* SPDX-License-Identifier: BSD-3-Clause */
/* Two stream hosts and a cable, for tests that are about one connection. A connects to B at once.
 */
#ifndef SAND_TESTS_SIM_PAIR_H
#define SAND_TESTS_SIM_PAIR_H

#include "sdp_host.h"
#include "world.h"

struct pair_setup {
	struct hop_shape cable;
	struct sdp_host_setup host;
	struct stream_setup end[2];
	uint64_t seed;
};

struct pair {
	struct world w;
	struct sdp_host host[2];
	struct stream *end[2];
};

struct pair_setup pair_defaults(void);
void pair_init(struct pair *p, const struct pair_setup *s);
void pair_fini(struct pair *p);
/* Until both ends are finished, or until so many milliseconds after the start; true if finished. */
bool pair_run(struct pair *p, uint64_t ms);
/* Until both programs have the connection. */
void pair_connect(struct pair *p);
/* From now on lose the n-th frame either host sends if bit n is set. */
void pair_mask(struct pair *p, uint64_t mask);

#endif
