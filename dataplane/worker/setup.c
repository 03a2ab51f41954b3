/* SPDX-License-Identifier: BSD-3-Clause */
/* A worker is made and freed. Main thread, before the worker runs and after. */
#include "dataplane/worker/worker.h"

#include "dataplane/media/srtp.h"
#include "dataplane/sip/sip_stage.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* Stream pairs for each call: most have one m= section, some two. */
#define PAIRS_PER_CALL 2u

#define REASSEMBLY_DATAGRAMS 256u
/* RFC 1122 asks for 60 to 120 s. What has not come within this is not coming; until then it holds
 * packets. */
#define REASSEMBLY_TIMEOUT_NS 5000000000ull

static int no_memory(struct fault *fault, unsigned worker, const char *what)
{
	return fault_set(
		fault, -ENOMEM,
		"machine.max_calls: no memory for worker %u (%s); lower it, or machine.mbufs",
		worker, what);
}

static int open_arena(struct worker *worker, unsigned *media_slab, struct fault *fault)
{
	const struct conf_machine *machine = &worker->conf.conf->machine;
	int err;

	*media_slab = engine_slab_defs(worker->slab_defs, 0, machine->max_calls);
	worker->nslabs = media_slab_defs(worker->slab_defs, *media_slab,
					 machine->max_calls * PAIRS_PER_CALL);
	/* A cold start: to go on with the calls of an earlier process is not wired yet. */
	err = arena_open(&worker->arena, worker->conf.arena_path, worker->slab_defs, worker->nslabs,
			 true, true, &worker->arena_start);
	if (err)
		return fault_set(fault, err, "machine.state_dir: worker %u's arena %s: %s (%s); %s",
				 worker->conf.index,
				 worker->conf.arena_path ? worker->conf.arena_path : "",
				 worker->arena_start, strerror(-err),
				 err == -ENOSPC || err == -ENOMEM
					 ? "make room there, or lower machine.max_calls"
					 : "name a directory on tmpfs or hugetlbfs that this user "
					   "may write");
	worker->arena_is_open = true;
	return 0;
}

static int make_media(struct worker *worker, unsigned first_slab, struct fault *fault)
{
	struct media_realm realms[CONF_REALMS_MAX] = {0};
	struct media_conf conf = {
		.worker = worker->conf.index,
		.nworkers = worker->conf.nworkers,
		.nrealms = worker->conf.realms->n,
		.realms = realms,
		.max_pairs = worker->conf.conf->machine.max_calls * PAIRS_PER_CALL,
		.seed = {{worker->conf.seed[1], ~worker->conf.seed[0]}},
	};

	for (unsigned i = 0; i < worker->conf.realms->n; i++) {
		const struct realm *realm = &worker->conf.realms->realm[i];

		realms[i] = (struct media_realm){
			.ip4 = realm->ip4.addr,
			.ip6 = realm->ip6.addr,
			.has_ip4 = realm->ip4.is_set,
			.has_ip6 = realm->ip6.is_set,
			.dscp = realm->dscp_media,
			.port_low = realm->media_port_low,
			.port_high = realm->media_port_high,
		};
	}
	worker->media = media_new(&conf, &worker->arena, first_slab, 0);
	return worker->media ? 0 : no_memory(fault, worker->conf.index, "media");
}

static enum secure_choice srtp_choice(const char *engine)
{
	if (strcmp(engine, "libsrtp2") == 0)
		return SECURE_LIBSRTP2;
	return strcmp(engine, "cryptodev") == 0 ? SECURE_CRYPTODEV : SECURE_AUTO;
}

static int make_srtp(struct worker *worker, struct fault *fault)
{
	const struct conf_srtp *srtp = &worker->conf.conf->srtp;
	struct secure_engine_conf conf = {
		/* A test's config has no such section. */
		.choice = srtp->engine ? srtp_choice(srtp->engine) : SECURE_LIBSRTP2,
		.device = worker->conf.crypto,
		.worker = worker->conf.index,
		.ndirs = media_secure_dirs(worker->media),
		.sessions = srtp->sessions,
		.pool = worker->conf.pool,
	};

	worker->srtp = secure_engine_new(&conf);
	if (!worker->srtp)
		return fault_set(fault, -ENOMEM,
				 "srtp.sessions: no memory for worker %u (SRTP); lower it, or "
				 "raise machine.memory_mb",
				 worker->conf.index);
	media_set_engine(worker->media, worker->srtp);
	return 0;
}

static struct net_endpoint sip_endpoint(const struct realm_addr *addr, uint8_t family,
					uint16_t port)
{
	if (!addr->is_set)
		return (struct net_endpoint){.family = NET_NONE};
	return (struct net_endpoint){.addr = addr->addr, .port = port, .family = family};
}

/* Where the control plane listens for connections. */
static void set_stream_endpoints(struct engine_realm *to, const struct conf_realm *from)
{
	for (unsigned t = NET_UDP + 1; t < NET_TRANSPORTS; t++) {
		enum net_transport transport = (enum net_transport)t;

		(void)conf_realm_endpoint(from, transport, NET_IP4, &to->stream4[t]);
		(void)conf_realm_endpoint(from, transport, NET_IP6, &to->stream6[t]);
	}
}

static void hand_over(void *handoff, unsigned worker, struct rte_mbuf *m)
{
	handoff_send(handoff, worker, m);
}

