"""The same random commands to our server and to Redis 7.0: the same answers, byte by byte.

Where an answer has no order, or is a choice at random, it is compared as what it is. The seed of a
failure is printed with the commands that led to it; ULLAGE_SEED runs that one alone.
"""

import os
import random
import unittest

from support.side_by_side import SideBySide
from support.wire import ReplyError

SEQUENCES = int(os.environ.get("ULLAGE_SEQUENCES", "120"))
COMMANDS_A_SEQUENCE = 150

KEYS = ["h1", "h2", "h3", "s1", "s2", "k"]
FIELDS = ["a", "b", "c", "d", "", "\x00", "field with blanks", "f" * 100]
VALUES = ["", "1", "-7", "10", "3.5", "1e3", "x", "9223372036854775807", "hello world", "v" * 200,
          " 12", "0x10", "\r\n", "inf", "nan"]
NUMBERS = ["0", "1", "-1", "5", "-3", "100", "9223372036854775807", "-9223372036854775808", "x", "",
           "1.5", "007", "+1"]
SECONDS = ["100", "1000", "0", "-1", "x", "99999999"]

# Answers that have no order: compared sorted. With pairs in RESP2: by pairs.
UNORDERED = {"HKEYS", "HVALS", "KEYS"}
PAIRS = {"HGETALL"}


class Generator:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def one(self, choices):
        return self.random.choice(choices)

    def some(self, choices, least=1, most=4):
        return [self.one(choices) for _ in range(self.random.randint(least, most))]

    def pairs(self, first, second, most=3):
        result = []
        for _ in range(self.random.randint(1, most)):
            result += [self.one(first), self.one(second)]
        return result

    def maybe(self, *words):
        return [self.one(words)] if self.random.random() < 0.4 else []

    def command(self):
        r = self.random
        key = self.one(KEYS)
        table = [
            lambda: ["HSET", key, *self.pairs(FIELDS, VALUES)],
            lambda: ["HSET", key, *self.pairs(FIELDS, VALUES), "odd"],
            lambda: ["HSETNX", key, self.one(FIELDS), self.one(VALUES)],
            lambda: ["HMSET", key, *self.pairs(FIELDS, VALUES)],
            lambda: ["HGET", key, self.one(FIELDS)],
            lambda: ["HMGET", key, *self.some(FIELDS)],
            lambda: ["HGETALL", key],
            lambda: ["HDEL", key, *self.some(FIELDS)],
            lambda: ["HEXISTS", key, self.one(FIELDS)],
            lambda: ["HLEN", key],
            lambda: ["HSTRLEN", key, self.one(FIELDS)],
            lambda: ["HKEYS", key],
            lambda: ["HVALS", key],
            lambda: ["HINCRBY", key, self.one(FIELDS), self.one(NUMBERS)],
            lambda: ["HINCRBYFLOAT", key, self.one(FIELDS), self.one(NUMBERS + ["0.25", "1e2"])],
            lambda: ["DEL", *self.some(KEYS, 1, 2)],
            lambda: ["UNLINK", key],
            lambda: ["EXISTS", *self.some(KEYS)],
            lambda: ["TOUCH", *self.some(KEYS)],
            lambda: ["TYPE", key],
            lambda: ["EXPIRE", key, self.one(SECONDS), *self.maybe("NX", "XX", "GT", "LT", "YY")],
            lambda: ["PEXPIRE", key, self.one(["100000", "0", "x"])],
            lambda: ["EXPIREAT", key, self.one(["4000000000", "1", "x"]), *self.maybe("NX", "GT")],
            lambda: ["PERSIST", key],
            lambda: ["TTL", key],
            lambda: ["EXPIRETIME", key],
            lambda: ["RENAME", key, self.one(KEYS)],
            lambda: ["RENAMENX", key, self.one(KEYS)],
            lambda: ["COPY", key, self.one(KEYS), *self.maybe("REPLACE", "DB", "WRONG")],
            lambda: ["KEYS", self.one(["*", "h*", "?1", "[hs]2", "\\*", "nothing"])],
            lambda: ["DBSIZE"],
            lambda: ["OBJECT", "ENCODING", key],
            lambda: ["GET", key],
            lambda: ["SET", key, self.one(VALUES), *self.maybe("NX", "XX", "GET", "KEEPTTL"),
                     *self.maybe("NX", "XX", "GET", "EX")],
            lambda: ["SET", key, self.one(VALUES), *self.one([
                ["EX", self.one(SECONDS)], ["PX", "100000"], ["EXAT", "4000000000"],
                ["PXAT", "0"], ["EX"]])],
            lambda: ["SETNX", key, self.one(VALUES)],
            lambda: ["SETEX", key, self.one(SECONDS), self.one(VALUES)],
            lambda: ["PSETEX", key, self.one(["100000", "0", "-1", "x"]), self.one(VALUES)],
            lambda: ["GETSET", key, self.one(VALUES)],
            lambda: ["GETDEL", key],
            lambda: ["GETEX", key, *self.one([[], ["PERSIST"], ["EX", "100"], ["EX", "0"],
                                              ["EXAT", "1"], ["WRONG"], ["EX"]])],
            lambda: ["MGET", *self.some(KEYS)],
            lambda: ["MSET", *self.pairs(KEYS, VALUES)],
            lambda: ["MSETNX", *self.pairs(KEYS, VALUES)],
            lambda: ["INCR", key],
            lambda: ["DECR", key],
            lambda: ["INCRBY", key, self.one(NUMBERS)],
            lambda: ["DECRBY", key, self.one(NUMBERS)],
            lambda: ["INCRBYFLOAT", key, self.one(NUMBERS + ["0.1", "-2.5", "1e2"])],
            lambda: ["APPEND", key, self.one(VALUES)],
            lambda: ["STRLEN", key],
            lambda: ["SETRANGE", key, self.one(["0", "3", "-1", "x", "300"]), self.one(VALUES)],
            lambda: ["GETRANGE", key, self.one(["0", "1", "-3", "x"]),
                     self.one(["0", "2", "-1", "-10", "100", "x"])],
            lambda: ["SELECT", self.one(["0", "0", "0", "1", "15", "16", "-1", "x"])],
            lambda: ["FLUSHDB"] if r.random() < 0.1 else ["PING"],
            lambda: ["FLUSHALL", "WRONG"],
            lambda: ["ECHO", self.one(VALUES)],
            lambda: ["PING", *self.maybe("x")],
            lambda: ["MULTI"],
            lambda: ["EXEC"],
            lambda: ["DISCARD"],
            lambda: ["WATCH", *self.some(KEYS, 1, 2)],
            lambda: ["UNWATCH"],
            lambda: [self.one(["GET", "HGET", "SET", "HSET", "EXPIRE", "RENAME"])],
            lambda: ["NOSUCHCOMMAND", *self.some(VALUES, 0, 2)],
            lambda: ["OBJECT", "NOSUCH", key],
            lambda: ["SCRIPT", "EXISTS", "abc"],
            lambda: ["CLIENT", "SETNAME", self.one(["me", "with blank"])],
            lambda: ["CLIENT", "GETNAME"],
            lambda: ["HSCAN", key, self.one(["0", "x"]), *self.maybe("COUNT")],
            lambda: ["SCAN", self.one(["x", "1x"])],
            lambda: ["HRANDFIELD", key, self.one(["0", "x"])],
        ]
        return self.one(table)()


