/* SPDX-License-Identifier: BSD-3-Clause */
/* A link without a dataplane: the test plays the dataplane. Takes the place of
 * controlplane/link. */
#pragma once

#include "controlplane/link/cp_link.h"

#define FAKE_WORKERS 2u
#define FAKE_SENT_MAX 2048u
#define FAKE_TYPES    32u

struct fake_sent {
	unsigned ring;
	uint16_t type;
	uint32_t len;
	_Alignas(8) char frame[4096]; /* the first bytes of it */
};

extern struct fake_link {
	struct cp_link_conf conf;
	unsigned nmade, nfreed;
	bool up;
	bool full; /* rings refuse */
	struct ipc_hello hello;
	struct fake_sent sent[FAKE_SENT_MAX]; /* the last ones: number n is at n % FAKE_SENT_MAX */
	unsigned nsent;
	unsigned ntype[FAKE_TYPES]; /* sent of each type */
} fake_link;

/* Play the dataplane. */
void fake_link_up(uint64_t boot_id);
void fake_link_down(void);
void fake_link_say(unsigned ring, uint16_t type, const void *head, size_t head_bytes,
		   const char *text);
