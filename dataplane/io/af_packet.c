/* SPDX-License-Identifier: BSD-3-Clause */
/* Keeps the kernel from reassembling IPv4 fragments in front of a net_af_packet port. The driver of
 * DPDK 22.11 joins its sockets to a fanout group with PACKET_FANOUT_FLAG_DEFRAG and has no argument
 * against it: the kernel then delivers a fragmented datagram as one frame and cuts it to the ring's
 * frame size (2,048 bytes), and a SIP message that needed two fragments is lost. So the program has
 * a setsockopt of its own, which the driver's library binds to, that takes the flag out; everything
 * else goes to the kernel as it came. */
#include <linux/if_packet.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

int setsockopt(int sock, int level, int option, const void *value, socklen_t len)
{
	int fanout;

	if (level == SOL_PACKET && option == PACKET_FANOUT && len == sizeof(fanout)) {
		memcpy(&fanout, value, sizeof(fanout));
		fanout = (int)((unsigned)fanout & ~((unsigned)PACKET_FANOUT_FLAG_DEFRAG << 16));
		return (int)syscall(SYS_setsockopt, sock, level, option, &fanout, len);
	}
	return (int)syscall(SYS_setsockopt, sock, level, option, value, len);
}
