/* SPDX-License-Identifier: BSD-3-Clause */
/* The tables of character classes, computed by the compiler from one definition of each class. Both
 * processes, any thread. */
#include "common/sip/chars.h"

#define IN_ALNUM(c) \
	(((c) >= '0' && (c) <= '9') || ((c) >= 'A' && (c) <= 'Z') || ((c) >= 'a' && (c) <= 'z'))
#define IN_TOKEN(c)                                                                                 \
	(IN_ALNUM(c) || (c) == '-' || (c) == '.' || (c) == '!' || (c) == '%' || (c) == '*' ||       \
	 (c) == '_' || (c) == '+' || (c) == '`' || (c) == '\'' || (c) == '~')
#define IN_LWS(c)  ((c) == ' ' || (c) == '\t' || (c) == '\r' || (c) == '\n')
#define IN_HOST(c) (IN_ALNUM(c) || (c) == '-' || (c) == '.' || (c) == '_')
#define IN_IP6(c)                                                                                   \
	(((c) >= '0' && (c) <= '9') || ((c) >= 'A' && (c) <= 'F') || ((c) >= 'a' && (c) <= 'f') ||  \
	 (c) == ':' || (c) == '.')
#define IN_WORD(c) ((c) > ' ' && (c) < 0x7f)
#define IN_URI(c)  (IN_WORD(c) && (c) != '<' && (c) != '>' && (c) != '"')
/* Whatever can neither end a parameter nor begin a quoted string, an escape or an angle bracket. */
#define IN_VALUE(c)   (IN_URI(c) && (c) != ';' && (c) != ',' && (c) != '\\')
/* By the book tokens and white space only; the rest is harmless where it cannot be taken for a
 * URI's beginning or end. */
#define IN_DISPLAY(c) (IN_LWS(c) || (IN_VALUE(c) && (c) != ':' && (c) != '[' && (c) != ']'))

#define CHAR(c)                                                                                     \
	(IN_TOKEN(c) << CHAR_TOKEN | IN_LWS(c) << CHAR_LWS | IN_HOST(c) << CHAR_HOST |              \
	 IN_IP6(c) << CHAR_IP6 | IN_URI(c) << CHAR_URI | IN_VALUE(c) << CHAR_VALUE |                \
	 IN_DISPLAY(c) << CHAR_DISPLAY | IN_WORD(c) << CHAR_WORD)
#define CHAR4(c)  CHAR(c), CHAR((c) + 1), CHAR((c) + 2), CHAR((c) + 3)
#define CHAR16(c) CHAR4(c), CHAR4((c) + 4), CHAR4((c) + 8), CHAR4((c) + 12)

const uint8_t sip_chars[256] = {
	CHAR16(0),  CHAR16(16), CHAR16(32), CHAR16(48),
	CHAR16(64), CHAR16(80), CHAR16(96), CHAR16(112),
};

#define COLUMN(in, n)                                                                               \
	(in(n) | in(16 + (n)) << 1 | in(32 + (n)) << 2 | in(48 + (n)) << 3 | in(64 + (n)) << 4 |    \
	 in(80 + (n)) << 5 | in(96 + (n)) << 6 | in(112 + (n)) << 7)
#define COLUMNS4(in, n) COLUMN(in, n), COLUMN(in, (n) + 1), COLUMN(in, (n) + 2), COLUMN(in, (n) + 3)
#define COLUMNS(in)     COLUMNS4(in, 0), COLUMNS4(in, 4), COLUMNS4(in, 8), COLUMNS4(in, 12)

const uint8_t sip_chars_rows[CHAR_CLASSES][16] = {
	[CHAR_TOKEN] = {COLUMNS(IN_TOKEN)}, [CHAR_LWS] = {COLUMNS(IN_LWS)},
	[CHAR_HOST] = {COLUMNS(IN_HOST)},   [CHAR_IP6] = {COLUMNS(IN_IP6)},
	[CHAR_URI] = {COLUMNS(IN_URI)},     [CHAR_VALUE] = {COLUMNS(IN_VALUE)},
	[CHAR_DISPLAY] = {COLUMNS(IN_DISPLAY)}, [CHAR_WORD] = {COLUMNS(IN_WORD)},
};
