/* SPDX-License-Identifier: BSD-3-Clause */
/* Records of the fake daemon: message mode, and RDMA beside a stream, carried out at the peer; and
 * memory that processes let peers reach. Reads the layout of record.h by code of its own. */
#ifndef SAND_TESTS_FAKE_RECORD_H
#define SAND_TESTS_FAKE_RECORD_H

#include "fake_priv.h"

/* What MEM_ADD exposed; fd is the program's /proc/self/mem. */
struct fake_memory {
	bool used;
	struct fake_session *session;
	uint32_t slot, key, rights;
	uint64_t va, len;
	int fd;	     /* -1: in the heap */
	uint8_t *at; /* there */
};

/* One direction: everything that can be done now. Bytes gone from the tx ring, or -1: a record is
 * malformed, or reaches for memory that is not the peer's to give. */
int64_t fake_record_pump(struct fake_slot *from);

/* RDMA beside a stream, as far as the stream's bytes have come. *end: the others may go up to there
 * (given: up to where there are any). Bytes gone, or -1 as above. */
int64_t fake_rdma_pump(struct fake_slot *from, uint32_t *end);

/* MEM_ADD: the key, or a negative enum san_err. Owns fd if it succeeds. */
int64_t fake_memory_add(struct fake_session *s, uint32_t slot, const struct proto_mem *m, int fd);
/* 0, or SAN_ENOENT. */
int fake_memory_del(struct fake_session *s, uint32_t slot, uint32_t key);
/* The slot's connection is over. */
void fake_memory_forget(struct fake_session *s, uint32_t slot);

#endif
