/* SPDX-License-Identifier: BSD-3-Clause */
/* From the numbers that the dataplane knows trunks by to the trunks of the generation in force.
 * limen-controlplane, loop thread. */
#include <errno.h>
#include <stdlib.h>

#include "controlplane/dispatch/internal.h"
#include "controlplane/policy/screen.h"

static int by_id(const void *left, const void *right)
{
	const struct trunk_id *a = left, *b = right;

	return a->id < b->id ? -1 : a->id > b->id;
}

int trunk_ids_configure(struct dispatch *dispatch, const struct conf *conf)
{
	struct trunk_id *ids = calloc(conf->ntrunks + 1, sizeof(*ids));

	if (!ids)
		return -ENOMEM;
	for (unsigned t = 0; t < conf->ntrunks; t++)
		ids[t] = (struct trunk_id){screen_trunk_id(conf->trunks[t].name), t};
	qsort(ids, conf->ntrunks, sizeof(*ids), by_id);
	free(dispatch->trunk_ids);
	dispatch->trunk_ids = ids;
	dispatch->ntrunk_ids = conf->ntrunks;
	return 0;
}

void trunk_ids_stop(struct dispatch *dispatch)
{
	free(dispatch->trunk_ids);
	dispatch->trunk_ids = NULL;
	dispatch->ntrunk_ids = 0;
}

const struct conf_trunk *trunk_ids_find(const struct dispatch *dispatch, uint32_t id)
{
	const struct trunk_id wanted = {.id = id};
	const struct trunk_id *found = id && dispatch->ntrunk_ids
					       ? bsearch(&wanted, dispatch->trunk_ids,
							 dispatch->ntrunk_ids, sizeof(wanted), by_id)
					       : NULL;

	return found && found->trunk < dispatch->generation->conf->ntrunks
		       ? &dispatch->generation->conf->trunks[found->trunk]
		       : NULL;
}

struct cdr_far trunk_ids_far(const struct dispatch *dispatch, uint32_t id)
{
	const struct conf_trunk *trunk = trunk_ids_find(dispatch, id);

	if (!trunk)
		return (struct cdr_far){SPAN_NONE, SPAN_NONE};
	return (struct cdr_far){
		span_str(trunk->name),
		span_str(dispatch->generation->conf->realms[trunk->realm].name)};
}
