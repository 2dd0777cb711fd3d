/* SPDX-License-Identifier: BSD-3-Clause */
/* What sand.conf can say: plain data with defaults and bounds. The list of keys is one X-macro,
 * from which parser, the manual page and the commented sand.conf are made. */
#ifndef SAND_CONFIG_SCHEMA_H
#define SAND_CONFIG_SCHEMA_H

#include <stdbool.h>
#include <stdint.h>

#include "addr.h"
#include "san_limits.h"

#define CONFIG_TEXT_MAX 256
#define CONFIG_NAME_MAX 32

enum config_profile {
	CONFIG_PROFILE_LATENCY,	 /* poll threads never sleep */
	CONFIG_PROFILE_BALANCED, /* spin, then yield, then nap when all is quiet */
	CONFIG_PROFILE_SAVER,	 /* nap early */
};

enum config_congestion {
	CONFIG_CONGESTION_WINDOW, /* by delay and marks */
	CONFIG_CONGESTION_DCQCN,  /* rate by notifications */
	CONFIG_CONGESTION_NONE,	  /* window_packets alone */
};

/* [port.NAME] */
struct config_port {
	char name[CONFIG_NAME_MAX];
	char device[CONFIG_TEXT_MAX]; /* a PCI address, or a DPDK vdev argument such as
					 "net_memif0,role=server" */
	struct {
		struct san_ip ip;
		uint8_t bits; /* 96 + n for IPv4 */
	} addr[SAN_PORT_ADDRS_MAX];
	uint32_t addr_count;
	struct san_ip gateway4, gateway6;
	uint32_t mtu;	/* Ethernet payload */
	uint16_t vlan;	/* 0xffff = untagged */
	uint8_t mac[6]; /* all zero = the device's own */
};

/* [rule.NAME], in file order */
struct config_rule {
	char name[CONFIG_NAME_MAX];
	struct san_ip net;
	uint8_t bits;
	uint16_t port_lo, port_hi;
	char program[CONFIG_NAME_MAX];
	uint8_t action; /* enum shm_action */
	uint8_t role;	/* bit 0 connect, bit 1 listen */
};

struct san_config {
	/* [daemon] */
	char name[CONFIG_NAME_MAX];	   /* of this daemon: runtime folder, EAL file prefix */
	char runtime_dir[CONFIG_TEXT_MAX]; /* sockets and pid file */
	char lcores[CONFIG_TEXT_MAX];	   /* EAL --lcores; empty = one control, one poll thread,
					      unpinned */
	char eal_args[CONFIG_TEXT_MAX];	   /* further EAL arguments, split at blanks */
	bool hugepages;			   /* false: --no-huge */
	uint32_t memory_mb;		   /* packet memory */
	enum config_profile profile;
	uint32_t idle_spin_us, idle_yield_us, nap_max_us;
	uint32_t log_level;   /* 0 errors .. 4 debug */
	uint32_t socket_mode; /* of the program socket, octal in the file */
	/* [sockets] */
	uint32_t sockets_per_program, sessions_max, sessions_per_user, connections_max;
	uint32_t tx_ring_bytes, rx_ring_bytes;
	uint32_t rdma_heap_bytes; /* of each program, what it forked included */
	/* [transport] */
	uint32_t connect_timeout_ms, retry_count, rto_initial_us, rto_min_us, rto_max_ms,
	    give_up_ms, window_packets, ack_delay_us, keepalive_ms, zcopy_threshold;
	uint32_t dscp;
	bool selective_ack, ecn_echo; /* offered to peers that know them */
	enum config_congestion congestion;
	bool ecn;		  /* packets may be marked by switches */
	uint32_t delay_target_us; /* congestion = window */
	uint32_t dcqcn_line_mbit, dcqcn_period_us, dcqcn_raise_mbit; /* congestion = dcqcn */
	uint32_t cnp_interval_us;
	/* [close] */
	uint32_t disconn_timeout_ms, dreq_interval_ms, dreq_retries, timewait_ms;
	/* [port.*], [rule.*] */
	struct config_port port[SAN_PORTS_MAX];
	uint32_t port_count;
	struct config_rule rule[SAN_RULES_MAX];
	uint32_t rule_count;
	bool rules_default; /* none was written: these stand for the ports' prefixes */
};

#endif
