/* SPDX-License-Identifier: BSD-3-Clause */
/* Which descriptors concern the switch. A number that is not in here is the kernel's alone. Owns
 * the map, not what it points to. Readers take no lock; writers hold sw_lock. What an entry points
 * to is type-stable memory (pool.h): it may be given to another descriptor at any time but stays a
 * struct sw_file. */
#ifndef SAND_SWITCH_FDTAB_H
#define SAND_SWITCH_FDTAB_H

#include <sand/wsp.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#define FDTAB_PAGE 1024
#define FDTAB_MAX  (FDTAB_PAGE * FDTAB_PAGE) /* the kernel's own default limit, fs.nr_open */

enum sw_kind {
	SW_SOCK,
	SW_EPOLL,
};

/* What Linux calls an open file description: several descriptors may name it. First member of
 * sw_sock and sw_epoll. */
struct sw_file {
	_Atomic SOCKET san;   /* where its bytes go; INVALID_SOCKET: to the kernel */
	_Atomic uint32_t gen; /* incremented when the object is given back */
	_Atomic uint8_t kind; /* enum sw_kind */
	uint32_t refs;	      /* descriptors of this process; sw_lock */
};

struct fdtab_page {
	_Atomic(struct sw_file *) file[FDTAB_PAGE];
};

extern _Atomic(struct fdtab_page *) fdtab_pages[FDTAB_PAGE];

static inline struct sw_file *
fdtab_get(int fd)
{
	struct fdtab_page *page;

	if ((unsigned)fd >= FDTAB_MAX)
		return NULL;
	page = atomic_load_explicit(&fdtab_pages[(unsigned)fd / FDTAB_PAGE], memory_order_acquire);
	if (page == NULL)
		return NULL;
	return atomic_load_explicit(&page->file[(unsigned)fd % FDTAB_PAGE], memory_order_acquire);
}

/* The SAN data path of a descriptor: `file` is NULL when there is none. */
struct fdtab_stream {
	struct sw_file *file;
	SOCKET san;
};

/* The second look proves that `san` was fd's and not that of a socket to which the object passed
 * meanwhile; from then on the provider recognises a stale `san` by itself. */
static inline struct fdtab_stream
fdtab_stream(int fd)
{
	struct fdtab_stream st = {fdtab_get(fd), INVALID_SOCKET};

	if (st.file == NULL)
		return st;
	st.san = atomic_load_explicit(&st.file->san, memory_order_acquire);
	if (st.san == INVALID_SOCKET || fdtab_get(fd) != st.file)
		st.file = NULL;
	return st;
}

/* Puts file (NULL: nothing) under fd and counts the reference. -ENOMEM without memory, -EBADF
 * beyond FDTAB_MAX. */
int fdtab_set(int fd, struct sw_file *file);
/* Takes fd out and returns what was there with its count reduced, or NULL. */
struct sw_file *fdtab_take(int fd);
/* The next descriptor >= fd that is in the table, or -1. */
int fdtab_next(int fd);
/* A descriptor that names file: `hint` if it still does, else any, else -1. */
int fdtab_number(const struct sw_file *file, int hint);

#endif
