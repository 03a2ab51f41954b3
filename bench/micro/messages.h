/* SPDX-License-Identifier: BSD-3-Clause */
/* The messages of the parser's benchmark. */
#pragma once

struct bench_message {
	const char *name;
	const char *text;
};

extern const struct bench_message bench_messages[];
extern const unsigned bench_nmessages;
