#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The checks of this folder catch what they are for, and nothing else: each rule meets a bad and a good sample."""
import unittest

import arrows
import contract
import docs
import errors
import symbols
import tidy
import tree

HEAD = "/* " + tidy.SPDX + " */\n"


def function(lines, name="thing_do", mark=""):
    return f"static int\n{name}(int x)\n{{{mark}\n" + "\tx++;\n" * (lines - 3) + "}\n"


class Tidy(unittest.TestCase):
    def findings(self, source, path="control/x.c", present=()):
        return tidy.check(path, HEAD + source, present)

    def test_clean_file(self):
        self.assertEqual(self.findings('#include "x.h"\n' + function(70), present=("control/x.h",)), [])

    def test_banned_words(self):
        samples = {
            "strcpy(a, b);": "control/x.c", "sprintf(a, b);": "tests/x.c", "n = atoi(s);": "control/x.c",
            "rte_exit(1, s);": "control/x.c", "abort();": "shim/x.c", "__sync_synchronize();": "shim/x.c",
            "volatile int x;": "dataplane/shm/x.h", "clock_gettime(CLOCK_MONOTONIC, &t);": "dataplane/rc/x.c",
            "t = time(NULL);": "control/x.c", "rand();": "tests/x.c", "gets(s);": "tests/x.c",
            "strtok(s, d);": "config/x.c", "p = malloc(4);": "dataplane/rc/x.c", "printf(s);": "dataplane/rc/x.c",
        }
        for line, path in samples.items():
            self.assertEqual(len(self.findings(f"\t{line}\n", path)), 1, line)

    def test_comments_and_literals_are_not_code(self):
        self.assertEqual(self.findings('/* strcpy(a) */ s = "atoi(";\n'), [])

    def test_names_that_only_look_banned(self):
        self.assertEqual(self.findings("\tport_time(x);\n\tsan_exit_code = 1;\n"), [])

    def test_clock_is_read_where_it_belongs(self):
        self.assertEqual(self.findings("\tclock_gettime(a, b);\n", "dataplane/poll/clock.c"), [])

    def test_function_length(self):
        self.assertEqual(len(self.findings(function(71))), 1)
        self.assertEqual(self.findings(function(71, mark=" /* long: dispatch */")), [])

    def test_file_length(self):
        self.assertEqual(self.findings("int x;\n" * 799), [])
        self.assertEqual(len(self.findings("int x;\n" * 800)), 1)

    def test_line_length_counts_tabs(self):
        self.assertEqual(self.findings("\t" + "x" * 91 + ";\n"), [])
        self.assertEqual(len(self.findings("\t" + "x" * 92 + ";\n")), 1)

    def test_trailing_space(self):
        self.assertEqual(len(self.findings("int x; \n")), 1)

    def test_spdx(self):
        self.assertEqual(len(tidy.check("control/x.c", "int x;\n")), 1)
        self.assertEqual(len(tidy.check("quickstart", "#!/bin/sh\necho\n")), 1)
        self.assertEqual(tidy.check("quickstart", f"#!/bin/sh\n# {tidy.SPDX}\n"), [])

    def test_own_header_first(self):
        bad = '#include <stdio.h>\n#include "x.h"\n'
        self.assertEqual(len(self.findings(bad, present=("control/x.h",))), 1)
        self.assertEqual(self.findings(bad), [])

    def test_state_has_one_writer(self):
        body = "int\n{}(struct x *x)\n{{\n\tx->state = 3;\n}}\n"
        self.assertEqual(len(self.findings(body.format("x_handle"))), 1)
        self.assertEqual(self.findings(body.format("x_fsm")), [])
        self.assertEqual(self.findings(body.format("x_handle"), "control/x_fsm.c"), [])
        self.assertEqual(self.findings("int\nx_ask(struct x *x)\n{\n\tif (x->state == 3)\n\t\tgo();\n}\n"), [])

    def test_words(self):
        for word in ("T" "ODO later", "F" "IXME", "a t" "oy", "/w" "ork/main"):
            self.assertEqual(len(self.findings(f"/* {word} */\n")), 1, word)
        self.assertEqual(self.findings("/* T" "ODO(#12) later */\n"), [])


