/* SPDX-License-Identifier: BSD-3-Clause */
/* The dataplane's end against control planes that die, stall and lie. A main thread and two workers
 * as in limen-dataplane; the test is the control plane. Argument: the program ipc_control_peer,
 * which is a real one. */
#include "dataplane/link/link.h"
#include "raw_peer.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/stat.h>

static const char *control_peer;
static char dir[100], path[120];
static struct link *link_;

/* The dataplane: what its threads have seen. */
struct end {
	unsigned number; /* 0: main */
	pthread_t thread;
	_Atomic uint64_t turns, epoch, handled, last_type, blocked, sent;
	_Atomic bool talk; /* send a message each turn */
};
static struct end ends[1 + RAW_WORKERS];
static _Atomic bool stop;

static void on_message(void *arg, uint16_t type, const void *frame, uint32_t len)
{
	struct end *end = arg;

	/* What the handler may rely on. */
	CHECK(ipc_msg_check(IPC_SIDE_CONTROLPLANE, end->number ? IPC_RING_WORKER : IPC_RING_MAIN,
			    type, frame, len) == 0);
	end->handled++;
	end->last_type = type;
}

static void talk(struct end *end)
{
	struct ipc_ask_gone gone = {.ask_id = end->sent};
	struct ipc_list_end list_end = {.list_id = (uint32_t)end->sent};
	struct span part =
		end->number ? span_of(&gone, sizeof(gone)) : span_of(&list_end, sizeof(list_end));
	int err = end->number
			  ? link_send(link_worker(link_, end->number - 1), IPC_ASK_GONE, &part, 1)
			  : link_main_send(link_, IPC_STATS_END, &part, 1);

	CHECK(err == 0 || err == -EAGAIN || err == -ENOTCONN);
	end->sent += err == 0;
	end->blocked += err == -EAGAIN;
}

static void *run_main(void *arg)
{
	struct end *end = arg;

	while (!stop) {
		link_poll(link_);
		if (link_main_receive(link_, on_message, end, 8) == 0 && !end->talk)
			link_wait(link_, 20);
		if (end->talk)
			talk(end);
		end->turns++;
	}
	return NULL;
}

static void *run_worker(void *arg)
{
	struct end *end = arg;
	struct worker_link *worker = link_worker(link_, end->number - 1);

	while (!stop) {
		end->epoch = link_epoch(worker);
		link_receive(worker, on_message, end, 8);
		if (end->talk)
			talk(end);
		else
			sched_yield(); /* who talks must get done on a busy machine too */
		end->turns++;
	}
	return NULL;
}

static void start_dataplane(void)
{
	CHECK_EQ(link_open(&link_, path, RAW_WORKERS, RAW_HASH, RAW_BYTES), 0);
	stop = false;
	memset(ends, 0, sizeof(ends));
	for (unsigned i = 0; i <= RAW_WORKERS; i++) {
		ends[i].number = i;
		CHECK(pthread_create(&ends[i].thread, NULL, i ? run_worker : run_main, &ends[i]) ==
		      0);
	}
}

static void stop_dataplane(void)
{
	stop = true;
	for (unsigned i = 0; i <= RAW_WORKERS; i++)
		pthread_join(ends[i].thread, NULL);
	link_close(link_);
}

static struct link_stats stats(void)
{
	struct link_stats now;

	link_stats(link_, &now);
	return now;
}

/* All is freed of the connections before: nothing grows. */
static void check_nothing_held(unsigned fds)
{
	WAIT_FOR(ends[1].epoch == 0 && ends[2].epoch == 0);
	WAIT_FOR(count_ring_maps() == 0);
	WAIT_FOR(count_fds() == fds);
}

