#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""SIP over TLS: what is offered (held against docs/tls.md), who is let in, whom limen lets itself be connected to, certificates
by name, stapled, resumed, reloaded under connections, and calls between TLS and UDP."""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
import wave

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab  # noqa: E402
import peer  # noqa: E402
import pki  # noqa: E402
from tlspeer import TlsPeer  # noqa: E402

CONTROL_USER = 64099  # whom the lab's control plane runs as: its keys are read by him alone
scratch = tempfile.mkdtemp(prefix="limen-tls-")
os.chmod(scratch, 0o755)
ca = pki.Authority(scratch, "ca")
stranger = pki.Authority(os.path.join(scratch, "stranger"), "stranger")


def own(*paths):
    for path in paths:
        os.chown(path, CONTROL_USER, CONTROL_USER)


def limen_certificates():
    own(*ca.issue("limen", "DNS:limen.example", days=20), *ca.issue("limen-rsa", "DNS:limen.example", rsa=True, days=60),
        *ca.issue("other", "URI:sip:other.example,DNS:*.wild.example", days=60))
    ca.ocsp(ca.path("limen.pem"), ca.path("limen.ocsp"))


limen_certificates()
PBX, B, B_ADDRESS = (ca.issue(*of) for of in (("pbx", "DNS:pbx.a.example"), ("b", "URI:sip:sip.b.example"),
                                              ("b-address", "IP:10.99.2.2")))
REVOKED = ca.issue("revoked", "DNS:pbx.a.example")
ca.revoke(REVOKED[0])
STRANGE = stranger.issue("strange", "DNS:pbx.a.example")
with open(os.path.join(lab.SMOKE, "tls.yaml"), encoding="utf-8") as template:
    text = template.read().replace("PKI", scratch)
with open(f"{scratch}/limen.yaml", "w", encoding="utf-8") as made:
    made.write(text)
lab.lab_up("--config", f"{scratch}/limen.yaml")


def counter(name):
    return lab.stats()["control", "tls", name]


def s_client(*args, side="a", text="", seconds=0.0):
    """What openssl s_client says of limen's port."""
    command = [lab.LAB, "exec", side, "openssl", "s_client", "-connect", f"{peer.LIMEN[side][0]}:5061", *args]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as run:
        if seconds:
            time.sleep(seconds)
        return run.communicate(text, timeout=20)[0]


def offered(*args, side="a"):
    """(version, cipher) of a handshake, None if there was none."""
    said = re.search(r"^New, (\S+), Cipher is (\S+)$", s_client(*args, side=side), re.M)
    return None if not said or said.group(2) == "(NONE)" else said.groups()


def shown(*args):
    """(subject, serial) of the certificate that limen shows."""
    pem = re.search(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", s_client(*args), re.S)
    said = pki.openssl("x509", "-noout", "-subject", "-serial", text=pem.group(0))
    return re.search(r"CN = (\S+)", said).group(1), re.search(r"serial=(\S+)", said).group(1)


def documented(heading):
    """The first column of a table of docs/tls.md."""
    with open(os.path.join(lab.SMOKE, "..", "..", "docs", "tls.md"), encoding="utf-8") as file:
        section = re.search(rf"^#+ {heading}\n(.*?)(?=^#|\Z)", file.read(), re.M | re.S).group(1)
    return re.findall(r"^\| `([^`]+)` \|", section, re.M)


def what_is_offered():
    """versions, ciphers and groups are those that docs/tls.md says, and no others"""
    versions = [v for v, flag in (("TLS 1.0", "-tls1"), ("TLS 1.1", "-tls1_1"), ("TLS 1.2", "-tls1_2"), ("TLS 1.3", "-tls1_3"))
                if offered(flag, "-cipher", "ALL:@SECLEVEL=0")]
    lab.same("versions", versions, documented("Versions"))
    every = subprocess.run(["openssl", "ciphers", "-tls1_2", "-s", "ALL:COMPLEMENTOFALL:@SECLEVEL=0"], capture_output=True,
                           text=True, check=True).stdout.strip().split(":")
    taken = {c for c in every if not c.startswith("TLS_") and offered("-tls1_2", "-cipher", f"{c}:@SECLEVEL=0")}
    lab.same("ciphers of TLS 1.2", taken, set(documented("Ciphers of TLS 1.2")))
    suites = ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_CCM_SHA256",
              "TLS_AES_128_CCM_8_SHA256"]
    lab.same("cipher suites of TLS 1.3", [s for s in suites if offered("-tls1_3", "-ciphersuites", s)],
             documented("Cipher suites of TLS 1.3"))
    lab.same("groups", [g for g in ("X25519", "P-256", "P-384", "X448", "P-521", "ffdhe2048") if offered("-tls1_3", "-groups", g)],
             documented("Groups"))


