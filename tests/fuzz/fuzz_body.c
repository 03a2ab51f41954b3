/* SPDX-License-Identifier: BSD-3-Clause */
/* Bodies: an XML document that is accepted comes out as one, without an address of its sender's;
 * the parts of a multipart body lie in it, one behind the other. First byte: which of the two. */
#include "common/sip/hide.h"
#include "common/sip/mime.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);            \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

#define BODY_MAX 8192u

static char first[64 * BODY_MAX], second[64 * 64 * BODY_MAX];

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Whether four small numbers between dots stand anywhere but in limen's address or blanked. */
static bool has_ip4(struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		size_t at = i;
		unsigned n;

		if (!is_digit(text.ptr[i]) || (i && is_digit(text.ptr[i - 1])))
			continue;
		for (n = 0; n < 4; n++) {
			unsigned v = 0, digits = 0;

			if (n && (at == text.len || text.ptr[at++] != '.'))
				break;
			for (; at < text.len && is_digit(text.ptr[at]) && digits < 4; digits++)
				v = v * 10 + (unsigned)(text.ptr[at++] - '0');
			if (digits == 0 || digits > 3 || v > 255)
				break;
		}
		if (n == 4 && !span_eq(span_of(text.ptr + i, at - i), SPAN("0.0.0.0")) &&
		    !span_eq(span_of(text.ptr + i, at - i), SPAN("203.0.113.77")))
			return true;
		if (n == 4)
			i = at - 1;
	}
	return false;
}

static bool keeps_as_it_is(struct span attr)
{
	return (attr.len >= 5 && memcmp(attr.ptr, "xmlns", 5) == 0) ||
	       (attr.len >= 14 && memcmp(attr.ptr + attr.len - 14, "schemaLocation", 14) == 0);
}

/* Texts and values of attributes; names are kept, and what names vocabularies. */
static void no_ip4(struct span xml)
{
	const char *p = xml.ptr, *end = p + xml.len, *from;

	while (p < end) {
		from = p;
		while (p < end && *p != '<')
			p++;
		CHECK(!has_ip4(span_of(from, (size_t)(p - from))));
		while (p < end && *p != '>') {
			struct span name;
			char quote;

			from = p;
			while (p < end && *p != '>' && *p != '"' && *p != '\'')
				p++;
			if (p == end || *p == '>')
				break;
			while (p > from && from < p && (*from == '<' || *from == ' '))
				from++;
			name = span_of(from, (size_t)(p - from) - 1); /* without '=' */
			for (size_t i = name.len; i--;)
				if (name.ptr[i] == ' ') {
					name = span_of(name.ptr + i + 1, name.len - i - 1);
					break;
				}
			quote = *p++;
			from = p;
			while (p < end && *p != quote)
				p++;
			CHECK(keeps_as_it_is(name) || !has_ip4(span_of(from, (size_t)(p - from))));
			if (p < end)
				p++;
		}
		if (p < end)
			p++;
	}
}

static void xml(struct span text)
{
	struct hide hide = {.self = {.addr = {{203, 0, 113, 77}}, .port = 5060, .family = NET_IP4},
			    .key = {{3, 4}}};
	struct cursor out = cursor_on(first, sizeof(first)),
		      again = cursor_on(second, sizeof(second));

	if (hide_xml(&out, &hide, text))
		return;
	CHECK(!out.full);
	no_ip4(cursor_span(&out));
	CHECK(hide_xml(&again, &hide, cursor_span(&out)) == 0 && !again.full);
}

static void parts(struct span body)
{
	struct mime_parts parts;
	struct mime_part part;
	const char *behind = body.ptr;
	int got;

	if (mime_parts_open(&parts, SPAN("multipart/mixed;boundary=\"b\""), body))
		return;
	while ((got = mime_parts_next(&parts, &part)) > 0) {
		const struct span spans[] = {part.type, part.disposition, part.id};

		CHECK(part.body.ptr >= behind &&
		      part.body.ptr + part.body.len <= body.ptr + body.len);
		for (unsigned i = 0; i < sizeof(spans) / sizeof(spans[0]); i++)
			CHECK(spans[i].len == 0 || (spans[i].ptr >= behind &&
						    spans[i].ptr + spans[i].len <= part.body.ptr));
		behind = part.body.ptr + part.body.len;
		(void)mime_is_optional(part.disposition);
		(void)mime_type(part.type);
	}
	CHECK(got == 0 || got == -22);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2 || size > BODY_MAX)
		return 0;
	if (data[0] & 1)
		parts(span_of(data + 1, size - 1));
	else
		xml(span_of(data + 1, size - 1));
	return 0;
}
