/* SPDX-License-Identifier: BSD-3-Clause */
/* Two whole workers, with their calls' state, and packets that come to the wrong one: stepped in
 * one thread, and running in two. */
#include "../../rng.h"
#include "../stage_world.h"

#include "dataplane/link/link.h"
#include "dataplane/media/stream_cmd.h"
#include "dataplane/worker/stats.h"
#include "dataplane/worker/worker.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <rte_rcu_qsbr.h>
#include <stdlib.h>
#include <unistd.h>

static struct world world;
static struct worker *workers[2];
static struct handoff_mesh mesh;
static struct tsc_clock tsc;
static struct link *control;
static char dir[] = "/tmp/stage-worker-XXXXXX";
static struct frame frame, part;
static uint64_t now_ns = 1000000000;

static void open_workers(unsigned queues)
{
	struct fault fault = {.text = ""};
	char path[64];

	world_open(&world, 2, 1500);
	for (unsigned i = 0; i < WORLD_PORTS; i++)
		world.ports.port[i].nrxq = world.ports.port[i].ntxq = (uint16_t)queues;
	cr_assert_not_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/sock", dir);
	cr_assert_eq(link_open(&control, path, 2, 0, 1 << 20), 0);
	cr_assert_eq(handoff_mesh_init(&mesh, &world.realms, 2), 0);
	for (unsigned i = 0; i < 2; i++) {
		struct worker_conf conf = {
			.index = i,
			.nworkers = 2,
			.conf = &world.conf,
			.realms = &world.realms,
			.ports = &world.ports,
			.mesh = &mesh,
			.clock = &tsc,
			.pool = world.pools[i],
			.neigh = neigh_worker(world.neigh, i),
			.link = link_worker(control, i),
			.quiet = world.quiet,
			.seed = {1 + i, 2},
			.boot_unix_ns = 1700000000000000000,
		};

		cr_assert_eq(rte_rcu_qsbr_thread_register(world.quiet, i), 0);
		workers[i] = worker_new(&conf, &fault);
		cr_assert_not_null(workers[i], "%s", fault.text);
	}
	for (unsigned realm = 0; realm < 2; realm++) {
		world_meet(&world, (uint8_t)realm, realm ? "10.99.2.2" : "10.99.1.2", peer_mac);
		world_meet(&world, (uint8_t)realm, realm ? "fd99:2::2" : "fd99:1::2", peer_mac);
	}
}

static void setup(void)
{
	open_workers(2);
}

static void setup_one_queue(void)
{
	open_workers(1);
}

static void teardown(void)
{
	char path[64];

	for (unsigned i = 0; i < 2; i++)
		worker_free(workers[i]);
	handoff_mesh_fini(&mesh);
	link_close(control);
	snprintf(path, sizeof(path), "%s/sock.lock", dir);
	unlink(path);
	rmdir(dir);
	world_close(&world);
}

TestSuite(worker, .init = setup, .fini = teardown);
TestSuite(one_queue, .init = setup_one_queue, .fini = teardown);

static void turn(unsigned i)
{
	worker_turn(workers[i], now_ns += 1000);
}

/* A call's media between realm 0 and 1, of that worker; limen's ports towards a and b. */
static void open_pair(unsigned i, uint16_t *port_a, uint16_t *port_b)
{
	struct stream_local a = {.realm = 0, .family = NET_IP4},
			    b = {.realm = 1, .family = NET_IP4};
	struct stream_remote at_a = {
		.rtp = endpoint("10.99.1.2:4000"), .may_send = true, .may_receive = true};
	struct stream_remote at_b = {
		.rtp = endpoint("10.99.2.2:4000"), .may_send = true, .may_receive = true};
	struct net_endpoint rtp, rtcp;
	uint64_t pair;

	cr_assert_eq(stream_pair_open(workers[i]->media, now_ns, a, b, &pair), 0);
	stream_pair_remote(workers[i]->media, now_ns, pair, SIDE_A, &at_a);
	stream_pair_remote(workers[i]->media, now_ns, pair, SIDE_B, &at_b);
	stream_pair_local(workers[i]->media, pair, SIDE_A, &rtp, &rtcp);
	*port_a = rtp.port;
	stream_pair_local(workers[i]->media, pair, SIDE_B, &rtp, &rtcp);
	*port_b = rtp.port;
}

