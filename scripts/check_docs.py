#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""That the documents say what the tree says: drop reasons, links, files and config keys that are named. Exits 1 with each fault.
With --fix it first brings the meanings of drops up to date."""

import os
import re
import sys

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
DOCUMENTS = ["README.md", "CHANGELOG.md"] + sorted(os.path.join("docs", n) for n in os.listdir(os.path.join(TOP, "docs")))
faults = []


def read(path):
    with open(os.path.join(TOP, path), encoding="utf-8") as file:
        return file.read()


def fault(text):
    faults.append(text)


def wanted_drops():
    return re.findall(r'X\([A-Z0-9_]+,\s*"([^"]+)",\s*"([^"]+)"\)', read("dataplane/io/drop.h"))


def fix():
    text = read("docs/operations.md")
    for name, meaning in wanted_drops():
        text = re.sub(rf"^(\| `{name}` ?\*? \| ).*?( \| .+ \|)$", lambda m, meaning=meaning: m[1] + meaning + m[2], text, flags=re.M)
    with open(os.path.join(TOP, "docs/operations.md"), "w", encoding="utf-8") as file:
        file.write(text)


def drops():
    wanted = wanted_drops()
    table = dict(re.findall(r"^\| `([a-z0-9-]+)` ?\*? \| (.*?) \| .+ \|$", read("docs/operations.md"), re.M))
    if len(wanted) < 20:
        fault("dataplane/io/drop.h: the list of drops is not where check_docs.py looks")
    for name, meaning in wanted:
        if table.pop(name, None) != meaning:
            fault(f"docs/operations.md: drop `{name}` should be told as: {meaning} (scripts/check_docs.py --fix)")
    for name in table:
        fault(f"docs/operations.md: there is no drop `{name}`")


def records():
    """Each field of a record is documented, and each that is documented is written."""
    sources = "".join(read(os.path.join("controlplane/cdr", n)) for n in os.listdir(os.path.join(TOP, "controlplane/cdr")))
    body = read("controlplane/cdr/record.c")
    written = re.findall(r'put_(?:json_\w+|pair)\(out, "(\w+)"', body[body.index("static void put_pair("):])
    table = re.findall(r"^\| `(\w+)` \| .+ \|$", read("docs/cdr.md"), re.M)
    if len(written) < 15:
        fault("controlplane/cdr/record.c: the fields are not where check_docs.py looks")
    for name in sorted(set(written) - set(table)):
        fault(f"docs/cdr.md: a record's `{name}` is not documented")
    for name in sorted(set(table)):
        if f'"{name}"' not in sources:
            fault(f"docs/cdr.md: a record has no `{name}`")


def links(path, text):
    for target in re.findall(r"\]\(([^)#]+)", text):
        if "://" not in target and not os.path.exists(os.path.join(TOP, os.path.dirname(path), target)):
            fault(f"{path}: link to {target}, which is not there")


def files(path, text):
    for name in re.findall(r"`((?:scripts|tests|config|docs|bench|common|dataplane|controlplane)/[\w./-]+)`", text):
        if not os.path.exists(os.path.join(TOP, name)):
            fault(f"{path}: names {name}, which is not there")


def keys(path, text):
    known = read("config/limen.yaml")
    for section, key in re.findall(r"`(machine|ports|realms|trunks|routes|registrar|overload|emergency|log|cdr)(?:\[\])?\.(\w+)", text):
        body = re.search(rf"^{section}:(.*?)(?=^[a-z])", known + "\nz", re.M | re.S)
        if not body or not re.search(rf"^[ #-]*{key}:", body.group(1), re.M):
            fault(f"{path}: names the config key {section}.{key}, which config/limen.yaml does not have")


if "--fix" in sys.argv[1:]:
    fix()
drops()
records()
for document in DOCUMENTS:
    content = read(document)
    links(document, content)
    files(document, content)
    keys(document, content)
for line in faults:
    print(line)
sys.exit(1 if faults else 0)
