/* SPDX-License-Identifier: BSD-3-Clause */
/* The SIP stage: packets of this worker's calls into the engine, its actions out to tx and to the
 * control plane. One for each worker, used by its thread alone. */
#pragma once

#include "dataplane/io/drop.h"
#include "dataplane/link/link.h"
#include "dataplane/sip/engine.h"
#include "dataplane/tx/tx.h"

struct sip_stage;

/* How a message for another worker's engine gets there: the packet is taken, and given to
 * sip_stage_owner there. */
typedef void sip_stage_hand(void *arg, unsigned worker, struct rte_mbuf *m);

/* All four are borrowed for the stage's life. NULL without memory. */
struct sip_stage *sip_stage_new(struct engine *engine, const struct engine_conf *conf,
				struct tx *tx, struct drops *drops, struct worker_link *link);
void sip_stage_free(struct sip_stage *stage);

/* With one worker there is no need of it. */
void sip_stage_set_hand(struct sip_stage *stage, sip_stage_hand *hand, void *arg);

/* Before anything is read of them: those of sources that may not send, or not so much, are dropped.
 * pkts[from..n) are looked at; how many there are now. */
unsigned sip_stage_screen(struct sip_stage *stage, struct rte_mbuf **pkts, unsigned from,
			  unsigned n, uint64_t now_ns);

/* Take packets whose UDP payload is SIP (contiguous or chained). They are freed. */
void sip_stage_run(struct sip_stage *stage, struct rte_mbuf **pkts, unsigned n, uint64_t now_ns);

/* Take what other workers' engines say to this one. They are freed. */
void sip_stage_owner(struct sip_stage *stage, struct rte_mbuf **pkts, unsigned n, uint64_t now_ns);

/* The control plane's frames, its coming and going, and timers that are due. True if there was
 * any. */
bool sip_stage_turn(struct sip_stage *stage, uint64_t now_ns);

/* When sip_stage_turn has something to do by the clock; UINT64_MAX: nothing. */
uint64_t sip_stage_next_ns(const struct sip_stage *stage);
