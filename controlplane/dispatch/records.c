/* SPDX-License-Identifier: BSD-3-Clause */
/* Records of calls: from the dataplane to the writer, and back as an acknowledgement once they are
 * on disk. limen-controlplane, loop thread. */
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>

#include "controlplane/dispatch/internal.h"

#define RETRY_MS 10

static bool send_ack(struct dispatch *dispatch, const struct ack *ack)
{
	const struct ipc_call_end_ack frame = {.call = ack->call};
	const struct span part = span_of(&frame, sizeof(frame));

	return cp_link_send(dispatch->link, ack->ring, IPC_CALL_END_ACK, &part, 1) != -EAGAIN;
}

static void retry_soon(struct dispatch *dispatch)
{
	const struct timeval soon = {.tv_usec = RETRY_MS * 1000};

	event_add(dispatch->acks.retry, &soon);
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
	struct dispatch *dispatch = arg;
	struct acks *acks = &dispatch->acks;
	size_t sent = 0;

	while (sent < acks->n && send_ack(dispatch, &acks->waiting[sent]))
		sent++;
	memmove(acks->waiting, acks->waiting + sent, (acks->n - sent) * sizeof(*acks->waiting));
	acks->n -= sent;
	if (acks->n)
		retry_soon(dispatch);
}

/* Send it, or keep it until the ring has room. One that cannot be kept is not lost either: after
 * the next reconnect the dataplane sends the record again, and it is known then. */
static void acknowledge(struct dispatch *dispatch, const struct ack *ack)
{
	struct acks *acks = &dispatch->acks;

	if (!acks->n && send_ack(dispatch, ack))
		return;
	if (acks->n == acks->room) {
		size_t room = acks->room ? acks->room * 2 : 256;
		struct ack *more = realloc(acks->waiting, room * sizeof(*more));

		if (!more) {
			dispatch->counters.acks_unsent++;
			return;
		}
		acks->waiting = more;
		acks->room = room;
	}
	acks->waiting[acks->n++] = *ack;
	retry_soon(dispatch);
}

/* A handle means something within one start of the dataplane only: after another start the same
 * number may be another call, and the dataplane asks again anyway. */
static void on_written(void *arg, const struct cdr_ticket *ticket)
{
	struct dispatch *dispatch = arg;
	const struct ipc_hello *hello = cp_link_hello(dispatch->link);
	const struct ack ack = {cp_link_worker_ring((unsigned)ticket->id.worker), ticket->id.call};

	if (hello && hello->boot_id == ticket->boot_id)
		acknowledge(dispatch, &ack);
}

/* Records that were refused lie in the dataplane, which sends them again when the link comes up. */
static void on_room(void *arg)
{
	struct dispatch *dispatch = arg;
	const struct timeval now = {0};

	event_add(dispatch->relink, &now);
}

static const struct cdr_events events = {.written = on_written, .room = on_room};

int records_start(struct dispatch *dispatch)
{
	const char *path = dispatch->generation->conf->cdr.file;
	int err;

	dispatch->acks.retry = evtimer_new(dispatch->base, on_retry, dispatch);
	if (!dispatch->acks.retry)
		return -ENOMEM;
	err = cdr_writer_new(&dispatch->cdr, dispatch->base, path, &events, dispatch);
	if (err)
		LOG(ERROR, "cdr", "the record file cannot be opened", LOG_STR("file", path),
		    LOG_ERR(err));
	else
		cdr_writer_rotation(dispatch->cdr, &dispatch->generation->conf->cdr);
	return err;
}

void records_stop(struct dispatch *dispatch)
{
	cdr_writer_free(dispatch->cdr);
	dispatch->cdr = NULL;
	if (dispatch->acks.retry)
		event_free(dispatch->acks.retry);
	dispatch->acks.retry = NULL;
	free(dispatch->acks.waiting);
}

void records_link_down(struct dispatch *dispatch)
{
	dispatch->acks.n = 0;
	event_del(dispatch->acks.retry);
}

void dispatch_call_end(struct dispatch *dispatch, unsigned ring, const struct ipc_call_end *end)
{
	const struct ipc_hello *hello = cp_link_hello(dispatch->link);
	struct cdr_ticket ticket = {.id = {end->started_ns, end->call, end->worker}};
	char line[CDR_RECORD_BYTES_MAX];
	struct cursor out = cursor_on(line, sizeof(line));
	struct cdr_far far = trunk_ids_far(dispatch, end->trunk);

	if (!hello || cp_link_worker_ring(end->worker) != ring) {
		dispatch->counters.records_misplaced++;
		return;
	}
	ticket.boot_id = hello->boot_id;
	dispatch->counters.records++;
	put_cdr_record(&out, end, &far);
	if (cdr_writer_add(dispatch->cdr, &ticket, cursor_span(&out)) == CDR_WRITTEN)
		acknowledge(dispatch, &(struct ack){ring, end->call});
}
