# SPDX-License-Identifier: BSD-3-Clause
"""Runs many flows through one limen at the same time. Each flow has hosts of its own, one in each network, with a trunk and
a route of their own, so that each may have its own policy, and so that a capture tells whose packets they are. SIPp plays
the roles; afterwards the captures of both networks are read: what limen sent must be well-formed and hidden."""

import concurrent.futures
import dataclasses
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

import lab
import scenario

sys.path.insert(0, os.path.join(lab.SMOKE, "../../scripts"))
import wire  # noqa: E402

PARALLEL = 12
FIRST_HOST = 10
NET = {"a": ("10.99.1.{}", "fd99:1::{}"), "b": ("10.99.2.{}", "fd99:2::{}")}


@dataclasses.dataclass
class Flow:
    """What happens between a caller in network a and a callee in network b."""
    what: str
    caller: str                 # scenario of SIPp; None: nobody calls
    callee: str                 # None: nobody is called
    third: str = None           # a scenario for a third party, in network b
    families: str = "4"         # 46: also over IPv6
    count: int = 3              # calls, one after the other's start
    callee_count: int = 0       # what the callee and the third party take for calls, where that is not the same
    ms: int = 200               # SIPp's pauses without a length
    words: dict = dataclasses.field(default_factory=dict)   # what @WORD@ stands for in the scenarios
    a: dict = dataclasses.field(default_factory=dict)       # keys of the caller's trunk
    b: dict = dataclasses.field(default_factory=dict)       # of the callee's
    c: dict = dataclasses.field(default_factory=dict)       # of the third party's
    record: tuple = None        # (status, ended by) of each call's record; None: not looked at
    check: object = None        # of the Seen: raises AssertionError
    number: str = "2001"
    refuse: int = 0             # without callee: the status of the caller's route, 0: no route
    back: bool = False          # the callee in network b calls the one in network a
    limit_s: int = 20
    args: tuple = ()            # SIPp's for the caller
    callee_args: tuple = ()
    media_crosses: bool = False # the address of media that limen does not relay is to be seen
    shown: tuple = ()           # words of the caller's or callee's that may cross: headers that its policy passes


class Run:
    """A flow over one address family, with its hosts."""

    def __init__(self, flow, v6, numbers):
        self.flow, self.v6, self.number = flow, v6, next(numbers)
        self.what = flow.what + (", IPv6" if v6 else "")
        self.name = f"f{self.number}"
        caller, callee = ("b", "a") if flow.back else ("a", "b")
        self.side = {"caller": caller, "callee": callee, "third": "b"}
        self.numbers = {"caller": self.number, "callee": self.number, "third": next(numbers) if flow.third else None}
        self.errors = []

    def host(self, role):
        return NET[self.side[role]][self.v6].format(self.numbers[role])

    def roles(self):
        return [role for role in ("caller", "callee", "third") if getattr(self.flow, role)]

    def trunks(self):
        keys = {"caller": self.flow.a, "callee": self.flow.b, "third": self.flow.c}
        return [{"name": f"{self.name}-{role}", "realm": self.side[role], "peers": [f"{uri_host(self.host(role))}:5060"],
                 **keys[role]} for role in self.roles()]

    # --- SIPp

    def sipp(self, role, work, *args):
        name = getattr(self.flow, role)
        path = os.path.join(work, f"{self.name}.{role}")
        side, host = self.side[role], self.host(role)
        third = self.host("third") if self.flow.third else NET["b"][self.v6].format(9)
        words = {"THIRD": uri_host(third), "CALLEE": uri_host(self.host("callee")),
                 "LIMEN": uri_host(limen(side, self.v6)), **self.flow.words}
        with open(path + ".xml", "w", encoding="utf-8") as file:
            file.write(scenario.expand(name, role, words))
        with open(path + ".out", "w", encoding="utf-8") as out:
            return subprocess.Popen(
                ["ip", "netns", "exec", f"limen-{side}", "sipp", "-sf", path + ".xml", "-i", uri_host(host), "-mi", host,
                 "-p", "5060", "-cp", str(9000 + self.number * 4 + len(role) % 4), "-nostdin", "-timeout", str(self.flow.limit_s),
                 "-timeout_error", "-nd", "-d", str(self.flow.ms), "-m", str(self.flow.callee_count or self.flow.count) if role != "caller" else str(self.flow.count), "-trace_err", "-error_file",
                 path + ".err", "-cid_str", f"{role}id-%u-%p@%s", *args], stdout=out, stderr=out)

    def run(self, work):
        processes = {}
        try:
            for role in ("third", "callee"):
                if getattr(self.flow, role):
                    processes[role] = self.sipp(role, work, *(self.flow.callee_args if role == "callee" else ()))
                    self.wait_bound(role, processes[role])
            if self.flow.caller:
                processes["caller"] = self.sipp("caller", work, "-s", self.flow.number, "-r", "10", *self.flow.args,
                                                f"{uri_host(limen(self.side['caller'], self.v6))}:5060")
            for role, process in processes.items():
                status = process.wait(self.flow.limit_s + 5)
                if status:
                    self.errors.append(f"SIPp, the {role}: status {status}\n{self.error_text(role, work)}")
        except (subprocess.TimeoutExpired, AssertionError) as error:
            self.errors.append(str(error))
        finally:
            for process in processes.values():
                process.kill()
                process.wait()

    def wait_bound(self, role, process):
        until = time.monotonic() + 10
        listed = ["ip", "netns", "exec", f"limen-{self.side[role]}", "ss", "-Huln", f"src {uri_host(self.host(role))}:5060"]
        while not lab.run(*listed).stdout.strip():
            assert process.poll() is None and time.monotonic() < until, f"SIPp, the {role}, does not listen"
            time.sleep(0.05)

    def error_text(self, role, work):
        text = ""
        for kind in ("err", "out"):
            try:
                with open(os.path.join(work, f"{self.name}.{role}.{kind}"), encoding="utf-8", errors="replace") as file:
                    text = text or "".join(file.readlines()[:40])[:2500]
            except FileNotFoundError:
                pass
        return text


