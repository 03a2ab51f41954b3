#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What limen says of a call's media, held against what was done to it on its way: loss, order, copies, jitter, the round
trip, the opinion score, keys pressed; media in one direction only, media that never comes, media after the end.

The impairments are the peers' own. Where the kernel has netem they are made by it as well."""

import json
import os
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import impaired  # noqa: E402
import lab  # noqa: E402
import peer  # noqa: E402
from impaired import Network  # noqa: E402

SECONDS = 10
COUNT = int(SECONDS / impaired.INTERVAL)
SLOW = int(os.environ.get("SMOKE_SLOW", 1))
RTT_S, KEPT_S = 0.060, 0.120   # of B: the network, and how long it keeps a report

# what: (network, least and greatest opinion score). 4.41 is the best that G.711 gets in the E-model.
NETWORKS = {
    "clean": (Network(), 4.2, 4.42),
    "2 % lost": (Network(loss=0.02, seed=2), 3.9, 4.4),
    "8 % lost in runs of 4": (Network(loss=0.08, burst=4, seed=4), 1.9, 3.95),
    "3 % out of order": (Network(reorder=0.03, seed=5), 4.0, 4.42),
    "4 % twice": (Network(duplicate=0.04, seed=6), 4.2, 4.42),
    "40 ms of jitter": (Network(jitter_s=0.04, seed=7), 4.0, 4.42),
    "all of it": (Network(loss=0.03, burst=2, reorder=0.02, duplicate=0.02, jitter_s=0.03, seed=8), 3.3, 4.35),
}


def config():
    with open(os.path.join(lab.SMOKE, "flows.yaml"), encoding="utf-8") as file:
        text = file.read()
    hasty = ('  - name: hasty\n    realm: b\n    peers: ["10.99.2.3:5060"]\n    media_timeout_s: 30\n    media_side_timeout_s: 3\n')
    return text.replace("\nroutes:\n", f"{hasty}\nroutes:\n  - from: a\n    prefix: \"3\"\n    to: hasty\n")


class Talk:
    """A call with media, and what was done to it."""
    ports = 30000

    def __init__(self, what, network=Network(), offers=None, answers=None, formats="8"):
        Talk.ports += 4
        self.what, self.network = what, network
        self.a, self.b = impaired.End("a", Talk.ports, Talk.ports), impaired.End("b", Talk.ports + 2, Talk.ports + 1)
        self.call = a.call("2", body=self.body(a, self.a, offers, formats))
        self.callee = peer.Callee(b, self.call)
        assert not offers or f"a={offers}" in self.callee.invite.body, f"B is not told of {offers}"
        b.answer(self.callee.invite, 200, tag=self.callee.tag, body=self.body(b, self.b, answers, formats))
        answer = self.call.expect(200)
        assert not answers or f"a={answers}" in answer.body, f"A is not told of {answers}"
        self.call.ack()
        b.expect("ACK")
        self.a.to, self.b.to = answer.media(), self.callee.invite.media()

    @staticmethod
    def body(who, end, direction, formats):
        text = peer.sdp(who.address, end.port, direction=direction).replace("RTP/AVP 8", f"RTP/AVP {formats}")
        return text + ("a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n" if "101" in formats else "")

    def events(self):
        """A's packets as that network hands them over, B's one by one."""
        plan, _ = self.network.plan(COUNT)
        yield from ((when, lambda seq=seq: self.a.send(seq)) for when, seq in plan)
        yield from ((seq * impaired.INTERVAL + 0.003, lambda seq=seq: self.b.send(seq)) for seq in range(COUNT))

    def shown(self):
        """What `limenctl show call` tells of it."""
        ids = [row["call"] for row in json.loads(lab.ctl("show", "calls", "--json")) if row["a"]["call_id"] == self.call.call_id]
        row, = json.loads(lab.ctl("show", "call", ids[0], "--json"))
        return [row["a"]["media"], row["b"]["media"]]

    def end(self):
        peer.end_call(self.call, self.callee)
        for end in (self.a, self.b):
            end.close()
        return self.record()

    def record(self):
        found = lab.wait_until(5, lambda: [r for r in lab.records() if self.call.call_id in r["call_ids"]])
        assert len(found) == 1, f"{self.what}: {len(found)} records"
        return found[0]


