/* SPDX-License-Identifier: BSD-3-Clause */
/* Wrong configs: each is the good one below with a line changed, or a file of its own, and the
 * faults it must be told. */
#pragma once

#define WRONG_FAULTS_MAX 6u

struct wrong_fault {
	unsigned line;
	const char *key;
	const char *reason;
};

struct wrong {
	const char *what;
	unsigned line;    /* of the good config, replaced by `text`; 0: `text` is the whole file */
	const char *text; /* lines without the last newline; NULL: the line is left out */
	struct wrong_fault faults[WRONG_FAULTS_MAX]; /* all of them, in order; the rest zero */
};

extern const char *const wrong_base[]; /* lines of a good config, NULL at the end */

/* By what is wrong; `what` NULL at the end. */
extern const struct wrong wrong_files[], wrong_machine[], wrong_realms[], wrong_trunks[],
	wrong_routes[], wrong_rules[], wrong_limits[], wrong_conditions[], wrong_numbers[],
	wrong_tls[], wrong_streams[];
