#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Adds up what Meson's test logs say happened.

usage: results.py testlog.json...

Prints what failed or was skipped, with the last words of it, then one line "N passed, N failed, N skipped".
Counts the tests inside a cmocka or unittest program, not only the program. A log that is missing or empty
is a failure: no result is not a good result. Exit status 1 if anything failed.
"""
import json
import re
import sys

GOOD, SKIPPED = ("OK", "EXPECTEDFAIL"), ("SKIP",)
INNER = {
    "passed": r"^\[  PASSED  \] (\d+) test", "failed": r"^\[  FAILED  \] (\d+) test",
    "skipped": r"^\[  SKIPPED \] (\d+) test",
}


def last_words(test, lines=1):
    said = [line for line in (test.get("stdout", "") + "\n" + test.get("stderr", "")).splitlines() if line.strip()]
    return "\n".join("    " + line for line in said[-lines:])


def inner(test):
    """(passed, failed, skipped) of the tests inside one program, by its own account."""
    said = test.get("stdout", "") + "\n" + test.get("stderr", "")
    counts = {key: sum(int(n) for n in re.findall(pattern, said, re.M)) for key, pattern in INNER.items()}
    counts["passed"] += sum(int(n) for n in re.findall(r"^Ran (\d+) tests? in", said, re.M))
    return counts


def count(test):
    """(passed, failed, skipped) of one entry of the log."""
    result, inside = test["result"], inner(test)
    if result in SKIPPED:
        return 0, 0, 1
    if result in GOOD:
        return max(1, inside["passed"]) if not inside["skipped"] else inside["passed"], 0, inside["skipped"]
    return inside["passed"], max(1, inside["failed"]), inside["skipped"]


def read(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.strip()]


def main(paths):
    total = [0, 0, 0]
    for path in paths:
        try:
            tests = read(path)
        except (OSError, ValueError) as error:
            print(f"FAILED {path}: {error}")
            tests = None
        if not tests:
            total[1] += 1
            continue
        for test in tests:
            counts = count(test)
            total = [a + b for a, b in zip(total, counts)]
            if counts[1]:
                print(f"FAILED {test['name']} ({test['result']})\n{last_words(test, 12)}")
            elif counts[2]:
                print(f"skipped {test['name']}:\n{last_words(test)}")
    print("{} passed, {} failed, {} skipped".format(*total))
    return 1 if total[1] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
