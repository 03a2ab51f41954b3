/* SPDX-License-Identifier: BSD-3-Clause */
/* Between drivers and the kernel. The program has a setsockopt of its own, which the drivers'
 * libraries bind to, for two reasons:
 *
 * The driver net_af_packet of DPDK 22.11 joins its sockets to a fanout group with
 * PACKET_FANOUT_FLAG_DEFRAG and has no argument against it. The kernel then delivers a fragmented
 * IPv4 datagram as one frame, cuts it to the ring's frame size (2,048 bytes), and a SIP message
 * that needed two fragments is lost. So the flag is taken out.
 *
 * Neither driver counts frames that found the ring full. So the sockets are noted, and asked.
 *
 * All else goes to the kernel as it came. Main thread, but for setsockopt itself. */
#include "dataplane/io/kernel_socket.h"

#include <linux/if_packet.h>
#include <linux/if_xdp.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SOL_XDP
#define SOL_XDP 283
#endif

#define SOCKETS_MAX 1024u /* 16 ports of 64 queues */
#define PORT_NONE   UINT32_MAX

static struct {
	unsigned port; /* that sockets belong to now */
	unsigned n;
	struct kernel_socket {
		unsigned port;
		int sock;
		bool is_xdp;
		uint64_t missed; /* AF_PACKET: the kernel forgets what it was asked for */
	} sockets[SOCKETS_MAX];
} noted = {.port = PORT_NONE};

void kernel_sockets_begin(unsigned port)
{
	noted.port = port;
}

void kernel_sockets_end(unsigned port)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < noted.n; i++)
		if (noted.sockets[i].port != port)
			noted.sockets[kept++] = noted.sockets[i];
	noted.n = kept;
}

static void note(int sock, bool is_xdp)
{
	if (noted.port == PORT_NONE || noted.n == SOCKETS_MAX)
		return;
	noted.sockets[noted.n++] =
		(struct kernel_socket){.port = noted.port, .sock = sock, .is_xdp = is_xdp};
}

static uint64_t ask(struct kernel_socket *of)
{
	if (of->is_xdp) {
		struct xdp_statistics xdp = {0};
		socklen_t len = sizeof(xdp);

		/* rx_dropped the driver tells itself. */
		return getsockopt(of->sock, SOL_XDP, XDP_STATISTICS, &xdp, &len) == 0
			       ? xdp.rx_ring_full
			       : 0;
	}
	struct tpacket_stats packet = {0};
	socklen_t len = sizeof(packet);

	if (getsockopt(of->sock, SOL_PACKET, PACKET_STATISTICS, &packet, &len) == 0)
		of->missed += packet.tp_drops;
	return of->missed;
}

uint64_t kernel_sockets_missed(unsigned port)
{
	uint64_t missed = 0;

	for (unsigned i = 0; i < noted.n; i++)
		if (noted.sockets[i].port == port)
			missed += ask(&noted.sockets[i]);
	return missed;
}

int setsockopt(int sock, int level, int option, const void *value, socklen_t len)
{
	unsigned fanout;

	if (level == SOL_PACKET && option == PACKET_FANOUT && len == sizeof(fanout)) {
		note(sock, false);
		memcpy(&fanout, value, sizeof(fanout));
		fanout &= ~((unsigned)PACKET_FANOUT_FLAG_DEFRAG << 16);
		value = &fanout;
	} else if (level == SOL_XDP && option == XDP_RX_RING) {
		note(sock, true);
	}
	return (int)syscall(SYS_setsockopt, sock, level, option, value, len);
}
