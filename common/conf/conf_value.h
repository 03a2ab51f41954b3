/* SPDX-License-Identifier: BSD-3-Clause */
/* One value: its text checked against its key's type and range, and read. Private to
 * common/conf. */
#pragma once

#include "common/conf/conf_schema.h"

#define CONF_SIP_PORT  5060 /* of a peer that names none */
#define CONF_SIPS_PORT 5061 /* and has transport=tls */

/* Whether the text is a value of that key. If not, `why` says so to a person. References are
 * checked elsewhere. */
bool conf_value_ok(const struct conf_key *key, struct span text, char *why, size_t why_bytes);

/* Readers. Each answers false for text that conf_value_ok refuses. */
bool conf_read_number(struct span text, uint64_t low, uint64_t high, uint64_t *value);
bool conf_read_bool(struct span text, bool *value);
bool conf_read_interface(struct span text, struct net_prefix *interface);
bool conf_read_address(struct span text, uint8_t *family, struct net_addr *addr);
bool conf_read_prefix(struct span text, struct net_prefix *prefix);
bool conf_read_endpoint(struct span text, struct net_endpoint *endpoint);
/* A DNS server: an address[:port], the machine's own too. */
bool conf_read_server(struct span text, struct net_endpoint *server);

/* "192.0.2.1:5060;transport=tcp;priority=1;weight=5" or "sip.example.net". NULL, or what is wrong. */
struct conf_peer_text {
	struct net_endpoint addr; /* of a name: no family, port 0 for none */
	struct span host;	  /* of a name */
	uint16_t priority, weight;
	uint8_t transport; /* enum net_transport */
	bool transport_given;
};
const char *conf_read_peer(struct span text, struct conf_peer_text *peer);
bool conf_read_port_range(struct span text, uint16_t *low, uint16_t *high);

bool conf_read_hours(struct span text, struct conf_hours *hours);

/* The prefix with its host bits cleared. */
struct net_prefix conf_network_of(const struct net_prefix *prefix);

/* "10.99.1.0/24", "10.99.1.1", for reasons; text lives until the eighth next call. */
const char *conf_show_prefix(const struct net_prefix *prefix);
const char *conf_show_addr(uint8_t family, const struct net_addr *addr);
