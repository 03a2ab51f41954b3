/* SPDX-License-Identifier: BSD-3-Clause */
/* What the config asks of the machine, looked at before DPDK is started: each thing that is not
 * there is told by its config key. Main thread, while starting. */
#pragma once

#include "common/conf/conf.h"
#include "dataplane/io/device.h"
#include "dataplane/io/fault.h"

/* Where packet memory comes from. */
enum machine_memory { MEMORY_HUGEPAGES, MEMORY_PLAIN };

/* CPUs, network interfaces, permissions, memory. 0 with *memory, or -errno with the fault. */
int machine_check(const struct conf *conf, enum machine_memory *memory, struct fault *fault);

/* Queue pairs that a kernel interface offers AF_XDP (one where it does not say); no limit for other
 * devices. */
unsigned machine_iface_queues(const struct device *device);

/* Main's own packets, for questions to neighbours. */
#define MACHINE_MAIN_PACKETS 1023u

/* Bytes of data room in a packet buffer, headroom included, for the largest MTU of the ports. */
unsigned machine_data_room(const struct conf *conf);
