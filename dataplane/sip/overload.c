/* SPDX-License-Identifier: BSD-3-Clause */
/* Overload: above the limit of the worker's cycles a share of what would begin anew is refused, by
 * one look and without a record, so that what has begun gets through (RFC 6357 section 5, RFC 3261
 * section 21.5.4). One worker thread; libc only. */
#include "dataplane/sip/core.h"

#define BUSY_MAX_DEFAULT     950u
#define RETRY_AFTER_DEFAULT  5u
#define SHARE_ALL	     (1u << 20) /* of 1: all are admitted */
#define SHARE_LEAST	     (SHARE_ALL / 256)
/* A full worker does not show how much more is offered: this much, at the least. */
#define EXCESS_FULL 300u
#define EXCESS_MOST 500u
/* Windows: 250 ms, half of T1. Nobody sends again what waits shorter than that, and a pause of the
 * host, after which a worker is full until it has caught up, is mostly shorter. */
#define SUSTAINED 25u
/* A copy of a refused INVITE may come for as long as its client waits for copies of the answer
 * (timer D). */
#define COPIES_NS (32 * 1000000000ull)

void overload_init(struct engine *e)
{
	e->overload.busy_max = BUSY_MAX_DEFAULT;
	e->overload.retry_after_s = RETRY_AFTER_DEFAULT;
	e->overload.share = SHARE_ALL;
	e->stats.admit_permille = 1000;
}

void overload_settings(struct engine *e, const struct ipc_settings *settings)
{
	struct span emergency = ipc_settings_emergency(settings);

	e->overload.busy_max = settings->busy_permille_max;
	e->overload.retry_after_s = settings->retry_after_s;
	memcpy(e->overload.emergency, emergency.ptr, emergency.len);
	e->overload.emergency_len = (uint32_t)emergency.len;
}

/* The share goes down by 3 % of itself times the excess over the limit, and up by 3 % times what is
 * free of the limit: it settles where the worker is as busy as it may be. What is admitted costs
 * most a while later, and with more than 3 % the share would swing where that is longer than
 * 0.2 s. */
static uint64_t step(uint64_t share, uint32_t distance)
{
	return share * distance * 3 / (100 * 1000);
}

/* Whether it has been too much for long enough to begin to refuse. */
static bool sustained(struct overload *o, uint32_t busy_permille)
{
	if (busy_permille > o->busy_max)
		o->above++;
	else if (o->above)
		o->above--;
	if (o->above <= SUSTAINED)
		return false;
	o->above = 0;
	return true;
}

void engine_load(struct engine *e, uint32_t busy_permille)
{
	struct overload *o = &e->overload;
	uint64_t share = o->share;

	e->stats.busy_permille = busy_permille;
	/* No limit: a worker may be as busy as it can. */
	if (o->busy_max >= 1000) {
		share = SHARE_ALL;
	} else if (share == SHARE_ALL && !sustained(o, busy_permille)) {
		return;
	} else if (busy_permille > o->busy_max) {
		uint32_t excess = busy_permille - o->busy_max;

		if (busy_permille >= 1000 && excess < EXCESS_FULL)
			excess = EXCESS_FULL;
		share -= step(share, excess < EXCESS_MOST ? excess : EXCESS_MOST);
	} else {
		/* By what is free of the limit: a low one is left as fast as a high one. */
		share += step(share, (o->busy_max - busy_permille) * 1000u / o->busy_max) + 1;
	}
	o->share = share > SHARE_ALL ? SHARE_ALL
		   : share < SHARE_LEAST ? SHARE_LEAST
					 : (uint32_t)share;
	e->stats.admit_permille = (uint32_t)((uint64_t)o->share * 1000 / SHARE_ALL);
}

/* What of a Request-URI names an emergency: the user or number, or the service (RFC 5031), each
 * without parameters. */
static struct span called(const struct sip_msg *msg)
{
	struct sip_uri uri;
	struct span name;
	size_t len = 0;

	if (sip_uri_parse(sip_span(msg, msg->ruri), &uri))
		return SPAN_NONE;
	if (uri.is_sip)
		name = uri.user;
	else if (span_ieq(uri.scheme, SPAN("urn")))
		name = sip_span(msg, msg->ruri);
	else
		name = uri.opaque;
	while (len < name.len && name.ptr[len] != ';' && name.ptr[len] != '?')
		len++;
	return span_of(name.ptr, len);
}

/* A service stands for those below it: urn:service:sos for urn:service:sos.fire. */
static bool line_names(struct span line, struct span name)
{
	bool urn = line.len > 4 && span_ieq(span_of(line.ptr, 4), SPAN("urn:"));

	if (line.len == 0 || name.len < line.len ||
	    !span_ieq(span_of(name.ptr, line.len), line))
		return false;
	return name.len == line.len || (urn && name.ptr[line.len] == '.');
}

bool overload_is_emergency(const struct engine *e, const struct sip_msg *msg)
{
	struct span rest = span_of(e->overload.emergency, e->overload.emergency_len),
		    name = called(msg);

	if (msg->method != SIP_METHOD_INVITE || name.len == 0)
		return false;
	while (rest.len) {
		const char *end = memchr(rest.ptr, '\n', rest.len);
		size_t len = end ? (size_t)(end - rest.ptr) : rest.len, skip = len + (end != NULL);

		if (line_names(span_of(rest.ptr, len), name))
			return true;
		rest = span_of(rest.ptr + skip, rest.len - skip);
	}
	return false;
}

/* A copy of what was refused, however much is admitted by now: its answer is under way, or there
 * already. */
static bool is_copy(const struct engine *e, uint64_t key)
{
	const struct overload *o = &e->overload;

	return o->refused_ns && e->now_ns - o->refused_ns < COPIES_NS &&
	       o->refused[key % OVERLOAD_REFUSED] == key;
}

bool overload_refuses(struct engine *e, const struct sip_msg *msg, uint64_t key)
{
	char buf[48];
	struct cursor line = cursor_on(buf, sizeof(buf));
	struct overload *o = &e->overload;

	if (!is_copy(e, key)) {
		/* The transaction's key is as good as chance. */
		if (o->share == SHARE_ALL || key % SHARE_ALL < o->share)
			return false;
		if (screen_is_emergency(e, msg)) {
			e->stats.emergencies_admitted++;
			return false;
		}
		o->refused[key % OVERLOAD_REFUSED] = key;
		o->refused_ns = e->now_ns;
	}
	e->stats.overload_refused++;
	if (o->retry_after_s) {
		put_lit(&line, "Retry-After: ");
		put_u64(&line, o->retry_after_s);
		put_lit(&line, "\r\n");
	}
	build_stateless(e, msg, 503, cursor_span(&line), NULL);
	return true;
}
