#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The control plane dies and comes back while calls go on; each process stops cleanly when told to.
. "$(dirname "$0")/_init.sh"
lab_up
complete() { [ "$(cdr_count)" -eq "$1" ]; }

# Forty calls of eight seconds, set up in two. In the middle there is no control plane.
callee b uas_call -m 40
caller a uac_call -s 2001 -m 40 -r 20 -d 8000 &
first=$!
sleep 3.5
"$lab" kill controlplane
check "limenctl tells that the control plane is away" grep -qi 'control plane' <(ctl show calls 2>&1)
check "limenctl fails then" not ctl show calls
same "the dataplane goes on" "$("$lab" status | grep -c '^dataplane [0-9]')" 1
check "calls go on and end without a control plane" wait "$first"
check "and the callee agrees" callee_done
check "no record is written without it" test "$(cdr_count)" -lt 40
"$lab" start controlplane
check "every record is there once it is back" wait_until 10 complete 40
same "each only once" "$(jq -r '.call' "$(cdr_file)" | sort | uniq -d | wc -l)" 0

callee b uas_call -m 20
check "new calls work: the caller" caller a uac_call -s 2001 -m 20 -r 20 -d 100
check "new calls work: the callee" callee_done
check "and are recorded" wait_until 5 complete 60

# A question that nobody answers: the caller is refused, not left waiting.
"$lab" kill controlplane
code=503 check "without a control plane a new call is refused with 503" caller a uac_refused -s 2001 -m 1
"$lab" start controlplane

check "SIGTERM stops the control plane" "$lab" stop controlplane
check "SIGTERM stops the dataplane" "$lab" stop dataplane
same "nothing in the logs of a crash" "$(grep -ciE 'segfault|assert|sanitizer|abort' /run/limen-lab/*plane.log || true)" \
    "$(printf '%s:0\n' /run/limen-lab/controlplane.log /run/limen-lab/dataplane.log)"
check "limenctl tells that nobody is there" grep -qiE 'no|not|cannot' <(ctl show calls 2>&1)
"$lab" start dataplane &
started=$!
"$lab" start controlplane
check "both come back" wait "$started"