static void rtp_from_a(struct frame *f, uint16_t port, uint16_t seq)
{
	uint8_t rtp[172] = {0x80, 0, (uint8_t)(seq >> 8), (uint8_t)seq, [8] = 1, 2, 3, 4};
	char to[40];

	snprintf(to, sizeof(to), "10.99.1.1:%u", port);
	frame_udp(f, "10.99.1.2:4000", to, rtp, sizeof(rtp));
}

Test(worker, media_at_the_wrong_worker_leaves_by_its_owner)
{
	for (unsigned owner = 0; owner < 2; owner++) {
		unsigned wrong = !owner;
		uint16_t port_a, port_b;

		open_pair(owner, &port_a, &port_b);
		rtp_from_a(&frame, port_a, 7);
		world_receive(&world, 0, wrong, &frame);
		turn(wrong);
		cr_expect_not(world_sent(&world, 1, wrong, &part));
		cr_expect_eq(workers[wrong]->handoff->sent, 1);
		turn(owner);
		cr_assert(world_sent(&world, 1, owner, &part), "by the owner's own queue");
		cr_expect_eq(part.len, 42 + 172);
		cr_expect_eq(part.bytes[34] << 8 | part.bytes[35], port_b);
		cr_expect_eq(memcmp(part.bytes + 42, frame.bytes + 42, 172), 0);
		/* At the right one it takes no way round. */
		world_receive(&world, 0, owner, &frame);
		turn(owner);
		cr_expect(world_sent(&world, 1, owner, &part));
		cr_expect_eq(workers[owner]->handoff->sent, owner == 1 ? 1 : 0);
	}
	cr_expect_eq(world_drops(&workers[0]->drops) + world_drops(&workers[1]->drops), 0);
}

/* An OPTIONS to limen itself, answered without a control plane; its Call-ID is chosen for the
 * owner. */
static uint32_t options(char *text, size_t bytes, unsigned owner, unsigned serial, unsigned padding)
{
	char call_id[40];

	for (unsigned n = 0;; n++) {
		snprintf(call_id, sizeof(call_id), "%u-%u@a", serial, n);
		if (sip_owner(span_str(call_id), 2) == owner)
			break;
	}
	return (uint32_t)snprintf(text, bytes,
				  "OPTIONS sip:10.99.1.1 SIP/2.0\r\n"
				  "Via: SIP/2.0/UDP 10.99.1.2:5070;branch=z9hG4bK%u\r\n"
				  "From: <sip:a@10.99.1.2>;tag=1\r\nTo: <sip:10.99.1.1>\r\n"
				  "Call-ID: %s\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\n"
				  "X-Padding: %0*d\r\nContent-Length: 0\r\n\r\n",
				  serial, call_id, padding, 1);
}

/* The worker whose queue sent an answer to it, or -1. */
static int who_answers(void)
{
	int who = -1;

	for (unsigned i = 0; i < 2; i++) {
		while (world_sent(&world, 0, i, &part)) {
			cr_expect_eq(memcmp(part.bytes + 42, "SIP/2.0 ", 8), 0);
			cr_expect_eq(part.bytes[36] << 8 | part.bytes[37], 5070);
			who = (int)i;
		}
	}
	return who;
}

static uint64_t requests_in(unsigned i)
{
	struct engine_stats stats;

	engine_stats(workers[i]->engine, &stats);
	return stats.requests_in;
}

Test(worker, sip_at_the_wrong_worker_is_answered_by_its_owner)
{
	char text[1400];

	for (unsigned i = 0; i < 8; i++) {
		unsigned owner = i & 1, arrives = i >> 1 & 1;
		uint64_t before = requests_in(owner);

		frame_udp(&frame, "10.99.1.2:5070", "10.99.1.1:5060", text,
			  options(text, sizeof(text), owner, i, 1));
		world_receive(&world, 0, arrives, &frame);
		turn(arrives);
		turn(owner);
		cr_expect_eq(requests_in(owner), before + 1);
		cr_expect_eq(who_answers(), (int)owner);
	}
	/* Without a Call-ID whoever has it deals with it. */
	frame_udp(&frame, "10.99.1.2:5070", "10.99.1.1:5060", "nonsense\r\n\r\n", 12);
	world_receive(&world, 0, 1, &frame);
	turn(1);
	cr_expect_eq(workers[1]->drops.count[DROP_SIP_PARSE], 1);
}

