/* SPDX-License-Identifier: BSD-3-Clause */
/* The list of everything sand.conf can say. Defaults, bounds, the parser, the commented sand.conf
 * and the table in sand.conf(5) all come from here and from nowhere else. */
#ifndef SAND_CONFIG_KEYS_H
#define SAND_CONFIG_KEYS_H

#include <stddef.h>
#include <stdint.h>

#include "schema.h"

/* X(section, most [section.NAME]s or 0 for a plain [section], text) */
#define CONFIG_SECTION_LIST(X)                                                                     \
	X(daemon, 0, "The daemon itself.")                                                         \
	X(sockets, 0, "What programs may have.")                                                   \
	X(transport, 0, "How connections behave on the wire.")                                     \
	X(close, 0, "How long the steps of closing a connection may take.")                        \
	X(port, SAN_PORTS_MAX,                                                                     \
	    "One section per Ethernet port, NAME being what you call it. At least one is needed.") \
	X(rule, SAN_RULES_MAX,                                                                     \
	    "Which sockets use the SAN. The first rule that matches counts; no match means kernel" \
	    " TCP. Without any rule, the prefixes of every port use the SAN.")

enum config_section {
#define X(name, max, text) CONFIG_SECTION_##name,
	CONFIG_SECTION_LIST(X)
#undef X
	    CONFIG_SECTION_COUNT
};

/* How the text of a value is read, and what member it fills. */
enum config_type {
	CONFIG_TYPE_NUMBER,	/* uint32_t, in the key's unit */
	CONFIG_TYPE_OCTAL,	/* uint32_t */
	CONFIG_TYPE_BOOL,	/* bool */
	CONFIG_TYPE_PROFILE,	/* enum config_profile */
	CONFIG_TYPE_CONGESTION, /* enum config_congestion */
	CONFIG_TYPE_LEVEL,	/* uint32_t, see CONFIG_LEVEL_LIST */
	CONFIG_TYPE_NAME,	/* char[]: letters, digits, '-', '_', '.' */
	CONFIG_TYPE_TEXT,	/* char[] */
	CONFIG_TYPE_PATH,	/* char[]: absolute */
	CONFIG_TYPE_PREFIXES,	/* config_port.addr and addr_count */
	CONFIG_TYPE_GATEWAYS,	/* config_port.gateway4 and gateway6 */
	CONFIG_TYPE_VLAN,	/* uint16_t */
	CONFIG_TYPE_MAC,	/* uint8_t[6] */
	CONFIG_TYPE_NET,	/* config_rule.net and bits */
	CONFIG_TYPE_RANGE,	/* config_rule.port_lo and port_hi */
	CONFIG_TYPE_PROGRAM,	/* char[]: basename; "any" is empty */
	CONFIG_TYPE_ROLE,	/* uint8_t: bit 0 connect, bit 1 listen */
	CONFIG_TYPE_ACTION,	/* uint8_t: the values of enum shm_action */
};

enum config_unit {
	CONFIG_UNIT_NONE,
	CONFIG_UNIT_US,
	CONFIG_UNIT_MS,
	CONFIG_UNIT_BYTES,
	CONFIG_UNIT_MB,
};

/* X(name, value) */
#define CONFIG_LEVEL_LIST(X) \
	X(error, 0)          \
	X(warning, 1)        \
	X(notice, 2)         \
	X(info, 3)           \
	X(debug, 4)

#define CONFIG_MTU_MAX (SAN_FRAME_MAX - 18) /* without Ethernet header and VLAN tag */
/* The runtime folder leaves room for a socket's name in sockaddr_un. */
#define CONFIG_RUNTIME_DIR_MAX 88

/* X(section, key, type, member, default, min, max, unit, help)
 * min and max: of a number in its unit; of a text its length in bytes. */
