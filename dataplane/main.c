/* SPDX-License-Identifier: BSD-3-Clause */
/* limen-dataplane: started top to bottom, then the main thread looks after neighbours, the link to
 * the control plane and the clock until it is told to stop. */
#include "common/base/clock.h"
#include "common/conf/conf.h"
#include "common/log/log.h"
#include "dataplane/io/eal.h"
#include "dataplane/io/machine.h"
#include "dataplane/io/neigh.h"
#include "dataplane/io/port.h"
#include "dataplane/io/privileges.h"
#include "dataplane/io/tsc.h"
#include "dataplane/link/link.h"
#include "dataplane/media/srtp.h"
#include "dataplane/punt/kernel.h"
#include "dataplane/sip/counts.h"
#include "dataplane/worker/stats.h"
#include "dataplane/worker/worker.h"

#include <errno.h>
#include <getopt.h>
#include <rte_cycles.h>
#include <rte_launch.h>
#include <rte_mempool.h>
#include <rte_rcu_qsbr.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINK_RING_BYTES (1u << 20)
#define LINK_MESSAGES	64u /* taken in one turn */
/* Main sleeps so long when nothing waits for it, and so long when a neighbour's answer or a row of
 * counters does. */
#define MAIN_SLEEP_MS 5
#define MAIN_BUSY_MS  1
#define ANNOUNCEMENTS 3u

/* Ends of the process, as the shell sees them. */
enum { EXIT_OK = 0, EXIT_FAULT = 1, EXIT_USAGE = 2 };

static volatile sig_atomic_t stop_signal;

struct dataplane {
	struct conf *conf;
	struct realms realms;
	struct ports ports;
	struct tsc_clock clock;
	struct handoff_mesh mesh;
	struct rte_rcu_qsbr *quiet;
	struct secure_device crypto;
	struct rte_mempool *main_pool;
	struct rte_mempool *pools[CONF_WORKERS_MAX];
	struct neigh *neigh;
	struct neigh_port neigh_ports[CONF_PORTS_MAX];
	struct link *link;
	struct kernel *kernel; /* NULL: no realm has a device there */
	struct worker *workers[CONF_WORKERS_MAX];
	unsigned nrunning;
	struct drops drops; /* main's own */
	struct stats_source source;
	struct counts *counts; /* of limits, all workers' */
	struct stats_answer answer;
	struct dp_users users;
	struct privileges_state privileges;
	uint64_t adjust_ns;
	unsigned announced;
	struct log_limit conflict_limit;
	bool eal_is_up;
};

static void on_signal(int number)
{
	stop_signal = number;
}

/* DPDK's threads inherit the mask: only main hears signals. */
static void set_up_signals(sigset_t *heard)
{
	struct sigaction action = {.sa_handler = on_signal};

	sigemptyset(heard);
	sigaddset(heard, SIGTERM);
	sigaddset(heard, SIGINT);
	sigaddset(heard, SIGHUP);
	pthread_sigmask(SIG_BLOCK, heard, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static int make_dir(const char *path, const char *key, struct fault *fault)
{
	struct stat st;

	if (mkdir(path, 0750) != 0 && errno != EEXIST)
		return fault_set(
			fault, -errno,
			"%s: cannot make directory %s: %s; name another, or make it for this user",
			key, path, strerror(errno));
	if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode))
		return fault_set(fault, -ENOTDIR, "%s: %s is not a directory", key, path);
	return 0;
}

/* run_dir is the control plane's, too; the log as well, so that both can open it again. */
static int make_dirs(struct dataplane *dp, struct fault *fault)
{
	const struct conf_machine *machine = &dp->conf->machine;
	const struct privileges_user *control = &dp->users.control;
	int err = privileges_shared_dir(machine->run_dir, control->gid, control->changes);

	if (!err && dp->conf->log.file[0])
		err = privileges_give(dp->conf->log.file, control);
	if (err)
		LOG(WARN, "main", "directory or log not made ready for the control plane's user",
		    LOG_ERR(err));
	err = make_dir(machine->run_dir, "machine.run_dir", fault);
	return err ? err : make_dir(machine->state_dir, "machine.state_dir", fault);
}