/* Whose dialog a Replaces names is asked of that dialog's owner: there and back over the rings. */
Test(worker, engines_ask_each_other)
{
	for (unsigned asker = 0; asker < 2; asker++) {
		char text[1400], call_id[40], named[40];
		struct engine_stats stats;
		bool told = false;
		uint32_t len;

		for (unsigned n = 0; snprintf(call_id, sizeof(call_id), "ask-%u@a", n),
			      sip_owner(span_str(call_id), 2) != asker;)
			n++;
		for (unsigned n = 0; snprintf(named, sizeof(named), "named-%u@a", n),
			      sip_owner(span_str(named), 2) == asker;)
			n++;
		len = (uint32_t)snprintf(
			text, sizeof(text),
			"INVITE sip:bob@10.99.1.1 SIP/2.0\r\n"
			"Via: SIP/2.0/UDP 10.99.1.2:5070;branch=z9hG4bKr%u\r\n"
			"From: <sip:a@10.99.1.2>;tag=1\r\nTo: <sip:bob@10.99.1.1>\r\n"
			"Call-ID: %s\r\nCSeq: 1 INVITE\r\nMax-Forwards: 70\r\n"
			"Contact: <sip:a@10.99.1.2>\r\n"
			"Replaces: %s;to-tag=1;from-tag=2\r\n"
			"Content-Length: 0\r\n\r\n",
			asker, call_id, named);
		frame_udp(&frame, "10.99.1.2:5070", "10.99.1.1:5060", text, len);
		world_receive(&world, 0, asker, &frame);
		for (unsigned turns = 0; turns < 3; turns++)
			turn(turns & 1 ? !asker : asker);
		while (world_sent(&world, 0, asker, &part))
			told |= memcmp(part.bytes + 42, "SIP/2.0 481 ", 12) == 0;
		cr_expect(told);
		engine_stats(workers[!asker]->engine, &stats);
		cr_expect_eq(stats.owner_bad, 0);
		cr_expect_geq(stats.owner_taken, 1);
	}
	cr_expect_eq(world_drops(&workers[0]->drops) + world_drops(&workers[1]->drops), 0);
}

Test(worker, fragments_that_came_apart_find_together)
{
	static char text[6000];

	for (unsigned i = 0; i < 16; i++) {
		unsigned owner = i & 1;
		uint32_t len = options(text, sizeof(text), owner, 100 + i, 3000 + 10 * i) + 8,
			 at = 0;
		uint64_t before = requests_in(owner);

		frame_udp(&frame, "10.99.1.2:5070", "10.99.1.1:5060", text, len - 8);
		for (unsigned n = 0; at < len;
		     n++, at += 1480) { /* each on another queue than the last */
			frame_fragment(&part, &frame, at, len - at < 1480 ? len - at : 1480,
				       at + 1480 < len, 1000 + i);
			world_receive(&world, 0, (n + (i >> 1)) & 1, &part);
		}
		for (unsigned n = 0; n < 3; n++) {
			turn(0);
			turn(1);
		}
		cr_expect_eq(requests_in(owner), before + 1, "message %u", i);
		cr_expect_eq(who_answers(), (int)owner);
	}
	cr_expect_eq(world_drops(&workers[0]->drops) + world_drops(&workers[1]->drops), 0);
}

