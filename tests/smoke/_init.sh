# SPDX-License-Identifier: BSD-3-Clause
# The plumbing of the smoke tests, sourced by each scenario: the lab, SIPp on both sides, limen's counters, results.
# A scenario prints "ok - WHAT" or "not ok - WHAT" for each thing it checks, or "skip - WHY"; tests/smoke/run.sh counts them.
# shellcheck shell=bash
set -euo pipefail
smoke=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=scripts/lib.sh
. "$smoke/../../scripts/lib.sh"

lab=$top/scripts/lab.sh
work=$(mktemp -d /tmp/limen-smoke.XXXXXX)
chmod 755 "$work" # limen reads tables here, as its own user
callee_pid='' capture_pids=()
slow=${SMOKE_SLOW:-1} # rates and numbers of calls are divided by this
failures=0

on_exit() {
    local status=$?
    trap - EXIT
    kill ${callee_pid:+"$callee_pid"} "${capture_pids[@]}" 2>/dev/null || true
    rm -rf "$work"
    [ "$status" -ne 0 ] || [ "$failures" -eq 0 ] || status=1
    exit "$status"
}
trap on_exit EXIT

ok() { echo "ok - $*"; }
not_ok() {
    echo "not ok - $*"
    failures=$((failures + 1))
}
# check WHAT CMD...: that the command succeeds. same WHAT GOT WANTED: that both are equal.
check() {
    local what=$1
    shift
    if "$@"; then ok "$what"; else not_ok "$what: $*"; fi
}
not() { ! "$@"; }
same() { if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1: got $2, not $3"; fi; }

# lab_up ARG...: a fresh lab (arguments of lab.sh up).
lab_up() {
    "$lab" down
    "$lab" up --device "${SMOKE_DEVICE:-af_xdp}" "$@" >"$work/up" 2>&1 && return 0
    cat "$work/up"
    not_ok "the lab comes up"
    exit 1
}

address() { # SIDE: its peer's address, in brackets for IPv6
    case $1${ipv6:+6} in a) echo 10.99.1.2 ;; b) echo 10.99.2.2 ;; a6) echo '[fd99:1::2]' ;; b6) echo '[fd99:2::2]' ;; esac
}
limen_address() { address "$1" | sed 's/2\(\]\{0,1\}\)$/1\1/'; }

# sipp_in SIDE SCENARIO ARG...: SIPp with a scenario of this folder; @CODE@ in it is replaced by $code.
sipp_in() {
    local side=$1 scenario=$2 at
    shift 2
    at=$(address "$side")
    sed "s/@CODE@/${code:-}/" "$smoke/scenarios/$scenario.xml" >"$work/$side.$scenario.xml"
    ip netns exec "limen-$side" sipp -sf "$work/$side.$scenario.xml" -i "$at" -mi "${at//[][]/}" -nostdin -timeout 100 -timeout_error -pause_msg_ign -buff_size 4194304 \
        -trace_err -error_file "$work/$side.$scenario.err" "$@" >"$work/$side.$scenario.out" 2>&1
}

# callee SIDE SCENARIO ARG...: in the background, ready when this returns.
callee() {
    local side=$1
    sipp_in "$@" -p 5060 &
    callee_pid=$!
    callee_scenario="$side.$2"
    until udp_is_bound "$side" 5060; do
        kill -0 $callee_pid 2>/dev/null || { sipp_errors "$callee_scenario"; not_ok "SIPp listens in limen-$side"; return 1; }
        sleep 0.05
    done
}

# callee_done: waits for it, and is its exit status.
callee_done() {
    local status=0
    wait "$callee_pid" || status=$?
    callee_pid=''
    [ $status -eq 0 ] || sipp_errors "$callee_scenario"
    return $status
}

# caller SIDE SCENARIO ARG...: to limen, until done; SIPp's exit status.
caller() {
    local side=$1 scenario=$2 status=0
    sipp_in "$@" "$(limen_address "$side"):5060" || status=$? # from port 5060 itself, unless told otherwise
    [ $status -eq 0 ] || sipp_errors "$side.$scenario"
    return $status
}

# What SIPp counted at its end.
sipp_count() { # SIDE.SCENARIO "Successful call"|"Failed call"
    grep -aE "^ *$2 " "$work/$1.out" | tail -n 1 | awk -F'|' '{ gsub(/ /, "", $3); print $3 }'
}
sipp_errors() {
    echo "# SIPp $1:"
    head -c 3000 "$work/$1.err" 2>/dev/null | sed 's/^/#   /' || true
    ctl show stats --json 2>/dev/null | jq -r 'map(select(.value > 0 and (.group == "drops" or .group == "sip"))
        | "\(.object) \(.name) \(.value)") | "# limen: " + join(", ")' || true
}

ctl() { "$lab" ctl "$@"; }

# stat GROUP NAME [OBJECT]: the sum of that counter over its objects, or one object's.
stat() {
    ctl show stats --json | jq -r --arg g "$1" --arg n "$2" --arg o "${3:-}" \
        '[.[] | select(.group == $g and .name == $n and ($o == "" or .object == $o)) | .value] | add // 0'
}

# capture SIDE FILE: all that passes on that side's network, from now on.
capture() {
    ip netns exec "limen-$1" dumpcap -q -P -i to-limen -w "$2" 2>"$2.log" &
    capture_pids+=($!)
    wait_until 10 test -s "$2" || { cat "$2.log"; not_ok "a capture starts in limen-$1"; return 1; }
}
captures_done() {
    sleep 0.5
    kill -INT "${capture_pids[@]}"
    wait "${capture_pids[@]}" || true
    capture_pids=()
}

cdr_file() { sed -nE '/^cdr:/,/^[a-z]/s/^ *file: *([^ #]+).*/\1/p' /run/limen-lab/limen.yaml | tr -d '"'; }
cdr_count() { wc -l <"$(cdr_file)" 2>/dev/null || echo 0; }
