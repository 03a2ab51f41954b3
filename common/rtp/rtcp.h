/* SPDX-License-Identifier: BSD-3-Clause */
/* RTCP compound packets (RFC 3550 section 6.1) changed on their way across the border. Both
 * processes, any thread. */
#pragma once

#include "common/base/hash.h"

/* Hide who sends: the text of each source description item (RFC 3550 section 6.5: CNAME is
 * user@host, TOOL names a product, ...) is overwritten in place. Equal texts get equal replacements
 * under one key, so that a receiver still knows which sources belong together; lengths stay. Text
 * of BYE's reason (section 6.6) likewise. A packet that is not a well-formed compound, such as an
 * encrypted one, is left alone. Whether anything was changed. */
bool rtcp_hide_names(uint8_t *pkt, uint32_t len, const struct hash_key *key);
