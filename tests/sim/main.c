/* SPDX-License-Identifier: BSD-3-Clause */
/* sim: run seeds of the simulator; a seed that fails is run again with its ladder printed.
 *
 *   sim [--seeds A..B] [--calls N] [--seconds S] [--ladder] [--call K]
 *
 * --seeds    which worlds, 1..100 unless told otherwise; a single number is one seed
 * --calls    calls in each world, 100 unless told otherwise: part of what a seed means
 * --seconds  begin no further seed after so many seconds of real time
 * --ladder   print every message, or with --call those of one call */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "sim.h"

struct options {
	uint64_t first, last;
	uint32_t ncalls;
	uint64_t seconds;
	bool ladder;
	uint32_t call;
};

/* The world under way, for whoever finds this process dead. */
static uint64_t seed_under_way;
static uint32_t calls_under_way;

void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

static void tell_seed(void)
{
	char text[128];
	int len = snprintf(text, sizeof(text), "died in: sim --seeds %lu --calls %u --ladder\n",
			   seed_under_way, calls_under_way);

	(void)!write(STDERR_FILENO, text, (size_t)len);
}

static void on_death(int signal)
{
	tell_seed();
	(void)raise(signal); /* SA_RESETHAND: the default now */
}

static void watch_for_death(void)
{
	static const int signals[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGTERM};
	struct sigaction action = {.sa_handler = on_death, .sa_flags = (int)SA_RESETHAND};

	if (__sanitizer_set_death_callback) {
		__sanitizer_set_death_callback(tell_seed);
		return;
	}
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaction(signals[i], &action, NULL);
}

static void usage(void)
{
	fprintf(stderr,
		"usage: sim [--seeds A..B] [--calls N] [--seconds S] [--ladder] [--call K]\n");
	exit(2);
}

static uint64_t number(const char *text, char **end)
{
	uint64_t value = strtoull(text, end, 10);

	if (*end == text)
		usage();
	return value;
}

static uint64_t whole_number(const char *text)
{
	char *end;
	uint64_t value = number(text, &end);

	if (*end)
		usage();
	return value;
}

static void parse_seeds(struct options *options, const char *text)
{
	char *end;

	options->first = options->last = number(text, &end);
	if (strncmp(end, "..", 2) == 0)
		options->last = whole_number(end + 2);
	else if (*end)
		usage();
	if (options->last < options->first)
		usage();
}

static void parse_options(struct options *options, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : NULL;

		if (strcmp(argv[i], "--ladder") == 0) {
			options->ladder = true;
			continue;
		}
		if (!value)
			usage();
		if (strcmp(argv[i], "--seeds") == 0)
			parse_seeds(options, value);
		else if (strcmp(argv[i], "--calls") == 0)
			options->ncalls = (uint32_t)whole_number(value);
		else if (strcmp(argv[i], "--seconds") == 0)
			options->seconds = whole_number(value);
		else if (strcmp(argv[i], "--call") == 0)
			options->call = (uint32_t)whole_number(value);
		else
			usage();
		i++;
	}
	if (options->ncalls == 0 || options->ncalls > 60000)
		usage();
}

static bool run_seed(const struct options *options, uint64_t seed, struct totals *totals,
		     struct sim *sim, bool ladder)
{
	seed_under_way = seed;
	calls_under_way = options->ncalls;
	memset(sim, 0, sizeof(*sim));
	sim->seed = seed;
	sim->ncalls = options->ncalls;
	sim->trace = ladder;
	sim->trace_call = options->call;
	sim->failed_call = SIM_NO_CALL;
	sim->totals = totals;
	return sim_run(sim);
}

static void print_profile(const struct profile *p)
{
	printf("network: %u+%u ms, lost %u, twice %u, late %u, corrupted %u of a thousand%s\n"
	       "worker %u of %u%s, timers up to %u ms late%s%s%s%s%s%s%s\n",
	       p->delay_ms, p->jitter_ms, p->loss, p->duplicate, p->reorder, p->corrupt,
	       p->fair ? ", fair" : "", p->worker, p->nworkers,
	       p->nworkers <= SIM_WORKERS_MAX ? ", all run" : "", p->stall_ms,
	       p->scarce ? ", few records" : "", p->control_fails ? ", control plane fails" : "",
	       p->operator_acts ? ", operator" : "", p->busy ? ", busy" : "",
	       p->limited ? ", limits" : "",
	       p->open_plan ? ", open plan" : "", p->ip6 ? ", IPv6" : "");
}

