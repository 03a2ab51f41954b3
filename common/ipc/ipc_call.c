/* SPDX-License-Identifier: BSD-3-Clause */
/* CALL_END and CALL_ROW: checks and accessors. */
#include "common/ipc/ipc_check.h"

static struct span call_id_part(const void *head, size_t head_bytes, const uint16_t lens[2],
				unsigned side)
{
	return part(head, head_bytes + (side ? lens[0] : 0), lens[side ? 1 : 0]);
}

/* A head and the streams behind it: where the texts begin. */
#define WITH_STREAMS(head) (sizeof(*(head)) + (head)->nstreams * sizeof(struct ipc_stream_quality))
_Static_assert(sizeof(struct ipc_call_end) % 8 == 0 && sizeof(struct ipc_call_row) % 8 == 0,
	       "streams behind them are aligned");

const struct ipc_stream_quality *ipc_call_end_streams(const struct ipc_call_end *end)
{
	return (const struct ipc_stream_quality *)(const void *)(end + 1);
}

const struct ipc_stream_quality *ipc_call_row_streams(const struct ipc_call_row *row)
{
	return (const struct ipc_stream_quality *)(const void *)(row + 1);
}

struct span ipc_call_end_call_id(const struct ipc_call_end *end, unsigned side)
{
	return call_id_part(end, WITH_STREAMS(end), end->call_id_len, side);
}

static uint64_t tags_off(const struct ipc_call_end *end)
{
	return WITH_STREAMS(end) + (uint64_t)end->call_id_len[0] + end->call_id_len[1];
}

static uint64_t agents_off(const struct ipc_call_end *end)
{
	return tags_off(end) + end->tag_len[0][0] + end->tag_len[0][1] + end->tag_len[1][0] +
	       end->tag_len[1][1];
}

static uint64_t reasons_off(const struct ipc_call_end *end)
{
	return agents_off(end) + end->agent_len[0] + end->agent_len[1];
}

static uint64_t end_context_off(const struct ipc_call_end *end)
{
	return reasons_off(end) + end->reason_len[0] + end->reason_len[1];
}

struct span ipc_call_end_tag(const struct ipc_call_end *end, unsigned side, unsigned which)
{
	uint64_t off = tags_off(end);

	for (unsigned i = 0; i < 2 * side + which; i++)
		off += end->tag_len[i / 2][i % 2];
	return part(end, off, end->tag_len[side][which]);
}

struct span ipc_call_end_agent(const struct ipc_call_end *end, unsigned side)
{
	return part(end, agents_off(end) + (side ? end->agent_len[0] : 0), end->agent_len[side]);
}

struct span ipc_call_end_reason(const struct ipc_call_end *end, unsigned side)
{
	return part(end, reasons_off(end) + (side ? end->reason_len[0] : 0),
		    end->reason_len[side]);
}

struct span ipc_call_end_context(const struct ipc_call_end *end)
{
	return part(end, end_context_off(end), end->context_len);
}

struct span ipc_call_row_call_id(const struct ipc_call_row *row, unsigned side)
{
	return call_id_part(row, WITH_STREAMS(row), row->call_id_len, side);
}

struct span ipc_call_row_context(const struct ipc_call_row *row)
{
	return part(row, WITH_STREAMS(row) + row->call_id_len[0] + row->call_id_len[1],
		    row->context_len);
}

static bool check_streams(const struct ipc_stream_quality *streams, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		for (unsigned side = 0; side < 2; side++)
			if (!endpoint_is_clean(&streams[i].from[side].source) ||
			    streams[i].from[side].srtp_suite >= SECURE_SUITES)
				return false;
	return true;
}

/* A's leg was there from the INVITE on; B's may never have been. */
static bool check_sides(const struct net_endpoint peer[2], const struct ipc_media_quality media[2],
			const uint8_t realm[2])
{
	return endpoint_is_addr(&peer[0]) && endpoint_is_clean(&peer[1]) &&
	       endpoint_is_clean(&media[0].source) && endpoint_is_clean(&media[1].source) &&
	       media[0].srtp_suite < SECURE_SUITES && media[1].srtp_suite < SECURE_SUITES &&
	       realm[0] < IPC_REALMS_MAX && realm[1] < IPC_REALMS_MAX;
}

static bool failed_are_good(const uint16_t failed[IPC_FAILED_MAX])
{
	bool over = false;

	for (unsigned i = 0; i < IPC_FAILED_MAX; i++) {
		if (failed[i] > 699 || (failed[i] && (over || failed[i] < 300)))
			return false;
		over |= !failed[i];
	}
	return true;
}

static bool texts_are_good(const struct ipc_call_end *end)
{
	for (unsigned side = 0; side < 2; side++) {
		if (!text_is_one_line(ipc_call_end_tag(end, side, 0)) ||
		    !text_is_one_line(ipc_call_end_tag(end, side, 1)) ||
		    !text_is_one_line(ipc_call_end_agent(end, side)) ||
		    !text_is_one_line(ipc_call_end_reason(end, side)))
			return false;
	}
	return true;
}

bool ipc_call_end_check(const void *frame, uint32_t len)
{
	const struct ipc_call_end *end = frame;

	return end_context_off(end) + end->context_len == len && end->nstreams <= IPC_STREAMS_MAX &&
	       end->far_status <= 699 && failed_are_good(end->failed) && texts_are_good(end) &&
	       check_streams(ipc_call_end_streams(end), end->nstreams) && end->context_len <= IPC_CONTEXT_MAX &&
	       end->ended_by < IPC_ENDED_BYS && end->status <= 699 &&
	       end->worker < IPC_WORKERS_MAX && check_sides(end->peer, end->media, end->realm) &&
	       text_is_one_line(ipc_call_end_call_id(end, 0)) &&
	       text_is_one_line(ipc_call_end_call_id(end, 1)) &&
	       text_is_one_line(ipc_call_end_context(end));
}

bool ipc_call_row_check(const void *frame, uint32_t len)
{
	const struct ipc_call_row *row = frame;

	uint64_t bytes = WITH_STREAMS(row) + (uint64_t)row->call_id_len[0] + row->call_id_len[1] +
			 row->context_len;

	return bytes == len && row->nstreams <= IPC_STREAMS_MAX &&
	       check_streams(ipc_call_row_streams(row), row->nstreams) && row->context_len <= IPC_CONTEXT_MAX &&
	       row->state < IPC_CALL_STATES && row->worker < IPC_WORKERS_MAX &&
	       check_sides(row->peer, row->media, row->realm) &&
	       text_is_one_line(ipc_call_row_call_id(row, 0)) &&
	       text_is_one_line(ipc_call_row_call_id(row, 1)) &&
	       text_is_one_line(ipc_call_row_context(row));
}
