/* SPDX-License-Identifier: BSD-3-Clause */
/* Addresses from text and to text; the C library's inet_pton and inet_ntop are the oracle. */
#include "common/net/addr.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>

#include "../../../guard.h"
#include "../../../rng.h"

/* Parsed from memory that ends with the text. */
static int addr_parse(const char *text, struct net_addr *addr, uint8_t *family)
{
	return net_addr_parse(span_of(guard_behind(text, strlen(text)), strlen(text)), addr,
			      family);
}

static int endpoint_parse(const char *text, struct net_endpoint *endpoint)
{
	return net_endpoint_parse(span_of(guard_behind(text, strlen(text)), strlen(text)), 5060,
				  endpoint);
}

static int prefix_parse(const char *text, struct net_prefix *prefix)
{
	return net_prefix_parse(span_of(guard_behind(text, strlen(text)), strlen(text)), prefix);
}

static const char *addr_text(uint8_t family, const struct net_addr *addr)
{
	static char buf[64];
	struct cursor c = cursor_on(buf, sizeof(buf) - 1);

	put_addr(&c, family, addr);
	cr_assert_not(c.full);
	buf[c.len] = '\0';
	return buf;
}

static const char *endpoint_text(const struct net_endpoint *endpoint)
{
	static char buf[64];
	struct cursor c = cursor_on(buf, sizeof(buf) - 1);

	put_endpoint(&c, endpoint);
	cr_assert_not(c.full);
	buf[c.len] = '\0';
	return buf;
}

