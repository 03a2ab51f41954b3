/* SPDX-License-Identifier: BSD-3-Clause */
/* URIs, addresses and host names in running text, hidden from the other side. Both processes, any
 * thread. */
#include "common/sip/hide.h"
#include "common/sip/hide_priv.h"

static bool is_word(char c)
{
	return char_is(c, CHAR_HOST) || c == '+';
}

static const char *word_end(const char *p, const char *end)
{
	while (p < end && is_word(*p))
		p++;
	return p;
}

static bool is_name_char(char c)
{
	return is_alpha(c) || is_digit(c) || c == '-' || c == '_';
}

/* ---- names ---- */

static bool name_is_worth(struct span name)
{
	bool letter = false, dot = false;

	for (size_t i = 0; i < name.len; i++) {
		letter |= is_alpha(name.ptr[i]);
		dot |= name.ptr[i] == '.' && i && i + 1 < name.len;
	}
	return letter && dot && name.ptr[0] != '[' && !span_ieq(name, HIDE_NOBODY);
}

#define NAME_BYTES_MAX 253u /* RFC 1035 section 2.3.4: looking for a name in a word stays cheap */

static void name_add(struct hide_names *names, struct span name)
{
	while (name.len && name.ptr[name.len - 1] == '.')
		name.len--;
	if (!name_is_worth(name))
		return;
	for (unsigned i = 0; i < names->n; i++)
		if (span_ieq(names->name[i], name))
			return;
	if (names->n < HIDE_NAMES_MAX && name.len <= NAME_BYTES_MAX)
		names->name[names->n++] = name;
	else
		names->full = true;
}

static bool is_escaped_at(const char *p, const char *end)
{
	return end - p >= 3 && p[0] == '%' && p[1] == '4' && p[2] == '0';
}

void hide_names_add(struct hide_names *names, struct span text)
{
	const char *p = text.ptr, *end = p + text.len, *opaque;

	while (p < end) {
		if (*p == '@') {
			name_add(names, hide_host_at(p + 1, end));
			p++;
		} else if (is_escaped_at(p, end)) {
			name_add(names, hide_host_at(p + 3, end));
			p += 3;
		} else if (is_word(*p)) {
			switch (hide_scheme_at(p, end, &opaque)) {
			case SCHEME_AT:
				if (!memchr(opaque, '@',
					    (size_t)(hide_uri_run(opaque, end) - opaque)))
					name_add(names, hide_host_at(opaque, end));
				break;
			case SCHEME_URL:
				name_add(names, hide_host_at(opaque + 2, end));
				break;
			default:
				break;
			}
			p = word_end(p, end);
		} else {
			p++;
		}
	}
}

/* The name as whole labels, in any case. */
static bool word_has_name(struct span word, struct span name)
{
	for (size_t i = 0; i + name.len <= word.len; i++) {
		if ((i == 0 || !is_name_char(word.ptr[i - 1])) &&
		    (i + name.len == word.len || !is_name_char(word.ptr[i + name.len])) &&
		    strncasecmp(word.ptr + i, name.ptr, name.len) == 0)
			return true;
	}
	return false;
}

static bool word_is_name(const struct hide_names *names, struct span word)
{
	if (!names)
		return false;
	if (names->full && name_is_worth(word))
		return true;
	for (unsigned i = 0; i < names->n; i++)
		if (word_has_name(word, names->name[i]))
			return true;
	return false;
}

/* ---- addresses ---- */

/* Up to three digits as an octet: behind them, or NULL. */
static const char *octet_end(const char *p, const char *end)
{
	unsigned v = 0, digits = 0;

	for (; p < end && is_digit(*p) && digits < 4; p++, digits++)
		v = v * 10 + (unsigned)(*p - '0');
	return digits >= 1 && digits <= 3 && v <= 255 ? p : NULL;
}

static const char *ip4_end(const char *p, const char *end)
{
	for (unsigned i = 0; i < 4; i++) {
		if (i && (p == end || *p++ != '.'))
			return NULL;
		p = octet_end(p, end);
		if (!p)
			return NULL;
	}
	return p;
}

#define IP6_BYTES_MAX 64 /* with room for a port */

/* A run of hex digits, colons and dots is an IPv6 address where it has a double colon or the seven
 * colons of the full form (one more with a port or a word beside it). Fingerprints have 15 and
 * more, times and hardware addresses fewer; the end of a longer run is no address of the full
 * form. */
