/* SPDX-License-Identifier: BSD-3-Clause */
/* Checks of the machine against the config, before DPDK. Main thread, while starting. */
#include "dataplane/io/machine.h"

#include "dataplane/io/device.h"
#include "dataplane/io/pkt.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <linux/ethtool.h>
#include <linux/mman.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define MIB 1048576ull
/* Beside the packets: rings, port structures, DPDK's own. */
#define DPDK_MIB 24u
/* A worker's buffers, its mempool cache, packets on their way between workers. */
#define WORKER_PACKETS 1024u
/* AF_XDP: the kernel keeps 256 bytes before each frame, and a buffer with all its heads must not
 * exceed a page. */
#define AF_XDP_HEADROOM 256u
#define AF_XDP_MTU_MAX	3400u

static int check_cpu(unsigned cpu, const cpu_set_t *allowed, const char *key, struct fault *fault)
{
	long configured = sysconf(_SC_NPROCESSORS_CONF), online = sysconf(_SC_NPROCESSORS_ONLN);

	if (cpu < CPU_SETSIZE && CPU_ISSET(cpu, allowed))
		return 0;
	if (configured > 0 && cpu >= (unsigned long)configured)
		return fault_set(fault, -EINVAL,
				 "%s: there is no CPU %u on this machine, which has CPUs 0 to %ld; "
				 "name one of those",
				 key, cpu, configured - 1);
	return fault_set(fault, -EINVAL,
			 "%s: CPU %u is offline or not allowed to this process (%ld are online); "
			 "see taskset and the unit's AllowedCPUs",
			 key, cpu, online);
}

static int check_cpus(const struct conf_machine *machine, struct fault *fault)
{
	cpu_set_t allowed;
	int err;

	if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0)
		return fault_set(fault, -errno, "machine: cannot ask which CPUs are allowed: %s",
				 strerror(errno));
	err = check_cpu(machine->main_cpu, &allowed, "machine.main_cpu", fault);
	for (unsigned w = 0; !err && w < machine->nworkers; w++) {
		char key[48];

		snprintf(key, sizeof(key), "machine.workers[%u]", w);
		err = check_cpu(machine->workers[w], &allowed, key, fault);
	}
	return err;
}

unsigned machine_iface_queues(const struct device *device)
{
	struct ethtool_channels channels = {.cmd = ETHTOOL_GCHANNELS};
	struct ifreq request = {.ifr_data = (void *)&channels};
	int sock, got;

	if (device->kind != DEVICE_AF_XDP)
		return UINT_MAX;
	sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (sock < 0)
		return 1;
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", device->iface);
	got = ioctl(sock, SIOCETHTOOL, &request);
	close(sock);
	return got == 0 && channels.combined_count ? channels.combined_count : 1;
}

