/* SPDX-License-Identifier: BSD-3-Clause */
/* What the far side is shown in place of the caller's own Request-URI, From and To.
 * limen-controlplane, any thread. */
#include "controlplane/topology/far_side.h"

/* The text of a display name: of a quoted string without quotes and backslashes, else as it is;
 * folds and tabs become blanks, other control characters go. Returns its length. */
uint32_t far_display_read(struct span display, char out[FAR_DISPLAY_BYTES_MAX])
{
	bool quoted;
	uint32_t len = 0;

	display = span_trim(display);
	quoted = display.len >= 2 && display.ptr[0] == '"' && display.ptr[display.len - 1] == '"';
	if (quoted)
		display = span_of(display.ptr + 1, display.len - 2);
	for (size_t i = 0; i < display.len && len < FAR_DISPLAY_BYTES_MAX; i++) {
		char c = display.ptr[i];

		if (quoted && c == '\\' && i + 1 < display.len)
			c = display.ptr[++i];
		if (c == '\r' || c == '\n' || c == '\t')
			c = ' ';
		if (c == ' ' && len && out[len - 1] == ' ')
			continue;
		if ((uint8_t)c >= 0x20 && c != 0x7f)
			out[len++] = c;
	}
	/* a name that was cut ends with a whole UTF-8 character */
	if (len == FAR_DISPLAY_BYTES_MAX) {
		while (len && ((uint8_t)out[len - 1] & 0xc0) == 0x80)
			len--;
		if (len && (uint8_t)out[len - 1] >= 0x80)
			len--;
	}
	return len;
}

void put_far_display(struct cursor *out, struct span display)
{
	char name[FAR_DISPLAY_BYTES_MAX];
	uint32_t len = far_display_read(display, name);

	if (!len)
		return;
	put_char(out, '"');
	for (uint32_t i = 0; i < len; i++) {
		if (name[i] == '"' || name[i] == '\\')
			put_char(out, '\\');
		put_char(out, name[i]);
	}
	put_lit(out, "\" ");
}

void put_far_ruri(struct cursor *out, const struct far_parties *parties,
		  const struct net_endpoint *peer, uint8_t transport)
{
	const struct party nobody = {.secure = parties->called->secure};

	const struct party *called = parties->registers ? &nobody : parties->called;

	put_party_at(out, called, parties->ruri_host, peer, transport);
	if (!called->has_gr)
		return;
	put_lit(out, ";gr");
	if (called->gr.len)
		put_char(out, '=');
	put_span(out, called->gr);
}

void put_far_from(struct cursor *out, const struct far_parties *parties,
		  const struct net_endpoint *peer, const struct net_endpoint *limen)
{
	struct net_endpoint host = parties->registers ? *peer : *limen;

	host.port = 0; /* RFC 3261 section 19.1.1: no port in From and To */
	put_far_display(out, parties->display);
	put_char(out, '<');
	if (parties->from.anonymous)
		put_party_uri(out, &parties->from, NULL, NET_UDP);
	else /* a user that registers is of the registrar's domain */
		put_party_at(out, &parties->from,
			     parties->registers ? parties->to_host : parties->from_host, &host,
			     NET_UDP);
	put_char(out, '>');
}

void put_far_to(struct cursor *out, const struct far_parties *parties,
		const struct net_endpoint *peer)
{
	struct net_endpoint host = *peer;

	host.port = 0;
	put_char(out, '<');
	put_party_at(out, &parties->to, parties->to_host, &host, NET_UDP);
	put_char(out, '>');
}
