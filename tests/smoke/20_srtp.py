#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""SRTP negotiated by SIP: each side by its trunk's policy, with peers of our own that use libsrtp2.
What is encrypted is opened by its addressee and by nobody else, and no key is written anywhere."""

import glob
import json
import os
import re
import select
import struct
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab  # noqa: E402
import peer  # noqa: E402
import srtp  # noqa: E402

MODES = ("forbid", "allow", "require", "best-effort")
USUAL = "AES_CM_128_HMAC_SHA1_80"
PATTERN = bytes(range(160))  # of every packet's payload: on a side that is SRTP it must not be seen
texts = []  # of all keys that there were

# Side A has an address for each policy, side B a number for each: 20x forbids, 21x allows, and so on.
A_ADDRESS = {"forbid": "10.99.1.11", "allow": "10.99.1.2", "require": "10.99.1.13", "best-effort": "10.99.1.14"}


def config():
    with open(os.path.join(lab.SMOKE, "flows.yaml"), encoding="utf-8") as file:
        text = file.read()
    head, tail = text.split("trunks:\n")[0], text[text.index("\nlog:\n"):]
    trunks, routes = "trunks:\n", "routes:\n"
    for n, mode in enumerate(MODES):
        for side, at, source in (("a", A_ADDRESS[mode], A_ADDRESS[mode]), ("b", "10.99.2.2", "10.99.2.2" if n == 1 else f"10.99.2.{100 + n}")):
            trunks += (f"  - name: {side}-{mode}\n    realm: {side}\n    peers: [\"{at}\"]\n    sources: [{source}]\n"
                       f"    srtp: {mode}\n    media_timeout_s: 20\n    media_source: learn\n")
        routes += f"  - prefix: \"2{n}\"\n    to: b-{mode}\n"
    return head + trunks + routes + tail


class End:
    """One end of one call's media. Without keys it is plain RTP."""

    def __init__(self, side, address, port, ssrc):
        self.sock = peer.udp(side, address, port)
        self.sock.setblocking(False)
        self.ssrc, self.seq, self.to = ssrc, 65000, None  # the numbers wrap soon
        self.port, self.tx, self.rx = port, None, None
        self.good = self.bad = self.rtcp = 0
        self.raw = b""

    def keys(self, tx, rx):
        self.tx, self.rx = tx and srtp.Session(tx, True), rx and srtp.Session(rx, False)

    def send(self):
        self.seq += 1
        packet = peer.rtp(self.seq, self.ssrc, payload=PATTERN)
        self.sock.sendto(self.tx.protect(packet) if self.tx else packet, self.to)

    def send_rtcp(self):
        packet = struct.pack("!BBHIIIIII", 0x80, 200, 6, self.ssrc, 1, 2, 3, 4, 5)
        self.sock.sendto(self.tx.protect_rtcp(packet) if self.tx else packet, (self.to[0], self.to[1] + 1))

    def hear(self):
        while True:
            try:
                data, _ = self.sock.recvfrom(2048)
            except BlockingIOError:
                return
            self.raw += data
            plain = self.rx.unprotect(data) if self.rx else data
            if plain and plain[12:] == PATTERN and len(plain) == 172:
                self.good += 1
            else:
                self.bad += 1


