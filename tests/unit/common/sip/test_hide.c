/* SPDX-License-Identifier: BSD-3-Clause */
/* Headers hidden from the other side: values as carriers and phones write them. */
#include "common/sip/hide.h"

#include <criterion/criterion.h>

#include "guarded.h"
#include "../../../rng.h"

static struct hide towards(const char *self)
{
	struct hide hide = {.key = {{1, 2}}};

	cr_assert_eq(net_endpoint_parse(span_str(self), 5060, &hide.self), 0);
	return hide;
}

/* The value against an unreadable page; NULL: nothing is left. */
static void expect_for(const char *self, enum sip_hdr_id id, const char *value, const char *wanted)
{
	struct hide hide = towards(self);
	char buf[4096];
	struct cursor out = cursor_on(buf, sizeof(buf));
	size_t len = strlen(value);
	bool left = hide_header(&out, &hide, id, span_of(guard_behind(value, len), len));

	cr_expect_eq(left, wanted != NULL, "%s: %s", sip_hdr_name(id), value);
	cr_expect(!out.full);
	if (wanted)
		cr_expect(span_eq(cursor_span(&out), span_str(wanted)),
			  "%s: %s\n  is     %.*s\n  wanted %s", sip_hdr_name(id), value,
			  SPAN_FMT(cursor_span(&out)), wanted);
	else
		cr_expect_eq(out.len, 0, "%s", value);
}

static void expect(enum sip_hdr_id id, const char *value, const char *wanted)
{
	expect_for("10.99.1.1", id, value, wanted);
}