#define CONFIG_KEY_LIST(X)                                                                        \
	X(daemon, name, NAME, name, "sand", 1, CONFIG_NAME_MAX - 1, NONE,                         \
	    "Name of this daemon. Several daemons on one machine need different names.")          \
	X(daemon, runtime_dir, PATH, runtime_dir, "/run/sand", 2, CONFIG_RUNTIME_DIR_MAX, NONE,   \
	    "Folder of the sockets and the pid file. The default follows the name: /run/NAME.")   \
	X(daemon, lcores, TEXT, lcores, "", 0, CONFIG_TEXT_MAX - 1, NONE,                         \
	    "Threads and processors in the syntax of DPDK's --lcores. The first is the control"   \
	    " thread, every further one a poll thread. Empty: one of each, not pinned.")          \
	X(daemon, eal_args, TEXT, eal_args, "", 0, CONFIG_TEXT_MAX - 1, NONE,                     \
	    "Further arguments for DPDK's EAL, split at blanks.")                                 \
	X(daemon, hugepages, BOOL, hugepages, "yes", 0, 0, NONE,                                  \
	    "Use hugepages. Without them (no) only software devices work.")                       \
	X(daemon, memory_mb, NUMBER, memory_mb, "256", 32, 65536, MB, "Memory for packets.")      \
	X(daemon, profile, PROFILE, profile, "balanced", 0, 0, NONE,                              \
	    "Processor time against latency: latency never sleeps, balanced sleeps when all is"   \
	    " quiet, saver sleeps early.")                                                        \
	X(daemon, idle_spin_us, NUMBER, idle_spin_us, "20", 0, 1000000, US,                       \
	    "A poll thread with nothing to do looks again at once for this long.")                \
	X(daemon, idle_yield_us, NUMBER, idle_yield_us, "2000", 0, 10000000, US,                  \
	    "Then it offers its processor to others between two looks for this long.")            \
	X(daemon, nap_max_us, NUMBER, nap_max_us, "2000", 1, 100000, US,                          \
	    "Then it sleeps in growing naps, none longer than this.")                             \
	X(daemon, log_level, LEVEL, log_level, "notice", 0, 4, NONE,                              \
	    "Least important messages that are logged, by name or number 0 to 4.")                \
	X(daemon, socket_mode, OCTAL, socket_mode, "0666", 0, 0777, NONE,                         \
	    "Permissions of the socket programs attach to and of the control socket.")            \
	X(sockets, sockets_per_program, NUMBER, sockets_per_program, "4096", 16, SAN_SOCKS_MAX,   \
	    NONE, "SAN sockets of one program, its forked children included.")                    \
	X(sockets, sessions_max, NUMBER, sessions_max, "256", 1, SAN_SESSIONS_MAX, NONE,          \
	    "Programs attached at the same time.")                                                \
	X(sockets, sessions_per_user, NUMBER, sessions_per_user, "64", 1, SAN_SESSIONS_MAX, NONE, \
	    "Programs one user other than root may have attached at the same time.")              \
	X(sockets, connections_max, NUMBER, connections_max, "4096", 1, SAN_CONNS_MAX, NONE,      \
	    "Connections of all programs together.")                                              \
	X(sockets, tx_ring_bytes, NUMBER, tx_ring_bytes, "1M", SAN_RING_MIN, SAN_RING_MAX, BYTES, \
	    "Send buffer of each socket, a power of two. Memory is used only as data fills it.")  \
	X(sockets, rx_ring_bytes, NUMBER, rx_ring_bytes, "1M", SAN_RING_MIN, SAN_RING_MAX, BYTES, \
	    "Receive buffer of each socket, a power of two.")                                     \
	X(sockets, rdma_heap_bytes, NUMBER, rdma_heap_bytes, "64M", 0,                            \
	    SAN_HEAP_CHUNKS *SAN_HEAP_CHUNK, BYTES,                                               \
	    "Memory of each program that peers reach by RDMA without a system call (sanAlloc). "  \
	    "Used only as it is allocated and written.")                                          \
	X(transport, connect_timeout_ms, NUMBER, connect_timeout_ms, "3000", 10, 600000, MS,      \
	    "A connection attempt nobody answers fails after this long.")                         \
	X(transport, retry_count, NUMBER, retry_count, "7", 0, 7, NONE,                           \
	    "Repeats of an unacknowledged packet before the connection fails, if give_up_ms is "  \
	    "0.")                                                                                 \
	X(transport, rto_initial_us, NUMBER, rto_initial_us, "10000", 100, 10000000, US,          \
	    "Retransmission timeout before the first round-trip time was measured.")              \
	X(transport, rto_min_us, NUMBER, rto_min_us, "2000", 50, 10000000, US,                    \
	    "Shortest retransmission timeout.")                                                   \
	X(transport, rto_max_ms, NUMBER, rto_max_ms, "1000", 1, 60000, MS,                        \
	    "Longest retransmission timeout.")                                                    \
	X(transport, give_up_ms, NUMBER, give_up_ms, "15000", 0, 3600000, MS,                     \
	    "A connection fails after this long without progress. 0: retry_count decides alone.") \
	X(transport, window_packets, NUMBER, window_packets, "512", 2, 16384, NONE,               \
	    "Most packets of a connection on their way at once.")                                 \
	X(transport, zcopy_threshold, NUMBER, zcopy_threshold, "0", 0, SAN_RING_MAX, BYTES,       \
	    "Streams: so much waiting to be sent is offered to a peer that can read it by RDMA,"  \
	    " instead of being sent (SDP's Read-Zcopy). 0: never, and offers are refused.")       \
	X(transport, ack_delay_us, NUMBER, ack_delay_us, "200", 0, 100000, US,                    \
	    "Longest wait to acknowledge several packets together when the peer did not ask.")    \
	X(transport, keepalive_ms, NUMBER, keepalive_ms, "7200s", 100, 86400000, MS,              \
	    "Idle connections of programs that set SO_KEEPALIVE are probed this often; a peer"    \
	    " that does not answer is given up after give_up_ms more.")                           \
	X(transport, dscp, NUMBER, dscp, "0", 0, 63, NONE,                                        \
	    "Differentiated services code point of all packets but congestion notifications,"     \
	    " which have 48.")                                                                    \
	X(transport, selective_ack, BOOL, selective_ack, "yes", 0, 0, NONE,                       \
	    "Offer peers that run Sand, too, to acknowledge packets beyond a lost one.")          \
	X(transport, ecn_echo, BOOL, ecn_echo, "yes", 0, 0, NONE,                                 \
	    "Offer such peers to tell in acknowledgements of congestion marks.")                  \
	X(transport, congestion, CONGESTION, congestion, "window", 0, 0, NONE,                    \
	    "What slows a sender down before queues overflow. window: fewer packets on their way" \
	    " the more of them meet marks or delay; dcqcn: a rate, lowered by congestion"         \
	    " notifications as RDMA NICs do it; none: nothing but window_packets.")               \
	X(transport, ecn, BOOL, ecn, "yes", 0, 0, NONE,                                           \
	    "Send packets as ECN-capable: a switch with a long queue marks them.")                \
	X(transport, delay_target_us, NUMBER, delay_target_us, "100", 1, 65535, US,               \
	    "congestion = window: delay in queues that is still fine.")                           \
	X(transport, dcqcn_line_mbit, NUMBER, dcqcn_line_mbit, "0", 0, 1000000, NONE,             \
	    "congestion = dcqcn: Mbit/s of the line, above which a rate is no limit. 0: as the"   \
	    " port says.")                                                                        \
	X(transport, dcqcn_period_us, NUMBER, dcqcn_period_us, "55", 5, 65535, US,                \
	    "congestion = dcqcn: a rate that was lowered rises after so long without a"           \
	    " notification, and again.")                                                          \
	X(transport, dcqcn_raise_mbit, NUMBER, dcqcn_raise_mbit, "40", 1, 65535, NONE,            \
	    "congestion = dcqcn: Mbit/s by which it rises beyond where it was, ten times as much" \
	    " later.")                                                                            \
	X(transport, cnp_interval_us, NUMBER, cnp_interval_us, "50", 1, 65535, US,                \
	    "Shortest time between two congestion notifications we send for one connection.")     \
	X(close, disconn_timeout_ms, NUMBER, disconn_timeout_ms, "60000", 100, 3600000, MS,       \
	    "Longest wait for the peer to close its half after we closed ours.")                  \
	X(close, dreq_interval_ms, NUMBER, dreq_interval_ms, "100", 10, 60000, MS,                \
	    "Interval between repeats of an unanswered disconnect request.")                      \
	X(close, dreq_retries, NUMBER, dreq_retries, "5", 0, 15, NONE,                            \
	    "Repeats of an unanswered disconnect request.")                                       \
	X(close, timewait_ms, NUMBER, timewait_ms, "200", 0, 60000, MS,                           \
	    "How long a closed connection's number is not used again.")                           \
	X(port, device, TEXT, device, NULL, 1, CONFIG_TEXT_MAX - 1, NONE,                         \
	    "A PCI address, or a DPDK virtual device such as net_af_packet0,iface=eth1.")         \
	X(port, address, PREFIXES, addr, NULL, 1, SAN_PORT_ADDRS_MAX, NONE,                       \
	    "Addresses with prefix lengths, separated by commas: 10.77.0.1/24, fd00:77::1/64.")   \
	X(port, gateway, GATEWAYS, gateway4, "", 0, 2, NONE,                                      \
	    "Gateway of each family for destinations outside the port's prefixes.")               \
	X(port, mtu, NUMBER, mtu, "1500", 576, CONFIG_MTU_MAX, BYTES,                             \
	    "Largest Ethernet payload. 4200 or more carries 4096 bytes per packet.")              \
	X(port, vlan, VLAN, vlan, "none", 1, 4094, NONE, "VLAN tag, or none.")                    \
	X(port, mac, MAC, mac, "device", 0, 0, NONE,                                              \
	    "Ethernet address, or device for the device's own.")                                  \
	X(rule, to, NET, net, "any", 0, 0, NONE,                                                  \
	    "Destination (connect) or own address (listen): a prefix, or any.")                   \
	X(rule, ports, RANGE, port_lo, "any", 0, 65535, NONE,                                     \
	    "TCP port, range 8000-8099, or any.")                                                 \
	X(rule, program, PROGRAM, program, "any", 1, CONFIG_NAME_MAX - 1, NONE,                   \
	    "Name of the program file without its folder, or any.")                               \
	X(rule, role, ROLE, role, "both", 0, 0, NONE, "connect, listen, or both.")                \
	X(rule, action, ACTION, action, "san", 0, 0, NONE,                                        \
	    "san: the SAN first, kernel TCP if it has no way; san-only: never kernel TCP; tcp:"   \
	    " kernel TCP.")

enum config_key_id {
#define X(section, key, type, member, dflt, min, max, unit, help) CONFIG_KEY_##section##_##key,
	CONFIG_KEY_LIST(X)
#undef X
	    CONFIG_KEY_COUNT
};

struct config_key {
	enum config_section section;
	const char *name;
	enum config_type type;
	size_t offset;	  /* in the section's struct */
	const char *dflt; /* text as in the file; NULL = must be given */
	uint32_t min, max;
	enum config_unit unit;
	const char *help;
};

struct config_section_info {
	const char *name;
	uint32_t instances_max; /* 0: plain [section]; else [section.NAME] */
	const char *text;
};

extern const struct config_key config_keys[CONFIG_KEY_COUNT];
extern const struct config_section_info config_sections[CONFIG_SECTION_COUNT];

/* Start of the struct that holds `section`'s keys; index counts instances and is 0 for plain ones.
 */
void *config_section_base(struct san_config *config, enum config_section section, uint32_t index);

#endif