/* The same seed again, with the ladder of the call that went wrong. */
static void replay(const struct options *options, const struct sim *failed)
{
	struct options again = *options;
	struct totals totals = {0};
	struct sim sim;

	printf("seed %lu FAILED: %s\n", failed->seed, failed->violation);
	print_profile(&failed->profile);
	if (failed->failed_call != SIM_NO_CALL)
		again.call = failed->failed_call;
	else if (again.call == SIM_NO_CALL) {
		printf("replay: sim --seeds %lu --calls %u --ladder\n", failed->seed, again.ncalls);
		return;
	}
	run_seed(&again, failed->seed, &totals, &sim, true);
	printf("replay: sim --seeds %lu --calls %u --call %u --ladder\n", failed->seed,
	       again.ncalls, again.call);
	if (strcmp(sim.violation, failed->violation) != 0)
		printf("and the replay went another way: %s\n",
		       sim.failed ? sim.violation : "no violation");
}

static void print_totals(const struct totals *t, double seconds)
{
	static const char *const by[] = {"caller",   "callee",	       "policy",
					 "operator", "media timeout",  "SIP timeout",
					 "limen",    "session timeout"};

	printf("%lu seeds, %lu calls, %.1f virtual hours in %.1f s (%.0f calls/s)\n", t->seeds,
	       t->calls, (double)t->virtual_ns / 3600e9, seconds, (double)t->calls / seconds);
	printf("messages: %lu to limen, %lu from it, %lu lost, %lu twice, %lu corrupted, "
	       "retransmitted %lu in, %lu out\n",
	       t->to_engine, t->to_uas, t->lost, t->duplicated, t->corrupted, t->retransmits_in,
	       t->retransmits_out);
	printf("calls: %lu asked, %lu answered, %lu refused or given up; %lu records:", t->asks,
	       t->answered, t->refused, t->records);
	for (unsigned i = 0; i < sizeof(by) / sizeof(by[0]); i++)
		printf(" %s %lu%s", by[i], t->ended_by[i],
		       i + 1 < sizeof(by) / sizeof(by[0]) ? "," : "\n");
	printf("statuses: 2xx %lu, 3xx %lu, 4xx %lu, 5xx %lu, 6xx %lu; %lu CANCEL, %lu PRACK, %lu "
	       "forks, %lu inside dialogs\n",
	       t->status_class[2], t->status_class[3], t->status_class[4], t->status_class[5],
	       t->status_class[6], t->cancels, t->pracks, t->forks, t->mid_dialog);
	printf("media: %lu packets relayed, %lu judged (%lu SRTP), %lu strangers refused\n",
	       t->rtp_relayed,
	       t->rtp_judged, t->srtp_judged, t->rtp_refused);
	printf("sessions: %lu with a timer, %lu refreshed by endpoints, %lu found too short; "
	       "redirections: %lu asked about, %lu followed by callers\n",
	       t->timers, t->refreshes, t->too_short, t->redirects, t->followed);
	printf("outside dialogs: %lu accepted, %lu challenged (%lu of them limen), %lu credentials verified; %lu "
	       "subscriptions, %lu NOTIFY\n",
	       t->alone, t->challenges, t->asked_limen, t->verified, t->subscriptions, t->notifies);
	printf("transfers: %lu REFER, %lu accepted, %lu by limen, %lu NOTIFY, %lu done; %lu "
	       "Replaces; probes: %lu, %lu ended\n",
	       t->refers, t->referred, t->transfers_asked, t->refer_notifies, t->transfers,
	       t->replaced, t->probes, t->probe_ends);
	printf("connections: %lu messages, %lu broken\n", t->by_tcp, t->broken);
	printf("control plane: lost %lu times, %lu reports blocked, %lu verdicts too late; %lu "
	       "transactions timed out; %lu requests refused by busy workers\n",
	       t->links_lost, t->reports_blocked, t->verdicts_stale, t->txn_timeouts,
	       t->overload_refused);
	printf("fingerprint: %016lx\n", t->fingerprint);
}

int main(int argc, char **argv)
{
	struct options options = {
		.first = 1, .last = 100, .ncalls = 100, .seconds = UINT64_MAX, .call = SIM_NO_CALL};
	uint64_t start = clock_mono_ns();
	struct totals totals = {0};
	static struct sim sim;
	int status = 0;

	parse_options(&options, argc, argv);
	watch_for_death();
	for (uint64_t seed = options.first; seed <= options.last && status == 0; seed++) {
		if ((clock_mono_ns() - start) / SECOND >= options.seconds)
			break;
		if (!run_seed(&options, seed, &totals, &sim, options.ladder)) {
			replay(&options, &sim);
			status = 1;
		}
	}
	print_totals(&totals, (double)(clock_mono_ns() - start) / 1e9);
	return status;
}
