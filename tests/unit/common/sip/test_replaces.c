/* SPDX-License-Identifier: BSD-3-Clause */
/* Replaces, in a header of its own and inside a URI. */
#include "common/sip/replaces.h"

#include <criterion/criterion.h>

#include <stdlib.h>

Test(sip_replaces, parts)
{
	struct sip_replaces r;

	cr_assert_eq(sip_replaces_parse(SPAN("a@b;from-tag=f;to-tag=t"), &r), 0);
	cr_expect(span_eq(r.call_id, SPAN("a@b")));
	cr_expect(span_eq(r.to_tag, SPAN("t")));
	cr_expect(span_eq(r.from_tag, SPAN("f")));
	cr_expect_not(r.early_only);
	cr_assert_eq(sip_replaces_parse(SPAN("a@b ; To-Tag=t;x=y; from-tag = f ;early-only"), &r),
		     0);
	cr_expect(span_eq(r.call_id, SPAN("a@b")));
	cr_expect(r.early_only);
}

Test(sip_replaces, what_names_no_dialog)
{
	static const char *const bad[] = {"",
					  "a@b",
					  "a@b;to-tag=t",
					  "a@b;from-tag=t",
					  ";to-tag=t;from-tag=f",
					  "a b;to-tag=t;from-tag=f",
					  "a@b;to-tag=t;from-tag=f;to-tag=u",
					  "a@b;to-tag=t;from-tag=f;from-tag=f",
					  "a@b;to-tag=;from-tag=f",
					  "a@b;to-tag=\"t\";from-tag=f",
					  "a@b;to-tag=t;from-tag=f>",
					  "a@b;to-tag=t;from-tag=f, c@d;to-tag=t;from-tag=f"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct sip_replaces r;
		/* Of its own size, so that a byte too many is found. */
		size_t len = strlen(bad[i]);
		char *copy = malloc(len + 1);

		memcpy(copy, bad[i], len);
		cr_expect_neq(sip_replaces_parse(span_of(copy, len), &r), 0, "%s", bad[i]);
		free(copy);
	}
}

Test(sip_replaces, there_and_back_through_a_uri)
{
	struct sip_replaces r = {SPAN("a;b%c@d"), SPAN("t"), SPAN("f"), true}, again;
	char text[256], escaped[256], plain[256];
	struct cursor put = cursor_on(text, sizeof(text)),
		      esc = cursor_on(escaped, sizeof(escaped)),
		      back = cursor_on(plain, sizeof(plain));
	struct span rest, name, value;

	r.call_id = SPAN("a%c@d");
	sip_replaces_put(&put, &r);
	sip_put_escaped(&esc, cursor_span(&put));
	cr_expect(span_eq(cursor_span(&esc),
			  SPAN("a%25c%40d%3Bto-tag%3Dt%3Bfrom-tag%3Df%3Bearly-only")));
	sip_put_unescaped(&back, cursor_span(&esc));
	cr_assert_eq(sip_replaces_parse(cursor_span(&back), &again), 0);
	cr_expect(span_eq(again.call_id, r.call_id));
	cr_expect(again.early_only);

	rest = SPAN("Subject=x&Replaces=a%3Bb&&last");
	cr_assert(sip_uri_header_next(&rest, &name, &value));
	cr_expect(span_eq(name, SPAN("Subject")) && span_eq(value, SPAN("x")));
	cr_assert(sip_uri_header_next(&rest, &name, &value));
	cr_expect(span_eq(name, SPAN("Replaces")) && span_eq(value, SPAN("a%3Bb")));
	cr_assert(sip_uri_header_next(&rest, &name, &value));
	cr_expect_eq(name.len, 0);
	cr_assert(sip_uri_header_next(&rest, &name, &value));
	cr_expect(span_eq(name, SPAN("last")) && value.len == 0);
	cr_expect_not(sip_uri_header_next(&rest, &name, &value));
}

Test(sip_replaces, broken_escapes_stay)
{
	char text[64];
	struct cursor out = cursor_on(text, sizeof(text));

	sip_put_unescaped(&out, SPAN("%3b%3%zz%"));
	cr_expect(span_eq(cursor_span(&out), SPAN(";%3%zz%")));
}
