#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Each header compiles alone, twice in a row (include guard), with the flags of a file of its room.

usage: headers.py COMPILER BUILD_DIR
"""
import concurrent.futures
import json
import os
import shlex
import subprocess
import sys

import arrows
import tree

KEEP = ("-I", "-D", "-isystem", "-std=", "-include", "-m")


def flags_by_room(build):
    """The include paths and macros Meson gives each room, from its compilation database."""
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as file:
        commands = json.load(file)
    out = {}
    for entry in commands:
        path = os.path.relpath(os.path.join(entry["directory"], entry["file"]), tree.ROOT)
        flags = out.setdefault(arrows.room(path) or os.path.dirname(path), [])
        flags += [flag for flag in kept(shlex.split(entry["command"])) if flag not in flags]
    return out


def kept(words):
    """Options that matter here; an option and its separate value are joined."""
    for at, word in enumerate(words):
        if word in ("-I", "-isystem", "-include"):
            yield word + words[at + 1]
        elif word.startswith(KEEP):
            yield word


def compile_alone(compiler, build, header, flags):
    source = f'#include "{os.path.join(tree.ROOT, header)}"\n' * 2 + "typedef int not_empty;\n"
    command = [compiler, "-x", "c", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-Wno-unused-function",
               *flags, "-"]
    done = subprocess.run(command, input=source, capture_output=True, text=True, cwd=build, timeout=60, check=False)
    return f"{header}: does not compile alone\n{done.stderr}" if done.returncode else None


def main(arguments):
    if len(arguments) != 2:
        sys.exit(__doc__.strip())
    compiler, build = arguments
    rooms = flags_by_room(build)
    public = ["-std=gnu11", "-D_GNU_SOURCE", "-I", os.path.join(tree.ROOT, "shim/include")]
    jobs = []
    for header in tree.files(".h"):
        room = arrows.room(header) or os.path.dirname(header)
        if room not in rooms and not header.startswith("shim/include/"):
            print(f"{header}: no file of {room} is compiled in this build: not looked at")
            continue
        jobs.append((header, public if header.startswith("shim/include/") else rooms[room]))
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = pool.map(lambda job: compile_alone(compiler, build, *job), jobs)
    return tree.report([r for r in results if r])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