static int make_pools(struct dataplane *dp, struct fault *fault)
{
	const struct conf_machine *machine = &dp->conf->machine;

	dp->main_pool = ports_pool_new(dp->conf, "main", MACHINE_MAIN_PACKETS);
	for (unsigned w = 0; dp->main_pool && w < machine->nworkers; w++) {
		char name[32];

		snprintf(name, sizeof(name), "worker-%u", w);
		dp->pools[w] = ports_pool_new(dp->conf, name, machine->mbufs);
		if (!dp->pools[w])
			break;
	}
	if (!dp->main_pool || !dp->pools[machine->nworkers - 1])
		return fault_set(fault, -ENOMEM,
				 "machine.memory_mb: DPDK has no room for %u packet buffers "
				 "(machine.mbufs) for each of %u workers: %s; "
				 "raise it, or lower machine.mbufs",
				 machine->mbufs, machine->nworkers, eal_error());
	return 0;
}

static int make_quiet(struct dataplane *dp, struct fault *fault)
{
	unsigned nworkers = dp->conf->machine.nworkers;

	dp->quiet = aligned_alloc(RTE_CACHE_LINE_SIZE, rte_rcu_qsbr_get_memsize(nworkers));
	if (!dp->quiet || rte_rcu_qsbr_init(dp->quiet, nworkers) != 0)
		return fault_set(fault, -ENOMEM, "machine: no memory for the quiet points");
	for (unsigned w = 0; w < nworkers; w++)
		(void)rte_rcu_qsbr_thread_register(dp->quiet, w);
	return 0;
}

static int make_neigh(struct dataplane *dp, uint64_t seed, struct fault *fault)
{
	struct neigh_conf conf = {
		.realms = &dp->realms,
		.ports = dp->neigh_ports,
		.nworkers = dp->conf->machine.nworkers,
		.pool = dp->main_pool,
		.park_max = dp->conf->machine.mbufs / 8, /* even if all of them are one worker's */
		.drops = &dp->drops,
		.quiet = dp->quiet,
		.seed = seed,
	};

	for (unsigned i = 0; i < dp->ports.n; i++)
		memcpy(dp->neigh_ports[i].mac, dp->ports.port[i].mac,
		       sizeof(dp->neigh_ports[i].mac));
	dp->neigh = neigh_new(&conf);
	return dp->neigh ? 0
			 : fault_set(fault, -ENOMEM, "machine: no memory for the neighbour table");
}

static int open_kernel(struct dataplane *dp, struct fault *fault)
{
	const struct kernel_conf conf = {
		.conf = dp->conf,
		.realms = &dp->realms,
		.ports = dp->neigh_ports,
		.neigh = dp->neigh,
		.pool = dp->main_pool,
		.drops = &dp->drops,
		.nworkers = dp->conf->machine.nworkers,
	};
	int err = kernel_open(&dp->kernel, &conf, fault);

	link_watch(dp->link, kernel_fd(dp->kernel));
	return err;
}

static int open_link(struct dataplane *dp, struct fault *fault)
{
	char path[128];
	int err;

	snprintf(path, sizeof(path), "%s/" CONF_DATAPLANE_SOCKET, dp->conf->machine.run_dir);
	err = link_open(&dp->link, path, dp->conf->machine.nworkers, conf_realms_hash(dp->conf),
			LINK_RING_BYTES);
	if (err == -EADDRINUSE)
		return fault_set(fault, err,
				 "machine.run_dir: another limen-dataplane is in use of %s; stop "
				 "it, or give this one its own",
				 path);
	if (!err && dp->users.control.changes)
		err = link_admit(dp->link, dp->users.self.uid, dp->users.control.uid,
				 dp->users.control.gid);
	if (err)
		return fault_set(fault, err, "machine.run_dir: cannot listen on %s: %s", path,
				 strerror(-err));
	return 0;
}

/* Without a device libsrtp2 does all, unless the config asks for one. */
static int open_crypto(struct dataplane *dp, struct fault *fault)
{
	const char *engine = dp->conf->srtp.engine;
	int err;

	dp->crypto.id = -1;
	if (strcmp(engine, "libsrtp2") == 0)
		return 0;
	err = secure_device_open(&dp->crypto, dp->conf->machine.nworkers);
	if (err && strcmp(engine, "cryptodev") == 0)
		return fault_set(fault, err,
				 "srtp.engine: there is no crypto device with a queue pair for "
				 "each of %u workers: %s; install crypto_aesni_mb's driver, or "
				 "choose auto",
				 dp->conf->machine.nworkers, eal_error());
	LOG(INFO, "main", "SRTP engine chosen", LOG_STR("engine", err ? "libsrtp2" : "cryptodev"));
	return 0;
}

