/* SPDX-License-Identifier: BSD-3-Clause */
/* One Via value with what the parse itself needs of it. Private to common/sip. Both processes, any
 * thread. */
#pragma once

#include "common/sip/sip_msg.h"

struct via_scan {
	struct sip_via via;
	struct span branch;
	uint8_t transport; /* enum net_transport, NET_TRANSPORTS when unknown */
	bool rport;	   /* an empty ;rport */
	bool usable;	   /* transport and sent-by could be read, whatever else is wrong */
};

/* The first Via value of text, up to the text's end or a comma that separates, with room to read up
 * to limit. 0, or -EINVAL. */
int via_scan(struct span text, const char *limit, struct via_scan *out, const char **end);
