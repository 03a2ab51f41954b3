/* SPDX-License-Identifier: BSD-3-Clause */
/* An answer of the DNS taken apart (RFC 1035, RFC 2782, RFC 3403): the records of one name and
 * type, aliases followed. Bytes from the network: anything may be in them. limen-controlplane, any
 * thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/net/addr.h"

#define DNS_NAME_MAX	256u /* bytes of text, with NUL */
#define DNS_RECORDS_MAX 16u  /* of an answer; what is beyond is left out */

enum dns_type { DNS_A = 1, DNS_AAAA = 28, DNS_SRV = 33, DNS_NAPTR = 35 };

struct dns_record {
	struct net_addr addr;	   /* A, AAAA */
	uint16_t priority, weight; /* SRV; NAPTR: order, preference */
	uint16_t port;		   /* SRV */
	char flags;		   /* NAPTR: 's', 'a', ... in lower case; 0: none */
	char service[16];	   /* NAPTR, in upper case: "SIP+D2U" */
	char target[DNS_NAME_MAX]; /* SRV, NAPTR: in lower case, without the last dot; SRV "":
				      the service is decidedly not there */
};

struct dns_answer {
	unsigned n;
	uint32_t ttl_s; /* the least on the way; of none: the zone's for that (RFC 2308) */
	struct dns_record records[DNS_RECORDS_MAX];
};

/* 0, with no records where the name or the type is not there; -EPROTO for what is no answer, or
 * one that is cut off. */
int dns_answer_read(const uint8_t *bytes, size_t len, enum dns_type type,
		    struct dns_answer *answer);

/* Text as names are compared and kept: lower case, no dot at the end. False: it is none. */
bool dns_name_normal(const char *text, char name[DNS_NAME_MAX]);

const char *dns_type_name(enum dns_type type);
