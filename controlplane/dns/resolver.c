/* SPDX-License-Identifier: BSD-3-Clause */
/* Names looked up by c-ares in the event loop, and kept. limen-controlplane, loop thread. */
#include "controlplane/dns/resolver.h"

#include <ares.h>
#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/log/log.h"

#define NAMES_MAX     4096u
#define SOCKETS_MAX   32u
#define RETRY_FIRST_S 1u
#define RETRY_LAST_S  30u
/* Asked again when this share of the time is over, in eighths. */
#define REFRESH_EIGHTHS 7u

struct entry {
	struct dns *dns;
	char name[DNS_NAME_MAX];
	uint8_t type;  /* enum dns_type */
	uint8_t state; /* enum dns_state */
	bool asking;   /* a query is out */
	bool used;     /* in this round */
	unsigned retry_s;
	uint64_t due_ns;     /* to ask (again) */
	uint64_t expires_ns; /* of the answer */
	struct dns_answer *answer; /* owned; NULL: none, or none of that type */
};

struct watched_socket {
	struct dns *dns;
	struct event *event; /* NULL: free */
	ares_socket_t fd;
};

struct dns {
	struct event_base *base; /* borrowed */
	const struct dns_events *events;
	void *arg;
	struct conf_dns conf; /* its servers' texts are not kept */
	ares_channel channel;
	bool has_channel, library, closing;
	struct watched_socket sockets[SOCKETS_MAX];
	struct event *timer;   /* of c-ares and of refreshes */
	struct event *tell;    /* `changed`, outside of c-ares' callbacks */
	struct entry **entries; /* owned */
	unsigned n, room;
	struct log_limit limit;
	struct dns_stats stats;
};

static void arm(struct dns *dns);

/* ---- c-ares in the loop ---- */

static void on_socket(evutil_socket_t fd, short what, void *arg)
{
	struct watched_socket *socket = arg;
	struct dns *dns = socket->dns;

	ares_process_fd(dns->channel, what & EV_READ ? fd : ARES_SOCKET_BAD,
			what & EV_WRITE ? fd : ARES_SOCKET_BAD);
	arm(dns);
}

static struct watched_socket *socket_of(struct dns *dns, ares_socket_t fd)
{
	struct watched_socket *free_one = NULL;

	for (unsigned i = 0; i < SOCKETS_MAX; i++) {
		if (dns->sockets[i].event && dns->sockets[i].fd == fd)
			return &dns->sockets[i];
		if (!dns->sockets[i].event)
			free_one = &dns->sockets[i];
	}
	return free_one;
}

/* c-ares says what it waits for on a socket. One that finds no place is not waited for: its query
 * times out. */
static void on_socket_state(void *arg, ares_socket_t fd, int readable, int writable)
{
	struct dns *dns = arg;
	struct watched_socket *socket = socket_of(dns, fd);

	if (!socket)
		return;
	if (socket->event)
		event_free(socket->event);
	socket->event = NULL;
	if ((!readable && !writable) || dns->closing)
		return;
	*socket = (struct watched_socket){.dns = dns, .fd = fd};
	socket->event = event_new(dns->base, fd,
				  (short)((readable ? EV_READ : 0) | (writable ? EV_WRITE : 0) |
					  EV_PERSIST),
				  on_socket, socket);
	if (socket->event)
		event_add(socket->event, NULL);
}

static int set_servers(ares_channel channel, const struct conf_dns *conf)
{
	char text[CONF_DNS_SERVERS_MAX * 80];
	struct cursor out = cursor_on(text, sizeof(text));

	if (!conf->nservers)
		return 0;
	for (unsigned i = 0; i < conf->nservers; i++) {
		if (i)
			put_char(&out, ',');
		put_endpoint(&out, &conf->servers[i]);
	}
	put_char(&out, '\0');
	return !out.full && ares_set_servers_ports_csv(channel, text) == ARES_SUCCESS ? 0 : -EINVAL;
}

