/* SPDX-License-Identifier: BSD-3-Clause */
/* Reassembly of IP fragments: bounded in datagrams, packets and time. Each worker has its own. */
#include "dataplane/classify/reassembly.h"

#include <rte_mempool.h>
#include <stdlib.h>

#define NONE UINT32_MAX

/* 65,535 bytes in the pieces of a 576-byte path are 119. */
#define FRAGMENTS_MAX 128u

enum datagram_state {
	DATAGRAM_FREE = 0,
	DATAGRAM_OPEN,
	DATAGRAM_SPOILT, /* its fragments contradict each other: what still comes of it is dropped
			    (RFC 5722) */
};

/* What names a datagram: compared as bytes, so no holes. */
struct datagram_key {
	struct net_addr src, dst;
	uint32_t id;
	uint8_t realm;
	uint8_t family;
	uint8_t pad[2];
};
static_assert(sizeof(struct datagram_key) == 40, "no holes");

struct datagram {
	struct datagram_key key;
	uint64_t expires_ns;
	struct rte_mbuf *first, *last; /* fragments by offset */
	uint32_t bytes;		       /* of all of them */
	uint32_t total;		       /* of the datagram, 0: the last fragment has not come */
	uint16_t nfragments;
	uint8_t state;	       /* enum datagram_state */
	uint32_t chain;	       /* next in the bucket, or in the free list */
	uint32_t older, newer; /* by age */
};

struct reassembly {
	struct reassembly_conf conf;
	uint32_t mask;
	uint32_t free;
	uint32_t oldest, newest;
	uint32_t held; /* packets */
	uint32_t *buckets;
	struct datagram *datagrams;
};

static struct datagram_key key_of(const struct fragment *fragment)
{
	return (struct datagram_key){
		.src = fragment->pkt.src,
		.dst = fragment->pkt.dst,
		.id = fragment->id,
		.realm = fragment->pkt.realm,
		.family = fragment->pkt.family,
	};
}

unsigned fragment_owner(const struct fragment *fragment, unsigned nworkers)
{
	struct datagram_key key = key_of(fragment);

	return (unsigned)((hash_fast(0, span_of(&key, sizeof(key))) >> 32) * nworkers >> 32);
}

static uint32_t *bucket_of(struct reassembly *r, const struct datagram_key *key)
{
	return &r->buckets[hash_sip(&r->conf.seed, span_of(key, sizeof(*key))) & r->mask];
}

static void drop_fragments(struct reassembly *r, struct datagram *d)
{
	while (d->first) {
		struct rte_mbuf *m = d->first;

		d->first = fragment_of(m)->next;
		pkt_drop(r->conf.drops, m, DROP_FRAGMENT);
	}
	r->held -= d->nfragments;
	d->last = NULL;
	d->nfragments = 0;
}

/* Out of the table; its fragments are gone already. */
static void forget(struct reassembly *r, uint32_t index)
{
	struct datagram *d = &r->datagrams[index];
	uint32_t *at = bucket_of(r, &d->key);

	while (*at != index)
		at = &r->datagrams[*at].chain;
	*at = d->chain;
	if (d->older == NONE)
		r->oldest = d->newer;
	else
		r->datagrams[d->older].newer = d->newer;
	if (d->newer == NONE)
		r->newest = d->older;
	else
		r->datagrams[d->newer].older = d->older;
	d->state = DATAGRAM_FREE;
	d->chain = r->free;
	r->free = index;
}

static void drop_oldest(struct reassembly *r)
{
	drop_fragments(r, &r->datagrams[r->oldest]);
	forget(r, r->oldest);
}

static uint32_t find_or_make(struct reassembly *r, const struct datagram_key *key, uint64_t now_ns)
{
	uint32_t *bucket = bucket_of(r, key);
	struct datagram *d;
	uint32_t index;

	for (index = *bucket; index != NONE; index = r->datagrams[index].chain)
		if (memcmp(&r->datagrams[index].key, key, sizeof(*key)) == 0)
			return index;
	if (r->free == NONE)
		drop_oldest(r);
	index = r->free;
	d = &r->datagrams[index];
	r->free = d->chain;
	*d = (struct datagram){
		.key = *key,
		.expires_ns = now_ns + r->conf.timeout_ns,
		.state = DATAGRAM_OPEN,
		.chain = *bucket,
		.older = r->newest,
		.newer = NONE,
	};
	*bucket = index;
	if (r->newest == NONE)
		r->oldest = index;
	else
		r->datagrams[r->newest].newer = index;
	r->newest = index;
	return index;
}

static uint32_t fragment_end(const struct fragment *fragment)
{
	return (uint32_t)fragment->pkt.frag_offset + fragment->pkt.payload_len;
}

enum insert_result { INSERTED, DUPLICATE, CONTRADICTION };

static enum insert_result insert(struct datagram *d, struct rte_mbuf *m)
{
	struct fragment *fragment = fragment_of(m);
	uint32_t offset = fragment->pkt.frag_offset, end = fragment_end(fragment);
	struct rte_mbuf *before = NULL, *after = d->first;

