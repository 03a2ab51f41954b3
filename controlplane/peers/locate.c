/* SPDX-License-Identifier: BSD-3-Clause */
/* From a name to addresses (RFC 3263 section 4). limen-controlplane, loop thread. */
#include "controlplane/peers/locate.h"

#include <stdio.h>

#define SIP_PORT     5060
#define WEIGHT_SCALE 16u /* so that a weight of 0 gets a small share, as RFC 2782 has it */

struct locating {
	struct dns *dns;
	unsigned families;
	struct located *found;
	unsigned n, max;
};

static void add(struct locating *l, uint8_t family, const struct net_addr *addr, uint16_t port,
		uint16_t priority, uint32_t weight)
{
	const struct located it = {{.addr = *addr, .port = port, .family = family}, priority, weight};

	for (unsigned i = 0; i < l->n; i++) {
		if (net_endpoint_eq(&l->found[i].addr, &it.addr))
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

		if (!(l->families >> kinds[k].family & 1))
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

/* The NAPTR that leads to SIP over UDP, the first in its order; NULL: none does. */
static const struct dns_record *first_naptr(const struct dns_answer *answer)
{
	const struct dns_record *first = NULL;

	for (unsigned i = 0; answer && i < answer->n; i++) {
		const struct dns_record *r = &answer->records[i];

		if (strcmp(r->service, "SIP+D2U") != 0 || (r->flags != 's' && r->flags != 'a') ||
		    !r->target[0])
			continue;
		if (!first || r->priority < first->priority ||
		    (r->priority == first->priority && r->weight < first->weight))
			first = r;
	}
	return first;
}

unsigned locate(struct dns *dns, const char *name, uint16_t port, unsigned families,
		struct located *found, unsigned max)
{
	struct locating l = {.dns = dns, .families = families, .found = found, .max = max};
	const struct dns_answer *answer;
	const struct dns_record *naptr;
	char service[DNS_NAME_MAX + 16];
	bool waits = false;

	if (port) {
		take_addresses(&l, name, port, 0, 1);
		return l.n;
	}
	if (dns_find(dns, name, DNS_NAPTR, &answer) == DNS_ASKING)
		return 0;
	naptr = first_naptr(answer);
	if (naptr && naptr->flags == 'a') {
		take_addresses(&l, naptr->target, SIP_PORT, 0, 1);
		return l.n;
	}
	snprintf(service, sizeof(service), "_sip._udp.%s", name);
	if (!take_services(&l, naptr ? naptr->target : service, &waits) && !waits)
		take_addresses(&l, name, SIP_PORT, 0, 1);
	return l.n;
}
