#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Measures what there is to measure, each group by itself:
#
#   bench.sh [parse|sip|media|srtp|tls|peers|all] [--quick] [--json FILE] [--keep FILE]
#   bench.sh [GROUP] --from FILE --json FILE    no measurement: what --keep kept, as JSON
#
# parse: SIP messages a second of one core. media: RTP packets a second of the media stage and of the rings to the control plane,
# then of limen whole, over net_memif, beside testpmd. sip: calls a second over net_memif, and what each costs. peers: Kamailio and
# rtpengine (installed for it, never started as services) beside limen on the same veths. srtp: the media stage with one side SRTP,
# both engines alone, and a worker whole. tls: memory of idle connections, and new handshakes beside openssl s_server.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

all_groups=(parse sip media srtp tls peers)

# What each group runs: programs of bench/micro.
declare -A programs_of=([parse]="bench_parse" [media]="bench_media_stage bench_ring" [sip]="" [srtp]="bench_media_stage bench_srtp" [tls]="bench_tls" [peers]="")
# What is measured of whole processes, with limen-load: script and its groups.
declare -A measured=([media]="load/measure.py media" [srtp]="load/measure.py srtp" [sip]="load/measure.py sip" [peers]="peers/peers.py sip media")

# The figures that each group owes whoever reads the JSON.
declare -A figures_of=(
    [parse]="msgs_per_s ratio_osip2 ratio_libre"
    [media]="rtp_1k_mpps rtp_1k_ratio_testpmd rtp_100k_mpps rtp_100k_ratio_testpmd nogen_mpps nogen_ratio_testpmd two_workers_ratio"
    [sip]="calls_per_s failed worker_cycles_per_call control_cycles_per_call"
    [srtp]="cm_sha1_80_mpps gcm_128_mpps ratio_libsrtp2"
    [tls]="handshakes_per_s ratio_s_server idle_kib"
    [peers]="rtpengine_kpps limen_veth_kpps kamailio_calls_per_s"
)

main() {
    local group=all quick=() json='' keep='' from='' program name figure results
    while [ $# -gt 0 ]; do
        case $1 in
            --quick) quick=(--quick) ;;
            --json) json=${2:?--json needs a file}; shift ;;
            --keep) keep=${2:?--keep needs a file}; shift ;;
            --from) from=${2:?--from needs a file}; shift ;;
            -h | --help) sed -n '3,10s/^# \{0,1\}//p' "$0"; exit 0 ;;
            parse | sip | media | srtp | tls | peers | all) group=$1 ;;
            *) die "no such group or option: $1" ;;
        esac
        shift
    done
    if [ -n "$from" ]; then
        figures_are_there "$group" "$from"
        [ -z "$json" ] || results_to_json "$from" >"$json"
        return 0
    fi
    need_root
    install_packages build test bench
    case $group in peers | all) install_peers ;; esac
    export LIMEN_BUILD=$top/build
    build_limen "$LIMEN_BUILD" -Dwerror=true -Dtests=true || die "the build failed"

    results=$(mktemp)
    # shellcheck disable=SC2064
    trap "rm -f '$results'" EXIT
    local ran=0 groups=("$group")
    [ "$group" != all ] || groups=("${all_groups[@]}")
    for name in "${groups[@]}"; do
        if [ -z "${programs_of[$name]}${measured[$name]:-}" ]; then
            [ "$group" = all ] || die "there is no $name benchmark yet: see docs/testing.md"
            note "$name: no benchmark yet"
            continue
        fi
        for program in ${programs_of[$name]}; do
            run_program "$name" "$program" "$results" "${quick[@]}"
            ran=$((ran + 1))
        done
        if [ -n "${measured[$name]:-}" ]; then
            measure "$name" "$results" "${quick[@]}"
            ran=$((ran + 1))
        fi
        figures_are_there "$name" "$results"
    done
    [ "$ran" -gt 0 ] || die "nothing ran"
    [ -z "$keep" ] || cp "$results" "$keep"
    [ -z "$json" ] || results_to_json "$results" >"$json"
}

# figures_are_there GROUP|all RESULTS: what the group owes whoever reads the JSON.
figures_are_there() {
    local results=$2 name figure groups=("$1")
    [ "$1" != all ] || groups=("${all_groups[@]}")
    for name in "${groups[@]}"; do
        for figure in ${figures_of[$name]}; do
            grep -qE "$(printf '\t')$name\\.$figure +[0-9.]+\$" "$results" || die "$name.$figure did not come out"
        done
    done
}

# Lines as they were printed; figures that have a name, by their names.
results_to_json() {
    jq -Rs '(split("\n") | map(select(. != "") | split("\t") | {group: .[0], program: .[1], line: .[2]})) as $lines
        | {date: (now | todate), lines: $lines}
        + ([$lines[].line | capture("^(?<key>[a-z]+\\.[a-z0-9_]+) +(?<value>[0-9.]+)$") | {(.key): (.value | tonumber)}] | add // {})' \
        "$1"
}

run_program() {
    local group=$1 program=$2 results=$3 path=$LIMEN_BUILD/bench/micro/$2 out
    shift 3
    case $program in
        bench_parse | bench_srtp) ;;
        bench_media_stage) set -- "--$([ "$group" = srtp ] && echo srtp || echo plain)" "$@" ;;
        *) set -- ;; # the others have no --quick
    esac
    [ -x "$path" ] || die "$program was not built (bench/micro)"
    step "$group: $program"
    out=$("$path" "$@")
    printf '%s\n' "$out"
    printf '%s\n' "$out" | sed "s/^/$group\t$program\t/" >>"$results"
}

# measure GROUP RESULTS OPTION...
measure() {
    local group=$1 results=$2 what script out
    shift 2
    read -r script what <<<"${measured[$group]}"
    for what in $what; do
        step "$group: bench/$script $what"
        out=$(setsid -w /usr/bin/python3 "$top/bench/$script" "$what" --build "$LIMEN_BUILD" "$@" | tee /dev/stderr) ||
            die "bench/$script $what failed"
        printf '%s\n' "$out" | sed "s/^/$group\tmeasure\t/" >>"$results"
    done
}

# Their packages would start and enable services, on SIP's own port: neither is wanted.
install_peers() {
    local policy=/usr/sbin/policy-rc.d ours='' name new=()
    for name in $(packages_of peers); do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null)" = installed ] || new+=("$name")
    done
    [ ${#new[@]} -gt 0 ] || return 0
    [ -e $policy ] || { ours=$policy && printf '#!/bin/sh\nexit 101\n' >$policy && chmod +x $policy; }
    install_packages peers
    [ -z "$ours" ] || rm -f $policy
    [ ! -d /run/systemd/system ] || systemctl -q disable "${new[@]}"
}

main "$@"
