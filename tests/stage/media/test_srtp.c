/* SPDX-License-Identifier: BSD-3-Clause */
/* SRTP's two engines: vectors of RFC 3711 and RFC 7714, and one held against the other on random
 * packets of all suites, forged, replayed, reordered and through wraps. */
#include "dataplane/media/srtp_priv.h"

#include <criterion/criterion.h>
#include <rte_eal.h>
#include <rte_mempool.h>

#include "../../rng.h"
#include "common/rtp/rtp.h"
#include "dataplane/io/pkt.h"

enum { DIRS = 64, MBUFS = 2047, OFF = 42, PAYLOAD_MAX = 1400, BURST_MAX = 90 };

static struct rte_mempool *pool;
static struct secure_device device;
static struct secure_engine *fast, *plain; /* the device's, and libsrtp2's */

static struct secure_engine *engine_new(enum secure_choice choice, unsigned worker)
{
	return secure_engine_new(&(struct secure_engine_conf){
		.choice = choice,
		.device = &device,
		.worker = worker,
		.ndirs = DIRS,
		.sessions = DIRS,
		.pool = pool,
	});
}

static void setup(void)
{
	static char *args[] = {"srtp", "--no-huge", "--no-pci", "--no-shconf", "--no-telemetry",
			       "-m",   "128",	    "--lcores", "0",	       "--log-level",
			       "error"};

	cr_assert_geq(rte_eal_init(sizeof(args) / sizeof(args[0]), args), 0);
	pool = rte_pktmbuf_pool_create("srtp", MBUFS, 0, PKT_PRIV_BYTES, RTE_MBUF_DEFAULT_BUF_SIZE,
				       0);
	cr_assert_not_null(pool);
	cr_assert_eq(secure_device_open(&device, 2), 0, "crypto_aesni_mb is there");
	fast = engine_new(SECURE_CRYPTODEV, 0);
	plain = engine_new(SECURE_LIBSRTP2, 1);
	cr_assert(fast && plain);
}

static void teardown(void)
{
	secure_engine_free(fast);
	secure_engine_free(plain);
	secure_device_close(&device);
	cr_expect_eq(rte_mempool_avail_count(pool), MBUFS, "a packet was kept");
}

TestSuite(srtp, .init = setup, .fini = teardown, .timeout = 120);

static void bytes_of(uint8_t *out, const char *hex)
{
	for (; *hex; hex += 2)
		cr_assert_eq(sscanf(hex, "%2hhx", out++), 1);
}

#define is_hex(bytes, hex)                                                                         \
	do {                                                                                       \
		uint8_t want[sizeof(hex) / 2];                                                     \
		bytes_of(want, hex);                                                               \
		cr_expect_arr_eq(bytes, want, sizeof(want));                                       \
	} while (0)

Test(srtp, key_derivation_of_rfc_3711_appendix_b_3)
{
	struct secure_key key = {.suite = SECURE_AES_CM_128_HMAC_SHA1_80};
	struct secure_session_keys keys;

	bytes_of(key.key, "E1F97A0D3E018BE0D64FA32C06DE4139");
	bytes_of(key.salt, "0EC675AD498AFEEBB6960B3AABE6");
	cr_assert(secure_device_derive(fast, &key, &keys));
	is_hex(keys.key, "C61E7A93744F39EE10734AFE3FF7A087");
	is_hex(keys.salt, "30CBBC08863D8C85D49DB34A9AE1");
	is_hex(keys.hmac, "CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4");
}

/* RFC 6188 section 7.4. */
Test(srtp, key_derivation_of_rfc_6188)
{
	struct secure_key key = {.suite = SECURE_AES_256_CM_HMAC_SHA1_80};
	struct secure_session_keys keys;

	bytes_of(key.key, "f0f04914b513f2763a1b1fa130f10e2998f6f6e43e4309d1e622a0e332b9f1b6");
	bytes_of(key.salt, "3b04803de51ee7c96423ab5b78d2");
	cr_assert(secure_device_derive(fast, &key, &keys));
	is_hex(keys.key, "5ba1064e30ec51613cad926c5a28ef731ec7fb397f70a960653caf06554cd8c4");
	is_hex(keys.salt, "fa31791685ca444a9e07c6c64e93");
	is_hex(keys.hmac, "fd9c32d39ed5fbb5a9dc96b30818454d1313dc05");
}

