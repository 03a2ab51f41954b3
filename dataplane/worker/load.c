/* SPDX-License-Identifier: BSD-3-Clause */
/* How busy a worker is. Worker thread. */
#include "dataplane/worker/load.h"

/* The cost of an empty turn follows the shortest one at once downwards, slowly upwards: a sleep or
 * an interrupt makes a turn longer, nothing makes it shorter. */
static void learn_floor(struct load_meter *load)
{
	uint64_t slowly = load->floor + load->floor / 32 + 1;

	if (load->empty == 0)
		return;
	load->floor = load->floor == 0 || load->least < slowly ? load->least : slowly;
}

static uint32_t window_permille(const struct load_meter *load)
{
	uint64_t spare = load->found * load->floor;

	/* Never idle, and more waiting than a turn takes: a queue stands behind. */
	if (load->empty == 0 && load->full)
		return (uint32_t)(1000 + load->full * 1000 / load->found);
	if (load->total == 0 || spare >= load->busy)
		return 0;
	return (uint32_t)((load->busy - spare) * 1000 / load->total);
}

bool load_turn(struct load_meter *load, uint64_t now_ns, uint64_t cycles, bool found, bool full)
{
	load->total += cycles;
	if (found) {
		load->busy += cycles;
		load->found++;
		load->full += full;
	} else {
		if (load->empty == 0 || cycles < load->least)
			load->least = cycles;
		load->empty++;
	}
	if (now_ns - load->since_ns < LOAD_WINDOW_NS)
		return false;
	learn_floor(load);
	load->permille = (load->permille + window_permille(load)) / 2;
	load->since_ns = now_ns;
	load->busy = load->total = 0;
	load->found = load->full = load->empty = 0;
	return true;
}