def uri_host(address):
    return f"[{address}]" if ":" in address else address


def limen(side, v6):
    return NET[side][v6].format(1)


class Seen:
    """What was on both wires of one run."""

    def __init__(self, run, packets, records):
        self.run = run
        self.records = [r for r in records if r["call_ids"][0].endswith("@" + run.host("caller"))]
        self.messages, self.rtp = {}, {}
        for side in "ab":
            hosts = {run.host(role) for role in run.roles() if run.side[role] == side}
            mine = [p for p in packets[side] if hosts & {p.src, p.dst}]
            self.messages[side] = wire.sip_messages(mine)
            self.rtp[side] = [p for p in mine if 5060 not in (p.sport, p.dport)]

    def came(self, role, what=None):
        """Messages that limen sent to that role: all, those of a method, or of a status."""
        return self._those(role, what, lambda p, host: p.dst == host)

    def sent(self, role, what=None):
        return self._those(role, what, lambda p, host: p.src == host)

    def _those(self, role, what, which):
        host = self.run.host(role)
        return [m for m in self.messages[self.run.side[role]] if which(m.packet, host) and
                (what is None or what == (m.status if isinstance(what, int) else None if m.status else m.method))]

    def calls(self, role):
        """The messages between limen and that role, a list for each Call-ID."""
        found, host = {}, self.run.host(role)
        for m in self.messages[self.run.side[role]]:
            if host in (m.packet.src, m.packet.dst):
                found.setdefault(m.get("call-id"), []).append(m)
        return list(found.values())

    def ladder(self, limit=60):
        lines = []
        for side in "ab":
            for m in self.messages[side]:
                lines.append((m.at, f"{side}: {m.packet.src} > {m.packet.dst}  {m.label} ({m.get('cseq')}) {m.get('call-id')}"))
        return [text for _, text in sorted(lines)][:limit]


def tag(message, header):
    found = re.search(r";tag=([^;>\s]+)", message.get(header) or "")
    return found and found[1]


# --- the config

