#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Builds limen and runs its tests. The last line is "N passed, N failed"; exit 0 only with 0 failed.
#
#   test.sh                     everything, and the groups without a network again in a sanitizer build
#   test.sh NAME [PATTERN]      one group: unit, stage, sim, ipc, conf, fuzz or smoke (or those of its tests that match)
#   test.sh --sanitize [NAME]   all, or one group, in a build with ASan and UBSan
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

groups=(unit stage sim ipc conf fuzz)
passed=0 failed=0

main() {
    local sanitize=false group='' pattern=''
    while [ $# -gt 0 ]; do
        case $1 in
            --sanitize) sanitize=true ;;
            -h | --help) sed -n '3,8s/^# \{0,1\}//p' "$0"; exit 0 ;;
            -*) die "no such option: $1" ;;
            *) if [ -z "$group" ]; then group=$1; else pattern=$1; fi ;;
        esac
        shift
    done
    case " ${groups[*]} smoke  " in *" $group "*) ;; *) die "no such group: $group (${groups[*]} smoke)" ;; esac
    need_root
    trap 'printf "%d passed, %d failed\n" "$passed" "$failed"' EXIT
    failed=1 # until something has run
    install_packages build lab test
    failed=0

    if $sanitize; then
        sanitizer_build && run "$group" "$pattern"
    else
        plain_build && run "$group" "$pattern"
        [ -n "$group" ] || { sanitizer_build && run_meson_groups; }
    fi
    [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
}

run() {
    if [ "$1" != smoke ]; then run_meson_groups "$@"; fi
    if [ -z "$1" ] || [ "$1" = smoke ]; then run_smoke "$2"; fi
}

plain_build() {
    export LIMEN_BUILD=$top/build
    build_limen "$LIMEN_BUILD" -Dwerror=true -Dtests=true || count_failure "the build"
}

# Every sanitizer report ends the program: no test passes over one. The plain build minds warnings; instrumented code has false ones.
sanitizer_build() {
    export LIMEN_BUILD=$top/build-asan
    export ASAN_OPTIONS=abort_on_error=1:detect_stack_use_after_return=1:strict_string_checks=1
    export LSAN_OPTIONS=suppressions=$top/tests/lsan.supp:print_suppressions=0
    export SMOKE_SLOW=5 # instrumented code on a shared CPU: a fifth of the rates
    export UBSAN_OPTIONS=halt_on_error=1:abort_on_error=1:print_stacktrace=1
    build_limen "$LIMEN_BUILD" -Dtests=true -Dbuildtype=debug -Doptimization=1 \
        -Db_sanitize=address,undefined || count_failure "the sanitizer build"
}

count_failure() {
    printf '%sFAILED%s %s\n' "$c_red" "$c_off" "$1"
    failed=$((failed + 1))
    return 1
}

# run_meson_groups [GROUP [PATTERN]]: all groups by default.
run_meson_groups() {
    local group=${1:-} pattern=${2:-} log=$LIMEN_BUILD/meson-logs/testlog.json args=() ok bad skipped
    [ -z "$group" ] || args+=(--suite "$group")
    if [ -n "$pattern" ]; then # meson knows whole names only
        mapfile -t args < <(meson test -C "$LIMEN_BUILD" --no-rebuild --list ${group:+--suite "$group"} 2>/dev/null |
            sed 's/.*[ :]//' | grep -F -- "$pattern")
        if [ ${#args[@]} -eq 0 ]; then count_failure "no test of $group matches $pattern" || return 0; fi
    fi
    step "tests in ${LIMEN_BUILD#"$top"/}: ${group:-${groups[*]}} $pattern"
    rm -f "$log"
    meson test -C "$LIMEN_BUILD" --no-rebuild --num-processes 2 --print-errorlogs "${args[@]}" || true
    if [ ! -s "$log" ]; then
        count_failure "no test of ${group:-any group} ran" || return 0
    fi
    # A Criterion program tells how many tests it held; any other program is one test.
    read -r ok bad skipped < <(jq -rs '
        def held: (.stdout // "") + (.stderr // "") | gsub("\u001b\\[[0-9;]*m"; "")
            | [scan("Tested: *([0-9]+) *\\| *Passing: *([0-9]+) *\\| *Failing: *([0-9]+) *\\| *Crashing: *([0-9]+)")
               | map(tonumber)] | last;
        map(if .result == "SKIP" then [0, 0, 1]
            elif .result == "OK" then [(held // [0, 1])[1], 0, 0]
            else (held // [0, 0, 1, 0]) | [.[1], ([.[2] + .[3], 1] | max), 0] end)
        | [(map(.[0]) | add), (map(.[1]) | add), (map(.[2]) | add)] | map(. // 0) | @tsv' "$log")
    note "$ok passed, $bad failed, $skipped skipped"
    passed=$((passed + ok)) failed=$((failed + bad))
}

run_smoke() {
    local result ok bad
    result=$(mktemp)
    "$top/tests/smoke/run.sh" --result "$result" ${1:+"$1"} || true
    if [ -s "$result" ]; then
        read -r ok bad <"$result"
        passed=$((passed + ok)) failed=$((failed + bad))
    else
        count_failure "the smoke tests did not run" || true
    fi
    rm -f "$result"
}

main "$@"
