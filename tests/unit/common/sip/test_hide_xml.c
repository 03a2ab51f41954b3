/* SPDX-License-Identifier: BSD-3-Clause */
/* XML bodies hidden from the other side. */
#include "common/sip/hide.h"

#include <criterion/criterion.h>
#include <errno.h>

#include "guarded.h"

#define HEAD "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n"

static const struct hide hide = {
	.self = {.addr = {{10, 99, 1, 1}}, .port = 5060, .family = NET_IP4}, .key = {{1, 2}}};
static char buf[16384];

/* Good until the next call; NULL: refused. */
static struct span hidden(const char *text)
{
	struct cursor out = cursor_on(buf, sizeof(buf));
	int error = hide_xml(&out, &hide, guarded(text));

	cr_assert(error == 0 || error == -EINVAL);
	cr_assert(!out.full);
	return error ? SPAN_NONE : cursor_span(&out);
}

static void expect(const char *text, const char *wanted)
{
	struct span got = hidden(text);

	cr_expect(span_eq(got, span_str(wanted)), "is     %.*s\nwanted %s", SPAN_FMT(got), wanted);
}

static const char *token(const char *id)
{
	static char text[17];
	struct cursor out = cursor_on(text, 16);

	hide_token(&out, &hide, span_str(id));
	return text;
}

static bool has(struct span text, const char *what)
{
	return memmem(text.ptr, text.len, what, strlen(what)) != NULL;
}

Test(hide_xml, dialog_info)
{
	struct span got = hidden(
		"<?xml version=\"1.0\"?>\r\n<dialog-info "
		"xmlns=\"urn:ietf:params:xml:ns:dialog-info\" "
		"version=\"0\" state=\"partial\" entity=\"sip:alice@pbx.example.com:5062\">\n"
		"<dialog id='as7d@10.0.0.7' call-id=\"a84b4c76e66710@pc33.example.com\" "
		"local-tag=\"1928301774\" "
		"remote-tag=\"456887766\" direction=\"initiator\"><state>early</state>"
		"<local><identity display=\"Alice &amp; Bob\">sip:alice@example.com</identity>"
		"<target uri=\"sip:alice@pc33.example.com;transport=tcp\"/></local>"
		"<remote><session-description type=\"application/sdp\">v=0 c=IN IP4 10.0.0.7"
		"</session-description></remote><route-set><hop>sip:p1.example.com;lr</hop></"
		"route-set>"
		"</dialog></dialog-info>");

	cr_expect(!has(got, "example.com") && !has(got, "10.0.0.7") && !has(got, "1928301774") &&
			  !has(got, "456887766") && !has(got, "a84b4c"),
		  "%.*s", SPAN_FMT(got));
	cr_expect(has(got, "xmlns=\"urn:ietf:params:xml:ns:dialog-info\""));
	cr_expect(has(got, "entity=\"sip:alice@10.99.1.1\""));
	cr_expect(has(got, "<target uri=\"sip:alice@10.99.1.1\"/>"));
	cr_expect(has(got, "<identity display=\"Alice &amp; Bob\">sip:alice@10.99.1.1</identity>"));
	cr_expect(has(got, token("a84b4c76e66710@pc33.example.com")));
	cr_expect(has(got, token("1928301774")) && has(got, token("456887766")));
	cr_expect(has(got, "<hop></hop>") && has(got, "<state>early</state>"));
}

