/* SPDX-License-Identifier: BSD-3-Clause */
/* Cookies: limen's own tags, Via branches and Contact user parts carry the handle of their record
 * under a keyed MAC, like SYN cookies. A genuine one finds its record without a table; a forged one
 * costs two hashes. One worker thread; libc only. */
#pragma once

#include "common/base/cursor.h"
#include "common/base/hash.h"

#define COOKIE_CHARS  26u /* of [0-9a-v] */
#define BRANCH_PREFIX "z9hG4bK"

/* What a cookie names; part of the MAC, so that a tag is no good as a branch. */
enum cookie_kind {
	COOKIE_LEG = 1,   /* tag and Contact user part: handle of a leg */
	COOKIE_TXN,       /* branch: handle of a client transaction */
	COOKIE_STATELESS, /* tag of a refusal without state: handle is a hash of the request */
	COOKIE_REPLACES,  /* from-tag of a leg's hidden name: handle is a hash of leg and name */
};

struct cookie_keys {
	struct hash_key mac;
	struct hash_key hide; /* the handle is masked: it would tell how many calls there are */
	uint32_t worker; /* part of a tag and a branch: all workers have the same keys and the same
			    handles, yet no two dialogs the same tag, nor two requests the same
			    branch (RFC 3261 sections 8.1.1.7, 19.3) */
};

enum cookie_answer {
	COOKIE_GOOD = 0,
	COOKIE_FOREIGN, /* not of limen's form: somebody else's text */
	COOKIE_FORGED,  /* limen's form, wrong MAC */
};

void cookie_put(struct cursor *out, const struct cookie_keys *keys, enum cookie_kind kind,
		uint64_t handle);

/* Read a cookie; *handle is set when GOOD. The handle may be stale: slab_get tells. */
enum cookie_answer cookie_read(const struct cookie_keys *keys, enum cookie_kind kind,
			       struct span text, uint64_t *handle);

/* 26 characters of the cookie alphabet from 128 bits. */
void cookie_put_random(struct cursor *out, uint64_t hi, uint64_t lo);
