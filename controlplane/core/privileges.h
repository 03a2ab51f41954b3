/* SPDX-License-Identifier: BSD-3-Clause */
/* The control plane's privileges, in two steps: it is another user before it opens anything, so that
 * all its files are his, and keeps until the end of its start what listening may need (ports below
 * 1024, raw sockets, locked memory). Then no capability is left, in no thread, and no system call
 * but those it needs. limen-controlplane, main thread. */
#pragma once

struct conf;
struct privileges_state;

/* Before anything is opened. 0, or -errno, told in the log. */
int cp_privileges_begin(const struct conf *conf);

/* Once all is open, before the loop runs. 0, or -errno, told in the log. */
int cp_privileges_end(const struct conf *conf);

/* What was found to be left then. */
const struct privileges_state *cp_privileges(void);
