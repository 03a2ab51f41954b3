/* SPDX-License-Identifier: BSD-3-Clause */
/* limen's certificates for those who look after them: limenctl show certificates, and how long they
 * are good. limen-controlplane, loop thread. */
#include <errno.h>
#include <event2/event.h>
#include <time.h>

#include "common/base/clock.h"
#include "common/log/json.h"
#include "controlplane/dispatch/internal.h"
#include "controlplane/tls/tls_store.h"

#define DAY_S	  86400
#define WATCH_S	  3600
#define ROW_BYTES 8192u

struct putting {
	struct cursor *out;
	unsigned n;
};

static void put_item(struct putting *p, const char *text)
{
	if (p->n++)
		put_char(p->out, ',');
	put_json_str(p->out, span_str(text));
}

static void put_user(void *arg, const char *tls)
{
	put_item(arg, tls);
}

static void put_list(struct cursor *out, const char *key)
{
	put_json_key(out, key);
	put_char(out, '[');
}

static uint64_t ns_of(int64_t s)
{
	return s > 0 ? (uint64_t)s * CLOCK_NS_PER_S : 0;
}

enum certificate_state certificate_state(const struct tls_store *store, unsigned index,
					 int64_t now_s)
{
	const struct tls_certificate *c = tls_store_certificate(store, index);
	int64_t alarm_s = (int64_t)tls_store_alarm_days(store, index) * DAY_S;

	if (c->not_after_s <= now_s)
		return CERTIFICATE_EXPIRED;
	if (c->not_before_s > now_s)
		return CERTIFICATE_NOT_YET;
	return c->not_after_s - now_s <= alarm_s ? CERTIFICATE_EXPIRES : CERTIFICATE_GOOD;
}

static const char *const state_names[] = {"good", "expires", "expired", "not valid yet"};

static void put_row(struct dispatch *dispatch, uint64_t client, unsigned index, int64_t now_s)
{
	const struct tls_store *store = dispatch->generation->tls;
	const struct tls_certificate *c = tls_store_certificate(store, index);
	char text[ROW_BYTES];
	struct cursor out = cursor_on(text, sizeof(text));
	struct putting p = {&out, 0};

	put_char(&out, '{');
	put_json_text(&out, "certificate", span_str(c->name));
	put_json_text(&out, "state", span_str(state_names[certificate_state(store, index, now_s)]));
	put_json_text(&out, "key", span_str(tls_key_kind_name(c->kind)));
	put_json_u64(&out, "bits", c->bits);
	put_json_time(&out, "from", ns_of(c->not_before_s));
	put_json_time(&out, "until", ns_of(c->not_after_s));
	put_json_u64(&out, "days",
		     c->not_after_s > now_s ? (uint64_t)(c->not_after_s - now_s) / DAY_S : 0);
	put_json_text(&out, "subject", span_str(c->subject));
	put_json_text(&out, "issuer", span_str(c->issuer));
	put_json_text(&out, "serial", span_str(c->serial));
	put_json_text(&out, "file", span_str(c->chain_path));
	put_json_text(&out, "ocsp",
		      !c->ocsp					? SPAN("none")
		      : tls_certificate_ocsp_good(c, now_s) ? SPAN("good")
								: SPAN("expired"));
	put_list(&out, "names");
	for (unsigned i = 0; i < c->names->n; i++)
		put_item(&p, c->names->list[i]);
	put_char(&out, ']');
	p.n = 0;
	put_list(&out, "tls");
	tls_store_users(store, index, put_user, &p);
	put_char(&out, ']');
	put_char(&out, '}');
	if (!out.full)
		admin_row(dispatch->admin, client, cursor_span(&out));
}

void certificates_list(struct dispatch *dispatch, uint64_t client)
{
	int64_t now_s = (int64_t)time(NULL);

	for (unsigned i = 0; tls_store_certificate(dispatch->generation->tls, i); i++)
		put_row(dispatch, client, i, now_s);
	admin_done(dispatch->admin, client);
}

void certificates_count(const struct dispatch *dispatch, unsigned by_state[CERTIFICATE_STATES],
			int64_t *soonest_s)
{
	const struct tls_store *store = dispatch->generation->tls;
	const struct tls_certificate *c;
	int64_t now_s = (int64_t)time(NULL);

	memset(by_state, 0, CERTIFICATE_STATES * sizeof(by_state[0]));
	*soonest_s = -1;
	for (unsigned i = 0; (c = tls_store_certificate(store, i)); i++) {
		int64_t left_s = c->not_after_s > now_s ? c->not_after_s - now_s : 0;

		by_state[certificate_state(store, i, now_s)]++;
		if (*soonest_s < 0 || left_s < *soonest_s)
			*soonest_s = left_s;
	}
}

/* ---- told in the log too, once ---- */

static void on_watch(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval next = {.tv_sec = WATCH_S};
	struct dispatch *dispatch = arg;
	const struct tls_store *store = dispatch->generation->tls;
	const struct tls_certificate *c;
	int64_t now_s = (int64_t)time(NULL);

	for (unsigned i = 0; (c = tls_store_certificate(store, i)); i++) {
		enum certificate_state state = certificate_state(store, i, now_s);

		/* what was so at the last look was told then, or when it was loaded */
		if (state == CERTIFICATE_GOOD || state == CERTIFICATE_NOT_YET ||
		    state == certificate_state(store, i, now_s - WATCH_S))
			continue;
		LOG(WARN, "tls",
		    state == CERTIFICATE_EXPIRED ? "a certificate has expired"
						 : "a certificate expires soon",
		    LOG_STR("certificate", c->name), LOG_STR("file", c->chain_path),
		    LOG_I64("days", (c->not_after_s - now_s) / DAY_S));
	}
	event_add(dispatch->certificate_timer, &next);
}

int certificates_start(struct dispatch *dispatch)
{
	static const struct timeval next = {.tv_sec = WATCH_S};

	dispatch->certificate_timer = evtimer_new(dispatch->base, on_watch, dispatch);
	if (!dispatch->certificate_timer || event_add(dispatch->certificate_timer, &next))
		return -ENOMEM;
	return 0;
}

void certificates_stop(struct dispatch *dispatch)
{
	if (dispatch->certificate_timer)
		event_free(dispatch->certificate_timer);
	dispatch->certificate_timer = NULL;
}
