#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Every folder with files says what it owns in a README.md of at most a page, and links in documents lead somewhere.

usage: docs.py
"""
import os
import re
import sys

import tree

# Folders of data or of one obvious file.
NO_README = re.compile(r"^(|\.ci|shim/include(/sand)?|tests/unit/\w+|.*/(corpus|data|golden)(/.*)?)$")
PAGE = 90
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+\s+(.*)$", re.M)


def anchor(heading):
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def check_links(path, source, exists, read):
    text = re.sub(r"```.*?```", lambda m: "\n" * m.group().count("\n"), source, flags=re.S)
    for match in LINK.finditer(text):
        target = match.group(1)
        if re.match(r"[a-z]+:", target):
            continue
        file, _, fragment = target.partition("#")
        there = os.path.normpath(os.path.join(os.path.dirname(path), file)) if file else path
        where = f"{path}:{text[:match.start()].count(chr(10)) + 1}"
        if not exists(there):
            yield f"{where}: link to {target}: no such file"
        elif fragment and there.endswith(".md"):
            if fragment not in [anchor(h) for h in HEADING.findall(read(there))]:
                yield f"{where}: link to {target}: no such heading"


def main():
    present = set(tree.files())
    folders = {os.path.dirname(p) for p in present}
    findings = []
    for folder in sorted(folders):
        readme = os.path.join(folder, "README.md")
        if not NO_README.match(folder) and readme not in present:
            findings.append(f"{folder}: no README.md")
    for path in sorted(p for p in present if p.endswith(".md")):
        source = tree.text(path)
        if path.endswith("/README.md") and source.count("\n") > PAGE:
            findings.append(f"{path}: {source.count(chr(10))} lines, a page is {PAGE}")
        findings += check_links(path, source, lambda p: os.path.exists(os.path.join(tree.ROOT, p)), tree.text)
    return tree.report(findings)


if __name__ == "__main__":
    sys.exit(main())
