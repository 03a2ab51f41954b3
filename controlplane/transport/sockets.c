/* SPDX-License-Identifier: BSD-3-Clause */
/* The kernel's sockets as transport uses them. limen-controlplane, loop thread. */
#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "controlplane/transport/transport_priv.h"

/* A peer that went without a word: found by probes while nothing is sent, and by what it does not
 * acknowledge while something is. */
#define IDLE_S	   60
#define BETWEEN_S  10
#define PROBES	   3
#define UNACKED_MS 20000

socklen_t socket_name(const struct net_endpoint *endpoint, struct sockaddr_storage *name)
{
	memset(name, 0, sizeof(*name));
	if (endpoint->family == NET_IP4) {
		struct sockaddr_in *in = (struct sockaddr_in *)(void *)name;

		in->sin_family = AF_INET;
		in->sin_port = htons(endpoint->port);
		memcpy(&in->sin_addr, endpoint->addr.ip, 4);
		return sizeof(*in);
	}
	if (endpoint->family == NET_IP6) {
		struct sockaddr_in6 *in = (struct sockaddr_in6 *)(void *)name;

		in->sin6_family = AF_INET6;
		in->sin6_port = htons(endpoint->port);
		memcpy(&in->sin6_addr, endpoint->addr.ip, 16);
		return sizeof(*in);
	}
	return 0;
}

bool socket_endpoint(const struct sockaddr_storage *name, struct net_endpoint *endpoint)
{
	*endpoint = (struct net_endpoint){0};
	if (name->ss_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)name;

		endpoint->family = NET_IP4;
		endpoint->port = ntohs(in->sin_port);
		memcpy(endpoint->addr.ip, &in->sin_addr, 4);
		return true;
	}
	if (name->ss_family == AF_INET6) {
		const struct sockaddr_in6 *in = (const struct sockaddr_in6 *)(const void *)name;

		endpoint->family = NET_IP6;
		endpoint->port = ntohs(in->sin6_port);
		memcpy(endpoint->addr.ip, &in->sin6_addr, 16);
		return true;
	}
	return false;
}

static bool set(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) == 0;
}

static bool bind_to(int fd, const struct transport_place *place, uint16_t port)
{
	struct net_endpoint local = place->local;
	struct sockaddr_storage name;
	socklen_t len;

	local.port = port;
	len = socket_name(&local, &name);
	if (local.family == NET_IP6 && !set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1))
		return false;
	/* a listener again at once after a restart; for the others a port once it is known where
	 * they go */
	if (port ? !set(fd, SOL_SOCKET, SO_REUSEADDR, 1)
		 : !set(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1))
		return false;
	if (place->device && *place->device &&
	    setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, place->device,
		       (socklen_t)strlen(place->device) + 1))
		return false;
	return bind(fd, (const struct sockaddr *)&name, len) == 0;
}

int socket_at(const struct transport_place *place, uint16_t port)
{
	int fd = socket(place->local.family == NET_IP4 ? AF_INET : AF_INET6,
			SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int err;

	if (fd < 0)
		return -errno;
	if (bind_to(fd, place, port))
		return fd;
	err = errno;
	close(fd);
	return -err;
}

void socket_tune(evutil_socket_t fd)
{
	/* best effort: without them it is only slower to find out */
	(void)set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	(void)set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	(void)set(fd, IPPROTO_TCP, TCP_KEEPIDLE, IDLE_S);
	(void)set(fd, IPPROTO_TCP, TCP_KEEPINTVL, BETWEEN_S);
	(void)set(fd, IPPROTO_TCP, TCP_KEEPCNT, PROBES);
	(void)set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, UNACKED_MS);
}

uint32_t socket_unacked(evutil_socket_t fd)
{
	int bytes = 0;

	return fd >= 0 && ioctl(fd, SIOCOUTQ, &bytes) == 0 && bytes > 0 ? (uint32_t)bytes : 0;
}

void socket_abort(evutil_socket_t fd)
{
	const struct linger at_once = {.l_onoff = 1, .l_linger = 0};

	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(fd);
}