Test(worker, a_full_handoff_ring_drops_and_counts)
{
	uint16_t port_a, port_b;
	unsigned n = 0;

	open_pair(1, &port_a, &port_b);
	rtp_from_a(&frame, port_a, 1);
	for (unsigned i = 0; i < 40; i++) {
		for (unsigned k = 0; k < 30; k++)
			world_receive(&world, 0, 0, &frame);
		turn(0); /* and worker 1 does not run */
	}
	cr_expect_eq(workers[0]->handoff->sent, HANDOFF_RING_PKTS - 1);
	cr_expect_eq(workers[0]->drops.count[DROP_HANDOFF_FULL], 1200 - (HANDOFF_RING_PKTS - 1));
	for (unsigned i = 0; i < 40; i++) {
		turn(1);
		while (world_sent(&world, 1, 1, &part))
			n++;
	}
	cr_expect_eq(n, HANDOFF_RING_PKTS - 1);
}

Test(worker, frames_of_main_are_sent)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(world.main_pool);

	cr_assert_not_null(m);
	memset(rte_pktmbuf_append(m, 60), 0x42, 60);
	m->port = 1;
	cr_assert_eq(rte_ring_enqueue(neigh_worker(world.neigh, 0)->frames, m), 0);
	turn(0);
	cr_assert(world_sent(&world, 1, 0, &part));
	cr_expect_eq(part.len, 60);
	cr_expect_eq(part.bytes[59], 0x42);
}

/* Ports of one queue: worker 1's packets come by worker 0 and leave by it. */
Test(one_queue, a_worker_without_a_queue_sends_by_another)
{
	uint16_t port_a, port_b;
	char text[1400];

	open_pair(1, &port_a, &port_b);
	rtp_from_a(&frame, port_a, 7);
	world_receive(&world, 0, 0, &frame);
	turn(0);
	turn(1);
	cr_expect_not(world_sent(&world, 1, 0, &part) || world_sent(&world, 1, 1, &part));
	turn(0);
	cr_assert(world_sent(&world, 1, 0, &part));
	cr_expect_eq(part.bytes[34] << 8 | part.bytes[35], port_b);
	cr_expect_eq(tx_count(workers[0]->tx, 1).pkts, 1, "counted once, where it left");
	cr_expect_eq(tx_count(workers[0]->tx, 1).bytes, part.len);
	cr_expect_eq(tx_count(workers[1]->tx, 1).pkts, 0);
	cr_expect_eq(tx_count(workers[1]->tx, 1).bytes, 0);
	frame_udp(&frame, "10.99.1.2:5070", "10.99.1.1:5060", text,
		  options(text, sizeof(text), 1, 1, 1));
	world_receive(&world, 0, 0, &frame);
	turn(0);
	turn(1);
	turn(0);
	cr_expect_eq(who_answers(), 0);
	cr_expect_eq(requests_in(1), 1);
}

Test(one_queue, when_the_other_does_not_run_packets_wait)
{
	uint16_t port_a, port_b;
	struct rte_mbuf *m;
	unsigned n = 0;

	open_pair(1, &port_a, &port_b);
	rtp_from_a(&frame, port_a, 1);
	for (unsigned i = 0; i < 1000; i++)
		world_receive(&world, 0, 0, &frame);
	for (unsigned i = 0; i < 40; i++)
		turn(0);
	for (unsigned i = 0; i < 20; i++)
		turn(1);
	cr_expect_eq(tx_queued(workers[1]->tx, 1), 0);
	for (unsigned i = 0; i < 20; i++)
		turn(0);
	while (rte_ring_dequeue(world.sent[1][0], (void **)&m) == 0) {
		rte_pktmbuf_free(m);
		n++;
	}
	cr_expect_eq(n, 1000);
}

