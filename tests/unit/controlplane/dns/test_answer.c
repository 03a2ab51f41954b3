/* SPDX-License-Identifier: BSD-3-Clause */
/* Answers of the DNS: what they say, and that nothing in them does harm. */
#include "controlplane/dns/answer.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../../guard.h"

/* A response to one question for sip.example, type `t`, with `n` answers and `a` in authority. */
#define HEAD(rcode, n, a, t)                                                                       \
	"\x12\x34\x81" rcode "\0\1\0" n "\0" a "\0\0"                                              \
	"\3SiP\7example\0\0" t "\0\1"
#define TTL(s) "\0\0\0" s

static struct dns_answer answer;

/* Flush against a page that cannot be read, and every beginning of it too. */
static int read_it(const char *bytes, size_t len, enum dns_type type)
{
	for (size_t cut = 0; cut < len; cut++) {
		cr_expect_lt(dns_answer_read((const uint8_t *)guard_behind(bytes, cut), cut, type,
					     &answer),
			     0, "cut at %zu", cut);
	}
	return dns_answer_read((const uint8_t *)guard_behind(bytes, len), len, type, &answer);
}
#define READ(bytes, type) read_it(bytes, sizeof(bytes) - 1, type)

Test(dns_answer, addresses)
{
	static const char text[] = HEAD("\x80", "\2", "\0", "\1")
		"\xc0\x0c\0\1\0\1" TTL("\x3c") "\0\4\xc0\0\2\1"
		"\xc0\x0c\0\1\0\1" TTL("\x1e") "\0\4\xc0\0\2\2";

	cr_assert_eq(READ(text, DNS_A), 0);
	cr_assert_eq(answer.n, 2);
	cr_expect_eq(answer.ttl_s, 30, "the least");
	cr_expect_arr_eq(answer.records[1].addr.ip, "\xc0\0\2\2", 4);
}

Test(dns_answer, aliases_are_followed)
{
	static const char text[] = HEAD("\x80", "\3", "\0", "\1")
		"\xc0\x0c\0\5\0\1" TTL("\x0a") "\0\4\1b\xc0\x10" /* sip.example -> b.example */
		"\1x\0\0\1\0\1" TTL("\x3c") "\0\4\1\2\3\4"	   /* somebody else's */
		"\xc0\x29\0\1\0\1" TTL("\x3c") "\0\4\xc0\0\2\7";

	cr_assert_eq(READ(text, DNS_A), 0);
	cr_assert_eq(answer.n, 1);
	cr_expect_eq(answer.ttl_s, 10);
	cr_expect_arr_eq(answer.records[0].addr.ip, "\xc0\0\2\7", 4);
}

Test(dns_answer, services)
{
	static const char text[] = HEAD("\x80", "\2", "\0", "\x21")
		"\xc0\x0c\0\x21\0\1" TTL("\x3c") "\0\x0a\0\1\0\2\x13\xc4\1B\xc0\x10"
		"\xc0\x0c\0\x21\0\1" TTL("\x3c") "\0\7\0\2\0\0\x13\xc4\0";

	cr_assert_eq(READ(text, DNS_SRV), 0);
	cr_assert_eq(answer.n, 2);
	cr_expect_eq(answer.records[0].priority, 1);
	cr_expect_eq(answer.records[0].weight, 2);
	cr_expect_eq(answer.records[0].port, 5060);
	cr_expect_str_eq(answer.records[0].target, "b.example");
	cr_expect_str_eq(answer.records[1].target, "", "decidedly not there");
}

Test(dns_answer, name_authority_pointers)
{
	static const char text[] = HEAD("\x80", "\1", "\0", "\x23")
		"\xc0\x0c\0\x23\0\1" TTL("\x3c") "\0\x13\0\x0a\0\x14\1S\7sip+d2u\0\1u\xc0\x10";

	cr_assert_eq(READ(text, DNS_NAPTR), 0);
	cr_assert_eq(answer.n, 1);
	cr_expect_eq(answer.records[0].priority, 10);
	cr_expect_eq(answer.records[0].weight, 20);
	cr_expect_eq(answer.records[0].flags, 's');
	cr_expect_str_eq(answer.records[0].service, "SIP+D2U");
	cr_expect_str_eq(answer.records[0].target, "u.example");
}

/* RFC 2308: how long that is believed is in the zone's SOA. */
Test(dns_answer, what_is_not_there)
{
	static const char text[] = HEAD("\x83", "\0", "\1", "\1")
		"\xc0\x10\0\6\0\1\0\0\1\0\0\x16\0\0\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\x11";

	cr_assert_eq(READ(text, DNS_A), 0);
	cr_expect_eq(answer.n, 0);
	cr_expect_eq(answer.ttl_s, 17);
}

Test(dns_answer, what_is_no_answer)
{
	static const char circle[] = HEAD("\x80", "\1", "\0", "\1")
		"\xc0\x1d\0\1\0\1" TTL("\x3c") "\0\4\1\2\3\4"; /* points at itself */
	static const char failed[] = HEAD("\x82", "\0", "\0", "\1");
	static const char query[] = "\x12\x34\1\0\0\1\0\0\0\0\0\0\3sip\7example\0\0\1\0\1";
	static const char cut_off[] = "\x12\x34\x83\x80\0\1\0\0\0\0\0\0\3sip\7example\0\0\1\0\1";

	cr_expect_eq(READ(circle, DNS_A), -EPROTO);
	cr_expect_eq(READ(failed, DNS_A), -EPROTO);
	cr_expect_eq(READ(query, DNS_A), -EPROTO);
	cr_expect_eq(READ(cut_off, DNS_A), -EPROTO);
}

/* No bytes do harm. */
Test(dns_answer, noise)
{
	static const char good[] = HEAD("\x80", "\2", "\1", "\x21")
		"\xc0\x0c\0\x21\0\1" TTL("\x3c") "\0\x0a\0\1\0\2\x13\xc4\1b\xc0\x10"
		"\xc0\x0c\0\5\0\1" TTL("\x3c") "\0\2\xc0\x10"
		"\xc0\x10\0\6\0\1\0\0\1\0\0\x16\0\0\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\x11";
	const enum dns_type types[] = {DNS_A, DNS_AAAA, DNS_SRV, DNS_NAPTR};
	char bytes[sizeof(good) - 1];
	unsigned seed = 7;

	for (unsigned turn = 0; turn < 100000; turn++) {
		size_t len = sizeof(bytes);

		memcpy(bytes, good, len);
		for (unsigned n = (unsigned)rand_r(&seed) % 4; n <= 4; n++)
			bytes[(unsigned)rand_r(&seed) % len] = (char)rand_r(&seed);
		if (turn % 3 == 0)
			len = (unsigned)rand_r(&seed) % len;
		(void)dns_answer_read((const uint8_t *)guard_behind(bytes, len), len,
				      types[turn % 4], &answer);
		cr_assert_leq(answer.n, DNS_RECORDS_MAX);
	}
}

Test(dns_answer, names)
{
	char name[DNS_NAME_MAX];

	cr_assert(dns_name_normal("SIP.Example.NET.", name));
	cr_expect_str_eq(name, "sip.example.net");
	cr_expect_not(dns_name_normal("", name));
	cr_expect_not(dns_name_normal(".", name));
	cr_expect_not(dns_name_normal("a..b", name));
	cr_expect_not(dns_name_normal("a b", name));
}
