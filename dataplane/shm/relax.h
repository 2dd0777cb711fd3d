/* SPDX-License-Identifier: BSD-3-Clause */
/* The processor's hint that this is a spin loop. */
#ifndef SAND_SHM_RELAX_H
#define SAND_SHM_RELAX_H

static inline void
cpu_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ __volatile__("isb" ::: "memory");
#else
	__asm__ __volatile__("" ::: "memory");
#endif
}

#endif
