/* SPDX-License-Identifier: BSD-3-Clause */
/* The control plane's end against dataplanes that die, stall and lie. One thread: the test is the
 * dataplane, and turns the control plane's event loop between its own steps. Argument: the program
 * ipc_data_peer, which is a real dataplane's end. */
#include "controlplane/link/cp_link.h"
#include "raw_peer.h"

#include <event2/event.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

static const char *data_peer;
static char dir[100], path[120];
static struct event_base *base;
static struct cp_link *client;
static int listener;

/* What the callbacks have seen. */
static unsigned ups, downs, failures;
static const char *reason;
static uint64_t messages, last_ask, last_ring;
static bool answer;

static void on_up(void *arg, const struct ipc_hello *hello)
{
	CHECK(cp_link_hello(client) == hello);
	ups++;
}

static void on_down(void *arg, const char *why, bool was_up)
{
	CHECK(!cp_link_hello(client));
	CHECK_EQ(cp_link_send(client, CP_LINK_MAIN, IPC_STATS_ASK, NULL, 0), -ENOTCONN);
	reason = why;
	downs += was_up;
	failures += !was_up;
}

static void on_message(void *arg, unsigned ring, uint16_t type, const void *frame, uint32_t len)
{
	struct ipc_hangup hangup = {0};
	struct span part = span_of(&hangup, sizeof(hangup));

	CHECK(ipc_msg_check(IPC_SIDE_DATAPLANE, ring ? IPC_RING_WORKER : IPC_RING_MAIN, type, frame,
			    len) == 0);
	messages++;
	last_ring = ring;
	if (type == IPC_ASK_GONE)
		last_ask = ((const struct ipc_ask_gone *)frame)->ask_id;
	if (answer)
		cp_link_send(client, ring, IPC_HANGUP, &part, 1);
}

