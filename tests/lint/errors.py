#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""shim/wsp/errors.md: every WSP function, every error code, and the test that gets it.

The table is made of the assertions REFUSES, REFUSES_NULL and ENDS_WITH of the tests (tests/fake/refuses.h), which
name function and code, and of NEVER below: codes of the reference that this provider has no reason for. The
reference's codes must all be in it.

usage: errors.py [--write]
"""
import os
import re
import sys

import tree

DOCUMENT = "shim/wsp/errors.md"

# The codes of Windows Sockets Direct's reference: those of its own pages, and where a page names none those of the
# Winsock function.
REFERENCE = {line.split()[0]: line.split()[1:] for line in """
WSPStartupEx WSASYSNOTREADY WSAVERNOTSUPPORTED WSAEPROCLIM WSAEFAULT
WSPCleanup WSANOTINITIALISED WSAENETDOWN
WSPSocket WSAENETDOWN WSAEAFNOSUPPORT WSAEMFILE WSAENOBUFS WSAEPROTONOSUPPORT WSAEPROTOTYPE WSAESOCKTNOSUPPORT \
  WSAEINVAL
WSPBind WSAENETDOWN WSAEADDRNOTAVAIL WSAEFAULT WSAEINVAL WSAENOBUFS WSAENOTSOCK
WSPSetSockOpt WSAENETDOWN WSAEFAULT WSAEINVAL WSAENETRESET WSAENOPROTOOPT WSAENOTCONN WSAENOTSOCK
WSPGetSockOpt WSAENETDOWN WSAEFAULT WSAEINVAL WSAENOPROTOOPT WSAENOTSOCK
WSPIoctl WSAENETDOWN WSAEFAULT WSAEINVAL WSAENOTSOCK WSAEOPNOTSUPP WSAEWOULDBLOCK WSA_IO_PENDING \
  WSA_OPERATION_ABORTED
WSPEventSelect WSAENETDOWN WSAEINVAL WSAENOTSOCK
WSPEnumNetworkEvents WSAENETDOWN WSAEINVAL WSAENOTSOCK
WSPConnect WSAENETDOWN WSAEALREADY WSAEADDRNOTAVAIL WSAECONNREFUSED WSAECONNRESET WSAEHOSTUNREACH WSAEFAULT \
  WSAEINVAL WSAEISCONN WSAENOBUFS WSAENOTSOCK WSAETIMEDOUT WSAEWOULDBLOCK
WSPListen WSAENETDOWN WSAEINVAL WSAEISCONN WSAEMFILE WSAENOBUFS WSAENOTSOCK
WSPAccept WSAECONNREFUSED WSAENETDOWN WSAEFAULT WSAEINVAL WSAEMFILE WSAENOBUFS WSAENOTSOCK WSATRY_AGAIN \
  WSAEWOULDBLOCK WSAEACCES WSAECONNRESET
WSPSend WSAENETDOWN WSAEFAULT WSAENOBUFS WSAENOTCONN WSAENOTSOCK WSAEMSGSIZE WSAEINVAL WSAECONNABORTED WSAECONNRESET \
  WSAENETRESET WSA_OPERATION_ABORTED WSA_IO_PENDING
WSPRecv WSAENETDOWN WSAENOTCONN WSAENETRESET WSAEFAULT WSAENOTSOCK WSAEINVAL WSAEMSGSIZE WSAECONNABORTED \
  WSAECONNRESET WSA_OPERATION_ABORTED WSA_IO_PENDING
WSPGetOverlappedResult WSAENETDOWN WSAENOTSOCK WSA_INVALID_HANDLE WSAEINVAL WSA_IO_INCOMPLETE
WSPDuplicateSocket WSAENETDOWN WSAEINVAL WSAEMFILE WSAENOBUFS WSAENOTSOCK
WSPCloseSocket WSAENETDOWN WSAENOTSOCK
WSPGetQOSByName WSAEOPNOTSUPP
WSPRegisterMemory WSAENOBUFS WSAEFAULT WSAEINVAL WSAENOTCONN
WSPDeregisterMemory WSAEINVAL
WSPRegisterRdmaMemory WSAENOBUFS WSAEFAULT WSAEINVAL WSAENOTCONN
WSPDeregisterRdmaMemory WSAEINVAL
WSPRdmaWrite WSAEFAULT WSAENOBUFS WSAENOTCONN WSAENOTSOCK WSAEMSGSIZE WSAEINVAL WSAECONNABORTED WSAECONNRESET \
  WSA_OPERATION_ABORTED WSA_IO_PENDING
WSPRdmaRead WSAEFAULT WSAENOBUFS WSAENOTCONN WSAENOTSOCK WSAEMSGSIZE WSAEINVAL WSAECONNABORTED WSAECONNRESET \
  WSA_OPERATION_ABORTED WSA_IO_PENDING WSAEOPNOTSUPP