static const char *ip6_end(const char *begin, const char *p, const char *end)
{
	bool inside = p > begin && char_is(p[-1], CHAR_IP6), gap = false;
	const char *near = end - p > IP6_BYTES_MAX ? p + IP6_BYTES_MAX : end;
	unsigned colons = 0;

	for (; p < near && char_is(*p, CHAR_IP6) && !gap && colons <= 8; p++) {
		gap = *p == ':' && p + 1 < end && p[1] == ':';
		colons += *p == ':';
	}
	if (gap)
		return skip_class(p, end, end, CHAR_IP6);
	/* All of the run: what were left of it would be a part of the blank address. */
	return !inside && (colons == 7 || colons == 8) ? skip_class(p, end, end, CHAR_IP6) : NULL;
}

/* Letters, digits, dots and dashes: a host name of the text's, or with an IPv4 address inside, or
 * neither. */
static void put_word(struct cursor *out, const struct hide_names *names, struct span word)
{
	const char *p = word.ptr, *end = p + word.len, *from = p, *behind;

	if (word_is_name(names, word)) {
		put_span(out, HIDE_NOBODY);
		return;
	}
	for (; p < end; p++) {
		if (!is_digit(*p) || (p > word.ptr && is_digit(p[-1])))
			continue;
		behind = ip4_end(p, end);
		if (!behind)
			continue;
		/* More numbers behind it must make no other one. */
		while (end - behind >= 2 && *behind == '.' && is_digit(behind[1]))
			for (behind++; behind < end && is_digit(*behind);)
				behind++;
		put_span(out, span_between(from, p));
		put_lit(out, "0.0.0.0");
		from = behind;
		p = behind - 1;
	}
	put_span(out, span_between(from, end));
}

/* ---- text ---- */

/* The word at p, with the address or the URI that begins there: behind it. */
static const char *put_word_at(struct cursor *out, const struct hide *hide,
			       const struct hide_names *names, const char *begin, const char *p,
			       const char *end, bool uris)
{
	const char *opaque, *behind;
	enum hide_scheme scheme = uris ? hide_scheme_at(p, end, &opaque) : SCHEME_NONE;

	if (scheme != SCHEME_NONE)
		return hide_uri_at(out, hide, names, scheme, p, opaque, end, 0);
	behind = ip6_end(begin, p, end);
	if (behind) {
		put_lit(out, "::");
		return behind;
	}
	behind = word_end(p, end);
	put_word(out, names, span_between(p, behind));
	return behind;
}

/* `uris`: URIs as well as addresses and names. */
static void put_text(struct cursor *out, const struct hide *hide, const struct hide_names *names,
		     struct span text, bool uris)
{
	const char *p = text.ptr, *end = p + text.len, *behind;

	while (p < end) {
		bool joined = p > text.ptr && hide_is_uri_char(p[-1]);

		if (is_word(*p)) {
			p = put_word_at(out, hide, names, text.ptr, p, end, uris);
		} else if (*p == '@' && joined && hide_host_begins(p + 1, end)) {
			/* Brackets and colons of an address would not do everywhere. */
			put_char(out, '@');
			put_span(out, HIDE_NOBODY);
			p = hide_host_end(p + 1, end);
		} else if (is_escaped_at(p, end) && joined && hide_host_begins(p + 3, end)) {
			put_lit(out, "%40");
			put_span(out, HIDE_NOBODY);
			p = hide_host_end(p + 3, end);
		} else if (*p == '%' && end - p >= 3 && is_hex_digit(p[1]) && is_hex_digit(p[2]) &&
			   !ip4_end(p + 1, end) && !ip4_end(p + 2, end)) {
			/* An escape's digits are of no word. */
			put_bytes(out, p, 3);
			p += 3;
		} else if (*p == ':' && (behind = ip6_end(text.ptr, p, end)) != NULL) {
			put_lit(out, "::");
			p = behind;
		} else {
			put_char(out, *p++);
		}
	}
}

void hide_text(struct cursor *out, const struct hide *hide, const struct hide_names *names,
	       struct span text)
{
	put_text(out, hide, names, text, true);
}

void hide_plain(struct cursor *out, const struct hide *hide, const struct hide_names *names,
		struct span text)
{
	put_text(out, hide, names, text, false);
}

void hide_token(struct cursor *out, const struct hide *hide, struct span id)
{
	static const char digits[] = "0123456789abcdef";
	uint64_t hash = hash_sip(&hide->key, id);
	char text[16];

	for (unsigned i = 0; i < sizeof(text); i++, hash >>= 4)
		text[i] = digits[hash & 15];
	put_bytes(out, text, sizeof(text));
}
