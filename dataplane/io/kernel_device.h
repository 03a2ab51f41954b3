/* SPDX-License-Identifier: BSD-3-Clause */
/* A realm's network device in the kernel (TUN): limen's addresses are on it, so that sockets can be
 * bound to them, and what goes through it are IP packets. It outlives a killed process, with the
 * connections through it, and is found again by its name; closed in order it goes. Main thread. */
#pragma once

#include "dataplane/io/fault.h"
#include "dataplane/io/realm.h"

/* Make the device, or take it over, and set it up: addresses, MTU, routes by the gateways for
 * sockets bound to the device. A descriptor that does not block, one IP packet a read or write;
 * or -errno with the fault. `key`: the config's, for the fault. */
int kernel_device_open(const char *name, const struct realm *realm, unsigned mtu, const char *key,
		       struct fault *fault);
void kernel_device_close(int fd);
