/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files that hide addresses share. Private to common/sip. Both processes, any thread. */
#pragma once

#include "common/sip/chars.h"
#include "common/sip/hide.h"

/* In place of a host that may be nobody's (RFC 3323 section 4.1.1.3). */
#define HIDE_NOBODY SPAN("anonymous.invalid")

/* Visible ASCII without what ends a URI in running text; a backslash belongs to the quoted string
 * around it. */
static inline bool hide_is_uri_char(char c)
{
	return char_is(c, CHAR_URI) && c != '\\';
}

/* Behind such characters, of which a URI of sane length has so many. */
const char *hide_uri_run(const char *p, const char *end);

/* The host at p; empty where there is none. */
struct span hide_host_at(const char *p, const char *end);
/* The same with names that are not ASCII or not by the book, and behind them and a port. */
bool hide_host_begins(const char *p, const char *end);
const char *hide_host_end(const char *p, const char *end);

/* Addresses and names, but no URIs: within a URI no other is looked for, so that the depth is
 * bounded. */
void hide_plain(struct cursor *out, const struct hide *hide, const struct hide_names *names,
		struct span text);

enum hide_scheme {
	SCHEME_NONE = 0, /* nothing that limen knows: text */
	SCHEME_AT,	 /* [user@]host */
	SCHEME_TEL,
	SCHEME_CID, /* names a body part (RFC 2392) */
	SCHEME_URL, /* "//host/..." of any scheme */
};

/* What the text at p begins with; *opaque is behind the colon. */
enum hide_scheme hide_scheme_at(const char *p, const char *end, const char **opaque);

enum hide_flag {
	HIDE_WHOLE = 1 << 0,   /* the URI is all of [p, end): looked for no end of it */
	HIDE_HISTORY = 1 << 1, /* its escaped headers Reason and Privacy stay */
};

/* The URI whose scheme was found at p: what is left of it is written, behind it returned. `flags`:
 * enum hide_flag. */
const char *hide_uri_at(struct cursor *out, const struct hide *hide, const struct hide_names *names,
			enum hide_scheme scheme, const char *p, const char *opaque, const char *end,
			unsigned flags);

/* A telephone number's parameter without its ';' (RFC 3966): one that names a domain names none
 * (anonymous.invalid), one that names a trunk is left out. */
void hide_tel_param(struct cursor *out, const struct hide *hide, const struct hide_names *names,
		    struct span param);
