/* SPDX-License-Identifier: BSD-3-Clause */
/* URIs taken apart (RFC 3261 section 19.1, RFC 4475 section 3.1.1, RFC 5118). */
#include "common/sip/sip_msg.h"

#include <criterion/criterion.h>
#include <errno.h>

#include "guarded.h"

Test(uri, parts_of_good_uris)
{
	static const struct {
		const char *text, *user, *password, *host, *params, *headers;
		uint16_t port;
		bool sips;
	} cases[] = {
		{"sip:example.org", NULL, NULL, "example.org", NULL, NULL, 0, false},
		{"sip:alice@example.org", "alice", NULL, "example.org", NULL, NULL, 0, false},
		{"SIP:alice@example.org:5070", "alice", NULL, "example.org", NULL, NULL, 5070,
		 false},
		{"sIpS:alice@example.org", "alice", NULL, "example.org", NULL, NULL, 0, true},
		{"sip:alice:secret@192.0.2.1:1", "alice", "secret", "192.0.2.1", NULL, NULL, 1,
		 false},
		{"sip:alice:@h", "alice", NULL, "h", NULL, NULL, 0, false},
		{"sip:h;transport=tcp;lr", NULL, NULL, "h", ";transport=tcp;lr", NULL, 0, false},
		{"sip:a@h:65535;x=1?subject=project%20x&to=b", "a", NULL, "h", ";x=1",
		 "subject=project%20x&to=b", 65535, false},
		{"sip:a@h?priority=urgent", "a", NULL, "h", NULL, "priority=urgent", 0, false},
		{"sip:[2001:db8::10]:5070", NULL, NULL, "[2001:db8::10]", NULL, NULL, 5070, false},
		{"sip:[2001:db8::10:5070]", NULL, NULL, "[2001:db8::10:5070]", NULL, NULL, 0,
		 false},
		{"sip:u@[::ffff:192.0.2.2];lr", "u", NULL, "[::ffff:192.0.2.2]", ";lr", NULL, 0,
		 false},
		{"sip:u@[2001:db8:::192.0.2.1]", "u", NULL, "[2001:db8:::192.0.2.1]", NULL, NULL, 0,
		 false},
		/* user may hold what elsewhere separates */
		{"sip:u;par=v%40example.net@example.com", "u;par=v%40example.net", NULL,
		 "example.com", NULL, NULL, 0, false},
		{"sip:1?2&3=4+5$6,7;8/9@h;p", "1?2&3=4+5$6,7;8/9", NULL, "h", ";p", NULL, 0, false},
		{"sip:*31#5551234@h", "*31#5551234", NULL, "h", NULL, NULL, 0, false},
		{"sip:sips%3Auser%40example.com@example.net", "sips%3Auser%40example.com", NULL,
		 "example.net", NULL, NULL, 0, false},
		{"sip:null-%00-null@h", "null-%00-null", NULL, "h", NULL, NULL, 0, false},
		{"sip:a:b:c@h", "a", "b:c", "h", NULL, NULL, 0, false},
		{"sip:under_score.example-1.org.", NULL, NULL, "under_score.example-1.org.", NULL,
		 NULL, 0, false},
		{"sip:a-user-name-beyond-sixteen-bytes@a-host-name-beyond-sixteen.example.org:"
		 "15060;maddr=192.0.2.99",
		 "a-user-name-beyond-sixteen-bytes", NULL, "a-host-name-beyond-sixteen.example.org",
		 ";maddr=192.0.2.99", NULL, 15060, false},
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sip_uri uri;

		cr_assert_eq(sip_uri_parse(guarded(cases[i].text), &uri), 0, "%s", cases[i].text);
		cr_expect(uri.is_sip);
		cr_expect_eq(uri.is_sips, cases[i].sips, "%s", cases[i].text);
		cr_expect(span_is(uri.user, cases[i].user), "user of %s", cases[i].text);
		cr_expect(span_is(uri.password, cases[i].password), "password of %s",
			  cases[i].text);
		cr_expect(span_is(uri.host, cases[i].host), "host of %s", cases[i].text);
		cr_expect(span_is(uri.params, cases[i].params), "params of %s", cases[i].text);
		cr_expect(span_is(uri.headers, cases[i].headers), "headers of %s", cases[i].text);
		cr_expect_eq(uri.port, cases[i].port, "port of %s", cases[i].text);
		cr_expect(span_is(uri.opaque, strchr(cases[i].text, ':') + 1));
	}
}

