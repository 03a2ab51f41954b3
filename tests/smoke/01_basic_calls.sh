#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Plain calls at a rate, over both devices; the other way round; over IPv6.
. "$(dirname "$0")/_init.sh"

# calls WHAT FROM TO COUNT RATE
calls() {
    local what=$1 from=$2 to=$3 count=$(($4 / slow)) rate=$(($5 / slow)) before
    before=$(cdr_count)
    callee "$to" uas_call -m "$count"
    check "$what: $count calls at $rate/s, the caller's view" \
        caller "$from" uac_call -s 2001 -m "$count" -r "$rate" -d 200
    check "$what: the callee's view" callee_done
    same "$what: no failed call" "$(sipp_count "$from.uac_call" "Failed call")" 0
    same "$what: all successful" "$(sipp_count "$from.uac_call" "Successful call")" "$count"
    check "$what: a record for each" wait_until 5 records "$((before + count))"
}
records() { [ "$(cdr_count)" -eq "$1" ]; }

for device in af_xdp af_packet; do
    SMOKE_DEVICE=$device lab_up
    calls "$device a to b" a b 2000 200
    calls "$device b to a" b a 200 100
    ipv6=1
    calls "$device IPv6 a to b" a b 200 100
    ipv6=
done
