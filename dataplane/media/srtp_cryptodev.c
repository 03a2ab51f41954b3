/* SPDX-License-Identifier: BSD-3-Clause */
/* The engine that a DPDK crypto device is: session keys derived (RFC 3711 section 4.3), packets in
 * bursts. Device: main thread; the rest: worker threads, each with a queue pair of its own. */
/* In DPDK 22.11 the pool of sessions is still called an experiment. */
#define ALLOW_EXPERIMENTAL_API
#include "dataplane/media/srtp_priv.h"

#include <errno.h>
#include <rte_dev.h>
#include <rte_mempool.h>

#define SOFTWARE_DEVICE "crypto_aesni_mb0"
#define DESCRIPTORS	1024u
#define HMAC_KEY_BYTES	20u
#define IV_BYTES	16u
#define AEAD_IV_BYTES	12u
/* Labels of section 4.3.1. */
enum { LABEL_ENCRYPTION = 0, LABEL_AUTHENTICATION = 1, LABEL_SALT = 2 };
/* Polls after which what a device has not given back is lost with it: some seconds. */
#define POLLS_MAX 100000000u

/* Behind each operation. */
struct op_room {
	uint8_t iv[IV_BYTES];
	uint8_t tag[20];
};
#define ROOM_OFFSET (sizeof(struct rte_crypto_op) + sizeof(struct rte_crypto_sym_op))

static struct op_room *room_of(struct rte_crypto_op *op)
{
	return rte_crypto_op_ctod_offset(op, struct op_room *, ROOM_OFFSET);
}

/* --- the device --- */

int secure_device_open(struct secure_device *device, unsigned nworkers)
{
	struct rte_cryptodev_config conf = {.nb_queue_pairs = (uint16_t)nworkers};
	char args[80];

	device->id = -1;
	if (rte_cryptodev_count() == 0) {
		snprintf(args, sizeof(args), SOFTWARE_DEVICE ",max_nb_queue_pairs=%u", nworkers);
		if (rte_dev_probe(args) != 0 || rte_cryptodev_count() == 0)
			return -ENODEV;
	}
	conf.socket_id = rte_cryptodev_socket_id(0);
	if (rte_cryptodev_configure(0, &conf) != 0)
		return -ENODEV;
	for (unsigned w = 0; w < nworkers; w++) {
		struct rte_cryptodev_qp_conf queue = {.nb_descriptors = DESCRIPTORS};

		if (rte_cryptodev_queue_pair_setup(0, (uint16_t)w, &queue, conf.socket_id) != 0)
			return -ENODEV;
	}
	if (rte_cryptodev_start(0) != 0)
		return -ENODEV;
	device->id = 0;
	return 0;
}

void secure_device_close(struct secure_device *device)
{
	if (device->id < 0)
		return;
	rte_cryptodev_stop((uint8_t)device->id);
	rte_cryptodev_close((uint8_t)device->id);
	device->id = -1;
}

/* --- operations --- */

/* Through the device and back. False: it gave them not all back. */
static bool ops_run(struct secure_engine *engine, struct rte_crypto_op **ops, unsigned n)
{
	struct rte_crypto_op *done[SECURE_BURST];
	unsigned sent = 0, back = 0;

	for (unsigned polls = 0; back < n && polls < POLLS_MAX; polls++) {
		if (sent < n)
			sent += rte_cryptodev_enqueue_burst((uint8_t)engine->device, engine->queue,
							    ops + sent, (uint16_t)(n - sent));
		back += rte_cryptodev_dequeue_burst((uint8_t)engine->device, engine->queue, done,
						    (uint16_t)(n - back));
	}
	return back == n;
}

static void op_prepare(struct rte_crypto_op *op, void *session, struct rte_mbuf *m)
{
	op->status = RTE_CRYPTO_OP_STATUS_NOT_PROCESSED;
	op->sess_type = RTE_CRYPTO_OP_WITH_SESSION;
	op->sym->session = session;
	op->sym->m_src = m;
	op->sym->m_dst = NULL;
}

/* Section 4.1.1: salt, SSRC and index, each where it belongs, and a block counter of zero. */
static void counter_iv(uint8_t iv[IV_BYTES], const uint8_t salt[SECURE_SALT_MAX],
		       const uint8_t *rtp, uint64_t index)
{
	memcpy(iv, salt, SECURE_SALT_MAX);
	iv[14] = iv[15] = 0;
	for (unsigned i = 0; i < 4; i++)
		iv[4 + i] ^= rtp[8 + i];
	for (unsigned i = 0; i < 6; i++)
		iv[8 + i] ^= (uint8_t)(index >> (40 - 8 * i));
}

