#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A long interactive session, as a remote shell has it: small writes of random size with time to think between them,
in both directions at once, independent of each other. Both sides know what the other will say and compare every byte.

usage: talk.py server ADDRESS PORT [--connections N] [--fork]
       talk.py client ADDRESS PORT [--connections N] [--seconds N] [--after N] [--seed N]
"""
import argparse
import hashlib
import os
import random
import socket
import struct
import sys
import threading
import time

PATIENCE = 30
BIG_ONE_IN = 40


class Speech:
    """An endless, known sequence of bytes."""

    def __init__(self, seed):
        self.seed, self.block, self.rest = seed, 0, b""

    def take(self, size):
        while len(self.rest) < size:
            self.rest += hashlib.shake_128(struct.pack("!QQ", self.seed, self.block)).digest(4096)
            self.block += 1
        out, self.rest = self.rest[:size], self.rest[size:]
        return out


def speak(sock, seed, until, total):
    dice, speech = random.Random(seed), Speech(seed)
    while time.monotonic() < until:
        size = dice.randrange(1, 200) if dice.randrange(BIG_ONE_IN) else dice.randrange(1, 60000)
        sock.sendall(speech.take(size))
        total[0] += size
        time.sleep(dice.random() ** 3 * 0.03)
    sock.shutdown(socket.SHUT_WR)


def hear(sock, seed):
    speech, heard = Speech(seed), 0
    while True:
        data = sock.recv(65536)
        if not data:
            return heard
        if data != speech.take(len(data)):
            raise ValueError(f"wrong bytes between {heard} and {heard + len(data)}")
        heard += len(data)


def converse(sock, seed_mine, seed_other, seconds):
    """Both directions until both are shut: (bytes sent, bytes heard)."""
    sent = [0]
    speaker = threading.Thread(target=speak, args=(sock, seed_mine, time.monotonic() + seconds, sent))
    speaker.start()
    try:
        heard = hear(sock, seed_other)
    finally:
        speaker.join(seconds + PATIENCE)
    if speaker.is_alive():
        raise TimeoutError("the speaker hangs")
    return sent[0], heard


def recv_exactly(sock, size):
    data = b""
    while len(data) < size:
        part = sock.recv(size - len(data))
        if not part:
            raise EOFError("end of file in the greeting")
        data += part
    return data


def serve_one(sock):
    with sock:
        seed, milliseconds = struct.unpack("!QQ", recv_exactly(sock, 16))
        sent, heard = converse(sock, seed + 1, seed, milliseconds / 1000)
    print(f"seed {seed}: sent {sent}, heard {heard}", flush=True)


def family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def server(options):
    listener = socket.socket(family(options.address), socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((options.address, options.port))
    listener.listen(16)
    print("ready", flush=True)
    works, bad = [], []
    for _ in range(options.connections):
        sock, _ = listener.accept()
        if options.fork:
            child = os.fork()
            if child == 0:
                listener.close()
                serve_one(sock)
                os._exit(0)
            sock.close()
            works.append(child)
        else:
            works.append(threading.Thread(target=guarded, args=(serve_one, bad, sock)))
            works[-1].start()
    for work in works:
        if options.fork:
            bad += [1] if os.waitpid(work, 0)[1] else []
        else:
            work.join()
    return bad


def guarded(function, bad, *arguments):
    try:
        function(*arguments)
    except Exception as error:  # the thread's result
        print(f"{type(error).__name__}: {error}", flush=True)
        bad.append(error)


def client_one(options, seed):
    sock = socket.socket(family(options.address), socket.SOCK_STREAM)
    with sock:
        sock.connect((options.address, options.port))
        sock.sendall(struct.pack("!QQ", seed, int(options.seconds * 1000)))
        sent, heard = converse(sock, seed, seed + 1, options.seconds)
    print(f"seed {seed}: sent {sent}, heard {heard}", flush=True)
    if not sent or not heard:
        raise ValueError("nothing was said")


def client(options):
    print(f"seed {options.seed}", flush=True)
    bad = []
    threads = [threading.Thread(target=guarded, args=(client_one, bad, options, options.seed + 10 * i))
               for i in range(options.connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    time.sleep(options.after)
    return bad


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("role", choices=("server", "client"))
    parser.add_argument("address")
    parser.add_argument("port", type=int)
    parser.add_argument("--connections", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--after", type=float, default=0, help="stay for so long when all is said")
    parser.add_argument("--fork", action="store_true", help="a child for each connection")
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4), "big"))
    options = parser.parse_args()
    if (server if options.role == "server" else client)(options):
        return 1
    print("all good", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
