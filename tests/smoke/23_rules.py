#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Trunks' rules on the wire, both ways, with SIPp at both ends: headers, identities, topology profiles, response codes, codecs."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from flows import Flow, run_all  # noqa: E402

# In front of the sections that flows.yaml ends with.
SECTIONS = r"""
header_rules:
  - {set: from-a, action: remove, header: Accept-Language}
  - {set: from-a, action: set, header: X-Trunk, value: "${trunk}", on: [initial]}
  - {set: from-a, action: set, header: X-Found, value: "${1} and ${2}", on: [initial], when: ["X-Tag matches ^v([0-9]+)-(.*)$"]}
  - {set: from-a, action: set, header: X-Missed, value: x, on: [initial], when: ["X-Tag matches ^w"]}
  - {set: to-b, action: add, header: X-Account, value: "\"${from.user}\" <sip:${header:X-Odd}@acct.example>;n=${ruri.user}", methods: [INVITE]}
  - {set: to-b, action: replace, header: Priority, value: urgent, when: ["Priority equals non-urgent", "X-Tag begins V4"]}
  - {set: to-b, action: replace, header: X-Nobody, value: x}
  - {set: to-b, action: add, header: X-Bye, value: "${method}", methods: [BYE], on: [requests]}
  - {set: from-b, action: set, header: X-Heard, value: "from ${header:X-Phone}", on: [responses], methods: [INVITE]}
  - {set: to-a, action: remove, header: Accept-Language, on: [responses]}
answer_rules:
  - {set: busy, code: 500, last: 599, to: 486, phrase: Not Now, reason: "Q.850;cause=41"}
  - {set: busy, code: 183, to: 180}
  - {set: again, code: 486, to: 480}
  - {set: late, code: 408, to: 504}
topology_profiles:
  - {name: named, ruri_host: called.example, from_host: calling.example, to_host: called.example, identity_host: calling.example,
     display_names: drop}
  - {name: open, from_host: keep, products: keep}
"""

PHONE = """m=audio [media_port] RTP/AVP 96 97 8 0 101
a=rtpmap:96 opus/48000/2
a=fmtp:96 useinbandfec=1
a=rtpmap:97 telephone-event/48000
a=rtpmap:8 PCMA/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-16
a=ptime:30"""
VIDEO = """
m=video [media_port+2] RTP/AVP 98
a=rtpmap:98 H264/90000"""
ALAW = "m=audio [media_port] RTP/AVP 8\na=rtpmap:8 PCMA/8000"


def words(**more):
    return {"RING": 180, "RINGS": 180, "OFFER": ALAW, "ANSWER": ALAW, **more}


def rules(what, **more):
    trunks = {key: more.pop(key) for key in ("a", "b", "shown", "check", "ms") if key in more}
    return Flow(what, "uac_rules", "uas_rules", words=words(**more), record=(200, "caller"), **trunks)


def refused(what, answered, heard, a=None, b=None, seen="", record=None):
    return Flow(what, "uac_heard", "uas_refuses", count=2, words={"CODE": heard, "ANSWERED": answered, "HEARD": seen,
                "EXTRA": "Reason: Q.850;cause=99"}, a=a or {}, b=b or {}, record=record or (heard, "callee"))


def hosts_named(seen):
    """Request-URI, From and To as the profile says."""
    for invite in seen.came("callee", "INVITE"):
        assert invite.packet.payload.startswith(b"INVITE sip:2001@called.example SIP/2.0"), invite.packet.payload[:80]
        assert "<sip:caller@calling.example>" in invite.get("from") and "Caller" not in invite.get("from"), invite.get("from")
        assert "<sip:2001@called.example>" in invite.get("to"), invite.get("to")
        assert invite.get("p-asserted-identity") == "<sip:caller@calling.example>", invite.get("p-asserted-identity")
    for message in seen.came("callee", "BYE"):
        assert "<sip:caller@calling.example>" in message.get("from"), message.get("from")


def told_why(seen):
    """The rule's phrase and Reason, and not the callee's own."""
    for answer in seen.came("caller", 486):
        assert answer.packet.payload.startswith(b"SIP/2.0 486 Not Now\r\n"), answer.packet.payload[:60]
        assert answer.all("reason") == ["Q.850;cause=41"], answer.all("reason")


WHY = refused("503 becomes 486 with phrase and Reason", 503, 486, b={"answer_rules_in": ["busy"]})
WHY.check = told_why

