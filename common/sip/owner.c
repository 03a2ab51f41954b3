/* SPDX-License-Identifier: BSD-3-Clause */
/* Whose a message is: the hash of its Call-ID, which is found without a parse: the line that begins
 * with "Call-ID:" or "i:". The choice of a message's owner needs no more, and whatever a hostile
 * message makes of it, everybody chooses the same. Any thread; libc only. */
#include "common/sip/owner.h"

#include "common/base/hash.h"

static bool is_call_id_name(const char *line, size_t len, size_t *name_len)
{
	if (len >= 7 && strncasecmp(line, "call-id", 7) == 0) {
		*name_len = 7;
		return true;
	}
	*name_len = 1;
	return len >= 1 && (line[0] | 0x20) == 'i';
}

/* "Name *WSP : value" at the line's start. */
static bool call_id_line(const char *line, size_t len, struct span *call_id)
{
	size_t at;

	if (!is_call_id_name(line, len, &at))
		return false;
	while (at < len && (line[at] == ' ' || line[at] == '\t'))
		at++;
	if (at == len || line[at] != ':')
		return false;
	*call_id = span_trim(span_of(line + at + 1, len - at - 1));
	return call_id->len != 0;
}

bool sip_find_call_id(const char *buf, size_t len, struct span *call_id)
{
	const char *line = buf, *end = buf + len, *eol;

	while (line < end) {
		eol = memchr(line, '\n', (size_t)(end - line));
		if (eol == NULL)
			eol = end;
		/* A fold belongs to the line before (RFC 3261 section 7.3.1). */
		while (eol + 1 < end && (eol[1] == ' ' || eol[1] == '\t')) {
			const char *next = memchr(eol + 1, '\n', (size_t)(end - eol - 1));

			eol = next ? next : end;
		}
		if (call_id_line(line, (size_t)(eol - line), call_id))
			return true;
		if (eol - line <= 1 && line != buf)
			return false; /* end of the headers */
		line = eol + 1;
	}
	return false;
}

unsigned sip_owner(struct span call_id, unsigned nworkers)
{
	if (nworkers <= 1)
		return 0;
	return (unsigned)(hash_fast(0, call_id) % nworkers);
}
