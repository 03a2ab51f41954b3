/* SPDX-License-Identifier: BSD-3-Clause */
/* What both engines share: which index a packet has, whether it may come, and whose turn it is.
 * Worker threads. */
#include "dataplane/media/srtp_priv.h"

#include "common/rtp/rtp.h"

#include <errno.h>
#include <stdlib.h>

/* A jump in the numbers of one source that the next packet's index must not be guessed across. */
#define INDEX_JUMP 0x4000u

static uint16_t header_bytes(const uint8_t *rtp)
{
	uint16_t bytes = (uint16_t)(12 + 4 * (rtp[0] & 0x0f));

	if (rtp[0] & 0x10)
		bytes = (uint16_t)(bytes + 4 + 4 * (rtp[bytes + 2] << 8 | rtp[bytes + 3]));
	return bytes;
}

static uint8_t *job_rtp(const struct secure_job *job)
{
	return rte_pktmbuf_mtod_offset(job->m, uint8_t *, job->off);
}

/* What is made of the direction's key, made now where it is new. NULL: it cannot be. */
static struct secure_slot *slot_of(struct secure_engine *engine, const struct secure_dir *dir,
				   uint32_t id, bool protect)
{
	struct secure_slot *slot = &engine->slots[id];

	if (likely(slot->epoch == dir->epoch))
		return slot;
	secure_forget(engine, id);
	slot->by_device = engine->can[dir->key.suite] &&
			  secure_device_key(engine, slot, &dir->key, protect);
	if (!slot->by_device && secure_lib_key(slot, dir, protect) != 0)
		return NULL;
	slot->epoch = dir->epoch;
	if (slot->by_device)
		engine->stats.keys_device++;
	else
		engine->stats.keys_library++;
	return slot;
}

/* Header and index, and whether the packet may come. */
static enum secure_result job_begin(struct secure_job *job, bool protect)
{
	const uint8_t *rtp = job_rtp(job);
	const struct secure_suite_info *suite = secure_suite_info(job->dir->key.suite);
	struct secure_source *source = secure_source_find(job->dir, rtp_ssrc(rtp));

	job->header = header_bytes(rtp);
	if (!protect && job->len < job->header + suite->tag_bytes)
		return SECURE_INVALID;
	if (unlikely(!source && !secure_source_fits(job->dir)))
		return SECURE_CROWDED;
	job->index = secure_index_guess(source, rtp_seq(rtp));
	if (unlikely(!secure_index_is_fresh(source, job->index)))
		return SECURE_REPLAYED;
	return SECURE_OK;
}

/* The packet was authentic: its index counts, unless another with the same one was in the burst. */
static void job_end(struct secure_job *job)
{
	uint32_t ssrc = rtp_ssrc(job_rtp(job));

	if (job->result == SECURE_OK && !secure_index_note(job->dir, ssrc, job->index))
		job->result = secure_source_find(job->dir, ssrc) ? SECURE_REPLAYED : SECURE_CROWDED;
}

/* The index of a packet of a new source, or one far from the last, can be guessed only from the
 * state that those before it leave; and that of those behind it only once it has proved itself. */
static bool job_is_landmark(const struct secure_job *job)
{
	const uint8_t *rtp = job_rtp(job);
	const struct secure_source *source = secure_source_find(job->dir, rtp_ssrc(rtp));
	uint16_t ahead;

	if (!source)
		return true;
	ahead = (uint16_t)(rtp_seq(rtp) - (uint16_t)source->index);
	return ahead >= INDEX_JUMP && ahead <= UINT16_MAX - INDEX_JUMP;
}

struct burst {
	unsigned n;
	struct secure_job *jobs[SECURE_BURST];
};

static void burst_run(struct secure_engine *engine, struct burst *burst, bool protect)
{
	if (!burst->n)
		return;
	secure_device_run(engine, burst->jobs, burst->n, protect);
	engine->stats.by_device += burst->n;
	for (unsigned i = 0; !protect && i < burst->n; i++)
		job_end(burst->jobs[i]);
	burst->n = 0;
}

