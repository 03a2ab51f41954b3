#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The lab: limen between two networks on one machine, in three network namespaces of its own.
#
#   limen-a                        limen-s                         limen-b
#   10.99.1.2  ---- to-limen/to-a  10.99.1.1   10.99.2.1  to-b/to-limen ----  10.99.2.2
#   fd99:1::2                      fd99:1::1   fd99:2::1                     fd99:2::2
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

lab=/run/limen-lab
state=/dev/shm/limen-lab
user=64099 dataplane_user=64098 # nobody else's: numbers will do, the machine needs no entries for them
ready_s=30

usage() {
    cat <<USAGE
Usage: lab.sh up [--config FILE] [--device af_xdp|af_packet] [--set KEY=VALUE]...
                                          make the lab and start limen in it; --set changes a key wherever the config names it
       lab.sh down                        stop limen, leave nothing behind
       lab.sh status                      who runs, and is it well
       lab.sh exec a|b|s CMD [ARG...]     run a command in network a, in network b, or beside limen
       lab.sh ctl ARG...                  limenctl, at this lab's limen
       lab.sh start|stop|kill dataplane|controlplane
       lab.sh log                         the last lines of both logs
USAGE
}

main() {
    local verb=${1:-}
    [ $# -eq 0 ] || shift
    case $verb in
        up) need_root; take_lab 60; lab_up "$@" ;;
        down) need_root; take_lab 60; lab_down; [ "$(left_behind)" = 0 ] || die "something is left: see above" ;;
        status) need_root; lab_status ;;
        exec) need_root; lab_exec "$@" ;;
        ctl) need_lab; exec "$(cat $lab/build)/controlplane/limenctl" --socket $lab/run/limenctl.sock "$@" ;;
        start) need_root; need_lab; process_start "${1:?dataplane or controlplane}"; wait_ready ;;
        stop) need_root; need_lab; process_stop "${1:?dataplane or controlplane}" ;;
        kill) need_root; need_lab; process_kill "${1:?dataplane or controlplane}" ;;
        log) need_lab; show_logs 40 ;;
        -h | --help | help) usage ;;
        *) usage >&2; exit 2 ;;
    esac
}

need_lab() { [ -e $lab/build ] || die "the lab is not up: sudo scripts/lab.sh up"; }

# --- up

lab_up() {
    local config=$top/config/lab.yaml device=auto sets=()
    while [ $# -gt 0 ]; do
        case $1 in
            --config) config=${2:?--config needs a file}; shift 2 ;;
            --device) device=${2:?--device needs a name}; shift 2 ;;
            --set) sets+=("${2:?--set needs KEY=VALUE}"); shift 2 ;;
            *) usage >&2; exit 2 ;;
        esac
    done
    case $device in auto | af_xdp | af_packet) ;; *) die "--device is af_xdp or af_packet, not $device" ;; esac
    [ -r "$config" ] || die "cannot read $config"
    install_packages lab
    local name
    for name in "${programs[@]}"; do
        [ -x "$(program "$name")" ] || build_limen "$(build_dir)" -- "${programs[@]}" || die "the build failed"
    done

    if [ -e $lab/build ]; then
        if [ "$(lab_identity "$config" "$device" "${sets[@]}")" = "$(cat $lab/identity)" ] && lab_is_well; then
            note "the lab is up already"
            lab_status
            return 0
        fi
        [ "$(cat $lab/top)" = "$top" ] || ! process_pid dataplane >/dev/null ||
            die "$(cat $lab/top) has a lab up: sudo $(cat $lab/top)/scripts/lab.sh down"
    fi
    lab_down

    mkdir -p $lab/run $state
    # records and bindings lie here
    chown root:$user $lab $lab/run
    chmod 775 $lab
    chmod 1775 $lab/run
    build_dir >$lab/build
    echo "$top" >$lab/top
    lab_identity "$config" "$device" "${sets[@]}" >$lab/identity
    config_with "$config" "${sets[@]}" >$lab/config
    trap 'lab_down' EXIT # a lab that did not come up is taken down
    make_networks
    if [ "$device" != auto ]; then
        start_with "$device" || give_up "$device"
    elif ! af_xdp_exists || ! start_with af_xdp; then
        note "AF_XDP does not work here, so af_packet:"
        show_logs 3 | sed 's/^/    /'
        process_stop controlplane
        process_stop dataplane
        start_with af_packet || give_up af_packet
    fi
    lab_status || give_up "$(cat $lab/device)"
    trap - EXIT
}

# What makes two labs the same: programs, config, device.
lab_identity() {
    echo "$(sha256sum "$1" "$(program limen-dataplane)" "$(program limen-controlplane)") $*"
}