/* RFC 7714 section 8.1. */
static void aead_iv(uint8_t iv[IV_BYTES], const uint8_t salt[SECURE_SALT_MAX], const uint8_t *rtp,
		    uint64_t index)
{
	memcpy(iv, salt, AEAD_IV_BYTES);
	for (unsigned i = 0; i < 4; i++)
		iv[2 + i] ^= rtp[8 + i];
	for (unsigned i = 0; i < 6; i++)
		iv[6 + i] ^= (uint8_t)(index >> (40 - 8 * i));
}

static void op_aead(struct rte_crypto_op *op, const struct secure_slot *slot,
		    const struct secure_job *job, unsigned tag, bool protect)
{
	uint8_t *rtp = rte_pktmbuf_mtod_offset(job->m, uint8_t *, job->off);
	unsigned payload = job->len - job->header - (protect ? 0 : tag);

	aead_iv(room_of(op)->iv, slot->salt, rtp, job->index);
	op->sym->aead.data.offset = (uint32_t)job->off + job->header;
	op->sym->aead.data.length = payload;
	op->sym->aead.aad.data = rtp;
	op->sym->aead.digest.data = rtp + job->header + payload;
}

/* What is authenticated ends with the roll-over counter (section 4.2), which is not sent: it lies
 * where the tag goes while the device looks. */
static void op_counter(struct rte_crypto_op *op, const struct secure_slot *slot,
		       const struct secure_job *job, unsigned tag, bool protect)
{
	uint8_t *rtp = rte_pktmbuf_mtod_offset(job->m, uint8_t *, job->off);
	unsigned len = job->len - (protect ? 0 : tag);
	struct op_room *room = room_of(op);
	uint32_t roc = rte_cpu_to_be_32((uint32_t)(job->index >> 16));

	counter_iv(room->iv, slot->salt, rtp, job->index);
	if (!protect)
		memcpy(room->tag, rtp + len, tag);
	memcpy(rtp + len, &roc, sizeof(roc));
	op->sym->cipher.data.offset = (uint32_t)job->off + job->header;
	op->sym->cipher.data.length = len - job->header;
	op->sym->auth.data.offset = job->off;
	op->sym->auth.data.length = len + (uint32_t)sizeof(roc);
	op->sym->auth.digest.data = room->tag;
}

void secure_device_run(struct secure_engine *engine, struct secure_job *const *jobs, unsigned n,
		       bool protect)
{
	for (unsigned i = 0; i < n; i++) {
		const struct secure_job *job = jobs[i];
		const struct secure_suite_info *suite = secure_suite_info(job->dir->key.suite);
		const struct secure_slot *slot = &engine->slots[job->id];

		op_prepare(engine->ops[i], slot->session, job->m);
		if (suite->aead)
			op_aead(engine->ops[i], slot, job, suite->tag_bytes, protect);
		else
			op_counter(engine->ops[i], slot, job, suite->tag_bytes, protect);
	}
	if (!ops_run(engine, engine->ops, n)) {
		for (unsigned i = 0; i < n; i++)
			jobs[i]->result = SECURE_FAULT;
		return;
	}
	for (unsigned i = 0; i < n; i++) {
		struct secure_job *job = jobs[i];
		const struct secure_suite_info *suite = secure_suite_info(job->dir->key.suite);
		const struct rte_crypto_op *op = engine->ops[i];

		if (unlikely(op->status != RTE_CRYPTO_OP_STATUS_SUCCESS)) {
			job->result = op->status == RTE_CRYPTO_OP_STATUS_AUTH_FAILED ? SECURE_FORGED
										    : SECURE_FAULT;
			continue;
		}
		if (protect && !suite->aead)
			memcpy(rte_pktmbuf_mtod_offset(job->m, uint8_t *, job->off + job->len),
			       room_of(engine->ops[i])->tag, suite->tag_bytes);
		job->len = (uint16_t)(protect ? job->len + suite->tag_bytes
					      : job->len - suite->tag_bytes);
	}
}

/* --- keys --- */

