/* SPDX-License-Identifier: BSD-3-Clause */
/* EAL arguments, pools and queues. While starting, but port_flush. */
#include "bench/load/port.h"

#include "bench/load/load.h"

#include <errno.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define ARGS_MAX      (16u + EAL_MAX)
#define LINK_WAIT_MS  30000
#define POOL_CACHE    512u

static int fail(int err, const char *what, const char *which)
{
	fprintf(stderr, "limen-load: %s %s: %s\n", what, which, strerror(-err));
	return err;
}

static bool is_pci(const char *device)
{
	return strncmp(device, "net_", 4) != 0;
}

static int start_eal(const struct options *o)
{
	static char lcores[32], prefix[48], memory[] = "-m512";
	char *args[ARGS_MAX + PORTS_MAX * 2];
	unsigned n = 0;
	bool pci = false;

	snprintf(lcores, sizeof(lcores), "--lcores=0@%u", o->cpu);
	snprintf(prefix, sizeof(prefix), "--file-prefix=limen-load-%d", (int)getpid());
	args[n++] = (char *)(uintptr_t)"limen-load";
	args[n++] = lcores;
	args[n++] = prefix;
	args[n++] = (char *)(uintptr_t)"--no-telemetry";
	args[n++] = (char *)(uintptr_t)"--log-level=*:error";
	if (o->no_huge) {
		args[n++] = (char *)(uintptr_t)"--no-huge";
		args[n++] = memory;
		args[n++] = (char *)(uintptr_t)"--no-shconf";
	} else {
		args[n++] = (char *)(uintptr_t)"--in-memory";
		args[n++] = (char *)(uintptr_t)"--single-file-segments"; /* net_memif's zero-copy asks for it */
	}
	for (unsigned i = 0; i < o->nports; i++) {
		if (!is_pci(o->ports[i]))
			continue;
		pci = true;
		args[n++] = (char *)(uintptr_t)"--allow";
		args[n++] = (char *)(uintptr_t)o->ports[i];
	}
	if (!pci) {
		args[n++] = (char *)(uintptr_t)"--no-pci";
		args[n++] = (char *)(uintptr_t)"--iova-mode=va";
	}
	for (unsigned i = 0; i < o->neal; i++)
		args[n++] = (char *)(uintptr_t)o->eal[i];
	if (rte_eal_init((int)n, args) < 0)
		return fail(rte_errno ? -rte_errno : -EIO, "DPDK does not start", "");
	return 0;
}

static void fill(struct rte_mempool *pool, void *arg, void *object, unsigned index)
{
	struct rte_mbuf *m = object;

	memset(m->buf_addr, FILL_BYTE, m->buf_len);
}

static int make_pools(struct ports *ports, const struct options *o)
{
	ports->tx_pool = rte_pktmbuf_pool_create("tx", o->mbufs, POOL_CACHE, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	ports->rx_pool = rte_pktmbuf_pool_create("rx", o->mbufs, POOL_CACHE, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	if (!ports->tx_pool || !ports->rx_pool)
		return fail(-ENOMEM, "packet buffers (--mbufs, hugepages)", "");
	rte_mempool_obj_iter(ports->tx_pool, fill, NULL);
	rte_mempool_obj_iter(ports->rx_pool, fill, NULL);
	return 0;
}

static int open_port(struct port *port, const char *device, struct rte_mempool *rx_pool)
{
	struct rte_eth_conf conf = {0};
	struct rte_eth_dev_info info;
	struct rte_ether_addr mac;
	uint16_t nrx, ntx;
	char name[64];
	int err = 0;

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(device, ","), device);
	if (!is_pci(device))
		err = rte_dev_probe(device);
	if (err || rte_eth_dev_get_port_by_name(name, &port->id))
		return fail(err ? err : -ENODEV, "cannot open port", device);
	err = rte_eth_dev_info_get(port->id, &info);
	if (!err)
		err = rte_eth_dev_configure(port->id, 1, 1, &conf);
	if (err)
		return fail(err, "cannot configure port", device);
	nrx = info.default_rxportconf.ring_size ? info.default_rxportconf.ring_size : 1024;
	ntx = info.default_txportconf.ring_size ? info.default_txportconf.ring_size : 1024;
	rte_eth_dev_adjust_nb_rx_tx_desc(port->id, &nrx, &ntx);
	err = rte_eth_tx_queue_setup(port->id, 0, ntx, SOCKET_ID_ANY, NULL);
	if (!err)
		err = rte_eth_rx_queue_setup(port->id, 0, nrx, SOCKET_ID_ANY, NULL, rx_pool);
	if (!err)
		err = rte_eth_dev_start(port->id);
	if (err)
		return fail(err, "cannot start port", device);
	port->is_started = true;
	(void)rte_eth_promiscuous_enable(port->id);
	(void)rte_eth_allmulticast_enable(port->id);
	if (rte_eth_macaddr_get(port->id, &mac) == 0)
		memcpy(port->mac, mac.addr_bytes, 6);
	return 0;
}

static int wait_for_links(const struct ports *ports, const struct options *o)
{
	const struct timespec nap = {.tv_nsec = 10000000};

	for (unsigned waited = 0, i = 0; i < ports->n; waited += 10) {
		struct rte_eth_link link = {0};

		(void)rte_eth_link_get_nowait(ports->port[i].id, &link);
		if (link.link_status) {
			i++;
			continue;
		}
		if (waited >= LINK_WAIT_MS)
			return fail(-ENETDOWN, "no link on port", o->ports[i]);
		nanosleep(&nap, NULL);
	}
	return 0;
}

int ports_start(struct ports *ports, const struct options *o)
{
	int err = start_eal(o);

	if (!err)
		err = make_pools(ports, o);
	for (unsigned i = 0; !err && i < o->nports; i++) {
		ports->n = i + 1;
		err = open_port(&ports->port[i], o->ports[i], ports->rx_pool);
	}
	return err ? err : wait_for_links(ports, o);
}

void ports_linger(const struct ports *ports, double seconds)
{
	const struct timespec nap = {.tv_nsec = 10000000};

	for (double waited = 0; waited < seconds && !load_stop; waited += 0.01) {
		unsigned up = 0;

		for (unsigned i = 0; i < ports->n; i++) {
			struct rte_eth_link link = {0};

			(void)rte_eth_link_get_nowait(ports->port[i].id, &link);
			up += link.link_status;
		}
		if (!up)
			return;
		nanosleep(&nap, NULL);
	}
}

void ports_stop(struct ports *ports)
{
	for (unsigned i = 0; i < ports->n; i++) {
		struct port *port = &ports->port[i];

		rte_pktmbuf_free_bulk(port->queue, port->n);
		port->n = 0;
		if (!port->is_started)
			continue;
		(void)rte_eth_dev_stop(port->id);
		(void)rte_eth_dev_close(port->id);
	}
	rte_eal_cleanup();
}

uint32_t port_flush(struct port *port)
{
	uint32_t sent;

	if (!port->n)
		return 0;
	sent = rte_eth_tx_burst(port->id, 0, port->queue, (uint16_t)port->n);
	port->tx_pkts += sent;
	port->n -= sent;
	if (port->n)
		memmove(port->queue, port->queue + sent, port->n * sizeof(port->queue[0]));
	return sent;
}
