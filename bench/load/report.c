/* SPDX-License-Identifier: BSD-3-Clause */
/* Progress, the table, JSON. One thread. */
#include "bench/load/load.h"
#include "common/log/json.h"

#include <errno.h>
#include <rte_cycles.h>
#include <stdio.h>
#include <stdlib.h>

#define JSON_BYTES 65536u

static double us(const struct load *load, uint64_t ticks)
{
	return (double)ticks * 1e6 / load->tsc_hz;
}

void report_progress(struct load *load, const char *doing)
{
	uint64_t now = rte_rdtsc();
	double seconds = (double)(now - load->shown_tsc) / load->tsc_hz;
	const struct flow_count *flow = &load->flows.count;
	const struct call_count *call = &load->calls.count;

	if (load->options.quiet || seconds < load->options.progress_s)
		return;
	fprintf(stderr, "%7.1f s  %-10s", (double)(now - load->start_tsc) / load->tsc_hz, doing);
	if (load->has_users)
		fprintf(stderr, "  users %llu registered, %llu refreshed, %llu failed",
			(unsigned long long)load->users.count.registered, (unsigned long long)load->users.count.refreshed,
			(unsigned long long)load->users.count.failed);
	else if (load->has_calls)
		fprintf(stderr, "  calls %6u up, %8.0f/s, %llu failed", load->calls.nup,
			(double)(call->attempted - load->shown_call.attempted) / seconds, (unsigned long long)call->failed);
	if (flow->sent)
		fprintf(stderr, "  RTP %7.3f Mpps out, %7.3f in, %llu not back",
			(double)(flow->sent - load->shown_flow.sent) / seconds / 1e6,
			(double)(flow->received - load->shown_flow.received) / seconds / 1e6,
			(unsigned long long)(flow->sent - flow->unique));
	fputc('\n', stderr);
	load->shown_tsc = now;
	load->shown_flow = *flow;
	load->shown_call = *call;
}