static struct rte_mbuf *packet(const void *rtp, uint16_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

	memcpy(rte_pktmbuf_append(m, (uint16_t)(OFF + len)) + OFF, rtp, len);
	return m;
}

static uint8_t *rtp_of(struct rte_mbuf *m)
{
	return rte_pktmbuf_mtod_offset(m, uint8_t *, OFF);
}

/* One packet under session keys that a vector gives. */
static struct secure_job run_with(const struct secure_session_keys *keys, struct secure_dir *dir,
				  const uint8_t *rtp, uint16_t len, bool protect)
{
	struct secure_job job = {.m = packet(rtp, len), .dir = dir, .off = OFF, .len = len};
	struct secure_job *jobs[1] = {&job};
	struct secure_slot *slot = &fast->slots[0];

	job.header = 12;
	job.index = (uint64_t)(rtp[2] << 8 | rtp[3]);
	cr_assert(secure_device_session(fast, slot, dir->key.suite, keys, 12, protect));
	slot->epoch = 1;
	fast->nsessions_free--;
	secure_device_run(fast, jobs, 1, protect);
	cr_expect_eq(job.result, SECURE_OK);
	secure_forget(fast, 0);
	return job;
}

Test(srtp, key_stream_of_rfc_3711_appendix_b_2)
{
	struct secure_dir dir = {.key.suite = SECURE_AES_CM_128_HMAC_SHA1_80};
	struct secure_session_keys keys = {0};
	uint8_t rtp[12 + 48] = {0};
	struct secure_job job;

	bytes_of(keys.key, "2B7E151628AED2A6ABF7158809CF4F3C");
	bytes_of(keys.salt, "F0F1F2F3F4F5F6F7F8F9FAFBFCFD");
	job = run_with(&keys, &dir, rtp, sizeof(rtp), true);
	cr_expect_eq(job.len, sizeof(rtp) + 10);
	is_hex(rtp_of(job.m) + 12,
	       "E03EAD0935C95E80E166B16DD92B4EB4D23513162B02D0F72A43A2FE4A5F97AB"
	       "41E95B3BB0A2E8DD477901E4FCA894C0");
	rte_pktmbuf_free(job.m);
}

static void aead_vector(unsigned suite, const char *key, const char *sealed)
{
	struct secure_dir dir = {.key.suite = (uint8_t)suite};
	struct secure_session_keys keys = {0};
	uint8_t rtp[50], want[66];
	struct secure_job job;

	bytes_of(keys.key, key);
	bytes_of(keys.salt, "517569642070726f2071756f");
	bytes_of(rtp, "8040f17b8041f8d35501a0b247616c6c696120657374206f6d6e6973206469766973"
		      "6120696e207061727465732074726573");
	bytes_of(want, sealed);
	job = run_with(&keys, &dir, rtp, sizeof(rtp), true);
	cr_expect_eq(job.len, sizeof(want));
	cr_expect_arr_eq(rtp_of(job.m), want, sizeof(want));
	rte_pktmbuf_free(job.m);
	job = run_with(&keys, &dir, want, sizeof(want), false);
	cr_expect_eq(job.len, sizeof(rtp));
	cr_expect_arr_eq(rtp_of(job.m), rtp, sizeof(rtp));
	rte_pktmbuf_free(job.m);
}

/* The sequence number of the vectors is their index: no roll-over yet. */
Test(srtp, packets_of_rfc_7714_sections_16_and_17)
{
	fast->slots[0] = (struct secure_slot){0};
	aead_vector(SECURE_AEAD_AES_128_GCM, "000102030405060708090a0b0c0d0e0f",
		    "8040f17b8041f8d35501a0b2f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5"
		    "f47a51c7d19b36de3adf8833899d7f27beb16a9152cf765ee4390cce");
	aead_vector(SECURE_AEAD_AES_256_GCM,
		    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		    "8040f17b8041f8d35501a0b232b1de78a822fe12ef9f78fa332e33aab18012389a58e2f3b50b"
		    "2a0276ffae0f1ba63799b87b7aa3db36dfffd6b0f9bb7878d7a76c13");
}

