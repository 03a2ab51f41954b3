/* SPDX-License-Identifier: BSD-3-Clause */
/* The server of the control socket: takes one control plane at a time, hands the rings' ends to the
 * workers and takes them back. limen-dataplane, main thread. */
#include "dataplane/link/link_priv.h"

#include "common/ipc/doorbell.h"
#include "common/ipc/fdpass.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

/* A wait looks this often for what wakes nobody: workers that let go of old rings, a worker's
 * broken ring, descriptors to accept with. */
#define RETIRED_WAIT_MS 10
#define QUIET_WAIT_MS   200

struct link {
	char *path; /* owned */
	uid_t admitted; /* a user who may connect besides our own and root; -1: none */
	int listener;
	int lock;
	int watched;	/* wakes link_wait, too; -1: none */
	uint64_t epoch; /* of the last connection */
	struct ipc_hello hello;
	struct link_conn *conn;    /* in force */
	struct link_conn *retired; /* ended, but some worker may still use its rings */
	bool accept_failed; /* for want of descriptors or memory: not to be tried in a busy loop */
	_Atomic uint64_t connects, refused, resets; /* written by main, read by any thread */
	unsigned nends;
	struct worker_link ends[]; /* main's own, then the workers' */
};

static int init_ends(struct link *link)
{
	for (unsigned i = 0; i < link->nends; i++) {
		link->ends[i].kind = i == 0 ? IPC_RING_MAIN : IPC_RING_WORKER;
		link->ends[i].frame = aligned_alloc(LINK_LINE, IPC_FRAME_MAX);
		if (!link->ends[i].frame)
			return -ENOMEM;
	}
	return 0;
}

static void free_link(struct link *link)
{
	for (unsigned i = 0; i < link->nends; i++)
		free(link->ends[i].frame);
	free(link->path);
	free(link);
}

static struct link *make_link(unsigned nends)
{
	size_t bytes = sizeof(struct link) + nends * sizeof(struct worker_link);
	struct link *link = aligned_alloc(LINK_LINE, bytes);

	_Static_assert(sizeof(struct link) % LINK_LINE == 0, "aligned_alloc asks for a multiple");
	if (!link)
		return NULL;
	memset(link, 0, bytes);
	link->nends = nends;
	link->watched = -1;
	link->admitted = (uid_t)-1;
	return link;
}

int link_open(struct link **link, const char *path, unsigned nworkers, uint64_t conf_hash,
	      uint32_t ring_bytes)
{
	struct link *made;
	int err;

	if (nworkers < 1 || nworkers > IPC_WORKERS_MAX || !ring_bytes_valid(ring_bytes))
		return -EINVAL;
	made = make_link(1 + nworkers);
	if (!made)
		return -ENOMEM;
	made->hello = (struct ipc_hello){
		.version = IPC_VERSION,
		.nworkers = nworkers,
		.conf_hash = conf_hash,
		.ring_bytes = ring_bytes,
		.pid = (uint32_t)getpid(),
	};
	made->path = strdup(path);
	err = made->path ? init_ends(made) : -ENOMEM;
	if (!err && getrandom(&made->hello.boot_id, sizeof(made->hello.boot_id), 0) !=
			    (ssize_t)sizeof(made->hello.boot_id))
		err = -EIO;
	if (!err)
		err = link_listen(path, &made->listener, &made->lock);
	if (err) {
		free_link(made);
		return err;
	}
	*link = made;
	return 0;
}

int link_admit(struct link *link, uid_t owner, uid_t control, gid_t group)
{
	link->admitted = control;
	return lchown(link->path, owner, group) < 0 ? -errno : 0;
}

void link_close(struct link *link)
{
	if (!link)
		return;
	link_conn_free(link->conn);
	link_conn_free(link->retired);
	close(link->listener);
	unlink(link->path);
	close(link->lock);
	free_link(link);
}

static void offer_rings(struct link *link, struct link_conn *conn)
{
	for (unsigned i = 0; i < link->nends; i++)
		atomic_store_explicit(&link->ends[i].offered, conn ? &conn->rings[i] : NULL,
				      memory_order_seq_cst);
	link_epoch(&link->ends[0]);
}

