#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Every way a call can go, each by a pair of SIPp scenarios: who ends it, who gives up, who refuses, what is agreed on and changed
within it. All at the same time through one limen; what limen sent is checked on both wires (flows.py). 04_flows.py [PATTERN]"""

import hashlib
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from flows import Flow, run_all, tag  # noqa: E402





# A challenge that policy does not let across is told as 403.
CODES = {code: 403 if code in (401, 407) else code for code in (400, 401, 402, 403, 404, 405, 406, 407, 410, 413, 414, 415, 416, 420, 421, 423, 480, 481, 482, 483, 484,
                                 485, 486, 487, 488, 489, 491, 493, 494, 500, 501, 502, 503, 504, 505, 513, 580, 600, 603, 604, 606, 607)}

HIDDEN_HEADERS = ["Diversion", "History-Info", "Call-Info"]
CARRIER_HEADERS = ["Session-ID", "Diversion", "History-Info", "P-Asserted-Identity"]


# What a NOTIFY of each event says: (event, media type as a regular expression, what must arrive of the body, the body).
EVENTS = (
    ("presence", "application/pidf[+]xml", "<basic>open</basic>", """<?xml version="1.0" encoding="UTF-8"?>
<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:2001@[local_ip]">
<tuple id="t1"><status><basic>open</basic></status><contact priority="0.8">sip:2001@[local_ip]:[local_port]</contact></tuple>
</presence>"""),
    ("dialog", "application/dialog-info[+]xml", "<state>confirmed</state>", """<?xml version="1.0"?>
<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="0" state="full" entity="sip:2001@[local_ip]">
<dialog id="d1" call-id="calleeid-inner@[local_ip]" local-tag="calleetaginner1" remote-tag="calleetaginner2" direction="initiator">
<state>confirmed</state>
<local><identity>sip:2001@[local_ip]</identity><target uri="sip:2001@[local_ip]:[local_port]"/></local>
<remote><identity>sip:4711@[local_ip]</identity></remote>
</dialog></dialog-info>"""),
    ("message-summary", "application/simple-message-summary", "Voice-Message: 2/8", """Messages-Waiting: yes
Message-Account: sip:2001@[local_ip]
Voice-Message: 2/8 (0/2)"""),
)


def heard_early(seen):
    """Media passed both ways, and all of it before the answer."""
    for record in seen.records:
        rx = [record["media"][side]["rx_pkts"] for side in (0, 1)]
        assert min(rx) > 20, f"{rx} packets"
    answered = seen.came("caller", 200)[0].at
    early = [p for p in seen.rtp["a"] + seen.rtp["b"] if p.at < answered]
    assert len(early) > 80, f"{len(early)} packets before the answer"


def forked(seen):
    """The caller has an early dialog for each phone that rings, the one that answered is in the 200."""
    for call in seen.calls("caller"):
        tags = [tag(m, "to") for m in call if m.status and m.status > 100 and m.method == "INVITE"]
        assert len(set(tags)) == 3 and tags[1] == tags[3], f"tags {tags}"


def one_answer(seen):
    """The caller has one 200, the phone that lost has its ACK and BYE at once."""
    for call in seen.calls("caller"):
        tags = {tag(m, "to") for m in call if m.status == 200 and m.method == "INVITE"}
        assert len(tags) == 1, f"200s with the tags {tags}"


def rseq_rises(seen):
    for call in seen.calls("caller"):
        rseqs = list(dict.fromkeys(int(m.get("rseq")) for m in call if m.get("rseq")))
        assert len(rseqs) == 2 and rseqs[1] == rseqs[0] + 1, f"RSeq {rseqs}"


def both_recorded(seen):
    """The caller's call before it was handed on, and the one after."""
    told = sorted(record["ended_by"] for record in seen.records)
    assert told == ["caller"] * 3 + ["transfer"] * 3, f"{told}"


