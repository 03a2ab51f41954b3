/* SPDX-License-Identifier: BSD-3-Clause */
/* One thread's end of the rings: send and receive. limen-dataplane; each end by its own thread. No
 * lock, no allocation, and no system call but the doorbell of a reader that sleeps. */
#include "dataplane/link/link_priv.h"

#include "common/ipc/doorbell.h"

#include <errno.h>

uint64_t link_epoch(struct worker_link *worker)
{
	struct link_ring *offered = atomic_load_explicit(&worker->offered, memory_order_acquire);

	/* Say what we are going to use, then look again: main withdraws a ring, then looks at what
	 * we use. As all four accesses are sequentially consistent, either we see that the ring was
	 * withdrawn or main sees that we have it. That store also comes after all we did with the
	 * ring before. */
	while (offered != worker->ring) {
		atomic_store_explicit(&worker->taken, offered, memory_order_seq_cst);
		worker->ring = offered;
		offered = atomic_load_explicit(&worker->offered, memory_order_seq_cst);
	}
	return offered ? offered->epoch : 0;
}

unsigned link_receive(struct worker_link *worker, link_handler *handler, void *arg, unsigned max)
{
	struct link_ring *ring = worker->ring;
	unsigned handled = 0;

	if (!ring)
		return 0;
	for (unsigned i = 0; i < max; i++) {
		uint16_t type;
		uint32_t len;
		int got = ring_read(&ring->in, worker->frame, &type, &len);

		if (got < 0)
			atomic_store_explicit(&ring->broken, true, memory_order_relaxed);
		if (got <= 0)
			break;
		if (ipc_msg_check(IPC_SIDE_CONTROLPLANE, worker->kind, type, worker->frame, len)) {
			link_count(&worker->rejected);
			continue;
		}
		link_count(&worker->received);
		handler(arg, type, worker->frame, len);
		handled++;
	}
	return handled;
}

int link_send(struct worker_link *worker, uint16_t type, const struct span *parts, unsigned nparts)
{
	struct link_ring *ring = worker->ring;
	int err;

	if (!ring)
		return -ENOTCONN;
	err = ring_write(&ring->out, type, parts, nparts);
	if (err == -EPROTO) {
		atomic_store_explicit(&ring->broken, true, memory_order_relaxed);
		return -ENOTCONN;
	}
	if (err == -EAGAIN)
		link_count(&worker->full);
	if (err)
		return err;
	link_count(&worker->sent);
	if (ring_writer_wakes(&ring->out))
		doorbell_ring(ring->doorbell);
	return 0;
}
