/* SPDX-License-Identifier: BSD-3-Clause */
/* Ports: probe, configure, start, close. Main thread. */
#include "dataplane/io/port.h"

#include "common/log/log.h"
#include "dataplane/io/eal.h"
#include "dataplane/io/kernel_socket.h"
#include "dataplane/io/neigh_frame.h"
#include "dataplane/io/pkt.h"

#include <errno.h>
#include <net/if.h>
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_malloc.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define XDP_TRIES    20u
#define XDP_PAUSE_US 100000u
#define POOL_CACHE 256u

static int probe(struct port *port, const struct conf *conf, unsigned index, struct fault *fault)
{
	const char *text = conf->ports[index].device;
	char args[320];
	int err;

	if (port->device.kind != DEVICE_PCI) {
		unsigned npairs = conf->machine.nworkers,
			 there = machine_iface_queues(&port->device);

		npairs = there < npairs ? there : npairs;
		device_put_args(args, sizeof(args), text, &port->device, npairs);
		err = rte_dev_probe(args);
		if (err < 0)
			return fault_set(fault, err,
					 "ports[%u].device: \"%s\" cannot be opened: %s; see the "
					 "driver's arguments, and that its package "
					 "(librte-net-*) is there",
					 index, args, eal_error());
	}
	if (rte_eth_dev_get_port_by_name(port->device.name, &port->id) != 0)
		return fault_set(fault, -ENODEV,
				 "ports[%u].device: DPDK has no device \"%s\"; a PCI device must "
				 "be bound to vfio-pci "
				 "(dpdk-devbind.py --status)",
				 index, port->device.name);
	port->is_open = true;
	return 0;
}

static int count_queues(struct port *port, const struct conf *conf, unsigned index,
			const struct rte_eth_dev_info *info, struct fault *fault)
{
	unsigned nworkers = conf->machine.nworkers;

	unsigned wanted = conf->ports[index].queues;

	if (info->max_rx_queues < wanted)
		return fault_set(fault, -EINVAL,
				 "ports[%u].queues: port %s (%s) has %u receive queue%s, not %u; "
				 "ask for fewer",
				 index, port->name, port->device.name, info->max_rx_queues,
				 info->max_rx_queues == 1 ? "" : "s", wanted);
	/* Where a port has fewer than there are workers, the first ones send for the others. */
	port->ntxq = (uint16_t)RTE_MIN(nworkers, info->max_tx_queues);
	port->nrxq = (uint16_t)RTE_MIN(nworkers, wanted);
	/* A socket is a queue of either kind, and the kernel spreads packets over all of them. */
	if (device_pairs_queues(&port->device))
		port->nrxq = port->ntxq = RTE_MIN(port->ntxq, info->max_rx_queues);
	if (!port->ntxq)
		return fault_set(fault, -EINVAL,
				 "ports[%u].device: port %s (%s) cannot send; use another device",
				 index, port->name, port->device.name);
	return 0;
}

static int configure(struct port *port, unsigned index, const struct rte_eth_dev_info *info,
		     struct fault *fault)
{
	struct rte_eth_conf eth = {.rxmode.mtu = port->mtu};
	uint64_t tx = info->tx_offload_capa;
	int err;

	if (port->nrxq > 1) {
		eth.rx_adv_conf.rss_conf.rss_hf =
			(RTE_ETH_RSS_IP | RTE_ETH_RSS_UDP) & info->flow_type_rss_offloads;
		if (eth.rx_adv_conf.rss_conf.rss_hf)
			eth.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
	}
	eth.rxmode.offloads = info->rx_offload_capa &
			      (RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM);
	eth.txmode.offloads = tx & (RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM |
				    RTE_ETH_TX_OFFLOAD_MULTI_SEGS);
	port->tx_ip4_csum = tx & RTE_ETH_TX_OFFLOAD_IPV4_CKSUM;
	port->tx_udp_csum = tx & RTE_ETH_TX_OFFLOAD_UDP_CKSUM;
	port->tx_chains = tx & RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
	if (port->mtu > info->max_mtu)
		return fault_set(fault, -EINVAL,
				 "ports[%u].mtu: port %s (%s) carries at most %u, not %u", index,
				 port->name, port->device.name, info->max_mtu, port->mtu);
	err = rte_eth_dev_configure(port->id, port->nrxq, port->ntxq, &eth);
	if (err)
		return fault_set(fault, err,
				 "ports[%u]: port %s (%s) refuses %u queues and an MTU of %u: %s",
				 index, port->name, port->device.name, port->nrxq, port->mtu,
				 eal_error());
	return 0;
}

