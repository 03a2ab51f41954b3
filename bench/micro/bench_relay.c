/* SPDX-License-Identifier: BSD-3-Clause */
/* Workers whole, from receive to transmit, fed by a source that costs no other CPU: net_pcap gives
 * the same frames again and again, their sequence numbers advanced as they come in, and what is
 * sent is dropped there. Usage: bench_relay --dir DIR [--workers N] [--seconds S] [--srtp SUITE];
 * the frames of port P, queue Q are left in DIR/P-Q.pcap, so that a forwarder can be given the
 * same. With a suite, limen encrypts: all come and go by one port, from plain peers to those with
 * keys. Worker w runs on CPU 1 - w. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_launch.h>
#include <rte_rcu_qsbr.h>
#include <rte_udp.h>

#include "common/base/clock.h"
#include "dataplane/io/csum.h"
#include "dataplane/io/eal.h"
#include "dataplane/media/srtp.h"
#include "dataplane/media/stream_cmd.h"
#include "dataplane/worker/worker.h"

#define WORKERS_MAX 2u
#define REALMS	    2u
#define PORTS_MAX   2u
#define STREAMS	    1000u /* both ways together, over all workers */
#define PORT_LOW    20000u
#define PORT_HIGH   (PORT_LOW + STREAMS - 1)
#define PAYLOAD	    172u
#define FRAME	    (42u + PAYLOAD)
#define WARM_NS	    300000000ull

struct bench {
	const char *dir;
	unsigned nworkers, nports;
	unsigned suite; /* SECURE_NONE: RTP both ways */
	double seconds;
	struct secure_device crypto;
	struct conf *conf;
	struct realms realms;
	struct ports ports;
	struct rte_mempool *main_pool, *pools[WORKERS_MAX];
	struct rte_rcu_qsbr *quiet;
	struct neigh *neigh;
	struct neigh_port neigh_ports[PORTS_MAX];
	struct handoff_mesh mesh;
	struct link *link;
	struct tsc_clock clock;
	struct drops drops;
	struct worker *workers[WORKERS_MAX];
	clockid_t cpu[WORKERS_MAX]; /* of the worker's thread */
	_Atomic unsigned nrunning;
};

static struct bench bench;

static void __attribute__((noreturn)) die(const char *what, const char *why)
{
	fprintf(stderr, "bench_relay: %s%s%s\n", what, why ? ": " : "", why ? why : "");
	exit(1);
}

/* --- frames --- */

