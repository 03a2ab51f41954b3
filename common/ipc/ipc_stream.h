/* SPDX-License-Identifier: BSD-3-Clause */
/* Part of the language of ipc_msg.h: SIP over transports with connections (TCP, TLS, SCTP). The
 * control plane has the connections and cuts their bytes into messages; the workers have the
 * transactions. Both processes, any thread. */
#pragma once

#include "common/base/span.h"
#include "common/net/addr.h"

/* A connection's number ("flow", RFC 5626): never 0, never used again within one start of the
 * control plane. */

/* One whole message that came by a connection, for the worker that owns its Call-ID (sip_owner). */
struct ipc_sip_in {
	uint64_t flow;
	struct net_endpoint peer;
	struct net_endpoint local; /* limen's end: a listener's, or of a connection that limen made */
	uint8_t realm;
	uint8_t transport; /* enum net_transport, never UDP */
	uint16_t pad;
	uint32_t msg_len;
	uint32_t pad2;
	/* message */
};

/* One message to send. A request goes by the connection `flow` if that is there yet, else by one
 * to `peer`, made now if there is none; a response whose connection is gone to the sent-by of its
 * Via (RFC 3261 section 18.2.2). */
struct ipc_sip_out {
	uint64_t flow;  /* where its dialog was heard last; 0: not known */
	uint64_t token; /* comes back in SIP_FAIL; 0: nobody waits for it */
	struct net_endpoint local; /* whence a connection is made; its port is the listener's */
	struct net_endpoint peer;
	uint8_t realm;
	uint8_t transport;
	uint16_t pad;
	uint32_t msg_len;
	/* message */
};

enum ipc_sip_fail_reason {
	IPC_FAIL_REFUSED = 0, /* no connection could be made: refused, unreachable, TLS failed */
	IPC_FAIL_TIMEOUT,     /* nor in time */
	IPC_FAIL_LOST,	      /* the connection ended with the message in its queue */
	IPC_FAIL_FULL,	      /* too many connections, or too much in its queue */
	IPC_FAIL_TRANSPORT,   /* the realm has no such transport */
	IPC_FAILS
};

/* What SIP_OUT gave with that token did not go out. */
struct ipc_sip_fail {
	uint64_t token; /* never 0 */
	uint32_t reason; /* enum ipc_sip_fail_reason */
	uint32_t pad;
};

bool ipc_sip_in_check(const struct ipc_sip_in *in, uint32_t len);
bool ipc_sip_out_check(const struct ipc_sip_out *out, uint32_t len);
bool ipc_sip_fail_check(const struct ipc_sip_fail *fail, uint32_t len);

/* Parts of checked frames. */
struct span ipc_sip_in_msg(const struct ipc_sip_in *in);
struct span ipc_sip_out_msg(const struct ipc_sip_out *out);

const char *ipc_sip_fail_name(uint32_t reason); /* "refused", "timeout", ... */