Test(uri, other_schemes_are_opaque)
{
	static const struct {
		const char *text, *scheme, *opaque;
	} cases[] = {
		{"tel:+358-555-1234567;postd=pp22", "tel", "+358-555-1234567;postd=pp22"},
		{"urn:service:sos", "urn", "service:sos"},
		{"soap.beep://192.0.2.103:3002", "soap.beep", "//192.0.2.103:3002"},
		{"nobodyKnowsThis:opaque", "nobodyKnowsThis", "opaque"},
		{"x+y-z.1:a@b@c", "x+y-z.1", "a@b@c"},
		{"sipx:a@b", "sipx", "a@b"},
		{"sipss:a@b", "sipss", "a@b"},
		{"si:a", "si", "a"},
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sip_uri uri;

		cr_assert_eq(sip_uri_parse(guarded(cases[i].text), &uri), 0, "%s", cases[i].text);
		cr_expect_not(uri.is_sip);
		cr_expect_not(uri.is_sips);
		cr_expect(span_is(uri.scheme, cases[i].scheme), "%s", cases[i].text);
		cr_expect(span_is(uri.opaque, cases[i].opaque), "%s", cases[i].text);
		cr_expect_null(uri.host.ptr);
	}
}

Test(uri, bad_uris_are_refused)
{
	static const char *const cases[] = {
		"",
		"sip",
		"sip:",
		"sips:",
		"tel:",
		":a@b",
		"1sip:a@b",
		"s\xc3\xafp:a@b",
		"sip :a@b",
		"sip:a b@h",
		"sip:a@h ",
		" sip:a@h",
		"<sip:a@h>",
		"sip:a@h>",
		"sip:\"a\"@h",
		"sip:a@",
		"sip:@h",
		"sip::pw@h",
		"sip:a@b@h",
		"sip:a@h@",
		"sip:a@h:",
		"sip:a@h:0",
		"sip:a@h:65536",
		"sip:a@h:99999999999",
		"sip:a@h:50x",
		"sip:a@h:;lr",
		"sip:a@h/x",
		"sip:a@h,b",
		"sip:;lr",
		"sip:?a=b",
		"sip:2001:db8::10",
		"sip:a@2001:db8::10",
		"sip:[2001:db8::10",
		"sip:2001:db8::10]",
		"sip:[]",
		"sip:[g::1]",
		"sip:[::1]x",
		"sip:[::1]:",
		"sip:a%4@h",
		"sip:a%4g@h",
		"sip:a%@h",
		"sip:a@h;x=%",
		"sip:a@h;x=%2",
		"sip:a@h%20",
		"sip:a\xc3\xa9@h",
		"sip:a\x7f@h",
		"sip:a@h;p=a@b",
		"tel:+1 2",
		"urn:%zz",
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sip_uri uri;

		cr_expect_eq(sip_uri_parse(guarded(cases[i]), &uri), -EINVAL, "\"%s\"", cases[i]);
	}
}

Test(uri, a_text_cut_short_is_never_read_beyond)
{
	static const char text[] =
		"sips:user;x=1:pass%20word@[2001:db8::1]:5061;transport=tls;lr?Subject=a%20b&to=x";
	struct sip_uri uri;

	for (size_t len = 0; len < sizeof(text); len++)
		(void)sip_uri_parse(span_of(guard_behind(text, len), len), &uri);
	cr_expect_eq(sip_uri_parse(SPAN_NONE, &uri), -EINVAL);
}
