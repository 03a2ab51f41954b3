/* SPDX-License-Identifier: BSD-3-Clause */
/* What limenctl and limen-rehearse say to each other over a pipe each way: a head, then its bytes.
 * limenctl gives a message as if a peer had sent it; the engine's question comes back, policy's
 * answer goes in, and what the engine would send comes out. Host byte order (one machine). */
#pragma once

#include "common/net/addr.h"

#define REHEARSAL_BYTES_MAX (72u * 1024u) /* of one part: IPC_FRAME_MAX */

enum rehearsal_part {
	REHEARSAL_MESSAGE = 1, /* in: a SIP message; `peer` sent it to limen in `realm` */
	REHEARSAL_ASK,	       /* out: a frame of IPC_ASK */
	REHEARSAL_VERDICT,     /* in: a frame of IPC_VERDICT with that ask_id */
	REHEARSAL_SEND,	       /* out: a SIP message to `peer` in `realm` */
	REHEARSAL_DROP,	       /* out: it would not be answered; the bytes say why */
	REHEARSAL_END,	       /* out: nothing follows */
	REHEARSAL_PARTS,
};

struct rehearsal_head {
	uint32_t part; /* enum rehearsal_part */
	uint32_t len;
	struct net_endpoint peer;
	uint8_t realm;
	uint8_t pad[3];
};
