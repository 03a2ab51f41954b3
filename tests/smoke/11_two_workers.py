#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Two workers, one queue: what arrives on the wrong worker goes to its owner, signalling and media alike."""

import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab  # noqa: E402
import peer  # noqa: E402

CALLS, PACKETS = 40, 50
if len(os.sched_getaffinity(0)) < 2:
    print("skip - two workers need two CPUs (tests/stage has two workers on any machine)")
    sys.exit(0)
lab.lab_up("--set", "workers=[0, 1]")  # the first shares the main thread's CPU: both sleep when idle
a, b = peer.Peer("a"), peer.Peer("b")
before = lab.stats()
calls = []
for n in range(CALLS):
    media = [peer.udp(side, peer.ADDRESS[side][0], 30000 + 2 * n) for side in "ab"]
    calls.append((media, *peer.answered_call(a, b, a_media=30000 + 2 * n, b_media=30000 + 2 * n)))
for seq in range(PACKETS):
    for (one, two), call, callee, answer in calls:
        one.sendto(peer.rtp(seq, 1), answer.media())
        two.sendto(peer.rtp(seq, 2), callee.invite.media())
    time.sleep(0.02)
heard = 0
for media, *_ in calls:
    for sock in media:
        sock.settimeout(0.2)
        try:
            while sock.recv(2048):
                heard += 1
        except TimeoutError:
            pass
lab.same(f"{CALLS * PACKETS * 2} packets sent, arrived", heard, CALLS * PACKETS * 2)
for _, call, callee, _ in calls:
    peer.end_call(call, callee)
lab.wait_until(5, lambda: len(lab.records()) == CALLS)
lab.same("records", len(lab.records()), CALLS)
owners = {record["call"].split("-")[1] for record in lab.records()}
lab.same("workers that owned calls", owners, {"0", "1"})
after = lab.stats()
moved = lab.total("worker", "handoff_taken", after) - lab.total("worker", "handoff_taken", before)
lab.result("packets were handed to their owners", moved > CALLS * PACKETS / 4, f"{moved}")
lab.same("and none was lost on the way", lab.drops("handoff-full"), 0)
sys.exit(1 if lab.failures else 0)
