/* SPDX-License-Identifier: BSD-3-Clause */
/* limen-load: options, ports, the run, the report. One thread. */
#include "bench/load/load.h"

#include <errno.h>
#include <rte_cycles.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

volatile sig_atomic_t load_stop;

static void on_signal(int number)
{
	load_stop = 1;
}

static int make(struct load *load)
{
	const struct options *o = &load->options;
	uint32_t session[2], nflows = o->raw_flows ? o->raw_flows : 2 * o->calls;
	int err = 0;

	if (getrandom(session, sizeof(session), 0) != sizeof(session))
		return -errno;
	load->has_calls = !o->raw_flows;
	load->hops = (struct hops){.options = &load->options, .ports = &load->ports};
	load->tsc_hz = (double)rte_get_tsc_hz();
	load->start_tsc = load->shown_tsc = rte_rdtsc();
	load->phases = calloc(o->nphases + 1, sizeof(*load->phases));
	if (!load->phases)
		return -ENOMEM;
	err = flows_init(&load->flows, &load->ports, o, nflows, session[0] | 1);
	if (!err && load->has_calls)
		err = calls_init(&load->calls, o, &load->ports, &load->hops, &load->flows, 1, o->session ? o->session : session[1] & 0xffffff);
	if (!err && o->users) {
		load->has_users = true;
		load->calls.users = &load->users;
		err = users_init(&load->users, &load->calls, 1);
	}
	return err;
}

/* What a script asks: did all that was asked for come about? Losses are for the reader of the report to judge. */
static int verdict(const struct load *load)
{
	if (load->nphases < load->options.nphases)
		return EXIT_FAILURE;
	if (load->has_users)
		return load->users.count.failed || load->users.count.registered < load->users.n ? EXIT_FAILURE : EXIT_SUCCESS;
	if (load->has_calls && (!load->calls.count.completed || load->calls.count.failed))
		return EXIT_FAILURE;
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	static struct load load;
	int status = options_read(&load.options, argc, argv), err;

	if (status >= 0)
		return status;
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	err = ports_start(&load.ports, &load.options);
	if (err) {
		ports_stop(&load.ports);
		return EXIT_FAILURE;
	}
	err = make(&load);
	if (!err) {
		load_run(&load);
		if (!load.options.quiet)
			report_table(&load);
		err = report_json(&load);
		ports_linger(&load.ports, load.options.linger_s);
	}
	if (err)
		fprintf(stderr, "limen-load: %s\n", strerror(-err));
	status = err ? EXIT_FAILURE : verdict(&load);
	if (load.has_users)
		users_fini(&load.users);
	if (load.has_calls)
		calls_fini(&load.calls);
	flows_fini(&load.flows);
	free(load.phases);
	ports_stop(&load.ports);
	return status;
}
