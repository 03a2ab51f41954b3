/* SPDX-License-Identifier: BSD-3-Clause */
/* Tokens: 128 bits in lower-case base 32 (RFC 4648) behind a letter. limen-controlplane, any
 * thread. */
#include "controlplane/registrar/token.h"

#define MARK	  'u'
#define MARK_FLOW 'f'

static const char digits[] = "abcdefghijklmnopqrstuvwxyz234567";

static uint64_t hash_of(const struct hash_key *key, const struct span *parts, unsigned nparts)
{
	struct hash_sip h = hash_sip_start(key);

	for (unsigned i = 0; i < nparts; i++) {
		hash_sip_add(&h, &parts[i].len, sizeof(parts[i].len));
		hash_sip_add(&h, parts[i].ptr, parts[i].len);
	}
	return hash_sip_end(&h);
}

struct binding_id token_id(const struct hash_key key[2], struct span trunk, struct span user,
			   struct span contact)
{
	const struct span parts[] = {trunk, user, contact};

	return (struct binding_id){{hash_of(&key[0], parts, 3), hash_of(&key[1], parts, 3)}};
}

void token_write(const struct binding_id *id, bool flow, char token[REGISTRAR_TOKEN_CHARS])
{
	uint64_t high = id->words[1], low = id->words[0];

	token[0] = flow ? MARK_FLOW : MARK;
	for (unsigned i = 1; i < REGISTRAR_TOKEN_CHARS; i++) {
		token[i] = digits[low & 31];
		low = low >> 5 | high << 59;
		high >>= 5;
	}
}

bool token_read(struct span text, struct binding_id *id)
{
	uint64_t high = 0, low = 0;

	if (text.len != REGISTRAR_TOKEN_CHARS || (text.ptr[0] != MARK && text.ptr[0] != MARK_FLOW))
		return false;
	for (unsigned i = REGISTRAR_TOKEN_CHARS - 1; i >= 1; i--) {
		const char *digit = text.ptr[i] ? strchr(digits, text.ptr[i]) : NULL;

		/* 26 digits hold two bits more than there are */
		if (!digit || (i == REGISTRAR_TOKEN_CHARS - 1 && digit - digits > 7))
			return false;
		high = high << 5 | low >> 59;
		low = low << 5 | (uint64_t)(digit - digits);
	}
	*id = (struct binding_id){{low, high}};
	return true;
}

bool token_is_flow(struct span text)
{
	struct binding_id id;

	return token_read(text, &id) && text.ptr[0] == MARK_FLOW;
}
