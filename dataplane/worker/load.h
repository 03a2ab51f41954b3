/* SPDX-License-Identifier: BSD-3-Clause */
/* How busy a worker is, from the cycles of its turns. A turn that finds nothing is spare; of one
 * that finds something, as much is spare as an empty turn costs: with deeper bursts the same
 * packets need fewer turns. So a worker that is never idle but finds two packets at a time is not
 * full. Worker thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define LOAD_WINDOW_NS 10000000u /* one measurement; the figure leans on the last few */

struct load_meter {
	uint32_t permille; /* of the cycles; above 1000 while full bursts come without end */
	uint64_t since_ns;
	uint64_t busy, total; /* cycles of the window */
	uint64_t found, full,
		empty;	  /* turns of the window: with work, with a full burst, without */
	uint64_t least;	  /* cycles of the shortest empty turn of the window */
	uint64_t floor;	  /* what an empty turn costs */
};

/* A turn is over. True when a window is: `permille` is new. */
bool load_turn(struct load_meter *load, uint64_t now_ns, uint64_t cycles, bool found, bool full);