WSPMemoryRegistrationCacheCallback WSAEFAULT WSAEINVAL
""".strip().split("\n")}

KEEP_ALIVE = "a failed keep-alive is a timeout here: WSAETIMEDOUT"
NEVER = {
    ("WSPCleanup", "WSAENETDOWN"): "needs no daemon",
    ("WSPSocket", "WSAEPROTOTYPE"):
        "a type that is none is WSAESOCKTNOSUPPORT, a protocol that does not go with it WSAEPROTONOSUPPORT",
    ("WSPBind", "WSAEADDRNOTAVAIL"): "only remembers; WSPListen says so",
    ("WSPBind", "WSAENOBUFS"): "takes nothing",
    ("WSPSetSockOpt", "WSAENETRESET"): "has no keep-alive",
    ("WSPSetSockOpt", "WSAENOTCONN"): "works in every state",
    ("WSPConnect", "WSAEADDRNOTAVAIL"):
        "an address that is not ours is told by WSPListen; a path that is not there is WSAEHOSTUNREACH",
    ("WSPConnect", "WSAENOBUFS"): "what it takes, WSPSocket took",
    ("WSPListen", "WSAEMFILE"): "takes no descriptor",
    ("WSPListen", "WSAENOBUFS"): "what it takes, WSPSocket took",
    ("WSPAccept", "WSAEACCES"): "a request that was withdrawn is out of the queue",
    ("WSPAccept", "WSAECONNRESET"): "a peer that went is accepted, and its end is seen by the first operation",
    ("WSPSend", "WSAENETRESET"): KEEP_ALIVE,
    ("WSPRecv", "WSAENETRESET"): KEEP_ALIVE,
    ("WSPGetOverlappedResult", "WSA_INVALID_HANDLE"): "waits without the event object",
    ("WSPDuplicateSocket", "WSAEMFILE"): "takes no descriptor; WSPSocket does, in the other process",
    ("WSPDuplicateSocket", "WSAENOBUFS"): "takes nothing",
    ("WSPCloseSocket", "WSAENETDOWN"):
        "only in a child of a fork the provider was not told of; a dead daemon counts as let go",
}

ASSERTION = re.compile(r"\b(?:REFUSES|REFUSES_NULL|ENDS_WITH)\(\s*(WSP\w+),\s*(WSA\w+)")
FUNCTION = re.compile(r"^(\w+)\(void \*\*state\)$", re.M)

HEAD = """# Every function, every error code

Made by `tests/lint/errors.py --write` of the assertions in `tests/fake` that name function and code; the same tool
compares. A code that is not in the reference is marked with a star. What each code means: `<sand/wsp.h>`.

| function | code | test, or why never |
|---|---|---|
"""


def found(sources):
    """{(function, code): names of the tests that assert it}"""
    out = {}
    for text in sources:
        tests = [(m.start(), m.group(1)) for m in FUNCTION.finditer(text)]
        for m in ASSERTION.finditer(tree.code(text)):
            name = [n for at, n in tests if at < m.start()]
            if name:
                out.setdefault(m.groups(), []).append(name[-1])
    return out


def rows(tests):
    for function, codes in REFERENCE.items():
        more = sorted(c for f, c in tests if f == function and c not in codes)
        for code in codes + more:
            names = sorted(set(tests.get((function, code), [])))
            why = NEVER.get((function, code))
            yield function, code, "" if code in codes else "\\*", names, why


def findings(tests, document):
    lines = [HEAD.rstrip("\n")]
    for function, code, star, names, why in rows(tests):
        if names and why:
            yield f"{function}, {code}: said to be never returned, and {names[0]} gets it"
        elif not names and not why:
            yield f"{function}, {code}: no test"
        lines.append(f"| {function} | {code}{star} | {', '.join(f'`{n}`' for n in names) or why} |")
    for function, code in tests:
        if function not in REFERENCE:
            yield f"{function}, {code}: no such function"
    if document is not None and document != "\n".join(lines) + "\n":
        yield f"{DOCUMENT}: not what the tests say: run tests/lint/errors.py --write"


def document(tests):
    text = HEAD
    for function, code, star, names, why in rows(tests):
        text += f"| {function} | {code}{star} | {', '.join(f'`{n}`' for n in names) or why} |\n"
    return text


def main():
    tests = found(tree.text(p) for p in tree.files(".c") if p.startswith("tests/fake/"))
    if "--write" in sys.argv[1:]:
        with open(os.path.join(tree.ROOT, DOCUMENT), "w", encoding="utf-8") as file:
            file.write(document(tests))
    return tree.report(list(findings(tests, tree.text(DOCUMENT))))


if __name__ == "__main__":
    sys.exit(main())