/* --- one engine against the other --- */

/* A sender and what it has sent, for the receivers to be fed from. */
struct flow {
	unsigned suite;
	struct secure_dir tx[2], rx[2]; /* at the fast engine and at libsrtp2 */
	uint32_t ssrc;
	uint64_t index;
	uint64_t epoch;
};

static void flow_key(struct flow *f, struct rng *rng)
{
	const struct secure_suite_info *suite = secure_suite_info(f->suite);
	struct secure_key key = {.suite = (uint8_t)f->suite};

	for (unsigned i = 0; i < suite->key_bytes; i++)
		key.key[i] = (uint8_t)rng_next(rng);
	for (unsigned i = 0; i < suite->salt_bytes; i++)
		key.salt[i] = (uint8_t)rng_next(rng);
	f->epoch++;
	for (unsigned i = 0; i < 2; i++) {
		f->tx[i] = (struct secure_dir){.key = key, .epoch = f->epoch};
		f->rx[i] = (struct secure_dir){.key = key, .epoch = f->epoch};
	}
	f->ssrc = (uint32_t)rng_next(rng);
	f->index = rng_below(rng, 3) ? rng_below(rng, 0x8000) : 65000;
}

/* RTP with some CSRCs and perhaps an extension; its length. */
static uint16_t rtp_make(uint8_t *rtp, const struct flow *f, struct rng *rng)
{
	unsigned csrcs = rng_below(rng, 4) ? 0 : (unsigned)rng_below(rng, 16);
	bool extended = rng_below(rng, 4) == 0;
	uint16_t len = (uint16_t)(12 + 4 * csrcs), payload = (uint16_t)rng_below(rng, 300);
	uint16_t words = (uint16_t)rng_below(rng, 8);

	memset(rtp, 0, 12);
	rtp[0] = (uint8_t)(0x80 | csrcs | (extended ? 0x10 : 0));
	rtp[1] = (uint8_t)rng_below(rng, 64);
	rtp[2] = (uint8_t)(f->index >> 8);
	rtp[3] = (uint8_t)f->index;
	for (unsigned i = 0; i < 4; i++)
		rtp[8 + i] = (uint8_t)(f->ssrc >> (24 - 8 * i));
	if (extended) {
		rtp[len + 2] = 0;
		rtp[len + 3] = (uint8_t)words;
		len = (uint16_t)(len + 4 + 4 * words);
	}
	for (unsigned i = 0; i < payload; i++)
		rtp[len + i] = (uint8_t)rng_next(rng);
	return (uint16_t)(len + payload);
}

/* A forged packet may be called a replay by an engine that has noted those before it in the burst
 * already. */
static bool is_refused(const struct secure_job *job)
{
	return job->result == SECURE_FORGED || job->result == SECURE_REPLAYED;
}

/* A burst by both engines, job by job the same. */
static void run_both(struct secure_job *jobs[2], unsigned n, bool protect, unsigned round)
{
	if (protect) {
		secure_protect(fast, jobs[0], n);
		secure_protect(plain, jobs[1], n);
	} else {
		secure_unprotect(fast, jobs[0], n);
		secure_unprotect(plain, jobs[1], n);
	}
	for (unsigned i = 0; i < n; i++) {
		const struct secure_job *a = &jobs[0][i], *b = &jobs[1][i];

		cr_assert(a->result == b->result || (is_refused(a) && is_refused(b)),
			  "round %u, job %u of %u, suite %u: %u and %u", round, i, n,
			  a->dir->key.suite, a->result, b->result);
		if (a->result != SECURE_OK)
			continue;
		cr_assert_eq(a->len, b->len, "round %u", round);
		cr_assert_eq(memcmp(rtp_of(a->m), rtp_of(b->m), a->len), 0, "round %u, suite %u",
			     round, a->dir->key.suite);
	}
}

