/* SPDX-License-Identifier: BSD-3-Clause */
/* Cycles that the media stage spends on a packet, with few streams and with many, and with one
 * side SRTP; the send stage left out. Usage: bench_media_stage [--plain|--srtp] [--quick] [FILE],
 * FILE being where the arena lies (on hugetlbfs, as in service; anonymous memory without). */
#include <stdio.h>
#include <stdlib.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_ether.h>
#include <rte_mempool.h>

#include "dataplane/media/media_stage.h"
#include "dataplane/media/srtp.h"
#include "../../tests/rng.h"

#define VECTOR     32u
#define ROUNDS_MAX 9u
#define PER_ROUND_MAX (1u << 20)
#define MBUFS      1023u
#define REALMS     8u
#define PAIRS_MAX  100000u
#define PAYLOAD    172u
#define DATA_OFF   RTE_PKTMBUF_HEADROOM

/* In place of the send stage: only takes the packet. */
struct tx {
	uint64_t taken;
	uint64_t sums;
};

void tx_udp(struct tx *tx, struct rte_mbuf *m, struct tx_flow *flow, uint32_t payload_sum)
{
	tx->taken++;
	tx->sums += payload_sum;
}

void tx_relay4(struct tx *tx, struct rte_mbuf *m, struct tx_flow *flow, uint16_t len,
	       uint16_t udp_csum)
{
	tx->taken++;
	tx->sums += udp_csum;
}

/* Nothing is settled here: the stage is measured, not the way round it. */
bool tx_lane_make(struct tx *tx, const struct tx_flow *flow, struct tx_lane *lane)
{
	return false;
}

/* What a packet of a stream says. */
struct source {
	struct net_endpoint peer, local;
	uint8_t realm;
	uint16_t seq;
	uint32_t timestamp;
};

struct bench {
	struct media *media;
	struct rte_mbuf *mbufs[MBUFS];
	unsigned next_mbuf;
	struct source *sources; /* two of each pair */
	uint32_t nsources;
	uint32_t *order; /* every source once, at random */
	uint32_t at;
	uint64_t now_ns;
	unsigned suite;	      /* SECURE_NONE, or that of side B's keys: then only A sends */
	struct secure_device device;
	struct rte_mempool *pool;
	struct tx tx;
	struct drops drops;
	unsigned rounds, per_round;
};

static void die(const char *what)
{
	fprintf(stderr, "bench_media_stage: %s\n", what);
	exit(1);
}

/* 10.R.0.1 and fd99:R::1, with (nearly) all ports. */
static void realms_make(struct media_realm realms[REALMS])
{
	for (unsigned i = 0; i < REALMS; i++)
		realms[i] = (struct media_realm){
			.ip4.ip = {10, (uint8_t)i, 0, 1},
			.ip6.ip = {0xfd, 0x99, 0, (uint8_t)i, [15] = 1},
			.has_ip4 = true,
			.has_ip6 = true,
			.port_low = 2000,
			.port_high = 65535,
		};
}

static void pairs_open(struct bench *b, uint32_t npairs, uint8_t family)
{
	b->nsources = 2 * npairs;
	b->sources = calloc(b->nsources, sizeof(*b->sources));
	b->order = calloc(b->nsources, sizeof(*b->order));
	if (!b->sources || !b->order)
		die("no memory");
	for (uint32_t i = 0; i < npairs; i++) {
		struct secure_key key = {.suite = (uint8_t)b->suite, .key = {(uint8_t)i, 1}};
		struct stream_local ends[2] = {{(uint8_t)(2 * i % REALMS), family},
					       {(uint8_t)(2 * i % REALMS + 1), family}};
		uint64_t pair;

		if (stream_pair_open(b->media, 0, ends[0], ends[1], &pair))
			die("no ports");
		for (unsigned side = 0; side < 2; side++) {
			struct source *source = &b->sources[2 * i + side];
			struct stream_remote remote = {.may_send = true, .may_receive = true};
			struct net_endpoint rtcp;

			stream_pair_local(b->media, pair, side, &source->local, &rtcp);
			source->realm = ends[side].realm;
			source->peer = source->local;
			source->peer.addr.ip[family == NET_IP4 ? 2 : 14] = (uint8_t)(1 + i % 200);
			source->peer.port = (uint16_t)(4000 + 2 * (i % 10000));
			remote.rtp = remote.rtcp = source->peer;
			remote.rtcp.port++;
			stream_pair_remote(b->media, 0, pair, side, &remote);
		}
		if (b->suite && stream_pair_secure(b->media, pair, SIDE_B, &key, &key))
			die("no room for keys");
	}
}