def near(what, got, wanted, tolerance):
    assert got is not None and abs(got - wanted) <= tolerance, f"{what}: {got}, not {wanted:.3f} (+-{tolerance:.3f})"


def counted(what, told, heard, sent, noise_ms=0):
    """What limen tells of what A sent against what B received of it: limen relays all that it gets. `noise_ms`: of the machine."""
    assert told["rx_pkts"] == sent == heard.total, f"{what}: sent {sent}, limen {told['rx_pkts']}, B {heard.total}"
    runs, longest = heard.loss_runs()
    wanted = {"expected_pkts": heard.expected(), "lost_pkts": heard.lost(), "duplicate_pkts": heard.copies,
              "out_of_order_pkts": heard.late, "loss_runs": runs, "loss_run_max_pkts": longest, "restarts": 0,
              "dropped_pkts": 0, "codec": "PCMA", "kind": "audio"}
    if heard.late:  # a run that a late packet filled in counts as what it was when it was seen first
        del wanted["loss_run_max_pkts"]
    found = {key: told[key] for key in wanted}
    assert found == wanted, f"{what}: {found}, not {wanted}"
    jitter, most = heard.jitter_s * 1000, heard.jitter_max_s * 1000
    near(f"{what}: jitter, ms", told["jitter_ms"], jitter, (1.5 + 0.15 * jitter) * SLOW + noise_ms)
    # limen looks for the most when something is out of the ordinary, not at each packet.
    assert told["jitter_ms"] <= told["jitter_max_ms"], told
    assert 0.6 * most - (2 * SLOW + noise_ms) <= told["jitter_max_ms"] <= 1.2 * most + (2 * SLOW + noise_ms), \
        f"{what}: most jitter {told['jitter_max_ms']}, not {most:.1f}"


def bad_networks():
    """loss, runs of loss, order, copies and jitter are told as they were, by limenctl and in the record; so is the score"""
    talks = [Talk(what, network) for what, (network, _, _) in NETWORKS.items()]
    late = impaired.play([event for talk in talks for event in talk.events()], [end for talk in talks for end in (talk.a, talk.b)])
    print(f"# the peers were late by {late * 1000:.0f} ms at the most, the machine by {talks[0].b.got.jitter_max_s * 1000:.1f}")
    noise_ms = talks[0].b.got.jitter_max_s * 1000  # where nothing was done to the packets it is the machine that was busy
    for talk in talks:
        heard, (_, least, most) = talk.b.got, NETWORKS[talk.what]
        plan, lost = talk.network.plan(COUNT)
        assert (heard.lost(), heard.total) == (len(lost), len(plan)), f"{talk.what}: the peer lost {heard.lost()} by itself"
        shown = talk.shown()
        record = talk.end()["media"]
        for told in (shown, record):
            counted(talk.what, told[0], heard, talk.a.sent, noise_ms)
            counted(f"{talk.what}, back", told[1], talk.a.got, talk.b.sent, noise_ms)
            assert least <= told[0]["mos"] <= most, f"{talk.what}: score {told[0]['mos']}, not {least} to {most}"
            assert told[1]["mos"] >= 4.2, f"{talk.what}: score of what B sent {told[1]['mos']}"
        same_but = ("idle_ms", "delay_ms")
        assert [{k: v for k, v in side.items() if k not in same_but} for side in shown] == \
            [{k: v for k, v in side.items() if k not in same_but} for side in record], "limenctl tells otherwise than the record"
    scores = {talk.what: talk.record()["media"][0]["mos"] for talk in talks}
    assert scores["clean"] > scores["2 % lost"] > scores["8 % lost in runs of 4"], scores
    print("#", ", ".join(f"{what}: {score}" for what, score in scores.items()))


def netem():
    """the same by the kernel's own netem"""
    talk = Talk("netem")  # before: netem would lose signalling too
    try:
        assert run_netem("add"), "netem was there a moment ago"
        impaired.play(list(talk.events()), (talk.a, talk.b))
    finally:
        run_netem("del")
    heard = talk.b.got
    assert heard.lost() and heard.copies and heard.late, "netem did nothing"
    counted("netem", talk.end()["media"][0], heard, heard.total, 5)


