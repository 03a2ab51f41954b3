/* SPDX-License-Identifier: BSD-3-Clause */
/* DPDK's environment: its arguments made from the config, its log lines turned into ours. Main
 * thread. */
#pragma once

#include "dataplane/io/machine.h"

/* Start the EAL: main on main_cpu as lcore 0, worker w on its CPU as lcore w + 1. 0, or -errno with
 * the fault. Once a process. */
int eal_start(const struct conf *conf, enum machine_memory memory, struct fault *fault);
void eal_stop(void);

/* What DPDK complained of first since eal_forget_error: what a driver said of its port. */
const char *eal_error(void);
void eal_forget_error(void);

/* The start is over (or the end begins): whether DPDK's complaints are warnings in the log by
 * themselves. */
void eal_is_running(bool is_running);
