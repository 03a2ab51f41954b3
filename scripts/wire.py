# SPDX-License-Identifier: BSD-3-Clause
"""What was on a wire: SIP messages, RTP flows, and what they say of who sent them, read from a pcap file.
Used by quickstart's report and by the hiding test. Standard library only."""

import ipaddress
import re
import statistics
import struct

RTP_CLOCK_HZ = 8000


class Packet:
    __slots__ = ("at", "src", "dst", "sport", "dport", "payload")


def _udp(frame):
    """(src, dst, sport, dport, payload) of an unfragmented UDP datagram in an Ethernet frame, or None."""
    kind = struct.unpack_from("!H", frame, 12)[0]
    if kind == 0x0800 and frame[23] == 17 and not struct.unpack_from("!H", frame, 20)[0] & 0x3fff:
        at = 14 + (frame[14] & 15) * 4
        src, dst = (str(ipaddress.IPv4Address(frame[o:o + 4])) for o in (26, 30))
    elif kind == 0x86dd and frame[20] == 17:
        at = 54
        src, dst = (str(ipaddress.IPv6Address(frame[o:o + 16])) for o in (22, 38))
    else:
        return None
    sport, dport, length = struct.unpack_from("!HHH", frame, at)
    return src, dst, sport, dport, bytes(frame[at + 8:at + length])


def frames(path):
    """(time in seconds, frame) for each packet of a classic pcap file."""
    with open(path, "rb") as file:
        data = file.read()
    magic = data[:4]
    order = "<" if magic in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    tick = 1e-9 if b"\x3c" in magic else 1e-6
    at = 24
    while at + 16 <= len(data):
        seconds, fraction, length = struct.unpack_from(order + "III", data, at)
        if at + 16 + length > len(data):
            break  # the capture was stopped in the middle of a write
        yield seconds + fraction * tick, data[at + 16:at + 16 + length]
        at += 16 + length


def packets(path):
    """The UDP packets of a capture, in order."""
    found = []
    for at, frame in frames(path):
        parts = _udp(frame)
        if parts:
            packet = Packet()
            packet.at = at
            packet.src, packet.dst, packet.sport, packet.dport, packet.payload = parts
            found.append(packet)
    return found


class Sip:
    """One SIP message of a capture."""

    def __init__(self, packet):
        self.packet, self.at = packet, packet.at
        text = packet.payload.decode("utf-8", "replace")
        head, _, self.body = text.partition("\r\n\r\n")
        self.start, *lines = head.split("\r\n")
        self.headers = [(n.strip().lower(), v.strip()) for n, _, v in (line.partition(":") for line in lines)]
        words = self.start.split(" ", 2)
        self.status = int(words[1]) if words[0] == "SIP/2.0" else None
        self.method = (self.get("cseq") or "0 ?").split()[1]
        self.label = f"{words[1]} {words[2]}" if self.status else words[0]
        if "m=audio" in self.body:
            self.label += " (SDP)"

    def all(self, name):
        return [v for n, v in self.headers if n == name]

    def get(self, name):
        return (self.all(name) or [None])[0]


_START = re.compile(rb"^(SIP/2\.0 \d{3} |[A-Z]+ sips?:[^ ]+ SIP/2\.0\r\n)")


def sip_messages(found):
    return [Sip(p) for p in found if _START.match(p.payload)]


class Flow:
    """RTP in one direction between two endpoints."""

    def __init__(self, first):
        self.key = (first.src, first.sport, first.dst, first.dport)
        self.began = first.at
        self.packets = {}  # sequence number -> time, of the first copy
        self.count = 0
        self.payload_type = first.payload[1] & 0x7f
        self.jitter_ms = 0.0
        self._transit = None

    def add(self, packet):
        seq, timestamp = struct.unpack_from("!HI", packet.payload, 2)
        self.packets.setdefault(seq, packet.at)
        self.count += 1
        transit = packet.at * 1000 - timestamp * 1000 / RTP_CLOCK_HZ
        if self._transit is not None:  # RFC 3550 section 6.4.1
            self.jitter_ms += (abs(transit - self._transit) - self.jitter_ms) / 16
        self._transit = transit
        self.ended = packet.at


def rtp_flows(found):
    """Flows by (source address, port, destination address, port), in order of their first packets."""
    flows = {}
    for p in found:
        if len(p.payload) < 12 or p.payload[0] >> 6 != 2 or 192 <= p.payload[1] <= 223 or 5060 in (p.sport, p.dport):
            continue
        key = (p.src, p.sport, p.dst, p.dport)
        if key not in flows:
            flows[key] = Flow(p)
        flows[key].add(p)
    return flows


def relay_delays_us(before, after):
    """Time from one capture to the other for each packet seen in both flows."""
    return sorted((after.packets[seq] - at) * 1e6 for seq, at in before.packets.items() if seq in after.packets)


def percentile(values, part):
    return values[min(len(values) - 1, int(len(values) * part))] if values else 0.0


def median(values):
    return statistics.median(values) if values else 0.0


def identity(messages, address):
    """What the messages from `address` say of their sender: kind -> set of texts. All of it is meant to stay on that side."""
    own = {kind: set() for kind in ("address", "Call-ID", "tag", "Via host", "Via branch", "Contact", "product", "SDP origin",
                                    "SDP media", "own header")}
    own["address"].add(address)
    for m in messages:
        if m.packet.src != address:
            continue
        own["Call-ID"].add(m.get("call-id"))
        side = "to" if m.status else "from"
        own["tag"].update(re.findall(r";tag=([^;>\s]+)", m.get(side) or ""))
        if not m.status:
            via = m.get("via") or ""
            own["Via host"].update(re.findall(r"SIP/2\.0/\S+ +([^;\s]+)", via))
            own["Via branch"].update(re.findall(r";branch=([^;\s]+)", via))
        for contact in m.all("contact"):
            own["Contact"].update(re.findall(r"sips?:([^;>]+)", contact))
        for name in ("user-agent", "server", "organization"):
            own["product"].update(m.all(name))
        own["own header"].update(v for n, v in m.headers if n.startswith("x-"))
        for line in m.body.split("\r\n"):
            if line.startswith("o="):
                user, session, version = line[2:].split(" ")[:3]
                own["SDP origin"].update((user, session, version))
            elif line.startswith("c="):
                own["SDP media"].add(line.split(" ")[-1])
            elif line.startswith("a=tool:"):
                own["product"].add(line[7:])
            elif line.startswith("s=") and len(line) > 4:
                own["SDP origin"].add(line[2:])
    return {kind: {v for v in values if v and v not in ("-", "0")} for kind, values in own.items() if values}


def sightings(own, path):
    """Where the texts of an identity show up in another side's capture: kind -> list of (text, where). Every byte of every frame is
    searched, addresses also in binary form."""
    seen = {kind: [] for kind in own}
    everything = [frame for _, frame in frames(path)]
    for kind, values in own.items():
        for value in values:
            needles = [value.encode()]
            try:
                needles.append(ipaddress.ip_address(value).packed)
            except ValueError:
                pass
            for number, frame in enumerate(everything, 1):
                if any(needle in frame for needle in needles):
                    seen[kind].append((value, f"frame {number}"))
                    break
    return seen