static void put16(uint8_t *at, unsigned value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

/* From the peer of realm `p` by the port of that number, from the number of limen's port that it
 * sends to. */
static void frame_make(uint8_t frame[FRAME], unsigned p, uint16_t port)
{
	/* What net_pcap calls its devices, in turn. */
	const uint8_t mac[12] = {2, 'p', 'c', 'a', 'p', (uint8_t)p, 2, 0, 0, 0, 0, 9};
	uint8_t *ip = frame + 14, *udp = ip + 20, *rtp = udp + 8;
	uint16_t sum;

	memset(frame, 0, FRAME);
	memcpy(frame, mac, sizeof(mac));
	put16(frame + 12, RTE_ETHER_TYPE_IPV4);
	ip[0] = 0x45;
	put16(ip + 2, FRAME - 14);
	ip[8] = 64;
	ip[9] = IPPROTO_UDP;
	memcpy(ip + 12, (uint8_t[]){10, 99, (uint8_t)p, 2, 10, 99, (uint8_t)p, 1}, 8);
	sum = (uint16_t)~csum_fold(csum_words(ip, 20));
	memcpy(ip + 10, &sum, 2);
	put16(udp, port);
	put16(udp + 2, port);
	put16(udp + 4, 8 + PAYLOAD);
	rtp[0] = 0x80;
	rtp[1] = 8;
	memset(rtp + 8, 7, 4);
	memset(rtp + 12, 0xd5, PAYLOAD - 12);
	sum = csum_udp_field(csum_bytes(udp, 8 + PAYLOAD) +
			     csum_pseudo(NET_IP4, ip + 12, ip + 16, IPPROTO_UDP, 8 + PAYLOAD));
	memcpy(udp + 6, &sum, 2);
}

static void file_path(char *path, size_t bytes, unsigned p, unsigned queue)
{
	snprintf(path, bytes, "%s/%u-%u.pcap", bench.dir, p, queue);
}

/* A frame for each stream that comes by this port and belongs to this worker. */
static void file_write(unsigned p, unsigned queue)
{
	const uint32_t head[6] = {0xa1b2c3d4, 4u << 16 | 2, 0, 0, 65535, 1};
	const uint32_t record[4] = {0, 0, FRAME, FRAME};
	uint8_t frame[FRAME];
	char path[256];
	FILE *file;

	file_path(path, sizeof(path), p, queue);
	file = fopen(path, "w");
	if (!file)
		die("cannot write", path);
	fwrite(head, sizeof(head), 1, file);
	for (uint16_t port = PORT_LOW; port <= PORT_HIGH; port = (uint16_t)(port + 2)) {
		if (media_port_owner(PORT_LOW, PORT_HIGH, bench.nworkers, port) != queue)
			continue;
		frame_make(frame, p, port);
		fwrite(record, sizeof(record), 1, file);
		fwrite(frame, sizeof(frame), 1, file);
	}
	if (fclose(file) != 0)
		die("cannot write", path);
}

/* net_pcap's frames come round and round: each time with the next sequence number and timestamp.
 * The UDP checksum is let be, for a relay takes no part in it. */
struct round {
	uint32_t nframes, at;
	uint16_t seq;
	uint64_t head; /* the first 8 bytes of RTP */
} __attribute__((aligned(64)));

static void round_begin(struct round *round)
{
	round->at = 0;
	round->seq++;
	round->head = rte_cpu_to_be_64((0x80080000ull | round->seq) << 32 | 160u * round->seq);
}

static uint16_t advance(uint16_t port, uint16_t queue, struct rte_mbuf **pkts, uint16_t n,
			uint16_t max, void *arg)
{
	struct round *round = arg;

	for (uint16_t i = 0; i < n; i++) {
		memcpy(rte_pktmbuf_mtod_offset(pkts[i], void *, 42), &round->head,
		       sizeof(round->head));
		if (++round->at == round->nframes)
			round_begin(round);
	}
	return n;
}

static void sources_start(void)
{
	static struct round rounds[PORTS_MAX][WORKERS_MAX];

	for (uint16_t p = 0; p < bench.nports; p++) {
		for (uint16_t queue = 0; queue < bench.nworkers; queue++) {
			struct round *round = &rounds[p][queue];

			for (unsigned port = PORT_LOW; port <= PORT_HIGH; port += 2)
				round->nframes +=
					media_port_owner(PORT_LOW, PORT_HIGH, bench.nworkers,
							 (uint16_t)port) == queue;
			round_begin(round);
			if (!rte_eth_add_rx_callback(bench.ports.port[p].id, queue, advance, round))
				die("no callback at a port", NULL);
		}
	}
}

/* --- limen around them --- */

static void config_write(const char *path)
{
	FILE *file = fopen(path, "w");

	if (!file)
		die("cannot write", path);
	fprintf(file,
		"machine:\n  main_cpu: 0\n  workers: [%s]\n  idle_sleep_us: 1\n  memory_mb: 128\n"
		"  max_calls: %u\n  mbufs: 8191\n  state_dir: %s\n  run_dir: %s\nports:\n",
		bench.nworkers == 1 ? "1" : "1, 0", STREAMS, bench.dir, bench.dir);
	for (unsigned p = 0; p < bench.nports; p++) {
		fprintf(file, "  - {name: p%u, queues: %u, device: 'net_pcap%u,infinite_rx=1", p,
			bench.nworkers, p);
		for (unsigned queue = 0; queue < bench.nworkers; queue++) {
			char frames[256];

			file_write(p, queue);
			file_path(frames, sizeof(frames), p, queue);
			fprintf(file, ",rx_pcap=%s", frames);
		}
		fprintf(file, "'}\n");
	}
	fprintf(file, "realms:\n");
	for (unsigned r = 0; r < REALMS; r++)
		fprintf(file,
			"  - {name: r%u, port: p%u, addresses: [10.99.%u.1/24], "
			"media_ports: %u-%u}\n",
			r, r % bench.nports, r, PORT_LOW, PORT_HIGH);
	if (bench.suite)
		fprintf(file, "srtp: {engine: cryptodev, sessions: %u}\n", 4 * STREAMS);
	fclose(file);
}

static void limen_start(void)
{
	struct conf_error error;
	struct fault fault = {.text = ""};
	enum machine_memory memory;
	struct neigh_conf neigh;
	char path[256];
	unsigned n;

	snprintf(path, sizeof(path), "%s/limen.yaml", bench.dir);
	config_write(path);
	if (conf_load(path, &bench.conf, &error, 1, &n) != 0)
		die(error.key, error.reason);
	if (realms_init(&bench.realms, bench.conf, &fault) ||
	    machine_check(bench.conf, &memory, &fault) || eal_start(bench.conf, memory, &fault))
		die("start", fault.text);
	tsc_start(&bench.clock, rte_rdtsc(), clock_mono_ns(), rte_get_tsc_hz());
	bench.main_pool = ports_pool_new(bench.conf, "main", 1023);
	for (unsigned w = 0; w < bench.nworkers; w++)
		bench.pools[w] = ports_pool_new(bench.conf, w ? "w1" : "w0", 8191);
	if (!bench.main_pool || !bench.pools[bench.nworkers - 1])
		die("no memory for packets", NULL);
	if (bench.suite && secure_device_open(&bench.crypto, bench.nworkers))
		die("there is no crypto device", NULL);
	if (ports_open(&bench.ports, bench.conf, bench.pools, &fault))
		die("ports", fault.text);
	bench.quiet = aligned_alloc(64, rte_rcu_qsbr_get_memsize(bench.nworkers));
	rte_rcu_qsbr_init(bench.quiet, bench.nworkers);
	sources_start();
	for (unsigned p = 0; p < bench.nports; p++)
		memcpy(bench.neigh_ports[p].mac, bench.ports.port[p].mac, 6);
	neigh = (struct neigh_conf){
		.realms = &bench.realms,
		.ports = bench.neigh_ports,
		.nworkers = bench.nworkers,
		.pool = bench.main_pool,
		.park_max = 64,
		.drops = &bench.drops,
		.quiet = bench.quiet,
	};
	bench.neigh = neigh_new(&neigh);
	snprintf(path, sizeof(path), "%s/sock", bench.dir);
	if (!bench.neigh || link_open(&bench.link, path, bench.nworkers, 0, 1 << 20) ||
	    handoff_mesh_init(&bench.mesh, &bench.realms, bench.nworkers))
		die("no memory", NULL);
}

/* Main has asked for the realm's peer and was answered. */
static void meet_peer(unsigned r)
{
	struct neigh_worker *end = neigh_worker(bench.neigh, 0);
	struct neigh_heard heard = {
		.ip.ip = {10, 99, (uint8_t)r, 2},
		.realm = (uint8_t)r,
		.family = NET_IP4,
		.kind = NEIGH_HEARD_ANSWER,
		.has_mac = true,
		.mac = {2, 0, 0, 0, 0, 9},
	};
	struct rte_mbuf *m = rte_pktmbuf_alloc(bench.pools[0]);

	rte_pktmbuf_append(m, 60);
	pkt_of(m)->realm = (uint8_t)r;
	pkt_of(m)->family = NET_IP4;
	pkt_of(m)->dst = heard.ip;
	m->port = (uint16_t)(r % bench.nports);
	rte_ring_enqueue(end->asks, m);
	neigh_turn(bench.neigh, clock_mono_ns());
	rte_ring_enqueue_elem(end->heard, &heard, sizeof(heard));
	neigh_turn(bench.neigh, clock_mono_ns());
}

/* Pairs until the worker's ports are used up; each peer sends from limen's own port number. */
static void open_streams(struct media *media)
{
	const struct stream_local ends[2] = {{0, NET_IP4}, {1, NET_IP4}};
	struct secure_key key = {.suite = (uint8_t)bench.suite};
	uint64_t pair;

	while (stream_pair_open(media, 0, ends[0], ends[1], &pair) == 0) {
		for (unsigned side = 0; side < 2; side++) {
			struct stream_remote remote = {.may_send = true, .may_receive = true};
			struct net_endpoint rtcp;

			stream_pair_local(media, pair, side, &remote.rtp, &rtcp);
			remote.rtp.addr.ip[3] = 2;
			remote.rtcp = remote.rtp;
			remote.rtcp.port++;
			stream_pair_remote(media, 0, pair, side, &remote);
		}
		memcpy(key.key, &pair, sizeof(pair));
		if (bench.suite && stream_pair_secure(media, pair, 1, &key, &key))
			die("no room for keys", NULL);
	}
}

static void workers_make(void)
{
	struct fault fault = {.text = ""};

	for (unsigned w = 0; w < bench.nworkers; w++) {
		struct worker_conf conf = {
			.index = w,
			.nworkers = bench.nworkers,
			.conf = bench.conf,
			.realms = &bench.realms,
			.ports = &bench.ports,
			.mesh = &bench.mesh,
			.clock = &bench.clock,
			.pool = bench.pools[w],
			.neigh = neigh_worker(bench.neigh, w),
			.link = link_worker(bench.link, w),
			.quiet = bench.quiet,
			.crypto = bench.suite ? &bench.crypto : NULL,
			.seed = {1 + w, 2},
		};

		rte_rcu_qsbr_thread_register(bench.quiet, w);
		bench.workers[w] = worker_new(&conf, &fault);
		if (!bench.workers[w])
			die("worker", fault.text);
		open_streams(bench.workers[w]->media);
	}
	for (unsigned r = 0; r < REALMS; r++)
		meet_peer(r);
	if (ports_start(&bench.ports, &bench.realms, &fault))
		die("ports", fault.text);
}

/* --- the run --- */

static int run(void *arg)
{
	struct worker *worker = arg;

	pthread_getcpuclockid(pthread_self(), &bench.cpu[worker->conf.index]);
	atomic_fetch_add(&bench.nrunning, 1);
	return worker_run(worker);
}

static void sleep_ns(uint64_t ns)
{
	struct timespec t = {.tv_sec = (time_t)(ns / 1000000000),
			     .tv_nsec = (long)(ns % 1000000000)};

	nanosleep(&t, NULL);
}

struct sample {
	uint64_t ns, cpu_ns, pkts, dropped;
};

static struct sample sample_take(unsigned w)
{
	struct worker *worker = bench.workers[w];
	struct sample s = {.ns = clock_mono_ns()};
	struct timespec cpu;

	clock_gettime(bench.cpu[w], &cpu);
	s.cpu_ns = (uint64_t)cpu.tv_sec * 1000000000 + (uint64_t)cpu.tv_nsec;
	for (unsigned p = 0; p < bench.nports; p++)
		s.pkts += tx_count(worker->tx, p).pkts;
	for (unsigned i = 0; i < DROP_REASONS_END; i++)
		s.dropped += worker->drops.count[i];
	return s;
}

static void measure(void)
{
	struct sample before[WORKERS_MAX], after[WORKERS_MAX];
	double wall = 0, cpu = 0;
	uint64_t dropped = 0;

	/* Arena, streams and neighbours are made: from here on the workers' threads own them. */
	for (unsigned w = 0; w < bench.nworkers; w++)
		if (rte_eal_remote_launch(run, bench.workers[w], w + 1))
			die("the worker's thread does not start", NULL);
	while (atomic_load(&bench.nrunning) < bench.nworkers)
		sleep_ns(1000000);
	sleep_ns(WARM_NS);
	for (unsigned w = 0; w < bench.nworkers; w++)
		before[w] = sample_take(w);
	sleep_ns((uint64_t)(bench.seconds * 1e9));
	for (unsigned w = 0; w < bench.nworkers; w++) {
		double pkts;

		after[w] = sample_take(w);
		pkts = (double)(after[w].pkts - before[w].pkts);
		wall += pkts * 1e3 / (double)(after[w].ns - before[w].ns);
		cpu += pkts * 1e3 / (double)(after[w].cpu_ns - before[w].cpu_ns);
		dropped += after[w].dropped - before[w].dropped;
	}
	printf("workers %u mpps %.3f mpps_per_cpu_time %.3f dropped %" PRIu64 "\n", bench.nworkers,
	       wall, cpu, dropped);
	for (unsigned w = 0; w < bench.nworkers; w++)
		atomic_store(&bench.workers[w]->stop, true);
	rte_eal_mp_wait_lcore();
}

static unsigned suite_of(const char *name)
{
	for (unsigned suite = SECURE_NONE + 1; suite < SECURE_SUITES; suite++)
		if (strcmp(secure_suite_info(suite)->name, name) == 0)
			return suite;
	die("no such SRTP suite", name);
}

int main(int argc, char **argv)
{
	static const struct option words[] = {
		{"dir", 1, NULL, 'd'}, {"workers", 1, NULL, 'w'}, {"seconds", 1, NULL, 's'},
		{"srtp", 1, NULL, 'k'}, {0}};
	int c;

	bench.nworkers = 1;
	bench.seconds = 2;
	while ((c = getopt_long(argc, argv, "", words, NULL)) != -1) {
		if (c == 'd')
			bench.dir = optarg;
		else if (c == 'w')
			bench.nworkers = (unsigned)atoi(optarg);
		else if (c == 's')
			bench.seconds = atof(optarg);
		else if (c == 'k')
			bench.suite = suite_of(optarg);
		else
			return 2;
	}
	if (!bench.dir || bench.nworkers < 1 || bench.nworkers > WORKERS_MAX ||
	    !(bench.seconds > 0))
		die("usage: bench_relay --dir DIR [--workers 1|2] [--seconds S] [--srtp SUITE]",
		    NULL);
	bench.nports = bench.suite ? 1 : PORTS_MAX;
	limen_start();
	workers_make();
	measure();
	for (unsigned w = 0; w < bench.nworkers; w++)
		worker_free(bench.workers[w]);
	link_close(bench.link);
	handoff_mesh_fini(&bench.mesh);
	neigh_free(bench.neigh);
	ports_close(&bench.ports);
	if (bench.suite)
		secure_device_close(&bench.crypto);
	eal_stop();
	return 0;
}
