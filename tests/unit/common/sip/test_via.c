/* SPDX-License-Identifier: BSD-3-Clause */
/* Via values (RFC 3261 section 20.42, RFC 3581, RFC 5118 section 4.5). */
#include "common/sip/sip_msg.h"

#include <criterion/criterion.h>
#include <errno.h>

#include "guarded.h"

Test(via, parts_of_good_ones)
{
	static const struct {
		const char *text, *transport, *host, *params;
		uint16_t port;
	} cases[] = {
		{"SIP/2.0/UDP h", "UDP", "h", NULL, 0},
		{"SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKx;rport", "UDP", "192.0.2.1",
		 ";branch=z9hG4bKx;rport", 5060},
		{"sip/2.0/udp h", "udp", "h", NULL, 0},
		{"SIP/2.0/TLS-SCTP h;alias", "TLS-SCTP", "h", ";alias", 0},
		{"SIP/2.0/TCP [2001:db8::9:1]:6050;branch=z9hG4bKas3-111", "TCP", "[2001:db8::9:1]",
		 ";branch=z9hG4bKas3-111", 6050},
		{"SIP/2.0/UDP [::ffff:192.0.2.10]", "UDP", "[::ffff:192.0.2.10]", NULL, 0},
		{"SIP/2.0/UDP h;received=[2001:db8::9:255];branch=1", "UDP", "h",
		 ";received=[2001:db8::9:255];branch=1", 0},
		{"SIP/2.0/UDP h;received=2001:db8::9:255", "UDP", "h", ";received=2001:db8::9:255",
		 0},
		{"SIP  /    2.0\r\n / UDP  192.168.255.111 : 5071  ; branch=\r\n z9hG4bK30239",
		 "UDP", "192.168.255.111", "; branch=\r\n z9hG4bK30239", 5071},
		{" SIP/2.0/UDP   h ", "UDP", "h", NULL, 0},
		{"SIP/2.0/UDP h;branch=\"q;,\"", "UDP", "h", ";branch=\"q;,\"", 0},
		{"SIP/2.0/UDP h;ttl=16;maddr=224.2.0.1;branch=z9hG4bKa7c6a8dlze.1", "UDP", "h",
		 ";ttl=16;maddr=224.2.0.1;branch=z9hG4bKa7c6a8dlze.1", 0},
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sip_via via;

		cr_assert_eq(sip_via_parse(guarded(cases[i].text), &via), 0, "%s", cases[i].text);
		cr_expect(span_is(via.transport, cases[i].transport), "transport of %s",
			  cases[i].text);
		cr_expect(span_is(via.host, cases[i].host), "host of %s", cases[i].text);
		cr_expect_eq(via.port, cases[i].port, "port of %s", cases[i].text);
		cr_expect(span_is(via.params, cases[i].params), "params of %s", cases[i].text);
	}
}

Test(via, bad_ones_are_refused)
{
	static const char *const cases[] = {
		"",
		"SIP",
		"SIP/2.0",
		"SIP/2.0/",
		"SIP/2.0/UDP",
		"SIP/2.0/UDP ",
		"SIP/2.0/UDPh",
		"SIP/3.0/UDP h",
		"SIP/2.00/UDP h",
		"HTTP/2.0/UDP h",
		"SIP2.0/UDP h",
		"SIP//UDP h",
		"/2.0/UDP h",
		"SIP/2.0/UDP h:",
		"SIP/2.0/UDP h:0",
		"SIP/2.0/UDP h:65536",
		"SIP/2.0/UDP h:x",
		"SIP/2.0/UDP :5060",
		"SIP/2.0/UDP [::1",
		"SIP/2.0/UDP 2001:db8::1",
		"SIP/2.0/UDP []",
		"SIP/2.0/UDP h;",
		"SIP/2.0/UDP h;;x",
		"SIP/2.0/UDP h;branch=",
		"SIP/2.0/UDP h;branch",
		"SIP/2.0/UDP h;branch=a;branch=b",
		"SIP/2.0/UDP h;Branch=a;branch=a",
		"SIP/2.0/UDP h;rport;rport=1",
		"SIP/2.0/UDP h x",
		"SIP/2.0/UDP h;x y",
		"SIP/2.0/UDP h, SIP/2.0/UDP g",
		"SIP/2.0/UDP h;x=\"open",
		"SIP/2.0/UDP h@g",
		"SIP/2.0/UDP 192.0.2.15;;,;,,",
		"SIP/2.0/U:P h",
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sip_via via;

		cr_expect_eq(sip_via_parse(guarded(cases[i]), &via), -EINVAL, "\"%s\"", cases[i]);
	}
}

Test(via, a_text_cut_short_is_never_read_beyond)
{
	static const char text[] = "SIP / 2.0 / SCTP [2001:db8::9:1] : 5060 "
				   ";branch=z9hG4bK-0123456789abcdef;rport;x=\"y\"";
	struct sip_via via;

	for (size_t len = 0; len < sizeof(text); len++)
		(void)sip_via_parse(span_of(guard_behind(text, len), len), &via);
	for (size_t len = 0; len < 60; len++)
		(void)sip_via_parse(
			span_of(guard_behind("SIP/2.0/UDP "
					     "host.example.org:5060;branch=z9hG4bKabc;rport=1",
					     len),
				len),
			&via);
	cr_expect_eq(sip_via_parse(SPAN_NONE, &via), -EINVAL);
}
