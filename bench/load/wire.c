/* SPDX-License-Identifier: BSD-3-Clause */
/* Headers. limen-load's loop; libc only. */
#include "bench/load/wire.h"

#include <netinet/in.h>

#define TTL 64

uint64_t wire_sum(const void *bytes, uint32_t len)
{
	const uint8_t *p = bytes;
	uint64_t sum = 0;
	uint32_t last = 0;

	for (; len >= 4; p += 4, len -= 4) {
		uint32_t word;

		memcpy(&word, p, sizeof(word));
		sum += word;
	}
	memcpy(&last, p, len);
	return sum + last;
}

static unsigned addr_bytes(uint8_t family)
{
	return family == NET_IP6 ? 16 : 4;
}

uint64_t wire_pseudo(uint8_t family, const struct net_addr *src, const struct net_addr *dst, uint8_t proto, uint32_t len)
{
	return wire_sum(src, addr_bytes(family)) + wire_sum(dst, addr_bytes(family)) + htons(proto) + htonl(len);
}

static uint8_t *put_ip4(uint8_t *ip, const struct wire_way *way, uint32_t total)
{
	const uint8_t head[12] = {0x45, (uint8_t)(way->dscp << 2), (uint8_t)(total >> 8), (uint8_t)total, 0, 0, 0x40, 0, TTL,
				  IPPROTO_UDP};
	uint16_t csum;

	memcpy(ip, head, sizeof(head));
	memcpy(ip + 12, way->src.addr.ip, 4);
	memcpy(ip + 16, way->dst.addr.ip, 4);
	csum = (uint16_t)~wire_fold(wire_sum(ip, 20));
	memcpy(ip + 10, &csum, sizeof(csum));
	return ip + 20;
}

static uint8_t *put_ip6(uint8_t *ip, const struct wire_way *way, uint32_t len)
{
	const uint8_t head[8] = {(uint8_t)(0x60 | way->dscp >> 2), (uint8_t)(way->dscp << 6), 0, 0, (uint8_t)(len >> 8),
				 (uint8_t)len, IPPROTO_UDP, TTL};

	memcpy(ip, head, sizeof(head));
	memcpy(ip + 8, way->src.addr.ip, 16);
	memcpy(ip + 24, way->dst.addr.ip, 16);
	return ip + 40;
}

uint32_t wire_put_udp(uint8_t *at, const struct wire_way *way, uint32_t len)
{
	uint32_t udp_len = len + WIRE_UDP_BYTES;
	uint8_t *udp;

	memcpy(at, way->dst_mac, 6);
	memcpy(at + 6, way->src_mac, 6);
	wire_put16(at + 12, way->src.family == NET_IP6 ? WIRE_ETH_IP6 : WIRE_ETH_IP4);
	udp = way->src.family == NET_IP6 ? put_ip6(at + WIRE_ETH_BYTES, way, udp_len)
					 : put_ip4(at + WIRE_ETH_BYTES, way, udp_len + 20);
	wire_put16(udp, way->src.port);
	wire_put16(udp + 2, way->dst.port);
	wire_put16(udp + 4, (uint16_t)udp_len);
	wire_put16(udp + 6, 0);
	return wire_head_bytes(way->src.family);
}

void wire_finish_udp(uint8_t *frame, const struct wire_way *way, uint32_t len)
{
	uint8_t *udp = frame + wire_head_bytes(way->src.family) - WIRE_UDP_BYTES;
	uint32_t udp_len = len + WIRE_UDP_BYTES;
	uint64_t sum = wire_pseudo(way->src.family, &way->src.addr, &way->dst.addr, IPPROTO_UDP, udp_len);
	uint16_t csum;

	csum = (uint16_t)~wire_fold(sum + wire_sum(udp, udp_len));
	csum = csum ? csum : 0xffff; /* 0 means none (RFC 768) */
	memcpy(udp + 6, &csum, sizeof(csum));
}

static bool read_ip4(const uint8_t *ip, uint32_t left, struct wire_udp *udp, uint32_t *head)
{
	*head = (ip[0] & 0xfu) * 4;
	if (left < 20 || ip[0] >> 4 != 4 || *head < 20 || left < *head || ip[9] != IPPROTO_UDP || wire_get16(ip + 6) & 0x3fff)
		return false;
	memcpy(udp->src.addr.ip, ip + 12, 4);
	memcpy(udp->dst.addr.ip, ip + 16, 4);
	udp->src.family = udp->dst.family = NET_IP4;
	return true;
}

static bool read_ip6(const uint8_t *ip, uint32_t left, struct wire_udp *udp, uint32_t *head)
{
	*head = 40;
	if (left < 40 || ip[0] >> 4 != 6 || ip[6] != IPPROTO_UDP)
		return false;
	memcpy(udp->src.addr.ip, ip + 8, 16);
	memcpy(udp->dst.addr.ip, ip + 24, 16);
	udp->src.family = udp->dst.family = NET_IP6;
	return true;
}

bool wire_read_udp(const uint8_t *frame, uint32_t bytes, struct wire_udp *udp)
{
	uint16_t type;
	uint32_t head, len;
	const uint8_t *at;
	bool good;

	if (bytes < WIRE_ETH_BYTES + 20u + WIRE_UDP_BYTES)
		return false;
	memset(udp, 0, sizeof(*udp));
	type = wire_get16(frame + 12);
	at = frame + WIRE_ETH_BYTES;
	bytes -= WIRE_ETH_BYTES;
	good = type == WIRE_ETH_IP4 ? read_ip4(at, bytes, udp, &head) : type == WIRE_ETH_IP6 && read_ip6(at, bytes, udp, &head);
	if (!good || bytes < head + WIRE_UDP_BYTES)
		return false;
	len = wire_get16(at + head + 4);
	if (len < WIRE_UDP_BYTES || head + len > bytes)
		return false;
	memcpy(udp->src_mac, frame + 6, 6);
	udp->src.port = wire_get16(at + head);
	udp->dst.port = wire_get16(at + head + 2);
	udp->payload = at + head + WIRE_UDP_BYTES;
	udp->len = len - WIRE_UDP_BYTES;
	return true;
}
