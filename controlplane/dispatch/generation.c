/* SPDX-License-Identifier: BSD-3-Clause */
/* One generation of the config with all that is compiled from it. limen-controlplane, loop
 * thread. */
#include "controlplane/dispatch/generation.h"

#include <stdlib.h>

#include "controlplane/tls/tls_store.h"

struct generation *generation_with(struct conf *conf, struct registrar *registrar,
				   struct tables *tables)
{
	struct generation *generation = calloc(1, sizeof(*generation));

	if (!generation) {
		conf_free(conf);
		tables_free(tables);
		return NULL;
	}
	generation->conf = conf;
	generation->registrar = registrar;
	generation->tables = tables;
	generation->policy = policy_new(conf, tables);
	generation->plans = plans_new(conf);
	generation->rules = call_rules_new(conf);
	generation->peers = peer_sets_new(conf);
	generation->peers_down = calloc(conf->ntrunks + 1, sizeof(*generation->peers_down));
	if (!generation->policy || !generation->plans || !generation->rules ||
	    !generation->peers || !generation->peers_down) {
		generation_free(generation);
		return NULL;
	}
	return generation;
}

struct generation *generation_new(struct conf *conf, struct registrar *registrar)
{
	struct conf_error error;
	struct tables *tables;
	unsigned nerrors;

	if (tables_load(conf, NULL, &tables, &error, 1, &nerrors)) {
		conf_free(conf);
		return NULL;
	}
	return generation_with(conf, registrar, tables);
}

void generation_free(struct generation *generation)
{
	if (!generation)
		return;
	free(generation->peers_down);
	tls_store_drop(generation->tls);
	call_rules_free(generation->rules);
	peer_sets_free(generation->peers);
	plans_free(generation->plans);
	policy_free(generation->policy);
	tables_free(generation->tables);
	conf_free(generation->conf);
	free(generation);
}
