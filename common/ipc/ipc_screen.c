/* SPDX-License-Identifier: BSD-3-Clause */
/* Checks and accessors of the messages about sources and limits. Both processes, any thread. */
#include "common/ipc/ipc_msg.h"

static bool rates_are_good(const uint32_t *rates, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (rates[i] > IPC_RATE_MAX)
			return false;
	return true;
}

struct span ipc_screen_agents(const struct ipc_screen *screen)
{
	return span_of((const char *)screen + sizeof(*screen), screen->agents_len);
}

/* Lower case, as it is looked for; no part is empty, for that would be in every User-Agent. */
static bool agents_are_good(struct span agents)
{
	size_t len = 0;

	for (size_t i = 0; i < agents.len; i++) {
		char ch = agents.ptr[i];

		if (ch == '\n' ? len == 0 : ch < 0x20 || ch > 0x7e || (ch >= 'A' && ch <= 'Z'))
			return false;
		len = ch == '\n' ? 0 : len + 1;
	}
	return agents.len == 0 || len != 0;
}

bool ipc_screen_check(const struct ipc_screen *screen, uint32_t len)
{
	for (unsigned i = 0; i < IPC_CLASSES; i++)
		if (!rates_are_good(&screen->classes[i].pkts_per_s, 1) ||
		    !rates_are_good(&screen->classes[i].requests_per_s, 1))
			return false;
	return sizeof(*screen) + (uint64_t)screen->agents_len == len &&
	       screen->nsources <= IPC_SOURCES_TABLE_MAX &&
	       screen->ntrunks <= IPC_TRUNKS_TABLE_MAX &&
	       rates_are_good(&screen->unknown_pkts_per_s, 1) && screen->burst_ms >= 1 &&
	       screen->burst_ms <= 60000 && screen->window_s >= 1 && screen->window_s <= 86400 &&
	       screen->agents_len <= IPC_AGENTS_MAX && screen->learn < IPC_LEARNS &&
	       screen->emergency_unknown <= 1 && screen->emergency_limits <= 1 &&
	       screen->pad == 0 && agents_are_good(ipc_screen_agents(screen));
}

const struct ipc_trunk *ipc_trunks_at(const struct ipc_trunks *trunks, uint32_t i)
{
	return (const struct ipc_trunk *)(const void *)(trunks + 1) + i;
}

static bool trunk_is_good(const struct ipc_trunk *trunk)
{
	const struct ipc_limits *l = &trunk->limits;
	const uint32_t rates[] = {l->calls_in_per_s, l->calls_out_per_s, l->messages_per_s,
				  l->registrations_per_s, l->user_calls_per_s};
	const char *end = memchr(trunk->name, 0, sizeof(trunk->name));

	if (trunk->id == 0 || end == NULL || end == trunk->name ||
	    !rates_are_good(rates, sizeof(rates) / sizeof(rates[0])) || l->burst_ms < 1 ||
	    l->burst_ms > 60000)
		return false;
	for (const char *ch = trunk->name; ch < end; ch++)
		if (*ch <= 0x20 || *ch > 0x7e)
			return false;
	return true;
}

bool ipc_trunks_check(const struct ipc_trunks *trunks, uint32_t len)
{
	if (trunks->count == 0 || trunks->count > IPC_TRUNKS_AT_ONCE ||
	    sizeof(*trunks) + (uint64_t)trunks->count * sizeof(struct ipc_trunk) != len)
		return false;
	for (uint32_t i = 0; i < trunks->count; i++)
		if (!trunk_is_good(ipc_trunks_at(trunks, i)))
			return false;
	return true;
}

const struct ipc_source *ipc_sources_at(const struct ipc_sources *sources, uint32_t i)
{
	return (const struct ipc_source *)(const void *)(sources + 1) + i;
}

/* Prefixes compare with memcmp: what is not of the network is zero. */
static bool source_is_good(const struct ipc_source *source)
{
	unsigned bits = source->bits;

	if ((source->family != NET_IP4 || bits > 32) && (source->family != NET_IP6 || bits > 128))
		return false;
	if (source->realm >= IPC_REALMS_MAX && source->realm != IPC_REALM_ANY)
		return false;
	if (source->class > IPC_CLASS_BLOCKED)
		return false;
	for (; bits < 128; bits++)
		if (source->addr.ip[bits / 8] & 0x80u >> bits % 8)
			return false;
	return true;
}

bool ipc_sources_check(const struct ipc_sources *sources, uint32_t len)
{
	if (sources->count == 0 || sources->count > IPC_SOURCES_AT_ONCE ||
	    sizeof(*sources) + (uint64_t)sources->count * sizeof(struct ipc_source) != len)
		return false;
	for (uint32_t i = 0; i < sources->count; i++)
		if (!source_is_good(ipc_sources_at(sources, i)))
			return false;
	return true;
}

bool ipc_source_set_check(const struct ipc_source_set *set, uint32_t len)
{
	return len == sizeof(*set) && source_is_good(&set->source) &&
	       set->source.class != IPC_CLASS_TRUSTED && set->source.trunk == 0 &&
	       (set->source.class == IPC_CLASS_UNKNOWN) == (set->seconds == 0) &&
	       set->seconds <= IPC_SOURCE_SECONDS_MAX;
}

bool ipc_suspect_check(const struct ipc_suspect *suspect, uint32_t len)
{
	const struct net_endpoint *source = &suspect->source;
	static const uint8_t zero[12];

	return len == sizeof(*suspect) &&
	       (source->family == NET_IP6 ||
		(source->family == NET_IP4 && !memcmp(source->addr.ip + 4, zero, sizeof(zero)))) &&
	       source->pad == 0 && suspect->realm < IPC_REALMS_MAX &&
	       suspect->deed < IPC_DEEDS && suspect->proven <= 1 && suspect->class < IPC_CLASSES;
}

bool ipc_source_row_check(const struct ipc_source_row *row, uint32_t len)
{
	return len == sizeof(*row) && source_is_good(&row->source);
}

const char *ipc_deed_name(enum ipc_deed deed)
{
	static const char *const names[IPC_DEEDS] = {
		[IPC_DEED_AUTH] = "auth-failures", [IPC_DEED_USERS] = "users",
		[IPC_DEED_REFUSED] = "refused",	   [IPC_DEED_MALFORMED] = "malformed",
		[IPC_DEED_OPTIONS] = "options",	   [IPC_DEED_AGENT] = "user-agent",
	};

	return (unsigned)deed < IPC_DEEDS ? names[deed] : "unknown";
}

const char *ipc_class_name(unsigned class)
{
	static const char *const names[] = {"unknown", "known", "trusted", "blocked"};

	return class < sizeof(names) / sizeof(names[0]) ? names[class] : "unknown";
}
