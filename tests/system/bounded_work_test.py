"""Work that grows with what is stored: in steps that let others run, or refused with what to do
instead."""

import select
import unittest

from support import servers
from support.wire import Closed, ReplyError

KEYS = 60_000


class Steps(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = servers.ullage("--io-threads", "1", "--memory-limit", "128mb")
        cls.addClassCleanup(cls.server.__exit__)
        with cls.server.connect() as wire:
            for first in range(0, KEYS, 1000):
                wire.pipeline([["HSET", f"mine:{i}", "f", "v"] for i in range(first, first + 1000)])
            wire.pipeline([["SET", f"other:{i}", "v"] for i in range(1000)])
            wire.ask("ACL", "SETUSER", "tenant", "on", ">secret", "+@all", "~mine:*")

    def setUp(self):
        self.wire = self.server.connect()
        self.addCleanup(self.wire.close)
        self.other = self.server.connect()
        self.addCleanup(self.other.close)

    def tenant(self):
        wire = self.server.connect()
        self.addCleanup(wire.close)
        self.assertEqual(wire.ask("AUTH", "tenant", "secret"), "OK")
        return wire

    def others_served_during(self, wire, *command):
        """Commands of another that one thread runs while it runs this one, and its reply."""
        wire.send(*command)
        served = 0
        while not select.select([wire.socket], [], [], 0)[0]:
            self.assertEqual(self.other.ask("PING"), "PONG")
            served += 1
        return served, wire.read()

    def test_others_run_in_between(self):
        tenant = self.tenant()
        def rounds():
            info = self.other.ask("INFO", "stats").decode()
            return int(info.split("long_command_rounds:", 1)[1].split("\r\n", 1)[0])
        for command in (["KEYS", "*"], ["DBSIZE"], ["UL.TOP"], ["UL.TOP", "GROWTH"],
                        ["INFO", "keyspace"]):
            served = 0
            # How many are served depends on who gets the processor, how many could be does not.
            for _ in range(50):
                before = rounds()
                more, reply = self.others_served_during(tenant, *command)
                served += more
                self.assertGreater(rounds() - before, 5, command)
                self.assertNotIsInstance(reply, ReplyError)
                if served != 0:
                    break
            self.assertGreaterEqual(served, 1, command)
        self.assertEqual(tenant.ask("DBSIZE"), KEYS)

    def test_the_reply_is_whole(self):
        self.assertEqual(len(self.wire.ask("KEYS", "*")), KEYS + 1000)
        self.assertEqual(set(self.tenant().ask("KEYS", "*")),
                         {b"mine:%d" % i for i in range(KEYS)})
        self.assertEqual(sorted(self.wire.ask("KEYS", "mine:1234?")),
                         [b"mine:1234%d" % i for i in range(10)])
        self.assertEqual(self.wire.ask("KEYS", "none*"), [])

    def test_commands_stay_in_their_order(self):
        replies = self.wire.pipeline([["PING"], ["KEYS", "mine:77"], ["ECHO", "a"],
                                      ["KEYS", "mine:78"], ["KEYS", "mine:79"], ["ECHO", "b"]])
        self.assertEqual(replies, ["PONG", [b"mine:77"], b"a", [b"mine:78"], [b"mine:79"], b"b"])

    def test_inside_a_transaction_it_runs_at_once(self):
        self.wire.pipeline([["MULTI"], ["KEYS", "mine:7?"], ["SET", "x", "1"]])
        replies = self.wire.ask("EXEC")
        self.assertEqual((len(replies[0]), replies[1]), (10, "OK"))
        self.wire.ask("DEL", "x")

    def test_unwanted_replies(self):
        self.wire.send_raw(b"".join(self.wire.encode(*c) for c in (
            ["CLIENT", "REPLY", "SKIP"], ["KEYS", "*"], ["ECHO", "a"], ["CLIENT", "REPLY", "OFF"],
            ["KEYS", "*"], ["ECHO", "unheard"], ["CLIENT", "REPLY", "ON"], ["ECHO", "b"])))
        self.assertEqual([self.wire.read() for _ in range(3)], [b"a", "OK", b"b"])

    def test_who_leaves_meanwhile(self):
        for _ in range(20):
            wire = self.server.connect()
            wire.send("KEYS", "*")
            self.other.ask("PING")
            wire.close()
        wire = self.server.connect()
        number = wire.ask("CLIENT", "ID")
        wire.send("KEYS", "*")
        self.other.ask("CLIENT", "KILL", "ID", number)
        try:
            while True:
                wire.read()
        except (Closed, ConnectionError):
            pass
        wire.close()
        self.assertEqual(self.other.ask("PING"), "PONG")

    def test_a_reply_that_is_too_large(self):
        with servers.ullage("--memory-limit", "64mb") as server, server.connect() as wire:
            for first in range(0, 60_000, 1000):
                wire.pipeline([["SET", f"{'k' * 300}:{i}", ""] for i in range(first, first + 1000)])
            self.assertIn("larger than the buffers", wire.ask("KEYS", "*"))
            self.assertEqual(wire.ask("PING"), "PONG")
            self.assertEqual(len(wire.ask("KEYS", "*:123??")), 100)

    def test_a_tenant_empties_his_part(self):
        with servers.ullage("--io-threads", "1") as server, server.connect() as wire:
            wire.ask("ACL", "SETUSER", "tenant", "on", ">secret", "+@all", "~mine:*")
            for first in range(0, 20_000, 1000):
                wire.pipeline([["SET", f"mine:{i}", "v"] for i in range(first, first + 1000)])
            wire.ask("SET", "other", "v")
            wire.ask("SELECT", "3")
            wire.ask("SET", "mine:elsewhere", "v")
            wire.ask("SELECT", "0")
            with server.connect() as tenant:
                tenant.ask("AUTH", "tenant", "secret")
                self.assertEqual(tenant.pipeline([["FLUSHDB"], ["DBSIZE"]]), ["OK", 0])
                wire.ask("SELECT", "3")
                self.assertEqual(wire.ask("DBSIZE"), 1)
                self.assertEqual(tenant.ask("FLUSHALL"), "OK")
                self.assertEqual(wire.ask("DBSIZE"), 0)
            wire.ask("SELECT", "0")
            self.assertEqual(wire.ask("KEYS", "*"), [b"other"])


class VeryLargeHash(unittest.TestCase):
    def test_what_is_not_one_step_says_what_to_do(self):
        count = 1_000_100
        with servers.ullage("--memory-limit", "256mb") as server, server.connect() as wire:
            for first in range(0, count, 10_000):
                pairs = [part for i in range(first, min(first + 10_000, count))
                         for part in (f"f{i}", "v")]
                wire.ask("HSET", "large", *pairs)
            self.assertEqual(wire.ask("HLEN", "large"), count)
            for command in (["HGETALL"], ["HKEYS"], ["HVALS"]):
                self.assertIn("use HSCAN", wire.ask(*command, "large"))
            self.assertIn("use HSCAN", wire.ask("HRANDFIELD", "large", "5"))
            seen = {wire.ask("HRANDFIELD", "large") for _ in range(50)}
            self.assertGreater(len(seen), 40)
            self.assertIsInstance(wire.ask("COPY", "large", "copy"), ReplyError)
            cursor, found = b"0", 0
            while True:
                cursor, some = wire.ask("HSCAN", "large", cursor, "COUNT", "10000")
                found += len(some) // 2
                if cursor == b"0":
                    break
            self.assertGreaterEqual(found, count)
            self.assertEqual(wire.ask("DEL", "large"), 1)


if __name__ == "__main__":
    unittest.main()