class Talk:
    """A call with media at both ends. `tx` are the keys that each end encrypts with; None: plain."""

    ports = 30000

    def __init__(self, a, b, prefix, proto="RTP/AVP", offer=None, answer=None, extra=()):
        Talk.ports += 10
        self.a, self.b = a, b
        self.ends = [End("a", a.address, Talk.ports, Talk.ports), End("b", b.address, Talk.ports + 2, Talk.ports + 2)]
        self.offer = offer
        self.call = a.call(prefix, body=self.describe(0, proto, [offer.line(7)] if offer else [], extra))
        self.callee = peer.Callee(b, self.call)
        self.proto_b = self.callee.invite.body
        theirs = srtp.lines(self.callee.invite.body)
        self.offered = {key.suite: (tag, key) for tag, key in theirs.items()}
        if answer and answer.suite not in self.offered:
            raise AssertionError(f"{answer.suite} was not offered, but {list(self.offered)}")
        self.answer_b(self.callee.invite, self.callee, answer)
        self.ok = self.call.expect(200)
        self.call.ack()
        self.b.expect("ACK")
        self.take(offer, answer)

    def describe(self, side, proto, lines, extra=()):
        end, at = self.ends[side], (self.a, self.b)[side].address
        for line in lines:
            texts.append(line.split("inline:")[1])
        return "\r\n".join(["v=0", f"o=x 1 {end.seq} IN IP4 {at}", "s=-", f"c=IN IP4 {at}", "t=0 0", f"m=audio {end.port} {proto} 8",
                            *lines, *extra]) + "\r\n"

    def answer_b(self, request, callee, key, status=200):
        proto = re.search(r"^m=audio \d+ (\S+)", request.body, re.M).group(1)
        tags = {k.suite: (tag, k) for tag, k in srtp.lines(request.body).items()}
        self.offered = tags
        self.b.answer(request, status, tag=callee.tag, body=self.describe(1, proto, [key.line(tags[key.suite][0])] if key else []))

    def take(self, offer, answer):
        """Both ends know what was agreed."""
        given = srtp.lines(self.ok.body)
        texts.extend(key.text for key in given.values())
        texts.extend(key.text for _, key in self.offered.values())
        if offer and list(given) != [7]:
            raise AssertionError(f"the answer's lines are not the one of tag 7: {list(given)}")
        self.ends[0].keys(offer, given[7] if offer else None)
        self.ends[1].keys(answer, self.offered[answer.suite][1] if answer else None)
        self.ends[0].to, self.ends[1].to = self.ok.media(), self.media_b
        for end in self.ends:
            end.hear()
            end.good = end.bad = 0

    @property
    def media_b(self):
        return self.callee.invite.media()

    def talk(self, n=50):
        """Packets both ways, all of which must come out as they went in."""
        before = [end.good for end in self.ends]
        for _ in range(n):
            for end in self.ends:
                end.send()
            time.sleep(0.004)
        for _ in range(50):
            for end in self.ends:
                end.hear()
            if all(end.good - was >= n for end, was in zip(self.ends, before)):
                break
            time.sleep(0.02)
        got = [end.good - was for end, was in zip(self.ends, before)]
        if got != [n, n] or any(end.bad for end in self.ends):
            raise AssertionError(f"{got} of {n} packets each way, {[end.bad for end in self.ends]} that cannot be opened")

    def seen(self):
        """On which sides the payload could be read on the wire."""
        return [PATTERN[:32] in end.raw for end in self.ends]

    def reoffer(self, proto, key, answer, extra=()):
        """A re-INVITE of A's; None where it was refused by B."""
        self.call.in_dialog("INVITE", body=self.describe(0, proto, [key.line(7)] if key else [], extra))
        again = self.b.expect("INVITE")
        self.callee.invite_again = again
        if answer is None:
            self.b.answer(again, 488)
            self.b.expect("ACK")
            refused = self.call.expect(488)
            self.a.send(self.a.request("ACK", self.call.target, self.call, self.call.remote, f"{self.call.cseq} ACK",
                                       via=None, extra=()))
            return refused
        self.answer_b(again, self.callee, answer)
        self.ok = self.call.expect(200)
        self.call.ack()
        self.b.expect("ACK")
        return self.ok

    def end(self):
        peer.end_call(self.call, self.callee)
        for end in self.ends:
            end.sock.close()


def refused(a, prefix, body):
    call = a.call(prefix, body=body)
    response = call.expect(488)
    call.ack_failure(response)


def recorded(talk, suites):
    """The call's own record names the suites: it is written a moment after the call's end, maybe before another's."""
    def rows():
        return [r for r in lab.records() if r["call_ids"][0] == talk.call.call_id]

    if not lab.wait_until(5, rows) or [side["srtp"] for side in rows()[0]["media"]] != suites:
        raise AssertionError(f"not {suites} in {rows()}")


with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
    file.write(config())
    file.flush()
    lab.lab_up("--config", file.name)
for address in A_ADDRESS.values():
    lab.run(lab.LAB, "exec", "a", "ip", "addr", "add", f"{address}/24", "dev", "to-limen")
at = {mode: peer.Peer("a", address=address) for mode, address in A_ADDRESS.items()}
b = peer.Peer("b")


def one_side():
    """SRTP with the caller, RTP with the callee: opened by its addressee, not readable on the caller's wire"""
    call = Talk(at["allow"], b, "20", "RTP/SAVP", srtp.Key(USUAL))
    if "crypto" in call.callee.invite.body or " RTP/AVP " not in call.callee.invite.body:
        raise AssertionError(call.callee.invite.body)
    call.talk(800)  # over the wrap of the numbers: the roll-over counter counts
    if call.seen() != [False, True]:
        raise AssertionError(f"readable on the wire of A, B: {call.seen()}")
    row = json.loads(lab.ctl("show", "calls", "--json"))[0]
    if [row[side]["media"]["srtp"] for side in "ab"] != [USUAL, None]:
        raise AssertionError(row)
    call.end()
    recorded(call, [USUAL, None])