static const struct {
	const char *name;
	double share;
} quantiles[] = {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p99.9", 0.999}, {"p99.99", 0.9999}, {"max", 1}};
#define QUANTILES (sizeof(quantiles) / sizeof(quantiles[0]))

static void print_phases(const struct load *load)
{
	printf("%-10s %8s %10s %10s %12s %10s %9s %9s", "rate", "s", "sent Mpps", "back Mpps", "lost", "lost ppm", "reorder",
	       "dup");
	for (unsigned i = 0; i < QUANTILES; i++)
		printf(" %8s", quantiles[i].name);
	printf("  us\n");
	for (unsigned i = 0; i < load->nphases; i++) {
		const struct phase_result *p = &load->phases[i];

		printf("%-10s %8.2f %10.3f %10.3f %12llu %10.2f %9llu %9llu", p->rate, p->seconds,
		       (double)p->sent / p->seconds / 1e6, (double)p->received / p->seconds / 1e6, (unsigned long long)p->lost,
		       p->all_sent ? (double)p->lost * 1e6 / (double)p->all_sent : 0, (unsigned long long)p->reordered,
		       (unsigned long long)p->duplicate);
		for (unsigned q = 0; q < QUANTILES; q++)
			printf(" %8.1f", us(load, histogram_quantile(&p->latency, quantiles[q].share)));
		printf("\n");
	}
}

static void print_calls(const struct load *load)
{
	const struct call_count *count = &load->calls.count;

	printf("calls: %.0f/s over %.1f s;", (double)count->attempted / load->call_seconds, load->call_seconds);
#define X(name) printf(" " #name " %llu", (unsigned long long)count->name);
	CALL_COUNTERS(X)
#undef X
	printf("\n");
	for (unsigned code = 300; code < 700; code++)
		if (count->status[code])
			printf("  answered %u: %u\n", code, count->status[code]);
	printf("INVITE to 200:");
	for (unsigned q = 0; q < QUANTILES; q++)
		printf(" %s %.1f", quantiles[q].name, us(load, histogram_quantile(&load->calls.setup, quantiles[q].share)));
	printf(" us\n");
}

static void print_users(const struct load *load)
{
	static const char *const what[] = {"first REGISTER to 200:", "refresh to 200:"};
	const struct user_count *count = &load->users.count;

	printf("users: registered in %.1f s, refreshing for %.1f s at %.0f/s, %llu not asked;", load->call_seconds,
	       load->refresh_seconds, (double)count->refreshed / load->refresh_seconds,
	       (unsigned long long)load->refresh_forgone);
#define X(name) printf(" " #name " %llu", (unsigned long long)count->name);
	USER_COUNTERS(X)
#undef X
	printf("\n");
	for (unsigned code = 300; code < 700; code++)
		if (count->status[code])
			printf("  answered %u: %u\n", code, count->status[code]);
	for (unsigned i = 0; i < 2; i++) {
		printf("%s", what[i]);
		for (unsigned q = 0; q < QUANTILES; q++)
			printf(" %s %.1f", quantiles[q].name,
			       us(load, histogram_quantile(&load->users.latency[i], quantiles[q].share)));
		printf(" us\n");
	}
}

static void print_media(const struct load *load)
{
	const struct flow_count *count = &load->flows.count;

	printf("RTP: sent %llu, back %llu, lost %llu, reordered %llu, duplicate %llu, stray %llu, to a wrong port %llu\n",
	       (unsigned long long)count->sent, (unsigned long long)count->received,
	       (unsigned long long)(count->sent - count->unique), (unsigned long long)count->reordered,
	       (unsigned long long)count->duplicate, (unsigned long long)count->stray, (unsigned long long)count->misled);
}

void report_table(const struct load *load)
{
	if (load->has_users)
		print_users(load);
	else if (load->has_calls)
		print_calls(load);
	if (load->nphases)
		print_phases(load);
	if (load->flows.count.sent)
		print_media(load);
}

/* --- JSON --- */

static void put_real(struct cursor *c, const char *key, double value)
{
	char text[32];
	int len = snprintf(text, sizeof(text), "%.3f", value);

	put_json_key(c, key);
	put_bytes(c, text, (size_t)len);
}

static void put_quantiles(struct cursor *c, const struct load *load, const char *key, const struct histogram *h)
{
	put_json_key(c, key);
	put_char(c, '{');
	for (unsigned q = 0; q < QUANTILES; q++)
		put_real(c, quantiles[q].name, us(load, histogram_quantile(h, quantiles[q].share)));
	put_char(c, '}');
}

static void put_phase(struct cursor *c, const struct load *load, const struct phase_result *p)
{
	if (p != load->phases)
		put_char(c, ',');
	put_char(c, '{');
	put_json_text(c, "rate", span_str(p->rate));
	put_real(c, "target_pps", p->target_pps);
	put_real(c, "seconds", p->seconds);
	put_real(c, "sent_pps", (double)p->sent / p->seconds);
	put_real(c, "received_pps", (double)p->received / p->seconds);
	put_json_u64(c, "sent", p->all_sent);
	put_json_u64(c, "lost", p->lost);
	put_json_u64(c, "reordered", p->reordered);
	put_json_u64(c, "duplicate", p->duplicate);
	put_json_u64(c, "misled", p->misled);
	put_json_u64(c, "forgone", p->forgone);
	put_quantiles(c, load, "latency_us", &p->latency);
	put_char(c, '}');
}

static void put_status(struct cursor *c, const uint32_t status[700])
{
	put_json_key(c, "status");
	put_char(c, '{');
	for (unsigned code = 300; code < 700; code++) {
		char text[8];

		if (!status[code])
			continue;
		snprintf(text, sizeof(text), "%u", code);
		put_json_u64(c, text, status[code]);
	}
	put_char(c, '}');
}

static void put_users(struct cursor *c, const struct load *load)
{
	const struct user_count *count = &load->users.count;

	put_json_key(c, "users");
	put_char(c, '{');
	put_json_u64(c, "users", load->users.n);
	put_real(c, "register_seconds", load->call_seconds);
	put_real(c, "refresh_seconds", load->refresh_seconds);
	put_real(c, "refreshed_per_s", (double)count->refreshed / load->refresh_seconds);
	put_json_u64(c, "forgone", load->refresh_forgone);
	put_real(c, "cpu_s", load->call_cpu_s);
#define X(name) put_json_u64(c, #name, count->name);
	USER_COUNTERS(X)
#undef X
	put_status(c, count->status);
	put_quantiles(c, load, "register_us", &load->users.latency[0]);
	put_quantiles(c, load, "refresh_us", &load->users.latency[1]);
	put_char(c, '}');
}

static void put_calls(struct cursor *c, const struct load *load)
{
	const struct call_count *count = &load->calls.count;

	put_json_key(c, "calls");
	put_char(c, '{');
	put_real(c, "seconds", load->call_seconds);
	put_real(c, "per_s", (double)count->attempted / load->call_seconds);
	put_real(c, "cpu_s", load->call_cpu_s);
#define X(name) put_json_u64(c, #name, count->name);
	CALL_COUNTERS(X)
#undef X
	put_status(c, count->status);
	put_quantiles(c, load, "setup_us", &load->calls.setup);
	put_char(c, '}');
}

static void put_report(struct cursor *c, const struct load *load)
{
	put_char(c, '{');
	put_json_text(c, "program", SPAN("limen-load " LIMEN_VERSION));
	put_json_u64(c, "payload_bytes", load->options.payload);
	put_json_u64(c, "flows", load->flows.max);
	put_json_u64(c, "tsc_hz", (uint64_t)load->tsc_hz);
	if (load->has_users)
		put_users(c, load);
	else if (load->has_calls)
		put_calls(c, load);
	put_json_key(c, "phases");
	put_char(c, '[');
	for (unsigned i = 0; i < load->nphases; i++)
		put_phase(c, load, &load->phases[i]);
	put_char(c, ']');
	put_json_key(c, "rtp");
	put_char(c, '{');
	put_json_u64(c, "sent", load->flows.count.sent);
	put_json_u64(c, "received", load->flows.count.received);
	put_json_u64(c, "lost", load->flows.count.sent - load->flows.count.unique);
	put_json_u64(c, "reordered", load->flows.count.reordered);
	put_json_u64(c, "duplicate", load->flows.count.duplicate);
	put_json_u64(c, "stray", load->flows.count.stray);
	put_json_u64(c, "misled", load->flows.count.misled);
	put_quantiles(c, load, "latency_us", &load->flows.latency);
	put_lit(c, "}}\n");
}

int report_json(const struct load *load)
{
	const char *path = load->options.json;
	char *text;
	struct cursor c;
	char part[4096];
	FILE *file;
	int err = 0;

	if (!path)
		return 0;
	/* Who waits for it finds it whole. */
	snprintf(part, sizeof(part), "%s.part", path);
	text = malloc(JSON_BYTES);
	file = strcmp(path, "-") == 0 ? stdout : fopen(part, "w");
	if (!text || !file) {
		err = text ? -errno : -ENOMEM;
		goto out;
	}
	c = cursor_on(text, JSON_BYTES);
	put_report(&c, load);
	if (c.full || fwrite(text, 1, c.len, file) != c.len || fflush(file))
		err = -EIO;
out:
	if (file && file != stdout && fclose(file) && !err)
		err = -errno;
	if (file && file != stdout && !err && rename(part, path))
		err = -errno;
	free(text);
	return err;
}