static void test_listen(void)
{
	char lock[130];
	struct link *second;
	struct stat st;
	int other;

	snprintf(lock, sizeof(lock), "%s.lock", path);
	for (unsigned mask = 0; mask <= 0777; mask += 0777) {
		umask(mask);
		CHECK_EQ(link_open(&link_, path, 1, 0, RAW_BYTES), 0);
		CHECK(stat(path, &st) == 0 && S_ISSOCK(st.st_mode) && (st.st_mode & 07777) == 0660);
		CHECK_EQ(link_open(&second, path, 1, 0, RAW_BYTES), -EADDRINUSE);
		CHECK(stat(path, &st) == 0);
		link_close(link_);
		CHECK(stat(path, &st) < 0);
		unlink(lock);
	}
	umask(022);
	/* Left behind by a dataplane that was killed. */
	close(raw_listen(path));
	CHECK(stat(path, &st) == 0);
	CHECK_EQ(link_open(&link_, path, 1, 0, RAW_BYTES), 0);
	link_close(link_);
	/* Somebody else's, and alive. */
	other = raw_listen(path);
	CHECK_EQ(link_open(&link_, path, 1, 0, RAW_BYTES), -EADDRINUSE);
	close(raw_connect(path));
	close(other);
	unlink(path);
	/* Not a socket: not ours to remove. */
	close(open(path, O_CREAT | O_WRONLY, 0600));
	CHECK_EQ(link_open(&link_, path, 1, 0, RAW_BYTES), -EEXIST);
	CHECK(stat(path, &st) == 0 && unlink(path) == 0);
	/* A lock that is a link to elsewhere is not followed. */
	unlink(lock);
	CHECK(symlink("/dev/null", lock) == 0);
	CHECK_EQ(link_open(&link_, path, 1, 0, RAW_BYTES), -ELOOP);
	unlink(lock);
	CHECK_EQ(link_open(&link_, path, 0, 0, RAW_BYTES), -EINVAL);
	CHECK_EQ(link_open(&link_, path, IPC_WORKERS_MAX + 1, 0, RAW_BYTES), -EINVAL);
	CHECK_EQ(link_open(&link_, path, 1, 0, RAW_BYTES + 1), -EINVAL);
	CHECK_EQ(link_open(&link_, "/nonexistent/dir/sock", 1, 0, RAW_BYTES), -ENOENT);
}

static void test_both_ways(void)
{
	static struct raw_peer peer;
	struct ipc_hangup hangup = {.call = 5};
	struct ipc_list_ask ask = {.list_id = 1};
	unsigned fds;

	start_dataplane();
	fds = count_fds();
	CHECK_EQ(ends[1].epoch, 0);
	raw_client(&peer, path);
	CHECK_EQ(peer.hello.conf_hash, RAW_HASH);
	WAIT_FOR(ends[1].epoch == 1 && ends[2].epoch == 1);
	CHECK_EQ(raw_send(&peer, 0, IPC_STATS_ASK, &ask, sizeof(ask)), 0);
	CHECK_EQ(raw_send(&peer, 1, IPC_HANGUP, &hangup, sizeof(hangup)), 0);
	CHECK_EQ(raw_send(&peer, 2, IPC_CALLS_ASK, &ask, sizeof(ask)), 0);
	WAIT_FOR(ends[0].last_type == IPC_STATS_ASK && ends[1].last_type == IPC_HANGUP &&
		 ends[2].last_type == IPC_CALLS_ASK);
	for (unsigned i = 0; i < RAW_RINGS; i++) {
		int got = 0;

		ends[i].talk = true;
		WAIT_FOR((got = raw_receive(&peer, i)) != 0);
		CHECK(got == 1 && peer.type == (i ? IPC_ASK_GONE : IPC_STATS_END));
		ends[i].talk = false;
	}
	CHECK_EQ(stats().received, 3);
	raw_close(&peer);
	check_nothing_held(fds);
	stop_dataplane();
}

/* The second in line gets its hello when the first has gone. */
static void test_one_at_a_time(void)
{
	static struct raw_peer first, second;
	int err = -EAGAIN;
	uint64_t turns;

	start_dataplane();
	raw_client(&first, path);
	second.sock = raw_connect(path);
	CHECK(second.sock >= 0);
	turns = ends[0].turns;
	WAIT_FOR(ends[0].turns > turns + 5);
	CHECK_EQ(raw_take_hello(&second), -EAGAIN);
	raw_close(&first);
	WAIT_FOR((err = raw_take_hello(&second)) != -EAGAIN);
	CHECK_EQ(err, 0);
	WAIT_FOR(ends[1].epoch == 2 && ends[2].epoch == 2);
	raw_close(&second);
	stop_dataplane();
}