# config_with FILE KEY=VALUE...: the file with these keys changed.
config_with() {
    local file=$1 text set key
    text=$(cat "$file")
    shift
    for set in "$@"; do
        key=${set%%=*}
        grep -qE "^[ -]*$key:" <<<"$text" || die "--set $set: $file has no key $key"
        text=$(sed -E "s|^([ -]*$key:).*|\1 ${set#*=}|" <<<"$text")
    done
    printf '%s\n' "$text"
}

lab_is_well() { process_pid dataplane >/dev/null && process_pid controlplane >/dev/null && why_not_ready >/dev/null; }

give_up() {
    show_logs 25 >&2
    die "limen did not come up over $1 within $ready_s s: $(cat $lab/why 2>/dev/null)"
}

make_networks() {
    local side n
    ip netns add limen-s
    ip -n limen-s link set lo up
    for side in a b; do
        [ $side = a ] && n=1 || n=2
        ip netns add limen-$side
        ip -n limen-$side link set lo up
        # No router solicitations, no duplicate address detection: the addresses are good at once.
        ip netns exec limen-$side sysctl -qw net.ipv6.conf.all.accept_ra=0 net.ipv6.conf.default.accept_ra=0 \
            net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0
        ip -n limen-s link add to-$side type veth peer name to-limen netns limen-$side
        # The kernel of limen-s is not to speak on limen's ports.
        ip netns exec limen-s sysctl -qw net.ipv6.conf.to-$side.disable_ipv6=1 \
            net.ipv4.conf.to-$side.rp_filter=1 net.ipv4.conf.to-$side.arp_ignore=8
        # veth leaves UDP checksums to hardware that is not there.
        ip netns exec limen-$side ethtool -K to-limen tx off >/dev/null
        ip netns exec limen-s ethtool -K to-$side tx off >/dev/null
        ip -n limen-$side addr add 10.99.$n.2/24 dev to-limen
        ip -n limen-$side addr add fd99:$n::2/64 dev to-limen nodad
        ip -n limen-$side link set to-limen up
        ip -n limen-s link set to-$side up
    done
}

start_with() {
    local device=$1
    render_config "$device"
    raise_hugepages
    process_start dataplane
    process_start controlplane
    echo "$device" >$lab/device
    wait_ready
}

# The lab's copy of the config: the device asked for, users and directories that are the lab's own.
render_config() {
    sed -E -e "s/(net_af_)(xdp|packet)([0-9]+,iface=)/\1${1#af_}\3/" \
        -e "s#^( *state_dir:).*#\1 $state#" -e "s#^( *run_dir:).*#\1 $lab/run#" $lab/config >$lab/limen.yaml
    grep -q '^  dataplane_user:' $lab/limen.yaml || sed -i "s/^machine:.*/&\n  user: $user\n  dataplane_user: $dataplane_user/" $lab/limen.yaml
    if ! grep -q "state_dir: $state" $lab/limen.yaml || ! grep -q "run_dir: $lab/run" $lab/limen.yaml; then
        die "the config must name machine.state_dir and machine.run_dir, for the lab to put its own in place"
    fi
}

# Enough 2 MiB pages for limen's packets and arenas, given back by down.
raise_hugepages() {
    local dir=/sys/kernel/mm/hugepages/hugepages-2048kB memory_mb want free total
    [ -w $dir/nr_hugepages ] && [ ! -e $lab/hugepages ] || return 0
    memory_mb=$(sed -nE 's/^ *memory_mb: *([0-9]+).*/\1/p' $lab/limen.yaml | head -n 1)
    want=$(((${memory_mb:-256} + 64) / 2))
    free=$(cat $dir/free_hugepages) total=$(cat $dir/nr_hugepages)
    [ "$free" -lt $want ] || return 0
    echo $((total + want - free)) >$dir/nr_hugepages
    echo "$total $(cat $dir/nr_hugepages)" >$lab/hugepages
    if ! grep -q ' hugetlbfs ' /proc/mounts; then
        mkdir -p $lab/huge
        mount -t hugetlbfs -o pagesize=2M limen-lab $lab/huge
    fi
}

# --- processes

# $lab/NAME.pid holds the process and its start time, so that a recycled id is never taken for ours.
process_pid() {
    local pid start
    read -r pid start 2>/dev/null <"$lab/$1.pid" || return 1
    [ "$(start_time "$pid")" = "$start" ] || return 1
    echo "$pid"
}
# Empty for one that has ended, reaped or not.
start_time() { sed -nE 's/.*\) ([^ZX].*)/\1/p' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20; }