class Arrows(unittest.TestCase):
    headers = {"dataplane/base/seq.h", "dataplane/rc/rc.h", "dataplane/poll/msg.h", "dataplane/poll/poll.h",
               "control/cm.h", "shim/include/sand/wsp.h", "config/schema.h"}

    def findings(self, path, line):
        return list(arrows.check(path, line + "\n", self.headers))

    def test_allowed(self):
        for path, line in (("dataplane/rc/rc.c", '#include "seq.h"'), ("control/x.c", '#include "msg.h"'),
                           ("control/x.c", '#include "schema.h"'), ("control/main.c", '#include "poll.h"'),
                           ("shim/wsp/x.c", "#include <sand/wsp.h>"), ("tests/x.c", '#include "rc.h"'),
                           ("dataplane/port/x.c", "#include <rte_ethdev.h>")):
            self.assertEqual(self.findings(path, line), [], line)

    def test_forbidden(self):
        for path, line in (("dataplane/base/x.c", '#include "rc.h"'), ("control/x.c", '#include "rc.h"'),
                           ("control/x.c", '#include "poll.h"'), ("shim/wsp/x.c", '#include "schema.h"'),
                           ("dataplane/rc/x.c", '#include "cm.h"'), ("shim/wsp/x.c", '#include "../../control/cm.h"'),
                           ("control/x.c", "#include <rte_ethdev.h>"), ("shim/wsp/x.c", "#include <bsd/string.h>"),
                           ("dataplane/sdp/x.c", "#include <time.h>")):
            self.assertEqual(len(self.findings(path, line)), 1, line)


class Docs(unittest.TestCase):
    def findings(self, text):
        return list(docs.check_links("control/README.md", text, lambda p: p in ("control/cm.h", "control/README.md"),
                                     lambda p: "# The title: here\n"))

    def test_links(self):
        self.assertEqual(self.findings("[a](cm.h) [b](https://x.org/y) [c](README.md#the-title-here)\n"), [])
        self.assertEqual(len(self.findings("[a](nothing.h)\n")), 1)
        self.assertEqual(len(self.findings("[a](README.md#elsewhere)\n")), 1)


class Contract(unittest.TestCase):
    ROWS = "".join(f"| C{n} | text | `one` |\n" for n in range(1, 16))

    def test_rows(self):
        good = {"tests/a.c": "static void\none(void **state)\n{\n}\n T(one),\n"}
        self.assertEqual(list(contract.findings(self.ROWS, good)), [])
        self.assertEqual(len(list(contract.findings(self.ROWS.replace("| C7 |", "| D7 |"), good))), 1)
        self.assertEqual(len(list(contract.findings(self.ROWS, {}))), 15)
        self.assertEqual(len(list(contract.findings(self.ROWS, {"tests/a.c": "one(void **state)\n"}))), 15)


class Errors(unittest.TestCase):
    LINE = "\nwrong(void **state)\n{\n\tREFUSES(WSPBind,\n\t    WSAEFAULT, x);\n}\n"

    def test_found_by_assertion_only(self):
        self.assertEqual(errors.found([self.LINE]), {("WSPBind", "WSAEFAULT"): ["wrong"]})
        self.assertEqual(errors.found(["\nwrong(void **state)\n{ /* REFUSES(WSPBind, WSAEFAULT, x) */ }\n"]), {})

    def test_every_code_is_wanted(self):
        wanted = {(f, c): ["t"] for f, codes in errors.REFERENCE.items() for c in codes}
        wanted = {key: tests for key, tests in wanted.items() if key not in errors.NEVER}
        self.assertEqual(list(errors.findings(wanted, errors.document(wanted))), [])
        self.assertEqual(len(list(errors.findings(wanted, "old"))), 1)
        wanted.pop(("WSPBind", "WSAEFAULT"))
        self.assertEqual(len(list(errors.findings(wanted, None))), 1)
        wanted["WSPBind", "WSAENOBUFS"] = ["t"]  # said to be never returned
        self.assertEqual(len(list(errors.findings(wanted, None))), 2)
        wanted["WSPBond", "WSAEFAULT"] = ["t"]
        self.assertEqual(len(list(errors.findings(wanted, None))), 3)


class Symbols(unittest.TestCase):
    def test_list_and_exports(self):
        names = symbols.listed("SAND_1 {\n global: /* libc */ send; __*_chk;\n local: *;\n};")
        self.assertEqual(names, ["send", "__*_chk"])
        self.assertEqual(list(symbols.compare({"send", "__recv_chk"}, names)), [])
        self.assertEqual(len(list(symbols.compare({"send", "__recv_chk", "leak"}, names))), 1)
        self.assertEqual(len(list(symbols.compare({"__recv_chk"}, names))), 1)

    def test_engine(self):
        self.assertEqual(list(symbols.check_engine({"memcpy": "a", "__asan_report_load4": "a"})), [])
        self.assertEqual(len(list(symbols.check_engine({"malloc": "a", "clock_gettime": "b"}))), 2)
        self.assertEqual(len(list(symbols.check_engine({"free": "a"}))), 1)
        self.assertEqual(list(symbols.check_engine({"free": "a"}, symbols.CREATED)), [])

    def test_needs(self):
        line = " 0x1 (NEEDED)  Shared library: [{}]\n"
        self.assertEqual(list(symbols.check_needs(line.format("libc.so.6"))), [])
        self.assertEqual(len(list(symbols.check_needs(line.format("libbsd.so.0")))), 1)


class Tree(unittest.TestCase):
    def test_code_keeps_lines(self):
        self.assertEqual(tree.code('a /* x\ny */ "b\\"c" // d\ne'), 'a     \n     ""     \ne')


if __name__ == "__main__":
    unittest.main()
