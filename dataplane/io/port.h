/* SPDX-License-Identifier: BSD-3-Clause */
/* The ports: DPDK devices with their queues: worker w's are number w, where there are so many.
 * Opened and closed by the main thread; the workers then use their own queues. Ports go by their
 * index in the config; DPDK's number is `id`. */
#pragma once

struct rte_mempool;
struct rte_eth_stats;

#include "dataplane/io/device.h"
#include "dataplane/io/realm.h"

struct port {
	char name[64]; /* the config's */
	struct device device;
	uint16_t id; /* DPDK's */
	uint16_t nrxq, ntxq;
	uint16_t mtu;
	uint8_t mac[6];
	bool tx_ip4_csum;    /* the port fills in the IPv4 header checksum */
	bool tx_udp_csum;    /* and that of UDP */
	bool tx_chains;	     /* takes packets of several segments */
	bool is_promiscuous; /* we made it so */
	bool is_open;
};

struct ports {
	unsigned n;
	struct port port[CONF_PORTS_MAX];
};

/* Probe, configure and set up all ports; pools[w] is worker w's. 0, or -errno with the fault (then
 * nothing is left open). */
int ports_open(struct ports *ports, const struct conf *conf, struct rte_mempool *const *pools,
	       struct fault *fault);

/* Let packets in. */
int ports_start(struct ports *ports, const struct realms *realms, struct fault *fault);
/* Stop and close; the workers have stopped. */
void ports_close(struct ports *ports);

/* Worker w's packets. NULL: no memory. */
struct rte_mempool *ports_pool_new(const struct conf *conf, const char *name, unsigned packets);
