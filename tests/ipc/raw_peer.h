/* SPDX-License-Identifier: BSD-3-Clause */
/* A peer made by hand from the parts in common/ipc, so that it can do what the real ones never
 * would. */
#pragma once

#include "common/ipc/doorbell.h"
#include "common/ipc/fdpass.h"
#include "common/ipc/ring.h"
#include "check.h"

#include <sys/socket.h>

#define RAW_WORKERS 2u
#define RAW_RINGS   (1u + RAW_WORKERS)
#define RAW_BYTES   RING_BYTES_MIN
#define RAW_HASH    0x1234u

struct raw_ring {
	void *map;
	int doorbell;
	struct ring_writer out;
	struct ring_reader in;
};

struct raw_peer {
	int sock;
	struct ipc_hello hello;
	struct raw_ring rings[RAW_RINGS];
	_Alignas(8) char frame[IPC_FRAME_MAX];
	uint16_t type;
	uint32_t len;
};

static inline int raw_connect(const char *path)
{
	struct sockaddr_un address;
	int sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	CHECK(sock >= 0);
	CHECK_EQ(fdpass_address(path, &address), 0);
	if (connect(sock, (struct sockaddr *)&address, sizeof(address)) == 0)
		return sock;
	close(sock);
	return -errno;
}

/* The control plane's side: take a hello as a control plane would. */
static inline int raw_take_hello(struct raw_peer *peer)
{
	int fds[HELLO_FDS_MAX];
	int err = fdpass_receive_hello(peer->sock, &peer->hello, fds);

	if (err)
		return err;
	CHECK_EQ(peer->hello.nworkers, RAW_WORKERS);
	for (unsigned i = 0; i < RAW_RINGS; i++) {
		struct raw_ring *ring = &peer->rings[i];

		CHECK_EQ(ring_map(fds[2 * i], peer->hello.ring_bytes, false, &ring->map), 0);
		close(fds[2 * i]);
		ring->doorbell = fds[2 * i + 1];
		CHECK(doorbell_is(ring->doorbell));
		ring_writer_init(&ring->out, ring->map, peer->hello.ring_bytes, RING_TO_DATAPLANE);
		ring_reader_init(&ring->in, ring->map, peer->hello.ring_bytes,
				 RING_TO_CONTROLPLANE);
	}
	return 0;
}

/* Connect and wait for the hello. */
static inline void raw_client(struct raw_peer *peer, const char *path)
{
	int err = -EAGAIN;

	WAIT_FOR((peer->sock = raw_connect(path)) >= 0);
	WAIT_FOR((err = raw_take_hello(peer)) != -EAGAIN);
	CHECK_EQ(err, 0);
}

static inline void raw_close(struct raw_peer *peer)
{
	for (unsigned i = 0; i < RAW_RINGS; i++) {
		if (!peer->rings[i].map)
			continue;
		ring_unmap(peer->rings[i].map, peer->hello.ring_bytes);
		close(peer->rings[i].doorbell);
		peer->rings[i].map = NULL;
	}
	close(peer->sock);
}

/* The other side has closed the connection: end of file (whatever it had said before). */
static inline bool raw_hung_up(const struct raw_peer *peer)
{
	char byte[64];
	ssize_t got = recv(peer->sock, byte, sizeof(byte), MSG_DONTWAIT);

	return got == 0 || (got < 0 && errno == ECONNRESET);
}

static inline int raw_send(struct raw_peer *peer, unsigned ring, uint16_t type, const void *bytes,
			   size_t len)
{
	struct span part = span_of(bytes, len);
	int err = ring_write(&peer->rings[ring].out, type, &part, 1);

	if (!err && ring_writer_wakes(&peer->rings[ring].out))
		doorbell_ring(peer->rings[ring].doorbell);
	return err;
}

static inline int raw_receive(struct raw_peer *peer, unsigned ring)
{
	return ring_read(&peer->rings[ring].in, peer->frame, &peer->type, &peer->len);
}

/* The dataplane's side. */
static inline int raw_listen(const char *path)
{
	struct sockaddr_un address;
	int sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	CHECK(sock >= 0);
	CHECK_EQ(fdpass_address(path, &address), 0);
	unlink(path);
	CHECK(bind(sock, (struct sockaddr *)&address, sizeof(address)) == 0 &&
	      listen(sock, 4) == 0);
	return sock;
}

static inline struct ipc_hello raw_hello(void)
{
	return (struct ipc_hello){.version = IPC_VERSION,
				  .nworkers = RAW_WORKERS,
				  .conf_hash = RAW_HASH,
				  .boot_id = 99,
				  .ring_bytes = RAW_BYTES,
				  .pid = (uint32_t)getpid()};
}

/* The descriptors of good rings; `ours` gets the dataplane's ends. */
static inline void raw_make_rings(struct raw_peer *ours, int fds[2 * RAW_RINGS])
{
	for (unsigned i = 0; i < RAW_RINGS; i++) {
		struct raw_ring *ring = &ours->rings[i];
		int ends[2], memfd = ring_memfd_make(RAW_BYTES);

		CHECK(memfd >= 0 && doorbell_pair(ends) == 0);
		CHECK_EQ(ring_map(memfd, RAW_BYTES, false, &ring->map), 0);
		ring->doorbell = ends[0];
		ring_writer_init(&ring->out, ring->map, RAW_BYTES, RING_TO_CONTROLPLANE);
		ring_reader_init(&ring->in, ring->map, RAW_BYTES, RING_TO_DATAPLANE);
		fds[2 * i] = memfd;
		fds[2 * i + 1] = ends[1];
	}
	ours->hello = raw_hello();
}

/* Send any bytes with any descriptors. */
static inline void raw_send_hello(int sock, const void *bytes, size_t len, const int *fds,
				  unsigned nfds)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(64 * sizeof(int))];
	} control;
	struct iovec iov = {.iov_base = (void *)bytes, .iov_len = len};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	CHECK(nfds <= 64);
	if (nfds) {
		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(nfds * sizeof(int));
		struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(nfds * sizeof(int));
		memcpy(CMSG_DATA(cmsg), fds, nfds * sizeof(int));
	}
	CHECK_EQ(sendmsg(sock, &msg, MSG_NOSIGNAL), len);
}

/* In a forked child, for ever: garbage all over every mapping, positions most of all. Never
 * returns. */
static inline void raw_scribble(const struct raw_peer *peer, uint64_t seed)
{
	size_t count = ring_memfd_bytes(peer->hello.ring_bytes) / 8;
	struct rng rng = {seed};

	/* The other side of the connection was inherited too: closed here, or its end could not be
	 * seen. */
	for (int fd = 3; fd < 1024; fd++) {
		bool bell = false;

		for (unsigned i = 0; i < RAW_RINGS; i++)
			bell |= fd == peer->rings[i].doorbell;
		if (!bell)
			close(fd);
	}
	for (;;) {
		uint64_t r = rng_next(&rng), value = rng_next(&rng);
		volatile uint64_t *words = peer->rings[(r >> 40) % RAW_RINGS].map;
		size_t at = r % 2 ? (r >> 8) % 6 * RING_WORD_ALIGN / 8 : (r >> 8) % count;

		words[at] = (r >> 1) % 4 == 0   ? value
			    : (r >> 1) % 4 == 1 ? value % (2 * peer->hello.ring_bytes)
			    : (r >> 1) % 4 == 2 ? (value % 4096) & ~7ull
						: value % 64 | value % 16 << 32;
		if (r % 64 == 0)
			doorbell_ring(peer->rings[(r >> 48) % RAW_RINGS].doorbell);
	}
}