process_start() {
    local name=$1 pid
    case $name in dataplane | controlplane) ;; *) die "dataplane or controlplane, not $name" ;; esac
    process_pid "$name" >/dev/null && return 0
    echo "--- start" >>"$lab/$name.log"
    # The lock's descriptor stays here: a daemon that kept it would lock the lab for good.
    setsid ip netns exec limen-s \
        "$(cat $lab/build)/$name/limen-$name" --config $lab/limen.yaml >>"$lab/$name.log" 2>&1 </dev/null 9>&- &
    pid=$!
    echo "$pid $(start_time $pid)" >"$lab/$name.pid"
}

# process_stop NAME: SIGTERM, then SIGKILL after ten seconds (and 1).
process_stop() {
    local pid deadline=$((SECONDS + 10))
    pid=$(process_pid "$1") || return 0
    kill -TERM "$pid" 2>/dev/null || true
    while [ $SECONDS -lt $deadline ]; do
        process_pid "$1" >/dev/null || { forget "$1" "$pid"; return 0; }
        sleep 0.1
    done
    warn "$1 ($pid) did not stop within 10 s after SIGTERM: killed"
    process_kill "$1"
    return 1
}

process_kill() {
    local pid
    pid=$(process_pid "$1") || return 0
    kill -KILL "$pid" 2>/dev/null || true
    while process_pid "$1" >/dev/null; do sleep 0.05; done
    forget "$1" "$pid"
}

# The directory that DPDK made for a process that could not tidy up itself.
forget() { rm -rf "$lab/$1.pid" "/run/dpdk/limen-$2"; }

wait_ready() {
    local deadline=$((SECONDS + ready_s)) name
    while true; do
        for name in dataplane controlplane; do
            [ ! -e $lab/$name.pid ] || process_pid $name >/dev/null || { echo "limen-$name ended" >$lab/why; return 1; }
        done
        why_not_ready >$lab/why && return 0
        [ $SECONDS -lt $deadline ] || return 1
        sleep 0.1
    done
}

# Both answer: the control plane to limenctl, with the dataplane's own figures; limen's addresses to ping from both sides.
why_not_ready() {
    local to
    "$(cat $lab/build)/controlplane/limenctl" --socket $lab/run/limenctl.sock show ports >/dev/null 2>&1 ||
        { echo "limenctl show ports has no answer"; return 1; }
    for to in a:10.99.1.1 b:10.99.2.1 a:fd99:1::1 b:fd99:2::1; do
        ip netns exec limen-${to%%:*} ping -n -q -c 1 -W 1 "${to#*:}" >/dev/null 2>&1 9>&- ||
            { echo "no answer to ping ${to#*:} from limen-${to%%:*}"; return 1; }
    done
}

show_logs() {
    local name
    for name in dataplane controlplane; do
        [ -e $lab/$name.log ] || continue
        echo "--- limen-$name"
        tail -n "$1" $lab/$name.log
    done
}

# --- status, exec, down

lab_status() {
    local name pid well=true why
    [ -e $lab/build ] || { echo "the lab is not up"; return 1; }
    for name in dataplane controlplane; do
        if pid=$(process_pid $name); then echo "$name $pid"; else echo "$name down"; well=false; fi
    done
    echo "device $(cat $lab/device 2>/dev/null || echo unknown)"
    if ! $well; then
        why="a process is down"
    elif ! why=$(why_not_ready); then
        well=false
    fi
    if $well; then echo "health ok"; else echo "health $why"; return 1; fi
}

lab_exec() {
    local side=${1:-}
    case $side in a | b | s) ;; *) die "exec a|b|s CMD" ;; esac
    shift
    [ $# -gt 0 ] || die "exec $side CMD"
    ip netns pids "limen-$side" >/dev/null 2>&1 || die "the lab is not up: sudo scripts/lab.sh up"
    exec ip netns exec "limen-$side" "$@"
}

lab_down() {
    local side pid before now
    process_stop controlplane || true
    process_stop dataplane || true
    for side in a b s; do
        [ -e /run/netns/limen-$side ] || continue
        for pid in $(ip netns pids limen-$side); do kill -KILL "$pid" 2>/dev/null || true; done
        ip netns del limen-$side
    done
    ! mountpoint -q $lab/huge || umount $lab/huge
    if [ -e $lab/hugepages ]; then
        read -r before now <$lab/hugepages
        # Somebody else's later choice stays.
        [ "$(cat /proc/sys/vm/nr_hugepages)" != "$now" ] || echo "$before" >/proc/sys/vm/nr_hugepages
    fi
    rm -rf $lab $state
    rmdir /run/dpdk 2>/dev/null || true
}

# How many kinds of things of the lab are still there; says which.
left_behind() {
    local count=0 what
    for what in $lab $state /run/netns/limen-a /run/netns/limen-b /run/netns/limen-s; do
        [ ! -e "$what" ] || { echo "left: $what" >&2; count=$((count + 1)); }
    done
    echo $count
}

main "$@"