static struct rte_crypto_sym_xform cipher_xform(const uint8_t *key, unsigned bytes, bool encrypt)
{
	return (struct rte_crypto_sym_xform){
		.type = RTE_CRYPTO_SYM_XFORM_CIPHER,
		.cipher = {
			.op = encrypt ? RTE_CRYPTO_CIPHER_OP_ENCRYPT : RTE_CRYPTO_CIPHER_OP_DECRYPT,
			.algo = RTE_CRYPTO_CIPHER_AES_CTR,
			.key = {.data = key, .length = (uint16_t)bytes},
			.iv = {.offset = ROOM_OFFSET, .length = IV_BYTES},
		},
	};
}

static void *session_make(struct secure_engine *engine, struct rte_crypto_sym_xform *xform)
{
	return rte_cryptodev_sym_session_create((uint8_t)engine->device, xform, engine->sessions);
}

static void session_free(struct secure_engine *engine, void *session)
{
	(void)rte_cryptodev_sym_session_free((uint8_t)engine->device, session);
}

/* Section 4.3.3: the key stream of the master key from x = salt XOR label << 48 on. `master` is a
 * session for AES-CTR under it. */
static bool derive(struct secure_engine *engine, void *master, const struct secure_key *key,
		   uint8_t label, uint8_t *out, unsigned bytes)
{
	struct rte_crypto_op *op = engine->ops[0];
	uint8_t *stream = rte_pktmbuf_mtod(engine->scratch, uint8_t *);
	struct op_room *room = room_of(op);
	bool done;

	memset(stream, 0, SECURE_KEY_MAX);
	memcpy(room->iv, key->salt, SECURE_SALT_MAX);
	room->iv[7] ^= label;
	room->iv[14] = room->iv[15] = 0;
	op_prepare(op, master, engine->scratch);
	op->sym->cipher.data.offset = 0;
	op->sym->cipher.data.length = SECURE_KEY_MAX;
	done = ops_run(engine, &op, 1) && op->status == RTE_CRYPTO_OP_STATUS_SUCCESS;
	memcpy(out, stream, bytes);
	explicit_bzero(stream, SECURE_KEY_MAX);
	return done;
}

static void *session_aead(struct secure_engine *engine, const uint8_t *session_key, unsigned bytes,
			  uint16_t header, bool protect)
{
	struct rte_crypto_sym_xform aead = {
		.type = RTE_CRYPTO_SYM_XFORM_AEAD,
		.aead = {
			.op = protect ? RTE_CRYPTO_AEAD_OP_ENCRYPT : RTE_CRYPTO_AEAD_OP_DECRYPT,
			.algo = RTE_CRYPTO_AEAD_AES_GCM,
			.key = {.data = session_key, .length = (uint16_t)bytes},
			.iv = {.offset = ROOM_OFFSET, .length = AEAD_IV_BYTES},
			.aad_length = header,
			.digest_length = SECURE_TAG_MAX,
		},
	};

	return session_make(engine, &aead);
}

static void *session_counter(struct secure_engine *engine, const uint8_t *session_key,
			     const uint8_t *hmac_key, const struct secure_suite_info *suite,
			     bool protect)
{
	struct rte_crypto_sym_xform cipher = cipher_xform(session_key, suite->key_bytes, protect);
	struct rte_crypto_sym_xform auth = {
		.type = RTE_CRYPTO_SYM_XFORM_AUTH,
		.auth = {
			.op = protect ? RTE_CRYPTO_AUTH_OP_GENERATE : RTE_CRYPTO_AUTH_OP_VERIFY,
			.algo = RTE_CRYPTO_AUTH_SHA1_HMAC,
			.key = {.data = hmac_key, .length = HMAC_KEY_BYTES},
			.digest_length = suite->tag_bytes,
		},
	};

	/* Encrypted, then authenticated; and back in the other order. */
	cipher.next = protect ? &auth : NULL;
	auth.next = protect ? NULL : &cipher;
	return session_make(engine, protect ? &cipher : &auth);
}

bool secure_device_derive(struct secure_engine *engine, const struct secure_key *key,
			  struct secure_session_keys *keys)
{
	const struct secure_suite_info *suite = secure_suite_info(key->suite);
	struct rte_crypto_sym_xform xform = cipher_xform(key->key, suite->key_bytes, true);
	void *master = session_make(engine, &xform);
	bool done;

	memset(keys, 0, sizeof(*keys));
	if (!master)
		return false;
	done = derive(engine, master, key, LABEL_ENCRYPTION, keys->key, suite->key_bytes) &&
	       derive(engine, master, key, LABEL_AUTHENTICATION, keys->hmac, HMAC_KEY_BYTES) &&
	       derive(engine, master, key, LABEL_SALT, keys->salt, suite->salt_bytes);
	session_free(engine, master);
	return done;
}

