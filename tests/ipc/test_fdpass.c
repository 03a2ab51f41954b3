/* SPDX-License-Identifier: BSD-3-Clause */
/* The hello: exactly what it should be is taken, all else is refused, and no descriptor leaks
 * either way. */
#include "common/ipc/fdpass.h"
#include "common/ipc/ring.h"
#include "check.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define FDS_MAX 253u

static int pair[2];

static struct ipc_hello good_hello(void)
{
	return (struct ipc_hello){.version = IPC_VERSION,
				  .nworkers = 2,
				  .conf_hash = 1,
				  .boot_id = 2,
				  .ring_bytes = RING_BYTES_MIN};
}

/* Whatever bytes with however many descriptors. */
static void send_raw(const void *bytes, size_t len, unsigned nfds)
{
	static union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(FDS_MAX * sizeof(int))];
	} control;
	struct iovec iov = {.iov_base = (void *)bytes, .iov_len = len};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	if (nfds) {
		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(nfds * sizeof(int));
		struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(nfds * sizeof(int));
		for (unsigned i = 0; i < nfds; i++)
			((int *)CMSG_DATA(cmsg))[i] = 2;
	}
	CHECK_EQ(sendmsg(pair[1], &msg, 0), len);
}

static void expect(int want)
{
	struct ipc_hello hello;
	int fds[HELLO_FDS_MAX];
	unsigned held = count_fds();
	int got = fdpass_receive_hello(pair[0], &hello, fds);

	CHECK_EQ(got, want);
	if (got == 0)
		for (unsigned i = 0; i < HELLO_RING_FDS * (1 + hello.nworkers); i++) {
			CHECK(fcntl(fds[i], F_GETFD) & FD_CLOEXEC);
			close(fds[i]);
		}
	CHECK_EQ(count_fds(), held);
}

static void test_good(void)
{
	struct ipc_hello hello = good_hello();
	int fds[HELLO_FDS_MAX];

	for (unsigned i = 0; i < HELLO_FDS_MAX; i++)
		fds[i] = 2;
	expect(-EAGAIN);
	CHECK_EQ(fdpass_send_hello(pair[1], &hello, fds), 0);
	expect(0);
	hello.nworkers = IPC_WORKERS_MAX;
	CHECK_EQ(fdpass_send_hello(pair[1], &hello, fds), 0);
	expect(0);
	expect(-EAGAIN);
}

static void test_descriptors(void)
{
	struct ipc_hello hello = good_hello();
	static const unsigned counts[] = {0, 1, 5, 7, 64, 130, FDS_MAX};

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		send_raw(&hello, sizeof(hello), counts[i]);
		expect(-EPROTO);
	}
	send_raw(&hello, sizeof(hello), 6);
	expect(0);
}

static void test_numbers(void)
{
	const struct {
		struct ipc_hello hello;
		int err;
	} cases[] = {
		{{.version = 0, .nworkers = 2, .ring_bytes = RING_BYTES_MIN}, -EPROTONOSUPPORT},
		{{.version = IPC_VERSION + 1, .nworkers = 2, .ring_bytes = RING_BYTES_MIN},
		 -EPROTONOSUPPORT},
		{{.version = IPC_VERSION, .nworkers = 0, .ring_bytes = RING_BYTES_MIN}, -EPROTO},
		{{.version = IPC_VERSION, .nworkers = 65, .ring_bytes = RING_BYTES_MIN}, -EPROTO},
		{{.version = IPC_VERSION, .nworkers = UINT32_MAX, .ring_bytes = RING_BYTES_MIN},
		 -EPROTO},
		{{.version = IPC_VERSION, .nworkers = 0x80000002, .ring_bytes = RING_BYTES_MIN},
		 -EPROTO},
		{{.version = IPC_VERSION, .nworkers = 2, .ring_bytes = 0}, -EPROTO},
		{{.version = IPC_VERSION, .nworkers = 2, .ring_bytes = RING_BYTES_MIN / 2},
		 -EPROTO},
		{{.version = IPC_VERSION, .nworkers = 2, .ring_bytes = RING_BYTES_MIN + 8},
		 -EPROTO},
		{{.version = IPC_VERSION, .nworkers = 2, .ring_bytes = RING_BYTES_MAX * 2},
		 -EPROTO},
		{{.version = IPC_VERSION, .nworkers = 2, .ring_bytes = 1u << 31}, -EPROTO},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		send_raw(&cases[i].hello, sizeof(cases[i].hello), 6);
		expect(cases[i].err);
	}
}

static void test_sizes(void)
{
	char bytes[4096] = {0};
	struct ipc_hello hello = good_hello();

	memcpy(bytes, &hello, sizeof(hello));
	for (size_t len = 1; len < 2 * sizeof(hello); len++) {
		send_raw(bytes, len, 6);
		expect(len == sizeof(hello) ? 0 : -EPROTO);
	}
	send_raw(bytes, sizeof(bytes), 6);
	expect(-EPROTO);
	/* Nothing but descriptors. */
	send_raw(bytes, 0, 6);
	expect(-EPROTO);
}

