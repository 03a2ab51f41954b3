/* SPDX-License-Identifier: BSD-3-Clause */
/* limen-rehearse: the engine of a worker on memory of its own, for one message. limenctl explain
 * runs it, so that what it shows is what the engine builds, whether a dataplane runs or not. No
 * port is opened and nothing is left. Main thread. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#include "common/conf/conf.h"
#include "common/ipc/rehearsal.h"
#include "dataplane/media/media.h"
#include "dataplane/sip/engine.h"

#define CALLS	       4u
#define PAIRS	       64u
#define NOW_NS	       UINT64_C(1000000000)

static char frame[REHEARSAL_BYTES_MAX] __attribute__((aligned(8)));

struct rehearsal {
	struct conf *conf;
	struct engine_realm realms[CONF_REALMS_MAX];
	struct media_realm media_realms[CONF_REALMS_MAX];
	struct arena arena;
	struct media *media;
	struct engine *engine;
};

static int complain(const char *what)
{
	fprintf(stderr, "limen-rehearse: %s\n", what);
	return EXIT_FAILURE;
}

static void set_realm(struct rehearsal *r, unsigned index)
{
	const struct conf_realm *realm = &r->conf->realms[index];
	struct engine_realm *sip = &r->realms[index];
	struct media_realm *media = &r->media_realms[index];

	sip->dscp_sip = realm->dscp_sip;
	media->dscp = realm->dscp_media;
	media->port_low = realm->media_port_low;
	media->port_high = realm->media_port_high;
	for (unsigned t = NET_UDP + 1; t < NET_TRANSPORTS; t++) {
		(void)conf_realm_endpoint(realm, (enum net_transport)t, NET_IP4, &sip->stream4[t]);
		(void)conf_realm_endpoint(realm, (enum net_transport)t, NET_IP6, &sip->stream6[t]);
	}
	for (unsigned a = 0; a < realm->naddrs; a++) {
		const struct net_prefix *prefix = &realm->addrs[a].prefix;
		const struct net_endpoint own = {
			.addr = prefix->addr, .port = realm->sip_port, .family = prefix->family};

		if (prefix->family == NET_IP4) {
			sip->sip4 = own;
			media->ip4 = prefix->addr;
			media->has_ip4 = true;
		} else {
			sip->sip6 = own;
			media->ip6 = prefix->addr;
			media->has_ip6 = true;
		}
	}
}

static bool open_engine(struct rehearsal *r)
{
	struct arena_slab_def defs[ARENA_SLABS_MAX];
	unsigned n = engine_slab_defs(defs, 0, CALLS), media_first = n;
	struct engine_conf conf = {.nworkers = 1,
				   .nrealms = r->conf->nrealms,
				   .realms = r->realms,
				   .max_calls = CALLS};
	struct media_conf media = {.nworkers = 1,
				   .nrealms = r->conf->nrealms,
				   .realms = r->media_realms,
				   .max_pairs = PAIRS};
	const char *why;

	for (unsigned i = 0; i < r->conf->nrealms; i++)
		set_realm(r, i);
	if (getrandom(conf.seed, sizeof(conf.seed), 0) != sizeof(conf.seed) ||
	    getrandom(conf.shared_seed, sizeof(conf.shared_seed), 0) != sizeof(conf.shared_seed) ||
	    getrandom(&media.seed, sizeof(media.seed), 0) != sizeof(media.seed))
		return false;
	n = media_slab_defs(defs, n, PAIRS);
	if (arena_open(&r->arena, NULL, defs, n, true, false, &why))
		return false;
	r->media = media_new(&media, &r->arena, media_first, NOW_NS);
	r->engine = r->media ? engine_new(&conf, &r->arena, 0, r->media, NOW_NS) : NULL;
	return r->engine != NULL;
}

static bool read_all(void *to, size_t len)
{
	char *at = to;

	while (len) {
		ssize_t n = read(STDIN_FILENO, at, len);

		if (n <= 0)
			return false;
		at += n;
		len -= (size_t)n;
	}
	return true;
}

static bool read_part(enum rehearsal_part part, struct rehearsal_head *head)
{
	return read_all(head, sizeof(*head)) && head->part == (uint32_t)part &&
	       head->len <= sizeof(frame) && read_all(frame, head->len);
}

static void put_part(enum rehearsal_part part, uint8_t realm, const struct net_endpoint *peer,
		     struct span bytes)
{
	struct rehearsal_head head;

	memset(&head, 0, sizeof(head));
	head.part = (uint32_t)part;
	head.len = (uint32_t)bytes.len;
	head.realm = realm;
	if (peer)
		head.peer = *peer;
	fwrite(&head, sizeof(head), 1, stdout);
	if (bytes.len)
		fwrite(bytes.ptr, 1, bytes.len, stdout);
	fflush(stdout);
}

/* Tell what the engine does; the ask_id of its question, or 0: it asks nothing. */
static uint64_t tell_actions(const struct engine *engine)
{
	const struct engine_action *actions;
	unsigned n = engine_actions(engine, &actions);
	uint64_t ask_id = 0;

	for (unsigned i = 0; i < n; i++) {
		const struct engine_action *action = &actions[i];

		if (action->kind == ACTION_SEND) {
			put_part(REHEARSAL_SEND, action->realm, &action->dst, action->bytes);
		} else if (action->kind == ACTION_REPORT && action->type == IPC_ASK) {
			memcpy(&ask_id, action->bytes.ptr, sizeof(ask_id));
			put_part(REHEARSAL_ASK, 0, NULL, action->bytes);
		}
	}
	return ask_id;
}

