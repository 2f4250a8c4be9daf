"""CLIENT TRACKING: clients that keep copies are told when they change; as Redis has it, where it
has it, and by field, which is ours."""

import unittest

from support import servers
from support.side_by_side import SideBySide
from support.wire import Push, ReplyError


def end_of(reader, writer):
    """What `reader` was told, up to a message that comes after all that was told before."""
    writer.ask("PUBLISH", "end", "x")
    told = []
    while True:
        message = reader.read()
        if message[:2] == [b"message", b"end"]:
            return told
        told.append(message)


class AsRedis(SideBySide):
    def told(self, tracking, reads, writes, protocol="3", others=()):
        """What a client that tracks is told of after some reads and another's writes."""
        def scenario(server):
            with server.connect() as reader, server.connect() as writer:
                writer.ask("FLUSHALL")
                writer.ask("MSET", "a", "1", "b", "2", "user:1", "3")
                writer.ask("HSET", "h", "f", "1", "g", "2")
                reader.ask("HELLO", protocol)
                reader.ask("SUBSCRIBE", "end")
                log = [reader.ask("CLIENT", "TRACKING", "ON", *tracking)]
                log += [reader.ask(*read) for read in reads]
                for write in writes:
                    writer.ask(*write)
                told = end_of(reader, writer)
                self.assertTrue(all(isinstance(message, Push) for message in told))
                # Redis gathers what changed in one round for a prefix; we tell each.
                keys = [message[1] for message in told]
                log.append(sorted(key for some in keys for key in (some or [b"(all)"])))
            return log
        return self.on_both(scenario)[-1]

    def test_a_read_is_told_once(self):
        told = self.told([], [["GET", "a"], ["MGET", "b", "none"], ["HGET", "h", "f"]],
                         [["SET", "a", "x"], ["SET", "a", "y"], ["SET", "none", "x"],
                          ["HSET", "h", "f", "3"], ["SET", "user:1", "unread"]])
        self.assertEqual(told, [b"a", b"h", b"none"])

    def test_every_kind_of_change(self):
        reads = [["GET", key] for key in ("a", "b", "user:1", "new", "other")] + [["HGETALL", "h"]]
        for change in (["DEL", "a"], ["EXPIRE", "a", "100"], ["RENAME", "a", "new"],
                       ["COPY", "a", "other"], ["APPEND", "a", "x"], ["INCR", "a"],
                       ["GETDEL", "a"], ["HDEL", "h", "f"], ["HDEL", "h", "f", "g"],
                       ["HINCRBY", "h", "f", "1"], ["SETRANGE", "a", "0", "x"],
                       ["MSETNX", "new", "1", "other", "2"], ["GETEX", "a", "EX", "100"],
                       ["PERSIST", "a"], ["FLUSHALL"], ["FLUSHDB"], ["DEL", "a", "b", "user:1"],
                       ["HSETNX", "h", "f", "1"], ["TOUCH", "a"]):
            with self.subTest(change=change):
                self.told([], reads, [change])

    def test_prefixes(self):
        writes = [["SET", "a", "x"], ["SET", "user:1", "x"], ["HSET", "user:2", "f", "v"],
                  ["DEL", "user:1"], ["SET", "b", "x"]]
        self.assertEqual(self.told(["BCAST", "PREFIX", "user:"], [["GET", "a"]], writes),
                         [b"user:1", b"user:1", b"user:2"])
        self.told(["BCAST", "PREFIX", "user:", "PREFIX", "b"], [], writes)
        self.told(["BCAST"], [], writes)

    def test_opt_in_and_out(self):
        for tracking, word in (("OPTIN", "YES"), ("OPTOUT", "NO")):
            self.told([tracking],
                      [["GET", "a"], ["CLIENT", "CACHING", word], ["GET", "b"], ["GET", "user:1"]],
                      [["MSET", "a", "x", "b", "x", "user:1", "x"]])
            self.told([tracking],
                      [["CLIENT", "CACHING", word], ["CLIENT", "GETNAME"],
                       ["GET", "b"], ["GET", "a"]],
                      [["MSET", "a", "x", "b", "x"]])
            self.told([tracking],
                      [["CLIENT", "CACHING", word], ["MULTI"], ["GET", "a"], ["GET", "b"], ["EXEC"],
                       ["GET", "user:1"]],
                      [["MSET", "a", "x", "b", "x", "user:1", "x"]])

    def test_own_changes(self):
        for options in ([], ["NOLOOP"], ["BCAST"], ["BCAST", "NOLOOP"]):
            def scenario(server, options=options):
                with server.connect() as self_writer, server.connect() as writer:
                    writer.ask("FLUSHALL")
                    self_writer.ask("HELLO", "3")
                    self_writer.ask("SUBSCRIBE", "end")
                    log = [self_writer.ask("CLIENT", "TRACKING", "ON", *options)]
                    self_writer.ask("GET", "a")
                    log.append(self_writer.ask("SET", "a", "1"))
                    log += end_of(self_writer, writer)
                return log
            self.on_both(scenario)

    def test_redirect(self):
        for protocol in ("2", "3"):
            def scenario(server, protocol=protocol):
                with server.connect() as reader, server.connect() as writer, \
                        server.connect() as listener:
                    writer.ask("FLUSHALL")
                    listener.ask("HELLO", protocol)
                    number = listener.ask("CLIENT", "ID")
                    reader.ask("CLIENT", "TRACKING", "ON", "REDIRECT", number)
                    log = [reader.ask("CLIENT", "GETREDIR") == number]
                    reader.ask("GET", "unheard")
                    writer.ask("SET", "unheard", "1")
                    if protocol == "3":
                        log.append(listener.read())
                    listener.ask("SUBSCRIBE", "__redis__:invalidate")
                    listener.ask("SUBSCRIBE", "end")
                    reader.ask("GET", "a")
                    writer.ask("SET", "a", "1")
                    reader.ask("GET", "a")
                    writer.ask("FLUSHALL")
                    log += end_of(listener, writer)
                return log
            self.on_both(scenario)

    def test_redirect_to_one_who_leaves(self):
        def scenario(server):
            with server.connect() as reader, server.connect() as writer:
                writer.ask("FLUSHALL")
                reader.ask("HELLO", "3")
                reader.ask("SUBSCRIBE", "end")
                listener = server.connect()
                number = listener.ask("CLIENT", "ID")
                reader.ask("CLIENT", "TRACKING", "ON", "REDIRECT", number)
                listener.close()
                while str(number) in [line.split()[0][3:] for line in
                                      writer.ask("CLIENT", "LIST").decode().splitlines()]:
                    pass
                reader.ask("GET", "a")
                writer.ask("SET", "a", "1")
                told = end_of(reader, writer)
                info = reader.ask("CLIENT", "TRACKINGINFO")
                return [told[0][0], told[0][1] == number, len(told), info[b"flags"]]
        self.on_both(scenario)

    def test_info_and_errors(self):
        commands = [
            ["CLIENT", "TRACKING"], ["CLIENT", "TRACKING", "MAYBE"], ["CLIENT", "GETREDIR"],
            ["CLIENT", "TRACKING", "ON", "PREFIX", "x"], ["CLIENT", "TRACKING", "ON", "NONSENSE"],
            ["CLIENT", "TRACKING", "ON", "REDIRECT"], ["CLIENT", "TRACKING", "ON", "REDIRECT", "x"],
            ["CLIENT", "TRACKING", "ON", "REDIRECT", "123456789"],
            ["CLIENT", "TRACKING", "ON", "OPTIN", "OPTOUT"],
            ["CLIENT", "TRACKING", "ON", "BCAST", "OPTIN"],
            ["CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", "a", "PREFIX", "ab"],
            ["CLIENT", "CACHING", "YES"], ["CLIENT", "TRACKINGINFO"],
            ["CLIENT", "TRACKING", "ON", "OPTIN"], ["CLIENT", "CACHING", "NO"],
            ["CLIENT", "CACHING", "YES"], ["CLIENT", "TRACKINGINFO"],
            ["CLIENT", "TRACKINGINFO"], ["PING"], ["CLIENT", "TRACKINGINFO"],
            ["CLIENT", "TRACKING", "ON", "OPTOUT"], ["CLIENT", "TRACKING", "ON", "BCAST"],
            ["CLIENT", "TRACKING", "ON", "OPTIN", "NOLOOP"], ["CLIENT", "TRACKINGINFO"],
            ["CLIENT", "GETREDIR"], ["CLIENT", "TRACKING", "OFF", "NOISE"],
            ["CLIENT", "TRACKING", "OFF"], ["CLIENT", "GETREDIR"], ["CLIENT", "TRACKINGINFO"],
            ["CLIENT", "TRACKING", "ON", "OPTOUT"], ["CLIENT", "CACHING", "YES"],
            ["CLIENT", "CACHING", "MAYBE"], ["CLIENT", "CACHING", "NO"], ["CLIENT", "TRACKINGINFO"],
            ["CLIENT", "TRACKING", "OFF"],
            ["CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", "a", "PREFIX", "b", "NOLOOP"],
            ["CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", "ac"],
            ["CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", "c"],
            ["CLIENT", "TRACKING", "ON"],
        ]
        for protocol in ("2", "3"):
            def scenario(server, protocol=protocol):
                with server.connect() as wire:
                    wire.ask("HELLO", protocol)
                    log = [wire.ask(*command) for command in commands]
                    wire.ask("RESET")
                    log.append(wire.ask("CLIENT", "TRACKINGINFO"))
                return log
            self.on_both(scenario)