/* A frame of every kind there is. */
static void any_frame(struct rng *rng, uint16_t media_port)
{
	static struct frame whole;
	char text[1400];

	switch (rng_next(rng) % 8) {
	case 0:
		frame_arp(&frame, 1 + rng_next(rng) % 2, peer_mac, "10.99.1.2", limen_mac[0],
			  "10.99.1.1");
		break;
	case 1:
		frame_nd(&frame, 135, 0, "fd99:1::2", "ff02::1:ff00:1", "fd99:1::1", 1, peer_mac);
		break;
	case 2:
		frame_nd(&frame, 136, 0x60000000, "fd99:1::2", "fd99:1::1", "fd99:1::2", 2,
			 peer_mac);
		break;
	case 3:
		frame_ip(&frame, "10.99.1.2", "10.99.1.1", IPPROTO_ICMP, "\10\0\0\0\1\2\3\4x", 9);
		break;
	case 4:
		rtp_from_a(&frame, media_port, (uint16_t)rng_next(rng));
		break;
	case 5:
		frame_udp(&frame, "[fd99:1::2]:5070", "[fd99:1::1]:5060", text,
			  options(text, sizeof(text), rng_next(rng) & 1, 7, 1));
		break;
	default:
		memset(text, 'y', sizeof(text));
		frame_udp(&whole, rng_next(rng) & 1 ? "10.99.1.2:5070" : "10.99.1.2:4000",
			  "10.99.1.1:5060", text, 1200);
		frame_fragment(&frame, &whole, 400 * (rng_next(rng) % 3), 400, rng_next(rng) & 1,
			       rng_next(rng) % 16);
		break;
	}
}

/* Whatever is done to frames on their way, they are answered, relayed or dropped: world_close looks
 * for packets that were kept. */
Test(worker, damaged_frames_of_every_kind)
{
	struct rng rng = {11};
	uint16_t port_a, port_b;
	struct rte_mbuf *m;
	uint64_t given = 0;

	open_pair(0, &port_a, &port_b);
	for (unsigned i = 0; i < 20000; i++) {
		any_frame(&rng, port_a);
		for (unsigned n = rng_next(&rng) % 4; n; n--)
			frame.bytes[rng_next(&rng) % (frame.len < 90 ? frame.len : 90)] =
				(uint8_t)rng_next(&rng);
		if (rng_next(&rng) % 4 == 0)
			frame_seal(&frame); /* the damage gets further */
		if (rng_next(&rng) % 8 == 0)
			frame.len = 1 + (uint32_t)(rng_next(&rng) % frame.len);
		world_receive(&world, 0, i & 1, &frame);
		given++;
		turn(i & 1);
		if (i % 16 == 0)
			world_main(&world, 1000000);
		for (unsigned port = 0; port < 2; port++)
			for (unsigned q = 0; q < 2; q++)
				while (rte_ring_dequeue(world.sent[port][q], (void **)&m) == 0)
					rte_pktmbuf_free(m);
	}
	turn(0);
	turn(1);
	cr_expect_eq(workers[0]->rx.count[0].pkts + workers[1]->rx.count[0].pkts, given);
	cr_expect_gt(workers[0]->local.arp_answered, 10);
	cr_expect_gt(workers[0]->local.nd_answered, 10);
	cr_expect_gt(workers[0]->local.echo_answered, 10);
	cr_expect_gt(tx_count(workers[0]->tx, 1).pkts, 10, "media");
}

/* --- two threads --- */

struct runner {
	struct worker *worker;
	_Atomic bool stop;
};

static void *run(void *arg)
{
	struct runner *runner = arg;
	uint64_t ns = 2000000000;

	rte_rcu_qsbr_thread_online(world.quiet, runner->worker->conf.index);
	while (!atomic_load(&runner->stop))
		worker_turn(runner->worker, ns += 1000);
	rte_rcu_qsbr_thread_offline(world.quiet, runner->worker->conf.index);
	return NULL;
}

