#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Every promise of the close sequence in control/contract.md names tests, and every test it names is run.

usage: contract.py
"""
import re
import sys

import tree

DOCUMENT = "control/contract.md"
PROMISES = 15
ROW = re.compile(r"^\| C(\d+) \|[^|]*\|([^|]*)\|$", re.M)


def findings(document, sources):
    """sources: {path: text} of the tests. A test is a function with cmocka's signature, named again in a list."""
    rows = {int(number): re.findall(r"`(\w+)`", tests) for number, tests in ROW.findall(document)}
    for number in range(1, PROMISES + 1):
        if not rows.get(number):
            yield f"{DOCUMENT}: C{number} has no test"
    for number, names in sorted(rows.items()):
        for name in names:
            homes = [p for p, text in sources.items() if re.search(rf"^{name}\(void \*\*state\)", text, re.M)]
            if len(homes) != 1:
                yield f"{DOCUMENT}: C{number}: {name} is {'in several files' if homes else 'no test'}"
            elif len(re.findall(rf"\b{name}\b", sources[homes[0]])) < 2:
                yield f"{homes[0]}: {name} is never run"


def main():
    sources = {p: tree.text(p) for p in tree.files() if p.startswith("tests/") and p.endswith(".c")}
    return tree.report(list(findings(tree.text(DOCUMENT), sources)))


if __name__ == "__main__":
    sys.exit(main())
