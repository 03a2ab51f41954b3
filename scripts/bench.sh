#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Measures what there is to measure, each group by itself:
#
#   bench.sh [parse|sip|media|srtp|all] [--quick] [--json FILE]
#
# parse: SIP messages a second of one core. media: RTP packets a second of the media stage and of the rings to the control plane,
# then of limen whole, over net_memif, beside testpmd. sip: calls a second over net_memif, and what each costs.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

# What each group runs: programs of bench/micro.
declare -A programs_of=([parse]="bench_parse" [media]="bench_media_stage bench_ring" [sip]="" [srtp]="")
# What bench/load/measure.py does for it: both processes, with limen-load.
declare -A measured=([media]=1 [sip]=1)

main() {
    local group=all quick=() json='' program name results
    while [ $# -gt 0 ]; do
        case $1 in
            --quick) quick=(--quick) ;;
            --json) json=${2:?--json needs a file}; shift ;;
            -h | --help) sed -n '3,8s/^# \{0,1\}//p' "$0"; exit 0 ;;
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
    done
    [ "$ran" -gt 0 ] || die "nothing ran"
    # Lines as they were printed; figures that have a name, by their names.
    [ -z "$json" ] || jq -Rs '(split("\n") | map(select(. != "") | split("\t") | {group: .[0], program: .[1], line: .[2]})) as $lines
        | {date: (now | todate), lines: $lines}
        + ([$lines[].line | capture("^(?<key>[a-z]+\\.[a-z0-9_]+) +(?<value>[0-9.]+)$") | {(.key): (.value | tonumber)}] | add // {})' \
        "$results" >"$json"
}

run_program() {
    local group=$1 program=$2 results=$3 path=$LIMEN_BUILD/bench/micro/$2 out
    shift 3
    [ "$program" = bench_parse ] || set -- # only that one has --quick
    [ -x "$path" ] || die "$program was not built (bench/micro)"
    step "$group: $program"
    out=$("$path" "$@")
    printf '%s\n' "$out"
    printf '%s\n' "$out" | sed "s/^/$group\t$program\t/" >>"$results"
}

measure() {
    local group=$1 results=$2 out
    shift 2
    step "$group: limen over net_memif"
    out=$(setsid -w /usr/bin/python3 "$top/bench/load/measure.py" "$group" --build "$LIMEN_BUILD" "$@" | tee /dev/stderr) ||
        die "bench/load/measure.py $group failed"
    printf '%s\n' "$out" | sed "s/^/$group\tmeasure\t/" >>"$results"
}

main "$@"
