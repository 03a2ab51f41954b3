/* SPDX-License-Identifier: BSD-3-Clause */
/* JSON written into a cursor (RFC 8259). */
#include "common/log/json.h"

#include "common/base/clock.h"

/* Bytes of the UTF-8 character at the start of s, which is not empty; 0 where there is none (RFC
 * 3629: no overlong forms, surrogates, or values past U+10FFFF). */
static unsigned utf8_bytes(struct span s)
{
	const uint8_t *p = (const uint8_t *)s.ptr;
	unsigned n;

	if (p[0] < 0x80)
		return 1;
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	n = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (s.len < n)
		return 0;
	for (unsigned i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	}
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
	    (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return n;
}

static void put_escaped(struct cursor *c, uint8_t ch)
{
	static const char hex[] = "0123456789abcdef";
	char text[6] = {'\\', 'u', '0', '0', hex[ch >> 4], hex[ch & 15]};

	put_bytes(c, text, sizeof(text));
}

void put_json_str(struct cursor *c, struct span text)
{
	const char *at = text.ptr, *end = text.ptr + text.len, *plain = at;

	put_char(c, '"');
	while (at < end) {
		uint8_t ch = (uint8_t)*at;
		unsigned n;

		if (ch >= 0x20 && ch < 0x7f && ch != '"' && ch != '\\') {
			at++;
			continue;
		}
		put_bytes(c, plain, (size_t)(at - plain));
		n = utf8_bytes(span_of(at, (size_t)(end - at)));
		if (ch == '"' || ch == '\\') {
			put_char(c, '\\');
			put_char(c, (char)ch);
		} else if (n == 0) {
			put_lit(c, "\\ufffd");
			n = 1;
		} else if (n == 1) {
			put_escaped(c, ch);
		} else if (n == 2 && ch == 0xc2 && (uint8_t)at[1] < 0xa0) {
			put_escaped(c, (uint8_t)at[1]); /* C1 controls act on terminals */
		} else {
			put_bytes(c, at, n);
		}
		at += n;
		plain = at;
	}
	put_bytes(c, plain, (size_t)(at - plain));
	put_char(c, '"');
}

void put_json_key(struct cursor *c, const char *key)
{
	if (c->len && c->buf[c->len - 1] != '{' && c->buf[c->len - 1] != '[')
		put_char(c, ',');
	put_char(c, '"');
	put_span(c, span_str(key));
	put_lit(c, "\":");
}

void put_json_text(struct cursor *c, const char *key, struct span value)
{
	put_json_key(c, key);
	put_json_str(c, value);
}

void put_json_u64(struct cursor *c, const char *key, uint64_t value)
{
	put_json_key(c, key);
	put_u64(c, value);
}

void put_json_bool(struct cursor *c, const char *key, bool value)
{
	put_json_key(c, key);
	put_span(c, value ? SPAN("true") : SPAN("false"));
}

void put_json_endpoint(struct cursor *c, const char *key, const struct net_endpoint *value)
{
	put_json_key(c, key);
	if (value->family == NET_NONE) {
		put_lit(c, "null");
		return;
	}
	put_char(c, '"');
	put_endpoint(c, value);
	put_char(c, '"');
}

static void put_padded(struct cursor *c, unsigned value, unsigned digits)
{
	char text[10];

	for (unsigned i = digits; i-- > 0; value /= 10)
		text[i] = (char)('0' + value % 10);
	put_bytes(c, text, digits);
}

void put_time(struct cursor *c, uint64_t unix_ns)
{
	time_t s = (time_t)(unix_ns / CLOCK_NS_PER_S);
	struct tm tm;

	gmtime_r(&s, &tm);
	put_padded(c, (unsigned)tm.tm_year + 1900, 4);
	put_char(c, '-');
	put_padded(c, (unsigned)tm.tm_mon + 1, 2);
	put_char(c, '-');
	put_padded(c, (unsigned)tm.tm_mday, 2);
	put_char(c, 'T');
	put_padded(c, (unsigned)tm.tm_hour, 2);
	put_char(c, ':');
	put_padded(c, (unsigned)tm.tm_min, 2);
	put_char(c, ':');
	put_padded(c, (unsigned)tm.tm_sec, 2);
	put_char(c, '.');
	put_padded(c, (unsigned)(unix_ns % CLOCK_NS_PER_S / CLOCK_NS_PER_MS), 3);
	put_char(c, 'Z');
}

void put_json_time(struct cursor *c, const char *key, uint64_t unix_ns)
{
	put_json_key(c, key);
	if (!unix_ns) {
		put_lit(c, "null");
		return;
	}
	put_char(c, '"');
	put_time(c, unix_ns);
	put_char(c, '"');
}
