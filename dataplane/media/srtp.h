/* SPDX-License-Identifier: BSD-3-Clause */
/* SRTP and SRTCP (RFC 3711, RFC 6188, RFC 7714) of one worker, by two engines: DPDK's cryptodev in
 * bursts, and libsrtp2 for SRTCP and for what the device does not do. Keys, packet indexes and
 * replay windows are the caller's (struct secure_dir, in the arena); an engine holds only what it
 * can make again from them. Names: srtp_ is libsrtp2's, so ours are secure_. */
#pragma once

struct rte_mbuf;
struct rte_mempool;

#include "common/rtp/secure.h"

/* Room behind an RTP or RTCP packet for what protection adds: tag, and SRTCP's index. */
#define SECURE_ROOM (SECURE_TAG_MAX + 4u)

enum secure_choice {
	SECURE_AUTO = 0,  /* cryptodev where there is one that can, else libsrtp2 */
	SECURE_CRYPTODEV, /* the same, but without a device there is no engine */
	SECURE_LIBSRTP2,
};

/* A crypto device with a queue pair for each worker. Main thread. */
struct secure_device {
	int id; /* -1: none */
};
/* The first crypto device there is, else a software one (crypto_aesni_mb) made now. 0, or -errno,
 * with id -1. */
int secure_device_open(struct secure_device *device, unsigned nworkers);
void secure_device_close(struct secure_device *device);

struct secure_engine; /* one worker's */

struct secure_engine_conf {
	enum secure_choice choice;
	const struct secure_device *device; /* NULL: none. Borrowed */
	unsigned worker;
	unsigned ndirs;	   /* directions that can have a key */
	unsigned sessions; /* keys that the device may hold; further ones are libsrtp2's */
	struct rte_mempool *pool; /* a packet is taken from it for good */
};

/* The queue pair of this worker is set up. NULL: no memory, or SECURE_CRYPTODEV without a
 * device. */
struct secure_engine *secure_engine_new(const struct secure_engine_conf *conf);
void secure_engine_free(struct secure_engine *engine);

enum secure_result {
	SECURE_OK = 0,
	SECURE_INVALID, /* shorter than its tag */
	SECURE_REPLAYED, /* seen before, or too old to tell */
	SECURE_FORGED,	 /* not authentic */
	SECURE_CROWDED,	 /* more sources than a key may have */
	SECURE_FAULT,	 /* the engine failed */
};

/* One RTP packet with a sound header (rtp_header_is_valid), in the packet's first segment from
 * `off` on. */
struct secure_job {
	struct rte_mbuf *m;
	struct secure_dir *dir;
	uint32_t id;	 /* of the direction, below ndirs */
	uint16_t off;
	uint16_t len;	 /* before; after it: of what came out, where that is SECURE_OK */
	uint8_t result;	 /* enum secure_result */
	uint8_t pad;
	uint16_t header; /* the engine's, as all below */
	uint64_t index;
};

/* Encrypt; SECURE_ROOM bytes lie behind each packet in its segment. Any number of jobs, in the
 * order in which they came. */
void secure_protect(struct secure_engine *engine, struct secure_job *jobs, unsigned n);
/* Authenticate and decrypt. What is not SECURE_OK is not to be used, and has changed nothing. */
void secure_unprotect(struct secure_engine *engine, struct secure_job *jobs, unsigned n);

/* The same for one RTCP packet; *len is before and after. */
enum secure_result secure_rtcp_protect(struct secure_engine *engine, struct secure_dir *dir,
				       uint32_t id, uint8_t *rtcp, uint32_t *len);
enum secure_result secure_rtcp_unprotect(struct secure_engine *engine, struct secure_dir *dir,
					 uint32_t id, uint8_t *rtcp, uint32_t *len);

/* The direction's key is no more: forget all that was made of it. */
void secure_forget(struct secure_engine *engine, uint32_t id);

/* Counters over all packets; any thread may read. */
struct secure_stats {
	uint64_t by_device, by_library; /* RTP packets */
	uint64_t keys_device, keys_library; /* keys set up */
};
void secure_engine_stats(const struct secure_engine *engine, struct secure_stats *stats);
