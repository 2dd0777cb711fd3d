/* SPDX-License-Identifier: BSD-3-Clause */
#include "doorbell.h"

#include <errno.h>

#include "sys.h"

void
shm_doorbell_ring(struct shm_doorbell *d, int event_fd, uint32_t slot)
{
	uint32_t word = slot / 64;

	/* Release: the exchange in shm_doorbell_serve acquires what was stored before the ring. The
	 * word goes before its summary, so a served summary bit always finds the word's bit. */
	atomic_fetch_or_explicit(&d->bits[word], UINT64_C(1) << slot % 64, memory_order_release);
	atomic_fetch_or_explicit(
	    &d->summary[word / 64], UINT64_C(1) << word % 64, memory_order_release);
	/* Pairs with the fence in shm_doorbell_nap. */
	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_load_explicit(&d->sleeping, memory_order_relaxed) != 0) {
		int saved = errno;

		sys_event_signal(event_fd);
		errno = saved;
	}
}

/* Slots of one word into out[]; returns how many. */
static unsigned
word_slots(uint64_t bits, uint32_t word, uint32_t socks, uint32_t *out)
{
	unsigned n = 0;

	while (bits != 0) {
		uint32_t slot = word * 64 + (uint32_t)__builtin_ctzll(bits);

		bits &= bits - 1;
		if (slot < socks)
			out[n++] = slot;
	}
	return n;
}

unsigned
shm_doorbell_serve(struct shm_doorbell *d, uint32_t socks, uint32_t *slots, unsigned max)
{
	unsigned n = 0;

	for (uint32_t i = 0; i < SHM_DOORBELL_SUMMARIES; i++) {
		uint64_t words = 0;

		if (atomic_load_explicit(&d->summary[i], memory_order_relaxed) != 0)
			words = atomic_exchange_explicit(&d->summary[i], 0, memory_order_acquire);
		while (words != 0 && n + 64 <= max) {
			uint32_t word = i * 64 + (uint32_t)__builtin_ctzll(words);
			/* Acquire pairs with the release in shm_doorbell_ring. */
			uint64_t bits =
			    atomic_exchange_explicit(&d->bits[word], 0, memory_order_acquire);

			words &= words - 1;
			n += word_slots(bits, word, socks, slots + n);
		}
		if (words != 0) /* no room: these words are for the next call */
			atomic_fetch_or_explicit(&d->summary[i], words, memory_order_release);
	}
	return n;
}

bool
shm_doorbell_nap(struct shm_doorbell *d)
{
	atomic_store_explicit(&d->sleeping, 1, memory_order_relaxed);
	/* Pairs with the fence in shm_doorbell_ring. */
	atomic_thread_fence(memory_order_seq_cst);
	return !shm_doorbell_pending(d);
}

void
shm_doorbell_awake(struct shm_doorbell *d)
{
	atomic_store_explicit(&d->sleeping, 0, memory_order_relaxed);
}
