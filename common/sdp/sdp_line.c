/* SPDX-License-Identifier: BSD-3-Clause */
/* Session descriptions cut into lines, words and attributes. Both processes, any thread. */
#include "common/sdp/sdp_line.h"

#include <errno.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

static bool is_space(char c)
{
	return c == ' ' || c == '\t';
}

/* Bytes before the first LF, CR or NUL. */
static size_t plain_bytes(const char *p, size_t len)
{
	size_t at = 0;

#if defined(__SSE2__)
	for (; len - at >= 16; at += 16) {
		__m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(p + at));
		__m128i ends = _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('\n')),
					    _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\r')));
		int mask = _mm_movemask_epi8(
			_mm_or_si128(ends, _mm_cmpeq_epi8(bytes, _mm_setzero_si128())));

		if (mask)
			return at + (size_t)__builtin_ctz((unsigned)mask);
	}
#endif
	while (at < len && p[at] != '\n' && p[at] != '\r' && p[at] != '\0')
		at++;
	return at;
}

/* A line that does not simply end in LF or CRLF: what is up to the LF, without the CRs at its
 * end. */
static size_t foul_bytes(struct span rest, struct sdp_line *line, size_t *took)
{
	const char *lf = memchr(rest.ptr, '\n', rest.len);
	size_t len = lf ? (size_t)(lf - rest.ptr) : rest.len;

	*took = lf ? len + 1 : len;
	while (len && rest.ptr[len - 1] == '\r')
		len--;
	line->foul = memchr(rest.ptr, '\r', len) || memchr(rest.ptr, '\0', len);
	return len;
}

bool sdp_line_next(struct span *rest, struct sdp_line *line)
{
	while (rest->len) {
		const char *p = rest->ptr;
		size_t left = rest->len, len = plain_bytes(p, left), took;

		line->foul = false;
		line->crlf = false;
		if (left - len >= 2 && p[len] == '\r' && p[len + 1] == '\n') {
			line->crlf = true;
			took = len + 2;
		} else if (len == left) {
			took = len;
		} else if (p[len] == '\n') {
			took = len + 1;
		} else {
			len = foul_bytes(*rest, line, &took);
		}
		rest->ptr += took;
		rest->len -= took;
		if (len == 0)
			continue;
		line->type = p[0];
		line->text = span_of(p, len);
		line->value = len >= 2 ? span_of(p + 2, len - 2) : SPAN_NONE;
		return true;
	}
	return false;
}

struct span sdp_word_next(struct span *rest)
{
	const char *p = rest->ptr, *end, *word;

	if (rest->len == 0)
		return *rest;
	end = p + rest->len;
	while (p < end && is_space(*p))
		p++;
	word = p;
	while (p < end && !is_space(*p))
		p++;
	*rest = span_of(p, (size_t)(end - p));
	return span_of(word, (size_t)(p - word));
}

struct span sdp_connection_host(struct span connection)
{
	struct span host;
	const char *slash;

	sdp_word_next(&connection);
	sdp_word_next(&connection);
	host = sdp_word_next(&connection);
	slash = host.len ? memchr(host.ptr, '/', host.len) : NULL;
	if (slash)
		host.len = (size_t)(slash - host.ptr);
	return host;
}

struct span sdp_origin_connection(struct span origin)
{
	for (unsigned i = 0; i < 3; i++)
		sdp_word_next(&origin);
	return origin;
}

struct sdp_attr sdp_attr_of(struct span value)
{
	const char *colon = value.len ? memchr(value.ptr, ':', value.len) : NULL;
	size_t at = colon ? (size_t)(colon - value.ptr) : value.len;

	return (struct sdp_attr){
		.name = span_trim(span_of(value.ptr, at)),
		.value = colon ? span_of(colon + 1, value.len - at - 1) : SPAN_NONE,
		.has_value = colon != NULL,
	};
}

int sdp_direction_from(const struct sdp_attr *attr)
{
	static const char names[][9] = {
		[SDP_SENDRECV] = "sendrecv",
		[SDP_SENDONLY] = "sendonly",
		[SDP_RECVONLY] = "recvonly",
		[SDP_INACTIVE] = "inactive",
	};

	if (attr->has_value || attr->name.len != 8)
		return -EINVAL;
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strncasecmp(attr->name.ptr, names[i], 8) == 0)
			return (int)i;
	return -EINVAL;
}

bool sdp_is_rtcp_mux(const struct sdp_attr *attr)
{
	return !attr->has_value && span_ieq(attr->name, SPAN("rtcp-mux"));
}
