#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Programs for the bad weather cases; each says `good` (or the word the case waits for) or raises.

usage: weather.py ROLE ADDRESS PORT [--how recv|poll|epoll|send]

refused                 connect is refused, soon
no-way                  refused, or the network is down or unreachable: an error, soon
expect-eof              server: all of the sent bytes, then end of file
send-and-sleep          client: sends them, then sleeps to be killed
expect-reset            server: sends until the connection is reset
sleep-unread            client: reads nothing, sleeps to be killed
accept-many             server: accepts, reads and never answers
expect-error            client: waits (or sends) until an error ends it
echo                    one ICMP echo request with a raw socket
"""
import argparse
import errno
import os
import select
import socket
import struct
import sys
import threading
import time

SENT = 300000
PATIENCE = 30
SOON = 3


def word(text):
    print(text, flush=True)


def stream_socket(address):
    return socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)


def connected(address, port):
    sock = stream_socket(address)
    sock.connect((address, port))
    return sock


def accepted(address, port):
    listener = stream_socket(address)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((address, port))
    listener.listen(8)
    word("ready")
    sock, _ = listener.accept()
    return sock


def expect_connect_error(o, codes, within):
    begin = time.monotonic()
    sock = stream_socket(o.address)
    try:
        sock.connect((o.address, o.port))
    except OSError as error:
        if error.errno not in codes:
            raise
    else:
        raise AssertionError("connected")
    taken = time.monotonic() - begin
    if taken > within:
        raise AssertionError(f"after {taken:.1f} s only")
    # The socket is still good for another try, as with kernel TCP.
    sock.close()
    word(f"good: after {taken * 1000:.0f} ms")


def refused(o):
    expect_connect_error(o, (errno.ECONNREFUSED,), SOON)


def no_way(o):
    expect_connect_error(o, (errno.ECONNREFUSED, errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN,
                             errno.ETIMEDOUT), SOON)


def pattern(size):
    return bytes(i * 7 & 0xff for i in range(256)) * (size // 256 + 1)


def expect_eof(o):
    sock, data = accepted(o.address, o.port), b""
    sock.settimeout(PATIENCE)
    while part := sock.recv(65536):
        data += part
    if data != pattern(SENT)[:SENT]:
        raise AssertionError(f"{len(data)} bytes of {SENT} arrived, or others")
    word("good")


def send_and_sleep(o):
    sock = connected(o.address, o.port)
    sock.sendall(pattern(SENT)[:SENT])
    word("sent")
    time.sleep(PATIENCE)


def expect_reset(o):
    sock = accepted(o.address, o.port)
    sock.settimeout(PATIENCE)
    try:
        while True:
            sock.send(b"x" * 1000)
            time.sleep(0.01)
    except (ConnectionResetError, BrokenPipeError) as error:
        word(f"good: {error}")


def sleep_unread(o):
    sock = connected(o.address, o.port)
    while not select.select([sock], [], [], 1)[0]:
        pass
    word("sleeping")
    time.sleep(PATIENCE)


def swallow(sock):
    try:
        while sock.recv(65536):
            pass
    except OSError:
        pass


def accept_many(o):
    listener = stream_socket(o.address)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((o.address, o.port))
    listener.listen(8)
    word("ready")
    while True:
        sock, _ = listener.accept()
        threading.Thread(target=swallow, args=(sock,), daemon=True).start()


def wait_for_error(sock, how):
    """Block as told; the error that ends it."""
    word("waiting")
    if how == "send":
        while True:
            sock.send(b"x" * 4000)
            time.sleep(0.01)
    if how == "poll":
        poll = select.poll()
        poll.register(sock, select.POLLIN)
        if not poll.poll(PATIENCE * 1000):
            raise AssertionError("poll saw nothing")
    if how == "epoll":
        epoll = select.epoll()
        epoll.register(sock, select.EPOLLIN)
        if not epoll.poll(PATIENCE):
            raise AssertionError("epoll saw nothing")
    if sock.recv(1) == b"":
        raise AssertionError("end of file instead of an error")


def expect_error(o):
    sock = connected(o.address, o.port)
    sock.sendall(b"hello")
    begin = time.monotonic()
    try:
        wait_for_error(sock, o.how)
    except OSError as error:
        word(f"good: {error} after {time.monotonic() - begin:.1f} s")
        sock.close()
    else:
        raise AssertionError("no error")


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def echo(o):
    six = ":" in o.address
    sock = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_RAW,
                         socket.getprotobyname("ipv6-icmp" if six else "icmp"))
    sock.settimeout(0.5)
    request, reply = (128, 129) if six else (8, 0)
    rest = struct.pack("!HH", os.getpid() & 0xffff, 1) + b"sixteen of bytes"
    head = struct.pack("!BBH", request, 0, 0)
    message = head[:2] + struct.pack("!H", 0 if six else checksum(head + rest)) + rest
    for _ in range(6):
        sock.sendto(message, (o.address, 0))
        end = time.monotonic() + 0.5
        while time.monotonic() < end:
            try:
                data = sock.recv(2000)
            except TimeoutError:
                break
            data = data if six else data[(data[0] & 15) * 4:]
            if data[0] == reply and data[4:] == rest:
                word("good")
                return
    raise AssertionError("no reply")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("role")
    parser.add_argument("address")
    parser.add_argument("port", type=int)
    parser.add_argument("--how", default="recv", choices=("recv", "poll", "epoll", "send"))
    options = parser.parse_args()
    role = ROLES.get(options.role)
    if role is None:
        parser.error(f"role: one of {', '.join(ROLES)}")
    role(options)


ROLES = {role.__name__.replace("_", "-"): role for role in (
    refused, no_way, expect_eof, send_and_sleep, expect_reset, sleep_unread, accept_many,
    expect_error, echo)}

if __name__ == "__main__":
    sys.exit(main())
