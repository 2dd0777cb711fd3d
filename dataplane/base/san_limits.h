/* SPDX-License-Identifier: BSD-3-Clause */
/* Every capacity of the daemon in one place. Sizes in bytes unless the name says otherwise. */
#ifndef SAND_BASE_SAN_LIMITS_H
#define SAND_BASE_SAN_LIMITS_H

#define SAN_PORTS_MAX	   8	 /* Ethernet ports of one daemon */
#define SAN_POLLS_MAX	   8	 /* poll threads of one daemon */
#define SAN_PORT_ADDRS_MAX 4	 /* addresses of one port (IPv4 and IPv6 together) */
#define SAN_SESSIONS_MAX   256	 /* shared regions (program families) of one daemon */
#define SAN_ATTACH_MAX	   256	 /* processes of one family (fork), one row less */
#define SAN_CONNS_MAX	   32768 /* connections of one daemon: low 16 bits of a QPN index them */
#define SAN_SOCKS_MAX	   8192	 /* socket slots of one session */
#define SAN_WAKES_MAX	   64	 /* wake objects (eventfds) of one session */
#define SAN_RULES_MAX	   64	 /* routing rules */
#define SAN_NEIGH_MAX	   1024	 /* neighbour entries */
#define SAN_BACKLOG_MAX	   4096	 /* un-accepted connections of one listener */
#define SAN_HEAP_CHUNKS	   16384 /* of a session's memory for peers, and ... */
#define SAN_HEAP_CHUNK	   65536 /* ... the size of each */

#define SAN_FRAME_MAX 9216 /* largest Ethernet frame we build or accept, without FCS */
#define SAN_PMTU_MAX  4096 /* largest RoCE path MTU (payload of one packet) */
#define SAN_RING_MIN  16384
#define SAN_RING_MAX  (8u << 20)
#define SAN_RDMA_RING (128u << 10) /* of a stream's RDMA, each way; power of two */

_Static_assert(SAN_CONNS_MAX <= 65536 - 16, "QPN index is 16 bits and starts at 16");

#endif