/* Messages that are no messages, or the dataplane's own: counted and skipped; what is good goes on
 * being heard. Said again, a good one is good again: what it means twice is for those to decide who
 * keep the state. */
static void test_bad_messages(void)
{
	static struct raw_peer peer;
	static char bytes[IPC_FRAME_MAX];
	struct ipc_hangup hangup = {.call = 5};
	struct rng rng = {1};
	uint64_t bad = 0;

	start_dataplane();
	raw_client(&peer, path);
	for (unsigned i = 0; i < 20000; i++) {
		size_t len = rng_next(&rng) % (i % 100 ? 300 : sizeof(bytes));

		for (size_t j = 0; j < len; j += 8)
			memcpy(bytes + j, &(uint64_t){rng_next(&rng)}, len - j < 8 ? len - j : 8);
		/* Directions that are never right, and types that are nothing. */
		uint16_t type = i % 3 == 0   ? IPC_ASK
				: i % 3 == 1 ? IPC_VERDICT
					     : (uint16_t)(14 + rng_next(&rng) % 60000);

		WAIT_FOR(raw_send(&peer, 1, type, bytes, len) == 0);
		bad++;
	}
	/* On the wrong ring. */
	WAIT_FOR(raw_send(&peer, 0, IPC_HANGUP, &hangup, sizeof(hangup)) == 0);
	bad++;
	WAIT_FOR(stats().rejected == bad);
	CHECK_EQ(stats().received, 0);
	for (unsigned i = 0; i < 1000; i++)
		WAIT_FOR(raw_send(&peer, 1, IPC_HANGUP, &hangup, sizeof(hangup)) == 0);
	WAIT_FOR(ends[1].handled == 1000);
	CHECK_EQ(stats().resets, 0);
	CHECK(!raw_hung_up(&peer));
	raw_close(&peer);
	stop_dataplane();
}

static struct ring_words *words(const struct raw_peer *peer, unsigned ring,
				enum ring_direction direction)
{
	return (struct ring_words *)peer->rings[ring].map + direction;
}

static void expect_reset(struct raw_peer *peer, uint64_t resets)
{
	WAIT_FOR(raw_hung_up(peer));
	WAIT_FOR(stats().resets == resets);
	raw_close(peer);
}

static void test_broken_rings(void)
{
	static struct raw_peer peer;
	uint64_t resets = 0;
	unsigned fds;

	start_dataplane();
	fds = count_fds();
	for (unsigned i = 0; i < RAW_RINGS; i++) {
		raw_client(&peer, path);
		atomic_store(&words(&peer, i, RING_TO_DATAPLANE)->head, UINT64_MAX);
		doorbell_ring(peer.rings[i].doorbell);
		expect_reset(&peer, ++resets);

		raw_client(&peer, path);
		atomic_store(&words(&peer, i, RING_TO_CONTROLPLANE)->tail, 1ull << 40);
		ends[i].talk = true;
		doorbell_ring(peer.rings[i].doorbell);
		expect_reset(&peer, ++resets);
		ends[i].talk = false;
	}
	/* Out of turn on the socket. */
	raw_client(&peer, path);
	CHECK_EQ(send(peer.sock, "hello", 5, 0), 5);
	expect_reset(&peer, ++resets);
	/* Descriptors sent along are not kept. */
	raw_client(&peer, path);
	raw_send_hello(peer.sock, "x", 1, (int[]){0, 1, 2}, 3);
	expect_reset(&peer, ++resets);
	/* The main ring's doorbell closed. */
	raw_client(&peer, path);
	shutdown(peer.rings[0].doorbell, SHUT_RDWR);
	expect_reset(&peer, ++resets);
	check_nothing_held(fds);
	/* And after all that an honest one is served. */
	raw_client(&peer, path);
	ends[2].talk = true;
	WAIT_FOR(raw_receive(&peer, 2) == 1);
	ends[2].talk = false;
	raw_close(&peer);
	stop_dataplane();
}

