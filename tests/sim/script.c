/* SPDX-License-Identifier: BSD-3-Clause */
/* What a seed's world is like and how each of its endpoints behaves. */
#include <stdio.h>

#include "ua.h"

static bool chance(struct rng *rng, uint32_t thousandths)
{
	return rng_below(rng, 1000) < thousandths;
}

static uint32_t pick(struct rng *rng, const uint32_t *from, unsigned n)
{
	return from[rng_below(rng, n)];
}

#define PICK(rng, ...)                                                                             \
	pick(rng, (const uint32_t[]){__VA_ARGS__},                                                 \
	     sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))

void script_profile(struct sim *sim)
{
	struct rng *rng = &sim->script_rng;
	struct profile *p = &sim->profile;

	p->delay_ms = PICK(rng, 0, 1, 5, 30, 120);
	p->jitter_ms = PICK(rng, 0, 1, 10, 60, 300);
	p->loss = PICK(rng, 0, 0, 10, 50, 150, 300);
	p->duplicate = PICK(rng, 0, 0, 20, 150);
	p->reorder = PICK(rng, 0, 0, 20, 100);
	p->corrupt = PICK(rng, 0, 0, 0, 0, 5, 40);
	p->fair = chance(rng, 850);
	p->scarce = chance(rng, 80);
	p->control_fails = chance(rng, 250);
	p->operator_acts = chance(rng, 200);
	p->busy = chance(rng, 150);
	p->ip6 = chance(rng, 400);
	p->open_plan = p->corrupt == 0 && chance(rng, 300); /* a name that is spoilt would pass */
	p->stall_ms = PICK(rng, 0, 0, 3, 40);
	p->gap_ms = PICK(rng, 1, 10, 100, 1000);
	p->nworkers = PICK(rng, 1, 1, 2, 2, 4, 7);
	p->worker = (unsigned)rng_below(rng, p->nworkers);
	p->limited = chance(rng, 250);
	p->tcp = chance(rng, 350);
	p->breaks = p->tcp ? PICK(rng, 0, 0, 5, 30) : 0;
	p->calls_in_max = PICK(rng, 0, 2, 5, 20);
	p->calls_out_max = PICK(rng, 0, 1, 4, 20);
}

static void common_manner(struct sim *sim, struct manner *m)
{
	static const uint8_t mids[] = {ACT_REINVITE, ACT_HOLD,	  ACT_UPDATE,
				       ACT_INFO,     ACT_OPTIONS, ACT_MESSAGE};
	struct rng *rng = &sim->script_rng;

	m->hangup_ms = UINT32_MAX;
	m->vanish_ms = chance(rng, 30) ? (uint32_t)rng_below(rng, 20000) : UINT32_MAX;
	m->compact = chance(rng, 100);
	m->fold = chance(rng, 80);
	m->extra_via = chance(rng, 200);
	m->record_route = chance(rng, 200);
	m->no_rport = chance(rng, 300);
	m->two_media = chance(rng, 150);
	m->reject_reinvite = chance(rng, 200);
	m->hold = (uint8_t)PICK(rng, DIR_SENDONLY, DIR_SENDONLY, DIR_INACTIVE, DIR_ZERO);
	m->srtp = chance(rng, 400) ? (uint8_t)PICK(rng, SRTP_SAVP, SRTP_BESIDE) : SRTP_NONE;
	m->nat = chance(rng, 200);
	m->talks = chance(rng, 300);
	m->timer = chance(rng, 500);
	m->se_s = PICK(rng, 0, 60, 90, 100, 180, 1800);
	m->min_se_s = PICK(rng, 0, 0, 90, 120, 200);
	if (m->se_s && m->se_s < m->min_se_s)
		m->se_s = m->min_se_s;
	m->refresher = (uint8_t)PICK(rng, 0, 0, 1, 2);
	m->refresh_by_update = chance(rng, 500);
	m->lazy = chance(rng, 100);
	m->refers =
		chance(rng, 120) ? (uint8_t)PICK(rng, REFERS_BLIND, REFERS_ATTENDED) : REFERS_NOT;
	m->refer_slot = (uint8_t)PICK(rng, 2, 2, 3, 1);
	m->refer_ms = (uint32_t)rng_below(rng, 8000);
	m->refuses_refer = chance(rng, 150);
	m->bye_on_refer = chance(rng, 200);
	m->event = (uint8_t)rng_below(rng, EVENTS);
	m->event_s = PICK(rng, 10, 30, 60, 120);
	m->event_ends_ms = chance(rng, 600) ? (uint32_t)rng_below(rng, 60000) : UINT32_MAX;
	m->no_update = !m->refresh_by_update && chance(rng, 300);
	m->rude = chance(rng, 100);
	m->bye_status = (uint16_t)PICK(rng, 200, 200, 200, 200, 481, 500);
	m->late_offer = chance(rng, 120);
	m->cancel_reinvite = chance(rng, 100);
	for (unsigned i = 0; i < 3; i++) {
		if (!chance(rng, 150))
			continue;
		m->mid[i] = mids[rng_below(rng, sizeof(mids))];
		m->mid_ms[i] = (uint32_t)rng_below(rng, 8000);
	}
}