def config(runs, extra=""):
    """The odd flows' config with these trunks and routes."""
    with open(os.path.join(lab.SMOKE, "flows.yaml"), encoding="utf-8") as file:
        head, _, rest = file.read().partition("\ntrunks:\n")
    tail = rest[rest.index("\nlog:"):]
    lines = ["", "trunks:"]
    for run in runs:
        for trunk in run.trunks():
            lines += [f"  {'-' if n == 0 else ' '} {key}: {json.dumps(value)}" for n, (key, value) in enumerate(trunk.items())]
    routes = []
    for run in runs:
        if run.flow.refuse:
            routes += [f"  - from: {run.name}-caller", f"    status: {run.flow.refuse}"]
        if not (run.flow.caller and run.flow.callee):
            continue
        if run.flow.third:
            routes += [f"  - from: {run.name}-callee", f"    to: {run.name}-third", f"  - from: {run.name}-caller", "    prefix: \"3\"",
                       f"    to: {run.name}-third"]
        routes += [f"  - from: {run.name}-caller", f"    to: {run.name}-callee"]
    lines += ["routes:", *routes] if routes else []
    return head + "\n".join(lines) + "\n" + extra + tail


def add_hosts(runs):
    for side in "ab":
        batch = "".join(f"addr add {run.host(role)}/{(24, 64)[v6]} dev to-limen {'nodad' if v6 else ''}\n"
                        for run in runs for role in run.roles() if run.side[role] == side for v6 in [run.v6])
        subprocess.run(["ip", "-n", f"limen-{side}", "-batch", "-"], input=batch, text=True, check=True)


# --- what must hold for all that limen sent

ONCE = ("from", "to", "call-id", "cseq", "content-length")


def malformed(message, side, v6, passed):
    """What is wrong with a message of limen's, whatever the flow."""
    faults = [f"{len(message.all(n))} {n}" for n in ONCE if len(message.all(n)) != 1]
    host = uri_host(limen(side, v6))
    body = message.packet.payload.partition(b"\r\n\r\n")[2]
    if not faults and int(message.get("content-length")) != len(body):
        faults.append(f"Content-Length {message.get('content-length')}, not {len(body)}")
    if not message.status:
        if len(message.all("via")) != 1 or not message.get("via").startswith(f"SIP/2.0/UDP {host}"):
            faults.append(f"Via {message.all('via')}")
        if len(message.all("max-forwards")) != 1:
            faults.append("no Max-Forwards")
        if not tag(message, "from"):
            faults.append("no From tag")
    elif message.status > 100 and not tag(message, "to"):
        faults.append("no To tag")
    for contact in message.all("contact"):
        # Of a registration the answer lists the user's own; of a redirection it may name others.
        if host not in contact and message.method != "REGISTER" and (message.status or 200) // 100 != 3:
            faults.append(f"Contact {contact}")
    faults += [f"{n} {message.all(n)}" for n in ("record-route", "user-agent", "server") if message.all(n)]
    for line in message.body.split("\r\n"):
        if line.startswith("c=IN") and line.split()[-1] not in {limen(side, v6), "0.0.0.0", "::", *passed}:
            faults.append(line)
    return [f"{message.label}: {fault}" for fault in faults]


def cseq_faults(messages):
    """Each request of limen's in a dialog has a CSeq above the one before (RFC 3261 section 12.2.1.1)."""
    last, faults = {}, []
    for m in messages:
        number, method = m.get("cseq").split()
        dialog = m.get("call-id"), tag(m, "from"), tag(m, "to")
        if m.status or method in ("ACK", "CANCEL"):
            continue
        branch = re.search(r"branch=([^;,\s]+)", m.get("via"))[1]
        known, at = last.get(dialog, (None, -1))
        if branch != known and int(number) <= at:
            faults.append(f"{m.label}: CSeq {number} after {at}")
        last[dialog] = (branch, int(number))
    return faults


def stems(role):
    """What each of a role's messages may hold of it, from scenario.py and the older scenarios."""
    return {f"{role}tag", f"{role}-device", f"{role}origin", f"{role}session", f"{role}tool", f"{role}id-",
            scenario.PRODUCT[role], scenario.SECRET[role].split()[1]}