/* The kernel takes AF_XDP sockets off a queue some time after the process that had them is gone: a
 * restarted dataplane may come before that. */
static int set_up_rx(const struct port *port, uint16_t queue, uint16_t ndesc,
		     struct rte_mempool *pool)
{
	unsigned tries = port->device.kind == DEVICE_AF_XDP ? XDP_TRIES : 1;
	int err = -EINVAL;

	for (unsigned i = 0; err && i < tries; i++) {
		if (i) {
			usleep(XDP_PAUSE_US);
			eal_forget_error();
		}
		err = rte_eth_rx_queue_setup(port->id, queue, ndesc, SOCKET_ID_ANY, NULL, pool);
	}
	return err;
}

static int set_up_queues(struct port *port, unsigned index, const struct rte_eth_dev_info *info,
			 struct rte_mempool *const *pools, struct fault *fault)
{
	uint16_t nrx = info->default_rxportconf.ring_size, ntx = info->default_txportconf.ring_size;
	int err;

	nrx = nrx ? nrx : 1024;
	ntx = ntx ? ntx : 1024;
	rte_eth_dev_adjust_nb_rx_tx_desc(port->id, &nrx, &ntx);
	for (uint16_t q = 0; q < port->ntxq; q++) {
		err = rte_eth_tx_queue_setup(port->id, q, ntx, SOCKET_ID_ANY, NULL);
		if (err)
			return fault_set(fault, err,
					 "ports[%u]: transmit queue %u of port %s (%s): %s", index,
					 q, port->name, port->device.name, eal_error());
	}
	for (uint16_t q = 0; q < port->nrxq; q++) {
		err = set_up_rx(port, q, nrx, pools[q]);
		if (err)
			return fault_set(fault, err,
					 "ports[%u]: receive queue %u of port %s (%s): %s (is "
					 "another process using it?)",
					 index, q, port->name, port->device.name, eal_error());
	}
	return 0;
}

/* A kernel interface whose own MTU is smaller than ours would drop what we send. */
static int check_iface(struct port *port, unsigned index, struct fault *fault)
{
	struct ifreq request = {0};
	int sock, mtu = -1;

	if (!port->device.iface[0])
		return 0;
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", port->device.iface);
	sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (sock < 0)
		return 0;
	if (ioctl(sock, SIOCGIFMTU, &request) == 0)
		mtu = request.ifr_mtu;
	if (ioctl(sock, SIOCGIFFLAGS, &request) == 0 && !(request.ifr_flags & IFF_UP))
		LOG(WARN, "port", "interface is down, nothing will pass until it is up",
		    LOG_STR("port", port->name), LOG_STR("interface", port->device.iface));
	close(sock);
	if (mtu >= 0 && mtu < port->mtu)
		return fault_set(fault, -EINVAL,
				 "ports[%u].mtu: interface %s has an MTU of %d, less than %u; "
				 "raise it (ip link set %s mtu %u) or "
				 "lower this",
				 index, port->device.iface, mtu, port->mtu, port->device.iface,
				 port->mtu);
	return 0;
}

static int open_port(struct ports *ports, unsigned index, const struct conf *conf,
		     struct rte_mempool *const *pools, struct fault *fault)
{
	struct port *port = &ports->port[index];
	struct rte_eth_dev_info info;
	struct rte_ether_addr mac;
	const char *why;
	int err;

