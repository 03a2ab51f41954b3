/* SPDX-License-Identifier: BSD-3-Clause */
/* Who is registered from where. Bindings lie in one array; chains through it, by token and by user,
 * begin in two tables that grow with it. limen-controlplane, loop thread. */
#include "controlplane/registrar/bindings.h"

#include <errno.h>
#include <stdlib.h>

#include "controlplane/core/heap.h"

/* Numbers in chains are plus 1; 0 ends them. */
struct record {
	struct binding_id id;
	struct net_endpoint source;
	uint32_t next_by_id; /* of a free one: the next free one */
	uint64_t expires_s, core_s, since_s, call_id, instance, flow;
	uint32_t cseq, reg_id;
	uint16_t q, flags;
	char *texts; /* owned: trunk, user, contact; NULL: free */
	uint32_t next_by_user, returns;
	uint16_t trunk_len, user_len, contact_len;
	bool kept;
	uint8_t transport;
};

struct bindings {
	struct hash_key key;
	struct record *records;
	uint32_t end, room, count;
	uint32_t first_free;
	uint32_t *by_id, *by_user; /* heads of chains */
	uint32_t mask;
	struct heap expiry;
};

struct bindings *bindings_new(const struct hash_key *key)
{
	struct bindings *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->key = *key;
	b->mask = 63;
	b->by_id = calloc(b->mask + 1u, sizeof(*b->by_id));
	b->by_user = calloc(b->mask + 1u, sizeof(*b->by_user));
	if (!b->by_id || !b->by_user) {
		bindings_free(b);
		return NULL;
	}
	return b;
}

void bindings_free(struct bindings *b)
{
	if (!b)
		return;
	for (uint32_t i = 0; i < b->end; i++)
		free(b->records[i].texts);
	free(b->records);
	free(b->by_id);
	free(b->by_user);
	heap_free(&b->expiry);
	free(b);
}

static struct span trunk_of(const struct record *r)
{
	return span_of(r->texts, r->trunk_len);
}

static struct span user_of(const struct record *r)
{
	return span_of(r->texts + r->trunk_len, r->user_len);
}

static uint32_t *chain_by_id(const struct bindings *b, const struct binding_id *id)
{
	return &b->by_id[id->words[0] & b->mask];
}

static uint32_t *chain_by_user(const struct bindings *b, struct span trunk, struct span user)
{
	struct hash_sip h = hash_sip_start(&b->key);

	hash_sip_add(&h, &trunk.len, sizeof(trunk.len));
	hash_sip_add(&h, trunk.ptr, trunk.len);
	hash_sip_add(&h, user.ptr, user.len);
	return &b->by_user[hash_sip_end(&h) & b->mask];
}

static void link_in(struct bindings *b, uint32_t number)
{
	struct record *r = &b->records[number];
	uint32_t *id = chain_by_id(b, &r->id), *user = chain_by_user(b, trunk_of(r), user_of(r));

	r->next_by_id = *id;
	*id = number + 1;
	r->next_by_user = *user;
	*user = number + 1;
}

static void unlink_out(struct bindings *b, uint32_t number)
{
	struct record *r = &b->records[number];
	uint32_t *at = chain_by_id(b, &r->id);

	while (*at != number + 1)
		at = &b->records[*at - 1].next_by_id;
	*at = r->next_by_id;
	at = chain_by_user(b, trunk_of(r), user_of(r));
	while (*at != number + 1)
		at = &b->records[*at - 1].next_by_user;
	*at = r->next_by_user;
}

/* Longer tables while chains would grow; without memory they grow. */
static void widen(struct bindings *b)
{
	uint32_t mask = b->mask * 2 + 1;
	uint32_t *by_id, *by_user;

	if (b->count <= b->mask)
		return;
	by_id = calloc((size_t)mask + 1, sizeof(*by_id));
	by_user = calloc((size_t)mask + 1, sizeof(*by_user));
	if (!by_id || !by_user) {
		free(by_id);
		free(by_user);
		return;
	}
	free(b->by_id);
	free(b->by_user);
	b->by_id = by_id;
	b->by_user = by_user;
	b->mask = mask;
	for (uint32_t i = 0; i < b->end; i++) {
		if (b->records[i].texts)
			link_in(b, i);
	}
}

static int take_number(struct bindings *b, uint32_t *number)
{
	if (b->first_free) {
		*number = b->first_free - 1;
		return 0;
	}
	if (b->end == b->room) {
		uint32_t room = b->room ? b->room + b->room / 2 : 64;
		struct record *records = realloc(b->records, room * sizeof(*records));

		if (!records)
			return -ENOMEM;
		b->records = records;
		b->room = room;
	}
	*number = b->end;
	return 0;
}

