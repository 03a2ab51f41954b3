#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What `limenctl explain` says beforehand is what happens; records are put aside at their time, each once."""

import glob
import json
import os
import re
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab  # noqa: E402
import peer  # noqa: E402

CDR = "/run/limen-lab/cdr.jsonl"

with open(os.path.join(lab.SMOKE, "flows.yaml"), encoding="utf-8") as file:
    CONFIG = file.read() + "  rotate_s: 2\n  keep: 1000\n"

directory = tempfile.TemporaryDirectory()
conf_file = os.path.join(directory.name, "limen.yaml")
with open(conf_file, "w", encoding="utf-8") as out:
    out.write(CONFIG)
lab.lab_up("--config", conf_file)
a, b = peer.Peer("a"), peer.Peer("b")


def explain(text, *args):
    path = os.path.join(directory.name, "message.sip")
    with open(path, "w", encoding="utf-8", newline="") as file:
        file.write(text)
    return json.loads(lab.ctl("explain", "--json", *args, path))


def plain(message):
    """A message without what is random in each: limen's ids, ports and session numbers."""
    message = re.sub(r"(z9hG4bK|tag=|sip:)[0-9a-v]{26}", r"\1ID", message)
    message = re.sub(r"^Call-ID: .*$", "Call-ID: ID", message, flags=re.M)
    message = re.sub(r"^CSeq: \d+", "CSeq: N", message, flags=re.M)
    message = re.sub(r"^o=- \d+ \d+", "o=- N", message, flags=re.M)
    message = re.sub(r"^(m=\w+) \d+", r"\1 PORT", message, flags=re.M)
    return re.sub(r"^Content-Length: \d+", "Content-Length: N", message, flags=re.M).replace("\r", "")


def total_counters():
    return {k: v for k, v in lab.stats().items() if k[0] in ("control", "sip") and k[1] not in ("link", "log")
            and k[2] not in ("busy_permille", "admit_permille", "timers")}


def same_as_the_call():
    """the INVITE that is shown is, but for its random ids, the one that then goes out"""
    before = total_counters()
    call = a.call("2")  # its text is what matters first
    real = b.expect("INVITE")
    b.answer(real, 486, tag="busy")
    call.ack_failure(call.expect(486))
    items = explain(call.invite, "--source", "10.99.1.2:5060", "--realm", "a")
    (shown,) = [i for i in items if i.get("answer") is False]
    assert shown["to"] == "10.99.2.2:5060" and shown["realm"] == "b", shown
    assert plain(shown["message"]) == plain(real.text), f"{plain(shown['message'])}\n---\n{plain(real.text)}"
    assert before != total_counters(), "the call itself was counted"


def leaves_nothing():
    """explaining counts nothing, and sends nothing"""
    call = a.call("2")
    real = b.expect("INVITE")
    b.answer(real, 486, tag="busy")
    call.ack_failure(call.expect(486))
    before = total_counters()
    for _ in range(5):
        explain(call.invite, "--from", "a")
    assert before == total_counters(), {k: (before.get(k), v) for k, v in total_counters().items() if before.get(k) != v}
    assert not [m for m in b.drain(0.5) if m.method == "INVITE"], "something went out"


def refusals():
    """a stranger, and a number that a route refuses: the step that decides, and the answer"""
    call = a.call("900")
    got = call.expect(603)
    call.ack_failure(got)
    items = explain(call.invite, "--from", "a")
    assert any(i.get("step") == "route" and "603" in i["text"] for i in items), items
    (answer,) = [i for i in items if i.get("answer")]
    assert answer["message"].startswith("SIP/2.0 603 "), answer
    items = explain(call.invite, "--source", "10.99.1.77", "--realm", "a")
    assert any("no trunk names" in i.get("text", "") for i in items), items


def by_another_config():
    """with --config a file answers that is not in force; limen need not know of it"""
    path = os.path.join(directory.name, "other.yaml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(CONFIG.replace("status: 603", "status: 480"))
    call = a.call("900")
    call.ack_failure(call.expect(603))
    items = explain(call.invite, "--from", "a", "--config", path)
    (answer,) = [i for i in items if i.get("answer")]
    assert answer["message"].startswith("SIP/2.0 480 "), answer


def records_turn():
    """each call has one record, in whichever file; the files put aside bear their time"""
    def written():
        return lab.stats()["control", "cdr", "written"]

    for _ in range(3):
        before = written()
        call = a.call("2")
        real = b.expect("INVITE")
        b.answer(real, 486, tag="busy")
        call.ack_failure(call.expect(486))
        assert lab.wait_until(6, lambda: written() > before), "no record"  # pylint: disable=cell-var-from-loop
        assert lab.wait_until(8, lambda: not lab.records()), "the file is not put aside"
    wanted = written()
    files = glob.glob(CDR + ".*")
    assert len(files) >= 3 and all(re.search(r"\.\d{8}T\d{6}Z(-\d+)?$", f) for f in files), files
    ids = []
    for name in files + [CDR]:
        with open(name, encoding="utf-8") as file:
            ids += [json.loads(line)["call"] for line in file]
    assert len(ids) == len(set(ids)) == wanted, (len(ids), len(set(ids)), wanted)
    assert json.loads(lab.ctl("show", "alarms", "--json")) == [], lab.ctl("show", "alarms")


lab.each(same_as_the_call, leaves_nothing, refusals, by_another_config, records_turn)