bool secure_device_session(struct secure_engine *engine, struct secure_slot *slot, unsigned suite,
			   const struct secure_session_keys *keys, uint16_t header, bool protect)
{
	const struct secure_suite_info *info = secure_suite_info(suite);

	slot->header = header;
	memcpy(slot->salt, keys->salt, sizeof(slot->salt));
	slot->session =
		info->aead ? session_aead(engine, keys->key, info->key_bytes, header, protect)
			   : session_counter(engine, keys->key, keys->hmac, info, protect);
	return slot->session != NULL;
}

/* All session keys of `key`, and a session with them. */
static bool key_make(struct secure_engine *engine, struct secure_slot *slot,
		     const struct secure_key *key, uint16_t header, bool protect)
{
	struct secure_session_keys keys;
	bool made;

	slot->session = NULL;
	slot->header = 0;
	if (!engine->nsessions_free)
		return false;
	made = secure_device_derive(engine, key, &keys) &&
	       secure_device_session(engine, slot, key->suite, &keys, header, protect);
	explicit_bzero(&keys, sizeof(keys));
	engine->nsessions_free -= made;
	return made;
}

bool secure_device_key(struct secure_engine *engine, struct secure_slot *slot,
		       const struct secure_key *key, bool protect)
{
	return key_make(engine, slot, key, 12, protect);
}

bool secure_device_refit(struct secure_engine *engine, struct secure_slot *slot,
			 const struct secure_key *key, uint16_t header, bool protect)
{
	if (slot->session)
		secure_device_forget(engine, slot);
	return key_make(engine, slot, key, header, protect);
}

void secure_device_forget(struct secure_engine *engine, struct secure_slot *slot)
{
	session_free(engine, slot->session);
	slot->session = NULL;
	engine->nsessions_free++;
}

/* --- an engine's end of the device --- */

/* A suite is the device's where a session of it can be made. */
static void probe(struct secure_engine *engine)
{
	for (unsigned suite = SECURE_NONE + 1; suite < SECURE_SUITES; suite++) {
		const struct secure_key key = {.suite = (uint8_t)suite};
		struct secure_slot slot = {0};

		engine->can[suite] = key_make(engine, &slot, &key, 12, true);
		if (slot.session)
			secure_device_forget(engine, &slot);
	}
}

int secure_device_engine_init(struct secure_engine *engine, const struct secure_engine_conf *conf)
{
	uint8_t id = (uint8_t)conf->device->id;
	int socket = rte_cryptodev_socket_id(id);
	char name[32];

	engine->device = id;
	engine->queue = (uint16_t)conf->worker;
	engine->nsessions_free = conf->sessions;
	snprintf(name, sizeof(name), "srtp-keys-%u", conf->worker);
	/* One more than asked for: the master key's while session keys are made. */
	engine->sessions = rte_cryptodev_sym_session_pool_create(
		name, conf->sessions + 1, rte_cryptodev_sym_get_private_session_size(id), 0, 0,
		socket);
	snprintf(name, sizeof(name), "srtp-ops-%u", conf->worker);
	engine->ops_pool = rte_crypto_op_pool_create(name, RTE_CRYPTO_OP_TYPE_SYMMETRIC,
						     SECURE_BURST, 0, sizeof(struct op_room),
						     socket);
	if (!engine->sessions || !engine->ops_pool ||
	    rte_crypto_op_bulk_alloc(engine->ops_pool, RTE_CRYPTO_OP_TYPE_SYMMETRIC, engine->ops,
				     SECURE_BURST) != SECURE_BURST)
		return -ENOMEM;
	engine->scratch = rte_pktmbuf_alloc(conf->pool);
	if (!engine->scratch || !rte_pktmbuf_append(engine->scratch, SECURE_KEY_MAX))
		return -ENOMEM;
	probe(engine);
	return 0;
}

void secure_device_engine_fini(struct secure_engine *engine)
{
	rte_pktmbuf_free(engine->scratch);
	if (engine->ops_pool && engine->ops[0])
		rte_mempool_put_bulk(engine->ops_pool, (void **)engine->ops, SECURE_BURST);
	rte_mempool_free(engine->ops_pool);
	rte_mempool_free(engine->sessions);
}
