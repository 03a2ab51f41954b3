/* SPDX-License-Identifier: BSD-3-Clause */
/* One ring pair on the event loop: read when the doorbell rings, a bounded batch at a time.
 * limen-controlplane, loop thread. */
#include "controlplane/link/cp_ring.h"

#include "common/ipc/doorbell.h"
#include "common/ipc/ipc_msg.h"

#include <errno.h>
#include <event2/event.h>
#include <unistd.h>

/* Frames read before the loop serves others. */
#define BATCH 64u

/* While messages come, the ring is polled, and only a silence of so many polls in a row is slept
 * through. A sleeping reader costs the worker a system call to wake it (two in each call that it
 * sets up), and its time is dearer than ours; 1 ms more on a verdict is nothing to a caller. */
#define POLL_MS      1
#define LINGER_POLLS 50u

static void fail(struct cp_ring *ring, int err)
{
	if (ring->failed)
		return;
	ring->failed = true;
	event_del(ring->rung);
	event_del(ring->again);
	ring->owner->failed(ring->owner->arg, ring->index, err);
}

static void read_batch(struct cp_ring *ring)
{
	static const struct timeval at_once, poll = {.tv_usec = POLL_MS * 1000};
	const struct cp_ring_owner *owner = ring->owner;
	unsigned frames = 0;

	while (frames < BATCH && !ring->failed) {
		uint16_t type;
		uint32_t len;
		int got = ring_read(&ring->in, owner->frame, &type, &len);

		if (got < 0)
			fail(ring, got);
		if (got <= 0)
			break;
		frames++;
		owner->handler(owner->arg, ring->index, type, owner->frame, len);
	}
	if (ring->failed)
		return;
	ring->silent_polls = frames ? 0 : ring->silent_polls + 1;
	/* Timers, not event_active: that would run before the loop looks at any descriptor. */
	if (frames == BATCH)
		event_add(ring->again, &at_once);
	else if (ring->silent_polls < LINGER_POLLS)
		event_add(ring->again, &poll);
	else if (!ring_reader_sleeps(&ring->in))
		event_add(ring->again, &at_once);
}

static void on_again(evutil_socket_t fd, short what, void *arg)
{
	read_batch(arg);
}

static void on_rung(evutil_socket_t fd, short what, void *arg)
{
	struct cp_ring *ring = arg;

	int err = doorbell_clear(ring->doorbell);

	if (err) {
		fail(ring, err);
		return;
	}
	/* A batch that is due reads on by itself: a peer that rings without need gains nothing. */
	if (event_pending(ring->again, EV_TIMEOUT, NULL))
		return;
	ring_reader_woke(&ring->in);
	ring->silent_polls = 0;
	read_batch(ring);
}

int cp_ring_open(struct cp_ring *ring, const struct cp_ring_owner *owner, unsigned index,
		 uint32_t ring_bytes, int memfd, int doorbell)
{
	static const struct timeval at_once;
	int err;

	*ring = (struct cp_ring){
		.owner = owner, .index = index, .bytes = ring_bytes, .doorbell = -1};
	if (!doorbell_is(doorbell))
		return -EPROTO;
	err = ring_map(memfd, ring_bytes, false, &ring->map);
	if (err)
		return err;
	ring->rung = event_new(owner->base, doorbell, EV_READ | EV_PERSIST, on_rung, ring);
	ring->again = event_new(owner->base, -1, 0, on_again, ring);
	/* Nobody rings for a reader that has not slept yet: the first batch is due at once. */
	if (!ring->rung || !ring->again || event_add(ring->rung, NULL) < 0 ||
	    event_add(ring->again, &at_once) < 0) {
		cp_ring_close(ring);
		return -ENOMEM;
	}
	ring_writer_init(&ring->out, ring->map, ring_bytes, RING_TO_DATAPLANE);
	ring_reader_init(&ring->in, ring->map, ring_bytes, RING_TO_CONTROLPLANE);
	ring->doorbell = doorbell;
	return 0;
}

void cp_ring_close(struct cp_ring *ring)
{
	if (ring->rung)
		event_free(ring->rung);
	if (ring->again)
		event_free(ring->again);
	if (ring->map)
		ring_unmap(ring->map, ring->bytes);
	if (ring->doorbell >= 0)
		close(ring->doorbell);
	*ring = (struct cp_ring){.doorbell = -1};
}

int cp_ring_send(struct cp_ring *ring, uint16_t type, const struct span *parts, unsigned nparts)
{
	int err;

	if (ring->failed)
		return -EPROTO;
	err = ring_write(&ring->out, type, parts, nparts);
	if (err == -EPROTO)
		fail(ring, err);
	if (!err && ring_writer_wakes(&ring->out))
		doorbell_ring(ring->doorbell);
	return err;
}
