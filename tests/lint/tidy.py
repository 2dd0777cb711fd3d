#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""House style that a compiler does not check: lengths, banned words, first lines, who writes a state.

usage: tidy.py [FILE...]    (default: every file of the project)
"""
import os
import re
import sys

import tree

COLUMNS = {".c": 100, ".h": 100, ".py": 120}
FILE_MAX = 800
FUNCTION_MAX = 70
TAB = 8

DAEMON = ("dataplane/", "control/", "config/")
SHIM = ("shim/",)
PRODUCT = DAEMON + SHIM
CLOCK_READERS = ("dataplane/poll/clock.c", "dataplane/port/dpdk_compat.h", "control/loop.c", "control/log.c", "shim/",
                 "tests/")

# (name, pattern in code without comments and literals, where, where not, what to use instead)
BANNED = [
    ("strcpy", r"\b(strcpy|strcat|stpcpy)\s*\(", (), (), "strlcpy, snprintf, or memcpy with a known length"),
    ("sprintf", r"\bv?sprintf\s*\(", (), (), "snprintf"),
    ("strncpy", r"\bstrncpy\s*\(", (), (), "strlcpy, or memcpy into a cleared field"),
    ("atoi", r"\b(atoi|atol|atoll|atof)\s*\(", (), (), "strtoul or strtonum with every error looked at"),
    ("strtok", r"\bstrtok(_r)?\s*\(", (), (), "strsep or an explicit scanner"),
    ("gets", r"\bgets\s*\(", (), (), "fgets or getline"),
    ("rand", r"\b(rand|srand|random|drand48)\s*\(", (), (), "prng.h with a printed seed"),
    ("alloca", r"\balloca\s*\(", (), (), "a bounded array"),
    ("setjmp", r"\b(setjmp|longjmp)\s*\(", PRODUCT, (), "return values"),
    ("exit in rte", r"\brte_(panic|exit)\s*\(", (), (), "an error value up to main"),
    ("abort", r"\b(abort|assert)\s*\(", PRODUCT, ("control/main.c", "control/log.c"),
     "san_check for our bugs, an error value and a counter for others' mistakes"),
    ("exit", r"\b_?exit\s*\(", PRODUCT, ("control/main.c", "control/sandctl", "control/log.c", "shim/preload/"),
     "return an error"),
    ("__sync", r"\b__sync_\w+", (), (), "C11 <stdatomic.h>"),
    ("volatile", r"\bvolatile\b", ("dataplane/shm/", "shim/"), (), "_Atomic with an explicit order"),
    ("clock", r"\b(clock_gettime|gettimeofday|time|rte_rdtsc|rte_get_timer_cycles|rte_get_tsc_cycles)\s*\(",
     PRODUCT, CLOCK_READERS, "the `now` handed in; only the poll clock, the control loop and the shim read clocks"),
    ("printf", r"\bprintf\s*\(", ("dataplane/", "shim/"), (), "a counter, or the daemon's log"),
    ("packed", r"__attribute__\s*\(\(\s*packed|__rte_packed", PRODUCT, (), "explicit fields read with bytes.h"),
    ("signal", r"\b(signal|sigaction)\s*\(", ("shim/wsp/", "shim/switch/", "shim/upcall/"), ("shim/switch/restart.c",),
     "nothing: the shim owns no signal (restart.c only asks)"),
    ("malloc in engines", r"\b(malloc|calloc|realloc|free)\s*\(",
     ("dataplane/base/", "dataplane/wire/", "dataplane/rc/", "dataplane/sdp/", "dataplane/verbs/"), (),
     "memory handed in by the caller"),
]

# In the whole text, comments and scripts included. Written so that this file does not match itself.
WORDS = [
    (r"\bT" r"ODO\b(?!\([\w#-]+\))", "T" "ODO without an id in parentheses"),
    (r"\bF" r"IXME\b(?!\([\w#-]+\))", "F" "IXME without an id in parentheses"),
    (r"\bX" r"XX\b(?!\([\w#-]+\))", "X" "XX without an id in parentheses"),
    (r"(?i)\bt" r"oy\b", "the word t" "oy"),
    (r"/w" r"ork/|/home/\w|/tmp/(te" r"am|b-)", "a path of somebody's machine"),
]

FSM_WRITERS = re.compile(r"_(fsm|fsm_\w+|init|enter|set_state|state_set|reset)$|^(fsm|enter|state_set|set_state)$")
# Snapshots for an operator: a state there is a word to print, nobody's state.
SNAPSHOTS = ("control/view_",)
SPDX = "SPDX-License-Identifier: BSD-3-Clause"
SOURCES = (".c", ".h")
SCRIPTS = (".sh", ".py")
TEXTS = SOURCES + SCRIPTS + (".md", ".conf", ".in", ".map", ".service", ".txt", "meson.build")


def under(path, prefixes):
    return any(path.startswith(p) for p in prefixes)


def check_lines(path, source):
    allowed = COLUMNS.get(os.path.splitext(path)[1])
    for number, line in enumerate(source.split("\n"), 1):
        columns = len(line.expandtabs(TAB))
        if line != line.rstrip() and not path.endswith(".md"):
            yield f"{path}:{number}: white space at the end of the line"
        if allowed and columns > allowed:
            yield f"{path}:{number}: {columns} columns, {allowed} allowed"
        for pattern, what in WORDS:
            if re.search(pattern, line):
                yield f"{path}:{number}: {what}"
    if source and not source.endswith("\n"):
        yield f"{path}: no newline at the end"


def check_banned(path, source):
    lines = tree.code(source).split("\n")
    for name, pattern, where, where_not, instead in BANNED:
        if (where and not under(path, where)) or under(path, where_not):
            continue
        for number, line in enumerate(lines, 1):
            if re.search(pattern, line):
                yield f"{path}:{number}: {name}: use {instead}"


def functions(source):
    """(name, first line, last line) of each function defined in house style: name at column 0, braces at column 0."""
    lines = tree.code(source).split("\n")
    name, first, opened = None, 0, 0
    for number, line in enumerate(lines, 1):
        match = re.match(r"([A-Za-z_]\w*)\s*\(", line)
        if match and not opened:
            name, first = match.group(1), number
        elif line.startswith("{") and name:
            opened = number
        elif line.startswith("}"):
            if opened and name:
                yield name, first, number
            name, opened = None, 0
        elif line and line[0] not in " \t#{" and not opened and line.rstrip().endswith(";"):
            name = None


def check_lengths(path, source):
    count = source.count("\n")
    if count > FILE_MAX:
        yield f"{path}: {count} lines, {FILE_MAX} allowed: split by noun"
    lines = source.split("\n")
    for name, first, last in functions(source):
        body = "\n".join(lines[max(0, first - 3):last])
        if last - first + 1 > FUNCTION_MAX and "/* long: dispatch */" not in body:
            yield f"{path}:{first}: {name} has {last - first + 1} lines, {FUNCTION_MAX} allowed"


def check_spdx(path, source):
    first = source.split("\n")[:2]
    if not any(SPDX in line for line in first):
        yield f"{path}:1: first line is not {SPDX}"
    elif path.endswith(SOURCES) and not first[0].startswith("/* " + SPDX):
        yield f"{path}:1: first line is not /* {SPDX} */"


def check_own_header(path, source, present):
    own = os.path.splitext(os.path.basename(path))[0] + ".h"
    if os.path.join(os.path.dirname(path), own) not in present:
        return
    match = re.search(r'^\s*#include\s+[<"]([^">]+)[">]', source, re.M)
    if match and os.path.basename(match.group(1)) != own:
        yield f"{path}: {own} must be the first include, {match.group(1)} is"


def check_state(path, source):
    """A state field is written by one kind of function only, so that every change can be found and traced."""
    if not under(path, PRODUCT) or under(path, SNAPSHOTS) or path.endswith("_fsm.c"):
        return
    lines = tree.code(source).split("\n")
    for name, first, last in functions(source):
        for number in range(first, last + 1):
            written = re.search(r"(->|\.)(\w+_)?state\s*=[^=]", lines[number - 1])
            if written and not FSM_WRITERS.search(name):
                yield f"{path}:{number}: state written in {name}: only *_fsm, *_enter and *_init may"


def check(path, source, present=()):
    """All findings of one file."""
    out = []
    if path.endswith(TEXTS) or "#!" == source[:2]:
        out += check_lines(path, source)
    if path.endswith(SOURCES + SCRIPTS) or "#!" == source[:2]:
        out += check_spdx(path, source)
    if path.endswith(SOURCES):
        out += check_banned(path, source)
        out += check_lengths(path, source)
        out += check_state(path, source)
    if path.endswith(".c"):
        out += check_own_header(path, source, present)
    return out


def main(arguments):
    present = set(tree.files())
    findings = []
    for path in arguments or sorted(present):
        findings += check(path, tree.text(path), present)
    return tree.report(findings)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
