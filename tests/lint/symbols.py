#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What a built library gives and takes.

usage: symbols.py exports LIBRARY.so LIST     its dynamic symbols are exactly those LIST names
       symbols.py needs LIBRARY.so            a library loaded into programs needs libc (and sanitizers) only
       symbols.py engine ARCHIVE.a...         together they call nothing outside but the allowed few
       symbols.py created ARCHIVE.a...        the same, and calloc and free

LIST is a linker version script; its global: names count, `*` in a name matches.
"""
import fnmatch
import re
import subprocess
import sys

import tree

# What engines may call: memory, our failed check, the CRC, address texts. No clock, no I/O, no allocation.
ENGINE = (r"mem(cpy|set|move|cmp)|strn?len|strn?cmp|snprintf|san_check_failed|rte_net_crc_\w+|crc32_gzip_refl"
          r"|inet_(ntop|pton)|rte_cpu_get_flag_enabled|rte_vect_\w+")
# Engines of the control thread are made and destroyed as one block.
CREATED = r"calloc|free"
# What compilers add by themselves.
COMPILER = (r"__stack_chk_fail|_GLOBAL_OFFSET_TABLE_|__(asan|ubsan|tsan|sanitizer|lsan|gcov|msan)_\w+|__\w+_chk"
            r"|__udivti3|__umodti3|__tls_get_addr|__sancov_\w+|__start___\w+|__stop___\w+")
LIBC = r"libc\.so|libpthread\.so|libdl\.so|ld-linux.*|lib(a|t|ub)san\.so.*|libclang_rt.*|libgcc_s\.so|libm\.so"


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def exported(library):
    """Names a library defines for others, without version suffixes and the version's own node."""
    out = set()
    for line in run("nm", "-D", "--defined-only", library).splitlines():
        words = line.split()
        if len(words) == 3 and words[1] not in "Aa":
            out.add(words[2].split("@")[0])
    return {name for name in out if not re.fullmatch(r"_init|_fini|__bss_start|_edata|_end", name)}


def listed(script):
    """The names between global: and local: of a version script."""
    names = []
    for part in re.findall(r"global:(.*?)(?:local:|\})", tree.code(script), re.S):
        names += [name.strip() for name in part.split(";") if name.strip()]
    return names


def compare(have, want):
    for name in sorted(have):
        if not any(fnmatch.fnmatchcase(name, pattern) for pattern in want):
            yield f"{name}: exported but not listed"
    for pattern in want:
        if not fnmatch.filter(have, pattern):
            yield f"{pattern}: listed but not exported"


def undefined(archives):
    """Names the archives use and none of them defines."""
    used, defined = {}, set()
    for archive in archives:
        for line in run("nm", "-A", archive).splitlines():
            where, _, rest = line.rpartition(":")
            words = rest.split()
            if words[-2] in ("U", "w", "v"):
                used.setdefault(words[-1], where)
            else:
                defined.add(words[-1])
    return {name: where for name, where in used.items() if name not in defined}


def check_engine(outside, more=""):
    for name, where in sorted(outside.items()):
        if not re.fullmatch(f"{ENGINE}|{COMPILER}|{more}", name):
            yield f"{where}: calls {name}: engines may not"


def check_needs(dynamic):
    for name in re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic):
        if not re.match(LIBC, name):
            yield f"needs {name}: a program's own libraries must not meet ours"


def main(arguments):
    if len(arguments) == 3 and arguments[0] == "exports":
        with open(arguments[2], encoding="utf-8") as file:
            want = listed(file.read())
        return tree.report(list(compare(exported(arguments[1]), want)))
    if len(arguments) == 2 and arguments[0] == "needs":
        return tree.report(list(check_needs(run("readelf", "-d", arguments[1]))))
    if len(arguments) >= 2 and arguments[0] == "engine":
        return tree.report(list(check_engine(undefined(arguments[1:]))))
    if len(arguments) >= 2 and arguments[0] == "created":
        return tree.report(list(check_engine(undefined(arguments[1:]), CREATED)))
    sys.exit(__doc__.strip())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