static void caller_manner(struct sim *sim, struct manner *m)
{
	struct rng *rng = &sim->script_rng;

	common_manner(sim, m);
	m->what = chance(rng, 850) ? WHAT_INVITE : (uint8_t)(1 + rng_below(rng, WHATS - 1));
	m->has_password = chance(rng, 800);
	m->never_ack = chance(rng, 30);
	m->rel100 = chance(rng, 300);
	m->cancel_ms = UINT32_MAX;
	if (chance(rng, 150))
		m->cancel_ms = (uint32_t)rng_below(rng, 12000);
	m->cancel_on_ring = chance(rng, 40);
	m->bye_not_cancel = chance(rng, 100);
	m->follows = chance(rng, 500);
	m->max_forwards = (uint8_t)PICK(rng, 70, 70, 70, 70, 70, 70, 1, 0);
	if (chance(rng, 600))
		m->hangup_ms = (uint32_t)rng_below(rng, 30000);
}

static void callee_manner(struct sim *sim, struct manner *m, bool hangs_up)
{
	static const uint32_t refusals[] = {300, 302, 302, 305, 380, 400, 403, 404, 408, 415, 480,
					    486, 487, 488, 500, 501, 502, 503, 600, 603, 606};
	struct rng *rng = &sim->script_rng;

	common_manner(sim, m);
	m->max_forwards = 70;
	m->silent = chance(rng, 30);
	m->no_trying = chance(rng, 100);
	m->nrings = (uint8_t)rng_below(rng, 4);
	for (unsigned i = 0; i < m->nrings; i++) {
		m->ring_status[i] = (uint16_t)PICK(rng, 100, 180, 180, 181, 182, 183, 199);
		m->ring_ms[i] = (uint32_t)rng_below(rng, chance(rng, 100) ? 40000 : 1500);
		m->ring_sdp[i] = m->ring_status[i] == 183 && chance(rng, 700);
	}
	m->ring_rel = chance(rng, 300);
	m->final_ms = (uint32_t)rng_below(rng, chance(rng, 50) ? 120000 : 6000);
	m->final_status = 200;
	if (chance(rng, 220))
		m->final_status =
			(uint16_t)pick(rng, refusals, sizeof(refusals) / sizeof(refusals[0]));
	else if (chance(rng, 50))
		m->final_status = 0;
	m->no_sdp = chance(rng, 30);
	m->bad_sdp = chance(rng, 20);
	m->early_bye = chance(rng, 30);
	m->alone_status = (uint16_t)PICK(rng, 200, 200, 200, 200, 202, 404, 480, 500);
	m->challenge = chance(rng, 100) ? (uint16_t)PICK(rng, 401, 407) : 0;
	m->knows_limen = m->challenge && chance(rng, 500);
	m->challenges_dialogs = m->knows_limen && !sim->profile.control_fails && chance(rng, 500);
	m->notifies_early = chance(rng, 300);
	m->accepts_202 = chance(rng, 300);
	m->moved = (uint8_t)PICK(rng, MOVED_AWAY, MOVED_NEXT, MOVED_NEXT, MOVED_HERE, MOVED_ALL);
	m->on_cancel = chance(rng, 850) ? ON_CANCEL_487 : (uint8_t)(1 + rng_below(rng, 2));
	m->fork_rings = chance(rng, 60);
	m->fork_answers = chance(rng, 50);
	if (hangs_up || chance(rng, 300))
		m->hangup_ms = (uint32_t)rng_below(rng, 30000);
}

static struct net_endpoint address_of(unsigned side, bool ip6, uint32_t call, unsigned slot)
{
	struct net_endpoint at = {.family = ip6 ? NET_IP6 : NET_IP4, .port = SIM_SIP_PORT};

