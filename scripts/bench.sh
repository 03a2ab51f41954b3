#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Measures what there is to measure, each group by itself:
#
#   bench.sh [parse|sip|media|srtp|all] [--quick] [--json FILE]
#
# parse: SIP messages a second of one core. media: RTP packets a second of the media stage, and of the rings to the control plane.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

# What each group runs: programs of bench/micro.
declare -A programs_of=([parse]="bench_parse" [media]="bench_media_stage bench_ring" [sip]="" [srtp]="")

main() {
    local group=all quick=() json='' program name results
    while [ $# -gt 0 ]; do
        case $1 in
            --quick) quick=(--quick) ;;
            --json) json=${2:?--json needs a file}; shift ;;
            -h | --help) sed -n '3,7s/^# \{0,1\}//p' "$0"; exit 0 ;;
            parse | sip | media | srtp | all) group=$1 ;;
            *) die "no such group or option: $1" ;;
        esac
        shift
    done
    need_root
    install_packages build test bench
    export LIMEN_BUILD=$top/build
    build_limen "$LIMEN_BUILD" -Dwerror=true -Dtests=true || die "the build failed"

    results=$(mktemp)
    # shellcheck disable=SC2064
    trap "rm -f '$results'" EXIT
    local ran=0 groups=("$group")
    [ "$group" != all ] || groups=(parse sip media srtp)
    for name in "${groups[@]}"; do
        if [ -z "${programs_of[$name]}" ]; then
            [ "$group" = all ] || die "there is no $name benchmark yet: see docs/testing.md"
            note "$name: no benchmark yet"
            continue
        fi
        for program in ${programs_of[$name]}; do
            run_program "$name" "$program" "$results" "${quick[@]}"
            ran=$((ran + 1))
        done
    done
    [ "$ran" -gt 0 ] || die "nothing ran"
    [ -z "$json" ] || jq -Rs '{date: (now | todate), lines: (split("\n") | map(select(. != "")
        | split("\t") | {group: .[0], program: .[1], line: .[2]}))}' "$results" >"$json"
}

run_program() {
    local group=$1 program=$2 results=$3 path=$LIMEN_BUILD/bench/micro/$2 out
    shift 3
    [ -x "$path" ] || die "$program was not built (bench/micro)"
    step "$group: $program"
    out=$("$path" "$@")
    printf '%s\n' "$out"
    printf '%s\n' "$out" | sed "s/^/$group\t$program\t/" >>"$results"
}

main "$@"