static void jobs_free(struct secure_job *jobs[2], unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		rte_pktmbuf_free(jobs[0][i].m);
		rte_pktmbuf_free(jobs[1][i].m);
	}
}

enum { FLOWS = 12, ROUNDS = 3000 };

/* What comes next from a flow: mostly in order, some lost, some late, some again, a new source, a
 * roll-over. */
static void flow_step(struct flow *f, struct rng *rng)
{
	uint64_t kind = rng_below(rng, 100);

	if (kind < 70)
		f->index++;
	else if (kind < 80)
		f->index += rng_below(rng, 40);
	else if (kind < 90)
		f->index -= rng_below(rng, f->index < 200 ? f->index + 1 : 200);
	else if (kind < 92)
		f->index += rng_below(rng, 0x7000);
	else if (kind < 93)
		f->ssrc = 1 + (uint32_t)rng_below(rng, 6);
}

static struct secure_job job_of(struct secure_dir *dir, uint32_t id, const uint8_t *rtp,
				uint16_t len)
{
	struct secure_job job = {
		.m = packet(rtp, len), .dir = dir, .id = id, .off = OFF, .len = len};

	return job;
}

/* Of what was sealed, some is lost, damaged, sent twice, or comes later than it was sent. */
static unsigned tamper(struct secure_job *jobs[2], const struct secure_job *sealed,
		       struct flow *flows, unsigned n, struct rng *rng)
{
	unsigned order[BURST_MAX], total = 0;

	for (unsigned i = 0; i < n; i++)
		if (sealed[i].result == SECURE_OK && rng_below(rng, 20))
			order[total++] = i;
	for (unsigned i = 0; i + 1 < total; i++)
		if (rng_below(rng, 8) == 0) {
			unsigned j = i + (unsigned)rng_below(rng, total - i), swap = order[i];

			order[i] = order[j];
			order[j] = swap;
		}
	n = 0;
	for (unsigned i = 0; i < total; i++) {
		const struct secure_job *from = &sealed[order[i]];
		uint8_t bytes[PAYLOAD_MAX + 100];
		struct flow *f;
		uint16_t len;

		if (rng_below(rng, 12) == 0 && i)
			from = &sealed[order[rng_below(rng, i)]];
		f = &flows[from->id / 2];
		len = from->len;
		memcpy(bytes, rtp_of(from->m), len);
		if (rng_below(rng, 10) == 0)
			bytes[12 + rng_below(rng, len - 12u)] ^= (uint8_t)(1 << rng_below(rng, 8));
		else if (rng_below(rng, 20) == 0)
			bytes[2 + rng_below(rng, 2)] ^= (uint8_t)(1 << rng_below(rng, 8));
		else if (rng_below(rng, 40) == 0)
			len = (uint16_t)(12 + rng_below(rng, len - 12u));
		/* What is no RTP does not come so far. */
		if (!rtp_header_is_valid(bytes, len))
			continue;
		for (unsigned e = 0; e < 2; e++)
			jobs[e][n] = job_of(&f->rx[e], from->id | 1, bytes, len);
		n++;
	}
	return n;
}

