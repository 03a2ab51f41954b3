/* SPDX-License-Identifier: BSD-3-Clause */
/* Cycles that SRTP takes for a packet of 172 bytes, sealed and opened, by the crypto device and
 * by libsrtp2, both in the same run. libsrtp2 with 32 streams only: as Debian builds it, on NSS,
 * a packet takes ten times as long when there are a thousand. Usage: bench_srtp [--quick]. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>

#include "dataplane/media/srtp.h"

#define VECTOR	32u
#define FEW	32u
#define STREAMS 1000u
#define RTP	172u
#define OFF	42u
#define SESSIONS (2 * STREAMS)

static struct rte_mempool *pool;
static struct secure_device device;
static struct rte_mbuf *pkts[VECTOR];
static struct secure_dir *dirs;
static uint16_t seq;
static uint32_t next, nstreams;

static void die(const char *what)
{
	fprintf(stderr, "bench_srtp: %s\n", what);
	exit(1);
}

static void keys_set(unsigned suite, uint32_t streams)
{
	static uint64_t epoch;

	for (unsigned i = 0; i < 2 * STREAMS; i++) {
		memset(&dirs[i], 0, sizeof(dirs[i]));
		dirs[i].key.suite = (uint8_t)suite;
		memset(dirs[i].key.key, (int)(i / 2 + suite), sizeof(dirs[i].key.key));
		dirs[i].epoch = ++epoch;
	}
	seq = 0;
	next = 0;
	nstreams = streams;
}

/* RTP of the next streams in turn; jobs to seal it. */
static void rtp_make(struct secure_job *jobs)
{
	for (unsigned i = 0; i < VECTOR; i++) {
		uint8_t *rtp = rte_pktmbuf_mtod_offset(pkts[i], uint8_t *, OFF);

		memset(rtp, 0xd5, RTP);
		rtp[0] = 0x80;
		rtp[1] = 8;
		rtp[2] = (uint8_t)(seq >> 8);
		rtp[3] = (uint8_t)seq;
		jobs[i] = (struct secure_job){
			.m = pkts[i],
			.dir = &dirs[2 * next],
			.id = 2 * next,
			.off = OFF,
			.len = RTP,
		};
		next = next + 1 == nstreams ? 0 : next + 1;
		seq = (uint16_t)(seq + (next == 0));
	}
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Medians over the vectors, for one packet: what the machine took away in between counts less. */
static void measure(struct secure_engine *engine, unsigned vectors, double cycles[2])
{
	uint64_t *took[2] = {calloc(vectors, 8), calloc(vectors, 8)};
	struct secure_job jobs[VECTOR];

	for (unsigned v = 0; v < vectors + nstreams / VECTOR + 1; v++) {
		uint64_t t[3];

		rtp_make(jobs);
		t[0] = rte_rdtsc_precise();
		secure_protect(engine, jobs, VECTOR);
		t[1] = rte_rdtsc_precise();
		for (unsigned i = 0; i < VECTOR; i++) {
			if (jobs[i].result != SECURE_OK)
				die("a packet was not sealed");
			jobs[i].dir++;
			jobs[i].id++;
		}
		t[2] = rte_rdtsc_precise();
		secure_unprotect(engine, jobs, VECTOR);
		/* In the first turn keys are set up. */
		if (v > nstreams / VECTOR) {
			took[0][v - nstreams / VECTOR - 1] = t[1] - t[0];
			took[1][v - nstreams / VECTOR - 1] = rte_rdtsc_precise() - t[2];
		}
		for (unsigned i = 0; i < VECTOR; i++)
			if (jobs[i].result != SECURE_OK || jobs[i].len != RTP)
				die("a packet was not opened");
	}
	for (unsigned way = 0; way < 2; way++) {
		qsort(took[way], vectors, sizeof(took[way][0]), compare);
		cycles[way] = (double)took[way][vectors / 2] / VECTOR;
		free(took[way]);
	}
}

int main(int argc, char **argv)
{
	static char *args[] = {"bench_srtp", "--no-huge", "--no-pci", "--no-shconf", "--no-telemetry",
			       "-m",	     "256",	  "--lcores", "0",	     "--log-level",
			       "error"};
	static struct secure_engine_conf conf = {
		.device = &device, .ndirs = 2 * STREAMS, .sessions = SESSIONS};
	struct secure_engine *engines[2];
	bool quick = argc > 1 && strcmp(argv[1], "--quick") == 0;
	double ghz;

	if (rte_eal_init(sizeof(args) / sizeof(args[0]), args) < 0)
		die("EAL does not start");
	ghz = (double)rte_get_tsc_hz() / 1e9;
	pool = rte_pktmbuf_pool_create("bench", 511, 0, 64, RTE_MBUF_DEFAULT_BUF_SIZE, 0);
	dirs = calloc(2 * STREAMS, sizeof(*dirs));
	if (!pool || !dirs || rte_pktmbuf_alloc_bulk(pool, pkts, VECTOR))
		die("no memory");
	for (unsigned i = 0; i < VECTOR; i++)
		rte_pktmbuf_append(pkts[i], OFF + RTP);
	if (secure_device_open(&device, 2) != 0)
		die("there is no crypto device");
	conf.pool = pool;
	for (unsigned i = 0; i < 2; i++) {
		conf.choice = i ? SECURE_LIBSRTP2 : SECURE_CRYPTODEV;
		conf.worker = i;
		engines[i] = secure_engine_new(&conf);
		if (!engines[i])
			die("no engine");
	}
	printf("%-26s %-23s%-23s%-23s%s\n", "cycles a packet", "device, 1000 streams", "32 streams",
	       "libsrtp2, 32 streams", "ratio");
	for (unsigned suite = SECURE_NONE + 1; suite < SECURE_SUITES; suite++) {
		double many[2], few[2], lib[2];

		keys_set(suite, STREAMS);
		measure(engines[0], quick ? 1000 : 10000, many);
		keys_set(suite, FEW);
		measure(engines[0], quick ? 1000 : 10000, few);
		keys_set(suite, FEW);
		measure(engines[1], quick ? 300 : 1000, lib);
		printf("%-26s %9.1f %9.1f    %9.1f %9.1f    %9.1f %9.1f    %6.1f %6.1f\n",
		       secure_suite_info(suite)->name, many[0], many[1], few[0], few[1], lib[0],
		       lib[1], lib[0] / few[0], lib[1] / few[1]);
		if (suite == SECURE_AES_CM_128_HMAC_SHA1_80)
			printf("srtp.engine_cm_sha1_80_mpps %.3f\nsrtp.ratio_libsrtp2 %.2f\n",
			       ghz * 1e3 / many[0], lib[0] / few[0]);
		if (suite == SECURE_AEAD_AES_128_GCM)
			printf("srtp.engine_gcm_128_mpps %.3f\n", ghz * 1e3 / many[0]);
	}
	secure_engine_free(engines[0]);
	secure_engine_free(engines[1]);
	secure_device_close(&device);
	return 0;
}