def run_netem(verb):
    words = "netem loss 5% duplicate 3% reorder 4% delay 20ms 8ms".split() if verb == "add" else []
    return lab.run("tc", "-n", "limen-a", "qdisc", verb, "dev", "to-limen", "root", *words).returncode == 0


def netem_exists():
    lab.run("modprobe", "sch_netem")
    if run_netem("add"):
        return run_netem("del")
    print("skip - this kernel has no netem: the peers' own impairments are all")
    return False


def reports():
    """the round trip, and what the far side hears, as RTCP tells of them"""
    talk = Talk("reports")
    seen = []

    def report(n):
        ntp = (0x11110000 + n) << 32 | n << 16
        talk.a.send_rtcp(impaired.sender_report(talk.a.ssrc, ntp, n * 8000, n * 50))
        seen.append((ntp >> 16) & 0xffffffff)

    def answer(n):
        # Of the network's time half passes before B has it and half behind; limen sees all of it, less what B tells.
        talk.b.send_rtcp(impaired.receiver_report(talk.b.ssrc, talk.a.ssrc, 7, n * 50, 80, seen[n - 1], KEPT_S))

    events = [(n, lambda n=n: report(n)) for n in range(1, 6)]
    events += [(n + RTT_S + KEPT_S, lambda n=n: answer(n)) for n in range(1, 6)]
    events += list(talk.events())
    impaired.play(sorted(events, key=lambda event: event[0]), (talk.a, talk.b))
    assert len(talk.b.reports) == 5 and len(talk.a.reports) == 5, f"RTCP that crossed: {len(talk.b.reports)} and {len(talk.a.reports)}"
    media = talk.end()["media"]
    assert [side["rtcp_pkts"] for side in media] == [5, 5], [side["rtcp_pkts"] for side in media]
    near("round trip to B, ms", media[1]["rtt_ms"], RTT_S * 1000, 15 * SLOW)
    assert media[1]["rtt_max_ms"] >= media[1]["rtt_ms"], media[1]
    assert media[0]["rtt_ms"] is None, "A never answered a report of B's"
    assert media[0]["far_lost_pkts"] == 7, f"lost as B hears it: {media[0]['far_lost_pkts']}"
    near("jitter as B hears it, ms", media[0]["far_jitter_ms"], 10, 0.01)
    assert media[1]["far_lost_pkts"] is None and media[0]["lost_pkts"] == 0, media
    assert 3.5 <= media[0]["far_mos"] < media[0]["mos"] <= 4.41, f"scores {media[0]['far_mos']} and {media[0]['mos']}"


def keys_pressed():
    """keys pressed are counted, each once, whatever of their packets is lost or comes again"""
    talk = Talk("keys", formats="8 101")
    ssrc, send = talk.a.ssrc, talk.a.sock.sendto
    losses = [(), (0,), (0, 1, 2), (5, 6), (7,), (6, 7), ()]
    packets, seq = [peer.rtp(0, ssrc, 0)], 1
    for n, lose in enumerate(losses):
        packets += impaired.digit(n, seq, 1600 * (n + 1), ssrc, lose)
        seq += 8
    packets.append(packets[-1])  # the network made two of it
    packets += impaired.digit(6, seq, 1600 * 9, ssrc) + [peer.rtp(seq + 8, ssrc, 1600 * 9 + 2000)]  # the same key again
    impaired.play([(n * 0.01, lambda p=p: send(p, talk.a.to)) for n, p in enumerate(packets)], (talk.a, talk.b))
    assert talk.b.got.total == len(packets), f"{talk.b.got.total} of {len(packets)} came"
    media = talk.end()["media"][0]
    assert media["dtmf_events"] == len(losses) + 1, f"{media['dtmf_events']} keys, not {len(losses) + 1}"
    assert media["codec"] == "PCMA", f"{media['codec']}: keys pressed are not what is said"