Test(addr, good_texts_come_back_in_canonical_form)
{
	static const struct {
		const char *text, *canonical;
	} cases[] = {
		{"0.0.0.0", "0.0.0.0"},
		{"255.255.255.255", "255.255.255.255"},
		{"10.9.100.1", "10.9.100.1"},
		{"::", "::"},
		{"::1", "::1"},
		{"1::", "1::"},
		{"2001:db8::1", "2001:db8::1"},
		{"2001:DB8:0:0:0:0:0:A", "2001:db8::a"},
		{"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"}, /* RFC 5952 section 4.2.2 */
		{"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},	  /* section 4.2.3: the longest */
		{"2001:db8:0:0:1:0:0:1",
		 "2001:db8::1:0:0:1"}, /* section 4.2.3: the first of equals */
		{"0:0:0:1:0:0:0:0", "0:0:0:1::"},
		{"1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"},
		{"::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"},
		{"::ffff:192.0.2.1", "::ffff:192.0.2.1"}, /* section 5 */
		{"::ffff:c000:201", "::ffff:192.0.2.1"},
		{"64:ff9b::192.0.2.33", "64:ff9b::c000:221"},
		{"1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"},
		{"0001:0002:0003:0004:0005:0006:0007:0008", "1:2:3:4:5:6:7:8"},
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct net_addr addr;
		uint8_t family;

		cr_assert_eq(addr_parse(cases[i].text, &addr, &family), 0, "%s", cases[i].text);
		cr_expect_str_eq(addr_text(family, &addr), cases[i].canonical);
	}
}

Test(addr, bad_texts_are_refused)
{
	static const char *const cases[] = {
		"",
		".",
		"1",
		"1.2.3",
		"1.2.3.",
		"1.2.3.4.",
		"1.2.3.4.5",
		"1..2.3",
		"256.1.1.1",
		"1.1.1.1000",
		"01.2.3.4",
		"1.2.3.04",
		"1.2.3.4 ",
		" 1.2.3.4",
		"1.2.3.-4",
		"0x1.2.3.4",
		"a.b.c.d",
		"99999999999999999999.1.1.1",
		":",
		":::",
		"1:",
		":1",
		"1:2",
		"1:2:3:4:5:6:7",
		"1:2:3:4:5:6:7:8:9",
		"1:2:3:4:5:6:7:8::",
		"::1:2:3:4:5:6:7:8",
		"1::2::3",
		"12345::",
		"g::",
		"::1%eth0",
		"[::1]",
		"::1.2.3",
		"::1.2.3.4.5",
		"::256.1.1.1",
		"1:2:3:4:5:6:7:1.2.3.4",
		"::1.2.3.4:5",
		"1:::2",
		"::1 ",
		"fe80::1/64",
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct net_addr addr;
		uint8_t family = 99;

		cr_expect_eq(addr_parse(cases[i], &addr, &family), -EINVAL, "\"%s\"", cases[i]);
		cr_expect_eq(family, 99, "\"%s\": nothing is written", cases[i]);
	}
}

/* Random text over the characters addresses are made of: limen takes what inet_pton takes, and
 * means the same. */
Test(addr, agrees_with_inet_pton)
{
	static const char alphabet[] = "0012459afF::::...";
	struct rng rng = {2};
	unsigned good = 0;

	for (unsigned round = 0; round < 400000; round++) {
		char text[24];
		size_t len = rng_below(&rng, sizeof(text));
		struct net_addr addr;
		uint8_t ip[16] = {0}, family;
		int ours, theirs;

		for (size_t i = 0; i < len; i++)
			text[i] = alphabet[rng_below(&rng, sizeof(alphabet) - 1)];
		text[len] = '\0';
		ours = net_addr_parse(span_of(text, len), &addr, &family);
		theirs = inet_pton(strchr(text, ':') ? AF_INET6 : AF_INET, text, ip);
		cr_assert_eq(ours == 0, theirs == 1, "\"%s\"", text);
		if (ours == 0) {
			good++;
			cr_assert_eq(memcmp(addr.ip, ip, sizeof(ip)), 0, "\"%s\"", text);
		}
	}
	cr_assert_gt(good, 100);
}

Test(addr, agrees_with_inet_ntop)
{
	struct rng rng = {3};

	for (unsigned round = 0; round < 100000; round++) {
		struct net_addr addr = {0}, again;
		char theirs[INET6_ADDRSTRLEN];
		uint8_t family;

		/* Many zeros: that is what the short forms are about. The first bytes keep it from
		 * looking like IPv4 inside. */
		for (unsigned i = 0; i < 16; i++)
			addr.ip[i] = rng_below(&rng, 3) ? 0 : (uint8_t)rng_next(&rng);
		addr.ip[0] |= 0x20;
		inet_ntop(AF_INET6, addr.ip, theirs, sizeof(theirs));
		cr_assert_str_eq(addr_text(NET_IP6, &addr), theirs);
		cr_assert_eq(net_addr_parse(span_str(theirs), &again, &family), 0);
		cr_assert(net_addr_eq(&addr, &again));
	}
}

Test(addr, endpoints)
{
	static const struct {
		const char *text, *canonical;
	} good[] = {
		{"10.0.0.1", "10.0.0.1:5060"},	      {"10.0.0.1:1", "10.0.0.1:1"},
		{"10.0.0.1:65535", "10.0.0.1:65535"}, {"fd00::1", "[fd00::1]:5060"},
		{"[fd00::1]", "[fd00::1]:5060"},      {"[fd00::1]:5080", "[fd00::1]:5080"},
	};
	static const char *const bad[] = {
		"",
		":5060",
		"10.0.0.1:",
		"10.0.0.1:0",
		"10.0.0.1:65536",
		"10.0.0.1:05060",
		"10.0.0.1:x",
		"10.0.0.1:5060 ",
		"[fd00::1",
		"[fd00::1]5060",
		"[fd00::1]:",
		"[fd00::1]:0",
		"[10.0.0.1]:5060",
		"[]",
		"[",
		"fd00::1]:5060",
		"host:5060",
		"[fd00::1]]:5060",
		"10.0.0.1:-1",
	};
	struct net_endpoint endpoint;

	for (unsigned i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct net_endpoint again;

		cr_assert_eq(endpoint_parse(good[i].text, &endpoint), 0, "%s", good[i].text);
		cr_expect_str_eq(endpoint_text(&endpoint), good[i].canonical);
		cr_assert_eq(endpoint_parse(good[i].canonical, &again), 0);
		cr_expect(net_endpoint_eq(&endpoint, &again));
	}
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_expect_eq(endpoint_parse(bad[i], &endpoint), -EINVAL, "\"%s\"", bad[i]);
}

Test(addr, prefixes)
{
	static const struct {
		const char *prefix, *in, *out;
	} cases[] = {
		{"10.0.0.0/8", "10.255.0.1", "11.0.0.0"},
		{"10.1.2.3/32", "10.1.2.3", "10.1.2.2"},
		{"10.1.2.3", "10.1.2.3", "10.1.2.2"},
		{"0.0.0.0/0", "255.1.1.1", "::1"},
		{"192.0.2.128/25", "192.0.2.129", "192.0.2.127"},
		{"192.0.2.77/25", "192.0.2.1", "192.0.2.128"},
		{"fd00::/64", "fd00::ffff", "fd00:0:0:1::"},
		{"fd00::/7", "fc00::1", "fe00::1"},
		{"::/0", "fe80::1", "10.0.0.1"},
		{"fd00::1", "fd00::1", "fd00::2"},
		{"fd00::8/125", "fd00::f", "fd00::10"},
		{"0.0.0.0/1", "127.0.0.1", "128.0.0.1"},
	};
	static const char *const bad[] = {"",
					  "/",
					  "/8",
					  "10.0.0.0/",
					  "10.0.0.0/33",
					  "fd00::/129",
					  "10.0.0.0/08",
					  "10.0.0.0/8 ",
					  "10.0.0.0/-1",
					  "10.0.0/8",
					  "10.0.0.0/8/8"};
	struct net_prefix prefix;

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct net_addr addr;
		uint8_t family;

		cr_assert_eq(prefix_parse(cases[i].prefix, &prefix), 0, "%s", cases[i].prefix);
		cr_assert_eq(addr_parse(cases[i].in, &addr, &family), 0);
		cr_expect(net_prefix_has(&prefix, family, &addr), "%s in %s", cases[i].in,
			  cases[i].prefix);
		cr_assert_eq(addr_parse(cases[i].out, &addr, &family), 0);
		cr_expect_not(net_prefix_has(&prefix, family, &addr), "%s not in %s", cases[i].out,
			      cases[i].prefix);
	}
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_expect_eq(prefix_parse(bad[i], &prefix), -EINVAL, "\"%s\"", bad[i]);
}

