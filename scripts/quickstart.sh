#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# From a fresh Debian 12 to a real call through limen: installs, builds, starts the lab, calls, shows what happened, cleans up.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

lab=$top/scripts/lab.sh
scenarios=$top/tests/smoke/scenarios
call_ms=7500 # the recording lasts seven seconds
work='' callee=''

main() {
    need_root
    local began=$SECONDS told=0
    install_packages build lab
    if [ -e "$(build_dir)/build.ninja" ]; then
        build_limen "$(build_dir)" -- "${programs[@]}" || die "the build failed"
    else
        build_limen "$(build_dir)" -Dwerror=true -Dtests=false -- "${programs[@]}" || die "the build failed"
    fi

    take_lab 60
    trap clean_up EXIT
    trap 'exit 130' INT TERM
    work=$(mktemp -d)
    step "starting limen between two networks of this machine's own (scripts/lab.sh up)"
    "$lab" up >"$work/up" 2>&1 || { cat "$work/up" >&2; die "the lab did not come up"; }
    sed 's/^/    /' "$work/up"

    step "one call with seven seconds of recorded G.711; the callee echoes it (SIPp on both sides)"
    call_once || { "$lab" log >&2; die "the call failed"; }
    wait_until 5 test -s "$(cdr_file)" || warn "no call detail record came"
    python3 "$top/scripts/story.py" "$work/a.pcap" "$work/b.pcap" "$(cdr_file)" || told=$?
    clean_up
    [ $told -eq 0 ] || die "not all of it is as it should be: see above"

    printf '\n%s%s%s in %d s. What next:\n' "$c_green" "The call went through, and the lab is gone again" "$c_off" $((SECONDS - began))
    cat <<'NEXT'

    sudo scripts/lab.sh up                          the same lab, to stay
    sudo scripts/lab.sh exec a sipp ...             call from network a to 10.99.1.1, from b to 10.99.2.1
    sudo scripts/lab.sh ctl show calls              or: stats, ports, drops
    sudo scripts/lab.sh kill controlplane           calls go on without it: try
    sudo scripts/test.sh                            all tests
    README.md, docs/architecture.md                 how it works
NEXT
}

cdr_file() { echo /run/limen-lab/cdr.jsonl; }

call_once() {
    local side
    for side in a b; do
        ip netns exec limen-$side dumpcap -q -P -i to-limen -w "$work/$side.pcap" >"$work/$side.log" 2>&1 9>&- &
    done
    for side in a b; do
        wait_until 5 test -s "$work/$side.pcap" || { cat "$work/$side.log" >&2; return 1; }
    done
    ip netns exec limen-b sipp -sf "$scenarios/uas_call.xml" -i 10.99.2.2 -mi 10.99.2.2 -p 5060 -rtp_echo -m 1 -nostdin \
        -timeout 30 -timeout_error >"$work/callee.out" 2>&1 9>&- &
    callee=$!
    wait_until 5 udp_is_bound b 5060 || { cat "$work/callee.out" >&2; return 1; }
    if ! ip netns exec limen-a sipp -sf "$scenarios/uac_media.xml" -i 10.99.1.2 -mi 10.99.1.2 -s 2001 -d $call_ms -m 1 -nostdin \
        -timeout 30 -timeout_error -trace_err -error_file "$work/caller.err" 10.99.1.1:5060 >"$work/caller.out" 2>&1; then
        cat "$work/caller.err" >&2
        return 1
    fi
    wait $callee || return 1
    callee=''
    sleep 0.5 # what is on its way into the captures
    for side in a b; do ip netns pids limen-$side | xargs -r kill -INT 2>/dev/null || true; done
    wait
}

clean_up() {
    trap - EXIT
    "$lab" down
    [ -z "$work" ] || rm -rf "$work"
    work=''
}

main "$@"