Test(hide_xml, other_documents)
{
	expect("<p:presence xmlns:p=\"urn:ietf:params:xml:ns:pidf\" "
	       "entity=\"pres:someone@example.com\">"
	       "<p:tuple id=\"sg89ae\"><p:contact "
	       "priority=\"0.8\">im:someone@mobile.example.net</p:contact>"
	       "<p:note>at mobile.example.net, 12:30:45</p:note></p:tuple></p:presence>",
	       HEAD
	       "<p:presence xmlns:p=\"urn:ietf:params:xml:ns:pidf\" "
	       "entity=\"pres:someone@10.99.1.1\">"
	       "<p:tuple id=\"sg89ae\"><p:contact priority=\"0.8\">im:someone@10.99.1.1</p:contact>"
	       "<p:note>at anonymous.invalid, 12:30:45</p:note></p:tuple></p:presence>");
	expect("<c "
	       "card=\"http://www.example.com/~alice/card.vcd\"><icon>http://a.b/c?d=e&amp;f</"
	       "icon></c>",
	       HEAD "<c card=\"\"><icon></icon></c>");
	expect("<a x:schemaLocation=\"urn:a http://www.w3.org/x.xsd\" domain=\"example.com\"/>",
	       HEAD "<a x:schemaLocation=\"urn:a http://www.w3.org/x.xsd\" "
		    "domain=\"anonymous.invalid\"/>");
	expect("<!-- 10.0.0.1 --><a><!-- x --><?pi 10.0.0.1?>10.0.0.1<![CDATA[<sip:b@h.x.y>]]></a "
	       ">\r\n",
	       HEAD "<a><!-- --><!-- -->0.0.0.0<!-- -->&lt;sip:b@10.99.1.1&gt;<!-- --></a>");
	expect("<a>]]http://x&gt; ]]<![CDATA[]]]]><![CDATA[>]]></a>",
	       HEAD "<a>]] ]]<!-- -->]]<!-- --><!-- -->&gt;<!-- --></a>");
	expect("<a xmlns:x=\"urn:x 10.0.0.1 http://x.example.com/ns\">&#38;&#60;&#xa0;&#8364;&#;"
	       "http://x.example.com</a>",
	       HEAD "<a xmlns:x=\"urn:x 0.0.0.0 http://x.example.com/ns\">&#38;&#60;&#xa0;&#8364;"
		    "&#;</a>");
	expect("\xef\xbb\xbf<?xml version='1.0' encoding='utf-8'?><a\n b = 'c'\t/>",
	       HEAD "<a b='c'/>");
	expect("<a>&lt;sip:b@h.example.com;lr&gt; tel:+1&gt;</a>",
	       HEAD "<a>&lt;sip:b@10.99.1.1 tel:+1&gt;</a>");
}

Test(hide_xml, what_is_none)
{
	static const char *const texts[] = {
		"",
		" ",
		"x",
		"<a>",
		"</a>",
		"<a></a></b>",
		"<a b></a>",
		"<a b=c/>",
		"<a b=\"c/>",
		"<a b=\"<\"/>",
		"<a b=\"c\"d=\"e\"/>",
		"<a/>x",
		"x<a/>",
		"<a",
		"<",
		"<a /",
		"<!-- x",
		"<?x",
		"<a><![CDATA[x</a>",
		"<![CDATA[x]]>",
		"<!DOCTYPE a SYSTEM \"http://h/\"><a/>",
		"<!DOCTYPE a [<!ENTITY b \"10.0.0.1\">]><a>&b;</a>",
		"<?xml version=\"1.0\" encoding=\"UTF-16\"?><a/>",
		"<?xml version=\"1.0\"?>",
		"<a>10&#46;0.0.1</a>",
		"<a>10&#x2E;0.0.1</a>",
		"<a>1&#00048;.0.0.1</a>",
		"<a b=\"sip:b&#64;pc.example.com\"/>",
		"<a b=\"fd99&#58;&#x3a;1\"/>",
		"<a>&#x73;ip:bob</a>",
	};
	char deep[1024];

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		cr_expect(hidden(texts[i]).ptr == NULL, "%s", texts[i]);
	for (unsigned i = 0; i < 100; i++)
		memcpy(deep + i * 3, "<a>", 4);
	for (unsigned i = 0; i < 100; i++)
		memcpy(deep + 300 + i * 4, "</a>", 5);
	cr_expect(hidden(deep).ptr == NULL);
}
