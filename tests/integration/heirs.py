#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A server that answers nobody itself: other programs have its connections as standard input and output, or are sent
them.

usage: heirs.py server ADDRESS PORT
       heirs.py client ADDRESS PORT
"""
import collections
import multiprocessing
import socket
import subprocess
import sys

# What is started with the connection, and what it makes of TEXT.
TEXT = b"first line\nsecond\n"
PROGRAMS = [
    (["cat"], TEXT),
    (["tr", "a-z", "A-Z"], TEXT.upper()),
    (["bash", "-c", "while read -r line; do echo got $line; done"], b"got first line\ngot second\n"),
    ([sys.executable, "-c", "import sys\nfor line in sys.stdin: print(line[::-1], end='')"], b"\nenil tsrif\ndnoces"),
]
WORKERS = 2
SENT = 12  # connections that go to workers
LIMIT_S = 30


def worker(name, queue):
    while (connection := queue.get()) is not None:
        connection.settimeout(LIMIT_S)
        while data := connection.recv(4096):
            connection.sendall(b"%d" % name + data)
        connection.close()


def start_programs(listener):
    for command, _ in PROGRAMS:
        connection, _ = listener.accept()
        program = subprocess.Popen(command, stdin=connection, stdout=connection)
        connection.close()
        assert program.wait(LIMIT_S) == 0, command


def send_to_workers(listener):
    context = multiprocessing.get_context("spawn")
    queues = [context.SimpleQueue() for _ in range(WORKERS)]
    workers = [context.Process(target=worker, args=pair) for pair in enumerate(queues)]
    for process in workers:
        process.start()
    print("ready", flush=True)
    for i in range(SENT):
        connection, _ = listener.accept()
        queues[i % WORKERS].put(connection)
        connection.close()
    for queue, process in zip(queues, workers):
        queue.put(None)
        process.join(LIMIT_S)
        assert process.exitcode == 0, process.exitcode


def server(address):
    with socket.create_server(address) as listener:
        listener.settimeout(LIMIT_S)
        print("ready", flush=True)
        start_programs(listener)
        send_to_workers(listener)
    print("done", flush=True)


def talk(address, text):
    with socket.create_connection(address, LIMIT_S) as connection:
        connection.sendall(text)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(4096), b""))


def client(address):
    for command, answer in PROGRAMS:
        said = talk(address, TEXT)
        assert said == answer, (command, said)
    seen = collections.Counter(talk(address, b":hello") for _ in range(SENT))
    assert seen == {b"%d:hello" % name: SENT // WORKERS for name in range(WORKERS)}, seen
    print("all answered")


if __name__ == "__main__":
    {"server": server, "client": client}[sys.argv[1]]((sys.argv[2], int(sys.argv[3])))