Test(hide, identities)
{
	static const struct {
		enum sip_hdr_id id;
		const char *value, *wanted;
	} cases[] = {
		{SIP_HDR_P_ASSERTED_IDENTITY, "\"Cullen Jennings\" <sip:fluffy@cisco.com>",
		 "\"Cullen Jennings\" <sip:fluffy@10.99.1.1>"},
		{SIP_HDR_P_ASSERTED_IDENTITY, "tel:+14085264000", "tel:+14085264000"},
		{SIP_HDR_P_ASSERTED_IDENTITY,
		 "\"Bob\" <sip:+4930123@ims.example.net:5062;user=phone>, <tel:+4930123>",
		 "\"Bob\" <sip:+4930123@10.99.1.1;user=phone>, <tel:+4930123>"},
		{SIP_HDR_P_ASSERTED_IDENTITY, "sip:alice@[2001:db8::10]:5060",
		 "sip:alice@10.99.1.1"},
		{SIP_HDR_P_ASSERTED_IDENTITY, "<sip:anonymous@anonymous.invalid>",
		 "<sip:anonymous@anonymous.invalid>"},
		{SIP_HDR_P_PREFERRED_IDENTITY, "Bob<sips:bob:secret@192.168.1.7;transport=tcp;lr>",
		 "Bob <sips:bob@10.99.1.1>"},
		{SIP_HDR_P_ASSERTED_IDENTITY, "\"pbx.example.com: Bob\" <sip:bob@pbx.example.com>",
		 "\"anonymous.invalid: Bob\" <sip:bob@10.99.1.1>"},
		{SIP_HDR_P_ASSERTED_IDENTITY, "\"bob@10.1.1.1\" <sip:bob@pbx>",
		 "\"bob@anonymous.invalid\" <sip:bob@10.99.1.1>"},
		{SIP_HDR_P_ASSERTED_IDENTITY, "\"a\\\"b, <c>\" <sip:bob@pbx>,sip:c@d",
		 "\"a\\\"b, <c>\" <sip:bob@10.99.1.1>, sip:c@10.99.1.1"},
		{SIP_HDR_P_ASSERTED_IDENTITY, "\"Bob\"\r\n <sip:bob@pbx\r\n >",
		 "\"Bob\"   <sip:bob@10.99.1.1   >"},
		{SIP_HDR_REMOTE_PARTY_ID,
		 "\"John Doe\" "
		 "<sip:jdoe@foo.com>;party=calling;id-type=subscriber;privacy=full;screen=yes",
		 "\"John Doe\" "
		 "<sip:jdoe@10.99.1.1>;party=calling;id-type=subscriber;privacy=full;screen=yes"},
		{SIP_HDR_REFERRED_BY, "sip:referrer@referrer.example", "sip:referrer@10.99.1.1"},
		{SIP_HDR_P_CALLED_PARTY_ID, "<sip:user1-business@example.com>;x=y",
		 "<sip:user1-business@10.99.1.1>;x=y"},
		{SIP_HDR_P_ASSOCIATED_URI,
		 "<sip:user1@home1.net>, <tel:+358504821437;phone-context=home1.net;ext=12>",
		 "<sip:user1@10.99.1.1>, "
		 "<tel:+358504821437;phone-context=anonymous.invalid;ext=12>"},
		{SIP_HDR_P_ASSERTED_IDENTITY,
		 "<sip:7042;phone-context=corp.example.com;tgrp=tg55;trunk-context=corp.example."
		 "com@gw.example.com;user=phone>",
		 "<sip:7042;phone-context=anonymous.invalid@10.99.1.1;user=phone>"},
		{SIP_HDR_P_ASSERTED_IDENTITY, "tel:7042;phone-context=+4930",
		 "tel:7042;phone-context=+4930"},
		{SIP_HDR_P_ASSERTED_IDENTITY, "tel:7042;phone-context=corp.example.com",
		 "tel:7042;phone-context=anonymous.invalid"},
		{SIP_HDR_P_ASSERTED_IDENTITY,
		 "sip:bob@host.example.com;maddr=inner.example.com;screen=1",
		 "sip:bob@10.99.1.1;screen=1"},
		{SIP_HDR_P_ASSERTED_IDENTITY, "<sip:bob%40corp.example.com@host.example.com>",
		 "<sip:bob%40anonymous.invalid@10.99.1.1>"},
		{SIP_HDR_P_ASSERTED_IDENTITY, "<sip:10.0.0.8@10.0.0.8>", "<sip:0.0.0.0@10.99.1.1>"},
		{SIP_HDR_P_ASSERTED_IDENTITY, "<sip:host.example.com>", "<sip:10.99.1.1>"},
		{SIP_HDR_REPLY_TO, "Bob <im:bob@biloxi.com>", "Bob <im:bob@10.99.1.1>"},
		{SIP_HDR_REPLY_TO, "<urn:service:sos.fire>", "<urn:service:sos.fire>"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		expect(cases[i].id, cases[i].value, cases[i].wanted);
}

Test(hide, redirections)
{
	expect(SIP_HDR_DIVERSION,
	       "<sip:+12125551212@switch.example.com;user=phone>;reason=user-busy;privacy=\"off\";"
	       "counter=1",
	       "<sip:+12125551212@10.99.1.1;user=phone>;reason=user-busy;privacy=\"off\";counter="
	       "1");
	expect(SIP_HDR_DIVERSION, "sip:5001@10.0.0.3:5080;reason=unconditional;screen=no",
	       "sip:5001@10.99.1.1;reason=unconditional;screen=no");
	expect(SIP_HDR_DIVERSION, "tel:+15551;reason=time-of-day", "tel:+15551;reason=time-of-day");
	expect(SIP_HDR_HISTORY_INFO,
	       "<sip:bob@192.0.2.4?Reason=SIP%3Bcause%3D302&Privacy=history&X=y>;index=1.1.1.1;rc="
	       "1.1.1.2",
	       "<sip:bob@10.99.1.1?Reason=SIP%3Bcause%3D302&Privacy=history>;index=1.1.1.1;rc=1.1."
	       "1.2");
	expect(SIP_HDR_HISTORY_INFO,
	       "<sip:UserA@ims.example.com>;index=1;foo=bar,\r\n "
	       "<sip:UserA@home.example.com;transport=tls"
	       "?Reason=SIP%3Bcause%3D486%3Btext%3D%22Busy%40pbx.example.com%22>;index=1.1",
	       "<sip:UserA@10.99.1.1>;index=1;foo=bar, <sip:UserA@10.99.1.1"
	       "?Reason=SIP%3Bcause%3D486%3Btext%3D%22Busy%40anonymous.invalid%22>;index=1.1");
	expect(SIP_HDR_DIVERSION, "<sip:b@h?Reason=SIP>;x=1.1.1.1", "<sip:b@10.99.1.1>;x=0.0.0.0");
}

Test(hide, other_headers)
{
	expect(SIP_HDR_CALL_INFO,
	       "<http://www.example.com/alice/photo.jpg> ;purpose=icon, "
	       "<http://www.example.com/alice/> ;purpose=info",
	       NULL);
	expect(SIP_HDR_CALL_INFO, "<http://a.b/c>;purpose=icon, <sip:10.0.0.4>;answer-after=0",
	       "<sip:10.99.1.1>;answer-after=0");
	expect(SIP_HDR_CALL_INFO, "http://www.example.com/icon.png;purpose=icon", NULL);
	expect(SIP_HDR_ALERT_INFO, "<urn:alert:service:call-waiting>, <http://x.y/z.wav>",
	       "<urn:alert:service:call-waiting>");
	expect(SIP_HDR_ALERT_INFO, "<file://Bellcore-dr2>;info=x", NULL);
	expect(SIP_HDR_P_CHARGING_VECTOR,
	       "icid-value=1234bc9876e;icid-generated-at=192.0.6.8;orig-ioi=home1.net",
	       "icid-value=1234bc9876e");
	expect(SIP_HDR_P_CHARGING_VECTOR,
	       "orig-ioi=home1.net; icid-value=\"AyretyU0dm+6O2IrT5tAFrbHLso@pcscf.home1.net\"; "
	       "term-ioi=x",
	       "icid-value=\"AyretyU0dm+6O2IrT5tAFrbHLso@anonymous.invalid\"");
	expect(SIP_HDR_P_CHARGING_VECTOR, "orig-ioi=home1.net", NULL);
	expect(SIP_HDR_P_CHARGING_VECTOR, "nonsense", NULL);
	expect(SIP_HDR_P_CHARGING_FUNCTION_ADDRESSES, "ccf=192.1.1.1; ccf=192.1.1.2", NULL);
	expect(SIP_HDR_P_VISITED_NETWORK_ID, "\"Visited network number 1\"", NULL);
	expect(SIP_HDR_P_ACCESS_NETWORK_INFO,
	       "3GPP-UTRAN-TDD; utran-cell-id-3gpp=234151D0FCE11; extension=\"a;b\"",
	       "3GPP-UTRAN-TDD; utran-cell-id-3gpp=234151D0FCE11; extension=\"a;b\"");
	expect(SIP_HDR_P_ACCESS_NETWORK_INFO, "3GPP-E-UTRAN;ue-local-ip-address=\"2001:db8::7\"",
	       "3GPP-E-UTRAN;ue-local-ip-address=\"::\"");
	expect(SIP_HDR_WARNING,
	       "307 isi.edu \"Session parameter 'foo' not understood\", 399 10.0.0.1:5060 \"x\"",
	       "307 10.99.1.1 \"Session parameter 'foo' not understood\", 399 10.99.1.1 \"x\"");
	expect(SIP_HDR_REFERRED_BY,
	       "<sip:r@referrer.example>;cid=\"20398823.2UWQFN309shb3@referrer.example\"",
	       "<sip:r@10.99.1.1>;cid=\"de553b297be1dd22\"");
	expect(SIP_HDR_DATE, "Sat, 13 Nov 2010 23:29:00 GMT", "Sat, 13 Nov 2010 23:29:00 GMT");
	expect(SIP_HDR_USER_AGENT, "Foo/1.2.3.4 (host fe80::1)", "Foo/0.0.0.0 (host ::)");
	expect(SIP_HDR_SUBJECT,
	       "call sip:bob@pc33.example.com;lr?a=b, or bob@pc33.example.com at 12:30:45",
	       "call sip:bob@10.99.1.1, or bob@anonymous.invalid at 12:30:45");
	expect(SIP_HDR_OTHER, "x=2001:db8:0:0:0:0:0:1;y=[fd00::1]:5060;z=host-10.0.0.3.example.com",
	       "x=::;y=[::]:5060;z=host-0.0.0.0.example.com");
	expect(SIP_HDR_OTHER, "9A:4F:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE, 00:11:22:33:44:55",
	       "9A:4F:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE, 00:11:22:33:44:55");
	expect(SIP_HDR_OTHER, "1.2.3, 1.800.555.1212, 256.1.1.1.1",
	       "1.2.3, 1.800.555.1212, 256.0.0.0.0");
	expect(SIP_HDR_OTHER, "<sip:a@\xc3\xbc.example.com>", "<sip:a@10.99.1.1>");
	expect(SIP_HDR_OTHER, "", NULL);
	expect(SIP_HDR_OTHER, ",,", NULL);
	expect(SIP_HDR_VIA, "SIP/2.0/UDP 10.0.0.1", NULL);
	expect(SIP_HDR_REPLACES, "98732@sip.example.com;from-tag=r33th4x0r;to-tag=ff87ff", NULL);
	expect(SIP_HDR_AUTHORIZATION, "Digest username=\"bob\", realm=\"biloxi.com\"", NULL);
}

/* What goes along with words of a standard's vocabulary. */
Test(hide, parameters_beside_safe_words)
{
	struct hide hide = towards("10.99.1.1");
	char wanted[256], tokens[3][17] = {"", "", ""};
	static const char *const ids[] = {"12@10.0.0.7", "a1", "b2"};

	for (unsigned i = 0; i < 3; i++) {
		struct cursor out = cursor_on(tokens[i], 16);

		hide_token(&out, &hide, span_str(ids[i]));
	}
	snprintf(wanted, sizeof(wanted), "dialog;call-id=\"%s\";from-tag=\"%s\";to-tag=\"%s\"",
		 tokens[0], tokens[1], tokens[2]);
	expect(SIP_HDR_EVENT, "dialog;call-id=\"12@10.0.0.7\";from-tag=a1; to-tag=b2", wanted);
	expect(SIP_HDR_EVENT, "presence.winfo;id=7", "presence.winfo;id=7");
	expect(SIP_HDR_EVENT, "message-summary", "message-summary");
	expect(SIP_HDR_REASON, "Q.850;cause=16;text=\"gone, 10.0.0.7:5060\", SIP;cause=200",
	       "Q.850;cause=16;text=\"gone, 0.0.0.0:5060\", SIP;cause=200");
	expect(SIP_HDR_RETRY_AFTER, "18000 (at 10.0.0.7);duration=3600",
	       "18000 (at 0.0.0.0);duration=3600");
	expect(SIP_HDR_RETRY_AFTER, "5", "5");
	expect(SIP_HDR_SUBSCRIPTION_STATE, "terminated;reason=noresource;retry-after=1",
	       "terminated;reason=noresource;retry-after=1");
}

Test(hide, towards_other_families_and_ports)
{
	expect_for(
		"[fd99::1]:5070", SIP_HDR_P_ASSERTED_IDENTITY,
		"A <sip:bob@10.0.0.1;user=phone>;a=b, tel:1;phone-context=x.y",
		"A <sip:bob@[fd99::1]:5070;user=phone>;a=b, tel:1;phone-context=anonymous.invalid");
	expect_for("[fd99::1]:5070", SIP_HDR_P_ASSERTED_IDENTITY,
		   "bob@pbx.example.com <sip:bob@pbx.example.com>",
		   "bob@anonymous.invalid <sip:bob@[fd99::1]:5070>");
	expect_for("192.0.2.9:5080", SIP_HDR_DIVERSION, "sip:5001@h;reason=x",
		   "sip:5001@192.0.2.9:5080;reason=x");
}

Test(hide, more_names_than_can_be_kept)
{
	char value[4096], wanted[8192];
	size_t at = 0, to = 0;

	for (unsigned i = 0; i < 2 * HIDE_NAMES_MAX; i++) {
		at += (size_t)snprintf(value + at, sizeof(value) - at, "<sip:u@h%u.example.com>,",
				       i);
		to += (size_t)snprintf(wanted + to, sizeof(wanted) - to, "<sip:u@10.99.1.1>, ");
	}
	snprintf(value + at, sizeof(value) - at,
		 "\"h0.example.com h31.example.com plain\" <sip:a@b>");
	snprintf(wanted + to, sizeof(wanted) - to,
		 "\"anonymous.invalid anonymous.invalid plain\" <sip:a@10.99.1.1>");
	expect(SIP_HDR_HISTORY_INFO, value, wanted);
}

/* No host has a name so long: it is not looked for, and others that look like names go with it. */
Test(hide, names_longer_than_a_host_can_have)
{
	char value[1024];

	snprintf(value, sizeof(value), "\"h0.example.com plain\" <sip:u@%0300d.example.com>", 0);
	expect(SIP_HDR_REPLY_TO, value, "\"anonymous.invalid plain\" <sip:u@10.99.1.1>");
	snprintf(value, sizeof(value), "\"h0.example.com plain\" <sip:u@%0200d.example.com>", 0);
	expect(SIP_HDR_REPLY_TO, value, "\"h0.example.com plain\" <sip:u@10.99.1.1>");
}

Test(hide, digits_beyond_any_address_leave_none)
{
	char value[256];

	snprintf(value, sizeof(value), "x=2001:db8:0:0:0:0:0:%080d;y=1", 3);
	expect(SIP_HDR_REPLY_TO, value, "x=::;y=1");
}

/* A cursor of any size: what does not fit is told. */
Test(hide, what_does_not_fit_is_told)
{
	static const char value[] =
		"\"Bob\" <sip:+4930123@ims.example.net:5062;user=phone>;a=b, <tel:+4930123>";
	struct hide hide = towards("10.99.1.1");
	char buf[128];
	uint32_t whole = 0;

	for (uint32_t cap = sizeof(buf); cap--;) {
		struct cursor out = cursor_on(buf, cap);
		bool left = hide_header(&out, &hide, SIP_HDR_P_ASSERTED_IDENTITY, span_str(value));

		cr_assert(left);
		if (!out.full)
			whole = out.len;
		cr_assert_eq(out.full, cap < whole);
	}
	cr_assert_gt(whole, 0);
}

/* Texts made to be slow stay fast: the whole test takes no second. */
Test(hide, no_text_is_slow)
{
	static const char *const pieces[] = {
		"sip:", "sip:a,", ":a", "1.1.1.", "tel:", "a@",	   "%40a",
		";x=",	"::",	  "\"", "<",	  "((",	  "sip:a;"};
	static char value[60000], buf[1u << 20];
	struct hide hide = towards("10.99.1.1");

	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		struct span piece = span_str(pieces[i]);
		struct cursor out = cursor_on(buf, sizeof(buf));

		for (size_t at = 0; at + piece.len <= sizeof(value); at += piece.len)
			memcpy(value + at, piece.ptr, piece.len);
		hide_header(&out, &hide, SIP_HDR_OTHER,
			    span_of(value, sizeof(value) / piece.len * piece.len));
		cr_assert(!out.full);
	}
}
