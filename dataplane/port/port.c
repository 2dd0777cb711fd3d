/* SPDX-License-Identifier: BSD-3-Clause */
#include "port.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <bsd/string.h>
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_ether.h>

#include "capture.h"
#include "device.h"
#include "dpdk_compat.h"
#include "eal_log.h"
#include "frame_pool.h"
#include "netdev.h"
#include "port_priv.h"
#include "san_err.h"

#define RX_SLOTS  1024
#define TX_SLOTS  1024
#define TAG_BYTES (RTE_ETHER_HDR_LEN + RTE_VLAN_HLEN)

struct port ports[SAN_PORTS_MAX];

static int link_fd = -1;

/* Where a function says in one sentence what went wrong. */
struct complaint {
	const struct port_params *params;
	char *why;
	size_t why_size;
};

static int complain(const struct complaint *c, int err, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static int
complain(const struct complaint *c, int err, const char *fmt, ...)
{
	char text[192];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	snprintf(c->why, c->why_size, "port %s: %s", c->params->name, text);
	return err;
}

static struct port *
port_get(uint16_t port)
{
	return port < SAN_PORTS_MAX && ports[port].open ? &ports[port] : NULL;
}

uint32_t
port_frame_room(void)
{
	struct rte_mempool *pool = frame_pool_get();

	return pool ? (uint32_t)rte_pktmbuf_data_room_size(pool) - RTE_PKTMBUF_HEADROOM : 0;
}

/* ---- open ---- */

static bool
ethdev_find(const char *name, uint16_t *ethdev)
{
	struct rte_eth_dev_info info;

	if (rte_eth_dev_get_port_by_name(name, ethdev) == 0)
		return true;
	for (uint16_t id = 0; id < RTE_MAX_ETHPORTS; id++) {
		if (rte_eth_dev_is_valid_port(id) && rte_eth_dev_info_get(id, &info) == 0 &&
		    info.device && strcmp(rte_dev_name(info.device), name) == 0) {
			*ethdev = id;
			return true;
		}
	}
	return false;
}

static int
probe_error(const struct complaint *c, int rc, const char *device)
{
	switch (-rc) {
	case ENODEV:
	case ENOENT:
	case EFAULT: /* no driver knows the name */
		return complain(c, SAN_ENOENT,
		    "no such device \"%s\": see dpdk-devbind.py --status, or check the driver's "
		    "name",
		    device);
	case EEXIST:
		return complain(c, SAN_EEXIST, "device \"%s\" is in use already", device);
	case ENOMEM:
		return complain(c, SAN_ENOMEM, "not enough memory for device \"%s\"", device);
	default:
		return complain(c, SAN_EINVAL,
		    "device \"%s\" cannot be set up (%s): check its arguments", device,
		    strerror(-rc));
	}
}

/* Find the device or make it. */
static int
device_attach(struct port *p, const struct complaint *c)
{
	char name[DEVICE_NAME_MAX], args[DEVICE_ARGS_MAX];
	int rc;

	if (!device_name(c->params->device, name) ||
	    !device_complete(c->params->device, c->params->mtu, args, sizeof args))
		return complain(c, SAN_EINVAL, "device \"%.64s\" is no device", c->params->device);
	if (!ethdev_find(name, &p->ethdev)) {
		rc = rte_dev_probe(args);
		if (rc < 0)
			return probe_error(c, rc, c->params->device);
		p->probed = true;
		if (!ethdev_find(name, &p->ethdev))
			return complain(c, SAN_ENOENT, "device \"%s\" has no Ethernet port", name);
	}
	for (uint16_t i = 0; i < SAN_PORTS_MAX; i++) {
		if (ports[i].open && ports[i].ethdev == p->ethdev)
			return complain(
			    c, SAN_EEXIST, "device \"%s\" is port %s already", name, ports[i].name);
	}
	return 0;
}

static void
device_detach(struct port *p)
{
	struct rte_eth_dev_info info;

	if (!p->probed) {
		rte_eth_dev_stop(p->ethdev);
		return;
	}
	p->probed = false;
	if (rte_eth_dev_info_get(p->ethdev, &info) != 0 || !info.device)
		return;
	rte_eth_dev_close(p->ethdev);
	rte_dev_remove(info.device);
}

static int
link_event(uint16_t ethdev, enum rte_eth_event_type type, void *arg, void *ret)
{
	(void)ethdev;
	(void)type;
	(void)arg;
	(void)ret;
	eventfd_write(link_fd, 1);
	return 0;
}

/* The kernel's interface below has an MTU of its own. */
static int
netdev_prepare(const struct complaint *c)
{
	char iface[64];
	uint32_t had;
	int err;

	if (!device_on_netdev(c->params->device))
		return 0;
	if (!device_arg(c->params->device, "iface", iface, sizeof iface))
		return complain(c, SAN_EINVAL, "device \"%s\" needs iface=NAME", c->params->device);
	err = netdev_mtu_raise(iface, c->params->mtu, &had);
	if (err == SAN_ENOENT)
		return complain(c, err, "there is no interface %s", iface);
	if (err)
		return complain(c, err,
		    "interface %s has MTU %u and cannot be given %u (ip link set %s mtu %u)", iface,
		    had, c->params->mtu, iface, c->params->mtu);
	return 0;
}

static int
ethdev_configure(struct port *p, const struct rte_eth_dev_info *info, const struct complaint *c)
{
	struct rte_eth_conf conf = {0};
	uint64_t fast_free = RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE;
	int rc;

	conf.txmode.offloads = info->tx_offload_capa & fast_free; /* one pool, no shared buffers */
	if (*info->dev_flags & RTE_ETH_DEV_INTR_LSC)
		conf.intr_conf.lsc = 1;
	rc = rte_eth_dev_configure(p->ethdev, 1, 1, &conf);
	if (rc < 0)
		return complain(
		    c, SAN_EIO, "the device refuses one queue pair (%s)", strerror(-rc));
	p->rx_slots = RX_SLOTS;
	p->tx_slots = TX_SLOTS;
	rte_eth_dev_adjust_nb_rx_tx_desc(p->ethdev, &p->rx_slots, &p->tx_slots);
	return 0;
}

static int
ethdev_mtu(struct port *p, const struct rte_eth_dev_info *info, const struct complaint *c)
{
	uint32_t mtu = c->params->mtu;

	if (mtu + TAG_BYTES > port_frame_room())
		return complain(c, SAN_EINVAL,
		    "MTU %u does not fit the frames of the packet pool (%u bytes)", mtu,
		    port_frame_room());
	p->mtu_set = rte_eth_dev_set_mtu(p->ethdev, (uint16_t)mtu) == 0;
	if (p->mtu_set || device_mtu_free(c->params->device) || mtu <= RTE_ETHER_MTU)
		return 0;
	return complain(c, SAN_EINVAL, "%s cannot carry MTU %u, at most %u", info->driver_name, mtu,
	    info->max_mtu);
}

static int
ethdev_queues(struct port *p, const struct complaint *c)
{
	int rc, socket = rte_eth_dev_socket_id(p->ethdev);

	rc = rte_eth_rx_queue_setup(
	    p->ethdev, 0, p->rx_slots, (unsigned)socket, NULL, frame_pool_get());
	if (rc == 0)
		rc = rte_eth_tx_queue_setup(p->ethdev, 0, p->tx_slots, (unsigned)socket, NULL);
	if (rc < 0)
		return complain(c, rc == -ENOMEM ? SAN_ENOMEM : SAN_EIO,
		    "queues cannot be set up (%s): not enough packet memory, or frames too large "
		    "for it",
		    strerror(-rc));
	return 0;
}

/* The device's own address unless another one is configured. A driver that cannot change it still
 * works: the port listens to everything, and frames carry the configured address. */
static void
ethdev_mac(struct port *p, const uint8_t mac[6])
{
	struct rte_ether_addr addr;

	memcpy(addr.addr_bytes, mac, sizeof addr.addr_bytes);
	if (rte_is_zero_ether_addr(&addr)) {
		rte_eth_macaddr_get(p->ethdev, &addr);
	} else if (rte_eth_dev_default_mac_addr_set(p->ethdev, &addr) != 0) {
		rte_eth_promiscuous_enable(p->ethdev);
	}
	memcpy(p->mac, addr.addr_bytes, sizeof p->mac);
	/* Neighbour discovery comes to multicast addresses. */
	rte_eth_allmulticast_enable(p->ethdev);
}

static int
ethdev_setup(struct port *p, const struct complaint *c)
{
	struct rte_eth_dev_info info;
	int err;

	if (rte_eth_dev_info_get(p->ethdev, &info) != 0)
		return complain(c, SAN_EIO, "the device does not answer");
	err = ethdev_configure(p, &info, c);
	if (!err)
		err = ethdev_mtu(p, &info, c);
	if (!err)
		err = ethdev_queues(p, c);
	if (err)
		return err;
	ethdev_mac(p, c->params->mac);
	rte_eth_dev_callback_register(p->ethdev, RTE_ETH_EVENT_INTR_LSC, link_event, NULL);
	return 0;
}

int
port_open(uint16_t port, const struct port_params *params, char *why, size_t why_size)
{
	struct complaint c = {params, why, why_size};
	struct port *p = &ports[port];
	int err;

	if (port >= SAN_PORTS_MAX || params->mtu > UINT16_MAX)
		return complain(&c, SAN_EINVAL, "number or MTU out of range");
	if (p->open)
		return complain(&c, SAN_EEXIST, "open already");
	if (!frame_pool_get())
		return complain(&c, SAN_ENOMEM, "there is no packet memory");
	if (port_link_fd() < 0)
		return complain(&c, SAN_EIO, "no descriptor left for link events");
	*p = (struct port){.mtu = params->mtu, .vlan = params->vlan};
	strlcpy(p->name, params->name, sizeof p->name);
	strlcpy(p->device, params->device, sizeof p->device);
	eal_log_hold();
	err = netdev_prepare(&c);
	if (!err)
		err = device_attach(p, &c);
	if (!err)
		err = ethdev_setup(p, &c);
	if (err && p->probed)
		device_detach(p);
	eal_log_release();
	p->open = !err;
	return err;
}

void
port_close(uint16_t port)
{
	struct port *p = port_get(port);

	if (!p)
		return;
	port_stop(port);
	rte_eth_dev_callback_unregister(p->ethdev, RTE_ETH_EVENT_INTR_LSC, link_event, NULL);
	device_detach(p);
	p->open = false;
}

/* ---- running ---- */

int
port_start(uint16_t port)
{
	struct port *p = port_get(port);

	if (!p)
		return SAN_ENOENT;
	if (p->started)
		return 0;
	if (rte_eth_dev_start(p->ethdev) != 0)
		return SAN_EIO;
	p->started = true;
	return 0;
}

int
port_stop(uint16_t port)
{
	struct port *p = port_get(port);

	if (!p)
		return SAN_ENOENT;
	if (p->started)
		rte_eth_dev_stop(p->ethdev);
	p->started = false;
	return 0;
}

static bool
link_read(const struct port *p, uint32_t *speed)
{
	struct rte_eth_link link = {0};

	*speed = 0;
	if (!p->started || rte_eth_link_get_nowait(p->ethdev, &link) != 0)
		return false;
	if (link.link_speed != RTE_ETH_SPEED_NUM_UNKNOWN)
		*speed = link.link_speed;
	return link.link_status == RTE_ETH_LINK_UP;
}

int
port_link_fd(void)
{
	if (link_fd < 0)
		link_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return link_fd;
}

bool
port_link_changed(uint16_t port, bool *up)
{
	struct port *p = port_get(port);
	uint32_t speed;

	if (!p)
		return false;
	*up = link_read(p, &speed);
	if (*up == p->link_told)
		return false;
	p->link_told = *up;
	return true;
}

int
port_info_get(uint16_t port, struct port_info *out)
{
	const struct port *p = port_get(port);
	struct rte_eth_dev_info info;

	if (!p)
		return SAN_ENOENT;
	*out = (struct port_info){.started = p->started,
	    .vlan = p->vlan,
	    .mtu = p->mtu,
	    .mtu_set = p->mtu_set,
	    .rx_slots = p->rx_slots,
	    .tx_slots = p->tx_slots};
	strlcpy(out->name, p->name, sizeof out->name);
	strlcpy(out->device, p->device, sizeof out->device);
	memcpy(out->mac, p->mac, sizeof out->mac);
	if (rte_eth_dev_info_get(p->ethdev, &info) == 0)
		strlcpy(out->driver, info.driver_name, sizeof out->driver);
	out->numa = rte_eth_dev_socket_id(p->ethdev);
	out->link_up = link_read(p, &out->speed_mbps);
	return 0;
}

int
port_stats_get(uint16_t port, struct port_stats *out)
{
	const struct port *p = port_get(port);
	struct rte_eth_stats s = {0};

	if (!p)
		return SAN_ENOENT;
	rte_eth_stats_get(p->ethdev, &s);
	*out = (struct port_stats){.rx_packets = s.ipackets,
	    .tx_packets = s.opackets,
	    .rx_bytes = s.ibytes,
	    .tx_bytes = s.obytes,
	    .rx_missed = s.imissed,
	    .rx_nombuf = s.rx_nombuf,
	    .rx_errors = s.ierrors,
	    .tx_errors = s.oerrors,
	    .rx_segmented = atomic_load_explicit(&p->rx_segmented, memory_order_relaxed),
	    .rx_dropped = atomic_load_explicit(&p->rx_dropped, memory_order_relaxed)};
	return 0;
}

int
port_xstat_get(uint16_t port, uint32_t i, struct port_xstat *out)
{
	const struct port *p = port_get(port);
	struct rte_eth_xstat_name name;
	uint64_t id = i;

	/* Asked beyond the last, DPDK complains in the log. */
	if (!p || (int64_t)i >= rte_eth_xstats_get_names(p->ethdev, NULL, 0))
		return SAN_ENOENT;
	if (rte_eth_xstats_get_names_by_id(p->ethdev, &name, 1, &id) != 1 ||
	    rte_eth_xstats_get_by_id(p->ethdev, &id, &out->value, 1) != 1)
		return SAN_ENOENT;
	strlcpy(out->name, name.name, sizeof out->name);
	return 0;
}

/* ---- poll thread ---- */

static void
count(_Atomic uint64_t *counter)
{
	/* One writer: no locked instruction needed. */
	atomic_store_explicit(
	    counter, atomic_load_explicit(counter, memory_order_relaxed) + 1, memory_order_relaxed);
}

/* Make odd frames ordinary: join segments, put a stripped VLAN tag back. False: does not fit. */
static bool
frame_straighten(struct port *p, struct rte_mbuf **frame)
{
	struct rte_mbuf *m = *frame;

	if (m->nb_segs > 1) {
		count(&p->rx_segmented);
		if (rte_pktmbuf_linearize(m) != 0)
			return false;
	}
	if ((m->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) != 0) {
		if (rte_vlan_insert(frame) != 0)
			return false;
		(*frame)->ol_flags &= ~(RTE_MBUF_F_RX_VLAN_STRIPPED | RTE_MBUF_F_TX_VLAN);
	}
	return true;
}

/* Returns how many frames are left. */
static uint16_t
burst_straighten(struct port *p, struct rte_mbuf **frames, uint16_t n)
{
	uint16_t kept = 0;

	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = frames[i];

		if (m->nb_segs > 1 || (m->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) != 0) {
			if (!frame_straighten(p, &m)) {
				count(&p->rx_dropped);
				rte_pktmbuf_free(m);
				continue;
			}
		}
		frames[kept++] = m;
	}
	return kept;
}

uint16_t
port_rx(uint16_t port, struct frame **frames, uint16_t n)
{
	struct rte_mbuf **mbufs = (struct rte_mbuf **)frames;
	struct port *p = &ports[port];

	n = rte_eth_rx_burst(p->ethdev, 0, mbufs, n);
	if (n == 0)
		return 0;
	n = burst_straighten(p, mbufs, n);
	if (capture_wanted())
		capture_copy(p->ethdev, mbufs, n, false);
	return n;
}

uint16_t
port_tx(uint16_t port, struct frame **frames, uint16_t n)
{
	struct rte_mbuf **mbufs = (struct rte_mbuf **)frames;
	struct port *p = &ports[port];

	uint16_t sent;

	/* Recorded before the NIC has them, since afterwards they are not ours. What it does not
	 * take comes again as the first frames of the next call and is not recorded twice. */
	if (capture_wanted() && n > p->tx_recorded) {
		capture_copy(p->ethdev, mbufs + p->tx_recorded, n - p->tx_recorded, true);
		p->tx_recorded = n;
	}
	sent = rte_eth_tx_burst(p->ethdev, 0, mbufs, n);
	p->tx_recorded = p->tx_recorded > sent ? p->tx_recorded - sent : 0;
	return sent;
}
