/* SPDX-License-Identifier: BSD-3-Clause */
/* What the config asks of the machine, looked at before DPDK is started: each thing that is not there is told by its config
 * key. Main thread, while starting. */
#pragma once

#include "common/conf/conf.h"
#include "dataplane/io/fault.h"

/* Where packet memory comes from. */
enum machine_memory { MEMORY_HUGEPAGES, MEMORY_PLAIN };

/* CPUs, network interfaces, permissions, memory. 0 with *memory chosen, or -errno with the fault. */
int machine_check(const struct conf *conf, enum machine_memory *memory, struct fault *fault);

/* Bytes of one packet buffer with its overhead, and of the data room in it, for the largest MTU of the ports. */
unsigned machine_data_room(const struct conf *conf);
size_t machine_packet_bytes(const struct conf *conf);

/* Packets that a worker's queues on that port hold at the most. */
unsigned machine_port_packets(const struct conf_port *port);