def by_name():
    """a certificate for the name that is asked for, and of the kind that the client knows"""
    assert shown()[0] == "limen" and shown("-servername", "LIMEN.example")[0] == "limen"
    assert shown("-servername", "other.example")[0] == "other"
    assert shown("-servername", "x.wild.example")[0] == "other"
    assert shown("-servername", "nobody.example")[0] == "limen"
    assert shown("-servername", "limen.example", "-sigalgs", "RSA-PSS+SHA256")[0] == "limen-rsa"


def who_comes_in():
    """nobody without a certificate where one is required; strangers, and the revoked, nowhere; others are told why they are not"""
    def comes_in(side, *cert):
        args = ("-cert", cert[0], "-key", cert[1]) if cert else ()
        said = s_client(*args, "-ign_eof", "-tls1_3", side=side, text="OPTIONS\r\n\r\n", seconds=0.2)
        found = re.search(r"alert ([a-z ]+):", said)
        return found.group(1).strip() if found else True

    before = {name: counter(f"failed_{name}") for name in ("no_certificate", "untrusted", "revoked")}
    lab.same("b without", comes_in("b"), "certificate required")
    for side in "ab":
        lab.same(f"{side} a stranger", comes_in(side, *STRANGE), "unknown ca")
        lab.same(f"{side} revoked", comes_in(side, *REVOKED), "certificate revoked")
        lab.same(f"{side} good", comes_in(side, *B), True)
    lab.same("a without", comes_in("a"), True)
    for name, n in (("no_certificate", 1), ("untrusted", 2), ("revoked", 2)):
        lab.same(name, counter(f"failed_{name}") - before[name], n)


def garbage():
    """what is not TLS ends with a count, at once"""
    before = counter("failed_not_tls")
    for data in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"OPTIONS sip:x SIP/2.0\r\n\r\n", bytes(300), b"\x16\x03\x01\xff\xff" + bytes(100),
                 b"\x16\x03\x03\x00\x04\x01\x00\x00\x00"):
        sock = peer.socket_in("a", "10.99.1.2", 1)
        sock.settimeout(8)
        sock.connect(("10.99.1.1", 5061))
        sock.sendall(data)
        try:
            while sock.recv(1000):
                pass
        except ConnectionError:
            pass
        sock.close()
    failed = lab.stats()
    assert counter("failed_not_tls") - before >= 3, {k: v for k, v in failed.items() if k[1] == "tls"}


def stapled():
    """the OCSP response comes with the certificate, and openssl finds it good"""
    said = s_client("-status", "-servername", "limen.example")
    assert "OCSP Response Status: successful" in said and "Cert Status: good" in said, said
    assert "OCSP response: no response sent" in s_client("-status", "-servername", "other.example")


def session_file(name):
    return os.path.join(scratch, name)


def resumes(version, name, save=False):
    said = s_client(version, "-sess_out" if save else "-sess_in", session_file(name), "-ign_eof", text="OPTIONS\r\n\r\n", seconds=0.3)
    return bool(re.search(r"^Reused, ", said, re.M))


def resumed():
    """sessions are resumed, TLS 1.2 and 1.3"""
    before = counter("resumed")
    for version in ("-tls1_2", "-tls1_3"):
        assert not resumes(version, "session", save=True)
        assert resumes(version, "session"), version
    assert counter("resumed") - before == 2


class Outside:
    """What Peer.request wants of a dialog, for a request outside of any."""

    def __init__(self, side):
        self.local = f"<sip:{side.user}@{peer.host(side.address)}>;tag=o{time.monotonic_ns()}"
        self.call_id = f"outside{time.monotonic_ns()}@{side.address}"


def options(side):
    side.send(side.request("OPTIONS", f"sip:{peer.host(side.limen[0])}", Outside(side), "<sip:limen>", "1 OPTIONS"))
    side.expect(200)


def reloaded():
    """new certificates by a reload, while connections stand and sessions stay good; wrong ones change nothing"""
    a = TlsPeer("a", ca=ca.pem, name="limen.example", listen=False)
    options(a)
    was = shown()[1]
    assert not resumes("-tls1_3", "kept", save=True)
    limen_certificates()
    lab.ctl("reload")
    assert shown()[1] != was, "the old certificate"
    options(a)
    assert resumes("-tls1_3", "kept"), "the ticket's key is lost"
    now = shown()[1]
    os.chmod(ca.path("limen.key"), 0o644)
    refused = lab.run(lab.LAB, "ctl", "reload")
    assert refused.returncode != 0 and "certificates[0].key" in refused.stderr and "mode 0644" in refused.stderr, refused.stderr
    assert shown()[1] == now
    os.chmod(ca.path("limen.key"), 0o600)
    lab.ctl("reload")
    options(a)
    assert len(a.connections) == 1
    a.close()


