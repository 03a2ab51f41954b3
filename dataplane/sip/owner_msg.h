/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages between the owners of two calls: a question about a dialog, and its answer. Private to
 * dataplane/sip. They travel as bytes, in host byte order, and are checked by whoever takes them
 * like a frame of the other process. Any worker thread. */
#pragma once

#include "common/sip/replaces.h"

/* The three texts of a Replaces together: what is longer names no dialog that can be replaced. */
#define OWNER_TEXTS_MAX 1024u
#define OWNER_MSG_MAX	(sizeof(struct owner_msg) + OWNER_TEXTS_MAX)

enum owner_msg_kind {
	OWNER_FIND = 1, /* which dialog does this Replaces name? Asked of its Call-ID's owner */
	OWNER_FOUND,	/* the one behind it: what its peer shall read in a Replaces */
	OWNER_MSG_KINDS_END,
};

struct owner_msg {
	uint16_t kind;	 /* enum owner_msg_kind */
	uint16_t status; /* FOUND: 0, or why it cannot be replaced (400..699) */
	uint8_t worker;	 /* who sends it */
	uint8_t realm;	 /* FIND: where the Replaces came in; FOUND: of the dialog */
	uint8_t early_only;
	uint8_t pad;
	uint64_t call; /* the asker's */
	uint16_t call_id_len;
	uint16_t to_tag_len;
	uint16_t from_tag_len;
	uint16_t pad2;
	uint32_t trunk; /* FOUND: ipc_side_policy's, of the dialog */
	uint32_t pad3;
	/* call-id, to-tag, from-tag */
};
_Static_assert(sizeof(struct owner_msg) == 32, "no holes: it is sent as it is");

/* Write one; the lengths in `head` are filled in here. False when the texts are too long. */
bool owner_msg_put(struct cursor *out, const struct owner_msg *head,
		   const struct sip_replaces *texts);

/* Read and check one: known kind, a worker that is there, lengths that fit, texts that may stand in
 * a header. The texts lie in `bytes`. False: it is to be dropped. */
bool owner_msg_read(struct span bytes, unsigned nworkers, struct owner_msg *head,
		    struct sip_replaces *texts);