static int make_workers(struct dataplane *dp, const uint64_t seed[4], struct fault *fault)
{
	const struct conf_machine *machine = &dp->conf->machine;
	uint64_t boot_unix_ns = clock_real_ns() - tsc_ns(&dp->clock, rte_rdtsc());

	dp->counts = counts_new(2 * machine->max_calls * machine->nworkers);
	if (!dp->counts)
		return fault_set(fault, -ENOMEM,
				 "machine.max_calls: no memory for the counters of limits; lower "
				 "it");
	for (unsigned w = 0; w < machine->nworkers; w++) {
		char path[256];
		struct worker_conf conf = {
			.index = w,
			.nworkers = machine->nworkers,
			.conf = dp->conf,
			.realms = &dp->realms,
			.ports = &dp->ports,
			.mesh = &dp->mesh,
			.clock = &dp->clock,
			.pool = dp->pools[w],
			.neigh = neigh_worker(dp->neigh, w),
			.link = link_worker(dp->link, w),
			.to_kernel = kernel_ring(dp->kernel, w),
			.quiet = dp->quiet,
			.crypto = &dp->crypto,
			.arena_path = path,
			.seed = {seed[0] + w, seed[1] ^ (uint64_t)w << 32},
			.shared_seed = {seed[2], seed[3]},
			.counts = dp->counts,
			.boot_unix_ns = boot_unix_ns,
		};

		snprintf(path, sizeof(path), "%s/worker-%u.arena", machine->state_dir, w);
		dp->workers[w] = worker_new(&conf, fault);
		if (!dp->workers[w])
			return -ENOMEM;
		dp->workers[w]->conf.arena_path = NULL; /* was borrowed for the start */
		LOG(DEBUG, "worker", "arena opened", LOG_U64("worker", w), LOG_STR("arena", path),
		    LOG_STR("start", dp->workers[w]->arena_start));
	}
	return 0;
}

static void watch(struct dataplane *dp)
{
	dp->source = (struct stats_source){
		.nworkers = dp->conf->machine.nworkers,
		.workers = dp->workers,
		.pools = dp->pools,
		.main_pool = dp->main_pool,
		.ports = &dp->ports,
		.mesh = &dp->mesh,
		.neigh = dp->neigh,
		.link = dp->link,
		.kernel = dp->kernel,
		.main_drops = &dp->drops,
		.counts = dp->counts,
		.privileges = &dp->privileges,
	};
}

static int launch_workers(struct dataplane *dp, struct fault *fault)
{
	for (unsigned w = 0; w < dp->conf->machine.nworkers; w++) {
		int err = rte_eal_remote_launch(worker_run, dp->workers[w], w + 1);

		if (err)
			return fault_set(
				fault, err,
				"machine.workers[%u]: the worker's thread does not start: %s", w,
				strerror(-err));
		dp->nrunning = w + 1;
	}
	return 0;
}

/* Everything there is, in this order; stop() undoes it from the end. */
static int start(struct dataplane *dp, struct fault *fault)
{
	const struct conf_machine *machine = &dp->conf->machine;
	enum machine_memory memory;
	uint64_t seed[5];
	int err;

	if (getrandom(seed, sizeof(seed), 0) != sizeof(seed))
		return fault_set(fault, -EIO, "machine: the kernel has no random numbers: %s",
				 strerror(errno));
	err = realms_init(&dp->realms, dp->conf, fault);
	if (!err)
		err = machine_check(dp->conf, &memory, fault);
	if (!err)
		err = dp_users_find(&dp->users, dp->conf, fault);
	if (!err)
		err = make_dirs(dp, fault);
	/* Before the ports are touched: a second dataplane must not take the first one's. */
	if (!err)
		err = open_link(dp, fault);
	if (err)
		return err;
	err = eal_start(dp->conf, memory, fault);
	if (err)
		return err;
	dp->eal_is_up = true;
	tsc_start(&dp->clock, rte_rdtsc(), clock_mono_ns(), rte_get_tsc_hz());
	err = make_pools(dp, fault);
	if (!err)
		err = ports_open(&dp->ports, dp->conf, dp->pools, fault);
	if (!err)
		err = make_quiet(dp, fault);
	if (!err)
		err = make_neigh(dp, seed[4], fault);
	if (!err)
		err = open_kernel(dp, fault);
	if (!err && handoff_mesh_init(&dp->mesh, &dp->realms, machine->nworkers) != 0)
		err = fault_set(
			fault, -ENOMEM,
			"machine.memory_mb: no room for the rings between the workers; raise it");
	if (!err)
		err = open_crypto(dp, fault);
	if (!err)
		err = make_workers(dp, seed, fault);
	if (!err)
		err = ports_start(&dp->ports, &dp->realms, fault);
	if (err)
		return err;
	watch(dp);
	LOG(INFO, "main", "memory chosen",
	    LOG_STR("packets", memory == MEMORY_HUGEPAGES ? "hugepages" : "plain"),
	    LOG_U64("memory_mb", machine->memory_mb));
	/* nobody has seen a packet yet, nor another process's message */
	err = dp_privileges_drop(dp->conf, &dp->users, &dp->privileges, fault);
	return err ? err : launch_workers(dp, fault);
}

