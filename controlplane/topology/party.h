/* SPDX-License-Identifier: BSD-3-Clause */
/* A party: the user a URI names, apart from the host that knows it. It is what crosses the border;
 * hosts do not. limen-controlplane, any thread. */
#pragma once

#include "common/base/cursor.h"
#include "common/net/addr.h"

#define PARTY_USER_MAX 255u

struct party {
	char user[PARTY_USER_MAX]; /* without escapes: any byte may be in it */
	uint8_t len;               /* 0: the URI has no user */
	bool phone;                /* a telephone number: tel:, or ;user=phone */
	bool service;              /* `user` is a whole service URN (RFC 5031) */
	bool secure;               /* it was called by sips:, and is called so again */
	bool has_gr;    /* a GRUU (RFC 5627): one of the user's phones, by the name `gr`. */
	struct span gr; /* Of the URI that was read; written in a Request-URI alone */
	bool anonymous;            /* at the host anonymous.invalid (RFC 3323 section 4.1.1.3) */
};

static inline struct span party_user(const struct party *party)
{
	return span_of(party->user, party->len);
}

/* Read a sip:, tel: or urn:service: URI. Passwords, hosts and parameters that name a host, a trunk
 * group or a domain are left out; of a telephone number's parameters those of number portability,
 * extension and subaddress stay (RFC 3966, RFC 4694), and `gr` of any user as long as the URI's
 * text lives. The party of a sips: URI is that of the sip: one. 0; -EINVAL; -EPROTONOSUPPORT for
 * another scheme; -ENAMETOOLONG. */
int party_from_uri(struct span uri, struct party *party);

/* Nobody's name, at nobody's host. */
void party_make_anonymous(struct party *party);

/* A service's URN as it is, else sip:USER@HOST[:PORT][;user=phone][;transport=...]; sips: without
 * ;transport=tls, which it stands for, where it is `secure`. All that needs it is escaped. Port 0 and UDP are left out. Without a host: anonymous.invalid. */
void put_party_uri(struct cursor *out, const struct party *party, const struct net_endpoint *host,
		   uint8_t transport);
/* The same at a host by its name; without one: at `host`. */
void put_party_at(struct cursor *out, const struct party *party, struct span name,
		  const struct net_endpoint *host, uint8_t transport);
/* The user alone, escaped. */
void put_party_user(struct cursor *out, const struct party *party);
