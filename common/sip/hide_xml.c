/* SPDX-License-Identifier: BSD-3-Clause */
/* XML bodies hidden from the other side: dialogs, presence, conferences, lists. Written anew tag by
 * tag, so that nothing is copied that was not looked at. Both processes, any thread. */
#include "common/sip/hide_priv.h"

#define DEPTH_MAX 64u

/* What becomes of a value. */
enum treat {
	TREAT_HIDE = 0,	 /* its URIs and addresses are hidden */
	TREAT_TOKEN,	 /* an identifier of a dialog or of a body part */
	TREAT_BLANK,	 /* left out */
	TREAT_NAMESPACE, /* the name of a vocabulary: its host is the vocabulary's */
	TREAT_DOMAIN,
};

struct xml {
	struct cursor *out;
	const struct hide *hide;
	struct hide_names names;
	const char *p, *end;
	unsigned depth;
	enum treat content; /* of the text that follows */
	bool element;	    /* there was one */
};

static bool is_xml_name(char c)
{
	return is_alpha(c) || is_digit(c) || c == '-' || c == '_' || c == '.' || c == ':' ||
	       (uint8_t)c >= 0x80;
}

static struct span name_read(struct xml *x)
{
	const char *from = x->p;

	while (x->p < x->end && is_xml_name(*x->p))
		x->p++;
	return span_between(from, x->p);
}

static void skip_blanks(struct xml *x)
{
	x->p = skip_lws(x->p, x->end);
}

static bool is_at(const struct xml *x, struct span text)
{
	return (size_t)(x->end - x->p) >= text.len && memcmp(x->p, text.ptr, text.len) == 0;
}

/* Moves behind the text; false where it does not come. */
static bool pass(struct xml *x, struct span text, struct span *before)
{
	const char *from = x->p;

	for (; (x->p = memchr(x->p, text.ptr[0], (size_t)(x->end - x->p))) != NULL; x->p++) {
		if (!is_at(x, text))
			continue;
		*before = span_between(from, x->p);
		x->p += text.len;
		return true;
	}
	x->p = x->end;
	return false;
}

/* Behind the last colon: prefixes are anyone's choice. */
static struct span local_name(struct span name)
{
	for (size_t i = name.len; i--;)
		if (name.ptr[i] == ':')
			return span_of(name.ptr + i + 1, name.len - i - 1);
	return name;
}

static enum treat attr_treat(struct span element, struct span name)
{
	static const struct {
		struct span name;
		enum treat treat;
	} known[] = {
		{{"call-id", 7}, TREAT_TOKEN},	 {{"callid", 6}, TREAT_TOKEN},
		{{"local-tag", 9}, TREAT_TOKEN}, {{"remote-tag", 10}, TREAT_TOKEN},
		{{"from-tag", 8}, TREAT_TOKEN},	 {{"to-tag", 6}, TREAT_TOKEN},
		{{"cid", 3}, TREAT_TOKEN},	 {{"schemaLocation", 14}, TREAT_NAMESPACE},
		{{"domain", 6}, TREAT_DOMAIN},
	};
	struct span local = local_name(name);

	if (name.len >= 5 && memcmp(name.ptr, "xmlns", 5) == 0 &&
	    (name.len == 5 || name.ptr[5] == ':'))
		return TREAT_NAMESPACE;
	/* A dialog's id is its sender's choice: mostly the Call-ID once more. */
	if (span_eq(local, SPAN("id")) && span_eq(element, SPAN("dialog")))
		return TREAT_TOKEN;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (span_eq(local, known[i].name))
			return known[i].treat;
	return TREAT_HIDE;
}

/* Of text in an element (RFC 4235, RFC 4575). */
static enum treat content_treat(struct span element)
{
	if (span_eq(element, SPAN("call-id")) || span_eq(element, SPAN("from-tag")) ||
	    span_eq(element, SPAN("to-tag")))
		return TREAT_TOKEN;
	if (span_eq(element, SPAN("session-description")) || span_eq(element, SPAN("hop")))
		return TREAT_BLANK;
	return TREAT_HIDE;
}