static int open_channel(struct dns *dns, const struct conf_dns *conf, ares_channel *channel)
{
	struct ares_options options = {
		.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES,
		.timeout = (int)conf->timeout_ms,
		.tries = (int)conf->tries,
		.sock_state_cb = on_socket_state,
		.sock_state_cb_data = dns,
	};
	int err = ares_init_options(channel, &options,
				    ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
					    ARES_OPT_SOCK_STATE_CB);

	if (err)
		return err == ARES_ENOMEM ? -ENOMEM : -EINVAL;
	err = set_servers(*channel, conf);
	if (err)
		ares_destroy(*channel);
	return err;
}

static void close_channel(struct dns *dns)
{
	if (!dns->has_channel)
		return;
	dns->closing = true;
	ares_destroy(dns->channel); /* queries that are out end with ARES_EDESTRUCTION */
	dns->closing = false;
	dns->has_channel = false;
	for (unsigned i = 0; i < SOCKETS_MAX; i++) {
		if (dns->sockets[i].event)
			event_free(dns->sockets[i].event);
		dns->sockets[i].event = NULL;
	}
}

/* ---- answers ---- */

static void tell_soon(struct dns *dns)
{
	const struct timeval now = {0};

	dns->stats.changed++;
	event_add(dns->tell, &now);
}

static bool same_answer(const struct dns_answer *a, const struct dns_answer *b)
{
	return a && b && a->n == b->n &&
	       memcmp(a->records, b->records, a->n * sizeof(a->records[0])) == 0;
}

static uint64_t clamp_s(uint64_t value, uint64_t low, uint64_t high)
{
	return value < low ? low : value > high ? high : value;
}

static void take_answer(struct entry *entry, const struct dns_answer *answer)
{
	struct dns *dns = entry->dns;
	uint64_t ttl = answer->n ? clamp_s(answer->ttl_s, dns->conf.ttl_min_s, dns->conf.ttl_max_s)
				 : clamp_s(answer->ttl_s, dns->conf.ttl_min_s,
					   dns->conf.negative_ttl_max_s);
	uint8_t state = answer->n ? DNS_GOOD : DNS_NEGATIVE;
	bool same = entry->state == state ||
		    (state == DNS_GOOD && entry->state == DNS_STALE);
	uint64_t now = clock_mono_ns();

	same = same && (!answer->n || same_answer(entry->answer, answer));
	if (answer->n && !entry->answer)
		entry->answer = malloc(sizeof(*entry->answer));
	if (answer->n && !entry->answer)
		return; /* no memory: as if none had come; it is asked again */
	if (answer->n) {
		*entry->answer = *answer;
	} else {
		free(entry->answer);
		entry->answer = NULL;
	}
	entry->state = state;
	entry->retry_s = 0;
	entry->expires_ns = now + ttl * CLOCK_NS_PER_S;
	entry->due_ns = now + ttl * CLOCK_NS_PER_S / 8 * REFRESH_EIGHTHS;
	dns->stats.answered += answer->n != 0;
	dns->stats.negative += answer->n == 0;
	if (!same)
		tell_soon(dns);
}

/* What was known stays; asked again sooner at first, then at longer intervals. */
static void take_failure(struct entry *entry, const char *why)
{
	struct dns *dns = entry->dns;
	uint64_t now = clock_mono_ns(), held;

	dns->stats.failed++;
	entry->retry_s = entry->retry_s ? entry->retry_s * 2 : RETRY_FIRST_S;
	if (entry->retry_s > RETRY_LAST_S)
		entry->retry_s = RETRY_LAST_S;
	entry->due_ns = now + entry->retry_s * CLOCK_NS_PER_S;
	if (entry->answer && now >= entry->expires_ns)
		entry->state = DNS_STALE;
	else if (!entry->answer && now >= entry->expires_ns && entry->state != DNS_FAILED) {
		entry->state = DNS_FAILED;
		tell_soon(dns); /* who waits for it goes another way */
	}
	if (log_limit_pass(&dns->limit, now, &held))
		LOG(WARN, "dns", "a name cannot be looked up now", LOG_STR("name", entry->name),
		    LOG_STR("type", dns_type_name((enum dns_type)entry->type)),
		    LOG_STR("why", why), LOG_STR("state", dns_state_name(entry->state)),
		    LOG_U64("held_back", held));
}

