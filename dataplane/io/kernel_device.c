/* SPDX-License-Identifier: BSD-3-Clause */
/* TUN devices, by the kernel's own requests (ioctl): netlink would say no more. Main thread. */
#include "dataplane/io/kernel_device.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <net/route.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* For sockets bound to the device: any other route to somewhere else is better. */
#define ROUTE_METRIC 32000

/* The kernel's struct in6_ifreq: <linux/ipv6.h> and <netinet/in.h> do not go together. */
struct ip6_address {
	struct in6_addr addr;
	uint32_t bits;
	int index;
};

struct setup {
	const char *name;
	const struct realm *realm;
	int sock4, sock6;
	int index;
	const char *step; /* for the fault */
};

/* Best effort: what the kernel was not built with cannot disturb. */
static void set_switch(const char *name, unsigned version, const char *what, const char *value)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv%u/conf/%s/%s", version, name, what);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (write(fd, value, strlen(value)) < 0)
		errno = 0;
	close(fd);
}

static void put_name(struct ifreq *request, const char *name)
{
	memset(request, 0, sizeof(*request));
	snprintf(request->ifr_name, sizeof(request->ifr_name), "%s", name);
}

static void put_ip4(struct sockaddr *to, const uint8_t ip[4])
{
	struct sockaddr_in addr = {.sin_family = AF_INET};

	memcpy(&addr.sin_addr, ip, 4);
	memcpy(to, &addr, sizeof(addr));
}

static int set_ip4(struct setup *s)
{
	const struct realm_addr *own = &s->realm->ip4;
	uint32_t mask = htonl(own->bits ? UINT32_MAX << (32 - own->bits) : 0);
	struct ifreq request;

	s->step = "set its IPv4 address";
	put_name(&request, s->name);
	put_ip4(&request.ifr_addr, own->addr.ip);
	if (ioctl(s->sock4, SIOCSIFADDR, &request) != 0)
		return -errno;
	put_name(&request, s->name);
	put_ip4(&request.ifr_netmask, (const uint8_t *)&mask);
	return ioctl(s->sock4, SIOCSIFNETMASK, &request) == 0 ? 0 : -errno;
}

static int set_ip6(struct setup *s)
{
	struct ip6_address request = {.bits = s->realm->ip6.bits, .index = s->index};

	s->step = "set its IPv6 address";
	memcpy(&request.addr, s->realm->ip6.addr.ip, 16);
	return ioctl(s->sock6, SIOCSIFADDR, &request) == 0 || errno == EEXIST ? 0 : -errno;
}

static int route_ip4(struct setup *s)
{
	static const uint8_t any[4];
	char name[IFNAMSIZ];
	struct rtentry route = {.rt_flags = RTF_UP, .rt_metric = ROUTE_METRIC + 1, .rt_dev = name};

	s->step = "set its IPv4 route";
	snprintf(name, sizeof(name), "%s", s->name);
	put_ip4(&route.rt_dst, any);
	put_ip4(&route.rt_genmask, any);
	return ioctl(s->sock4, SIOCADDRT, &route) == 0 || errno == EEXIST ? 0 : -errno;
}

static int route_ip6(struct setup *s)
{
	struct in6_rtmsg route = {.rtmsg_metric = ROUTE_METRIC,
				  .rtmsg_flags = RTF_UP,
				  .rtmsg_ifindex = s->index};

	s->step = "set its IPv6 route";
	return ioctl(s->sock6, SIOCADDRT, &route) == 0 || errno == EEXIST ? 0 : -errno;
}

static int bring_up(struct setup *s, unsigned mtu)
{
	struct ifreq request;

	s->step = "set its MTU";
	put_name(&request, s->name);
	request.ifr_mtu = (int)mtu;
	if (ioctl(s->sock4, SIOCSIFMTU, &request) != 0)
		return -errno;
	s->step = "find it";
	s->index = (int)if_nametoindex(s->name);
	if (s->index == 0)
		return -errno;
	/* The way back may be one that unbound sockets would not take (loose, RFC 3704); limen
	 * itself is the only neighbour, so that nobody is to be asked for anything. */
	set_switch(s->name, 4, "rp_filter", "2");
	set_switch(s->name, 6, "disable_ipv6", s->realm->ip6.is_set ? "0" : "1");
	set_switch(s->name, 6, "accept_ra", "0");
	set_switch(s->name, 6, "accept_dad", "0");
	set_switch(s->name, 6, "addr_gen_mode", "1");
	s->step = "bring it up";
	put_name(&request, s->name);
	if (ioctl(s->sock4, SIOCGIFFLAGS, &request) != 0)
		return -errno;
	request.ifr_flags |= IFF_UP;
	return ioctl(s->sock4, SIOCSIFFLAGS, &request) == 0 ? 0 : -errno;
}

static int set_up(struct setup *s, unsigned mtu)
{
	const struct realm *realm = s->realm;
	int err = bring_up(s, mtu);

	if (!err && realm->ip4.is_set)
		err = set_ip4(s);
	if (!err && realm->ip4.has_gateway)
		err = route_ip4(s);
	if (!err && realm->ip6.is_set)
		err = set_ip6(s);
	if (!err && realm->ip6.has_gateway)
		err = route_ip6(s);
	return err;
}

/* The device itself. */
static int attach(struct setup *s)
{
	struct ifreq request;
	int fd, err;

	s->step = "open /dev/net/tun for it";
	fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	s->step = "make it";
	put_name(&request, s->name);
	request.ifr_flags = IFF_TUN | IFF_NO_PI;
	if (ioctl(fd, TUNSETIFF, &request) == 0 && ioctl(fd, TUNSETPERSIST, 1) == 0)
		return fd;
	err = -errno;
	close(fd);
	return err;
}

int kernel_device_open(const char *name, const struct realm *realm, unsigned mtu, const char *key,
		       struct fault *fault)
{
	struct setup s = {.name = name, .realm = realm};
	int fd = attach(&s), err = fd < 0 ? fd : 0;

	s.sock4 = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	s.sock6 = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (!err)
		err = set_up(&s, mtu);
	if (s.sock4 >= 0)
		close(s.sock4);
	if (s.sock6 >= 0)
		close(s.sock6);
	if (!err)
		return fd;
	if (fd >= 0)
		kernel_device_close(fd);
	return fault_set(fault, err, "%s: cannot %s: device %s: %s%s", key, s.step, name,
			 strerror(-err),
			 err == -EPERM || err == -EACCES
				 ? "; run as root, or give the process CAP_NET_ADMIN"
			 : err == -EBUSY  ? "; another process has it"
			 : err == -EINVAL ? "; a device of another kind may have this name"
					  : "");
}

void kernel_device_close(int fd)
{
	(void)ioctl(fd, TUNSETPERSIST, 0);
	close(fd);
}
