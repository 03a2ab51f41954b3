#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Torture messages from a trunk's address: what limen answers, what it sends on to the other side, and that it still lives after each.
tests/smoke/torture/ holds messages of our own; those of RFC 4475 and RFC 5118 are read from LIMEN_TORTURE, or from ../shared/torture
beside the project, with the tables that lie there. Where a table's verdict is not limen's, docs/sip-torture.md says why."""

import itertools
import os
import re
import select
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab  # noqa: E402
import peer  # noqa: E402

TOP = os.path.abspath(os.path.join(lab.SMOKE, "../.."))
RFCS = os.environ.get("LIMEN_TORTURE") or os.path.join(TOP, "../shared/torture")
OWN = os.path.join(lab.SMOKE, "torture")
ANSWER_S, FORWARD_S = 1.0, 0.25
MARK = b"busy-at-b"
count = itertools.count(1)

# Verdicts of the tables that limen answers in its own way: docs/sip-torture.md.
OTHERWISE = {
    "rfc4475/badbranch.dat": {405},
}


class Row:
    """One message and what is right for it."""

    def __init__(self, name, data, kind, named, ipv6=False):
        self.name, self.data, self.kind, self.ipv6 = name, data, kind, ipv6
        self.codes, self.silent = named, False
        head = data.split(b"\r\n\r\n", 1)[0] + b"\r\n"
        self.unfolded = re.sub(rb"\r\n[ \t]+", b" ", head).decode("utf-8", "replace")
        self.call_id = self.header("call-id", "i")

    def header(self, *names):
        found = re.search(rf"^(?:{'|'.join(names)})[ \t]*:[ \t]*(.*?)[ \t]*\r?$", self.unfolded, re.M | re.I)
        return found.group(1) if found else ""

    def via_port(self):
        """Where the answer goes: the topmost Via's port, or the source's (RFC 3261 section 18.2.2, RFC 3581)."""
        via = self.header("via", "v").split(",")[0]
        found = re.search(r"^SIP\s*/\s*2\.0\s*/\s*\S+\s+(?:\[[^\]]*\]|[^\s:;]+)\s*(?::\s*(\d+))?", via)
        if re.search(r";\s*rport\s*(;|$)", via) or not found or not found.group(1):
            return 5060
        return int(found.group(1))


def distinct(rows):
    """Some messages have the branch and sent-by of another one: by RFC 3261 section 17.2.3 that is the same request once more, and limen
    would repeat its answer to the first. Such get a branch of their own."""
    seen = set()
    for row in rows:
        via = row.header("via", "v").split(",")[0]
        branch = re.search(r"branch\s*=\s*([^;,\s]+)", via)
        if branch and via in seen:
            old = branch.group(1).encode()
            row.data = row.data.replace(old, old + b"x%d" % next(count), 1)
        seen.add(via)
        yield row


def own_rows():
    for name in sorted(os.listdir(OWN)):
        with open(os.path.join(OWN, name), encoding="utf-8") as file:
            _, head, text = file.read().split("\n", 2)
        kind, *named = head[2:].split()
        text = text.replace("{host}", peer.ADDRESS["a"][0]).replace("{id}", f"own{os.getpid()}x{next(count)}")
        data = re.sub(rb"\\x(..)", lambda m: bytes([int(m.group(1), 16)]), text.encode().replace(b"\n", b"\r\n"))
        body = data.partition(b"\r\n\r\n")[2]
        row = Row(name, data.replace(b"{len}", str(len(body)).encode()), kind, {int(c) for c in named if c.isdigit()})
        row.silent = "none" in named
        yield row


def rfc_rows(table):
    with open(os.path.join(RFCS, table), encoding="utf-8") as file:
        lines = [line.rstrip("\n").split("\t") for line in file][1:]
    for name, _, over, kind, answers, *_ in lines:
        with open(os.path.join(RFCS, name), "rb") as file:
            data = file.read()
        named = {int(c) for c in re.findall(r"(?<!not )(?<!but )\b([2-6]\d\d)\b", answers)}
        row = Row(name, data, {"REJECT-OR-REPAIR": "EITHER"}.get(kind, kind), named, over == "UDP6")
        row.silent = "silent drop tolerated" in answers
        yield row


# --- what may be sent on

def quotes_close(value):
    return re.sub(r"\\.", "", value).count('"') % 2 == 0


def faults_of(message, row):
    """What is wrong with a message that limen sent to side B for that row."""
    faults = []
    head, _, body = message.text.partition("\r\n\r\n")
    lines = head.split("\r\n")
    if not re.fullmatch(r"[!-~]+ [^ <>\"?\s]+ SIP/2\.0", lines[0]):
        faults.append(f"start line {lines[0]!r}")
    faults += [f"line {line!r}" for line in lines[1:] if not re.fullmatch(r"[^\s:]+: ?\S?.*", line) or "\r" in line or "\n" in line]
    for name in ("Via", "From", "To", "Call-ID", "CSeq", "Max-Forwards", "Content-Length"):
        if len(message.all(name)) != 1:
            faults.append(f"{len(message.all(name))} {name}")
    if faults:
        return faults
    for name in ("From", "To"):
        if not quotes_close(message.get(name)) or not re.search(r"<[^<>\s]+>(;[^\s;]+)*$", message.get(name)):
            faults.append(f"{name}: {message.get(name)!r}")
    if not re.fullmatch(rf"\d+ {re.escape(message.method)}", message.get("CSeq")):
        faults.append(f"CSeq: {message.get('CSeq')}")
    if int(message.get("Content-Length")) != len(body.encode("utf-8", "surrogateescape")):
        faults.append("the length is not the body's")
    faults += [f"{name} went through" for name in ("Route", "Record-Route") if message.get(name)]
    secrets = [row.call_id, "10.99.1.", "fd99:1:", "192.0.2.", *re.findall(r"branch\s*=\s*([^;,\s]{8,})", row.unfolded),
               *re.findall(r"tag\s*=\s*([^;,\s]{6,})", row.unfolded)]
    faults += [f"shows {s!r}" for s in secrets if s and s in message.text]
    return faults


# --- the run

class Lab:
    def __init__(self):
        self.a = [peer.Peer("a"), peer.Peer("a", ipv6=True)]
        self.b = [peer.Peer("b"), peer.Peer("b", ipv6=True)]
        self.ports = {}
        self.forwarded = []

    def socket_at(self, port, ipv6):
        """Where answers to a Via's port arrive."""
        if port == 5060:
            return self.a[ipv6]
        if (port, ipv6) not in self.ports:
            self.ports[port, ipv6] = peer.Peer("a", port=port, ipv6=ipv6)
        return self.ports[port, ipv6]

    def b_answers(self, message):
        """Side B is busy for whoever calls, and content with everything else."""
        end = message.source
        if message.method and message.method != "ACK":
            at = self.b[":" in end[0]]
            at.answer(message, 486 if message.method == "INVITE" else 200, MARK.decode(), tag="b")

    def pump(self, seconds, want):
        """Until `want` says so of an answer that came to A, or the time is over; B answers meanwhile."""
        until, found = time.monotonic() + seconds, None
        ours = [*self.a, *self.ports.values()]
        by_sock = {p.sock: p for p in (*ours, *self.b)}
        while (left := until - time.monotonic()) > 0 and found is None:
            for sock in select.select(list(by_sock), [], [], left)[0]:
                message = by_sock[sock].recv(0)
                if message is None:
                    continue
                if by_sock[sock] in self.b:
                    self.b_answers(message)
                    self.forwarded += [message] if message.method not in (None, "ACK", "CANCEL") else []
                elif message.status and want(message, by_sock[sock]):
                    found = message
        return found

    def lives(self, ipv6):
        """limen answers OPTIONS to itself."""
        a = self.a[ipv6]
        call_id = f"alive{os.getpid()}x{next(count)}"
        a.send(f"OPTIONS sip:{peer.host(a.limen[0])} SIP/2.0\r\nVia: {a.via()}\r\nMax-Forwards: 70\r\nFrom: <sip:x@y.example>;tag=1\r\n"
               f"To: <sip:{peer.host(a.limen[0])}>\r\nCall-ID: {call_id}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n")
        answer = self.pump(2, lambda m, _: m.get("Call-ID") == call_id)
        return answer is not None and answer.status == 200