static void put_value(struct xml *x, enum treat treat, struct span value)
{
	switch (treat) {
	case TREAT_TOKEN:
		if (span_trim(value).len)
			hide_token(x->out, x->hide, span_trim(value));
		break;
	case TREAT_BLANK:
		break;
	case TREAT_NAMESPACE:
		hide_plain(x->out, x->hide, NULL, value);
		break;
	case TREAT_DOMAIN:
		put_span(x->out, HIDE_NOBODY);
		break;
	default:
		hide_text(x->out, x->hide, &x->names, value);
		break;
	}
}

/* name="value" or name='value'. */
static int attr_read(struct xml *x, struct span element)
{
	struct span name = name_read(x), value;
	const char *close;
	char quote;

	skip_blanks(x);
	if (name.len == 0 || x->p == x->end || *x->p++ != '=')
		return -EINVAL;
	skip_blanks(x);
	if (x->p == x->end || (*x->p != '"' && *x->p != '\''))
		return -EINVAL;
	quote = *x->p++;
	close = memchr(x->p, quote, (size_t)(x->end - x->p));
	if (!close)
		return -EINVAL;
	value = span_between(x->p, close);
	x->p = close + 1;
	if (value.len && memchr(value.ptr, '<', value.len))
		return -EINVAL;
	put_char(x->out, ' ');
	put_span(x->out, name);
	put_char(x->out, '=');
	put_char(x->out, quote);
	put_value(x, attr_treat(element, name), value);
	put_char(x->out, quote);
	return 0;
}

/* Behind '<': a start tag, or one of an empty element. */
static int start_tag(struct xml *x)
{
	struct span name = name_read(x), element = local_name(name);

	if (name.len == 0)
		return -EINVAL;
	put_char(x->out, '<');
	put_span(x->out, name);
	for (;;) {
		bool blank = x->p < x->end && char_is(*x->p, CHAR_LWS);

		skip_blanks(x);
		if (x->p == x->end)
			return -EINVAL;
		if (*x->p == '>' || *x->p == '/')
			break;
		if (!blank || attr_read(x, element))
			return -EINVAL;
	}
	x->element = true;
	x->content = TREAT_HIDE;
	if (*x->p == '/') {
		if (!is_at(x, SPAN("/>")))
			return -EINVAL;
		x->p += 2;
		put_lit(x->out, "/>");
		return 0;
	}
	x->p++;
	put_char(x->out, '>');
	x->content = content_treat(element);
	return ++x->depth > DEPTH_MAX ? -EINVAL : 0;
}

/* Behind "</". */
static int end_tag(struct xml *x)
{
	struct span name = name_read(x);

	skip_blanks(x);
	if (name.len == 0 || x->p == x->end || *x->p++ != '>' || x->depth-- == 0)
		return -EINVAL;
	put_lit(x->out, "</");
	put_span(x->out, name);
	put_char(x->out, '>');
	x->content = TREAT_HIDE;
	return 0;
}

/* What CDATA holds, as ordinary text: with parts of it left out, its end could come to stand in
 * it. */
static void put_cdata(struct xml *x, struct span text)
{
	const char *p = text.ptr, *end = p + text.len;

	if (x->content != TREAT_HIDE) {
		put_value(x, x->content, text);
		return;
	}
	while (p < end) {
		const char *from = p;

		while (p < end && *p != '<' && *p != '>' && *p != '&')
			p++;
		hide_text(x->out, x->hide, &x->names, span_between(from, p));
		if (p == end)
			break;
		put_span(x->out, *p == '<'   ? SPAN("&lt;")
				 : *p == '>' ? SPAN("&gt;")
					     : SPAN("&amp;"));
		p++;
	}
}