static int make_sip(struct worker *worker, struct fault *fault)
{
	const struct realms *realms = worker->conf.realms;

	for (unsigned i = 0; i < realms->n; i++) {
		const struct realm *realm = &realms->realm[i];

		worker->engine_realms[i] = (struct engine_realm){
			.sip4 = sip_endpoint(&realm->ip4, NET_IP4, realm->sip_port),
			.sip6 = sip_endpoint(&realm->ip6, NET_IP6, realm->sip_port),
			.dscp_sip = realm->dscp_sip,
		};
		set_stream_endpoints(&worker->engine_realms[i],
				     &worker->conf.conf->realms[i]);
	}
	worker->engine_conf = (struct engine_conf){
		.worker = worker->conf.index,
		.nworkers = worker->conf.nworkers,
		.nrealms = realms->n,
		.realms = worker->engine_realms,
		.max_calls = worker->conf.conf->machine.max_calls,
		.seed = {worker->conf.seed[0], worker->conf.seed[1]},
		.shared_seed = {worker->conf.shared_seed[0], worker->conf.shared_seed[1]},
		.boot_unix_ns = worker->conf.boot_unix_ns,
		.counts = worker->conf.counts,
	};
	if (getrandom(worker->engine_conf.secret, sizeof(worker->engine_conf.secret), 0) !=
	    sizeof(worker->engine_conf.secret))
		return fault_set(fault, -EIO, "worker %u: the kernel has no random numbers",
				 worker->conf.index);
	worker->engine = engine_new(&worker->engine_conf, &worker->arena, 0, worker->media, 0);
	explicit_bzero(worker->engine_conf.secret, sizeof(worker->engine_conf.secret));
	if (!worker->engine)
		return no_memory(fault, worker->conf.index, "signalling");
	worker->sip = sip_stage_new(worker->engine, &worker->engine_conf, worker->tx,
				    &worker->drops, worker->conf.link);
	if (!worker->sip)
		return no_memory(fault, worker->conf.index, "signalling stage");
	if (worker->handoff)
		sip_stage_set_hand(worker->sip, hand_over, worker->handoff);
	return 0;
}

static int make_stages(struct worker *worker, struct fault *fault)
{
	const struct worker_conf *conf = &worker->conf;
	struct rte_ring *carriers[CONF_PORTS_MAX] = {NULL};
	struct tx_conf tx = {
		.worker = conf->index,
		.nworkers = conf->nworkers,
		.ports = conf->ports,
		.realms = conf->realms,
		.neigh = conf->neigh,
		.pool = conf->pool,
		.drops = &worker->drops,
		.carriers = carriers,
		.seed = conf->seed[0] ^ conf->seed[1] << 1,
	};
	struct reassembly_conf reassembly = {
		.datagrams = REASSEMBLY_DATAGRAMS,
		.pkts = conf->conf->machine.mbufs / 8,
		.timeout_ns = REASSEMBLY_TIMEOUT_NS,
		.pool = conf->pool,
		.drops = &worker->drops,
		.seed = {{conf->seed[0], conf->seed[1]}},
	};

	for (unsigned i = 0; i < conf->ports->n; i++)
		if (conf->index >= conf->ports->port[i].ntxq)
			carriers[i] = conf->mesh->rings[conf->index]
						       [conf->index % conf->ports->port[i].ntxq];
	rx_init(&worker->rx, conf->ports, conf->index);
	worker->classify = (struct classify){
		.realms = conf->realms, .ports = conf->ports, .drops = &worker->drops};
	worker->local = (struct local){
		.realms = conf->realms,
		.ports = conf->ports,
		.neigh = conf->neigh,
		.drops = &worker->drops,
	};
	worker->punt = (struct punt){
		.realms = conf->realms,
		.to_main = conf->to_kernel,
		.drops = &worker->drops,
		.limit = {.hash = {{conf->seed[0], conf->seed[1]}}},
	};
	worker->tx = tx_new(&tx);
	worker->reassembly = reassembly_new(&reassembly);
	if (conf->nworkers > 1)
		worker->handoff = handoff_new(conf->mesh, conf->index, &worker->drops);
	if (!worker->tx || !worker->reassembly || (conf->nworkers > 1 && !worker->handoff))
		return no_memory(fault, conf->index, "stages");
	return 0;
}

struct worker *worker_new(const struct worker_conf *conf, struct fault *fault)
{
	struct worker *worker = aligned_alloc(64, sizeof(*worker));
	unsigned media_slab = 0;
	int err;

	if (!worker) {
		no_memory(fault, conf->index, "its own record");
		return NULL;
	}
	memset(worker, 0, sizeof(*worker));
	worker->conf = *conf;
	worker->idle_sleep_ns = (uint64_t)conf->conf->machine.idle_sleep_us * 1000;
	err = make_stages(worker, fault);
	if (!err)
		err = open_arena(worker, &media_slab, fault);
	if (!err)
		err = make_media(worker, media_slab, fault);
	if (!err)
		err = make_srtp(worker, fault);
	if (!err)
		err = make_sip(worker, fault);
	if (err) {
		worker_free(worker);
		return NULL;
	}
	return worker;
}

void worker_free(struct worker *worker)
{
	if (!worker)
		return;
	sip_stage_free(worker->sip);
	engine_free(worker->engine);
	secure_engine_free(worker->srtp);
	media_free(worker->media);
	if (worker->arena_is_open)
		arena_close(&worker->arena);
	handoff_free(worker->handoff);
	reassembly_free(worker->reassembly);
	tx_free(worker->tx);
	free(worker);
}
