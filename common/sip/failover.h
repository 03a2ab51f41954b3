/* SPDX-License-Identifier: BSD-3-Clause */
/* After which answers the next target is tried, as two words of bits: they go with each target of a
 * verdict. Both processes, any thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define SIP_FAILOVER_WORDS 2u

/* The bit of a code, -1: a code that says nothing of whether another peer would do better. */
int sip_failover_bit(unsigned status);

/* Whether the next target is tried after that final answer. Bits that are all 0: as RFC 3261
 * section 16.7 has it of a proxy: 408, 430, and 5xx but 501. */
bool sip_failover_after(const uint32_t bits[SIP_FAILOVER_WORDS], unsigned status);
