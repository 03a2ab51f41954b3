/* SPDX-License-Identifier: BSD-3-Clause */
/* Answers of the control plane on the screen, or as JSON. limenctl. */
#pragma once

#include <stdio.h>

#include "controlplane/ctl/client.h"

struct show_options {
	bool json;
	bool all;             /* drops: those that never happened too */
	uint64_t now_unix_ns; /* for how long calls last */
};

/* Each prints one kind of answer. False when there was no memory. */
bool show_call(const struct answer *answer, const struct show_options *options, FILE *out);
/* All objects as they came, as one array. */
bool print_rows(const struct answer *answer, FILE *out);
/* show_limits.c */
bool show_limits(const struct answer *answer, const struct show_options *options, FILE *out);
bool show_blocks(const struct answer *answer, const struct show_options *options, FILE *out);
/* show_certificates.c */
bool show_certificates(const struct answer *answer, const struct show_options *options, FILE *out);
bool show_calls(const struct answer *answer, const struct show_options *options, FILE *out);
bool show_connections(const struct answer *answer, const struct show_options *options,
		      FILE *out);
bool show_users(const struct answer *answer, const struct show_options *options, FILE *out);
bool show_registrations(const struct answer *answer, const struct show_options *options, FILE *out);
bool show_alarms(const struct answer *answer, const struct show_options *options, FILE *out);
bool show_dns(const struct answer *answer, const struct show_options *options, FILE *out);
bool show_trunks(const struct answer *answer, const struct show_options *options, FILE *out);
bool show_stats(const struct answer *answer, const struct show_options *options, FILE *out);
bool show_ports(const struct answer *answer, const struct show_options *options, FILE *out);
bool show_drops(const struct answer *answer, const struct show_options *options, FILE *out);

/* The call that was ended, in one line. */
bool show_hangup(const struct answer *answer, const struct show_options *options, FILE *out);