	if (slot > 1)
		at.port = (uint16_t)(SIM_SIP_PORT + 1000 * (slot - 1));
	if (ip6) {
		static const uint8_t net[2][6] = {{0x20, 1, 0xd, 0xb8, 0, 0x66},
						  {0x20, 1, 0xd, 0xb8, 0, 0x77}};

		memcpy(at.addr.ip, net[side], 6);
		at.addr.ip[13] = (uint8_t)(call >> 16);
		at.addr.ip[14] = (uint8_t)(call >> 8);
		at.addr.ip[15] = (uint8_t)call;
	} else {
		at.addr.ip[0] = 10;
		at.addr.ip[1] = side == SIDE_A ? 66 : 77;
		at.addr.ip[2] = (uint8_t)(call >> 8);
		at.addr.ip[3] = (uint8_t)call;
	}
	return at;
}

static void init_ua(struct sim *sim, uint32_t call, unsigned slot)
{
	struct ua *ua = &sim->uas[call * SIM_SLOTS + slot];

	ua->call = call;
	ua->slot = (uint8_t)slot;
	ua->side = slot ? SIDE_B : SIDE_A;
	ua->self =
		address_of(ua->side, sim->profile.ip6 && chance(&sim->script_rng, 500), call, slot);
	ua->limen = *sim_limen(sim, ua->side, ua->self.family);
	ua->tcp = sim->profile.tcp && chance(&sim->script_rng, 500);
	ua->vanish_ns = NEVER;
	ua->timer_ns = NEVER;
}

void script_outgoing(struct sim *sim, struct ua *ua, struct sess *sess, const char *user)
{
	const char *mark = ua->side == SIDE_A ? "zqA" : "zqB";
	char host[64], limen[64];
	struct cursor out = cursor_on(host, sizeof(host) - 1),
		      to = cursor_on(limen, sizeof(limen) - 1);

	put_endpoint(&out, &ua->self);
	host[out.len] = 0;
	put_endpoint(&to, &ua->limen);
	limen[to.len] = 0;
	sess->caller = true;
	sess->se_want_s = ua->manner.se_s;
	do {
		snprintf(sess->call_id, sizeof(sess->call_id), "%s-%u-%08x@%s", mark, ua->call,
			 (unsigned)rng_below(&sim->ua_rng, UINT32_MAX), host);
	} while (!worker_numbered(sim,
				  sip_owner(span_str(sess->call_id), sim->profile.nworkers)));
	snprintf(sess->local_uri, sizeof(sess->local_uri), "\"%s, \\\"%u\\\"\" <sip:%s%u@%s>", mark,
		 ua->call, mark, ua->call, host);
	snprintf(sess->target, sizeof(sess->target), "sip:%s%s%s", user, user[0] ? "@" : "", limen);
	if (ua->manner.what == WHAT_REGISTER)
		memcpy(sess->remote_uri, sess->local_uri, sizeof(sess->remote_uri));
	else
		snprintf(sess->remote_uri, sizeof(sess->remote_uri), "<%.100s>", sess->target);
}

void script_call(struct sim *sim, uint32_t number)
{
	struct ua *ua = &sim->uas[number * SIM_SLOTS];
	struct sim_call *call = &sim->calls[number];
	struct sess *sess;
	char user[32];

	for (unsigned slot = 0; slot < SIM_SLOTS; slot++)
		init_ua(sim, number, slot);
	caller_manner(sim, &ua->manner);
	call->rtp = chance(&sim->script_rng, 250);
	call->lame = ua->manner.vanish_ms != UINT32_MAX || ua->manner.never_ack;
	for (unsigned slot = 1; slot < SIM_SLOTS; slot++) {
		callee_manner(sim, &ua[slot].manner, ua->manner.hangup_ms == UINT32_MAX);
		call->lame |= ua[slot].manner.vanish_ms != UINT32_MAX;
		call->deaf |= ua[slot].manner.silent;
	}
	for (unsigned slot = 0; slot < SIM_SLOTS; slot++)
		call->cut |= ua[slot].tcp && (sim->profile.breaks || sim->profile.control_fails);
	call->lame |= call->cut;
	call->lasts = chance(&sim->script_rng, 80);
	for (unsigned slot = 0; slot < SIM_SLOTS && call->lasts; slot++)
		if (ua[slot].manner.hangup_ms != UINT32_MAX)
			ua[slot].manner.hangup_ms = 20 * ua[slot].manner.hangup_ms;
	sess = ua_sess_new(sim, ua);
	snprintf(user, sizeof(user), "called%u", number);
	if (ua->manner.what == WHAT_OPTIONS_LIMEN || ua->manner.what == WHAT_REGISTER)
		user[0] = 0;
	script_outgoing(sim, ua, sess, user);
	ua_act_at(ua, sess, call->start_ns, ACT_CALL);
	ua_arm(sim, ua);
}
