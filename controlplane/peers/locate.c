/* SPDX-License-Identifier: BSD-3-Clause */
/* From a name to addresses (RFC 3263 section 4). limen-controlplane, loop thread. */
#include "controlplane/peers/locate.h"

#include <stdio.h>

#define SIP_PORT     5060
#define SIPS_PORT    5061
#define WEIGHT_SCALE 16u /* so that a weight of 0 gets a small share, as RFC 2782 has it */

struct locating {
	struct dns *dns;
	const struct locate_name *name;
	uint8_t transport; /* being looked up */
	struct located *found;
	unsigned n, max;
};

static void add(struct locating *l, uint8_t family, const struct net_addr *addr, uint16_t port,
		uint16_t priority, uint32_t weight)
{
	const struct located it = {
		{.addr = *addr, .port = port, .family = family}, priority, weight, l->transport};

	for (unsigned i = 0; i < l->n; i++) {
		if (net_endpoint_eq(&l->found[i].addr, &it.addr) &&
		    l->found[i].transport == it.transport)
			return;
	}
	if (l->n < l->max)
		l->found[l->n++] = it;
}

static void take_addresses(struct locating *l, const char *name, uint16_t port, uint16_t priority,
			   uint32_t weight)
{
	static const struct {
		uint8_t family;
		enum dns_type type;
	} kinds[] = {{NET_IP4, DNS_A}, {NET_IP6, DNS_AAAA}};

	for (unsigned k = 0; k < 2; k++) {
		const struct dns_answer *answer;

		if (!(l->name->families[l->transport] >> kinds[k].family & 1))
			continue;
		(void)dns_find(l->dns, name, kinds[k].type, &answer);
		for (unsigned i = 0; answer && i < answer->n; i++) {
			if (net_addr_is_host(kinds[k].family, &answer->records[i].addr))
				add(l, kinds[k].family, &answer->records[i].addr, port, priority,
				    weight);
		}
	}
}

/* False: there is no such service; its name is to be looked up as a host. */
static bool take_services(struct locating *l, const char *name, bool *waits)
{
	const struct dns_answer *answer;
	enum dns_state state = dns_find(l->dns, name, DNS_SRV, &answer);

	*waits = state == DNS_ASKING;
	for (unsigned i = 0; answer && i < answer->n; i++) {
		const struct dns_record *r = &answer->records[i];

		/* RFC 2782: a target of "." is a decided no */
		if (r->target[0] && r->port)
			take_addresses(l, r->target, r->port, r->priority,
				       r->weight * WEIGHT_SCALE + 1);
	}
	return answer != NULL;
}

/* The transports that limen prefers where nothing says which: what costs least first. */
static const struct {
	const char *service; /* of NAPTR (RFC 3263 section 4.1, RFC 4168) */
	const char *srv;
	uint8_t transport;
} ways[] = {
	{"SIP+D2U", "_sip._udp.", NET_UDP},
	{"SIP+D2T", "_sip._tcp.", NET_TCP},
	{"SIPS+D2T", "_sips._tcp.", NET_TLS},
	{"SIP+D2S", "_sip._sctp.", NET_SCTP},
};
#define WAYS (sizeof(ways) / sizeof(ways[0]))

/* Whether it may be used for that name. */
static bool usable(const struct locate_name *name, unsigned way)
{
	uint8_t transport = ways[way].transport;

	return name->families[transport] &&
	       (!name->transport_given || name->transport == transport);
}

/* The NAPTR that leads to SIP in a way that limen can go, the first in its order; NULL: none
 * does. */
static const struct dns_record *first_naptr(const struct dns_answer *answer,
					    const struct locate_name *name, uint8_t *transport)
{
	const struct dns_record *first = NULL;

	for (unsigned i = 0; answer && i < answer->n; i++) {
		const struct dns_record *r = &answer->records[i];
		unsigned way = 0;

		while (way < WAYS && strcmp(r->service, ways[way].service) != 0)
			way++;
		if (way == WAYS || !usable(name, way) || (r->flags != 's' && r->flags != 'a') ||
		    !r->target[0])
			continue;
		if (!first || r->priority < first->priority ||
		    (r->priority == first->priority && r->weight < first->weight)) {
			first = r;
			*transport = ways[way].transport;
		}
	}
	return first;
}

static uint16_t port_of(uint8_t transport)
{
	return transport == NET_TLS ? SIPS_PORT : SIP_PORT;
}

/* Without NAPTR: the services by name, the first that there is. */
static void take_srv(struct locating *l)
{
	char service[DNS_NAME_MAX + 16];
	bool waits = false;

	for (unsigned w = 0; w < WAYS; w++) {
		if (!usable(l->name, w))
			continue;
		l->transport = ways[w].transport;
		snprintf(service, sizeof(service), "%s%s", ways[w].srv, l->name->name);
		if (take_services(l, service, &waits) || waits)
			return;
	}
	l->transport = l->name->transport;
	take_addresses(l, l->name->name, port_of(l->transport), 0, 1);
}

unsigned locate(struct dns *dns, const struct locate_name *name, struct located *found,
		unsigned max)
{
	struct locating l = {
		.dns = dns, .name = name, .transport = name->transport, .found = found, .max = max};
	const struct dns_answer *answer;
	const struct dns_record *naptr;
	bool waits = false;

	if (name->port) {
		take_addresses(&l, name->name, name->port, 0, 1);
		return l.n;
	}
	if (dns_find(dns, name->name, DNS_NAPTR, &answer) == DNS_ASKING)
		return 0;
	naptr = first_naptr(answer, name, &l.transport);
	if (!naptr)
		take_srv(&l);
	else if (naptr->flags == 'a')
		take_addresses(&l, naptr->target, port_of(l.transport), 0, 1);
	else if (!take_services(&l, naptr->target, &waits) && !waits)
		take_addresses(&l, name->name, port_of(l.transport), 0, 1);
	return l.n;
}
