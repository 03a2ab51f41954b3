#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Tells one call from the captures of both sides: the ladder, what either side saw of the other, the media, the record.
story.py A.pcap B.pcap CDR.jsonl DEVICE"""

import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import wire  # noqa: E402

COLOUR = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
SIDES = ("a", "b")
PEER = {"a": "10.99.1.2", "b": "10.99.2.2"}
LIMEN = {"a": "10.99.1.1", "b": "10.99.2.1"}
GAP = 38  # columns between two lifelines
MARGIN = 11


def paint(code, text):
    return f"\x1b[{code}m{text}\x1b[0m" if COLOUR else text


def bold(text):
    return paint("1", text)


def good(text):
    return paint("32", text)


def bad(text):
    return paint("1;31", text)


def dim(text):
    return paint("2", text)


def title(text):
    print(f"\n{bold(text)}\n")


# --- the ladder


def arrow(label, rightward, line="─"):
    """An arrow between two lifelines, GAP columns wide."""
    room = GAP - 6
    label = label if len(label) <= room else label[:room - 1] + "…"
    left = (GAP - 4 - len(label)) // 2
    right = GAP - 4 - len(label) - left
    body = f"{line * left} {label} {line * right}"
    return f"{body}{line}▶" if rightward else f"◀{line}{body}"


def rows(captures):
    """(time, side, label, rightward, is media) for each message and for each flow's start."""
    found = []
    for side in SIDES:
        for m in wire.sip_messages(captures[side]):
            towards_limen = m.packet.src == PEER[side]
            found.append((m.at, side, m.label, towards_limen == (side == "a"), False))
        for flow in wire.rtp_flows(captures[side]).values():
            towards_limen = flow.key[0] == PEER[side]
            codec = {0: "PCMU", 8: "PCMA"}.get(flow.payload_type, f"type {flow.payload_type}")
            found.append((flow.began, side, f"RTP {codec}, {flow.count} packets", towards_limen == (side == "a"), True))
    return sorted(found)


def ladder(captures):
    title("The call, as the wires on both sides saw it")
    indent = " " * MARGIN
    heads = [("caller", PEER["a"]), ("limen", f"{LIMEN['a']} │ {LIMEN['b']}"), ("callee", PEER["b"])]
    for line in (0, 1):
        text = list(" " * (MARGIN + 2 * GAP + 20))
        for column, head in enumerate(heads):
            at = MARGIN + column * (GAP + 1) - len(head[line]) // 2
            text[at:at + len(head[line])] = head[line]
        text = "".join(text).rstrip()
        print(bold(text) if line == 0 else text)
    print(f"{'ms':>{MARGIN - 2}}  │{' ' * GAP}│{' ' * GAP}│")
    found = rows(captures)
    start = found[0][0] if found else 0
    for at, side, label, rightward, media in found:
        drawn = arrow(label, rightward, "═" if media else "─")
        drawn = paint("36", drawn) if media else drawn
        cells = (drawn, " " * GAP) if side == "a" else (" " * GAP, drawn)
        print(f"{(at - start) * 1000:>{MARGIN - 2}.1f}  │{cells[0]}│{cells[1]}│")
    print(f"{indent}│{' ' * GAP}│{' ' * GAP}│")
    return found


# --- what crossed


def before_and_after(captures):
    """The first INVITE as it came and as it left, line beside line."""
    pair = []
    for side in SIDES:
        invites = [m for m in wire.sip_messages(captures[side]) if m.label.startswith("INVITE")]
        pair.append(invites[0].packet.payload.decode("utf-8", "replace").split("\r\n") if invites else [])
    title("The INVITE: as the caller sent it, and as the callee got it")
    width = 46
    for n in range(max(map(len, pair))):
        cells = [lines[n] if n < len(lines) else "" for lines in pair]
        cells = [cell if len(cell) <= width else cell[:width - 1] + "…" for cell in cells]
        print(f"    {cells[0]:<{width}}  {cells[1]}".rstrip())


