#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# What can be wrong at the start: each ends the process with an error that names the cause, and nothing stays behind.
. "$(dirname "$0")/_init.sh"
lab_up # for its namespaces; limen itself is stopped
"$lab" stop controlplane
"$lab" stop dataplane
good=/run/limen-lab/limen.yaml

# refused WHAT PATTERN PROGRAM [CMD_PREFIX...]: the program ends by itself, not by a signal, and says why.
refused() {
    local what=$1 pattern=$2 program=$3 status=0
    shift 3
    timeout 20 ip netns exec limen-s "$@" "$(program "$program")" --config "$work/bad.yaml" >"$work/out" 2>&1 || status=$?
    if [ $status -eq 0 ] || [ $status -ge 124 ]; then
        not_ok "$what: $program ended with status $status"
    elif ! grep -qiE "$pattern" "$work/out"; then
        not_ok "$what: $program does not say so"
        sed 's/^/#   /' "$work/out"
    else
        ok "$what: $(grep -iE "$pattern" "$work/out" | tail -n 1 | cut -c 1-150)"
    fi
}
# bad SED_EXPRESSION: the good config, spoilt.
bad() {
    sed -E "$1" "$good" >"$work/bad.yaml"
    ! cmp -s "$good" "$work/bad.yaml" || not_ok "nothing was spoilt by $1"
    chmod 755 "$work" && chmod 644 "$work/bad.yaml"
}

bad 's/iface=to-a/iface=nowhere0/'
refused "no such interface" 'nowhere0' limen-dataplane
bad 's/^( *workers:).*/\1 [900]/'
refused "no such CPU" 'cpu|core' limen-dataplane
bad 's/net_af_[a-z]+0,/net_nonsense0,/'
refused "no such driver" 'net_nonsense' limen-dataplane
bad 's#^( *state_dir:).*#\1 /proc/limen#'
refused "a state directory that cannot be" '/proc/limen' limen-dataplane
bad 's#^( *run_dir:).*#\1 /proc/limen#'
refused "a socket that cannot be" '/proc/limen' limen-dataplane
refused "a socket that cannot be" '/proc/limen' limen-controlplane
bad 's/^( *max_calls:).*/\1 5000000/'
for program in limen-dataplane limen-controlplane; do
    refused "a value out of range" 'bad.yaml:[0-9]+:.*max_calls' $program
done
bad 's/^( *)max_calls:/\1max_cals:/'
refused "an unknown key" 'bad.yaml:[0-9]+:.*max_cals' limen-controlplane
bad 's/10\.99\.1\.1\/24/10.99.1/'
refused "no address" 'bad.yaml:[0-9]+:.*addresses' limen-dataplane
bad 's/^/\t/'
refused "no YAML" 'bad.yaml' limen-controlplane
bad 's/^( *idle_sleep_us:).*/\1 21/'
refused "no permission" 'permission|root|privilege|permitted' limen-dataplane setpriv --reuid 65534 --regid 65534 --clear-groups
rm "$work/bad.yaml"
refused "no config" 'bad.yaml' limen-dataplane
refused "no config" 'bad.yaml' limen-controlplane

# What is right is found right, and a second limen does not push out the first.
check "limen-controlplane --check: the lab's config" "$(program limen-controlplane)" --check "$good"
"$lab" start dataplane &
"$lab" start controlplane
check "the lab comes up after all that" wait $!
cp "$good" "$work/bad.yaml"
refused "a second dataplane" 'already|in use|runs|another' limen-dataplane
check "the first one goes on" "$lab" status