class Ours(unittest.TestCase):
    def setUp(self):
        self.server = servers.ullage("--memory-limit", "64mb")
        self.addCleanup(self.server.__exit__)
        self.wires = []
        self.writer = self.connect()

    def wires_close(self):
        for wire in self.wires:
            wire.close()

    def connect(self, protocol="2"):
        wire = self.server.connect()
        self.wires.append(wire)
        self.addCleanup(wire.close)
        wire.ask("HELLO", protocol)
        return wire

    def follower(self, *options):
        wire = self.connect("3")
        self.assertEqual(wire.ask("CLIENT", "TRACKING", "ON", *options), "OK")
        wire.ask("SUBSCRIBE", "end")
        return wire

    def changes(self, follower, *commands):
        for command in commands:
            self.assertNotIsInstance(self.writer.ask(*command), ReplyError)
        return [message[1] for message in end_of(follower, self.writer)]

    def test_single_fields(self):
        self.writer.ask("HSET", "h", "a", "1", "b", "2", "c", "3")
        follower = self.follower("FIELDS")
        follower.ask("HGET", "h", "a")
        follower.ask("HMGET", "h", "b", "x")
        self.assertEqual(self.changes(follower, ["HSET", "h", "c", "4"]), [])
        self.assertEqual(self.changes(follower, ["HSET", "h", "c", "5", "a", "5", "x", "6"]),
                         [[b"h", b"a", b"x"]])
        self.assertEqual(self.changes(follower, ["HSET", "h", "a", "6"]), [], "told once")
        self.assertEqual(self.changes(follower, ["HEXPIRE", "h", "100", "FIELDS", "1", "b"]),
                         [[b"h", b"b"]])
        follower.ask("HTTL", "h", "FIELDS", "2", "a", "b")
        self.assertEqual(
            self.changes(follower, ["HSETEX", "h", "EX", "9", "FIELDS", "2", "a", "1", "c", "2"]),
            [[b"h", b"a"]])

    def test_a_whole_group_and_its_fields(self):
        self.writer.ask("HSET", "h", "a", "1", "b", "2")
        follower = self.follower("FIELDS")
        follower.ask("HGETALL", "h")
        follower.ask("HGET", "h", "b")
        self.assertEqual(self.changes(follower, ["HSET", "h", "a", "2"]), [[b"h"]],
                         "who has the whole is followed as a whole")
        self.assertEqual(self.changes(follower, ["DEL", "h"]), [[b"h"]],
                         "what it has of single fields goes with the group")
        self.assertEqual(self.changes(follower, ["HSET", "h", "a", "2"]), [])

    def test_the_last_field(self):
        self.writer.ask("HSET", "h", "a", "1")
        follower = self.follower("FIELDS")
        follower.ask("HGET", "h", "a")
        follower.ask("EXISTS", "h")
        self.assertEqual(self.changes(follower, ["HDEL", "h", "a"]), [[b"h"]])

    def test_a_read_of_very_many_fields(self):
        follower = self.follower("FIELDS")
        follower.ask("HMGET", "h", *[f"f{i}" for i in range(100)])
        self.assertEqual(self.changes(follower, ["HSET", "h", "f1", "x"], ["HSET", "h", "f2", "x"]),
                         [[b"h"]], "told as a whole, so that none of them is left behind")

    def test_fields_by_prefix(self):
        follower = self.follower("FIELDS", "BCAST", "PREFIX", "user:")
        self.assertEqual(
            self.changes(follower, ["HSET", "user:1", "a", "1", "b", "2"], ["HSET", "x", "a", "1"],
                         ["HINCRBY", "user:1", "a", "1"], ["DEL", "user:1"], ["SET", "user:2", "v"]),
            [[b"user:1", b"a", b"b"], [b"user:1", b"a"], [b"user:1"], [b"user:2"]])

    def test_one_client_with_fields_and_one_without(self):
        self.writer.ask("HSET", "h", "a", "1", "b", "2")
        by_field, by_key = self.follower("FIELDS"), self.follower()
        for follower in (by_field, by_key):
            follower.ask("HGET", "h", "b")
        self.writer.ask("HSET", "h", "a", "2")
        self.assertEqual([m[1] for m in end_of(by_key, self.writer)], [[b"h"]])
        by_field.read()  # the end
        self.assertEqual(self.changes(by_field, ["HSET", "h", "b", "3"]), [[b"h", b"b"]])

    def test_names_that_begin_with_zero(self):
        follower = self.follower("FIELDS")
        for key, field in ((b"\0k", b"\0f"), (b"", b"")):
            follower.ask("HGET", key, field)
            self.assertEqual(self.changes(follower, ["HSET", key, field, "v"]), [[key, field]])

    def test_another_database_is_another_key(self):
        follower = self.follower()
        follower.ask("GET", "k")
        self.writer.ask("SELECT", "3")
        self.assertEqual(self.changes(follower, ["SET", "k", "1"], ["FLUSHDB"]), [])

    def test_what_expires(self):
        self.writer.ask("SET", "s", "v", "PX", "20")
        self.writer.ask("HSET", "h", "a", "1", "b", "2")
        self.writer.ask("HPEXPIRE", "h", "20", "FIELDS", "1", "a")
        follower = self.follower("FIELDS")
        follower.ask("GET", "s")
        follower.ask("HGETALL", "h")
        told = sorted(follower.read()[1] for _ in range(2))
        self.assertEqual(told, [[b"h"], [b"s"]])

    def test_what_is_evicted(self):
        keys = [b"k:%d" % i for i in range(1000)]
        self.writer.pipeline([["SET", key, "v" * 100] for key in keys])
        follower = self.follower()
        follower.pipeline([["GET", key] for key in keys])
        for i in range(40):
            self.writer.pipeline([["SET", f"filler:{i}:{j}", "x" * 10_000] for j in range(250)])
        message = follower.read()
        self.assertEqual(message[0], b"invalidate")
        if message[1] is not None:  # by name, or everything when too much went at once
            self.assertIn(message[1][0], keys)
            self.assertEqual(self.writer.ask("EXISTS", message[1][0]), 0)

    def test_events_of_what_goes_by_itself(self):
        self.writer.ask("CONFIG", "SET", "notify-keyspace-events", "Exeh")
        listener = self.connect("3")
        listener.ask("PSUBSCRIBE", "__keyevent@0__:*expired")
        self.writer.ask("HSET", "h", "a", "1", "b", "2", "c", "3")
        self.writer.ask("HPEXPIRE", "h", "1", "FIELDS", "1", "a")
        self.assertEqual(listener.read()[2:], [b"__keyevent@0__:hexpired", b"h"])
        self.writer.ask("PEXPIRE", "h", "1")
        self.assertEqual(listener.read()[2:], [b"__keyevent@0__:expired", b"h"])
        self.writer.ask("SET", "s", "v", "PX", "1")
        self.assertEqual(listener.read()[2:], [b"__keyevent@0__:expired", b"s"], "once a group")

    def test_a_group_at_its_limit_tells_what_it_evicts(self):
        self.writer.ask("HSET", "h", "a", "1", "b", "2")
        self.writer.ask("UL.LIMIT", "h", "MAXFIELDS", "2")
        follower = self.follower("FIELDS")
        follower.ask("HGET", "h", "a")
        follower.ask("HGET", "h", "b")
        self.writer.ask("HSET", "h", "c", "3")
        self.assertIn(follower.read()[1], ([b"h", b"a"], [b"h", b"b"]))

    def test_the_table_is_bounded(self):
        follower = self.follower()
        count = 20_000
        told = 0
        for first in range(0, count, 500):
            follower.send_raw(b"".join(follower.encode("EXISTS", f"a key of some length:{i}")
                                       for i in range(first, first + 500)))
            replies = 0
            while replies < 500:
                message = follower.read()
                if isinstance(message, Push):
                    told += 1
                else:
                    replies += 1
        stats = dict(line.split(":", 1) for line in
                     self.writer.ask("INFO", "stats").decode().splitlines() if ":" in line)
        self.assertLess(int(stats["tracking_total_keys"]), count)
        self.assertGreater(int(stats["tracking_total_keys"]), 1000)
        self.assertGreater(told, 0, "what made room for others was told")
        self.assertEqual(int(stats["tracking_clients"]), 1)
        for options in ([], ["BCAST", "PREFIX", "x"], ["FIELDS"]):
            self.follower(*options)  # who comes later finds room
        self.wires_close()
        writer = self.connect()
        while b"tracking_total_keys:0" not in writer.ask("INFO", "stats"):
            pass

    def test_what_is_dropped_on_purpose_is_not_evicted(self):
        listener = self.connect("3")
        follower = self.follower()
        follower.ask("GET", "other")
        self.writer.ask("CONFIG", "SET", "notify-keyspace-events", "KEA")
        self.writer.ask("HSET", "big", *[part for i in range(10_000) for part in (f"f{i}", "v")])
        listener.ask("PSUBSCRIBE", "__keyevent@0__:*")
        self.writer.ask("DEL", "big")
        self.writer.ask("HSET", "big", "f1", "new")
        self.writer.ask("SET", "short", "v", "PX", "1")  # heard after all that was dropped before
        events = []
        while not events or events[-1] != b"expired":
            events.append(listener.read()[2].split(b":", 1)[1])
        self.assertEqual(events, [b"del", b"hset", b"set", b"expire", b"expired"])
        self.assertEqual(self.changes(follower, ["SET", "other", "x"]), [[b"other"]],
                         "and nothing else")

    def test_a_key_that_expires_again_is_told_again(self):
        self.writer.ask("CONFIG", "SET", "notify-keyspace-events", "Ex")
        listener = self.connect("3")
        listener.ask("SUBSCRIBE", "__keyevent@0__:expired")
        for _ in range(3):
            self.writer.ask("SET", "s", "v", "PX", "1")
            self.assertEqual(listener.read()[2], b"s")

    def test_prefixes_have_a_bound(self):
        wire = self.connect("3")
        many = [part for i in range(300) for part in ("PREFIX", f"p{i}:")]
        self.assertIn("prefixes", wire.ask("CLIENT", "TRACKING", "ON", "BCAST", *many))

    def test_tenants(self):
        for name in ("one", "two"):
            self.writer.ask("ACL", "SETUSER", name, "on", ">secret", "+@all", f"~{name}:*", "&*")
        wire = self.connect("3")
        wire.ask("AUTH", "one", "secret")
        wire.ask("CLIENT", "TRACKING", "ON", "BCAST")
        wire.ask("SUBSCRIBE", "end")
        self.assertEqual(self.changes(wire, ["SET", "one:a", "1"], ["SET", "two:a", "1"]),
                         [[b"one:a"]])
        other = self.connect("3")
        self.assertIsInstance(
            wire.ask("CLIENT", "TRACKING", "ON", "BCAST", "REDIRECT", other.ask("CLIENT", "ID")),
            ReplyError, "the connection of another is not there")

    def test_client_list_shows_it(self):
        wire = self.connect("3")
        wire.ask("CLIENT", "TRACKING", "ON", "BCAST")
        line = wire.ask("CLIENT", "INFO").decode()
        self.assertIn(" flags=tB ", line)
        self.assertIn(" redir=0 ", line)
        wire.ask("CLIENT", "TRACKING", "OFF")
        self.assertIn(" redir=-1 ", wire.ask("CLIENT", "INFO").decode())


if __name__ == "__main__":
    unittest.main()
