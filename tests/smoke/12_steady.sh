#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Under a steady load of calls and media a worker allocates nothing, takes no lock, and asks the kernel for nothing but what its
# port's driver and its idle mode need (docs/steady-state.md).
. "$(dirname "$0")/_init.sh"
watch=$(build_dir)/tests/steady/libmalloc_watch.so
[ -z "${ASAN_OPTIONS:-}" ] || { echo "skip - a sanitizer allocates by itself"; exit 0; }
lab_up --set busy_percent_max=100 # a worker that is traced is a busy one
"$lab" stop dataplane
install -m 666 /dev/null "$work/watch" # written by the dataplane as its own user
LD_PRELOAD=$watch MALLOC_WATCH_ONLY=limen-dataplane MALLOC_WATCH_FILE=$work/watch "$lab" start dataplane

# Calls with media from a to b, and two hundred calls a second from b to a.
callee b uas_call -rtp_echo -m 150
caller a uac_media -p 5080 -s 2001 -m 150 -r 10 -d 7500 &
media=$!
sipp_in a uas_call -p 5060 -m 4000 -mp 7000 &
wait_until 5 udp_is_bound a 5060
sipp_in b uac_call -p 5080 -s 1001 -m 4000 -r 200 -d 500 -mp 7000 10.99.2.1:5060 &
calls=$!
sleep 8

pid=$("$lab" status | awk '$1 == "dataplane" { print $2 }')
kill -USR2 "$pid"
sleep 5
kill -USR2 "$pid"
sleep 0.5
steady=$(grep '^interval 1 ' "$work/watch" || true)
check "a worker was watched" grep -qE ' workers=[1-9]' <<<"$steady"
same "allocations, locks, mappings" "$(tr ' ' '\n' <<<"$steady" | grep -vE '^(interval|[0-9]+|pid=.*|workers=.*)$|=0$')" ""

tid=$(grep -l '^rte-worker' "/proc/$pid/task/"*/comm | head -n 1 | cut -d/ -f5)
# strace names sockets of its own namespace by their kind; those of AF_XDP it may not know, all others it does.
timeout 3 ip netns exec limen-s strace -yy -p "$tid" -o "$work/strace" >/dev/null 2>&1 || true
check "the worker was traced" test -s "$work/strace"
same "other system calls than the driver's and the idle mode's" \
    "$(grep -vE '^(sendto|recvfrom|poll)\(.*<(PACKET|XDP|socket):|^(clock_nanosleep|restart_syscall)\(|^strace:|^[0-9]* *<.*resumed' "$work/strace" | head -n 5)" ""
check "calls at that load" wait "$calls"
check "media calls at that load" wait "$media"
