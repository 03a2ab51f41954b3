#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The access side: limen authenticates users by digest, answers their refreshes itself, calls them where they are and
forgets nobody; a real phone (baresip) is among them."""

import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab  # noqa: E402
import peer  # noqa: E402

REALM, HASHES = "lab.example", {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}
USERS = {"1001": "secret-of-1001", "1002": "secret-of-1002"}


def hashed(algorithm, *parts):
    return HASHES[algorithm](":".join(parts).encode()).hexdigest()


def write_users(path):
    with open(path, "w", encoding="utf-8") as file:
        for user, password in USERS.items():
            for algorithm in HASHES:
                file.write(f"{user},{REALM},{algorithm},{hashed(algorithm, user, REALM, password)}\n")


scratch = tempfile.mkdtemp(prefix="limen-registrar-")
write_users(f"{scratch}/users.csv")
with open(os.path.join(lab.SMOKE, "registrar.yaml"), encoding="utf-8") as template:
    text = template.read().replace("/run/limen-lab/users.csv", f"{scratch}/users.csv")
with open(f"{scratch}/limen.yaml", "w", encoding="utf-8") as made:
    made.write(text)
os.chmod(scratch, 0o755)
lab.lab_up("--config", f"{scratch}/limen.yaml")
core = peer.Peer("b")


class User:
    """A phone that does exactly what it is told."""

    def __init__(self, name, port, password=None):
        self.name, self.password = name, password or USERS.get(name, "none")
        self.peer = peer.Peer("a", port=port, user=name)
        self.cseq, self.nc, self.call_id = 0, 0, f"reg-{name}-{port}-{os.getpid()}@phone"
        self.challenge = None

    def credentials(self, method, uri):
        c, self.nc = self.challenge, self.nc + 1
        ha1, ha2 = hashed(c["algorithm"], self.name, c["realm"], self.password), hashed(c["algorithm"], method, uri)
        nc = f"{self.nc:08x}"
        response = hashed(c["algorithm"], ha1, c["nonce"], nc, "c0ffee", "auth", ha2)
        return (f'Digest username="{self.name}", realm="{c["realm"]}", nonce="{c["nonce"]}", uri="{uri}", response="{response}", '
                f'algorithm={c["algorithm"]}, cnonce="c0ffee", qop=auth, nc={nc}')

    def take_challenge(self, answer, algorithm="SHA-256"):
        header = "WWW-Authenticate" if answer.status == 401 else "Proxy-Authenticate"
        lines = answer.all(header)
        assert [re.search(r"algorithm=([^,\s]+)", line)[1] for line in lines] == ["SHA-256", "MD5"], f"{lines}"
        line = next(line for line in lines if f"algorithm={algorithm}" in line)
        self.challenge = {"realm": re.search(r'realm="([^"]*)"', line)[1], "nonce": re.search(r'nonce="([^"]*)"', line)[1],
                          "algorithm": algorithm}
        self.nc = 0
        return "stale=true" in line

    def request(self, method, uri, extra=(), to=None, header="Authorization", aor=None):
        self.cseq += 1
        aor = f"sip:{aor or self.name}@10.99.1.1"
        lines = [f"{method} {uri} SIP/2.0", f"Via: {self.peer.via()}", f"From: <{aor}>;tag=t{self.cseq}",
                 f"To: <{to or aor}>", f"Call-ID: {self.call_id}", f"CSeq: {self.cseq} {method}", "Max-Forwards: 70",
                 *([f"{header}: {self.credentials(method, uri)}"] if self.challenge else []), *extra, "Content-Length: 0", "", ""]
        message = "\r\n".join(lines)
        self.peer.send(message)
        return message

    def register(self, expires=600, contact=None, aor=None):
        contact = contact or f"<sip:{self.name}@{self.peer.address}:{self.peer.port}>"
        return self.request("REGISTER", "sip:10.99.1.1", (f"Contact: {contact};expires={expires}",), aor=aor)


def users():
    return json.loads(lab.ctl("show", "users", "--json"))


def at_core():
    """What the core gets; granted as it was asked for."""
    came = core.expect("REGISTER")
    assert not came.all("Authorization"), came.text
    core.answer(came, 200, tag="core", extra=[f"Contact: {contact}" for contact in came.all("Contact")])
    return came


def nothing_at_core():
    assert not [m for m in core.drain(0.3) if m.method == "REGISTER"], "the core was asked"


first, other = User("1001", 5071), User("1002", 5072)


def challenged():
    """a REGISTER without credentials is challenged, each algorithm in its turn, and the core does not hear of it"""
    first.register()
    answer = first.peer.expect(401)
    assert not first.take_challenge(answer)
    nothing_at_core()


def authenticated():
    """the right password registers, by SHA-256 and by MD5; no credentials go on to the core"""
    first.register()
    at_core()
    first.peer.expect(200)
    other.register()
    other.take_challenge(other.peer.expect(401), "MD5")
    other.register()
    at_core()
    other.peer.expect(200)


def wrong():
    """a wrong password, somebody unknown and another one's name are refused, and counted"""
    before = lab.stats()["control", "auth", "wrong"]
    for name, password in (("1001", "guess"), ("1009", "guess")):
        liar = User(name, 5073, password)
        liar.register()
        liar.take_challenge(liar.peer.expect(401))
        liar.register()
        liar.peer.expect(401)
        liar.peer.close()
    assert lab.stats()["control", "auth", "wrong"] == before + 2
    other.register(aor="1001")
    other.peer.expect(403)
    nothing_at_core()