	if (d->last && fragment_of(d->last)->pkt.frag_offset <
			       offset) { /* in order, as fragments mostly are */
		before = d->last;
		after = NULL;
	}
	while (after && fragment_of(after)->pkt.frag_offset < offset) {
		before = after;
		after = fragment_of(after)->next;
	}
	if (after && fragment_of(after)->pkt.frag_offset == offset &&
	    fragment_end(fragment_of(after)) == end &&
	    fragment_of(after)->pkt.frag_more == fragment->pkt.frag_more)
		return DUPLICATE;
	if ((before && fragment_end(fragment_of(before)) > offset) ||
	    (after && fragment_of(after)->pkt.frag_offset < end))
		return CONTRADICTION;
	if (!fragment->pkt.frag_more) {
		if (d->total || after)
			return CONTRADICTION;
		d->total = end;
	} else if (d->total && end > d->total) {
		return CONTRADICTION;
	}
	fragment->next = after;
	if (before)
		fragment_of(before)->next = m;
	else
		d->first = m;
	if (!after)
		d->last = m;
	d->bytes += fragment->pkt.payload_len;
	d->nfragments++;
	return INSERTED;
}

/* All in one packet, where it fits; NULL where there is none. */
static struct rte_mbuf *copy_flat(const struct reassembly *r, const struct datagram *d)
{
	const struct pkt *head = pkt_of(d->first);
	struct rte_mbuf *flat;
	uint8_t *to;

	if (RTE_PKTMBUF_HEADROOM + head->payload_off + d->total >
	    rte_pktmbuf_data_room_size(r->conf.pool))
		return NULL;
	flat = rte_pktmbuf_alloc(r->conf.pool);
	if (!flat)
		return NULL;
	to = pkt_extend(flat, (uint16_t)(head->payload_off + d->total));
	memcpy(to, rte_pktmbuf_mtod(d->first, void *), head->payload_off);
	to += head->payload_off;
	flat->port = d->first->port;
	*pkt_of(flat) = *head;
	for (struct rte_mbuf *m = d->first, *next; m; m = next) {
		const struct fragment *fragment = fragment_of(m);

		next = fragment->next;
		memcpy(to, rte_pktmbuf_mtod_offset(m, void *, fragment->pkt.payload_off),
		       fragment->pkt.payload_len);
		to += fragment->pkt.payload_len;
		rte_pktmbuf_free(m);
	}
	return flat;
}

/* The fragments' packets as segments of one. */
static struct rte_mbuf *chain(const struct datagram *d)
{
	struct rte_mbuf *head = d->first, *tail = head;
	struct rte_mbuf *next = fragment_of(head)->next;

	head->data_len = (uint16_t)(pkt_of(head)->payload_off + pkt_of(head)->payload_len);
	head->pkt_len = head->data_len;
	while (next) {
		struct rte_mbuf *m = next;
		const struct fragment *fragment = fragment_of(m);

		next = fragment->next;
		m->data_off = (uint16_t)(m->data_off + fragment->pkt.payload_off);
		m->data_len = fragment->pkt.payload_len;
		m->pkt_len = m->data_len;
		head->pkt_len += m->data_len;
		head->nb_segs++;
		tail->next = m;
		tail = m;
	}
	return head;
}

static struct rte_mbuf *complete(struct reassembly *r, uint32_t index)
{
	struct datagram *d = &r->datagrams[index];
	struct rte_mbuf *whole = copy_flat(r, d);

	if (!whole)
		whole = chain(d);
	pkt_of(whole)->payload_len = (uint16_t)d->total;
	whole->ol_flags &= ~RTE_MBUF_F_RX_L4_CKSUM_MASK; /* what the port said was of a fragment */
	r->held -= d->nfragments;
	forget(r, index);
	return whole;
}

struct rte_mbuf *reassembly_take(struct reassembly *r, struct rte_mbuf *m, uint64_t now_ns)
{
	struct datagram_key key = key_of(fragment_of(m));
	enum insert_result result = CONTRADICTION;
	struct datagram *d;
	uint32_t index;

	while (r->held >= r->conf.pkts && r->oldest != NONE)
		drop_oldest(r);
	index = find_or_make(r, &key, now_ns);
	d = &r->datagrams[index];
	if (d->state == DATAGRAM_OPEN && m->nb_segs == 1 && d->nfragments < FRAGMENTS_MAX)
		result = insert(d, m);
	if (result == INSERTED) {
		r->held++;
		return d->total && d->bytes == d->total ? complete(r, index) : NULL;
	}
	pkt_drop(r->conf.drops, m, DROP_FRAGMENT);
	if (result == CONTRADICTION) {
		drop_fragments(r, d);
		d->state = DATAGRAM_SPOILT;
	}
	return NULL;
}

void reassembly_expire(struct reassembly *r, uint64_t now_ns)
{
	while (r->oldest != NONE && r->datagrams[r->oldest].expires_ns <= now_ns)
		drop_oldest(r);
}

uint32_t reassembly_held(const struct reassembly *r)
{
	return r->held;
}

struct reassembly *reassembly_new(const struct reassembly_conf *conf)
{
	struct reassembly *r = calloc(1, sizeof(*r));
	uint32_t nbuckets = 1;

	if (!r)
		return NULL;
	while (nbuckets < conf->datagrams)
		nbuckets *= 2;
	r->conf = *conf;
	r->mask = nbuckets - 1;
	r->oldest = r->newest = r->free = NONE;
	r->buckets = malloc(nbuckets * sizeof(*r->buckets));
	r->datagrams = calloc(conf->datagrams, sizeof(*r->datagrams));
	if (!r->buckets || !r->datagrams) {
		reassembly_free(r);
		return NULL;
	}
	memset(r->buckets, 0xff, nbuckets * sizeof(*r->buckets));
	for (uint32_t i = conf->datagrams; i-- > 0;) {
		r->datagrams[i].chain = r->free;
		r->free = i;
	}
	return r;
}

void reassembly_free(struct reassembly *r)
{
	if (!r)
		return;
	while (r->datagrams && r->oldest != NONE)
		drop_oldest(r);
	free(r->buckets);
	free(r->datagrams);
	free(r);
}