static void shuffle(struct bench *b, struct rng *rng)
{
	for (uint32_t i = 0; i < b->nsources; i++) {
		uint32_t j = (uint32_t)rng_below(rng, i + 1);

		b->order[i] = b->order[j];
		b->order[j] = i;
	}
	/* Side A's alone: each is the first of its pair. */
	if (b->suite)
		for (uint32_t i = 0; i < b->nsources; i++)
			b->order[i] &= ~1u;
}

/* As rx and classify leave it: headers of the packet and struct pkt in the cache. */
static struct rte_mbuf *packet_make(struct bench *b)
{
	struct rte_mbuf *m = b->mbufs[b->next_mbuf++ % MBUFS];
	struct source *s = &b->sources[b->order[b->at]];
	uint16_t l4_off = RTE_ETHER_HDR_LEN + (s->peer.family == NET_IP4 ? 20 : 40);
	uint8_t *rtp;

	b->at = b->at + 1 == b->nsources ? 0 : b->at + 1;
	m->data_off = DATA_OFF;
	m->data_len = (uint16_t)(l4_off + 8 + PAYLOAD);
	m->pkt_len = m->data_len;
	*pkt_of(m) = (struct pkt){
		.realm = s->realm,
		.family = s->peer.family,
		.l3_off = RTE_ETHER_HDR_LEN,
		.l4_off = l4_off,
		.payload_off = (uint16_t)(l4_off + 8),
		.payload_len = PAYLOAD,
		.src_port = s->peer.port,
		.dst_port = s->local.port,
		.udp_csum = 0x1234,
		.src = s->peer.addr,
		.dst = s->local.addr,
	};
	rtp = rte_pktmbuf_mtod_offset(m, uint8_t *, l4_off + 8);
	rtp[0] = 0x80;
	rtp[1] = 8;
	rtp[2] = (uint8_t)(s->seq >> 8);
	rtp[3] = (uint8_t)s->seq;
	for (unsigned i = 0; i < 4; i++)
		rtp[4 + i] = (uint8_t)(s->timestamp >> (24 - 8 * i));
	rtp[8] = (uint8_t)b->order[b->at];
	memset(rtp + 8, 7, 4);
	s->seq++;
	s->timestamp += 160;
	return m;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Only the stage itself is between the stamps; making packets is not. The median over the vectors,
 * so that one the machine took away from us in the middle does not count. */
static double round_cycles(struct bench *b)
{
	static double vectors[PER_ROUND_MAX / VECTOR];

	for (unsigned n = 0; n < b->per_round / VECTOR; n++) {
		struct rte_mbuf *pkts[VECTOR];
		uint64_t start;

		for (unsigned i = 0; i < VECTOR; i++)
			pkts[i] = packet_make(b);
		b->now_ns += 20000000ull * VECTOR / b->nsources;
		start = rte_rdtsc_precise();
		media_stage(b->media, &b->tx, &b->drops, pkts, VECTOR, b->now_ns);
		vectors[n] = (double)(rte_rdtsc_precise() - start) / VECTOR;
	}
	qsort(vectors, b->per_round / VECTOR, sizeof(vectors[0]), compare);
	return vectors[b->per_round / VECTOR / 2];
}

static void bench_streams(const char *path, struct bench *b, uint32_t npairs, uint8_t family)
{
	struct arena_slab_def defs[ARENA_SLABS_MAX];
	struct media_realm realms[REALMS];
	struct media_conf conf = {
		.nworkers = 1, .nrealms = REALMS, .realms = realms, .max_pairs = PAIRS_MAX};
	struct secure_engine *engine = NULL;
	struct rng rng = {.state = 1};
	double rounds[ROUNDS_MAX];
	struct arena arena;
	const char *why;

	realms_make(realms);
	if (arena_open(&arena, path, defs, media_slab_defs(defs, 0, PAIRS_MAX), true, true, &why))
		die(why);
	b->media = media_new(&conf, &arena, 0, 0);
	if (!b->media)
		die("no memory");
	if (b->suite) {
		engine = secure_engine_new(&(struct secure_engine_conf){
			.choice = SECURE_CRYPTODEV,
			.device = &b->device,
			.ndirs = media_secure_dirs(b->media),
			.sessions = 2 * npairs,
			.pool = b->pool,
		});
		if (!engine)
			die("no SRTP engine");
		media_set_engine(b->media, engine);
	}
	pairs_open(b, npairs, family);
	shuffle(b, &rng);
	b->at = 0;
	b->tx = (struct tx){0};
	round_cycles(b); /* warm */
	for (unsigned i = 0; i < b->rounds; i++)
		rounds[i] = round_cycles(b);
	if (b->tx.taken != (uint64_t)(b->rounds + 1) * b->per_round)
		die("packets were dropped");
	qsort(rounds, b->rounds, sizeof(rounds[0]), compare);
	printf("%-5s %8u streams: median %6.1f, best %6.1f, worst %6.1f cycles a packet (%.1f Mpps "
	       "at %.2f GHz)\n",
	       family == NET_IP4 ? "IPv4" : "IPv6", b->nsources, rounds[b->rounds / 2], rounds[0],
	       rounds[b->rounds - 1], (double)rte_get_tsc_hz() / rounds[b->rounds / 2] / 1e6,
	       (double)rte_get_tsc_hz() / 1e9);
	if (b->suite)
		printf("   (%s towards one side)\n", secure_suite_info(b->suite)->name);
	if (b->suite == SECURE_AES_CM_128_HMAC_SHA1_80 || b->suite == SECURE_AEAD_AES_128_GCM)
		printf("srtp.%s_mpps %.3f\n",
		       b->suite == SECURE_AEAD_AES_128_GCM ? "gcm_128" : "cm_sha1_80",
		       (double)rte_get_tsc_hz() / rounds[b->rounds / 2] / 1e6);
	secure_engine_free(engine);
	media_free(b->media);
	arena_close(&arena);
	free(b->sources);
	free(b->order);
}

int main(int argc, char **argv)
{
	static char *args[] = {"bench_media_stage",
			       "--no-huge",
			       "--no-pci",
			       "--no-shconf",
			       "--no-telemetry",
			       "-m",
			       "128",
			       "--lcores",
			       "0",
			       "--log-level",
			       "error"};
	static const uint32_t npairs[] = {500, 5000, 50000};
	static struct bench b;
	bool plain = true, srtp = true;
	const char *path = NULL;
	struct rte_mempool *pool;

	b.rounds = ROUNDS_MAX;
	b.per_round = PER_ROUND_MAX;
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--plain") == 0)
			srtp = false;
		else if (strcmp(argv[i], "--srtp") == 0)
			plain = false;
		else if (strcmp(argv[i], "--quick") == 0)
			b.rounds = 3, b.per_round = PER_ROUND_MAX / 4;
		else
			path = argv[i];
	}
	if (rte_eal_init(sizeof(args) / sizeof(args[0]), args) < 0)
		die("EAL does not start");
	pool = rte_pktmbuf_pool_create("bench", MBUFS + 8, 0, PKT_PRIV_BYTES,
				       RTE_MBUF_DEFAULT_BUF_SIZE, 0);
	if (!pool || rte_pktmbuf_alloc_bulk(pool, b.mbufs, MBUFS))
		die("no memory for packets");
	for (unsigned i = 0; plain && i < sizeof(npairs) / sizeof(npairs[0]); i++) {
		bench_streams(path, &b, npairs[i], NET_IP4);
		bench_streams(path, &b, npairs[i], NET_IP6);
	}
	b.pool = pool;
	if (secure_device_open(&b.device, 1) != 0)
		die("no crypto device");
	for (b.suite = 1; srtp && b.suite < SECURE_SUITES; b.suite++)
		bench_streams(path, &b, npairs[0], NET_IP4);
	secure_device_close(&b.device);
	return 0;
}
