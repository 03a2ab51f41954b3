# SPDX-License-Identifier: BSD-3-Clause
"""SIPp scenarios with what they all repeat left out: a line that begins with @ stands for several.

In messages (what identifies a role's messages is distinctive, so that the other side's capture can be searched for it):
  @request N METHOD [same]     the headers of a request by the side that called, CSeq N; `same`: the branch of request N
                               itself, for the ACK of a refusal
  @outside N METHOD            those of one that is outside of any dialog, though answers with tags have come
  @back N METHOD [same]        those of a request by the side that was called, in the dialog (@parties must have been)
  @reply [TAG]                 those of a response with this side's tag, and that behind it
  @answer                      those of a response inside the dialog; @answer NAME: to the request that @kept NAME
  @late NAME [TAG]             those of a response with this side's tag to the request that @kept NAME
  @sdp N                       the headers and first lines of a session description, version N; media lines follow
  @audio [PORT]                a G.711 section
  @end                         no body
In actions:
  @parties                     keep From and To of the INVITE for requests back
  @kept NAME                   keep Via and CSeq of this request
  @keep NAME HEADER [REGEX]    keep what matches for [$NAME]
  @has HEADER REGEX, @body REGEX      must match; @lacks HEADER [REGEX], @nobody REGEX: must not
Elsewhere:
  @trying                      a 100 may come
  @WORD@                       what the flow's table says; a line of its own without such a word is left out
"""

import itertools
import os
import re
from xml.sax.saxutils import quoteattr

SCENARIOS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "scenarios")

SDP = """Content-Type: application/sdp
Content-Length: [len]

v=0
o={role}origin {id}3655765221 {id}35368765{n} IN IP[media_ip_type] [media_ip]
s={role}session
c=IN IP[media_ip_type] [media_ip]
t=0 0
a=tool:{role}tool"""

# How each role names its product and its network.
PRODUCT = {"caller": "caller-phone/7.1", "callee": "callee-switch/3.2", "third": "third-party/5.5"}
SECRET = {"caller": "X-Caller-Secret: switch7.caller-net.example", "callee": "X-Callee-Secret: switch9.callee-net.example",
          "third": "X-Third-Secret: switch5.third-net.example"}


class Expansion:
    def __init__(self, role, words):
        self.role, self.words = role, words
        self.names = (f"check{n}" for n in itertools.count(1))
        self.unused = []

    def own(self, request):
        """What this side says of itself in each message."""
        product = f"{'User-Agent' if request else 'Server'}: {PRODUCT[self.role]}"
        return f"Contact: <sip:{self.role}-device@[local_ip]:[local_port]>\n{product}\n{SECRET[self.role]}"

    def via(self, n, method, same):
        branch = n if same or method in ("INVITE", "CANCEL") else f"{n}{method}"
        return f"Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=z9hG4bK{self.role}[pid]x[call_number]x{branch}"

    def do_request(self, n, method, same=None):
        return f"""{self.via(n, method, same)}
From: "Caller" <sip:{self.role}@[local_ip]:[local_port]>;tag={self.role}tag[pid]x[call_number]
To: <sip:[service]@[remote_ip]:[remote_port]>[peer_tag_param]
Call-ID: [call_id]
CSeq: {n} {method}
Max-Forwards: 70
{self.own(True)}"""

    def do_outside(self, n, method):
        return self.do_request(n, method).replace("[peer_tag_param]", "")

    def do_back(self, n, method, same=None):
        return f"""{self.via(n, method, same)}
From:[$callee];tag={self.role}tag[pid]x[call_number]
To:[$caller]
Call-ID: [call_id]
CSeq: {n} {method}
Max-Forwards: 70
{self.own(True)}"""

    def do_reply(self, tag=""):
        return f"[last_Via:]\n[last_From:]\n[last_To:];tag={self.role}tag[pid]x[call_number]{tag}\n[last_Call-ID:]\n[last_CSeq:]\n" \
               f"{self.own(False)}"

    def do_answer(self, name=None):
        if name is None:
            return f"[last_Via:]\n[last_From:]\n[last_To:]\n[last_Call-ID:]\n[last_CSeq:]\n{self.own(False)}"
        return f"Via:[${name}via]\nFrom:[${name}from]\nTo:[${name}to]\nCall-ID: [call_id]\nCSeq:[${name}cseq]\n{self.own(False)}"

    def do_late(self, name, tag=""):
        return self.do_answer(name).replace(f"To:[${name}to]", f"To:[${name}to];tag={self.role}tag[pid]x[call_number]{tag}")

    def do_sdp(self, n):
        return SDP.format(role=self.role, id=7 + list(PRODUCT).index(self.role), n=n)

    def do_audio(self, port="[media_port]"):
        return f"m=audio {port} RTP/AVP 8\na=rtpmap:8 PCMA/8000"

    def do_end(self):
        return "Content-Length: 0\n"

    def do_trying(self):
        return '<recv response="100" optional="true"/>'

    def ereg(self, name, regex, where, must=True):
        check = {True: 'check_it="true" ', False: 'check_it_inverse="true" ', None: ""}[must]
        self.unused.append(name)
        return f'<ereg regexp={quoteattr(regex)} {where} {check}assign_to="{name}"/>'

    def header(self, name, header, regex=".*", must=True):
        return self.ereg(name, regex, f'search_in="hdr" header="{header}:"', must)

    def do_parties(self):
        return f"{self.header('caller', 'From')}\n{self.header('callee', 'To')}"

    def do_kept(self, name):
        return "\n".join(self.header(name + h.lower(), h) for h in ("Via", "From", "To", "CSeq"))

    def do_keep(self, name, header, *regex):
        return self.header(name, header, " ".join(regex) or ".*")

    def do_has(self, header, *regex):
        return self.header(next(self.names), header, " ".join(regex) or ".")

    def do_lacks(self, header, *regex):
        # SIPp finds no header's value in a message that has none, and calls that a failure: look at the whole message.
        return self.ereg(next(self.names), rf"[[:cntrl:]]{header}:{'[^[:cntrl:]]*' if regex else ''}{' '.join(regex)}",
                         'search_in="msg"', False)

    def do_body(self, *regex):
        return self.ereg(next(self.names), " ".join(regex), 'search_in="body"')

    def do_nobody(self, *regex):
        return self.ereg(next(self.names), " ".join(regex), 'search_in="body"', False)

    def expand(self, text):
        lines = []
        for word, value in self.words.items():
            text = text.replace(f"@{word}@", str(value))
        for line in text.split("\n"):
            if re.match(r"\s*@[A-Z]+@$", line):
                continue  # an extra line that this flow does not have
            found = re.match(r"\s*@([a-z]+)((?: .*)?)$", line)
            lines.append(getattr(self, "do_" + found[1])(*found[2].split()) if found else line)
        text = "\n".join(lines)
        left = re.findall(r"@[A-Z_]+@", text)
        assert not left, f"what is {left}?"
        # SIPp refuses a variable that is set and not used.
        references = "".join(f'  <Reference variables="{name}"/>\n' for name in dict.fromkeys(self.unused))
        return text.replace("</scenario>", references + "</scenario>")


def expand(name, role, words):
    """The scenario file's text for SIPp; role: caller, callee or third; words: what @WORD@ stands for."""
    with open(os.path.join(SCENARIOS, name + ".xml"), encoding="utf-8") as file:
        return Expansion(role, words).expand(file.read())