def verdict(row, answer, forwarded):
    """What is wrong, or None."""
    status = answer.status if answer else None
    faults = [f for message in forwarded for f in faults_of(message, row)]
    if faults:
        return f"sent on with {'; '.join(faults)}"
    if row.kind == "NOREPLY":
        return f"{status}, {len(forwarded)} sent on" if answer or forwarded else None
    if status is None:
        return None if row.silent else "no answer"
    if row.kind == "REJECT":
        return f"{status}, {len(forwarded)} sent on" if status not in row.codes or forwarded else None
    if row.kind == "EITHER":
        return None if status in row.codes or forwarded else f"{status}"
    if len(forwarded) > 1:
        return f"{len(forwarded)} sent on"
    if status in row.codes or forwarded:
        return None
    return f"{status}" if status == 400 or status >= 500 else None


def special(row, answer, forwarded):
    """What a single row asks beyond its class."""
    name = os.path.basename(row.name).split(".")[0]
    if name in ("bext01", "require"):
        wanted = re.findall(r"[\w-]+", " ".join(re.findall(r"^(?:Proxy-)?Require:(.*)$", row.unfolded, re.M)))
        told = re.findall(r"[\w-]+", answer.get("Unsupported") or "") if answer else []
        if not set(wanted) & set(told):
            return f"Unsupported: {told}"
    if name in ("dblreq", "two_in_one") and any("INVITE" in m.text for m in forwarded):
        return "what follows the message was looked at"
    if name in ("mpart01", "invut", "multipart_binary", "unknown_body") and forwarded:
        body = row.data.partition(b"\r\n\r\n")[2]
        if body not in forwarded[0].text.encode("utf-8", "surrogateescape"):
            return "the body was changed"
    if name in ("escnull", "escaped_nul") and forwarded and "%00" not in forwarded[0].uri + forwarded[0].get("To"):
        return "the escaped NUL is gone"
    if name in ("escruri", "uri_headers") and any("Route" in m.text for m in forwarded):
        return "a header out of a URI went through"
    return None


