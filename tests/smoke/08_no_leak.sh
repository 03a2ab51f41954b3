#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# After a load of every kind of call, arenas, packet pools and rings are as full as before it.
. "$(dirname "$0")/_init.sh"
lab_up

# What is in use of everything that can be: slabs, calls, timers, packets, rings.
in_use() {
    ctl show stats --json | jq -c '[.[] | select((.group == "slab" or .group == "pool" or .group == "ring") and (.name | test("used|avail"))
        or .group == "sip" and (.name == "calls" or .name == "txns" or .name == "timers" or .name == "records_unacked"))
        | {(.group + " " + .object + " " + .name): .value}] | add'
}
# Ring buffers of AF_XDP and packets on their way hold a few packets more or less.
as_before() {
    local now
    now=$(in_use) || return 1
    jq -ne --argjson before "$before" --argjson now "$now" '[$before | to_entries[]
        | select((($now[.key] // -1) - .value | fabs) > (if .key | startswith("pool") then 64 else 0 end))] | length == 0' >/dev/null
}

before=$(in_use)
check "there is something to count" test "$(jq length <<<"$before")" -ge 5
for flow in "uas_call uac_call 2000" "uas_bye uac_wait_bye 400" "uas_cancel uac_cancel 400" "uas_refuse uac_refused 400"; do
    read -r callee_does caller_does count <<<"$flow"
    count=$((count / slow))
    code=486 callee b "$callee_does" -m "$count" -d 100
    code=486 check "$caller_does: the caller" caller a "$caller_does" -s 2001 -m "$count" -r $((200 / slow)) -d 100
    check "$caller_does: the callee" callee_done
done
check "in use during the load" test "$(in_use)" != "$before"
# Transactions linger: 64 T1 for lost ACKs and repeated requests (RFC 3261 section 17), ports for a delay of their own.
if wait_until 75 as_before; then
    ok "all is as full as before"
else
    not_ok "something leaks: before $before, now $(in_use)"
fi
