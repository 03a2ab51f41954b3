/* SPDX-License-Identifier: BSD-3-Clause */
/* What the far side is shown in place of the caller's own Request-URI, From and To: the users of
 * the call at addresses that the far side knows anyway. limen-controlplane, any thread. */
#pragma once

#include "controlplane/topology/party.h"

#define FAR_DISPLAY_BYTES_MAX 128u

/* The parties of a request, read once and written for each target. */
struct far_parties {
	bool registers; /* a REGISTER: its Request-URI is a domain, and its From a user of it */
	const struct party *called; /* Request-URI: borrowed */
	struct party from;
	struct party to;
	struct span display; /* From's, as it came: borrowed from the request */
	struct span ruri_host, from_host, to_host; /* empty: the peer's, limen's, the peer's */
};

/* The text of a display name: of a quoted string without quotes and backslashes, else as it is, cut
 * to size. Returns its length. */
uint32_t far_display_read(struct span display, char out[FAR_DISPLAY_BYTES_MAX]);
/* The name in quotes and a blank, nothing where there is none. */
void put_far_display(struct cursor *out, struct span display);

/* From and To values without tag. `limen` is limen's own address towards the peer. */
void put_far_ruri(struct cursor *out, const struct far_parties *parties,
		  const struct net_endpoint *peer, uint8_t transport);
void put_far_from(struct cursor *out, const struct far_parties *parties,
		  const struct net_endpoint *peer, const struct net_endpoint *limen);
void put_far_to(struct cursor *out, const struct far_parties *parties,
		const struct net_endpoint *peer);