/* A control plane that is stopped: rings fill up, and nobody waits for it. */
static void test_stalled(void)
{
	static struct raw_peer peer;
	uint64_t turns, start;

	start_dataplane();
	raw_client(&peer, path);
	/* It claims to sleep, always, has filled its doorbell's queue and made it blocking. */
	for (unsigned i = 0; i < RAW_RINGS; i++) {
		CHECK(fcntl(peer.rings[i].doorbell, F_SETFL, 0) == 0);
		for (unsigned j = 0; j < 1000; j++)
			doorbell_ring(peer.rings[i].doorbell);
		ends[i].talk = true;
	}
	start = mono_ms();
	while (mono_ms() - start < 300)
		for (unsigned i = 0; i < RAW_RINGS; i++)
			atomic_store(&words(&peer, i, RING_TO_CONTROLPLANE)->sleeping, 1);
	WAIT_FOR(ends[0].blocked > 100 && ends[1].blocked > 100 && ends[2].blocked > 100);
	CHECK(stats().full > 300);
	turns = ends[1].turns;
	WAIT_FOR(ends[1].turns > turns + 1000);
	CHECK_EQ(stats().resets, 0);
	/* It wakes up: all that was sent is there. */
	for (unsigned i = 0; i < RAW_RINGS; i++)
		ends[i].talk = false;
	for (unsigned n = 0; n < 1000; n++)
		CHECK(raw_receive(&peer, 1) == 1 &&
		      ((struct ipc_ask_gone *)peer.frame)->ask_id == n);
	raw_close(&peer);
	stop_dataplane();
}

/* Other processes that store garbage all over the rings, again and again. */
static void test_scribblers(void)
{
	static struct raw_peer peer;
	uint64_t until = mono_ms() + 3000;
	unsigned fds, rounds = 0;

	start_dataplane();
	fds = count_fds();
	for (unsigned i = 0; i < RAW_RINGS; i++)
		ends[i].talk = true;
	while (mono_ms() < until) {
		raw_client(&peer, path);
		pid_t pid = fork_child();

		if (pid == 0)
			raw_scribble(&peer, ++rounds);
		WAIT_FOR(raw_hung_up(&peer));
		kill_child(pid);
		raw_close(&peer);
		rounds++;
	}
	fprintf(stderr, "  %u rounds, %lu resets, %lu rejected\n", rounds, stats().resets,
		stats().rejected);
	CHECK(rounds > 3 && stats().resets >= rounds);
	for (unsigned i = 0; i < RAW_RINGS; i++)
		ends[i].talk = false;
	check_nothing_held(fds);
	stop_dataplane();
}

/* Connections that end before, at, and after every step. */
static void test_hasty(void)
{
	struct sockaddr_un address;
	unsigned fds;

	start_dataplane();
	fds = count_fds();
	CHECK_EQ(fdpass_address(path, &address), 0);
	for (unsigned i = 0; i < 300; i++) {
		int sock = raw_connect(path);

		if (sock >= 0 && i % 3 == 0)
			CHECK_EQ(send(sock, &i, 1 + i % 4, MSG_NOSIGNAL | MSG_DONTWAIT), 1 + i % 4);
		if (sock >= 0 && i % 5 == 0)
			sleep_us(500);
		if (sock >= 0)
			close(sock);
	}
	check_nothing_held(fds);
	stop_dataplane();
}

/* A worker that is late for its quiet point: the rings it uses stay mapped until then, and only
 * then is the next served. */