def one_way():
    """media in one direction only: what a side may not send is dropped and counted, what it may send passes, the call lives"""
    # What A offers and B answers: how many of 25 packets B gets, and how many A gets.
    kinds = (("sendonly", "recvonly", 25, 0), ("recvonly", "sendonly", 0, 25), ("inactive", "inactive", 0, 0))
    talks = []
    for direction, answer, to_b, to_a in kinds:
        talks.append(Talk(direction, offers=direction, answers=answer))
        ends, held = (talks[-1].a, talks[-1].b), lab.drops("media-hold")
        impaired.play([(n * 0.02, lambda n=n, end=end: end.send(n)) for n in range(25) for end in ends], ends)
        heard = ends[1].got.total, ends[0].got.total
        assert heard == (to_b, to_a), f"{direction}: B heard {heard[0]}, A {heard[1]}"
        assert lab.drops("media-hold") - held == 50 - to_a - to_b, f"{direction}: {lab.drops('media-hold') - held} dropped"
    # media_timeout_s is 6: a call in which only one may send, or nobody, is none that has died.
    came = a.drain(8) + b.drain(0)
    assert not came, f"a call ended: {', '.join(str(m) for m in came)}"
    for talk, (_, _, to_b, to_a) in zip(talks, kinds):
        media = talk.end()["media"]
        assert [(side["rx_pkts"], side["dropped_pkts"]) for side in media] == [(to_b, 25 - to_b), (to_a, 25 - to_a)], media


def never_sends():
    """a side that should send and never does ends the call after media_side_timeout_s, and its record says so"""
    far = peer.Peer("b", address="10.99.2.3")
    ends = impaired.End("a", 39200, 5), impaired.End("b", 39202, 6)
    call, callee, ok = peer.answered_call(a, far, prefix="3", a_media=39200)
    ends[0].to = ok.media()
    began = time.monotonic()
    impaired.play([(n * 0.02, lambda n=n: ends[0].send(n)) for n in range(200)], ends, after_s=0)
    byes = [p.expect("BYE", 10) for p in (a, far)]
    for p, bye in zip((a, far), byes):
        p.answer(bye, 200)
    record = lab.wait_until(5, lambda: [r for r in lab.records() if call.call_id in r["call_ids"]])[0]
    assert record["ended_by"] == "media-timeout", record["ended_by"]
    assert 2500 <= record["duration_ms"] <= 4500, f"after {record['duration_ms']} ms of silence"
    assert record["media"][1]["rx_pkts"] == 0 and record["media"][1]["idle_ms"] is None, record["media"][1]
    assert record["media"][1]["jitter_ms"] is None and record["media"][1]["mos"] is None, "a score of nothing"
    assert record["media"][0]["rx_pkts"] > 100, record["media"][0]
    assert time.monotonic() - began < 12
    for end in ends:
        end.close()
    far.close()


def after_the_end():
    """media after the BYE is refused, each packet counted"""
    talk = Talk("late")
    impaired.play([(n * 0.02, lambda n=n, end=end: end.send(n)) for n in range(10) for end in (talk.a, talk.b)], (talk.a, talk.b))
    assert (talk.a.got.total, talk.b.got.total) == (10, 10), "the call's own media"
    peer.end_call(talk.call, talk.callee)
    before, answers = lab.drops("media-no-stream"), lab.total("port", "tx_pkts")
    report = impaired.sender_report(talk.a.ssrc, 1 << 32, 0, 10)
    impaired.play([(n * 0.01, lambda n=n, end=end: (end.send(10 + n), end.send_rtcp(report))) for n in range(50)
                   for end in (talk.a, talk.b)], (talk.a, talk.b))
    assert (talk.a.got.total, talk.b.got.total) == (10, 10), "media went on"
    assert not talk.a.reports and not talk.b.reports, "RTCP went on"
    grown = lab.wait_until(3, lambda: lab.drops("media-no-stream") - before == 200)
    assert grown, f"{lab.drops('media-no-stream') - before} counted of 200"
    assert lab.total("port", "tx_pkts") - answers <= 8, "limen answers late media"  # ARP and the like
    record = talk.record()
    assert [side["rx_pkts"] for side in record["media"]] == [10, 10], record["media"]
    for end in (talk.a, talk.b):
        end.close()


with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
    file.write(config())
    file.flush()
    lab.lab_up("--config", file.name)
lab.run("ip", "-n", "limen-b", "addr", "add", "10.99.2.3/24", "dev", "to-limen")
a, b = peer.Peer("a"), peer.Peer("b")
lab.each(bad_networks, *([netem] if netem_exists() else []), reports, keys_pressed, one_way, never_sends, after_the_end)