Test(srtp, both_engines_say_the_same_of_every_packet)
{
	static struct flow flows[FLOWS];
	static struct secure_job sealed[2][BURST_MAX], opened[2][BURST_MAX];
	struct secure_job *tx[2] = {sealed[0], sealed[1]}, *rx[2] = {opened[0], opened[1]};
	struct rng rng = {.state = 2024};
	unsigned results[SECURE_FAULT + 1] = {0};

	for (unsigned i = 0; i < FLOWS; i++) {
		flows[i].suite = 1 + i % (SECURE_SUITES - 1);
		flow_key(&flows[i], &rng);
	}
	for (unsigned round = 0; round < ROUNDS; round++) {
		unsigned n = 1 + (unsigned)rng_below(&rng, BURST_MAX), got;

		for (unsigned i = 0; i < n; i++) {
			uint32_t which = (uint32_t)rng_below(&rng, FLOWS);
			uint8_t rtp[PAYLOAD_MAX];
			uint16_t len;

			flow_step(&flows[which], &rng);
			len = rtp_make(rtp, &flows[which], &rng);
			for (unsigned e = 0; e < 2; e++)
				tx[e][i] = job_of(&flows[which].tx[e], 2 * which, rtp, len);
		}
		run_both(tx, n, true, round);
		got = tamper(rx, sealed[0], flows, n, &rng);
		run_both(rx, got, false, round);
		for (unsigned i = 0; i < got; i++)
			results[opened[0][i].result]++;
		jobs_free(tx, n);
		jobs_free(rx, got);
		if (rng_below(&rng, 40) == 0) /* a new key */
			flow_key(&flows[rng_below(&rng, FLOWS)], &rng);
	}
	cr_expect_gt(results[SECURE_OK], 20000);
	cr_expect_gt(results[SECURE_FORGED], 1000);
	cr_expect_gt(results[SECURE_REPLAYED], 1000);
	cr_expect_gt(results[SECURE_INVALID], 10);
	cr_expect_eq(results[SECURE_FAULT], 0);
	cr_expect_eq(fast->stats.by_library, 0);
	cr_expect_eq(plain->stats.by_device, 0);
}

/* --- bounds --- */

static enum secure_result seal(struct secure_engine *engine, struct flow *f, unsigned id,
			       uint8_t *out, uint16_t *len, struct rng *rng)
{
	uint8_t rtp[PAYLOAD_MAX];
	uint16_t bytes = rtp_make(rtp, f, rng);
	struct secure_job job = job_of(&f->tx[0], id, rtp, bytes);

	secure_protect(engine, &job, 1);
	*len = job.len;
	memcpy(out, rtp_of(job.m), job.len);
	rte_pktmbuf_free(job.m);
	return job.result;
}

static enum secure_result unseal(struct secure_engine *engine, struct flow *f, unsigned id,
				 const uint8_t *bytes, uint16_t len)
{
	struct secure_job job = job_of(&f->rx[0], id, bytes, len);

	secure_unprotect(engine, &job, 1);
	rte_pktmbuf_free(job.m);
	return job.result;
}

Test(srtp, a_key_has_so_many_sources_and_no_more)
{
	struct rng rng = {.state = 8};
	uint8_t bytes[PAYLOAD_MAX + 100];
	uint16_t len;

	for (unsigned suite = 1; suite < SECURE_SUITES; suite++) {
		struct flow f = {.suite = suite, .epoch = suite};

		flow_key(&f, &rng);
		for (f.ssrc = 1; f.ssrc <= SECURE_SOURCES; f.ssrc++) {
			cr_expect_eq(seal(fast, &f, 0, bytes, &len, &rng), SECURE_OK);
			cr_expect_eq(unseal(fast, &f, 1, bytes, len), SECURE_OK);
			cr_expect_eq(unseal(fast, &f, 1, bytes, len), SECURE_REPLAYED);
		}
		cr_expect_eq(seal(fast, &f, 0, bytes, &len, &rng), SECURE_CROWDED);
		rtp_make(bytes, &f, &rng);
		cr_expect_eq(unseal(fast, &f, 1, bytes, 200), SECURE_CROWDED);
		f.ssrc = 1;
		f.index++;
		cr_expect_eq(seal(fast, &f, 0, bytes, &len, &rng), SECURE_OK);
		/* The same number again would be the same key stream again. */
		cr_expect_eq(seal(fast, &f, 0, bytes, &len, &rng), SECURE_REPLAYED);
	}
}