static const char *fate_text(enum engine_fate fate)
{
	switch (fate) {
	case FATE_PARSE:
		return "it cannot be read as a SIP message";
	case FATE_KEEPALIVE:
		return "it is a keepalive";
	case FATE_NO_DIALOG:
		return "it is of no dialog that there is";
	case FATE_FORGED:
		return "it names a dialog that limen never made";
	default:
		return NULL;
	}
}

static int rehearse(struct rehearsal *r)
{
	struct rehearsal_head head;
	struct engine_source source = {.transport = NET_UDP};
	const char *why;
	uint64_t ask_id;

	if (!read_part(REHEARSAL_MESSAGE, &head) || head.realm >= r->conf->nrealms)
		return complain("no message to rehearse");
	source.realm = head.realm;
	source.peer = head.peer;
	source.local = head.peer.family == NET_IP6 ? r->realms[head.realm].sip6
						   : r->realms[head.realm].sip4;
	if (source.local.family == NET_NONE)
		return complain("the realm has no address of that family");
	engine_link(r->engine, NOW_NS, true);
	why = fate_text(engine_message(r->engine, NOW_NS, &source, span_of(frame, head.len)));
	if (why)
		put_part(REHEARSAL_DROP, 0, NULL, span_str(why));
	ask_id = tell_actions(r->engine);
	if (ask_id) {
		if (!read_part(REHEARSAL_VERDICT, &head) ||
		    ipc_msg_check(IPC_SIDE_CONTROLPLANE, IPC_RING_WORKER, IPC_VERDICT, frame,
				  head.len))
			return complain("that is no verdict");
		engine_frame(r->engine, NOW_NS + 1000000, IPC_VERDICT, frame, head.len);
		(void)tell_actions(r->engine);
	}
	put_part(REHEARSAL_END, 0, NULL, SPAN_NONE);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct rehearsal r = {0};
	int status;

	if (argc != 2) {
		fputs("Usage: limen-rehearse CONFIG   (for limenctl explain)\n", stderr);
		return 2;
	}
	r.conf = conf_load_or_tell(argv[1]);
	if (!r.conf)
		return EXIT_FAILURE;
	status = open_engine(&r) ? rehearse(&r) : complain("out of memory");
	engine_free(r.engine);
	if (r.media)
		media_free(r.media);
	if (r.arena.nslabs)
		arena_close(&r.arena);
	conf_free(r.conf);
	return status;
}
