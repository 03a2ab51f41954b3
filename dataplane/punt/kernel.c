/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets to and from the kernel's devices. Main thread. */
#include "dataplane/punt/kernel.h"

#include "dataplane/io/kernel_device.h"
#include "dataplane/io/neigh.h"

#include <errno.h>
#include <netinet/in.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_mempool.h>
#include <rte_ring.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#define RING_PKTS 1024u
#define BURST	  64u
#define PACKET_MAX 9216u /* CONF's largest MTU */

struct device {
	int fd; /* -1: none */
	struct kernel_stats stats;
};

struct kernel {
	struct kernel_conf conf;
	int poll_fd;
	struct rte_ring *rings[CONF_WORKERS_MAX];
	struct device devices[CONF_REALMS_MAX];
	uint8_t packet[PACKET_MAX];
};

/* --- to the kernel --- */

/* The packet without what lies before and behind it: Ethernet's header, its padding. */
static uint32_t packet_bytes(const uint8_t *ip, uint8_t family)
{
	return family == NET_IP6 ? sizeof(struct rte_ipv6_hdr) + (ip[4] << 8 | ip[5])
				 : (uint32_t)(ip[2] << 8 | ip[3]);
}

static void to_kernel(struct kernel *kernel, struct rte_mbuf *m)
{
	const struct pkt *pkt = pkt_of(m);
	struct device *device = &kernel->devices[pkt->realm];
	uint32_t len = packet_bytes(rte_pktmbuf_mtod_offset(m, const uint8_t *, pkt->l3_off),
				    pkt->family);
	const void *ip = len <= sizeof(kernel->packet)
				 ? rte_pktmbuf_read(m, pkt->l3_off, len, kernel->packet)
				 : NULL;

	if (ip && write(device->fd, ip, len) == (ssize_t)len) {
		device->stats.to_kernel_pkts++;
		rte_pktmbuf_free(m);
		return;
	}
	pkt_drop(kernel->conf.drops, m, DROP_KERNEL);
}

/* --- from the kernel --- */

/* False: nothing that limen sends (multicast listeners' reports and the like). */
static bool read_headers(const uint8_t *ip, size_t len, struct pkt *pkt)
{
	uint8_t proto;

	if (len >= sizeof(struct rte_ipv4_hdr) && ip[0] >> 4 == 4) {
		pkt->family = NET_IP4;
		proto = ip[9];
		memset(&pkt->dst, 0, sizeof(pkt->dst));
		memcpy(pkt->dst.ip, ip + 16, 4);
	} else if (len >= sizeof(struct rte_ipv6_hdr) && ip[0] >> 4 == 6) {
		pkt->family = NET_IP6;
		proto = ip[6];
		memcpy(pkt->dst.ip, ip + 24, 16);
	} else {
		return false;
	}
	return proto == IPPROTO_TCP || proto == IPPROTO_SCTP;
}

static struct rte_mbuf *make_frame(struct kernel *kernel, uint8_t port, uint8_t family, size_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(kernel->conf.pool);
	struct rte_ether_hdr *eth;

	if (!m) {
		drop_count(kernel->conf.drops, DROP_NO_MBUF);
		return NULL;
	}
	if (sizeof(*eth) + len > rte_pktmbuf_tailroom(m)) {
		pkt_drop(kernel->conf.drops, m, DROP_TX_SIZE);
		return NULL;
	}
	eth = pkt_extend(m, (uint16_t)(sizeof(*eth) + len));
	memcpy(eth->src_addr.addr_bytes, kernel->conf.ports[port].mac, RTE_ETHER_ADDR_LEN);
	eth->ether_type = rte_cpu_to_be_16(family == NET_IP6 ? RTE_ETHER_TYPE_IPV6
							     : RTE_ETHER_TYPE_IPV4);
	memcpy(eth + 1, kernel->packet, len);
	m->port = port;
	return m;
}

static void from_kernel(struct kernel *kernel, uint8_t index, size_t len, uint64_t now_ns)
{
	const struct realm *realm = &kernel->conf.realms->realm[index];
	struct device *device = &kernel->devices[index];
	struct pkt head = {.realm = index};
	struct rte_mbuf *m;
	struct net_addr hop;

	if (!read_headers(kernel->packet, len, &head)) {
		device->stats.ignored_pkts++;
		return;
	}
	if (!realm_next_hop(realm, head.family, &head.dst, &hop)) {
		drop_count(kernel->conf.drops, DROP_NO_ROUTE);
		return;
	}
	m = make_frame(kernel, realm->port, head.family, len);
	if (!m)
		return;
	device->stats.from_kernel_pkts++;
	head.dst = hop;
	*pkt_of(m) = head;
	neigh_forward(kernel->conf.neigh, m, now_ns);
}