def replayed():
    """a request of before, sent once more with another Call-ID, is no registration; sent again as it was, it is answered again"""
    message = first.register()
    first.peer.expect(200)
    first.peer.send(message.replace(f"Call-ID: {first.call_id}", "Call-ID: another").replace("branch=z9hG4bK", "branch=z9hG4bKx"))
    first.peer.expect(401)
    first.peer.send(message)
    first.peer.expect(200)
    nothing_at_core()


def calls():
    """an INVITE is challenged with 407 and goes through with credentials; an emergency call needs none"""
    caller = User("1001", 5074)
    caller.request("INVITE", "sip:2001@10.99.1.1", (f"Contact: <sip:1001@{caller.peer.address}:5074>",), to="sip:2001@10.99.1.1")
    answer = caller.peer.expect(407)
    caller.take_challenge(answer)
    caller.request("INVITE", "sip:2001@10.99.1.1", (f"Contact: <sip:1001@{caller.peer.address}:5074>",), to="sip:2001@10.99.1.1",
                   header="Proxy-Authorization")
    invite = core.expect("INVITE")
    assert "lab.example" not in invite.text and "Authorization" not in invite.text, invite.text
    core.answer(invite, 486, tag="busy")
    caller.peer.expect(486)
    caller.challenge = None
    caller.call_id += "112"
    caller.request("INVITE", "sip:112@10.99.1.1", (f"Contact: <sip:1001@{caller.peer.address}:5074>",), to="sip:112@10.99.1.1")
    core.answer(core.expect("INVITE", having="sip:112@"), 486, tag="busy")
    caller.peer.expect(486)


def absorbed():
    """refreshes are answered by limen: behind NAT often, and the core is asked for an hour; too short a time is refused"""
    natted = User("1002", 5076)
    contact = "<sip:1002@192.168.7.7:5062;line=1>"
    natted.register(contact=contact)
    natted.take_challenge(natted.peer.expect(401))
    natted.register(contact=contact)
    assert at_core().get("Contact").endswith(";expires=3600")
    assert natted.peer.expect(200).all("Contact")[0] == f"{contact};expires=30"
    for _ in range(3):
        natted.register(contact=contact)
        answer = natted.peer.expect(200)
        assert f"{contact};expires=30" in answer.all("Contact"), answer.text
    nothing_at_core()
    natted.register(contact=contact, expires=10)
    assert natted.peer.expect(423).get("Min-Expires") == "20"
    natted.register(contact="<sip:1002@192.168.7.7:5063>")
    at_core()
    natted.peer.expect(200)
    for gone in (contact, "<sip:1002@192.168.7.7:5063>"):
        natted.register(contact=gone, expires=0)
        assert at_core().get("Contact").endswith(";expires=0")
        natted.peer.expect(200)
    assert lab.stats()["control", "registrar", "absorbed"] >= 4
    assert [u["nat"] for u in users() if u["user"] == "1002"] == ["no"], f"{users()}"


def call_user(name, to=None, uri=None, status=486):
    call = core.call("", uri=f"sip:{name}@10.99.2.1")
    if to:
        invite = to.expect("INVITE")
        assert invite.uri == uri, invite.start
        to.answer(invite, 486, tag="busy")
    call.ack_failure(call.expect(status))


