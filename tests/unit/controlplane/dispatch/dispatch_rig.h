/* SPDX-License-Identifier: BSD-3-Clause */
/* A dispatch with a config, files and an operator of its own, over a link that is none
 * (fake_link.h). For the tests of dispatch. */
#pragma once

#include "controlplane/dispatch/dispatch.h"

#include <event2/event.h>

#include "../conf_text.h"
#include "fake_link.h"

#define ROUTES "routes:\n  - {from: a, to: b}\n"
/* DIR stands for the test's directory. */
#define TEXT(machine, more)                                                                        \
	"machine: {workers: [1, 2], run_dir: DIR" machine "}\n"                                    \
	"ports: [{name: pa, device: net_null0}, {name: pb, device: net_null1}]\n"                  \
	"realms:\n"                                                                                \
	"  - {name: ra, port: pa, addresses: [10.99.1.1/24]}\n"                                    \
	"  - {name: rb, port: pb, addresses: [10.99.2.1/24]}\n"                                    \
	"trunks:\n"                                                                                \
	"  - {name: a, realm: ra, peers: [10.99.1.2]}\n"                                           \
	"  - {name: b, realm: rb, peers: [10.99.2.2]}\n"                                           \
	"cdr: {file: DIR/cdr.jsonl}\nlog: {file: DIR/log}\n" more

/* The note of a call of say_end and of the listings. */
#define CONTEXT "1 a b ra rb 1001 2001"

struct test {
	struct event_base *base;
	struct dispatch *dispatch;
	char dir[64], conf[96], cdr[96], log[96], socket[96];
	int operator_fd;
	char heard[1 << 20];
};

void write_conf(const struct test *test, const char *text);
void turns(struct test *test, unsigned n);
void start(struct test *test);
void stop(struct test *test);
struct test *new_test(void);
bool file_holds(const char *path, const char *text);
const struct fake_sent *last_sent(uint16_t type);
unsigned count_sent(uint16_t type);
void note_reload(void *arg, int err);
int reloaded(struct test *test);
void operator_asks(struct test *test, const char *request);
const char *operator_hears(struct test *test);
void say_ask(unsigned ring, uint64_t ask_id, const char *source);
struct ipc_call_end end_of(uint64_t call, uint8_t worker);
void say_end(unsigned ring, uint64_t call, uint8_t worker);
bool acknowledged(struct test *test, unsigned n);