FLOWS = [
    rules("header rules of both trunks, both ways",
          a={"header_rules_in": ["from-a"], "header_rules_out": ["to-a"]},
          b={"header_rules_out": ["to-b"], "header_rules_in": ["from-b"]},
          HEADERS="Accept-Language: de\nPriority: non-urgent\nX-Tag: v42-b c\nX-Odd: a>b c",
          SEEN="@lacks Accept-Language\n@has X-Trunk ^ *f[0-9]+-caller$\n@has X-Found ^ *42 and b c$\n@lacks X-Missed\n@lacks X-Tag\n"
               "@has X-Account \"caller\" <sip:a%3Eb%20c@acct[.]example>;n=2001\n@has Priority ^ *urgent$\n@lacks X-Nobody\n@lacks X-Bye",
          ACKSEEN="@lacks X-Trunk\n@lacks X-Account", BYESEEN="@has X-Bye ^ *INVITE$\n@lacks X-Account\n@lacks X-Trunk",
          ANSWERHEADERS="X-Phone: desk\nAccept-Language: en",
          RINGSEEN="@has X-Heard ^ *from desk$\n@lacks X-Phone\n@lacks Accept-Language", OKSEEN="@has X-Heard ^ *from desk$",
          shown=("desk",)),
    rules("a call of trunks without rules is as it was", HEADERS="Accept-Language: de\nX-Tag: v42-b c",
          SEEN="@has Accept-Language de\n@lacks X-Trunk\n@lacks X-Account\n@lacks P-Asserted-Identity"),
    rules("limen asserts the caller", b={"asserted_identity": "from", "from_number": "4930", "remote_party_id": True},
          HEADERS="P-Asserted-Identity: <sip:liar@[local_ip]>",
          SEEN="@has P-Asserted-Identity ^ *\"Caller\" <sip:caller@10[.]99[.]2[.]1>$\n@has From <sip:4930@10[.]99[.]2[.]1>\n"
               "@has Remote-Party-ID <sip:caller@10[.]99[.]2[.]1>;party=calling"),
    rules("limen asserts a number, and nobody is told who calls",
          b={"trusted": True, "asserted_identity": "number", "asserted_number": "+4930", "privacy": "always"},
          SEEN="@has P-Asserted-Identity ^ *<sip:[+]4930@10[.]99[.]2[.]1>$\n@has Privacy ^ *id$\n"
               "@has From <sip:anonymous@anonymous[.]invalid>"),
    rules("the caller is whom a trusted trunk asserts", a={"trusted": True, "caller": "asserted"},
          HEADERS="P-Asserted-Identity: \"Known\" <sip:+88160001@[local_ip]>",
          SEEN="@has From \"Known\" <sip:[+]88160001@10[.]99[.]2[.]1>\n@lacks P-Asserted-Identity"),
    rules("an emergency service hears who calls", b={"privacy": "never"}, HEADERS="Privacy: id",
          SEEN="@has From <sip:caller@10[.]99[.]2[.]1>\n@lacks Privacy"),
    rules("hosts by topology profile", b={"topology": "named", "asserted_identity": "from"}, check=hosts_named),
    rules("a codec taken out, with its events; order and packet time",
          b={"codecs_deny": ["opus"], "codecs_order": ["PCMU"], "ptime_ms": 20}, a={"maxptime_ms": 40}, OFFER=PHONE, ANSWER=PHONE,
          SEEN="@body m=audio [1-9][0-9]* RTP/AVP 0 8 101[[:cntrl:]]\n@nobody opus\n@nobody fmtp:96\n@nobody 48000\n@body a=ptime:20\n"
               "@nobody a=ptime:30\n@nobody maxptime\n@body a=fmtp:101 0-16",
          OKSEEN="@body m=audio [1-9][0-9]* RTP/AVP 8 0 101[[:cntrl:]]\n@nobody opus\n@body a=ptime:30\n@body a=maxptime:40"),
    rules("only what both trunks allow", a={"codecs_allow": ["PCMA", "opus/48000/2"]}, b={"codecs_allow": ["pcma", "PCMU/8000", "video/*"]},
          OFFER=PHONE + VIDEO, ANSWER=ALAW + "\nm=video 0 RTP/AVP 98",
          SEEN="@body m=audio [1-9][0-9]* RTP/AVP 8 101[[:cntrl:]]\n@body m=video 0 RTP/AVP 98\n@nobody PCMU",
          OKSEEN="@body m=audio [1-9][0-9]* RTP/AVP 8[[:cntrl:]]\n@body m=video 0 RTP/AVP 98"),
    Flow("no codec is left: 488, and the callee hears nothing", "uac_heard", "uas_probed", words={"CODE": 488},
         b={"codecs_allow": ["G729"], "options_interval_s": 1}, record=(488, "limen")),
    rules("183 becomes 180", b={"answer_rules_in": ["busy"]}, RINGS=183),
    WHY,
    refused("a code of one trunk's rules under the other's", 503, 480, a={"answer_rules_out": ["again"]}, b={"answer_rules_in": ["busy"]},
            seen="@has Reason ^ *Q.850;cause=41$"),
    refused("a code without a rule stays", 603, 603, a={"answer_rules_out": ["again"]}, b={"answer_rules_in": ["busy"]}),
    Flow("no answer: 408 becomes 504", "uac_heard", "uas_cancel", words={"CODE": 504}, a={"answer_rules_out": ["late"]},
         b={"answer_max_s": 2}, record=(504, "sip-timeout")),
]

sys.exit(run_all(FLOWS, *sys.argv[1:2], extra=SECTIONS))
