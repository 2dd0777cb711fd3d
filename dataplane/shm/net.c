/* SPDX-License-Identifier: BSD-3-Clause */
#include "net.h"

#include <stddef.h>
#include <string.h>

#include "relax.h"
#include "sys.h"

#define WORD sizeof(uint32_t)
/* A change is written in a few microseconds; the writer may lose its core meanwhile. */
#define SPINS	   100u
#define READ_TRIES 100000u

_Static_assert(sizeof(struct shm_net) % WORD == 0, "made of words");

static void
copy_out(const struct shm_region *r, struct shm_net *net, size_t off, size_t len)
{
	for (size_t i = off / WORD; i < (off + len) / WORD; i++) {
		uint32_t w = atomic_load_explicit(&r->net[i], memory_order_relaxed);

		memcpy((uint8_t *)net + i * WORD, &w, WORD);
	}
}

/* False: the counts are none, of a torn or a hostile region. */
static bool
copy_used(const struct shm_region *r, struct shm_net *net)
{
	copy_out(r, net, 0, offsetof(struct shm_net, rules));
	if (net->rule_count > SAN_RULES_MAX ||
	    net->local_count > SAN_PORTS_MAX * SAN_PORT_ADDRS_MAX)
		return false;
	copy_out(
	    r, net, offsetof(struct shm_net, rules), net->rule_count * sizeof(struct shm_rule));
	copy_out(
	    r, net, offsetof(struct shm_net, locals), net->local_count * sizeof(struct shm_local));
	return true;
}

uint32_t
shm_net_read(const struct shm_region *r, struct shm_net *net)
{
	uint32_t gen = 0;

	for (uint32_t i = 0; i < READ_TRIES; i++) {
		bool good;

		gen = atomic_load_explicit(&r->net_gen, memory_order_acquire);
		good = copy_used(r, net);
		/* The words were loaded before the second look at the generation; pairs with the
		 * release fence in shm_net_write. */
		atomic_thread_fence(memory_order_acquire);
		if (gen % 2 == 0 &&
		    atomic_load_explicit(&r->net_gen, memory_order_relaxed) == gen) {
			if (good)
				return gen;
			break;
		}
		if (i < SPINS)
			cpu_relax();
		else
			syscall(SYS_sched_yield);
	}
	net->rule_count = net->local_count = 0;
	return gen;
}

uint32_t
shm_net_generation(const struct shm_region *r)
{
	return atomic_load_explicit(&r->net_gen, memory_order_acquire);
}

static bool
same(const struct shm_region *r, const uint32_t *words)
{
	for (size_t i = 0; i < SHM_NET_WORDS; i++)
		if (atomic_load_explicit(&r->net[i], memory_order_relaxed) != words[i])
			return false;
	return true;
}

bool
shm_net_write(struct shm_region *r, const struct shm_net *net)
{
	uint32_t words[SHM_NET_WORDS], gen;

	memcpy(words, net, sizeof words);
	gen = atomic_load_explicit(&r->net_gen, memory_order_relaxed);
	if (gen % 2 == 0 && same(r, words))
		return false;
	atomic_store_explicit(&r->net_gen, gen | 1, memory_order_relaxed);
	/* No word before the odd generation. */
	atomic_thread_fence(memory_order_release);
	for (size_t i = 0; i < SHM_NET_WORDS; i++)
		atomic_store_explicit(&r->net[i], words[i], memory_order_relaxed);
	atomic_store_explicit(&r->net_gen, (gen | 1) + 1, memory_order_release);
	return true;
}