def leaks(run, seen, packets):
    """What of one side is to be seen on the other side, among this run's packets."""
    found, searched = [], 0
    for side, other in (("a", "b"), ("b", "a")):
        hosts = {run.host(role) for role in run.roles() if run.side[role] == other}
        theirs = b"\n".join(p.payload for p in packets[other] if hosts & {p.src, p.dst})
        ours = b"\n".join(p.payload for p in packets[side] if {run.host(role) for role in run.roles()} & {p.src, p.dst})
        for role in run.roles():
            if run.side[role] != side:
                continue
            own = wire.identity(seen.messages[side], run.host(role))
            values = {v for kind in own.values() for v in kind} | stems(role)
            known = {"0.0.0.0", "::", *([run.host(role)] if run.flow.media_crosses else [])}
            values = {v for v in values if v not in known and not any(v in s or s in v for s in run.flow.shown)}
            # The search finds them where they belong: it can fail.
            searched += sum(v.encode() in ours for v in values)
            found += [f"{v!r} of the {role}" for v in values if v.encode() in theirs]
    return found, searched


def judge(run, packets, records):
    """All faults of a run, after it."""
    seen = Seen(run, packets, records)
    faults = list(run.errors)
    for role in run.roles():
        side = run.side[role]
        came = [m for m in seen.came(role) if m.packet.src == limen(side, run.v6)]
        passed = {run.host(r) for r in run.roles()} if run.flow.media_crosses else set()
        faults += [f for m in came for f in malformed(m, side, run.v6, passed)][:5] + cseq_faults(came)[:5]
    leaked, searched = leaks(run, seen, packets)
    faults += leaked[:10]
    if len(run.roles()) > 1 and searched < 20:
        faults.append(f"only {searched} texts were there to be looked for on the other side")
    if run.flow.record:
        told = {(r["status"], r["ended_by"]) for r in seen.records}
        if len(seen.records) != run.flow.count or told != {run.flow.record}:
            faults.append(f"{len(seen.records)} records with {told}, not {run.flow.count} with {run.flow.record}")
    if run.flow.check and not run.errors:
        try:
            run.flow.check(seen)
        except AssertionError as error:
            faults.append(f"{error}")
    return faults, seen


def wait_records(runs):
    """Until there is a record for each call that must have one."""
    def all_there():
        told = [r["call_ids"][0].rpartition("@")[2] for r in lab.records()]
        return all(told.count(run.host("caller")) >= run.flow.count for run in runs if run.flow.record)
    lab.wait_until(5, all_there)
    return lab.records()


def capture(work, side):
    path = os.path.join(work, f"{side}.pcap")
    process = subprocess.Popen(["ip", "netns", "exec", f"limen-{side}", "dumpcap", "-q", "-P", "-i", "to-limen", "-w", path],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    lab.wait_until(10, lambda: os.path.exists(path) and os.path.getsize(path))
    return path, process


def run_all(flows, only=None, extra=""):
    """Bring the lab up, run the flows, tell the results. Returns the exit status."""
    flows = [f for f in flows if not only or only in f.what]
    numbers = iter(range(FIRST_HOST, 250))
    runs = [Run(flow, v6, numbers) for flow in flows for v6 in (0, 1) if "46"[v6] in flow.families]
    work = tempfile.mkdtemp(prefix="limen-flows.")
    captures = []
    try:
        with open(os.path.join(work, "limen.yaml"), "w", encoding="utf-8") as file:
            file.write(config(runs, extra))
        lab.lab_up("--config", file.name)
        add_hosts(runs)
        captures = [capture(work, side) for side in "ab"]
        longest_first = sorted(runs, key=lambda run: -run.flow.limit_s)
        with concurrent.futures.ThreadPoolExecutor(PARALLEL) as pool:
            list(pool.map(lambda run: run.run(work), longest_first))
        records = wait_records(runs)
        time.sleep(0.5)
        for _, process in captures:
            process.terminate()
            process.wait()
        packets = {side: wire.packets(path) for side, (path, _) in zip("ab", captures)}
        lab.result("there is something to look at in the captures", any(packets.values()), "nothing")
        for run in runs:
            faults, seen = judge(run, packets, records)
            lab.result(run.what, not faults, "; ".join(faults))
            if faults:
                print("\n".join("#   " + line for line in seen.ladder()), flush=True)
        if lab.failures or os.environ.get("SMOKE_TELL"):
            lab.tell_state()
    finally:
        for _, process in captures:
            process.kill()
        if os.environ.get("SMOKE_KEEP"):
            print(f"# kept: {work}")
        else:
            shutil.rmtree(work)
    return 1 if lab.failures else 0
