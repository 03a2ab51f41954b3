# SPDX-License-Identifier: BSD-3-Clause
# What the scripts share: messages, packages, the build. Sourced, never run.
# shellcheck shell=bash

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# Scripts run with Debian's own python3 and tools, whatever the caller's PATH puts first.
PATH=/usr/sbin:/usr/bin:/sbin:/bin
export PATH LC_ALL=C.UTF-8
umask 022

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
    c_bold=$'\e[1m' c_dim=$'\e[2m' c_red=$'\e[31m' c_green=$'\e[32m' c_off=$'\e[0m'
else
    c_bold='' c_dim='' c_red='' c_green='' c_off=''
fi

step() { printf '%s==>%s %s\n' "$c_bold" "$c_off" "$*"; }
note() { printf '    %s\n' "$*"; }
warn() { printf '%swarning:%s %s\n' "$c_bold" "$c_off" "$*" >&2; }
die() {
    printf '%serror:%s %s\n' "$c_red" "$c_off" "$*" >&2
    exit 1
}

need_root() {
    [ "$(id -u)" -eq 0 ] || die "$(basename "$0") needs root (namespaces, hugepages): sudo $0"
}

# packages_of GROUP...: their names.
packages_of() {
    local groups=" $* "
    awk -v want="$groups" '!/^#/ && NF { if (index(want, " " $2 " ")) print $1 }' "$top/scripts/packages.txt"
}

# install_packages GROUP...: those of these groups that are missing.
install_packages() {
    local name missing=() log
    for name in $(packages_of "$@"); do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null)" = installed ] || missing+=("$name")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    need_root
    step "installing ${#missing[@]} packages: ${missing[*]}"
    log=$(mktemp)
    if ! { apt-get -q -o DPkg::Lock::Timeout=120 update &&
        DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=120 \
            install --no-install-recommends "${missing[@]}"; } >"$log" 2>&1 </dev/null; then
        tail -n 15 "$log" >&2
        rm -f "$log"
        die "apt-get could not install: ${missing[*]}"
    fi
    rm -f "$log"
}

# build_limen DIR [MESON_OPTION...] [-- TARGET...]: configure when needed, and build. Quiet unless it fails.
build_limen() {
    local dir=$1 options=() log
    shift
    while [ $# -gt 0 ] && [ "$1" != -- ]; do
        options+=("$1")
        shift
    done
    [ $# -eq 0 ] || shift
    log=$(mktemp)
    step "building in ${dir#"$top"/}"
    if ! {
        if [ -e "$dir/build.ninja" ]; then
            { [ ${#options[@]} -eq 0 ] || meson configure "$dir" "${options[@]}"; } && ninja -C "$dir" build.ninja
        else
            meson setup "$dir" "$top" "${options[@]}"
        fi && meson compile -C "$dir" "$@"
    } >"$log" 2>&1; then
        grep -E '(error|ERROR|warning):|undefined reference' "$log" | sort -u | head -n 30 >&2 || true
        tail -n 3 "$log" >&2
        rm -f "$log"
        return 1
    fi
    rm -f "$log"
}

# The build directory of a plain or a sanitizer build, unless the caller named one.
build_dir() { echo "${LIMEN_BUILD:-$top/build}"; }

programs=(limen-dataplane limen-controlplane limenctl)

# Where the three programs of a build are.
program() {
    local dir
    dir=$(build_dir)
    case $1 in
        limen-dataplane) echo "$dir/dataplane/limen-dataplane" ;;
        *) echo "$dir/controlplane/$1" ;;
    esac
}

# wait_until SECONDS CMD...: as soon as the command succeeds.
wait_until() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@"; do
        [ $SECONDS -lt $deadline ] || return 1
        sleep 0.1
    done
}

# Does this kernel have AF_XDP sockets?
af_xdp_exists() { python3 -c 'import socket; socket.socket(44, socket.SOCK_RAW)' 2>/dev/null; }

# udp_is_bound SIDE PORT: does somebody listen there?
udp_is_bound() { [ -n "$(ip netns exec "limen-$1" ss -Huln "sport = :$2")" ]; }

lab_lock=/run/limen-lab.lock

# take_lab SECONDS: nobody else has the lab until this script ends. Daemons started from here must close descriptor 9.
take_lab() {
    [ -z "${LIMEN_LAB_LOCKED:-}" ] || return 0
    exec 9>>$lab_lock
    flock -w "$1" 9 || die "another run has the lab: $(cat $lab_lock)"
    echo "$0, process $$" >$lab_lock
    export LIMEN_LAB_LOCKED=1
}