def other_side():
    """RTP with the caller, SRTP with the callee"""
    call = Talk(at["forbid"], b, "22", answer=srtp.Key(USUAL))
    call.talk()
    if call.seen() != [True, False]:
        raise AssertionError(f"readable on the wire of A, B: {call.seen()}")
    call.end()


def every_suite():
    """SRTP on both sides, each suite on either: different keys, nothing readable, in the records by name"""
    names = list(srtp.SUITES)
    for n, suite in enumerate(names):
        far = names[(n + 1) % len(names)]
        call = Talk(at["require"], b, "22", "RTP/SAVPF", srtp.Key(suite), srtp.Key(far))
        call.talk()
        if call.seen() != [False, False]:
            raise AssertionError(f"{suite}, {far}: readable on the wire of A, B: {call.seen()}")
        call.end()
        recorded(call, [suite, far])


def best_effort():
    """keys beside RTP/AVP (RFC 8643): taken and given, and left where the peer does not want them"""
    call = Talk(at["best-effort"], b, "23", "RTP/AVP", srtp.Key(USUAL), srtp.Key(USUAL))
    if " RTP/AVP " not in call.ok.body or " RTP/AVP " not in call.callee.invite.body:
        raise AssertionError(call.ok.body)
    call.talk()
    if call.seen() != [False, False]:
        raise AssertionError(f"readable: {call.seen()}")
    call.end()
    call = Talk(at["best-effort"], b, "23", "RTP/AVP")
    if "a=crypto" in call.ok.body or len(srtp.lines(call.callee.invite.body)) != 6:
        raise AssertionError(call.callee.invite.body)
    call.talk()
    call.end()


def policies():
    """what a side's policy refuses is 488, DTLS-SRTP everywhere"""
    before = lab.stats()
    plain = peer.sdp("10.99.1.13", 40000)
    savp = plain.replace("RTP/AVP", "RTP/SAVP") + srtp.Key(USUAL).line(1) + "\r\n"
    refused(at["require"], "20", plain)
    refused(at["forbid"], "20", savp)
    refused(at["allow"], "20", savp.replace("AES_CM_128_HMAC_SHA1_80", "F8_128_HMAC_SHA1_80"))
    for mode in MODES:
        refused(at[mode], "20", plain.replace("RTP/AVP", "UDP/TLS/RTP/SAVP") + "a=fingerprint:sha-1 AB:CD\r\na=setup:actpass\r\n")
    after = lab.stats()
    grown = {name: after["sip", "", name] - before["sip", "", name] if ("sip", "", name) in after else
             lab.total("sip", name, after) - lab.total("sip", name, before) for name in ("srtp_refused", "dtls_refused")}
    if grown != {"srtp_refused": 3, "dtls_refused": 4}:
        raise AssertionError(grown)


def answer_without_keys():
    """an answer without keys to RTP/SAVP ends the call: 488 to the caller, BYE to the callee"""
    call = at["allow"].call("22")
    callee = peer.Callee(b, call)
    b.answer(callee.invite, 200, tag=callee.tag, body=peer.sdp(b.address, 40000))
    b.expect("ACK")
    b.answer(b.expect("BYE"), 200)
    call.ack_failure(call.expect(488))


def fallback():
    """a peer that SRTP is allowed with and that refuses it is asked once more with plain RTP"""
    a = at["allow"]
    call = a.call("21", body=peer.sdp(a.address, 40000).replace("RTP/AVP", "RTP/SAVP") + srtp.Key(USUAL).line(7) + "\r\n")
    first = b.expect("INVITE", 5, f"sip:{call.user}@")
    b.answer(first, 488, tag="first")
    b.expect("ACK")
    second = b.expect("INVITE", 5, f"sip:{call.user}@")
    if " RTP/SAVP " not in first.body or " RTP/AVP " not in second.body or "crypto" in second.body:
        raise AssertionError(second.body)
    b.answer(second, 486, tag="second")
    b.expect("ACK")
    call.ack_failure(call.expect(486))


