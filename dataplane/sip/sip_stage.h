/* SPDX-License-Identifier: BSD-3-Clause */
/* The SIP stage: packets of this worker's calls into the engine, its actions out to tx and to the
 * control plane. One for each worker, used by its thread alone. */
#pragma once

#include "dataplane/io/drop.h"
#include "dataplane/link/link.h"
#include "dataplane/sip/engine.h"
#include "dataplane/tx/tx.h"

struct sip_stage;

/* All four are borrowed for the stage's life. NULL without memory. */
struct sip_stage *sip_stage_new(struct engine *engine, const struct engine_conf *conf,
				struct tx *tx, struct drops *drops, struct worker_link *link);
void sip_stage_free(struct sip_stage *stage);

/* Take packets whose UDP payload is SIP (contiguous or chained). They are freed. */
void sip_stage_run(struct sip_stage *stage, struct rte_mbuf **pkts, unsigned n, uint64_t now_ns);

/* The control plane's frames, its coming and going, and timers that are due. True if there was
 * any. */
bool sip_stage_turn(struct sip_stage *stage, uint64_t now_ns);

/* When sip_stage_turn has something to do by the clock; UINT64_MAX: nothing. */
uint64_t sip_stage_next_ns(const struct sip_stage *stage);