Test(srtp, the_library_takes_the_keys_that_the_device_has_no_room_for)
{
	struct secure_stats stats;
	struct rng rng = {.state = 9};
	struct secure_engine *small;
	uint8_t bytes[PAYLOAD_MAX + 100];
	struct flow f[4];
	uint16_t len;

	secure_engine_free(fast);
	fast = NULL;
	small = secure_engine_new(&(struct secure_engine_conf){.choice = SECURE_AUTO,
							       .device = &device,
							       .ndirs = 8,
							       .sessions = 3,
							       .pool = pool});
	cr_assert_not_null(small);
	for (unsigned i = 0; i < 4; i++) {
		f[i] = (struct flow){.suite = 1 + i, .epoch = i};
		flow_key(&f[i], &rng);
		cr_expect_eq(seal(small, &f[i], 2 * i, bytes, &len, &rng), SECURE_OK);
		cr_expect_eq(unseal(small, &f[i], 2 * i + 1, bytes, len), SECURE_OK);
	}
	secure_engine_stats(small, &stats);
	cr_expect_eq(stats.keys_device, 3, "%" PRIu64, stats.keys_device);
	cr_expect_eq(stats.keys_library, 5);
	cr_expect_eq(stats.by_device, 3);
	cr_expect_eq(stats.by_library, 5);
	/* Room again: for the next key of that direction. */
	secure_forget(small, 0);
	flow_key(&f[3], &rng);
	cr_expect_eq(seal(small, &f[3], 6, bytes, &len, &rng), SECURE_OK);
	secure_engine_stats(small, &stats);
	cr_expect_eq(stats.keys_device, 4);
	secure_engine_free(small);
}

Test(srtp, a_process_that_goes_on_knows_the_roll_over_counters)
{
	struct rng rng = {.state = 10};
	uint8_t bytes[PAYLOAD_MAX + 100];
	uint16_t len;

	for (unsigned by = 0; by < 2; by++) {
		struct secure_engine *engine = by ? plain : fast;

		for (unsigned suite = 1; suite < SECURE_SUITES; suite++) {
			struct flow f = {.suite = suite, .epoch = 100 * by + suite};

			flow_key(&f, &rng);
			f.index = 60000;
			for (unsigned n = 0; n < 10; n++, f.index += 20000) {
				cr_expect_eq(seal(engine, &f, 0, bytes, &len, &rng), SECURE_OK);
				cr_expect_eq(unseal(engine, &f, 1, bytes, len), SECURE_OK, "%u", n);
				/* All that an engine holds is gone; the records are there. */
				secure_forget(engine, 0);
				secure_forget(engine, 1);
			}
			cr_expect_eq(f.rx[0].sources[0].index >> 16, (f.index - 20000) >> 16);
		}
	}
}

Test(srtp, rtcp_there_and_back)
{
	static const uint8_t report[] = {0x80, 201, 0, 1, 1, 2, 3, 4};
	struct rng rng = {.state = 11};

	for (unsigned suite = 1; suite < SECURE_SUITES; suite++) {
		struct flow f = {.suite = suite, .epoch = suite};
		uint8_t bytes[sizeof(report) + SECURE_ROOM], again[sizeof(bytes)];
		uint32_t len = sizeof(report), sealed;

		flow_key(&f, &rng);
		memcpy(bytes, report, sizeof(report));
		cr_assert_eq(secure_rtcp_protect(fast, &f.tx[0], 0, bytes, &len), SECURE_OK);
		cr_expect_eq(len, sizeof(report) + 4 + (suite <= 2 ? 16 : 10), "index and tag");
		sealed = len;
		memcpy(again, bytes, sealed);
		bytes[9] ^= 1;
		cr_expect_eq(secure_rtcp_unprotect(fast, &f.rx[0], 1, bytes, &len), SECURE_FORGED);
		memcpy(bytes, again, sealed);
		len = sealed;
		cr_expect_eq(secure_rtcp_unprotect(fast, &f.rx[0], 1, bytes, &len), SECURE_OK);
		cr_expect_eq(len, sizeof(report));
		cr_expect_arr_eq(bytes, report, sizeof(report));
		len = sealed;
		cr_expect_eq(secure_rtcp_unprotect(fast, &f.rx[0], 1, again, &len),
			     SECURE_REPLAYED);
		len = 7;
		cr_expect_eq(secure_rtcp_unprotect(fast, &f.rx[0], 1, again, &len), SECURE_INVALID);
	}
}