static void retire_conn(struct link *link)
{
	offer_rings(link, NULL);
	close(link->conn->sock);
	link->conn->sock = -1;
	link->retired = link->conn;
	link->conn = NULL;
}

/* Free the old rings once every worker has passed its quiet point since (link_epoch). A worker that
 * never ran holds none. */
static void free_retired(struct link *link)
{
	for (unsigned i = 0; i < link->nends; i++)
		if (atomic_load_explicit(&link->ends[i].taken, memory_order_seq_cst) ==
		    &link->retired->rings[i])
			return;
	link_conn_free(link->retired);
	link->retired = NULL;
}

static void accept_conn(struct link *link)
{
	int sock = accept4(link->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	int err;

	if (sock < 0) {
		link->accept_failed = errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR &&
				      errno != ECONNABORTED;
		return;
	}
	err = fdpass_check_peer(sock, link->admitted);
	if (!err)
		err = link_conn_open(&link->conn, sock, &link->hello, link->epoch + 1);
	if (err) {
		close(sock);
		link_count(&link->refused);
		return;
	}
	link->epoch++;
	link_count(&link->connects);
	offer_rings(link, link->conn);
}

void link_poll(struct link *link)
{
	link->accept_failed = false;
	if (link->conn) {
		int err = link_conn_check(link->conn);

		if (err == -EPROTO)
			link_count(&link->resets);
		if (err)
			retire_conn(link);
	}
	if (link->retired)
		free_retired(link);
	/* The next in line waits in the backlog while a connection lives, and while old rings do:
	 * at the most two sets of rings are mapped at a time. */
	if (!link->conn && !link->retired)
		accept_conn(link);
}

void link_wait(struct link *link, int timeout_ms)
{
	struct link_ring *ring = link->ends[0].ring;
	int wait_ms = link->retired ? RETIRED_WAIT_MS : QUIET_WAIT_MS;
	struct pollfd fds[3];
	unsigned nfds = 0;

	if (ring && !ring_reader_sleeps(&ring->in))
		return;
	if (ring) {
		fds[nfds++] = (struct pollfd){.fd = ring->doorbell, .events = POLLIN};
		fds[nfds++] = (struct pollfd){.fd = link->conn->sock, .events = POLLIN};
	} else if (!link->retired && !link->accept_failed) {
		fds[nfds++] = (struct pollfd){.fd = link->listener, .events = POLLIN};
	}
	if (link->watched >= 0)
		fds[nfds++] = (struct pollfd){.fd = link->watched, .events = POLLIN};
	poll(fds, nfds, timeout_ms >= 0 && timeout_ms < wait_ms ? timeout_ms : wait_ms);
	if (!ring)
		return;
	ring_reader_woke(&ring->in);
	if (doorbell_clear(ring->doorbell))
		atomic_store_explicit(&ring->broken, true, memory_order_relaxed);
}

void link_watch(struct link *link, int fd)
{
	link->watched = fd;
}

struct worker_link *link_worker(struct link *link, unsigned worker)
{
	return &link->ends[1 + worker];
}

unsigned link_main_receive(struct link *link, link_handler *handler, void *arg, unsigned max)
{
	return link_receive(&link->ends[0], handler, arg, max);
}

int link_main_send(struct link *link, uint16_t type, const struct span *parts, unsigned nparts)
{
	return link_send(&link->ends[0], type, parts, nparts);
}

static uint64_t value_of(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

void link_stats(const struct link *link, struct link_stats *stats)
{
	*stats = (struct link_stats){
		.connects = value_of(&link->connects),
		.refused = value_of(&link->refused),
		.resets = value_of(&link->resets),
	};
	for (unsigned i = 0; i < link->nends; i++) {
		stats->sent += value_of(&link->ends[i].sent);
		stats->received += value_of(&link->ends[i].received);
		stats->rejected += value_of(&link->ends[i].rejected);
		stats->full += value_of(&link->ends[i].full);
	}
}
