/* SPDX-License-Identifier: BSD-3-Clause */
/* JSON taken apart (RFC 8259) without copy. limen-controlplane and limenctl, any thread. */
#include "controlplane/admin/json_read.h"

#include <errno.h>

struct reader {
	const char *at, *end;
	struct json_node *nodes;
	unsigned n, max;
	int err;
};

static int read_value(struct reader *r, unsigned depth);

static void skip_blanks(struct reader *r)
{
	while (r->at < r->end &&
	       (*r->at == ' ' || *r->at == '\t' || *r->at == '\n' || *r->at == '\r'))
		r->at++;
}

static bool take(struct reader *r, char c)
{
	skip_blanks(r);
	if (r->at == r->end || *r->at != c)
		return false;
	r->at++;
	return true;
}

/* A new node; its number, or negative. */
static int add(struct reader *r, enum json_kind kind)
{
	if (r->n == r->max)
		return -E2BIG;
	r->nodes[r->n] = (struct json_node){.text = span_of(r->at, 0), .kind = (uint8_t)kind};
	return (int)r->n++;
}

static int finish(struct reader *r, int node, const char *stop)
{
	r->nodes[node].text.len = (size_t)(stop - r->nodes[node].text.ptr);
	r->nodes[node].skip = r->n - (unsigned)node;
	return 0;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool is_escape(const char *at, const char *end)
{
	if (at + 1 >= end)
		return false;
	if (at[1] != 'u')
		return strchr("\"\\/bfnrt", at[1]) != NULL && at[1];
	for (unsigned i = 2; i < 6; i++) {
		if (at + i >= end || hex_value(at[i]) < 0)
			return false;
	}
	return true;
}

static int read_string(struct reader *r)
{
	int node;

	if (!take(r, '"'))
		return -EINVAL;
	node = add(r, JSON_STRING);
	if (node < 0)
		return node;
	for (; r->at < r->end; r->at++) {
		if (*r->at == '"') {
			finish(r, node, r->at++);
			return 0;
		}
		if ((uint8_t)*r->at < 0x20)
			return -EINVAL;
		if (*r->at == '\\') {
			if (!is_escape(r->at, r->end))
				return -EINVAL;
			r->at += r->at[1] == 'u' ? 5 : 1;
		}
	}
	return -EINVAL;
}

static int read_word(struct reader *r, struct span word, enum json_kind kind)
{
	int node;

	if ((size_t)(r->end - r->at) < word.len || memcmp(r->at, word.ptr, word.len) != 0)
		return -EINVAL;
	node = add(r, kind);
	if (node < 0)
		return node;
	r->at += word.len;
	return finish(r, node, r->at);
}

static unsigned skip_digits(struct reader *r)
{
	const char *from = r->at;

	while (r->at < r->end && *r->at >= '0' && *r->at <= '9')
		r->at++;
	return (unsigned)(r->at - from);
}

static int read_number(struct reader *r)
{
	int node = add(r, JSON_NUMBER);

	if (node < 0)
		return node;
	if (r->at < r->end && *r->at == '-')
		r->at++;
	if (!skip_digits(r))
		return -EINVAL;
	if (r->at < r->end && *r->at == '.') {
		r->at++;
		if (!skip_digits(r))
			return -EINVAL;
	}
	if (r->at < r->end && (*r->at == 'e' || *r->at == 'E')) {
		r->at++;
		if (r->at < r->end && (*r->at == '+' || *r->at == '-'))
			r->at++;
		if (!skip_digits(r))
			return -EINVAL;
	}
	return finish(r, node, r->at);
}

/* Behind the opening bracket: members or items, up to the closing one. */
static int read_inside(struct reader *r, int node, char close, unsigned depth)
{
	bool object = close == '}';
	int err;

	if (take(r, close))
		return finish(r, node, r->at);
	do {
		if (object) {
			err = read_string(r);
			if (err)
				return err;
			if (!take(r, ':'))
				return -EINVAL;
		}
		err = read_value(r, depth + 1);
		if (err)
			return err;
	} while (take(r, ','));
	return take(r, close) ? finish(r, node, r->at) : -EINVAL;
}

static int read_value(struct reader *r, unsigned depth)
{
	int node;

	skip_blanks(r);
	if (r->at == r->end || depth > JSON_DEPTH_MAX)
		return r->at == r->end ? -EINVAL : -E2BIG;
	switch (*r->at) {
	case '{':
	case '[':
		node = add(r, *r->at == '{' ? JSON_OBJECT : JSON_ARRAY);
		if (node < 0)
			return node;
		r->at++;
		return read_inside(r, node, r->nodes[node].kind == JSON_OBJECT ? '}' : ']', depth);
	case '"':
		return read_string(r);
	case 't':
		return read_word(r, SPAN("true"), JSON_BOOL);
	case 'f':
		return read_word(r, SPAN("false"), JSON_BOOL);
	case 'n':
		return read_word(r, SPAN("null"), JSON_NULL);
	default:
		return read_number(r);
	}
}

int json_read(struct span text, struct json_node *nodes, unsigned max)
{
	struct reader r = {.at = text.ptr, .end = text.ptr + text.len, .nodes = nodes, .max = max};
	int err = read_value(&r, 0);

	if (err)
		return err;
	skip_blanks(&r);
	return r.at == r.end ? (int)r.n : -EINVAL;
}

const struct json_node *json_get(const struct json_node *object, struct span name)
{
	const struct json_node *end, *at;

	if (!object || object->kind != JSON_OBJECT)
		return NULL;
	end = object + object->skip;
	for (at = object + 1; at < end; at += at[1].skip + 1) {
		if (span_eq(at->text, name))
			return at + 1;
	}
	return NULL;
}

const struct json_node *json_next(const struct json_node *array, const struct json_node *item)
{
	const struct json_node *next;

	if (!array || array->kind != JSON_ARRAY)
		return NULL;
	next = item ? item + item->skip : array + 1;
	return next < array + array->skip ? next : NULL;
}

static void put_utf8(struct cursor *out, uint32_t c)
{
	if (c < 0x80) {
		put_char(out, (char)c);
	} else if (c < 0x800) {
		put_char(out, (char)(0xc0 | c >> 6));
		put_char(out, (char)(0x80 | (c & 0x3f)));
	} else if (c < 0x10000) {
		put_char(out, (char)(0xe0 | c >> 12));
		put_char(out, (char)(0x80 | (c >> 6 & 0x3f)));
		put_char(out, (char)(0x80 | (c & 0x3f)));
	} else {
		put_char(out, (char)(0xf0 | c >> 18));
		put_char(out, (char)(0x80 | (c >> 12 & 0x3f)));
		put_char(out, (char)(0x80 | (c >> 6 & 0x3f)));
		put_char(out, (char)(0x80 | (c & 0x3f)));
	}
}

static uint32_t hex4(const char *at)
{
	uint32_t c = 0;

	for (unsigned i = 0; i < 4; i++)
		c = c << 4 | (uint32_t)hex_value(at[i]);
	return c;
}

/* At "uXXXX", perhaps the first half of a pair; returns the bytes taken. */
static size_t put_u_escape(struct cursor *out, const char *at, const char *end)
{
	uint32_t c = hex4(at + 1);

	if (c >= 0xd800 && c < 0xdc00 && end - at >= 11 && at[5] == '\\' && at[6] == 'u') {
		uint32_t low = hex4(at + 7);

		if (low >= 0xdc00 && low < 0xe000) {
			put_utf8(out, 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00));
			return 11;
		}
	}
	put_utf8(out, c >= 0xd800 && c < 0xe000 ? 0xfffd : c);
	return 5;
}

void put_json_plain(struct cursor *out, const struct json_node *string)
{
	static const char plain[] = "\"\\/\b\f\n\r\t";
	static const char escapes[] = "\"\\/bfnrt";
	const char *at = string->text.ptr, *end = at + string->text.len;

	while (at < end) {
		if (*at != '\\') {
			put_char(out, *at++);
			continue;
		}
		at++;
		if (*at == 'u') {
			at += put_u_escape(out, at, end);
		} else {
			put_char(out, plain[strchr(escapes, *at) - escapes]);
			at++;
		}
	}
}

uint64_t json_u64(const struct json_node *number)
{
	uint64_t value = 0;

	if (!number || number->kind != JSON_NUMBER)
		return 0;
	for (size_t i = 0; i < number->text.len; i++) {
		unsigned digit = (unsigned)(number->text.ptr[i] - '0');

		if (digit > 9 || value > (UINT64_MAX - digit) / 10)
			return 0;
		value = value * 10 + digit;
	}
	return value;
}