static bool read_device(struct kernel *kernel, uint8_t index, uint64_t now_ns)
{
	unsigned n;

	for (n = 0; n < BURST; n++) {
		ssize_t got = read(kernel->devices[index].fd, kernel->packet,
				   sizeof(kernel->packet));

		if (got <= 0)
			break;
		from_kernel(kernel, index, (size_t)got, now_ns);
	}
	return n != 0;
}

bool kernel_turn(struct kernel *kernel, uint64_t now_ns)
{
	struct rte_mbuf *pkts[BURST];
	bool busy = false;

	if (!kernel)
		return false;
	for (unsigned w = 0; w < kernel->conf.nworkers; w++) {
		unsigned n = rte_ring_sc_dequeue_burst(kernel->rings[w], (void **)pkts, BURST,
						       NULL);

		for (unsigned i = 0; i < n; i++)
			to_kernel(kernel, pkts[i]);
		busy |= n != 0;
	}
	for (unsigned i = 0; i < kernel->conf.realms->n; i++)
		if (kernel->devices[i].fd >= 0)
			busy |= read_device(kernel, (uint8_t)i, now_ns);
	return busy;
}

/* --- birth and death --- */

static int open_device(struct kernel *kernel, unsigned index, struct fault *fault)
{
	const struct conf_realm *realm = &kernel->conf.conf->realms[index];
	struct epoll_event event = {.events = EPOLLIN};
	char key[48];
	int fd;

	snprintf(key, sizeof(key), "realms[%u].kernel_device", index);
	fd = kernel_device_open(realm->kernel_device, &kernel->conf.realms->realm[index],
				kernel->conf.conf->ports[realm->port].mtu, key, fault);
	if (fd < 0)
		return fd;
	kernel->devices[index].fd = fd;
	if (epoll_ctl(kernel->poll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
		return fault_set(fault, -errno, "%s: cannot watch it: %s", key, strerror(errno));
	return 0;
}

static int make_rings(struct kernel *kernel, struct fault *fault)
{
	for (unsigned w = 0; w < kernel->conf.nworkers; w++) {
		char name[RTE_RING_NAMESIZE];

		snprintf(name, sizeof(name), "punt-%u", w);
		kernel->rings[w] = rte_ring_create(name, RING_PKTS, SOCKET_ID_ANY,
						   RING_F_SP_ENQ | RING_F_SC_DEQ);
		if (!kernel->rings[w])
			return fault_set(fault, -ENOMEM,
					 "machine.memory_mb: no room for the rings to the kernel; "
					 "raise it");
	}
	return 0;
}

int kernel_open(struct kernel **out, const struct kernel_conf *conf, struct fault *fault)
{
	struct kernel *kernel;
	bool any = false;
	int err = 0;

	*out = NULL;
	for (unsigned i = 0; i < conf->realms->n; i++)
		any |= conf->realms->realm[i].has_kernel;
	if (!any)
		return 0;
	kernel = calloc(1, sizeof(*kernel));
	if (!kernel)
		return fault_set(fault, -ENOMEM, "machine: no memory for the kernel's devices");
	kernel->conf = *conf;
	for (unsigned i = 0; i < CONF_REALMS_MAX; i++)
		kernel->devices[i].fd = -1;
	kernel->poll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (kernel->poll_fd < 0)
		err = fault_set(fault, -errno, "machine: no descriptor for the kernel's devices: %s",
				strerror(errno));
	for (unsigned i = 0; !err && i < conf->realms->n; i++)
		if (conf->realms->realm[i].has_kernel)
			err = open_device(kernel, i, fault);
	if (!err)
		err = make_rings(kernel, fault);
	if (err) {
		kernel_close(kernel);
		return err;
	}
	*out = kernel;
	return 0;
}

void kernel_close(struct kernel *kernel)
{
	if (!kernel)
		return;
	for (unsigned i = 0; i < CONF_REALMS_MAX; i++)
		if (kernel->devices[i].fd >= 0)
			kernel_device_close(kernel->devices[i].fd);
	for (unsigned w = 0; w < kernel->conf.nworkers; w++) {
		struct rte_mbuf *m;

		while (kernel->rings[w] &&
		       rte_ring_sc_dequeue(kernel->rings[w], (void **)&m) == 0)
			rte_pktmbuf_free(m);
		rte_ring_free(kernel->rings[w]);
	}
	if (kernel->poll_fd >= 0)
		close(kernel->poll_fd);
	free(kernel);
}

struct rte_ring *kernel_ring(const struct kernel *kernel, unsigned worker)
{
	return kernel ? kernel->rings[worker] : NULL;
}

int kernel_fd(const struct kernel *kernel)
{
	return kernel ? kernel->poll_fd : -1;
}

bool kernel_stats(const struct kernel *kernel, unsigned realm, struct kernel_stats *stats)
{
	if (!kernel || kernel->devices[realm].fd < 0)
		return false;
	*stats = kernel->devices[realm].stats;
	return true;
}
