"""Clients that break the rules, or keep them in the worst way: memory stays under the limit, others
are served, and the offender gets an error or is closed, and counted."""

import socket
import unittest

from support import servers
from support.wire import Closed, ReplyError, Wire

MIB = 1 << 20


def info(server):
    with server.connect() as wire:
        text = wire.ask("INFO").decode()
    return dict(line.split(":", 1) for line in text.split("\r\n") if ":" in line)


class Hostile(unittest.TestCase):
    LIMIT_MB = 64

    def setUp(self):
        self.server = servers.ullage("--memory-limit", f"{self.LIMIT_MB}mb")
        self.addCleanup(self.server.__exit__)
        self.wires = []
        self.addCleanup(lambda: [wire.close() for wire in self.wires])

    def open(self, count):
        for _ in range(count):
            self.wires.append(self.server.connect())
        return self.wires[-count:]

    def check_still_well(self):
        with self.server.connect() as wire:
            self.assertEqual(wire.ask("SET", "probe", "1"), "OK")
            self.assertEqual(wire.ask("GET", "probe"), b"1")
        # A sanitizer's shadow memory is not ours to bound.
        if not servers.is_sanitized():
            self.assertLessEqual(self.server.status_bytes("VmHWM"), self.LIMIT_MB * MIB)

    def test_readers_that_never_read(self):
        with self.server.connect() as wire:
            for i in range(1000):
                wire.ask("HSET", "large", f"field {i}", "v" * 300)
        for wire in self.open(400):
            wire.send("HGETALL", "large")
        self.check_still_well()
        self.assertGreater(int(info(self.server)["clients_closed_for_buffers"]), 0)

    def test_a_pipeline_without_end_that_is_never_read(self):
        with self.server.connect() as wire:
            wire.ask("SET", "value", "v" * 1000)
        request = Wire.encode("GET", "value") * 1000
        wire = self.open(1)[0]
        wire.socket.settimeout(1)
        sent = 0
        with self.assertRaises((socket.timeout, BrokenPipeError, ConnectionResetError)):
            for _ in range(1000):
                wire.socket.sendall(request)
                sent += 1000
        # It is not read any more once its replies do not go out.
        self.assertLess(sent, 1_000_000)
        self.check_still_well()

    def test_a_pipeline_that_is_read_at_last_gets_every_answer(self):
        count = 50_000
        wire = self.open(1)[0]
        with self.server.connect() as other:
            other.ask("SET", "value", "v" * 100)
        # In the background, since neither side may stop reading while both write.
        import threading
        sender = threading.Thread(
            target=wire.socket.sendall, args=(Wire.encode("GET", "value") * count,))
        sender.start()
        for _ in range(count):
            self.assertEqual(wire.read(), b"v" * 100)
        sender.join()

    def test_large_announcements_hold_nothing(self):
        for wire in self.open(300):
            wire.send_raw(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1000000\r\n")
        self.check_still_well()
        self.assertEqual(int(info(self.server)["clients_closed_for_buffers"]), 0)

    def test_a_bulk_of_half_a_gigabyte_is_refused(self):
        wire = self.open(1)[0]
        wire.send_raw(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$536870912\r\n")
        reply = wire.read()
        self.assertIsInstance(reply, ReplyError)
        self.assertIn("Protocol error: invalid bulk length", reply)
        self.assertIn("1048576", reply)  # names the limit
        with self.assertRaises(Closed):
            wire.read()
        self.check_still_well()

    def test_slow_senders_of_large_values(self):
        # Each has sent half of a large value, and stops.
        for wire in self.open(40):
            wire.socket.settimeout(5)
            try:
                wire.send_raw(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1000000\r\n" + b"x" * 500_000)
            except OSError:
                pass  # closed for its buffer
        self.check_still_well()

    def test_many_idle_connections(self):
        for wire in self.open(800):
            wire.send_raw(b"*3\r\n$3\r\nSET")
        self.check_still_well()
        # The start that each has sent was not forgotten.
        last = self.wires[-1]
        last.send_raw(b"\r\n$1\r\nk\r\n$1\r\nv\r\n")
        self.assertEqual(last.read(), "OK")

    def test_transactions_are_bounded(self):
        wire = self.open(1)[0]
        wire.ask("MULTI")
        replies = wire.pipeline([["SET", "k", "v" * 10_000]] * 2_000)
        self.assertEqual(replies[0], "QUEUED")
        self.assertIsInstance(replies[-1], ReplyError)
        self.assertIn("EXECABORT", wire.ask("EXEC"))
        self.check_still_well()
        # What the queue held is free again.
        wire.ask("MULTI")
        self.assertEqual(wire.ask("SET", "k", "v" * 10_000), "QUEUED")
        self.assertEqual(wire.ask("EXEC"), ["OK"])

    def fill(self, wire):
        for i in range(80):
            wire.pipeline([["HSET", f"filler:{i}:{j}", "f", "x" * 1000] for j in range(1000)])

    def test_requests_of_very_many_arguments(self):
        with self.server.connect() as wire:
            self.fill(wire)
            most = int(info(self.server)["request_args_max"])
            self.assertGreaterEqual(most, 16_384)
            wires = self.open(4)
            for command in ("MGET", "DEL", "EXISTS", "HMGET", "HDEL", "WATCH"):
                for one in wires:
                    one.send(command, "k", *["a"] * (most - 2))
                for one in wires:
                    one.read()
            wire.send_raw(b"*%d\r\n" % (most + 1))
            self.assertIn(f"at most {most}", wire.read())
        # Many that never end hold what they have sent, and nothing for where it lies.
        part = b"*%d\r\n" % most + b"$0\r\n\r\n" * 3000
        for one in self.open(400):
            one.send_raw(part)
        self.check_still_well()

    def test_many_ask_for_the_largest_of_long_names(self):
        with self.server.connect() as wire:
            wire.pipeline([["SET", f"{i:06}" + "k" * 990, ""] for i in range(6000)])
            for one in self.open(150):
                one.send_raw(one.encode("UL.TOP", "COUNT", "100") +
                             one.encode("UL.TOP", "GROWTH", "COUNT", "100"))
            for one in self.wires:
                one.read()
                one.read()
        self.check_still_well()

    def test_walks_over_large_values(self):
        with self.server.connect() as wire:
            self.fill(wire)
            for i in range(20):
                wire.ask("HSET", "large", f"f{i}", "x" * 1_000_000)
            wires = self.open(4)
            for command in (["HGETALL", "large"], ["HVALS", "large"], ["DUMP", "large"],
                            ["HSCAN", "large", "0", "COUNT", "1000"], ["HKEYS", "large"],
                            ["HRANDFIELD", "large", "10", "WITHVALUES"],
                            ["COPY", "large", "copy", "REPLACE"]):
                for one in wires:
                    one.send(*command)
                for one in wires:
                    try:
                        one.read()
                    except (Closed, ConnectionError):
                        pass  # buffers ran out
                wires = [self.server.connect() for _ in wires]
                self.wires += wires
        self.check_still_well()

    def test_values_of_every_size_replace_each_other(self):
        for size in (32, 200, 2048, 16_000, 200_000):
            with self.server.connect() as wire:
                value = "v" * size
                count = min(40_000, 80 * MIB // size)
                for first in range(0, count, 500):
                    replies = wire.pipeline(
                        [["HSET", f"g{(first + i) // 10}:{size}", f"f{i}", value]
                         for i in range(500)])
                    for reply in replies:
                        self.assertEqual(reply, 1)
        self.check_still_well()


class FullArena(unittest.TestCase):
    """Writes into a cache that is full to its last page: an answer to each, and never a lie."""

    def test_every_write_is_answered_and_the_books_balance(self):
        with servers.ullage("--memory-limit", "36mb", "--max-clients", "50") as server, \
                server.connect() as wire:
            sizes = [1, 40, 700, 3000, 20_000, 250_000, 1_000_000]
            refused = 0
            for turn in range(6):
                for size in sizes[turn % 2:] + sizes[:turn % 2]:
                    count = max(3, min(3000, (24 * MIB) // size // 4))
                    value = "v" * size
                    writes = [["HSET", f"g{i % 97}", f"f{i}:{size}", value] for i in range(count)]
                    for first in range(0, count, 100):
                        for reply in wire.pipeline(writes[first:first + 100]):
                            if isinstance(reply, ReplyError):
                                self.assertTrue(reply.startswith("OOM "), reply)
                                refused += 1
                    # What was written last is there, or was forgotten; it is nothing else.
                    last = wire.ask("HGET", *writes[-1][1:3])
                    self.assertIn(last, (None, value.encode()))
                wire.ask("SET", "s", "x" * 500_000)
                wire.ask("APPEND", "s", "y")
                self.assertIn(wire.ask("STRLEN", "s"), (0, 500_001, 1))
            found = wire.ask("UL.VALIDATE")
            self.assertEqual(found[:2], [b"ok", 1], found)
            facts = info(server)
            self.assertGreater(int(facts["evicted_keys"]), 1000)
            self.assertLess(refused, 10, "a cache makes room rather than refuse")
            if not servers.is_sanitized():
                self.assertLessEqual(server.status_bytes("VmHWM"), 32 * MIB)


class Malformed(unittest.TestCase):
    """What is no request gets the words of Redis, and the connection is closed."""

    CASES = [
        b"*1\r\nPING\r\n",
        b"*1\r\n$-1\r\n",
        b"*1\r\n$x\r\n",
        b"*x\r\n",
        b"*2147483648\r\n",
        b"*1\r\n:4\r\n",
        b'SET "unbalanced\r\n',
        b"a" * 70_000,
        b"*" + b"1" * 70_000,
        b"*1\r\n$" + b"1" * 70_000,
        b"*3\r\n$3\r\nSET\r\n$99999999999\r\n",
    ]

    def test_as_redis(self):
        with servers.ullage() as ours, servers.redis() as theirs:
            for case in self.CASES:
                answers = []
                for server in (ours, theirs):
                    with server.connect() as wire:
                        try:
                            wire.send_raw(case)
                        except OSError:
                            pass  # answered and closed before everything was sent
                        try:
                            reply = wire.read()
                        except ConnectionResetError:
                            reply = "reset"
                        closed = False
                        try:
                            wire.read()
                        except (Closed, ConnectionResetError):
                            closed = True
                        answers.append((reply, closed))
                (our_reply, our_end), (their_reply, their_end) = answers
                self.assertTrue(our_end and their_end, case[:40])
                if "reset" in (our_reply, their_reply):
                    continue
                # Where a limit is named, Redis does not name it.
                self.assertTrue(our_reply.startswith(their_reply), f"{case[:40]}: {answers}")
            with ours.connect() as wire:
                text = wire.ask("INFO", "stats").decode()
            self.assertIn(f"clients_closed_for_protocol_errors:{len(self.CASES)}", text)


class Descriptors(unittest.TestCase):
    def test_when_none_is_left_clients_are_turned_away_and_others_served(self):
        with servers.ullage("--io-threads", "1", file_limit=40) as server:
            first = server.connect()
            others = []
            refused = 0
            for _ in range(60):
                wire = server.connect(timeout=5)
                others.append(wire)
                try:
                    if wire.ask("PING") != "PONG":
                        refused += 1
                except (Closed, OSError):
                    refused += 1
            self.assertGreater(refused, 10)
            self.assertEqual(first.ask("PING"), "PONG")
            for wire in others:
                wire.close()
            # The server has to notice first that they are gone.
            for _ in range(100):
                try:
                    with server.connect() as wire:
                        if wire.ask("PING") == "PONG":
                            break
                except (Closed, OSError):
                    continue
            else:
                self.fail("no client is served any more")
            first.close()


if __name__ == "__main__":
    unittest.main()