static void process(struct secure_engine *engine, struct secure_job *jobs, unsigned n, bool protect)
{
	struct burst burst = {.n = 0};

	for (unsigned i = 0; i < n; i++) {
		struct secure_job *job = &jobs[i];
		const uint32_t ssrc = rtp_ssrc(job_rtp(job));
		struct secure_slot *slot = slot_of(engine, job->dir, job->id, protect);
		bool is_landmark = !protect && job_is_landmark(job);

		if (unlikely(is_landmark))
			burst_run(engine, &burst, protect);
		job->result = slot ? job_begin(job, protect) : SECURE_FAULT;
		if (unlikely(job->result != SECURE_OK))
			continue;
		/* Encrypting: an index is spent when it is used, whatever becomes of the packet. */
		if (protect)
			(void)secure_index_note(job->dir, ssrc, job->index);
		if (!slot->by_device) {
			job->result = secure_lib_run(slot, job, protect);
			engine->stats.by_library++;
			if (!protect)
				job_end(job);
			continue;
		}
		if (unlikely(secure_suite_info(job->dir->key.suite)->aead &&
			     slot->header != job->header)) {
			/* The session is in use by what waits. */
			burst_run(engine, &burst, protect);
			if (!secure_device_refit(engine, slot, &job->dir->key, job->header,
						 protect)) {
				job->result = SECURE_FAULT;
				continue;
			}
		}
		burst.jobs[burst.n++] = job;
		if (is_landmark || burst.n == SECURE_BURST)
			burst_run(engine, &burst, protect);
	}
	burst_run(engine, &burst, protect);
}

void secure_protect(struct secure_engine *engine, struct secure_job *jobs, unsigned n)
{
	process(engine, jobs, n, true);
}

void secure_unprotect(struct secure_engine *engine, struct secure_job *jobs, unsigned n)
{
	process(engine, jobs, n, false);
}

/* --- RTCP --- */

/* Whether libsrtp2 may meet this source: it keeps something of each. */
static bool rtcp_source_fits(const struct secure_slot *slot, uint32_t ssrc, bool *known)
{
	*known = false;
	for (unsigned i = 0; i < slot->nrtcp && !*known; i++)
		*known = slot->rtcp[i] == ssrc;
	return *known || slot->nrtcp < SECURE_SOURCES;
}

static enum secure_result rtcp(struct secure_engine *engine, struct secure_dir *dir, uint32_t id,
			       uint8_t *bytes, uint32_t *len, bool protect)
{
	struct secure_slot *slot = slot_of(engine, dir, id, protect);
	int n = (int)*len;
	enum secure_result result;
	uint32_t ssrc;
	bool known;

	if (*len < 8)
		return SECURE_INVALID;
	ssrc = (uint32_t)bytes[4] << 24 | (uint32_t)bytes[5] << 16 | (uint32_t)bytes[6] << 8 |
	       bytes[7];
	if (!slot || (!slot->lib && secure_lib_key(slot, dir, protect) != 0))
		return SECURE_FAULT;
	if (!rtcp_source_fits(slot, ssrc, &known))
		return SECURE_CROWDED;
	result = secure_lib_result(protect ? srtp_protect_rtcp(slot->lib, bytes, &n)
					   : srtp_unprotect_rtcp(slot->lib, bytes, &n));
	if (result == SECURE_OK) {
		*len = (uint32_t)n;
		if (!known)
			slot->rtcp[slot->nrtcp++] = ssrc;
	}
	return result;
}

enum secure_result secure_rtcp_protect(struct secure_engine *engine, struct secure_dir *dir,
				       uint32_t id, uint8_t *bytes, uint32_t *len)
{
	return rtcp(engine, dir, id, bytes, len, true);
}

enum secure_result secure_rtcp_unprotect(struct secure_engine *engine, struct secure_dir *dir,
					 uint32_t id, uint8_t *bytes, uint32_t *len)
{
	return rtcp(engine, dir, id, bytes, len, false);
}

/* --- birth and death --- */

void secure_forget(struct secure_engine *engine, uint32_t id)
{
	struct secure_slot *slot = &engine->slots[id];

	if (slot->session)
		secure_device_forget(engine, slot);
	if (slot->lib)
		secure_lib_forget(slot);
	explicit_bzero(slot, sizeof(*slot));
}

struct secure_engine *secure_engine_new(const struct secure_engine_conf *conf)
{
	struct secure_engine *engine = calloc(1, sizeof(*engine));
	bool wants_device =
		conf->choice != SECURE_LIBSRTP2 && conf->device && conf->device->id >= 0;

	if (!engine)
		return NULL;
	engine->device = -1;
	engine->ndirs = conf->ndirs;
	engine->slots = calloc(conf->ndirs ? conf->ndirs : 1, sizeof(*engine->slots));
	if (!engine->slots || secure_lib_init() != 0)
		goto fail;
	if (wants_device && secure_device_engine_init(engine, conf) != 0)
		goto fail;
	if (!wants_device && conf->choice == SECURE_CRYPTODEV)
		goto fail;
	return engine;
fail:
	secure_engine_free(engine);
	return NULL;
}

void secure_engine_free(struct secure_engine *engine)
{
	if (!engine)
		return;
	for (uint32_t id = 0; engine->slots && id < engine->ndirs; id++)
		if (engine->slots[id].epoch)
			secure_forget(engine, id);
	secure_device_engine_fini(engine);
	free(engine->slots);
	free(engine);
}

void secure_engine_stats(const struct secure_engine *engine, struct secure_stats *stats)
{
	*stats = engine->stats;
}
