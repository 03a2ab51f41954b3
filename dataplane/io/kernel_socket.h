/* SPDX-License-Identifier: BSD-3-Clause */
/* The kernel sockets behind net_af_packet and net_af_xdp ports: what their drivers cannot be told,
 * and losses that they do not tell. Main thread. */
#pragma once

#include <stdint.h>

/* Sockets that drivers set up from now on are this port's. */
void kernel_sockets_begin(unsigned port);
/* The port's are about to be closed. */
void kernel_sockets_end(unsigned port);

/* Frames that the kernel dropped since the port was opened because its ring was full: the worker
 * was too slow, or did not run. 0 for other ports. */
uint64_t kernel_sockets_missed(unsigned port);
