/* SPDX-License-Identifier: BSD-3-Clause */
/* What will happen, in order of virtual time; events of the same time in the order they were
 * added. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum event_kind {
	EVENT_TO_ENGINE, /* data: struct packet */
	EVENT_TO_UA,	 /* data: struct packet; who: endpoint */
	EVENT_UA_TIMER,	 /* who: endpoint */
	EVENT_CONTROL,	 /* data: struct control_event */
	EVENT_OWNER,	 /* data: struct packet, of which only the bytes count; who: worker */
};

struct event {
	uint64_t at_ns;
	uint64_t serial;
	uint32_t kind; /* enum event_kind */
	uint32_t who;
	void *data; /* owned by the event; freed by whoever takes it */
};

struct events {
	struct event *heap;
	uint32_t n, room;
	uint64_t serial;
};

void events_add(struct events *events, uint64_t at_ns, enum event_kind kind, uint32_t who,
		void *data);
/* UINT64_MAX when there is none. */
uint64_t events_next_ns(const struct events *events);
/* The earliest; there must be one. */
struct event events_take(struct events *events);
void events_free(struct events *events);