static int check_socket(unsigned index, const struct device *device, struct fault *fault)
{
	bool xdp = device->kind == DEVICE_AF_XDP;
	int sock = socket(xdp ? AF_XDP : AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	int err = errno;

	if (sock >= 0) {
		close(sock);
		return 0;
	}
	if (err == EPERM || err == EACCES)
		return fault_set(fault, -err,
				 "ports[%u].device: no permission for %s; run as root, or give the "
				 "process %s",
				 index, device->name,
				 xdp ? "CAP_NET_ADMIN, CAP_NET_RAW, CAP_BPF and CAP_IPC_LOCK"
				     : "CAP_NET_RAW and CAP_NET_ADMIN");
	if (err == EAFNOSUPPORT)
		return fault_set(fault, -err,
				 "ports[%u].device: this kernel has no %s sockets; use another "
				 "driver for the port",
				 index, xdp ? "AF_XDP" : "AF_PACKET");
	return fault_set(fault, -err, "ports[%u].device: %s: %s", index, device->name,
			 strerror(err));
}

static int check_port(const struct conf *conf, unsigned index, struct fault *fault)
{
	const struct conf_port *port = &conf->ports[index];
	struct device device;
	const char *why;
	unsigned queues;
	int err = device_parse(port->device, &device, &why);

	if (err)
		return fault_set(fault, err, "ports[%u].device: \"%s\": %s", index, port->device,
				 why);
	for (unsigned i = 0; i < index; i++) {
		struct device other;

		if (device_parse(conf->ports[i].device, &other, &why) == 0 &&
		    (strcmp(device.name, other.name) == 0 ||
		     (device.iface[0] && strcmp(device.iface, other.iface) == 0)))
			return fault_set(fault, -EINVAL,
					 "ports[%u].device: \"%s\" is port %s's already; give each "
					 "port a device of its own",
					 index, device.iface[0] ? device.iface : device.name,
					 conf->ports[i].name);
	}
	if (!device_pairs_queues(&device))
		return 0;
	if (!if_nametoindex(device.iface))
		return fault_set(fault, -ENODEV,
				 "ports[%u].device: there is no network interface \"%s\" here; "
				 "\"ip link\" lists those there are",
				 index, device.iface);
	err = check_socket(index, &device, fault);
	if (err)
		return err;
	if (device.kind == DEVICE_AF_PACKET) {
		if (port->mtu > 1500)
			return fault_set(
				fault, -EINVAL,
				"ports[%u].mtu: net_af_packet carries at most 1500, not %u", index,
				port->mtu);
		return 0;
	}
	if (port->mtu > AF_XDP_MTU_MAX)
		return fault_set(fault, -EINVAL,
				 "ports[%u].mtu: net_af_xdp carries at most %u, not %u", index,
				 AF_XDP_MTU_MAX, port->mtu);
	queues = machine_iface_queues(&device);
	if (queues < port->queues)
		return fault_set(fault, -EINVAL,
				 "ports[%u].queues: interface %s has %u queue%s for net_af_xdp, "
				 "not %u; ask for fewer, or give it more "
				 "(ethtool -L %s combined %u)",
				 index, device.iface, queues, queues == 1 ? "" : "s", port->queues,
				 device.iface, port->queues);
	return 0;
}

unsigned machine_data_room(const struct conf *conf)
{
	unsigned room = 0;

	for (unsigned i = 0; i < conf->nports; i++) {
		struct device device;
		const char *why;
		unsigned need = conf->ports[i].mtu + 14 + 4;

		if (device_parse(conf->ports[i].device, &device, &why) == 0 &&
		    device.kind == DEVICE_AF_XDP)
			need += AF_XDP_HEADROOM;
		room = need > room ? need : room;
	}
	/* net_af_packet wants room for its whole ring frame of 2,048. */
	room = room < 2048 ? 2048 : (room + 127) / 128 * 128;
	return RTE_PKTMBUF_HEADROOM + room;
}

/* Bytes of one packet buffer: object header, mbuf, private area, data, in whole cache lines, and
 * one more that the mempool may add to spread objects over memory channels. In plain memory no
 * buffer crosses a page; the pointer lies in the pool's ring. */
static size_t packet_bytes(const struct conf *conf, enum machine_memory memory)
{
	size_t bytes = 64 + 64 + sizeof(struct rte_mbuf) + PKT_PRIV_BYTES + machine_data_room(conf);

	bytes = (bytes + 63) / 64 * 64;
	if (memory == MEMORY_PLAIN)
		bytes = bytes <= 4096 ? 4096 / (4096 / bytes) : (bytes + 4095) / 4096 * 4096;
	return bytes + 2 * sizeof(void *);
}

/* Packets that a worker's queues on that port hold at the most. */
static unsigned port_packets(const struct conf_port *port)
{
	struct device device;
	const char *why;

	if (device_parse(port->device, &device, &why) != 0)
		return 0;
	switch (device.kind) {
	case DEVICE_AF_XDP:
		return 2 * 2048; /* fill ring, send ring */
	case DEVICE_PCI:
		return 2 * 1024;
	default:
		return 0; /* copies on the way in and out, or keeps a burst */
	}
}

/* How many MiB of these pages can really be had, which a container may limit below what is free. */
static unsigned long hugepages_mappable_mib(unsigned long mib, unsigned long page_kib)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB |
		    __builtin_ctzl(page_kib * 1024) << MAP_HUGE_SHIFT;
	void *at = mib ? mmap(NULL, mib * MIB, PROT_READ | PROT_WRITE, flags, -1, 0) : MAP_FAILED;

	if (at == MAP_FAILED)
		return 0;
	munmap(at, mib * MIB);
	return mib;
}

