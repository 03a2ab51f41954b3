#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Runs the smoke tests: scenarios over the lab, one after the other.
#
#   run.sh [--result FILE] [PATTERN]     FILE gets "PASSED FAILED"; SMOKE_DEVICE=af_packet chooses the device (af_xdp)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=scripts/lib.sh
. "$here/../../scripts/lib.sh"

result='' pattern=''
while [ $# -gt 0 ]; do
    case $1 in
        --result) result=$2; shift 2 ;;
        *) pattern=$1; shift ;;
    esac
done
need_root

take_lab 600
# Rates are kept by the clock: ahead of whatever else this machine does.
renice -n -10 -p $$ >/dev/null 2>&1 || true
# Named, so that limen failing over AF_XDP is a failure, not a reason to take the other.
if [ -z "${SMOKE_DEVICE:-}" ]; then
    if af_xdp_exists; then SMOKE_DEVICE=af_xdp; else SMOKE_DEVICE=af_packet; fi
fi
export SMOKE_DEVICE
out=$(mktemp)
trap '"$top/scripts/lab.sh" down; rm -f "$out"' EXIT

passed=0 failed=0
for scenario in "$here"/[0-9]*; do
    name=$(basename "$scenario")
    [[ $name == *"$pattern"* ]] || continue
    step "smoke: $name"
    status=0 began=$SECONDS
    timeout -k 10 300 "$scenario" >"$out" 2>&1 9>&- || status=$?
    good=$(grep -c '^ok - ' "$out" || true)
    bad=$(grep -c '^not ok - ' "$out" || true)
    skipped=$(grep -c '^skip - ' "$out" || true)
    if [ "$bad" -eq 0 ] && [ "$skipped" -eq 0 ] && { [ $status -ne 0 ] || [ "$good" -eq 0 ]; }; then
        echo "not ok - $name ended with status $status" >>"$out"
        bad=1
    fi
    sed -E "s/^(not ok - .*)/$c_red\1$c_off/; s/^/    /" "$out"
    [ "$bad" -eq 0 ] || "$top/scripts/lab.sh" log 2>/dev/null | sed 's/^/    # /' || true
    note "$name: $good passed, $bad failed, $((SECONDS - began)) s"
    passed=$((passed + good)) failed=$((failed + bad))
done
note "smoke: $passed passed, $failed failed"
[ -z "$result" ] || echo "$passed $failed" >"$result"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
