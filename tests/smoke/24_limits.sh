#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Limits of a trunk and screening: so many calls at a time and a second, counted right over the death of the control plane; a
# stranger's flood that harms no call; a scanner that is learned, shown, released, and forgotten by itself.
. "$(dirname "$0")/_init.sh"

sed -e 's/^  - name: a$/&\n    X/' "$smoke/flows.yaml" | awk '
    /^trunks:/ { trunks = 1 } /^    X$/ { if (trunks && !done) { print "    calls_in_max: 5"; done = 1 } next } { print }
    END { print "\nscreening:\n  window_s: 2\n  options_max: 20\n  block_unproven_s: 4" }' >"$work/limits.yaml"
lab_up --config "$work/limits.yaml"
live=/run/limen-lab/limen.yaml
for n in 77 78 79; do ip -n limen-a addr replace 10.99.1.$n/24 dev to-limen; done

limit() { # NAME: of trunk a
    ctl show limits --json | jq -r --arg n "$1" '[.[] | select(.trunk == "a") | .[$n] // 0] | add // 0'
}
has_in() { [ "$(limit calls_in)" -eq "$1" ]; }
blocked() { ctl show blocks --json | jq -e --arg s "$1" 'any(.[]; .source == $s)' >/dev/null; }
drops() { stat drops pkts "$1"; }

# stranger ADDRESS WORD...: what somebody there sends. options [AGENT]: an OPTIONS; prints whether it was answered.
# sweep COUNT: so many at once. flood SECONDS RATE: INVITEs of ever new callers.
stranger() {
    ip netns exec limen-a /usr/bin/python3 - "$@" <<'PYTHON'
import socket, sys, time
address, what, *rest = sys.argv[1:]
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.bind((address, 0))
def request(method, n, agent=""):
    line = f"User-Agent: {agent}\r\n" if agent else ""
    return (f"{method} sip:{n if method != 'OPTIONS' else '10.99.1.1:5060'} SIP/2.0\r\nVia: SIP/2.0/UDP {address}:{sock.getsockname()[1]};branch=z9hG4bKs{n}x{time.time_ns()};rport\r\n"
            .replace(f"sip:{n} ", f"sip:2{n}@10.99.1.1 ") +
            f"Max-Forwards: 70\r\nFrom: <sip:s{n}@{address}>;tag=s{n}\r\nTo: <sip:2{n}@10.99.1.1>\r\nCall-ID: s{n}x{time.time_ns()}\r\n"
            f"CSeq: 1 {method}\r\nContact: <sip:s@{address}>\r\n{line}Content-Length: 0\r\n\r\n").encode()
if what == "flood":
    start, n = time.monotonic(), 0
    while (now := time.monotonic()) < start + float(rest[0]):
        while n < (now - start) * float(rest[1]):
            sock.sendto(request("INVITE", n), ("10.99.1.1", 5060))
            n += 1
        time.sleep(0.002)
    print(n)
elif what == "sweep":
    for n in range(int(rest[0])):
        sock.sendto(request("OPTIONS", n), ("10.99.1.1", 5060))
else:
    sock.settimeout(1)
    sock.sendto(request("OPTIONS", 1, " ".join(rest)), ("10.99.1.1", 5060))
    try:
        print("answered" if sock.recv(65535).startswith(b"SIP/2.0 200") else "refused")
    except TimeoutError:
        print("nothing")
PYTHON
}
is_answered() { [ "$(stranger "$1" options)" = answered ]; }

