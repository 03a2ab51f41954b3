/* SPDX-License-Identifier: BSD-3-Clause */
/* limenctl explain: what would become of a message, without anything of it happening. In the
 * control plane for the config in force, in limenctl for one that is not. limen-controlplane loop
 * thread, limenctl. */
#pragma once

#include "controlplane/dispatch/ask.h"
#include "controlplane/policy/explain.h"

/* Who is thought to send it. */
struct rehearsed_sender {
	unsigned realm; /* index */
	struct net_endpoint source;
};

/* The sender that a trunk's name, or an address with or without a realm's name, means; what is not
 * given is empty. False, with the reason in `why`: there is no such, or more than one. */
bool rehearse_sender(const struct generation *generation, struct span trunk, struct span source,
		     struct span realm, struct rehearsed_sender *sender, char *why,
		     size_t why_bytes);

struct rehearsed {
	struct explain explain;
	struct ask_answer answer;
	uint32_t verdict_len;
	char verdict[IPC_FRAME_MAX] __attribute__((aligned(8)));
};

/* `frame` is the question as the engine puts it, unchecked and aligned to 8. 0, or -EPROTO. */
int rehearse_ask(const struct generation *generation, const void *frame, uint32_t len,
		 struct rehearsed *rehearsed);

/* Frames as text, for JSON. hex_read: bytes, or -1. */
void put_hex_bytes(struct cursor *out, struct span bytes);
int hex_read(struct span text, char *out, size_t cap);
