/* SPDX-License-Identifier: BSD-3-Clause */
#include "fault.h"

#include "bytes.h"

#define ETH_LEN	       14u
#define ETHERTYPE_IPV4 0x0800u
#define UDP_LEN	       8u
#define BTH_ROUTE      4u /* byte of the BTH that switches may change */

struct faults
faults_none(void)
{
	return (struct faults){.cut_from = SAN_TIME_NEVER, .cut_to = SAN_TIME_NEVER};
}

bool
fault_chance(struct prng *p, uint32_t ppb)
{
	return ppb != 0 && prng_below(p, PPB_ALL) < ppb;
}

static bool
cut(const struct faults *x, const struct sim_frame *f, struct san_time now)
{
	if (now.ns < x->cut_from.ns || now.ns >= x->cut_to.ns)
		return false;
	return x->group == 0 || ((x->group >> f->from ^ x->group >> f->to) & 1) != 0;
}

bool
fault_loses(struct fault_dice *d, struct prng *p, const struct sim_frame *f, struct san_time now)
{
	const struct faults *x = d->faults;

	if (cut(x, f, now))
		return true;
	if (now.ns >= x->until.ns)
		return false;
	if (x->burst_enter != 0 && fault_chance(p, d->bad ? x->burst_leave : x->burst_enter))
		d->bad = !d->bad;
	return fault_chance(p, x->loss) || (d->bad && fault_chance(p, x->burst_loss));
}

/* Is this byte of an IP header at `ip` one whose value the ICRC does not protect? */
static bool
masked(uint32_t at, bool v4)
{
	uint32_t udp = v4 ? 20 : 40;

	if (v4 ? at == 1 || at == 8 || at == 10 || at == 11 : at < 4 || at == 7)
		return true;
	return at == udp + 6 || at == udp + 7 || at == udp + UDP_LEN + BTH_ROUTE;
}

/* Bytes the ICRC protects are the IP packet's, from its header to the ICRC itself; padding behind
 * a short frame and the Ethernet header are the Ethernet check sequence's business. */
static uint32_t
byte_draw(struct prng *p, const struct sim_frame *f, uint32_t not_this)
{
	const uint8_t *ip = f->bytes + ETH_LEN;
	bool v4 = be16_get(f->bytes + 12) == ETHERTYPE_IPV4;
	uint32_t len = v4 ? be16_get(ip + 2) : 40u + be16_get(ip + 4), at;

	do
		at = prng_below(p, len);
	while (masked(at, v4) || at == not_this);
	return at;
}

void
fault_damage(struct prng *p, struct sim_frame *f)
{
	uint32_t at = byte_draw(p, f, UINT32_MAX), other = byte_draw(p, f, at);

	f->bytes[ETH_LEN + at] ^= (uint8_t)(1 + prng_below(p, 255));
	if (prng_below(p, 2) == 0)
		f->bytes[ETH_LEN + other] ^= (uint8_t)(1u << prng_below(p, 8));
	f->damaged = true;
}
