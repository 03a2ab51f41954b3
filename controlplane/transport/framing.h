/* SPDX-License-Identifier: BSD-3-Clause */
/* Where SIP messages begin and end in a stream of bytes that comes in any pieces (RFC 3261 sections
 * 7.5 and 18.3), and the keepalives between them (RFC 5626 section 4.4.1). Keeps no bytes and looks
 * at each but a few times, in whatever pieces they come. limen-controlplane, any thread. */
#pragma once

#include "common/sip/sip_msg.h"

/* Of one connection; all zero at its beginning. */
struct framing {
	uint32_t looked; /* bytes in which the end of the head is not */
	uint32_t need;	 /* bytes of the message, once its head is known; 0: not yet */
	bool is_sip;	 /* its first line is there, and one of SIP */
	bool half_ping;	 /* one CRLF came, another one makes it a ping */
};

enum framing_result {
	FRAMING_MORE,	 /* wait for more; `used` bytes can be forgotten all the same */
	FRAMING_MESSAGE, /* `used` bytes: one message; msg->why says what is wrong with it */
	FRAMING_PING,	 /* CRLFCRLF: to be answered with a CRLF */
	FRAMING_CRLF,	 /* one CRLF: a pong where one is awaited, else nothing (yet) */
	FRAMING_BROKEN,	 /* where the next message begins is not known: msg->status, why */
};

/* What is at the start of buf, `len` bytes that have been received and not been used. A message is
 * of at most `max` bytes. Messages are to be taken out before the next call: msg points into
 * buf. */
enum framing_result framing_next(struct framing *framing, const char *buf, size_t len, uint32_t max,
				 struct sip_msg *msg, uint32_t *used);

/* What was begun and is not whole. */
static inline bool framing_begun(const struct framing *framing)
{
	return framing->looked || framing->need;
}