/* Hugepages of all sizes, in MiB. */
static unsigned long hugepages_free_mib(void)
{
	static const char dir[] = "/sys/kernel/mm/hugepages";
	unsigned long mib = 0;
	struct dirent *entry;
	DIR *sizes = opendir(dir);

	while (sizes && (entry = readdir(sizes))) {
		char path[320];
		unsigned long kib, n = 0;
		FILE *file;

		if (sscanf(entry->d_name, "hugepages-%lukB", &kib) != 1)
			continue;
		snprintf(path, sizeof(path), "%s/%s/free_hugepages", dir, entry->d_name);
		file = fopen(path, "re");
		if (!file)
			continue;
		if (fscanf(file, "%lu", &n) == 1)
			mib += hugepages_mappable_mib(n * (kib / 1024), kib);
		fclose(file);
	}
	if (sizes)
		closedir(sizes);
	return mib;
}

static unsigned long memory_available_mib(void)
{
	FILE *file = fopen("/proc/meminfo", "re");
	unsigned long kib = 0;
	char line[128];

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "MemAvailable: %lu kB", &kib) == 1)
			break;
	if (file)
		fclose(file);
	return kib / 1024;
}

static unsigned long needed_mib(const struct conf *conf, enum machine_memory memory)
{
	unsigned long packets =
		(unsigned long)conf->machine.nworkers * conf->machine.mbufs + MACHINE_MAIN_PACKETS;

	return (unsigned long)(packets * packet_bytes(conf, memory) / MIB) + DPDK_MIB;
}

static int check_memory(const struct conf *conf, enum machine_memory *memory, struct fault *fault)
{
	const struct conf_machine *machine = &conf->machine;
	unsigned long huge = strcmp(machine->hugepages, "never") == 0 ? 0 : hugepages_free_mib();
	unsigned long need = needed_mib(conf, MEMORY_HUGEPAGES), plain;

	*memory = huge >= need ? MEMORY_HUGEPAGES : MEMORY_PLAIN;
	if (*memory == MEMORY_PLAIN && strcmp(machine->hugepages, "require") == 0)
		return fault_set(fault, -ENOMEM,
				 "machine.hugepages: %lu MiB of hugepages are needed and %lu MiB "
				 "can be had; reserve them "
				 "(sysctl vm.nr_hugepages=%lu), or say \"auto\"",
				 need, huge, (need + 1) / 2);
	need = needed_mib(conf, *memory);
	if (need > machine->memory_mb)
		return fault_set(fault, -ENOMEM,
				 "machine.memory_mb: %u packet buffers (machine.mbufs) for each of "
				 "%u worker%s need %lu MiB, not %u; "
				 "raise it, or lower machine.mbufs",
				 machine->mbufs, machine->nworkers,
				 machine->nworkers == 1 ? "" : "s", need, machine->memory_mb);
	plain = memory_available_mib();
	if (*memory == MEMORY_PLAIN && plain && plain < machine->memory_mb)
		return fault_set(fault, -ENOMEM,
				 "machine.memory_mb: %u MiB are asked for and %lu MiB are "
				 "available; lower it",
				 machine->memory_mb, plain);
	return 0;
}

static int check_packets(const struct conf *conf, struct fault *fault)
{
	unsigned held = 0;

	for (unsigned i = 0; i < conf->nports; i++)
		held += port_packets(&conf->ports[i]);
	if (conf->machine.mbufs < held + WORKER_PACKETS)
		return fault_set(fault, -EINVAL,
				 "machine.mbufs: %u are too few, the queues of the ports alone "
				 "hold %u; set at least %u",
				 conf->machine.mbufs, held, held + WORKER_PACKETS);
	return 0;
}

static int check_kernel_device(const struct conf *conf, unsigned index, struct fault *fault)
{
	const char *device = conf->realms[index].kernel_device;

	if (!device || !*device || access("/dev/net/tun", R_OK | W_OK) == 0)
		return 0;
	return fault_set(fault, -errno,
			 "realms[%u].kernel_device: cannot open /dev/net/tun for %s: %s; run as "
			 "root, load the kernel's module tun, or leave the key out: then there is "
			 "no TCP",
			 index, device, strerror(errno));
}

int machine_check(const struct conf *conf, enum machine_memory *memory, struct fault *fault)
{
	int err = check_cpus(&conf->machine, fault);

	for (unsigned i = 0; !err && i < conf->nports; i++)
		err = check_port(conf, i, fault);
	for (unsigned i = 0; !err && i < conf->nrealms; i++)
		err = check_kernel_device(conf, i, fault);
	if (!err)
		err = check_packets(conf, fault);
	if (!err)
		err = check_memory(conf, memory, fault);
	return err;
}
