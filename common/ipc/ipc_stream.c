/* SPDX-License-Identifier: BSD-3-Clause */
/* Checks and accessors of the messages that carry SIP over connections. */
#include "common/ipc/ipc_check.h"

static bool endpoint_is_good(const struct net_endpoint *endpoint)
{
	return endpoint->port && endpoint_is_addr(endpoint);
}

static bool ends_are_good(const struct net_endpoint *peer, const struct net_endpoint *local,
			  uint8_t transport)
{
	return endpoint_is_good(peer) && endpoint_is_good(local) &&
	       peer->family == local->family && transport != NET_UDP && transport < NET_TRANSPORTS;
}

struct span ipc_sip_in_msg(const struct ipc_sip_in *in)
{
	return span_of((const char *)(in + 1), in->msg_len);
}

struct span ipc_sip_out_msg(const struct ipc_sip_out *out)
{
	return span_of((const char *)(out + 1), out->msg_len);
}

bool ipc_sip_in_check(const struct ipc_sip_in *in, uint32_t len)
{
	return sizeof(*in) + (uint64_t)in->msg_len == len && in->msg_len && in->flow &&
	       in->realm < IPC_REALMS_MAX &&
	       ends_are_good(&in->peer, &in->local, in->transport);
}

bool ipc_sip_out_check(const struct ipc_sip_out *out, uint32_t len)
{
	return sizeof(*out) + (uint64_t)out->msg_len == len && out->msg_len &&
	       out->realm < IPC_REALMS_MAX &&
	       ends_are_good(&out->peer, &out->local, out->transport);
}

bool ipc_sip_fail_check(const struct ipc_sip_fail *fail, uint32_t len)
{
	return len == sizeof(*fail) && fail->token && fail->reason < IPC_FAILS;
}

const char *ipc_sip_fail_name(uint32_t reason)
{
	static const char *const names[IPC_FAILS] = {
		[IPC_FAIL_REFUSED] = "refused", [IPC_FAIL_TIMEOUT] = "timeout",
		[IPC_FAIL_LOST] = "lost",	[IPC_FAIL_FULL] = "full",
		[IPC_FAIL_TRANSPORT] = "no such transport",
	};

	return reason < IPC_FAILS ? names[reason] : "unknown";
}
