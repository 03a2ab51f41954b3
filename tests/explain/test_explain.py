#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""limenctl explain with a config that is not in force: steps, what goes out, what is refused.

Usage: test_explain.py LIMENCTL SOURCE_ROOT. Standard library only; no network.
"""
import json
import pathlib
import re
import subprocess
import sys
import tempfile

LIMENCTL, ROOT = sys.argv[1], pathlib.Path(sys.argv[2])
CONFIG = ROOT / "config/lab.yaml"
INVITE = (ROOT / "tests/explain/invite.sip").read_bytes()


def explain(*args, message=INVITE, config=CONFIG):
    done = subprocess.run([LIMENCTL, "explain", "--config", config, *args, "-"], input=message,
                          capture_output=True, timeout=30)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def rows(*args, **more):
    status, out, err = explain("--json", *args, **more)
    assert status == 0, err
    return json.loads(out)


def steps(items):
    return [(i["step"], i["text"]) for i in items if "step" in i]


def sent(items, answer):
    return [i for i in items if "message" in i and i["answer"] is answer]


def test_accepted():
    items = rows("--from", "a")
    words = [what for what, _ in steps(items)]
    assert words[:4] == ["source", "method", "called", "route"], words
    assert "target" in words and "headers" in words
    assert words.count("srtp") >= 2, words  # of both sides
    (out,) = sent(items, False)
    assert (out["to"], out["realm"]) == ("10.99.2.2:5060", "b")
    assert out["message"].startswith("INVITE sip:+4930123@10.99.2.2:5060 SIP/2.0\r\n")
    # nothing of the caller's side is in it
    for secret in ("10.99.1.", "explain-1", "Secret", "tag=a1", "z9hG4bKexplain1"):
        assert secret not in out["message"], secret
    assert "m=audio" in out["message"] and "c=IN IP4 10.99.2.1" in out["message"]
    assert not sent(items, True)


def test_same_by_source():
    assert steps(rows("--source", "10.99.1.2")) == steps(rows("--from", "a"))
    assert steps(rows("--source", "10.99.1.2:5062", "--realm", "a")) == steps(rows("--from", "a"))


def test_refused():
    items = rows("--source", "10.9.9.9", "--realm", "a")
    assert steps(items)[-1] == ("policy", "refused with 403: no trunk names this source")
    (answer,) = sent(items, True)
    assert answer["message"].startswith("SIP/2.0 403 ")
    assert not sent(items, False)


def test_refused_by_the_engine():
    """What never comes to policy: its answer is the engine's own."""
    items = rows("--from", "a", message=INVITE.replace(b"Max-Forwards: 70", b"Max-Forwards: 0"))
    assert not steps(items)
    (answer,) = sent(items, True)
    assert answer["message"].startswith("SIP/2.0 483 ")


def test_method():
    head = INVITE.split(b"\n\n")[0].replace(b"INVITE", b"SUBSCRIBE")
    message = head.split(b"\nContent-Type")[0] + b"\nEvent: dialog\nContent-Length: 0\n\n"
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as config:
        config.write(re.sub(r"methods: .*", "methods: [INVITE]", CONFIG.read_text()))
        config.flush()
        items = rows("--from", "a", message=message, config=config.name)
    assert any(s == "method" and "may not begin SUBSCRIBE" in t for s, t in steps(items)), items
    assert sent(items, True)[0]["message"].startswith("SIP/2.0 405 ")


def test_no_message():
    items = rows("--from", "a", message=b"hello\r\n\r\n")
    assert steps(items)[0][0] == "dropped", items


def test_wrong_orders():
    for args, why in ((("--from", "nobody"), "no such trunk"), ((), "neither --from nor --source"),
                      (("--source", "x"), "not an address"),
                      (("--source", "10.9.9.9"), "--realm"),
                      (("--from", "a", "--realm", "z"), "no such realm")):
        status, out, err = explain(*args)
        assert status == 1 and why in err and not out, (args, err)
    status, _, err = explain("--from", "a", message=b"")
    assert status == 1 and "empty" in err
    status, _, err = explain("--from", "a", message=b"x" * 70000)
    assert status == 1 and "larger" in err


def test_wrong_config():
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as wrong:
        wrong.write(CONFIG.read_text().replace("realm: a", "realm: nowhere", 1))
        wrong.flush()
        status, _, err = explain("--from", "a", config=wrong.name)
        assert status == 1 and "no such realm" in err, err


def main():
    for name, test in list(globals().items()):
        if name.startswith("test_"):
            test()
            print("ok", name)


main()
