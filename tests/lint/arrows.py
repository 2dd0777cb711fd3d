#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Which room may include which: the arrows of ARCHITECTURE.md. What is absent is forbidden.

usage: arrows.py
"""
import os
import re
import sys

import tree

# room: rooms it may include besides itself. Longest folder name wins.
ROOMS = {
    "dataplane/base": (),
    "dataplane/wire": ("dataplane/base",),
    "dataplane/rc": ("dataplane/base", "dataplane/wire"),
    "dataplane/sdp": ("dataplane/base", "dataplane/wire", "dataplane/rc"),
    "dataplane/verbs": ("dataplane/base", "dataplane/wire", "dataplane/rc"),
    "dataplane/shm": ("dataplane/base",),
    "dataplane/msg": ("dataplane/base", "dataplane/wire", "dataplane/rc", "dataplane/verbs", "dataplane/shm"),
    "dataplane/port": ("dataplane/base",),
    "dataplane/poll": ("dataplane/base", "dataplane/wire", "dataplane/rc", "dataplane/sdp", "dataplane/verbs",
                       "dataplane/msg", "dataplane/shm", "dataplane/port"),
    "config": ("dataplane/base",),
    "control": ("dataplane/base", "dataplane/wire", "dataplane/shm", "config"),
    "shim/include": (),
    "shim/upcall": ("dataplane/base", "dataplane/shm", "shim/include"),
    "shim/wsp": ("dataplane/base", "dataplane/shm", "shim/include", "shim/upcall"),
    "shim/switch": ("dataplane/base", "dataplane/shm", "shim/include", "shim/upcall", "shim/wsp"),
    "shim/preload": ("dataplane/base", "shim/include", "shim/switch"),
}

# (who, header): single doors through a wall, each with its reason.
DOORS = {
    ("control", "dataplane/poll/msg.h"),    # the messages to poll threads are the seam
    ("control", "dataplane/poll/poll_thread.h"),  # starting and stopping the threads, their counters
    ("control", "dataplane/port/port.h"),   # opening, starting and showing ports
    ("control", "dataplane/port/capture.h"),
    ("control", "dataplane/port/eal.h"),
    ("control", "dataplane/port/frame.h"),  # frames travel in those messages
    ("control", "dataplane/sdp/sdp.h"),     # connection parameters travel in them too
    ("control", "dataplane/rc/rc_params.h"),
    ("config", "dataplane/shm/abi.h"),      # enum shm_action is what a rule says
}
# The composition root sees every layer.
COMPOSITION = ("control/main.c",)

# Foreign headers that only some rooms may use.
FOREIGN = [
    (r"rte_(ethdev|eth_\w+|bus\w*|dev|pci|tailq)\.h", ("dataplane/port",)),
    (r"rte_(net_crc|cpuflags|vect|version)\.h", ("dataplane/wire", "dataplane/poll", "dataplane/port", "control")),
    (r"(rte_|cmdline).*\.h", ("dataplane/port", "dataplane/poll", "control")),
    (r"bsd/.*\.h", ("control", "config", "dataplane/port", "dataplane/poll")),
    (r"ini\.h", ("config",)),
    (r"pthread\.h|unistd\.h|stdio\.h|time\.h",
     ("dataplane/shm", "dataplane/port", "dataplane/poll", "control", "config", "shim/include", "shim/upcall",
      "shim/wsp", "shim/switch", "shim/preload")),
]


def room(path):
    found = [r for r in ROOMS if path.startswith(r + "/")]
    return max(found, key=len) if found else None


def resolve(path, name, headers):
    """The project header that `#include name` in `path` means, or None for a foreign one."""
    beside = os.path.join(os.path.dirname(path), name)
    if beside in headers:
        return beside
    if name.startswith("sand/"):
        return "shim/include/" + name if "shim/include/" + name in headers else None
    found = [h for h in headers if h.endswith("/" + name) and not h.startswith("tests/")]
    return found[0] if len(found) == 1 else None


def check(path, source, headers):
    mine = room(path)
    if mine is None:
        return
    for match in re.finditer(r'^\s*#\s*include\s+[<"]([^">]+)[">]', tree.code(source, True), re.M):
        name = match.group(1)
        where = f"{path}:{source[:match.start(1)].count(chr(10)) + 1}"
        if ".." in name:
            yield f"{where}: {name}: a relative path goes around the arrows"
            continue
        target = resolve(path, name, headers)
        if target is None:
            yield from check_foreign(where, path, mine, name)
        elif path not in COMPOSITION and room(target) not in (mine,) + ROOMS[mine] and (mine, target) not in DOORS:
            yield f"{where}: {mine} may not include {target}"


def check_foreign(where, path, mine, name):
    for pattern, allowed in FOREIGN:
        if re.fullmatch(pattern, name):
            if mine not in allowed and path not in COMPOSITION:
                yield f"{where}: {name} only in {', '.join(allowed)}"
            return


def main():
    headers = set(tree.files(".h"))
    findings = []
    for path in tree.files(".c", ".h"):
        findings += check(path, tree.text(path), headers)
    return tree.report(findings)


if __name__ == "__main__":
    sys.exit(main())
