/* SPDX-License-Identifier: BSD-3-Clause */
/* One parser in the benchmark. Each lives in a source file of its own: limen and libre both call
 * their message struct sip_msg. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a back-to-back user agent must know of a message before it can do anything with it. Every
 * parser delivers all of it, so that a lazy one gains nothing. */
struct bench_found {
	uint64_t lengths; /* of all the texts below, summed: the programs must agree, and no
			     compiler can leave work out */
	uint32_t cseq;
	uint32_t content_length;
	int32_t max_forwards; /* -1: none */
	uint16_t contact_port;
};
/* The texts: top Via's branch and host, From tag, To tag, Call-ID, CSeq method, the first Contact
 * URI's host. */

struct bench_parser {
	const char *name;
	const char *(*version)(void);
	int (*start)(void);
	/* Take a message apart, look all of it up, and give everything back. False: refused. */
	bool (*parse)(const char *text, size_t len, struct bench_found *found);
};

extern const struct bench_parser bench_limen;
extern const struct bench_parser bench_osip;
extern const struct bench_parser bench_re;
