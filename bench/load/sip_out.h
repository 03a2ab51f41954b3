/* SPDX-License-Identifier: BSD-3-Clause */
/* SIP messages written straight into packets. The loop's thread. */
#pragma once

#include "bench/load/calls.h"

/* A message being written: into a packet, or NULL where there was none. */
struct sip_out {
	struct rte_mbuf *m;
	struct cursor text;
};

struct sip_out sip_out_begin(struct calls *calls, uint8_t family);

/* Send it from a local address. False: it did not fit, or the next hop is not known. */
bool sip_out_send(struct calls *calls, struct sip_out *out, unsigned local, const struct net_endpoint *to);

/* Send a text that was kept. */
void sip_out_text(struct calls *calls, struct span text, unsigned local, const struct net_endpoint *to);

void sip_put_invite(struct calls *calls, struct cursor *c, uint32_t slot);
/* ACK or BYE in the dialog that the 2xx in calls->msg made (RFC 3261 section 12.2.1.1). */
void sip_put_in_dialog(struct calls *calls, struct cursor *c, uint32_t slot, enum sip_method method);
/* ACK to the failure in calls->msg (section 17.1.1.3). */
void sip_put_ack_failure(struct calls *calls, struct cursor *c, uint32_t slot);
/* A user's REGISTER with that CSeq. */
void sip_put_register(struct calls *calls, struct cursor *c, const struct path *path, uint32_t user, uint32_t cseq);
/* 200 to the REGISTER in calls->msg: all that it asks for is granted. */
void sip_put_registered(struct calls *calls, struct cursor *c);
/* An answer to the request in calls->msg, with a tag where there is none, and a session description where `local` has one. */
void sip_put_response(struct calls *calls, struct cursor *c, uint16_t status, struct span tag, const struct net_endpoint *contact,
		      const struct net_endpoint *rtp);
