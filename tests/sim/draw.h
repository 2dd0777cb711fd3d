/* SPDX-License-Identifier: BSD-3-Clause */
/* Parameters out of a seed: what every kind of scenario draws, and how to draw more. */
#ifndef SAND_TESTS_SIM_DRAW_H
#define SAND_TESTS_SIM_DRAW_H

#include <stdbool.h>
#include <stdint.h>

#include "cc.h"
#include "net.h"
#include "node.h"
#include "prng.h"
#include "rc_params.h"

#define DRAW_OF(p, ...) \
	draw_of(p, (const uint32_t[]){__VA_ARGS__}, sizeof((const uint32_t[]){__VA_ARGS__}) / 4)

uint32_t draw_of(struct prng *p, const uint32_t *list, uint32_t n);
/* True once in `n` times. */
bool draw_one_in(struct prng *p, uint32_t n);
/* A moment soon after the start: within 20 us, 1 ms or 50 ms. */
struct san_time draw_moment(struct prng *p);
uint32_t draw_psn(struct prng *p);

struct net_setup draw_net(struct prng *p, uint32_t hosts);
/* `patient`: all of it is over long before anybody gives up. */
struct faults draw_faults(struct prng *p, uint32_t hosts, bool patient);
struct node_setup draw_node(struct prng *p);
struct rc_params draw_rc(struct prng *p, bool patient);
/* For a port of the network's rate. */
struct cc_params draw_cc(struct prng *p, const struct net_setup *net);
/* One host may be paused for a while. */
void draw_pause(struct prng *p, struct node *n, bool patient);

void draw_print_net(const struct net_setup *s, const struct faults *f);

#endif
