/* SPDX-License-Identifier: BSD-3-Clause */
/* name-addr with the tag that From and To carry. Private to common/sip. Both processes, any
 * thread. */
#pragma once

#include "common/sip/sip_msg.h"

/* The whole text as one name-addr or addr-spec, with room to read up to limit; `tag` where the
 * caller wants it, else NULL. 0, or -EINVAL. */
int name_addr_scan(struct span text, const char *limit, struct sip_name_addr *out,
		   struct span *tag);