def rekeyed():
    """re-keying by re-INVITE: the new key counts from the answer on, the old one no more; a failed one leaves the old"""
    a = at["allow"]
    old, new, far = srtp.Key(USUAL), srtp.Key("AEAD_AES_128_GCM"), srtp.Key(USUAL)
    call = Talk(a, b, "22", "RTP/SAVP", old, far)
    call.talk(700)
    limens = call.ok.body
    call.reoffer("RTP/SAVP", srtp.Key(USUAL), None)
    call.talk()  # still under the old keys, their counters gone on
    call.reoffer("RTP/SAVP", new, far)
    if srtp.lines(limens)[7].text == srtp.lines(call.ok.body)[7].text:
        raise AssertionError("limen answers a new key with its old one")
    stale = call.ends[0].tx
    b_end = call.ends[1]
    given = srtp.lines(call.ok.body)
    texts.extend(key.text for key in given.values())
    call.ends[0].keys(new, given[7])
    call.talk()
    forged = lab.drops("srtp-forged")
    call.ends[0].sock.sendto(stale.protect(peer.rtp(call.ends[0].seq + 1, call.ends[0].ssrc, payload=PATTERN)), call.ends[0].to)
    if not lab.wait_until(5, lambda: lab.drops("srtp-forged") == forged + 1):
        raise AssertionError("a packet under the old key was not refused")
    if b_end.bad:
        raise AssertionError("B got what it cannot open")
    call.end()


def held():
    """hold and resume under the same keys, the roll-over counter far above 0"""
    a, key, far = at["require"], srtp.Key(USUAL), srtp.Key(USUAL)
    call = Talk(a, b, "22", "RTP/SAVP", key, far)
    call.talk(700)
    call.reoffer("RTP/SAVP", key, far, ("a=sendonly",))
    call.reoffer("RTP/SAVP", key, far)
    call.talk()
    call.end()


def rtcp():
    """RTCP crosses as SRTCP: plain on one side, encrypted on the other"""
    call = Talk(at["allow"], b, "20", "RTP/SAVP", srtp.Key(USUAL))
    control = [peer.udp("a", call.ends[0].sock.getsockname()[0], call.ends[0].port + 1), peer.udp("b", b.address, call.ends[1].port + 1)]
    call.talk()
    report = struct.pack("!BBHIIIIII", 0x80, 200, 6, call.ends[0].ssrc, 1, 2, 3, 4, 5)
    control[0].sendto(call.ends[0].tx.protect_rtcp(report), (call.ends[0].to[0], call.ends[0].to[1] + 1))
    if not select.select([control[1]], [], [], 3)[0] or control[1].recv(2048) != report:
        raise AssertionError("B did not get A's report as it was")
    back = struct.pack("!BBHIIIIII", 0x80, 200, 6, call.ends[1].ssrc, 1, 2, 3, 4, 5)
    control[1].sendto(back, (call.ends[1].to[0], call.ends[1].to[1] + 1))
    if not select.select([control[0]], [], [], 3)[0]:
        raise AssertionError("A got no report")
    came = control[0].recv(2048)
    if came == back or call.ends[0].rx.unprotect_rtcp(came) != back:
        raise AssertionError("A's report is not SRTCP of B's")
    control[0].sendto(report, (call.ends[0].to[0], call.ends[0].to[1] + 1))
    if select.select([control[1]], [], [], 1)[0]:
        raise AssertionError("a plain report of A's was relayed")
    call.end()
    for sock in control:
        sock.close()


def injected():
    """plain RTP from the peer's own address goes nowhere where the side is SRTP"""
    call = Talk(at["require"], b, "20", "RTP/SAVP", srtp.Key(USUAL))
    call.talk()
    before = call.ends[1].good
    call.ends[0].sock.sendto(peer.rtp(call.ends[0].seq + 1, call.ends[0].ssrc, payload=PATTERN), call.ends[0].to)
    time.sleep(0.3)
    call.ends[1].hear()
    if call.ends[1].good != before or call.ends[1].bad:
        raise AssertionError("it was relayed")
    call.end()


def no_key_is_told():
    """no key stands in a log, a record or an answer of limenctl"""
    told = lab.ctl("show", "calls", "--json") + lab.ctl("show", "stats", "--json")
    files = [name for name in glob.glob("/run/limen-lab/**", recursive=True) if os.path.isfile(name)]
    for name in files:
        with open(name, "rb") as kept:
            told += kept.read().decode("utf-8", "replace")
    keys = set(texts)
    if len(keys) < 30 or not any(name.endswith("dataplane.log") for name in files) or '"ended_by"' not in told:
        raise AssertionError(f"{len(keys)} keys, files {files}: not all was looked at")
    found = [key for key in keys if key[:20] in told]
    if found or "inline:" in told:
        raise AssertionError(f"{len(found)} keys of {len(keys)} are told")


lab.each(one_side, other_side, every_suite, best_effort, policies, answer_without_keys, fallback, rekeyed, held, rtcp, injected,
         no_key_is_told)