def several():
    """a user with several contacts is called at the best of them; who is not registered is not to be had: 480"""
    desk = f"<sip:1001@{first.peer.address}:{first.peer.port}>"
    first.register(contact=f"<sip:lab@{first.peer.address}:{first.peer.port}>;q=0.2, {desk};q=0.9")
    contacts = at_core().get("Contact").split(", ")
    assert len(contacts) == 2 and ";q=0.2" in contacts[0] and ";q=0.9" in contacts[1], f"{contacts}"
    told = first.peer.expect(200).all("Contact")
    assert len(told) == 2 and told[0].startswith("<sip:lab@"), f"{told}"
    call_user("1001", first.peer, desk[1:-1])
    call_user("1009", status=480)
    first.register()
    at_core()
    first.peer.expect(200)


def killed():
    """a control plane that is killed knows everybody when it is back"""
    before = sorted((u["user"], u["contact"], u["expires"], u["core_expires"]) for u in users())
    assert len(before) >= 3
    time.sleep(0.5)
    lab.run(lab.LAB, "kill", "controlplane")
    lab.run(lab.LAB, "start", "controlplane")
    assert lab.wait_until(5, users)
    assert sorted((u["user"], u["contact"], u["expires"], u["core_expires"]) for u in users()) == before
    call_user("1001", first.peer, f"sip:1001@{first.peer.address}:{first.peer.port}")
    other.register()
    assert other.take_challenge(other.peer.expect(401), "MD5"), "the right password with a nonce of before: stale"
    other.register()
    other.peer.expect(200)
    nothing_at_core()


def users_change():
    """users are read anew on reload, a wrong file changes nothing"""
    USERS["1003"] = "secret-of-1003"
    loads = lab.stats()["control", "auth", "loads"]
    with open(f"{scratch}/users.csv", "a", encoding="utf-8") as file:
        file.write("nonsense\n")
    lab.ctl("reload")
    assert lab.wait_until(3, lambda: lab.stats()["control", "auth", "load_failures"] == 1)
    first.register()
    first.peer.expect(200)
    write_users(f"{scratch}/users.csv")
    lab.ctl("reload")
    assert lab.wait_until(3, lambda: lab.stats()["control", "auth", "loads"] == loads + 1)
    third = User("1003", 5075)
    third.register()
    third.take_challenge(third.peer.expect(401))
    third.register()
    at_core()
    third.peer.expect(200)


def reconfigure(was, now):
    """The same config with something else in it."""
    with open("/run/limen-lab/limen.yaml", encoding="utf-8") as file:
        config = file.read()
    assert was in config, was
    with open("/run/limen-lab/limen.yaml", "w", encoding="utf-8") as file:
        file.write(config.replace(was, now))
    lab.ctl("reload")


def baresip():
    """baresip registers with its password, and is refused with another (it knows MD5 alone, and reads the first challenge only)"""
    home = f"{scratch}/baresip"
    os.mkdir(home)
    reconfigure("auth:\n  users_file", "auth:\n  algorithms: [MD5]\n  users_file")
    with open(f"{home}/config", "w", encoding="utf-8") as file:
        file.write("sip_listen 10.99.1.2:5090\nmodule_path /usr/lib/baresip/modules\nmodule_app account.so\nmodule_app menu.so\n")
    with open(f"{home}/contacts", "w", encoding="utf-8"):
        pass
    for password, good in ((USERS["1002"], True), ("guess", False)):
        before = lab.stats()["control", "auth", "wrong"]
        with open(f"{home}/accounts", "w", encoding="utf-8") as file:
            file.write(f"<sip:1002@10.99.1.1>;auth_user=1002;auth_pass={password};regint=600\n")
        with open(f"{home}/log", "w", encoding="utf-8") as log:
            phone = subprocess.Popen(["ip", "netns", "exec", "limen-a", "baresip", "-f", home], stdin=subprocess.DEVNULL, stdout=log,
                                     stderr=log)
        try:
            if good:
                at_core()
                assert lab.wait_until(3, lambda: [u for u in users() if u["source"] == "10.99.1.2:5090"]), f"{users()}"
            else:
                assert lab.wait_until(3, lambda: lab.stats()["control", "auth", "wrong"] > before)
                nothing_at_core()
        finally:
            phone.kill()
            phone.wait()
            with open(f"{home}/log", encoding="utf-8") as log:
                print("".join(f"# {line}" for line in log if "1002" in line))


lab.each(challenged, authenticated, wrong, replayed, calls, absorbed, several, users_change, killed, baresip)
