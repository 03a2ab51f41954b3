/* SPDX-License-Identifier: BSD-3-Clause */
/* The a=crypto attribute: SRTP keys in a session description (RFC 4568). Both processes, any
 * thread. Keys are secrets: whoever parses or makes one clears it, and no text of one is logged. */
#pragma once

#include "common/base/cursor.h"
#include "common/rtp/secure.h"
#include "common/sdp/sdp.h"

struct sdp_crypto {
	uint32_t tag;	   /* 1 to 9 digits */
	/* Packets that the peer will send under the key; 48 where it does not say. */
	uint8_t lifetime_log2;
	struct secure_key key;
};

/* The attribute's value: what follows "a=crypto:". 0; -EINVAL for what is none; -ENOTSUP for one
 * that limen does not do, though another line of the description may be good: other suites and key
 * methods, several keys or a master key identifier (section 6.1), and session parameters (section
 * 6.3) that weaken (UNENCRYPTED_*, UNAUTHENTICATED_SRTP) or change how keys are used (KDR, FEC_*).
 * WSH, a hint, is let pass, as are unknown parameters marked as optional by '-'. */
int sdp_crypto_parse(struct sdp_crypto *crypto, struct span value);

/* The next crypto line of a section that limen can do: others are passed over. *rest is the
 * section's `lines` at first. False at the end. */
bool sdp_crypto_next(struct span *rest, struct sdp_crypto *crypto);

/* "a=crypto:TAG SUITE inline:KEY" with its end of line. */
void sdp_crypto_put(struct cursor *out, uint32_t tag, const struct secure_key *key);
void sdp_keys_put(struct cursor *out, const struct sdp_keys *keys);