def told():
    """show certificates, alarms, counters"""
    rows = {row["certificate"]: row for row in json.loads(lab.ctl("show", "certificates", "--json"))}
    lab.same("names", rows["ecdsa"]["names"], ["limen.example"])
    lab.same("state", (rows["ecdsa"]["state"], rows["rsa"]["state"]), ("expires", "good"))
    lab.same("ocsp", (rows["ecdsa"]["ocsp"], rows["rsa"]["ocsp"]), ("good", "none"))
    lab.same("tls", (rows["ecdsa"]["tls"], rows["rsa"]["tls"]), (["open", "closed"], ["open"]))
    assert "limen.example" in lab.ctl("show", "certificates")
    assert "certificate ecdsa expires in 19 days" in lab.ctl("show", "alarms"), lab.ctl("show", "alarms")
    assert lab.stats()["control", "certificates", "expire_soon"] == 1


def media_flows(a_side, ok, callee, b_side):
    pairs = ((a_side, 40000, ok.media()), (b_side, 50000, callee.invite.media()))
    socks = [peer.udp(side.side, side.address, port) for side, port, _ in pairs]
    for n in range(20):
        for (_, _, to), sock in zip(pairs, socks):
            sock.sendto(peer.rtp(n, 7), to)
        time.sleep(0.005)
    for sock in socks:
        sock.settimeout(2)
        for _ in range(20):
            assert len(sock.recv(2048)) == 172
        sock.close()


def calls():
    """TLS and UDP to each other and to themselves, IPv4 and IPv6, with media"""
    far = {"3": TlsPeer("b", ca=ca.pem, cert=B), "4": peer.Peer("b")}
    for ipv6 in (False, True):
        for near in (TlsPeer("a", ca=ca.pem, name="limen.example", ipv6=ipv6, listen=False), peer.Peer("a", ipv6=ipv6)):
            for prefix, b in far.items():
                call, callee, ok = peer.answered_call(near, b, prefix)
                media_flows(near, ok, callee, b)
                peer.end_call(call, callee)
                over = "TLS" if prefix == "3" else "UDP"
                assert f"SIP/2.0/{over} " in callee.invite.get("Via"), callee.invite.get("Via")
                assert ("transport=tls" in callee.invite.get("Contact")) == (prefix == "3"), callee.invite.get("Contact")
                assert ("transport=tls" in ok.get("Contact")) == isinstance(near, TlsPeer), ok.get("Contact")
                assert "10.99.1" not in callee.invite.text and "fd99:1" not in callee.invite.text, "not hidden"
            near.close()
    for b in far.values():
        b.close()
    assert lab.wait_until(5, lambda: lines() >= 8)
    assert not [row for row in lab.records() if row["status"] != 200], lab.records()


def lines():
    """Records that are whole: the last one may be on its way into the file."""
    with open("/run/limen-lab/cdr.jsonl", encoding="utf-8") as file:
        return file.read().count("\n")


def trunk_by_name():
    """who proves a name is the trunk that has it, not the one that his address belongs to"""
    b = peer.Peer("b")
    named, plain = TlsPeer("a", cert=PBX, listen=False), TlsPeer("a", cert=B, listen=False)
    for side, trunk in ((named, "a-named"), (plain, "a")):
        n = lines()
        peer.end_call(*peer.answered_call(side, b, "4")[:2])
        assert lab.wait_until(5, lambda n=n: lines() > n)
        lab.same("trunk", lab.records()[-1]["trunks"][0], trunk)
        side.drop()
    call = named.call("30")
    call.ack_failure(call.expect(603))
    for side in (named, plain, b):
        side.close()


def sips():
    """sips: goes by TLS all the way that limen sees, and is sips: there again; where that cannot be it is refused"""
    def invite(a, number):
        text = a.request("INVITE", f"sips:{number}@{a.limen[0]}", Outside(a), f"<sips:{number}@{a.limen[0]}>", "1 INVITE",
                         body=peer.sdp(a.address, 40000))
        a.send(text.replace("Contact: <sip:", "Contact: <sips:"))

    a, b, plain = TlsPeer("a", listen=False), TlsPeer("b", cert=B), peer.Peer("a")
    invite(a, "3099")
    asked = b.expect("INVITE")
    assert asked.uri.startswith("sips:3099@10.99.2.2") and asked.get("To").startswith("<sips:3099@"), asked.text
    assert asked.get("Contact").startswith("<sips:") and "transport" not in asked.get("Contact"), asked.get("Contact")
    b.answer(asked, 180, tag="x")
    assert a.expect(180).get("Contact").startswith("<sips:")
    b.answer(asked, 603, tag="x")
    a.expect(603)
    invite(a, "4099")
    a.expect(480)
    invite(plain, "3099")
    plain.expect(416)
    for side in (a, b, plain):
        side.close()


