# SPDX-License-Identifier: BSD-3-Clause
"""hidden.py A.pcap B.pcap: that no text by which one side can be known is anywhere in the other side's capture."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../scripts"))
import wire  # noqa: E402
from lab import result, same  # noqa: E402
from peer import ADDRESS  # noqa: E402

# What the scenarios put into their messages, besides what changes with each call.
KNOWN = {
    "a": {"product": {"caller-phone/7.1", "callertool"}, "SDP origin": {"callerorigin", "callersession"},
          "own header": {"switch7.caller-net.example"}, "Contact": {"caller-device"}},
    "b": {"product": {"callee-switch/3.2", "calleetool"}, "SDP origin": {"calleeorigin", "calleesession"},
          "own header": {"switch9.callee-net.example"}, "Contact": {"callee-device"}},
}
KINDS = ("address", "Call-ID", "tag", "Via host", "Via branch", "Contact", "product", "SDP origin", "SDP media")

paths = {"a": sys.argv[1], "b": sys.argv[2]}
failed = False
for side, other in (("a", "b"), ("b", "a")):
    messages = wire.sip_messages(wire.packets(paths[side]))
    for address in ADDRESS[side]:
        own = wire.identity(messages, address)
        for kind, values in KNOWN[side].items():
            own.setdefault(kind, set()).update(values)
        # The search finds its own side's values: it can fail.
        missed = [v for kind, hits in wire.sightings(own, paths[side]).items() for v in own[kind] - {h[0] for h in hits}]
        failed |= not same(f"{address}: what is searched for is on its own side", missed, [])
        for kind, hits in wire.sightings(own, paths[other]).items():
            failed |= not result(f"{address}: {kind} ({len(own[kind])} values) not seen in network {other}", not hits, hits[:5])
        absent = [kind for kind in KINDS if kind not in own and not (side == "b" and kind.startswith("Via"))]
        failed |= not same(f"{address}: every kind was searched for", absent, [])
    flows = wire.rtp_flows(wire.packets(paths[side]))
    failed |= not result(f"network {side}: media was in the capture", len(flows) >= 2, f"{len(flows)} flows")
sys.exit(failed)