static void on_answer(void *arg, int status, int timeouts, unsigned char *bytes, int len)
{
	struct entry *entry = arg;
	struct dns_answer answer;

	entry->asking = false;
	if (status == ARES_EDESTRUCTION || status == ARES_ECANCELLED) {
		entry->due_ns = 0; /* by the next channel */
		return;
	}
	if (status != ARES_SUCCESS && status != ARES_ENODATA && status != ARES_ENOTFOUND) {
		take_failure(entry, ares_strerror(status));
	} else if (!bytes || dns_answer_read(bytes, (size_t)len, (enum dns_type)entry->type,
					     &answer)) {
		entry->dns->stats.malformed++;
		take_failure(entry, "the answer cannot be read");
	} else {
		take_answer(entry, &answer);
	}
}

/* ---- when ---- */

static void ask(struct entry *entry)
{
	entry->asking = true;
	entry->dns->stats.queries++;
	ares_query(entry->dns->channel, entry->name, 1, entry->type, on_answer, entry);
}

/* The loop's timer: for c-ares' own time limits, and for what is to be asked next. */
static void arm(struct dns *dns)
{
	uint64_t now = clock_mono_ns(), wait = UINT64_MAX;
	struct timeval buf, *timeout, delay;

	for (unsigned i = 0; i < dns->n; i++) {
		const struct entry *entry = dns->entries[i];
		uint64_t left = entry->due_ns > now ? entry->due_ns - now : 0;

		if (!entry->asking && left < wait)
			wait = left;
	}
	timeout = dns->has_channel ? ares_timeout(dns->channel, NULL, &buf) : NULL;
	if (timeout) {
		uint64_t left = (uint64_t)timeout->tv_sec * CLOCK_NS_PER_S +
				(uint64_t)timeout->tv_usec * 1000;

		if (left < wait)
			wait = left;
	}
	if (wait == UINT64_MAX || !dns->has_channel) {
		event_del(dns->timer);
		return;
	}
	delay = (struct timeval){.tv_sec = (time_t)(wait / CLOCK_NS_PER_S),
				 .tv_usec = (suseconds_t)(wait % CLOCK_NS_PER_S / 1000 + 1)};
	event_add(dns->timer, &delay);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct dns *dns = arg;
	uint64_t now = clock_mono_ns();

	ares_process_fd(dns->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	for (unsigned i = 0; i < dns->n; i++) {
		struct entry *entry = dns->entries[i];

		if (entry->state == DNS_GOOD && now >= entry->expires_ns)
			entry->state = DNS_STALE;
		if (!entry->asking && entry->due_ns <= now)
			ask(entry);
	}
	arm(dns);
}

static void on_tell(evutil_socket_t fd, short what, void *arg)
{
	struct dns *dns = arg;

	dns->events->changed(dns->arg);
}

/* ---- the table ---- */

static struct entry *find(const struct dns *dns, const char *name, enum dns_type type)
{
	for (unsigned i = 0; i < dns->n; i++) {
		if (dns->entries[i]->type == (uint8_t)type &&
		    strcmp(dns->entries[i]->name, name) == 0)
			return dns->entries[i];
	}
	return NULL;
}

static struct entry *add(struct dns *dns, const char *name, enum dns_type type)
{
	struct entry *entry;

	if (dns->n == NAMES_MAX)
		return NULL;
	if (dns->n == dns->room) {
		unsigned room = dns->room ? dns->room * 2 : 32;
		struct entry **entries = realloc(dns->entries, room * sizeof(*entries));

		if (!entries)
			return NULL;
		dns->entries = entries;
		dns->room = room;
	}
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return NULL;
	entry->dns = dns;
	entry->type = (uint8_t)type;
	snprintf(entry->name, sizeof(entry->name), "%s", name);
	dns->entries[dns->n++] = entry;
	return entry;
}

static void drop(struct dns *dns, unsigned at)
{
	free(dns->entries[at]->answer);
	free(dns->entries[at]);
	dns->entries[at] = dns->entries[--dns->n];
}

enum dns_state dns_find(struct dns *dns, const char *name, enum dns_type type,
			const struct dns_answer **answer)
{
	struct entry *entry = find(dns, name, type);

	*answer = NULL;
	if (!entry)
		entry = add(dns, name, type);
	if (!entry)
		return DNS_FAILED;
	entry->used = true;
	*answer = entry->answer;
	return (enum dns_state)entry->state;
}

void dns_begin_round(struct dns *dns)
{
	for (unsigned i = 0; i < dns->n; i++)
		dns->entries[i]->used = false;
}

void dns_end_round(struct dns *dns)
{
	for (unsigned i = 0; i < dns->n;) {
		if (!dns->entries[i]->used && !dns->entries[i]->asking)
			drop(dns, i);
		else
			i++;
	}
	arm(dns);
}

bool dns_next(const struct dns *dns, unsigned *at, struct dns_row *row)
{
	const struct entry *entry;

	if (*at >= dns->n)
		return false;
	entry = dns->entries[(*at)++];
	*row = (struct dns_row){.name = entry->name,
				.type = (enum dns_type)entry->type,
				.state = (enum dns_state)entry->state,
				.answer = entry->answer,
				.expires_ns = entry->expires_ns,
				.now_ns = clock_mono_ns()};
	return true;
}

/* ---- start and end ---- */

struct dns *dns_new(struct event_base *base, const struct dns_events *events, void *arg)
{
	struct dns *dns = calloc(1, sizeof(*dns));

	if (!dns)
		return NULL;
	dns->base = base;
	dns->events = events;
	dns->arg = arg;
	dns->limit = (struct log_limit){.window_ns = 60 * CLOCK_NS_PER_S, .burst = 10};
	dns->library = ares_library_init(ARES_LIB_INIT_ALL) == ARES_SUCCESS;
	dns->timer = evtimer_new(base, on_timer, dns);
	dns->tell = evtimer_new(base, on_tell, dns);
	if (!dns->library || !dns->timer || !dns->tell) {
		dns_free(dns);
		return NULL;
	}
	return dns;
}

int dns_configure(struct dns *dns, const struct conf_dns *conf)
{
	ares_channel channel;
	int err = open_channel(dns, conf, &channel);

	if (err)
		return err;
	close_channel(dns);
	dns->channel = channel;
	dns->has_channel = true;
	dns->conf = *conf;
	arm(dns);
	return 0;
}

void dns_free(struct dns *dns)
{
	if (!dns)
		return;
	close_channel(dns);
	while (dns->n)
		drop(dns, dns->n - 1);
	free(dns->entries);
	if (dns->timer)
		event_free(dns->timer);
	if (dns->tell)
		event_free(dns->tell);
	if (dns->library)
		ares_library_cleanup();
	free(dns);
}

void dns_stats(const struct dns *dns, struct dns_stats *stats)
{
	*stats = dns->stats;
	stats->names = dns->n;
	stats->stale = 0;
	for (unsigned i = 0; i < dns->n; i++)
		stats->stale += dns->entries[i]->state == DNS_STALE;
}

const char *dns_state_name(enum dns_state state)
{
	static const char *const names[DNS_STATES] = {"asking", "good", "negative", "stale",
						      "failed"};

	return names[state];
}
