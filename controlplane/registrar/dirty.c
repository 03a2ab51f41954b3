/* SPDX-License-Identifier: BSD-3-Clause */
/* What the file does not have yet. limen-controlplane, loop thread. */
#include "controlplane/registrar/dirty.h"

#include <errno.h>
#include <stdlib.h>

#define GONE_MAX (1u << 20)

void dirty_free(struct dirty *d)
{
	free(d->numbers);
	free(d->marks);
	free(d->gone);
	*d = (struct dirty){0};
}

void dirty_clear(struct dirty *d)
{
	for (; d->from < d->n; d->from++)
		d->marks[d->numbers[d->from]] = 0;
	d->from = d->n = d->ngone = 0;
}

static int reserve(struct dirty *d, uint32_t number)
{
	if (number >= d->nmarks) {
		uint32_t n = d->nmarks ? d->nmarks : 64;
		uint8_t *marks;

		while (n <= number)
			n *= 2;
		marks = realloc(d->marks, n);
		if (!marks)
			return -ENOMEM;
		memset(marks + d->nmarks, 0, n - d->nmarks);
		d->marks = marks;
		d->nmarks = n;
	}
	if (d->n == d->room && d->from) {
		memmove(d->numbers, d->numbers + d->from, (d->n - d->from) * sizeof(*d->numbers));
		d->n -= d->from;
		d->from = 0;
	}
	if (d->n == d->room) {
		uint32_t room = d->room ? d->room * 2 : 64;
		uint32_t *numbers = realloc(d->numbers, room * sizeof(*numbers));

		if (!numbers)
			return -ENOMEM;
		d->numbers = numbers;
		d->room = room;
	}
	return 0;
}

int dirty_put(struct dirty *d, uint32_t number)
{
	if (number < d->nmarks && d->marks[number])
		return 0;
	if (reserve(d, number))
		return -ENOMEM;
	d->marks[number] = 1;
	d->numbers[d->n++] = number;
	return 0;
}

void dirty_drop(struct dirty *d, const struct binding_id *id)
{
	if (d->ngone == d->gone_room) {
		uint32_t room = d->gone_room ? d->gone_room * 2 : 64;
		struct binding_id *gone =
			room <= GONE_MAX ? realloc(d->gone, room * sizeof(*gone)) : NULL;

		if (!gone)
			return;
		d->gone = gone;
		d->gone_room = room;
	}
	d->gone[d->ngone++] = *id;
}

/* First what goes: a binding that came back since is written behind it. So no binding is written
 * while something that goes is left. */
void dirty_write(struct dirty *d, const struct bindings *bindings, struct store *store)
{
	uint32_t done = 0;
	struct binding binding;

	while (done < d->ngone && store_drop(store, &d->gone[done]))
		done++;
	if (done)
		memmove(d->gone, d->gone + done, (d->ngone - done) * sizeof(*d->gone));
	d->ngone -= done;
	while (!d->ngone && d->from < d->n) {
		uint32_t number = d->numbers[d->from];

		if (bindings_get(bindings, number, &binding) && !store_put(store, &binding))
			return;
		d->marks[number] = 0;
		d->from++;
	}
}
