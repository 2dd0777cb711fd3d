#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""One event loop over descriptors of all kinds: SAN and kernel TCP (listeners and connections), UDP, a pipe.

usage: mixed.py server SAN_ADDRESS KERNEL_ADDRESS PORT     echoes everything, by each way of waiting in turn
       mixed.py client SAN_ADDRESS KERNEL_ADDRESS PORT
"""
import random
import select
import socket
import sys
import threading
import time

WAYS = ("select", "poll", "epoll", "epoll_edge")
ROUNDS = 200
PATIENCE = 20
TICK = 0.002


class Waiter:
    """select, poll, epoll behind one call: which of these descriptors can be read?"""

    def __init__(self, way):
        self.way, self.known = way, set()
        self.epoll = select.epoll() if way.startswith("epoll") else None

    def wait(self, sockets):
        numbers = {s.fileno(): s for s in sockets}
        if self.way == "select":
            return select.select(list(numbers.values()), [], [], PATIENCE)[0]
        if self.way == "poll":
            poll = select.poll()
            for number in numbers:
                poll.register(number, select.POLLIN)
            return [numbers[n] for n, _ in poll.poll(PATIENCE * 1000)]
        for number in set(numbers) - self.known:
            self.epoll.register(number, select.EPOLLIN | (select.EPOLLET if self.way == "epoll_edge" else 0))
            self.known.add(number)
        return [numbers[n] for n, _ in self.epoll.poll(PATIENCE)]

    def forget(self, sock):
        if sock.fileno() in self.known:
            self.known.discard(sock.fileno())
            self.epoll.unregister(sock.fileno())


class Ticker:
    """A pipe that another thread writes to: the loop must see it between all the rest."""

    def __init__(self):
        self.reader, self.writer = socket.socketpair()
        self.reader.setblocking(False)
        self.ticks, self.stopping = 0, False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.stopping:
            self.writer.send(b"t")
            time.sleep(TICK)

    def read(self):
        self.ticks += len(drain(self.reader))

    def stop(self):
        self.stopping = True
        self.thread.join()
        self.reader.close()
        self.writer.close()


def drain(sock):
    """All there is, as an edge-triggered program must. EOFError(what came before) at the end of the stream."""
    data = b""
    while True:
        try:
            part = sock.recv(65536)
        except BlockingIOError:
            return data
        if not part:
            raise EOFError(data)
        data += part


def listen(address, port):
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((address, port))
    listener.listen(8)
    listener.setblocking(False)
    return listener


def serve(way, listeners, udp):
    """Until both connections of this round have ended."""
    waiter, ticker, connections, ended = Waiter(way), Ticker(), [], 0
    while ended < len(listeners):
        ready = waiter.wait([*listeners, udp, ticker.reader, *connections])
        if not ready:
            raise TimeoutError(f"{way}: nothing for {PATIENCE} s")
        for sock in ready:
            if sock in listeners:
                connection, _ = sock.accept()
                connection.setblocking(False)
                connections.append(connection)
            elif sock is udp:
                data, peer = udp.recvfrom(2000)
                udp.sendto(data, peer)
            elif sock is ticker.reader:
                ticker.read()
            else:
                ended += echo(sock, waiter, connections)
    ticker.stop()
    if ticker.ticks < 10:
        raise ValueError(f"{way}: the pipe was starved: {ticker.ticks} ticks")
    print(f"{way}: {ticker.ticks} ticks", flush=True)


def echo(sock, waiter, connections):
    try:
        data, end = drain(sock), 0
    except EOFError as last:
        data, end = last.args[0], 1
    sock.setblocking(True)
    sock.sendall(data)
    sock.setblocking(False)
    if end:
        waiter.forget(sock)
        connections.remove(sock)
        sock.close()
    return end


def server(san, kernel, port):
    listeners = [listen(san, port), listen(kernel, port)]
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind((kernel, port))
    print("ready", flush=True)
    for way in WAYS:
        serve(way, listeners, udp)


def ask(way, sockets, dice):
    """Questions on all sockets in random order, then all answers, by one waiter."""
    waiter = Waiter(way)
    for _ in range(ROUNDS):
        missing = {}
        for sock in dice.sample(sockets, dice.randrange(1, len(sockets) + 1)):
            missing[sock] = dice.randbytes(dice.randrange(1, 1400))
            sock.send(missing[sock])
        while missing:
            ready = [s for s in waiter.wait(sockets) if s in missing]
            if not ready:
                raise TimeoutError(f"{way}: no answer within {PATIENCE} s")
            for sock in ready:
                data = drain(sock)
                if not missing[sock].startswith(data):
                    raise ValueError(f"{way}: another answer")
                missing[sock] = missing[sock][len(data):]
                if not missing[sock]:
                    del missing[sock]


def client(san, kernel, port):
    seed = int(time.time())
    print(f"seed {seed}", flush=True)
    dice = random.Random(seed)
    for way in WAYS:
        sockets = [socket.create_connection((san, port), 10), socket.create_connection((kernel, port), 10)]
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.connect((kernel, port))
        for sock in (*sockets, udp):
            sock.setblocking(False)
        ask(way, [*sockets, udp], dice)
        # The server's next way of waiting begins when it has closed both: do not connect before.
        for sock in sockets:
            sock.setblocking(True)
            sock.shutdown(socket.SHUT_WR)
            if sock.recv(1) != b"":
                raise ValueError(f"{way}: bytes nobody asked for")
        for sock in (*sockets, udp):
            sock.close()
        print(f"{way}: {ROUNDS} rounds", flush=True)


def main():
    if len(sys.argv) != 5 or sys.argv[1] not in ("server", "client"):
        sys.exit(__doc__)
    (server if sys.argv[1] == "server" else client)(sys.argv[2], sys.argv[3], int(sys.argv[4]))


if __name__ == "__main__":
    main()
