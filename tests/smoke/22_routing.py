#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Calls find their way by table, pattern, calling number, header, time and share; fail over by cost; their numbers are rewritten both
ways; routes refuse and redirect; a table that changed is loaded, a wrong one is not."""

import atexit
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab  # noqa: E402
import peer  # noqa: E402

RATES = "/dev/shm/limen-smoke-rates.csv"
ROWS = "prefix,trunk,cost,quality,strip,add\n4920,b1,0.9\n49201,b1,0.2\n49201,b2,0.1\n49202,b3,0.5,50,2,+1\n+43,b2,1,,,\n"


def write_rates(rows):
    """As whoever makes the file should: whole, and then in its place."""
    with open(RATES + ".new", "w", encoding="utf-8") as file:
        file.write(rows)
    os.rename(RATES + ".new", RATES)


write_rates(ROWS)
atexit.register(os.unlink, RATES)
lab.lab_up("--config", os.path.join(lab.SMOKE, "routing.yaml"))
a = peer.Peer("a")
b1, b2, b3 = (peer.Peer("b", port=port) for port in (5060, 5070, 5080))


def called_at(where, number, user, **args):
    """A call to that number comes to one trunk, for this user, and is refused there: its INVITE."""
    call = peer.Call(a, number, **args)
    invite = where.expect("INVITE", having=f"sip:{user}@")
    where.answer(invite, 486, tag="busy")
    call.ack_failure(call.expect(486))
    where.expect("ACK")
    return invite


def table():
    """the longest prefix of the table decides, whatever the caller writes before the number"""
    called_at(b1, "0205", "+49205")
    called_at(b1, "004920599", "+4920599")
    called_at(b1, "+49205", "+49205")
    called_at(b2, "0043112", "+43112")


def cheapest_first():
    """the cheapest trunk is tried first, the next when it refuses with 503: the callee's view of it is whole"""
    call = peer.Call(a, "02011")
    first = b2.expect("INVITE", having="sip:+492011@")
    b2.answer(first, 503, tag="no")
    b2.expect("ACK")
    callee = peer.Callee(b1, call, user="+492011")
    callee.answer(200, 50000)
    call.expect(200)
    call.ack()
    b1.expect("ACK")
    peer.end_call(call, callee)


def rows_rewrite():
    """a row of the table strips and adds, then the trunk's own rules apply"""
    invite = called_at(b3, "02021", "0012021")
    assert "0012021@" in invite.get("To"), invite.get("To")


def pattern():
    """a pattern takes what it matches, and no more"""
    called_at(b2, "07123", "+497123")
    call = peer.Call(a, "071234")
    call.ack_failure(call.expect(404))


def calling_number():
    """calls from numbers of one area go to their trunk, which sees national numbers, From too"""
    caller = peer.Peer("a", port=5066, user="055123")
    call = peer.Call(caller, "0209")
    invite = b3.expect("INVITE", having="sip:0209@")
    assert "<sip:055123@" in invite.get("From"), invite.get("From")
    b3.answer(invite, 486, tag="busy")
    call.ack_failure(call.expect(486))
    b3.expect("ACK")
    foreign = peer.Peer("a", port=5067, user="+4955")
    call = peer.Call(foreign, "00431")
    invite = b3.expect("INVITE", having="sip:00431@")
    assert "<sip:055@" in invite.get("From"), invite.get("From")
    b3.answer(invite, 486, tag="busy")
    call.ack_failure(call.expect(486))
    b3.expect("ACK")


def header():
    """a header's value decides"""
    called_at(b2, "0671", "+49671", extra=["X-Line: second"])
    call = peer.Call(a, "0672", extra=["X-Line: third"])
    call.ack_failure(call.expect(404))


def time_of_day():
    """hours that cover the day take a call at any time of it"""
    called_at(b2, "068", "+4968")


def shares():
    """a share of the calls goes one way and the rest the other, and a retransmission never changes sides"""
    calls, seen = [peer.Call(a, f"066{n:03}") for n in range(40)], {}
    for call in calls:
        a.send(call.invite)
    for where in (b1, b2):
        for invite in where.drain(1.5):
            if invite.is_a("INVITE") and seen.setdefault(invite.uri.split("@")[0], where) == where:
                where.answer(invite, 486, tag="busy")
    assert len(seen) == 40, f"{len(seen)} of 40 calls arrived"
    ways = [sum(1 for w in seen.values() if w is where) for where in (b1, b2)]
    assert min(ways) >= 8, f"{ways}"
    for message in a.drain(1):
        for call in calls:
            if message.is_a(486) and message.get("Call-ID") == call.call_id:
                call.ack_failure(message)
    for where in (b1, b2):
        where.drain(0.3)


def failover():
    """trunk after trunk is tried in the order given, each with the number as it wants it"""
    call = peer.Call(a, "0691")
    for where, user in ((b1, "+49691"), (b2, "+49691")):
        invite = where.expect("INVITE", having=f"sip:{user}@")
        where.answer(invite, 500, tag="no", extra=["Server: switch-that-fails"])
        where.expect("ACK")
    callee = peer.Callee(b3, call, user="0691")
    callee.answer(200, 50000)
    call.expect(200)
    call.ack()
    b3.expect("ACK")
    peer.end_call(call, callee)
    record = lab.wait_until(3, lambda: [r for r in lab.records() if r["called"] == "0691"])[0]
    assert (record["trunks"], record["attempts"], record["failed"], record["far_status"]) == (["a", "b3"], 3, [500, 500], 200), record
    assert record["tags"][0][1] in call.local and record["tags"][1][1] == callee.tag and record["status"] == 200, record


def emergency():
    """an emergency call is routed before all else, and its number is nobody's to rewrite"""
    called_at(b3, "112", "112")


def refused():
    """a route refuses with its phrase and the Q.850 cause"""
    call = peer.Call(a, "0900123")
    answer = call.expect(603)
    assert answer.start == "SIP/2.0 603 Not Today", answer.start
    assert answer.get("Reason") == "Q.850;cause=21", answer.text
    call.ack_failure(answer)


def redirected():
    """a route redirects, with the called number in its Contact"""
    call = peer.Call(a, "0311")
    answer = call.expect(302)
    assert answer.all("Contact") == ["<sip:+49311@192.0.2.80:5070>", "<sip:desk@192.0.2.81>"], answer.text
    call.ack_failure(answer)


def recorded():
    """the record has the number as it was called and as it was routed"""
    def row():
        return [r for r in lab.records() if r["called"] == "02011"]
    assert lab.wait_until(5, row), f"{lab.records()}"
    assert row()[0]["called_routed"] == "+492011", f"{row()[0]}"


def reload_answers():
    done = lab.run(lab.LAB, "ctl", "reload")
    return done.returncode, done.stdout + done.stderr


def reloaded():
    """a table that changed is in force after a reload; one with a wrong row is refused with its line, and the old one stays"""
    write_rates(ROWS + "4921,b2\n")
    code, said = reload_answers()
    assert code == 0, said
    called_at(b2, "0211", "+49211")
    write_rates(ROWS + "4921,b3\n4922,nowhere\n")
    code, said = reload_answers()
    assert code and "line 8: no such trunk: \"nowhere\"" in said.replace("\\", ""), said
    write_rates(ROWS + "49x,b1\n")
    code, said = reload_answers()
    assert code and "line 7: not a prefix" in said, said
    called_at(b2, "0211", "+49211")


lab.each(table, cheapest_first, rows_rewrite, pattern, calling_number, header, time_of_day, shares, failover, emergency, refused,
         redirected, recorded, reloaded)
