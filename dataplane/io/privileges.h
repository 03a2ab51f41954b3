/* SPDX-License-Identifier: BSD-3-Clause */
/* What the dataplane gives up once its ports are open: root, capabilities, system calls. Main
 * thread, while starting. */
#pragma once

#include "common/conf/conf.h"
#include "common/priv/privileges.h"
#include "dataplane/io/fault.h"

/* Who is who on this machine. */
struct dp_users {
	struct privileges_user self;
	struct privileges_user control; /* the control plane's */
};

/* 0, or -errno with the fault: a user that the config names is not there. */
int dp_users_find(struct dp_users *users, const struct conf *conf, struct fault *fault);

/* When all threads are there and none of them has seen a packet. What the drivers of the config's
 * ports need goes on: of capabilities only CAP_NET_ADMIN, of the main thread alone, where a port is
 * AF_XDP's (its program is taken off the interface at the end). 0, or -errno with the fault. */
int dp_privileges_drop(const struct conf *conf, const struct dp_users *users,
		       struct privileges_state *left, struct fault *fault);