static void test_garbage(void)
{
	struct rng rng = {9};

	for (unsigned i = 0; i < 20000; i++) {
		struct ipc_hello hello = good_hello();
		unsigned nfds = rng_next(&rng) % 4 ? 6 : (unsigned)(rng_next(&rng) % (FDS_MAX + 1));
		struct ipc_hello out;
		int fds[HELLO_FDS_MAX], got;
		unsigned held = i % 1000 == 0 ? count_fds() : 0;

		for (unsigned flips = rng_next(&rng) % 4; flips; flips--) {
			uint64_t bit = rng_next(&rng) % (8 * sizeof(hello));

			((uint8_t *)&hello)[bit / 8] ^= (uint8_t)(1u << bit % 8);
		}
		send_raw(&hello, sizeof(hello), nfds);
		got = fdpass_receive_hello(pair[0], &out, fds);
		CHECK(got == 0 || got == -EPROTO || got == -EPROTONOSUPPORT);
		for (unsigned j = 0; got == 0 && j < HELLO_RING_FDS * (1 + out.nworkers); j++)
			close(fds[j]);
		CHECK(!held || count_fds() == held);
	}
}

/* Fewer descriptors left than come: what did arrive is closed again. */
static void test_no_descriptors_left(void)
{
	struct ipc_hello hello = good_hello();
	struct ipc_hello out;
	int fds[HELLO_FDS_MAX], got;
	struct rlimit limit, low;
	unsigned held = count_fds();
	int next = dup(2);

	close(next);
	CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
	send_raw(&hello, sizeof(hello), 6);
	low = (struct rlimit){.rlim_cur = (rlim_t)next + 3, .rlim_max = limit.rlim_max};
	CHECK(setrlimit(RLIMIT_NOFILE, &low) == 0);
	got = fdpass_receive_hello(pair[0], &out, fds);
	CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	CHECK_EQ(got, -EPROTO);
	CHECK_EQ(count_fds(), held);
}

static void test_gone(void)
{
	close(pair[1]);
	expect(-ECONNRESET);
	close(pair[0]);
}

static void test_address(void)
{
	struct sockaddr_un address;
	char path[200];

	memset(path, 'x', sizeof(path));
	path[sizeof(address.sun_path)] = 0;
	CHECK_EQ(fdpass_address(path, &address), -ENAMETOOLONG);
	path[sizeof(address.sun_path) - 1] = 0;
	CHECK_EQ(fdpass_address(path, &address), 0);
	CHECK(strcmp(address.sun_path, path) == 0);
	CHECK_EQ(fdpass_address("", &address), -EINVAL);
}

/* Another user, of no or another group, may not; one of the group named may. */
static void test_peer(void)
{
	struct sockaddr_un address;
	char dir[100], path[120];
	int listener, sock;
	pid_t pid;

	make_dir(dir, sizeof(dir));
	snprintf(path, sizeof(path), "%s/s", dir);
	CHECK_EQ(fdpass_address(path, &address), 0);
	listener = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	CHECK(bind(listener, (struct sockaddr *)&address, sizeof(address)) == 0);
	CHECK(listen(listener, 4) == 0);
	sock = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	CHECK(connect(sock, (struct sockaddr *)&address, sizeof(address)) == 0);
	CHECK_EQ(fdpass_check_peer(sock, (uid_t)-1), 0);
	close(sock);
	CHECK_EQ(fdpass_check_peer(2, (uid_t)-1), -EACCES);
	close(accept(listener, NULL, NULL));
	if (geteuid() != 0) {
		fprintf(stderr, "  (not root: other users not tried)\n");
	} else {
		CHECK(chmod(dir, 0777) == 0 && chmod(path, 0777) == 0);
		pid = fork_child();
		if (pid == 0) {
			CHECK(setgid(4321) == 0 && setuid(4322) == 0);
			CHECK(connect(socket(AF_UNIX, SOCK_SEQPACKET, 0),
				      (struct sockaddr *)&address, sizeof(address)) == 0);
			pause();
		}
		sock = accept(listener, NULL, NULL);
		CHECK_EQ(fdpass_check_peer(sock, (uid_t)-1), -EACCES);
		CHECK_EQ(fdpass_check_peer(sock, 4321), -EACCES);
		CHECK_EQ(fdpass_check_peer(sock, 4322), 0);
		close(sock);
		kill_child(pid);
	}
	close(listener);
	unlink(path);
	rmdir(dir);
}

int main(void)
{
	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	RUN(test_good);
	RUN(test_descriptors);
	RUN(test_numbers);
	RUN(test_sizes);
	RUN(test_garbage);
	RUN(test_no_descriptors_left);
	RUN(test_gone);
	RUN(test_address);
	RUN(test_peer);
	return 0;
}
