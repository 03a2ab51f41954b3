/* SPDX-License-Identifier: BSD-3-Clause */
/* Which peers of which trunks answer: what OPTIONS probes said, with hysteresis. A function of its
 * inputs: time and results come in, probes to send and changes come out. limen-controlplane, loop
 * thread. */
#pragma once

#include "controlplane/peers/peers.h"

struct health;

enum health_state {
	HEALTH_UNPROBED = 0, /* the trunk does not ask for it */
	HEALTH_UNKNOWN,      /* not enough is known yet: counts as usable */
	HEALTH_UP,
	HEALTH_DOWN,
	HEALTH_STATES
};

/* One peer of one trunk. */
struct health_peer {
	unsigned trunk, peer; /* indexes: in the config, and in the trunk's set */
	struct net_endpoint addr;
	uint8_t transport;    /* enum net_transport */
	uint8_t state;        /* enum health_state */
	uint16_t status;      /* of the last probe that ended; 0: none has */
	uint32_t rtt_us;      /* of the last that was answered; 0: none was */
	uint64_t since_ns;    /* UNIX time; in this state */
};

struct health_stats {
	uint64_t sent, answered, unanswered, late, changes;
};

/* NULL when there is no memory. */
struct health *health_new(void);
void health_free(struct health *health);

/* Go over to a config, which outlives the health or the next call, or to what the names of its peers
 * lead to now: peers of trunks that have kept
 * their names keep their states. `spread` is random: when the first probes go out hangs on it. 0,
 * or -ENOMEM: then it is as it was. */
int health_configure(struct health *health, const struct conf *conf,
		     const struct peer_sets *sets, uint64_t now_ns, uint64_t spread);

/* Begin anew with probing, as after a time without a dataplane: spread over each trunk's
 * interval. */
void health_spread(struct health *health, uint64_t now_ns, uint64_t spread);

/* When the next probe is due, in the time of the calls' `now_ns`; false: there is none. */
bool health_due(const struct health *health, uint64_t *due_ns);

/* The next probe to send now; false: none is due. It counts as sent. */
struct health_probe {
	uint64_t id;
	unsigned trunk, peer;
	struct net_endpoint addr;
	uint8_t transport; /* enum net_transport */
	unsigned turn; /* grows by one with each: for spreading over workers */
};
bool health_next(struct health *health, uint64_t now_ns, struct health_probe *probe);

/* It could not be sent after all: try again at that time. */
void health_unsent(struct health *health, const struct health_probe *probe, uint64_t again_ns);

/* A probe ended. Whether that changed the peer's state; the peer is told where `known`. */
struct health_result {
	bool known, changed;
	struct health_peer peer;
};
struct health_result health_end(struct health *health, uint64_t id, uint16_t status,
				uint32_t rtt_us, uint64_t unix_ns);

/* The dataplane went away, and with it what is known. */
void health_forget(struct health *health, uint64_t unix_ns);

/* A bit for each peer of the trunk that is down. */
uint8_t health_down(const struct health *health, unsigned trunk);

struct health_peer health_peer(const struct health *health, unsigned trunk, unsigned peer);

void health_stats(const struct health *health, struct health_stats *stats);

const char *health_state_name(enum health_state state); /* "unprobed", "unknown", "up", "down" */