static char *copy_texts(const struct binding *binding)
{
	size_t bytes = binding->trunk.len + binding->user.len + binding->contact.len;
	char *texts = malloc(bytes + 1);
	struct cursor out = cursor_on(texts, (uint32_t)bytes);

	if (!texts)
		return NULL;
	put_span(&out, binding->trunk);
	put_span(&out, binding->user);
	put_span(&out, binding->contact);
	return texts;
}

static void fill(struct record *r, const struct binding *binding, char *texts)
{
	r->id = binding->id;
	r->source = binding->source;
	r->expires_s = binding->expires_s;
	r->core_s = binding->core_s;
	r->call_id = binding->call_id;
	r->cseq = binding->cseq;
	r->reg_id = binding->reg_id;
	r->instance = binding->instance;
	r->flow = binding->flow;
	r->transport = binding->transport;
	r->q = binding->q;
	r->flags = binding->flags;
	r->returns = binding->returns;
	r->kept = binding->kept;
	r->texts = texts;
	r->trunk_len = (uint16_t)binding->trunk.len;
	r->user_len = (uint16_t)binding->user.len;
	r->contact_len = (uint16_t)binding->contact.len;
}

int bindings_put(struct bindings *b, const struct binding *binding, uint32_t *number)
{
	bool known = bindings_find(b, &binding->id, number);
	char *texts = copy_texts(binding);
	int err = texts ? 0 : -ENOMEM;

	if (!err && !known)
		err = take_number(b, number);
	if (!err)
		err = heap_set(&b->expiry, *number, binding->expires_s);
	if (err) {
		free(texts);
		return err;
	}
	if (known) {
		unlink_out(b, *number);
		free(b->records[*number].texts);
	} else {
		if (*number == b->end)
			b->end++;
		else
			b->first_free = b->records[*number].next_by_id;
		b->records[*number].since_s = binding->since_s;
		b->count++;
	}
	fill(&b->records[*number], binding, texts);
	link_in(b, *number);
	widen(b);
	return 0;
}

int bindings_prolong(struct bindings *b, uint32_t number, uint64_t expires_s, uint32_t cseq,
		     bool kept)
{
	int err = heap_set(&b->expiry, number, expires_s);

	if (err)
		return err;
	b->records[number].expires_s = expires_s;
	b->records[number].cseq = cseq;
	b->records[number].kept = kept;
	return 0;
}

void bindings_remove(struct bindings *b, uint32_t number)
{
	struct record *r = &b->records[number];

	unlink_out(b, number);
	heap_remove(&b->expiry, number);
	free(r->texts);
	*r = (struct record){.next_by_id = b->first_free};
	b->first_free = number + 1;
	b->count--;
}

bool bindings_find(const struct bindings *b, const struct binding_id *id, uint32_t *number)
{
	for (uint32_t at = *chain_by_id(b, id); at; at = b->records[at - 1].next_by_id) {
		if (binding_id_eq(&b->records[at - 1].id, id)) {
			*number = at - 1;
			return true;
		}
	}
	return false;
}

/* *at: plus 1 the next to look at, UINT32_MAX at the end; so the last one told can go. */
bool bindings_of_user(const struct bindings *b, struct span trunk, struct span user, uint32_t *at,
		      uint32_t *number)
{
	uint32_t next = *at ? *at : *chain_by_user(b, trunk, user);

	while (next && next != UINT32_MAX) {
		const struct record *r = &b->records[next - 1];

		*number = next - 1;
		next = r->next_by_user;
		*at = next ? next : UINT32_MAX;
		if (span_eq(trunk_of(r), trunk) && span_eq(user_of(r), user))
			return true;
	}
	return false;
}

bool bindings_get(const struct bindings *b, uint32_t number, struct binding *binding)
{
	const struct record *r = number < b->end ? &b->records[number] : NULL;

	if (!r || !r->texts)
		return false;
	*binding = (struct binding){
		.id = r->id,
		.source = r->source,
		.trunk = trunk_of(r),
		.user = user_of(r),
		.contact = span_of(r->texts + r->trunk_len + r->user_len, r->contact_len),
		.expires_s = r->expires_s,
		.core_s = r->core_s,
		.since_s = r->since_s,
		.call_id = r->call_id,
		.cseq = r->cseq,
		.reg_id = r->reg_id,
		.instance = r->instance,
		.flow = r->flow,
		.transport = r->transport,
		.q = r->q,
		.flags = r->flags,
		.returns = r->returns,
		.kept = r->kept,
	};
	return true;
}

bool bindings_first(const struct bindings *b, uint32_t *number, uint64_t *expires_s)
{
	return heap_first(&b->expiry, number, expires_s);
}

uint32_t bindings_count(const struct bindings *b)
{
	return b->count;
}

uint32_t bindings_end(const struct bindings *b)
{
	return b->end;
}