def run(world, row):
    at = world.socket_at(row.via_port(), row.ipv6)
    expected = at.port
    world.forwarded = []
    world.a[row.ipv6].sock.sendto(row.data, world.a[row.ipv6].limen)
    answer = world.pump(ANSWER_S if row.kind != "NOREPLY" else FORWARD_S,
                        lambda m, p: m.status >= 200 and (m.get("Call-ID") or "") == row.call_id)
    if answer is None or answer.status == 400:
        world.pump(FORWARD_S, lambda m, _: False)
    forwarded = list(world.forwarded)
    wrong = verdict(row, answer, forwarded) or special(row, answer, forwarded)
    if answer and wrong is None and not any(m is answer for m in at.seen):
        wrong = f"the answer did not come to port {expected}"
    if not world.lives(row.ipv6):
        wrong = f"{wrong or ''} and limen does not answer OPTIONS any more"
    told = f"{answer.status if answer else 'silence'}{', sent on' if forwarded else ''}"
    lab.result(f"{row.name}: {row.kind} ({told})", wrong is None, wrong)
    # What was sent on is over when B has answered; retransmissions are not of the next message.
    for p in (*world.a, *world.ports.values(), *world.b):
        p.seen.clear()


def main():
    lab.lab_up()
    world = Lab()
    for row in own_rows():
        run(world, row)
    if os.path.isdir(RFCS):
        for row in distinct(itertools.chain(rfc_rows("rfc4475.tsv"), rfc_rows("rfc5118.tsv"))):
            row.codes |= OTHERWISE.get(row.name, set())
            run(world, row)
    else:
        print(f"skip - the messages of RFC 4475 and RFC 5118 are not in {os.path.normpath(RFCS)} (LIMEN_TORTURE names another place)")
    status = lab.run(lab.LAB, "status")
    lab.result("both processes run on", status.returncode == 0, status.stdout)
    lab.result("what could not be read was counted", lab.drops("sip-parse") > 0, "0")
    sys.exit(1 if lab.failures else 0)


main()
