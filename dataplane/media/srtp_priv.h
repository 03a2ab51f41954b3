/* SPDX-License-Identifier: BSD-3-Clause */
/* Private to srtp*.c: what an engine makes of a key, and the two ways to use it. */
#pragma once

#include "dataplane/media/srtp.h"

#include <rte_cryptodev.h>
#include <rte_mbuf.h>
#include <srtp2/srtp.h>

#define SECURE_BURST 64u

/* What was made of one direction's key. */
struct secure_slot {
	uint64_t epoch; /* of the key; 0: nothing is made */
	bool by_device; /* RTP goes by the device */
	uint8_t salt[SECURE_SALT_MAX]; /* session salt, for the device */
	void *session; /* of the device */
	/* AEAD: the device's session is for one length of RTP headers. */
	uint16_t header;
	srtp_t lib; /* NULL until it is needed */
	/* SSRCs whose RTCP libsrtp2 has met. */
	unsigned nrtcp;
	uint32_t rtcp[SECURE_SOURCES];
};

struct secure_engine {
	int device; /* -1: none */
	uint16_t queue;
	unsigned ndirs;
	struct secure_slot *slots;
	struct rte_mempool *sessions;
	unsigned nsessions_free;
	struct rte_mempool *ops_pool;
	struct rte_crypto_op *ops[SECURE_BURST];
	struct rte_mbuf *scratch; /* for key derivation */
	bool can[SECURE_SUITES];  /* what the device does */
	struct secure_stats stats;
};

/* Jobs of a device's burst, not more than SECURE_BURST; index and header are set. Sets results. */
void secure_device_run(struct secure_engine *engine, struct secure_job *const *jobs, unsigned n,
		       bool protect);
/* Make sessions of a key. False: the device cannot, libsrtp2 has to. */
bool secure_device_key(struct secure_engine *engine, struct secure_slot *slot,
		       const struct secure_key *key, bool protect);
/* The two steps of it (RFC 3711 section 4.3): session keys of a master key, and a session of
 * them. */
struct secure_session_keys {
	uint8_t key[SECURE_KEY_MAX], hmac[SECURE_KEY_MAX];
	uint8_t salt[SECURE_SALT_MAX];
};
bool secure_device_derive(struct secure_engine *engine, const struct secure_key *key,
			  struct secure_session_keys *keys);
bool secure_device_session(struct secure_engine *engine, struct secure_slot *slot, unsigned suite,
			   const struct secure_session_keys *keys, uint16_t header, bool protect);
void secure_device_forget(struct secure_engine *engine, struct secure_slot *slot);
/* AEAD: another length of headers than the session is for. False: no session for it. */
bool secure_device_refit(struct secure_engine *engine, struct secure_slot *slot,
			 const struct secure_key *key, uint16_t header, bool protect);
int secure_device_engine_init(struct secure_engine *engine, const struct secure_engine_conf *conf);
void secure_device_engine_fini(struct secure_engine *engine);

/* Main thread. Once a process is enough; libsrtp2 fails when asked again. */
int secure_lib_init(void);
/* One job by libsrtp2. */
enum secure_result secure_lib_run(struct secure_slot *slot, struct secure_job *job, bool protect);
/* 0, or -ENOMEM. Sources that are known go on with their roll-over counters. */
int secure_lib_key(struct secure_slot *slot, const struct secure_dir *dir, bool protect);
enum secure_result secure_lib_result(srtp_err_status_t status);
void secure_lib_forget(struct secure_slot *slot);
