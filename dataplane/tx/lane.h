/* SPDX-License-Identifier: BSD-3-Clause */
/* How the frames of a settled flow leave: what tx_lane_make notes and tx_lane_send writes. Part of
 * the stream's own record, hence libc only. Each worker for itself. */
#pragma once

#include <stdint.h>

/* Frames of IPv4 without options and UDP, in memory order. */
struct tx_lane {
	uint64_t head[2]; /* the first 16 bytes: MACs, EtherType, IPv4's first two */
	uint64_t addrs;	  /* source and destination */
	uint32_t ports;	  /* likewise */
	uint32_t hop_index; /* of the neighbour */
	uint64_t hop;	  /* the neighbour's word: good as long as it is the same */
	uint16_t ip_sum;  /* of the fields that never change */
	uint16_t pad;
	uint16_t mtu;
	uint16_t port;	  /* index */
};
_Static_assert(sizeof(struct tx_lane) == 48, "it shares a line with what media asks of a packet");