def comparable(command, reply):
    name = command[0].upper()
    if isinstance(reply, ReplyError):
        return "error", str(reply)
    if command[:2] == ["OBJECT", "ENCODING"]:
        # Redis says how a value came about, we say what it is now.
        return {b"embstr": "string", b"raw": "string", b"int": "string", b"listpack": "hash",
                b"hashtable": "hash"}.get(reply, reply)
    if name in ("TTL", "EXPIRETIME") and isinstance(reply, int) and reply > 0:
        return About(reply)
    if name in UNORDERED and isinstance(reply, list):
        return sorted(reply, key=repr)
    if name in PAIRS and isinstance(reply, list):
        return sorted(zip(reply[::2], reply[1::2]))
    if name == "HSCAN" and isinstance(reply, list):
        return sorted(zip(reply[1][::2], reply[1][1::2]))
    return reply


class About:
    """A time: the servers were not asked at the same moment."""

    def __init__(self, seconds):
        self.seconds = seconds

    def __eq__(self, other):
        return isinstance(other, About) and abs(self.seconds - other.seconds) <= 1

    def __repr__(self):
        return f"about {self.seconds}"


def compare_all(commands, replies):
    """EXEC answers for those that were queued: compared as those would be."""
    queued = []
    result = []
    for command, reply in zip(commands, replies):
        if reply == "QUEUED":
            queued.append(command)
        if command[0] == "EXEC" and isinstance(reply, list):
            reply = [comparable(c, r) for c, r in zip(queued, reply)]
        if command[0] in ("EXEC", "DISCARD"):
            queued = []
        result.append(comparable(command, reply))
    return result


class Differential(SideBySide):
    def run_sequence(self, seed):
        generator = Generator(seed)
        commands = [generator.command() for _ in range(COMMANDS_A_SEQUENCE)]
        answers = []
        for server in (self.ours, self.redis):
            with server.connect() as wire:
                if seed % 2 == 1:
                    wire.ask("HELLO", "3")
                wire.ask("FLUSHALL")
                answers.append(compare_all(commands, wire.pipeline(commands)))
        for i, (command, ours, theirs) in enumerate(zip(commands, *answers)):
            if ours != theirs:
                history = "\n".join(f"  {c} -> {a}" for c, a in
                                    list(zip(commands, answers[1]))[max(0, i - 40):i])
                self.fail(f"seed {seed}, command {i}: {command}\n  ours:  {ours}\n"
                          f"  redis: {theirs}\nbefore (with Redis's answers):\n{history}")

    def test_random_sequences(self):
        if "ULLAGE_SEED" in os.environ:
            return self.run_sequence(int(os.environ["ULLAGE_SEED"]))
        for seed in range(SEQUENCES):
            self.run_sequence(seed)
        return None


if __name__ == "__main__":
    unittest.main()
