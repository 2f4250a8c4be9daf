"""Channels and keyspace notifications, in both protocols; where Redis has it, as Redis has it."""

import unittest

from support import servers
from support.side_by_side import SideBySide
from support.wire import Closed, Push, ReplyError


class Channels(SideBySide):
    def test_subscribe_and_publish(self):
        for protocol in ("2", "3"):
            def scenario(server, protocol=protocol):
                log = []
                with server.connect() as listener, server.connect() as speaker:
                    listener.ask("HELLO", protocol)
                    listener.send("SUBSCRIBE", "news", "other")
                    log += [listener.read(), listener.read()]
                    listener.send("PSUBSCRIBE", "n*")
                    log.append(listener.read())
                    log.append(speaker.ask("PUBLISH", "news", "hello"))
                    log += [listener.read(), listener.read()]
                    log.append(speaker.ask("PUBLISH", "nobody-hears", "x"))
                    log.append(listener.read())
                    log.append(speaker.ask("PUBLISH", "silence", "x"))
                    log.append(speaker.ask("PUBSUB", "CHANNELS"))
                    log[-1].sort()
                    log.append(speaker.ask("PUBSUB", "NUMSUB", "news", "none"))
                    log.append(speaker.ask("PUBSUB", "NUMPAT"))
                    log.append(listener.ask("PING"))
                    log.append(listener.ask("GET", "k"))
                    listener.send("UNSUBSCRIBE", "other")
                    log.append(listener.read())
                    listener.send("UNSUBSCRIBE")
                    log.append(listener.read())
                    listener.send("PUNSUBSCRIBE")
                    log.append(listener.read())
                    log.append(listener.ask("PING"))
                    listener.send("UNSUBSCRIBE")
                    log.append(listener.read())
                return log
            self.on_both(scenario)

    def test_a_push_is_one_in_resp3(self):
        with self.ours.connect() as listener, self.ours.connect() as speaker:
            listener.ask("HELLO", "3")
            listener.send("SUBSCRIBE", "news")
            self.assertIsInstance(listener.read(), Push)
            speaker.ask("PUBLISH", "news", "x")
            self.assertIsInstance(listener.read(), Push)
            # Commands go on meanwhile.
            self.assertEqual(listener.ask("SET", "k", "v"), "OK")

    def test_who_leaves_hears_no_more(self):
        with self.ours.connect() as speaker:
            listener = self.ours.connect()
            listener.ask("SUBSCRIBE", "leaving")
            self.assertEqual(speaker.ask("PUBLISH", "leaving", "x"), 1)
            listener.close()
            while speaker.ask("PUBLISH", "leaving", "x") != 0:
                pass
            self.assertEqual(speaker.ask("PUBSUB", "CHANNELS", "leaving"), [])

    def test_one_who_does_not_read_is_bounded(self):
        with servers.ullage("--memory-limit", "64mb") as server:
            deaf = server.connect()
            deaf.ask("SUBSCRIBE", "flood")
            with server.connect() as speaker:
                message = "x" * 10_000
                for _ in range(20):
                    speaker.pipeline([["PUBLISH", "flood", message]] * 100)
                self.assertEqual(speaker.ask("PING"), "PONG")
                with self.assertRaises((Closed, ConnectionError)):
                    while True:
                        deaf.read()
                deaf.close()
                info = speaker.ask("INFO", "stats").decode()
            self.assertNotIn("clients_closed_for_buffers:0", info)
            if not servers.is_sanitized():
                self.assertLessEqual(server.status_bytes("VmHWM"), 64 << 20)

    def test_events_of_keys(self):
        commands = [
            ["SET", "s", "1"], ["INCR", "s"], ["APPEND", "s", "x"], ["SETRANGE", "s", "0", "y"],
            ["EXPIRE", "s", "100"], ["PERSIST", "s"], ["RENAME", "s", "t"], ["COPY", "t", "u"],
            ["HSET", "h", "f", "1"], ["HINCRBY", "h", "f", "1"], ["HINCRBYFLOAT", "h", "f", "1"],
            ["HDEL", "h", "f"], ["DEL", "t", "none"], ["GETDEL", "u"], ["SETEX", "e", "100", "v"],
            ["MSET", "a", "1", "b", "2"], ["EXPIRE", "a", "-1"], ["FLUSHDB"],
        ]

        def scenario(server):
            with server.connect() as listener, server.connect() as speaker:
                speaker.ask("FLUSHALL")
                speaker.ask("CONFIG", "SET", "notify-keyspace-events", "KEA")
                listener.ask("PSUBSCRIBE", "__key*@0__:*")
                for command in commands:
                    speaker.ask(*command)
                speaker.ask("PUBLISH", "__keyspace@0__:end", "end")
                log = []
                while not log or log[-1][-1] != b"end":
                    log.append(listener.read())
                speaker.ask("CONFIG", "SET", "notify-keyspace-events", "")
            return log
        self.on_both(scenario)

    def test_letters_of_events_are_checked(self):
        with self.ours.connect() as wire:
            self.assertIsInstance(wire.ask("CONFIG", "SET", "notify-keyspace-events", "Q"),
                                  ReplyError)


if __name__ == "__main__":
    unittest.main()