def digest(message, header, password):
    """Whether a digest (RFC 7616, MD5 with qop) is right for its method."""
    found = dict(re.findall(r'(\w+)="?([^",]*)"?', message.get(header) or ""))
    md5 = lambda *parts: hashlib.md5(":".join(parts).encode()).hexdigest()  # noqa: E731
    return "nonce" in found and found["response"] == md5(
        md5(found["username"], found["realm"], password), found["nonce"], found["nc"], found["cnonce"], found["qop"],
        md5(message.method, found["uri"]))


def digests_verify(seen):
    second = [m for m in seen.came("callee", "INVITE") if m.get("proxy-authorization")]
    assert len(second) == 3 and all(digest(m, "proxy-authorization", "secret") for m in second), \
        f"{[m.get('proxy-authorization') for m in second]}"


def etag_comes_back(seen):
    """The server's own entity tag is in the refresh, and the publisher was shown one that is not it (RFC 3903 section 4.1)."""
    second = [m for m in seen.came("callee", "PUBLISH") if m.get("sip-if-match")]
    assert len(second) == 3 and all(m.get("sip-if-match") == "calleeetag77" for m in second), [m.get("sip-if-match") for m in second]


FLOWS = [
    Flow("basic call", "uac_basic", "uas_basic", families="46", record=(200, "caller")),
    Flow("basic call, callee to caller's network", "uac_basic", "uas_basic", families="46", back=True, record=(200, "caller")),
    Flow("the callee hangs up", "uac_wait_bye", "uas_bye", record=(200, "callee")),
    Flow("early media 183", "uac_early_media", "uas_early_media", families="46", ms=1500, count=1, callee_args=("-rtp_echo",),
         record=(200, "caller"), check=heard_early),
    Flow("CANCEL before the callee said anything", "uac_cancel_trying", "uas_cancel_silent", ms=300, record=(487, "caller")),
    Flow("CANCEL after the callee's 100", "uac_cancel_trying", "uas_cancel_100", ms=300, record=(487, "caller")),
    Flow("CANCEL after 180", "uac_cancel", "uas_cancel", record=(487, "caller")),
    Flow("CANCEL after 183 with a description", "uac_cancel_183", "uas_cancel_183", record=(487, "caller"),
         words={"REASON": "Reason: SIP;cause=200", "CANCELHAS": "@has Reason SIP *;cause=200"}),
    Flow("CANCEL crosses the 200", "uac_cancel", "uas_cancel_crossed", record=(487, "caller")),
    Flow("three phones ring, the second answers", "uac_forked", "uas_forked", check=forked, record=(200, "caller")),
    Flow("two phones answer", "uac_answered_twice", "uas_answered_twice", check=one_answer, ms=400, record=(200, "caller")),
    Flow("100rel: two reliable provisional answers", "uac_prack", "uas_prack", check=rseq_rises, record=(200, "caller")),
    Flow("offer in a reliable 183, answer in PRACK", "uac_late_prack", "uas_late_prack", record=(200, "caller")),
    Flow("offer in the 200, answer in the ACK", "uac_late_offer", "uas_late_offer", record=(200, "caller")),
    Flow("UPDATE before and after the answer", "uac_update", "uas_update", record=(200, "callee")),
    Flow("hold and resume: sendonly, inactive, 0.0.0.0", "uac_hold", "uas_hold", families="4", record=(200, "caller"),
         words={"ZERO": "0.0.0.0", "ZEROSEEN": "(c=IN IP4 0[.]0[.]0[.]0|a=inactive|a=sendonly)"}),
    Flow("hold and resume: sendonly, inactive, ::", "uac_hold", "uas_hold", families="6", record=(200, "caller"),
         words={"ZERO": "::", "ZEROSEEN": "(c=IN IP6 ::[[:cntrl:]]|a=inactive|a=sendonly)"}),
    Flow("hold and resume by the callee", "uac_hold_back", "uas_hold_back", families="46", record=(200, "callee")),
    Flow("the codec changes", "uac_codec", "uas_codec", record=(200, "caller")),
    Flow("an offer within the dialog refused with 488", "uac_reinvite_refused", "uas_reinvite_refused", record=(200, "caller")),
    Flow("a re-INVITE without an offer", "uac_reinvite_late", "uas_reinvite_late", record=(200, "caller")),
    Flow("an offer within the dialog taken back by CANCEL", "uac_reinvite_cancelled", "uas_reinvite_cancelled", record=(200, "caller")),
    Flow("three media lines, one taken", "uac_media_lines", "uas_media_lines", record=(200, "caller")),
    Flow("glare: 491", "uac_glare", "uas_glare", record=(200, "caller")),
    Flow("INFO, MESSAGE, OPTIONS inside the dialog", "uac_inside", "uas_inside", record=(200, "caller")),
    Flow("T.38", "uac_t38", "uas_t38", record=(200, "caller")),
    Flow("video added, removed, added", "uac_video", "uas_video", record=(200, "caller")),
    Flow("MSRP refused", "uac_msrp", "uas_msrp", record=(200, "caller"),
         words={"OFFERED": "m=message 0 TCP/MSRP", "PORT": "0", "TAKEN": "m=message 0 TCP/MSRP"}),
    Flow("MSRP passed with its address", "uac_msrp", "uas_msrp", record=(200, "caller"), a={"msrp": True}, b={"msrp": True}, media_crosses=True,
         words={"OFFERED": "m=message 2855 TCP/MSRP.*c=IN IP4 10[.]99[.]1[.][0-9]+", "PORT": "2855", "TAKEN": "m=message 2855 TCP/MSRP"}),
    Flow("a carrier's headers passed by both trunks", "uac_headers", "uas_headers_passed", record=(200, "caller"),
         words={"RINGHAS": "@has Session-ID 99755a9de7794ba387653f2099600ef2"}, a={"headers_pass": CARRIER_HEADERS},
         b={"headers_pass": CARRIER_HEADERS}),
    Flow("a carrier's headers dropped", "uac_headers", "uas_headers_dropped", record=(200, "caller"),
         words={"RINGHAS": "@lacks Session-ID"}, a={"headers_pass": CARRIER_HEADERS}),
    Flow("a carrier's headers hidden", "uac_hidden_headers", "uas_hidden_headers", a={"headers_pass": HIDDEN_HEADERS},
         b={"headers_hide": HIDDEN_HEADERS}, record=(200, "caller")),
    Flow("identity to a trusted trunk", "uac_identity", "uas_trusted", a={"trusted": True}, b={"trusted": True}, record=(200, "caller")),
    Flow("privacy towards a trunk that is not trusted", "uac_identity", "uas_untrusted", a={"trusted": True}, record=(200, "caller")),
    Flow("a caller of RFC 2543", "uac_2543", "uas_call", record=(200, "caller")),
    Flow("a caller of RFC 2543 gives up", "uac_2543_cancel", "uas_cancel", record=(487, "caller")),
    Flow("a callee of RFC 2543", "uac_call", "uas_2543", record=(200, "caller")),
    Flow("Max-Forwards 0: 483", "uac_hops", None),
    Flow("a 302 refused: 480", "uac_heard", "uas_redirects", words={"CODE": 480}, record=(480, "callee")),
    Flow("a 302 followed", "uac_basic", "uas_redirects", third="uas_basic", b={"redirect": "follow"}, record=(200, "caller")),
    Flow("a 302 passed", "uac_redirected", "uas_redirects", b={"redirect": "pass"}, record=(302, "callee")),
    Flow("limen refreshes: UPDATE to one side, INVITE to the other", "uac_timer_server", "uas_timer_update", ms=1000, limit_s=60, count=2,
         a={"session_expires_s": 90}, b={"session_expires_s": 90}, record=(200, "caller")),
    Flow("a peer refreshes, the other hears nothing", "uac_timer_peer", "uas_timer_none", a={"session_expires_s": 90}, record=(200, "caller")),
    Flow("422 to the caller", "uac_timer_small", "uas_timer_none", a={"session_expires_s": 90}, count=1),
    Flow("422 of the callee", "uac_basic", "uas_timer_422", b={"session_expires_s": 90}, record=(200, "caller")),
    Flow("a session that is not refreshed ends", "uac_timer_dies", "uas_basic", ms=0, limit_s=75, count=2,
         a={"session_expires_s": 90, "media_timeout_s": 0}, b={"media_timeout_s": 0}, record=(200, "session-timeout")),
    Flow("REFER passed, NOTIFYs with sipfrag", "uac_refer", "uas_refer", a={"refer": "pass"}, record=(200, "caller")),
    Flow("REFER refused: 403", "uac_refer_refused", "uas_basic", words={"CODE": 403}, record=(200, "caller")),
    Flow("REFER carried out by limen", "uac_refer_local", "uas_refer_local", third="uas_basic", a={"refer": "local"},
         record=(200, "transfer")),
    Flow("REFER by the callee carried out by limen", "uac_refer_back", "uas_refer_back", third="uas_basic", b={"refer": "local"},
         check=both_recorded),
    Flow("REFER carried out by limen, the third party is busy", "uac_refer_local_fails", "uas_basic", third="uas_refuses",
         words={"ANSWERED": 486}, a={"refer": "local"}, record=(200, "caller")),
    Flow("limen asks whether a peer is there", None, "uas_probed", families="46", b={"options_interval_s": 1}),
    Flow("407: the answer to the challenge verifies", "uac_407", "uas_407", a={"challenges": "pass"}, b={"challenges": "pass"}, callee_count=6,
         shown=("known", "callee-realm"), check=digests_verify),
    Flow("REGISTER: the answer to the registrar's 401 verifies", "uac_register", "uas_register", count=1,
         a={"challenges": "pass", "methods": ["REGISTER"]}, b={"challenges": "pass"}, shown=("known", "callee-realm")),
    Flow("MESSAGE outside of a dialog", "uac_message", "uas_message", families="46", a={"methods": ["INVITE", "MESSAGE"]}),
    *(Flow(f"SUBSCRIBE and NOTIFY of {event}", "uac_subscribe", "uas_subscribe", families="46" if event == "presence" else "4",
           words={"EVENT": event, "TYPESEEN": seen, "TYPE": seen.replace("[+]", "+"), "SEEN": said, "BODY": body},
           a={"methods": ["SUBSCRIBE"]}) for event, seen, said, body in EVENTS),
    Flow("PUBLISH of presence, and its refresh", "uac_publish", "uas_publish", a={"methods": ["PUBLISH"]}, callee_count=6,
         check=etag_comes_back),
    Flow("OPTIONS to a user", "uac_options_user", "uas_options_user", a={"methods": ["INVITE", "OPTIONS"]}),
    *(Flow(f"{method}, which the trunk may not begin: 405", "uac_method", None,
           words={"METHOD": method, **({"EXTRA": "Refer-To: <sip:3001@[remote_ip]>"} if method == "REFER" else {})})
      for method in ("MESSAGE", "SUBSCRIBE", "PUBLISH", "REFER")),
    Flow("no answer: 408 after answer_max_s (timer C)", "uac_heard", "uas_cancel", words={"CODE": 408}, b={"answer_max_s": 2},
         record=(408, "sip-timeout")),
    Flow("a dead callee: 408 after 32 s (timer B)", "uac_heard", "uas_dead", words={"CODE": 408}, b={"answer_max_s": 60}, ms=34000,
         limit_s=40, record=(408, "sip-timeout")),
    *(Flow(f"the callee refuses with {code}: the caller hears {heard}", "uac_heard", "uas_refuses", count=2, words={"CODE": heard, "ANSWERED": code},
           record=(heard, "callee")) for code, heard in CODES.items()),
    Flow("a number that no route knows: 404", "uac_heard", None, words={"CODE": 404}),
    Flow("a route that refuses: 603", "uac_heard", None, words={"CODE": 603}, refuse=603),
    Flow("OPTIONS to limen", "uac_options", None),
]

sys.exit(run_all(FLOWS, *sys.argv[1:2]))