static void test_late_worker(void)
{
	static struct raw_peer first, second;
	struct worker_link *worker;
	struct ipc_ask_gone gone = {0};
	struct span part = span_of(&gone, sizeof(gone));

	CHECK_EQ(link_open(&link_, path, RAW_WORKERS, RAW_HASH, RAW_BYTES), 0);
	worker = link_worker(link_, 0);
	first.sock = raw_connect(path);
	link_poll(link_);
	CHECK_EQ(raw_take_hello(&first), 0);
	CHECK_EQ(link_epoch(worker), 1);
	raw_close(&first);
	second.sock = raw_connect(path);
	for (unsigned i = 0; i < 10; i++) {
		link_poll(link_);
		/* Still its own, though nobody reads it. */
		CHECK_EQ(link_send(worker, IPC_ASK_GONE, &part, 1), 0);
		CHECK_EQ(count_ring_maps(), RAW_RINGS);
	}
	CHECK_EQ(raw_take_hello(&second), -EAGAIN);
	CHECK_EQ(link_epoch(worker), 0);
	CHECK_EQ(link_send(worker, IPC_ASK_GONE, &part, 1), -ENOTCONN);
	CHECK_EQ(link_receive(worker, on_message, NULL, 8), 0);
	link_poll(link_);
	CHECK_EQ(raw_take_hello(&second), 0);
	CHECK_EQ(link_epoch(worker), 2);
	raw_close(&second);
	link_close(link_);
	CHECK_EQ(count_ring_maps(), 0);
}

static void test_other_user(void)
{
	uint64_t refused;
	pid_t pid;
	int status;

	if (geteuid() != 0) {
		fprintf(stderr, "  (not root: not tried)\n");
		return;
	}
	start_dataplane();
	CHECK(chmod(dir, 0777) == 0 && chmod(path, 0777) == 0);
	refused = stats().refused;
	pid = fork_child();
	if (pid == 0) {
		static struct raw_peer peer;
		int err = -EAGAIN;

		CHECK(setgid(4321) == 0 && setuid(4322) == 0);
		peer.sock = raw_connect(path);
		CHECK(peer.sock >= 0);
		WAIT_FOR((err = raw_take_hello(&peer)) != -EAGAIN);
		_exit(err == -ECONNRESET ? 0 : 1);
	}
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	CHECK_EQ(stats().refused, refused + 1);
	stop_dataplane();
	CHECK(chmod(dir, 0700) == 0);
}

/* A real control plane, killed and started again, many times: it comes back each time, and nothing
 * grows. */
static void test_killed_control_plane(void)
{
	unsigned rounds = 60, fds;
	struct rng rng = {1};
	uint64_t epoch = 0;

	start_dataplane();
	fds = count_fds();
	for (unsigned i = 0; i < RAW_RINGS; i++)
		ends[i].talk = true;
	for (unsigned i = 0; i < rounds; i++) {
		uint64_t handled = ends[1].handled + ends[2].handled;
		pid_t pid = fork_child();

		if (pid == 0) {
			execl(control_peer, control_peer, path, "4660", (char *)NULL);
			_exit(127);
		}
		WAIT_FOR(ends[1].epoch > epoch && ends[2].epoch > epoch);
		WAIT_FOR(ends[1].handled + ends[2].handled > handled);
		sleep_us((unsigned)(rng_next(&rng) % 2000));
		kill_child(pid);
		epoch = ends[1].epoch;
		WAIT_FOR(ends[1].epoch == 0 && ends[2].epoch == 0);
		CHECK(count_ring_maps() <= RAW_RINGS);
	}
	CHECK_EQ(stats().connects, rounds);
	CHECK_EQ(stats().rejected, 0);
	CHECK_EQ(stats().resets, 0);
	for (unsigned i = 0; i < RAW_RINGS; i++)
		ends[i].talk = false;
	check_nothing_held(fds);
	stop_dataplane();
}

int main(int argc, char **argv)
{
	char lock[130];

	CHECK(argc == 2);
	control_peer = argv[1];
	make_dir(dir, sizeof(dir));
	snprintf(path, sizeof(path), "%s/dataplane.sock", dir);
	RUN(test_listen);
	RUN(test_both_ways);
	RUN(test_one_at_a_time);
	RUN(test_bad_messages);
	RUN(test_broken_rings);
	RUN(test_stalled);
	RUN(test_scribblers);
	RUN(test_hasty);
	RUN(test_late_worker);
	RUN(test_other_user);
	RUN(test_killed_control_plane);
	snprintf(lock, sizeof(lock), "%s.lock", path);
	unlink(lock);
	CHECK(rmdir(dir) == 0);
	return 0;
}