def hiding(paths, captures):
    """True when nothing of either side was seen on the other."""
    title("What each side could see of the other")
    clean = True
    for number, (side, other) in enumerate((("a", "b"), ("b", "a"))):
        if number:
            print()
        own = wire.identity(wire.sip_messages(captures[side]), PEER[side])
        seen = wire.sightings(own, paths[other])
        who = "caller" if side == "a" else "callee"
        print(f"    of the {who}, searched for in every byte of network {other}'s capture:")
        for kind, values in own.items():
            listed = ", ".join(sorted(values))
            listed = listed if len(listed) <= 56 else listed[:55] + "…"
            found = len(seen[kind])
            clean = clean and not found
            print(f"      {kind:<12}{listed:<58}{good('0 found') if not found else bad(f'{found} found')}")
            for value, where in seen[kind]:
                print(bad(f"        {value} in {where}"))
    return clean


def media(captures):
    """True when every packet sent arrived, once."""
    title("Media")
    flows = {side: list(wire.rtp_flows(captures[side]).values()) for side in SIDES}
    whole = bool(flows["a"]) and bool(flows["b"])
    print(f"    {'direction':<18}{'sent':>7}{'arrived':>9}{'lost':>6}{'jitter sent':>14}{'jitter arrived':>17}{'time in limen':>21}")
    for source, sink, name in (("a", "b", "caller ▶ callee"), ("b", "a", "callee ▶ caller")):
        sent = next((f for f in flows[source] if f.key[0] == PEER[source]), None)
        arrived = next((f for f in flows[sink] if f.key[2] == PEER[sink]), None)
        if not sent or not arrived:
            print(f"    {name:<18}{bad('no media')}")
            whole = False
            continue
        lost = len(set(sent.packets) - set(arrived.packets))
        whole = whole and lost == 0 and sent.count == arrived.count
        delays = wire.relay_delays_us(sent, arrived)
        inside = f"{wire.median(delays):.0f} us, 99 %: {wire.percentile(delays, 0.99):.0f}"
        mark = good(f"{lost:>6}") if lost == 0 else bad(f"{lost:>6}")
        print(f"    {name:<18}{sent.count:>7}{arrived.count:>9}{mark}{sent.jitter_ms:>11.2f} ms{arrived.jitter_ms:>14.2f} ms{inside:>21}")
    return whole


# --- the record


def shown(name, value):
    """(label, text) for a member of the record. Pairs are caller's and callee's."""
    if isinstance(value, list) and len(value) == 2 and all(isinstance(v, dict) for v in value):
        for who, side in zip(("caller", "callee"), value):
            items = [f"{key} {inner}" for key, inner in side.items() if inner is not None]
            for number, start in enumerate(range(0, len(items), 5)):
                yield f"{name} of {who}" if number == 0 else "", ", ".join(items[start:start + 5])
    elif isinstance(value, list):
        if any(value):
            yield name, " ▶ ".join("-" if v in (None, "", []) else str(v) for v in value)
    else:
        yield name, value


def record(path):
    """True when exactly one call was recorded."""
    title("The call detail record")
    try:
        with open(path, encoding="utf-8") as file:
            records = [json.loads(line) for line in file if line.endswith("\n")]
    except OSError as error:
        print(bad(f"    none: {error.strerror}"))
        return False
    for one in records:
        for name, value in (pair for member in one.items() for pair in shown(*member)):
            print(f"    {dim(f'{name:<18}')}{value}")
    return len(records) == 1


def main():
    paths = {"a": sys.argv[1], "b": sys.argv[2]}
    captures = {side: wire.packets(path) for side, path in paths.items()}
    if not ladder(captures):
        print(bad("    no packet was captured"))
        return 1
    before_and_after(captures)
    results = (hiding(paths, captures), media(captures), record(sys.argv[3]))
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
