#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Every way a call can go: who ends it, who gives up, who refuses.
. "$(dirname "$0")/_init.sh"
lab_up --config "$smoke/flows.yaml"

# flow WHAT CALLEE_SCENARIO CALLER_SCENARIO [MILLISECONDS]
flow() {
    callee b "$2" -m 5 -d "${4:-300}"
    check "$1: the caller" caller a "$3" -s 2001 -m 5 -r 10 -d "${4:-300}"
    check "$1: the callee" callee_done
}
flow "the caller hangs up" uas_call uac_call
flow "the callee hangs up" uas_bye uac_wait_bye
flow "the caller cancels" uas_cancel uac_cancel
flow "early media" uas_early uac_early
flow "a new offer within the dialog" uas_reinvite uac_reinvite
for code in 404 486 500 603; do
    flow "the callee refuses with $code" uas_refuse uac_refused
done

# limen itself refuses.
code=404 check "a number that no route knows: 404" caller a uac_refused -s 7777 -m 3
code=603 check "a route that refuses: 603" caller a uac_refused -s 9001 -m 3
check "OPTIONS to limen: 200" caller a uac_options -m 3

# The callee rings for ever: after answer_max_s limen cancels, and the caller hears 408.
callee b uas_cancel -m 2
code=408 check "no answer: the caller hears 408" caller a uac_refused -s 2001 -m 2
check "no answer: the callee is cancelled" callee_done