Test(worker, two_threads_lose_nothing, .timeout = 120)
{
	enum { PKTS = 20000 };
	struct runner runners[2] = {{.worker = workers[0]}, {.worker = workers[1]}};
	pthread_t threads[2];
	uint16_t port_a[2], port_b[2];
	unsigned sent[2] = {0}, given[2] = {0};
	struct rng rng = {3};

	for (unsigned i = 0; i < 2; i++)
		open_pair(i, &port_a[i], &port_b[i]);
	for (unsigned i = 0; i < 2; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, run, &runners[i]), 0);
	for (unsigned n = 0; n < PKTS || sent[0] + sent[1] < PKTS;) {
		struct rte_mbuf *m;

		/* Not more on the way than the rings hold; the packets' owners and queues are by
		 * chance. */
		if (n < PKTS && n - sent[0] - sent[1] < 500) {
			unsigned owner = rng_next(&rng) & 1, queue = rng_next(&rng) >> 8 & 1;

			rtp_from_a(&frame, port_a[owner], (uint16_t)given[owner]++);
			world_receive(&world, 0, queue, &frame);
			n++;
		}
		for (unsigned i = 0; i < 2; i++) {
			while (rte_ring_dequeue(world.sent[1][i], (void **)&m) == 0) {
				const uint8_t *bytes = rte_pktmbuf_mtod(m, const uint8_t *);

				cr_assert_eq(bytes[34] << 8 | bytes[35], port_b[i],
					     "each by its owner");
				rte_pktmbuf_free(m);
				sent[i]++;
			}
		}
	}
	for (unsigned i = 0; i < 2; i++) {
		atomic_store(&runners[i].stop, true);
		pthread_join(threads[i], NULL);
		cr_expect_eq(sent[i], given[i]);
		cr_expect_eq(world_drops(&workers[i]->drops), 0);
		cr_expect_gt(workers[i]->handoff->taken, PKTS / 8,
			     "enough of them came to the wrong worker");
	}
	cr_expect_eq(workers[0]->handoff->sent, workers[1]->handoff->taken);
	cr_expect_eq(workers[1]->handoff->sent, workers[0]->handoff->taken);
}

/* --- counters --- */

static const struct stat_row *find_row(const struct stats *stats, const char *group,
				       const char *object, const char *name)
{
	for (unsigned i = 0; i < stats->n; i++)
		if (!strcmp(stats->rows[i].group, group) &&
		    !strcmp(stats->rows[i].object, object) && !strcmp(stats->rows[i].name, name))
			return &stats->rows[i];
	cr_assert(false, "no row %s/%s/%s", group, object, name);
	return NULL;
}

Test(worker, counters_tell_what_happened)
{
	struct stats_source source = {
		.nworkers = 2,
		.workers = workers,
		.pools = world.pools,
		.main_pool = world.main_pool,
		.ports = &world.ports,
		.mesh = &mesh,
		.neigh = world.neigh,
		.link = control,
		.main_drops = &world.main_drops,
	};
	static const char *const groups[] = {"drops", "port",  "worker", "slab",  "pool",
					     "ring",  "neigh", "sip",	 "media", "link"};
	struct stats stats = {.rows = NULL};
	uint16_t port_a, port_b;
	uint64_t used;

	open_pair(1, &port_a, &port_b);
	rtp_from_a(&frame, port_a, 1);
	world_receive(&world, 0, 0, &frame);
	frame_udp(&frame, "10.99.1.2:1", "10.99.1.1:1", "x", 1);
	world_receive(&world, 0, 0, &frame);
	turn(0);
	cr_assert_eq(stats_collect(&stats, &source), 0);
	for (unsigned g = 0; g < 10; g++) {
		bool found = false;

		for (unsigned i = 0; i < stats.n && !found; i++)
			found = !strcmp(stats.rows[i].group, groups[g]);
		cr_expect(found, "no group %s", groups[g]);
	}
	cr_expect_eq(find_row(&stats, "ring", "handoff", "used")->value, 1);
	used = find_row(&stats, "pool", "pool0", "used")->value;
	cr_expect_eq(find_row(&stats, "drops", "udp-port", "pkts")->value, 1);
	cr_expect_eq(find_row(&stats, "port", "port0", "rx_pkts")->value, 2);
	cr_expect_eq(find_row(&stats, "slab", "media_hot", "used")->value, 1);
	turn(1);
	cr_expect(world_sent(&world, 1, 1, &part));
	cr_assert_eq(stats_collect(&stats, &source), 0);
	cr_expect_eq(find_row(&stats, "ring", "handoff", "used")->value, 0);
	cr_expect_eq(find_row(&stats, "pool", "pool0", "used")->value, used - 1);
	cr_expect_eq(find_row(&stats, "port", "port1", "tx_pkts")->value, 1);
	cr_expect_eq(find_row(&stats, "worker", "1", "handoff_taken")->value, 1);
	cr_expect_eq(find_row(&stats, "media", "", "pairs")->value, 1);
	cr_expect_eq(find_row(&stats, "neigh", "", "reachable")->value, 4);
	stats_fini(&stats);
}
