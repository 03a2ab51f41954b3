/* SPDX-License-Identifier: BSD-3-Clause */
/* Digest access authentication (RFC 7616, RFC 8760 for SIP): credentials and challenges read, and
 * the response of either side computed. limen-controlplane, any thread. */
#pragma once

#include "common/base/cursor.h"

/* X(symbol, name in messages and config, bytes of a hash, OpenSSL's name) */
#define DIGEST_ALGORITHMS(X)                                                                       \
	X(MD5, "MD5", 16, "MD5")                                                                   \
	X(SHA256, "SHA-256", 32, "SHA2-256")                                                       \
	X(SHA512_256, "SHA-512-256", 32, "SHA2-512/256")

enum digest_algorithm {
#define X(sym, name, bytes, openssl) DIGEST_##sym,
	DIGEST_ALGORITHMS(X)
#undef X
	DIGEST_ALGORITHMS_END,
};

#define DIGEST_BYTES_MAX 32u
#define DIGEST_HEX_MAX   (2u * DIGEST_BYTES_MAX)
#define DIGEST_USER_MAX  255u

const char *digest_name(enum digest_algorithm algorithm);
unsigned digest_bytes(enum digest_algorithm algorithm);
/* In any case of its letters; an empty one is MD5 (RFC 7616 section 3.3). False for one that limen
 * does not know. */
bool digest_from_name(struct span name, enum digest_algorithm *algorithm);

/* The hash of a text whose parts are written one after the other. False when OpenSSL has not that
 * algorithm. */
bool digest_hash(enum digest_algorithm algorithm, const struct span *parts, unsigned nparts,
		 unsigned char hash[DIGEST_BYTES_MAX]);

/* H(user:realm:password). */
bool digest_ha1(enum digest_algorithm algorithm, struct span user, struct span realm,
		struct span password, unsigned char ha1[DIGEST_BYTES_MAX]);

/* What a response is computed of, besides HA1. */
struct digest_request {
	enum digest_algorithm algorithm;
	struct span method, uri, nonce;
	struct span qop;        /* "auth", "auth-int"; empty: the response of RFC 2069 */
	struct span nc, cnonce; /* with qop */
	struct span body;       /* with "auth-int" */
};
/* As hexadecimal digits: *len of them. */
bool digest_response(const struct digest_request *request, const unsigned char *ha1,
		     char hex[DIGEST_HEX_MAX], unsigned *len);

void put_hex(struct cursor *out, const unsigned char *bytes, size_t len);
/* False for what is not exactly that many bytes in hexadecimal digits. */
bool read_hex(struct span text, unsigned char *bytes, size_t len);

/* The parameters of one Authorization, Proxy-Authorization, WWW-Authenticate or Proxy-Authenticate
 * line. Those without quotes inside theirs are slices of the line; `user` is a copy. */
struct digest_params {
	char user_text[DIGEST_USER_MAX];
	struct span user, realm, nonce, uri, response, algorithm, cnonce, nc, opaque;
	struct span qop; /* of credentials the word; of a challenge the list */
	bool stale;
};
/* 0; -EINVAL for what is no Digest, or cannot be read. */
int digest_parse(struct span line, struct digest_params *params);
/* Whether a challenge's list of qop has that word. */
bool digest_offers(struct span qop, struct span word);
