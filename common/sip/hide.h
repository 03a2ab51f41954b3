/* SPDX-License-Identifier: BSD-3-Clause */
/* What one side of the border says about itself, made fit for the other: URIs keep their user and
 * get limen's address for a host, other addresses and host names are blanked, identifiers become
 * keyed tokens. Bounded, no allocation; the result goes into a cursor. Both processes, any
 * thread. */
#pragma once

#include "common/base/cursor.h"
#include "common/base/hash.h"
#include "common/sip/sip_msg.h"

/* Towards whom something is hidden. */
struct hide {
	struct net_endpoint self; /* limen's own towards the reader: host and port of hidden URIs */
	struct hash_key key;	  /* of tokens: the same identifier always becomes the same token */
};

/* The host names that a text's URIs name, which are looked for in the rest of it. Names of one
 * label are left out: they would be common words. */
#define HIDE_NAMES_MAX 16u
struct hide_names {
	struct span name[HIDE_NAMES_MAX]; /* borrowed from the text */
	unsigned n;
	bool full; /* there were more, or longer ones than a host name can be: every word that looks
		      like a host name is one of them */
};

/* One header line's value, by the header's kind:
 * - URIs (sip, sips, im, pres, mailto, xmpp) keep scheme, user and user=phone; host and port are
 *   limen's. In History-Info the escaped headers Reason and Privacy stay (RFC 7044). The host
 *   anonymous.invalid stays (RFC 3323). tel: keeps its number; domains in phone-context and the
 *   like become anonymous.invalid, trunk groups (RFC 4904) are left out.
 * - A value that is a URL of another kind (http: in Call-Info) is left out, and its header with it
 *   when no value is left.
 * - IP addresses elsewhere become 0.0.0.0 or ::, names of the URIs' hosts anonymous.invalid.
 * - P-Charging-Vector keeps icid-value. Headers that hold nothing but addresses, or ids of a
 * dialog, or digests over a URI, are left out: Path, Service-Route, Replaces, Authorization, ...
 * Folds become spaces. False, and nothing written, when nothing is left to say. Not for what
 * edit_plan_reserves. */
bool hide_header(struct cursor *out, const struct hide *hide, enum sip_hdr_id id,
		 struct span value);

/* One URI, as above. False, and nothing written, for a URL whose host cannot be hidden. */
bool hide_uri(struct cursor *out, const struct hide *hide, struct span uri);

/* Running text: each URI and address in it; `names` may be NULL. White space stays as it is. */
void hide_text(struct cursor *out, const struct hide *hide, const struct hide_names *names,
	       struct span text);

/* An XML document in UTF-8: URIs and addresses in its attributes and its text as in running text;
 * ids of dialogs and of body parts become tokens; session descriptions and routes in it are left
 * empty, as are comments; processing instructions and URLs are left out, names of namespaces kept
 * but for addresses. 0, or -EINVAL for what is no such document, has a document type, or writes
 * what URIs are made of as character references. */
int hide_xml(struct cursor *out, const struct hide *hide, struct span text);

/* Add the host names that the text's URIs, or words like user@host, name. */
void hide_names_add(struct hide_names *names, struct span text);

/* A call's or dialog's identifier: 16 hex digits. */
void hide_token(struct cursor *out, const struct hide *hide, struct span id);