def refused_by_limen(a, cert, why):
    """A server with that certificate is not spoken to; the caller hears 503."""
    before, b = counter(f"failed_{why}"), TlsPeer("b", cert=cert)
    call, heard, until = a.call("30"), None, time.monotonic() + 8
    while not heard and time.monotonic() < until:
        b.recv(0.05)  # its side of the handshake
        came = a.recv(0.05)
        heard = came if came and came.is_a(503) else None
    assert heard, f"{why}: no 503"
    call.ack_failure(heard)
    assert counter(f"failed_{why}") > before, (why, {k: v for k, v in lab.stats().items() if k[1] == "tls" and v})
    assert not b.seen, f"{why}: {b.seen[0]}"
    b.close()


def servers():
    """limen speaks to no server but the one that is meant: not to another name, a stranger's, a revoked one, none at all"""
    a = TlsPeer("a", listen=False)
    for cert, why in ((PBX, "name"), (STRANGE, "untrusted"), (REVOKED, "revoked"), (B_ADDRESS, "name")):
        refused_by_limen(a, cert, why)
    for cert, port, prefix in ((B, 5061, "30"), (B_ADDRESS, 5071, "50")):
        b = TlsPeer("b", cert=cert, port=port)
        peer.end_call(*peer.answered_call(a, b, prefix)[:2])
        b.close()
    a.close()


def phone(side, user, certificate, dial=None):
    """baresip, which speaks TLS and SRTP alone."""
    home, here, limen = tempfile.mkdtemp(dir=scratch), peer.ADDRESS[side][0], peer.LIMEN[side][0]
    with open(f"{home}/both.pem", "w", encoding="ascii") as both:
        for path in certificate:
            with open(path, encoding="ascii") as part:
                both.write(part.read())
    with wave.open(f"{home}/tone.wav", "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(range(256)) * 625)  # ten seconds
    for name, text in (("contacts", ""), ("config", f"sip_listen {here}:5060\nsip_certificate {home}/both.pem\nrtp_ports 40000-40100\n"
                        f"audio_source aufile,{home}/tone.wav\naudio_srate 8000\naudio_channels 1\nmodule_path /usr/lib/baresip/modules\n"
                        "module g711.so\nmodule srtp.so\nmodule aufile.so\nmodule_app account.so\nmodule_app menu.so\n"),
                       ("accounts", f'<sip:{user}@{here};transport=tls>;regint=0;outbound="sip:{limen}:5061;transport=tls";'
                        "audio_codecs=PCMA;answermode=auto;mediaenc=srtp-mand\n")):
        with open(f"{home}/{name}", "w", encoding="utf-8") as file:
            file.write(text)
    with open(f"{home}/log", "w", encoding="utf-8") as log:
        command = ["ip", "netns", "exec", f"limen-{side}", "baresip", "-f", home] + (["-e", f"/dial {dial}"] if dial else [])
        return home, subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=log)


def says(home, text):
    with open(f"{home}/log", encoding="utf-8", errors="replace") as log:
        return text in log.read()


def phones():
    """two real phones call each other by TLS, with SRTP by keys in SDP, which TLS hides"""
    before, n = counter("accepted"), lines()
    b_home, b = phone("b", "3777", B)
    a_home, a = None, None
    try:
        assert lab.wait_until(10, lambda: says(b_home, "baresip is ready"))
        a_home, a = phone("a", "1000", B_ADDRESS, dial="sip:3777@10.99.1.1:5061")
        for home in (b_home, a_home):
            assert lab.wait_until(10, lambda home=home: says(home, "Call established")), f"no call: see {home}/log"
        time.sleep(2)
    finally:
        for process in filter(None, (a, b)):
            process.terminate()
            process.wait(8)
    assert lab.wait_until(8, lambda: lines() > n), "no record"
    record = lab.records()[-1]
    assert record["status"] == 200 and counter("accepted") > before, record
    assert [side["srtp"] for side in record["media"]] == ["AES_CM_128_HMAC_SHA1_80"] * 2, record["media"]
    assert all(side["rx_pkts"] > 50 for side in record["media"]), record["media"]


assert lab.wait_until(10, offered), "it does not listen"
lab.each(what_is_offered, by_name, who_comes_in, garbage, stapled, resumed, told, calls, sips, trunk_by_name, servers, phones, reloaded)