static void stop(struct dataplane *dp)
{
	for (unsigned w = 0; w < dp->nrunning; w++)
		atomic_store_explicit(&dp->workers[w]->stop, true, memory_order_relaxed);
	for (unsigned w = 0; w < dp->nrunning; w++)
		rte_eal_wait_lcore(w + 1);
	for (unsigned w = 0; w < CONF_WORKERS_MAX; w++)
		worker_free(dp->workers[w]);
	if (dp->link)
		link_close(dp->link);
	handoff_mesh_fini(&dp->mesh);
	kernel_close(dp->kernel);
	counts_free(dp->counts);
	neigh_free(dp->neigh);
	ports_close(&dp->ports);
	secure_device_close(&dp->crypto);
	for (unsigned w = 0; w < CONF_WORKERS_MAX; w++)
		rte_mempool_free(dp->pools[w]);
	rte_mempool_free(dp->main_pool);
	free(dp->quiet);
	stats_fini(&dp->answer.stats);
	if (dp->eal_is_up)
		eal_stop();
}

static void take_message(void *arg, uint16_t type, const void *frame, uint32_t len)
{
	struct dataplane *dp = arg;

	if (type == IPC_STATS_ASK)
		stats_answer_ask(&dp->answer, frame, &dp->source);
}

static void tell_conflicts(struct dataplane *dp, uint64_t now_ns)
{
	struct neigh_heard claim;

	while (neigh_next_conflict(dp->neigh, &claim)) {
		struct net_endpoint address = {.addr = claim.ip, .family = claim.family};
		char text[64], mac[18];
		struct cursor c = cursor_on(text, sizeof(text));
		uint64_t held;

		if (!log_limit_pass(&dp->conflict_limit, now_ns, &held))
			continue;
		put_addr(&c, address.family, &address.addr);
		snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", claim.mac[0],
			 claim.mac[1], claim.mac[2], claim.mac[3], claim.mac[4], claim.mac[5]);
		LOG(ERROR, "neigh", "another machine uses an address of limen's",
		    LOG_STR("realm", dp->realms.realm[claim.realm].name),
		    LOG_SPAN("address", cursor_span(&c)), LOG_STR("mac", mac),
		    LOG_U64("more", held));
	}
}

static void turn(struct dataplane *dp)
{
	uint64_t now_ns = tsc_ns(&dp->clock, rte_rdtsc());
	bool busy;

	if (now_ns >= dp->adjust_ns) {
		dp->adjust_ns = now_ns + CLOCK_NS_PER_S;
		tsc_adjust(&dp->clock, rte_rdtsc(), clock_mono_ns());
		if (dp->announced++ < ANNOUNCEMENTS)
			neigh_announce(dp->neigh);
	}
	busy = kernel_turn(dp->kernel, now_ns);
	busy |= neigh_turn(dp->neigh, now_ns);
	tell_conflicts(dp, now_ns);
	link_poll(dp->link);
	busy |= link_main_receive(dp->link, take_message, dp, LINK_MESSAGES) != 0;
	busy |= stats_answer_turn(&dp->answer, dp->link);
	link_wait(dp->link, busy || neigh_is_busy(dp->neigh) ? MAIN_BUSY_MS : MAIN_SLEEP_MS);
}