	memset(port, 0, sizeof(*port));
	snprintf(port->name, sizeof(port->name), "%s", conf->ports[index].name);
	port->mtu = (uint16_t)conf->ports[index].mtu;
	eal_forget_error();
	kernel_sockets_begin(index);
	err = device_parse(conf->ports[index].device, &port->device, &why);
	if (err)
		return fault_set(fault, err, "ports[%u].device: %s", index, why);
	err = check_iface(port, index, fault);
	if (!err)
		err = probe(port, conf, index, fault);
	if (err)
		return err;
	err = rte_eth_dev_info_get(port->id, &info);
	if (err)
		return fault_set(fault, err, "ports[%u].device: %s: %s", index, port->device.name,
				 eal_error());
	err = count_queues(port, conf, index, &info, fault);
	if (!err)
		err = configure(port, index, &info, fault);
	if (!err)
		err = set_up_queues(port, index, &info, pools, fault);
	if (!err && rte_eth_macaddr_get(port->id, &mac) == 0)
		memcpy(port->mac, mac.addr_bytes, sizeof(port->mac));
	return err;
}

int ports_open(struct ports *ports, const struct conf *conf, struct rte_mempool *const *pools,
	       struct fault *fault)
{
	ports->n = 0;
	for (unsigned i = 0; i < conf->nports; i++) {
		int err;

		ports->n = i + 1;
		err = open_port(ports, i, conf, pools, fault);
		if (err) {
			ports_close(ports);
			return err;
		}
	}
	return 0;
}

/* IPv6 neighbours ask by multicast. A port that cannot be told the groups is told to take all, or
 * everything. */
static void join_groups(struct port *port, uint8_t index, const struct realms *realms)
{
	struct rte_ether_addr groups[CONF_REALMS_MAX];
	uint32_t n = 0;

	for (unsigned i = 0; i < realms->n; i++) {
		const struct realm *realm = &realms->realm[i];
		uint8_t group[16];

		if (realm->port != index || !realm->ip6.is_set)
			continue;
		nd_solicited_node(group, realm->ip6.addr.ip);
		nd_multicast_mac(&groups[n++], group);
	}
	if (!n || rte_eth_dev_set_mc_addr_list(port->id, groups, n) == 0 ||
	    rte_eth_allmulticast_enable(port->id) == 0)
		return;
	port->is_promiscuous = rte_eth_promiscuous_enable(port->id) == 0;
}

int ports_start(struct ports *ports, const struct realms *realms, struct fault *fault)
{
	for (unsigned i = 0; i < ports->n; i++) {
		struct port *port = &ports->port[i];
		int err = rte_eth_dev_start(port->id);

		if (err)
			return fault_set(fault, err, "ports[%u]: port %s (%s) does not start: %s",
					 i, port->name, port->device.name, eal_error());
		join_groups(port, (uint8_t)i, realms);
	}
	return 0;
}

void ports_close(struct ports *ports)
{
	for (unsigned i = 0; i < ports->n; i++) {
		struct port *port = &ports->port[i];

		if (!port->is_open)
			continue;
		kernel_sockets_end(i);
		if (port->is_promiscuous) /* a kernel interface stays so behind us */
			(void)rte_eth_promiscuous_disable(port->id);
		(void)rte_eth_dev_stop(port->id);
		(void)rte_eth_dev_close(port->id);
		port->is_open = false;
	}
	ports->n = 0;
}

static void touch(struct rte_mempool *pool, void *arg, void *object, unsigned index)
{
	struct rte_mbuf *m = object;

	/* So that no packet pays for a page fault. */
	for (unsigned at = 0; at < m->buf_len; at += 4096)
		((volatile uint8_t *)m->buf_addr)[at] = 0;
	((volatile uint8_t *)m->buf_addr)[m->buf_len - 1] = 0;
}

struct rte_mempool *ports_pool_new(const struct conf *conf, const char *name, unsigned packets)
{
	unsigned cache = packets >= 4 * POOL_CACHE ? POOL_CACHE : 0;
	struct rte_mempool *pool =
		rte_pktmbuf_pool_create(name, packets, cache, PKT_PRIV_BYTES,
					(uint16_t)machine_data_room(conf), SOCKET_ID_ANY);

	if (pool)
		rte_mempool_obj_iter(pool, touch, NULL);
	return pool;
}
