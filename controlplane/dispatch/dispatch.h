/* SPDX-License-Identifier: BSD-3-Clause */
/* What came in -> who answers: questions and records of the dataplane, requests of the operator,
 * signals. Owns everything the control plane keeps while it runs. limen-controlplane, loop
 * thread. */
#pragma once

#include "common/conf/conf.h"

struct dispatch;
struct event_base;

/* Start all there is on this base: record file, limenctl's socket, the link to the dataplane. Takes
 * the conf over, whatever comes of it. 0, or -errno after a log line that says what is wrong. */
int dispatch_new(struct dispatch **dispatch, struct event_base *base, struct conf *conf);
void dispatch_free(struct dispatch *dispatch);

/* Read the config file and its tables again, in a thread, and go over to it, or say in the log why
 * not and stay; log and record files are opened again. `done` (may be NULL) is told 0 or -errno on
 * the loop. */
void dispatch_reload(struct dispatch *dispatch, void (*done)(void *arg, int err), void *arg);
