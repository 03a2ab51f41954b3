/* SPDX-License-Identifier: BSD-3-Clause */
/* While a registrar takes no more, or does not answer: its users are kept, and whoever has to wait
 * comes back at a time of his own. limen-controlplane, loop thread. */
#include "controlplane/registrar/priv.h"

#include <sys/random.h>

#include "common/base/clock.h"
#include "common/log/log.h"

/* What the registrar is about to forget goes before the rest. */
#define URGENT_S   60u
#define KEPT_S_MIN 5u

static uint32_t any_number(void)
{
	uint32_t number = 0;

	/* without a random number they only come less spread */
	(void)!getrandom(&number, sizeof(number), GRND_NONBLOCK);
	return number;
}

static struct core_rate rate_of(const struct registration *reg)
{
	return (struct core_rate){
		.per_s = reg->core_per_s, .burst_ms = reg->core_burst_ms, .down = reg->core_down};
}

static void tell(const struct core *core, bool was_away)
{
	if (core_is_away(core) == was_away)
		return;
	if (was_away)
		LOG(INFO, "registrar", "it answers again: its users are sent on at its rate",
		    LOG_SPAN("trunk", core_name(core)));
	else
		LOG(WARN, "registrar", "it does not answer: its users are kept meanwhile",
		    LOG_SPAN("trunk", core_name(core)));
}

bool outage_takes(struct registrar *r, const struct registration *reg, struct core *core,
		  const struct refresh *refresh)
{
	const struct core_rate rate = rate_of(reg);
	bool was_away = core_is_away(core), takes;
	bool urgent = sip_hdr_value(reg->msg, SIP_HDR_AUTHORIZATION).len ||
		      sip_hdr_value(reg->msg, SIP_HDR_PROXY_AUTHORIZATION).len ||
		      (refresh->is && refresh->core_s < registrar_now_s() + URGENT_S);

	takes = core_takes(core, &rate, urgent ? CORE_URGENT : CORE_ORDINARY, reg->rehearsal,
			   clock_mono_ns());
	tell(core, was_away);
	return takes;
}

/* Until when limen keeps it by itself: as long as the registrar does; and longer where that could
 * not be asked since. */
static uint64_t keeps_until(const struct registrar *r, const struct core *core, uint64_t core_s,
			    uint32_t returns)
{
	return core_is_away(core) || returns < core_returns(core) ? core_s + r->outage_keep_s
								   : core_s;
}

bool outage_keeps(struct registrar *r, const struct registration *reg, struct core *core,
		  const struct refresh *refresh, struct registering *to)
{
	const struct core_rate rate = rate_of(reg);
	uint64_t now = registrar_now_s(), until;
	uint32_t most = r->outage_expires_s;

	if (refresh->is) {
		until = keeps_until(r, core, refresh->core_s, refresh->returns);
		if (to->told_max_s && to->told_max_s < most)
			most = to->told_max_s;
		if (refresh->asked_s < most)
			most = refresh->asked_s;
		if (until < now + most)
			most = until > now ? (uint32_t)(until - now) : 0;
		if (most >= KEPT_S_MIN) {
			/* not all of those that come now are to come again at once */
			to->told_max_s = most - any_number() % (most / 3 + 1);
			return true;
		}
	}
	to->retry_after_s = core_retry_s(core, &rate, any_number(), clock_mono_ns());
	r->stats.busy += !reg->rehearsal;
	return false;
}

static uint32_t retry_after_of(const struct sip_msg *answer)
{
	struct span text = answer ? sip_hdr_value(answer, SIP_HDR_RETRY_AFTER) : SPAN_NONE;
	uint64_t value;
	size_t digits = 0;

	while (digits < text.len && text.ptr[digits] >= '0' && text.ptr[digits] <= '9')
		digits++;
	return digits && !sip_number_parse(span_of(text.ptr, digits), UINT32_MAX, &value)
		       ? (uint32_t)value
		       : 0;
}

void outage_bridge(struct registrar *r, const struct pending *pending, uint32_t seconds)
{
	for (unsigned i = 0; i < pending->n; i++) {
		uint64_t until = registrar_now_s() + seconds, most;
		uint32_t number;
		struct binding b;

		if (!bindings_find(r->bindings, &pending->contacts[i].id, &number) ||
		    !bindings_get(r->bindings, number, &b) || b.call_id != pending->call_id ||
		    !net_endpoint_eq(&b.source, &pending->source))
			continue;
		most = b.core_s + r->outage_keep_s;
		if (until > most)
			until = most;
		if (until > b.expires_s &&
		    !bindings_prolong(r->bindings, number, until, b.cseq, true) && r->store &&
		    dirty_put(&r->dirty, number))
			r->stats.failures++;
	}
}

/* The registrar has spoken: nobody is kept beyond what it had granted. */
static void end_bridge(struct registrar *r, const struct pending *pending)
{
	for (unsigned i = 0; i < pending->n; i++) {
		uint32_t number;
		struct binding b;

		if (bindings_find(r->bindings, &pending->contacts[i].id, &number) &&
		    bindings_get(r->bindings, number, &b) && b.kept && b.expires_s > b.core_s &&
		    b.call_id == pending->call_id && net_endpoint_eq(&b.source, &pending->source))
			(void)bindings_prolong(r->bindings, number, b.core_s, b.cseq, false);
	}
}

void outage_answered(struct registrar *r, const struct pending *pending, uint16_t status,
		     const struct sip_msg *answer)
{
	bool was_away = core_is_away(pending->core);

	core_answered(pending->core, answer ? status : 0, retry_after_of(answer), clock_mono_ns());
	tell(pending->core, was_away);
	if (!answer || status == 503)
		outage_bridge(r, pending, r->outage_expires_s);
	else if (status / 100 != 2 && status != 401 && status != 407)
		end_bridge(r, pending);
}