Test(addr, a_prefix_keeps_its_host_bits)
{
	struct net_prefix prefix;

	cr_assert_eq(prefix_parse("10.99.1.1/24", &prefix), 0);
	cr_expect_str_eq(addr_text(prefix.family, &prefix.addr), "10.99.1.1");
	cr_expect_eq(prefix.bits, 24);
}

Test(addr, prefixes_that_crossed_a_process_boundary_are_not_trusted)
{
	struct net_prefix prefix = {.family = NET_IP4, .bits = 200};
	struct net_addr addr = {0};

	cr_expect_not(net_prefix_has(&prefix, NET_IP4, &addr));
	prefix = (struct net_prefix){.family = NET_NONE};
	cr_expect_not(net_prefix_has(&prefix, NET_NONE, &addr));
}

Test(addr, writing_stops_at_the_buffer)
{
	struct net_endpoint endpoint;
	char buf[32];

	cr_assert_eq(endpoint_parse("[2001:db8::1]:5060", &endpoint), 0);
	for (uint32_t cap = 0; cap < 18; cap++) {
		struct cursor c = cursor_on(guard_behind(buf, cap), cap);

		put_endpoint(&c, &endpoint);
		cr_expect(c.full, "%u bytes", cap);
	}
}

Test(addr, sip_text_has_brackets)
{
	struct net_endpoint endpoint;
	char buf[64];
	struct cursor c = cursor_on(buf, sizeof(buf));

	cr_assert_eq(endpoint_parse("2001:db8::1", &endpoint), 0);
	put_addr_sip(&c, endpoint.family, &endpoint.addr);
	cr_expect(span_eq(cursor_span(&c), SPAN("[2001:db8::1]")));
	c = cursor_on(buf, sizeof(buf));
	cr_assert_eq(endpoint_parse("192.0.2.1", &endpoint), 0);
	put_addr_sip(&c, endpoint.family, &endpoint.addr);
	cr_expect(span_eq(cursor_span(&c), SPAN("192.0.2.1")));
}

Test(addr, transports)
{
	for (int i = 0; i < NET_TRANSPORTS; i++) {
		cr_expect_eq(net_transport_from(span_str(net_transport_name(i))), i);
		cr_expect_eq(net_transport_from(span_str(net_transport_param(i))), i);
	}
	cr_expect_null(net_transport_name(NET_TRANSPORTS));
	cr_expect_null(net_transport_param(NET_TRANSPORTS));
	cr_expect_eq(net_transport_from(SPAN("TLS-SCTP")), -EINVAL);
	cr_expect_eq(net_transport_from(SPAN("")), -EINVAL);
	cr_expect_eq(net_transport_from(SPAN("UD")), -EINVAL);
}
