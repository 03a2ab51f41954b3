/* SPDX-License-Identifier: BSD-3-Clause */
/* The scanners that take 16 bytes a step find what one byte a step finds, wherever the text
 * ends. */
#include "common/sip/block.h"
#include "common/sip/chars.h"

#include <criterion/criterion.h>

#include "../../../guard.h"
#include "../../../rng.h"

static const char *skip_slowly(const char *p, const char *end, enum char_class class)
{
	while (p < end && char_is(*p, class))
		p++;
	return p;
}

/* Members of the class but for a few, so that the end of a scan lies anywhere. */
static void fill(struct rng *rng, char *text, size_t len, enum char_class class)
{
	char members[256];
	unsigned nmembers = 0;

	for (unsigned c = 0; c < 256; c++)
		if (char_is((char)c, class))
			members[nmembers++] = (char)c;
	for (size_t i = 0; i < len; i++)
		text[i] = rng_below(rng, 40) ? members[rng_below(rng, nmembers)]
					     : (char)rng_next(rng);
}

Test(chars, skip_class_finds_what_a_byte_by_byte_scan_finds)
{
	struct rng rng = {4};

	for (unsigned round = 0; round < 40000; round++) {
		enum char_class class = (enum char_class)rng_below(&rng, CHAR_CLASSES);
		size_t len = rng_below(&rng, 90), room = rng_below(&rng, 40);
		char text[130], *p;

		fill(&rng, text, len + room, class);
		p = guard_behind(text, len + room);
		cr_assert_eq(skip_class(p, p + len, p + len + room, class),
			     skip_slowly(p, p + len, class));
		cr_assert_eq(skip_class(p, p + len, p + len, class),
			     skip_slowly(p, p + len, class));
	}
}

Test(chars, every_class_has_ascii_only)
{
	for (unsigned c = 128; c < 256; c++)
		cr_expect_eq(sip_chars[c], 0);
}

Test(chars, classes_have_the_characters_of_the_rfc)
{
	static const struct {
		enum char_class class;
		const char *in, *out;
	} cases[] = {
		{CHAR_TOKEN, "azAZ09-.!%*_+`'~", "\"()<>@,;:\\/[]?={} \t\x7f"},
		{CHAR_LWS, " \t\r\n", "\v\f\b"},
		{CHAR_HOST, "azAZ09-._", ":[]@;%"},
		{CHAR_IP6, "09afAF:.", "gG[]%"},
		{CHAR_URI, "az09-_.!~*'()&=+$,;?/:@%[]", "<>\" \r\n\t\x7f"},
		{CHAR_VALUE, "az09-.!%*_+`'~[]:@/=", ";,\"<>\\ \t\r\n"},
		{CHAR_DISPLAY, "az09-.!%*_+`'~ \t", "<>\";,:\\"},
		{CHAR_WORD, "az09-.!%*_+`'~()<>:\\\"/[]?{}@", " \t\r\n\x7f"},
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (const char *p = cases[i].in; *p; p++)
			cr_expect(char_is(*p, cases[i].class), "'%c' in %u", *p, cases[i].class);
		for (const char *p = cases[i].out; *p; p++)
			cr_expect_not(char_is(*p, cases[i].class), "'%c' (%d) not in %u", *p, *p,
				      cases[i].class);
		cr_expect_not(char_is('\0', cases[i].class));
	}
}

Test(chars, quoted_strings_end_at_a_quote_without_a_backslash)
{
	static const struct {
		const char *text;
		int end; /* -1: none */
	} cases[] = {
		{"\"\"", 2},
		{"\"a\" b\"", 3},
		{"\"a\\\"b\"", 6},
		{"\"a\\\\\"b\"", 5},
		{"\"", -1},
		{"\"abc", -1},
		{"\"abc\\\"", -1},
		{"\"abc\\", -1},
		{"\"0123456789abcdef0123456789\" <", 28},
		{"\"0123456789abcde\\\"f0123456789\"", 30},
		{"\"0123456789abcdef0123456789abcdef", -1},
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t len = strlen(cases[i].text);
		const char *p = guard_behind(cases[i].text, len),
			   *end = skip_quoted(p, p + len, p + len);

		if (cases[i].end < 0)
			cr_expect_null(end, "%s", cases[i].text);
		else
			cr_expect_eq(end, p + cases[i].end, "%s", cases[i].text);
	}
}

Test(chars, a_block_tells_which_bytes_are_not_plain)
{
	struct rng rng = {5};

	for (unsigned round = 0; round < 5000; round++) {
		char text[BLOCK_BYTES];
		uint64_t expected = 0;

		for (unsigned i = 0; i < BLOCK_BYTES; i++) {
			text[i] = rng_below(&rng, 4) ? 'x' : (char)rng_next(&rng);
			expected |= (uint64_t) !((uint8_t)text[i] >= ' ' && (uint8_t)text[i] < 0x7f)
				    << i;
		}
		cr_assert_eq(block_classify(guard_behind(text, sizeof(text))), expected);
	}
}
