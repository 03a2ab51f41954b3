/* SPDX-License-Identifier: BSD-3-Clause */
/* Comma-separated values over one line or all lines of a header (RFC 3261 section 7.3.1). Both
 * processes, any thread. */
#include "common/sip/chars.h"
#include "common/sip/sip_msg.h"

/* p stands on '(': behind the ')' that closes it, or NULL. Comments nest. */
static const char *skip_comment(const char *p, const char *end)
{
	unsigned depth = 0;

	for (; p < end; p++) {
		if (*p == '\\')
			p++;
		else if (*p == '(')
			depth++;
		else if (*p == ')' && --depth == 0)
			return p + 1;
	}
	return NULL;
}

static bool is_mark(char c)
{
	return c == ',' || c == '"' || c == '<' || c == '(';
}

/* The first comma, or whatever may hide one; end where there is none. */
static const char *mark_find(const char *p, const char *end)
{
#if CHARS_SIMD
	for (; end - p >= 16; p += 16) {
		__m128i text = _mm_loadu_si128((const __m128i *)p);
		unsigned marks = char_mask(text, ',') | char_mask(text, '"') |
				 char_mask(text, '<') | char_mask(text, '(');

		if (marks)
			return p + __builtin_ctz(marks);
	}
#endif
	while (p < end && !is_mark(*p))
		p++;
	return p;
}

/* The comma that ends the value at p, or end. What is opened and never closed runs to the end. */
static const char *value_end(const char *p, const char *end)
{
	while (p && (p = mark_find(p, end)) < end && *p != ',') {
		switch (*p) {
		case '"':
			p = skip_quoted(p, end, end);
			break;
		case '<':
			p = memchr(p, '>', (size_t)(end - p));
			break;
		case '(':
			p = skip_comment(p, end);
			break;
		}
	}
	return p ? p : end;
}

bool sip_list_next(struct span *rest, struct span *value)
{
	while (rest->len) {
		const char *end = rest->ptr + rest->len;
		const char *comma = value_end(rest->ptr, end);

		*value = span_trim(span_between(rest->ptr, comma));
		*rest = comma < end ? span_between(comma + 1, end) : SPAN_NONE;
		if (value->len)
			return true;
	}
	return false;
}

static void enter_line(struct sip_values *it)
{
	it->rest = it->hdr == SIP_HDR_NONE ? SPAN_NONE
					   : sip_span(it->msg, it->msg->hdrs[it->hdr].value);
}

struct sip_values sip_values(const struct sip_msg *msg, enum sip_hdr_id id)
{
	struct sip_values it = {.msg = msg, .hdr = msg->first[id]};

	enter_line(&it);
	return it;
}

bool sip_values_next(struct sip_values *it, struct span *value)
{
	while (it->hdr != SIP_HDR_NONE) {
		if (sip_list_next(&it->rest, value))
			return true;
		it->hdr = it->msg->hdrs[it->hdr].next;
		enter_line(it);
	}
	return false;
}

bool sip_hdr_has_token(const struct sip_msg *msg, enum sip_hdr_id id, struct span token)
{
	struct sip_values it = sip_values(msg, id);
	struct span value;

	while (sip_values_next(&it, &value))
		if (span_ieq(value, token))
			return true;
	return false;
}