static void run(struct dataplane *dp)
{
	eal_is_running(true);
	LOG(INFO, "main", "ready", LOG_STR("version", LIMEN_VERSION),
	    LOG_U64("workers", dp->nrunning), LOG_U64("ports", dp->ports.n),
	    LOG_U64("realms", dp->realms.n));
	printf("limen-dataplane ready: %u worker%s, %u port%s\n", dp->nrunning,
	       dp->nrunning == 1 ? "" : "s", dp->ports.n, dp->ports.n == 1 ? "" : "s");
	fflush(stdout);
	dp->conflict_limit = (struct log_limit){.window_ns = 60 * CLOCK_NS_PER_S, .burst = 4};
	while (stop_signal != SIGTERM && stop_signal != SIGINT) {
		if (stop_signal == SIGHUP) {
			stop_signal = 0;
			(void)log_reopen();
			LOG(INFO, "main",
			    "log opened again; what else the dataplane reads of the config takes "
			    "effect at its next start");
		}
		turn(dp);
	}
	eal_is_running(false);
	LOG(INFO, "main", "stopping",
	    LOG_STR("signal", stop_signal == SIGTERM ? "SIGTERM" : "SIGINT"));
}

static int usage(FILE *to, int status)
{
	fprintf(to, "usage: limen-dataplane --config FILE | --check --config FILE | --help | "
		    "--version\n"
		    "  --config FILE  run with this configuration\n"
		    "  --check        only look whether the configuration is good and this machine "
		    "has what it names\n");
	return status;
}

static int check(const struct conf *conf, const char *path)
{
	struct fault fault = {.text = ""};
	struct realms realms;
	enum machine_memory memory;

	if (realms_init(&realms, conf, &fault) != 0 || machine_check(conf, &memory, &fault) != 0) {
		fprintf(stderr, "limen-dataplane: %s: %s\n", path, fault.text);
		return EXIT_FAULT;
	}
	printf("%s: good; packets would lie in %s\n", path,
	       memory == MEMORY_HUGEPAGES ? "hugepages" : "plain memory");
	return EXIT_OK;
}

static int serve(struct conf *conf, const char *path)
{
	static struct dataplane dp = {.crypto.id = -1};
	struct fault fault = {.text = ""};
	sigset_t heard;
	int err;

	err = log_open("limen-dataplane", (enum log_level)log_level_from(conf->log.level),
		       (enum log_format)log_format_from(conf->log.format), conf->log.file);
	if (err) {
		fprintf(stderr, "limen-dataplane: %s: log.file: cannot open %s: %s\n", path,
			conf->log.file, strerror(-err));
		return EXIT_FAULT;
	}
	set_up_signals(&heard);
	dp.conf = conf;
	err = start(&dp, &fault);
	if (err) {
		if (conf->log.file[0]) /* else it is on stderr already */
			LOG(ERROR, "main", "cannot start", LOG_STR("reason", fault.text));
		fprintf(stderr, "limen-dataplane: %s: %s\n", path, fault.text);
	} else {
		pthread_sigmask(SIG_UNBLOCK, &heard, NULL);
		run(&dp);
	}
	stop(&dp);
	if (!err)
		LOG(INFO, "main", "stopped");
	return err ? EXIT_FAULT : EXIT_OK;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'},
		{"check", no_argument, NULL, 'k'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'v'},
		{NULL, 0, NULL, 0},
	};
	const char *path = NULL;
	bool only_check = false;
	struct conf *conf;
	int option, status;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			path = optarg;
			break;
		case 'k':
			only_check = true;
			break;
		case 'h':
			return usage(stdout, EXIT_OK);
		case 'v':
			printf("limen-dataplane %s\n", LIMEN_VERSION);
			return EXIT_OK;
		default:
			return usage(stderr, EXIT_USAGE);
		}
	}
	/* --check FILE is understood too: limen-controlplane says it so. */
	if (only_check && !path && optind < argc)
		path = argv[optind++];
	if (!path || optind < argc)
		return usage(stderr, EXIT_USAGE);
	privileges_begin();
	conf = conf_load_or_tell(path);
	if (!conf)
		return EXIT_FAULT;
	status = only_check ? check(conf, path) : serve(conf, path);
	conf_free(conf);
	return status;
}
