/* SPDX-License-Identifier: BSD-3-Clause */
/* The control plane's end of the rings: a client that connects to the dataplane's socket, and
 * connects again for ever. All of it, callbacks too, runs on the thread of the event base given. */
#pragma once

#include "common/ipc/ipc_msg.h"

struct cp_link;
struct event_base;

/* Rings are numbered: CP_LINK_MAIN, then one for each worker. */
#define CP_LINK_MAIN 0u
static inline unsigned cp_link_worker_ring(unsigned worker)
{
	return 1 + worker;
}

static inline unsigned cp_link_ring_worker(unsigned ring)
{
	return ring - 1;
}

/* A callback may send, but not free the link. */
struct cp_link_events {
	/* Connected: rings 0..hello->nworkers are open. `hello` lives as long as the connection. */
	void (*up)(void *arg, const struct ipc_hello *hello);
	/* The link went down (was_up: answers to what was sent will not come); or it could not be
	 * brought up, told once for each new reason. `reason` is static text. Attempts go on by
	 * themselves. */
	void (*down)(void *arg, const char *reason, bool was_up);
	/* A checked message of the dataplane. `frame` lives until the callback returns. */
	void (*message)(void *arg, unsigned ring, uint16_t type, const void *frame, uint32_t len);
};

struct cp_link_conf {
	const char *path;   /* of the dataplane's socket */
	uint64_t conf_hash; /* conf_realms_hash: a dataplane with another one is refused */
	const struct cp_link_events *events; /* borrowed for the link's life */
	void *arg;
};

/* Make the client; its first attempt is made once the loop runs. The caller owns *link
 * (cp_link_free, before the base is freed). 0, -EINVAL, -ENAMETOOLONG, or -ENOMEM. */
int cp_link_new(struct cp_link **link, struct event_base *base, const struct cp_link_conf *conf);
void cp_link_free(struct cp_link *link);

/* Send one message made of parts. 0; -ENOTCONN while the link is down or for a ring that the
 * dataplane does not have; -EAGAIN when the ring is full; -EMSGSIZE. Messages are not kept: what
 * was sent before a `down` may or may not have been read. */
int cp_link_send(struct cp_link *link, unsigned ring, uint16_t type, const struct span *parts,
		 unsigned nparts);

/* The hello of the connection that is up; NULL while down. */
const struct ipc_hello *cp_link_hello(const struct cp_link *link);

struct cp_link_stats {
	uint64_t sent, received;
	uint64_t rejected; /* messages that did not pass the check: skipped */
	uint64_t full;     /* sends refused: ring full */
	uint64_t connects; /* times the link came up */
	uint64_t resets;   /* connections ended by us: broken ring or protocol violation */
	uint64_t refused;  /* hellos refused: malformed, another version or configuration, unsealed
			      or wrong descriptors */
};
void cp_link_stats(const struct cp_link *link, struct cp_link_stats *stats);
