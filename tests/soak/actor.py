#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""An ordinary program that does with its sockets what it is told, line by line, and says what it saw.

Each line is a JSON list: a verb and its arguments; each answer is a JSON value, or {"error": "ECONNRESET"}. Every call
blocks as long as it likes: who gives the orders has the clock. What stands at a position of a stream follows from the
position.
"""
import errno
import json
import os
import signal
import socket
import struct
import sys

PATTERN = bytes(range(251)) * 300
sockets = {}
sent = {}
read = {}


def pattern(at, length):
    return PATTERN[at % 251:at % 251 + length]


def add(name, sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sockets[name] = sock
    sent[name] = read[name] = 0
    return "ok"


def do_listen(name, address, port):
    sock = socket.socket()
    sock.bind((address, port))
    sock.listen(8)
    return add(name, sock)


def do_connect(name, address, port):
    sock = socket.socket()
    sock.connect((address, port))
    return add(name, sock)


def do_accept(name, listener):
    return add(name, sockets[listener].accept()[0])


def do_send(name, length):
    sockets[name].sendall(pattern(sent[name], length))
    sent[name] += length
    return "ok"


def do_recv(name, length):
    """So many bytes, or how many came before the end of the stream or an error."""
    got = 0
    while got < length:
        try:
            data = sockets[name].recv(length - got)
        except OSError as problem:
            return [got, errno.errorcode[problem.errno]]
        if not data:
            return [got, "end"]
        if data != pattern(read[name], len(data)):
            return [got, "other bytes than were sent"]
        got += len(data)
        read[name] += len(data)
    return [got, "more"]


def do_shut(name):
    sockets[name].shutdown(socket.SHUT_WR)
    return "ok"


def do_linger(name):
    sockets[name].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return "ok"


def do_close(name):
    sockets.pop(name).close()
    return "ok"


def do_fork():
    """A child that holds everything and does nothing until it is killed."""
    pid = os.fork()
    if pid == 0:
        null = os.open("/dev/null", os.O_RDWR)
        os.dup2(null, 0)
        os.dup2(null, 1)
        while True:
            signal.pause()
    return pid


def do_exec():
    os.execv(sys.executable, [sys.executable, "-u", *sys.argv])


def do_exit():
    os._exit(0)


def answer(value):
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


def main():
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    answer(os.getpid())
    while True:
        line = os.read(0, 4096)
        if not line:
            return
        verb, *arguments = json.loads(line)
        try:
            answer(globals()["do_" + verb](*arguments))
        except OSError as problem:
            answer({"error": errno.errorcode[problem.errno]})


main()