# Five calls at a time; while they are there a sixth is refused, also by a control plane that has just been killed and is back.
callee b uas_call -m 5
caller a uac_call -s 2001 -m 5 -r 20 -d 9000 &
calls=$!
check "five calls are counted" wait_until 5 has_in 5
code=503 check "a sixth is refused with 503" caller a uac_refused -s 2001 -m 1 -p 5080
"$lab" kill controlplane
"$lab" start controlplane
check "still five, once the control plane was killed and is back" wait_until 5 has_in 5
code=503 check "and a sixth is refused" caller a uac_refused -s 2001 -m 1 -p 5080
check "the five calls end as ever" wait "$calls"
check "as their callee agrees" callee_done
check "and are not counted any more" wait_until 5 has_in 0
same "what was refused is told" "$(limit refused_calls)" 2
callee b uas_call -m 5
check "five new ones are taken" caller a uac_call -s 2001 -m 5 -r 20 -d 100
check "as their callee agrees" callee_done

# Ten calls a second, of forty in one.
sed -i 's/^    calls_in_max: 5$/    calls_in_per_s: 10/' "$live"
check "the limits change by a reload" ctl reload
callee b uas_call
caller a uac_call -s 2001 -m 40 -r 40 -d 100 >/dev/null && not_ok "all of forty calls in a second were taken"
check "those that were end" wait_until 10 has_in 0
sleep 2 # and their last messages
pkill -P "$callee_pid" && callee_pid=''
taken=$(sipp_count a.uac_call "Successful call")
check "of forty calls in a second some twenty were taken: $taken" test "$taken" -ge 10 -a "$taken" -le 24
same "the others were refused" "$(limit refused_calls_rate)" "$((40 - taken))"

# A stranger's flood is read up to his rate; the calls of a trunk do not notice.
sed -i '/^    calls_in_per_s: 10$/d' "$live"
check "no limits" ctl reload
count=$((1200 / slow)) rate=$((200 / slow))
callee b uas_call -m "$count"
stranger 10.99.1.77 flood 6 4000 >"$work/flood" &
flood=$!
check "$count calls at $rate/s beside a flood: the caller" caller a uac_call -s 2001 -m "$count" -r "$rate" -d 200
check "and the callee" callee_done
same "none failed" "$(sipp_count a.uac_call "Failed call")" 0
wait $flood
check "the flood ($(cat "$work/flood") INVITEs) was dropped unread" test $(($(drops sip-rate-unknown) + $(drops sip-blocked))) -gt $(($(cat "$work/flood") / 2))
check "or refused in small numbers: $(stat control unknown_source policy)" test "$(stat control unknown_source policy)" -lt 1000

# A scanner by its name.
before=$(drops sip-blocked)
check "a stranger without a scanner's name is answered" is_answered 10.99.1.78
same "a scanner is not" "$(stranger 10.99.1.78 options friendly-scanner)" nothing
check "it is blocked: limenctl shows it" wait_until 5 blocked 10.99.1.78/32
same "whatever it sends" "$(stranger 10.99.1.78 options)" nothing
check "and that is counted" test "$(drops sip-blocked)" -gt "$before"
same "one line in the log tells of it" "$(grep -c 'source blocked.*10.99.1.78' /run/limen-lab/controlplane.log)" 1
"$lab" kill controlplane
"$lab" start controlplane
check "it is known to a new control plane too" wait_until 5 blocked 10.99.1.78/32
check "the block ends by itself" wait_until 8 is_answered 10.99.1.78
check "and is gone from the list" wait_until 5 not blocked 10.99.1.78/32

# By what it does; and the operator's own.
stranger 10.99.1.79 sweep 25
check "a sweep of OPTIONS is learned" wait_until 5 blocked 10.99.1.79/32
check "the operator releases it" ctl unblock 10.99.1.79
check "and it is answered" wait_until 3 is_answered 10.99.1.79
check "the operator blocks a network" ctl block 10.99.1.64/26 60
same "all of it" "$(stranger 10.99.1.77 options)" nothing
check "what is shown" blocked 10.99.1.64/26
check "and released" ctl unblock 10.99.1.0/24
check "at once" is_answered 10.99.1.77
check "what is no address is told" not ctl block 10.99.1.300
check "what is not blocked is told" not ctl unblock 10.99.9.9
same "no table was refused by a worker" "$(stat sip tables_bad)" 0
