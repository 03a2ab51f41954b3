/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of character classes. Both processes, any thread. */
#include "common/sip/chars.h"

#define T CHAR_TOKEN
#define H CHAR_HOST
#define I CHAR_IP6
#define U CHAR_URI
#define V CHAR_VALUE
#define D CHAR_DISPLAY
#define W CHAR_WORD

#define ALNUM (T | H | U | V | D | W)

const uint8_t sip_chars[256] = {
	['\t'] = CHAR_LWS | D,
	['\n'] = CHAR_LWS | D,
	['\r'] = CHAR_LWS | D,
	[' '] = CHAR_LWS | D,

	['0' ... '9'] = ALNUM | I,
	['A' ... 'F'] = ALNUM | I,
	['G' ... 'Z'] = ALNUM,
	['a' ... 'f'] = ALNUM | I,
	['g' ... 'z'] = ALNUM,

	['-'] = T | H | U | V | D | W,
	['.'] = T | H | I | U | V | D | W,
	['_'] = T | H | U | V | D | W,
	['!'] = T | U | V | D | W,
	['%'] = T | U | V | D | W,
	['*'] = T | U | V | D | W,
	['+'] = T | U | V | D | W,
	['`'] = T | U | V | D | W,
	['\''] = T | U | V | D | W,
	['~'] = T | U | V | D | W,

	[':'] = I | U | V | W,
	['['] = U | V | W,
	[']'] = U | V | W,
	['/'] = U | V | D | W,
	['?'] = U | V | D | W,
	['&'] = U | V | D | W,
	['$'] = U | V | D | W,
	['='] = U | V | D | W,
	['@'] = U | V | D | W,
	['#'] = U | V | D | W,
	['('] = U | V | D | W,
	[')'] = U | V | D | W,
	['{'] = U | V | D | W,
	['}'] = U | V | D | W,
	['|'] = U | V | D | W,
	['^'] = U | V | D | W,
	['\\'] = U | W,
	[','] = U | W,
	[';'] = U | W,
	['<'] = W,
	['>'] = W,
	['"'] = W,

	/* UTF-8: without quotes it is no display-name by the book, but there is no second way to read it. */
	[0x80 ... 0xff] = D,
};
