/* SPDX-License-Identifier: BSD-3-Clause */
/* A port's DPDK device string, taken apart: which driver, which kernel interface behind it. Main
 * thread, while starting. */
#pragma once

#include "common/base/span.h"

enum device_kind {
	DEVICE_PCI,
	DEVICE_AF_XDP,
	DEVICE_AF_PACKET,
	DEVICE_OTHER, /* net_memif, net_pcap, net_null, net_ring, ... */
};

struct device {
	enum device_kind kind;
	char name[64];	/* as DPDK names it: "net_af_xdp0", "0000:03:00.0" */
	char iface[16]; /* of a kernel interface, else empty */
};

/* 0, or -EINVAL with a static reason in *why. */
int device_parse(const char *text, struct device *device, const char **why);

/* The value of an argument of the device string; SPAN_NONE where it is not given. */
struct span device_arg(const char *text, struct span key);

/* Drivers whose queues are pairs of a receive and a transmit queue. */
static inline bool device_pairs_queues(const struct device *device)
{
	return device->kind == DEVICE_AF_XDP || device->kind == DEVICE_AF_PACKET;
}

/* The string DPDK is given: the user's, with the number of queue pairs where its driver has to be
 * told and the user did not. */
void device_put_args(char *out, size_t bytes, const char *text, const struct device *device,
		     unsigned npairs);