/* What is written is UTF-8: what is read may be in nothing else. */
static bool encoding_ok(struct span declaration)
{
	static const struct span word = {"encoding", 8};
	const char *end = declaration.ptr + declaration.len, *p = declaration.ptr, *from;

	for (; end - p > (ptrdiff_t)word.len; p++) {
		if (memcmp(p, word.ptr, word.len) != 0)
			continue;
		p = skip_lws(p + word.len, end);
		if (p == end || *p != '=')
			return false;
		p = from = skip_lws(p + 1, end) + 1;
		while (p < end && char_is(*p, CHAR_TOKEN) && *p != '\'')
			p++;
		return p < end && (span_ieq(span_between(from, p), SPAN("utf-8")) ||
				   span_ieq(span_between(from, p), SPAN("us-ascii")));
	}
	return true;
}

/* Where text was parted it stays so: an address must not come together from pieces. */
static void put_gap(struct xml *x)
{
	if (x->depth)
		put_lit(x->out, "<!-- -->");
}

/* At '<'. Comments and processing instructions are left empty; what a document type declares could
 * say anything by another name, so there may be none. */
static int markup(struct xml *x)
{
	struct span inside;

	if (is_at(x, SPAN("<!--"))) {
		put_gap(x);
		return pass(x, SPAN("-->"), &inside) ? 0 : -EINVAL;
	}
	if (is_at(x, SPAN("<![CDATA["))) {
		x->p += 9;
		if (x->depth == 0 || !pass(x, SPAN("]]>"), &inside))
			return -EINVAL;
		put_gap(x);
		put_cdata(x, inside);
		put_gap(x);
		return 0;
	}
	if (is_at(x, SPAN("<?"))) {
		bool declared = is_at(x, SPAN("<?xml ")) && !x->element;

		put_gap(x);
		return pass(x, SPAN("?>"), &inside) && (!declared || encoding_ok(inside)) ? 0
											  : -EINVAL;
	}
	x->p++;
	if (x->p < x->end && *x->p == '!')
		return -EINVAL;
	if (x->p < x->end && *x->p == '/') {
		x->p++;
		return end_tag(x);
	}
	return start_tag(x);
}

/* Behind "&#": the character, or 0 for none below 128. */
static char reference_read(const char *p, const char *end)
{
	bool hex = p < end && *p == 'x';
	unsigned c = 0;

	for (p += hex; p < end && (is_digit(*p) || (hex && is_hex_digit(*p))) && c < 128; p++)
		c = c * (hex ? 16 : 10) + hex_value(*p);
	return c < 128 ? (char)c : 0;
}

/* Whether a character that URIs and addresses are made of stands there by its number: nobody has to
 * write it so, and the reader would see what was not looked at here. */
static bool has_disguise(struct span text)
{
	const char *p = text.ptr, *end = p + text.len;

	for (; (p = memchr(p, '&', (size_t)(end - p))) != NULL; p++) {
		char c = end - p > 2 && p[1] == '#' ? reference_read(p + 2, end) : 0;

		if (c && (char_is(c, CHAR_HOST) || strchr(":@%[]+/", c)))
			return true;
	}
	return false;
}

int hide_xml(struct cursor *out, const struct hide *hide, struct span text)
{
	struct xml x = {.out = out, .hide = hide};

	text = span_trim(text);
	if (text.len >= 3 && memcmp(text.ptr, "\xef\xbb\xbf", 3) == 0)
		text = span_of(text.ptr + 3, text.len - 3);
	if (text.len == 0 || memchr(text.ptr, '\0', text.len) || has_disguise(text))
		return -EINVAL;
	hide_names_add(&x.names, text);
	x.p = text.ptr;
	x.end = text.ptr + text.len;
	put_lit(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n");
	while (x.p < x.end) {
		const char *from = x.p, *tag = memchr(from, '<', (size_t)(x.end - from));
		struct span between = span_between(from, tag ? tag : x.end);

		if (x.depth)
			put_value(&x, x.content, between);
		else if (span_trim(between).len)
			return -EINVAL;
		x.p = tag ? tag : x.end;
		if (tag && markup(&x))
			return -EINVAL;
	}
	return x.element && x.depth == 0 ? 0 : -EINVAL;
}
