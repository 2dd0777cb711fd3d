/* SPDX-License-Identifier: BSD-3-Clause */
#include "fdtab.h"

#include <errno.h>
#include <sys/mman.h>

_Atomic(struct fdtab_page *) fdtab_pages[FDTAB_PAGE];

static struct fdtab_page *
page_make(_Atomic(struct fdtab_page *) *where)
{
	struct fdtab_page *page =
	    mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		return NULL;
	atomic_store_explicit(where, page, memory_order_release);
	return page;
}

int
fdtab_set(int fd, struct sw_file *file)
{
	_Atomic(struct fdtab_page *) *where;
	struct fdtab_page *page;

	if ((unsigned)fd >= FDTAB_MAX)
		return -EBADF;
	where = &fdtab_pages[fd / FDTAB_PAGE];
	page = atomic_load_explicit(where, memory_order_relaxed);
	if (page == NULL)
		page = page_make(where);
	if (page == NULL)
		return -ENOMEM;
	file->refs++;
	atomic_store_explicit(&page->file[fd % FDTAB_PAGE], file, memory_order_release);
	return 0;
}

struct sw_file *
fdtab_take(int fd)
{
	struct sw_file *file = fdtab_get(fd);

	if (file == NULL)
		return NULL;
	atomic_store_explicit(
	    &fdtab_pages[fd / FDTAB_PAGE]->file[fd % FDTAB_PAGE], NULL, memory_order_release);
	file->refs--;
	return file;
}

int
fdtab_next(int fd)
{
	for (; fd < FDTAB_MAX; fd++) {
		if (atomic_load_explicit(&fdtab_pages[fd / FDTAB_PAGE], memory_order_acquire) ==
		    NULL)
			fd |= FDTAB_PAGE - 1;
		else if (fdtab_get(fd) != NULL)
			return fd;
	}
	return -1;
}

int
fdtab_number(const struct sw_file *file, int hint)
{
	if (fdtab_get(hint) == file)
		return hint;
	for (int fd = fdtab_next(0); fd >= 0; fd = fdtab_next(fd + 1))
		if (fdtab_get(fd) == file)
			return fd;
	return -1;
}
