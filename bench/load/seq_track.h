/* SPDX-License-Identifier: BSD-3-Clause */
/* Which packets of one flow came, told by the sequence numbers in their payloads. Lost is what was sent and is not among
 * them. limen-load's loop; libc only. */
#pragma once

#include <stdint.h>

#define SEQ_WINDOW 64u

/* A zeroed one is ready for a flow that begins with 0. */
struct seq_track {
	uint64_t window;  /* bit i: next - 1 - i came */
	uint32_t next;    /* one past the highest that came */
	uint32_t unique;  /* packets that came, each once */
};

enum seq_verdict {
	SEQ_IN_ORDER,  /* the next one, or one further on */
	SEQ_REORDERED, /* behind one that was sent later */
	SEQ_DUPLICATE, /* came before */
};

/* Numbers more than a window behind cannot be told from duplicates, and count as reordered: late rather than twice. */
static inline enum seq_verdict seq_track_add(struct seq_track *track, uint32_t seq)
{
	uint32_t ahead = seq - track->next, behind;

	if (ahead < UINT32_C(1) << 31) {
		track->window = ahead + 1 < SEQ_WINDOW ? track->window << (ahead + 1) | 1 : 1;
		track->next = seq + 1;
		track->unique++;
		return SEQ_IN_ORDER;
	}
	behind = track->next - 1 - seq;
	if (behind < SEQ_WINDOW) {
		if (track->window >> behind & 1)
			return SEQ_DUPLICATE;
		track->window |= UINT64_C(1) << behind;
	}
	track->unique++;
	return SEQ_REORDERED;
}

/* Of `sent` packets. */
static inline uint32_t seq_track_lost(const struct seq_track *track, uint32_t sent)
{
	return sent - track->unique;
}
