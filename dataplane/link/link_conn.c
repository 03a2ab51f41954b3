/* SPDX-License-Identifier: BSD-3-Clause */
/* One connection of a control plane: its rings, made and freed. limen-dataplane, main thread. */
#include "dataplane/link/link_priv.h"

#include "common/ipc/doorbell.h"
#include "common/ipc/fdpass.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* Make one ring pair; the descriptors for the control plane go to fds[0] and fds[1] and are the
 * caller's. */
static int ring_open(struct link_ring *ring, uint32_t ring_bytes, uint64_t epoch,
		     int fds[HELLO_RING_FDS])
{
	int ends[2];
	int memfd = ring_memfd_make(ring_bytes);
	int err;

	if (memfd < 0)
		return memfd;
	err = ring_map(memfd, ring_bytes, true, &ring->map);
	if (err)
		goto close_memfd;
	err = doorbell_pair(ends);
	if (err)
		goto unmap;
	ring_writer_init(&ring->out, ring->map, ring_bytes, RING_TO_CONTROLPLANE);
	ring_reader_init(&ring->in, ring->map, ring_bytes, RING_TO_DATAPLANE);
	ring->doorbell = ends[0];
	ring->epoch = epoch;
	fds[0] = memfd;
	fds[1] = ends[1];
	return 0;
unmap:
	ring_unmap(ring->map, ring_bytes);
	ring->map = NULL;
close_memfd:
	close(memfd);
	return err;
}

int link_conn_open(struct link_conn **conn, int sock, const struct ipc_hello *hello, uint64_t epoch)
{
	unsigned nrings = 1 + hello->nworkers;
	struct link_conn *made = calloc(1, sizeof(*made) + nrings * sizeof(made->rings[0]));
	int fds[HELLO_FDS_MAX];
	int err = 0;

	if (!made)
		return -ENOMEM;
	made->sock = -1;
	made->ring_bytes = hello->ring_bytes;
	while (!err && made->nrings < nrings) {
		err = ring_open(&made->rings[made->nrings], hello->ring_bytes, epoch,
				&fds[HELLO_RING_FDS * made->nrings]);
		if (!err)
			made->nrings++;
	}
	if (!err)
		err = fdpass_send_hello(sock, hello, fds);
	/* The control plane's ends are its own now, or nobody's. */
	for (unsigned i = 0; i < HELLO_RING_FDS * made->nrings; i++)
		close(fds[i]);
	if (err) {
		link_conn_free(made);
		return err;
	}
	made->sock = sock;
	*conn = made;
	return 0;
}

void link_conn_free(struct link_conn *conn)
{
	if (!conn)
		return;
	for (unsigned i = 0; i < conn->nrings; i++) {
		ring_unmap(conn->rings[i].map, conn->ring_bytes);
		close(conn->rings[i].doorbell);
	}
	if (conn->sock >= 0)
		close(conn->sock);
	free(conn);
}

int link_conn_check(const struct link_conn *conn)
{
	char byte;
	ssize_t got;

	for (unsigned i = 0; i < conn->nrings; i++)
		if (atomic_load_explicit(&conn->rings[i].broken, memory_order_relaxed))
			return -EPROTO;
	got = recv(conn->sock, &byte, 1, MSG_DONTWAIT);
	/* The control plane says nothing on the socket. */
	if (got > 0)
		return -EPROTO;
	if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		return 0;
	return -ECONNRESET;
}