/* One turn of the loop, without waiting. */
static void turn(void)
{
	event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

/* Turn the loop until the expression holds. */
#define TURN_UNTIL(cond)                                                                           \
	do {                                                                                       \
		uint64_t until_ = mono_ms() + 20000;                                               \
		while (turn(), !(cond)) {                                                          \
			CHECK(mono_ms() < until_ && #cond);                                        \
			sleep_us(100);                                                             \
		}                                                                                  \
	} while (0)

static void start_client(void)
{
	static const struct cp_link_events events = {on_up, on_down, on_message};
	struct cp_link_conf conf = {.path = path, .conf_hash = RAW_HASH, .events = &events};

	ups = downs = failures = 0;
	messages = 0;
	reason = NULL;
	base = event_base_new();
	CHECK(base);
	CHECK_EQ(cp_link_new(&client, base, &conf), 0);
}

static void stop_client(void)
{
	cp_link_free(client);
	event_base_free(base);
	CHECK_EQ(count_ring_maps(), 0);
}

static struct cp_link_stats stats(void)
{
	struct cp_link_stats now;

	cp_link_stats(client, &now);
	return now;
}

static int accept_client(void)
{
	int sock;

	TURN_UNTIL((sock = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0);
	return sock;
}

static void close_all(const int *fds, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		close(fds[i]);
}

/* Serve the client as a good dataplane would. */
static void serve(struct raw_peer *peer)
{
	unsigned before = ups;
	int fds[2 * RAW_RINGS];

	peer->sock = accept_client();
	raw_make_rings(peer, fds);
	raw_send_hello(peer->sock, &peer->hello, sizeof(peer->hello), fds, 2 * RAW_RINGS);
	close_all(fds, 2 * RAW_RINGS);
	TURN_UNTIL(ups == before + 1);
}

static int say(struct raw_peer *peer, unsigned ring, uint64_t ask)
{
	struct ipc_ask_gone gone = {.ask_id = ask};

	return raw_send(peer, ring, IPC_ASK_GONE, &gone, sizeof(gone));
}

static void test_both_ways(void)
{
	static struct raw_peer peer;
	struct ipc_list_ask ask = {.list_id = 3};
	struct span part = span_of(&ask, sizeof(ask));

	start_client();
	serve(&peer);
	CHECK_EQ(cp_link_hello(client)->boot_id, 99);
	CHECK_EQ(say(&peer, 2, 77), 0);
	TURN_UNTIL(messages == 1);
	CHECK(last_ask == 77 && last_ring == cp_link_worker_ring(1));
	CHECK_EQ(cp_link_send(client, CP_LINK_MAIN, IPC_STATS_ASK, &part, 1), 0);
	CHECK_EQ(cp_link_send(client, cp_link_worker_ring(1), IPC_CALLS_ASK, &part, 1), 0);
	CHECK_EQ(cp_link_send(client, RAW_RINGS, IPC_CALLS_ASK, &part, 1), -ENOTCONN);
	CHECK(raw_receive(&peer, 0) == 1 && peer.type == IPC_STATS_ASK);
	CHECK(raw_receive(&peer, 1) == 0);
	CHECK(raw_receive(&peer, 2) == 1 && peer.type == IPC_CALLS_ASK);
	CHECK(stats().sent == 2 && stats().received == 1);
	raw_close(&peer);
	TURN_UNTIL(downs == 1);
	CHECK(strcmp(reason, "the dataplane is gone") == 0);
	stop_client();
}

/* What was written before the hello was read, by one who never saw anybody sleep, is read too. */
static void test_early_messages(void)
{
	static struct raw_peer peer;
	int fds[2 * RAW_RINGS];

	start_client();
	peer.sock = accept_client();
	raw_make_rings(&peer, fds);
	for (unsigned i = 0; i < 1000; i++)
		CHECK_EQ(say(&peer, 1, i), 0);
	raw_send_hello(peer.sock, &peer.hello, sizeof(peer.hello), fds, 2 * RAW_RINGS);
	close_all(fds, 2 * RAW_RINGS);
	TURN_UNTIL(messages == 1000);
	raw_close(&peer);
	stop_client();
}

/* Nobody there: told once, tried again with growing pauses, and found at last. */
static void test_no_dataplane(void)
{
	static struct raw_peer peer;
	uint64_t start = mono_ms();

	close(listener);
	unlink(path);
	start_client();
	TURN_UNTIL(failures == 1);
	CHECK(strstr(reason, "does not exist"));
	while (mono_ms() - start < 1000) {
		turn();
		sleep_us(1000);
	}
	CHECK_EQ(failures, 1);
	listener = raw_listen(path);
	serve(&peer);
	close(listener);
	raw_close(&peer);
	TURN_UNTIL(failures == 2);
	CHECK(strstr(reason, "nobody listens"));
	CHECK(downs == 1 && stats().refused == 0);
	listener = raw_listen(path);
	stop_client();
}

static bool sleeps(const struct raw_peer *peer, unsigned ring)
{
	return atomic_load(&((struct ring_words *)peer->rings[ring].map)->sleeping) == 1;
}

/* Does not wake up while nothing happens, and is woken when something does. */
static void test_sleeps(void)
{
	static struct raw_peer peer;
	unsigned turns = 0;
	uint64_t start;

	start_client();
	serve(&peer);
	for (unsigned round = 0; round < 24; round++) {
		unsigned ring = round % RAW_RINGS;
		struct ipc_list_end list_end = {0};
		uint64_t before = messages;

		TURN_UNTIL(sleeps(&peer, 0) && sleeps(&peer, 1) && sleeps(&peer, 2));
		if (ring)
			CHECK_EQ(say(&peer, ring, round), 0);
		else
			CHECK_EQ(raw_send(&peer, 0, IPC_STATS_END, &list_end, sizeof(list_end)), 0);
		/* Blocks until the doorbell: a wake-up that is lost stands still here. */
		event_base_loop(base, EVLOOP_ONCE);
		CHECK_EQ(messages, before + 1);
	}
	TURN_UNTIL(sleeps(&peer, 0) && sleeps(&peer, 1) && sleeps(&peer, 2));
	start = mono_ms();
	event_base_loopexit(base, &(struct timeval){.tv_usec = 100000});
	while (!event_base_got_exit(base)) {
		event_base_loop(base, EVLOOP_ONCE);
		turns++;
	}
	CHECK(mono_ms() - start >= 90 && turns < 5);
	raw_close(&peer);
	stop_client();
}

/* While messages come every few milliseconds nobody has to ring. */
static void test_awake_under_load(void)
{
	static struct raw_peer peer;
	uint64_t until;

	start_client();
	serve(&peer);
	CHECK_EQ(say(&peer, 1, 0), 0);
	TURN_UNTIL(messages == 1);
	until = mono_ms() + 500;
	for (unsigned n = 2; mono_ms() < until; n++) {
		struct ipc_ask_gone gone = {.ask_id = n};
		struct span part = span_of(&gone, sizeof(gone));

		CHECK_EQ(ring_write(&peer.rings[1].out, IPC_ASK_GONE, &part, 1), 0);
		CHECK(!ring_writer_wakes(&peer.rings[1].out));
		TURN_UNTIL(messages == n);
		sleep_us(3000);
	}
	raw_close(&peer);
	stop_client();
}

/* A flood from one worker leaves the loop its turns, and the other workers theirs. */
static void test_bounded_batches(void)
{
	static struct raw_peer peer;
	uint64_t before, sent = 0, most = 0;

	start_client();
	serve(&peer);
	TURN_UNTIL(sleeps(&peer, 1));
	before = messages;
	while (say(&peer, 1, sent) == 0)
		sent++;
	CHECK(sent > 1000);
	CHECK_EQ(say(&peer, 2, 0), 0);
	for (unsigned i = 0; messages - before < sent + 1; i++) {
		uint64_t now = messages;

		turn();
		most = messages - now > most ? messages - now : most;
		CHECK(i < sent);
	}
	CHECK(most <= 2 * 64 + 1);
	raw_close(&peer);
	stop_client();
}

static void test_full(void)
{
	static struct raw_peer peer;
	struct ipc_hangup hangup = {0};
	struct span part = span_of(&hangup, sizeof(hangup));
	unsigned sent = 0;

	start_client();
	serve(&peer);
	while (cp_link_send(client, 1, IPC_HANGUP, &part, 1) == 0)
		sent++;
	CHECK_EQ(cp_link_send(client, 1, IPC_HANGUP, &part, 1), -EAGAIN);
	CHECK(stats().full == 2 && stats().sent == sent);
	for (unsigned i = 0; i < sent; i++)
		CHECK_EQ(raw_receive(&peer, 1), 1);
	CHECK_EQ(cp_link_send(client, 1, IPC_HANGUP, &part, 1), 0);
	CHECK_EQ(stats().resets, 0);
	raw_close(&peer);
	stop_client();
}

/* Messages that are none, or the control plane's own, or the same again. */
static void test_bad_messages(void)
{
	static struct raw_peer peer;
	static char bytes[IPC_FRAME_MAX];
	struct rng rng = {1};
	uint64_t bad = 0;

	start_client();
	serve(&peer);
	for (unsigned i = 0; i < 20000; i++) {
		size_t len = rng_next(&rng) % (i % 100 ? 300 : sizeof(bytes));
		uint16_t type = i % 3 == 0   ? IPC_VERDICT
				: i % 3 == 1 ? IPC_CALL_END
					     : (uint16_t)(14 + rng_next(&rng) % 60000);

		for (size_t j = 0; j < len; j += 8)
			memcpy(bytes + j, &(uint64_t){rng_next(&rng)}, len - j < 8 ? len - j : 8);
		TURN_UNTIL(raw_send(&peer, 1, type, bytes, len) == 0);
		bad++;
	}
	TURN_UNTIL(stats().rejected == bad);
	CHECK_EQ(messages, 0);
	/* A worker's message on main's ring. */
	CHECK_EQ(say(&peer, 0, 1), 0);
	TURN_UNTIL(stats().rejected == bad + 1);
	for (unsigned i = 0; i < 1000; i++)
		CHECK_EQ(say(&peer, 1, 5), 0);
	TURN_UNTIL(messages == 1000);
	CHECK(ups == 1 && downs == 0 && stats().resets == 0);
	raw_close(&peer);
	stop_client();
}

static struct ring_words *words(const struct raw_peer *peer, unsigned ring,
				enum ring_direction direction)
{
	return (struct ring_words *)peer->rings[ring].map + direction;
}

static void test_broken_rings(void)
{
	static struct raw_peer peer;
	static char part_bytes[IPC_FRAME_MAX];
	struct span part = span_of(part_bytes, sizeof(part_bytes));
	unsigned broken = 0;
	unsigned fds;
	int sock;

	start_client();
	sock = accept_client();
	fds = count_fds();
	close(sock);
	for (unsigned i = 0; i < RAW_RINGS; i++) {
		serve(&peer);
		atomic_store(&words(&peer, i, RING_TO_CONTROLPLANE)->head, UINT64_MAX);
		doorbell_ring(peer.rings[i].doorbell);
		broken++;
		TURN_UNTIL(downs == broken);
		CHECK(raw_hung_up(&peer) && strcmp(reason, "the dataplane broke a ring") == 0);
		raw_close(&peer);

		/* Found by the sender. */
		serve(&peer);
		atomic_store(&words(&peer, i, RING_TO_DATAPLANE)->tail, 1ull << 40);
		while (cp_link_send(client, i, IPC_HANGUP, &part, 1) == 0)
			;
		CHECK_EQ(cp_link_send(client, i, IPC_HANGUP, &part, 1), -ENOTCONN);
		broken++;
		TURN_UNTIL(downs == broken);
		raw_close(&peer);
	}
	CHECK_EQ(stats().resets, broken);
	/* A second hello, or anything else. */
	serve(&peer);
	raw_send_hello(peer.sock, &peer.hello, sizeof(peer.hello), (int[]){0, 1, 2}, 3);
	TURN_UNTIL(downs == broken + 1);
	CHECK(strcmp(reason, "the dataplane spoke out of turn") == 0);
	CHECK_EQ(stats().resets, broken + 1);
	raw_close(&peer);
	/* A doorbell closed. */
	serve(&peer);
	shutdown(peer.rings[2].doorbell, SHUT_RDWR);
	TURN_UNTIL(downs == broken + 2);
	raw_close(&peer);
	sock = accept_client();
	CHECK_EQ(count_fds(), fds);
	close(sock);
	stop_client();
}

static int bad_memfd(unsigned flags, size_t bytes, int seals)
{
	int fd = memfd_create("limen-ring", MFD_CLOEXEC | flags);

	CHECK(fd >= 0 && ftruncate(fd, (off_t)bytes) == 0);
	CHECK(!seals || fcntl(fd, F_ADD_SEALS, seals) == 0);
	return fd;
}

/* Hellos that must be refused: each changes one thing of a good one. */
#define HELLOS 18u

static unsigned spoil(unsigned which, struct ipc_hello *hello, size_t *len, int *fds)
{
	const int all = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
	size_t bytes = ring_memfd_bytes(RAW_BYTES);
	unsigned nfds = 2 * RAW_RINGS;
	int replace = -1, at = 2;

	switch (which) {
	case 0:
		hello->version++;
		break;
	case 1:
		hello->nworkers = 0;
		break;
	case 2:
		hello->nworkers = 3;
		break;
	case 3:
		hello->nworkers = UINT32_MAX;
		break;
	case 4:
		hello->ring_bytes *= 2;
		break;
	case 5:
		hello->ring_bytes = 4096;
		break;
	case 6:
		hello->conf_hash++;
		break;
	case 7:
		*len -= 1;
		break;
	case 8:
		*len += 1;
		break;
	case 9:
		nfds--;
		break;
	case 10:
		nfds = 0;
		break;
	case 11:
		replace = bad_memfd(MFD_ALLOW_SEALING, bytes, 0);
		break;
	case 12:
		replace = bad_memfd(MFD_ALLOW_SEALING, bytes, F_SEAL_SHRINK);
		break;
	case 13:
		replace = bad_memfd(MFD_ALLOW_SEALING, bytes - 4096, all);
		break;
	case 14:
		replace = bad_memfd(MFD_ALLOW_SEALING, bytes, all | F_SEAL_WRITE);
		break;
	case 15:
		replace = open("/dev/zero", O_RDWR | O_CLOEXEC);
		break;
	case 16:
		replace = eventfd(0, EFD_CLOEXEC);
		at = 3;
		break;
	default:
		replace = dup(fds[0]);
		at = 2 * RAW_RINGS - 1;
		break;
	}
	if (replace >= 0) {
		close(fds[at]);
		fds[at] = replace;
	}
	return nfds;
}

/* Refused, nothing kept, and a good one is taken the next time. */
static void test_bad_hellos(void)
{
	static struct raw_peer peer;

	for (unsigned i = 0; i < HELLOS; i++) {
		char bytes[sizeof(struct ipc_hello) + 8] = {0};
		int fds[2 * RAW_RINGS];
		size_t len = sizeof(struct ipc_hello);
		unsigned nfds, held;

		start_client();
		peer.sock = accept_client();
		held = count_fds();
		raw_make_rings(&peer, fds);
		nfds = spoil(i, &peer.hello, &len, fds);
		memcpy(bytes, &peer.hello, sizeof(peer.hello));
		raw_send_hello(peer.sock, bytes, len, fds, nfds);
		close_all(fds, 2 * RAW_RINGS);
		TURN_UNTIL(stats().refused == 1);
		CHECK(raw_hung_up(&peer));
		peer.hello.ring_bytes = RAW_BYTES;
		raw_close(&peer);
		CHECK_EQ(count_ring_maps(), 0);
		/* Both ends of this connection are closed. */
		CHECK_EQ(count_fds(), held - 2);
		CHECK(ups == 0 && failures == 1 && downs == 0);
		serve(&peer);
		raw_close(&peer);
		stop_client();
	}
}

/* Garbage instead of a hello, with garbage instead of rings. */
static void test_random_hellos(void)
{
	struct rng rng = {1};

	for (unsigned i = 0; i < 300; i++) {
		char bytes[64];
		int fds[8], sock;
		unsigned held;

		start_client();
		sock = accept_client();
		held = count_fds();
		for (size_t j = 0; j < sizeof(bytes); j++)
			bytes[j] = (char)rng_next(&rng);
		for (unsigned j = 0; j < 8; j++)
			fds[j] = (int)(rng_next(&rng) % 3);
		raw_send_hello(sock, bytes, 1 + rng_next(&rng) % sizeof(bytes), fds,
			       (unsigned)(rng_next(&rng) % 9));
		TURN_UNTIL(stats().refused == 1);
		close(sock);
		CHECK_EQ(count_fds(), held - 2);
		stop_client();
	}
}

/* Closed at every point before the hello. */
static void test_hung_up_early(void)
{
	start_client();
	for (unsigned i = 0; i < 5; i++)
		close(accept_client());
	CHECK(failures == 1 && strstr(reason, "before its hello"));
	stop_client();
}

/* Another process stores garbage all over the rings. */
static void test_scribblers(void)
{
	static struct raw_peer peer;
	unsigned rounds = 0;
	uint64_t until = mono_ms() + 3000;

	start_client();
	answer = true;
	while (mono_ms() < until) {
		unsigned before = downs;

		serve(&peer);
		pid_t pid = fork_child();

		if (pid == 0)
			raw_scribble(&peer, ++rounds);
		TURN_UNTIL(downs == before + 1);
		kill_child(pid);
		raw_close(&peer);
		rounds++;
	}
	answer = false;
	fprintf(stderr, "  %u rounds, %lu resets, %lu rejected\n", rounds, stats().resets,
		stats().rejected);
	CHECK(rounds > 3 && stats().resets >= rounds);
	serve(&peer);
	raw_close(&peer);
	stop_client();
}

/* A real dataplane's end, killed and started again, many times. */
static void test_killed_dataplane(void)
{
	unsigned rounds = 30, held = 0, after = 0;
	struct rng rng = {1};

	close(listener);
	start_client();
	answer = true;
	for (unsigned i = 0; i < rounds; i++) {
		uint64_t before = messages, down = downs;
		pid_t pid = fork_child();

		if (pid == 0) {
			execl(data_peer, data_peer, path, "4660", (char *)NULL);
			_exit(127);
		}
		TURN_UNTIL(ups == i + 1 && messages > before + 2);
		CHECK_EQ(count_ring_maps(), RAW_RINGS);
		held = i == 0 ? count_fds() : held;
		CHECK_EQ(count_fds(), held);
		sleep_us((unsigned)(rng_next(&rng) % 2000));
		kill_child(pid);
		TURN_UNTIL(downs == down + 1);
		CHECK_EQ(count_ring_maps(), 0);
		after = i == 0 ? count_fds() : after;
		CHECK_EQ(count_fds(), after);
	}
	answer = false;
	CHECK(stats().connects == rounds && stats().rejected == 0 && stats().resets == 0 &&
	      stats().refused == 0);
	stop_client();
	listener = raw_listen(path);
}

static void test_new(void)
{
	struct cp_link_conf conf = {.path = ""};
	char long_path[300] = {0};

	base = event_base_new();
	CHECK_EQ(cp_link_new(&client, base, &conf), -EINVAL);
	memset(long_path, 'x', sizeof(long_path) - 1);
	conf.path = long_path;
	CHECK_EQ(cp_link_new(&client, base, &conf), -ENAMETOOLONG);
	event_base_free(base);
}

int main(int argc, char **argv)
{
	char lock[130];

	CHECK(argc == 2);
	data_peer = argv[1];
	make_dir(dir, sizeof(dir));
	snprintf(path, sizeof(path), "%s/dataplane.sock", dir);
	listener = raw_listen(path);
	RUN(test_new);
	RUN(test_both_ways);
	RUN(test_early_messages);
	RUN(test_no_dataplane);
	RUN(test_sleeps);
	RUN(test_awake_under_load);
	RUN(test_bounded_batches);
	RUN(test_full);
	RUN(test_bad_messages);
	RUN(test_broken_rings);
	RUN(test_bad_hellos);
	RUN(test_random_hellos);
	RUN(test_hung_up_early);
	RUN(test_scribblers);
	RUN(test_killed_dataplane);
	close(listener);
	snprintf(lock, sizeof(lock), "%s.lock", path);
	unlink(lock);
	unlink(path);
	CHECK(rmdir(dir) == 0);
	return 0;
}
