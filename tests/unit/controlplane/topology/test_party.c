/* SPDX-License-Identifier: BSD-3-Clause */
/* Parties: what of a URI crosses, that it is written so that nothing can break out, and what does
 * not cross. */
#include "controlplane/topology/party.h"

#include <criterion/criterion.h>
#include <errno.h>

#include "common/sip/sip_msg.h"

static const struct net_endpoint host4 = {
	.addr = {{10, 99, 2, 2}}, .family = NET_IP4, .port = 5080};
static const struct net_endpoint host6 = {.addr = {{0xfd, 0x99, [15] = 1}}, .family = NET_IP6};

static void expect(struct span uri, struct span written)
{
	char buf[1024];
	struct cursor out = cursor_on(buf, sizeof(buf));
	struct party party;
	struct sip_uri parsed;
	int err = party_from_uri(uri, &party);

	cr_assert_eq(err, 0, "%.*s: %d", SPAN_FMT(uri), err);
	put_party_uri(&out, &party, &host4, NET_UDP);
	cr_expect(span_eq(cursor_span(&out), written), "%.*s: %.*s, not %.*s", SPAN_FMT(uri),
		  SPAN_FMT(cursor_span(&out)), SPAN_FMT(written));
	cr_expect_eq(sip_uri_parse(cursor_span(&out), &parsed), 0);
}

Test(party, users_cross_without_their_hosts)
{
	expect(SPAN("sip:alice@10.99.1.2"), SPAN("sip:alice@10.99.2.2:5080"));
	expect(SPAN("sip:alice:secret@[fd99:1::2]:5062;transport=udp;maddr=10.1.1.1?Subject=x"),
	       SPAN("sip:alice@10.99.2.2:5080"));
	expect(SPAN("sip:10.99.1.2"), SPAN("sip:10.99.2.2:5080"));
	expect(SPAN("SIP:Bob@host;user=phone"), SPAN("sip:Bob@10.99.2.2:5080;user=phone"));
	expect(SPAN("sip:host;user=phone"), SPAN("sip:10.99.2.2:5080"));
	expect(SPAN("sip:a;b=c@host"), SPAN("sip:a;b=c@10.99.2.2:5080"));
	expect(SPAN("sip:anonymous@anonymous.invalid"), SPAN("sip:anonymous@10.99.2.2:5080"));
}

Test(party, escapes_come_out_canonical_and_harmless)
{
	expect(SPAN("sip:%61lice@h"), SPAN("sip:alice@10.99.2.2:5080"));
	expect(SPAN("sip:a%40b@h"), SPAN("sip:a%40b@10.99.2.2:5080"));
	expect(SPAN("sip:%0d%0aVia%3a%20x@h"), SPAN("sip:%0D%0AVia%3A%20x@10.99.2.2:5080"));
	expect(SPAN("sip:%00%ff%3e%22@h"), SPAN("sip:%00%FF%3E%22@10.99.2.2:5080"));
	expect(SPAN("sip:*69%23@h"), SPAN("sip:*69%23@10.99.2.2:5080"));
}

Test(party, a_service_is_the_same_everywhere)
{
	char buf[256];
	struct cursor out = cursor_on(buf, sizeof(buf));
	struct party party;

	cr_assert_eq(party_from_uri(SPAN("URN:Service:SOS.Police"), &party), 0);
	cr_expect(party.service);
	put_party_uri(&out, &party, &host4, NET_UDP);
	cr_expect(span_eq(cursor_span(&out), SPAN("urn:service:sos.police")));
	cr_expect_eq(party_from_uri(SPAN("urn:service:"), &party), -EPROTONOSUPPORT);
	cr_expect_eq(party_from_uri(SPAN("urn:nena:service:x"), &party), -EPROTONOSUPPORT);
	cr_expect_eq(party_from_uri(SPAN("urn:service:a@b"), &party), -EINVAL);
	cr_expect_eq(party_from_uri(SPAN("urn:service:a:b"), &party), -EINVAL);
	cr_assert_eq(party_from_uri(SPAN("sip:1@h"), &party), 0);
	cr_expect_not(party.service);
}

Test(party, numbers_lose_what_names_a_network)
{
	expect(SPAN("sip:+4930123;phone-context=carrier-a.example;npdi;rn=+49302@h;user=phone"),
	       SPAN("sip:+4930123;npdi;rn=+49302@10.99.2.2:5080;user=phone"));
	expect(SPAN("sip:030123;tgrp=tg17;trunk-context=10.1.1.1@h"),
	       SPAN("sip:030123@10.99.2.2:5080"));
	expect(SPAN("sip:1;isub=3;EXT=9;postd=1p2;x-host=secret@h"),
	       SPAN("sip:1;isub=3;EXT=9;postd=1p2@10.99.2.2:5080"));
	expect(SPAN("sip:+1;;npdi;@h"), SPAN("sip:+1;npdi@10.99.2.2:5080"));
}

Test(party, tel_becomes_sip)
{
	expect(SPAN("tel:+49-(30)-12.3"), SPAN("sip:+4930123@10.99.2.2:5080;user=phone"));
	expect(SPAN("tel:7042;phone-context=example.com"),
	       SPAN("sip:7042@10.99.2.2:5080;user=phone"));
	expect(SPAN("tel:*21%23"), SPAN("sip:*21%23@10.99.2.2:5080;user=phone"));
	expect(SPAN("TEL:+1;npdi;rn=+12025550100;cic=+6789"),
	       SPAN("sip:+1;npdi;rn=+12025550100;cic=+6789@10.99.2.2:5080;user=phone"));
}

Test(party, other_hosts_and_transports)
{
	char buf[256];
	struct cursor out = cursor_on(buf, sizeof(buf));
	struct party party;

	cr_assert_eq(party_from_uri(SPAN("sip:anonymous@Anonymous.Invalid"), &party), 0);
	cr_expect(party.anonymous);
	put_party_uri(&out, &party, &host6, NET_TCP);
	put_char(&out, ' ');
	put_party_uri(&out, &party, NULL, NET_UDP);
	cr_expect(span_eq(
		cursor_span(&out),
		SPAN("sip:anonymous@[fd99::1];transport=tcp sip:anonymous@anonymous.invalid")));
}

Test(party, what_is_no_party)
{
	char longest[4 + PARTY_USER_MAX + 3] = "sip:";
	struct party party;

	cr_expect_eq(party_from_uri(SPAN("http://h"), &party), -EPROTONOSUPPORT);
	cr_expect_eq(party_from_uri(SPAN(""), &party), -EINVAL);
	cr_expect_eq(party_from_uri(SPAN("sip:"), &party), -EINVAL);
	cr_expect_eq(party_from_uri(SPAN("sip:a%4@h"), &party), -EINVAL);
	cr_expect_eq(party_from_uri(SPAN("tel:"), &party), -EINVAL);
	cr_expect_eq(party_from_uri(SPAN("tel:+"), &party), -EINVAL);
	cr_expect_eq(party_from_uri(SPAN("tel:+49abc"), &party), -EINVAL);
	cr_expect_eq(party_from_uri(SPAN("tel:-()."), &party), -EINVAL);
	memset(longest + 4, 'x', PARTY_USER_MAX + 1);
	memcpy(longest + 4 + PARTY_USER_MAX + 1, "@h", 2);
	cr_expect_eq(party_from_uri(span_of(longest, sizeof(longest)), &party), -ENAMETOOLONG);
}
