/* SPDX-License-Identifier: BSD-3-Clause */
/* Multipart bodies cut into their parts. Both processes, any thread. */
#include "common/sip/mime.h"
#include "common/sip/chars.h"
#include "common/sip/sip_msg.h"

#define BOUNDARY_MAX 70u /* RFC 2046 section 5.1.1 */

struct span mime_type(struct span content_type)
{
	const char *semicolon =
		content_type.len ? memchr(content_type.ptr, ';', content_type.len) : NULL;

	if (semicolon)
		content_type.len = (size_t)(semicolon - content_type.ptr);
	return span_trim(content_type);
}

bool mime_param(struct span value, struct span name, struct span *param)
{
	const char *semicolon = value.len ? memchr(value.ptr, ';', value.len) : NULL;

	if (!semicolon ||
	    !sip_param_find(span_between(semicolon, value.ptr + value.len), name, param))
		return false;
	if (param->len >= 2 && param->ptr[0] == '"')
		*param = span_of(param->ptr + 1, param->len - 2);
	return true;
}

bool mime_is_optional(struct span disposition)
{
	struct span handling;

	return mime_param(disposition, SPAN("handling"), &handling) &&
	       span_ieq(handling, SPAN("optional"));
}

bool mime_is_encoded(struct span content_encoding)
{
	return content_encoding.len && !span_ieq(content_encoding, SPAN("identity"));
}

/* A line of text: its length, and behind its end. */
static size_t line_length(struct span text, const char **behind)
{
	const char *lf = memchr(text.ptr, '\n', text.len);
	size_t len = lf ? (size_t)(lf - text.ptr) : text.len;

	*behind = lf ? lf + 1 : text.ptr + text.len;
	if (lf && len && text.ptr[len - 1] == '\r')
		len--;
	return len;
}

/* Whether the line is "--boundary", with blanks behind, or that with "--" and anything. */
static bool is_delimiter(const struct mime_parts *parts, struct span line, bool *closing)
{
	size_t len = parts->boundary.len;

	if (line.len < len + 2 || line.ptr[0] != '-' || line.ptr[1] != '-' ||
	    memcmp(line.ptr + 2, parts->boundary.ptr, len) != 0)
		return false;
	line = span_of(line.ptr + 2 + len, line.len - 2 - len);
	*closing = line.len >= 2 && line.ptr[0] == '-' && line.ptr[1] == '-';
	return *closing || span_trim(line).len == 0;
}

/* Read up to the next delimiter: what stands before it, with the line end that is its own (RFC 2046
 * section 5.1.1) taken off. */
static bool delimiter_find(struct mime_parts *parts, struct span *before)
{
	const char *begin = parts->rest.ptr, *end = begin + parts->rest.len, *p = begin, *behind;

	while (p < end) {
		struct span line = {p, line_length(span_between(p, end), &behind)};
		bool closing;

		if (is_delimiter(parts, line, &closing)) {
			if (p > begin && p[-1] == '\n')
				p--;
			if (p > begin && p[-1] == '\r')
				p--;
			*before = span_between(begin, p);
			parts->rest = span_between(behind, end);
			parts->last = closing;
			return true;
		}
		p = behind;
	}
	*before = parts->rest;
	parts->rest = span_of(end, 0);
	parts->last = true;
	return false;
}

int mime_parts_open(struct mime_parts *parts, struct span content_type, struct span body)
{
	struct span preamble;

	*parts = (struct mime_parts){.rest = body};
	if (!mime_param(content_type, SPAN("boundary"), &parts->boundary) ||
	    parts->boundary.len == 0 || parts->boundary.len > BOUNDARY_MAX || body.len == 0 ||
	    !delimiter_find(parts, &preamble))
		return -EINVAL;
	return 0;
}

static void head_line(struct mime_part *part, struct span name, struct span value)
{
	if (span_ieq(name, SPAN("Content-Type")) || span_ieq(name, SPAN("c"))) {
		part->type = value;
	} else if (span_ieq(name, SPAN("Content-Disposition"))) {
		part->disposition = value;
	} else if (span_ieq(name, SPAN("Content-ID"))) {
		if (value.len >= 2 && value.ptr[0] == '<' && value.ptr[value.len - 1] == '>')
			value = span_of(value.ptr + 1, value.len - 2);
		part->id = value;
	} else if (span_ieq(name, SPAN("Content-Encoding"))) {
		part->encoded |= mime_is_encoded(value);
	} else if (span_ieq(name, SPAN("Content-Transfer-Encoding"))) {
		part->encoded |= !span_ieq(value, SPAN("binary")) &&
				 !span_ieq(value, SPAN("8bit")) && !span_ieq(value, SPAN("7bit"));
	}
}

/* The lines up to the empty one, which a part without head begins with. */
static int head_read(struct mime_part *part, struct span *text)
{
	const char *end = text->ptr + text->len, *behind;

	while (text->len) {
		const char *p = text->ptr, *colon;
		size_t len = line_length(*text, &behind);

		/* A line that begins with a blank goes on. */
		while (len && behind < end && (*behind == ' ' || *behind == '\t')) {
			struct span more = span_between(behind, end);

			len = (size_t)(behind - p) + line_length(more, &behind);
		}
		*text = span_between(behind, end);
		if (len == 0)
			return 0;
		colon = memchr(p, ':', len);
		if (!colon || colon == p)
			return -EINVAL;
		head_line(part, span_trim(span_between(p, colon)),
			  span_trim(span_between(colon + 1, p + len)));
	}
	return 0;
}

int mime_part_read(struct mime_part *part, struct span text)
{
	*part = (struct mime_part){.encoded = false};
	if (head_read(part, &text))
		return -EINVAL;
	part->body = text;
	return 0;
}

int mime_parts_next(struct mime_parts *parts, struct mime_part *part)
{
	struct span text;

	*part = (struct mime_part){.encoded = false};
	if (parts->last)
		return 0;
	delimiter_find(parts, &text);
	return mime_part_read(part, text) ? -EINVAL : 1;
}
